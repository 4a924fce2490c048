//! Which value of which signal is in force, and what to write when the source is lost or back.

use std::collections::HashMap;

use gemba_contract::edge::LocalSignal;
use gemba_domain::{Timestamp, signal::Value};

use crate::queue::Reading;

/// What a source said of one signal, before it is written.
#[derive(Clone, Debug, PartialEq)]
pub struct Observation {
    /// The source's number of it, where it has one: a later one came into force later.
    pub sequence: u64,
    /// The signal it is of.
    pub signal: LocalSignal,
    /// When, by the source's clock.
    pub time: Timestamp,
    /// What.
    pub value: Value,
}

/// What is in force of one signal, as far as was written.
#[derive(Clone, Debug, PartialEq)]
struct InForce {
    time: Timestamp,
    value: Value,
    /// The time is a stamp of ours.
    stamped: bool,
}

/// A loss as it was written for one signal.
#[derive(Clone, Debug, PartialEq)]
struct Loss {
    time: Timestamp,
    /// In force until then, where that is known.
    value: Option<Value>,
    /// Since when, by the source.
    since: Option<Timestamp>,
}

/// The values of one source.
#[derive(Debug, Default)]
pub(crate) struct Values {
    in_force: HashMap<LocalSignal, InForce>,
    losses: HashMap<LocalSignal, Loss>,
    lost_at: Option<Timestamp>,
}

impl Values {
    /// Since when the source is lost.
    pub(crate) fn lost_at(&self) -> Option<Timestamp> {
        self.lost_at
    }

    /// A run before this one wrote the loss of these signals.
    pub(crate) fn lost_before(&mut self, signals: &[LocalSignal], at: Timestamp) {
        self.lost_at = Some(at);
        for signal in signals {
            let unavailable = InForce { time: at, value: Value::Unavailable, stamped: true };
            self.in_force.insert(*signal, unavailable);
            self.losses.insert(*signal, Loss { time: at, value: None, since: None });
        }
    }

    /// The source is lost: what to write. `at` is by the source's clock. Signals that are unavailable already stay so.
    pub(crate) fn lose(&mut self, signals: impl IntoIterator<Item = LocalSignal>, at: Timestamp) -> Vec<Reading> {
        self.lost_at = Some(at);
        self.end(signals, at)
    }

    /// These signals have no source any more: what to write.
    pub(crate) fn end(&mut self, signals: impl IntoIterator<Item = LocalSignal>, at: Timestamp) -> Vec<Reading> {
        let mut out = Vec::new();
        for signal in signals {
            let known = self.in_force.get(&signal);
            if known.is_some_and(|known| known.value == Value::Unavailable) {
                continue;
            }
            let time = known.map_or(at, |known| at.max(known.time.plus_micros(1)));
            let since = known.filter(|known| !known.stamped).map(|known| known.time);
            self.losses.insert(signal, Loss { time, value: known.map(|known| known.value.clone()), since });
            self.in_force.insert(signal, InForce { time, value: Value::Unavailable, stamped: true });
            out.push(Reading { signal, time, value: Value::Unavailable });
        }
        out
    }

    /// The source is back, and nothing was missed since `next`: puts the values back that were in force at the loss.
    /// `current` is what is in force now.
    pub(crate) fn resume(&mut self, current: &[Observation], next: u64, now: Timestamp) -> Vec<Reading> {
        let mut out = Vec::new();
        self.lost_at = None;
        for (signal, loss) in std::mem::take(&mut self.losses) {
            if let Some(value) = loss.value {
                self.in_force.insert(signal, InForce { time: loss.time, value: value.clone(), stamped: true });
                out.push(Reading { signal, time: loss.time, value });
            }
        }
        let unchanged: Vec<_> = current.iter().filter(|observation| observation.sequence < next).collect();
        out.extend(self.restate_all(&unchanged, now));
        out
    }

    /// Since when the signal is lost, and the time of what was in force until then.
    pub(crate) fn loss_of(&self, signal: LocalSignal) -> Option<(Timestamp, Option<Timestamp>)> {
        self.losses.get(&signal).map(|loss| (loss.time, loss.since))
    }

