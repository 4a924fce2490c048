//! Rules that give reasons: kept in order, tried against history before they are saved.

use gemba_contract::reason::{ReasonRule, ReasonRules, RuleExample, RuleTrial, TryRule};
use gemba_domain::{
    Interval, Timestamp,
    equipment::{EquipmentId, EquipmentPath},
    reason::{GivenBy, ReasonId},
    rule::Condition,
};
use serde_json::json;

use super::{
    ReasonError, Service, queries,
    service::{find, record},
};
use crate::{oee, plant, rule};

/// Rules of a plant.
const MOST_RULES: usize = 200;
const MOST_EXAMPLES: usize = 200;
const LONGEST_TRIAL_MICROS: i64 = 31 * 86_400_000_000;
/// Facts are made anew for so far back when rules change.
const BACK_SECONDS: i64 = 31 * 86_400;

/// A rule as the engine applies it.
#[derive(Clone, Debug)]
pub struct Rule {
    pub name: String,
    /// Path of the unit, or of what it stands in; empty for the whole plant.
    pub scope: String,
    pub condition: Condition,
    pub reason: ReasonId,
}

impl Rule {
    /// Whether it is for this unit.
    pub fn is_for(&self, unit: &EquipmentPath) -> bool {
        rule::is_for(&self.scope, unit)
    }
}

impl Service {
    /// The rules, in order.
    pub fn rules(&self) -> ReasonRules {
        let plant = self.plant.current();
        let view = |rule: &Rule| ReasonRule {
            name: rule.name.clone(),
            scope: rule.scope.clone(),
            condition: rule.condition.to_string(),
            reason: plant.reasons.get(rule.reason).map(|reason| reason.code.to_string()).unwrap_or_default(),
        };
        ReasonRules { rules: plant.reasons.rules.iter().map(view).collect() }
    }

    /// Replaces the rules. Facts of the last 31 days are made anew by them.
    ///
    /// # Errors
    /// A rule that makes no sense, named by its position; the database.
    pub async fn put_rules(&self, put: &ReasonRules, by: &str, now: Timestamp) -> Result<ReasonRules, ReasonError> {
        if put.rules.len() > MOST_RULES {
            return Err(ReasonError::Refused(format!("a plant has at most {MOST_RULES} rules")));
        }
        let mut rules = Vec::new();
        for (position, rule) in put.rules.iter().enumerate() {
            let read = self.read_rule(rule);
            rules.push(read.map_err(|error| ReasonError::Refused(format!("rule {}: {error}", position + 1)))?);
        }
        let mut tx = self.pool.begin().await?;
        plant::begin_change(&mut tx).await?;
        queries::replace_rules(&mut tx, &rules, by).await?;
        let cause = oee::Cause::by("reason rules changed", by);
        let units: Vec<EquipmentId> = self.plant.current().units().map(|found| found.unit.id).collect();
        for unit in &units {
            let stretch = Interval::new(now.plus_seconds(-BACK_SECONDS), now);
            oee::note_stale(&mut tx, *unit, stretch, &cause).await?;
        }
        record(&mut tx, by, "reason_rules.put", "plant", json!(put)).await?;
        tx.commit().await?;
        self.oee.because_of(&units, &cause);
        self.plant.refresh().await?;
        Ok(self.rules())
    }

    fn read_rule(&self, rule: &ReasonRule) -> Result<Rule, ReasonError> {
        let plant = self.plant.current();
        let scope = rule.scope.trim_matches('/').to_owned();
        let condition = rule::read(&plant, &scope, &rule.condition).map_err(ReasonError::Refused)?;
        let reason = find(&plant.reasons, &rule.reason)?;
        Ok(Rule { name: rule.name.trim().to_owned(), scope, condition, reason })
    }

    /// What a rule would have changed. Nothing is changed.
    ///
    /// # Errors
    /// A rule that makes no sense; a period of more than 31 days; the historian and the database.
    pub async fn try_rule(&self, trial: &TryRule, now: Timestamp) -> Result<RuleTrial, ReasonError> {
        let rule = self.read_rule(&trial.rule)?;
        let period = Interval::new(trial.from, trial.to.min(now));
        if period.is_empty() || period.micros() > LONGEST_TRIAL_MICROS {
            return Err(ReasonError::Refused("a rule is tried against 31 days of the past at most".to_owned()));
        }
        let plant = self.plant.current();
        let mut out = RuleTrial { changed: 0, micros: 0, kept_by_people: 0, examples: Vec::new() };
        for found in plant.units().filter(|found| rule.is_for(&found.unit.path)) {
            let hits = self.oee.hits(found.unit.id, &rule, period, now).await?;
            for state in hits.iter().filter(|state| state.reason != Some(rule.reason)) {
                if matches!(state.given_by, Some(GivenBy::Person(_))) {
                    out.kept_by_people += 1;
                    continue;
                }
                out.changed += 1;
                out.micros += state.interval.micros();
                if out.examples.len() < MOST_EXAMPLES {
                    let now = state.reason.and_then(|id| plant.reasons.get(id)).map(|reason| reason.code.to_string());
                    let (from, to) = (state.interval.from, state.interval.to);
                    out.examples.push(RuleExample { unit: found.unit.path.clone(), from, to, now });
                }
            }
        }
        Ok(out)
    }
}
