use std::{collections::VecDeque, sync::Arc};

use super::{
    config::UnitConfig,
    counter::{Counter, Step},
    facts::{CountDelta, Event, Quarantined, StateInterval, UnitFacts},
    labels::{self, Labels},
    timeline::{Exposure, Timeline, not_watched},
};
use crate::{
    Interval, Timestamp,
    signal::{SignalRole, Value},
    state::{Signs, UnitState, classify},
};

/// An event that is earlier than one that was applied. It was not applied; the facts from its time on have to be
/// derived again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a sample of {time} came after facts were made up to {current}; nothing was changed: derive again from {time}")]
pub struct OutOfOrder {
    /// The event's time.
    pub time: Timestamp,
    /// Events must not be earlier than this.
    pub current: Timestamp,
}

/// What a unit does now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Current {
    /// What it is doing.
    pub state: UnitState,
    /// The machine's own word for it.
    pub cause: Option<Arc<str>>,
    /// Since when.
    pub since: Timestamp,
}

/// What the time before a period leaves to it: the signs in force and the counters' readings.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Carry {
    signs: Signs,
    counters: [Counter; 4],
    labels: labels::InForce,
}

impl Carry {
    /// What single readings before `start` leave: the newest value of each role, in order of time, such as a store
    /// gives. Whether anybody was watching between them and `start` is not known: the first pieces are after a gap.
    pub fn seed<'a>(config: &UnitConfig, start: Timestamp, newest: impl IntoIterator<Item = &'a Event>) -> Self {
        let mut carry = Carry::read(config, start, newest);
        carry.counters.iter_mut().for_each(|counter| counter.gap_until(start));
        carry
    }

    /// As [`seed`](Self::seed), where it is known what the unit did before `start`: `states` from the earliest of the counters'
    /// readings on, in order. `newest` has of each counter its last number, and after that, when there is one, the reading that
    /// the source could not tell; in order of time. Leaves what a derivation over everything would.
    pub fn seed_known<'a>(
        config: &UnitConfig,
        start: Timestamp,
        newest: impl IntoIterator<Item = &'a Event>,
        states: &[StateInterval],
    ) -> Self {
        let mut carry = Carry::read(config, start, newest);
        carry.counters.iter_mut().for_each(|counter| counter.known_until(start, states));
        carry
    }

    fn read<'a>(config: &UnitConfig, start: Timestamp, newest: impl IntoIterator<Item = &'a Event>) -> Self {
        let mut carry = Carry::default();
        for event in newest.into_iter().filter(|event| event.time < start) {
            carry.signs.apply(event.role, &event.value);
            if let Some(counter) = counter_index(event.role) {
                carry.counters[counter].read(event.time, &event.value, &config.limits());
            }
            if let Some(label) = labels::index(event.role) {
                carry.labels[label] = labels::word(&event.value);
            }
        }
        carry
    }
}

fn counter_index(role: SignalRole) -> Option<usize> {
    match role {
        SignalRole::GoodCount => Some(0),
        SignalRole::ScrapCount => Some(1),
        SignalRole::TotalCount => Some(2),
        SignalRole::ReworkCount => Some(3),
        _ => None,
    }
}

/// A delta before it is asked for: coverage may yet come.
#[derive(Clone, Copy, Debug)]
struct Counted {
    interval: Interval,
    pieces: [f64; 4],
    gap: bool,
    /// Of the time from `interval.from` to the beginning of the timeline.
    exposure: Exposure,
}

/// One unit's samples made into facts, one at a time.
///
/// - [`apply`](Self::apply) events in order of time, [`cover`](Self::cover) stretches in any order, before or after the events in them.
/// - The facts reach from the start to [`covered_to`](Self::covered_to). What lies in between and was not covered is unknown.
/// - A value stays in force until the next one, also over time nobody watched: when a collector is back, it sends the
///   values then in force, with the times at which they began where the source knows them.
/// - Memory grows with what happened since [`drain_closed_before`](Self::drain_closed_before).
#[derive(Clone, Debug)]
pub struct UnitFold {
    config: UnitConfig,
    signs: Signs,
    counters: [Counter; 4],
    labels: Labels,
    timeline: Timeline,
    /// The timeline begins here: what was before is drained.
    horizon: Timestamp,
    /// Events must not be earlier.
    now: Timestamp,
    covered_to: Timestamp,
    counted: VecDeque<Counted>,
    quarantined: VecDeque<Quarantined>,
}

impl UnitFold {
    /// A unit of which nothing is known before `start`.
    pub fn new(config: UnitConfig, start: Timestamp) -> Self {
        Self::resume(config, start, Carry::default())
    }

    /// A unit that goes on at `start` where another fold, or a store, left it.
    pub fn resume(config: UnitConfig, start: Timestamp, carry: Carry) -> Self {
        Self {
            config,
            timeline: Timeline::new(start, classify(&carry.signs)),
            signs: carry.signs,
            counters: carry.counters,
            labels: Labels::new(carry.labels),
            horizon: start,
            now: start,
            covered_to: start,
            counted: VecDeque::new(),
            quarantined: VecDeque::new(),
        }
    }

