//! Tables (CSV) become history: rows that each describe a stretch of time, or lists of stops.
//!
//! A mapping says what the columns are ([`mapping`]); records are cut out of the files ([`records`]), read by the mapping
//! ([`reading`]), and made into samples with the stretches that they describe ([`rows`], [`stops`]). What no row describes is
//! not covered: unknown time. Each unit's samples go through ingest in frames of their own ([`load`]), in order of time, so that
//! an import that was broken off has covered what it stored and no more.

mod load;
mod mapping;
mod reading;
mod records;
mod rows;
mod shape;
mod stops;
mod times;

use std::path::PathBuf;

use gemba_domain::{
    Interval, Timestamp,
    equipment::EquipmentPath,
    signal::{SignalKind, SignalRole, Value},
};

pub use load::{Params, Summary, UnitSummary, run};
pub use mapping::Mapping;

use super::survey::BadLine;

/// A signal that the mapping speaks of.
#[derive(Clone, Debug, PartialEq, Eq)]
struct SignalWanted {
    code: String,
    kind: SignalKind,
    role: Option<SignalRole>,
    uom: Option<String>,
}

/// A value at a moment; which signal by its position in the mapping.
#[derive(Clone, Debug, PartialEq)]
struct Reading {
    time: Timestamp,
    signal: u32,
    value: Value,
}

/// What a table says of one unit.
#[derive(Clone, Debug, PartialEq)]
struct UnitTable {
    unit: EquipmentPath,
    /// By time; of two of one signal at one moment the later stands.
    readings: Vec<Reading>,
    /// What the rows describe: in order, apart from each other.
    covered: Vec<Interval>,
    /// Rows, or stops.
    rows: u64,
}

/// Lines that were left out.
#[derive(Clone, Debug, Default)]
struct BadLines {
    count: u64,
    first: Vec<BadLine>,
}

impl BadLines {
    const SHOWN: usize = 10;

    fn add(&mut self, path: &std::path::Path, line: u64, reason: String) {
        self.count += 1;
        if self.first.len() < Self::SHOWN {
            self.first.push(BadLine { path: path.to_owned(), line, reason });
        }
    }
}

/// Where a row stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    /// Position in the files.
    file: u32,
    line: u64,
}

impl Place {
    fn path(self, files: &[PathBuf]) -> PathBuf {
        files.get(self.file as usize).cloned().unwrap_or_default()
    }

    fn text(self, files: &[PathBuf]) -> String {
        format!("{}:{}", self.path(files).display(), self.line)
    }
}

/// Merges stretches that touch or overlap; they come in any order.
fn merged(mut stretches: Vec<Interval>) -> Vec<Interval> {
    stretches.retain(|stretch| !stretch.is_empty());
    stretches.sort_unstable();
    let mut out: Vec<Interval> = Vec::new();
    for stretch in stretches {
        match out.last_mut() {
            Some(last) if stretch.from <= last.to => last.to = last.to.max(stretch.to),
            _ => out.push(stretch),
        }
    }
    out
}

#[cfg(test)]
mod tests;
