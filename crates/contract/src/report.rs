//! One line or unit over a period: figures with their comparison, hour by hour, states, losses, reasons, trend; and how a
//! figure is made. What pages, the shift report and programs read alike.

use gemba_domain::{
    Timestamp,
    equipment::{EquipmentId, EquipmentPath, Level},
    oee::{Bucket, Elements, Factors, Profile},
    reason::LossCategory,
    signal::{SignalId, SignalRole},
    state::UnitState,
};
use serde::{Deserialize, Serialize};

use crate::overview::{ShiftView, TileNow};

/// `GET /api/v1/report/{path}?from&to&profile`; without `from` and `to` the running shift, or the last one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Report {
    /// Identity of the line or unit.
    pub id: EquipmentId,
    /// Where it stands in the tree.
    pub path: EquipmentPath,
    /// For people.
    pub name: String,
    /// Line or unit.
    pub level: Level,
    /// The nodes above and below, for navigation.
    pub around: Around,
    /// The site's IANA time zone.
    pub time_zone: String,
    /// Minutes that the site's clocks are ahead of UTC at the period's begin.
    pub utc_offset_minutes: i32,
    /// The period.
    pub period: Period,
    /// By which definition the figures are made.
    pub profile: Profile,
    /// Of the definition.
    pub profile_version: u32,
    /// The present; only when the period holds it.
    pub now: Option<TileNow>,
    /// Figures of the period.
    pub figures: Figures,
    /// The same of comparable periods before.
    pub compared: Vec<Compared>,
    /// What was reported first, where it was something else.
    pub restated: Vec<Restatement>,
    /// Hour by hour; for periods longer than two days by production day.
    pub rows: Vec<BoardRow>,
    /// Whether `rows` are hours or days.
    pub rows_by: RowsBy,
    /// What the line's units did.
    pub lanes: Vec<Lane>,
    /// Where the planned time went, in order of the waterfall: from planned to good.
    pub losses: Vec<LossStep>,
    /// Reasons by time lost, most first.
    pub reasons: Vec<ReasonRow>,
    /// Stops, newest first; at most 200.
    pub stops: Vec<Stop>,
    /// How many stops the period has.
    pub stops_total: u64,
    /// The last shifts up to this period, oldest first.
    pub trend: Vec<TrendPoint>,
    /// What people wrote to hours and shifts of the period, and what the period before handed over.
    pub notes: Vec<Note>,
    /// Code of the plant's currency, such as `EUR`.
    pub currency: String,
    /// The server's clock when this was made.
    pub at: Timestamp,
}

/// Where a line or unit stands.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Around {
    /// Names of the nodes above, outermost first, with the path of those that have a page.
    pub above: Vec<(String, Option<EquipmentPath>)>,
    /// The line's units (of a unit: of its line), in the order of the flow.
    pub units: Vec<(String, EquipmentPath)>,
    /// The unit whose facts are the line's.
    pub key_unit: Option<EquipmentPath>,
}

/// A stretch of time with the steps to its neighbours.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Period {
    /// Begin.
    pub from: Timestamp,
    /// End (exclusive). Of a running period its planned end; figures reach to the answer's `at`.
    pub to: Timestamp,
    /// The shift that it is exactly.
    pub shift: Option<ShiftView>,
    /// Production day on which it begins, site's calendar (`2026-11-24`).
    pub day: String,
    /// The period before: of a shift the shift before, else as long as this one.
    pub previous: (Timestamp, Timestamp),
    /// The period after, unless it has not begun.
    pub next: Option<(Timestamp, Timestamp)>,
}

/// Figures by one profile, with the elements that they are made of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Figures {
    /// OEE and its factors.
    pub factors: Factors,
    /// Known time / PBT.
    pub coverage: Option<f64>,
    /// What OEE should be.
    pub target_oee: Option<f64>,
    /// Good pieces that the known planned time should have given at target OEE.
    pub target_pieces: Option<f64>,
    /// NEE.
    pub nee: Option<f64>,
    /// TEEP.
    pub teep: Option<f64>,
    /// Cost of all losses of the period, in hundredths of the plant's currency; `None` without a rate.
    pub lost_cents: Option<i64>,
    /// The ideal cycle is too long for what was made.
    pub ideal_cycle_suspect: bool,
    /// Sums.
    pub elements: Elements,
    /// Failures: mean times and how many they are made of.
    pub reliability: Reliability,
}

