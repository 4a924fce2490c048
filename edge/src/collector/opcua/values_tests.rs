use opcua::types::{
    BinaryDecodable, BinaryEncodable, ByteString, EUInformation, Guid, LocalizedText, NodeId, QualifiedName,
    StatusCode, UAString, VariantScalarTypeId,
};
use proptest::prelude::*;

use super::*;

fn value(variant: Variant) -> Value {
    of(&variant, &ContextOwned::default())
}

fn text(words: &str) -> Value {
    Value::Text(words.into())
}

#[test]
fn every_scalar() {
    assert_eq!(value(Variant::Boolean(true)), Value::Number(1.0));
    assert_eq!(value(Variant::SByte(-128)), Value::Number(-128.0));
    assert_eq!(value(Variant::UInt32(u32::MAX)), Value::Number(4_294_967_295.0));
    assert_eq!(value(Variant::Int64(i64::MIN)), text("-9223372036854775808"));
    assert_eq!(value(Variant::UInt64(u64::MAX)), text("18446744073709551615"));
    assert_eq!(value(Variant::Float(0.5)), Value::Number(0.5));
    assert_eq!(value(Variant::Double(f64::NAN)), Value::Unavailable);
    assert_eq!(value(Variant::Double(f64::NEG_INFINITY)), text("-Infinity"));
    assert_eq!(value(Variant::from("Blech 3")), text("Blech 3"));
    assert_eq!(value(Variant::String(UAString::null())), Value::Unavailable);
    let time = DateTime::ymd_hms_nano(2026, 11, 24, 22, 30, 5, 123_456_700);
    assert_eq!(value(Variant::from(time)), text("2026-11-24T22:30:05.123456700Z"));
    let guid: Guid = "72962b91-fa75-4ae6-8d28-b404dc7daf63".parse().unwrap();
    assert_eq!(value(Variant::from(guid)), text("72962b91-fa75-4ae6-8d28-b404dc7daf63"));
    assert_eq!(value(Variant::from(ByteString::from(vec![1, 2, 3]))), text("AQID"));
    assert_eq!(value(Variant::from(LocalizedText::new("de", "Läuft"))), text("Läuft"));
    assert_eq!(value(Variant::from(QualifiedName::new(2, "Load"))), text("Load"));
    assert_eq!(value(Variant::from(NodeId::new(2, "Load"))), text("ns=2;s=Load"));
    assert_eq!(value(Variant::from(StatusCode::BadNoCommunication)), text("BadNoCommunication"));
    assert_eq!(value(Variant::Empty), Value::Unavailable);
}

#[test]
fn arrays_and_structures_are_one_line_of_json() {
    assert_eq!(value(Variant::from(vec![1_i32, -2])), text("[1,-2]"));
    let floats =
        Array::new(VariantScalarTypeId::Double, vec![Variant::Double(1.5), Variant::Double(f64::NAN)]).unwrap();
    assert_eq!(value(Variant::from(floats)), text(r#"[1.5,"NaN"]"#));
    let numbers: Vec<_> = (1..=6_i32).map(Variant::from).collect();
    let matrix = Array::new_multi(VariantScalarTypeId::Int32, numbers, vec![2, 3]).unwrap();
    assert_eq!(value(Variant::from(matrix)), text("[[1,2,3],[4,5,6]]"));
    let unit = EUInformation { unit_id: 7, display_name: LocalizedText::new("", "kW"), ..EUInformation::default() };
    let Value::Text(words) = value(Variant::from(ExtensionObject::from_message(unit))) else { panic!() };
    assert!(words.contains(r#""UnitId":7"#) && words.contains("kW") && !words.contains('\n'), "{words}");
    let unknown = ByteStringBody::new(ByteString::from(vec![1, 2, 3]), NodeId::new(4, 5_u32));
    let words = value(Variant::from(ExtensionObject::new(unknown)));
    assert_eq!(words, text(r#"{"body":"AQID","type":"ns=4;i=5"}"#));
}

#[test]
fn quality_and_time() {
    let (context, at) = (ContextOwned::default(), Timestamp::from_seconds(1_700_000_000));
    let mut data = DataValue { value: Some(Variant::Double(5.0)), ..DataValue::null() };
    assert_eq!(read(&data, &context).time, None);
    data.server_timestamp = Some(date_time(at.plus_seconds(1)));
    assert_eq!(read(&data, &context).time, Some(at.plus_seconds(1)));
    data.source_timestamp = Some(date_time(at));
    assert_eq!(read(&data, &context).time, Some(at));
    data.status = Some(StatusCode::UncertainLastUsableValue);
    let doubted = read(&data, &context);
    assert!(doubted.uncertain && doubted.value == Value::Number(5.0), "{doubted:?}");
    data.status = Some(StatusCode::from(0x0000_0480));
    assert!(read(&data, &context).overflow);
    data.status = Some(StatusCode::from(0x0000_0080));
    assert!(!read(&data, &context).overflow);
    data.status = Some(StatusCode::BadSensorFailure);
    assert_eq!(read(&data, &context).value, Value::Unavailable);
}

proptest! {
    #[test]
    fn what_bytes_say_is_borne(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let context = ContextOwned::default();
        if let Ok(data) = DataValue::decode(&mut bytes.as_slice(), &context.context()) {
            let _ = read(&data, &context);
        }
    }

    #[test]
    fn mutated_values_are_borne(
        numbers in prop::collection::vec(any::<i32>(), 0..20),
        dimensions in prop::collection::vec(0_u32..5, 0..4),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let context = ContextOwned::default();
        let values: Vec<_> = numbers.into_iter().map(Variant::from).collect();
        let array = Array { value_type: VariantScalarTypeId::Int32, values, dimensions: Some(dimensions) };
        let _ = of(&Variant::Array(Box::new(array.clone())), &context);
        let mut bytes = Variant::Array(Box::new(array)).encode_to_vec(&context.context());
        if !bytes.is_empty() {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Ok(variant) = Variant::decode(&mut bytes.as_slice(), &context.context()) {
            let _ = of(&variant, &context);
        }
    }

    #[test]
    fn times_go_there_and_back(micros in -11_644_473_600_000_000_i64 + 1..250_000_000_000_000_000) {
        let time = Timestamp::from_micros(micros);
        prop_assert_eq!(timestamp(&date_time(time)), Some(time));
    }
}
