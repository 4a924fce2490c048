use std::sync::Arc;

use super::ShiftInstance;
use crate::Interval;

/// Time taken out of the plan ahead of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closure {
    /// Such as `Christmas` or `Yearly overhaul`.
    pub name: Arc<str>,
    /// When.
    pub interval: Interval,
    /// What it takes out.
    pub kind: ClosureKind,
}

/// What a [`Closure`] takes out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClosureKind {
    /// Nobody is scheduled: a holiday, a shutdown. Planned operation time (POT) shrinks.
    NotScheduled,
    /// Planned downtime within scheduled time: maintenance, a meeting. POT stays, planned busy time (PBT) shrinks.
    PlannedDowntime,
}

impl ClosureKind {
    /// All of them.
    pub const ALL: [ClosureKind; 2] = [ClosureKind::NotScheduled, ClosureKind::PlannedDowntime];

    /// `holiday` or `planned_downtime`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotScheduled => "holiday",
            Self::PlannedDowntime => "planned_downtime",
        }
    }

    /// The kind of this word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

/// Shifts as they take place, closures taken out. A shift that a holiday cuts in two becomes two instances of the same name and
/// production day; one that is wholly closed is gone. Ordered by begin.
pub fn closed(shifts: Vec<ShiftInstance>, closures: &[Closure]) -> Vec<ShiftInstance> {
    let of_kind = |kind: ClosureKind| {
        let mut intervals: Vec<Interval> = closures.iter().filter(|c| c.kind == kind).map(|c| c.interval).collect();
        intervals.sort_unstable();
        intervals
    };
    let (holidays, downtime) = (of_kind(ClosureKind::NotScheduled), of_kind(ClosureKind::PlannedDowntime));
    let mut out = Vec::with_capacity(shifts.len());
    for shift in shifts {
        let stops = merged(shift.planned_stops.iter().chain(&downtime).copied());
        for piece in without(shift.interval(), &holidays) {
            let within = |all: &[Interval]| all.iter().filter_map(|it| it.intersection(&piece)).collect();
            let (breaks, planned_stops) = (within(&shift.breaks), within(&stops));
            out.push(ShiftInstance { from: piece.from, to: piece.to, breaks, planned_stops, ..shift.clone() });
        }
    }
    out.sort_by_key(|shift| (shift.from, shift.to));
    out
}

/// What is left of `whole`. `taken` is sorted and may overlap.
fn without(whole: Interval, taken: &[Interval]) -> Vec<Interval> {
    let mut left = Vec::new();
    let mut from = whole.from;
    for taken in taken.iter().filter_map(|taken| taken.intersection(&whole)) {
        if from < taken.from {
            left.push(Interval { from, to: taken.from });
        }
        from = from.max(taken.to);
    }
    if from < whole.to {
        left.push(Interval { from, to: whole.to });
    }
    left
}

fn merged(intervals: impl Iterator<Item = Interval>) -> Vec<Interval> {
    let mut sorted: Vec<Interval> = intervals.filter(|interval| !interval.is_empty()).collect();
    sorted.sort_unstable();
    let mut merged: Vec<Interval> = Vec::with_capacity(sorted.len());
    for next in sorted {
        match merged.last_mut() {
            Some(last) if next.from <= last.to => last.to = last.to.max(next.to),
            _ => merged.push(next),
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Timestamp;

    const H: i64 = 3600;

    fn hours(from: i64, to: i64) -> Interval {
        Interval::new(Timestamp::from_seconds(from * H), Timestamp::from_seconds(to * H))
    }

    fn shift(from: i64, to: i64, breaks: &[(i64, i64)]) -> ShiftInstance {
        let whole = ShiftInstance::around_the_clock(hours(from, to));
        ShiftInstance { breaks: breaks.iter().map(|b| hours(b.0, b.1)).collect(), ..whole }
    }

    fn closure(from: i64, to: i64, kind: ClosureKind) -> Closure {
        Closure { name: "x".into(), interval: hours(from, to), kind }
    }

    #[test]
    fn a_holiday_cuts_shifts_and_downtime_is_a_planned_stop() {
        use ClosureKind::{NotScheduled, PlannedDowntime};
        let shifts = vec![shift(6, 14, &[(10, 11)]), shift(14, 22, &[])];
        assert_eq!(closed(shifts.clone(), &[]), shifts);
        let holiday = closed(shifts.clone(), &[closure(12, 30, NotScheduled)]);
        assert_eq!(holiday, [shift(6, 12, &[(10, 11)])]);
        let in_two = closed(shifts.clone(), &[closure(9, 11, NotScheduled), closure(10, 12, NotScheduled)]);
        assert_eq!(in_two, [shift(6, 9, &[]), shift(12, 14, &[]), shift(14, 22, &[])]);
        let overhaul = closed(shifts, &[closure(11, 16, PlannedDowntime), closure(15, 17, PlannedDowntime)]);
        assert_eq!(overhaul.iter().map(|s| &*s.breaks).collect::<Vec<_>>(), [&[hours(10, 11)][..], &[]]);
        assert_eq!(overhaul.iter().map(|s| &*s.planned_stops).collect::<Vec<_>>(), [[hours(11, 14)], [hours(14, 17)]]);
    }

    proptest! {
        /// What is closed is in no shift, and nothing else is lost.
        #[test]
        fn every_hour_is_open_or_closed(
            spans in proptest::collection::vec((0i64..100, 1i64..30, any::<bool>()), 0..6),
            taken in proptest::collection::vec((0i64..120, 1i64..20), 0..5),
        ) {
            use ClosureKind::NotScheduled;
            let mut at = 0;
            let shifts: Vec<_> = spans.iter().map(|(gap, length, pause)| {
                let from = at + gap % 7;
                at = from + length;
                shift(from, at, if *pause { &[(0, 200)] } else { &[] })
            }).collect();
            let closures: Vec<_> = taken.iter().map(|(from, length)| closure(*from, from + length, NotScheduled)).collect();
            let open = closed(shifts.clone(), &closures);
            for hour in 0..250 {
                let now = Timestamp::from_seconds(hour * H);
                let planned = shifts.iter().any(|s| s.interval().contains(now));
                let shut = closures.iter().any(|c| c.interval.contains(now));
                prop_assert_eq!(open.iter().filter(|s| s.interval().contains(now)).count(), usize::from(planned && !shut));
            }
            prop_assert!(open.iter().all(|s| s.breaks.iter().all(|b| b.intersection(&s.interval()) == Some(*b))));
        }
    }
}
