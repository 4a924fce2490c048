//! Facts from the historian: the window of a unit at start, and stretches that late samples have made stale.

use std::sync::Arc;

use gemba_contract::signal::Reading;
use gemba_domain::{
    Interval, Timestamp,
    equipment::EquipmentId,
    oee::{Carry, Event, Label, StateInterval, UnitConfig, UnitFacts, derive_from},
    reason::Stretch,
    signal::{SignalId, Value},
    state::UnitState,
};
use sqlx::PgPool;

use super::{
    board::Board,
    cause::Cause,
    context::{Accounted, Context, MARGIN_MICROS},
    ledger,
    queries::{self, StoredFacts},
    reading::PeriodFacts,
    unit_board::UnitBoard,
};
use crate::{
    historian::{self, HistorianError, Outcome},
    ingest,
    plant::{self, Plant},
    reason::Rule,
};

/// How much is derived at once.
const STEP_SECONDS: i64 = 30 * 24 * 3600;
const HOUR_SECONDS: i64 = 3600;
/// Readings gone back over, from one that could not be told to the one before: sources do not say so twice in a row.
const MOST_READINGS: usize = 16;

/// Facts could not be made or stored. What is stored is as it was.
#[derive(Debug, thiserror::Error)]
pub enum DeriveError {
    #[error(transparent)]
    Historian(#[from] HistorianError),
    #[error("samples are being packed by another process; stale facts are derived after that")]
    Packing,
    #[error("the database failed while facts were derived")]
    Database(#[from] sqlx::Error),
    #[error("the plant could not be read while facts were derived")]
    Plant(#[from] plant::LoadError),
}

/// The role readings of a unit within `period`, by time, and those in force at its begin.
async fn events(
    board: &Board,
    historian: &historian::Service,
    unit: EquipmentId,
    period: Interval,
) -> Result<(Vec<Event>, Vec<Event>), HistorianError> {
    let roles = board.role_signals(unit);
    let signals: Vec<_> = roles.iter().map(|(signal, _)| *signal).collect();
    let mut all = historian.read_in_force(&signals, period.from, period.to).await?;
    let mut found: Vec<Event> = roles
        .iter()
        .filter_map(|(signal, role)| Some((all.remove(signal)?, *role)))
        .flat_map(|(series, role)| series.iter().map(|(time, value)| Event { time, role, value }).collect::<Vec<_>>())
        .collect();
    found.sort_by_key(|event| event.time);
    let within = found.split_off(found.partition_point(|event| event.time < period.from));
    Ok((found, within))
}

/// What a unit's own signals named over a period and the time around it that decides what is said of its stops.
async fn labels_around(
    board: &Board,
    historian: &historian::Service,
    unit: EquipmentId,
    period: Interval,
) -> Result<Vec<Label>, HistorianError> {
    let around = Interval::new(period.from.plus_micros(-MARGIN_MICROS), period.to.plus_micros(MARGIN_MICROS));
    if !board.role_signals(unit).iter().any(|(_, role)| role.is_label()) {
        return Ok(Vec::new());
    }
    let (before, within) = events(board, historian, unit, around).await?;
    let config = UnitConfig::default();
    let labels = |event: &Event| event.role.is_label();
    let carry = Carry::seed(&config, around.from, before.iter().filter(|event| labels(event)));
    let within: Vec<Event> = within.into_iter().filter(labels).collect();
    Ok(derive_from(&config, carry, &within, &[], around).0.labels)
}

/// What the time before `start` leaves to it: the readings in force, and what the unit did since its counters' last numbers,
/// as it is stored.
async fn carry_to(
    pool: &PgPool,
    board: &Board,
    historian: &historian::Service,
    unit: EquipmentId,
    config: &UnitConfig,
    start: Timestamp,
) -> Result<Carry, DeriveError> {
    let (mut before, _) = events(board, historian, unit, Interval::new(start, start.plus_micros(1))).await?;
    let mut since = start;
    for (signal, role) in board.role_signals(unit) {
        if !role.is_count() {
            continue;
        }
        if let Some(reading) = last_number(historian, signal, start).await? {
            since = since.min(reading.time);
            before.push(Event { time: reading.time, role, value: reading.value });
        }
    }
    // A counter's last number may stand there twice: nothing was counted in between.
    before.sort_by_key(|event| event.time);
    let known = said_states(pool, unit, Interval::new(since, start)).await?;
    Ok(Carry::seed_known(config, start, &before, &known))
}

/// What the machine was stored to say over a period, cut at it.
async fn said_states(
    db: impl sqlx::PgExecutor<'_>,
    unit: EquipmentId,
    period: Interval,
) -> sqlx::Result<Vec<StateInterval>> {
    let mut states = Vec::new();
    for row in queries::states(db, unit, period).await? {
        let (Some(interval), Some(state)) = (row.interval.intersection(&period), UnitState::from_word(&row.said))
        else {
            continue;
        };
        StateInterval { interval, state, cause: row.cause.map(Arc::from) }.append_to(&mut states);
    }
    Ok(states)
}

/// The last number of a counter before `start`. Readings that its source could not tell may come after it.
async fn last_number(
    historian: &historian::Service,
    signal: SignalId,
    start: Timestamp,
) -> Result<Option<Reading>, HistorianError> {
    let mut before = start;
    for _ in 0..MOST_READINGS {
        match historian.value_at(signal, before.plus_micros(-1)).await? {
            Some(reading) if matches!(reading.value, Value::Number(_)) => return Ok(Some(reading)),
            Some(reading) => before = reading.time,
            None => return Ok(None),
        }
    }
    Ok(None)
}

/// Reads the window of a unit that begins at `window_from`.
pub(super) async fn load(
    pool: &PgPool,
    plant: &Plant,
    board: &Board,
    historian: &historian::Service,
    unit: EquipmentId,
    config: UnitConfig,
    window: Interval,
) -> Result<Option<UnitBoard>, DeriveError> {
    let Some(calendar) = board.calendar(unit) else { return Ok(None) };
    let carry = carry_to(pool, board, historian, unit, &config, window.from).await?;
    let (_, within) = events(board, historian, unit, window).await?;
    let coverage = ingest::coverage_of_unit(pool, unit, window).await?;
    let mut db = pool.acquire().await?;
    let context = Context::load(&mut db, plant, calendar, unit, config.minor_stop_micros, window).await?;
    let before = said_states(&mut *db, unit, before(window.from)).await?;
    Ok(Some(UnitBoard::new(config, context, window.from, (before, carry), within, coverage)))
}

fn before(time: Timestamp) -> Interval {
    Interval::new(time.plus_micros(-MARGIN_MICROS), time)
}

/// Facts as they are stored.
pub(super) fn to_store(unit: EquipmentId, period: Interval, facts: Accounted) -> StoredFacts {
    StoredFacts { unit, period, facts }
}

/// Derives one noted stretch again, and on until nothing changes any more, at most up to `limit`. Stores it in the
/// transaction that takes the note. Gives what was derived; `None` when nothing is noted.
pub(super) async fn derive_stale(
    pool: &PgPool,
    plants: &plant::Service,
    board: &Board,
    historian: &historian::Service,
    config: impl Fn(EquipmentId) -> Option<UnitConfig>,
    now: Timestamp,
) -> Result<Option<(EquipmentId, Interval, Cause)>, DeriveError> {
    let mut tx = pool.begin().await?;
    let Some((unit, stale, cause)) = queries::take_stale(&mut tx).await? else { return Ok(None) };
    // Whoever changed the plant and noted this did both in one transaction: what the note is about is known after it was taken.
    plants.refresh().await?;
    let plant = plants.current();
    let calendar = plant.unit_of(unit).map(|found| found.site.calendar.clone());
    let (Some(config), Some(calendar)) = (config(unit), calendar) else {
        // The unit is gone from the plant, and its facts with it.
        tx.commit().await?;
        return Ok(Some((unit, stale, cause)));
    };
    // The samples may have been committed by another process, whose journal this one's readers do not hold: once packed,
    // all can read them.
    loop {
        match historian.compact_once().await? {
            Outcome::Packed { more: true, .. } => {}
            Outcome::Packed { .. } | Outcome::Idle => break,
            Outcome::Busy => return Err(DeriveError::Packing),
        }
    }
    let limit = board.window_from(unit).unwrap_or(now);
    // Of what the historian has forgotten the stored facts are all there is: they stay as they are.
    let kept = historian.kept_from(now).map(|kept| hour_of(kept).plus_seconds(HOUR_SECONDS));
    let begin = kept.map_or(hour_of(stale.from), |kept| hour_of(stale.from).max(kept));
    let mut from = begin;
    let mut carry: Option<Carry> = None;
    let mut behind = Vec::new();
    let known_to = ingest::covered_to(&mut *tx, unit).await?.unwrap_or(begin);
    while from < limit {
        let step = from.plus_seconds(STEP_SECONDS);
        // Up to the end of what is stale the steps are whole; after it hour by hour would be many, so by the step too.
        let to = if from < stale.to { hour_of(stale.to).plus_seconds(HOUR_SECONDS).min(step) } else { step }.min(limit);
        let period = Interval::new(from, to);
        let (_, within) = events(board, historian, unit, period).await?;
        let coverage = ingest::coverage_of_unit(pool, unit, period).await?;
        let left = match carry.take() {
            Some(left) => left,
            None => {
                behind = said_states(&mut *tx, unit, before(from)).await?;
                carry_to(pool, board, historian, unit, &config, from).await?
            }
        };
        let (mut facts, next) = derive_from(&config, left, &within, &coverage, period);
        // What follows decides whether a stop at the end is a short one.
        let ahead = Interval::new(to, to.plus_micros(MARGIN_MICROS).min(now.max(to)));
        let (_, following) = events(board, historian, unit, ahead).await?;
        let coverage = ingest::coverage_of_unit(pool, unit, ahead).await?;
        let (following, _) = derive_from(&config, next.clone(), &following, &coverage, ahead);
        let mut states = std::mem::take(&mut behind);
        facts.intervals.into_iter().for_each(|state| state.append_to(&mut states));
        behind = last_moments(&states, to);
        following.intervals.into_iter().for_each(|state| state.append_to(&mut states));
        facts.intervals = states;
        facts.labels = labels_around(board, historian, unit, period).await?;
        let minor = config.minor_stop_micros;
        let context = Context::load(&mut tx, &plant, calendar.clone(), unit, minor, period).await?;
        let stored = to_store(unit, period, context.account(&facts, period, known_to));
        if from >= stale.to && !changes(&mut tx, &stored).await? {
            break;
        }
        let stored = [stored];
        queries::replace(&mut tx, &stored).await?;
        ledger::note(&mut tx, &stored, |_| cause.clone(), now).await?;
        carry = Some(next);
        from = to;
    }
    tx.commit().await?;
    Ok(Some((unit, Interval::new(begin, from), cause)))
}

/// The facts of a period, made of the samples without storing anything.
pub(super) async fn derive_period(
    pool: &PgPool,
    plant: &Plant,
    board: &Board,
    historian: &historian::Service,
    unit: EquipmentId,
    config: UnitConfig,
    period: Interval,
) -> Result<PeriodFacts, DeriveError> {
    let made = make(pool, plant, board, historian, (unit, config), period).await?;
    let Some(Made { context, facts, known_to }) = made else {
        return Ok(PeriodFacts { period, accounted: Accounted::default(), counts: Vec::new(), known_to: period.from });
    };
    let accounted = context.account(&facts, period, known_to);
    Ok(PeriodFacts { period, accounted, counts: facts.counts, known_to })
}

/// The states of a period, as counted, in which a rule holds.
pub(super) async fn hits(
    pool: &PgPool,
    plant: &Plant,
    board: &Board,
    historian: &historian::Service,
    unit: (EquipmentId, UnitConfig),
    rule: &Rule,
    period: Interval,
) -> Result<Vec<Stretch>, DeriveError> {
    let Some(Made { context, facts, known_to }) = make(pool, plant, board, historian, unit, period).await? else {
        return Ok(Vec::new());
    };
    let holds = context.hits(rule, &facts.intervals, &facts.labels, known_to);
    let mut states = context.annotate((&facts.intervals, &facts.labels), period, known_to);
    states.retain(|state| holds.iter().any(|hit| hit.intersection(&state.interval).is_some()));
    Ok(states)
}

/// Facts with the states around them, and what is said of them.
struct Made {
    context: Context,
    facts: UnitFacts,
    known_to: Timestamp,
}

async fn make(
    pool: &PgPool,
    plant: &Plant,
    board: &Board,
    historian: &historian::Service,
    (unit, config): (EquipmentId, UnitConfig),
    period: Interval,
) -> Result<Option<Made>, DeriveError> {
    let Some(calendar) = board.calendar(unit) else { return Ok(None) };
    let carry = carry_to(pool, board, historian, unit, &config, period.from).await?;
    // What follows decides whether a stop at the end is a short one.
    let whole = Interval::new(period.from, period.to.plus_micros(MARGIN_MICROS));
    let (_, within) = events(board, historian, unit, whole).await?;
    let coverage = ingest::coverage_of_unit(pool, unit, whole).await?;
    let known_to = ingest::covered_to(pool, unit).await?.unwrap_or(period.from);
    let (facts, _) = derive_from(&config, carry, &within, &coverage, whole);
    let mut db = pool.acquire().await?;
    let context = Context::load(&mut db, plant, calendar, unit, config.minor_stop_micros, period).await?;
    let mut states = said_states(&mut *db, unit, before(period.from)).await?;
    facts.intervals.into_iter().for_each(|state| state.append_to(&mut states));
    let read = |time: Timestamp| period.contains(time);
    let facts = UnitFacts {
        intervals: states,
        counts: facts.counts.into_iter().filter(|count| read(count.interval.to)).collect(),
        quarantined: Vec::new(),
        labels: labels_around(board, historian, unit, period).await?,
    };
    Ok(Some(Made { context, facts, known_to }))
}

/// Of these states what lies in the last moments before `to`.
fn last_moments(states: &[StateInterval], to: Timestamp) -> Vec<StateInterval> {
    let moments = before(to);
    let within = |state: &StateInterval| {
        let interval = state.interval.intersection(&moments)?;
        Some(StateInterval { interval, ..state.clone() })
    };
    states.iter().filter_map(within).collect()
}

/// Whether these facts differ from what is stored. Nothing stored is the same as nothing known.
async fn changes(db: &mut sqlx::PgConnection, new: &StoredFacts) -> sqlx::Result<bool> {
    let StoredFacts { unit, period, facts } = new;
    // A late count takes pieces from the one after it, which may be hours away.
    let mut pieces = queries::pieces_of(facts);
    let mut known = queries::pieces(&mut *db, *unit, *period).await?;
    pieces.sort_by_key(|it| it.0);
    known.sort_by_key(|it| it.0);
    let alike = |a: f64, b: f64| (a - b).abs() <= 1e-9 * a.abs().max(b.abs());
    let same = |a: &queries::Pieces, b: &queries::Pieces| a.0 == b.0 && a.1.iter().zip(b.1).all(|(a, b)| alike(*a, b));
    if pieces.len() != known.len() || !pieces.iter().zip(&known).all(|(a, b)| same(a, b)) {
        return Ok(true);
    }
    let stored = queries::states(&mut *db, *unit, *period).await?;
    if stored.is_empty() {
        return Ok(facts.states.iter().any(|s| s.said != UnitState::Unknown));
    }
    type Part<'a> = (Interval, &'a str, &'a str, Option<&'a str>, Option<uuid::Uuid>, bool);
    let mut merged: Vec<Part<'_>> = Vec::new();
    for row in &stored {
        let Some(interval) = row.interval.intersection(period) else { continue };
        let what = (&*row.state, &*row.said, row.cause.as_deref(), row.reason, row.minor);
        match merged.last_mut() {
            Some((last, a, b, c, d, e)) if last.to == interval.from && (*a, *b, *c, *d, *e) == what => {
                last.to = interval.to;
            }
            _ => merged.push((interval, what.0, what.1, what.2, what.3, what.4)),
        }
    }
    let derived = facts.states.iter().map(|s| {
        let reason = s.reason.map(|id| id.0);
        (s.interval, s.state.as_str(), s.said.as_str(), s.cause.as_deref(), reason, s.minor)
    });
    Ok(!merged.into_iter().eq(derived))
}

/// The beginning of the hour.
pub(super) fn hour_of(time: Timestamp) -> Timestamp {
    Timestamp::from_seconds(time.micros().div_euclid(3_600_000_000) * HOUR_SECONDS)
}
