//! The samples that are not packed yet, and the newest of each signal, in memory.

use std::cmp::Ordering;

use gemba_codec::{Run, Values};
use gemba_domain::{
    Timestamp,
    signal::{SignalId, Value},
};
use rustc_hash::FxHashMap;

use super::series::Series;

/// Samples that ascend in time and in ordinal together.
#[derive(Debug)]
struct Stretch {
    series: Series,
    /// (ordinal, time of its first sample), both ascending.
    marks: Vec<(i64, i64)>,
}

impl Stretch {
    fn first_ordinal(&self) -> i64 {
        self.marks.first().map_or(i64::MAX, |mark| mark.0)
    }

    fn last_ordinal(&self) -> i64 {
        self.marks.last().map_or(i64::MIN, |mark| mark.0)
    }

    /// Keeps what came after `ordinal`. False when that is nothing.
    fn keep_after(&mut self, ordinal: i64) -> bool {
        let at = self.marks.partition_point(|mark| mark.0 <= ordinal);
        let Some((_, time)) = self.marks.get(at) else { return false };
        self.series.drop_before(*time);
        self.marks.drain(..at);
        true
    }

    /// Keeps what came up to `ordinal`; gives the rest.
    fn split_after(&mut self, ordinal: i64) -> Option<Stretch> {
        let at = self.marks.partition_point(|mark| mark.0 <= ordinal);
        let time = self.marks.get(at)?.1;
        let rest = Stretch { series: self.series.part(time, i64::MAX), marks: self.marks.split_off(at) };
        self.series = self.series.part(i64::MIN, time);
        Some(rest)
    }
}

#[derive(Debug, Default)]
struct SignalHead {
    newest: Option<Newest>,
    /// By ordinal.
    stretches: Vec<Stretch>,
}

impl SignalHead {
    /// Takes a reading as the newest if it is. Of two with the same time the one with the higher ordinal is newer.
    fn offer_newest(&mut self, time: i64, ordinal: i64, value: impl FnOnce() -> Value) {
        let known = self.newest.as_ref().map(|known| (known.time, known.ordinal));
        if known.is_none_or(|known| (time, ordinal).cmp(&known) != Ordering::Less) {
            self.newest = Some(Newest { time, ordinal, value: value() });
        }
    }
}

/// The newest reading of a signal.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Newest {
    pub time: i64,
    pub ordinal: i64,
    pub value: Value,
}

/// All signals' unpacked samples.
#[derive(Debug, Default)]
pub(super) struct Head {
    signals: FxHashMap<SignalId, SignalHead>,
    samples: usize,
    /// All up to here is packed; what comes later for it is known already.
    through: i64,
}

impl Head {
    /// Adds a committed batch. Batches of several collectors may come in any order.
    pub fn append(&mut self, ordinal: i64, runs: &[(SignalId, Run)]) {
        for of_signal in runs.chunk_by(|a, b| a.0 == b.0) {
            match of_signal {
                [(signal, run)] => self.append_run(ordinal, *signal, run),
                runs => {
                    let series = Series::from_runs(runs.iter().map(|(_, run)| run.clone()));
                    self.append_series(ordinal, runs[0].0, series);
                }
            }
        }
    }

    /// All that a batch has of a signal. Nearly every sample comes by here, and nearly always as the latest.
    fn append_run(&mut self, ordinal: i64, signal: SignalId, run: &Run) {
        let (Some(&first), Some(&last)) = (run.times.first(), run.times.last()) else { return };
        let head = self.signals.entry(signal).or_default();
        head.offer_newest(last, ordinal, || last_value(run));
        if ordinal <= self.through {
            return;
        }
        match head.stretches.last_mut() {
            Some(end) if end.last_ordinal() <= ordinal && end.series.last_micros() < Some(first) => {
                self.samples += run.len();
                end.series.append_run(run);
                if end.last_ordinal() < ordinal {
                    end.marks.push((ordinal, first));
                }
            }
            _ => self.append_series(ordinal, signal, Series::from(run.clone())),
        }
    }

    fn append_series(&mut self, ordinal: i64, signal: SignalId, series: Series) {
        let (Some(first), Some(last)) = (series.first_micros(), series.last_micros()) else { return };
        let head = self.signals.entry(signal).or_default();
        if let Some((time, value)) = series.at_micros(last) {
            head.offer_newest(time, ordinal, || value);
        }
        if ordinal <= self.through {
            return;
        }
        self.samples += series.len();
        match head.stretches.last_mut() {
            Some(end) if end.last_ordinal() <= ordinal => {
                if end.series.last_micros() < Some(first) {
                    end.series.append(series);
                    if end.last_ordinal() < ordinal {
                        end.marks.push((ordinal, first));
                    }
                    return;
                }
                head.stretches.push(Stretch { series, marks: vec![(ordinal, first)] });
            }
            _ => {
                let mut at = head.stretches.partition_point(|s| s.first_ordinal() <= ordinal);
                if let Some(rest) = at.checked_sub(1).and_then(|i| head.stretches[i].split_after(ordinal)) {
                    head.stretches.insert(at, rest);
                }
                at = head.stretches.partition_point(|s| s.last_ordinal() <= ordinal);
                head.stretches.insert(at, Stretch { series, marks: vec![(ordinal, first)] });
            }
        }
    }

