//! Registers of a server that others wrote: values, refusals, silence, nonsense, gateways.

use std::fmt::Write;

use gemba_domain::signal::Value;

use crate::{
    peer::{Peer, free_port},
    plant::{drained, health},
    server::Server,
    site::{AnySite, UNIT},
};

const PACE: &str = "interval = '50 ms'\ntimeout = '300 ms'\n";

fn unit(device: u8, path: &str, signals: &str) -> String {
    format!("[[source.unit]]\ndevice = '{device}'\npath = '{path}'\nsignals = [ {signals} ]\n")
}

fn source(url: &str, more: &str, units: &str) -> String {
    format!("name = 'plc'\nprotocol = 'modbus'\nurl = '{url}'\n{PACE}{more}\n{units}")
}

fn tcp(peer: &Peer, signals: &str) -> String {
    source(&format!("tcp://127.0.0.1:{}", peer.port), "", &unit(1, UNIT, signals))
}

fn tell(peer: &mut Peer, commands: &[&str]) {
    for command in commands {
        assert_eq!(peer.tell(command), "ok", "{command}");
    }
}

fn text(word: &str) -> Option<Value> {
    Some(Value::Text(word.into()))
}

fn is(number: f64) -> Option<Value> {
    Some(Value::Number(number))
}

const GONE: Option<Value> = Some(Value::Unavailable);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn values_of_every_type_and_only_when_they_change() {
    let server = Server::start().await;
    let mut peer = Peer::start("modbus.py", &["tcp", "0"]);
    tell(
        &mut peer,
        &[
            "fill 1 holding 100",
            "set 1 holding 0 0xFFFF 0xFFFF",
            "set 1 holding 2 0xFFFF 0xFFFE 1 0",
            "set 1 holding 6 0x8000 0 0 0 0xFFFF 0xFFFF 0xFFFF 0xFFFF",
            "set 1 holding 14 0x41AC 0 0x7FC0 0 0x7F80 0 0xFF80 0",
            "set 1 holding 22 0x3FF8 0 0 0 0x7FF8 0 0 0",
            "set 1 holding 30 0x1234 0x12A4 0b101 0x8000 215",
            "set 1 holding 40 0x4142 0x4300 0x0000",
            "set 1 holding 50 0 0x41AC 1 7",
            "fill 1 input 5",
            "fill 1 coil 20",
            "set 1 coil 9 1",
            "fill 1 discrete 20",
        ],
    );
    let rules = "{item='holding/0', signal='i16', type='int16'}, {item='40002', signal='u16', type='uint16', kind='counter'},
        {item='holding/2', signal='i32', type='int32'}, {item='holding/4', signal='u32', type='uint32'},
        {item='holding/6', signal='i64', type='int64'}, {item='holding/10', signal='u64', type='uint64'},
        {item='holding/14', signal='f32', type='float32'}, {item='holding/16', signal='nan', type='float32'},
        {item='holding/18', signal='inf', type='float32'}, {item='holding/20', signal='ninf', type='float32'},
        {item='holding/22', signal='f64', type='float64'}, {item='holding/26', signal='nan64', type='float64'},
        {item='holding/30', signal='bcd', type='bcd16'}, {item='holding/31', signal='nobcd', type='bcd16'},
        {item='holding/32', signal='bit0', bit=0}, {item='holding/32', signal='bit1', bit=1},
        {item='holding/33', signal='invalid', type='int16', invalid=0x8000},
        {item='holding/34', signal='scaled', type='int16', scale=0.1, offset=-1, uom='Cel'},
        {item='holding/40', signal='text', type='string', length=6},
        {item='holding/50', signal='swapped', type='float32', words='little'},
        {item='holding/52', signal='state', type='uint16', map={'0'='STOPPED', '1'='RUNNING'}},
        {item='holding/53', signal='odd-state', type='uint16', map={'0'='STOPPED'}},
        {item='input/4', signal='input', type='uint16'}, {item='coil/9', signal='coil'}, {item='10001', signal='discrete'}";
    let site = AnySite::new(&server, &tcp(&peer, &rules.replace('\n', " ")));
    let collector = site.start();
    health(&collector, "polling").await;
    for (code, value) in [
        ("i16", is(-1.0)),
        ("u16", is(65_535.0)),
        ("i32", is(-2.0)),
        ("u32", is(65_536.0)),
        ("i64", text("-9223372036854775808")),
        ("u64", text("18446744073709551615")),
        ("f32", is(21.5)),
        ("nan", GONE),
        ("inf", text("Infinity")),
        ("ninf", text("-Infinity")),
        ("f64", is(1.5)),
        ("nan64", GONE),
        ("bcd", is(1_234.0)),
        ("nobcd", GONE),
        ("bit0", is(1.0)),
        ("bit1", is(0.0)),
        ("invalid", GONE),
        ("scaled", is(20.5)),
        ("text", text("ABC")),
        ("swapped", is(21.5)),
        ("state", text("RUNNING")),
        ("odd-state", text("7")),
        ("input", is(4.0)),
        ("coil", is(1.0)),
        ("discrete", is(0.0)),
    ] {
        server.until(code, |inner| inner.latest(code) == value).await;
    }
    tell(&mut peer, &["set 1 holding 1 7", "set 1 coil 9 0"]);
    server.until("a change", |inner| inner.latest("u16") == is(7.0) && inner.latest("coil") == is(0.0)).await;
    drained(&collector).await;
    let counts = {
        let inner = server.lock();
        ["i16", "u16", "nan", "coil", "text"].map(|code| inner.series(code).len())
    };
    assert_eq!(counts, [1, 2, 1, 2, 1], "a value is written when it is first read and when it changes");
    let offered = server.lock().hellos.last().unwrap().signals.clone();
    let counter = offered.iter().find(|signal| signal.address.ends_with(":u16")).unwrap();
    assert_eq!(counter.kind.as_str(), "counter");
    let origin = format!("modbus tcp://127.0.0.1:{} 1/holding/1 (collector's time)", peer.port);
    assert_eq!(counter.source.as_deref(), Some(origin.as_str()));
    assert_eq!(peer.tell("writes"), "0");
    collector.stop().await;
    server.assert_lawful();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_that_is_killed_is_lost_and_comes_back() {
    let server = Server::start().await;
    let port = free_port().to_string();
    let mut peer = Peer::start("modbus.py", &["tcp", &port]);
    tell(&mut peer, &["fill 1 holding 10"]);
    let site = AnySite::new(&server, &tcp(&peer, "{item='holding/5', signal='five', type='uint16'}"));
    let collector = site.start();
    server.until("five", |inner| inner.latest("five") == is(5.0)).await;
    peer.kill();
    health(&collector, "refuses the connection").await;
    health(&collector, "lost").await;
    server.until("unavailable", |inner| inner.latest("five") == GONE).await;
    let mut peer = Peer::start("modbus.py", &["tcp", &port]);
    tell(&mut peer, &["fill 1 holding 10"]);
    health(&collector, "polling").await;
    server.until("the same value is in force again", |inner| inner.latest("five") == is(5.0)).await;
    let values: Vec<_> = server.lock().series("five").into_iter().map(|(_, value)| value).collect();
    assert_eq!(values, [Value::Number(5.0), Value::Unavailable, Value::Number(5.0)]);
    collector.stop().await;
    server.assert_lawful();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_is_dropped_leaves_no_trace() {
    let server = Server::start().await;
    let mut peer = Peer::start("modbus.py", &["tcp", "0"]);
    tell(&mut peer, &["fill 1 holding 10"]);
    let site = AnySite::new(&server, &tcp(&peer, "{item='holding/5', signal='five', type='uint16'}"));
    let collector = site.start();
    for round in 0..5 {
        let value = f64::from(100 + round);
        tell(&mut peer, &["drop", &format!("set 1 holding 5 {value}")]);
        server.until("the new value", |inner| inner.latest("five") == is(value)).await;
    }
    health(&collector, "polling").await;
    let values = server.lock().series("five");
    assert!(values.iter().all(|(_, value)| value.number().is_some()), "{values:?}");
    collector.stop().await;
    server.assert_lawful();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn silence_nonsense_and_half_answers_lose_the_device_with_words() {
    let server = Server::start().await;
    let mut peer = Peer::start("modbus.py", &["tcp", "0"]);
    tell(&mut peer, &["fill 1 holding 10"]);
    let site = AnySite::new(&server, &tcp(&peer, "{item='holding/5', signal='five', type='uint16'}"));
    let collector = site.start();
    for (mode, words) in [
        ("silent", "does not answer within the time allowed"),
        ("half", "bytes, but no whole answer"),
        ("unit", "answered something that was not asked"),
        ("garbage", "bytes, but no whole answer"),
    ] {
        server.until("five", |inner| inner.latest("five") == is(5.0)).await;
        health(&collector, "polling").await;
        tell(&mut peer, &[&format!("mode {mode}")]);
        health(&collector, words).await;
        server.until("unavailable", |inner| inner.latest("five") == GONE).await;
        tell(&mut peer, &["mode ok"]);
    }
    server.until("five", |inner| inner.latest("five") == is(5.0)).await;
    collector.stop().await;
    server.assert_lawful();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_late_answer_is_never_taken_for_another() {
    let server = Server::start().await;
    let mut peer = Peer::start("modbus.py", &["tcp", "0"]);
    tell(&mut peer, &["fill 1 holding 200"]);
    // Far apart: two requests, whose answers look alike.
    let rules = "{item='holding/5', signal='five', type='uint16'}, {item='holding/150', signal='many', type='uint16'}";
    let site = AnySite::new(&server, &tcp(&peer, rules));
    let collector = site.start();
    server.until("both", |inner| inner.latest("five") == is(5.0) && inner.latest("many") == is(150.0)).await;
    tell(&mut peer, &["delay 0.4"]);
    health(&collector, "does not answer").await;
    tell(&mut peer, &["delay 0"]);
    health(&collector, "polling").await;
    drained(&collector).await;
    for (code, only) in [("five", 5.0), ("many", 150.0)] {
        let numbers = server.lock().numbers(code);
        assert!(numbers.iter().all(|number| *number == only), "{code}: {numbers:?}");
    }
    collector.stop().await;
    server.assert_lawful();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn registers_that_are_not_there_are_found_named_and_left_alone() {
    let server = Server::start().await;
    let mut peer = Peer::start("modbus.py", &["tcp", "0"]);
    tell(&mut peer, &["fill 1 holding 60", "illegal 1 holding 7", "illegal 1 holding 30"]);
    let mut rules = String::new();
    // A hole at 30 that nobody reads, and 7 that somebody does.
    for at in (0..60).filter(|at| *at != 30) {
        write!(rules, "{{item='holding/{at}', signal='r{at}', type='uint16'}}, ").unwrap();
    }
    let site = AnySite::new(&server, &tcp(&peer, &rules));
    let collector = site.start();
    health(&collector, "partly: unit 1 holding/7 (40008): the device has no such register (exception 2").await;
    server.until("the others", |inner| inner.latest("r6") == is(6.0) && inner.latest("r59") == is(59.0)).await;
    server.until("the one", |inner| inner.latest("r7") == GONE).await;
    peer.tell("asked");
    tell(&mut peer, &["set 1 holding 59 1"]);
    server.until("a change", |inner| inner.latest("r59") == is(1.0)).await;
    tell(&mut peer, &["set 1 holding 59 2"]);
    server.until("a change", |inner| inner.latest("r59") == is(2.0)).await;
    // Cycles are a few requests each, not a search.
    let status = collector.health().sources().remove(0).status;
    assert!(status.contains("holding/7") && !status.contains("more"), "{status}");
    collector.stop().await;
    server.assert_lawful();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_unit_behind_a_gateway_is_lost_alone() {
    let server = Server::start().await;
    let mut peer = Peer::start("modbus.py", &["tcp", "0"]);
    tell(&mut peer, &["fill 1 holding 10", "fill 2 holding 10", "fill 3 holding 10"]);
    let unit_of = |id: u8| {
        let path = format!("acme/leeds/press-shop/line-1/press-{id}");
        unit(id, &path, &format!("{{item='holding/{id}', signal='s{id}', type='uint16'}}"))
    };
    let units: String = (1..=3).map(unit_of).collect();
    let site = AnySite::new(&server, &source(&format!("tcp://127.0.0.1:{}", peer.port), "", &units));
    let collector = site.start();
    server.until("all", |inner| (1..=3).all(|id| inner.latest(&format!("s{id}")) == is(f64::from(id)))).await;
    for (code, words) in [
        (11, "gets no answer from this unit (exception 11)"),
        (10, "no way to this unit"),
        (6, "is busy"),
        (4, "failed"),
    ] {
        tell(&mut peer, &[&format!("exception 2 {code}"), &format!("set 1 holding 1 {code}")]);
        health(&collector, words).await;
        health(&collector, "partly").await;
        server.until("its signals", |inner| inner.latest("s2") == GONE).await;
        server
            .until("the others flow", |inner| {
                inner.latest("s1") == is(f64::from(code)) && inner.latest("s3") == is(3.0)
            })
            .await;
        tell(&mut peer, &["exception 2 0"]);
        health(&collector, "polling").await;
        server.until("it is back", |inner| inner.latest("s2") == is(2.0)).await;
    }
    collector.stop().await;
    server.assert_lawful();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_registers_of_several_units() {
    let server = Server::start().await;
    let mut peer = Peer::start("modbus.py", &["tcp", "0"]);
    let mut units = String::new();
    for id in 1..=5_u8 {
        tell(&mut peer, &[&format!("fill {id} holding 2000")]);
        let mut rules = String::new();
        for at in 0..2_000 {
            write!(rules, "{{item='holding/{at}', signal='r{at}', type='uint16'}}, ").unwrap();
        }
        units.push_str(&unit(id, &format!("acme/leeds/press-shop/line-1/press-{id}"), &rules));
    }
    let more = "interval = '500 ms'\ntimeout = '10 s'\n";
    let text = source(&format!("tcp://127.0.0.1:{}", peer.port), "", &units).replace(PACE, more);
    let site = AnySite::new(&server, &text);
    let collector = site.start();
    server.until("all", |inner| inner.samples.len() == 10_000).await;
    health(&collector, "polling").await;
    tell(&mut peer, &["set 5 holding 1999 7"]);
    server.until("one more", |inner| inner.samples.len() == 10_001).await;
    {
        let inner = server.lock();
        let press_5 = |((address, _), _): &(&(String, _), &Value)| address.ends_with("press-5:r1999");
        let last: Vec<_> = inner.samples.iter().filter(press_5).map(|(_, value)| value.clone()).collect();
        assert_eq!(last, [Value::Number(1_999.0), Value::Number(7.0)]);
    }
    collector.stop().await;
    server.assert_lawful();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn serial_lines_and_serial_gateways() {
    for how in ["serial", "rtu"] {
        let server = Server::start().await;
        let mut peer = Peer::start("modbus.py", &[how, "0"]);
        tell(&mut peer, &["fill 1 holding 300", "fill 2 input 10", "set 1 holding 2 0x41AC 0"]);
        let url = match how {
            "rtu" => format!("rtu+tcp://127.0.0.1:{}", peer.port),
            _ => format!("rtu://{}?baud=115200&parity=none&stop=1", peer.tell("path")),
        };
        let units =
            unit(
                1,
                UNIT,
                "{item='holding/2', signal='heat', type='float32'}, {item='holding/299', signal='far', type='uint16'}",
            ) + &unit(2, "acme/leeds/press-shop/line-1/press-2", "{item='input/9', signal='nine', type='uint16'}");
        let site = AnySite::new(&server, &source(&url, "", &units));
        let collector = site.start();
        health(&collector, "polling").await;
        server.until("values", |inner| inner.latest("heat") == is(21.5) && inner.latest("nine") == is(9.0)).await;
        for mode in ["garbage", "half", "unit", "silent"] {
            tell(&mut peer, &[&format!("mode {mode}")]);
            server.until("lost", |inner| inner.latest("heat") == GONE && inner.latest("nine") == GONE).await;
            tell(&mut peer, &["mode ok"]);
            server.until("back", |inner| inner.latest("heat") == is(21.5) && inner.latest("nine") == is(9.0)).await;
        }
        health(&collector, "polling").await;
        tell(&mut peer, &["exception 2 11"]);
        server.until("one unit", |inner| inner.latest("nine") == GONE).await;
        assert_eq!(server.lock().latest("far"), is(299.0));
        drained(&collector).await;
        assert!(server.lock().numbers("far").iter().all(|number| *number == 299.0));
        collector.stop().await;
        server.assert_lawful();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_device_is_read_less_often_and_that_is_told() {
    let server = Server::start().await;
    let mut peer = Peer::start("modbus.py", &["tcp", "0"]);
    tell(&mut peer, &["fill 1 holding 10", "delay 0.1"]);
    let rules = "{item='holding/5', signal='five', type='uint16'}, {item='holding/1', signal='one', type='uint16', every='1 h'}";
    let text = tcp(&peer, rules).replace("300 ms", "5 s");
    let site = AnySite::new(&server, &text);
    let collector = site.start();
    health(&collector, "what is to be read every 50ms took").await;
    health(&collector, "polling").await;
    tell(&mut peer, &["delay 0"]);
    server.until("both", |inner| inner.latest("five") == is(5.0) && inner.latest("one") == is(1.0)).await;
    collector.stop().await;
    server.assert_lawful();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn check_tells_what_each_register_holds_or_why_not() {
    let server = Server::start().await;
    let mut peer = Peer::start("modbus.py", &["tcp", "0"]);
    tell(&mut peer, &["fill 1 holding 10", "illegal 1 holding 4"]);
    let rules = "{item='holding/3', signal='three', type='uint16'}, {item='holding/4', signal='four', type='uint16'}";
    let site = AnySite::new(&server, &tcp(&peer, rules));
    let (fine, said) = site.gemba_edge("check").await;
    assert!(!fine && said.contains("problem: unit 1 holding/4 (40005): the device has no such register"), "{said}");
    let row = said.lines().find(|line| line.contains("holding/3")).unwrap();
    assert!(row.contains("(40004)") && row.trim_end().ends_with(" 3"), "{said}");
    tell(&mut peer, &["legal 1 holding 4"]);
    let (fine, said) = site.gemba_edge("check").await;
    assert!(fine, "{said}");
    drop(peer);
    let (fine, said) = site.gemba_edge("check").await;
    assert!(!fine && said.contains("refuses the connection"), "{said}");
}
