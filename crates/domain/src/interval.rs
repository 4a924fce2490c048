use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// A stretch of time, half-open: `from` belongs to it, `to` does not. With `to <= from` it is empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Interval {
    /// Begin.
    pub from: Timestamp,
    /// End (exclusive).
    pub to: Timestamp,
}

impl Interval {
    /// The stretch [from, to).
    pub const fn new(from: Timestamp, to: Timestamp) -> Self {
        Self { from, to }
    }

    /// Its length in microseconds; 0 when empty.
    pub fn micros(&self) -> i64 {
        self.to.micros_since(self.from).max(0)
    }

    /// Whether no moment belongs to it.
    pub fn is_empty(&self) -> bool {
        self.to <= self.from
    }

    /// Whether this moment belongs to it.
    pub fn contains(&self, time: Timestamp) -> bool {
        self.from <= time && time < self.to
    }

    /// What both have in common, if anything.
    pub fn intersection(&self, other: &Interval) -> Option<Interval> {
        let both = Interval::new(self.from.max(other.from), self.to.min(other.to));
        (!both.is_empty()).then_some(both)
    }

    /// What remains of it without `other`: none, one or two stretches, in order.
    pub fn without(&self, other: &Interval) -> impl Iterator<Item = Interval> + use<> {
        let parts = match self.intersection(other) {
            None => [*self, Interval::new(self.to, self.to)],
            Some(both) => [Interval::new(self.from, both.from), Interval::new(both.to, self.to)],
        };
        parts.into_iter().filter(|part| !part.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn stretch(from: i64, to: i64) -> Interval {
        Interval::new(Timestamp::from_micros(from), Timestamp::from_micros(to))
    }

    #[test]
    fn the_end_does_not_belong_to_it() {
        let it = stretch(10, 20);
        assert!(it.contains(it.from) && !it.contains(it.to));
        assert_eq!(it.intersection(&stretch(20, 30)), None);
        assert!(stretch(5, 5).is_empty() && stretch(6, 5).micros() == 0);
    }

    proptest! {
        #[test]
        fn what_is_common_and_what_remains_make_up_the_whole(a in 0i64..50, b in 0i64..50, c in 0i64..50, d in 0i64..50) {
            let (it, other) = (stretch(a, b), stretch(c, d));
            let common = it.intersection(&other).map_or(0, |both| both.micros());
            let rest: i64 = it.without(&other).map(|part| part.micros()).sum();
            prop_assert_eq!(common + rest, it.micros());
            prop_assert!(it.without(&other).all(|part| part.intersection(&other).is_none()));
        }
    }
}
