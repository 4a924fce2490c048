use std::collections::BTreeMap;

use crate::{
    Interval, Timestamp,
    reason::{LossCategory, ReasonId, Stretch},
    state::UnitState,
};

/// Failures of a unit over a period, and the times between and after them (ISO 22400-2: FE, TBF, TTR).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Failures {
    /// Operating time before each failure that began in the period, since the one before it, microseconds.
    pub between: Vec<i64>,
    /// Time to restore of each failure that began in the period and has ended, microseconds.
    pub restore: Vec<i64>,
    /// Operating time at the end of the period that no failure has ended: it is censored, and in no mean, microseconds.
    pub censored: i64,
}

impl Failures {
    /// MTBF, seconds; `None` without a failure.
    pub fn mtbf_seconds(&self) -> Option<f64> {
        mean_seconds(&self.between)
    }

    /// MTTR, seconds; `None` without a failure that has ended.
    pub fn mttr_seconds(&self) -> Option<f64> {
        mean_seconds(&self.restore)
    }
}

fn mean_seconds(times: &[i64]) -> Option<f64> {
    (!times.is_empty()).then(|| times.iter().sum::<i64>() as f64 / 1e6 / times.len() as f64)
}

/// The failures among these states: runs of stretches whose reason is of category breakdown. One that began before the period
/// is not counted, one that reaches `known_to` has not ended. Operating time is time producing.
pub fn failures(
    states: &[Stretch],
    categories: &BTreeMap<ReasonId, LossCategory>,
    period: Interval,
    known_to: Timestamp,
) -> Failures {
    let fails = |s: &Stretch| s.reason.and_then(|id| categories.get(&id)) == Some(&LossCategory::Breakdown);
    let mut out = Failures::default();
    for run in states.chunk_by(|a, b| fails(a) && fails(b) && a.interval.to == b.interval.from) {
        let (Some(first), Some(last)) = (run.first(), run.last()) else { continue };
        if fails(first) {
            if first.interval.from > period.from && period.contains(first.interval.from) {
                out.between.push(std::mem::take(&mut out.censored));
                if last.interval.to < known_to {
                    out.restore.push(last.interval.to.micros_since(first.interval.from));
                }
            }
            continue;
        }
        let producing = run.iter().filter(|state| state.state == UnitState::Producing);
        out.censored += producing.filter_map(|s| s.interval.intersection(&period)).map(|it| it.micros()).sum::<i64>();
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const JAM: ReasonId = ReasonId(uuid::Uuid::from_u128(1));
    const TOOL: ReasonId = ReasonId(uuid::Uuid::from_u128(2));

    fn stretches(parts: &[(i64, UnitState, Option<ReasonId>)]) -> Vec<Stretch> {
        let mut from = 0;
        parts
            .iter()
            .map(|(length, state, reason)| {
                let interval = Interval::new(Timestamp::from_seconds(from), Timestamp::from_seconds(from + length));
                from += length;
                let (state, reason) = (*state, *reason);
                Stretch { interval, state, said: state, cause: None, reason, given_by: None, minor: false }
            })
            .collect()
    }

    #[test]
    fn times_between_failures_hold_operating_time_only_and_the_last_is_censored() {
        use UnitState::{Producing, Setup, Stopped};
        let categories = BTreeMap::from([(JAM, LossCategory::MinorStops), (TOOL, LossCategory::Breakdown)]);
        let states = stretches(&[
            (100, Producing, None),
            (10, Stopped, Some(JAM)),
            (50, Producing, None),
            (30, Stopped, Some(TOOL)),
            (15, Setup, Some(TOOL)),
            (200, Producing, None),
            (5, Stopped, Some(TOOL)),
            (70, Producing, None),
        ]);
        let period = Interval::new(Timestamp::from_seconds(0), Timestamp::from_seconds(480));
        let found = failures(&states, &categories, period, Timestamp::from_seconds(480));
        assert_eq!((found.mtbf_seconds(), found.mttr_seconds()), (Some(175.0), Some(25.0)));
        assert_eq!((found.between.len(), found.restore.len(), found.censored), (2, 2, 70_000_000));
        let running = failures(&states[..7], &categories, period, Timestamp::from_seconds(410));
        assert_eq!((running.between.len(), running.restore.len()), (2, 1), "a failure that goes on has no end");
        assert_eq!(failures(&[], &categories, period, period.to).mtbf_seconds(), None);
    }
}
