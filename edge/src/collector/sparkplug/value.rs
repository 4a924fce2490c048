//! What a metric's value becomes. Signed integers are two's complement in unsigned fields; structures and arrays become one line of JSON.

use base64::{Engine, engine::general_purpose::STANDARD};
use gemba_domain::{
    Timestamp,
    signal::{SignalKind, Value},
};

use super::proto::{Cell, DataSet, Metric, PropertySet, Template, cell, metric, property};
use crate::collector::value;

/// The data types, by their number in the specification.
pub mod datatype {
    #![expect(missing_docs, reason = "the names of the specification")]
    pub const INT8: u32 = 1;
    pub const INT16: u32 = 2;
    pub const INT32: u32 = 3;
    pub const INT64: u32 = 4;
    pub const DOUBLE: u32 = 10;
    pub const BOOLEAN: u32 = 11;
    pub const DATE_TIME: u32 = 13;
    pub const INT8_ARRAY: u32 = 22;
    pub const INT16_ARRAY: u32 = 23;
    pub const INT32_ARRAY: u32 = 24;
    pub const INT64_ARRAY: u32 = 25;
    pub const UINT8_ARRAY: u32 = 26;
    pub const UINT16_ARRAY: u32 = 27;
    pub const UINT32_ARRAY: u32 = 28;
    pub const UINT64_ARRAY: u32 = 29;
    pub const FLOAT_ARRAY: u32 = 30;
    pub const DOUBLE_ARRAY: u32 = 31;
    pub const BOOLEAN_ARRAY: u32 = 32;
    pub const STRING_ARRAY: u32 = 33;
    pub const DATE_TIME_ARRAY: u32 = 34;
}
use datatype as t;

/// Quality codes from here on are good; from 64 on uncertain (OPC).
const GOOD: u64 = 192;
const UNCERTAIN: u64 = 64;
/// Quality codes from here on say what is wrong: 500 is stale.
const WRONG: u64 = 256;

/// A metric's value, and whether it is uncertain.
pub fn of(metric: &Metric, kind: u32) -> (Value, bool) {
    let quality = metric.properties.as_deref().and_then(quality);
    if metric.is_null == Some(true) || quality.is_some_and(|code| !(UNCERTAIN..WRONG).contains(&code)) {
        return (Value::Unavailable, false);
    }
    let value = metric.value.as_ref().map_or(Value::Unavailable, |raw| decode(raw, kind));
    (value, quality.is_some_and(|code| code < GOOD))
}

/// What kind of signal a data type makes, unless a rule says otherwise.
pub fn kind(kind: u32) -> SignalKind {
    match kind {
        t::INT8..=t::DOUBLE => SignalKind::Measure,
        t::BOOLEAN => SignalKind::State,
        _ => SignalKind::Text,
    }
}

/// The unit of measure that a metric's properties name.
pub fn uom(properties: Option<&PropertySet>) -> Option<&str> {
    let set = properties?;
    let usual = |key: &str| ["engunit", "engineeringunits", "units", "unit"].contains(&key.to_lowercase().as_str());
    let at = set.keys.iter().position(|key| usual(key))?;
    match set.values.get(at)?.value.as_ref()? {
        property::Value::Text(text) if !text.is_empty() && text.len() <= 64 => Some(text),
        _ => None,
    }
}

fn quality(set: &PropertySet) -> Option<u64> {
    let at = set.keys.iter().position(|key| key == "Quality")?;
    match set.values.get(at)?.value.as_ref()? {
        property::Value::Int(code) => Some(u64::from(*code)),
        property::Value::Long(code) => Some(*code),
        _ => None,
    }
}

fn decode(raw: &metric::Value, kind: u32) -> Value {
    let scalar = match raw {
        metric::Value::Bytes(bytes) => {
            return match kind {
                t::INT8_ARRAY..=t::DATE_TIME_ARRAY => value::text(&array(bytes, kind)),
                // Three bytes make four characters: no more of them than is kept.
                _ => value::text(&STANDARD.encode(bytes.get(..value::MAX_TEXT).unwrap_or(bytes))),
            };
        }
        metric::Value::DataSet(set) => return value::text(&Line::of(|line| line.data_set(set))),
        metric::Value::Template(template) => return value::text(&Line::of(|line| line.template(template))),
        metric::Value::Int(bits) => whole(u64::from(*bits), kind, false),
        metric::Value::Long(bits) => whole(*bits, kind, true),
        metric::Value::Float(number) => Scalar::Real(f64::from(*number)),
        metric::Value::Double(number) => Scalar::Real(*number),
        metric::Value::Boolean(on) => Scalar::Boolean(*on),
        metric::Value::Text(text) => Scalar::Text(text.clone()),
    };
    match scalar {
        Scalar::Null => Value::Unavailable,
        Scalar::Signed(number) => value::signed(number),
        Scalar::Unsigned(number) => value::unsigned(number),
        Scalar::Real(number) => value::number(number),
        Scalar::Boolean(on) => value::boolean(on),
        Scalar::Text(text) => value::text(&text),
    }
}

