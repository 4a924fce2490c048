use std::collections::VecDeque;

use crate::{Interval, Timestamp};

/// The stretches in which somebody was watching: in order, apart from each other.
#[derive(Clone, Debug, Default)]
pub(super) struct Coverage(VecDeque<Interval>);

impl Coverage {
    /// Adds a stretch, in any order; what touches becomes one. At the end, where it nearly always is, this is O(1).
    pub(super) fn add(&mut self, new: Interval) {
        if new.is_empty() {
            return;
        }
        match self.0.back_mut() {
            Some(last) if new.from >= last.from && new.from <= last.to => {
                last.to = last.to.max(new.to);
                return;
            }
            Some(last) if new.from < last.from => {}
            _ => return self.0.push_back(new),
        }
        let begin = self.0.partition_point(|old| old.to < new.from);
        let end = self.0.partition_point(|old| old.from <= new.to);
        let merged =
            self.0.range(begin..end).fold(new, |all, old| Interval::new(all.from.min(old.from), all.to.max(old.to)));
        self.0.drain(begin..end);
        self.0.insert(begin, merged);
    }

    /// Forgets the stretches that end at or before `time`.
    pub(super) fn forget_before(&mut self, time: Timestamp) {
        while self.0.front().is_some_and(|first| first.to <= time) {
            self.0.pop_front();
        }
    }

    /// The stretch at this position.
    pub(super) fn get(&self, index: usize) -> Option<&Interval> {
        self.0.get(index)
    }

    /// The newest stretch.
    pub(super) fn last(&self) -> Option<&Interval> {
        self.0.back()
    }

    /// The position of the first stretch that ends after `time`.
    pub(super) fn position_after(&self, time: Timestamp) -> usize {
        // Mostly asked about the end.
        match self.0.back() {
            Some(last) if last.from <= time && time < last.to => self.0.len() - 1,
            _ => self.0.partition_point(|stretch| stretch.to <= time),
        }
    }

    /// Whether somebody was watching all the time.
    pub(super) fn contains(&self, it: Interval) -> bool {
        it.is_empty() || self.get(self.position_after(it.from)).is_some_and(|s| s.from <= it.from && it.to <= s.to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn stretch(from: i64, to: i64) -> Interval {
        Interval::new(Timestamp::from_micros(from), Timestamp::from_micros(to))
    }

    proptest! {
        #[test]
        fn pieces_in_any_order_cover_what_they_cover(pieces in prop::collection::vec((0i64..40, 0i64..8), 0..12)) {
            let mut coverage = Coverage::default();
            for (from, length) in &pieces {
                coverage.add(stretch(*from, from + length));
            }
            for t in 0..50 {
                let expected = pieces.iter().any(|(from, length)| (*from..from + length).contains(&t));
                prop_assert_eq!(coverage.contains(stretch(t, t + 1)), expected, "at {}", t);
            }
            let stretches: Vec<_> = coverage.0.iter().collect();
            prop_assert!(stretches.windows(2).all(|pair| pair[0].to < pair[1].from));
        }
    }
}
