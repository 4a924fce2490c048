//! Sparkplug B by way of a real broker (mosquitto), from edge nodes that others wrote (pysparkplug).

use std::time::Duration;

use gemba_domain::{Timestamp, signal::Value};
use gemba_edge::{Collector, collector::survey};
use serde_json::Value as Json;

use crate::{
    broker::{Broker, Site},
    peer::Peer,
    plant::{health, now},
    server::{Inner, Server},
};

fn word(text: &str) -> Option<Value> {
    Some(Value::Text(text.into()))
}

fn number(value: f64) -> Option<Value> {
    Some(Value::Number(value))
}

const GONE: Option<Value> = Some(Value::Unavailable);

/// Reads the node `plant/press`, with a reorder window that a busy machine keeps.
fn site(server: &Server, broker: &Broker, more: &str) -> Site {
    let mut site = Site::new(server, "sparkplug", broker.port);
    site.source.push_str("reorder = '1 s'\n");
    site.source.push_str(more);
    site
}

/// A node with two metrics, connected.
fn node(broker: &Broker) -> Peer {
    let mut node = broker.edge_node();
    node.tell(r#"node [["load", "Double", 20, {"alias": 1}], ["state", "String", "RUN", {"alias": 2}]]"#);
    node.tell("connect");
    node
}

fn asked(node: &mut Peer) -> u64 {
    node.tell("asked").parse().unwrap()
}

/// Waits until the node was asked for so many rebirths.
async fn until_asked(node: &mut Peer, times: u64) {
    for _ in 0..600 {
        if asked(node) >= times {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("only {} of {times} rebirth requests", asked(node));
}

fn unavailable_at(inner: &Inner, code: &str) -> Vec<Timestamp> {
    let gone = |(time, value): (Timestamp, Value)| (value == Value::Unavailable).then_some(time);
    inner.series(code).into_iter().filter_map(gone).collect()
}

async fn streaming(collector: &Collector) {
    health(collector, "streaming").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_was_there_before_is_asked_for_its_birth() {
    let (server, broker) = (Server::start().await, Broker::start());
    let mut node = node(&broker);
    let site = site(&server, &broker, "");
    let collector = site.start();
    server
        .until("its values", |inner| inner.latest("load") == number(20.0) && inner.latest("state") == word("RUN"))
        .await;
    streaming(&collector).await;
    assert_eq!(asked(&mut node), 1);
    node.tell(r#"data - [["load", "Double", 21.5, {"alias": 1}], ["state", "String", "STOP", {"alias": 2}]]"#);
    server
        .until("what changed", |inner| inner.latest("load") == number(21.5) && inner.latest("state") == word("STOP"))
        .await;
    server.until("offered", |inner| inner.hellos.last().is_some_and(|hello| hello.signals.len() == 2)).await;
    {
        let inner = server.lock();
        let mut offered = inner.hellos.last().unwrap().signals.clone();
        offered.sort_by(|a, b| a.address.cmp(&b.address));
        let kinds: Vec<_> = offered.iter().map(|signal| signal.kind.as_str()).collect();
        assert_eq!(kinds, ["measure", "text"]);
        let source = format!("sparkplug mqtt://127.0.0.1:{} (gemba-edge-broker) plant/press/load", broker.port);
        assert_eq!(offered[0].source.as_deref(), Some(source.as_str()));
    }
    collector.stop().await;
    server.assert_lawful();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn values_of_every_type() {
    let (server, broker) = (Server::start().await, Broker::start());
    let site = site(&server, &broker, "version = '3.1.1'\n");
    let collector = site.start();
    health(&collector, "nothing has come yet: births of plant/press").await;
    let mut peer = broker.edge_node();
    peer.tell(
        r#"node [["i8", "Int8", -5], ["i16", "Int16", -32768], ["i32", "Int32", -42], ["i64", "Int64", -9223372036854775808],
        ["u8", "UInt8", 255], ["u16", "UInt16", 65535], ["u32", "UInt32", 4294967295], ["u64", "UInt64", 18446744073709551615],
        ["f", "Float", 21.5], ["d", "Double", 0.1], ["b", "Boolean", true], ["s", "String", "Ärger"], ["t", "DateTime", 1486144502122],
        ["x", "Text", "7"], ["id", "UUID", "550e8400-e29b-41d4-a716-446655440000"], ["raw", "Bytes", "010203ff"],
        ["ia", "Int16Array", [-30000, 30000]], ["ua", "UInt64Array", [18446744073709551615]], ["fa", "FloatArray", [1.5]],
        ["ba", "BooleanArray", [true, false, true]], ["sa", "StringArray", ["ABC", "hello"]], ["null", "Int32", null]]"#
            .replace('\n', " ")
            .as_str(),
    );
    peer.tell("connect");
    server.until("all", |inner| inner.samples.len() >= 22).await;
    {
        let inner = server.lock();
        for (code, value) in [
            ("i8", number(-5.0)),
            ("i16", number(-32_768.0)),
            ("i32", number(-42.0)),
            ("i64", word("-9223372036854775808")),
            ("u8", number(255.0)),
            ("u16", number(65_535.0)),
            ("u32", number(4_294_967_295.0)),
            ("u64", word("18446744073709551615")),
            ("f", number(21.5)),
            ("d", number(0.1)),
            ("b", number(1.0)),
            ("s", word("Ärger")),
            ("t", word("2017-02-03T17:55:02.122Z")),
            ("x", word("7")),
            ("id", word("550e8400-e29b-41d4-a716-446655440000")),
            ("raw", word("AQID/w==")),
            ("ia", word("[-30000,30000]")),
            ("ua", word("[18446744073709551615]")),
            ("fa", word("[1.5]")),
            ("ba", word("[true,false,true]")),
            ("sa", word("[\"ABC\",\"hello\"]")),
            ("null", GONE),
        ] {
            assert_eq!(inner.latest(code), value, "{code}");
        }
    }
    streaming(&collector).await;
    collector.stop().await;
    server.assert_lawful();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_node_leaves_its_signals_unavailable_until_it_is_born_again() {
    let (server, broker) = (Server::start().await, Broker::start());
    let mut site = site(&server, &broker, "");
    site.device = "plant/press/feeder".to_owned();
    let collector = site.start();
    let mut node = node(&broker);
    health(&collector, "nothing has come yet").await;
    node.tell(r#"device feeder [["speed", "Float", 3, {"alias": 7}], ["spare", "Int32", 1, {"alias": 8}]]"#);
    server.until("the device", |inner| inner.latest("speed") == number(3.0)).await;
    streaming(&collector).await;
    // The device.
    node.tell("dead feeder");
    server.until("gone", |inner| inner.latest("speed") == GONE).await;
    health(&collector, "nothing has come yet").await;
    node.tell(r#"device feeder [["speed", "Float", 4, {"alias": 7}]]"#);
    server.until("back", |inner| inner.latest("speed") == number(4.0)).await;
    streaming(&collector).await;
    assert_eq!(server.lock().latest("spare"), GONE, "it is not there any more");
    // The node, by its last will.
    let before = now();
    node.kill();
    server.until("gone", |inner| inner.latest("speed") == GONE).await;
    health(&collector, "lost: plant/press is gone since").await;
    let last = *unavailable_at(&server.lock(), "speed").last().unwrap();
    assert!(last >= before && last <= now(), "{last}");
    let mut node = broker.edge_node();
    node.tell(r#"device feeder [["speed", "Float", 5, {"alias": 2}], ["spare", "Int32", 2, {"alias": 7}]]"#);
    node.tell("connect");
    server
        .until("born again", |inner| inner.latest("speed") == number(5.0) && inner.latest("spare") == number(2.0))
        .await;
    // With other aliases than before.
    node.tell(r#"data feeder [["speed", "Float", 6, {"alias": 2}]]"#);
    server.until("by its new alias", |inner| inner.latest("speed") == number(6.0)).await;
    node.tell("leave");
    server.until("gone", |inner| inner.latest("speed") == GONE && inner.latest("spare") == GONE).await;
    collector.stop().await;
    server.assert_lawful();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_in_the_wrong_order_are_put_right_within_the_window() {
    let (server, broker) = (Server::start().await, Broker::start());
    let site = site(&server, &broker, "rebirth_cooldown = '1 s'\n");
    let collector = site.start();
    health(&collector, "nothing has come yet").await;
    let mut node = node(&broker);
    server.until("born", |inner| inner.latest("load") == number(20.0)).await;
    let before = asked(&mut node);
    node.tell("hold");
    let begin = now().micros() / 1_000;
    for value in 1..=5 {
        let time = begin + value;
        node.tell(&format!(r#"data - [["load", "Double", {value}, {{"alias": 1, "time": {time}}}]]"#));
    }
    node.tell("release");
    server.until("the newest", |inner| inner.latest("load") == number(5.0)).await;
    streaming(&collector).await;
    assert_eq!(server.lock().numbers("load"), [20.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
    assert_eq!(asked(&mut node), before);
    assert!(!collector.health().sources()[0].status.contains("missed"));
    collector.stop().await;
    server.assert_lawful();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_missing_is_counted_and_a_rebirth_is_asked_for_once_in_the_cooldown() {
    let (server, broker) = (Server::start().await, Broker::start());
    let site = site(&server, &broker, "rebirth_cooldown = '5 s'\n");
    let collector = site.start();
    health(&collector, "nothing has come yet").await;
    let mut node = node(&broker);
    streaming(&collector).await;
    let before = asked(&mut node);
    node.tell("rebirths off");
    let mut value = 0;
    let mut gap = |node: &mut Peer| {
        value += 1;
        node.tell("skip 2");
        node.tell(&format!(r#"data - [["load", "Double", {value}, {{"alias": 1}}]]"#));
    };
    gap(&mut node);
    until_asked(&mut node, before + 1).await;
    health(&collector, "2 messages of plant/press were missed").await;
    let begin = std::time::Instant::now();
    gap(&mut node);
    health(&collector, "4 messages of plant/press were missed").await;
    gap(&mut node);
    health(&collector, "6 messages of plant/press were missed").await;
    if begin.elapsed() < Duration::from_secs(4) {
        assert_eq!(asked(&mut node), before + 1, "not within the cool-down");
    }
    server.until("what came is taken", |inner| inner.latest("load") == number(3.0)).await;
    // Answered: what is in force is told anew.
    node.tell(r#"node [["load", "Double", 99, {"alias": 1}], ["state", "String", "RUN", {"alias": 2}]]"#);
    node.tell("rebirths on");
    server.until("born again", |inner| inner.latest("load") == number(99.0)).await;
    streaming(&collector).await;
    collector.stop().await;
    server.assert_lawful();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_rebirths_nothing_is_published() {
    let (server, broker) = (Server::start().await, Broker::start());
    let mut watcher = broker.publisher();
    watcher.tell("watch spBv1.0/#");
    let mut node = node(&broker);
    let site = site(&server, &broker, "rebirth = false\n");
    let collector = site.start();
    node.tell(r#"data - [["load", "Double", 5, {"alias": 1}]]"#);
    health(&collector, "1 messages of plant/press came without a birth").await;
    node.tell("connect");
    server.until("born", |inner| inner.latest("load") == number(20.0)).await;
    collector.stop().await;
    let seen: Vec<Json> = serde_json::from_str(&watcher.tell("seen")).unwrap();
    let topics: Vec<_> = seen.iter().filter_map(|each| each[0].as_str()).collect();
    assert!(
        topics.iter().all(|topic| ["NBIRTH", "NDATA", "NDEATH"].iter().any(|kind| topic.contains(kind))),
        "{topics:?}"
    );
    server.assert_lawful();
}

/// What was said of the host's state since the last time.
fn states(watcher: &mut Peer) -> Vec<(bool, u64, bool)> {
    let seen: Vec<Json> = serde_json::from_str(&watcher.tell("seen")).unwrap();
    let state = |each: &Json| {
        let payload: Json = serde_json::from_str(each[1].as_str()?).ok()?;
        Some((payload["online"].as_bool()?, payload["timestamp"].as_u64()?, each[2].as_bool()?))
    };
    seen.iter().filter(|each| each[0] == "spBv1.0/STATE/gemba").filter_map(state).collect()
}

async fn until_states(watcher: &mut Peer, count: usize) -> Vec<(bool, u64, bool)> {
    let mut all = Vec::new();
    for _ in 0..600 {
        all.extend(states(watcher));
        if all.len() >= count {
            return all;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("only {all:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_host_says_when_it_is_there_and_when_it_is_not() {
    let (server, broker) = (Server::start().await, Broker::start());
    let mut watcher = broker.publisher();
    watcher.tell("watch spBv1.0/STATE/#");
    let mut times = Vec::new();
    for version in ["5", "3.1.1"] {
        let site = site(&server, &broker, &format!("host_id = 'gemba'\nversion = '{version}'\n"));
        let begin = u64::try_from(now().micros() / 1_000).unwrap();
        let collector = site.start();
        let online = until_states(&mut watcher, 1).await;
        assert!(online[0].0 && online[0].1 >= begin, "{online:?}");
        times.push(online[0].1);
        // Somebody says that it is gone: it contradicts at once, with the time of its connection.
        watcher.tell(r#"pub 1 1 spBv1.0/STATE/gemba {"online":false,"timestamp":1}"#);
        let contradicted = until_states(&mut watcher, 2).await;
        assert_eq!(contradicted, [(false, 1, false), (true, online[0].1, false)]);
        collector.stop().await;
        let offline = until_states(&mut watcher, 1).await;
        assert!(!offline[0].0 && offline[0].1 >= online[0].1, "{offline:?}");
    }
    assert!(times[1] > times[0]);
    // Retained, for whoever comes later.
    let mut later = broker.publisher();
    later.tell("watch spBv1.0/STATE/gemba");
    let kept = until_states(&mut later, 1).await;
    assert!(!kept[0].0 && kept[0].2, "{kept:?}");
    server.assert_lawful();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_will_of_the_host_has_the_time_of_its_birth() {
    let (server, mut broker) = (Server::start().await, Broker::start());
    let site = site(&server, &broker, "host_id = 'gemba'\n");
    let collector = site.start();
    let mut watcher = broker.publisher();
    watcher.tell("watch spBv1.0/STATE/#");
    let online = until_states(&mut watcher, 1).await;
    // The same client id again: the broker ends the first connection without leave, and says its will.
    let mut other = Site::new(&server, "mqtt", broker.port);
    other.source.push_str("client_id = 'gemba-edge-broker'\n");
    let thief = other.start();
    let will = until_states(&mut watcher, 1).await;
    assert_eq!((will[0].0, will[0].1), (false, online[0].1));
    thief.stop().await;
    collector.stop().await;
    broker.kill();
    server.assert_lawful();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restarted_host_and_a_killed_broker_are_followed_by_births() {
    let (server, mut broker) = (Server::start().await, Broker::start());
    let site = site(&server, &broker, "rebirth_cooldown = '1 s'\n");
    let mut node = node(&broker);
    for run in 1..=2 {
        let collector = site.start();
        streaming(&collector).await;
        node.tell(&format!(r#"data - [["load", "Double", {run}, {{"alias": 1}}]]"#));
        server.until("its value", |inner| inner.latest("load") == number(f64::from(run))).await;
        collector.stop().await;
    }
    let collector = site.start();
    streaming(&collector).await;
    broker.kill();
    server.until("unavailable", |inner| inner.latest("load") == GONE && inner.latest("state") == GONE).await;
    health(&collector, "lost: nothing listens").await;
    broker.up();
    health(&collector, "nothing has come yet").await;
    node.tell("connect");
    server.until("born again", |inner| inner.latest("load") == number(20.0)).await;
    streaming(&collector).await;
    collector.stop().await;
    server.assert_lawful();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn history_is_written_and_says_nothing_of_now() {
    let (server, broker) = (Server::start().await, Broker::start());
    let site = site(&server, &broker, "");
    let collector = site.start();
    health(&collector, "nothing has come yet").await;
    let mut node = node(&broker);
    streaming(&collector).await;
    node.tell(r#"data - [["load", "Double", 7, {"alias": 1, "historical": true, "time": 1700000000000}]]"#);
    server.until("the old value", |inner| inner.numbers("load").contains(&7.0)).await;
    assert_eq!(server.lock().series("load")[0], (Timestamp::from_seconds(1_700_000_000), Value::Number(7.0)));
    assert_eq!(server.lock().latest("load"), number(20.0));
    node.kill();
    server.until("gone", |inner| inner.latest("load") == GONE).await;
    collector.stop().await;
    server.assert_lawful();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_metrics_in_one_birth() {
    let (server, broker) = (Server::start().await, Broker::start());
    let site = site(&server, &broker, "");
    let collector = site.start();
    health(&collector, "nothing has come yet").await;
    let mut node = broker.edge_node();
    let metrics: Vec<_> = (0..10_000).map(|n| format!(r#"["m/{n}", "Int32", {n}, {{"alias": {n}}}]"#)).collect();
    node.tell(&format!("node [{}]", metrics.join(",")));
    node.tell("connect");
    server.until("all of them", |inner| inner.samples.len() == 10_000).await;
    assert_eq!(server.lock().latest("m-9999"), number(9_999.0));
    streaming(&collector).await;
    collector.stop().await;
    server.assert_lawful();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_is_off_is_told_and_deaths_are_stamped_by_it() {
    let (server, broker) = (Server::start().await, Broker::start());
    let site = site(&server, &broker, "");
    let collector = site.start();
    health(&collector, "nothing has come yet").await;
    let mut node = broker.edge_node();
    node.tell(r#"node [["load", "Double", 20, {"alias": 1}]]"#);
    node.tell("clock -10800000");
    node.tell("connect");
    health(&collector, "the times of plant/press are ").await;
    health(&collector, " behind the collector's clock").await;
    server.until("its value", |inner| inner.latest("load") == number(20.0)).await;
    let told = server.lock().series("load")[0].0;
    assert!(told < now().plus_seconds(-3 * 3_600), "its own time");
    node.kill();
    server.until("gone", |inner| inner.latest("load") == GONE).await;
    let gone = unavailable_at(&server.lock(), "load")[0];
    assert!(gone > told && gone < now().plus_seconds(-2 * 3_600), "{gone}: by its clock");
    let mut node = broker.edge_node();
    node.tell(r#"node [["load", "Double", 21, {"alias": 1}]]"#);
    node.tell("clock -10800000");
    node.tell("connect");
    server.until("back", |inner| inner.latest("load") == number(21.0)).await;
    collector.stop().await;
    server.assert_lawful();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rubbish_is_refused_and_told() {
    let (server, broker) = (Server::start().await, Broker::start());
    let site = site(&server, &broker, "");
    let collector = site.start();
    health(&collector, "nothing has come yet").await;
    let mut node = node(&broker);
    streaming(&collector).await;
    node.tell("raw spBv1.0/plant/NDATA/press ffffffffff");
    health(&collector, "a payload of spBv1.0/plant/NDATA/press is refused: it is no Sparkplug B").await;
    node.tell("raw spBv1.0/plant/NDATA/press 1200");
    node.tell("raw spBv1.0/plant/NONSENSE/press 00");
    node.tell(r#"data - [["load", "Double", 5, {"alias": 1}]]"#);
    server.until("what follows", |inner| inner.numbers("load").contains(&5.0)).await;
    collector.stop().await;
    server.assert_lawful();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_metric_that_is_not_there_is_named_with_the_nearest() {
    let (server, broker) = (Server::start().await, Broker::start());
    let mut site = site(&server, &broker, "");
    site.signals = "{ item = 'load', signal = 'load' }, { item = 'stat', signal = 'state' }".to_owned();
    let _node = node(&broker);
    let collector = site.start();
    health(&collector, "partly: plant/press has no metric `stat`; did you mean `state`?").await;
    collector.stop().await;
    let survey = survey(&site.config().sources[0]).await.unwrap();
    assert_eq!(survey.rows.iter().map(|row| row.item.as_str()).collect::<Vec<_>>(), ["plant/press/load"]);
    assert_eq!(survey.left.iter().map(|left| left.item.as_str()).collect::<Vec<_>>(), ["plant/press/state"]);
    assert_eq!(survey.problems, ["plant/press has no metric `stat`; did you mean `state`?"]);
    server.assert_lawful();
}
