use std::{collections::VecDeque, sync::Arc};

use super::facts::Label;
use crate::{
    Interval, Timestamp,
    signal::{SignalRole, Value},
    state::UNAVAILABLE,
};

const ROLES: [SignalRole; 3] = [SignalRole::Order, SignalRole::Product, SignalRole::StopReason];

/// The newest word of each role that labels time.
pub(super) type InForce = [Option<Arc<str>>; 3];

pub(super) fn index(role: SignalRole) -> Option<usize> {
    ROLES.iter().position(|it| *it == role)
}

/// The word of a reading; nothing where the source cannot tell, or says nothing.
pub(super) fn word(value: &Value) -> Option<Arc<str>> {
    match value {
        Value::Text(text) => {
            let trimmed = text.trim();
            let none = trimmed.is_empty() || trimmed.eq_ignore_ascii_case(UNAVAILABLE);
            (!none).then(|| if trimmed.len() == text.len() { text.clone() } else { trimmed.into() })
        }
        Value::Number(number) => Some(number.to_string().into()),
        Value::Unavailable => None,
    }
}

/// Words that label time, as they were said.
#[derive(Clone, Debug)]
pub(super) struct Labels {
    /// In force at the beginning, then changed: when, which, to what.
    begin: InForce,
    changes: VecDeque<(Timestamp, usize, Option<Arc<str>>)>,
    last: InForce,
}

impl Labels {
    pub(super) fn new(begin: InForce) -> Self {
        Self { last: begin.clone(), begin, changes: VecDeque::new() }
    }

    /// From `time`, which is not before any earlier one.
    pub(super) fn say(&mut self, time: Timestamp, role: usize, word: Option<Arc<str>>) {
        if self.last[role] != word {
            self.last[role].clone_from(&word);
            self.changes.push_back((time, role, word));
        }
    }

    /// What is in force after the last word.
    pub(super) fn in_force(&self) -> &InForce {
        &self.last
    }

    /// The words of the period, each from when to when, by begin.
    pub(super) fn of(&self, period: Interval) -> Vec<Label> {
        let mut out: Vec<Label> = Vec::new();
        for (index, role) in ROLES.iter().enumerate() {
            let (mut from, mut word) = (period.from, &self.begin[index]);
            let mut put = |from: Timestamp, to: Timestamp, word: &Option<Arc<str>>| {
                let interval = Interval::new(from, to);
                let (Some(word), false) = (word, interval.is_empty()) else { return };
                match out.last_mut() {
                    // Unsaid and said again at one moment.
                    Some(last) if last.role == *role && last.interval.to == from && last.word == *word => {
                        last.interval.to = to;
                    }
                    _ => out.push(Label { interval, role: *role, word: word.clone() }),
                }
            };
            for (time, _, next) in self.changes.iter().filter(|(_, of, _)| *of == index) {
                if *time >= period.to {
                    break;
                }
                if *time > from {
                    put(from, *time, word);
                    from = *time;
                }
                word = next;
            }
            put(from, period.to, word);
        }
        out.sort_by_key(|label| (label.interval.from, label.role));
        out
    }

    /// Forgets what is of no use for times from `time` on.
    pub(super) fn forget_before(&mut self, time: Timestamp) {
        while self.changes.front().is_some_and(|(at, ..)| *at <= time) {
            if let Some((_, role, word)) = self.changes.pop_front() {
                self.begin[role] = word;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_seconds(second)
    }

    #[test]
    fn words_hold_until_the_next_of_their_role() {
        let mut labels = Labels::new([Some("PO-1".into()), None, None]);
        for (time, role, text) in [(5, 1, "bolt"), (10, 0, "PO-2"), (10, 0, "PO-3"), (12, 1, "bolt"), (20, 0, " ")] {
            labels.say(at(time), role, word(&Value::Text(text.into())));
        }
        let shown = |labels: &Labels, from: i64, to: i64| -> Vec<String> {
            let seconds = |t: Timestamp| t.micros() / 1_000_000;
            let found = labels.of(Interval::new(at(from), at(to)));
            found
                .iter()
                .map(|l| format!("{}-{} {}", seconds(l.interval.from), seconds(l.interval.to), l.word))
                .collect()
        };
        assert_eq!(shown(&labels, 0, 30), ["0-10 PO-1", "5-30 bolt", "10-20 PO-3"]);
        labels.forget_before(at(10));
        assert_eq!(shown(&labels, 10, 15), ["10-15 PO-3", "10-15 bolt"]);
        assert_eq!(word(&Value::Number(4.0)).as_deref(), Some("4"));
        assert_eq!(word(&Value::Text("unavailable".into())), None);
    }
}
