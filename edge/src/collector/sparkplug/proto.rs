//! The messages of Sparkplug B (sparkplug_b.proto), derived by hand. What is not used is left out: the decoder skips it.

use bytes::Bytes;
use prost::Message;

/// Metrics of one payload that are decoded at most: an empty one takes two bytes on the wire and a hundred in memory.
const MOST_METRICS: usize = 200_000;

/// What a message carries.
#[derive(Clone, PartialEq, Message)]
pub struct Payload {
    /// When it was sent, ms since 1970.
    #[prost(uint64, optional, tag = "1")]
    pub timestamp: Option<u64>,
    /// What it says.
    #[prost(message, repeated, tag = "2")]
    pub metrics: Vec<Metric>,
    /// Its number, 0 to 255.
    #[prost(uint64, optional, tag = "3")]
    pub seq: Option<u64>,
    /// Another form of payload than this one, when it is set.
    #[prost(string, optional, tag = "4")]
    pub uuid: Option<String>,
}

/// One metric.
#[derive(Clone, PartialEq, Message)]
pub struct Metric {
    /// Its name; may be missing where there is an alias.
    #[prost(string, optional, tag = "1")]
    pub name: Option<String>,
    /// A number for its name.
    #[prost(uint64, optional, tag = "2")]
    pub alias: Option<u64>,
    /// When, ms since 1970.
    #[prost(uint64, optional, tag = "3")]
    pub timestamp: Option<u64>,
    /// See [`super::value`].
    #[prost(uint32, optional, tag = "4")]
    pub datatype: Option<u32>,
    /// It says nothing of now.
    #[prost(bool, optional, tag = "5")]
    pub is_historical: Option<bool>,
    /// It need not be stored.
    #[prost(bool, optional, tag = "6")]
    pub is_transient: Option<bool>,
    /// It has no value.
    #[prost(bool, optional, tag = "7")]
    pub is_null: Option<bool>,
    /// Quality, unit of measure.
    #[prost(message, optional, boxed, tag = "9")]
    pub properties: Option<Box<PropertySet>>,
    /// Its value.
    #[prost(oneof = "metric::Value", tags = "10, 11, 12, 13, 14, 15, 16, 17, 18")]
    pub value: Option<metric::Value>,
}

/// Values of a metric.
pub mod metric {
    use super::{Bytes, DataSet, Template};

    /// By their form on the wire.
    #[derive(Clone, PartialEq, prost::Oneof)]
    pub enum Value {
        /// 32 bits, two's complement where the type is signed.
        #[prost(uint32, tag = "10")]
        Int(u32),
        /// 64 bits, likewise.
        #[prost(uint64, tag = "11")]
        Long(u64),
        /// Single precision.
        #[prost(float, tag = "12")]
        Float(f32),
        /// Double precision.
        #[prost(double, tag = "13")]
        Double(f64),
        /// Yes or no.
        #[prost(bool, tag = "14")]
        Boolean(bool),
        /// Text.
        #[prost(string, tag = "15")]
        Text(String),
        /// Bytes, a file, or an array.
        #[prost(bytes = "bytes", tag = "16")]
        Bytes(Bytes),
        /// A table.
        #[prost(message, tag = "17")]
        DataSet(Box<DataSet>),
        /// A structure.
        #[prost(message, tag = "18")]
        Template(Box<Template>),
    }
}

/// A table.
#[derive(Clone, PartialEq, Message)]
pub struct DataSet {
    /// Names.
    #[prost(string, repeated, tag = "2")]
    pub columns: Vec<String>,
    /// Data types of the columns.
    #[prost(uint32, repeated, packed = "false", tag = "3")]
    pub types: Vec<u32>,
    /// Rows.
    #[prost(message, repeated, tag = "4")]
    pub rows: Vec<Row>,
}

/// A row of a table.
#[derive(Clone, PartialEq, Message)]
pub struct Row {
    /// One for each column.
    #[prost(message, repeated, tag = "1")]
    pub elements: Vec<Cell>,
}

/// A cell of a table.
#[derive(Clone, PartialEq, Message)]
pub struct Cell {
    /// Its value; null when missing.
    #[prost(oneof = "cell::Value", tags = "1, 2, 3, 4, 5, 6")]
    pub value: Option<cell::Value>,
}