    /// Changes what is known of the unit, from the next event on.
    pub fn reconfigure(&mut self, config: UnitConfig) {
        self.config = config;
    }

    /// Takes in one reading. O(1).
    ///
    /// # Errors
    /// [`OutOfOrder`] when it is earlier than an event that was applied, or than the drained facts. Nothing is changed.
    pub fn apply(&mut self, time: Timestamp, role: SignalRole, value: &Value) -> Result<(), OutOfOrder> {
        if time < self.now {
            return Err(OutOfOrder { time, current: self.now });
        }
        self.now = time;
        match (counter_index(role), labels::index(role)) {
            (Some(counter), _) => self.count(time, role, counter, value),
            (None, Some(label)) => self.labels.say(time, label, labels::word(value)),
            (None, None) => {
                self.signs.apply(role, value);
                self.timeline.say(time, classify(&self.signs));
            }
        }
        Ok(())
    }

    fn count(&mut self, time: Timestamp, role: SignalRole, counter: usize, value: &Value) {
        if self.config.counts.split(role, 0.0).is_none() {
            return;
        }
        let before = self.counters[counter].total();
        match self.counters[counter].read(time, value, &self.config.limits()) {
            Step::Nothing => {}
            Step::Quarantined { since, reason } => self.quarantined.push_back(Quarantined {
                interval: Interval::new(since.map_or(time, |reading| reading.time), time),
                role,
                before,
                reading: value.clone(),
                reason,
            }),
            Step::Counted { since, pieces, gap } => {
                let interval = Interval::new(since.time, time);
                let pieces = self.config.counts.split(role, pieces).unwrap_or_default();
                match self.counted.back_mut() {
                    // Good and total read together are one delta.
                    Some(last) if last.interval == interval => {
                        last.gap |= gap;
                        last.pieces.iter_mut().zip(pieces).for_each(|(sum, more)| *sum += more);
                    }
                    _ => self.counted.push_back(Counted { interval, pieces, gap, exposure: since.exposure }),
                }
            }
        }
    }

    /// Somebody was watching in this stretch. What lies before the drained facts is ignored: they are out of reach.
    pub fn cover(&mut self, stretch: Interval) {
        let stretch = Interval::new(stretch.from.max(self.horizon), stretch.to);
        if !stretch.is_empty() {
            self.timeline.coverage.add(stretch);
            self.covered_to = self.covered_to.max(stretch.to);
        }
    }

    /// Facts are known up to here: the end of the latest coverage, the start when there is none yet.
    pub fn covered_to(&self) -> Timestamp {
        self.covered_to
    }

    /// No event may be earlier than this: the time of the last one applied, or to which facts were drained.
    pub fn applied_to(&self) -> Timestamp {
        self.now
    }

    /// What the unit does at `now`: what it did at the end of coverage, unless that is longer ago than
    /// [`UnitConfig::stale_after_micros`]. Then nobody knows, since the coverage ended.
    pub fn current(&self, now: Timestamp) -> Current {
        let watched = self.timeline.coverage.last().map(|stretch| stretch.from);
        let fresh = now <= self.covered_to.plus_micros(self.config.stale_after_micros);
        match (watched, self.timeline.said_at(self.covered_to)) {
            (Some(from), Some((what, since))) if fresh => {
                Current { state: what.state, cause: what.cause.clone(), since: since.max(from) }
            }
            _ => {
                let nobody = not_watched();
                Current { state: nobody.state, cause: nobody.cause, since: self.covered_to }
            }
        }
    }

    /// The facts of any period that begins at or after the drained ones; states that reach beyond it are cut. What is not
    /// covered (yet) is unknown, so that the intervals sum to the period. Counts belong to the period in which they
    /// were read.
    pub fn facts(&self, period: Interval) -> UnitFacts {
        let read = |time: Timestamp| period.contains(time);
        UnitFacts {
            intervals: self.states(period),
            counts: self.counts_from(period.from).take_while(|delta| read(delta.interval.to)).collect(),
            quarantined: self.quarantined.iter().filter(|it| read(it.interval.to)).cloned().collect(),
            labels: self.labels.of(Interval::new(period.from.max(self.horizon), period.to)),
        }
    }

    /// The states of [`facts`](Self::facts).
    pub fn states(&self, period: Interval) -> Vec<StateInterval> {
        self.timeline.states(Interval::new(period.from.max(self.horizon), period.to))
    }

    /// The states that end after `time`, up to [`covered_to`](Self::covered_to): the first one whole (as far as it is not
    /// drained), the last one still open.
    pub fn intervals_since(&self, time: Timestamp) -> Vec<StateInterval> {
        let begin = self.timeline.begin_of(time.max(self.horizon)).max(self.horizon);
        self.timeline.states(Interval::new(begin, self.covered_to))
    }

