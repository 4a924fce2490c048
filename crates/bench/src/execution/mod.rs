//! Recorded machines: how long each held which execution state, day by day, by the real import and the real API, beside
//! what was computed from the same recordings elsewhere.
//!
//! Each machine gets a server of its own. Days whose own file is missing in the source are told apart and do not count.

mod expected;
mod facts;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    process::ExitCode,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use chrono::NaiveDate;
use clap::Args;
use gemba_contract::{signal::DurationBucket, unit::UnitDetail};
use gemba_domain::{
    Timestamp,
    signal::{SignalId, SignalRole},
};

use crate::{
    report::Report,
    rig::{Imported, LinePlan, PlantPlan, Programs, Rig, Session, UnitPlan},
};
use expected::{ExpectedDay, Recording};
use facts::Facts;

pub(crate) use expected::gunzip;

/// A day is right when no state is off by more than this.
const TOLERANCE_SECONDS: f64 = 1.0;
const LINE: &str = "recorded";
/// So many wrong days are shown of each machine.
const SHOWN: usize = 20;

/// `eval execution`.
#[derive(Args, Debug)]
pub struct ExecutionArguments {
    /// Folder with MACHINE_state_events.csv.gz and expected_daily_execution_seconds_MACHINE.csv.gz
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
}

/// Outcome of one machine.
#[derive(Debug, Default)]
struct Outcome {
    passed: usize,
    total: usize,
    absent: usize,
    absent_right: usize,
    events: u64,
    import: Duration,
    deriving: f64,
    facts_hold: bool,
}

