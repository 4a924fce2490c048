//! A rule as the page holds it, and what is special to a kind of rules: where it is kept, and what a rule gives.

use futures::future::LocalBoxFuture;
use gemba_domain::Timestamp;

use super::trial::Trial;
use crate::api::ApiError;

/// A condition, where it is looked for, and what it gives.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Rule {
    pub name: String,
    /// Path of the unit, or of what it stands in; empty for the whole plant.
    pub scope: String,
    pub condition: String,
    /// Code of what it gives.
    pub outcome: String,
}

impl Rule {
    /// Whether the other does the same. The name of a rule changes nothing of what it does.
    pub fn does_as(&self, other: &Rule) -> bool {
        (&self.scope, &self.condition, &self.outcome) == (&other.scope, &other.condition, &other.outcome)
    }

    /// Whether something that it needs is missing.
    pub fn is_incomplete(&self) -> bool {
        self.name.is_empty() || self.condition.trim().is_empty() || self.outcome.is_empty()
    }
}

pub(super) type Answer<T> = LocalBoxFuture<'static, Result<T, ApiError>>;

/// A kind of rules.
#[derive(Clone, Copy)]
pub(super) struct Kind {
    /// The id of the list's heading.
    pub heading: &'static str,
    /// The id of the form, to bring the focus to.
    pub form: &'static str,
    pub title: &'static str,
    pub hint: &'static str,
    /// What stands in the place of a list without rules.
    pub none: &'static str,
    /// What a rule gives, as a heading.
    pub gives: &'static str,
    /// Conditions of this kind, as examples.
    pub examples: &'static [(&'static str, &'static str)],
    /// What rules change: one, several.
    pub changes: (&'static str, &'static str),
    /// Headings over what such a thing has without and with the rules that are tried.
    pub compared: &'static [&'static str],
    /// Days of history that rules are tried against.
    pub days: i64,
    /// Puts these in the place of all.
    pub put: fn(Vec<Rule>) -> Answer<Vec<Rule>>,
    /// What rules would have changed.
    pub attempt: Attempt,
}

/// What is tried, from when to when.
#[derive(Clone, Copy)]
pub(super) enum Attempt {
    /// A rule by itself.
    One(fn(Rule, Timestamp, Timestamp) -> Answer<Trial>),
    /// All rules as they would be stored, in their order.
    All(fn(Vec<Rule>, Timestamp, Timestamp) -> Answer<Trial>),
}

impl Attempt {
    /// Whether the order of the rules can be tried.
    pub fn is_of_all(self) -> bool {
        matches!(self, Self::All(_))
    }

    /// What of these rules is tried when the one at this place is in question.
    pub fn subject(self, mut rules: Vec<Rule>, place: usize) -> Vec<Rule> {
        match self {
            Self::One(_) if place < rules.len() => vec![rules.swap_remove(place)],
            Self::One(_) => Vec::new(),
            Self::All(_) => rules,
        }
    }

    /// Asks the server.
    pub fn send(self, subject: Vec<Rule>, from: Timestamp, to: Timestamp) -> Answer<Trial> {
        match self {
            Self::One(attempt) => attempt(subject.into_iter().next().unwrap_or_default(), from, to),
            Self::All(attempt) => attempt(subject, from, to),
        }
    }
}
