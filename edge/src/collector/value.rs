//! What a source's values become, the same for every protocol.
//!
//! A number is kept as a number when an IEEE 754 double holds it exactly. What it cannot hold is kept as the text that a person
//! would write for it, so that nothing is rounded in silence.

use gemba_domain::signal::Value;

/// Longest text of one value that is kept, in bytes; what is beyond is cut.
pub const MAX_TEXT: usize = 64 << 10;

/// The largest magnitude up to which every integer is a double: 2^53.
const EXACT: u64 = 1 << f64::MANTISSA_DIGITS;

/// NaN is a source's way to say that it does not know. Infinities are kept as words: no figure can be made of them.
pub fn number(number: f64) -> Value {
    if number.is_finite() {
        Value::Number(number)
    } else if number.is_nan() {
        Value::Unavailable
    } else {
        Value::Text(if number > 0.0 { "Infinity" } else { "-Infinity" }.into())
    }
}

/// A signed integer.
pub fn signed(integer: i64) -> Value {
    if integer.unsigned_abs() <= EXACT { Value::Number(integer as f64) } else { text(&integer.to_string()) }
}

/// An unsigned integer.
pub fn unsigned(integer: u64) -> Value {
    if integer <= EXACT { Value::Number(integer as f64) } else { text(&integer.to_string()) }
}

/// 1 or 0.
pub fn boolean(on: bool) -> Value {
    Value::Number(f64::from(u8::from(on)))
}

/// A text, cut at [`MAX_TEXT`]. Postgres cannot hold a byte 0: it becomes a space.
pub fn text(text: &str) -> Value {
    let text = cut(text);
    Value::Text(if text.contains('\0') { text.replace('\0', " ").into() } else { text.into() })
}

/// A number where the text is one, else the text as it stands.
pub fn parsed(words: &str) -> Value {
    let words = words.trim();
    match words.parse::<f64>() {
        Ok(value) if value.is_finite() && !exact(words, value) => text(words),
        Ok(value) => number(value),
        Err(_) => text(words),
    }
}

/// Whether a text that is a whole number is the one that the double holds.
fn exact(words: &str, value: f64) -> bool {
    words.parse::<i128>().map_or(true, |whole| whole == value as i128)
}

/// As much of the text as is kept.
pub fn cut(text: &str) -> &str {
    if text.len() <= MAX_TEXT { text } else { &text[..text.floor_char_boundary(MAX_TEXT)] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_rounded_in_silence() {
        assert_eq!(unsigned(1 << 53), Value::Number(9_007_199_254_740_992.0));
        assert_eq!(unsigned(u64::MAX), Value::Text("18446744073709551615".into()));
        assert_eq!(signed(i64::MIN), Value::Text("-9223372036854775808".into()));
        assert_eq!(signed(-5), Value::Number(-5.0));
        assert_eq!(parsed(" 9007199254740993 "), Value::Text("9007199254740993".into()));
        assert_eq!(parsed("1e300"), Value::Number(1e300));
        assert_eq!(parsed("007x"), Value::Text("007x".into()));
        assert_eq!(number(-0.0), Value::Number(-0.0));
    }

    #[test]
    fn what_is_no_number_says_so() {
        assert_eq!(number(f64::NAN), Value::Unavailable);
        assert_eq!(number(f64::INFINITY), Value::Text("Infinity".into()));
        assert_eq!(number(f64::NEG_INFINITY), Value::Text("-Infinity".into()));
        assert_eq!(text("a\0b"), Value::Text("a b".into()));
        let long = "ü".repeat(MAX_TEXT);
        assert_eq!(text(&long), Value::Text(long[..MAX_TEXT].into()));
    }
}