/// Values of a cell.
pub mod cell {
    /// By their form on the wire.
    #[derive(Clone, PartialEq, prost::Oneof)]
    pub enum Value {
        /// 32 bits.
        #[prost(uint32, tag = "1")]
        Int(u32),
        /// 64 bits.
        #[prost(uint64, tag = "2")]
        Long(u64),
        /// Single precision.
        #[prost(float, tag = "3")]
        Float(f32),
        /// Double precision.
        #[prost(double, tag = "4")]
        Double(f64),
        /// Yes or no.
        #[prost(bool, tag = "5")]
        Boolean(bool),
        /// Text.
        #[prost(string, tag = "6")]
        Text(String),
    }
}

/// A structure.
#[derive(Clone, PartialEq, Message)]
pub struct Template {
    /// Of its definition.
    #[prost(string, optional, tag = "1")]
    pub version: Option<String>,
    /// Members.
    #[prost(message, repeated, tag = "2")]
    pub metrics: Vec<Metric>,
    /// Parameters.
    #[prost(message, repeated, tag = "3")]
    pub parameters: Vec<Parameter>,
    /// Name of its definition.
    #[prost(string, optional, tag = "4")]
    pub template_ref: Option<String>,
    /// It is a definition, without values.
    #[prost(bool, optional, tag = "5")]
    pub is_definition: Option<bool>,
}

/// A parameter of a structure.
#[derive(Clone, PartialEq, Message)]
pub struct Parameter {
    /// Its name.
    #[prost(string, optional, tag = "1")]
    pub name: Option<String>,
    /// Its data type.
    #[prost(uint32, optional, tag = "2")]
    pub kind: Option<u32>,
    /// Its value.
    #[prost(oneof = "property::Value", tags = "3, 4, 5, 6, 7, 8")]
    pub value: Option<property::Value>,
}

/// Properties by name.
#[derive(Clone, PartialEq, Message)]
pub struct PropertySet {
    /// Names.
    #[prost(string, repeated, tag = "1")]
    pub keys: Vec<String>,
    /// Values, in the order of the names.
    #[prost(message, repeated, tag = "2")]
    pub values: Vec<Property>,
}

/// A property; nested sets are left out.
#[derive(Clone, PartialEq, Message)]
pub struct Property {
    /// Its data type.
    #[prost(uint32, optional, tag = "1")]
    pub kind: Option<u32>,
    /// It has no value.
    #[prost(bool, optional, tag = "2")]
    pub is_null: Option<bool>,
    /// Its value.
    #[prost(oneof = "property::Value", tags = "3, 4, 5, 6, 7, 8")]
    pub value: Option<property::Value>,
}

/// Values of properties and parameters.
pub mod property {
    /// By their form on the wire.
    #[derive(Clone, PartialEq, prost::Oneof)]
    pub enum Value {
        /// 32 bits.
        #[prost(uint32, tag = "3")]
        Int(u32),
        /// 64 bits.
        #[prost(uint64, tag = "4")]
        Long(u64),
        /// Single precision.
        #[prost(float, tag = "5")]
        Float(f32),
        /// Double precision.
        #[prost(double, tag = "6")]
        Double(f64),
        /// Yes or no.
        #[prost(bool, tag = "7")]
        Boolean(bool),
        /// Text.
        #[prost(string, tag = "8")]
        Text(String),
    }
}

/// Reads a payload. The error is for a person.
pub fn read(bytes: &Bytes) -> Result<Payload, String> {
    if metrics(bytes) > MOST_METRICS {
        return Err(format!("it has more than {MOST_METRICS} metrics"));
    }
    let payload = Payload::decode(bytes.clone()).map_err(|error| format!("it is no Sparkplug B: {error}"))?;
    match payload.uuid.as_deref() {
        Some(form) if form.contains("COMPRESSED") => {
            Err("it is compressed: let the edge node send plain payloads".into())
        }
        _ => Ok(payload),
    }
}

/// How many metrics a payload has, as far as it is well formed.
fn metrics(bytes: &[u8]) -> usize {
    let mut rest = bytes;
    let mut count = 0;
    while let Ok((tag, kind)) = prost::encoding::decode_key(&mut rest) {
        count += usize::from(tag == 2);
        if prost::encoding::skip_field(kind, tag, &mut rest, prost::encoding::DecodeContext::default()).is_err() {
            break;
        }
    }
    count
}
