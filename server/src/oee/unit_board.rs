//! The last day of one unit, in memory.

use std::sync::Arc;

use gemba_domain::{
    Interval, Timestamp,
    oee::{Carry, CountRoles, Elements, Event, StateInterval, UnitConfig, UnitFacts, UnitFold, derive_from, elements},
    shift::ShiftInstance,
    signal::SignalRole,
    state::UnitState,
};

use crate::plant::Unit;

/// How a unit is now, with the elements of the running shift so far.
#[derive(Clone, Debug)]
pub struct Now {
    pub state: UnitState,
    pub cause: Option<Arc<str>>,
    pub since: Timestamp,
    pub last_sample: Option<Timestamp>,
    pub elements: Elements,
}

/// The events and coverage of a window that ends now, folded. The fold is the definition; what is kept beside it
/// serves to make it anew when something arrives late.
#[derive(Debug)]
pub struct UnitBoard {
    config: UnitConfig,
    window_from: Timestamp,
    /// What the time before the window left.
    carry: Carry,
    /// By time; of equal times in order of arrival.
    events: Vec<Event>,
    coverage: Vec<Interval>,
    fold: UnitFold,
    last_sample: Option<Timestamp>,
    /// From here on the stored facts are not what the fold says.
    unsaved_from: Timestamp,
}

/// What the domain must know of a unit.
pub fn config_of(unit: &Unit) -> UnitConfig {
    let has = |role: SignalRole| unit.signals.iter().any(|signal| signal.role == Some(role));
    UnitConfig {
        pri_micros: unit.ideal_cycle_seconds.map(|seconds| (seconds * 1e6).round() as i64),
        counts: CountRoles {
            good: has(SignalRole::GoodCount),
            scrap: has(SignalRole::ScrapCount),
            total: has(SignalRole::TotalCount),
        },
        counter_max: unit.counter_maximum,
        ..UnitConfig::default()
    }
}

impl UnitBoard {
    /// A window that begins at `window_from`, with what is stored of it.
    pub fn new(
        config: UnitConfig,
        window_from: Timestamp,
        carry: Carry,
        events: Vec<Event>,
        coverage: Vec<Interval>,
    ) -> Self {
        let last_sample = events.last().map(|event| event.time);
        let fold = UnitFold::resume(config.clone(), window_from, carry.clone());
        let mut board =
            Self { config, window_from, carry, events, coverage, fold, last_sample, unsaved_from: window_from };
        board.fold_again();
        board
    }

    pub fn config(&self) -> &UnitConfig {
        &self.config
    }

    pub fn window_from(&self) -> Timestamp {
        self.window_from
    }

    fn fold_again(&mut self) {
        self.events.sort_by_key(|event| event.time);
        self.fold = UnitFold::resume(self.config.clone(), self.window_from, self.carry.clone());
        for stretch in &self.coverage {
            self.fold.cover(*stretch);
        }
        for event in &self.events {
            // In order and within the window: it cannot be refused.
            self.fold.apply(event.time, event.role, &event.value).ok();
        }
    }

    /// Takes in events in any order. Those before the window are the caller's to derive again.
    pub fn take(&mut self, events: impl IntoIterator<Item = Event>) {
        let mut again = false;
        for event in events {
            if event.time < self.window_from {
                continue;
            }
            self.last_sample = self.last_sample.max(Some(event.time));
            self.unsaved_from = self.unsaved_from.min(event.time);
            let late = self.events.last().is_some_and(|last| event.time <= last.time);
            if late {
                // The same reading may come twice; of two for one moment the later one stands.
                let begin = self.events.partition_point(|known| known.time < event.time);
                let same = self.events.iter_mut().skip(begin).take_while(|known| known.time == event.time);
                if let Some(known) = same.into_iter().find(|known| known.role == event.role) {
                    again |= known.value != event.value;
                    known.value = event.value;
                    continue;
                }
            }
            again |= self.fold.apply(event.time, event.role, &event.value).is_err();
            self.events.push(event);
        }
        if again {
            self.fold_again();
        } else if !self.events.is_sorted_by_key(|event| event.time) {
            self.events.sort_by_key(|event| event.time);
        }
    }

