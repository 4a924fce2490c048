//! The agent misbehaves as told, and only as told.

use std::time::Duration;

use gemba_sim::agent::{Component, DataItem, Device, Devices, Restart};

use crate::{
    document::{Document, Parts, fetch, get},
    protocol::{ITEMS, agent, at},
};

#[tokio::test]
async fn a_restart_begins_a_new_life() {
    let agent = agent().await;
    agent.push("m1-execution", at(1), "ACTIVE").unwrap();
    let mut parts = Parts::open(&format!("{}/sample?from=1&interval=0", agent.url())).await;
    parts.next().await;
    agent.restart(Restart::default());
    assert!(parts.next_text().await.is_err(), "streams are cut");
    let current = get(&format!("{}/current", agent.url())).await;
    assert_eq!(current.header().number("instanceId"), 78);
    assert_eq!(agent.instance_id(), 78);
    assert_eq!(current.sequences(), (1, ITEMS, ITEMS + 1));
    assert_eq!(current.of("m1-execution")[0].text, "UNAVAILABLE");
    assert!(agent.push("m1-execution", at(2), "ACTIVE").unwrap().is_some(), "adapters go on");
    let hidden = Restart { instance_id: Some(78), buffer_size: Some(5), ..Restart::default() };
    agent.restart(hidden);
    let current = get(&format!("{}/current", agent.url())).await;
    assert_eq!((current.header().number("instanceId"), current.header().number("bufferSize")), (78, 5));
    assert_eq!(current.sequences(), (ITEMS - 4, ITEMS, ITEMS + 1));
}

#[tokio::test]
async fn the_device_file_can_change() {
    let agent = agent().await;
    let other =
        Device::new("m7").component(Component::new("Controller", "c").item(DataItem::event("m7-e", "EXECUTION")));
    agent.restart(Restart { devices: Some(Devices::new([other])), ..Restart::default() });
    let probe = get(&format!("{}/probe", agent.url())).await;
    assert_eq!(
        probe.elements.iter().filter(|e| e.name == "DataItem").map(|e| e.get("id")).collect::<Vec<_>>(),
        ["m7-e"]
    );
    assert!(agent.push("m1-execution", at(1), "ACTIVE").is_err());
    assert!(agent.push("m7-e", at(1), "ACTIVE").unwrap().is_some());
}

#[tokio::test]
async fn broken_documents_are_broken_and_then_whole_again() {
    let agent = agent().await;
    let url = format!("{}/current", agent.url());
    agent.break_next(2);
    for expected in [false, false, true] {
        let (status, text) = fetch(&url).await;
        assert_eq!((status, Document::parse(&text).is_ok()), (200, expected));
    }
    agent.break_next(1);
    let mut parts = Parts::open(&format!("{}/sample?from=1&interval=0&heartbeat=10", agent.url())).await;
    let text = parts.next_text().await.unwrap().unwrap();
    assert!(Document::parse(&text).is_err());
    assert!(parts.next().await.numbers().is_empty(), "the stream itself goes on, with a heartbeat");
}

#[tokio::test]
async fn connections_break_off() {
    let agent = agent().await;
    agent.drop_next(1);
    let response = crate::document::answer(format!("{}/probe", agent.url())).await;
    assert!(response.text().await.is_err());
    get(&format!("{}/probe", agent.url())).await;

    let url = format!("{}/sample?from=1&interval=0", agent.url());
    let mut parts = Parts::open(&url).await;
    parts.next().await;
    agent.drop_streams();
    assert!(parts.next_text().await.is_err());
    let mut parts = Parts::open(&url).await;
    parts.next().await;
}

#[tokio::test]
async fn requests_are_refused() {
    let agent = agent().await;
    agent.refuse_next(1);
    assert_eq!(fetch(&format!("{}/probe", agent.url())).await, (503, String::new()));
    get(&format!("{}/probe", agent.url())).await;
}

#[tokio::test]
async fn a_stalled_agent_is_silent_until_it_is_not() {
    let agent = agent().await;
    let mut parts = Parts::open(&format!("{}/sample?from=1&interval=0&heartbeat=5", agent.url())).await;
    parts.next().await;
    agent.set_stalled(true);
    // What was under way when the stall began may still come.
    while tokio::time::timeout(Duration::from_millis(100), parts.next()).await.is_ok() {}
    agent.push("m1-execution", at(1), "ACTIVE").unwrap();
    agent.set_stalled(false);
    loop {
        if let [observation] = parts.next().await.observations()[..] {
            assert_eq!(observation.text, "ACTIVE");
            break;
        }
    }
}
