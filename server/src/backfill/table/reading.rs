//! Files read by a mapping.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    path::PathBuf,
    sync::Arc,
};

use gemba_domain::{Timestamp, equipment::EquipmentPath};
use sha2::{Digest, Sha256};

use super::{
    BadLines, Place, UnitTable,
    mapping::{Form, Mapping, UnitColumn},
    records::{self, Record},
    rows, stops,
    times::TimeForm,
};
use crate::{backfill::error::BackfillError, nearest::nearest};

/// What the files say.
#[derive(Debug)]
pub(super) struct Table {
    pub units: Vec<UnitTable>,
    pub bad: BadLines,
    /// Names the mapping and the content of the files: 16 hexadecimal digits.
    pub fingerprint: String,
}

/// The columns of a file by name.
#[derive(Debug)]
pub(super) struct Head(HashMap<String, usize>);

impl Head {
    fn new(cells: &[String], wanted: &[&str]) -> Result<Self, String> {
        let mut places: HashMap<String, usize> = HashMap::new();
        for (place, name) in cells.iter().enumerate() {
            let name = name.trim().to_owned();
            if let (Some(first), true) = (places.get(&name), wanted.contains(&name.as_str())) {
                return Err(format!("the head has `{name}` twice, in columns {} and {}", first + 1, place + 1));
            }
            places.entry(name).or_insert(place);
        }
        let Some(missing) = wanted.iter().find(|name| !places.contains_key(**name)) else { return Ok(Self(places)) };
        let near = nearest(missing, cells.iter().map(|cell| cell.trim()));
        let hint = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
        Err(format!("there is no column `{missing}`{hint} The head has: {}", cells.join(", ")))
    }

    /// The cell of this column.
    pub fn cell<'a>(&self, row: &'a [String], column: &str) -> &'a str {
        self.0.get(column).and_then(|place| row.get(*place)).map(String::as_str).unwrap_or_default()
    }

    /// The time in these columns, later than `before` where clocks were put back.
    pub fn time(&self, row: &[String], form: &TimeForm, before: Option<Timestamp>) -> Result<Timestamp, String> {
        let text: Vec<&str> = form.columns.iter().map(|column| self.cell(row, column).trim()).collect();
        Ok(form.read(&text.join(" "))?.after(before))
    }
}

/// Words that were met, each held once.
#[derive(Debug, Default)]
pub(super) struct Lexicon(HashSet<Arc<str>>);

impl Lexicon {
    pub fn word(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.0.get(text) {
            return known.clone();
        }
        let new: Arc<str> = text.into();
        self.0.insert(new.clone());
        new
    }
}

/// Reads all files. `text` is the mapping's own.
pub(super) fn read(
    mapping: &Mapping,
    text: &str,
    files: &[PathBuf],
    progress: &dyn Fn(u64),
) -> Result<Table, BackfillError> {
    let mut digest = Sha256::new_with_prefix(text.as_bytes());
    let wanted = mapping.columns();
    let mut bad = BadLines::default();
    let mut words = Lexicon::default();
    let mut rows: BTreeMap<EquipmentPath, Vec<rows::Row>> = BTreeMap::new();
    let mut stops: BTreeMap<EquipmentPath, Vec<stops::Stop>> = BTreeMap::new();
    let mut read = 0_u64;
    for (file, path) in files.iter().enumerate() {
        let mut head = None;
        let each = |line: u64, record: Record| {
            let cells = match (record, &head) {
                (Record::Bad(reason), Some(_)) => {
                    bad.add(path, line, reason);
                    return Ok(());
                }
                (Record::Bad(reason), None) => return Err(BackfillError::Head { path: path.clone(), line, reason }),
                (Record::Cells(cells), None) => {
                    let found = Head::new(&cells, &wanted);
                    head = Some(found.map_err(|reason| BackfillError::Head { path: path.clone(), line, reason })?);
                    return Ok(());
                }
                (Record::Cells(cells), Some(_)) => cells,
            };
            let Some(head) = &head else { return Ok(()) };
            let place = Place { file: u32::try_from(file).unwrap_or(u32::MAX), line };
            let outcome = unit_of(mapping, head, &cells).and_then(|unit| {
                match &mapping.form {
                    Form::Rows { time, columns, .. } => {
                        let of = rows.entry(unit).or_default();
                        let time = head.time(&cells, time, of.last().map(|row| row.time))?;
                        of.push(rows::Row::read(mapping, columns, head, &cells, (time, place), &mut words)?);
                    }
                    Form::Stops(list) => {
                        let of = stops.entry(unit).or_default();
                        let before = of.last().map(|stop| stop.interval.to);
                        of.push(stops::Stop::read(list, head, &cells, (before, place), &mut words)?);
                    }
                }
                Ok(())
            });
            if let Err(reason) = outcome {
                bad.add(path, line, reason);
            }
            read += 1;
            if read.is_multiple_of(10_000) {
                progress(read);
            }
            Ok(())
        };
        records::read(path, mapping.separator, |bytes| digest.update(bytes), each)?;
        if head.is_none() {
            return Err(BackfillError::Head { path: path.clone(), line: 1, reason: "the file is empty".to_owned() });
        }
    }
    let mut units = Vec::new();
    match &mapping.form {
        Form::Rows { row_micros, stamp, columns, .. } => {
            for (unit, rows) in rows {
                units.extend(rows::table(unit, rows, columns, (*row_micros, *stamp), files, &mut bad));
            }
        }
        Form::Stops(list) => {
            for (unit, stops) in stops {
                units.extend(stops::table(unit, stops, list, files, &mut bad));
            }
        }
    }
    let fingerprint = digest.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    Ok(Table { units, bad, fingerprint })
}

fn unit_of(mapping: &Mapping, head: &Head, cells: &[String]) -> Result<EquipmentPath, String> {
    match &mapping.unit {
        UnitColumn::One(path) => Ok(path.clone()),
        UnitColumn::Named { column, paths } => {
            let word = head.cell(cells, column);
            let unknown = || {
                format!("{column} is `{}`, which the mapping names no unit for; it has {}", word.trim(), paths.known())
            };
            paths.get(word).cloned().ok_or_else(unknown)
        }
    }
}
