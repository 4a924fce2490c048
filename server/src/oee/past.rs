//! What the time before a period leaves to it, from the historian and from what is stored.

use std::sync::Arc;

use gemba_contract::signal::Reading;
use gemba_domain::{
    Interval, Timestamp,
    equipment::EquipmentId,
    oee::{Carry, Event, Label, StateInterval, UnitConfig, derive_from},
    rule::{Name, Tracks},
    signal::{SignalId, Value},
    state::UnitState,
};
use sqlx::PgPool;

use super::{
    board::Board,
    context::{Context, MARGIN_MICROS, REACH_MICROS},
    derive::DeriveError,
    queries,
};
use crate::{
    historian::{self, HistorianError, Series},
    ingest, rule,
};

/// Readings gone back over, from one that could not be told to the one before: sources do not say so twice in a row.
const MOST_READINGS: usize = 16;
/// What the cause of a state begins with that a rule made.
const BY_RULE: &str = "rule: ";

/// The role readings of a unit within `period`, by time, and those in force at its begin.
pub(super) async fn events(
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
pub(super) async fn labels_around(
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
pub(super) async fn carry_to(
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
    let period = Interval::new(since, start);
    let mut known = said_states(pool, unit, period).await?;
    // Counts are shared out by the machine's own words, also where rules made other states of them.
    if known.iter().any(|state| state.cause.as_deref().is_some_and(|cause| cause.starts_with(BY_RULE))) {
        known = machine_states(pool, board, historian, unit, period).await?;
    }
    Ok(Carry::seed_known(config, start, &before, &known))
}

/// What the machine's own words said over a period, from the samples.
pub(super) async fn machine_states(
    pool: &PgPool,
    board: &Board,
    historian: &historian::Service,
    unit: EquipmentId,
    period: Interval,
) -> Result<Vec<StateInterval>, DeriveError> {
    let (before, within) = events(board, historian, unit, period).await?;
    let coverage = ingest::coverage_of_unit(pool, unit, period).await?;
    let config = UnitConfig::default();
    let carry = Carry::seed(&config, period.from, &before);
    Ok(derive_from(&config, carry, &within, &coverage, period).0.intervals)
}

/// What these signals said over a period, with the values in force at its begin.
pub(super) async fn tracks(
    historian: &historian::Service,
    read: &[(SignalId, Name)],
    period: Interval,
) -> Result<Tracks, HistorianError> {
    let mut tracks = Tracks::default();
    if read.is_empty() {
        return Ok(tracks);
    }
    let mut signals: Vec<SignalId> = read.iter().map(|(signal, _)| *signal).collect();
    signals.dedup();
    let all = historian.read_in_force(&signals, period.from, period.to).await?;
    for (signal, name) in read {
        for (time, value) in all.get(signal).into_iter().flat_map(Series::iter) {
            tracks.say(name.clone(), time, rule::as_said(name, value));
        }
    }
    Ok(tracks)
}

/// The stored states that decide what is said of the time after `time`, and where they begin.
pub(super) async fn deciding(
    db: impl sqlx::PgExecutor<'_>,
    context: &Context,
    unit: EquipmentId,
    time: Timestamp,
) -> sqlx::Result<(Vec<StateInterval>, Timestamp)> {
    let mut states =
        said_states(db, unit, Interval::new(time.plus_micros(-REACH_MICROS - MARGIN_MICROS), time)).await?;
    let begin = context.keep_deciding(&mut states, time);
    Ok((states, begin))
}

/// The states of a period before reasons, as stored, cut at it.
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
