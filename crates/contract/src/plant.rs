//! What the plant is made of.

use gemba_domain::{
    Timestamp,
    equipment::{EquipmentPath, Level},
};
use serde::{Deserialize, Serialize};

/// `GET /api/v1/plant`: the tree of equipment, without its present.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PlantOutline {
    /// Sites, areas, lines and units: parents before children, in the order of the plant file.
    pub nodes: Vec<PlantNode>,
    /// Code of the currency that costs and margins are told in.
    pub currency: String,
    /// The server's clock when this was made.
    pub at: Timestamp,
}

/// A site, an area, a line or a unit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PlantNode {
    /// Where it stands in the tree.
    pub path: EquipmentPath,
    /// For people.
    pub name: String,
    /// What it is.
    pub level: Level,
    /// Minutes that the clocks of its site are ahead of UTC at the answer's `at`.
    pub utc_offset_minutes: i32,
    /// PRI of whatever has none of its own there, seconds per piece; of units alone.
    pub ideal_cycle_seconds: Option<f64>,
}
