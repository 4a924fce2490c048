//! What the payload of a message says: one plain value, or the members of a JSON object.

use std::{collections::BTreeMap, str};

use gemba_domain::{Timestamp, signal::Value};
use serde_json::value::RawValue;

use super::times;
use crate::collector::value;

/// Objects within objects that are taken apart; what is deeper is kept as text.
const DEEPEST: usize = 16;
/// The item that a topic's own plain value is, at the topic that the unit names.
pub(super) const OWN: &str = ".";

/// One value of a message.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Part {
    /// The topic below the unit's, and the members on the way, with `/` in between.
    pub(super) item: String,
    pub(super) value: Value,
    /// What it was written as.
    pub(super) form: Form,
    /// When, where the payload says so.
    pub(super) time: Option<Timestamp>,
}

/// What a value was written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Nothing,
    Boolean,
    Number,
    Text,
}

/// A payload that is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bad {
    /// It is no UTF-8.
    NoText,
    /// It begins as a JSON object and is none.
    BadJson,
}

/// What became of a payload.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Parts {
    pub(super) parts: Vec<Part>,
    /// A member is named for the time and has none that can be read.
    pub(super) bad_time: bool,
}

/// Takes a payload apart. `below`: the topic below the unit's. `time_key`: the member that has the time.
pub(super) fn read(below: &str, payload: &[u8], time_key: Option<&str>) -> Result<Parts, Bad> {
    let text = str::from_utf8(payload).map_err(|_| Bad::NoText)?;
    let mut out = Parts::default();
    if !text.trim_start().starts_with('{') {
        let (value, form) = plain(text);
        let item = if below.is_empty() { OWN } else { below }.to_owned();
        out.parts.push(Part { item, value, form, time: None });
        return Ok(out);
    }
    let raw: &RawValue = serde_json::from_str(text).map_err(|_| Bad::BadJson)?;
    let found = object(below, raw.get(), time_key, None, 0, &mut out).map_err(|_| Bad::BadJson)?;
    out.bad_time = time_key.is_some() && !found;
    Ok(out)
}

/// The members of an object. Whether it had a time.
fn object(
    path: &str,
    text: &str,
    time_key: Option<&str>,
    around: Option<Timestamp>,
    depth: usize,
    out: &mut Parts,
) -> Result<bool, serde_json::Error> {
    let members: BTreeMap<String, &RawValue> = serde_json::from_str(text)?;
    let own = match time_key {
        Some(key) => members.get(key).and_then(|raw| time(raw.get())).map(|time| (key, time)),
        None => times::USUAL.iter().find_map(|key| {
            let time = members.get(*key).and_then(|raw| time(raw.get()));
            time.filter(|time| times::plausible(*time)).map(|time| (*key, time))
        }),
    };
    let time = own.map(|(_, time)| time).or(around);
    for (name, raw) in &members {
        if own.is_some_and(|(key, _)| key == name) {
            continue;
        }
        let item = if path.is_empty() { name.clone() } else { format!("{path}/{name}") };
        let raw = raw.get().trim();
        if raw.starts_with('{') && depth < DEEPEST {
            object(&item, raw, time_key, time, depth + 1, out)?;
            continue;
        }
        let (value, form) = json(raw);
        out.parts.push(Part { item, value, form, time });
    }
    Ok(own.is_some())
}

fn time(raw: &str) -> Option<Timestamp> {
    match raw.trim().starts_with('"') {
        true => {
            let text: String = serde_json::from_str(raw).ok()?;
            times::text(&text).or_else(|| times::number(text.trim()))
        }
        false => times::number(raw.trim()),
    }
}

/// One JSON value that is no object to take apart.
fn json(raw: &str) -> (Value, Form) {
    match raw.as_bytes().first() {
        Some(b'n') | None => (Value::Unavailable, Form::Nothing),
        Some(b't' | b'f') => (value::boolean(raw == "true"), Form::Boolean),
        Some(b'"') => match serde_json::from_str::<String>(raw) {
            Ok(text) => (value::text(&text), Form::Text),
            // A lone half of a surrogate pair: as it stands.
            Err(_) => (value::text(raw), Form::Text),
        },
        Some(b'{' | b'[') => (value::text(&one_line(raw)), Form::Text),
        Some(_) => (value::parsed(raw), Form::Number),
    }
}

/// A payload that is no object.
fn plain(text: &str) -> (Value, Form) {
    let words = text.trim();
    match words {
        "" | "null" => (Value::Unavailable, Form::Nothing),
        "true" | "false" => (value::boolean(words == "true"), Form::Boolean),
        _ if words.starts_with(['"', '[']) && serde_json::from_str::<&RawValue>(words).is_ok() => json(words),
        _ => {
            let value = value::parsed(words);
            let form = if words.parse::<f64>().is_ok() { Form::Number } else { Form::Text };
            (value, form)
        }
    }
}

