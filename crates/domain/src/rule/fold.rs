use std::{collections::VecDeque, sync::Arc};

use super::{
    Condition, Name, Truth,
    ast::{Atom, Node},
    clock::Hours,
    inputs::cause_value,
    judge::{judge_state, judge_stop},
    truth::{Step, holding},
};
use crate::{Interval, Timestamp, oee::OutOfOrder, signal::Value, state::UnitState};

/// The seconds east of UTC at the site, shared.
pub type LocalOffset = Arc<dyn Fn(Timestamp) -> i32 + Send + Sync>;

/// A condition followed while it happens. It takes what is said in order of time and gives at each moment exactly the
/// stretches that [`Condition::holds`] gives over the same history.
///
/// Questions change nothing: after one about the present, events from the recent past still fit in. What `for` makes
/// true by time alone is true when it is asked about; [`Self::deadline`] says when to ask.
///
/// An event costs as many steps as the condition has comparisons; the memory grows with the changes of the answer
/// since the last [`Self::forget_before`].
#[derive(Clone)]
pub struct ConditionFold {
    condition: Condition,
    offset: LocalOffset,
    /// The answer up to, and not including, the present of `front`: every step differs from the one before.
    log: VecDeque<Step>,
    front: Front,
}

/// The values in force at one moment, and what must be remembered of the time before it.
#[derive(Clone)]
struct Front {
    now: Timestamp,
    /// Of each atom, from left to right.
    atoms: Vec<Leaf>,
    /// Of each `for`, from left to right, the inner before the outer.
    lasting: Vec<Lasting>,
}

#[derive(Clone, Copy)]
struct Leaf {
    truth: Truth,
    /// Of a time of day: until when this is certain.
    until: Option<Timestamp>,
}

#[derive(Clone, Copy)]
struct Lasting {
    /// The inner truth since the last step.
    last: Truth,
    /// When it was false or unknown last: the end of that time.
    last_false: Option<Timestamp>,
    last_unknown: Option<Timestamp>,
}

/// One evaluation of all parts at one moment.
struct Pass<'a> {
    now: Timestamp,
    offset: &'a LocalOffset,
    atoms: std::slice::IterMut<'a, Leaf>,
    lasting: std::slice::IterMut<'a, Lasting>,
    /// The earliest later moment at which time alone may change the truth.
    next: Option<Timestamp>,
}

impl ConditionFold {
    /// Begins at `start` with nothing known. `lasts` is unknown, since there is no stop to ask about.
    pub fn new(condition: Condition, start: Timestamp, offset: LocalOffset) -> Self {
        let (mut atoms, mut lasting) = (Vec::new(), 0);
        condition.node.for_each_atom(&mut |atom| {
            let truth = match atom {
                Atom::State(wanted) => judge_state(wanted, UnitState::Unknown),
                Atom::Lasts(op, micros) => judge_stop(*op, *micros, None),
                Atom::Clock(..) => Truth::Unknown,
                value => value.judge_value(None),
            };
            atoms.push(Leaf { truth, until: None });
        });
        count_lasting(&condition.node, &mut lasting);
        // Where something is true of nothing known, it has been so before the start: the time that decides is gone through.
        let now = start.plus_micros(-condition.lookback());
        let nothing = Lasting { last: Truth::True, last_false: None, last_unknown: None };
        let front = Front { now, atoms, lasting: vec![nothing; lasting] };
        let mut fold = Self { condition, offset, log: VecDeque::new(), front };
        fold.settle(start);
        fold.log.clear();
        fold
    }

    /// The condition.
    pub fn condition(&self) -> &Condition {
        &self.condition
    }

    /// Takes in that from `time` on this has this value. Of two at the same time the later stands. `cause` comes
    /// with the state.
    ///
    /// # Errors
    /// [`OutOfOrder`] when it is earlier than one that was taken in. Nothing is changed.
    pub fn say(&mut self, time: Timestamp, name: &Name, value: &Value) -> Result<(), OutOfOrder> {
        self.change(time, |atom| {
            (*name != Name::Cause && atom.name() == Some(name)).then(|| atom.judge_value(Some(value)))
        })
    }

    /// Takes in that from `time` on the unit is in this state.
    ///
    /// # Errors
    /// As for [`Self::say`].
    pub fn say_state(&mut self, time: Timestamp, state: UnitState, cause: Option<&Arc<str>>) -> Result<(), OutOfOrder> {
        let cause = cause_value(state, cause);
        self.change(time, |atom| match atom {
            Atom::State(wanted) => Some(judge_state(wanted, state)),
            value => (value.name() == Some(&Name::Cause)).then(|| value.judge_value(Some(&cause))),
        })
    }

    fn change(&mut self, time: Timestamp, judge: impl Fn(&Atom) -> Option<Truth>) -> Result<(), OutOfOrder> {
        if time < self.front.now {
            return Err(OutOfOrder { time, current: self.front.now });
        }
        self.settle(time);
        let mut leaves = self.front.atoms.iter_mut();
        self.condition.node.for_each_atom(&mut |atom| {
            if let (Some(leaf), Some(truth)) = (leaves.next(), judge(atom)) {
                leaf.truth = truth;
            }
        });
        Ok(())
    }

    /// Goes to `time`; what was before it is certain now.
    fn settle(&mut self, time: Timestamp) {
        if time <= self.front.now {
            return;
        }
        let Self { condition, offset, log, front } = self;
        front.run(&condition.node, offset, time.plus_micros(-1), |step| {
            if log.back().is_none_or(|last| last.1 != step.1) {
                log.push_back(step);
            }
        });
        front.now = time;
    }

