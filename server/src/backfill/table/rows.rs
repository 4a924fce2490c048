//! Rows that each describe a stretch of time, made into samples.
//!
//! A row's stretch is `row_seconds` long, and shorter where the row before (or after) stands nearer. What no stretch holds is
//! not covered. What a row adds up is read as a running total in the last microsecond of its stretch, so that its pieces
//! belong to the hour, the shift and the product that the row describes.

use std::{path::PathBuf, sync::Arc};

use gemba_domain::{Interval, Timestamp, equipment::EquipmentPath, signal::Value};

use super::{
    BadLines, Place, Reading, UnitTable,
    mapping::{Column, End, Mapping},
    merged,
    reading::{Head, Lexicon},
};

/// A row of one unit.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub time: Timestamp,
    place: Place,
    /// By column of the mapping.
    cells: Vec<Cell>,
}

#[derive(Clone, Debug, PartialEq)]
enum Cell {
    Empty,
    Number(f64),
    Word(Arc<str>),
}

impl Row {
    /// Reads the cells of a row that speaks of this time.
    pub fn read(
        mapping: &Mapping,
        columns: &[Column],
        head: &Head,
        row: &[String],
        (time, place): (Timestamp, Place),
        words: &mut Lexicon,
    ) -> Result<Self, String> {
        let cell = |column: &Column| {
            let text = head.cell(row, &column.column).trim();
            if text.is_empty() {
                return Ok(Cell::Empty);
            }
            if column.numeric {
                return number(text, mapping.decimal_comma, column).map(Cell::Number);
            }
            match &column.words {
                None => Ok(Cell::Word(words.word(text))),
                Some(known) => match known.get(text) {
                    Some(word) => Ok(Cell::Word(words.word(word))),
                    None => Err(format!(
                        "{} is `{text}`, which has no meaning in the mapping; it has {}",
                        column.column,
                        known.known()
                    )),
                },
            }
        };
        Ok(Self { time, place, cells: columns.iter().map(cell).collect::<Result<_, _>>()? })
    }
}

fn number(text: &str, decimal_comma: bool, column: &Column) -> Result<f64, String> {
    let not = || format!("{} is `{}`, which is no number", column.column, text.chars().take(64).collect::<String>());
    let number: f64 = match decimal_comma {
        true if text.contains('.') => return Err(not()),
        true => text.replace(',', ".").parse().map_err(|_| not())?,
        false => text.parse().map_err(|_| not())?,
    };
    if !number.is_finite() {
        return Err(not());
    }
    if column.increment && number < 0.0 {
        return Err(format!("{} is {number}; less than nothing cannot be added up", column.column));
    }
    Ok(number * column.scale)
}

/// The samples of one unit's rows. `None` when there are no rows.
pub(super) fn table(
    unit: EquipmentPath,
    mut rows: Vec<Row>,
    columns: &[Column],
    (row_micros, stamp): (i64, End),
    files: &[PathBuf],
    bad: &mut BadLines,
) -> Option<UnitTable> {
    rows.sort_by_key(|row| row.time);
    let mut kept: Vec<Row> = Vec::with_capacity(rows.len());
    for row in rows {
        match kept.last() {
            Some(first) if first.time == row.time => {
                let reason = format!("{unit} has a row of {} already, at {}", row.time, first.place.text(files));
                bad.add(&row.place.path(files), row.place.line, reason);
            }
            _ => kept.push(row),
        }
    }
    let stretches = stretches(&kept, row_micros, stamp);
    let mut readings = Vec::with_capacity(kept.len() * columns.len());
    let mut totals = vec![0.0; columns.len()];
    let mut before: Option<Timestamp> = None;
    for (row, stretch) in kept.iter().zip(&stretches) {
        let after_hole = before.is_none_or(|end| end < stretch.from);
        for ((signal, column), cell) in (0..).zip(columns).zip(&row.cells) {
            let mut put = |time: Timestamp, value: Value| readings.push(Reading { time, signal, value });
            let value = match cell {
                Cell::Empty => Value::Unavailable,
                Cell::Number(number) => Value::Number(*number),
                Cell::Word(word) => Value::Text(word.clone()),
            };
            if column.increment {
                let total = &mut totals[signal as usize];
                if before.is_none() {
                    // What is counted from here on.
                    put(stretch.from, Value::Number(0.0));
                }
                let value = match value {
                    Value::Number(more) => {
                        *total += more;
                        Value::Number(*total)
                    }
                    other => other,
                };
                put(stretch.to.plus_micros(-1), value);
            } else if column.at == End::Begin {
                put(stretch.from, value);
            } else {
                if after_hole {
                    // What was the case in the hole, nobody wrote down.
                    put(stretch.from, Value::Unavailable);
                }
                put(stretch.to, value);
            }
        }
        before = Some(stretch.to);
    }
    if kept.is_empty() {
        return None;
    }
    readings.sort_by_key(|reading| (reading.time, reading.signal));
    Some(UnitTable { unit, readings, covered: merged(stretches), rows: kept.len() as u64 })
}

/// What each row describes.
fn stretches(rows: &[Row], row_micros: i64, stamp: End) -> Vec<Interval> {
    let time = |index: Option<usize>| index.and_then(|index| rows.get(index)).map(|row| row.time);
    let stretch = |(index, row): (usize, &Row)| match stamp {
        End::End => {
            let from = row.time.plus_micros(-row_micros);
            Interval::new(time(index.checked_sub(1)).map_or(from, |before| before.max(from)), row.time)
        }
        End::Begin => {
            let to = row.time.plus_micros(row_micros);
            Interval::new(row.time, time(Some(index + 1)).map_or(to, |next| next.min(to)))
        }
    };
    rows.iter().enumerate().map(stretch).collect()
}
