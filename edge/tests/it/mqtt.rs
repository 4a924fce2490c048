//! Plain topics of a real broker (mosquitto), published by a client that others wrote (paho).

use std::{fs, process::Command, time::Duration};

use gemba_domain::{Timestamp, signal::Value};
use gemba_edge::collector::survey;
use rcgen::{BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair};

use crate::{
    broker::{Broker, Site},
    peer::free_port,
    plant::{drained, health, now},
    server::{Inner, Server},
};

fn word(text: &str) -> Option<Value> {
    Some(Value::Text(text.into()))
}

fn number(value: f64) -> Option<Value> {
    Some(Value::Number(value))
}

fn kind_and_source(inner: &Inner, code: &str) -> Option<(String, String)> {
    let signal = inner.hellos.last()?.signals.iter().find(|signal| signal.address.ends_with(&format!(":{code}")))?;
    Some((signal.kind.as_str().to_owned(), signal.source.clone().unwrap_or_default()))
}

/// The publications that every version is tested with.
async fn values_of_every_kind(version: &str) {
    let (server, broker) = (Server::start().await, Broker::start());
    let mut client = broker.publisher();
    // Kept by the broker, with a time of its own and without.
    client.tell(r#"pub 1 1 plant/press/kept {"ts": 1700000000, "v": 5}"#);
    client.tell("pub 1 1 plant/press/old RUN");
    let mut site = Site::new(&server, "mqtt", broker.port);
    site.source.push_str(&format!("version = '{version}'\n"));
    let before = now();
    let collector = site.start();
    server.until("what is in force", |inner| inner.latest("old") == word("RUN")).await;
    server.until("the other", |inner| inner.latest("kept-v") == number(5.0)).await;
    for (topic, payload) in [
        ("speed", "21.5"),
        ("nan", "NaN"),
        ("inf", "inf"),
        ("big", "9007199254740993"),
        ("max", "1.7976931348623157e308"),
        ("on", "true"),
        ("none", "null"),
        ("program", "O1234 Ärger"),
        ("list", "[1, [2, 3]]"),
    ] {
        client.tell(&format!("pub 1 0 plant/press/{topic} {payload}"));
    }
    client.tell(
        r#"pub 0 0 plant/press/json {"timestamp":"2030-01-01T00:00:00.5Z","axis":{"x":-1.25,"y":null},"name":"Z"}"#,
    );
    client.tell("pub 1 0 plant/press ");
    client.tell("pub 1 0 plant/press/last 1");
    server.until("the last", |inner| inner.latest("last") == number(1.0)).await;
    server.until("the members", |inner| inner.latest("json-name") == word("Z")).await;
    {
        let inner = server.lock();
        for (code, value) in [
            ("speed", number(21.5)),
            ("nan", Some(Value::Unavailable)),
            ("inf", word("Infinity")),
            ("big", word("9007199254740993")),
            ("max", number(f64::MAX)),
            ("on", number(1.0)),
            ("none", Some(Value::Unavailable)),
            ("program", word("O1234 Ärger")),
            ("list", word("[1,[2,3]]")),
            ("json-axis-x", number(-1.25)),
            ("json-axis-y", Some(Value::Unavailable)),
        ] {
            assert_eq!(inner.latest(code), value, "{code}");
        }
        let at: Timestamp = "2030-01-01T00:00:00.5Z".parse().unwrap();
        assert_eq!(inner.series("json-axis-x")[0].0, at, "the payload's own time");
        assert_eq!(inner.series("kept-v")[0].0, Timestamp::from_seconds(1_700_000_000));
        assert!(inner.series("old")[0].0 >= before && inner.series("speed")[0].0 >= before, "the collector's time");
    }
    health(&collector, "retained messages without a time").await;
    health(&collector, "streaming").await;
    server.until("offered", |inner| kind_and_source(inner, "last").is_some()).await;
    {
        let inner = server.lock();
        let (kind, source) = kind_and_source(&inner, "speed").unwrap();
        assert_eq!(kind, "measure");
        let url =
            format!("mqtt mqtt://127.0.0.1:{} (gemba-edge-broker) plant/press/speed (collector's time)", broker.port);
        assert_eq!(source, url);
        let (kind, source) = kind_and_source(&inner, "json-name").unwrap();
        assert!(kind == "text" && source.ends_with("plant/press/json/name"), "{kind} {source}");
    }
    collector.stop().await;
    server.assert_lawful();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn values_of_every_kind_by_version_5() {
    values_of_every_kind("5").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn values_of_every_kind_by_version_3_1_1() {
    values_of_every_kind("3.1.1").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_is_green_only_when_what_is_set_has_come() {
    let (server, broker) = (Server::start().await, Broker::start());
    let mut site = Site::new(&server, "mqtt", broker.port);
    site.signals = "{ item = 'temp', signal = 'temp' }, { item = 'telemetry/spede', signal = 'speed' }".to_owned();
    let collector = site.start();
    health(&collector, "nothing has come yet: plant/press/#").await;
    let mut client = broker.publisher();
    client.tell("pub 1 0 plant/press/temp 20");
    client.tell(r#"pub 1 0 plant/press/telemetry {"speed": 7}"#);
    health(&collector, "`plant/press/telemetry/spede` has not come yet; did you mean `telemetry/speed`?").await;
    assert!(!collector.health().sources()[0].ok);
    client.tell(r#"pub 1 0 plant/press/telemetry {"spede": 7}"#);
    health(&collector, "streaming").await;
    server.until("both", |inner| inner.latest("temp") == number(20.0) && inner.latest("speed") == number(7.0)).await;
    collector.stop().await;
    server.assert_lawful();
}

/// What was published while the collector was away, and the broker killed meanwhile, arrives once each.
async fn queued_while_away(version: &str) {
    let (server, mut broker) = (Server::start().await, Broker::start());
    let mut site = Site::new(&server, "mqtt", broker.port);
    site.source.push_str(&format!("version = '{version}'\n"));
    let collector = site.start();
    let mut client = broker.publisher();
    client.tell("count 1 plant/press/count 1 50");
    server.until("fifty", |inner| inner.numbers("count").last() == Some(&50.0)).await;
    health(&collector, "streaming").await;
    drained(&collector).await;
    collector.stop().await;
    client.tell("count 1 plant/press/count 51 300");
    // On the broker's disk as soon as it is acknowledged, as it is set.
    tokio::time::sleep(Duration::from_millis(300)).await;
    broker.kill();
    broker.up();
    let collector = site.start();
    let all: Vec<_> = (1..=300).map(f64::from).collect();
    server.until("three hundred", |inner| inner.numbers("count").last() == Some(&300.0)).await;
    assert_eq!(server.lock().numbers("count"), all);
    assert!(!server.lock().series("count").iter().any(|(_, value)| *value == Value::Unavailable), "nothing was missed");
    collector.stop().await;
    server.assert_lawful();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_queued_while_away_arrives_once_each_by_version_5() {
    queued_while_away("5").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_queued_while_away_arrives_once_each_by_version_3_1_1() {
    queued_while_away("3.1.1").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_broker_is_a_loss_that_is_taken_back_when_it_kept_the_session() {
    let (server, mut broker) = (Server::start().await, Broker::start());
    let site = Site::new(&server, "mqtt", broker.port);
    let collector = site.start();
    let mut client = broker.publisher();
    client.tell("pub 1 0 plant/press/state RUN");
    server.until("RUN", |inner| inner.latest("state") == word("RUN")).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    broker.kill();
    server.until("unavailable", |inner| inner.latest("state") == Some(Value::Unavailable)).await;
    health(&collector, "lost: nothing listens at 127.0.0.1").await;
    broker.up();
    server.until("taken back", |inner| inner.latest("state") == word("RUN")).await;
    client.tell("connect");
    client.tell("pub 1 0 plant/press/state STOP");
    server.until("STOP", |inner| inner.latest("state") == word("STOP")).await;
    health(&collector, "streaming").await;
    // Without its memory: what is in force is not known until it comes again.
    broker.kill();
    broker.forget();
    broker.up();
    server.until("unavailable", |inner| inner.latest("state") == Some(Value::Unavailable)).await;
    health(&collector, "nothing has come yet").await;
    client.tell("connect");
    client.tell("pub 1 0 plant/press/state RUN");
    server.until("RUN", |inner| inner.latest("state") == word("RUN")).await;
    collector.stop().await;
    server.assert_lawful();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_falls_silent_is_lost() {
    let (server, broker) = (Server::start().await, Broker::start());
    let mut site = Site::new(&server, "mqtt", broker.port);
    site.source.push_str("timeout = '1 s'\n");
    let collector = site.start();
    let mut client = broker.publisher();
    client.tell("pub 1 0 plant/press/state RUN");
    health(&collector, "streaming").await;
    broker.signal("STOP");
    health(&collector, "lost: the broker").await;
    server.until("unavailable", |inner| inner.latest("state") == Some(Value::Unavailable)).await;
    broker.signal("CONT");
    server.until("taken back", |inner| inner.latest("state") == word("RUN")).await;
    collector.stop().await;
    server.assert_lawful();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_password_is_told_and_a_right_one_needs_no_restart() {
    let server = Server::start().await;
    let broker = Broker::with("", "allow_anonymous false\npassword_file DIR/users\nacl_file DIR/acl\n", |directory| {
        let users = directory.join("users");
        let made = Command::new("mosquitto_passwd").args(["-b", "-c"]).arg(&users).args(["edge", "secret"]).status();
        assert!(made.unwrap().success());
        fs::write(directory.join("acl"), "user edge\ntopic readwrite plant/#\n").unwrap();
    });
    for (version, keys, says) in [
        ("5", "", "lets nobody in without a name: set `user` and `password_file`"),
        ("3.1.1", "", "lets nobody in without a name"),
        ("5", "user = 'edge'\npassword_file = 'password'\n", "refuses the user `edge`: put user or password right"),
        ("3.1.1", "user = 'edge'\npassword_file = 'password'\n", "refuses the user `edge`"),
        ("5", "user = 'edge'\npassword_file = 'nowhere'\n", "nowhere cannot be read"),
    ] {
        let mut site = Site::new(&server, "mqtt", broker.port);
        fs::write(site.directory.path().join("password"), "wrong\n").unwrap();
        site.source.push_str(&format!("version = '{version}'\n{keys}"));
        let collector = site.start();
        health(&collector, "cannot be used").await;
        health(&collector, says).await;
        collector.stop().await;
    }
    let mut site = Site::new(&server, "mqtt", broker.port);
    fs::write(site.directory.path().join("password"), "secret\n").unwrap();
    site.source.push_str("user = 'edge'\npassword_file = 'password'\n");
    let collector = site.start();
    health(&collector, "nothing has come yet").await;
    health(&collector, "cross the network unencrypted").await;
    let mut client = crate::peer::Peer::start("mqtt.py", &[&broker.port.to_string(), "edge", "secret"]);
    client.tell("pub 1 0 plant/press/state RUN");
    health(&collector, "streaming").await;
    collector.stop().await;
    server.assert_lawful();
}

/// A certificate authority.
struct Authority {
    params: CertificateParams,
    key: KeyPair,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, "authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self { params, key: KeyPair::generate().unwrap() }
    }

    fn pem(&self) -> String {
        self.params.self_signed(&self.key).unwrap().pem()
    }

    /// Certificate and key for a name, as `NAME.pem` and `NAME.key`.
    fn issue(&self, directory: &std::path::Path, file: &str, name: &str) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, name);
        let signed = params.signed_by(&key, &Issuer::from_params(&self.params, &self.key)).unwrap();
        fs::write(directory.join(format!("{file}.pem")), signed.pem()).unwrap();
        fs::write(directory.join(format!("{file}.key")), key.serialize_pem()).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_changed_certificate_is_told_and_never_trusted_by_itself() {
    let (server, ours, other) = (Server::start().await, Authority::new(), Authority::new());
    let listener = "cafile DIR/ca.pem\ncertfile DIR/broker.pem\nkeyfile DIR/broker.key\nrequire_certificate true\n";
    let mut broker = Broker::with(listener, "allow_anonymous true\n", |directory| {
        fs::write(directory.join("ca.pem"), ours.pem()).unwrap();
        ours.issue(directory, "broker", "localhost");
    });
    let mut site = Site::new(&server, "mqtt", broker.port);
    site.source = format!(
        "protocol = 'mqtt'\nurl = 'mqtts://localhost:{}'\nca_file = 'ca.pem'\ncertificate = 'us.pem'\nkey = 'us.key'\n",
        broker.port
    );
    let directory = site.directory.path().to_owned();
    fs::write(directory.join("ca.pem"), ours.pem()).unwrap();
    ours.issue(&directory, "us", "collector");
    let collector = site.start();
    health(&collector, "nothing has come yet").await;
    collector.stop().await;
    // We are somebody else.
    other.issue(&directory, "us", "collector");
    let collector = site.start();
    health(&collector, "cannot be used").await;
    health(&collector, "refuses us").await;
    collector.stop().await;
    ours.issue(&directory, "us", "collector");
    for (authority, name, says) in [
        (&other, "localhost", "was signed by nobody who is trusted here"),
        (&ours, "elsewhere", "is for another name than `localhost`"),
    ] {
        authority.issue(broker.path(), "broker", name);
        broker.kill();
        broker.up();
        let collector = site.start();
        health(&collector, "cannot be used").await;
        health(&collector, says).await;
        collector.stop().await;
    }
    // No certificate authority at all, and TLS where there is none.
    fs::write(directory.join("ca.pem"), "nothing").unwrap();
    let collector = site.start();
    health(&collector, "it holds no certificate as PEM").await;
    collector.stop().await;
    server.assert_lawful();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tls_and_plain_mixed_up_are_told() {
    let (server, broker, authority) = (Server::start().await, Broker::start(), Authority::new());
    let mut site = Site::new(&server, "mqtt", broker.port);
    fs::write(site.directory.path().join("ca.pem"), authority.pem()).unwrap();
    site.source = format!("protocol = 'mqtt'\nurl = 'mqtts://localhost:{}'\nca_file = 'ca.pem'\n", broker.port);
    let collector = site.start();
    health(&collector, "lost: the broker localhost").await;
    collector.stop().await;
    let mut site = Site::new(&server, "mqtt", free_port());
    site.source.push_str("timeout = '1 s'\n");
    let collector = site.start();
    health(&collector, "is the broker running, is the port right?").await;
    collector.stop().await;
    server.assert_lawful();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bad_payloads_are_counted_by_topic() {
    let (server, broker) = (Server::start().await, Broker::start());
    let site = Site::new(&server, "mqtt", broker.port);
    let collector = site.start();
    health(&collector, "nothing has come yet").await;
    let mut client = broker.publisher();
    client.tell("pub 1 0 plant/press/bytes @fffe00");
    client.tell("pub 1 0 plant/press/bytes @fffe00");
    client.tell("pub 1 0 plant/press/half {\"a\": 1");
    client.tell(&format!("pub 1 0 plant/press/deep {}1{}", "{\"a\":".repeat(3_000), "}".repeat(3_000)));
    client.tell("pub 1 0 plant/press/fine 1");
    health(&collector, "the payload of `plant/press/bytes` is no text (UTF-8): 2 refused").await;
    health(&collector, "the payload of `plant/press/half` begins as JSON and is none: 1 refused").await;
    server.until("the others", |inner| inner.latest("fine") == number(1.0)).await;
    collector.stop().await;
    server.assert_lawful();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_packet_that_is_too_large_does_not_come_for_ever() {
    for version in ["5", "3.1.1"] {
        let (server, broker) = (Server::start().await, Broker::start());
        let mut site = Site::new(&server, "mqtt", broker.port);
        site.source.push_str(&format!("version = '{version}'\nmax_packet = '10 KiB'\n"));
        let collector = site.start();
        health(&collector, "nothing has come yet").await;
        let mut client = broker.publisher();
        client.tell(&format!("pub 1 0 plant/press/large {}", "x".repeat(20_000)));
        if version == "3.1.1" {
            health(&collector, "the broker's queue for us was given up").await;
        }
        client.tell("pub 1 1 plant/press/fine 1");
        server.until("what follows", |inner| inner.latest("fine") == number(1.0)).await;
        health(&collector, "streaming").await;
        collector.stop().await;
        server.assert_lawful();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_is_off_and_set_right_is_told() {
    let (server, broker) = (Server::start().await, Broker::start());
    let site = Site::new(&server, "mqtt", broker.port);
    let collector = site.start();
    health(&collector, "nothing has come yet").await;
    let mut client = broker.publisher();
    let mut publish = |ahead: i64, value: u64| {
        let time = now().plus_seconds(ahead);
        client.tell(&format!(r#"pub 1 0 plant/press/a {{"ts": "{time}", "v": {value}}}"#));
        time
    };
    let first = publish(3 * 3_600, 1);
    health(&collector, "the times of `plant/press` are 3 h 00 min 00 s ahead of").await;
    server.until("its own time", |inner| inner.series("a-v") == [(first, Value::Number(1.0))]).await;
    for value in 2..12 {
        publish(0, value);
    }
    health(&collector, "streaming").await;
    let told = || collector.health().sources()[0].status.contains("ahead of");
    server.until("all", |inner| inner.numbers("a-v").contains(&11.0)).await;
    for _ in 0..600 {
        if !told() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(!told(), "the remark is gone when the clock is right");
    // A loss is stamped by the clock as it is now, not three hours ahead.
    let mut broker = broker;
    broker.kill();
    let right = now().plus_seconds(60);
    server
        .until("unavailable", |inner| inner.series("a-v").iter().any(|(_, value)| *value == Value::Unavailable))
        .await;
    let lost = server.lock().series("a-v").into_iter().find(|(_, value)| *value == Value::Unavailable).unwrap();
    assert!(lost.0 < right.plus_seconds(60), "{lost:?}");
    collector.stop().await;
    server.assert_lawful();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_topics_are_read() {
    let (server, broker) = (Server::start().await, Broker::start());
    let site = Site::new(&server, "mqtt", broker.port);
    let collector = site.start();
    health(&collector, "nothing has come yet").await;
    let mut client = broker.publisher();
    client.tell("many 1 plant/press/t 10000");
    server.until("all of them", |inner| inner.samples.len() == 10_000).await;
    assert_eq!(server.lock().latest("t-9999"), number(9_999.0));
    health(&collector, "streaming").await;
    collector.stop().await;
    server.assert_lawful();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_id_that_is_taken_twice_is_told() {
    let (server, broker) = (Server::start().await, Broker::start());
    let (first, second) = (Site::new(&server, "mqtt", broker.port), Site::new(&server, "mqtt", broker.port));
    let one = first.start();
    health(&one, "nothing has come yet").await;
    let two = second.start();
    health(&one, "does another client have the client id `gemba-edge-broker`?").await;
    two.stop().await;
    one.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_that_is_no_broker_is_told() {
    use std::io::Write;
    for (version, answer) in [
        ("5", &b"HTTP/1.1 400 Bad Request\r\n\r\n"[..]),
        ("3.1.1", &[0x20, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F]),
        ("5", &[0x20, 3, 0, 0, 200]),
    ] {
        let server = Server::start().await;
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                if stream.write_all(answer).is_err() {
                    continue;
                }
                std::thread::sleep(Duration::from_millis(50));
            }
        });
        let mut site = Site::new(&server, "mqtt", port);
        site.source.push_str(&format!("version = '{version}'\n"));
        let collector = site.start();
        health(&collector, "lost: ").await;
        collector.stop().await;
        server.assert_lawful();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_check_shows_what_comes_and_disturbs_nobody() {
    let (server, broker) = (Server::start().await, Broker::start());
    let mut site = Site::new(&server, "mqtt", broker.port);
    site.signals = "{ item = 'state', signal = 'state' }, { item = 'tempp', signal = 'temp' }".to_owned();
    let mut client = broker.publisher();
    client.tell("pub 1 1 plant/press/state RUN");
    client.tell("pub 1 1 plant/press/temp 20");
    let collector = site.start();
    server.until("RUN", |inner| inner.latest("state") == word("RUN")).await;
    let survey = survey(&site.config().sources[0]).await.unwrap();
    assert_eq!(survey.rows.iter().map(|row| row.item.as_str()).collect::<Vec<_>>(), ["plant/press/state"]);
    assert_eq!(survey.left.iter().map(|left| left.item.as_str()).collect::<Vec<_>>(), ["plant/press/temp"]);
    assert_eq!(survey.problems, ["`plant/press/tempp` has not come yet; did you mean `temp`?"]);
    health(&collector, "partly").await;
    collector.stop().await;
    server.assert_lawful();
}
