//! The settings of a directory of files.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use super::cells::{Clock, Zone};
use crate::config::{Findings, Glob, Section, UnitConfig, read_units};

/// A directory.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// `directory`: where the files come. Relative to the settings file.
    pub directory: PathBuf,
    /// The same, as it is written.
    pub written: String,
    /// `pattern` (default `*.csv`): which of them.
    pub pattern: Glob,
    /// `done` (default `done` in the directory): where they go.
    pub done: PathBuf,
    /// `failed` (default `failed` in the directory): where those go that cannot be read, and what was set aside of others.
    pub failed: PathBuf,
    /// `settle` (default `2 s`): how long size and time of change must have stood still.
    pub settle: Duration,
    /// How a file is to be read.
    pub format: Format,
    /// `[[source.unit]]`: `device` is what stands in `unit_column`, or `*`. At least one.
    pub units: Vec<UnitConfig>,
}

/// How a file is to be read.
#[derive(Clone, Debug, PartialEq)]
pub struct Format {
    /// `delimiter` (default: guessed from the first line).
    pub delimiter: Option<u8>,
    /// `decimal` (default `.`): the decimal comma.
    pub decimal_comma: bool,
    /// `header` (default true): the first row names the columns. Without, they are named 1, 2, 3 …
    pub header: bool,
    /// `time_column`, `time_format` and `time_zone`.
    pub time_column: String,
    /// How times are written.
    pub clock: Clock,
    /// `unit_column` (optional): which machine a row is of.
    pub unit_column: Option<String>,
    /// `item_column` and `value_column` (optional, both): each row is one value of one item.
    pub long: Option<(String, String)>,
}

impl Settings {
    /// Keys of `[[source]]` besides the name and the protocol.
    pub const KEYS: &'static [&'static str] = &[
        "directory",
        "pattern",
        "done",
        "failed",
        "settle",
        "delimiter",
        "decimal",
        "header",
        "time_column",
        "time_format",
        "time_zone",
        "unit_column",
        "item_column",
        "value_column",
        "unit",
    ];

    /// From the settings file, which lies in `base`.
    pub(crate) fn read(findings: &mut Findings<'_>, section: &Section<'_>, base: &Path) -> Option<Self> {
        let written = section.required(findings, "directory").map(|(directory, _)| directory.to_owned());
        let directory = base.join(written.as_deref().unwrap_or_default());
        let below = |findings: &mut Findings<'_>, key: &str| match section.text(findings, key) {
            Some((path, _)) => base.join(path),
            None => directory.join(key),
        };
        let (done, failed) = (below(findings, "done"), below(findings, "failed"));
        for (key, place) in [("done", &done), ("failed", &failed)] {
            if *place == directory {
                findings.report(section.at_key(key), format!("`{key}` must be another directory than `directory`"));
            }
        }
        let pattern = Glob::new(section.text(findings, "pattern").map_or("*.csv", |(pattern, _)| pattern));
        let hour = Duration::from_secs(3_600);
        let settle = section.duration(findings, "settle", Duration::from_secs(2), (Duration::ZERO, hour));
        let delimiters = [(",", Some(b',')), (";", Some(b';')), ("tab", Some(b'\t')), ("|", Some(b'|'))];
        let delimiter = section.choice(findings, "delimiter", &delimiters, None);
        let decimal_comma = section.choice(findings, "decimal", &[(".", false), (",", true)], false);
        if decimal_comma && delimiter == Some(b',') {
            findings.report(section.at_key("decimal"), "`decimal` and `delimiter` cannot both be a comma".to_owned());
        }
        let header = section.flag(findings, "header", true);
        let time_column = section.required(findings, "time_column").map(|(column, _)| column.to_owned());
        let zone = section.parsed(findings, "time_zone", Zone::parse);
        let clock = match section.text(findings, "time_format") {
            None => Some(Clock::Rfc3339(zone)),
            Some((format, at)) => Clock::new(format, zone).map_err(|message| findings.report(at, message)).ok(),
        };
        let column =
            |findings: &mut Findings<'_>, key: &str| section.text(findings, key).map(|(text, _)| text.to_owned());
        let unit_column = column(findings, "unit_column");
        let long = match (column(findings, "item_column"), column(findings, "value_column")) {
            (Some(item), Some(value)) => Some((item, value)),
            (None, None) => None,
            _ => {
                findings
                    .report(section.at, "`item_column` and `value_column` belong together: one is missing".to_owned());
                None
            }
        };
        let units = read_units(findings, section);
        if unit_column.is_none() && units.iter().any(|unit| unit.device != "*") {
            let message = "without `unit_column` all rows are of one machine: write `device = \"*\"`";
            findings.report(section.at_key("unit"), message.to_owned());
        }
        let format =
            Format { delimiter, decimal_comma, header, time_column: time_column?, clock: clock?, unit_column, long };
        Some(Self { directory, written: written?, pattern, done, failed, settle, format, units })
    }

    /// What a signal's origin begins with when it comes from here.
    pub fn prefix(&self) -> String {
        format!("file_drop {} ", self.written)
    }
}