/// Runs and prints. Fails when a day is wrong or the facts do not add up.
///
/// # Errors
/// The data cannot be read, or a program failed.
pub async fn run(arguments: &ExecutionArguments) -> Result<ExitCode> {
    let begun = Instant::now();
    let mut outcomes = Vec::new();
    for recording in expected::find(&arguments.data)? {
        outcomes.push(machine(&recording).await?);
    }
    let sum = |of: fn(&Outcome) -> usize| outcomes.iter().map(of).sum::<usize>();
    let (passed, total) = (sum(|o| o.passed), sum(|o| o.total));
    let import: f64 = outcomes.iter().map(|o| o.import.as_secs_f64()).sum();
    let events: u64 = outcomes.iter().map(|o| o.events).sum();
    let facts_hold = outcomes.iter().all(|o| o.facts_hold);

    let mut report = Report::new("execution");
    report.word("machines", "machines", outcomes.len());
    report.word("passed", "days with every state within 1 s", passed).at_least(total as f64);
    report.word("total", "of days", total);
    report.word("absent_days", "days whose file the source lacks", sum(|o| o.absent));
    report.word("absent_within_1s", "of these within 1 s", sum(|o| o.absent_right));
    report.figure("seconds", "all told, build apart", begun.elapsed().as_secs_f64(), "s").at_most(30.0);
    report.figure("import_seconds", "gemba import, figures included", import, "s");
    report.figure("derive_seconds", "of which deriving figures", outcomes.iter().map(|o| o.deriving).sum(), "s");
    report.figure("events_per_s", "events imported", events as f64 / import, "1/s");
    report.word("facts_hold", "states without gap or overlap, elements sum up", facts_hold);
    report.print();
    Ok(if passed == total && facts_hold { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn machine(recording: &Recording) -> Result<Outcome> {
    let machine = &recording.machine;
    let code = machine.to_lowercase();
    let unit = UnitPlan { code: code.clone(), signals: Vec::new() };
    let plant = PlantPlan { lines: vec![LinePlan { code: LINE.to_owned(), units: vec![unit] }] };
    let path = PlantPlan::path(LINE, &code);
    let rig = Rig::start(Programs::find()?, &plant).await?;
    let session = rig.sign_in().await?;

    let begun = Instant::now();
    let events = recording.events.to_string_lossy();
    let said = rig.gemba(&["import", "mtconnect-log", "--unit", &path, "--create-signals", &events]).await?;
    let mut outcome = Outcome { import: begun.elapsed(), ..Outcome::default() };
    let told =
        Imported::read(&said).with_context(|| format!("`gemba import` said something else than expected:\n{said}"))?;
    (outcome.events, outcome.deriving) = (told.events, told.deriving);
    println!(
        "{machine}: {} events imported in {:.2} s, {:.2} s of it for deriving figures",
        told.events,
        outcome.import.as_secs_f64(),
        told.deriving
    );

    let unit = until_execution(&session, &path).await?;
    let execution = unit.signals.iter().find(|signal| signal.role == Some(SignalRole::Execution));
    let signal = execution.context("no signal of the unit is its execution")?.id;
    let buckets = durations(&session, signal, &recording.days).await?;
    compare(recording, &buckets, &mut outcome)?;

    let mut database = rig.postmaster()?.connect().await?;
    let facts = facts::of(&mut database, unit.tile.id, told.first.micros(), told.last.micros()).await?;
    outcome.facts_hold = facts.hold();
    tell_facts(machine, &facts);
    drop(database);
    rig.stop().await?;
    Ok(outcome)
}

fn tell_facts(machine: &str, facts: &Facts) {
    println!(
        "{machine}: {} states ({} overlap, {} s missing, {}), {} elements of hours and shifts ({} hours do not sum to 3600 s)",
        facts.intervals,
        facts.overlaps,
        facts.missing_seconds,
        if facts.whole_span { "from the first event to the last" } else { "NOT of the whole recording" },
        facts.elements,
        facts.wrong_hours
    );
}

/// The running server takes notice of what was imported beside it within seconds.
async fn until_execution(session: &Session, path: &str) -> Result<UnitDetail> {
    for _ in 0..200 {
        let unit = session.until_known(path).await?;
        if unit.signals.iter().any(|signal| signal.role == Some(SignalRole::Execution)) {
            return Ok(unit);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    bail!("the server shows no execution signal of {path} 10 s after the import")
}

fn midnight(date: NaiveDate) -> Timestamp {
    Timestamp::from_micros(date.and_time(chrono::NaiveTime::MIN).and_utc().timestamp_micros())
}

async fn durations(session: &Session, signal: SignalId, days: &[ExpectedDay]) -> Result<Vec<DurationBucket>> {
    let first = days.iter().map(|day| day.date).min().context("no days")?;
    let last = days.iter().map(|day| day.date).max().context("no days")?;
    let (from, to) = (midnight(first), midnight(last).plus_seconds(86_400));
    Ok(session.durations(signal, from, to).await?.buckets)
}

fn compare(recording: &Recording, buckets: &[DurationBucket], outcome: &mut Outcome) -> Result<()> {
    let found: BTreeMap<Timestamp, &DurationBucket> = buckets.iter().map(|bucket| (bucket.from, bucket)).collect();
    let mut shown = 0;
    for day in &recording.days {
        let from = midnight(day.date);
        let bucket = found.get(&from).with_context(|| format!("the API gave no bucket for {}", day.date))?;
        let wrong = differences(&day.seconds, &bucket.seconds);
        let right = usize::from(wrong.is_empty());
        if day.absent {
            outcome.absent += 1;
            outcome.absent_right += right;
            continue;
        }
        outcome.total += 1;
        outcome.passed += right;
        if right == 0 && shown < SHOWN {
            shown += 1;
            println!("{} {}: {}", recording.machine, day.date, wrong.join(", "));
        }
    }
    Ok(())
}

/// The states that are off, in words.
fn differences(expected: &BTreeMap<String, f64>, found: &BTreeMap<String, f64>) -> Vec<String> {
    let states: BTreeSet<&String> = expected.keys().chain(found.keys()).collect();
    let seconds = |of: &BTreeMap<String, f64>, state: &String| of.get(state).copied().unwrap_or(0.0);
    states
        .into_iter()
        .map(|state| (state, seconds(expected, state), seconds(found, state)))
        .filter(|(_, expected, found)| (expected - found).abs() > TOLERANCE_SECONDS)
        .map(|(state, expected, found)| format!("{state} expected {expected:.3} s, found {found:.3} s"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_that_only_one_side_has_counts() {
        let of = |pairs: &[(&str, f64)]| pairs.iter().map(|(s, n)| ((*s).to_owned(), *n)).collect::<BTreeMap<_, _>>();
        assert!(differences(&of(&[("ACTIVE", 10.0), ("READY", 0.0)]), &of(&[("ACTIVE", 10.9)])).is_empty());
        assert_eq!(differences(&of(&[("ACTIVE", 10.0)]), &of(&[("ACTIVE", 10.0), ("READY", 2.0)])).len(), 1);
        assert_eq!(differences(&of(&[("ACTIVE", 10.0)]), &of(&[])).len(), 1);
    }
}
