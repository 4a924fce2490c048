//! Evaluation over recorded history: every part of a condition becomes the steps of its truth.

use super::{
    Inputs, Truth,
    ast::{Atom, Name, Node},
    clock::Hours,
    inputs::cause_value,
    judge::{judge_state, judge_stop},
    truth::{Step, push},
};
use crate::{Interval, Timestamp, signal::Value, state::UnitState};

/// The truth over the whole period, which is not empty: the first step is at its begin.
pub(super) fn steps(node: &Node, inputs: &Inputs<'_>, period: Interval) -> Vec<Step> {
    match node {
        Node::Atom(atom) => atom_steps(atom, inputs, period),
        Node::Not(inner) => steps(inner, inputs, period).into_iter().map(|(time, truth)| (time, !truth)).collect(),
        Node::And(parts) => joined(parts, inputs, period, Truth::min),
        Node::Or(parts) => joined(parts, inputs, period, Truth::max),
        Node::For(inner, micros) => {
            let longer = Interval::new(period.from.plus_micros(-micros), period.to);
            lasting(&steps(inner, inputs, longer), *micros, longer.to, period.from)
        }
    }
}

fn joined(parts: &[Node], inputs: &Inputs<'_>, period: Interval, join: fn(Truth, Truth) -> Truth) -> Vec<Step> {
    let all = parts.iter().map(|part| steps(part, inputs, period));
    all.reduce(|a, b| both(&a, &b, join)).unwrap_or_default()
}

/// Both at once, by one sweep over the two.
fn both(a: &[Step], b: &[Step], join: fn(Truth, Truth) -> Truth) -> Vec<Step> {
    let mut found = Vec::new();
    let (mut left, mut right) = (a.iter().peekable(), b.iter().peekable());
    let (mut now_left, mut now_right) = (Truth::Unknown, Truth::Unknown);
    while let Some(time) = left.peek().into_iter().chain(right.peek()).map(|step| step.0).min() {
        while let Some(step) = left.next_if(|step| step.0 == time) {
            now_left = step.1;
        }
        while let Some(step) = right.next_if(|step| step.0 == time) {
            now_right = step.1;
        }
        push(&mut found, (time, join(now_left, now_right)));
    }
    found
}

/// At each moment the least truth of the last `micros` up to and with it: what was false so recently is false, what
/// was unknown is unknown, and only what was true all the time is true.
fn lasting(inner: &[Step], micros: i64, end: Timestamp, from: Timestamp) -> Vec<Step> {
    let mut found: Vec<Step> = Vec::new();
    let mut add = |time: Timestamp, truth: Truth| {
        // What is before the begin counts as its first step.
        let time = time.max(from);
        if found.last().is_some_and(|last| last.0 == time) {
            found.pop();
        }
        push(&mut found, (time, truth));
    };
    let (mut false_until, mut unknown_until) = (Timestamp::from_micros(i64::MIN), Timestamp::from_micros(i64::MIN));
    for (at, &(begin, truth)) in inner.iter().enumerate() {
        let to = inner.get(at + 1).map_or(end, |next| next.0);
        if truth == Truth::False {
            add(begin, Truth::False);
            false_until = to.plus_micros(micros);
            continue;
        }
        if truth == Truth::Unknown {
            unknown_until = to.plus_micros(micros);
        }
        let first = if begin < false_until { false_until.min(to) } else { begin };
        if begin < first {
            add(begin, Truth::False);
        }
        let second = if first < unknown_until { unknown_until.min(to) } else { first };
        if first < second {
            add(first, Truth::Unknown);
        }
        if second < to {
            add(second, Truth::True);
        }
    }
    found
}

fn atom_steps(atom: &Atom, inputs: &Inputs<'_>, period: Interval) -> Vec<Step> {
    match atom {
        Atom::State(wanted) => state_steps(inputs, period, |state, _| judge_state(wanted, state)),
        Atom::Clock(from, to) => clock_steps(Hours { from: *from, to: *to }, inputs, period),
        Atom::Lasts(op, micros) => vec![(period.from, judge_stop(*op, *micros, inputs.stop))],
        Atom::Compare(name, ..)
        | Atom::Between(name, ..)
        | Atom::In(name, _)
        | Atom::Contains(name, _)
        | Atom::Like(name, _)
        | Atom::Bit(name, _)
        | Atom::Unavailable(name) => match name {
            Name::Cause => state_steps(inputs, period, |_, cause| atom.judge_value(Some(cause))),
            _ => {
                let said = value_steps(atom, inputs.tracks.track(name), period);
                unsaid(said, inputs.unwatched, atom.judge_value(Some(&Value::Unavailable)), period)
            }
        },
    }
}

fn value_steps(atom: &Atom, track: &[(Timestamp, Value)], period: Interval) -> Vec<Step> {
    let after = track.partition_point(|said| said.0 <= period.from);
    let before = after.checked_sub(1).and_then(|at| track.get(at)).map(|said| &said.1);
    let mut found = vec![(period.from, atom.judge_value(before))];
    for (time, value) in track.iter().skip(after).take_while(|said| said.0 < period.to) {
        push(&mut found, (*time, atom.judge_value(Some(value))));
    }
    found
}

/// The steps with another truth in the time that nobody watched, by one sweep over both.
fn unsaid(said: Vec<Step>, unwatched: &[Interval], truth: Truth, period: Interval) -> Vec<Step> {
    let first = unwatched.partition_point(|gap| gap.to <= period.from);
    let mut gaps = unwatched.iter().skip(first).take_while(|gap| gap.from < period.to).peekable();
    if gaps.peek().is_none() {
        return said;
    }
    let mut found = Vec::with_capacity(said.len());
    let mut steps = said.into_iter().peekable();
    let mut last = Truth::Unknown;
    for gap in gaps {
        while let Some(step) = steps.next_if(|step| step.0 < gap.from) {
            last = step.1;
            push(&mut found, step);
        }
        push(&mut found, (gap.from.max(period.from), truth));
        while let Some(step) = steps.next_if(|step| step.0 <= gap.to) {
            last = step.1;
        }
        if gap.to < period.to {
            push(&mut found, (gap.to, last));
        }
    }
    steps.for_each(|step| push(&mut found, step));
    found
}

/// Time that no state covers is unknown.
fn state_steps(inputs: &Inputs<'_>, period: Interval, judge: impl Fn(UnitState, &Value) -> Truth) -> Vec<Step> {
    let nothing = judge(UnitState::Unknown, &Value::Unavailable);
    let mut found: Vec<Step> = Vec::new();
    let mut time = period.from;
    let first = inputs.states.partition_point(|state| state.interval.to <= period.from);
    for state in inputs.states.iter().skip(first).take_while(|state| state.interval.from < period.to) {
        let Some(part) = state.interval.intersection(&period) else { continue };
        if time < part.from {
            push(&mut found, (time, nothing));
        }
        push(&mut found, (part.from, judge(state.state, &cause_value(state.state, state.cause.as_ref()))));
        time = part.to;
    }
    if time < period.to {
        push(&mut found, (time, nothing));
    }
    found
}

fn clock_steps(hours: Hours, inputs: &Inputs<'_>, period: Interval) -> Vec<Step> {
    let mut found = Vec::new();
    let mut time = period.from;
    loop {
        let (holds, next) = hours.judge(time, inputs.offset);
        push(&mut found, (time, holds.into()));
        if next <= time || next >= period.to {
            return found;
        }
        time = next;
    }
}
