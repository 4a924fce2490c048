//! The streams document: observations.
//!
//! A document is taken whole or not at all: everything is read and checked before anything is handed on.

use std::{borrow::Cow, collections::HashSet, sync::Arc};

use chrono::{DateTime, NaiveDateTime};
use gemba_domain::{Timestamp, signal::Value};

use super::{
    kinds::Reads,
    mapping::ItemIndex,
    probe::Header,
    xml::{Document, Element, Step, XmlError},
};
use crate::collector::{
    in_force::Observation,
    value::{self, MAX_TEXT, cut},
};

/// Words that are kept for reuse.
const MAX_WORDS: usize = 10_000;
/// Longest word that is kept for reuse.
const MAX_WORD: usize = 128;
/// Unknown ids that are named.
const MAX_UNKNOWN: usize = 20;

/// What an agent says when it cannot tell.
const UNAVAILABLE: &str = "UNAVAILABLE";

/// A streams document.
#[derive(Clone, Debug, Default)]
pub struct Streams {
    /// Its header.
    pub header: Header,
    /// By sequence.
    pub observations: Vec<Observation>,
    /// Highest sequence of all observations, mapped or not.
    pub highest: u64,
    /// Ids of data items that the agent's devices document did not have (at most 20).
    pub unknown: Vec<String>,
    /// Observations whose time was missing or unreadable: they carry the time of reading.
    pub bad_times: u64,
}

/// An agent's answer that is no data.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AgentErrors {
    /// Codes, such as `OUT_OF_RANGE`, with the agent's words.
    pub errors: Vec<(String, String)>,
}

/// Words that come again and again, kept once.
#[derive(Debug, Default)]
pub struct Words(HashSet<Arc<str>>);

impl Words {
    fn keep(&mut self, text: &str) -> Arc<str> {
        if text.len() > MAX_WORD {
            return text.into();
        }
        if let Some(word) = self.0.get(text) {
            return Arc::clone(word);
        }
        if self.0.len() >= MAX_WORDS {
            self.0.clear();
        }
        let word: Arc<str> = text.into();
        self.0.insert(Arc::clone(&word));
        word
    }
}

/// Reads a streams document. `now` stands in for times that cannot be read.
pub fn parse(bytes: &[u8], index: &ItemIndex, words: &mut Words, now: Timestamp) -> Result<Streams, XmlError> {
    let mut document = Document::new(bytes)?;
    document.root("MTConnectStreams")?;
    let mut out = Streams::default();
    let mut header = None;
    let mut text = String::new();
    // Streams > DeviceStream > ComponentStream > Samples | Events | Condition > observation
    let mut depth = 1_usize;
    loop {
        match document.step()? {
            Step::Start(element) if depth == 5 => {
                observation(&element, &mut document, index, words, now, &mut text, &mut out)?;
            }
            Step::Start(element) => {
                depth += 1;
                if depth == 2 && element.name() == "Header" {
                    header = Some(Header::read(&element)?);
                }
            }
            Step::End => depth -= 1,
            Step::Text(_) => {}
            Step::Done => break,
        }
    }
    out.header = header.ok_or(XmlError::Missing("Header"))?;
    out.observations.sort_by_key(|observation| observation.sequence);
    Ok(out)
}

#[derive(Default)]
struct Attributes<'a> {
    item: Option<Cow<'a, str>>,
    time: Option<Cow<'a, str>>,
    sequence: Option<u64>,
    code: Cow<'a, str>,
    severity: Cow<'a, str>,
    qualifier: Cow<'a, str>,
}