/// MTBF and MTTR of a period.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Reliability {
    /// FE: failures (stops with a reason of category breakdown) that began in the period.
    pub failures: u64,
    /// Mean operating time between failures, seconds; `None` without a failure.
    pub mtbf_seconds: Option<f64>,
    /// Mean time to restore, seconds, of failures that have ended.
    pub mttr_seconds: Option<f64>,
    /// How many failures `mttr_seconds` is made of.
    pub restored: u64,
    /// Operating time at the end that no failure has ended yet, seconds: it is in no mean.
    pub censored_seconds: f64,
}

/// A comparable period.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Compared {
    /// Such as `same shift yesterday`.
    pub label: String,
    /// Begin.
    pub from: Timestamp,
    /// End (exclusive).
    pub to: Timestamp,
    /// Its OEE and factors.
    pub factors: Factors,
    /// Its good pieces.
    pub good: f64,
    /// Its coverage.
    pub coverage: Option<f64>,
}

/// A figure that changed after it was reported.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Restatement {
    /// The shift whose figures changed.
    pub shift: ShiftView,
    /// When they were reported first.
    pub reported_at: Timestamp,
    /// As reported first.
    pub reported: Factors,
    /// As known now.
    pub now: Factors,
    /// What changed them, newest first: when, why, who.
    pub changes: Vec<RestatementCause>,
}

/// Why a figure changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RestatementCause {
    /// When it was made again.
    pub at: Timestamp,
    /// Such as `late samples`, `reason given`, `ideal cycle changed`.
    pub cause: String,
    /// The user's name, where a person did it.
    pub by: Option<String>,
}

/// What the rows of the board are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum RowsBy {
    /// Clock hours, cut at the period and at shifts.
    Hour,
    /// Production days.
    Day,
}

/// One row of the hour-by-hour board.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BoardRow {
    /// Begin.
    pub from: Timestamp,
    /// End (exclusive).
    pub to: Timestamp,
    /// Good pieces wanted: known planned time / PRI x target OEE; `None` without ideal cycle or target.
    pub target: Option<f64>,
    /// Good pieces made.
    pub good: f64,
    /// Scrapped pieces.
    pub scrap: f64,
    /// Good pieces less target, added up from the period's begin.
    pub total_gap: Option<f64>,
    /// Its OEE.
    pub oee: Option<f64>,
    /// Its coverage.
    pub coverage: Option<f64>,
    /// The largest losses: words and microseconds.
    pub happened: Vec<(String, i64)>,
    /// What a person wrote to it.
    pub comment: Option<Note>,
    /// Whether it goes on.
    pub running: bool,
}

/// The states of one unit over the period.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Lane {
    /// The unit.
    pub path: EquipmentPath,
    /// For people.
    pub name: String,
    /// Its facts are the line's.
    pub key_unit: bool,
    /// In order, without holes; short ones are made one with their neighbours when there are more than 600.
    pub segments: Vec<LaneSegment>,
}

/// One stretch of a lane.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LaneSegment {
    /// Begin.
    pub from: Timestamp,
    /// End (exclusive).
    pub to: Timestamp,
    /// As counted.
    pub state: UnitState,
    /// Reason, else the machine's own word.
    pub word: Option<String>,
}

/// One step of the waterfall.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LossStep {
    /// Which.
    pub kind: LossKind,
    /// For people.
    pub name: String,
    /// How much planned time it takes (of the first and last step: holds), microseconds.
    pub micros: i64,
    /// What that costs, hundredths of the plant's currency.
    pub cents: Option<i64>,
}

/// The steps of the waterfall.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum LossKind {
    /// The whole: planned busy time of which there is data.
    Planned,
    /// A loss of time.
    Category(LossCategory),
    /// A stop without a reason.
    Unexplained,
    /// Blocked or starved: the cause lies elsewhere in the line.
    External,
    /// Producing, slower than the ideal cycle; negative when faster.
    Speed,
    /// Time of scrapped pieces.
    Quality,
    /// What remains: good pieces at their ideal cycle.
    Good,
}

