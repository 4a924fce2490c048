//! F9: the same frames in order to one unit, and disturbed to another: duplicated, shuffled, late, corrected, from the
//! future. Both must come to the same, and stay so after a kill of the server.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use gemba_contract::{edge::LocalSignal, unit::UnitDetail};
use gemba_domain::{
    Interval, Timestamp,
    signal::{SignalKind, SignalRole, Value},
};
use rand::{Rng, seq::SliceRandom};

use super::{Account, Kind, Outcome, facts, machines::Said, samples};
use crate::rig::{Frame, LinePlan, PlantPlan, Rig, Sender, Session, SignalPlan, UnitPlan, now_micros};

const SECOND: i64 = 1_000_000;
const HOUR: i64 = 3600 * SECOND;
/// Begin before now and length, of the stretches that are sent, oldest first: late by 30 days, around the border of the day that
/// the engine holds in memory, late by an hour, and the present.
const STRETCHES: [(i64, i64); 4] = [
    (30 * 24 * HOUR, 4200 * SECOND),
    (25 * HOUR + 1200 * SECOND, 2400 * SECOND),
    (HOUR + 600 * SECOND, 600 * SECOND),
    (240 * SECOND, 230 * SECOND),
];
/// After this long the facts are stored.
const STORED: Duration = Duration::from_secs(8);
/// Late data are to be in the facts so soon.
const REDERIVED: Duration = Duration::from_secs(60);
const FRAME: i64 = 5 * SECOND;
/// Frames in one request.
const REQUEST: usize = 48;
const FIRST_MEASURE: usize = 3;

fn signals() -> Vec<SignalPlan> {
    vec![
        SignalPlan::role(SignalKind::State, SignalRole::Execution),
        SignalPlan::role(SignalKind::Counter, SignalRole::GoodCount),
        SignalPlan::role(SignalKind::Counter, SignalRole::ScrapCount),
        SignalPlan::plain(SignalKind::Measure, "load"),
        SignalPlan::plain(SignalKind::Measure, "temperature"),
        SignalPlan::plain(SignalKind::Text, "program"),
    ]
}

fn line_code(pair: usize) -> String {
    format!("pair-{pair}")
}

/// A line of two units: one is sent to in order, the other is not.
pub(super) fn line(pair: usize) -> LinePlan {
    let unit = |code: &str| UnitPlan { code: code.to_owned(), signals: signals() };
    LinePlan { code: line_code(pair), units: vec![unit("ordered"), unit("disturbed")] }
}

type Sample = (LocalSignal, i64, Value);

/// The truth, as frames in order, stretch by stretch.
fn truth(now: i64, random: &mut impl Rng) -> Vec<Vec<Frame>> {
    let mut pieces = 0.0;
    let mut scrap = 0.0;
    let mut stretch = |(before, length): (i64, i64)| {
        let begin = now - before;
        let frames = (0..length / FRAME).map(|number| {
            let from = begin + number * FRAME;
            let mut samples: Vec<Sample> = Vec::new();
            let mut at = |signal: LocalSignal, value: Value, random: &mut dyn rand::RngCore| {
                samples.push((signal, from + random.random_range(1..FRAME), value));
            };
            if number == 0 || random.random_bool(0.3) {
                let words = ["ACTIVE", "ACTIVE", "READY", "INTERRUPTED", "UNAVAILABLE"];
                at(0, word(words[random.random_range(0..words.len())]), random);
            }
            pieces += 1.0;
            at(1, Value::Number(pieces), random);
            if random.random_bool(0.1) {
                scrap += 1.0;
                at(2, Value::Number(scrap), random);
            }
            at(3, Value::Number(f64::from(random.random_range(0..100_000)) / 100.0), random);
            at(4, Value::Number(f64::from(random.random_range(0..1_000)) / 7.0), random);
            at(5, word(&format!("PROGRAM {}", random.random_range(0..9))), random);
            let covered = Interval::new(Timestamp::from_micros(from), Timestamp::from_micros(from + FRAME));
            Frame { covered, samples }
        });
        frames.collect()
    };
    STRETCHES.into_iter().map(&mut stretch).collect()
}

