use std::sync::Arc;

use super::{Condition, Inputs, Name, inputs::is_unwatched};
use crate::{Interval, oee::StateInterval, state::UnitState};

/// While the condition holds, the unit is in this state.
#[derive(Clone, Debug, PartialEq)]
pub struct StateRule {
    /// What the rule is called; stands in the cause of the states it makes.
    pub name: Arc<str>,
    /// When it applies.
    pub condition: Condition,
    /// The state it makes.
    pub state: UnitState,
}

/// Rules in order: the first whose condition holds gives the state. Where none holds, the mapping's state stays.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StateRules(Vec<StateRule>);

/// A condition that cannot make a state.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the rule `{rule}` asks for `{asks}`, which is known only after the states are made")]
pub struct StateRuleError {
    /// The rule.
    pub rule: Arc<str>,
    /// What it asks for.
    pub asks: &'static str,
}

/// A stretch that is in another state than before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Changed {
    /// From when to when.
    pub interval: Interval,
    /// The state before.
    pub from_state: UnitState,
    /// The state after.
    pub to_state: UnitState,
}

impl StateRules {
    /// Takes the rules in their order.
    ///
    /// # Errors
    /// [`StateRuleError`] when a condition asks for the length or the reason of a stop.
    pub fn new(rules: Vec<StateRule>) -> Result<Self, StateRuleError> {
        for rule in &rules {
            let asks = if rule.condition.asks_for_stop() {
                "lasts"
            } else if rule.condition.names().contains(&Name::StopReason) {
                "stop-reason"
            } else {
                continue;
            };
            return Err(StateRuleError { rule: rule.name.clone(), asks });
        }
        Ok(Self(rules))
    }

    /// The rules in their order.
    pub fn rules(&self) -> &[StateRule] {
        &self.0
    }

    /// Whether there are none: every state is the mapping's.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How much history before a period decides in it, microseconds.
    pub fn lookback(&self) -> i64 {
        self.0.iter().map(|rule| rule.condition.lookback()).max().unwrap_or(0)
    }

    /// The states of the period with those of the rules laid over them. `inputs.states` are the states that the mapping
    /// gave, which is also what `state` and `cause` mean in a rule. Time that nobody watched stays as it is, and so
    /// does time that no state covers. The cause of a state that a rule made is `rule: ` and its name.
    pub fn apply(&self, inputs: &Inputs<'_>, period: Interval) -> Vec<StateInterval> {
        let first = inputs.states.partition_point(|state| state.interval.to <= period.from);
        let within = inputs.states.iter().skip(first).take_while(|state| state.interval.from < period.to);
        let mut pieces: Vec<Piece<'_>> = within
            .filter_map(|before| Some(Piece { interval: before.interval.intersection(&period)?, before, rule: None }))
            .collect();
        for (at, rule) in self.0.iter().enumerate() {
            let holds = rule.condition.holds(inputs, period);
            if !holds.is_empty() {
                pieces = lay_over(pieces, &holds, at);
            }
        }
        let causes: Vec<Arc<str>> = self.0.iter().map(|rule| format!("rule: {}", rule.name).into()).collect();
        let mut states = Vec::new();
        for Piece { interval, before, rule } in pieces {
            let by_rule = rule.and_then(|at| Some((self.0.get(at)?.state, causes.get(at)?.clone())));
            let (state, cause) = match by_rule {
                Some((state, cause)) => (state, Some(cause)),
                None => (before.state, before.cause.clone()),
            };
            StateInterval { interval, state, cause }.append_to(&mut states);
        }
        states
    }
}

/// A part of a state, and the rule that decides it.
#[derive(Clone, Copy)]
struct Piece<'a> {
    interval: Interval,
    before: &'a StateInterval,
    rule: Option<usize>,
}

impl Piece<'_> {
    fn is_open(&self) -> bool {
        self.rule.is_none() && !is_unwatched(self.before)
    }
}

/// Gives the rule those parts in which it holds that no earlier rule has, by one sweep over both.
fn lay_over<'a>(pieces: Vec<Piece<'a>>, holds: &[Interval], rule: usize) -> Vec<Piece<'a>> {
    let mut found = Vec::with_capacity(pieces.len());
    let mut next = 0;
    for piece in pieces {
        while holds.get(next).is_some_and(|hold| hold.to <= piece.interval.from) {
            next += 1;
        }
        if !piece.is_open() {
            found.push(piece);
            continue;
        }
        let mut time = piece.interval.from;
        for hold in holds.iter().skip(next).take_while(|hold| hold.from < piece.interval.to) {
            let Some(part) = hold.intersection(&piece.interval) else { continue };
            if time < part.from {
                found.push(Piece { interval: Interval::new(time, part.from), ..piece });
            }
            found.push(Piece { interval: part, rule: Some(rule), ..piece });
            time = part.to;
        }
        if time < piece.interval.to {
            found.push(Piece { interval: Interval::new(time, piece.interval.to), ..piece });
        }
    }
    found
}

/// Where the state is another one than before, in order; neighbours with the same change are one. Causes do not count,
/// nor does time that only one of the two covers.
pub fn difference(before: &[StateInterval], after: &[StateInterval]) -> Vec<Changed> {
    let mut found: Vec<Changed> = Vec::new();
    let (mut left, mut right) = (before.iter().peekable(), after.iter().peekable());
    while let (Some(a), Some(b)) = (left.peek(), right.peek()) {
        if let Some(interval) = a.interval.intersection(&b.interval)
            && a.state != b.state
        {
            let changed = Changed { interval, from_state: a.state, to_state: b.state };
            match found.last_mut() {
                Some(last)
                    if last.interval.to == interval.from && (last.from_state, last.to_state) == (a.state, b.state) =>
                {
                    last.interval.to = interval.to;
                }
                _ => found.push(changed),
            }
        }
        if a.interval.to <= b.interval.to {
            left.next();
        } else {
            right.next();
        }
    }
    found
}
