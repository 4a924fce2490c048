//! From registers to values.

use gemba_domain::signal::Value;

use super::register::{Form, Invalid, Order, Reads};
use crate::collector::value;

/// The value of a bit of a coil or discrete input.
pub fn bit(reads: &Reads, on: bool) -> Value {
    whole(reads, i128::from(on), u64::from(on))
}

/// The value in these registers; unavailable when there are not enough of them.
pub fn registers(reads: &Reads, words: &[u16]) -> Value {
    let Some(words) = words.get(..usize::from(reads.form.registers())) else { return Value::Unavailable };
    let word = |word: &u16| if reads.bytes == Order::Big { *word } else { word.swap_bytes() };
    if let Form::Text(length) = reads.form {
        let bytes: Vec<u8> = words.iter().flat_map(|each| word(each).to_be_bytes()).take(usize::from(length)).collect();
        return characters(&bytes);
    }
    let join = |raw: u64, each: &u16| (raw << 16) | u64::from(word(each));
    let raw = match reads.words {
        Order::Big => words.iter().fold(0, join),
        Order::Little => words.iter().rev().fold(0, join),
    };
    match reads.form {
        Form::Bit(bit) => {
            let on = raw.checked_shr(u32::from(bit)).unwrap_or(0) & 1;
            whole(reads, i128::from(on), on)
        }
        Form::Unsigned(_) => whole(reads, i128::from(raw), raw),
        Form::Signed(16) => whole(reads, i128::from(raw as u16 as i16), raw),
        Form::Signed(32) => whole(reads, i128::from(raw as u32 as i32), raw),
        Form::Signed(_) => whole(reads, i128::from(raw.cast_signed()), raw),
        Form::Bcd(bits) => match decimal(raw, bits) {
            Some(number) => whole(reads, i128::from(number), raw),
            None => Value::Unavailable,
        },
        Form::Float(bits) => {
            let number = if bits == 32 { f64::from(f32::from_bits(raw as u32)) } else { f64::from_bits(raw) };
            let mapped = (number.fract() == 0.0).then(|| reads.map.get(&(number as i64))).flatten();
            match mapped {
                _ if is_invalid(reads, raw, number) => Value::Unavailable,
                Some(word) => Value::Text(word.clone()),
                None => value::number(scaled(reads, number)),
            }
        }
        Form::Text(_) => Value::Unavailable,
    }
}

fn whole(reads: &Reads, number: i128, raw: u64) -> Value {
    if is_invalid(reads, raw, number as f64) {
        return Value::Unavailable;
    }
    if !reads.map.is_empty() {
        // A number without a word is a word all the same: the state is not lost.
        let word = i64::try_from(number).ok().and_then(|number| reads.map.get(&number));
        return word.map_or_else(|| value::text(&number.to_string()), |word| Value::Text(word.clone()));
    }
    if reads.scale != 1.0 || reads.offset != 0.0 {
        return value::number(scaled(reads, number as f64));
    }
    match (i64::try_from(number), u64::try_from(number)) {
        (Ok(number), _) => value::signed(number),
        (_, Ok(number)) => value::unsigned(number),
        _ => Value::Unavailable,
    }
}

fn is_invalid(reads: &Reads, raw: u64, number: f64) -> bool {
    match reads.invalid {
        Some(Invalid::Bits(bits)) => raw == bits,
        Some(Invalid::Number(invalid)) => number == invalid,
        None => false,
    }
}

/// A factor such as 0.1 is a division by 10, so that 3 becomes 0.3 and not 0.30000000000000004.
fn scaled(reads: &Reads, number: f64) -> f64 {
    let inverse = reads.scale.recip();
    let divisor = inverse.round();
    let product = match divisor.abs() > 1.0 && divisor.abs() < 1e15 && divisor.recip() == reads.scale {
        true => number / divisor,
        false => number * reads.scale,
    };
    if reads.offset == 0.0 { product } else { product + reads.offset }
}

fn decimal(raw: u64, bits: u8) -> Option<u64> {
    let mut number = 0;
    for at in (0..bits / 4).rev() {
        let digit = (raw >> (4 * at)) & 0xF;
        if digit > 9 {
            return None;
        }
        number = number * 10 + digit;
    }
    Some(number)
}

/// Up to the first byte 0, without spaces at the end; UTF-8, or else Windows-1252.
fn characters(bytes: &[u8]) -> Value {
    let bytes = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text.into(),
        Err(_) => encoding_rs::WINDOWS_1252.decode_without_bom_handling(bytes).0,
    };
    value::text(text.trim_end())
}

