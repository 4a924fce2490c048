use std::{fs, path::PathBuf};

use bytes::Bytes;
use proptest::prelude::*;
use prost::Message;
use serde_json::Value as Json;

use super::*;
use crate::collector::sparkplug::proto::{self, Parameter, Payload, Property, Row};

fn told(kind: u32, value: metric::Value) -> Value {
    of(&Metric { datatype: Some(kind), value: Some(value), ..Metric::default() }, kind).0
}

fn words(text: &str) -> Value {
    Value::Text(text.into())
}

#[test]
fn integers_are_twos_complement_where_the_type_is_signed() {
    use metric::Value::{Boolean, Double, Float, Int, Long, Text};
    for (kind, raw, value) in [
        (1, Int(0xFFFF_FFFB), Value::Number(-5.0)),
        (1, Int(0xFB), Value::Number(-5.0)),
        (1, Int(127), Value::Number(127.0)),
        (2, Int(0xFFFF_8000), Value::Number(-32_768.0)),
        (3, Int(4_294_967_254), Value::Number(-42.0)),
        (3, Int(0x8000_0000), Value::Number(-2_147_483_648.0)),
        (4, Long(18_446_742_839_141_661_493), Value::Number(-1_234_567_890_123.0)),
        (4, Long(1 << 63), words("-9223372036854775808")),
        (5, Int(255), Value::Number(255.0)),
        (7, Long(4_294_967_295), Value::Number(4_294_967_295.0)),
        (7, Int(u32::MAX), Value::Number(4_294_967_295.0)),
        (8, Long(u64::MAX), words("18446744073709551615")),
        (9, Float(21.5), Value::Number(21.5)),
        (9, Float(f32::NAN), Value::Unavailable),
        (10, Double(f64::NEG_INFINITY), words("-Infinity")),
        (10, Double(f64::MAX), Value::Number(f64::MAX)),
        (11, Boolean(true), Value::Number(1.0)),
        (11, Int(0), Value::Number(0.0)),
        (12, Text("EXECUTE".to_owned()), words("EXECUTE")),
        (12, Text("42".to_owned()), words("42")),
        (13, Long(1_486_144_502_122), words("2017-02-03T17:55:02.122Z")),
        (13, Long(u64::MAX), words("18446744073709551615")),
        (15, Text("550e8400-e29b-41d4-a716-446655440000".to_owned()), words("550e8400-e29b-41d4-a716-446655440000")),
        (17, metric::Value::Bytes(Bytes::from_static(&[1, 2, 3, 255])), words("AQID/w==")),
    ] {
        assert_eq!(told(kind, raw.clone()), value, "{kind} {raw:?}");
    }
}

#[test]
fn arrays_are_one_line_of_json() {
    let bytes = |bytes: &[u8]| metric::Value::Bytes(Bytes::copy_from_slice(bytes));
    for (kind, raw, text) in [
        (22, vec![0xEF, 0x7B], "[-17,123]"),
        (23, vec![0xD0, 0x8A, 0x30, 0x75], "[-30000,30000]"),
        (24, [(-1i32).to_le_bytes(), 315_338_746i32.to_le_bytes()].concat(), "[-1,315338746]"),
        (25, i64::MIN.to_le_bytes().to_vec(), "[-9223372036854775808]"),
        (26, vec![23, 250], "[23,250]"),
        (27, vec![0x1E, 0x00, 0x98, 0xE1], "[30,57752]"),
        (29, u64::MAX.to_le_bytes().to_vec(), "[18446744073709551615]"),
        (30, [1.5f32.to_le_bytes(), f32::NAN.to_le_bytes()].concat(), "[1.5,null]"),
        (31, [0.1f64.to_le_bytes(), f64::INFINITY.to_le_bytes()].concat(), "[0.1,\"Infinity\"]"),
        (
            32,
            vec![12, 0, 0, 0, 0b0011_0101, 0b1101_0000],
            "[false,false,true,true,false,true,false,true,true,true,false,true]",
        ),
        (32, vec![1, 0], "[]"),
        (33, b"ABC\0hello\0".to_vec(), "[\"ABC\",\"hello\"]"),
        (33, b"\0".to_vec(), "[\"\"]"),
        (33, Vec::new(), "[]"),
        (34, 1_486_144_502_122u64.to_le_bytes().to_vec(), "[\"2017-02-03T17:55:02.122Z\"]"),
        (24, vec![1, 0, 0], "[]"),
    ] {
        assert_eq!(told(kind, bytes(&raw)), words(text), "{kind}");
    }
    assert!(told(26, bytes(&vec![200; 4 << 20])).text().is_some_and(|text| text.len() <= value::MAX_TEXT));
}

