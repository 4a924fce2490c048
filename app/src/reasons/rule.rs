//! A rule as the page holds it, and what is special to a kind of rules: where it is kept, and what a rule gives.

use futures::future::LocalBoxFuture;
use gemba_contract::reason::{ReasonRule, ReasonRules, RuleTrial, TryRule};
use gemba_domain::Timestamp;

use crate::api::{self, ApiError};

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

type Answer<T> = LocalBoxFuture<'static, Result<T, ApiError>>;

/// A kind of rules.
#[derive(Clone, Copy)]
pub(super) struct Kind {
    /// In the ids of the page's elements.
    pub id: &'static str,
    pub title: &'static str,
    pub hint: &'static str,
    /// What a rule gives, as a heading.
    pub gives: &'static str,
    /// Conditions of this kind, as examples.
    pub examples: &'static [(&'static str, &'static str)],
    /// Puts these in the place of all.
    pub put: fn(Vec<Rule>) -> Answer<Vec<Rule>>,
    /// What a rule would have changed from when to when.
    pub attempt: fn(Rule, Timestamp, Timestamp) -> Answer<RuleTrial>,
}

impl Kind {
    /// Rules that give stops their reason.
    pub const REASONS: Kind = Kind {
        id: "reason-rules",
        title: "Rules that give reasons",
        hint: "the first that holds gives the reason; a person's word stands over all of them",
        gives: "Reason",
        examples: &[
            ("state is starved for 10 s", "it waits for pieces, and not only for a moment"),
            ("lasts < 2 min and cause like \"FEED_HOLD*\"", "a short stop by the operator"),
            ("state is stopped and time between 06:00 and 06:20", "the shift begins"),
            ("stop-reason like \"jam*\"", "the machine says so itself"),
        ],
        put: put_reason_rules,
        attempt: try_reason_rule,
    };
}

pub(super) fn reason_rule(rule: ReasonRule) -> Rule {
    Rule { name: rule.name, scope: rule.scope, condition: rule.condition, outcome: rule.reason }
}

fn for_reasons(rule: Rule) -> ReasonRule {
    ReasonRule { name: rule.name, scope: rule.scope, condition: rule.condition, reason: rule.outcome }
}

fn put_reason_rules(rules: Vec<Rule>) -> Answer<Vec<Rule>> {
    let body = ReasonRules { rules: rules.into_iter().map(for_reasons).collect() };
    Box::pin(async move {
        let answer = api::put::<ReasonRules>("/api/v1/reason-rules/all".to_owned(), &body).await?;
        Ok(answer.rules.into_iter().map(reason_rule).collect())
    })
}

fn try_reason_rule(rule: Rule, from: Timestamp, to: Timestamp) -> Answer<RuleTrial> {
    let body = TryRule { rule: for_reasons(rule), from, to };
    Box::pin(async move { api::post("/api/v1/reason-rules/try".to_owned(), &body).await })
}
