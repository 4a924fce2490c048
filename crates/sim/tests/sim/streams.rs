//! Long-poll streams.

use std::time::Duration;

use gemba_sim::agent::{Agent, Condition};

use crate::{
    document::Parts,
    protocol::{ITEMS, agent, at, devices},
};

#[tokio::test]
async fn a_stream_delivers_what_is_there_and_what_comes() {
    let agent = agent().await;
    let mut parts = Parts::open(&format!("{}/sample?from=1&interval=0", agent.url())).await;
    let first = parts.next().await;
    assert_eq!(first.numbers(), (1..=ITEMS).collect::<Vec<_>>());
    let (mut next, mut seen) = (first.sequences().2, Vec::new());
    for n in 0..20u64 {
        agent.push("m1-x", at(1), n + 1).unwrap();
    }
    while seen.len() < 20 {
        let part = parts.next().await;
        let numbers = part.numbers();
        assert_eq!(numbers.first().copied().unwrap_or(next), next);
        next = part.sequences().2;
        seen.extend(numbers);
    }
    assert_eq!(seen, (ITEMS + 1..=ITEMS + 20).collect::<Vec<_>>());
}

#[tokio::test]
async fn count_limits_every_part() {
    let agent = agent().await;
    let mut parts = Parts::open(&format!("{}/sample?from=1&interval=0&count=5", agent.url())).await;
    let mut seen = Vec::new();
    while (seen.len() as u64) < ITEMS {
        let part = parts.next().await;
        assert!((1..=5).contains(&part.numbers().len()));
        seen.extend(part.numbers());
    }
    assert_eq!(seen, (1..=ITEMS).collect::<Vec<_>>());
}

#[tokio::test]
async fn silence_is_filled_with_heartbeats() {
    let agent = agent().await;
    let url = format!("{}/sample?from={}&interval=0&heartbeat=20", agent.url(), ITEMS + 1);
    let mut parts = Parts::open(&url).await;
    for _ in 0..3 {
        let part = parts.next().await;
        assert_eq!((part.numbers(), part.sequences().2), (vec![], ITEMS + 1));
    }
    // Data that the client did not ask for is silence, too; the sequence moves on.
    let url = format!("{}/m2/sample?from={}&interval=0&heartbeat=20", agent.url(), ITEMS + 1);
    let mut parts = Parts::open(&url).await;
    agent.push("m1-x", at(1), 1.0).unwrap();
    loop {
        let part = parts.next().await;
        assert!(part.numbers().is_empty());
        if part.sequences().2 == ITEMS + 2 {
            break;
        }
    }
}

#[tokio::test]
async fn the_default_heartbeat_can_be_set() {
    let agent = Agent::new(devices()).heartbeat(Duration::from_millis(10)).start("127.0.0.1:0").await.unwrap();
    let mut parts = Parts::open(&format!("{}/sample?from={}&interval=0", agent.url(), ITEMS + 1)).await;
    for _ in 0..3 {
        assert!(parts.next().await.numbers().is_empty());
    }
}

#[tokio::test]
async fn a_reader_that_falls_behind_is_told() {
    let agent = agent().await;
    let mut parts = Parts::open(&format!("{}/sample?from=1&count=1&interval=20", agent.url())).await;
    assert_eq!(parts.next().await.numbers(), [1]);
    agent.adapter().push_all((0..200u64).map(|n| ("m1-x", at(1), (n + 1).into()))).unwrap();
    let last = loop {
        let part = parts.next().await;
        if part.root().name == "MTConnectError" {
            break part;
        }
    };
    assert_eq!(last.error_code(), "OUT_OF_RANGE");
    assert_eq!(parts.next_text().await, Ok(None), "the stream is closed after it");
}

#[tokio::test]
async fn current_can_be_followed() {
    let agent = agent().await;
    let mut parts = Parts::open(&format!("{}/m1/current?interval=10", agent.url())).await;
    assert_eq!(parts.next().await.of("m1-execution")[0].text, "UNAVAILABLE");
    agent.push("m1-execution", at(1), "ACTIVE").unwrap();
    agent.push("m1-system", at(1), Condition::fault("E", "jam")).unwrap();
    loop {
        let part = parts.next().await;
        assert_eq!(part.observations().len() as u64, ITEMS / 2);
        if part.of("m1-system")[0].name == "Fault" {
            assert_eq!(part.of("m1-execution")[0].text, "ACTIVE");
            break;
        }
    }
}

#[tokio::test]
async fn stopping_closes_streams_regularly_and_frees_the_port() {
    let agent = agent().await;
    let address = agent.address().to_string();
    let mut parts = Parts::open(&format!("{}/sample?from=1&interval=0", agent.url())).await;
    parts.next().await;
    let (_, end) = tokio::join!(agent.stop(), parts.next_text());
    assert_eq!(end, Ok(None));
    Agent::new(devices()).start(&address).await.unwrap();
}
