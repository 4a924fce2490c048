use std::{collections::BTreeMap, sync::Arc};

use super::{LossCategory, ReasonId};
use crate::{Interval, Timestamp, oee::StateInterval, state::UnitState};

/// What a person said of a stretch of time: its reason. The stretches of one unit do not overlap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// Identity of this version.
    pub id: i64,
    /// Begin.
    pub from: Timestamp,
    /// End (exclusive); `None`: to the end of the stop that it lies in.
    pub to: Option<Timestamp>,
    /// Why; `None` takes back what a rule says.
    pub reason: Option<ReasonId>,
}

/// When the condition of a rule held, and the reason that it gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleHit {
    /// In order, apart from each other.
    pub holds: Vec<Interval>,
    /// What a state gets in which the condition holds at any moment.
    pub reason: ReasonId,
}

/// Who gave a reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GivenBy {
    /// A rule.
    Rule,
    /// A person, by this assignment.
    Person(i64),
}

/// A state as it is counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// From when to when.
    pub interval: Interval,
    /// As counted: a stop whose reason is set-up counts as set-up, one that was not scheduled as idle.
    pub state: UnitState,
    /// As the machine said it.
    pub said: UnitState,
    /// The machine's own word for it.
    pub cause: Option<Arc<str>>,
    /// Why, where somebody said so.
    pub reason: Option<ReasonId>,
    /// Who said so; also where the reason was taken back.
    pub given_by: Option<GivenBy>,
    /// Part of a short stop: counted as performance loss by the profile `tpm`.
    pub minor: bool,
}

/// What is laid over a unit's states.
#[derive(Clone, Copy, Debug, Default)]
pub struct Annotations<'a> {
    /// The loss category of each reason.
    pub categories: Option<&'a BTreeMap<ReasonId, LossCategory>>,
    /// What people said, by begin.
    pub assignments: &'a [Assignment],
    /// What rules say; the first that holds stands.
    pub rules: &'a [RuleHit],
    /// Stops shorter than this are minor, microseconds.
    pub minor_stop_micros: i64,
    /// Up to here the states are known: a stop that reaches it has not ended, and is not minor yet.
    pub known_to: Option<Timestamp>,
}

/// Lays reasons over states. What comes out has the same begin and end, in order, without holes where the states have none.
///
/// - A person's word stands over a rule's. Producing time takes no reason; unknown time takes one, and stays unknown.
/// - An assignment without end reaches to the end of the run of states, none of them producing or unknown, that it lies in.
/// - A stop is a run of stopped, blocked and starved as the machine said it; all of it is minor when it is shorter than the
///   threshold, whatever is said of its parts. Give the
///   states of at least that much time on both sides of what you count, or a stop that is cut looks short.
pub fn annotate(states: &[StateInterval], notes: &Annotations<'_>) -> Vec<Stretch> {
    let runs = ends_of_runs(states);
    let mut out: Vec<Stretch> = Vec::with_capacity(states.len());
    let mut first = 0;
    for state in states {
        let said = Stretch {
            interval: state.interval,
            state: state.state,
            said: state.state,
            cause: state.cause.clone(),
            reason: None,
            given_by: None,
            minor: false,
        };
        if state.state == UnitState::Producing {
            out.push(said);
            continue;
        }
        let ruled = notes.rules.iter().find(|rule| touches(&rule.holds, state.interval)).map(|rule| rule.reason);
        let mut time = state.interval.from;
        // Assignments that ended before this state are of no use to later ones; one without end is kept.
        while notes.assignments.get(first).is_some_and(|a| a.to.is_some_and(|to| to <= time)) {
            first += 1;
        }
        let mut put = |interval: Interval, reason: Option<ReasonId>, given_by: Option<GivenBy>| {
            if !interval.is_empty() {
                let counted = notes.counted(state.state, reason);
                out.push(Stretch { interval, state: counted, reason, given_by, ..said.clone() });
            }
        };
        let by_rule = ruled.map(|_| GivenBy::Rule);
        for assignment in notes.assignments.get(first..).unwrap_or_default() {
            if assignment.from >= state.interval.to {
                break;
            }
            let to = assignment.to.unwrap_or_else(|| end_of_open(assignment, states, &runs).unwrap_or(assignment.from));
            let Some(part) = Interval::new(assignment.from, to).intersection(&Interval::new(time, state.interval.to))
            else {
                continue;
            };
            put(Interval::new(time, part.from), ruled, by_rule);
            put(part, assignment.reason, Some(GivenBy::Person(assignment.id)));
            time = part.to;
        }
        put(Interval::new(time, state.interval.to), ruled, by_rule);
    }
    mark_minor(&mut out, notes);
    out
}

