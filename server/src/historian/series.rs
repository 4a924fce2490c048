//! Samples of one signal, by time.

use std::sync::Arc;

use gemba_codec::{Run, Values};
use gemba_domain::{Interval, Timestamp, signal::Value};

/// Times and values of one kind, strictly ascending. Times are microseconds since 1970.
#[derive(Clone, Debug, PartialEq)]
struct Column<T> {
    times: Vec<i64>,
    values: Vec<T>,
}

impl<T> Default for Column<T> {
    fn default() -> Self {
        Self { times: Vec::new(), values: Vec::new() }
    }
}

impl<T: Clone> Column<T> {
    fn append(&mut self, mut other: Self) {
        if self.times.is_empty() {
            *self = other;
        } else {
            self.times.append(&mut other.times);
            self.values.append(&mut other.values);
        }
    }

    fn extend(&mut self, times: &[i64], values: &[T]) {
        self.times.extend_from_slice(times);
        self.values.extend_from_slice(values);
    }

    fn drop_before(&mut self, time: i64) {
        let begin = self.times.partition_point(|t| *t < time);
        self.times.drain(..begin);
        self.values.drain(..begin);
        // A burst is over: its memory is given back.
        if self.times.capacity() / 8 > self.times.len() {
            self.times.shrink_to_fit();
            self.values.shrink_to_fit();
        }
    }

    fn part(&self, from: i64, to: i64) -> Self {
        let begin = self.times.partition_point(|t| *t < from);
        let end = self.times.partition_point(|t| *t < to).max(begin);
        Self { times: self.times[begin..end].to_vec(), values: self.values[begin..end].to_vec() }
    }

    /// Takes out the samples at these times (ascending).
    fn without(self, gone: &[i64]) -> Self {
        let mut gone = gone.iter().copied().peekable();
        let mut kept = Self::default();
        for (time, value) in self.times.into_iter().zip(self.values) {
            while gone.next_if(|g| *g < time).is_some() {}
            if gone.peek() != Some(&time) {
                kept.times.push(time);
                kept.values.push(value);
            }
        }
        kept
    }

    /// Both, by time. They have no time in common.
    fn zip(mut self, other: Self) -> Self {
        if self.times.last() < other.times.first() {
            self.append(other);
            return self;
        }
        let mut out = Self {
            times: Vec::with_capacity(self.times.len() + other.times.len()),
            values: Vec::with_capacity(self.times.len() + other.times.len()),
        };
        let mut a = self.times.into_iter().zip(self.values).peekable();
        let mut b = other.times.into_iter().zip(other.values).peekable();
        loop {
            let from_a = match (a.peek(), b.peek()) {
                (Some((ta, _)), Some((tb, _))) => ta < tb,
                (Some(_), None) => true,
                (None, Some(_)) => false,
                (None, None) => return out,
            };
            if let Some((time, value)) = if from_a { a.next() } else { b.next() } {
                out.times.push(time);
                out.values.push(value);
            }
        }
    }
}

/// Samples of one signal, by time, each time once, values of any kind.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Series {
    numbers: Column<f64>,
    texts: Column<Arc<str>>,
    unavailable: Column<()>,
    /// Stretches of which stored samples cannot be read any more (see `historian_damage`). What the series
    /// holds is right; within these stretches it may not be all.
    pub damaged: Vec<Interval>,
}

impl Series {
    /// From decoded runs. Of two samples with the same time, that of the later run stands.
    pub fn from_runs(runs: impl IntoIterator<Item = Run>) -> Self {
        runs.into_iter().fold(Self::default(), |series, run| series.overlaid(Self::from(run)))
    }

    /// One run for each kind that occurs.
    pub fn into_runs(self) -> Vec<Run> {
        let mut runs = Vec::new();
        if !self.numbers.times.is_empty() {
            runs.push(Run { times: self.numbers.times, values: Values::Number(self.numbers.values) });
        }
        if !self.texts.times.is_empty() {
            runs.push(Run { times: self.texts.times, values: Values::Text(self.texts.values) });
        }
        if !self.unavailable.times.is_empty() {
            runs.push(Run { times: self.unavailable.times, values: Values::Unavailable });
        }
        runs
    }