fn observation(
    element: &Element<'_>,
    document: &mut Document<'_>,
    index: &ItemIndex,
    words: &mut Words,
    now: Timestamp,
    text: &mut String,
    out: &mut Streams,
) -> Result<(), XmlError> {
    let mut attributes = Attributes::default();
    element.attributes(|name, value| match name {
        "dataItemId" => attributes.item = Some(value),
        "timestamp" => attributes.time = Some(value),
        "sequence" => attributes.sequence = value.trim().parse().ok(),
        "nativeCode" => attributes.code = value,
        "nativeSeverity" => attributes.severity = value,
        "qualifier" => attributes.qualifier = value,
        _ => {}
    })?;
    read_text(document, text)?;
    let item = attributes.item.as_deref().ok_or(XmlError::Missing("dataItemId"))?;
    let sequence = attributes.sequence.ok_or(XmlError::Missing("sequence"))?;
    out.highest = out.highest.max(sequence);
    let (signal, reads) = match index.get(item) {
        Some(Some(mapped)) => mapped,
        Some(None) => return Ok(()),
        None => {
            if out.unknown.len() < MAX_UNKNOWN && !out.unknown.iter().any(|id| id == item) {
                out.unknown.push(item.to_owned());
            }
            return Ok(());
        }
    };
    let time = match attributes.time.as_deref().and_then(parse_time) {
        Some(time) => time,
        None => {
            out.bad_times += 1;
            now
        }
    };
    let trimmed = cut(text.trim());
    let value = match reads {
        Reads::Condition => condition(element.name(), &attributes, trimmed, words),
        _ if trimmed == UNAVAILABLE => Value::Unavailable,
        Reads::Number => match trimmed.parse::<f64>() {
            Ok(number) => value::number(number),
            Err(_) => Value::Text(words.keep(trimmed)),
        },
        Reads::Text => Value::Text(words.keep(trimmed)),
    };
    out.observations.push(Observation { sequence, signal, time, value });
    Ok(())
}

/// `Level|code|severity|qualifier|message`; a bar or a line end inside a field becomes a space.
fn condition(level: &str, attributes: &Attributes<'_>, message: &str, words: &mut Words) -> Value {
    if level.eq_ignore_ascii_case(UNAVAILABLE) {
        return Value::Unavailable;
    }
    if level == "Normal" && message.is_empty() && attributes.code.is_empty() {
        return Value::Text(words.keep("Normal||||"));
    }
    let mut text = String::from(level);
    for field in [&attributes.code, &attributes.severity, &attributes.qualifier, message] {
        text.push('|');
        text.extend(field.trim().chars().map(|c| if matches!(c, '|' | '\n' | '\r') { ' ' } else { c }));
    }
    Value::Text(words.keep(&text))
}

/// The text up to the end of the element. Entries of data sets become `key=value`, rows of tables `key={key=value …}`.
fn read_text(document: &mut Document<'_>, text: &mut String) -> Result<(), XmlError> {
    text.clear();
    let (mut depth, mut row_open) = (1_usize, false);
    loop {
        match document.step()? {
            Step::Text(piece) if depth == 1 && text.is_empty() => push_bounded(text, piece.trim_start()),
            Step::Text(piece) if depth == 1 => push_bounded(text, &piece),
            // Indentation between cells is no content.
            Step::Text(piece) => push_bounded(text, piece.trim()),
            Step::Start(entry) => {
                depth += 1;
                let first_cell = depth == 3 && !std::mem::replace(&mut row_open, true);
                text.truncate(text.trim_end().len());
                if first_cell {
                    text.push('{');
                } else if !text.is_empty() {
                    text.push(' ');
                }
                entry.attributes(|name, value| {
                    if name == "key" {
                        push_bounded(text, &value);
                        text.push('=');
                    }
                })?;
            }
            Step::End if depth == 1 => return Ok(()),
            Step::End => {
                depth -= 1;
                if depth == 1 && std::mem::take(&mut row_open) {
                    text.push('}');
                }
            }
            Step::Done => return Ok(()),
        }
    }
}

fn push_bounded(text: &mut String, piece: &str) {
    if text.len() <= MAX_TEXT {
        text.push_str(cut(piece));
    }
}

/// RFC 3339, or the same without an offset, which MTConnect takes for UTC.
pub fn parse_time(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    let with_offset = DateTime::parse_from_rfc3339(text).map(|time| time.to_utc());
    let time = with_offset
        .or_else(|_| NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f").map(|time| time.and_utc()))
        .ok()?;
    Some(time.into())
}

/// Reads an error document; `None` when it is something else.
pub fn parse_errors(bytes: &[u8]) -> Option<AgentErrors> {
    let mut document = Document::new(bytes).ok()?;
    document.root("MTConnectError").ok()?;
    let mut out = AgentErrors::default();
    let mut code: Option<String> = None;
    let mut words = String::new();
    loop {
        match document.step().ok()? {
            Step::Start(element) => {
                element
                    .attributes(|name, value| {
                        if name == "errorCode" {
                            code = Some(value.into_owned());
                            words.clear();
                        }
                    })
                    .ok()?;
            }
            Step::Text(piece) => push_bounded(&mut words, piece.trim()),
            Step::End => {
                if let Some(code) = code.take() {
                    out.errors.push((code, std::mem::take(&mut words)));
                }
            }
            Step::Done => return Some(out),
        }
    }
}

#[cfg(test)]
#[path = "streams_tests.rs"]
mod tests;
