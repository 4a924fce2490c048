//! Single documents: headers, sequence arithmetic, errors, rendering.

use gemba_domain::Timestamp;
use gemba_sim::agent::{Agent, AgentHandle, Component, Condition, DataItem, Device, Devices, PushError};

use crate::document::{Document, fetch, get};

pub fn devices() -> Devices {
    let device = |name: &str| {
        let id = |rest: &str| format!("{name}-{rest}");
        Device::new(name)
            .item(DataItem::event(id("availability"), "AVAILABILITY"))
            .component(
                Component::new("Controller", id("c"))
                    .item(DataItem::condition(id("system"), "SYSTEM").name("system"))
                    .item(DataItem::event(id("execution"), "EXECUTION").name("execution"))
                    .item(DataItem::event(id("message"), "MESSAGE").discrete())
                    .item(DataItem::event(id("pallet"), "x:PALLET_NUMBER")),
            )
            .component(
                Component::new("Axes", id("a")).component(
                    Component::new("Linear", id("l"))
                        .name("X")
                        .item(DataItem::sample(id("x"), "POSITION", "MILLIMETER").sub_type("ACTUAL")),
                ),
            )
    };
    Devices::new([device("m1"), device("m2")])
}

/// Items of both devices together.
pub const ITEMS: u64 = 12;

pub fn at(second: i64) -> Timestamp {
    Timestamp::from_seconds(1_763_800_000 + second)
}

pub async fn agent() -> AgentHandle {
    Agent::new(devices()).buffer_size(100).instance_id(77).initial_time(at(0)).start("127.0.0.1:0").await.unwrap()
}

fn push_positions(agent: &AgentHandle, count: u64) {
    for n in 0..count {
        agent.push("m1-x", at(1), n as f64 + 0.5).unwrap();
    }
}

#[tokio::test]
async fn every_item_begins_unavailable() {
    let agent = agent().await;
    let current = get(&format!("{}/current", agent.url())).await;
    assert_eq!(current.root().name, "MTConnectStreams");
    assert_eq!(current.root().get("xmlns"), "urn:mtconnect.org:MTConnectStreams:2.0");
    assert_eq!(current.numbers(), (1..=ITEMS).collect::<Vec<_>>());
    for observation in current.observations() {
        let expected = if observation.get("dataItemId").ends_with("system") { "" } else { "UNAVAILABLE" };
        assert_eq!(observation.text, expected);
        assert_eq!(observation.get("timestamp"), "2025-11-22T08:26:40.000000Z");
    }
    assert_eq!(current.of("m1-system")[0].name, "Unavailable");
    let header = current.header();
    assert_eq!((header.number("instanceId"), header.number("bufferSize")), (77, 100));
    assert_eq!((header.get("sender"), header.get("version")), ("gemba-sim", "2.0.0.0"));
    assert_eq!(current.sequences(), (1, ITEMS, ITEMS + 1));
}

#[tokio::test]
async fn probe_describes_the_devices_and_each_alone() {
    let agent = agent().await;
    for path in ["/", "/probe"] {
        let probe = get(&format!("{}{path}", agent.url())).await;
        assert_eq!(probe.root().name, "MTConnectDevices");
        let names: Vec<_> = probe.elements.iter().filter(|e| e.name == "Device").map(|e| e.get("name")).collect();
        assert_eq!(names, ["m1", "m2"]);
        let items = probe.elements.iter().filter(|e| e.name == "DataItem").count();
        assert_eq!(items as u64, ITEMS);
    }
    for path in ["/m2", "/m2/probe", "/gemba-sim-m2/probe"] {
        let probe = get(&format!("{}{path}", agent.url())).await;
        let names: Vec<_> = probe.elements.iter().filter(|e| e.name == "Device").map(|e| e.get("name")).collect();
        assert_eq!(names, ["m2"], "{path}");
    }
}