#[test]
fn tables_and_structures_are_one_line_of_json() {
    let cell = |value| proto::Cell { value: Some(value) };
    let set = DataSet {
        columns: vec!["a\"b".to_owned(), "n".to_owned()],
        types: vec![12, 3],
        rows: vec![
            Row { elements: vec![cell(cell::Value::Text("x\ny".to_owned())), cell(cell::Value::Int(u32::MAX))] },
            Row { elements: vec![proto::Cell::default()] },
        ],
    };
    let table = r#"{"columns":["a\"b","n"],"rows":[["x\ny",-1],[null]]}"#;
    assert_eq!(told(16, metric::Value::DataSet(Box::new(set.clone()))), words(table));
    let member = |name: &str, kind, value| Metric {
        name: Some(name.to_owned()),
        datatype: Some(kind),
        value,
        ..Metric::default()
    };
    let template = Template {
        template_ref: Some("Motor".to_owned()),
        version: Some("1".to_owned()),
        parameters: vec![Parameter {
            name: Some("max".to_owned()),
            kind: Some(3),
            value: Some(property::Value::Int(7)),
        }],
        metrics: vec![
            member("on", 11, Some(metric::Value::Boolean(true))),
            member("big", 8, Some(metric::Value::Long(u64::MAX))),
            member("none", 3, None),
            member("t", 16, Some(metric::Value::DataSet(Box::new(set)))),
        ],
        is_definition: None,
    };
    let text = format!(
        r#"{{"template":"Motor","version":"1","parameters":{{"max":7}},"metrics":{{"on":true,"big":18446744073709551615,"none":null,"t":{table}}}}}"#
    );
    assert_eq!(told(19, metric::Value::Template(Box::new(template))), words(&text));
}

#[test]
fn null_and_bad_quality_are_unavailable_and_uncertain_is_kept() {
    let with = |quality| Metric {
        value: Some(metric::Value::Int(5)),
        properties: Some(Box::new(PropertySet {
            keys: vec!["engUnit".to_owned(), "Quality".to_owned()],
            values: vec![
                Property { value: Some(property::Value::Text("mm".to_owned())), ..Property::default() },
                Property { value: Some(property::Value::Int(quality)), ..Property::default() },
            ],
        })),
        ..Metric::default()
    };
    for (quality, value, uncertain) in [
        (192, Value::Number(5.0), false),
        (216, Value::Number(5.0), false),
        (64, Value::Number(5.0), true),
        (0, Value::Unavailable, false),
        (500, Value::Unavailable, false),
    ] {
        assert_eq!(of(&with(quality), 3), (value, uncertain), "{quality}");
    }
    assert_eq!(uom(with(192).properties.as_deref()), Some("mm"));
    let null = Metric { is_null: Some(true), value: Some(metric::Value::Int(5)), ..Metric::default() };
    assert_eq!(of(&null, 3), (Value::Unavailable, false));
    assert_eq!(of(&Metric::default(), 3), (Value::Unavailable, false));
}

/// Payloads that other implementations made; not kept in this repository.
fn samples() -> Option<Json> {
    let data = std::env::var_os("DEV_DATA").map_or_else(|| "../../shared/data".into(), PathBuf::from);
    match fs::read_to_string(data.join("sparkplug/sample_payloads.json")) {
        Ok(text) => serde_json::from_str(&text).ok(),
        Err(error) => {
            eprintln!(
                "skipped: no sample payloads below {} ({error}); DEV_DATA names another directory",
                data.display()
            );
            None
        }
    }
}

fn unhex(text: &str) -> Bytes {
    (0..text.len() / 2).map(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).unwrap()).collect()
}