    /// The source kept what followed on the loss of this signal: its loss is taken back, by the value that was in force then.
    pub(crate) fn take_back(&mut self, signal: LocalSignal, before: Value) -> Option<Reading> {
        self.lost_at = None;
        let loss = self.losses.remove(&signal)?;
        Some(self.write(signal, loss.time, before, true))
    }

    /// The source is there and what came before is not known whole: writes what is in force now.
    pub(crate) fn begin(&mut self, current: &[Observation], now: Timestamp) -> Vec<Reading> {
        self.lost_at = None;
        self.losses.clear();
        self.restate_all(&current.iter().collect::<Vec<_>>(), now)
    }

    /// Signals of which nothing was written yet, of what is in force now and was so before `next`.
    pub(crate) fn begin_new(&mut self, current: &[Observation], next: u64, now: Timestamp) -> Vec<Reading> {
        let fresh = |o: &&Observation| o.sequence < next && !self.in_force.contains_key(&o.signal);
        let fresh: Vec<_> = current.iter().filter(fresh).collect();
        self.restate_all(&fresh, now)
    }

    /// Several conditions of one data item may be active at once: of a signal already known, the newest is restated.
    fn restate_all(&mut self, current: &[&Observation], now: Timestamp) -> Vec<Reading> {
        let newest: HashMap<LocalSignal, u64> = current.iter().map(|o| (o.signal, o.sequence)).collect();
        let stale =
            |values: &Self, o: &Observation| values.knows(o.signal) && newest.get(&o.signal) != Some(&o.sequence);
        let kept: Vec<_> = current.iter().filter(|o| !stale(self, o)).collect();
        kept.into_iter().filter_map(|observation| self.restate(observation, now)).collect()
    }

    /// A value in force now, which may be older than what was written last. `now` is by the source's clock.
    fn restate(&mut self, observation: &Observation, now: Timestamp) -> Option<Reading> {
        let (time, stamped) = match self.in_force.get(&observation.signal) {
            None => (observation.time, false),
            Some(known) if observation.time > known.time => (observation.time, false),
            Some(known) if known.value == observation.value => return None,
            Some(known) => (now.max(known.time.plus_micros(1)), true),
        };
        Some(self.write(observation.signal, time, observation.value.clone(), stamped))
    }

    /// The next observation in order.
    pub(crate) fn observe(&mut self, observation: Observation) -> Reading {
        let Observation { signal, time, value, .. } = observation;
        match self.in_force.get(&signal) {
            Some(known) if known.stamped && time <= known.time => {
                let behind = known.time.plus_micros(1);
                self.write(signal, behind, value, true)
            }
            // Late by its own clock: it belongs to the past, what is in force stays.
            Some(known) if time < known.time => Reading { signal, time, value },
            _ => self.write(signal, time, value, false),
        }
    }

    fn write(&mut self, signal: LocalSignal, time: Timestamp, value: Value, stamped: bool) -> Reading {
        self.in_force.insert(signal, InForce { time, value: value.clone(), stamped });
        Reading { signal, time, value }
    }

    /// The clock that stamped what was written cannot be believed: nothing is known to be in force.
    pub(crate) fn forget(&mut self) {
        self.in_force.clear();
        self.losses.clear();
    }

    /// The clock that stamps this signal was set back: what is in force is so since its new present at the latest.
    pub(crate) fn not_after(&mut self, signal: LocalSignal, now: Timestamp) {
        if let Some(known) = self.in_force.get_mut(&signal).filter(|known| known.time > now) {
            known.time = now;
        }
    }

    /// The value in force, as far as was written.
    pub(crate) fn in_force(&self, signal: LocalSignal) -> Option<&Value> {
        self.in_force.get(&signal).map(|known| &known.value)
    }

