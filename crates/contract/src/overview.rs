//! The plant at a glance: a tile per line and unit.

use gemba_domain::{
    Timestamp,
    equipment::{EquipmentId, EquipmentPath, Level},
    state::UnitState,
};
use serde::{Deserialize, Serialize};

/// `GET /api/v1/overview`, and the snapshot of the live topic `overview`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Overview {
    /// One entry per site, in the order of the plant file.
    pub sites: Vec<SiteOverview>,
    /// The server's clock when this was made.
    pub at: Timestamp,
}

/// One site: its own figures, and its areas worst first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SiteOverview {
    /// Where it stands in the tree.
    pub path: EquipmentPath,
    /// For people.
    pub name: String,
    /// IANA name, such as `Europe/London`.
    pub time_zone: String,
    /// Minutes that its clocks are ahead of UTC at the answer's `at`.
    pub utc_offset_minutes: i32,
    /// The shift that runs now; `None` outside every shift.
    pub shift: Option<ShiftView>,
    /// Elements of all lines added up, then divided.
    pub kpi: KpiView,
    /// Pieces of all lines, against target.
    pub count: CountView,
    /// The areas, by busy time lost so far, most first.
    pub areas: Vec<AreaOverview>,
}

impl SiteOverview {
    /// The lines of all areas.
    pub fn lines(&self) -> impl Iterator<Item = &LineOverview> {
        self.areas.iter().flat_map(|area| &area.lines)
    }
}

/// One area of a site: its own figures, and its lines worst first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AreaOverview {
    /// Where it stands in the tree.
    pub path: EquipmentPath,
    /// For people.
    pub name: String,
    /// Elements of its lines added up, then divided.
    pub kpi: KpiView,
    /// Pieces of its lines, against target.
    pub count: CountView,
    /// The lines, by busy time lost so far (known PBT - sum(PRI x GQ)), most first; those without an ideal cycle last.
    pub lines: Vec<LineOverview>,
}

/// A line with its units.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LineOverview {
    /// The line's own figures: those of its key unit, its constraint.
    pub tile: Tile,
    /// The unit whose facts the line's figures are.
    pub key_unit: Option<EquipmentId>,
    /// Its units, in the order of the flow.
    pub units: Vec<Tile>,
}

/// What is shown of a line or a unit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Tile {
    /// Identity of the equipment.
    pub id: EquipmentId,
    /// Where it stands in the tree.
    pub path: EquipmentPath,
    /// For people.
    pub name: String,
    /// Line or unit.
    pub level: Level,
    /// What changes while one watches.
    #[serde(flatten)]
    pub now: TileNow,
    /// The last eight hours, oldest first, without holes; the last segment ends at the answer's `at`.
    pub strip: Vec<StripSegment>,
}

/// The part of a tile that changes by the second, sent alone in deltas.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TileNow {
    /// What it is doing.
    pub state: UnitState,
    /// The machine's own word for it, such as `FEED_HOLD`.
    pub cause: Option<String>,
    /// Since when.
    pub since: Timestamp,
    /// Time of the newest sample from its source; `None` when there never was one.
    pub last_sample: Option<Timestamp>,
    /// Figures of the running shift so far.
    pub kpi: KpiView,
    /// Pieces of the running shift so far.
    pub count: CountView,
}

/// One stretch of a state strip.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StripSegment {
    /// Begin.
    pub from: Timestamp,
    /// End (exclusive).
    pub to: Timestamp,
    /// What it was doing.
    pub state: UnitState,
}

/// Ratios, 1.0 = 100 %. `None` where the denominator is zero: no value, never 0 % or 100 %.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct KpiView {
    /// Availability x effectiveness x quality = sum(PRI x GQ) / known PBT.
    pub oee: Option<f64>,
    /// APT / known PBT.
    pub availability: Option<f64>,
    /// Effectiveness: sum(PRI x PQ) / APT. May exceed 1.
    pub performance: Option<f64>,
    /// GQ / PQ, weighted by PRI.
    pub quality: Option<f64>,
    /// Known time / PBT.
    pub coverage: Option<f64>,
    /// What OEE should be.
    pub target_oee: Option<f64>,
}

impl KpiView {
    /// There is planned time with data, and yet no OEE: an ideal cycle or a counter is missing.
    pub fn is_unrated(&self) -> bool {
        self.availability.is_some() && self.oee.is_none()
    }
}

/// Pieces.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CountView {
    /// Good pieces.
    pub good: f64,
    /// Scrapped pieces.
    pub scrap: f64,
    /// What the planned time so far of which there is data should have given at target OEE.
    pub target: Option<f64>,
}

/// `GET /api/v1/overview/earlier`: what the shift that runs now came to when it ran the last times.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Earlier {
    /// Sites, areas and lines of which there is such a shift.
    pub nodes: Vec<EarlierOf>,
}

/// The running shift of a site, area or line on other days.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EarlierOf {
    /// Where it stands in the tree.
    pub path: EquipmentPath,
    /// The day before, and a week before; those with figures.
    pub shifts: Vec<EarlierShift>,
}

/// A whole shift that is past, as it stands now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EarlierShift {
    /// So many days before.
    pub days: u32,
    /// Begin.
    pub from: Timestamp,
    /// End (exclusive).
    pub to: Timestamp,
    /// sum(PRI x GQ) / known PBT.
    pub oee: Option<f64>,
    /// Known time / PBT.
    pub coverage: Option<f64>,
    /// Good pieces.
    pub good: f64,
}

/// A shift instance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ShiftView {
    /// Such as `Early`.
    pub name: String,
    /// Begin.
    pub from: Timestamp,
    /// End (exclusive).
    pub to: Timestamp,
}