/// A value for a person.
pub fn shown(value: &Value) -> String {
    match value {
        Value::Number(number) => number.to_string(),
        Value::Text(text) => text.to_string(),
        Value::Unavailable => "unavailable".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(text: &str) -> Value {
        Value::Text(text.into())
    }

    #[test]
    fn numbers_of_every_form() {
        let value = |form, words: &[u16]| registers(&Reads::new(form), words);
        assert_eq!(value(Form::Signed(16), &[0xFFFF]), Value::Number(-1.0));
        assert_eq!(value(Form::Unsigned(16), &[0xFFFF]), Value::Number(65_535.0));
        assert_eq!(value(Form::Signed(32), &[0xFFFF, 0xFFFE]), Value::Number(-2.0));
        assert_eq!(value(Form::Unsigned(32), &[1, 0]), Value::Number(65_536.0));
        assert_eq!(value(Form::Signed(64), &[0x8000, 0, 0, 0]), text("-9223372036854775808"));
        assert_eq!(value(Form::Unsigned(64), &[0xFFFF; 4]), text("18446744073709551615"));
        assert_eq!(value(Form::Float(32), &[0x41AC, 0]), Value::Number(21.5));
        assert_eq!(value(Form::Float(32), &[0x7FC0, 0]), Value::Unavailable);
        assert_eq!(value(Form::Float(32), &[0xFF80, 0]), text("-Infinity"));
        assert_eq!(value(Form::Float(64), &[0x7FF0, 0, 0, 0]), text("Infinity"));
        assert_eq!(value(Form::Bcd(16), &[0x1234]), Value::Number(1_234.0));
        assert_eq!(value(Form::Bcd(32), &[0x9999, 0x9999]), Value::Number(99_999_999.0));
        assert_eq!(value(Form::Bcd(16), &[0x12A4]), Value::Unavailable);
        assert_eq!(value(Form::Bit(3), &[0b1000]), Value::Number(1.0));
        assert_eq!(value(Form::Bit(15), &[0x7FFF]), Value::Number(0.0));
        assert_eq!(value(Form::Text(5), &[0x4142, 0x4344, 0x4546]), text("ABCDE"));
        assert_eq!(value(Form::Text(6), &[0x41FC, 0x2020, 0x0045]), text("Aü"));
        assert_eq!(value(Form::Signed(32), &[1]), Value::Unavailable);
    }

    #[test]
    fn orders_scales_and_words() {
        let mut reads = Reads { words: Order::Little, ..Reads::new(Form::Unsigned(32)) };
        assert_eq!(registers(&reads, &[0, 1]), Value::Number(65_536.0));
        reads.bytes = Order::Little;
        assert_eq!(registers(&reads, &[0x0100, 0]), Value::Number(1.0));
        let tenths = Reads { scale: 0.1, offset: -40.0, ..Reads::new(Form::Signed(16)) };
        assert_eq!(registers(&tenths, &[615]), Value::Number(21.5));
        assert_eq!(registers(&Reads { offset: 0.0, ..tenths }, &[3]), Value::Number(0.3));
        let invalid = Reads { invalid: Some(Invalid::Bits(0x8000)), ..Reads::new(Form::Signed(16)) };
        assert_eq!(registers(&invalid, &[0x8000]), Value::Unavailable);
        let invalid = Reads { invalid: Some(Invalid::Number(-999.0)), ..Reads::new(Form::Float(32)) };
        assert_eq!(registers(&invalid, &[0xC479, 0xC000]), Value::Unavailable);
        let map = [(0, "STOPPED".into()), (1, "RUNNING".into())].into();
        let states = Reads { map, ..Reads::new(Form::Unsigned(16)) };
        assert_eq!(registers(&states, &[1]), text("RUNNING"));
        assert_eq!(registers(&states, &[7]), text("7"));
        assert_eq!(bit(&states, false), text("STOPPED"));
        assert_eq!(bit(&Reads::new(Form::Bit(0)), true), Value::Number(1.0));
    }

    fn forms() -> impl Strategy<Value = Form> {
        let numbers: Vec<_> = Form::NUMBERS.iter().map(|(_, form)| *form).collect();
        prop_oneof![
            proptest::sample::select(numbers),
            any::<u8>().prop_map(Form::Bit),
            any::<u16>().prop_map(Form::Text)
        ]
    }

    proptest! {
        #[test]
        fn whatever_stands_in_registers_is_a_value(
            form in forms(), words in proptest::collection::vec(any::<u16>(), 0..130), scale in any::<f64>(), little in any::<bool>(),
        ) {
            let order = if little { Order::Little } else { Order::Big };
            let reads = Reads { scale, words: order, bytes: order, ..Reads::new(form) };
            if let Value::Number(number) = registers(&reads, &words) {
                prop_assert!(number.is_finite());
            }
        }
    }
}