/// One bar of the Pareto.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ReasonRow {
    /// Code of the reason; `None`: no reason yet.
    pub reason: Option<String>,
    /// For people; of stops without a reason the machine's own word or state.
    pub name: String,
    /// As counted.
    pub state: UnitState,
    /// Which loss.
    pub category: Option<LossCategory>,
    /// Time lost, microseconds.
    pub micros: i64,
    /// How many stops.
    pub stops: u64,
    /// Cost, hundredths of the plant's currency.
    pub cents: Option<i64>,
}

/// One stop, as counted: a stretch of one state and reason in which the unit did not produce.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Stop {
    /// The unit.
    pub unit: EquipmentPath,
    /// Its name.
    pub unit_name: String,
    /// Begin.
    pub from: Timestamp,
    /// End (exclusive); of a stop that goes on the answer's `at`.
    pub to: Timestamp,
    /// Whether it goes on.
    pub running: bool,
    /// As counted.
    pub state: UnitState,
    /// The machine's own word.
    pub cause: Option<String>,
    /// Code of the reason.
    pub reason: Option<String>,
    /// Its name.
    pub reason_name: Option<String>,
    /// Which loss.
    pub category: Option<LossCategory>,
    /// A rule gave the reason.
    pub by_rule: bool,
    /// What people said of it, to be given back as `seen` with a new word.
    pub said: Vec<crate::reason::Said>,
    /// A short stop.
    pub minor: bool,
    /// Of a key unit that is blocked or starved: the unit and reason that caused it, or that nobody knows.
    pub caused_by: Option<CausedBy>,
}

/// Where a line's stop comes from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CausedBy {
    /// The unit; `None`: unknown.
    pub unit: Option<EquipmentPath>,
    /// For people: `Press 3, die sensor`, or `starved for unknown reason`.
    pub text: String,
}

/// A period of the trend.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TrendPoint {
    /// Begin.
    pub from: Timestamp,
    /// End (exclusive).
    pub to: Timestamp,
    /// Name of the shift.
    pub shift: String,
    /// Its team.
    pub team: Option<String>,
    /// OEE and factors.
    pub factors: Factors,
    /// Good pieces.
    pub good: f64,
    /// Known time / PBT.
    pub coverage: Option<f64>,
}

/// What a person wrote to a stretch of time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Note {
    /// Identity.
    pub id: i64,
    /// Of the line or unit, from when.
    pub from: Timestamp,
    /// To when (exclusive).
    pub to: Timestamp,
    /// The words.
    pub text: String,
    /// The user's name.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// `POST /api/v1/notes`: writes to an hour or a shift of a line or unit. An empty text takes the note back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct PutNote {
    /// Line or unit.
    pub at: EquipmentPath,
    /// Begin of the hour or shift.
    pub from: Timestamp,
    /// Its end.
    pub to: Timestamp,
    /// The words; at most 2,000 characters.
    pub text: String,
    /// The note that the caller saw there; `None`: there was none.
    #[serde(default)]
    pub seen: Option<i64>,
}

/// `GET /api/v1/compare/{path}?by&from&to&profile`: the figures of a node by unit, shift, team, product or order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Comparison {
    /// Where.
    pub path: EquipmentPath,
    /// For people.
    pub name: String,
    /// Minutes that the site's clocks are ahead of UTC at `from`.
    pub utc_offset_minutes: i32,
    /// By what.
    pub by: CompareBy,
    /// Begin.
    pub from: Timestamp,
    /// End (exclusive).
    pub to: Timestamp,
    /// Definition of the figures.
    pub profile: Profile,
    /// Of the definition.
    pub profile_version: u32,
    /// Lowest OEE first; those without a value last.
    pub rows: Vec<ComparisonRow>,
    /// The server's clock when this was made.
    pub at: Timestamp,
}

