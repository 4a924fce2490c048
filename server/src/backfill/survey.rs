//! The first pass over the files: what is in them.

use std::{
    collections::{BTreeSet, HashMap},
    fmt,
    path::PathBuf,
};

use gemba_domain::{Interval, Timestamp};
use sha2::{Digest, Sha256};

use super::{
    error::BackfillError,
    lines::{self, Line},
    log,
};

/// So many bad lines are shown.
const SHOWN: usize = 10;

/// A line that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadLine {
    /// The file.
    pub path: PathBuf,
    /// Counted from 1.
    pub line: u64,
    /// What is wrong with it.
    pub reason: String,
}

impl fmt::Display for BadLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path.display(), self.line, self.reason)
    }
}

/// What was seen of one item.
#[derive(Clone, Debug, Default)]
pub(super) struct ItemSurvey {
    pub events: u64,
    pub numbers: u64,
    pub conditions: u64,
    /// Values that are neither numbers nor conditions nor unavailable.
    pub words: u64,
    /// Different words, up to [`Self::MANY`].
    pub distinct: BTreeSet<String>,
}

impl ItemSurvey {
    /// So many different words are no set of states any more.
    pub const MANY: usize = 33;

    fn see(&mut self, value: &str) {
        self.events += 1;
        if log::is_condition(value) {
            self.conditions += 1;
        } else if log::is_unavailable(value) {
        } else if value.trim().parse::<f64>().is_ok_and(f64::is_finite) {
            self.numbers += 1;
        } else {
            self.words += 1;
            if self.distinct.len() < Self::MANY && !self.distinct.contains(value) {
                self.distinct.insert(value.to_owned());
            }
        }
    }
}

/// What the files hold.
#[derive(Debug)]
pub(super) struct Survey {
    /// In order of first sight.
    pub items: Vec<(String, ItemSurvey)>,
    pub events: u64,
    /// From the first event to the last.
    pub covered: Interval,
    pub bad: u64,
    /// The first of the bad ones.
    pub bad_lines: Vec<BadLine>,
    /// Names the content of the files: 16 hexadecimal digits.
    pub fingerprint: String,
}

/// Reads all files once.
pub(super) fn survey(files: &[PathBuf], progress: &dyn Fn(u64)) -> Result<Survey, BackfillError> {
    let mut digest = Sha256::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut items: Vec<(String, ItemSurvey)> = Vec::new();
    let (mut events, mut bad, mut bad_lines) = (0_u64, 0_u64, Vec::new());
    let (mut first, mut last) = (None::<Timestamp>, None::<Timestamp>);
    for path in files {
        lines::read(path, |bytes, line, content| {
            digest.update(bytes);
            match content {
                Line::Bad(reason) => {
                    bad += 1;
                    if bad_lines.len() < SHOWN {
                        bad_lines.push(BadLine { path: path.clone(), line, reason });
                    }
                }
                Line::Events(found) => {
                    first = Some(first.map_or(found.time, |t| t.min(found.time)));
                    last = Some(last.map_or(found.time, |t| t.max(found.time)));
                    for (item, value) in &found.pairs {
                        events += 1;
                        let place = match places.get(*item) {
                            Some(place) => *place,
                            None => {
                                items.push(((*item).to_owned(), ItemSurvey::default()));
                                places.insert((*item).to_owned(), items.len() - 1);
                                items.len() - 1
                            }
                        };
                        items[place].1.see(value);
                    }
                    if events.is_multiple_of(10_000) {
                        progress(events);
                    }
                }
            }
            Ok(())
        })?;
    }
    let (Some(first), Some(last)) = (first, last) else { return Err(BackfillError::Empty(bad_lines)) };
    let fingerprint = digest.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    let covered = Interval::new(first, last.plus_micros(1));
    Ok(Survey { items, events, covered, bad, bad_lines, fingerprint })
}