/// For each state the end of the run of standing states that it belongs to.
fn ends_of_runs(states: &[StateInterval]) -> Vec<Timestamp> {
    let mut ends = vec![Timestamp::default(); states.len()];
    let mut end: Option<(Timestamp, Timestamp)> = None;
    for (index, state) in states.iter().enumerate().rev() {
        let stands = !matches!(state.state, UnitState::Producing | UnitState::Unknown);
        let run = match end {
            Some((begin, to)) if stands && begin == state.interval.to => to,
            _ => state.interval.to,
        };
        ends[index] = run;
        end = stands.then_some((state.interval.from, run));
    }
    ends
}

/// Where an assignment without end ends; `None` when it lies in no state.
fn end_of_open(assignment: &Assignment, states: &[StateInterval], runs: &[Timestamp]) -> Option<Timestamp> {
    let at = states.partition_point(|state| state.interval.to <= assignment.from);
    match states.get(at) {
        Some(state) if state.interval.from <= assignment.from => runs.get(at).copied(),
        // It began before what is known here.
        Some(state)
            if at == 0
                && assignment.from < state.interval.from
                && !matches!(state.state, UnitState::Producing | UnitState::Unknown) =>
        {
            runs.first().copied()
        }
        _ => None,
    }
}

fn touches(holds: &[Interval], state: Interval) -> bool {
    let at = holds.partition_point(|interval| interval.to <= state.from);
    holds.get(at).is_some_and(|interval| interval.from < state.to)
}

impl Annotations<'_> {
    fn counted(&self, state: UnitState, reason: Option<ReasonId>) -> UnitState {
        let delayed = matches!(
            state,
            UnitState::Stopped | UnitState::Blocked | UnitState::Starved | UnitState::Maintenance | UnitState::Off
        );
        let category = reason.and_then(|reason| self.categories?.get(&reason));
        match category {
            Some(LossCategory::Setup) if delayed || state == UnitState::Idle => UnitState::Setup,
            Some(LossCategory::NotScheduled) if delayed => UnitState::Idle,
            // Somebody knows better than the machine that it should have run.
            Some(LossCategory::Breakdown) if state == UnitState::Idle => UnitState::Stopped,
            _ => state,
        }
    }
}