#[test]
fn payloads_of_another_implementation_are_read() {
    let Some(samples) = samples() else { return };
    for (name, sample) in samples["payloads"].as_object().unwrap() {
        let bytes = unhex(sample["hex"].as_str().unwrap());
        let payload = proto::read(&bytes).unwrap();
        let expected = &sample["decoded_by_google_protobuf"];
        let number = |json: &Json| json.as_str().and_then(|text| text.parse::<u64>().ok());
        assert_eq!(payload.timestamp, number(&expected["timestamp"]), "{name}");
        assert_eq!(payload.seq, number(&expected["seq"]), "{name}");
        let metrics = expected["metrics"].as_array().unwrap();
        assert_eq!(payload.metrics.len(), metrics.len(), "{name}");
        for (metric, expected) in payload.metrics.iter().zip(metrics) {
            assert_eq!(metric.name.as_deref(), expected["name"].as_str());
            assert_eq!(metric.alias, number(&expected["alias"]));
            assert_eq!(metric.timestamp, number(&expected["timestamp"]));
            let kind = metric.datatype.unwrap();
            assert_eq!(u64::from(kind), expected["datatype"].as_u64().unwrap());
            let value = of(metric, kind).0;
            let expected = match metric.name.as_deref().or(metric.alias.map(|_| "")).unwrap_or("") {
                "Line1/Offset" => Value::Number(-42.0),
                "Line1/Neg64" => Value::Number(-1_234_567_890_123.0),
                "Line1/When" => words("1970-01-01T00:00:00Z"),
                "Line1/Nothing" => Value::Unavailable,
                "Line1/Temp" => Value::Number(21.5),
                "Line1/State" => words("EXECUTE"),
                "Line1/Blob" => words("AQID/w=="),
                _ => continue,
            };
            assert_eq!(value, expected, "{metric:?}");
        }
        assert_eq!(payload.encode_to_vec().len(), payload.encoded_len());
    }
}

#[test]
fn payloads_beyond_all_bounds_are_refused() {
    let empty_metrics: Bytes = [0x12, 0x00].repeat(300_000).into();
    assert!(proto::read(&empty_metrics).is_err_and(|why| why.contains("more than")));
    let nested = (0..2_000).fold(Vec::new(), |inner: Vec<u8>, _| {
        let mut metric = vec![0x92, 0x01];
        prost::encoding::encode_varint(inner.len() as u64, &mut metric);
        metric.extend(inner);
        let mut template = vec![0x12];
        prost::encoding::encode_varint(metric.len() as u64, &mut template);
        template.extend(metric);
        template
    });
    assert!(proto::read(&nested.into()).is_err());
    let compressed = Payload { uuid: Some("SPBV1.0_COMPRESSED".to_owned()), ..Payload::default() };
    assert!(proto::read(&compressed.encode_to_vec().into()).is_err_and(|why| why.contains("compressed")));
}

/// A payload with one of everything.
fn rich() -> Vec<u8> {
    let metric = |name: &str, kind, value| Metric {
        name: Some(name.to_owned()),
        alias: Some(u64::from(kind)),
        timestamp: Some(1_486_144_502_122),
        datatype: Some(kind),
        value: Some(value),
        ..Metric::default()
    };
    let set = DataSet {
        columns: vec!["a".to_owned()],
        types: vec![3],
        rows: vec![Row { elements: vec![proto::Cell { value: Some(cell::Value::Int(1)) }] }],
    };
    let inner = Template { metrics: vec![metric("x", 3, metric::Value::Int(1))], ..Template::default() };
    let metrics = vec![
        metric("i", 3, metric::Value::Int(1)),
        metric("b", 32, metric::Value::Bytes(Bytes::from_static(&[3, 0, 0, 0, 7]))),
        metric("s", 33, metric::Value::Bytes(Bytes::from_static(b"a\0b\0"))),
        metric("d", 16, metric::Value::DataSet(Box::new(set))),
        metric("t", 19, metric::Value::Template(Box::new(inner))),
    ];
    Payload { timestamp: Some(1_486_144_502_122), metrics, seq: Some(3), uuid: None }.encode_to_vec()
}

fn read_whole(bytes: Vec<u8>) {
    if let Ok(payload) = proto::read(&bytes.into()) {
        for metric in &payload.metrics {
            for kind in 0..36 {
                let (value, _) = of(metric, kind);
                assert!(value.text().is_none_or(|text| text.len() <= value::MAX_TEXT));
            }
            uom(metric.properties.as_deref());
        }
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        read_whole(bytes);
    }

    #[test]
    fn mutated_payloads_are_read_or_refused(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut bytes = rich();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        bytes.truncate(cut.index(bytes.len()) + 1);
        read_whole(bytes);
    }
}

#[test]
fn mutated_payloads_of_another_implementation_are_read_or_refused() {
    let Some(samples) = samples() else { return };
    for sample in samples["payloads"].as_object().unwrap().values() {
        let bytes = unhex(sample["hex"].as_str().unwrap());
        for at in 0..bytes.len() {
            for byte in [0, 1, 0x7F, 0x80, 0xFF] {
                let mut changed = bytes.to_vec();
                changed[at] = byte;
                read_whole(changed);
            }
            read_whole(bytes[..at].to_vec());
        }
    }
}
