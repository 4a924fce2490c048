//! The ring buffer: the newest observations by sequence number, and what is in force now and was
//! in force at any sequence still held.

use std::collections::VecDeque;

use gemba_domain::Timestamp;

use super::observation::{Level, Observation, ObservationValue};

/// What is in force, per item. A condition may have several entries, one for each code.
#[derive(Clone, Default)]
struct InForce(Vec<Vec<Observation>>);

impl InForce {
    fn apply(&mut self, observation: Observation) {
        let Some(slot) = self.0.get_mut(observation.item as usize) else { return };
        match &observation.value {
            ObservationValue::Condition(new) if new.level != Level::Normal || !new.code.is_empty() => {
                slot.retain(|old| match &old.value {
                    ObservationValue::Condition(old) => old.level != Level::Normal && old.code != new.code,
                    _ => false,
                });
                // A code that ended leaves the others active, or the whole item normal.
                if new.level != Level::Normal || slot.is_empty() {
                    slot.push(observation);
                }
            }
            _ => {
                slot.clear();
                slot.push(observation);
            }
        }
    }

    /// Whether `value` would change nothing.
    fn holds(&self, item: u32, value: &ObservationValue) -> bool {
        let Some(slot) = self.0.get(item as usize) else { return false };
        match value {
            ObservationValue::Condition(new) if new.level == Level::Normal => {
                // Nothing that this ends is active.
                slot.iter().all(|old| match &old.value {
                    ObservationValue::Condition(old) => {
                        old.level == Level::Normal || (!new.code.is_empty() && old.code != new.code)
                    }
                    _ => false,
                })
            }
            value => slot.iter().any(|old| old.value == *value),
        }
    }
}

pub(super) struct Buffer {
    ring: VecDeque<Observation>,
    capacity: usize,
    next: u64,
    /// In force just before the first observation of the ring.
    before: InForce,
    now: InForce,
}

impl Buffer {
    /// With one `UNAVAILABLE` for each item.
    pub(super) fn new(items: usize, capacity: usize, at: Timestamp) -> Self {
        let empty = InForce(vec![Vec::new(); items]);
        let mut buffer =
            Self { ring: VecDeque::new(), capacity: capacity.max(1), next: 1, before: empty.clone(), now: empty };
        for item in 0..u32::try_from(items).unwrap_or(u32::MAX) {
            buffer.push(item, at, ObservationValue::Unavailable);
        }
        buffer
    }

    pub(super) fn push(&mut self, item: u32, time: Timestamp, value: ObservationValue) -> u64 {
        let sequence = self.next;
        self.next += 1;
        let observation = Observation { sequence, item, time, value };
        self.now.apply(observation.clone());
        self.ring.push_back(observation);
        self.evict();
        sequence
    }

    /// Whether the item already has this value.
    pub(super) fn is_duplicate(&self, item: u32, value: &ObservationValue) -> bool {
        self.now.holds(item, value)
    }

    pub(super) fn resize(&mut self, capacity: usize) {
        self.capacity = capacity.max(1);
        self.evict();
    }

    fn evict(&mut self) {
        while self.ring.len() > self.capacity {
            if let Some(oldest) = self.ring.pop_front() {
                self.before.apply(oldest);
            }
        }
    }

    pub(super) fn capacity(&self) -> usize {
        self.capacity
    }

    /// The sequence number that the next observation will get.
    pub(super) fn next(&self) -> u64 {
        self.next
    }

    /// The oldest held; equal to `next` when nothing is.
    pub(super) fn first(&self) -> u64 {
        self.ring.front().map_or(self.next, |o| o.sequence)
    }

    pub(super) fn last(&self) -> u64 {
        self.next - 1
    }

    /// Up to `count` wanted observations from `from` on, and the sequence to go on from.
    pub(super) fn sample(&self, from: u64, count: usize, wanted: impl Fn(u32) -> bool) -> (Vec<Observation>, u64) {
        let skip = usize::try_from(from.saturating_sub(self.first())).unwrap_or(usize::MAX);
        let mut found = Vec::new();
        for observation in self.ring.range(skip.min(self.ring.len())..) {
            if found.len() == count {
                return (found, observation.sequence);
            }
            if wanted(observation.item) {
                found.push(observation.clone());
            }
        }
        (found, self.next)
    }