/// A value with nothing inside.
enum Scalar {
    Null,
    Signed(i64),
    Unsigned(u64),
    Real(f64),
    Boolean(bool),
    Text(String),
}

/// An integer field. The type says how many of its bits count, and whether the first is the sign.
fn whole(bits: u64, kind: u32, long: bool) -> Scalar {
    match kind {
        t::INT8 => Scalar::Signed(i64::from(bits as i8)),
        t::INT16 => Scalar::Signed(i64::from(bits as i16)),
        t::INT32 => Scalar::Signed(i64::from(bits as i32)),
        t::INT64 if long => Scalar::Signed(bits as i64),
        t::BOOLEAN => Scalar::Boolean(bits != 0),
        t::DATE_TIME => date_time(bits),
        _ => Scalar::Unsigned(bits),
    }
}

fn date_time(ms: u64) -> Scalar {
    match time(ms) {
        Some(time) => Scalar::Text(time.to_string()),
        None => Scalar::Unsigned(ms),
    }
}

/// Milliseconds since 1970, up to the year 9999.
pub fn time(ms: u64) -> Option<Timestamp> {
    let micros = i64::try_from(ms).ok()?.checked_mul(1_000)?;
    let time = Timestamp::from_micros(micros);
    (time.micros() == micros).then_some(time)
}

fn cell(cell: &Cell, kind: u32) -> Scalar {
    match &cell.value {
        None => Scalar::Null,
        Some(cell::Value::Int(bits)) => whole(u64::from(*bits), kind, false),
        Some(cell::Value::Long(bits)) => whole(*bits, kind, true),
        Some(cell::Value::Float(number)) => Scalar::Real(f64::from(*number)),
        Some(cell::Value::Double(number)) => Scalar::Real(*number),
        Some(cell::Value::Boolean(on)) => Scalar::Boolean(*on),
        Some(cell::Value::Text(text)) => Scalar::Text(text.clone()),
    }
}

fn property_value(value: &property::Value, kind: u32) -> Scalar {
    match value {
        property::Value::Int(bits) => whole(u64::from(*bits), kind, false),
        property::Value::Long(bits) => whole(*bits, kind, true),
        property::Value::Float(number) => Scalar::Real(f64::from(*number)),
        property::Value::Double(number) => Scalar::Real(*number),
        property::Value::Boolean(on) => Scalar::Boolean(*on),
        property::Value::Text(text) => Scalar::Text(text.clone()),
    }
}

/// A line of JSON that grows no further than what is kept of a text.
struct Line(String);

impl Line {
    fn of(write: impl FnOnce(&mut Self)) -> String {
        let mut line = Self(String::new());
        write(&mut line);
        line.0
    }

    fn is_full(&self) -> bool {
        self.0.len() > value::MAX_TEXT
    }

    fn word(&mut self, text: &str) {
        // No text fails to be JSON.
        self.0.push_str(&serde_json::to_string(value::cut(text)).unwrap_or_default());
    }

    fn scalar(&mut self, scalar: &Scalar) {
        match scalar {
            Scalar::Null => self.0.push_str("null"),
            Scalar::Signed(number) => self.0.push_str(&number.to_string()),
            Scalar::Unsigned(number) => self.0.push_str(&number.to_string()),
            Scalar::Real(number) => match value::number(*number) {
                Value::Text(text) => self.word(&text),
                Value::Unavailable => self.0.push_str("null"),
                Value::Number(number) => self.0.push_str(&number.to_string()),
            },
            Scalar::Boolean(on) => self.0.push_str(if *on { "true" } else { "false" }),
            Scalar::Text(text) => self.word(text),
        }
    }

    fn list<T>(&mut self, items: impl IntoIterator<Item = T>, mut write: impl FnMut(&mut Self, T)) {
        self.0.push('[');
        let start = self.0.len();
        for item in items {
            if self.is_full() {
                break;
            }
            if self.0.len() > start {
                self.0.push(',');
            }
            write(self, item);
        }
        self.0.push(']');
    }

