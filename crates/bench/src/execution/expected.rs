//! What was computed elsewhere from the same recordings: seconds per UTC day and execution state.

use std::{
    collections::BTreeMap,
    fs::File,
    io::Read,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use chrono::NaiveDate;
use flate2::read::MultiGzDecoder;

const PREFIX: &str = "expected_daily_execution_seconds_";
const ABSENT: &str = "source_day_file_absent";

/// A machine with its recording and what is expected of it.
#[derive(Debug)]
pub(super) struct Recording {
    pub machine: String,
    pub events: PathBuf,
    pub days: Vec<ExpectedDay>,
}

/// One UTC day.
#[derive(Debug, PartialEq)]
pub(super) struct ExpectedDay {
    pub date: NaiveDate,
    /// Seconds by execution state.
    pub seconds: BTreeMap<String, f64>,
    /// The day's own file is missing: its states are those left over from the days around it.
    pub absent: bool,
}

/// Every machine of which both files are there, by name.
pub(super) fn find(directory: &Path) -> Result<Vec<Recording>> {
    let entries = directory.read_dir().with_context(|| format!("{} cannot be read", directory.display()))?;
    let mut found = Vec::new();
    for entry in entries {
        let name = entry?.file_name().to_string_lossy().into_owned();
        let Some(machine) = name.strip_prefix(PREFIX).and_then(|rest| rest.strip_suffix(".csv.gz")) else { continue };
        let events = directory.join(format!("{machine}_state_events.csv.gz"));
        if events.is_file() {
            let table = directory.join(&name);
            let days = days(&gunzip(&table)?).with_context(|| table.display().to_string())?;
            found.push(Recording { machine: machine.to_owned(), events, days });
        }
    }
    found.sort_by(|a, b| a.machine.cmp(&b.machine));
    if found.is_empty() {
        bail!("{} has no {PREFIX}MACHINE.csv.gz with its MACHINE_state_events.csv.gz", directory.display());
    }
    Ok(found)
}

/// A gzip file as text.
pub(crate) fn gunzip(path: &Path) -> Result<String> {
    let mut text = String::new();
    let file = File::open(path).with_context(|| format!("{} cannot be read", path.display()))?;
    MultiGzDecoder::new(file).read_to_string(&mut text).with_context(|| path.display().to_string())?;
    Ok(text)
}

fn days(text: &str) -> Result<Vec<ExpectedDay>> {
    let mut lines = text.lines();
    let head: Vec<&str> = lines.next().context("no head")?.split(',').collect();
    let [date, states @ .., absent] = head.as_slice() else { bail!("no columns") };
    if (*date, *absent) != ("date_utc", ABSENT) {
        bail!("the columns are not date_utc, one for each state, {ABSENT}");
    }
    let day = |line: &str| {
        let cells: Vec<&str> = line.split(',').collect();
        let [date, seconds @ .., absent] = cells.as_slice() else { bail!("no cells: {line}") };
        if seconds.len() != states.len() {
            bail!("{} states, {} figures: {line}", states.len(), seconds.len());
        }
        let figure = |(state, seconds): (&&str, &&str)| Ok(((*state).to_owned(), seconds.parse()?));
        Ok(ExpectedDay {
            date: date.parse()?,
            seconds: states.iter().zip(seconds).map(figure).collect::<Result<_>>()?,
            absent: *absent == "1",
        })
    };
    lines.map(day).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_read_by_its_head() -> Result<()> {
        let text = "date_utc,ACTIVE,READY,source_day_file_absent\n2016-05-02,1.5,2,0\n2016-05-03,0.0,86400.0,1\n";
        let days = days(text)?;
        assert_eq!(days.len(), 2);
        assert_eq!(days[0].seconds, BTreeMap::from([("ACTIVE".to_owned(), 1.5), ("READY".to_owned(), 2.0)]));
        assert!(!days[0].absent && days[1].absent);
        assert!(super::days("date,ACTIVE\n").is_err());
        assert!(super::days("date_utc,ACTIVE,source_day_file_absent\n2016-05-02,1\n").is_err());
        Ok(())
    }
}
