//! Rules that make states of signals.

use gemba_domain::{Timestamp, equipment::EquipmentPath, state::UnitState};
use serde::{Deserialize, Serialize};

/// `GET /api/v1/state-rules`, `PUT /api/v1/state-rules/all`: rules that make states, in order; the first that holds gives
/// the state. Where none holds, the machine's own words do.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct StateRules {
    /// In order.
    pub rules: Vec<StateRule>,
}

/// One rule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct StateRule {
    /// For people; stands in the cause of the states that it makes.
    pub name: String,
    /// Path of the unit, or of what it stands in; empty for the whole plant.
    #[serde(default)]
    pub scope: String,
    /// In the rule language, over signals, `state`, `cause`, `order`, `product` and `time`.
    pub condition: String,
    /// What the unit does while the condition holds.
    pub state: UnitState,
}

/// `POST /api/v1/state-rules/try`: which states of the past would be others if these were the rules.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct TryStateRules {
    /// All rules, in order.
    pub rules: Vec<StateRule>,
    /// Begin of the history that they are tried against.
    pub from: Timestamp,
    /// End of it; at most 31 days later.
    pub to: Timestamp,
}

/// The answer to [`TryStateRules`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StateRulesTrial {
    /// How many intervals would be of another state.
    pub changed: u64,
    /// How long they are together, microseconds.
    pub micros: i64,
    /// The units that have such intervals, in the order of the plant.
    pub units: Vec<StateRulesUnit>,
    /// At most 200 of the intervals, unit by unit, oldest first.
    pub examples: Vec<StateRulesExample>,
}

/// What rules would change of one unit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StateRulesUnit {
    /// The unit.
    pub unit: EquipmentPath,
    /// How many intervals would be of another state.
    pub changed: u64,
    /// How long they are together, microseconds.
    pub micros: i64,
}

/// An interval that would be of another state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StateRulesExample {
    /// The unit.
    pub unit: EquipmentPath,
    /// Begin.
    pub from: Timestamp,
    /// End (exclusive).
    pub to: Timestamp,
    /// Its state by the rules as they are.
    pub before: UnitState,
    /// Its state by the rules that are tried.
    pub after: UnitState,
}