    /// The counts read at or after `time`, up to [`covered_to`](Self::covered_to); those read later wait for coverage.
    pub fn counts_since(&self, time: Timestamp) -> Vec<CountDelta> {
        self.counts_from(time).take_while(|delta| delta.interval.to <= self.covered_to).collect()
    }

    /// The readings at or after `time` that were not counted.
    pub fn quarantined_since(&self, time: Timestamp) -> impl Iterator<Item = &Quarantined> {
        self.quarantined.iter().skip_while(move |it| it.interval.to < time)
    }

    fn counts_from(&self, time: Timestamp) -> impl Iterator<Item = CountDelta> {
        let first = self.counted.partition_point(|it| it.interval.to < time);
        self.counted.range(first..).map(|it| self.finished(it))
    }

    fn finished(&self, it: &Counted) -> CountDelta {
        let reachable = Interval::new(it.interval.from.max(self.horizon), it.interval.to);
        let [good, scrap, total, rework] = it.pieces;
        let mut delta =
            CountDelta { interval: it.interval, good, scrap, total, rework, after_gap: false, known_share: 1.0 };
        if it.gap || it.exposure.unwatched || !self.timeline.coverage.contains(reachable) {
            let mut exposure = it.exposure;
            exposure.add(self.timeline.exposure(reachable));
            delta.after_gap = true;
            delta.known_share = exposure.known_share();
        }
        delta
    }

    /// Takes out what is finished: the states that ended at or before `time`, the counts and quarantined readings before it.
    /// `time` is where the caller no longer expects events or coverage; later than [`covered_to`](Self::covered_to)
    /// means that. Put one after the other, what is drained is the facts of the whole.
    pub fn drain_closed_before(&mut self, time: Timestamp) -> UnitFacts {
        let time = time.min(self.covered_to);
        let mut intervals = self.timeline.states(Interval::new(self.horizon, self.covered_to));
        intervals.pop();
        intervals.truncate(intervals.partition_point(|state| state.interval.to <= time));

        let counts_end = self.counted.partition_point(|it| it.interval.to < time);
        let counts = self.counted.range(..counts_end).map(|it| self.finished(it)).collect();
        self.counted.drain(..counts_end);
        let quarantined_end = self.quarantined.partition_point(|it| it.interval.to < time);
        let quarantined = self.quarantined.drain(..quarantined_end).collect();

        let mut labels = Vec::new();
        if let Some(last) = intervals.last() {
            let end = last.interval.to;
            labels = self.labels.of(Interval::new(self.horizon, end));
            self.labels.forget_before(end);
            for counter in &mut self.counters {
                counter.remember(&self.timeline, self.horizon, end);
            }
            for it in &mut self.counted {
                it.exposure.add(self.timeline.exposure(Interval::new(it.interval.from.max(self.horizon), end)));
            }
            self.timeline.forget_before(end);
            self.horizon = end;
        }
        self.now = self.now.max(time);
        UnitFacts { intervals, counts, quarantined, labels }
    }

    /// What is left to the period that begins at `time`, not before the last event.
    pub fn carry(&self, time: Timestamp) -> Carry {
        let mut counters = self.counters.clone();
        for counter in &mut counters {
            counter.remember(&self.timeline, self.horizon, time);
        }
        Carry { signs: self.signs.clone(), counters, labels: self.labels.in_force().clone() }
    }
}

/// The facts of a period, from all there is to know. Events before it (and the coverage from then on) serve to know the
/// state and the counters at its begin; later ones are ignored. The same fold as the live one, so the same facts.
pub fn derive(config: &UnitConfig, events: &[Event], coverage: &[Interval], period: Interval) -> UnitFacts {
    let earliest = events.iter().map(|event| event.time).chain(coverage.iter().map(|stretch| stretch.from)).min();
    let start = earliest.map_or(period.from, |earliest| earliest.min(period.from));
    fold(UnitFold::new(config.clone(), start), events, coverage, Interval::new(start, period.to)).facts(period)
}

/// The facts of a period that follows another, and what it leaves to the next one. Events and coverage outside the
/// period are ignored.
pub fn derive_from(
    config: &UnitConfig,
    carry: Carry,
    events: &[Event],
    coverage: &[Interval],
    period: Interval,
) -> (UnitFacts, Carry) {
    let fold = fold(UnitFold::resume(config.clone(), period.from, carry), events, coverage, period);
    (fold.facts(period), fold.carry(period.to))
}

fn fold(mut fold: UnitFold, events: &[Event], coverage: &[Interval], period: Interval) -> UnitFold {
    for stretch in coverage.iter().filter_map(|stretch| stretch.intersection(&period)) {
        fold.cover(stretch);
    }
    let mut ordered: Vec<&Event> = events.iter().filter(|event| period.contains(event.time)).collect();
    if !ordered.is_sorted_by_key(|event| event.time) {
        ordered.sort_by_key(|event| event.time);
    }
    for event in ordered {
        let applied = fold.apply(event.time, event.role, &event.value);
        debug_assert!(applied.is_ok(), "events are in order and not before the start");
    }
    fold
}
