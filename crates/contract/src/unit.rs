//! One unit: its tile and its signals.

use serde::{Deserialize, Serialize};

use crate::{
    overview::{ShiftView, Tile},
    signal::SignalView,
};
use gemba_domain::{Timestamp, oee::Elements};

/// `GET /api/v1/units/{path}`, and the snapshot of the live topic `unit/{path}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UnitDetail {
    /// State, figures and the last eight hours.
    pub tile: Tile,
    /// Names of the nodes above, outermost first.
    pub breadcrumb: Vec<String>,
    /// The site's IANA time zone.
    pub time_zone: String,
    /// Minutes that the site's clocks are ahead of UTC at `at`.
    pub utc_offset_minutes: i32,
    /// The shift that runs now.
    pub shift: Option<ShiftView>,
    /// What the figures are made of: elements of the running shift so far.
    pub elements: Elements,
    /// Ideal seconds per piece (PRI), where set.
    pub ideal_cycle_seconds: Option<f64>,
    /// Its signals, in the order of the plant file.
    pub signals: Vec<SignalView>,
    /// The server's clock when this was made.
    pub at: Timestamp,
}
