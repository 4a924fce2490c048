use std::sync::Arc;

use gemba_contract::rule::{StateRule, StateRules, StateRulesExample, StateRulesTrial, StateRulesUnit, TryStateRules};
use gemba_domain::{
    Interval, Timestamp,
    equipment::{EquipmentId, EquipmentPath},
    rule::{self as domain, Condition},
    state::UnitState,
};
use serde_json::json;
use sqlx::{PgConnection, PgPool};

use super::{RuleError, is_for, queries, scope};
use crate::{auth::audit, oee, plant};

/// Rules of a plant.
const MOST_RULES: usize = 200;
const LONGEST_NAME: usize = 120;
const MOST_EXAMPLES: usize = 200;
const LONGEST_TRIAL_MICROS: i64 = 31 * 86_400_000_000;
/// Facts are made anew for so far back when rules change.
const BACK_SECONDS: i64 = 31 * 86_400;

/// A rule that makes a state, as the engine applies it.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Path of the unit, or of what it stands in; empty for the whole plant.
    pub scope: String,
    pub rule: domain::StateRule,
}

impl Rule {
    /// Whether it is for this unit.
    pub fn is_for(&self, unit: &EquipmentPath) -> bool {
        is_for(&self.scope, unit)
    }
}

/// Reads the rules. One that this program cannot read is left out.
///
/// # Errors
/// Those of the database.
pub async fn load(db: &mut PgConnection) -> sqlx::Result<Vec<Rule>> {
    let mut rules = Vec::new();
    for row in queries::rules(db).await? {
        let read = || -> Result<Rule, String> {
            let condition = Condition::parse(&row.condition).map_err(|error| error.to_string())?;
            let state =
                UnitState::from_word(&row.state).ok_or_else(|| format!("no state is called `{}`", row.state))?;
            usable(Rule { scope: row.scope, rule: domain::StateRule { name: row.name.into(), condition, state } })
        };
        match read() {
            Ok(rule) => rules.push(rule),
            Err(error) => {
                tracing::error!(table = "state_rule", row = %row.id, %error, "a rule that cannot be read is left out")
            }
        }
    }
    Ok(rules)
}

/// The rule, if its condition can make a state.
fn usable(rule: Rule) -> Result<Rule, String> {
    domain::StateRules::new(vec![rule.rule.clone()]).map_err(|error| error.to_string())?;
    Ok(rule)
}

/// Rules that make states.
#[derive(Clone)]
pub struct Service {
    pool: PgPool,
    plant: plant::Service,
    oee: oee::Service,
}

impl Service {
    pub fn new(pool: PgPool, plant: plant::Service, oee: oee::Service) -> Self {
        Self { pool, plant, oee }
    }

    /// The rules, in order.
    pub fn rules(&self) -> StateRules {
        let view = |rule: &Rule| StateRule {
            name: rule.rule.name.to_string(),
            scope: rule.scope.clone(),
            condition: rule.rule.condition.to_string(),
            state: rule.rule.state,
        };
        StateRules { rules: self.plant.current().state_rules.iter().map(view).collect() }
    }

    /// Replaces the rules. Facts of the last 31 days are made anew by them, of the units that an old or a new rule is for.
    ///
    /// # Errors
    /// A rule that makes no sense, named by its position; the database.
    pub async fn put_rules(&self, put: &StateRules, by: &str, now: Timestamp) -> Result<StateRules, RuleError> {
        let plant = self.plant.current();
        let rules = read_rules(&plant, put)?;
        let mut tx = self.pool.begin().await?;
        plant::begin_change(&mut tx).await?;
        queries::replace_rules(&mut tx, &rules, by).await?;
        let cause = oee::Cause::by("state rules changed", by);
        let touched = |path: &EquipmentPath| rules.iter().chain(plant.state_rules.iter()).any(|rule| rule.is_for(path));
        let units: Vec<EquipmentId> =
            plant.units().filter(|found| touched(&found.unit.path)).map(|found| found.unit.id).collect();
        for unit in &units {
            let stretch = Interval::new(now.plus_seconds(-BACK_SECONDS), now);
            oee::note_stale(&mut tx, *unit, stretch, &cause).await?;
        }
        let entry =
            audit::Entry { actor: Some(by), action: "state_rules.put", subject: Some("plant"), detail: json!(put) };
        audit::record(&mut *tx, entry).await?;
        tx.commit().await?;
        self.oee.because_of(&units, &cause);
        self.plant.refresh().await?;
        Ok(self.rules())
    }

    /// Which states of the past would be others if these were the rules. Nothing is changed.
    ///
    /// # Errors
    /// A rule that makes no sense; a period of more than 31 days; the historian and the database.
    pub async fn try_rules(&self, trial: &TryStateRules, now: Timestamp) -> Result<StateRulesTrial, RuleError> {
        let plant = self.plant.current();
        let rules = read_rules(&plant, &StateRules { rules: trial.rules.clone() })?;
        let period = Interval::new(trial.from, trial.to.min(now));
        if period.is_empty() || period.micros() > LONGEST_TRIAL_MICROS {
            return Err(RuleError::Refused("rules are tried against 31 days of the past at most".to_owned()));
        }
        let mut out = StateRulesTrial { changed: 0, micros: 0, units: Vec::new(), examples: Vec::new() };
        for found in plant.units() {
            let path = &found.unit.path;
            if !rules.iter().chain(plant.state_rules.iter()).any(|rule| rule.is_for(path)) {
                continue;
            }
            let tried = rules.iter().filter(|rule| rule.is_for(path)).map(|rule| rule.rule.clone()).collect();
            let tried = domain::StateRules::new(tried).map_err(|error| RuleError::Refused(error.to_string()))?;
            let changed = self.oee.other_states(found.unit.id, &tried, period, now).await?;
            if changed.is_empty() {
                continue;
            }
            let micros = changed.iter().map(|change| change.interval.micros()).sum();
            out.changed += changed.len() as u64;
            out.micros += micros;
            out.units.push(StateRulesUnit { unit: path.clone(), changed: changed.len() as u64, micros });
            let room = MOST_EXAMPLES.saturating_sub(out.examples.len());
            out.examples.extend(changed.iter().take(room).map(|change| StateRulesExample {
                unit: path.clone(),
                from: change.interval.from,
                to: change.interval.to,
                before: change.from_state,
                after: change.to_state,
            }));
        }
        Ok(out)
    }
}

fn read_rules(plant: &plant::Plant, put: &StateRules) -> Result<Vec<Rule>, RuleError> {
    if put.rules.len() > MOST_RULES {
        return Err(RuleError::Refused(format!("a plant has at most {MOST_RULES} rules")));
    }
    let read = |(position, rule): (usize, &StateRule)| {
        let refused = |error: String| RuleError::Refused(format!("rule {}: {error}", position + 1));
        let name = rule.name.trim();
        if name.is_empty() || name.chars().count() > LONGEST_NAME || name.chars().any(char::is_control) {
            let told = format!("a rule's name has 1 to {LONGEST_NAME} characters, none of them control characters");
            return Err(refused(told));
        }
        let at = rule.scope.trim_matches('/').to_owned();
        let condition = scope::read(plant, &at, &rule.condition).map_err(refused)?;
        let rule = domain::StateRule { name: Arc::from(name), condition, state: rule.state };
        usable(Rule { scope: at, rule }).map_err(refused)
    };
    put.rules.iter().enumerate().map(read).collect()
}