    /// Takes a reading as the newest if it is.
    pub fn offer_newest(&mut self, signal: SignalId, offered: Newest) {
        let head = self.signals.entry(signal).or_default();
        head.offer_newest(offered.time, offered.ordinal, || offered.value);
    }

    /// The newest reading.
    pub fn newest(&self, signal: SignalId) -> Option<(Timestamp, Value)> {
        let newest = self.signals.get(&signal)?.newest.as_ref()?;
        Some((Timestamp::from_micros(newest.time), newest.value.clone()))
    }

    /// Forgets what is packed by now.
    pub fn trim(&mut self, through: i64) {
        if through <= self.through {
            return;
        }
        self.through = through;
        let mut samples = 0;
        for head in self.signals.values_mut() {
            head.stretches.retain_mut(|stretch| {
                let kept = stretch.first_ordinal() > through || stretch.keep_after(through);
                if kept {
                    samples += stretch.series.len();
                }
                kept
            });
        }
        self.samples = samples;
    }

    /// What is not packed of one signal: the reading in force at `from` and those up to `to`, by ordinal.
    pub fn snapshot(&self, signal: SignalId, from: i64, to: i64) -> Snapshot {
        let pieces = self.signals.get(&signal).map(|head| {
            head.stretches
                .iter()
                .filter_map(|stretch| {
                    let series = stretch.series.part_in_force(from, to);
                    (!series.is_empty()).then(|| (stretch.marks.clone(), series))
                })
                .collect()
        });
        Snapshot(pieces.unwrap_or_default())
    }

    /// All up to here is packed.
    pub fn through(&self) -> i64 {
        self.through
    }

    /// How many samples are held.
    pub fn samples(&self) -> usize {
        self.samples
    }
}

/// A copy of a signal's unpacked samples.
#[derive(Debug, Default)]
pub(super) struct Snapshot(Vec<(Vec<(i64, i64)>, Series)>);

impl Snapshot {
    /// Those that came after `through`, in order.
    pub fn after(self, through: i64) -> impl Iterator<Item = Series> {
        self.0.into_iter().filter_map(move |(marks, series)| {
            match marks.get(marks.partition_point(|m| m.0 <= through)) {
                Some((ordinal, _)) if marks.first().is_some_and(|m| m.0 == *ordinal) => Some(series),
                Some((_, time)) => Some(series.part(*time, i64::MAX)),
                None => None,
            }
        })
    }
}

fn last_value(run: &Run) -> Value {
    match &run.values {
        Values::Number(numbers) => numbers.last().map_or(Value::Unavailable, |number| Value::Number(*number)),
        Values::Text(texts) => texts.last().map_or(Value::Unavailable, |text| Value::Text(text.clone())),
        Values::Unavailable => Value::Unavailable,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use gemba_codec::Values;
    use proptest::prelude::*;

    use super::*;

    const SIGNAL: SignalId = SignalId(1);

    proptest! {
        #[test]
        fn whatever_the_order_of_arrival_the_higher_ordinal_stands(
            batches in proptest::collection::vec(proptest::collection::btree_set(0..40_i64, 1..10), 1..12),
            seed in any::<u64>(),
            through in 0..12_i64,
        ) {
            let mut order: Vec<usize> = (0..batches.len()).collect();
            order.sort_by_key(|i| (*i as u64 + 1).wrapping_mul(seed | 1) >> 7);
            let mut head = Head::default();
            for i in order {
                let times: Vec<i64> = batches[i].iter().copied().collect();
                let values = Values::Number(vec![i as f64; times.len()]);
                head.append(i as i64 + 1, &[(SIGNAL, Run { times, values })]);
            }
            let brute = |after: i64| {
                let mut all = BTreeMap::new();
                for (i, batch) in batches.iter().enumerate().filter(|(i, _)| *i as i64 + 1 > after) {
                    all.extend(batch.iter().map(|time| (*time, i as f64)));
                }
                all.into_iter().collect::<Vec<_>>()
            };
            let read = |snapshot: Snapshot, after: i64| Series::merged(snapshot.after(after).collect()).numbers().collect::<Vec<_>>();
            prop_assert_eq!(read(head.snapshot(SIGNAL, i64::MIN, i64::MAX), 0), brute(0));
            prop_assert_eq!(read(head.snapshot(SIGNAL, i64::MIN, i64::MAX), through), brute(through));
            head.trim(through);
            prop_assert_eq!(read(head.snapshot(SIGNAL, i64::MIN, i64::MAX), through), brute(through));
            let held: usize = batches.iter().skip(through as usize).map(|b| b.len()).sum();
            prop_assert_eq!(head.samples(), held);
            let newest = batches.iter().enumerate().filter_map(|(i, b)| b.last().map(|t| (*t, i))).max();
            let found = head.newest(SIGNAL).map(|(t, v)| (t.micros(), v.number().map(|n| n as usize).unwrap_or(99)));
            prop_assert_eq!(found, newest);
        }
    }
}
