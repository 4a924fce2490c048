use std::{
    collections::VecDeque,
    sync::{Arc, LazyLock},
};

use super::{coverage::Coverage, facts::StateInterval};
use crate::{
    Interval, Timestamp,
    state::{Classified, UnitState},
};

/// The cause of an unknown state in a time when no collector was watching.
pub const NOT_WATCHED: &str = "NOT WATCHED";

pub(super) fn not_watched() -> Classified {
    static CAUSE: LazyLock<Arc<str>> = LazyLock::new(|| NOT_WATCHED.into());
    Classified { state: UnitState::Unknown, cause: Some(CAUSE.clone()) }
}

/// From here on the machine said this.
#[derive(Clone, Debug)]
struct Said {
    from: Timestamp,
    what: Classified,
}

/// What the machine said when, and when somebody was watching. Kept apart until a question is asked, since
/// either may be known first.
#[derive(Clone, Debug)]
pub(super) struct Timeline {
    said: VecDeque<Said>,
    pub(super) coverage: Coverage,
}

/// Time in which pieces can have been made.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Exposure {
    /// Known to be producing, microseconds.
    pub(super) producing: i64,
    /// Unknown, microseconds.
    pub(super) unknown: i64,
    /// Whether nobody was watching for some of it.
    pub(super) unwatched: bool,
}

impl Exposure {
    /// Of this period, as known states say; where there is none, nobody was watching.
    pub(super) fn of(states: &[StateInterval], period: Interval) -> Self {
        let mut exposure = Self::default();
        let mut left = period.micros();
        for (part, state) in states.iter().filter_map(|state| Some((state.interval.intersection(&period)?, state))) {
            left -= part.micros();
            match state.state {
                UnitState::Producing => exposure.producing += part.micros(),
                UnitState::Unknown => {
                    exposure.unknown += part.micros();
                    exposure.unwatched |= state.cause.as_deref() == Some(NOT_WATCHED);
                }
                _ => {}
            }
        }
        exposure.unknown += left;
        exposure.unwatched |= left > 0;
        exposure
    }

    pub(super) fn add(&mut self, other: Exposure) {
        self.producing += other.producing;
        self.unknown += other.unknown;
        self.unwatched |= other.unwatched;
    }

    /// The share of known producing time in the time in which pieces can have been made; 1 where there is none.
    pub(super) fn known_share(&self) -> f64 {
        match self.producing + self.unknown {
            0 => 1.0,
            possible => self.producing as f64 / possible as f64,
        }
    }
}

impl Timeline {
    pub(super) fn new(start: Timestamp, what: Classified) -> Self {
        Self { said: VecDeque::from([Said { from: start, what }]), coverage: Coverage::default() }
    }

    /// From `time`, which is not before any earlier one, the machine says this. Of two at the same time the later stands.
    pub(super) fn say(&mut self, time: Timestamp, what: Classified) {
        if self.said.back().is_some_and(|last| last.what == what) {
            return;
        }
        if self.said.back().is_some_and(|last| last.from == time) {
            self.said.pop_back();
            if self.said.back().is_some_and(|before| before.what == what) {
                return;
            }
        }
        self.said.push_back(Said { from: time, what });
    }

    /// The position of what was in force at `time`.
    fn position(&self, time: Timestamp) -> usize {
        match self.said.back() {
            Some(last) if last.from <= time => self.said.len() - 1,
            _ => self.said.partition_point(|said| said.from <= time).saturating_sub(1),
        }
    }

    /// Cuts the period where the state or the watching changes, in order. `None` is time nobody watched.
    fn for_each<'a>(&'a self, period: Interval, mut see: impl FnMut(Interval, Option<&'a Classified>)) {
        let mut said = self.position(period.from);
        let mut watched = self.coverage.position_after(period.from);
        let mut time = period.from;
        while time < period.to {
            let next_said = self.said.get(said + 1).map_or(period.to, |next| next.from.min(period.to));
            let (end, what) = match self.coverage.get(watched) {
                None => (period.to, None),
                Some(stretch) if stretch.from > time => (stretch.from.min(period.to), None),
                Some(stretch) => (stretch.to.min(next_said), self.said.get(said).map(|it| &it.what)),
            };
            see(Interval::new(time, end), what);
            time = end;
            while self.said.get(said + 1).is_some_and(|next| next.from <= time) {
                said += 1;
            }
            while self.coverage.get(watched).is_some_and(|stretch| stretch.to <= time) {
                watched += 1;
            }
        }
    }

    /// The states of the period: in order, without holes or overlaps, neighbours different.
    pub(super) fn states(&self, period: Interval) -> Vec<StateInterval> {
        let mut states: Vec<StateInterval> = Vec::new();
        self.for_each(period, |interval, what| {
            let Classified { state, cause } = what.cloned().unwrap_or_else(not_watched);
            StateInterval { interval, state, cause }.append_to(&mut states);
        });
        states
    }

    /// The time in this period in which pieces can have been made.
    pub(super) fn exposure(&self, period: Interval) -> Exposure {
        let mut exposure = Exposure::default();
        self.for_each(period, |interval, what| match what.map(|it| it.state) {
            None => {
                exposure.unknown += interval.micros();
                exposure.unwatched = true;
            }
            Some(UnitState::Unknown) => exposure.unknown += interval.micros(),
            Some(UnitState::Producing) => exposure.producing += interval.micros(),
            Some(_) => {}
        });
        exposure
    }

    /// What was said last at or before `time`, and since when.
    pub(super) fn said_at(&self, time: Timestamp) -> Option<(&Classified, Timestamp)> {
        self.said.get(self.position(time)).map(|said| (&said.what, said.from))
    }

    /// When what was the case at `time` began.
    pub(super) fn begin_of(&self, time: Timestamp) -> Timestamp {
        let next = self.coverage.position_after(time);
        let watched = self.coverage.get(next).filter(|stretch| stretch.contains(time));
        match (watched, next.checked_sub(1).and_then(|before| self.coverage.get(before))) {
            (Some(stretch), _) => self.said_at(time).map_or(time, |(_, since)| since.max(stretch.from).min(time)),
            (None, Some(before)) => before.to,
            // Nobody had been watching since the beginning, which the caller knows.
            (None, None) => Timestamp::from_micros(i64::MIN),
        }
    }

    /// Forgets what is of no use for times from `time` on.
    pub(super) fn forget_before(&mut self, time: Timestamp) {
        while self.said.get(1).is_some_and(|next| next.from <= time) {
            self.said.pop_front();
        }
        self.coverage.forget_before(time);
    }
}
