//! Reasons of stops: the tree, and what people say of a stretch of time.

use gemba_domain::{
    Timestamp,
    equipment::EquipmentPath,
    reason::{LossCategory, ReasonId},
};
use serde::{Deserialize, Serialize};

/// `GET /api/v1/reasons`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ReasonTree {
    /// Parents before children, siblings in order. Retired ones are left out.
    pub reasons: Vec<ReasonView>,
}

/// One node of the tree.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ReasonView {
    /// Identity.
    pub id: ReasonId,
    /// Short and unique, such as `die-sensor`.
    pub code: String,
    /// For people.
    pub name: String,
    /// Code of the node above.
    pub parent: Option<String>,
    /// Which loss its time is.
    pub category: LossCategory,
}

/// `PUT /api/v1/reasons/{code}`: adds the reason, or alters it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct PutReason {
    /// For people.
    pub name: String,
    /// Code of the node above; at the top when left out.
    #[serde(default)]
    pub parent: Option<String>,
    /// Which loss its time is.
    pub category: LossCategory,
}

/// `POST /api/v1/stops/reason`: says why a unit stood. Splits, merges and corrects alike: what stood on the stretch before
/// is replaced there, and stays beyond it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct GiveReason {
    /// The unit.
    pub unit: EquipmentPath,
    /// Begin of the stretch.
    pub from: Timestamp,
    /// End of it (exclusive); left out: to the end of the stop, also of one that goes on.
    #[serde(default)]
    pub to: Option<Timestamp>,
    /// Code of the reason; left out: none, also where a rule gives one.
    #[serde(default)]
    pub reason: Option<String>,
    /// What else is to be said; at most 500 characters.
    #[serde(default)]
    pub comment: String,
    /// The versions that the caller saw on this stretch (`Stop::said`), so that nobody's word is overwritten unseen.
    #[serde(default)]
    pub seen: Vec<i64>,
}

/// What a person said of a stretch, as it stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Said {
    /// Identity of this version.
    pub id: i64,
    /// Begin.
    pub from: Timestamp,
    /// End (exclusive); `None`: to the end of its stop.
    pub to: Option<Timestamp>,
    /// Code of the reason; `None`: a rule's word was taken back, or there is only a comment.
    pub reason: Option<String>,
    /// What else was said.
    pub comment: String,
    /// The user's name.
    pub by: String,
    /// When it was said.
    pub at: Timestamp,
}

/// The answer to [`GiveReason`] when somebody else changed the stretch meanwhile (409), beside the problem's own fields.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ReasonConflict {
    /// What the caller wanted to say.
    pub yours: GiveReason,
    /// What stands there now.
    pub theirs: Vec<Said>,
}

/// `GET /api/v1/reason-rules`, `PUT /api/v1/reason-rules/all`: rules that give reasons, in order; the first that holds stands. A person's word
/// stands over all of them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ReasonRules {
    /// In order.
    pub rules: Vec<ReasonRule>,
}

/// One rule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ReasonRule {
    /// For people.
    pub name: String,
    /// Path of the unit, or of what it stands in; empty for the whole plant.
    #[serde(default)]
    pub scope: String,
    /// In the rule language, over signals, `state`, `cause`, `stop-reason`, `order`, `product`, `time` and `lasts`.
    pub condition: String,
    /// Code of the reason that it gives.
    pub reason: String,
}

/// `POST /api/v1/reason-rules/try`: what a rule would have changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct TryRule {
    /// The rule.
    pub rule: ReasonRule,
    /// Begin of the history that it is tried against.
    pub from: Timestamp,
    /// End of it; at most 31 days later.
    pub to: Timestamp,
}

/// The answer to [`TryRule`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RuleTrial {
    /// How many states would have got this reason, and have another one or none now.
    pub changed: u64,
    /// How long they are together, microseconds.
    pub micros: i64,
    /// Those on which a person has given a word: it stays.
    pub kept_by_people: u64,
    /// At most 200 of the changed, oldest first.
    pub examples: Vec<RuleExample>,
}

/// A state that a rule would change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RuleExample {
    /// The unit.
    pub unit: EquipmentPath,
    /// Begin.
    pub from: Timestamp,
    /// End (exclusive).
    pub to: Timestamp,
    /// Code of the reason now.
    pub now: Option<String>,
}
