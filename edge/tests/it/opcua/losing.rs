//! Servers that die, fall silent, come back, and remember.

use std::{io::Read, io::Write, net::TcpListener, time::Duration};

use gemba_domain::{Timestamp, signal::Value};

use super::{Site, proxy::Proxy, set, told};
use crate::{
    plant::drained,
    server::{Inner, Server},
};

fn number(number: f64) -> Option<Value> {
    Some(Value::Number(number))
}

fn gaps(inner: &Inner, code: &str) -> Vec<Timestamp> {
    let series = inner.series(code).into_iter();
    series.filter(|(_, value)| *value == Value::Unavailable).map(|(time, _)| time).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_was_killed_is_read_anew_with_a_gap_in_between() {
    let server = Server::start().await;
    let site = Site::new(&server, &[]);
    let mut peer = site.peer();
    let collector = site.start();
    told(&collector, &["streaming"]).await;
    set(&mut peer, "PartCount", "8");
    server.until("eight", |inner| inner.latest("partcount") == number(8.0)).await;
    peer.kill();
    told(&collector, &["lost", "nothing listens on 127.0.0.1"]).await;
    server.until("unavailable", |inner| inner.latest("partcount") == Some(Value::Unavailable)).await;
    server.until("all of them", |inner| inner.latest("running") == Some(Value::Unavailable)).await;
    let mut peer = site.peer();
    told(&collector, &["streaming"]).await;
    server.until("seven", |inner| inner.latest("partcount") == number(7.0)).await;
    set(&mut peer, "PartCount", "9");
    server.until("nine", |inner| inner.latest("partcount") == number(9.0)).await;
    assert_eq!(gaps(&server.lock(), "partcount").len(), 1);
    // A run that finds it gone again leaves the values unavailable, and the next one ends that.
    peer.kill();
    told(&collector, &["lost"]).await;
    collector.stop().await;
    let _peer = site.peer();
    let collector = site.start();
    told(&collector, &["streaming"]).await;
    server.until("seven again", |inner| inner.latest("partcount") == number(7.0)).await;
    collector.stop().await;
    server.assert_lawful();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_server_is_noticed() {
    let server = Server::start().await;
    let mut site = Site::new(&server, &[]);
    site.source = site.source.replace("'10 s'", "'2 s'");
    let mut peer = site.peer();
    let collector = site.start();
    told(&collector, &["streaming"]).await;
    // It answers what it is asked, and sends nothing.
    assert_eq!(peer.tell("mute on"), "ok");
    told(&collector, &["lost", "has sent nothing for"]).await;
    server.until("unavailable", |inner| inner.latest("running") == Some(Value::Unavailable)).await;
    assert_eq!(peer.tell("mute off"), "ok");
    told(&collector, &["streaming"]).await;
    server.until("running", |inner| inner.latest("running") == number(1.0)).await;
    // It does nothing at all.
    assert_eq!(peer.tell("freeze 8"), "ok");
    told(&collector, &["lost"]).await;
    told(&collector, &["streaming"]).await;
    server.until("running again", |inner| inner.latest("running") == number(1.0)).await;
    collector.stop().await;
    server.assert_lawful();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_server_recorded_while_the_cable_was_out_takes_the_loss_back() {
    let server = Server::start().await;
    let mut site = Site::new(&server, &[]);
    site.words.extend(["--history".to_owned(), site.text("history.db")]);
    let mut peer = site.peer();
    let proxy = Proxy::to(site.port).await;
    let collector = site.start_at(proxy.port);
    told(&collector, &["streaming"]).await;
    for count in 8..=10 {
        set(&mut peer, "PartCount", &count.to_string());
    }
    server.until("ten", |inner| inner.latest("partcount") == number(10.0)).await;
    proxy.pull();
    told(&collector, &["lost"]).await;
    server.until("unavailable", |inner| inner.latest("partcount") == Some(Value::Unavailable)).await;
    for count in 11..=40 {
        set(&mut peer, "PartCount", &count.to_string());
    }
    // The history is written behind what is said.
    tokio::time::sleep(Duration::from_millis(200)).await;
    proxy.plug();
    told(&collector, &["streaming", "values were read from the server's history"]).await;
    server.until("forty", |inner| inner.latest("partcount") == number(40.0)).await;
    drained(&collector).await;
    {
        let inner = server.lock();
        let counts: Vec<f64> = inner.numbers("partcount");
        let missing: Vec<_> = (7..=40).filter(|count| !counts.contains(&f64::from(*count))).collect();
        assert!(missing.is_empty(), "{missing:?} of {counts:?}");
        assert_eq!(gaps(&inner, "partcount"), [], "nothing was missed");
        // What the server does not record stays a gap.
        assert_eq!(gaps(&inner, "running").len(), 1);
        assert_eq!(inner.latest("running"), number(1.0));
    }
    collector.stop().await;
    server.assert_lawful();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_restarted_server_recorded_is_read_and_the_time_before_stays_a_gap() {
    let server = Server::start().await;
    let mut site = Site::new(&server, &[]);
    site.words.extend(["--history".to_owned(), site.text("history.db")]);
    let mut peer = site.peer();
    let proxy = Proxy::to(site.port).await;
    let collector = site.start_at(proxy.port);
    told(&collector, &["streaming"]).await;
    set(&mut peer, "PartCount", "8");
    server.until("eight", |inner| inner.latest("partcount") == number(8.0)).await;
    proxy.pull();
    peer.kill();
    told(&collector, &["lost"]).await;
    let mut peer = site.peer();
    for count in 20..=25 {
        set(&mut peer, "PartCount", &count.to_string());
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    proxy.plug();
    told(&collector, &["streaming"]).await;
    server.until("all", |inner| (20..=25).all(|count| inner.numbers("partcount").contains(&f64::from(count)))).await;
    server.until("twenty-five", |inner| inner.latest("partcount") == number(25.0)).await;
    assert_eq!(gaps(&server.lock(), "partcount").len(), 1);
    collector.stop().await;
    server.assert_lawful();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_opc_ua_server_is_told() {
    let server = Server::start().await;
    let site = Site::new(&server, &[]);
    // The collector's own server speaks HTTP.
    let port = server.url().rsplit(':').next().unwrap().parse().unwrap();
    let collector = site.start_at(port);
    told(&collector, &["lost", "is this an OPC UA server?"]).await;
    collector.stop().await;
}

/// Whatever a server says to a hello, or to what follows, leads to words.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rubbish_is_told_and_borne() {
    let acknowledge = |size: u32| {
        let mut bytes = b"ACKF".to_vec();
        for word in [28_u32, 0, size, size, 0, 0] {
            bytes.extend(word.to_le_bytes());
        }
        bytes
    };
    let answers: Vec<Vec<u8>> = vec![
        vec![0; 100],
        b"ACKF\xff\xff\xff\x7f".to_vec(),
        acknowledge(65_535).into_iter().chain(*b"OPNF\xff\xff\xff\x7f").chain(vec![1; 100_000]).collect(),
        acknowledge(65_535).into_iter().chain(*b"OPNF\x20\0\0\0").chain(vec![0xff; 24]).collect(),
        acknowledge(0),
        b"ERRF\x14\0\0\0\0\0\x13\x80\x04\0\0\0oops".to_vec(),
    ];
    let server = Server::start().await;
    for answer in answers {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut site = Site::new(&server, &[]);
        site.source = site.source.replace("'10 s'", "'500 ms'");
        let port = listener.local_addr().unwrap().port();
        std::thread::spawn(move || {
            while let Ok((mut stream, _)) = listener.accept() {
                let _ = stream.read(&mut [0; 1_000]);
                let _ = stream.write_all(&answer);
                std::thread::sleep(Duration::from_millis(50));
            }
        });
        let collector = site.start_at(port);
        told(&collector, &["lost: opc.tcp://127.0.0.1"]).await;
        collector.stop().await;
    }
}
