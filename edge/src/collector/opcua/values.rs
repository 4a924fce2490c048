//! What OPC UA's values become.

use std::io::Write;

use chrono::SecondsFormat;
use gemba_domain::{Timestamp, signal::Value};
use opcua::types::{
    Array, ContextOwned, DataValue, DateTime, ExtensionObject, Variant,
    json::{JsonStreamWriter, JsonWriter},
    type_loader::{ByteStringBody, XmlBody},
};
use serde_json::{Value as Json, json};

use crate::collector::value;

/// 1 January 1970 in the protocol's ticks of 100 ns since 1601.
const EPOCH_TICKS: i64 = 116_444_736_000_000_000;
/// How deep structures and arrays are followed.
const MAX_DEPTH: usize = 16;

/// One value with its quality and time.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Read {
    pub(super) value: Value,
    /// By the source's clock, else the server's.
    pub(super) time: Option<Timestamp>,
    /// The server doubts it.
    pub(super) uncertain: bool,
    /// The server's queue was full: values before this one were dropped.
    pub(super) overflow: bool,
}

/// Takes a value apart. Bad quality, null and NaN are unavailable.
pub(super) fn read(data: &DataValue, context: &ContextOwned) -> Read {
    let status = data.status.unwrap_or_default();
    let value = match &data.value {
        Some(variant) if !status.is_bad() => of(variant, context),
        _ => Value::Unavailable,
    };
    let time = data.source_timestamp.as_ref().and_then(timestamp);
    let time = time.or_else(|| data.server_timestamp.as_ref().and_then(timestamp));
    // The info bits mean this only where their type says so (part 4, 7.39).
    let overflow = status.overflow() && status.bits() & 0x0C00 == 0x0400;
    Read { value, time, uncertain: status.is_uncertain(), overflow }
}

/// `None` where the protocol's zero stands for no time.
pub(super) fn timestamp(time: &DateTime) -> Option<Timestamp> {
    let ticks = time.ticks();
    (ticks > 0).then(|| Timestamp::from_micros((ticks - EPOCH_TICKS).div_euclid(10)))
}

/// The other way round.
pub(super) fn date_time(time: Timestamp) -> DateTime {
    DateTime::from(time.micros().saturating_mul(10).saturating_add(EPOCH_TICKS).max(0))
}

fn of(variant: &Variant, context: &ContextOwned) -> Value {
    match variant {
        Variant::Empty => Value::Unavailable,
        Variant::Boolean(on) => value::boolean(*on),
        Variant::SByte(number) => value::signed((*number).into()),
        Variant::Byte(number) => value::unsigned((*number).into()),
        Variant::Int16(number) => value::signed((*number).into()),
        Variant::UInt16(number) => value::unsigned((*number).into()),
        Variant::Int32(number) => value::signed((*number).into()),
        Variant::UInt32(number) => value::unsigned((*number).into()),
        Variant::Int64(number) => value::signed(*number),
        Variant::UInt64(number) => value::unsigned(*number),
        Variant::Float(number) => value::number((*number).into()),
        Variant::Double(number) => value::number(*number),
        Variant::Variant(inner) => of(inner, context),
        Variant::DataValue(inner) => read(inner, context).value,
        other => match json(other, context, 0) {
            Json::Null => Value::Unavailable,
            Json::String(text) => value::text(&text),
            structured => value::text(&structured.to_string()),
        },
    }
}

