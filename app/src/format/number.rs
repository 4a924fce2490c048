/// What stands where a figure does not exist.
pub const NO_VALUE: &str = "–";

/// A ratio in percent, to a tenth: `71.4`. No unit.
pub fn percent(ratio: Option<f64>) -> String {
    ratio.map_or_else(|| NO_VALUE.to_owned(), |r| fixed(r * 100.0, 1))
}

/// A difference of ratios in percentage points, with its sign: `−3.1`, `+0.4`, `0.0`.
pub fn signed_points(difference: f64) -> String {
    let text = fixed(difference.abs() * 100.0, 1);
    if text == "0.0" {
        text
    } else if difference < 0.0 {
        format!("−{text}")
    } else {
        format!("+{text}")
    }
}

/// Hundredths of a currency, without them: `1,204 EUR`.
pub fn money(cents: i64, currency: &str) -> String {
    format!("{} {currency}", fixed(cents as f64 / 100.0, 0))
}

/// Whole pieces: `4,812`.
pub fn pieces(count: f64) -> String {
    fixed(count, 0)
}

/// A measured value, to about four significant digits so that a live figure keeps its width;
/// whole numbers of counters and setpoints without decimals.
pub fn reading(value: f64, whole_when_whole: bool) -> String {
    let size = value.abs();
    if !value.is_finite() {
        return NO_VALUE.to_owned();
    }
    if (whole_when_whole && value.fract() == 0.0 && size < 1e15) || size >= 1e5 {
        return if size >= 1e15 { format!("{value:.3e}") } else { fixed(value, 0) };
    }
    let decimals = match size {
        s if s >= 1000.0 => 0,
        s if s >= 100.0 => 1,
        s if s >= 10.0 => 2,
        s if s >= 0.1 || s == 0.0 => 3,
        s if s >= 0.001 => 5,
        _ => return format!("{value:.2e}").replace('-', "−"),
    };
    fixed(value, decimals)
}

/// With thousands separators and a true minus sign.
pub fn fixed(value: f64, decimals: usize) -> String {
    if !value.is_finite() {
        return NO_VALUE.to_owned();
    }
    let text = format!("{:.decimals$}", value.abs());
    let (whole, fraction) = text.split_once('.').map_or((text.as_str(), None), |(w, f)| (w, Some(f)));
    let mut out = String::with_capacity(text.len() + text.len() / 3 + 3);
    if value < 0.0 && text.bytes().any(|b| (b'1'..=b'9').contains(&b)) {
        out.push('−');
    }
    for (i, digit) in whole.chars().enumerate() {
        if i > 0 && (whole.len() - i) % 3 == 0 {
            out.push(',');
        }
        out.push(digit);
    }
    if let Some(fraction) = fraction {
        out.push('.');
        out.push_str(fraction);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_is_whole() {
        assert_eq!(money(120_449, "EUR"), "1,204 EUR");
        assert_eq!(money(-50_000, "EUR"), "−500 EUR");
    }

    #[test]
    fn percents() {
        assert_eq!(percent(Some(0.7141)), "71.4");
        assert_eq!(percent(Some(1.0)), "100.0");
        assert_eq!(percent(None), NO_VALUE);
        assert_eq!(percent(Some(f64::NAN)), NO_VALUE);
    }

    #[test]
    fn points_carry_a_true_sign() {
        assert_eq!(signed_points(-0.031), "−3.1");
        assert_eq!(signed_points(0.004), "+0.4");
        assert_eq!(signed_points(-0.0001), "0.0");
    }

    #[test]
    fn thousands() {
        assert_eq!(pieces(999.4), "999");
        assert_eq!(pieces(4812.0), "4,812");
        assert_eq!(pieces(1_234_567.0), "1,234,567");
        assert_eq!(pieces(-0.2), "0");
        assert_eq!(pieces(-1480.0), "−1,480");
    }

    #[test]
    fn readings_keep_about_four_digits() {
        assert_eq!(reading(0.0, false), "0.000");
        assert_eq!(reading(0.5, false), "0.500");
        assert_eq!(reading(12.3456, false), "12.35");
        assert_eq!(reading(123.456, false), "123.5");
        assert_eq!(reading(1234.56, false), "1,235");
        assert_eq!(reading(-0.01234, false), "−0.01234");
        assert_eq!(reading(100.0, true), "100");
        assert_eq!(reading(2_000_000.0, false), "2,000,000");
        assert_eq!(reading(0.000_012, false), "1.20e−5");
        assert_eq!(reading(f64::INFINITY, false), NO_VALUE);
    }
}
