use std::ops::Not;

use crate::{Interval, Timestamp};

/// What is known of a condition at one moment: Kleene's three values, where `and` is the least and `or` the greatest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Truth {
    /// It does not hold.
    False,
    /// Nobody can say.
    Unknown,
    /// It holds.
    True,
}

impl Not for Truth {
    type Output = Truth;

    fn not(self) -> Truth {
        match self {
            Truth::False => Truth::True,
            Truth::Unknown => Truth::Unknown,
            Truth::True => Truth::False,
        }
    }
}

impl From<bool> for Truth {
    fn from(holds: bool) -> Self {
        if holds { Truth::True } else { Truth::False }
    }
}

/// From this moment on it is so, until the next step.
pub(super) type Step = (Timestamp, Truth);

/// Appends a step unless it says what is already the case.
pub(super) fn push(steps: &mut Vec<Step>, step: Step) {
    if steps.last().is_none_or(|last| last.1 != step.1) {
        steps.push(step);
    }
}

/// The stretches of the period in which these steps, in order of time, say that it holds.
pub(super) fn holding(steps: impl IntoIterator<Item = Step>, period: Interval) -> Vec<Interval> {
    let mut found: Vec<Interval> = Vec::new();
    let mut add = |from: Option<Timestamp>, to: Timestamp| {
        let Some(part) = from.and_then(|from| Interval::new(from, to).intersection(&period)) else { return };
        match found.last_mut() {
            Some(last) if last.to == part.from => last.to = part.to,
            _ => found.push(part),
        }
    };
    let mut since = None;
    for (time, truth) in steps {
        match (since, truth) {
            (None, Truth::True) => since = Some(time),
            (Some(_), Truth::False | Truth::Unknown) => add(since.take(), time),
            _ => {}
        }
    }
    add(since, period.to);
    found
}
