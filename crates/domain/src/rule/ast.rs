use std::{fmt, sync::Arc};

use super::lexer;
use crate::state::UnitState;

/// How two things compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Op {
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
}

/// What a condition reads besides the unit's state and the clock.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Name {
    /// A signal of the unit, by its code.
    Signal(Arc<str>),
    /// `cause`: the machine's own word for its state.
    Cause,
    /// `stop-reason`: the reason given to the stop.
    StopReason,
    /// `order`: the number of the order.
    Order,
    /// `product`: the code of the product.
    Product,
}

/// A text to compare with. Case and surrounding blanks do not count.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Text {
    pub(super) written: String,
    /// As it is compared.
    pub(super) folded: String,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Literal {
    Number(f64),
    Text(Text),
}

/// One comparison.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Atom {
    Compare(Name, Op, Literal),
    Between(Name, f64, f64),
    In(Name, Vec<Literal>),
    Contains(Name, Text),
    Like(Name, Text),
    Bit(Name, u8),
    Unavailable(Name),
    State(Vec<UnitState>),
    /// Minutes since local midnight, from and to, different.
    Clock(u16, u16),
    /// Microseconds.
    Lasts(Op, i64),
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Node {
    Atom(Atom),
    Not(Box<Node>),
    /// At least two, none of them an `And`.
    And(Vec<Node>),
    /// At least two, none of them an `Or`.
    Or(Vec<Node>),
    /// For so many microseconds.
    For(Box<Node>, i64),
}

/// The reserved names of things whose values are words.
pub(super) const VALUES: [(&str, Name); 4] =
    [("cause", Name::Cause), ("stop-reason", Name::StopReason), ("order", Name::Order), ("product", Name::Product)];

/// Words that are no signal unless they stand in brackets.
pub(super) const KEYWORDS: [&str; 13] =
    ["and", "or", "not", "for", "between", "in", "is", "contains", "like", "bit", "state", "time", "lasts"];

/// Units of a duration, in microseconds, the largest first; the first of its names is the one that is printed.
pub(super) const UNITS: [(i64, &[&str]); 5] = [
    (86_400_000_000, &["d", "day", "days"]),
    (3_600_000_000, &["h", "hour", "hours"]),
    (60_000_000, &["min", "minute", "minutes"]),
    (1_000_000, &["s", "sec", "second", "seconds"]),
    (1_000, &["ms", "millisecond", "milliseconds"]),
];

impl Text {
    pub(super) fn new(written: impl Into<String>) -> Self {
        let written = written.into();
        Self { folded: fold(&written), written }
    }
}

/// A text as it is compared.
pub(super) fn fold(text: &str) -> String {
    text.trim().to_lowercase()
}

impl Node {
    pub(super) fn and(parts: Vec<Node>) -> Node {
        flat(parts, Node::And, |part| match part {
            Node::And(inner) => Ok(inner),
            other => Err(other),
        })
    }

    pub(super) fn or(parts: Vec<Node>) -> Node {
        flat(parts, Node::Or, |part| match part {
            Node::Or(inner) => Ok(inner),
            other => Err(other),
        })
    }

    /// Every atom, from left to right.
    pub(super) fn for_each_atom<'a>(&'a self, see: &mut impl FnMut(&'a Atom)) {
        match self {
            Node::Atom(atom) => see(atom),
            Node::Not(inner) | Node::For(inner, _) => inner.for_each_atom(see),
            Node::And(parts) | Node::Or(parts) => parts.iter().for_each(|part| part.for_each_atom(see)),
        }
    }

    /// How much history before a moment decides it, microseconds.
    pub(super) fn lookback(&self) -> i64 {
        match self {
            Node::Atom(_) => 0,
            Node::Not(inner) => inner.lookback(),
            Node::And(parts) | Node::Or(parts) => parts.iter().map(Node::lookback).max().unwrap_or(0),
            Node::For(inner, micros) => inner.lookback().saturating_add(*micros),
        }
    }

    /// Levels from here to the innermost atom.
    pub(super) fn height(&self) -> usize {
        1 + match self {
            Node::Atom(_) => 0,
            Node::Not(inner) | Node::For(inner, _) => inner.height(),
            Node::And(parts) | Node::Or(parts) => parts.iter().map(Node::height).max().unwrap_or(0),
        }
    }

    /// Whether `for` can stand after it without parentheses.
    fn is_tight(&self) -> bool {
        match self {
            Node::Atom(_) => true,
            Node::Not(inner) => matches!(&**inner, Node::Atom(atom) if atom.takes_not()),
            Node::And(_) | Node::Or(_) | Node::For(..) => false,
        }
    }
}

/// Parts joined, with those taken apart that are joined in the same way already.
fn flat(parts: Vec<Node>, join: fn(Vec<Node>) -> Node, apart: fn(Node) -> Result<Vec<Node>, Node>) -> Node {
    let mut all = Vec::new();
    for part in parts {
        match apart(part) {
            Ok(inner) => all.extend(inner),
            Err(one) => all.push(one),
        }
    }
    match all.pop() {
        Some(one) if all.is_empty() => one,
        last => {
            all.extend(last);
            join(all)
        }
    }
}

