//! Sizes and durations as people write them: `8 GiB`, `30 d`, `100 ms`.

use std::time::Duration;

/// A number and a unit, apart.
fn split(text: &str) -> Option<(f64, &str)> {
    let text = text.trim();
    let unit_at = text.find(|c: char| !(c.is_ascii_digit() || c == '.'))?;
    let (number, unit) = text.split_at(unit_at);
    let number: f64 = number.parse().ok()?;
    (number.is_finite() && number >= 0.0).then_some((number, unit.trim()))
}

/// Bytes: `B`, `kB`, `MB`, `GB`, `TB` (powers of 1,000) and `KiB`, `MiB`, `GiB`, `TiB` (powers of 1,024).
pub(super) fn bytes(text: &str) -> Result<u64, String> {
    let wrong = || format!("`{text}` is no size; write such as \"8 GiB\" or \"500 MB\"");
    let (number, unit) = split(text).ok_or_else(wrong)?;
    let factor: f64 = match unit {
        "B" => 1.0,
        "kB" => 1e3,
        "MB" => 1e6,
        "GB" => 1e9,
        "TB" => 1e12,
        "KiB" => 1024.0,
        "MiB" => 1_048_576.0,
        "GiB" => 1_073_741_824.0,
        "TiB" => 1_099_511_627_776.0,
        _ => return Err(wrong()),
    };
    let bytes = number * factor;
    if bytes > 1e18 { Err(wrong()) } else { Ok(bytes as u64) }
}

/// A duration: `ms`, `s`, `min`, `h`, `d`.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let wrong =
        || format!("`{text}` is no duration; write such as \"100 ms\", \"10 s\", \"5 min\", \"2 h\" or \"30 d\"");
    let (number, unit) = split(text).ok_or_else(wrong)?;
    let seconds: f64 = match unit {
        "ms" => 1e-3,
        "s" => 1.0,
        "min" => 60.0,
        "h" => 3_600.0,
        "d" => 86_400.0,
        _ => return Err(wrong()),
    };
    Duration::try_from_secs_f64(number * seconds).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_as_people_write_them() {
        assert_eq!(bytes("8 GiB"), Ok(8 << 30));
        assert_eq!(bytes("1.5kB"), Ok(1500));
        assert_eq!(duration("30 d"), Ok(Duration::from_secs(30 * 86_400)));
        assert_eq!(duration("100ms"), Ok(Duration::from_millis(100)));
        for bad in ["", "8", "GiB", "8 gib", "-1 s", "1e3 s", "1.2.3 s", "8 GiB extra"] {
            assert!(bytes(bad).is_err() && duration(bad).is_err(), "{bad:?} should be refused");
        }
    }
}
