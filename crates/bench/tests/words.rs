//! What people say outlives the programs: Postgres and the server are killed while reasons are given.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use gemba_bench::rig::{Frame, LinePlan, PlantPlan, Programs, Rig, Sender, SignalPlan, UnitPlan, now_micros};
use gemba_contract::reason::GiveReason;
use gemba_domain::{
    Interval, Timestamp,
    signal::{SignalKind, SignalRole, Value},
};

const STOPS: i64 = 60;
/// A stop of a minute every so many seconds.
const EVERY: i64 = 120;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reason_that_was_taken_stays_whoever_is_killed() -> Result<()> {
    let signals = vec![SignalPlan::role(SignalKind::State, SignalRole::Execution)];
    let unit = UnitPlan { code: "unit".to_owned(), signals };
    let plant = PlantPlan { lines: vec![LinePlan { code: "line".to_owned(), units: vec![unit] }] };
    let mut rig = Rig::start(Programs::find()?, &plant).await?;
    let session = rig.sign_in().await?;
    let path = PlantPlan::path("line", "unit");
    session.until_known(&path).await?;
    let identity = rig.enrol("words").await?;
    let mut sender = Sender::new(&rig.ingest_url(), &identity, [(format!("{path}:execution"), SignalKind::State)])?;
    sender.hello().await?;
    let begin = Timestamp::from_micros(now_micros()).plus_seconds(-STOPS * EVERY - 60);
    let stop = |number: i64| (begin.plus_seconds(number * EVERY), begin.plus_seconds(number * EVERY + 60));
    let samples = (0..STOPS).flat_map(|number| {
        let (from, to) = stop(number);
        [(0, from.micros(), Value::Text("FEED_HOLD".into())), (0, to.micros(), Value::Text("ACTIVE".into()))]
    });
    let covered = Interval::new(begin, begin.plus_seconds(STOPS * EVERY));
    let frame = sender.number(&Frame { covered, samples: samples.collect() });
    sender.send(&[frame]).await?;

    for number in 0..STOPS {
        if number == STOPS / 3 {
            rig.postmaster()?.kill_all()?;
        }
        if number == STOPS * 2 / 3 {
            rig.kill_server().await?;
            rig.start_server().await?;
        }
        let (from, to) = stop(number);
        let word = GiveReason {
            unit: path.parse()?,
            from,
            to: Some(to),
            reason: Some("jam".to_owned()),
            comment: format!("stop {number}"),
            seen: Vec::new(),
        };
        let mut taken = false;
        for _ in 0..300 {
            match session.give_reason(&word).await.map(|status| status.as_u16()) {
                // Refused because it stands already: it was taken, and the answer was lost.
                Ok(200 | 409) => {
                    taken = true;
                    break;
                }
                Ok(500..) | Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
                Ok(other) => anyhow::bail!("stop {number}: {other}"),
            }
        }
        ensure!(taken, "stop {number} was not taken within 30 s");
    }

    let mut told = Vec::new();
    for _ in 0..300 {
        let report = session.report(&path, begin, begin.plus_seconds(STOPS * EVERY)).await?;
        told = report.stops.iter().flat_map(|stop| &stop.said).map(|said| said.comment.clone()).collect();
        let explained = report.reasons.iter().find(|row| row.reason.as_deref() == Some("jam"));
        if told.len() as i64 == STOPS && explained.is_some_and(|row| row.micros == STOPS * 60_000_000) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    told.sort_by_key(|comment| comment.trim_start_matches("stop ").parse::<i64>().unwrap_or(-1));
    let expected: Vec<String> = (0..STOPS).map(|number| format!("stop {number}")).collect();
    assert_eq!(told, expected, "each word once, whether it was told twice or not");
    let report = session.report(&path, begin, begin.plus_seconds(STOPS * EVERY)).await?;
    let jam = report.reasons.iter().find(|row| row.reason.as_deref() == Some("jam")).context("no jam")?;
    assert_eq!((jam.micros, jam.stops), (STOPS * 60_000_000, STOPS as u64));
    rig.stop().await
}