#[tokio::test]
async fn sample_walks_through_the_buffer_without_holes_or_repeats() {
    let agent = agent().await;
    push_positions(&agent, 50);
    let (mut from, mut seen) = (1, Vec::new());
    loop {
        let document = get(&format!("{}/sample?from={from}&count=7", agent.url())).await;
        let (first, last, next) = document.sequences();
        assert_eq!((first, last), (1, ITEMS + 50));
        let numbers = document.numbers();
        assert!(numbers.len() <= 7);
        assert_eq!(next, numbers.last().map_or(from, |n| n + 1));
        if numbers.is_empty() {
            break;
        }
        seen.extend(numbers);
        from = next;
    }
    assert_eq!(seen, (1..=ITEMS + 50).collect::<Vec<_>>());
    // Without a count at most a hundred, without `from` (or with 0) from the oldest on.
    assert_eq!(get(&format!("{}/sample", agent.url())).await.numbers(), seen);
    assert_eq!(get(&format!("{}/sample?from=0", agent.url())).await.numbers(), seen);
}

#[tokio::test]
async fn the_ring_buffer_forgets_the_oldest() {
    let agent = agent().await;
    push_positions(&agent, 150);
    let all = get(&format!("{}/sample?count=100", agent.url())).await;
    let last = ITEMS + 150;
    assert_eq!(all.sequences(), (last - 99, last, last + 1));
    assert_eq!(all.numbers(), (last - 99..=last).collect::<Vec<_>>());
    // What is in force is still known, however old.
    let current = get(&format!("{}/current", agent.url())).await;
    assert_eq!(current.of("m2-execution")[0].number("sequence"), ITEMS - 3);
    agent.set_buffer_size(10);
    let all = get(&format!("{}/sample?count=10", agent.url())).await;
    assert_eq!(all.sequences(), (last - 9, last, last + 1));
    assert_eq!((agent.first_sequence(), agent.next_sequence()), (last - 9, last + 1));
}

#[tokio::test]
async fn outside_the_buffer_is_out_of_range() {
    let agent = agent().await;
    push_positions(&agent, 150);
    let (first, last) = (ITEMS + 51, ITEMS + 150);
    let base = agent.url();
    for query in [
        format!("sample?from={}", first - 1),
        format!("sample?from={}", last + 2),
        format!("sample?from={}&interval=10", first - 1),
        "sample?count=0".to_owned(),
        "sample?count=101".to_owned(),
        format!("current?at={}", first - 1),
        format!("current?at={}", last + 1),
        "sample?interval=10&heartbeat=0".to_owned(),
    ] {
        let (status, text) = fetch(&format!("{base}/{query}")).await;
        let document = Document::parse(&text).unwrap();
        assert_eq!((status, document.error_code()), (400, "OUT_OF_RANGE"), "{query}");
        assert_eq!(document.root().get("xmlns"), "urn:mtconnect.org:MTConnectError:2.0");
        assert_eq!(document.header().number("instanceId"), 77);
    }
    for from in [first, last, last + 1] {
        get(&format!("{base}/sample?from={from}")).await;
    }
}

#[tokio::test]
async fn mistakes_get_the_error_of_the_standard() {
    let agent = agent().await;
    for (path, status, code) in [
        ("/m3/current", 404, "NO_DEVICE"),
        ("/m3/probe", 404, "NO_DEVICE"),
        ("/m3/sample?interval=10", 404, "NO_DEVICE"),
        ("/nobody", 404, "NO_DEVICE"),
        ("/m1/assets/7", 404, "INVALID_URI"),
        ("/sample?from=abc", 400, "INVALID_REQUEST"),
        ("/sample?count=-5", 400, "INVALID_REQUEST"),
        ("/sample?interval=soon", 400, "INVALID_REQUEST"),
        ("/current?at=3&interval=10", 400, "INVALID_REQUEST"),
        ("/current?path=//Rubbish[", 400, "INVALID_PATH"),
    ] {
        let (got, text) = fetch(&format!("{}{path}", agent.url())).await;
        assert_eq!((got, Document::parse(&text).unwrap().error_code()), (status, code), "{path}");
    }
}

