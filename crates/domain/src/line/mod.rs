//! Lines: which unit's stop stands behind a stop of the constraint.
//!
//! A line's own loss is that of its constraint (key unit). Where the constraint is starved, the cause lies before it; where it
//! is blocked, behind it. [`cause_of`] goes from unit to unit along the flow until it meets one that stands by itself.

use std::collections::BTreeSet;

use crate::{Interval, Timestamp, reason::Stretch, state::UnitState};

/// How long before a stop its cause may have begun to stand and have ended again: what lies between the units (a buffer)
/// runs empty or full only after a while, microseconds.
pub const PROPAGATION_MICROS: i64 = 15 * 60 * 1_000_000;

/// One unit of a line.
#[derive(Clone, Copy, Debug)]
pub struct LineUnit<'a> {
    /// Its states as counted, in order, from [`PROPAGATION_MICROS`] before the first stop that is asked about.
    pub states: &'a [Stretch],
    /// Positions of the units that take its pieces. Empty for all units: each feeds the next.
    pub feeds: &'a [usize],
}

/// Whose stop, and which.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineCause<'a> {
    /// Position of the unit.
    pub unit: usize,
    /// Its stop.
    pub stop: &'a Stretch,
}

/// The stop that starved or blocked unit `at` over `stop`; `None` where nobody stood: an unknown reason.
///
/// Of units that work in parallel the one whose stop began last is the cause: until then the others kept the flow up.
pub fn cause_of<'a>(units: &[LineUnit<'a>], at: usize, stop: Interval, state: UnitState) -> Option<LineCause<'a>> {
    let forward = match state {
        UnitState::Starved => false,
        UnitState::Blocked => true,
        _ => return None,
    };
    let mut seen = BTreeSet::from([at]);
    let (mut frontier, mut moment) = (vec![at], stop);
    while !frontier.is_empty() {
        let next: Vec<usize> = frontier
            .iter()
            .flat_map(|unit| neighbours(units, *unit, forward))
            .filter(|unit| seen.insert(*unit))
            .collect();
        let own = next.iter().filter_map(|unit| {
            let found = standing(units.get(*unit)?.states, moment, stands_by_itself)?;
            Some(LineCause { unit: *unit, stop: found })
        });
        if let Some(cause) = own.max_by_key(|cause| cause.stop.interval.from) {
            return Some(cause);
        }
        // Nobody here stands by itself: go on behind those that wait like the constraint does.
        let waiting: Vec<(usize, Timestamp)> = next
            .iter()
            .filter_map(|unit| {
                Some((*unit, standing(units.get(*unit)?.states, moment, |s| s.state == state)?.interval.from))
            })
            .collect();
        if let Some(earliest) = waiting.iter().map(|(_, from)| *from).min() {
            moment.from = moment.from.min(earliest);
        }
        frontier = waiting.into_iter().map(|(unit, _)| unit).collect();
    }
    None
}

fn stands_by_itself(stretch: &Stretch) -> bool {
    use UnitState::{Idle, Maintenance, Off, Setup, Stopped};
    matches!(stretch.state, Stopped | Setup | Maintenance | Off | Idle)
}

/// The last stretch of this kind that began before the stop ended, and lasted until shortly before it began at least.
fn standing(states: &[Stretch], stop: Interval, kind: impl Fn(&Stretch) -> bool) -> Option<&Stretch> {
    let end = states.partition_point(|state| state.interval.from < stop.to);
    states
        .get(..end)?
        .iter()
        .rev()
        .take_while(|state| state.interval.to > stop.from.plus_micros(-PROPAGATION_MICROS))
        // What began after the constraint already stood is not why it stood.
        .find(|state| kind(state) && state.interval.from <= stop.from)
}

fn neighbours(units: &[LineUnit<'_>], of: usize, forward: bool) -> Vec<usize> {
    if units.iter().all(|unit| unit.feeds.is_empty()) {
        let next = if forward { of.checked_add(1) } else { of.checked_sub(1) };
        return next.filter(|unit| *unit < units.len()).into_iter().collect();
    }
    if forward {
        units.get(of).map(|unit| unit.feeds.to_vec()).unwrap_or_default()
    } else {
        let feeds = |(position, unit): (usize, &LineUnit<'_>)| unit.feeds.contains(&of).then_some(position);
        units.iter().enumerate().filter_map(feeds).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use UnitState::{Blocked, Producing, Starved, Stopped};

    fn states(parts: &[(i64, UnitState)]) -> Vec<Stretch> {
        let mut from = 0;
        parts
            .iter()
            .map(|(minutes, state)| {
                let at = |minute: i64| Timestamp::from_seconds(minute * 60);
                let interval = Interval::new(at(from), at(from + minutes));
                from += minutes;
                let state = *state;
                Stretch { interval, state, said: state, cause: None, reason: None, given_by: None, minor: false }
            })
            .collect()
    }

    fn minutes(from: i64, to: i64) -> Interval {
        Interval::new(Timestamp::from_seconds(from * 60), Timestamp::from_seconds(to * 60))
    }

    fn found(units: &[LineUnit<'_>], at: usize, stop: Interval, state: UnitState) -> Option<(usize, i64)> {
        cause_of(units, at, stop, state).map(|it| (it.unit, it.stop.interval.from.micros() / 60_000_000))
    }

    #[test]
    fn starved_units_lead_to_the_one_that_stands_by_itself() {
        let first = states(&[(20, Producing), (15, Stopped), (65, Producing)]);
        let second = states(&[(23, Producing), (14, Starved), (63, Producing)]);
        let key = states(&[(30, Producing), (10, Starved), (60, Producing)]);
        let after = states(&[(100, Producing)]);
        let line: Vec<LineUnit<'_>> =
            [&first, &second, &key, &after].iter().map(|states| LineUnit { states, feeds: &[] }).collect();
        assert_eq!(found(&line, 2, minutes(30, 40), Starved), Some((0, 20)));
        assert_eq!(found(&line, 2, minutes(30, 40), Blocked), None, "nobody behind it stood");
        assert_eq!(found(&line, 2, minutes(60, 70), Starved), None, "nobody stood then: an unknown reason");
        assert_eq!(found(&line, 2, minutes(30, 40), Stopped), None, "it stood by itself");
    }

    #[test]
    fn of_parallel_units_the_last_to_stop_is_the_cause() {
        let one = states(&[(10, Producing), (60, Stopped), (30, Producing)]);
        let other = states(&[(30, Producing), (5, Stopped), (65, Producing)]);
        let key = states(&[(32, Producing), (4, Starved), (64, Producing)]);
        let line = [
            LineUnit { states: &one, feeds: &[2] },
            LineUnit { states: &other, feeds: &[2] },
            LineUnit { states: &key, feeds: &[] },
        ];
        assert_eq!(found(&line, 2, minutes(32, 36), Starved), Some((1, 30)));
    }

    #[test]
    fn a_loop_in_the_flow_ends() {
        let waits = states(&[(100, Blocked)]);
        let line = [LineUnit { states: &waits, feeds: &[1] }, LineUnit { states: &waits, feeds: &[0] }];
        assert_eq!(found(&line, 0, minutes(10, 20), Blocked), None);
    }
}
