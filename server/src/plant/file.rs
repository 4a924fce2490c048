//! The plant file (TOML): its shape, read with the position of every value so that an error can name its line.

use serde::Deserialize;
use toml::Spanned;

use super::check::{Defect, check};

/// A plant as the file says it, checked: every code valid and unique among its siblings, every reference resolved.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlantFile {
    pub enterprise: EnterpriseEntry,
    #[serde(default, rename = "site")]
    pub sites: Vec<SiteEntry>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnterpriseEntry {
    pub code: Spanned<String>,
    pub name: String,
    /// Three capital letters (ISO 4217).
    pub currency: Option<Spanned<String>>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SiteEntry {
    pub code: Spanned<String>,
    pub name: String,
    /// IANA name.
    pub time_zone: Spanned<String>,
    #[serde(default, rename = "shift")]
    pub shifts: Vec<ShiftEntry>,
    #[serde(default, rename = "rotation")]
    pub rotations: Vec<RotationEntry>,
    #[serde(default, rename = "team")]
    pub teams: Vec<TeamEntry>,
    #[serde(default, rename = "closure")]
    pub closures: Vec<ClosureEntry>,
    #[serde(default, rename = "area")]
    pub areas: Vec<AreaEntry>,
}

/// Local time of the site; `end` at or before `start` runs over midnight.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShiftEntry {
    pub name: Spanned<String>,
    pub start: Spanned<String>,
    pub end: Spanned<String>,
    /// `mon` to `sun`; every day when left out.
    pub days: Option<Vec<Spanned<String>>>,
    /// `HH:MM-HH:MM`.
    #[serde(default)]
    pub breaks: Vec<Spanned<String>>,
}

/// A sequence of segments that repeats.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RotationEntry {
    pub name: Spanned<String>,
    pub segments: Vec<SegmentEntry>,
}

/// Days on one shift, then days off.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SegmentEntry {
    /// Name of the shift.
    pub shift: Spanned<String>,
    pub days_on: u16,
    #[serde(default)]
    pub days_off: u16,
}

/// People who work a rotation together.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TeamEntry {
    pub name: Spanned<String>,
    /// Name of the rotation.
    pub rotation: Spanned<String>,
    /// `YYYY-MM-DD`, the first day of the rotation.
    pub start: Spanned<String>,
}

/// Time taken out of a site's shifts, in its local time.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClosureEntry {
    pub name: Spanned<String>,
    /// `YYYY-MM-DD` or `YYYY-MM-DD HH:MM`.
    pub from: Spanned<String>,
    /// Likewise; not included.
    pub to: Spanned<String>,
    /// `holiday` or `planned_downtime`.
    pub kind: Spanned<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AreaEntry {
    pub code: Spanned<String>,
    pub name: String,
    #[serde(default, rename = "line")]
    pub lines: Vec<LineEntry>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LineEntry {
    pub code: Spanned<String>,
    pub name: String,
    /// The unit whose facts are the line's: its constraint. The last unit when left out.
    pub key_unit: Option<Spanned<String>>,
    /// 0 to 1.
    pub target_oee: Option<Spanned<f64>>,
    /// What an hour of standing costs, in the enterprise's currency.
    pub cost_per_hour: Option<Spanned<f64>>,
    #[serde(default, rename = "unit")]
    pub units: Vec<UnitEntry>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnitEntry {
    pub code: Spanned<String>,
    pub name: String,
    /// PRI: seconds per piece when nothing is lost.
    pub ideal_cycle_seconds: Option<Spanned<f64>>,
    /// Where the part counters roll over to 0.
    pub counter_maximum: Option<Spanned<f64>>,
    /// What an hour of standing costs, in the enterprise's currency; the line's when left out.
    pub cost_per_hour: Option<Spanned<f64>>,
    /// Codes of the units of this line that take this unit's pieces.
    #[serde(default)]
    pub feeds: Vec<Spanned<String>>,
    /// Let a collector create signals here that this file does not name.
    #[serde(default)]
    pub accept_new_signals: bool,
    #[serde(default, rename = "signal")]
    pub signals: Vec<SignalEntry>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignalEntry {
    pub code: Spanned<String>,
    /// The code when left out.
    pub name: Option<String>,
    pub kind: Spanned<String>,
    pub role: Option<Spanned<String>>,
    /// Unit of measure.
    pub uom: Option<Spanned<String>>,
}

/// Reads and checks a plant file's text. On failure: everything that is wrong, in the order of the file.
pub fn read(text: &str) -> Result<PlantFile, Vec<Defect>> {
    let file: PlantFile = toml::from_str(text).map_err(|error| vec![Defect::of_toml(text, &error)])?;
    let defects = check(text, &file);
    if defects.is_empty() { Ok(file) } else { Err(defects) }
}
