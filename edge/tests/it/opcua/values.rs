//! Values of every type, times, units, what is there and what is not.

use gemba_domain::{
    Timestamp,
    signal::{SignalKind, Value},
};
use gemba_edge::collector::survey;

use super::{Site, set, told};
use crate::{
    plant::drained,
    server::{Inner, Server},
};

fn text(words: &str) -> Option<Value> {
    Some(Value::Text(words.into()))
}

fn number(number: f64) -> Option<Value> {
    Some(Value::Number(number))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn values_of_every_type() {
    let server = Server::start().await;
    let site = Site::new(&server, &[]);
    let mut peer = site.peer();
    let collector = site.start();
    told(&collector, &["streaming"]).await;
    let expected = [
        ("spindle-load", number(1.5)),
        ("spindle-speed", number(0.5)),
        ("running", number(1.0)),
        ("partcount", number(7.0)),
        ("small", number(-128.0)),
        ("byte", number(255.0)),
        ("short", number(-32768.0)),
        ("word", number(65535.0)),
        ("int", number(-2147483648.0)),
        ("big", text("-9223372036854775808")),
        ("huge", text("18446744073709551615")),
        ("program", text("O1234 Gehäuse")),
        ("when", text("2026-11-24T22:30:05Z")),
        ("order", text("72962b91-fa75-4ae6-8d28-b404dc7daf63")),
        ("raw", text("AQID")),
        ("title", text("Läuft")),
        ("name", text("Load")),
        ("link", text("ns=2;s=Load")),
        ("code", text("BadNoCommunication")),
        ("axes", text("[1.0,2.5]")),
        ("empty", Some(Value::Unavailable)),
    ];
    for (code, value) in expected {
        server.until(code, |inner| inner.latest(code) == value).await;
    }
    server.until("limits", |inner| inner.latest("limits").is_some_and(|value| value != Value::Unavailable)).await;
    let limits = server.lock().latest("limits").unwrap();
    let limits: serde_json::Value = serde_json::from_str(limits.text().unwrap()).unwrap();
    assert_eq!(limits, serde_json::json!({ "Low": 1, "High": 2 }));
    for (value, becomes) in [
        (r#""NaN""#, Some(Value::Unavailable)),
        (r#""Infinity""#, text("Infinity")),
        (r#""-Infinity""#, text("-Infinity")),
        ("1e300", number(1e300)),
        ("-0.0", number(-0.0)),
    ] {
        set(&mut peer, "Spindle.Load", value);
        server.until(value, |inner| inner.latest("spindle-load") == becomes).await;
    }
    set(&mut peer, "Big", "9007199254740992");
    server.until("2^53", |inner| inner.latest("big") == number(9_007_199_254_740_992.0)).await;
    let offered = server.lock().hellos.last().unwrap().signals.clone();
    let of = |code: &str| offered.iter().find(|signal| signal.address.ends_with(&format!(":{code}"))).unwrap().clone();
    assert_eq!(of("spindle-load").uom.as_deref(), Some("%"));
    assert_eq!((of("running").kind, of("partcount").kind), (SignalKind::State, SignalKind::Counter));
    assert_eq!((of("program").kind, of("spindle-speed").kind), (SignalKind::Text, SignalKind::Measure));
    let origin = of("running").source.unwrap();
    assert_eq!(
        origin,
        format!("opcua opc.tcp://127.0.0.1:{} nsu=http://gemba.example/press;s=Press1.Running", site.port)
    );
    collector.stop().await;
    server.assert_lawful();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn times_and_quality_are_the_servers() {
    let server = Server::start().await;
    let site = Site::new(&server, &[]);
    let mut peer = site.peer();
    let collector = site.start();
    told(&collector, &["streaming"]).await;
    let now = gemba_edge::clock::now().micros() / 1_000_000;
    let at = |seconds: i64| Timestamp::from_seconds(now + seconds);
    let line = |node: &str, value: i64, more: &str| format!(r#"set [{{"node": "{node}", "value": {value}, {more}}}]"#);
    assert_eq!(peer.tell(&line("PartCount", 8, &format!(r#""source": {}"#, now + 1))), "ok");
    server.until("source time", |inner| inner.series("partcount").contains(&(at(1), Value::Number(8.0)))).await;
    assert_eq!(peer.tell(&line("Int", 9, &format!(r#""server": {}"#, now + 2))), "ok");
    server.until("server time", |inner| inner.series("int").contains(&(at(2), Value::Number(9.0)))).await;
    assert_eq!(peer.tell(&line("Byte", 10, r#""stamped": false"#)), "ok");
    server.until("no time", |inner| inner.latest("byte") == number(10.0)).await;
    assert_eq!(peer.tell(&line("Word", 11, r#""status": "UncertainLastUsableValue""#)), "ok");
    server.until("doubted", |inner| inner.latest("word") == number(11.0)).await;
    assert_eq!(peer.tell(&line("Short", 12, r#""status": "BadSensorFailure""#)), "ok");
    server.until("bad", |inner| inner.latest("short") == Some(Value::Unavailable)).await;
    told(
        &collector,
        &["1 values were of uncertain quality", "1 nodes have no good value, such as Short", "the sensor has failed"],
    )
    .await;
    set(&mut peer, "Short", "13");
    server.until("good again", |inner| inner.latest("short") == number(13.0)).await;
    collector.stop().await;
    server.assert_lawful();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_is_hours_off_is_told_and_steps_do_no_harm() {
    let server = Server::start().await;
    let site = Site::new(&server, &[]);
    let mut peer = site.peer();
    assert_eq!(peer.tell("clock 10830"), "ok");
    let collector = site.start();
    told(&collector, &["streaming", "its clock is 3 h 00 min", "ahead of the collector's"]).await;
    set(&mut peer, "PartCount", "8");
    server.until("eight", |inner| inner.latest("partcount") == number(8.0)).await;
    let ahead = server.lock().series("partcount").last().unwrap().0.micros_since(gemba_edge::clock::now());
    assert!((10_730_000_000..10_930_000_000).contains(&ahead), "{ahead}");
    assert_eq!(peer.tell("clock -60"), "ok");
    set(&mut peer, "PartCount", "9");
    told(&collector, &["behind the collector's"]).await;
    server.until("nine", |inner| inner.numbers("partcount").contains(&9.0)).await;
    collector.stop().await;
    server.assert_lawful();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_there_and_what_may_not_be_read_is_named() {
    let server = Server::start().await;
    let mut site = Site::new(&server, &["--secret"]);
    site.signals =
        "{ item = 'Spindle/Lod', signal = 'load' }, { item = 'ns=2;s=Press1.Running', signal = 'running' }, \
                    { item = 'Secret', signal = 'secret' }"
            .to_owned();
    let _peer = site.peer();
    let collector = site.start();
    let words = ["partly", "has no node `Spindle/Lod`; did you mean `Spindle/Load`?", "Secret", "cannot be read"];
    told(&collector, &words).await;
    server.until("the rest is read", |inner| inner.latest("running") == number(1.0)).await;
    collector.stop().await;
    let found = survey(&site.config_at(site.port).sources[0]).await.unwrap();
    assert_eq!(found.rows.len(), 1);
    assert_eq!(found.rows[0].item, "Running (nsu=http://gemba.example/press;s=Press1.Running)");
    let left = found.left.iter().find(|left| left.item.starts_with("Spindle/Speed")).unwrap();
    assert_eq!(left.what, "Float");
    assert_eq!(found.problems.len(), 2, "{:?}", found.problems);
    server.assert_lawful();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_that_is_not_there_is_named() {
    let server = Server::start().await;
    let mut site = Site::new(&server, &[]);
    site.device = "Machines/Pres1".to_owned();
    let _peer = site.peer();
    let collector = site.start();
    told(&collector, &["Objects/Machines has no `Pres1`; did you mean `Press1`?"]).await;
    assert!(!collector.health().sources()[0].ok);
    collector.stop().await;
    for (device, words) in
        [("nsu=http://gemba.example/press;s=Nope", "there is no such node"), ("nsu=urn:x;i=1", "no namespace `urn:x`")]
    {
        site.device = device.to_owned();
        let found = survey(&site.config_at(site.port).sources[0]).await.unwrap();
        assert!(found.problems[0].contains(words), "{:?}", found.problems);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_space_that_changes_is_followed() {
    let server = Server::start().await;
    let mut site = Site::new(&server, &[]);
    site.source.push_str("browse_interval = '1 s'\n");
    let mut peer = site.peer();
    let collector = site.start();
    told(&collector, &["streaming"]).await;
    assert_eq!(peer.tell("add Extra"), "ok");
    server.until("the new node", |inner| inner.latest("extra") == number(1.0)).await;
    set(&mut peer, "Extra", "2");
    server.until("its change", |inner| inner.latest("extra") == number(2.0)).await;
    assert_eq!(peer.tell("delete Extra"), "ok");
    server.until("it is gone", |inner| inner.latest("extra") == Some(Value::Unavailable)).await;
    assert_eq!(peer.tell("namespace urn:more"), "ok");
    assert_eq!(peer.tell("add Other"), "ok");
    server.until("another", |inner| inner.latest("other") == number(1.0)).await;
    told(&collector, &["streaming"]).await;
    collector.stop().await;
    server.assert_lawful();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_nodes() {
    const COUNT: usize = 10_000;
    let server = Server::start().await;
    let mut site = Site::new(&server, &["--bulk", "10000"]);
    site.device = "Bulk".to_owned();
    site.source = "security = 'none'\npublishing_interval = '500 ms'\nsampling_interval = '500 ms'\ntimeout = '60 s'\n"
        .to_owned();
    let mut peer = site.peer();
    let collector = site.start();
    let all = |inner: &Inner, base: f64| {
        let have = inner.samples.iter().rev().filter(|((address, _), value)| {
            let n: f64 = address.rsplit(":n").next().unwrap().parse().unwrap();
            **value == Value::Number(base + n)
        });
        have.count() >= COUNT
    };
    server.until("all of them", |inner| inner.samples.len() >= COUNT && all(inner, 0.0)).await;
    told(&collector, &["streaming"]).await;
    assert_eq!(peer.tell("bulk 20000"), "ok");
    server.until("all changes", |inner| inner.samples.len() >= 2 * COUNT && all(inner, 20_000.0)).await;
    drained(&collector).await;
    collector.stop().await;
    server.assert_lawful();
}

/// By the node sets of the OPC Foundation, where they are.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn companion_specifications_are_recognised() {
    let data = std::env::var_os("DEV_DATA").map_or_else(|| "../../shared/data".into(), std::path::PathBuf::from);
    let nodesets = data.join("opcua_nodesets");
    if !nodesets.is_dir() {
        eprintln!("skipped: no node sets in {}; DEV_DATA names another directory", nodesets.display());
        return;
    }
    let server = Server::start().await;
    let mut site = Site::new(&server, &[]);
    let unpacked = ["Opc.Ua.Di", "Opc.Ua.Machinery", "Opc.Ua.Machinery.Examples"].map(|name| {
        let packed = std::fs::File::open(nodesets.join(format!("{name}.NodeSet2.xml.gz"))).unwrap();
        let file = site.path().join(name);
        std::io::copy(&mut flate2::read::GzDecoder::new(packed), &mut std::fs::File::create(&file).unwrap()).unwrap();
        file.display().to_string()
    });
    site.words.extend(["--nodeset".to_owned(), unpacked.join(",")]);
    site.device = "Machines/ExampleMachine01".to_owned();
    site.signals = "{ item = 'MachineryBuildingBlocks/MachineryItemState/CurrentState', signal = 'state' }".to_owned();
    let _peer = site.peer();
    let found = survey(&site.config_at(site.port).sources[0]).await.unwrap();
    assert_eq!(found.problems, Vec::<String>::new());
    assert_eq!((found.rows.len(), found.rows[0].signal.kind), (1, SignalKind::State));
    let mode = |left: &&gemba_edge::collector::Left| left.item.contains("MachineryOperationMode/CurrentState (");
    let mode = found.left.iter().find(mode).unwrap();
    assert!(mode.what.starts_with("Machinery MachineryOperationMode, "), "{mode:?}");
    assert!(found.left.iter().any(|left| left.item.starts_with("Identification/SerialNumber (")));
}