    /// Whether anything was written of this signal.
    pub(crate) fn knows(&self, signal: LocalSignal) -> bool {
        self.in_force.contains_key(&signal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    fn seen(signal: LocalSignal, sequence: u64, seconds: i64, word: &str) -> Observation {
        Observation { sequence, signal, time: at(seconds), value: Value::Text(word.into()) }
    }

    fn short(readings: Vec<Reading>) -> Vec<(LocalSignal, i64, String)> {
        let mut out: Vec<_> = readings
            .into_iter()
            .map(|reading| {
                let word = reading.value.text().unwrap_or("?").to_owned();
                (reading.signal, reading.time.micros(), word)
            })
            .collect();
        out.sort();
        out
    }

    fn row(signal: LocalSignal, micros: i64, word: &str) -> (LocalSignal, i64, String) {
        (signal, micros, word.to_owned())
    }

    #[test]
    fn after_an_outage_without_a_gap_the_loss_is_taken_back() {
        let mut values = Values::default();
        values.begin(&[seen(0, 1, 10, "ACTIVE"), seen(1, 2, 11, "AUTO")], at(20));
        assert_eq!(short(values.lose([0, 1], at(30))), [row(0, 30_000_000, "?"), row(1, 30_000_000, "?")]);
        // Signal 0 changed while the agent could not be reached; its change comes with the stream.
        let back = values.resume(&[seen(0, 5, 35, "READY"), seen(1, 2, 11, "AUTO")], 5, at(40));
        assert_eq!(short(back), [row(0, 30_000_000, "ACTIVE"), row(1, 30_000_000, "AUTO")]);
        assert_eq!(short(vec![values.observe(seen(0, 5, 35, "READY"))]), [row(0, 35_000_000, "READY")]);
        assert_eq!(values.lost_at(), None);
    }

    #[test]
    fn after_a_gap_old_values_are_stamped_with_the_return() {
        let mut values = Values::default();
        values.begin(&[seen(0, 1, 10, "ACTIVE"), seen(1, 2, 11, "AUTO")], at(20));
        values.lose([0, 1], at(30));
        let back = values.begin(&[seen(0, 9, 35, "READY"), seen(1, 8, 11, "AUTO")], at(40));
        assert_eq!(short(back), [row(0, 35_000_000, "READY"), row(1, 40_000_000, "AUTO")]);
    }

    #[test]
    fn a_loss_comes_after_what_was_seen_even_if_the_source_clock_is_ahead() {
        let mut values = Values::default();
        values.begin(&[seen(0, 1, 100, "ACTIVE")], at(20));
        assert_eq!(short(values.lose([0], at(30))), [row(0, 100_000_001, "?")]);
        assert_eq!(values.lose([0], at(31)), []);
        let back = values.begin(&[seen(0, 1, 100, "ACTIVE")], at(40));
        assert_eq!(short(back), [row(0, 100_000_002, "ACTIVE")]);
        // A later observation by a clock that is behind our stamp still comes into force.
        assert_eq!(short(vec![values.observe(seen(0, 2, 90, "READY"))]), [row(0, 100_000_003, "READY")]);
    }

    #[test]
    fn late_observations_keep_their_time() {
        let mut values = Values::default();
        values.observe(seen(0, 1, 100, "B"));
        assert_eq!(short(vec![values.observe(seen(0, 2, 50, "A"))]), [row(0, 50_000_000, "A")]);
        assert_eq!(short(values.lose([0], at(60))), [row(0, 100_000_001, "?")]);
    }

    #[test]
    fn the_loss_of_one_signal_is_taken_back_by_what_the_source_kept() {
        let mut values = Values::default();
        values.begin(&[seen(0, 1, 10, "ACTIVE"), seen(1, 2, 11, "AUTO")], at(20));
        values.lose([0, 1], at(30));
        assert_eq!(values.loss_of(0), Some((at(30), Some(at(10)))));
        let back = values.take_back(0, Value::Text("ACTIVE".into()));
        assert_eq!(short(back.into_iter().collect()), [row(0, 30_000_000, "ACTIVE")]);
        assert_eq!(short(vec![values.observe(seen(0, 3, 35, "READY"))]), [row(0, 35_000_000, "READY")]);
        // Lost once more before it was there for good: what was taken back is lost anew.
        assert_eq!(values.lost_at(), None);
        assert_eq!(short(values.lose([0, 1], at(40))), [row(0, 40_000_000, "?")]);
    }

    #[test]
    fn a_loss_written_by_an_earlier_run_is_ended() {
        let mut values = Values::default();
        values.lost_before(&[0, 1], at(30));
        assert_eq!(values.lose([0, 1, 2], at(50)).len(), 1);
        let back = values.resume(&[seen(0, 3, 10, "ACTIVE"), seen(1, 9, 45, "NEW")], 5, at(60));
        assert_eq!(short(back), [row(0, 60_000_000, "ACTIVE")]);
    }
}