#[tokio::test]
async fn old_agents_say_200_with_every_error() {
    let agent = Agent::new(devices()).errors_with_status_200(true).start("127.0.0.1:0").await.unwrap();
    let (status, text) = fetch(&format!("{}/sample?from=999999", agent.url())).await;
    assert_eq!((status, Document::parse(&text).unwrap().error_code()), (200, "OUT_OF_RANGE"));
}

#[tokio::test]
async fn current_at_a_sequence_is_what_was_in_force_then() {
    let agent = agent().await;
    let active = agent.push("m1-execution", at(1), "ACTIVE").unwrap().unwrap();
    agent.push("m1-system", at(2), Condition::fault("E1", "jam")).unwrap();
    let stopped = agent.push("m1-execution", at(3), "STOPPED").unwrap().unwrap();
    let execution = async |at: u64| {
        let document = get(&format!("{}/current?at={at}", agent.url())).await;
        (document.of("m1-execution")[0].text.clone(), document.of("m1-system")[0].name.clone())
    };
    assert_eq!(execution(active - 1).await, ("UNAVAILABLE".into(), "Unavailable".into()));
    assert_eq!(execution(active).await, ("ACTIVE".into(), "Unavailable".into()));
    assert_eq!(execution(active + 1).await, ("ACTIVE".into(), "Fault".into()));
    assert_eq!(execution(stopped).await, ("STOPPED".into(), "Fault".into()));
}

#[tokio::test]
async fn conditions_carry_what_the_machine_said() {
    let agent = agent().await;
    agent.push("m1-system", at(1), Condition::normal()).unwrap();
    agent.push("m1-system", at(2), Condition::fault("E\"7\"", "Jam <left> & right").severity("700")).unwrap();
    agent.push("m1-system", at(3), "Warning|W1||HIGH|near | the limit").unwrap();
    let current = get(&format!("{}/m1/current", agent.url())).await;
    let [fault, warning] = current.of("m1-system")[..] else { panic!("two conditions: {current:?}") };
    assert_eq!((fault.name.as_str(), fault.text.as_str()), ("Fault", "Jam <left> & right"));
    assert_eq!(
        (fault.get("type"), fault.get("nativeCode"), fault.get("nativeSeverity"), fault.get("name")),
        ("SYSTEM", "E\"7\"", "700", "system")
    );
    assert!(!fault.attributes.contains_key("qualifier"));
    assert_eq!((warning.name.as_str(), warning.get("qualifier")), ("Warning", "HIGH"));
    assert_eq!(warning.text, "near | the limit");
    assert_eq!(fault.inside.last().unwrap(), "Condition");
    agent.push("m1-system", at(4), Condition::cleared("W1")).unwrap();
    let current = get(&format!("{}/m1/current", agent.url())).await;
    assert_eq!(current.of("m1-system").len(), 1);
    agent.push("m1-system", at(5), "Normal||||").unwrap();
    agent.push("m1-system", at(6), "Unavailable||||").unwrap();
    let all = get(&format!("{}/sample?from={}", agent.url(), ITEMS + 1)).await;
    let names: Vec<_> = all.of("m1-system").iter().map(|e| e.name.clone()).collect();
    assert_eq!(names, ["Normal", "Fault", "Warning", "Normal", "Normal", "Unavailable"]);
}

#[tokio::test]
async fn text_survives_whatever_it_holds() {
    let agent = agent().await;
    let nasty = "<a b='c'>\"&amp;\u{e9}\u{1F600}</a>]]>\nline two\t.";
    agent.push("m1-message", at(1), nasty).unwrap();
    agent.push("m1-pallet", at(1), "bell \u{7}").unwrap();
    let current = get(&format!("{}/current", agent.url())).await;
    assert_eq!(current.of("m1-message")[0].text, nasty);
    assert_eq!(current.of("m1-pallet")[0].text, "bell \u{FFFD}");
    assert_eq!(current.of("m1-pallet")[0].name, "x:PalletNumber");
    assert!(current.root().attributes.contains_key("xmlns:x"), "the prefix is declared");
}