/// JSON without the white space between its tokens.
fn one_line(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    let (mut within, mut escaped) = (false, false);
    for c in json.chars() {
        if within || !c.is_ascii_whitespace() {
            out.push(c);
        }
        match c {
            _ if escaped => escaped = false,
            '\\' if within => escaped = true,
            '"' => within = !within,
            _ => {}
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rows(below: &str, payload: &str, key: Option<&str>) -> Vec<(String, Value, Option<i64>)> {
        let parts = read(below, payload.as_bytes(), key).unwrap().parts;
        parts.into_iter().map(|part| (part.item, part.value, part.time.map(Timestamp::micros))).collect()
    }

    fn words(text: &str) -> Value {
        Value::Text(text.into())
    }

    #[test]
    fn a_plain_payload_is_the_topics_own_value() {
        for (payload, value) in [
            ("21.5", Value::Number(21.5)),
            (" -3\n", Value::Number(-3.0)),
            ("RUN", words("RUN")),
            ("true", Value::Number(1.0)),
            ("null", Value::Unavailable),
            ("", Value::Unavailable),
            ("NaN", Value::Unavailable),
            ("-inf", words("-Infinity")),
            ("9007199254740993", words("9007199254740993")),
            ("\"5\"", words("5")),
            ("[1, 2,\n \"a b\"]", words("[1,2,\"a b\"]")),
            ("[broken", words("[broken")),
        ] {
            assert_eq!(rows("status", payload, None), [("status".to_owned(), value, None)], "{payload}");
        }
        assert_eq!(rows("", "7", None)[0].0, OWN);
    }

    #[test]
    fn members_become_items_with_the_time_beside_them() {
        let payload = r#"{"ts": 1700000000000, "temp": 21.5, "on": false, "big": 18446744073709551617, "note": null,
            "axis": {"x": 1e400, "time": "2023-11-14T22:13:21Z", "list": [1, {"a": 2}]}, "a\u0062": "x\u0000"}"#;
        let (outer, inner) = (Some(1_700_000_000_000_000), Some(1_700_000_001_000_000));
        assert_eq!(
            rows("telemetry", payload, None),
            [
                ("telemetry/ab".to_owned(), words("x "), outer),
                ("telemetry/axis/list".to_owned(), words(r#"[1,{"a":2}]"#), inner),
                ("telemetry/axis/x".to_owned(), words("Infinity"), inner),
                ("telemetry/big".to_owned(), words("18446744073709551617"), outer),
                ("telemetry/note".to_owned(), Value::Unavailable, outer),
                ("telemetry/on".to_owned(), Value::Number(0.0), outer),
                ("telemetry/temp".to_owned(), Value::Number(21.5), outer),
            ]
        );
    }

    #[test]
    fn a_time_is_what_is_named_for_it_or_looks_like_one() {
        assert_eq!(rows("", r#"{"time": 12.5, "a": 1}"#, None).len(), 2, "a duration, not a time");
        assert_eq!(rows("", r#"{"at": "1970-01-01T00:00:01Z", "a": 1}"#, Some("at"))[0].2, Some(1_000_000));
        let missing = read("", br#"{"a": 1}"#, Some("at")).unwrap();
        assert!(missing.bad_time && missing.parts[0].time.is_none());
    }

    #[test]
    fn what_cannot_be_taken_is_told_apart() {
        assert_eq!(read("a", b"\xff\xfe", None), Err(Bad::NoText));
        assert_eq!(read("a", b"{\"a\": 1", None), Err(Bad::BadJson));
        assert_eq!(read("a", b"{\"a\": 1} x", None), Err(Bad::BadJson));
        let deep = format!("{}1{}", "{\"a\":".repeat(10_000), "}".repeat(10_000));
        let parts = read("t", deep.as_bytes(), None).map(|parts| parts.parts.len());
        assert!(matches!(parts, Ok(1) | Err(Bad::BadJson)), "{parts:?}");
        let lists = format!("{{\"a\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
        assert!(matches!(read("t", lists.as_bytes(), None).map(|p| p.parts.len()), Ok(1) | Err(Bad::BadJson)));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = read("a", &bytes, None);
        }

        #[test]
        fn mutated_json_is_read_or_refused(at in 0usize..60, byte in any::<u8>()) {
            let mut bytes = br#"{"ts": 1700000000000, "a": {"b": [1, "x\n"]}, "c": -1.5e3, "d": null}"#.to_vec();
            bytes[at] = byte;
            let _ = read("a", &bytes, Some("ts"));
        }
    }
}
