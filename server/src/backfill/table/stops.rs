//! Lists of stops, made into states: stopped from begin to end, and between stops what the mapping says.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use chrono::NaiveDate;
use gemba_domain::{Interval, Timestamp, equipment::EquipmentPath, signal::Value};

use super::{
    BadLines, Place, Reading, UnitTable,
    mapping::Stops,
    merged,
    reading::{Head, Lexicon},
};

/// One stop.
#[derive(Clone, Debug)]
pub(super) struct Stop {
    pub interval: Interval,
    place: Place,
    reason: Option<Arc<str>>,
    comment: Option<Arc<str>>,
}

impl Stop {
    /// Reads a row. `before` is the end of the stop in the row before.
    pub fn read(
        list: &Stops,
        head: &Head,
        row: &[String],
        (before, place): (Option<Timestamp>, Place),
        words: &mut Lexicon,
    ) -> Result<Self, String> {
        // A stop may begin the moment the one before ended.
        let begin = head.time(row, &list.begin, before.map(|end| end.plus_micros(-1)))?;
        let end = head.time(row, &list.end, Some(begin))?;
        if end == begin {
            return Err(format!("a stop of no length, at {begin}"));
        }
        if end < begin {
            return Err(format!("it ends at {end}, before it begins, at {begin}"));
        }
        let text = |column: &str| Some(head.cell(row, column).trim()).filter(|text| !text.is_empty());
        let reason = match list.reason.as_ref().and_then(|(column, known)| Some((column, known, text(column)?))) {
            None => None,
            Some((_, None, text)) => Some(words.word(text)),
            Some((column, Some(known), text)) => match known.get(text) {
                Some(word) => Some(words.word(word)),
                None => {
                    return Err(format!(
                        "{column} is `{text}`, which has no meaning in the mapping; it has {}",
                        known.known()
                    ));
                }
            },
        };
        let comment = list.comment.as_deref().and_then(text).map(|text| words.word(text));
        Ok(Self { interval: Interval::new(begin, end), place, reason, comment })
    }
}

/// The samples of one unit's stops. `None` when there are none.
pub(super) fn table(
    unit: EquipmentPath,
    mut stops: Vec<Stop>,
    list: &Stops,
    files: &[PathBuf],
    bad: &mut BadLines,
) -> Option<UnitTable> {
    stops.sort_by_key(|stop| stop.interval.from);
    let mut kept: Vec<Stop> = Vec::with_capacity(stops.len());
    for stop in stops {
        match kept.last() {
            Some(last) if stop.interval.from < last.interval.to => {
                let reason =
                    format!("it overlaps the stop at {}, which ends at {}", last.place.text(files), last.interval.to);
                bad.add(&stop.place.path(files), stop.place.line, reason);
            }
            _ => kept.push(stop),
        }
    }
    let windows = match &list.windows {
        Some(windows) => windows.clone(),
        None => days(&kept, list),
    };
    // A stop is known, whatever the windows say.
    let covered = merged(windows.into_iter().chain(kept.iter().map(|stop| stop.interval)).collect());
    let mut said: BTreeMap<(Timestamp, u32), Value> = BTreeMap::new();
    let between = if list.producing_between { Value::Text("ACTIVE".into()) } else { Value::Unavailable };
    for window in &covered {
        said.insert((window.from, 0), between.clone());
    }
    let stopped = Value::Text("STOPPED".into());
    let comments = if list.reason.is_some() { 2 } else { 1 };
    for stop in &kept {
        let Interval { from, to } = stop.interval;
        let labels = [(1, list.reason.is_some(), &stop.reason), (comments, list.comment.is_some(), &stop.comment)];
        said.insert((from, 0), stopped.clone());
        said.insert((to, 0), between.clone());
        for (signal, _, word) in labels.into_iter().filter(|(_, given, _)| *given) {
            said.insert((from, signal), word.clone().map_or(Value::Unavailable, Value::Text));
            said.insert((to, signal), Value::Unavailable);
        }
    }
    if kept.is_empty() {
        return None;
    }
    let readings = said.into_iter().map(|((time, signal), value)| Reading { time, signal, value }).collect();
    Some(UnitTable { unit, readings, covered, rows: kept.len() as u64 })
}

/// Of each local day, from its first stop's begin to its last stop's end.
fn days(stops: &[Stop], list: &Stops) -> Vec<Interval> {
    let mut days: BTreeMap<NaiveDate, Interval> = BTreeMap::new();
    for stop in stops {
        let day = days.entry(list.begin.day(stop.interval.from)).or_insert(stop.interval);
        day.to = day.to.max(stop.interval.to);
    }
    days.into_values().collect()
}
