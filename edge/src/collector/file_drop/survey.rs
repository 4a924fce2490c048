//! What waits in the directory, and what of it would be read, for people.

use std::collections::BTreeMap;

use gemba_domain::signal::Value;

use super::{
    cells, folder,
    mapper::Mapper,
    rows::{Job, Records, Unread},
    settings::Settings,
    text::{self, letters},
};
use crate::{
    collector::{Failure, Left, Row, Survey, modbus::shown},
    config::Selector,
    queue::SignalTable,
};

/// Rows of the first file that are looked at.
const ROWS: usize = 200;

/// Lists the waiting files, and applies the rules to the first rows of the first one.
pub async fn survey(settings: &Settings) -> Result<Survey, Failure> {
    let settings = settings.clone();
    let looked = tokio::task::spawn_blocking(move || look(&settings)).await;
    looked.unwrap_or_else(|error| Err(error.to_string())).map_err(Failure::Unusable)
}

fn look(settings: &Settings) -> Result<Survey, String> {
    let files = folder::list(settings)?;
    let mut survey = Survey::default();
    match files.first() {
        None => from_rules(settings, &mut survey),
        Some(first) => {
            let path = settings.directory.join(&first.name);
            let digest = text::digest(&path).map_err(|error| folder::trouble("read", &path, &error))?;
            let table = SignalTable::new(Vec::new());
            let job = Job { settings, name: &first.name, digest: &digest, before: 0, table: &table };
            let read = match digest.no_text {
                Some(why) => Err(Unread::Wrong(why.to_owned())),
                None => from_rows(&job, &mut survey),
            };
            if let Err(Unread::Wrong(why) | Unread::Later(why)) = read {
                survey.problems.push(format!("{}: {why}", first.name));
            }
        }
    }
    let waiting = files.iter().take(100).map(|file| format!("{} waits, {} bytes", file.name, file.size));
    survey.notes.extend(waiting);
    Ok(survey)
}

/// Without a file: what the rules name.
fn from_rules(settings: &Settings, survey: &mut Survey) {
    let mut mapper = Mapper::new(settings);
    for unit in &settings.units {
        let machine = (unit.device != "*").then_some(unit.device.as_str());
        for rule in &unit.signals {
            if let Selector::Item(item) = &rule.selector {
                mapper.signal(machine, item, &Value::Unavailable);
            }
        }
    }
    let rows = mapper.signals.into_iter().map(|(item, signal)| Row { item, signal, now: None });
    survey.rows.extend(rows);
    survey.problems.extend(mapper.problems);
    survey.notes.push(format!("no file waits in {}", settings.directory.display()));
}

fn from_rows(job: &Job<'_>, survey: &mut Survey) -> Result<(), Unread> {
    let settings = job.settings;
    let (mut records, columns) = Records::begin(job)?;
    let mut mapper = Mapper::new(settings);
    let mut seen: BTreeMap<usize, Value> = BTreeMap::new();
    let mut unread: BTreeMap<String, Value> = BTreeMap::new();
    let mut bad = None;
    for _ in 0..ROWS {
        let Some(record) = records.next()? else { break };
        let cell = |at: usize| record.get(at).map(|bytes| letters(bytes, job.digest.encoding)).unwrap_or_default();
        if let Err(why) = job.row(record, &columns, &mut mapper) {
            bad.get_or_insert(why);
            continue;
        }
        let machine = columns.unit.map(cell);
        let machine = machine.as_deref().map(str::trim);
        let items: Vec<_> = match columns.long {
            Some((item, value)) => vec![(cell(item).trim().to_owned(), cell(value))],
            None => columns.values().map(|(at, name)| (name.to_owned(), cell(at))).collect(),
        };
        for (item, text) in items {
            let Some(value) = cells::read(&text, settings.format.decimal_comma) else { continue };
            match mapper.signal(machine, &item, &value) {
                Some(slot) => drop(seen.entry(slot).or_insert(value)),
                None if unread.len() < ROWS => drop(unread.entry(item).or_insert(value)),
                None => {}
            }
        }
    }
    survey.problems.extend(bad.map(|why| format!("{}: {why}", job.name)));
    survey.problems.append(&mut mapper.problems);
    let row = |(slot, (item, signal)): (usize, (String, _))| Row { item, signal, now: seen.get(&slot).map(shown) };
    survey.rows.extend(mapper.signals.into_iter().enumerate().map(row));
    let left = unread.into_iter().map(|(item, value)| Left { item, what: format!("such as {}", shown(&value)) });
    survey.left.extend(left);
    Ok(())
}
