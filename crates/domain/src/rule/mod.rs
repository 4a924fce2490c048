//! The rule language: a condition over a unit's signals and states, written by an engineer.
//!
//! One language makes states of arbitrary signals ([`StateRules`]), finds the reason of a stop
//! ([`Condition::explains`]) and is watched while it happens ([`ConditionFold`]). `docs/features/rules.md` explains it
//! to those who write it. The grammar, where case does not count:
//!
//! ```text
//! condition  = all { "or" all }
//! all        = held { "and" held }
//! held       = "not" negated | primary [ "for" duration ]
//! negated    = { "not" } primary
//! primary    = "(" condition ")" | atom
//! atom       = name sign value                             sign: = != < <= > >=   (texts: = and !=)
//!            | name ["not"] "between" number "and" number  both belong to it
//!            | name ["not"] "in" "(" value { "," value } ")"
//!            | name ["not"] ( "contains" | "like" ) text   like: * any characters, ? one
//!            | name ["not"] "bit" number                   0 is the lowest
//!            | name "is" ["not"] "unavailable"
//!            | "state" "is" ["not"] state | "state" ["not"] "in" "(" state { "," state } ")"
//!            | "time" ["not"] "between" hh:mm "and" hh:mm  local, the end does not belong to it
//!            | "lasts" ( "<" | "<=" | ">" | ">=" ) duration
//! name       = signal | "[" signal "]" | "cause" | "stop-reason" | "order" | "product"
//! value      = number | text
//! duration   = number ( "ms" | "s" | "min" | "h" | "d" )
//! ```
//!
//! # Truth
//! Three values ([`Truth`]). A comparison with what is unavailable, was never said, or is of another kind is unknown;
//! `not` leaves it unknown, `and` and `or` do with it what Kleene's logic does. Unknown never holds.
//!
//! `A for D` is the least truth of `A` in the last `D`, with the present moment: it holds from `D` after `A` began to
//! hold, and is false, not unknown, when `A` was false within that time.
//!
//! Truth at one moment depends on nothing but the history up to it, so that periods may be cut anywhere.

mod ast;
mod clock;
mod error;
mod evaluate;
mod fold;
mod inputs;
mod judge;
mod lexer;
mod parser;
mod states;
mod truth;

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;

use std::{borrow::Cow, collections::BTreeSet, fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::Interval;
use ast::{Atom, Node};

pub use ast::Name;
pub use error::ParseError;
pub use fold::{ConditionFold, LocalOffset};
pub use inputs::{Inputs, Stop, Tracks, offset_of, unwatched};
pub use parser::{MAX_ATOMS, MAX_BYTES, MAX_DEPTH};
pub use states::{Changed, StateRule, StateRuleError, StateRules, difference};
pub use truth::Truth;

/// A condition. Its text form is canonical: it is parsed to the same condition again.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    node: Node,
}

impl Condition {
    /// Reads a condition.
    ///
    /// # Errors
    /// [`ParseError`] says where the text is no condition, and what would be; also when it is longer than
    /// [`MAX_BYTES`], deeper than [`MAX_DEPTH`] or has more than [`MAX_ATOMS`] comparisons.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        parser::parse(text).map(|node| Self { node })
    }

    /// The codes of the signals it reads.
    pub fn signals(&self) -> BTreeSet<&str> {
        let mut found = BTreeSet::new();
        self.node.for_each_atom(&mut |atom| {
            if let Some(Name::Signal(code)) = atom.name() {
                found.insert(&**code);
            }
        });
        found
    }

    /// All named values it reads, signals and reserved names.
    pub fn names(&self) -> BTreeSet<&Name> {
        let mut found = BTreeSet::new();
        self.node.for_each_atom(&mut |atom| found.extend(atom.name()));
        found
    }

    /// Whether it asks for the length of a stop (`lasts`), which is not known without a stop.
    pub fn asks_for_stop(&self) -> bool {
        let mut found = false;
        self.node.for_each_atom(&mut |atom| found |= matches!(atom, Atom::Lasts(..)));
        found
    }

    /// How much history before a moment decides it, microseconds: the `for` durations that lie in each other, added.
    /// Tracks must begin with the value in force so long before the period.
    pub fn lookback(&self) -> i64 {
        self.node.lookback()
    }

    /// The stretches of the period in which it holds: sorted, apart from each other, half-open. Linear in the number
    /// of values and states within the period and its lookback.
    pub fn holds(&self, inputs: &Inputs<'_>, period: Interval) -> Vec<Interval> {
        if period.is_empty() {
            return Vec::new();
        }
        truth::holding(evaluate::steps(&self.node, inputs, period), period)
    }

    /// Whether it holds at some moment of this stop, with the stop's length for `lasts`.
    pub fn explains(&self, inputs: &Inputs<'_>, stop: Stop) -> bool {
        !self.holds(&Inputs { stop: Some(stop), ..*inputs }, stop.interval).is_empty()
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.node.fmt(f)
    }
}

impl FromStr for Condition {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl Serialize for Condition {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Condition {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <Cow<'de, str>>::deserialize(deserializer)?;
        Self::parse(&text).map_err(de::Error::custom)
    }
}

#[cfg(feature = "openapi")]
impl utoipa::PartialSchema for Condition {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        let text = utoipa::openapi::ObjectBuilder::new()
            .schema_type(utoipa::openapi::Type::String)
            .description(Some("A condition in the rule language, see docs/features/rules.md."))
            .examples(["state is stopped and lasts > 5 min"]);
        text.into()
    }
}

#[cfg(feature = "openapi")]
impl utoipa::ToSchema for Condition {}
