//! States by rules, laid over those that the machine's own words gave.

use gemba_domain::{
    Interval, Timestamp,
    oee::{Current, NOT_WATCHED, StateInterval},
    rule::Name,
    signal::Value,
    state::UnitState,
};

use super::UnitBoard;
use crate::rule;

impl UnitBoard {
    /// A signal that rules read by this name said this, in any order of time.
    pub fn hear(&mut self, name: &Name, time: Timestamp, value: Value) {
        self.past.tracks.say(name.clone(), time, rule::as_said(name, value));
        if time < self.tracks_from {
            self.past.tracks.forget_before(self.tracks_from);
        }
        self.last_sample = self.last_sample.max(Some(time));
        self.changed_from(time.max(self.window_from));
    }

    /// Lays rules over the states that are not laid yet.
    pub fn lay(&mut self) {
        if self.context.state_rules().is_empty() {
            self.laid.clear();
            self.laid_to = self.window_from;
            return;
        }
        let (from, to) = (self.laid_to.max(self.window_from), self.fold.covered_to());
        self.laid.truncate(self.laid.partition_point(|state| state.interval.from < from));
        if let Some(last) = self.laid.last_mut() {
            last.interval.to = last.interval.to.min(from);
        }
        if from < to {
            let new = self.context.lay(&self.machine(from, to), &self.past.tracks, Interval::new(from, to));
            new.into_iter().for_each(|state| state.append_to(&mut self.laid));
        }
        self.laid_to = from.max(to);
    }

    /// What the machine's own words give of a period and of the time before it that rules look back to.
    pub(super) fn machine(&self, from: Timestamp, to: Timestamp) -> Vec<StateInterval> {
        let begin = from.plus_micros(-self.context.state_rules().lookback());
        let mut states: Vec<StateInterval> =
            self.past.machine.iter().filter(|state| state.interval.to > begin).cloned().collect();
        let known = Interval::new(begin.max(self.window_from), to);
        if !known.is_empty() {
            self.fold.states(known).into_iter().for_each(|state| state.append_to(&mut states));
        }
        states
    }

    /// The states of a period within the window: by rules where there are any, else the machine's own.
    pub(super) fn said(&self, period: Interval) -> Vec<StateInterval> {
        if period.is_empty() || self.context.state_rules().is_empty() {
            return self.fold.states(period);
        }
        let first = self.laid.partition_point(|state| state.interval.to <= period.from);
        let known = Interval::new(period.from, period.to.min(self.laid_to));
        let mut states: Vec<StateInterval> = self
            .laid
            .iter()
            .skip(first)
            .map_while(|state| Some(StateInterval { interval: state.interval.intersection(&known)?, ..state.clone() }))
            .collect();
        let rest = Interval::new(period.from.max(self.laid_to), period.to);
        if !rest.is_empty() {
            let new = self.context.lay(&self.machine(rest.from, rest.to), &self.past.tracks, rest);
            new.into_iter().for_each(|state| state.append_to(&mut states));
        }
        states
    }

    /// What the unit does at `now`, by rules where there are any.
    pub(super) fn current(&self, now: Timestamp) -> Current {
        let machine = self.fold.current(now);
        let unwatched = machine.state == UnitState::Unknown && machine.cause.as_deref() == Some(NOT_WATCHED);
        if unwatched || self.context.state_rules().is_empty() {
            return machine;
        }
        let at = self.fold.covered_to();
        let moment = Interval::new(at, at.plus_micros(1));
        let mut states = self.machine(at, at);
        StateInterval { interval: moment, state: machine.state, cause: machine.cause.clone() }.append_to(&mut states);
        let Some(is) = self.context.lay(&states, &self.past.tracks, moment).pop() else { return machine };
        let before = self.laid.last().filter(|last| last.interval.to == at);
        let since =
            before.filter(|last| (last.state, &last.cause) == (is.state, &is.cause)).map(|last| last.interval.from);
        Current { state: is.state, cause: is.cause, since: since.unwrap_or(at) }
    }
}