#[tokio::test]
async fn streams_are_ordered_by_device_component_and_category() {
    let agent = agent().await;
    agent.push("m2-x", at(1), 1.0).unwrap();
    agent.push("m1-x", at(1), 2.0).unwrap();
    agent.push("m1-execution", at(1), "ACTIVE").unwrap();
    agent.push("m1-system", at(1), Condition::normal()).unwrap();
    let document = get(&format!("{}/sample?from={}", agent.url(), ITEMS + 1)).await;
    let shape: Vec<_> = document.elements.iter().filter(|e| e.name != "Header").map(|e| e.name.as_str()).collect();
    let expected = [
        "MTConnectStreams",
        "Streams",
        "DeviceStream",
        "ComponentStream",
        "Events",
        "Execution",
        "Condition",
        "Normal",
        "ComponentStream",
        "Samples",
        "Position",
        "DeviceStream",
        "ComponentStream",
        "Samples",
        "Position",
    ];
    assert_eq!(shape, expected);
    let position = document.of("m1-x")[0];
    assert_eq!((position.get("subType"), position.text.as_str()), ("ACTUAL", "2"));
    let linear = document.elements.iter().find(|e| e.name == "ComponentStream" && e.get("component") == "Linear");
    assert_eq!(linear.unwrap().get("name"), "X");
}

#[tokio::test]
async fn requests_are_narrowed_by_device_and_path() {
    let agent = agent().await;
    let ids = async |query: &str| {
        let document = get(&format!("{}/{query}", agent.url())).await;
        document.observations().iter().map(|e| e.get("dataItemId").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(ids("m2/current").await.len() as u64, ITEMS / 2);
    assert_eq!(ids("gemba-sim-m2/sample").await.len() as u64, ITEMS / 2);
    assert_eq!(ids("current?path=//DataItem[@type=%22EXECUTION%22]").await, ["m1-execution", "m2-execution"]);
    assert_eq!(ids("m1/current?path=//DataItem[@category='CONDITION']").await, ["m1-system"]);
    let union = "current?path=//Device[@name=%22m2%22]//DataItem[@subType='ACTUAL']|//DataItem[@name='system']";
    assert_eq!(ids(union).await, ["m1-system", "m2-system", "m2-x"]);
    // The next sequence lies behind everything looked at, wanted or not.
    let document = get(&format!("{}/sample?path=//DataItem[@id='m1-availability']", agent.url())).await;
    assert_eq!(document.sequences(), (1, ITEMS, ITEMS + 1));
}

#[tokio::test]
async fn repeats_are_dropped_unless_they_are_occurrences() {
    let agent = agent().await;
    assert!(agent.push("m1-execution", at(1), "ACTIVE").unwrap().is_some());
    assert!(agent.push("m1-execution", at(2), "ACTIVE").unwrap().is_none());
    assert!(agent.push("m1-execution", at(3), "UNAVAILABLE").unwrap().is_some());
    assert!(agent.push("m1-message", at(1), "hello").unwrap().is_some());
    assert!(agent.push("m1-message", at(2), "hello").unwrap().is_some());
    assert!(agent.push("m2-message", at(2), "UNAVAILABLE").unwrap().is_none());
    let every = Agent::new(devices()).filter_duplicates(false).start("127.0.0.1:0").await.unwrap();
    assert!(every.push("m1-execution", at(1), "ACTIVE").unwrap().is_some());
    assert!(every.push("m1-execution", at(2), "ACTIVE").unwrap().is_some());
}

#[tokio::test]
async fn what_does_not_fit_is_refused() {
    let agent = agent().await;
    let next = agent.next_sequence();
    assert_eq!(agent.push("m9-x", at(1), 1.0), Err(PushError::UnknownItem("m9-x".into())));
    assert!(matches!(agent.push("m1-system", at(1), "rubbish"), Err(PushError::NotACondition { .. })));
    assert!(matches!(agent.push("m1-x", at(1), Condition::normal()), Err(PushError::NoConditionItem(_))));
    let batch = [("m1-x", at(1), 1.0.into()), ("m9-x", at(1), 2.0.into()), ("m1-x", at(1), 3.0.into())];
    assert!(agent.adapter().push_all(batch).is_err());
    assert_eq!(agent.next_sequence(), next + 1, "only what came before the mistake is stored");
}
