//! The table itself, read without any of the product's code: what must come out follows from it second by second.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail, ensure};
use chrono::{DateTime, Timelike, Utc};

use crate::execution::gunzip;

/// What a row describes, seconds.
pub(super) const ROW_SECONDS: i64 = 300;

/// One row of a machine.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Row {
    /// Seconds since 1970.
    pub time: i64,
    pub items: f64,
    pub status: u8,
    pub product: String,
    /// The row's own `cycle_time`.
    pub cycle_time: f64,
}

/// The file in a folder that has the columns of the form.
pub(super) fn find(folder: &Path) -> Result<PathBuf> {
    let entries = fs::read_dir(folder).with_context(|| format!("{} cannot be read", folder.display()))?;
    let mut files: Vec<PathBuf> = entries.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    files.retain(|path| path.to_string_lossy().ends_with(".csv.gz"));
    files.sort();
    for file in files {
        let text = gunzip(&file)?;
        let head: Vec<&str> = text.lines().next().unwrap_or_default().split(',').collect();
        if COLUMNS.iter().all(|column| head.contains(column)) {
            return Ok(file);
        }
    }
    bail!("{} has no .csv.gz with the columns {}", folder.display(), COLUMNS.join(", "))
}

const COLUMNS: [&str; 6] = ["ts", "asset", "items", "status", "cycle_time", "product"];

/// The rows by machine, in order of time.
pub(super) fn read(text: &str) -> Result<BTreeMap<String, Vec<Row>>> {
    let mut lines = text.lines();
    let head: Vec<&str> = lines.next().context("no head")?.split(',').collect();
    let place = |column: &str| head.iter().position(|it| *it == column).with_context(|| format!("no column {column}"));
    let [ts, asset, items, status, cycle_time, product] = COLUMNS;
    let places = [place(ts)?, place(asset)?, place(items)?, place(status)?, place(cycle_time)?, place(product)?];
    let mut machines: BTreeMap<String, Vec<Row>> = BTreeMap::new();
    for line in lines {
        let cells: Vec<&str> = line.split(',').collect();
        ensure!(cells.len() == head.len(), "{line}");
        let [ts, asset, items, status, cycle_time, product] = places.map(|place| cells[place]);
        let time: DateTime<Utc> = DateTime::parse_from_str(ts, "%Y-%m-%d %H:%M:%S%z")?.into();
        ensure!(time.nanosecond() == 0, "not a whole second: {ts}");
        machines.entry(asset.to_owned()).or_default().push(Row {
            time: time.timestamp(),
            items: items.parse()?,
            status: status.parse::<f64>()? as u8,
            product: product.to_owned(),
            cycle_time: cycle_time.parse()?,
        });
    }
    for rows in machines.values_mut() {
        rows.sort_by_key(|row| row.time);
        ensure!(rows.windows(2).all(|pair| pair[0].time < pair[1].time), "two rows of a machine have one time");
    }
    Ok(machines)
}

/// The hours that the rows touch, in seconds since 1970.
pub(super) fn hours(rows: &[Row]) -> (i64, i64) {
    let (Some(first), Some(last)) = (rows.first(), rows.last()) else { return (0, 0) };
    ((first.time - ROW_SECONDS).div_euclid(3600) * 3600, last.time.div_euclid(3600) * 3600 + 3600)
}

/// Rows with more pieces than three times the shortest ideal cycle allows in the time since the row before, and one more. The
/// product sets such counts aside.
pub(super) fn impossible(rows: &[Row], shortest_cycle: Option<f64>) -> Vec<bool> {
    let Some(cycle) = shortest_cycle else { return vec![false; rows.len()] };
    let mut aside = vec![false; rows.len()];
    let mut before: Option<i64> = None;
    for (row, aside) in rows.iter().zip(&mut aside) {
        let elapsed = row.time - before.unwrap_or(row.time - ROW_SECONDS);
        *aside = row.items > 3.0 * elapsed as f64 / cycle + 1.0;
        before = Some(row.time);
    }
    aside
}

/// The status second by second, from the hour of the first row's begin to the end of that of the last row; `None` where no row
/// describes it. A row's status holds from its time on; what was the case before a row that follows a hole, nobody wrote down.
pub(super) fn by_second(rows: &[Row]) -> (i64, Vec<Option<u8>>) {
    let (begin, end) = hours(rows);
    let mut seconds = vec![None; usize::try_from(end - begin).unwrap_or_default()];
    for pair in rows.windows(2) {
        let (before, row) = (&pair[0], &pair[1]);
        if row.time - before.time <= ROW_SECONDS {
            for second in before.time..row.time {
                if let Some(slot) = usize::try_from(second - begin).ok().and_then(|index| seconds.get_mut(index)) {
                    *slot = Some(before.status);
                }
            }
        }
    }
    (begin, seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_read_and_holes_stay_unknown() -> Result<()> {
        let text = "ts,asset,items,status,cycle_time,product\n2022-08-31 22:05:00+00:00,0,4.0,2.0,43.0,7\n\
                    2022-08-31 22:00:00+00:00,0,1.0,1.0,0.5,7\n2022-08-31 22:20:00+00:00,0,1.0,2.0,0.5,7\n";
        let machines = read(text)?;
        let (begin, seconds) = by_second(&machines["0"]);
        assert_eq!((begin, seconds.len()), (1_661_979_600, 7200));
        assert_eq!(seconds.iter().filter(|it| **it == Some(1)).count(), 300);
        assert_eq!(seconds.iter().flatten().count(), 300);
        assert!(read("ts,asset\n").is_err());
        Ok(())
    }
}
