//! Facts from the historian: the window of a unit at start, and stretches that late samples have made stale.

use std::sync::Arc;

use gemba_contract::signal::Reading;
use gemba_domain::{
    Interval, Timestamp,
    equipment::EquipmentId,
    oee::{Carry, Event, StateInterval, UnitConfig, UnitFacts, by_hour, derive_from},
    signal::{SignalId, Value},
    state::UnitState,
};
use sqlx::PgPool;

use super::{
    board::{Board, Calendar},
    queries::{self, HourElements, StoredFacts},
    unit_board::UnitBoard,
};
use crate::{
    historian::{self, HistorianError, Outcome},
    ingest,
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
    let states = queries::states(pool, unit, Interval::new(since, start)).await?;
    let known = states.into_iter().filter_map(|(interval, state, cause)| {
        Some(StateInterval { interval, state: UnitState::from_word(&state)?, cause: cause.map(Arc::from) })
    });
    Ok(Carry::seed_known(config, start, &before, &known.collect::<Vec<_>>()))
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
    board: &Board,
    historian: &historian::Service,
    unit: EquipmentId,
    config: UnitConfig,
    window: Interval,
) -> Result<UnitBoard, DeriveError> {
    let carry = carry_to(pool, board, historian, unit, &config, window.from).await?;
    let (_, within) = events(board, historian, unit, window).await?;
    let coverage = ingest::coverage_of_unit(pool, unit, window).await?;
    Ok(UnitBoard::new(config, window.from, carry, within, coverage))
}

/// Facts as they are stored: with the elements of each whole hour.
pub(super) fn to_store(
    unit: EquipmentId,
    period: Interval,
    facts: UnitFacts,
    calendar: &Calendar,
    pri: Option<i64>,
) -> StoredFacts {
    let shifts = calendar.shifts(period);
    let hours = by_hour(&facts.intervals, &facts.counts, &shifts, period, pri)
        .into_iter()
        .map(|(hour, shift, elements)| HourElements {
            hour,
            shift: shift.and_then(|at| shifts.get(at)).cloned(),
            elements,
        })
        .collect();
    StoredFacts { unit, period, states: facts.intervals, hours }
}

/// Derives one noted stretch again, and on until nothing changes any more, at most up to `limit`. Stores it in the
/// transaction that takes the note. Gives what was derived; `None` when nothing is noted.
pub(super) async fn derive_stale(
    pool: &PgPool,
    board: &Board,
    historian: &historian::Service,
    config: impl Fn(EquipmentId) -> Option<UnitConfig>,
    now: Timestamp,
) -> Result<Option<(EquipmentId, Interval)>, DeriveError> {
    let mut tx = pool.begin().await?;
    let Some((unit, stale)) = queries::take_stale(&mut tx).await? else { return Ok(None) };
    let (Some(config), Some(calendar)) = (config(unit), board.calendar(unit)) else {
        // The unit is gone from the plant, and its facts with it.
        tx.commit().await?;
        return Ok(Some((unit, stale)));
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
    let begin = hour_of(stale.from);
    let mut from = begin;
    let mut carry: Option<Carry> = None;
    while from < limit {
        let step = from.plus_seconds(STEP_SECONDS);
        // Up to the end of what is stale the steps are whole; after it hour by hour would be many, so by the step too.
        let to = if from < stale.to { hour_of(stale.to).plus_seconds(HOUR_SECONDS).min(step) } else { step }.min(limit);
        let period = Interval::new(from, to);
        let (_, within) = events(board, historian, unit, period).await?;
        let coverage = ingest::coverage_of_unit(pool, unit, period).await?;
        let left = match carry.take() {
            Some(left) => left,
            None => carry_to(pool, board, historian, unit, &config, from).await?,
        };
        let (facts, next) = derive_from(&config, left, &within, &coverage, period);
        let stored = to_store(unit, period, facts, &calendar, config.pri_micros);
        if from >= stale.to && !changes(&mut tx, &stored).await? {
            break;
        }
        queries::replace(&mut tx, &[stored]).await?;
        carry = Some(next);
        from = to;
    }
    tx.commit().await?;
    Ok(Some((unit, Interval::new(begin, from))))
}

/// Whether these facts differ from what is stored. Nothing stored is the same as nothing known.
async fn changes(db: &mut sqlx::PgConnection, new: &StoredFacts) -> sqlx::Result<bool> {
    let StoredFacts { unit, period, states, hours } = new;
    let pieces = hours.iter().filter_map(|row| {
        let e = &row.elements;
        let some = e.pq != 0.0 || e.gq != 0.0 || e.sq != 0.0;
        some.then(|| (row.hour, row.shift.as_ref().map(|shift| shift.from), [e.pq, e.gq, e.sq, e.pri_pq, e.pri_gq]))
    });
    // A late count takes pieces from the one after it, which may be hours away.
    let alike = |a: f64, b: f64| (a - b).abs() <= 1e-9 * a.abs().max(b.abs());
    let same = |a: &queries::Pieces, b: &queries::Pieces| {
        (a.0, a.1) == (b.0, b.1) && a.2.iter().zip(b.2).all(|(a, b)| alike(*a, b))
    };
    let (pieces, known_pieces) = (pieces.collect::<Vec<_>>(), queries::pieces(&mut *db, *unit, *period).await?);
    if pieces.len() != known_pieces.len() || !pieces.iter().zip(&known_pieces).all(|(a, b)| same(a, b)) {
        return Ok(true);
    }
    let stored = queries::states(&mut *db, *unit, *period).await?;
    if stored.is_empty() {
        return Ok(states.iter().any(|s| s.state != UnitState::Unknown));
    }
    let mut known: Vec<(Interval, &str, Option<&str>)> = Vec::new();
    for (interval, state, cause) in &stored {
        let Some(interval) = interval.intersection(period) else { continue };
        match known.last_mut() {
            Some((last, s, c)) if last.to == interval.from && *s == state && *c == cause.as_deref() => {
                last.to = interval.to
            }
            _ => known.push((interval, state, cause.as_deref())),
        }
    }
    let derived = states.iter().map(|s| (s.interval, s.state.as_str(), s.cause.as_deref()));
    Ok(!known.into_iter().eq(derived))
}

/// The beginning of the hour.
pub(super) fn hour_of(time: Timestamp) -> Timestamp {
    Timestamp::from_seconds(time.micros().div_euclid(3_600_000_000) * HOUR_SECONDS)
}