    /// Somebody was watching in this stretch.
    pub fn cover(&mut self, stretch: Interval) {
        let stretch = Interval::new(stretch.from.max(self.window_from), stretch.to);
        if stretch.is_empty() {
            return;
        }
        self.unsaved_from = self.unsaved_from.min(stretch.from);
        match self.coverage.last_mut() {
            Some(last) if last.from <= stretch.from && stretch.from <= last.to => last.to = last.to.max(stretch.to),
            _ => self.coverage.push(stretch),
        }
        self.fold.cover(stretch);
    }

    /// Another ideal cycle or another set of counters.
    pub fn reconfigure(&mut self, config: UnitConfig) {
        if config != self.config {
            self.config = config;
            self.unsaved_from = self.window_from;
            self.fold_again();
        }
    }

    /// Lets go of what lies before `window_from`.
    pub fn trim(&mut self, window_from: Timestamp) {
        if window_from <= self.window_from {
            return;
        }
        let gone = Interval::new(self.window_from, window_from);
        let (_, carry) = derive_from(&self.config, self.carry.clone(), &self.events, &self.coverage, gone);
        self.carry = carry;
        self.window_from = window_from;
        self.events.retain(|event| event.time >= window_from);
        self.coverage.retain(|stretch| stretch.to > window_from);
        self.unsaved_from = self.unsaved_from.max(window_from);
        self.fold_again();
    }

    /// Up to where its facts are known.
    pub fn covered_to(&self) -> Timestamp {
        self.fold.covered_to()
    }

    /// The states of a period that ends now. While data flows the newest one reaches to its end.
    pub fn states(&self, period: Interval) -> Vec<StateInterval> {
        let known = Interval::new(period.from, self.known_until(period.to));
        let mut states = self.fold.facts(known).intervals;
        if let Some(last) = states.last_mut() {
            last.interval.to = period.to;
        }
        states
    }

    /// While data flows the last moments are not known yet, and are not missing either: figures reach to the end of
    /// coverage. Once it is stale the time since is unknown.
    fn known_until(&self, now: Timestamp) -> Timestamp {
        let covered_to = self.fold.covered_to();
        if now.micros_since(covered_to) <= self.config.stale_after_micros { covered_to.min(now) } else { now }
    }

    /// How the unit is at `now`; figures since the shift began.
    pub fn now(&self, now: Timestamp, shift: Option<&ShiftInstance>) -> Now {
        let current = self.fold.current(now);
        let elements = shift.map_or_else(Elements::default, |shift| {
            let period = Interval::new(shift.from.max(self.window_from), self.known_until(now));
            let facts = self.fold.facts(period);
            elements(&facts.intervals, &facts.counts, std::slice::from_ref(shift), period, self.config.pri_micros)
        });
        Now {
            state: current.state,
            cause: current.cause,
            since: current.since,
            last_sample: self.last_sample,
            elements,
        }
    }

    /// Takes the facts that are not stored yet, from the beginning of an hour on; `None` when all are. Those that cannot
    /// be stored are given back to [`unsave`](Self::unsave).
    pub fn take_unsaved(&mut self) -> Option<(Interval, UnitFacts)> {
        let to = self.fold.covered_to();
        if self.unsaved_from >= to {
            return None;
        }
        let hour = Timestamp::from_seconds(self.unsaved_from.micros().div_euclid(3_600_000_000) * 3600);
        let period = Interval::new(hour.max(self.window_from), to);
        self.unsaved_from = to;
        Some((period, self.fold.facts(period)))
    }

    /// The facts from here on are not stored after all.
    pub fn unsave(&mut self, from: Timestamp) {
        self.unsaved_from = self.unsaved_from.min(from);
    }
}
