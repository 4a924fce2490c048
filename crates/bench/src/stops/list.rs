//! The list itself, read without any of the product's code.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use chrono::{NaiveDateTime, NaiveTime};

/// One stop, microseconds since 1970.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Stop {
    pub from: i64,
    pub to: i64,
    pub minor: bool,
    pub reason: Option<String>,
}

impl Stop {
    pub fn micros(&self) -> i64 {
        self.to - self.from
    }
}

/// A list of stops.
#[derive(Debug)]
pub(super) struct List {
    pub file: PathBuf,
    /// By begin, apart from each other.
    pub stops: Vec<Stop>,
    /// How many begin while another one lasts: they are not among the stops.
    pub overlapping: usize,
    pub has_reasons: bool,
    /// The sum of the lengths that the list itself tells, where it does.
    pub told_micros: Option<i64>,
}

const COLUMNS: [&str; 3] = ["date", "downtime_start_time", "downtime_end_time"];

impl List {
    /// The first file of a folder that has the columns.
    pub fn find(folder: &Path) -> Result<Self> {
        let entries = fs::read_dir(folder).with_context(|| format!("{} cannot be read", folder.display()))?;
        let mut files: Vec<PathBuf> = entries.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
        files.retain(|path| path.extension().is_some_and(|extension| extension == "csv"));
        files.sort();
        for file in files {
            let text = fs::read_to_string(&file).with_context(|| format!("{} cannot be read", file.display()))?;
            let head: Vec<&str> = text.lines().next().unwrap_or_default().trim_end().split(',').collect();
            if COLUMNS.iter().all(|column| head.contains(column)) {
                return Self::read(file, &head, &text);
            }
        }
        bail!("{} has no .csv with the columns {}", folder.display(), COLUMNS.join(", "))
    }

    fn read(file: PathBuf, head: &[&str], text: &str) -> Result<Self> {
        let place = |column: &str| head.iter().position(|it| *it == column);
        let (reason, told) = (place("reason"), place("downtime_time"));
        let mut all: Vec<(Stop, Option<i64>)> = Vec::new();
        for line in text.lines().skip(1) {
            let cells: Vec<&str> = line.trim_end().split(',').collect();
            let cell = |at: Option<usize>| at.and_then(|at| cells.get(at)).copied().with_context(|| line.to_owned());
            let moment = |column: &str| -> Result<i64> {
                let text = format!("{} {}", cell(place("date"))?, cell(place(column))?);
                Ok(NaiveDateTime::parse_from_str(&text, "%Y-%m-%d %H:%M:%S%.f")?.and_utc().timestamp_micros())
            };
            let reason = reason.and_then(|at| cells.get(at)).filter(|text| !text.is_empty()).map(|it| (*it).to_owned());
            let (from, to) = (moment(COLUMNS[1])?, moment(COLUMNS[2])?);
            let length = match told {
                None => None,
                Some(_) => NaiveTime::parse_from_str(cell(told)?, "%H:%M:%S%.f")?
                    .signed_duration_since(NaiveTime::MIN)
                    .num_microseconds(),
            };
            all.push((Stop { from, to, minor: false, reason }, length));
        }
        all.sort_by_key(|(stop, _)| stop.from);
        let rows = all.len();
        let mut end = i64::MIN;
        all.retain(|(stop, _)| {
            let apart = stop.from >= end;
            end = if apart { stop.to } else { end };
            apart
        });
        let told_micros = told.and_then(|_| all.iter().map(|(_, length)| *length).sum());
        let overlapping = rows - all.len();
        let stops = all.into_iter().map(|(stop, _)| stop).collect();
        Ok(Self { file, stops, overlapping, has_reasons: reason.is_some(), told_micros })
    }
}

/// The time between the first stop and the last one of each day in which nothing stood, microseconds.
pub(super) fn between(stops: &[Stop]) -> i64 {
    let mut days: BTreeMap<i64, (i64, i64, i64)> = BTreeMap::new();
    for stop in stops {
        let day = days.entry(stop.from.div_euclid(86_400_000_000)).or_insert((stop.from, stop.to, 0));
        *day = (day.0.min(stop.from), day.1.max(stop.to), day.2 + stop.micros());
    }
    days.values().map(|(first, last, stopped)| last - first - stopped).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_read_and_summed_up() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let text = "date,downtime_start_time,downtime_end_time,downtime_time,reason\n\
                    2022-07-22,11:00:10.000500,11:01:00.000500,00:00:50,\n2022-07-22,11:00:00,11:00:05.5,00:00:05.5,jam\n\
                    2022-07-22,11:00:05,11:00:06,00:00:01,\n";
        std::fs::write(folder.path().join("a.csv"), "a,b\n")?;
        std::fs::write(folder.path().join("b.csv"), text)?;
        let list = List::find(folder.path())?;
        assert_eq!(list.stops.iter().map(Stop::micros).collect::<Vec<_>>(), [5_500_000, 50_000_000]);
        assert_eq!((list.told_micros, list.has_reasons, list.overlapping), (Some(55_500_000), true, 1));
        assert_eq!(between(&list.stops), 4_500_500);
        assert!(List::find(&folder.path().join("nothing")).is_err());
        Ok(())
    }
}
