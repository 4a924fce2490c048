use std::sync::Arc;

use super::counter::QuarantineReason;
use crate::{
    Interval, Timestamp,
    signal::{SignalRole, Value},
    state::UnitState,
};

/// One reading of a signal that means something to the engine.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// When, by the source's clock.
    pub time: Timestamp,
    /// What it means.
    pub role: SignalRole,
    /// What it said.
    pub value: Value,
}

/// A stretch in which a unit was doing one thing for one cause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateInterval {
    /// From when to when.
    pub interval: Interval,
    /// What it was doing.
    pub state: UnitState,
    /// The machine's own word for it; for unknown time what is missing.
    pub cause: Option<Arc<str>>,
}

impl StateInterval {
    /// Appends it, made one with the last when that ends where this begins and says the same.
    pub fn append_to(self, states: &mut Vec<StateInterval>) {
        match states.last_mut() {
            Some(last)
                if last.interval.to == self.interval.from && last.state == self.state && last.cause == self.cause =>
            {
                last.interval.to = self.interval.to;
            }
            _ => states.push(self),
        }
    }
}

/// Pieces counted between two readings of a running total.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CountDelta {
    /// From the reading before to this one. The pieces belong to the moment `interval.to`.
    pub interval: Interval,
    /// Good pieces. Negative when scrap is booked of pieces that were counted before as good.
    pub good: f64,
    /// Scrapped pieces. Negative when pieces counted before without a verdict turn out good.
    pub scrap: f64,
    /// All pieces.
    pub total: f64,
    /// Reworked pieces.
    pub rework: f64,
    /// Whether the counter was unavailable or nobody was watching somewhere in between: the pieces were made in
    /// that gap or around it, not at its end.
    pub after_gap: bool,
    /// The share of known producing time in that time of the interval in which pieces can have been made (producing or
    /// unknown). 1 unless `after_gap`.
    pub known_share: f64,
}

/// A reading of a counter that was not counted, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct Quarantined {
    /// From the reading before (where there is one) to this one.
    pub interval: Interval,
    /// Which counter.
    pub role: SignalRole,
    /// The reading before.
    pub before: Option<f64>,
    /// What was read.
    pub reading: Value,
    /// Why it was not counted.
    pub reason: QuarantineReason,
}

/// All that is known of one unit over a period.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct UnitFacts {
    /// States: in order, without holes or overlaps, neighbours different.
    pub intervals: Vec<StateInterval>,
    /// Pieces, in the order of `interval.to`.
    pub counts: Vec<CountDelta>,
    /// Readings that were not counted, in the order of `interval.to`.
    pub quarantined: Vec<Quarantined>,
    /// What the unit's own signals named, in order; each until the next word of its role, or the end of the period.
    pub labels: Vec<Label>,
}

/// A word in force: which order, which product, why it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// From when to when.
    pub interval: Interval,
    /// Order, product or stop reason.
    pub role: SignalRole,
    /// The word.
    pub word: Arc<str>,
}

impl UnitFacts {
    /// Appends the facts of the period that follows. An interval that the border cut in two becomes one again.
    pub fn append(&mut self, next: UnitFacts) {
        for state in next.intervals {
            state.append_to(&mut self.intervals);
        }
        self.counts.extend(next.counts);
        self.quarantined.extend(next.quarantined);
        for label in next.labels {
            let same = |last: &&mut Label| last.role == label.role;
            match self.labels.iter_mut().rev().find(same) {
                Some(last) if last.interval.to == label.interval.from && last.word == label.word => {
                    last.interval.to = label.interval.to;
                }
                _ => self.labels.push(label),
            }
        }
        self.labels.sort_by_key(|label| (label.interval.from, label.role));
    }
}
