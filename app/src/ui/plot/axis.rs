use crate::format::reading;

/// The vertical axis: its reach, and ticks as (share of the height from the top, text).
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct YAxis {
    pub low: f64,
    pub high: f64,
    pub ticks: Vec<(f64, String)>,
    /// Ticks name lanes instead of numbers.
    pub lanes: bool,
}

impl YAxis {
    /// For numbers from `low` to `high`: rounded outwards to about five even steps.
    pub fn numbers(low: f64, high: f64) -> Self {
        let (low, high) = if high - low > low.abs().max(high.abs()) * 1e-9 {
            (low, high)
        } else {
            let around = (low.abs() * 0.05).max(0.5);
            (low - around, high + around)
        };
        let step = nice_step((high - low) / 4.0);
        let (first, last) = ((low / step).floor(), (high / step).ceil());
        let (bottom, top) = (first * step, last * step);
        let decimals = (-step.log10().floor()).clamp(0.0, 9.0) as usize;
        let ticks = (0..=(last - first) as i64)
            .map(|i| {
                let value = (first + i as f64) * step;
                (1.0 - (value - bottom) / (top - bottom), label(value, decimals, step))
            })
            .collect();
        Self { low: bottom, high: top, ticks, lanes: false }
    }

    /// One lane per word, the first on top.
    pub fn lanes(words: Vec<String>) -> Self {
        let count = words.len().max(1) as f64;
        let ticks = words.into_iter().enumerate().map(|(i, word)| ((i as f64 + 0.5) / count, word)).collect();
        Self { low: 0.0, high: count, ticks, lanes: true }
    }
}

fn label(value: f64, decimals: usize, step: f64) -> String {
    if (1e-8..1e9).contains(&step) { crate::format::decimal(value, decimals) } else { reading(value, true) }
}

/// The next of 1, 2, 5, 10, … that is no smaller.
fn nice_step(raw: f64) -> f64 {
    let size = 10f64.powf(raw.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].into_iter().find(|m| m * size >= raw * (1.0 - 1e-9)).unwrap_or(10.0);
    step * size
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn number_ticks_are_round_and_hold_all() {
        let axis = YAxis::numbers(3.2, 17.9);
        assert_eq!((axis.low, axis.high), (0.0, 20.0));
        let texts: Vec<&str> = axis.ticks.iter().map(|t| t.1.as_str()).collect();
        assert_eq!(texts, ["0", "5", "10", "15", "20"]);
        assert_eq!(axis.ticks[0].0, 1.0);
        assert_eq!(axis.ticks[4].0, 0.0);
    }

    #[test]
    fn small_steps_have_decimals() {
        let axis = YAxis::numbers(0.012, 0.048);
        let texts: Vec<&str> = axis.ticks.iter().map(|t| t.1.as_str()).collect();
        assert_eq!(texts, ["0.01", "0.02", "0.03", "0.04", "0.05"]);
    }

    #[test]
    fn a_constant_gets_room() {
        let axis = YAxis::numbers(100.0, 100.0);
        assert!(axis.low < 100.0 && axis.high > 100.0);
        let zero = YAxis::numbers(0.0, 0.0);
        assert!(zero.low < 0.0 && zero.high > 0.0);
        assert!(axis.ticks.len() >= 3 && axis.ticks.len() <= 8, "{axis:?}");
    }

    #[test]
    fn lanes_stand_in_the_middle_of_their_share() {
        let axis = YAxis::lanes(vec!["A".to_owned(), "B".to_owned()]);
        assert_eq!(axis.ticks, [(0.25, "A".to_owned()), (0.75, "B".to_owned())]);
    }
}