fn word(text: &str) -> Value {
    if text == "UNAVAILABLE" { Value::Unavailable } else { Value::Text(text.into()) }
}

/// Takes out the last count before the end of an hour, thirty days ago: it will come when the facts of both hours are stored.
fn straggler(frames: &mut [Frame]) -> Option<Frame> {
    let hour = |frame: &Frame| facts::hour_of(frame.covered.from);
    let last = frames.windows(2).position(|pair| hour(&pair[0]) != hour(&pair[1]))?;
    let at = frames[last].samples.iter().position(|(signal, ..)| *signal == 1)?;
    let samples = vec![frames[last].samples.remove(at)];
    Some(Frame { covered: Interval::new(frames[last].covered.from, frames[last].covered.from), samples })
}

/// The same, as an unlucky network, an impatient collector and a careless clock would bring it.
fn disturbed(truth: &[Vec<Frame>], random: &mut impl Rng) -> Vec<Frame> {
    let mut out = Vec::new();
    let mut corrections = Vec::new();
    // Newest first: what is older comes an hour, a day, thirty days late.
    for stretch in truth.iter().rev() {
        let mut frames = stretch.clone();
        // Single samples come with the frame after theirs.
        let mut late: Vec<Sample> = Vec::new();
        for frame in &mut frames {
            let (kept, delayed) = std::mem::take(&mut frame.samples).into_iter().partition(|_| random.random_bool(0.9));
            frame.samples = kept;
            frame.samples.append(&mut late);
            late = delayed;
        }
        if let Some(last) = frames.last_mut() {
            last.samples.append(&mut late);
        }
        let again: Vec<Frame> = frames.iter().filter(|_| random.random_bool(0.2)).cloned().collect();
        // Some say something wrong first.
        for frame in &mut frames {
            for (signal, time, value) in &mut frame.samples {
                if random.random_bool(0.03) {
                    corrections.push((*signal, *time, value.clone()));
                    *value = if (*signal as usize) < FIRST_MEASURE { Value::Unavailable } else { Value::Number(-1.0) };
                }
            }
        }
        frames.extend(again);
        frames.shuffle(random);
        out.extend(frames);
    }
    let covered =
        truth.first().and_then(|frames| frames.first()).map_or(Timestamp::default(), |frame| frame.covered.from);
    // What corrects covers no time of its own.
    out.extend(
        corrections.chunks(20).map(|part| Frame { covered: Interval::new(covered, covered), samples: part.to_vec() }),
    );
    out
}

/// Sends both, waits for the facts, and compares. A line for the table.
pub(super) async fn round(
    rig: &mut Rig,
    session: &Session,
    pair: usize,
    short: bool,
    random: &mut impl Rng,
    outcome: &mut Outcome,
) -> Result<String> {
    let now = now_micros();
    let truth = truth(now, random);
    let mut ordered: Vec<Frame> = truth.iter().flatten().cloned().collect();
    let mut held_back = truth.clone();
    let straggler = held_back.first_mut().and_then(|frames| straggler(frames));
    let mut unordered = disturbed(&held_back, random);
    // An hour ahead is a clock that is wrong; two days ahead is set aside.
    let future: [Sample; 2] = [(3, now + HOUR, Value::Number(1.5)), (4, now + 48 * HOUR, Value::Number(2.5))];
    for frames in [&mut ordered, &mut unordered] {
        let at = random.random_range(0..frames.len());
        frames[at].samples.extend(future.iter().cloned());
    }
    let mut said: BTreeMap<String, Said> = signals().into_iter().map(|signal| (signal.code, Said::new())).collect();
    let codes: Vec<String> = signals().into_iter().map(|signal| signal.code).collect();
    for (signal, time, value) in truth.iter().flatten().flat_map(|frame| &frame.samples).chain(&future[..1]) {
        said.entry(codes[*signal as usize].clone()).or_default().insert(*time, value.clone());
    }
    let samples = said.values().map(BTreeMap::len).sum::<usize>();

    let before = outcome.account.unaccounted();
    sender(rig, pair, "ordered").await?.send_all(&ordered, &mut |_| false).await?;
    let mut disturber = sender(rig, pair, "disturbed").await?;
    disturber.send_all(&unordered, &mut |_| random.random_bool(0.3)).await?;
    if let Some(straggler) = straggler {
        if !short {
            tokio::time::sleep(STORED).await;
        }
        disturber.send_all(&[straggler], &mut |_| false).await?;
    }
    let acknowledged = Instant::now();
    for code in ["ordered", "disturbed"] {
        check(rig, session, pair, code, &said, acknowledged, outcome).await?;
    }
    let rederived = acknowledged.elapsed().as_secs_f64() * 1000.0;
    outcome.rederived_ms.push(rederived);
    // What is stored survives; what the server stores anew after its start is the same.
    rig.kill_server().await?;
    rig.start_server().await?;
    // What the server has loaded it stores at once.
    tokio::time::sleep(Duration::from_secs(2)).await;
    for code in ["ordered", "disturbed"] {
        check(rig, session, pair, code, &said, Instant::now(), outcome).await?;
    }
    let other = outcome.account.unaccounted() - before;
    Ok(format!("F9         1  {samples:>12}     -  {other:>5}  late data in the facts after {rederived:.0} ms"))
}

