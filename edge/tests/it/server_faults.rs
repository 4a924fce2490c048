//! Every row of the protocol's table of answers, and a few that no server should give.

use std::{fs, path::Path, time::Duration};

use gemba_domain::signal::Value;

use crate::{
    plant::{Site, agent, drained, health, now, push_counts},
    server::{Fault, Server},
};

fn counts(n: u64) -> Vec<f64> {
    (1..=n).map(|n| n as f64).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_machine_says_reaches_the_server_and_leaves_the_queue() {
    let (server, agent) = (Server::start().await, agent().await);
    let time = now();
    agent.push("press-1-execution", time, "ACTIVE").unwrap();
    let site = Site::new(&server, &agent.url());
    let collector = site.start();
    health(&collector, "streaming").await;
    push_counts(&agent, 1..=5);
    server.until("five counts", |inner| inner.numbers("count") == counts(5)).await;
    drained(&collector).await;
    {
        let inner = server.lock();
        assert!(
            inner.series("execution").contains(&(time, Value::Text("ACTIVE".into()))),
            "{:?}",
            inner.series("execution")
        );
        let hello = &inner.hellos[inner.hellos.len() - 1];
        let count = hello.signals.iter().find(|signal| signal.address.ends_with(":count")).unwrap();
        assert_eq!(count.kind, gemba_domain::signal::SignalKind::Counter);
    }
    collector.stop().await;
    server.assert_lawful();
}

/// A server in trouble of every passing sort loses nothing and stores nothing twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn passing_troubles_lose_nothing() {
    let (server, agent) = (Server::start().await, agent().await);
    let site = Site::new(&server, &agent.url());
    let collector = site.start();
    health(&collector, "streaming").await;
    let troubles = [
        Fault::Busy(true),
        Fault::Busy(false),
        Fault::Broken,
        Fault::Drop,
        Fault::AckLost,
        Fault::Unknown,
        Fault::Malformed,
        Fault::Slow(Duration::from_millis(300)),
        Fault::Claims(1_000_000),
        Fault::Claims(0),
        Fault::Gap(1_000_000),
        Fault::Gap(1),
    ];
    for (round, fault) in (0_u64..).zip(troubles) {
        server.fault([fault.clone()]);
        push_counts(&agent, round * 10 + 1..=round * 10 + 10);
        server
            .until(&format!("counts after {fault:?}"), |inner| inner.numbers("count") == counts(round * 10 + 10))
            .await;
    }
    drained(&collector).await;
    assert_eq!(server.lock().acked.len(), 1, "no new epoch was needed");
    collector.stop().await;
    server.assert_lawful();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_malformed_in_a_row_do_not_stop_it() {
    let (server, agent) = (Server::start().await, agent().await);
    server.fault(vec![Fault::Malformed; 4]);
    let site = Site::new(&server, &agent.url());
    let collector = site.start();
    health(&collector, "streaming").await;
    push_counts(&agent, 1..=3);
    server.until("three counts", |inner| inner.numbers("count") == counts(3)).await;
    collector.stop().await;
    server.assert_lawful();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backlog_is_sent_in_requests_that_the_server_can_take() {
    let (server, agent) = (Server::start().await, agent().await);
    let site = Site::new(&server, &agent.url());
    server.down().await;
    let collector = site.start();
    health(&collector, "streaming").await;
    let mut status = collector.queue().status();
    for n in 1..=12 {
        let before = status.borrow_and_update().samples;
        push_counts(&agent, n..=n);
        status.wait_for(|status| status.samples > before).await.unwrap();
    }
    assert!(status.borrow().batches >= 12);
    server.lock().max_frames = 3;
    server.up().await;
    server.until("twelve counts", |inner| inner.numbers("count") == counts(12)).await;
    drained(&collector).await;
    assert!(server.lock().largest_request > 3, "the limit was met");
    collector.stop().await;
    server.assert_lawful();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_identity_is_taken_without_a_restart() {
    let (server, agent) = (Server::start().await, agent().await);
    server.lock().shut = Some(("revoked", "the collector was revoked"));
    let site = Site::new(&server, &agent.url());
    let collector = site.start();
    health(&collector, "streaming").await;
    push_counts(&agent, 1..=2);
    let mut status = collector.queue().status();
    status.wait_for(|status| status.samples >= 2).await.unwrap();
    while !collector.health().server_health().is_some_and(|server| server.status.contains("was revoked")) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    fs::write(site.path().join("edge-identity/identity.pem"), server.identity()).unwrap();
    {
        let mut inner = server.lock();
        (inner.shut, inner.newest_only) = (None, true);
    }
    server.until("two counts", |inner| inner.numbers("count") == counts(2)).await;
    collector.stop().await;
    server.assert_lawful();
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_file() {
            fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_old_copy_of_the_queue_begins_a_new_epoch() {
    let (server, agent) = (Server::start().await, agent().await);
    let site = Site::new(&server, &agent.url());
    let collector = site.start();
    health(&collector, "streaming").await;
    push_counts(&agent, 1..=1);
    server.until("one count", |inner| inner.numbers("count") == counts(1)).await;
    collector.stop().await;
    let (queue, kept) = (site.path().join("queue"), site.path().join("kept"));
    copy(&queue, &kept);
    let collector = site.start();
    for n in 2..=4 {
        push_counts(&agent, n..=n);
        server.until("the next count", |inner| inner.numbers("count") == counts(n)).await;
    }
    collector.stop().await;
    copy(&kept, &queue);
    let collector = site.start();
    push_counts(&agent, 5..=5);
    server.until("five counts", |inner| inner.numbers("count") == counts(5)).await;
    drained(&collector).await;
    assert_eq!(server.lock().acked.len(), 2, "one new epoch");
    collector.stop().await;
    server.assert_lawful();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_old_copy_that_numbers_signals_otherwise_begins_a_new_epoch() {
    let (server, agent) = (Server::start().await, agent().await);
    let site = Site::new(&server, &agent.url());
    let collector = site.start();
    health(&collector, "streaming").await;
    push_counts(&agent, 1..=1);
    server.until("one count", |inner| inner.numbers("count") == counts(1)).await;
    collector.stop().await;
    server.lock().tables.values_mut().for_each(|table| table.push("a/b/c/d/e:seen-later".to_owned()));
    let collector = site.start();
    push_counts(&agent, 2..=2);
    server.until("two counts", |inner| inner.numbers("count") == counts(2)).await;
    assert_eq!(server.lock().acked.len(), 2);
    assert_eq!(server.lock().refused_tables, 1);
    collector.stop().await;
    server.assert_lawful();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_set_back_to_an_older_state_gets_a_new_epoch() {
    let (server, agent) = (Server::start().await, agent().await);
    let site = Site::new(&server, &agent.url());
    let collector = site.start();
    health(&collector, "streaming").await;
    push_counts(&agent, 1..=1);
    server.until("one count", |inner| inner.numbers("count") == counts(1)).await;
    drained(&collector).await;
    {
        let mut inner = server.lock();
        inner.acked.values_mut().for_each(|acked| *acked = 0);
        inner.frames.clear();
    }
    push_counts(&agent, 2..=2);
    server.until("two counts", |inner| inner.numbers("count") == counts(2)).await;
    assert_eq!(server.lock().acked.len(), 2);
    collector.stop().await;
    server.assert_lawful();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_knows_a_later_epoch_is_satisfied() {
    let (server, agent) = (Server::start().await, agent().await);
    server.lock().newest_epoch = u64::try_from(now().plus_seconds(5_000).micros()).unwrap();
    let site = Site::new(&server, &agent.url());
    let collector = site.start();
    health(&collector, "streaming").await;
    push_counts(&agent, 1..=2);
    server.until("two counts", |inner| inner.numbers("count") == counts(2)).await;
    collector.stop().await;
    server.assert_lawful();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_full_queue_gave_up_is_told() {
    let (server, agent) = (Server::start().await, agent().await);
    let mut site = Site::new(&server, &agent.url());
    site.queue = "max_bytes = '1 MiB'".to_owned();
    server.down().await;
    let collector = site.start();
    health(&collector, "streaming").await;
    let mut status = collector.queue().status();
    let mut state = 7_u64;
    for n in 1..=30 {
        // Text that does not compress.
        let text: String = (0..60_000)
            .map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                char::from(b'!' + u8::try_from((state >> 33) % 90).unwrap())
            })
            .filter(|c| !"<>&".contains(*c))
            .collect();
        let before = status.borrow_and_update().next_seq;
        agent.push("press-1-program", now(), text.as_str()).unwrap();
        push_counts(&agent, n..=n);
        status.wait_for(|status| status.next_seq > before).await.unwrap();
    }
    status.wait_for(|status| status.lost_samples > 0 && status.bytes <= 1 << 20).await.unwrap();
    server.up().await;
    server.until("the last count", |inner| inner.numbers("count").last() == Some(&30.0)).await;
    drained(&collector).await;
    server
        .until("the loss", |inner| {
            inner.losses.iter().any(|loss| loss.samples > 0 && loss.reason.contains("max_bytes"))
        })
        .await;
    collector.queue().status().wait_for(|status| status.losses.is_empty()).await.unwrap();
    assert!(server.lock().numbers("count").len() < 30);
    collector.stop().await;
    server.assert_lawful();
}