    /// What is known of it at `now`, supposing that nothing more is said until then. Before the start, and before
    /// what was forgotten, it is unknown.
    pub fn truth_at(&self, now: Timestamp) -> Truth {
        if now < self.front.now {
            let after = self.log.partition_point(|step| step.0 <= now);
            return after.checked_sub(1).and_then(|at| self.log.get(at)).map_or(Truth::Unknown, |step| step.1);
        }
        let mut truth = Truth::Unknown;
        self.front.clone().run(&self.condition.node, &self.offset, now, |step| truth = step.1);
        truth
    }

    /// Whether it holds at `now`, supposing that nothing more is said until then.
    pub fn holds_at(&self, now: Timestamp) -> bool {
        self.truth_at(now) == Truth::True
    }

    /// The stretches of the period in which it holds, supposing that nothing more is said: sorted, apart, half-open.
    pub fn holds(&self, period: Interval) -> Vec<Interval> {
        let mut steps: Vec<Step> = self.log.iter().copied().collect();
        if period.to > self.front.now {
            let last = period.to.plus_micros(-1);
            self.front.clone().run(&self.condition.node, &self.offset, last, |step| steps.push(step));
        }
        holding(steps, period)
    }

    /// The next moment after `now` at which time alone may change the answer: when to ask again if nothing is said.
    pub fn deadline(&self, now: Timestamp) -> Option<Timestamp> {
        self.front.clone().run(&self.condition.node, &self.offset, now.max(self.front.now), |_| {})
    }

    /// Forgets the answers of the time before `time`.
    pub fn forget_before(&mut self, time: Timestamp) {
        while self.log.get(1).is_some_and(|next| next.0 <= time) {
            self.log.pop_front();
        }
    }
}

impl Front {
    /// Evaluates at its present and at each later moment up to and with `last` at which time alone may change something.
    /// Gives the next such moment.
    fn run(
        &mut self,
        node: &Node,
        offset: &LocalOffset,
        last: Timestamp,
        mut see: impl FnMut(Step),
    ) -> Option<Timestamp> {
        loop {
            let mut pass = Pass {
                now: self.now,
                offset,
                atoms: self.atoms.iter_mut(),
                lasting: self.lasting.iter_mut(),
                next: None,
            };
            let truth = pass.judge(node);
            let next = pass.next;
            see((self.now, truth));
            match next {
                Some(next) if next <= last => self.now = next,
                next => return next,
            }
        }
    }
}

impl Pass<'_> {
    fn wake(&mut self, time: Timestamp) {
        if time > self.now {
            self.next = Some(self.next.map_or(time, |next| next.min(time)));
        }
    }

    /// Every part is visited, in the same order each time.
    fn judge(&mut self, node: &Node) -> Truth {
        match node {
            Node::Atom(atom) => self.atom(atom),
            Node::Not(inner) => !self.judge(inner),
            Node::And(parts) => parts.iter().map(|part| self.judge(part)).min().unwrap_or(Truth::True),
            Node::Or(parts) => parts.iter().map(|part| self.judge(part)).max().unwrap_or(Truth::False),
            Node::For(inner, micros) => {
                let truth = self.judge(inner);
                self.lasting(truth, *micros)
            }
        }
    }

    fn atom(&mut self, atom: &Atom) -> Truth {
        let Some(leaf) = self.atoms.next() else { return Truth::Unknown };
        if let Atom::Clock(from, to) = atom {
            let (now, offset) = (self.now, self.offset);
            if leaf.until.is_none_or(|until| until <= now) {
                let (holds, next) = Hours { from: *from, to: *to }.judge(now, &|time| offset(time));
                *leaf = Leaf { truth: holds.into(), until: Some(next) };
            }
            let (truth, until) = (leaf.truth, leaf.until);
            until.into_iter().for_each(|until| self.wake(until));
            return truth;
        }
        leaf.truth
    }

    fn lasting(&mut self, truth: Truth, micros: i64) -> Truth {
        let now = self.now;
        let Some(state) = self.lasting.next() else { return Truth::Unknown };
        match state.last {
            Truth::False => state.last_false = Some(now),
            Truth::Unknown => state.last_unknown = Some(now),
            Truth::True => {}
        }
        state.last = truth;
        let [not_false, not_unknown] =
            [state.last_false, state.last_unknown].map(|last| last.map(|last| last.plus_micros(micros)));
        not_false.into_iter().filter(|_| truth != Truth::False).for_each(|time| self.wake(time));
        not_unknown.into_iter().filter(|_| truth == Truth::True).for_each(|time| self.wake(time));
        if truth == Truth::False || not_false.is_some_and(|time| now < time) {
            Truth::False
        } else if truth == Truth::Unknown || not_unknown.is_some_and(|time| now < time) {
            Truth::Unknown
        } else {
            Truth::True
        }
    }
}

fn count_lasting(node: &Node, count: &mut usize) {
    match node {
        Node::Atom(_) => {}
        Node::Not(inner) => count_lasting(inner, count),
        Node::And(parts) | Node::Or(parts) => parts.iter().for_each(|part| count_lasting(part, count)),
        Node::For(inner, _) => {
            *count += 1;
            count_lasting(inner, count);
        }
    }
}
