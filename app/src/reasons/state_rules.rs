//! Rules that make states.

use gemba_contract::rule::{StateRule, StateRules, StateRulesExample, StateRulesTrial, TryStateRules};
use gemba_domain::{Timestamp, state::UnitState};

use super::{
    rule::{Answer, Attempt, Kind, Rule},
    trial::{Changed, Trial},
};
use crate::{api, format::state_word};

pub(super) const STATE_RULES: Kind = Kind {
    heading: "state-rules-heading",
    form: "state-rules-form",
    title: "Rules that make states",
    hint: "the first that holds gives the state; where none holds, the machine's own words do",
    none: "No rule yet. A machine that tells no state, or the wrong one, gets it from its signals: of a current, a pressure or a lamp.",
    gives: "State",
    examples: &[
        ("spindle-load > 5 for 10 s", "it cuts, and not only for a moment"),
        ("alarm contains \"E12\"", "the machine says that it stands"),
        ("status-word bit 3 and not status-word bit 7", "a fault that nobody has acknowledged"),
        ("spindle-load is not unavailable", "what is left while the machine can be heard"),
    ],
    changes: ("interval", "intervals"),
    compared: &["State now", "With the rules"],
    days: 7,
    put,
    attempt: Attempt::All(attempt),
};

/// What a rule can make, with the words for it.
pub(super) fn states() -> Vec<(String, String)> {
    UnitState::ALL.iter().map(|state| (state.as_str().to_owned(), state_word(*state).to_owned())).collect()
}

pub(super) fn read(rules: StateRules) -> Vec<Rule> {
    let rule = |rule: StateRule| Rule {
        name: rule.name,
        scope: rule.scope,
        condition: rule.condition,
        outcome: rule.state.as_str().to_owned(),
    };
    rules.rules.into_iter().map(rule).collect()
}

/// A form offers states only, and sends no rule without one.
fn written(rule: Rule) -> StateRule {
    let state = UnitState::from_word(&rule.outcome).unwrap_or_default();
    StateRule { name: rule.name, scope: rule.scope, condition: rule.condition, state }
}

fn put(rules: Vec<Rule>) -> Answer<Vec<Rule>> {
    let body = StateRules { rules: rules.into_iter().map(written).collect() };
    Box::pin(async move { api::put("/api/v1/state-rules/all".to_owned(), &body).await.map(read) })
}

fn attempt(rules: Vec<Rule>, from: Timestamp, to: Timestamp) -> Answer<Trial> {
    let body = TryStateRules { rules: rules.into_iter().map(written).collect(), from, to };
    Box::pin(async move { api::post("/api/v1/state-rules/try".to_owned(), &body).await.map(trial) })
}

fn trial(answer: StateRulesTrial) -> Trial {
    let code = |state: UnitState| Some(state.as_str().to_owned());
    let example = |it: StateRulesExample| Changed {
        unit: it.unit,
        from: it.from,
        to: it.to,
        outcomes: vec![code(it.before), code(it.after)],
    };
    Trial {
        changed: answer.changed,
        micros: answer.micros,
        kept_by_people: 0,
        units: answer.units.into_iter().map(|it| (it.unit, it.changed, it.micros)).collect(),
        examples: answer.examples.into_iter().map(example).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_that_is_offered_is_sent_as_it_is() {
        for (code, _) in states() {
            let rule = Rule { outcome: code.clone(), ..Rule::default() };
            assert_eq!(read(StateRules { rules: vec![written(rule)] })[0].outcome, code);
        }
    }
}
