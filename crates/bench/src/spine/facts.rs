//! Stored facts beside a derivation over all samples and all coverage.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use chrono::{DateTime, Utc};
use gemba_contract::unit::UnitDetail;
use gemba_domain::{
    Interval, Timestamp,
    equipment::EquipmentId,
    oee::{CountRoles, Elements, Event, NOT_WATCHED, Plan, StateInterval, UnitConfig, by_hour, derive},
    reason::{Annotations, annotate},
    shift::instances,
    signal::SignalRole,
};
use sqlx::PgConnection;

use super::{Account, Kind, samples::Stored};
use crate::rig::{PlantPlan, TIME_ZONE};

/// Facts of one unit: known states with their causes, and the elements by hour and begin of shift.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Facts {
    states: Vec<(Interval, String, Option<String>)>,
    elements: BTreeMap<(Timestamp, Option<Timestamp>), Elements>,
}

type StateRow = (DateTime<Utc>, DateTime<Utc>, String, Option<String>);

#[derive(sqlx::FromRow)]
struct ElementRow {
    hour: DateTime<Utc>,
    shift_from: Option<DateTime<Utc>>,
    calendar: i64,
    not_scheduled: i64,
    breaks: i64,
    planned_stops: i64,
    apt: i64,
    aust: i64,
    adet: i64,
    adot: i64,
    unknown: i64,
    minor: i64,
    pq: f64,
    gq: f64,
    sq: f64,
    rq: f64,
    pri_pq: f64,
    pri_gq: f64,
}

/// When any collector of the unit was watching, merged.
pub(super) async fn coverage(db: &mut PgConnection, unit: EquipmentId) -> Result<Vec<Interval>> {
    let rows: Vec<(DateTime<Utc>, DateTime<Utc>)> = sqlx::query_as(
        "select covered_from, covered_to from coverage where collector_id in (
             select distinct cs.collector_id from collector_signal cs join signal s on s.id = cs.signal_id where s.unit_id = $1)
         order by covered_from",
    )
    .bind(unit.0)
    .fetch_all(db)
    .await?;
    let mut merged: Vec<Interval> = Vec::new();
    for (from, to) in rows {
        let stretch = Interval::new(from.into(), to.into());
        match merged.last_mut() {
            Some(last) if stretch.from <= last.to => last.to = last.to.max(stretch.to),
            _ => merged.push(stretch),
        }
    }
    Ok(merged)
}

/// Whether all of this unit's facts up to the end of its coverage are stored, and nothing is noted as stale.
async fn settled(db: &mut PgConnection, unit: EquipmentId) -> Result<bool> {
    let end = coverage(db, unit).await?.last().map(|stretch| stretch.to);
    let stored: Option<(DateTime<Utc>,)> = sqlx::query_as("select derived_to from fact_watermark where unit_id = $1")
        .bind(unit.0)
        .fetch_optional(&mut *db)
        .await?;
    let (stale,): (i64,) =
        sqlx::query_as("select count(*) from fact_stale where unit_id = $1").bind(unit.0).fetch_one(db).await?;
    Ok(stale == 0 && stored.map(|(to,)| Timestamp::from(to)) == end)
}

