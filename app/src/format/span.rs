/// A length of time, in its two largest units: `38 s`, `12 min`, `1 h 48 min`, `2 d 4 h`.
pub fn span(seconds: f64) -> String {
    let s = if seconds.is_finite() { seconds.max(0.0) as u64 } else { 0 };
    let pair = |big: u64, big_unit: &str, small: u64, small_unit: &str| {
        if small == 0 { format!("{big} {big_unit}") } else { format!("{big} {big_unit} {small} {small_unit}") }
    };
    match s {
        0..=59 => format!("{s} s"),
        60..=3599 => format!("{} min", s / 60),
        3600..=86_399 => pair(s / 3600, "h", s % 3600 / 60, "min"),
        _ => pair(s / 86_400, "d", s % 86_400 / 3600, "h"),
    }
}

/// How old something is: `0.4 s`, `2 s`, `3 min`; a moment that seems to lie ahead is of now.
pub fn age(seconds: f64) -> String {
    if (0.05..0.95).contains(&seconds) { format!("{seconds:.1} s") } else { span(seconds.round()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans() {
        let cases = [
            (0.0, "0 s"),
            (59.9, "59 s"),
            (60.0, "1 min"),
            (3599.0, "59 min"),
            (3600.0, "1 h"),
            (6480.0, "1 h 48 min"),
            (86_400.0, "1 d"),
            (187_200.0, "2 d 4 h"),
            (-5.0, "0 s"),
            (f64::NAN, "0 s"),
        ];
        for (seconds, text) in cases {
            assert_eq!(span(seconds), text);
        }
    }

    #[test]
    fn ages() {
        assert_eq!(age(0.42), "0.4 s");
        assert_eq!(age(0.97), "1 s");
        assert_eq!(age(-0.3), "0 s");
        assert_eq!(age(2.2), "2 s");
        assert_eq!(age(200.0), "3 min");
    }
}
