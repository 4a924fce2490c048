//! Times as people write them into JSON.

use gemba_domain::Timestamp;

/// Where no member is named for the time, these are tried.
pub(super) const USUAL: [&str; 3] = ["timestamp", "ts", "time"];

/// Before this, a number under a usual name is taken for something else: 2000-01-01, in seconds.
const PLAUSIBLE: f64 = 946_684_800.0;

/// RFC 3339.
pub(super) fn text(text: &str) -> Option<Timestamp> {
    text.trim().parse().ok()
}

/// Since 1970; in seconds, milliseconds, microseconds or nanoseconds by its size (seconds until the year 5138).
pub(super) fn number(digits: &str) -> Option<Timestamp> {
    if let Ok(whole) = digits.parse::<i64>() {
        let micros = match whole.unsigned_abs().checked_ilog10().unwrap_or(0) {
            ..11 => whole.checked_mul(1_000_000)?,
            11..14 => whole.checked_mul(1_000)?,
            14..17 => whole,
            _ => whole / 1_000,
        };
        return Some(Timestamp::from_micros(micros));
    }
    let number: f64 = digits.parse().ok()?;
    let micros = match number.abs() {
        size if size < 1e11 => number * 1e6,
        size if size < 1e14 => number * 1e3,
        size if size < 1e17 => number,
        size if size < 1e20 => number / 1e3,
        _ => return None,
    };
    Some(Timestamp::from_micros(micros.round() as i64))
}

/// Whether a time under a usual name is one.
pub(super) fn plausible(time: Timestamp) -> bool {
    time.micros() as f64 / 1e6 >= PLAUSIBLE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn epochs_are_told_apart_by_their_size() {
        let micros = |text| number(text).map(Timestamp::micros);
        for text in ["1700000000", "1700000000000", "1700000000000000", "1700000000000000000", "1.7e9", "1700000000.0"]
        {
            assert_eq!(micros(text), Some(1_700_000_000_000_000), "{text}");
        }
        assert_eq!(micros("1700000000.125"), Some(1_700_000_000_125_000));
        assert_eq!(micros("1e300"), None);
        assert_eq!(micros("x"), None);
        assert_eq!(text("2023-11-14T22:13:20Z"), number("1700000000"));
        assert_eq!(text("2023-11-15T00:13:20.5+02:00"), number("1700000000.5"));
        assert_eq!(text("2023-11-14 22:13"), None);
        assert!(!number("12.5").is_some_and(plausible));
    }
}
