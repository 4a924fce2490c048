//! Reasons of stops: the tree, and what people say of a stretch of time.

use gemba_domain::{
    Timestamp,
    equipment::EquipmentPath,
    reason::{LossCategory, ReasonId},
};
use serde::{Deserialize, Serialize};

/// `GET /api/v1/reasons`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ReasonTree {
    /// Parents before children, siblings in order. Retired ones are left out.
    pub reasons: Vec<ReasonView>,
}

/// One node of the tree.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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
pub struct ReasonConflict {
    /// What the caller wanted to say.
    pub yours: GiveReason,
    /// What stands there now.
    pub theirs: Vec<Said>,
}
