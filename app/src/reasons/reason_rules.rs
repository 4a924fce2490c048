//! Rules that give stops their reason.

use gemba_contract::reason::{ReasonRule, ReasonRules, RuleExample, RuleTrial, TryRule};
use gemba_domain::Timestamp;

use super::{
    rule::{Answer, Attempt, Kind, Rule},
    trial::{Changed, Trial},
};
use crate::api;

pub(super) const REASON_RULES: Kind = Kind {
    heading: "reason-rules-heading",
    form: "reason-rules-form",
    title: "Rules that give reasons",
    hint: "the first that holds gives the reason; a person's word stands over all of them",
    none: "No rule yet. A rule gives a reason wherever its condition holds, and is tried against history first.",
    gives: "Reason",
    examples: &[
        ("state is starved for 10 s", "it waits for pieces, and not only for a moment"),
        ("lasts < 2 min and cause like \"FEED_HOLD*\"", "a short stop by the operator"),
        ("state is stopped and time between 06:00 and 06:20", "the shift begins"),
        ("stop-reason like \"jam*\"", "the machine says so itself"),
    ],
    changes: ("stop", "stops"),
    compared: &["Reason now"],
    days: 30,
    put,
    attempt: Attempt::One(attempt),
};

pub(super) fn read(rules: ReasonRules) -> Vec<Rule> {
    let rule =
        |rule: ReasonRule| Rule { name: rule.name, scope: rule.scope, condition: rule.condition, outcome: rule.reason };
    rules.rules.into_iter().map(rule).collect()
}

fn written(rule: Rule) -> ReasonRule {
    ReasonRule { name: rule.name, scope: rule.scope, condition: rule.condition, reason: rule.outcome }
}

fn put(rules: Vec<Rule>) -> Answer<Vec<Rule>> {
    let body = ReasonRules { rules: rules.into_iter().map(written).collect() };
    Box::pin(async move { api::put("/api/v1/reason-rules/all".to_owned(), &body).await.map(read) })
}

fn attempt(rule: Rule, from: Timestamp, to: Timestamp) -> Answer<Trial> {
    let body = TryRule { rule: written(rule), from, to };
    Box::pin(async move { api::post("/api/v1/reason-rules/try".to_owned(), &body).await.map(trial) })
}

fn trial(answer: RuleTrial) -> Trial {
    let example = |it: RuleExample| Changed { unit: it.unit, from: it.from, to: it.to, outcomes: vec![it.now] };
    Trial {
        changed: answer.changed,
        micros: answer.micros,
        kept_by_people: answer.kept_by_people,
        units: Vec::new(),
        examples: answer.examples.into_iter().map(example).collect(),
    }
}