/// A collector of one of the two units.
struct Direct(Sender);

async fn sender(rig: &Rig, pair: usize, code: &str) -> Result<Direct> {
    let identity = rig.enrol(&format!("pair-{pair}-{code}")).await?;
    let path = PlantPlan::path(&line_code(pair), code);
    let addresses = signals().into_iter().map(|signal| (format!("{path}:{}", signal.code), signal.kind));
    let sender = Sender::new(&rig.ingest_url(), &identity, addresses)?;
    sender.hello().await?;
    Ok(Direct(sender))
}

impl Direct {
    /// Sends all frames; some requests twice.
    async fn send_all(&mut self, frames: &[Frame], again: &mut dyn FnMut(usize) -> bool) -> Result<()> {
        for (number, frames) in frames.chunks(REQUEST).enumerate() {
            let numbered: Vec<_> = frames.iter().map(|frame| self.0.number(frame)).collect();
            self.0.send(&numbered).await?;
            if again(number) {
                self.0.send(&numbered[numbered.len() / 2..]).await?;
            }
        }
        Ok(())
    }
}

async fn check(
    rig: &Rig,
    session: &Session,
    pair: usize,
    code: &str,
    said: &BTreeMap<String, Said>,
    since: Instant,
    outcome: &mut Outcome,
) -> Result<()> {
    let path = PlantPlan::path(&line_code(pair), code);
    let unit = session.unit(&path).await?.context("a unit is gone")?;
    let stored = samples::check(session, &unit, said, &[], &mut outcome.account).await?;
    let mut database = rig.postmaster()?.connect().await?;
    facts::check(&mut database, &unit, &stored, REDERIVED.saturating_sub(since.elapsed()), &mut outcome.account)
        .await?;
    set_aside(&mut database, &unit, pair, code, &mut outcome.account).await
}

/// The one sample from two days ahead is set aside, byte for byte, and nothing else is.
async fn set_aside(
    database: &mut sqlx::PgConnection,
    unit: &UnitDetail,
    pair: usize,
    code: &str,
    account: &mut Account,
) -> Result<()> {
    let (samples,): (i64,) = sqlx::query_as(
        "select coalesce(sum(q.samples), 0)::bigint from quarantine q join collector c on c.id = q.collector_id where c.name = $1",
    )
    .bind(format!("pair-{pair}-{code}"))
    .fetch_one(database)
    .await?;
    // A frame may have been sent twice under two numbers: then its future was set aside twice.
    if !(1..=2).contains(&samples) {
        account
            .note(Kind::Aside, unit.tile.path.to_string(), || format!("{samples} samples are set aside, 1 should be"));
    }
    Ok(())
}