fn mark_minor(stretches: &mut [Stretch], notes: &Annotations<'_>) {
    // By what the machine said: a reason that is given to a part of a long stop makes no short one of the rest.
    let stops = |s: &Stretch| matches!(s.said, UnitState::Stopped | UnitState::Blocked | UnitState::Starved);
    for stop in stretches.chunk_by_mut(|a, b| stops(a) && stops(b) && a.interval.to == b.interval.from) {
        let (Some(first), Some(last)) = (stop.first(), stop.last()) else { continue };
        let length = last.interval.to.micros_since(first.interval.from);
        let open = notes.known_to.is_some_and(|known| last.interval.to >= known);
        if stops(first) && !open && length < notes.minor_stop_micros {
            stop.iter_mut().for_each(|part| part.minor = true);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SETUP: ReasonId = ReasonId(uuid::Uuid::from_u128(1));
    const JAM: ReasonId = ReasonId(uuid::Uuid::from_u128(2));
    const NO_ORDER: ReasonId = ReasonId(uuid::Uuid::from_u128(3));

    fn at(second: i64) -> Timestamp {
        Timestamp::from_seconds(second)
    }

    fn span(from: i64, to: i64) -> Interval {
        Interval::new(at(from), at(to))
    }

    fn states(parts: &[(i64, UnitState)]) -> Vec<StateInterval> {
        let mut from = 0;
        parts
            .iter()
            .map(|(length, state)| {
                let interval = span(from, from + length);
                from += length;
                StateInterval { interval, state: *state, cause: None }
            })
            .collect()
    }

    fn categories() -> BTreeMap<ReasonId, LossCategory> {
        BTreeMap::from([
            (SETUP, LossCategory::Setup),
            (JAM, LossCategory::Breakdown),
            (NO_ORDER, LossCategory::NotScheduled),
        ])
    }

    fn said(from: i64, to: Option<i64>, reason: Option<ReasonId>) -> Assignment {
        Assignment { id: from, from: at(from), to: to.map(at), reason }
    }

    /// `from-to state reason minor`
    fn shown(stretches: &[Stretch]) -> Vec<String> {
        stretches
            .iter()
            .map(|s| {
                let seconds = |t: Timestamp| t.micros() / 1_000_000;
                let reason = s.reason.map_or("-".to_owned(), |r| r.0.as_u128().to_string());
                let minor = if s.minor { " minor" } else { "" };
                format!("{}-{} {} {reason}{minor}", seconds(s.interval.from), seconds(s.interval.to), s.state.as_str())
            })
            .collect()
    }

    use UnitState::{Blocked, Idle, Producing, Stopped, Unknown};

    #[test]
    fn a_persons_word_stands_over_a_rules_and_cuts_the_stop() {
        let categories = categories();
        let rules = [RuleHit { holds: vec![span(150, 160)], reason: JAM }];
        let assignments = [said(120, Some(140), Some(SETUP)), said(140, Some(150), None)];
        let notes = Annotations {
            categories: Some(&categories),
            assignments: &assignments,
            rules: &rules,
            ..Annotations::default()
        };
        let out = annotate(&states(&[(100, Producing), (100, Stopped), (50, Producing)]), &notes);
        assert_eq!(
            shown(&out),
            [
                "0-100 producing -",
                "100-120 stopped 2",
                "120-140 setup 1",
                "140-150 stopped -",
                "150-200 stopped 2",
                "200-250 producing -"
            ]
        );
        assert_eq!(out[3].given_by, Some(GivenBy::Person(140)));
    }

    #[test]
    fn an_open_word_reaches_to_the_end_of_its_stop_and_no_further() {
        let assignments = [said(110, None, Some(JAM))];
        let notes = Annotations { assignments: &assignments, ..Annotations::default() };
        let out =
            annotate(&states(&[(100, Producing), (50, Stopped), (50, Blocked), (9, Producing), (9, Stopped)]), &notes);
        assert_eq!(
            shown(&out),
            [
                "0-100 producing -",
                "100-110 stopped -",
                "110-150 stopped 2",
                "150-200 blocked 2",
                "200-209 producing -",
                "209-218 stopped -"
            ]
        );
    }

    #[test]
    fn no_reason_makes_time_producing_or_known() {
        let categories = categories();
        let assignments = [said(0, Some(300), Some(NO_ORDER))];
        let notes = Annotations { categories: Some(&categories), assignments: &assignments, ..Annotations::default() };
        let out = annotate(&states(&[(100, Producing), (100, Unknown), (100, Stopped)]), &notes);
        assert_eq!(shown(&out), ["0-100 producing -", "100-200 unknown 3", "200-300 idle 3"]);
    }

    #[test]
    fn a_short_stop_is_measured_whole_and_only_once_it_has_ended() {
        let parts = [(100, Producing), (40, Stopped), (50, Blocked), (100, Producing), (30, Stopped)];
        let minor = |threshold: i64, known_to: i64| {
            let notes = Annotations {
                minor_stop_micros: threshold * 1_000_000,
                known_to: Some(at(known_to)),
                ..Annotations::default()
            };
            annotate(&states(&parts), &notes).iter().map(|s| s.minor).collect::<Vec<_>>()
        };
        assert_eq!(minor(91, 320), [false, true, true, false, false], "90 s, and one that goes on");
        assert_eq!(minor(90, 321), [false, false, false, false, true]);
    }

    #[test]
    fn idle_stays_idle_without_a_word() {
        assert_eq!(shown(&annotate(&states(&[(10, Idle)]), &Annotations::default())), ["0-10 idle -"]);
    }

    proptest! {
        /// Whatever people and rules say: no time is lost, none is made producing or unproducing, unknown stays unknown.
        #[test]
        fn reasons_explain_time_and_do_not_move_it(
            parts in prop::collection::vec((1i64..100, 0usize..UnitState::ALL.len()), 1..12),
            cuts in prop::collection::vec((0i64..60, 1i64..80, 0u8..4, any::<bool>()), 0..8),
            holds in prop::collection::vec((0i64..50, 1i64..50), 0..5),
        ) {
            let states = states(&parts.iter().map(|(length, i)| (*length, UnitState::ALL[*i])).collect::<Vec<_>>());
            let (mut time, mut assignments) = (0, Vec::new());
            for (gap, length, reason, open) in cuts {
                let from = time + gap;
                time = from + length;
                let reason = [None, Some(SETUP), Some(JAM), Some(NO_ORDER)][usize::from(reason)];
                assignments.push(said(from, (!open).then_some(time), reason));
            }
            // One without end is followed by none in this test: the store sees to that.
            if let Some(open) = assignments.iter().position(|a| a.to.is_none()) {
                assignments.truncate(open + 1);
            }
            let mut at_second = 0;
            let holds = holds.iter().map(|(gap, length)| {
                let from = at_second + gap;
                at_second = from + length + 1;
                span(from, from + length)
            }).collect();
            let (categories, rules) = (categories(), [RuleHit { holds, reason: JAM }]);
            let notes = Annotations {
                categories: Some(&categories), assignments: &assignments, rules: &rules,
                minor_stop_micros: 30_000_000, known_to: None,
            };
            let out = annotate(&states, &notes);
            prop_assert!(out.windows(2).all(|pair| pair[0].interval.to == pair[1].interval.from));
            let total = |of: UnitState, out: &[Stretch]| -> i64 {
                out.iter().filter(|s| s.state == of).map(|s| s.interval.micros()).sum()
            };
            for kept in [Producing, Unknown] {
                let before: i64 = states.iter().filter(|s| s.state == kept).map(|s| s.interval.micros()).sum();
                prop_assert_eq!(before, total(kept, &out));
            }
            prop_assert_eq!(
                out.iter().map(|s| s.interval.micros()).sum::<i64>(),
                states.iter().map(|s| s.interval.micros()).sum::<i64>()
            );
        }
    }
}