    /// Number of samples.
    pub fn len(&self) -> usize {
        self.numbers.times.len() + self.texts.times.len() + self.unavailable.times.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Microseconds of the earliest sample.
    pub(super) fn first_micros(&self) -> Option<i64> {
        [self.numbers.times.first(), self.texts.times.first(), self.unavailable.times.first()]
            .into_iter()
            .flatten()
            .min()
            .copied()
    }

    /// Microseconds of the latest sample.
    pub(super) fn last_micros(&self) -> Option<i64> {
        [self.numbers.times.last(), self.texts.times.last(), self.unavailable.times.last()]
            .into_iter()
            .flatten()
            .max()
            .copied()
    }

    /// Time of the earliest sample.
    pub fn first_time(&self) -> Option<Timestamp> {
        self.first_micros().map(Timestamp::from_micros)
    }

    /// Time of the latest sample.
    pub fn last_time(&self) -> Option<Timestamp> {
        self.last_micros().map(Timestamp::from_micros)
    }

    /// All numbers with their times.
    pub(super) fn numbers(&self) -> impl Iterator<Item = (i64, f64)> + '_ {
        self.numbers.times.iter().copied().zip(self.numbers.values.iter().copied())
    }

    /// How many samples are numbers.
    pub(super) fn number_count(&self) -> usize {
        self.numbers.times.len()
    }

    /// Rough memory of the texts, in bytes.
    pub(super) fn text_bytes(&self) -> usize {
        self.texts.values.iter().map(|text| text.len()).sum()
    }

    /// Every time, ascending.
    pub(super) fn times(&self) -> Vec<i64> {
        if self.len() == self.numbers.times.len() {
            return self.numbers.times.clone();
        }
        let bare = |times: &[i64]| Column { values: vec![(); times.len()], times: times.to_vec() };
        bare(&self.numbers.times).zip(bare(&self.texts.times)).zip(bare(&self.unavailable.times)).times
    }

    /// Samples by time.
    pub fn iter(&self) -> impl Iterator<Item = (Timestamp, Value)> + '_ {
        self.iter_micros().map(|(time, value)| (Timestamp::from_micros(time), value))
    }

    pub(super) fn iter_micros(&self) -> impl Iterator<Item = (i64, Value)> + '_ {
        let (mut n, mut t, mut u) = (0, 0, 0);
        std::iter::from_fn(move || {
            let next = |times: &[i64], at: usize| times.get(at).copied().unwrap_or(i64::MAX);
            let (tn, tt, tu) =
                (next(&self.numbers.times, n), next(&self.texts.times, t), next(&self.unavailable.times, u));
            if tn <= tt && tn <= tu {
                let value = *self.numbers.values.get(n)?;
                n += 1;
                Some((tn, Value::Number(value)))
            } else if tt <= tu {
                let value = self.texts.values.get(t)?.clone();
                t += 1;
                Some((tt, Value::Text(value)))
            } else {
                self.unavailable.times.get(u)?;
                u += 1;
                Some((tu, Value::Unavailable))
            }
        })
    }

    /// The last sample at or before this time: what was in force then.
    pub fn at(&self, time: Timestamp) -> Option<(Timestamp, Value)> {
        self.at_micros(time.micros()).map(|(time, value)| (Timestamp::from_micros(time), value))
    }

    pub(super) fn at_micros(&self, time: i64) -> Option<(i64, Value)> {
        let last = |times: &[i64]| times.partition_point(|t| *t <= time).checked_sub(1);
        let number = last(&self.numbers.times).map(|i| (self.numbers.times[i], Value::Number(self.numbers.values[i])));
        let text = last(&self.texts.times).map(|i| (self.texts.times[i], Value::Text(self.texts.values[i].clone())));
        let none = last(&self.unavailable.times).map(|i| (self.unavailable.times[i], Value::Unavailable));
        [number, text, none].into_iter().flatten().max_by_key(|(time, _)| *time)
    }

    /// The samples with `from <= time < to`.
    #[must_use]
    pub fn within(&self, from: Timestamp, to: Timestamp) -> Self {
        self.part(from.micros(), to.micros())
    }

    pub(super) fn part(&self, from: i64, to: i64) -> Self {
        Self {
            numbers: self.numbers.part(from, to),
            texts: self.texts.part(from, to),
            unavailable: self.unavailable.part(from, to),
            damaged: self.damaged.clone(),
        }
    }

    /// Forgets what lies before this time.
    pub(super) fn drop_before(&mut self, time: i64) {
        self.numbers.drop_before(time);
        self.texts.drop_before(time);
        self.unavailable.drop_before(time);
    }

    /// The samples before `to`, without those that a later one at or before `from` replaces.
    pub(super) fn part_in_force(&self, from: i64, to: i64) -> Self {
        let begin = self.at_micros(from).map_or(from, |(time, _)| time);
        self.part(begin, to)
    }

    /// Puts `newer` over `self`: of two samples with the same time the newer stands.
    #[must_use]
    pub(super) fn overlaid(mut self, newer: Self) -> Self {
        let damaged = [std::mem::take(&mut self.damaged), newer.damaged].concat();
        let newer = Self { damaged: Vec::new(), ..newer };
        let mut out = match (self.last_micros(), newer.first_micros()) {
            (None, _) => newer,
            (_, None) => self,
            (Some(last), Some(first)) if last < first => {
                self.append(newer);
                self
            }
            _ => {
                let gone = newer.times();
                Self {
                    numbers: self.numbers.without(&gone).zip(newer.numbers),
                    texts: self.texts.without(&gone).zip(newer.texts),
                    unavailable: self.unavailable.without(&gone).zip(newer.unavailable),
                    damaged: Vec::new(),
                }
            }
        };
        out.damaged = damaged;
        out
    }

    /// Adds a run whose samples are all later.
    pub(super) fn append_run(&mut self, later: &Run) {
        match &later.values {
            Values::Number(values) => self.numbers.extend(&later.times, values),
            Values::Text(values) => self.texts.extend(&later.times, values),
            Values::Unavailable => {
                self.unavailable.times.extend_from_slice(&later.times);
                self.unavailable.values.resize(self.unavailable.times.len(), ());
            }
        }
    }

    /// Adds samples that are all later.
    pub(super) fn append(&mut self, later: Self) {
        self.numbers.append(later.numbers);
        self.texts.append(later.texts);
        self.unavailable.append(later.unavailable);
    }

    /// All of them as one; of samples with the same time that of the last series stands.
    pub(super) fn merged(parts: Vec<Series>) -> Self {
        // What follows in time is joined first, so that samples in order cost one copy.
        let mut stretches: Vec<Series> = Vec::new();
        for part in parts {
            match stretches.last_mut() {
                Some(last) if last.last_micros() < part.first_micros() => {
                    last.damaged.extend_from_slice(&part.damaged);
                    last.append(part);
                }
                _ => stretches.push(part),
            }
        }
        while stretches.len() > 1 {
            let mut pairs = Vec::with_capacity(stretches.len().div_ceil(2));
            let mut rest = stretches.into_iter();
            while let Some(older) = rest.next() {
                pairs.push(match rest.next() {
                    Some(newer) => older.overlaid(newer),
                    None => older,
                });
            }
            stretches = pairs;
        }
        stretches.pop().unwrap_or_default()
    }
}