/// As JSON: texts for what has no sort of its own there, whole numbers exactly, NaN and infinities as words.
fn json(variant: &Variant, context: &ContextOwned, depth: usize) -> Json {
    let text = |text: &opcua::types::UAString| text.value().as_deref().map_or(Json::Null, Json::from);
    let float = |number: f64| match Json::from(number) {
        Json::Null => Json::from(if number.is_nan() {
            "NaN"
        } else if number > 0.0 {
            "Infinity"
        } else {
            "-Infinity"
        }),
        number => number,
    };
    if depth > MAX_DEPTH {
        return Json::from("…");
    }
    match variant {
        Variant::Empty => Json::Null,
        Variant::Boolean(on) => Json::from(*on),
        Variant::SByte(number) => Json::from(*number),
        Variant::Byte(number) => Json::from(*number),
        Variant::Int16(number) => Json::from(*number),
        Variant::UInt16(number) => Json::from(*number),
        Variant::Int32(number) => Json::from(*number),
        Variant::UInt32(number) => Json::from(*number),
        Variant::Int64(number) => Json::from(*number),
        Variant::UInt64(number) => Json::from(*number),
        Variant::Float(number) => float((*number).into()),
        Variant::Double(number) => float(*number),
        Variant::String(string) => text(string),
        Variant::DateTime(time) => Json::from(iso(time)),
        Variant::Guid(guid) => Json::from(guid.to_string()),
        Variant::StatusCode(status) => Json::from(status.to_string()),
        Variant::ByteString(bytes) if bytes.is_null() => Json::Null,
        Variant::ByteString(bytes) => Json::from(bytes.as_base64()),
        Variant::XmlElement(xml) => Json::from(xml.to_string()),
        Variant::QualifiedName(name) => text(&name.name),
        Variant::LocalizedText(localized) => text(&localized.text),
        Variant::NodeId(id) => Json::from(id.to_string()),
        Variant::ExpandedNodeId(id) => Json::from(id.to_string()),
        Variant::ExtensionObject(object) => structure(object, context),
        Variant::Variant(inner) => json(inner, context, depth + 1),
        Variant::DataValue(inner) => inner.value.as_ref().map_or(Json::Null, |inner| json(inner, context, depth + 1)),
        Variant::DiagnosticInfo(info) => info.additional_info.as_ref().map_or(Json::Null, text),
        Variant::Array(array) => elements(array, context, depth),
    }
}

fn iso(time: &DateTime) -> String {
    if time.is_null() { String::new() } else { time.as_chrono().to_rfc3339_opts(SecondsFormat::AutoSi, true) }
}

/// Arrays of several dimensions are arrays of arrays.
fn elements(array: &Array, context: &ContextOwned, depth: usize) -> Json {
    let flat: Vec<Json> = array.values.iter().map(|value| json(value, context, depth + 1)).collect();
    let dimensions: Vec<usize> =
        array.dimensions.iter().flatten().filter_map(|length| usize::try_from(*length).ok()).collect();
    let size = dimensions.iter().try_fold(1_usize, |size, length| size.checked_mul(*length));
    if dimensions.len() < 2 || dimensions.len() > MAX_DEPTH || size != Some(flat.len()) || flat.is_empty() {
        return Json::Array(flat);
    }
    let mut rows = flat;
    for length in dimensions.iter().skip(1).rev() {
        let mut grouped = Vec::with_capacity(rows.len() / length);
        let mut rest = rows.into_iter();
        loop {
            let row: Vec<Json> = rest.by_ref().take(*length).collect();
            if row.is_empty() {
                break;
            }
            grouped.push(Json::Array(row));
        }
        rows = grouped;
    }
    Json::Array(rows)
}

/// A structure by its fields, where its type is known; else its bytes, with the type's id.
fn structure(object: &ExtensionObject, context: &ContextOwned) -> Json {
    let Some(body) = &object.body else { return Json::Null };
    if let Some(unknown) = object.inner_as::<ByteStringBody>() {
        return json!({ "type": unknown.encoding_id().to_string(), "body": unknown.raw_body().as_base64() });
    }
    if let Some(xml) = object.inner_as::<XmlBody>() {
        return Json::from(String::from_utf8_lossy(xml.raw_body()).into_owned());
    }
    let mut bytes = Vec::new();
    let mut writer = JsonStreamWriter::new(&mut bytes as &mut dyn Write);
    let written = body.encode_json(&mut writer, &context.context()).is_ok() && writer.finish_document().is_ok();
    let parsed = written.then(|| serde_json::from_slice(&bytes).ok()).flatten();
    parsed.unwrap_or_else(|| json!({ "type": object.binary_type_id().to_string() }))
}

#[cfg(test)]
#[path = "values_tests.rs"]
mod tests;