    fn map<'n, T>(&mut self, items: impl IntoIterator<Item = (&'n str, T)>, mut write: impl FnMut(&mut Self, T)) {
        self.0.push('{');
        let start = self.0.len();
        for (name, item) in items {
            if self.is_full() {
                break;
            }
            if self.0.len() > start {
                self.0.push(',');
            }
            self.word(name);
            self.0.push(':');
            write(self, item);
        }
        self.0.push('}');
    }

    fn data_set(&mut self, set: &DataSet) {
        self.0.push_str("{\"columns\":");
        self.list(&set.columns, |line, name| line.word(name));
        self.0.push_str(",\"rows\":");
        self.list(&set.rows, |line, row| {
            line.list(row.elements.iter().enumerate(), |line, (at, element)| {
                line.scalar(&cell(element, set.types.get(at).copied().unwrap_or(0)));
            });
        });
        self.0.push('}');
    }

    fn template(&mut self, template: &Template) {
        self.0.push('{');
        for (key, text) in [("template", &template.template_ref), ("version", &template.version)] {
            if let Some(text) = text {
                self.word(key);
                self.0.push(':');
                self.word(text);
                self.0.push(',');
            }
        }
        if !template.parameters.is_empty() {
            self.0.push_str("\"parameters\":");
            let named = template.parameters.iter().map(|each| (each.name.as_deref().unwrap_or(""), each));
            self.map(named, |line, each| {
                let scalar = each.value.as_ref().map(|value| property_value(value, each.kind.unwrap_or(0)));
                line.scalar(&scalar.unwrap_or(Scalar::Null));
            });
            self.0.push(',');
        }
        self.0.push_str("\"metrics\":");
        let named = template.metrics.iter().map(|each| (each.name.as_deref().unwrap_or(""), each));
        self.map(named, Self::member);
        self.0.push('}');
    }

    fn member(&mut self, metric: &Metric) {
        match (&metric.value, metric.datatype.unwrap_or(0)) {
            (Some(metric::Value::Template(template)), _) => self.template(template),
            (Some(metric::Value::DataSet(set)), _) => self.data_set(set),
            (Some(metric::Value::Bytes(bytes)), kind @ t::INT8_ARRAY..=t::DATE_TIME_ARRAY) => {
                self.0.push_str(&array(bytes, kind));
            }
            (Some(metric::Value::Int(bits)), kind) => self.scalar(&whole(u64::from(*bits), kind, false)),
            (Some(metric::Value::Long(bits)), kind) => self.scalar(&whole(*bits, kind, true)),
            (_, kind) => match of(metric, kind).0 {
                Value::Number(number) if kind == t::BOOLEAN => self.scalar(&Scalar::Boolean(number != 0.0)),
                Value::Number(number) => self.scalar(&Scalar::Real(number)),
                Value::Text(text) => self.word(&text),
                Value::Unavailable => self.scalar(&Scalar::Null),
            },
        }
    }
}

/// An array: packed, little endian. What does not fill an element at the end is left out.
fn array(bytes: &[u8], kind: u32) -> String {
    Line::of(|line| match kind {
        t::INT8_ARRAY => numbers(line, bytes, |[byte]: [u8; 1]| Scalar::Signed(i64::from(byte as i8))),
        t::INT16_ARRAY => numbers(line, bytes, |b| Scalar::Signed(i64::from(i16::from_le_bytes(b)))),
        t::INT32_ARRAY => numbers(line, bytes, |b| Scalar::Signed(i64::from(i32::from_le_bytes(b)))),
        t::INT64_ARRAY => numbers(line, bytes, |b| Scalar::Signed(i64::from_le_bytes(b))),
        t::UINT8_ARRAY => numbers(line, bytes, |[byte]: [u8; 1]| Scalar::Unsigned(u64::from(byte))),
        t::UINT16_ARRAY => numbers(line, bytes, |b| Scalar::Unsigned(u64::from(u16::from_le_bytes(b)))),
        t::UINT32_ARRAY => numbers(line, bytes, |b| Scalar::Unsigned(u64::from(u32::from_le_bytes(b)))),
        t::UINT64_ARRAY => numbers(line, bytes, |b| Scalar::Unsigned(u64::from_le_bytes(b))),
        t::FLOAT_ARRAY => numbers(line, bytes, |b| Scalar::Real(f64::from(f32::from_le_bytes(b)))),
        t::DOUBLE_ARRAY => numbers(line, bytes, |b| Scalar::Real(f64::from_le_bytes(b))),
        t::DATE_TIME_ARRAY => numbers(line, bytes, |b| date_time(u64::from_le_bytes(b))),
        t::BOOLEAN_ARRAY => booleans(line, bytes),
        _ => texts(line, bytes),
    })
}

fn numbers<const N: usize>(line: &mut Line, bytes: &[u8], read: impl Fn([u8; N]) -> Scalar) {
    let (elements, _) = bytes.as_chunks::<N>();
    line.list(elements, |line, element| line.scalar(&read(*element)));
}

/// How many there are, in four bytes; then eight in a byte, the first in its highest bit.
fn booleans(line: &mut Line, bytes: &[u8]) {
    let Some((count, bits)) = bytes.split_first_chunk::<4>() else {
        line.0.push_str("[]");
        return;
    };
    let count = usize::try_from(u32::from_le_bytes(*count)).unwrap_or(usize::MAX);
    let bits = bits.iter().flat_map(|byte| (0..8).map(move |at| byte >> (7 - at) & 1 == 1));
    line.list(bits.take(count), |line, on| line.scalar(&Scalar::Boolean(on)));
}

/// Each ends with a byte 0.
fn texts(line: &mut Line, bytes: &[u8]) {
    let whole = bytes.strip_suffix(&[0]).unwrap_or(bytes);
    let each = whole.split(|byte| *byte == 0).take(if bytes.is_empty() { 0 } else { usize::MAX });
    line.list(each, |line, text| line.word(&String::from_utf8_lossy(text)));
}

#[cfg(test)]
#[path = "value_tests.rs"]
mod tests;