impl From<Run> for Series {
    fn from(run: Run) -> Self {
        let Run { times, values } = run;
        let mut series = Self::default();
        match values {
            Values::Number(values) => series.numbers = Column { times, values },
            Values::Text(values) => series.texts = Column { times, values },
            Values::Unavailable => series.unavailable = Column { values: vec![(); times.len()], times },
        }
        series
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn series(samples: &[(i64, u8)]) -> Series {
        let one = |(time, value): &(i64, u8)| {
            let values = match value % 3 {
                0 => Values::Number(vec![f64::from(*value)]),
                1 => Values::Text(vec![value.to_string().into()]),
                _ => Values::Unavailable,
            };
            Series::from(Run { times: vec![*time], values })
        };
        samples.iter().map(one).fold(Series::default(), Series::overlaid)
    }

    fn rows(series: &Series) -> Vec<(i64, Value)> {
        series.iter_micros().collect()
    }

    fn samples() -> impl Strategy<Value = Vec<Vec<(i64, u8)>>> {
        proptest::collection::vec(proptest::collection::vec((0..60_i64, any::<u8>()), 0..20), 0..8)
    }

    proptest! {
        #[test]
        fn merging_is_the_same_as_writing_one_after_the_other(parts in samples()) {
            let mut expected = std::collections::BTreeMap::new();
            for (time, value) in parts.iter().flatten() {
                expected.insert(*time, *value);
            }
            let merged = Series::merged(parts.iter().map(|part| series(part)).collect());
            let expected: Vec<_> = expected.into_iter().collect();
            prop_assert_eq!(rows(&merged), rows(&series(&expected)));
            prop_assert_eq!(merged.times(), expected.iter().map(|(t, _)| *t).collect::<Vec<_>>());
            prop_assert_eq!(merged.len(), expected.len());
            for time in -1..61 {
                let in_force = expected.iter().rfind(|(t, _)| *t <= time).map(|(t, _)| *t);
                prop_assert_eq!(merged.at_micros(time).map(|(t, _)| t), in_force);
            }
            let again = Series::from_runs(merged.clone().into_runs());
            prop_assert_eq!(rows(&again), rows(&merged));
            prop_assert_eq!(rows(&merged.part(10, 30)), rows(&merged).into_iter().filter(|(t, _)| (10..30).contains(t)).collect::<Vec<_>>());
        }
    }
}
