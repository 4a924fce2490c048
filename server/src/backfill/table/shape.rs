//! The shape of a mapping file, read with the position of what an error may have to name.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

use super::mapping::End;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    pub separator: Option<Spanned<String>>,
    pub decimal: Option<Spanned<String>>,
    pub row_seconds: Option<Spanned<f64>>,
    pub stamp: Option<Spanned<End>>,
    pub unit: UnitEntry,
    pub time: Option<Spanned<TimeEntry>>,
    #[serde(default, rename = "column")]
    pub columns: Vec<Spanned<ColumnEntry>>,
    pub stops: Option<Spanned<StopsEntry>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct UnitEntry {
    pub path: Option<Spanned<String>>,
    pub column: Option<Spanned<String>>,
    #[serde(default)]
    pub values: BTreeMap<String, Spanned<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TimeEntry {
    pub column: OneOrMore,
    pub format: Option<Spanned<String>>,
    pub zone: Option<Spanned<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum OneOrMore {
    One(String),
    More(Vec<String>),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ColumnEntry {
    pub column: String,
    pub signal: Spanned<String>,
    pub kind: Spanned<String>,
    pub role: Option<Spanned<String>>,
    pub uom: Option<String>,
    #[serde(default, rename = "as")]
    pub taken_as: TakenAs,
    pub at: Option<Spanned<End>>,
    pub scale: Option<Spanned<f64>>,
    pub values: Option<BTreeMap<String, String>>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum TakenAs {
    #[default]
    Value,
    Increment,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StopsEntry {
    pub begin: TimeEntry,
    pub end: TimeEntry,
    pub reason: Option<ReasonEntry>,
    pub comment: Option<String>,
    pub between: Spanned<Between>,
    pub windows: Option<Vec<WindowEntry>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReasonEntry {
    pub column: String,
    pub values: Option<BTreeMap<String, String>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Between {
    Producing,
    Unknown,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WindowEntry {
    pub from: Spanned<String>,
    pub to: Spanned<String>,
}
