//! Amounts as people write them.

/// `1.25` of 125 hundredths.
pub(super) fn written(cents: i64) -> String {
    let sign = if cents < 0 { "-" } else { "" };
    let size = cents.unsigned_abs();
    format!("{sign}{}.{:02}", size / 100, size % 100)
}

/// Hundredths of `1.25` or `1,25`; at most two decimals. `None`: it is no amount.
pub(super) fn read(text: &str) -> Option<i64> {
    let (whole, cents) = text.split_once(['.', ',']).unwrap_or((text, ""));
    if cents.len() > 2 || !cents.bytes().all(|byte| byte.is_ascii_digit()) || whole.is_empty() {
        return None;
    }
    let cents: i64 = if cents.is_empty() { 0 } else { format!("{cents:0<2}").parse().ok()? };
    let whole: i64 = whole.parse().ok()?;
    let sign = if text.starts_with('-') { -1 } else { 1 };
    whole.checked_mul(100)?.checked_add(sign * cents)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_as_they_are_written() {
        for (text, cents) in [("1.25", 125), ("1,5", 150), ("12", 1200), ("-0.05", -5), ("0.07", 7)] {
            assert_eq!(read(text), Some(cents), "{text}");
            assert_eq!(read(&written(cents)), Some(cents), "{text}");
        }
        for wrong in ["", "1.255", "1.2x", "EUR 3", ".5", "1,000.00"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