    /// What is in force now, or was right after `at`.
    pub(super) fn current(&self, at: Option<u64>, wanted: impl Fn(u32) -> bool) -> Vec<Observation> {
        let replayed;
        let in_force = match at {
            None => &self.now,
            Some(at) => {
                let mut state = self.before.clone();
                self.ring.iter().take_while(|o| o.sequence <= at).for_each(|o| state.apply(o.clone()));
                replayed = state;
                &replayed
            }
        };
        in_force.0.iter().flatten().filter(|o| wanted(o.item)).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::agent::Condition;

    fn codes(buffer: &Buffer) -> Vec<String> {
        let text = |o: &Observation| match &o.value {
            ObservationValue::Condition(c) => format!("{}:{}", c.level.as_str(), c.code),
            ObservationValue::Unavailable => "Unavailable".into(),
            ObservationValue::Text(t) => t.to_string(),
        };
        buffer.current(None, |_| true).iter().map(text).collect()
    }

    #[test]
    fn conditions_of_different_codes_stand_side_by_side() {
        let at = Timestamp::from_seconds(0);
        let mut buffer = Buffer::new(1, 100, at);
        assert_eq!(codes(&buffer), ["Unavailable"]);
        for (condition, expected) in [
            (Condition::normal(), vec!["Normal:"]),
            (Condition::warning("A", ""), vec!["Warning:A"]),
            (Condition::fault("B", ""), vec!["Warning:A", "Fault:B"]),
            (Condition::fault("A", ""), vec!["Fault:B", "Fault:A"]),
            (Condition::cleared("B"), vec!["Fault:A"]),
            (Condition::cleared("A"), vec!["Normal:A"]),
            (Condition::fault("C", ""), vec!["Fault:C"]),
            (Condition::normal(), vec!["Normal:"]),
        ] {
            buffer.push(0, at, condition.into());
            assert_eq!(codes(&buffer), expected);
        }
    }

    #[test]
    fn a_condition_that_ends_nothing_is_a_duplicate() {
        let mut buffer = Buffer::new(1, 100, Timestamp::from_seconds(0));
        let normal = ObservationValue::from(Condition::normal());
        assert!(!buffer.is_duplicate(0, &normal), "unavailable becomes normal");
        buffer.push(0, Timestamp::from_seconds(1), normal.clone());
        assert!(buffer.is_duplicate(0, &normal));
        buffer.push(0, Timestamp::from_seconds(2), Condition::fault("A", "x").into());
        assert!(!buffer.is_duplicate(0, &normal));
        assert!(buffer.is_duplicate(0, &Condition::cleared("B").into()));
        assert!(!buffer.is_duplicate(0, &Condition::cleared("A").into()));
        assert!(buffer.is_duplicate(0, &Condition::fault("A", "x").into()));
        assert!(!buffer.is_duplicate(0, &Condition::fault("A", "y").into()));
    }

    proptest! {
        /// Reading piece by piece gives what reading at once gives, and `current` at a sequence is
        /// what `current` was when that sequence was the last.
        #[test]
        fn sequences_and_history_agree(
            pushes in prop::collection::vec((0u32..4, 0u64..3), 1..60),
            capacity in 1usize..40,
            count in 1usize..7,
        ) {
            let mut buffer = Buffer::new(4, capacity, Timestamp::from_seconds(0));
            let mut history = Vec::new();
            for (n, (item, value)) in (0..).zip(pushes) {
                let sequence = buffer.push(item, Timestamp::from_seconds(n), value.into());
                prop_assert_eq!(sequence, buffer.last());
                let now: Vec<u64> = buffer.current(None, |_| true).iter().map(|o| o.sequence).collect();
                history.push((sequence, now));
            }
            prop_assert_eq!(buffer.next() - buffer.first(), buffer.ring.len() as u64);
            prop_assert!(buffer.ring.len() <= capacity);
            for (sequence, expected) in history.iter().filter(|(s, _)| *s >= buffer.first()) {
                let then: Vec<u64> = buffer.current(Some(*sequence), |_| true).iter().map(|o| o.sequence).collect();
                prop_assert_eq!(&then, expected);
            }
            let (all, end) = buffer.sample(buffer.first(), usize::MAX, |i| i != 2);
            prop_assert_eq!(end, buffer.next());
            let (mut pieces, mut from) = (Vec::new(), buffer.first());
            while from < buffer.next() {
                let (piece, next) = buffer.sample(from, count, |i| i != 2);
                prop_assert!(next > from && piece.len() <= count);
                pieces.extend(piece);
                from = next;
            }
            let numbers = |list: &[Observation]| list.iter().map(|o| o.sequence).collect::<Vec<_>>();
            prop_assert_eq!(numbers(&pieces), numbers(&all));
        }
    }
}
