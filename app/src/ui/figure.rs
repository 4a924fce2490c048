/// Below this coverage a figure says so.
pub(crate) const FULL_COVERAGE: f64 = 0.95;

/// A difference in a word for the stylesheet: more is better.
pub(crate) fn trend_of(difference: Option<f64>) -> &'static str {
    match difference {
        Some(d) if d <= -0.0005 => "down",
        Some(d) if d >= 0.0005 => "up",
        _ => "level",
    }
}
