//! The gap ledger of a unit, by signal.

use std::collections::{BTreeMap, HashMap};

use gemba_contract::collector::{Gaps, SignalGap, SignalGaps};
use gemba_domain::{
    Interval, Timestamp,
    collector::{Known, gaps},
    equipment::EquipmentPath,
    signal::{SignalId, Value},
};

use super::{GapError, Service, queries};
use crate::plant::Unit;

/// The period when none is asked for.
const DAY_SECONDS: i64 = 86_400;
/// The longest period.
const LONGEST_SECONDS: i64 = 31 * DAY_SECONDS;
/// Signals with more readings than this are told by coverage alone.
const MOST_READINGS: u64 = 500_000;
/// Signals whose readings are in memory at the same time.
const SIGNALS_AT_ONCE: usize = 16;
/// Gaps of one signal that are told.
const MOST_GAPS: usize = 500;

/// What the unit's collectors did in the period.
struct Watched {
    /// Collectors of each signal.
    by_signal: HashMap<i32, Vec<i32>>,
    names: BTreeMap<i32, String>,
    coverage: HashMap<i32, Vec<Interval>>,
    told_to: HashMap<i32, Timestamp>,
    losses: HashMap<i32, Vec<(Interval, u64)>>,
}

impl Service {
    /// Of which stretches of a period nothing is known, by signal of a unit. Without a period: the last 24 hours.
    ///
    /// # Errors
    /// No such unit; a period that cannot be; the historian and the database.
    pub async fn gaps(
        &self,
        path: &EquipmentPath,
        asked: (Option<Timestamp>, Option<Timestamp>),
        now: Timestamp,
    ) -> Result<Gaps, GapError> {
        let plant = self.plant.current();
        let found = plant.unit(path).ok_or_else(|| GapError::NoUnit(path.to_string()))?;
        let unit = &found.unit;
        let period = period(asked, now)?;
        let watched = self.watched(unit, period).await?;
        let ids: Vec<SignalId> = unit.signals.iter().map(|signal| signal.id).collect();
        let counts = self.historian.samples_about(&ids, period).await?;
        let few = |id: &SignalId| counts.get(id).copied().unwrap_or(0) <= MOST_READINGS;
        let (read, left_out): (Vec<SignalId>, Vec<SignalId>) = ids.iter().copied().partition(few);
        let mut told: HashMap<SignalId, Vec<(Timestamp, bool)>> = HashMap::new();
        for some in read.chunks(SIGNALS_AT_ONCE) {
            for (id, series) in self.historian.read_in_force(some, period.from, period.to).await? {
                told.insert(id, changes(series.iter().map(|(time, value)| (time, value != Value::Unavailable))));
            }
        }
        for id in left_out {
            told.insert(id, vec![(period.from, true)]);
        }
        let mut signals: Vec<SignalGaps> = unit
            .signals
            .iter()
            .map(|signal| {
                let readings = told.get(&signal.id).map(Vec::as_slice).unwrap_or_default();
                let damaged = self.historian.damaged(signal.id, period);
                SignalGaps {
                    id: signal.id,
                    code: signal.code.clone(),
                    name: signal.name.clone(),
                    role: signal.role,
                    readings_left_out: !few(&signal.id),
                    ..watched.ledger(signal.id, period, &damaged, readings)
                }
            })
            .collect();
        signals.sort_by(|a, b| a.known_share.total_cmp(&b.known_share));
        Ok(Gaps {
            path: path.clone(),
            name: unit.name.clone(),
            utc_offset_minutes: found.site.offset_minutes(period.from),
            from: period.from,
            to: period.to,
            signals,
            at: now,
        })
    }

    async fn watched(&self, unit: &Unit, period: Interval) -> Result<Watched, GapError> {
        let mut tx = self.pool.begin().await?;
        let deliveries = queries::deliveries(&mut *tx, unit.id).await?;
        let mut collectors: Vec<i32> = deliveries.iter().map(|row| row.collector_id).collect();
        collectors.sort_unstable();
        collectors.dedup();
        let coverage = queries::coverage(&mut *tx, &collectors, period).await?;
        let told = queries::told_to(&mut *tx, &collectors).await?;
        let losses = queries::losses_of(&mut *tx, &collectors, period).await?;
        tx.commit().await?;
        let mut watched = Watched {
            by_signal: HashMap::new(),
            names: BTreeMap::new(),
            coverage: HashMap::new(),
            told_to: told.into_iter().map(|(collector, to)| (collector, to.into())).collect(),
            losses: HashMap::new(),
        };
        for row in deliveries {
            watched.by_signal.entry(row.signal_id).or_default().push(row.collector_id);
            watched.names.insert(row.collector_id, row.name);
        }
        for row in coverage {
            let stretch = Interval::new(row.from.into(), row.to.into());
            watched.coverage.entry(row.collector_id).or_default().push(stretch);
        }
        for row in losses {
            let stretch = Interval::new(row.from.into(), Timestamp::from(row.to).plus_micros(1));
            watched.losses.entry(row.collector_id).or_default().push((stretch, row.samples.unsigned_abs()));
        }
        Ok(watched)
    }
}