/// Waits until the stored facts are those of a derivation; notes what still differs when patience ends.
pub(super) async fn check(
    db: &mut PgConnection,
    unit: &UnitDetail,
    samples: &Stored,
    patience: Duration,
    account: &mut Account,
) -> Result<()> {
    let begun = Instant::now();
    let path = unit.tile.path.to_string();
    loop {
        let mut found = Account::default();
        if !settled(db, unit.tile.id).await? {
            found.note(Kind::Facts, &path, || "facts are not stored up to the end of coverage".to_owned());
        }
        let coverage = coverage(db, unit.tile.id).await?;
        let stored = read(db, unit.tile.id).await?;
        let derived = derived(unit, samples, &coverage)?;
        compare(&path, &stored, &derived, &coverage, &mut found);
        if found.unaccounted() == 0 {
            return Ok(());
        }
        if begun.elapsed() > patience {
            account.merge(found);
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

async fn read(db: &mut PgConnection, unit: EquipmentId) -> Result<Facts> {
    let states: Vec<StateRow> = sqlx::query_as(
        "select interval_from, interval_to, state, cause from state_interval where unit_id = $1 order by interval_from",
    )
    .bind(unit.0)
    .fetch_all(&mut *db)
    .await?;
    let rows: Vec<ElementRow> = sqlx::query_as(
        "select hour, nullif(shift_from, '-infinity') as shift_from, calendar, not_scheduled, breaks, planned_stops, apt, aust,
                adet, adot, unknown, minor, pq, gq, sq, rq, pri_pq, pri_gq
         from kpi_element where unit_id = $1",
    )
    .bind(unit.0)
    .fetch_all(db)
    .await?;
    let mut facts = Facts::default();
    for (from, to, state, cause) in states {
        facts.say(Interval::new(from.into(), to.into()), state, cause);
    }
    for row in rows {
        let elements = Elements {
            calendar: row.calendar,
            not_scheduled: row.not_scheduled,
            breaks: row.breaks,
            planned_stops: row.planned_stops,
            apt: row.apt,
            aust: row.aust,
            adet: row.adet,
            adot: row.adot,
            unknown: row.unknown,
            minor: row.minor,
            pq: row.pq,
            gq: row.gq,
            sq: row.sq,
            rq: row.rq,
            pri_pq: row.pri_pq,
            pri_gq: row.pri_gq,
        };
        facts.elements.insert((row.hour.into(), row.shift_from.map(Timestamp::from)), elements);
    }
    Ok(facts)
}

/// From all samples at once, by the rules of the domain alone.
fn derived(unit: &UnitDetail, samples: &Stored, coverage: &[Interval]) -> Result<Facts> {
    let has = |role| unit.signals.iter().any(|signal| signal.role == Some(role));
    let pri_micros = unit.ideal_cycle_seconds.map(|seconds| (seconds * 1e6).round() as i64);
    let config = UnitConfig {
        pri_micros,
        counts: CountRoles {
            good: has(SignalRole::GoodCount),
            scrap: has(SignalRole::ScrapCount),
            total: has(SignalRole::TotalCount),
            rework: has(SignalRole::ReworkCount),
        },
        ..UnitConfig::default()
    };
    let mut events: Vec<Event> = Vec::new();
    for signal in &unit.signals {
        let (Some(role), Some(samples)) = (signal.role, samples.get(&signal.id)) else { continue };
        let event = |(time, value): &(i64, _)| {
            let value: &gemba_domain::signal::Value = value;
            Event { time: Timestamp::from_micros(*time), role, value: value.clone() }
        };
        events.extend(samples.iter().map(event));
    }
    events.sort_by_key(|event| event.time);
    let first = coverage.first().context("nobody ever watched")?.from;
    let end = coverage.last().context("nobody ever watched")?.to;
    let period = Interval::new(hour_of(first), end);
    let facts = derive(&config, &events, coverage, period);
    let shifts = instances(&PlantPlan::shift_patterns()?, &TIME_ZONE, period.from, period.to);
    let mut out = Facts::default();
    for StateInterval { interval, state, cause } in &facts.intervals {
        out.say(*interval, state.as_str().to_owned(), cause.as_deref().map(str::to_owned));
    }
    let notes =
        Annotations { minor_stop_micros: config.minor_stop_micros, known_to: Some(end), ..Annotations::default() };
    let states = annotate(&facts.intervals, &notes);
    let plan = Plan { shifts: &shifts, pri_micros, ..Plan::default() };
    for row in by_hour(&states, &facts.counts, &plan, period) {
        let shift = row.shift.and_then(|at| shifts.get(at)).map(|shift| shift.from);
        out.elements.insert((row.hour, shift), row.elements);
    }
    Ok(out)
}

impl Facts {
    /// Adds a state, made one with the one before where that says the same. Time nobody watched is left out: no row and a
    /// row that says so are the same.
    fn say(&mut self, interval: Interval, state: String, cause: Option<String>) {
        if cause.as_deref() == Some(NOT_WATCHED) {
            return;
        }
        match self.states.last_mut() {
            Some((last, s, c)) if last.to == interval.from && *s == state && *c == cause => last.to = interval.to,
            _ => self.states.push((interval, state, cause)),
        }
    }
}

fn compare(unit: &str, stored: &Facts, derived: &Facts, coverage: &[Interval], account: &mut Account) {
    let states = |facts: &Facts| -> BTreeMap<Timestamp, (Timestamp, String, Option<String>)> {
        facts.states.iter().map(|(at, state, cause)| (at.from, (at.to, state.clone(), cause.clone()))).collect()
    };
    let (are, should) = (states(stored), states(derived));
    for from in are.keys().chain(should.keys()) {
        let (is, expected) = (are.get(from), should.get(from));
        if is != expected {
            account.note(Kind::Facts, format!("{unit} state from {from}"), || {
                format!("stored {is:?}, derived {expected:?}")
            });
        }
    }
    for at in stored.elements.keys().chain(derived.elements.keys()) {
        let (is, expected) = (stored.elements.get(at), derived.elements.get(at));
        let hour = Interval::new(at.0, at.0.plus_seconds(3600));
        let watched = coverage.iter().any(|stretch| stretch.intersection(&hour).is_some());
        let fits = match (is, expected) {
            (Some(is), Some(expected)) if watched => alike(is, expected),
            // An hour that nobody watched may be stored as such, or not at all.
            _ if !watched => is.is_none_or(knows_nothing),
            _ => false,
        };
        if !fits {
            let about = format!("{unit} elements of {} shift {:?}", at.0, at.1.map(|from| from.to_string()));
            account.note(Kind::Facts, about, || format!("stored {is:?}, derived {expected:?}"));
        }
    }
}

fn knows_nothing(elements: &Elements) -> bool {
    elements.apt + elements.aust + elements.adet + elements.adot == 0 && elements.pq == 0.0 && elements.sq == 0.0
}

/// Times and pieces are whole; sums of weighted pieces may be rounded differently.
fn alike(a: &Elements, b: &Elements) -> bool {
    let near = |a: f64, b: f64| (a - b).abs() <= 1e-9 * a.abs().max(b.abs());
    let whole = |e: &Elements| Elements { pri_pq: 0.0, pri_gq: 0.0, ..*e };
    whole(a) == whole(b) && near(a.pri_pq, b.pri_pq) && near(a.pri_gq, b.pri_gq)
}

pub(super) fn hour_of(time: Timestamp) -> Timestamp {
    Timestamp::from_seconds(time.micros().div_euclid(3_600_000_000) * 3600)
}