impl Atom {
    /// What it reads, if that is a signal or another named value.
    pub(super) fn name(&self) -> Option<&Name> {
        match self {
            Atom::Compare(name, ..)
            | Atom::Between(name, ..)
            | Atom::In(name, _)
            | Atom::Contains(name, _)
            | Atom::Like(name, _)
            | Atom::Bit(name, _)
            | Atom::Unavailable(name) => Some(name),
            Atom::State(_) | Atom::Clock(..) | Atom::Lasts(..) => None,
        }
    }

    /// Whether `not` can stand inside it.
    fn takes_not(&self) -> bool {
        !matches!(self, Atom::Compare(..) | Atom::Lasts(..))
    }

    fn write(&self, f: &mut fmt::Formatter<'_>, not: &str) -> fmt::Result {
        match self {
            Atom::Compare(name, op, value) => write!(f, "{name} {op} {value}"),
            Atom::Between(name, low, high) => write!(f, "{name} {not}between {} and {}", Number(*low), Number(*high)),
            Atom::In(name, values) => {
                write!(f, "{name} {not}in ")?;
                list(f, values)
            }
            Atom::Contains(name, text) => write!(f, "{name} {not}contains {text}"),
            Atom::Like(name, text) => write!(f, "{name} {not}like {text}"),
            Atom::Bit(name, bit) => write!(f, "{name} {not}bit {bit}"),
            Atom::Unavailable(name) => write!(f, "{name} is {not}unavailable"),
            Atom::State(states) => match states.as_slice() {
                [one] => write!(f, "state is {not}{}", one.as_str()),
                many => {
                    write!(f, "state {not}in ")?;
                    list(f, many.iter().map(|state| state.as_str()))
                }
            },
            Atom::Clock(from, to) => {
                write!(f, "time {not}between {:02}:{:02} and {:02}:{:02}", from / 60, from % 60, to / 60, to % 60)
            }
            Atom::Lasts(op, micros) => write!(f, "lasts {op} {}", Duration(*micros)),
        }
    }
}

fn list(f: &mut fmt::Formatter<'_>, items: impl IntoIterator<Item = impl fmt::Display>) -> fmt::Result {
    for (at, item) in items.into_iter().enumerate() {
        write!(f, "{}{item}", if at == 0 { "(" } else { ", " })?;
    }
    f.write_str(")")
}

/// A number as it is printed: short, and read again as the same.
struct Number(f64);

/// A duration in microseconds, printed in the largest unit that divides it.
pub(super) struct Duration(pub(super) i64);

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Number(n) = *self;
        if n == 0.0 || (1e-5..1e16).contains(&n.abs()) { write!(f, "{n}") } else { write!(f, "{n:e}") }
    }
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (size, unit) = UNITS
            .iter()
            .find(|(size, _)| self.0 % size == 0)
            .map_or((1_000, "ms"), |(size, names)| (*size, names.first().copied().unwrap_or_default()));
        write!(f, "{} {unit}", self.0 / size)
    }
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Op::Eq => "=",
            Op::Ne => "!=",
            Op::Lt => "<",
            Op::Le => "<=",
            Op::Gt => ">",
            Op::Ge => ">=",
        })
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Name::Signal(code) => {
                let means_more = KEYWORDS.contains(&&**code) || VALUES.iter().any(|(word, _)| *word == &**code);
                if means_more || lexer::number(code).is_some() { write!(f, "[{code}]") } else { f.write_str(code) }
            }
            Name::Cause => f.write_str("cause"),
            Name::StopReason => f.write_str("stop-reason"),
            Name::Order => f.write_str("order"),
            Name::Product => f.write_str("product"),
        }
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.written.replace('\\', "\\\\").replace('"', "\\\""))
    }
}

impl fmt::Display for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Literal::Number(n) => Number(*n).fmt(f),
            Literal::Text(text) => text.fmt(f),
        }
    }
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let joined = |f: &mut fmt::Formatter<'_>, parts: &[Node], word: &str| {
            for (at, part) in parts.iter().enumerate() {
                if at > 0 {
                    write!(f, " {word} ")?;
                }
                match part {
                    // `or` within `and` must stand in parentheses; the other way round it reads better.
                    Node::And(_) | Node::Or(_) => write!(f, "({part})")?,
                    _ => write!(f, "{part}")?,
                }
            }
            Ok(())
        };
        match self {
            Node::Atom(atom) => atom.write(f, ""),
            Node::Not(inner) => match &**inner {
                Node::Atom(atom) if atom.takes_not() => atom.write(f, "not "),
                inner @ (Node::Atom(_) | Node::Not(_)) => write!(f, "not {inner}"),
                inner => write!(f, "not ({inner})"),
            },
            Node::And(parts) => joined(f, parts, "and"),
            Node::Or(parts) => joined(f, parts, "or"),
            Node::For(inner, micros) if inner.is_tight() => write!(f, "{inner} for {}", Duration(*micros)),
            Node::For(inner, micros) => write!(f, "({inner}) for {}", Duration(*micros)),
        }
    }
}