impl Watched {
    /// A signal's gaps, as far as collectors and readings tell; identity is left to the caller.
    fn ledger(
        &self,
        signal: SignalId,
        period: Interval,
        damaged: &[Interval],
        readings: &[(Timestamp, bool)],
    ) -> SignalGaps {
        let collectors = self.by_signal.get(&signal.0).map(Vec::as_slice).unwrap_or_default();
        let all = collectors.iter().filter_map(|id| self.coverage.get(id)).flatten().copied();
        let watched = merged(all.collect());
        let losses: Vec<_> = collectors.iter().filter_map(|id| self.losses.get(id)).flatten().copied().collect();
        let given_up: Vec<_> = losses.iter().map(|(stretch, _)| *stretch).collect();
        let told_to = collectors.iter().filter_map(|id| self.told_to.get(id)).max().copied();
        let known = Known { watched: &watched, given_up: &given_up, damaged, told_to, readings };
        let found = gaps(period, &known);
        let unknown: i64 = found.iter().map(|gap| gap.stretch.micros()).sum();
        let gap = |gap: &gemba_domain::collector::Gap| SignalGap {
            from: gap.stretch.from,
            to: gap.stretch.to,
            cause: gap.cause,
            samples_lost: match gap.cause {
                gemba_domain::collector::GapCause::GivenUp => {
                    let within = losses.iter().filter(|(lost, _)| lost.intersection(&gap.stretch).is_some());
                    within.map(|(_, samples)| samples).sum()
                }
                _ => 0,
            },
        };
        SignalGaps {
            id: signal,
            code: String::new(),
            name: String::new(),
            role: None,
            collectors: collectors.iter().filter_map(|id| self.names.get(id)).cloned().collect(),
            known_share: 1.0 - unknown as f64 / period.micros().max(1) as f64,
            gaps: found.iter().take(MOST_GAPS).map(gap).collect(),
            gaps_total: u32::try_from(found.len()).unwrap_or(u32::MAX),
            readings_left_out: false,
        }
    }
}

/// Only where what is told changes: the first reading, and each that tells when the one before did not, or the reverse.
fn changes(readings: impl Iterator<Item = (Timestamp, bool)>) -> Vec<(Timestamp, bool)> {
    let mut out: Vec<(Timestamp, bool)> = Vec::new();
    for (time, tells) in readings {
        if out.last().is_none_or(|(_, before)| *before != tells) {
            out.push((time, tells));
        }
    }
    out
}

/// In order and apart from each other.
fn merged(mut stretches: Vec<Interval>) -> Vec<Interval> {
    stretches.sort_unstable();
    let mut out: Vec<Interval> = Vec::with_capacity(stretches.len());
    for stretch in stretches {
        match out.last_mut() {
            Some(last) if stretch.from <= last.to => last.to = last.to.max(stretch.to),
            _ => out.push(stretch),
        }
    }
    out
}

fn period(asked: (Option<Timestamp>, Option<Timestamp>), now: Timestamp) -> Result<Interval, GapError> {
    let refused = |told: String| Err(GapError::Refused(told));
    let period = match asked {
        (None, None) => return Ok(Interval::new(now.plus_seconds(-DAY_SECONDS), now)),
        (Some(from), Some(to)) => Interval::new(from, to),
        _ => return refused("give both `from` and `to`, or neither for the last 24 hours".to_owned()),
    };
    if period.is_empty() {
        return refused(format!("`from` ({}) must be earlier than `to` ({})", period.from, period.to));
    }
    if period.from > now {
        return refused(format!("{} has not come yet", period.from));
    }
    if period.micros() > LONGEST_SECONDS * 1_000_000 {
        return refused("gaps are told for at most 31 days; ask for less".to_owned());
    }
    Ok(Interval::new(period.from, period.to.min(now)))
}