/// By what figures are compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum CompareBy {
    /// Units (of a site or area: the key units of its lines).
    #[default]
    Unit,
    /// Names of shifts.
    Shift,
    /// Teams.
    Team,
    /// Products.
    Product,
    /// Production orders.
    Order,
    /// Production days.
    Day,
}

/// One row of a comparison.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ComparisonRow {
    /// Code, path or name that identifies it.
    pub key: String,
    /// For people.
    pub name: String,
    /// OEE and factors.
    pub factors: Factors,
    /// Known time / PBT.
    pub coverage: Option<f64>,
    /// Sums.
    pub elements: Elements,
}

/// `GET /api/v1/derivation/{path}?figure&from&to&profile`: how a figure is made, down to what can be opened as samples.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Derivation {
    /// The unit whose facts it is made of (of a line its key unit).
    pub path: EquipmentPath,
    /// For people.
    pub name: String,
    /// Minutes that the site's clocks are ahead of UTC at `from`.
    pub utc_offset_minutes: i32,
    /// Begin.
    pub from: Timestamp,
    /// End (exclusive); at most the answer's `at`.
    pub to: Timestamp,
    /// Which figure: `oee`, `availability`, `performance`, `quality`, `coverage`, `nee`, `teep`, ….
    pub figure: String,
    /// Definition.
    pub profile: Profile,
    /// Of the definition.
    pub profile_version: u32,
    /// All figures: the one asked for is among them.
    pub formulas: Vec<Formula>,
    /// The elements, each with its share of planned time.
    pub elements: Elements,
    /// The states that fill the elements, in order; at most 1,000.
    pub intervals: Vec<DerivedInterval>,
    /// How many there are.
    pub intervals_total: u64,
    /// The counts, in order; at most 1,000.
    pub counts: Vec<DerivedCount>,
    /// How many there are.
    pub counts_total: u64,
    /// Stretches without data.
    pub gaps: Vec<Gap>,
    /// The signals it all comes from, to be opened on a plot.
    pub signals: Vec<DerivedSignal>,
    /// The server's clock when this was made.
    pub at: Timestamp,
}

/// One line of arithmetic.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Formula {
    /// Code, such as `availability`.
    pub figure: String,
    /// For people.
    pub name: String,
    /// By elements: `APT / known PBT`.
    pub formula: String,
    /// With the numbers in it: `373.0 min / 420.0 min`.
    pub numbers: String,
    /// What comes out; `None`: no value.
    pub value: Option<f64>,
    /// `%`, `s`, `1/h`.
    pub unit: String,
}

/// A state, and in which bucket it is counted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DerivedInterval {
    /// Begin.
    pub from: Timestamp,
    /// End (exclusive).
    pub to: Timestamp,
    /// As counted.
    pub state: UnitState,
    /// The machine's own word.
    pub cause: Option<String>,
    /// Name of the reason.
    pub reason: Option<String>,
    /// Its parts by bucket, microseconds.
    pub buckets: Vec<(Bucket, i64)>,
}

/// Pieces counted between two readings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DerivedCount {
    /// The reading before.
    pub from: Timestamp,
    /// The reading.
    pub to: Timestamp,
    /// Good pieces.
    pub good: f64,
    /// Scrapped pieces.
    pub scrap: f64,
    /// All pieces.
    pub total: f64,
    /// Made in or around a gap.
    pub after_gap: bool,
    /// Share of its time that is known; the pieces weigh so much in OEE.
    pub known_share: f64,
}

/// A stretch without trustworthy data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Gap {
    /// Begin.
    pub from: Timestamp,
    /// End (exclusive).
    pub to: Timestamp,
    /// Why: `NOT WATCHED`, `UNAVAILABLE`, ….
    pub cause: String,
    /// Samples that the collector had read and lost; `None`: not known how many.
    pub samples_lost: Option<u64>,
}

/// A signal that a figure is made of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DerivedSignal {
    /// Identity.
    pub id: SignalId,
    /// Short name within its unit.
    pub code: String,
    /// For people.
    pub name: String,
    /// What it means.
    pub role: SignalRole,
    /// Its samples in the period.
    pub samples: u64,
}
