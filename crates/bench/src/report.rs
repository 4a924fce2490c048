//! How measured figures are printed: a table for people, one JSON object as the last line for programs.

use serde_json::{Map, Value, json};

/// Figures of one run, beside what is aimed at and what others reach.
#[derive(Debug)]
pub struct Report {
    name: String,
    rows: Vec<Row>,
}

#[derive(Debug)]
struct Row {
    key: &'static str,
    label: String,
    value: Value,
    unit: &'static str,
    target: Option<Target>,
    beside: String,
}

#[derive(Clone, Copy, Debug)]
enum Target {
    AtMost(f64),
    AtLeast(f64),
}

impl Target {
    fn is_met(self, value: f64) -> bool {
        match self {
            Self::AtMost(limit) => value <= limit,
            Self::AtLeast(limit) => value >= limit,
        }
    }

    fn text(self) -> String {
        match self {
            Self::AtMost(limit) => format!("<= {}", number(limit)),
            Self::AtLeast(limit) => format!(">= {}", number(limit)),
        }
    }
}

impl Report {
    /// Of the measurement `name`, such as `bench live`.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), rows: Vec::new() }
    }

    /// Adds a figure: its key in the JSON, what it is, its value and unit (empty for a plain number).
    pub fn figure(&mut self, key: &'static str, label: impl Into<String>, value: f64, unit: &'static str) -> &mut Self {
        let rounded = json!((value * 1000.0).round() / 1000.0);
        let row = Row { key, label: label.into(), value: rounded, unit, target: None, beside: String::new() };
        self.rows.push(row);
        self
    }

    /// Adds something that is no figure, such as a seed.
    pub fn word(&mut self, key: &'static str, label: impl Into<String>, value: impl Into<Value>) -> &mut Self {
        let row = Row { key, label: label.into(), value: value.into(), unit: "", target: None, beside: String::new() };
        self.rows.push(row);
        self
    }

    /// The last figure should be at most this.
    pub fn at_most(&mut self, limit: f64) -> &mut Self {
        self.aim(Target::AtMost(limit))
    }

    /// The last figure should be at least this.
    pub fn at_least(&mut self, limit: f64) -> &mut Self {
        self.aim(Target::AtLeast(limit))
    }

    fn aim(&mut self, target: Target) -> &mut Self {
        if let Some(row) = self.rows.last_mut() {
            row.target = Some(target);
        }
        self
    }

    /// What stands beside the last figure: a neighbour's, or a remark.
    pub fn beside(&mut self, text: impl Into<String>) -> &mut Self {
        if let Some(row) = self.rows.last_mut() {
            row.beside = text.into();
        }
        self
    }

    /// Keys of the figures that miss their target.
    pub fn missed(&self) -> Vec<&'static str> {
        let misses = |row: &&Row| matches!((row.target, row.value.as_f64()), (Some(target), Some(value)) if !target.is_met(value));
        self.rows.iter().filter(misses).map(|row| row.key).collect()
    }

    /// Prints the table and, as the last line, `{"name": …, key: value, …}`.
    pub fn print(&self) {
        println!("\n{:<50} {:>12} {:<6} {:<16} beside", "figure", "measured", "", "target");
        for row in &self.rows {
            let value = row.value.as_f64().map_or_else(|| row.value.to_string(), number);
            let target = match (row.target, row.value.as_f64()) {
                (Some(target), Some(value)) if target.is_met(value) => format!("{} met", target.text()),
                (Some(target), _) => format!("{} MISSED", target.text()),
                (None, _) => String::new(),
            };
            let line = format!("{:<50} {value:>12} {:<6} {target:<16} {}", row.label, row.unit, row.beside);
            println!("{}", line.trim_end());
        }
        println!("{}", self.json());
    }

    /// The object of the last line.
    pub fn json(&self) -> Value {
        let mut object = Map::from_iter([("name".to_owned(), json!(self.name))]);
        object.extend(self.rows.iter().map(|row| (row.key.to_owned(), row.value.clone())));
        Value::Object(object)
    }
}

fn number(value: f64) -> String {
    if value == value.trunc() || value.abs() >= 1000.0 { format!("{value:.0}") } else { format!("{value:.3}") }
}

/// The value below which this share of the sorted values lies (nearest rank); NaN when there are none.
pub fn quantile(sorted: &[f64], share: f64) -> f64 {
    let rank = (sorted.len() as f64 * share).ceil() as usize;
    sorted.get(rank.clamp(1, sorted.len().max(1)) - 1).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_is_flat_and_misses_are_named() {
        let mut report = Report::new("bench x");
        report.figure("p99_ms", "p99", 12.34567, "ms").at_most(10.0);
        report.figure("rate", "rate", 5.0, "1/s").at_least(4.0);
        report.word("seed", "seed", 7);
        assert_eq!(report.missed(), ["p99_ms"]);
        assert_eq!(report.json(), json!({"name": "bench x", "p99_ms": 12.346, "rate": 5.0, "seed": 7}));
    }

    #[test]
    fn quantiles_are_by_nearest_rank() {
        let values: Vec<f64> = (1..=100).map(f64::from).collect();
        assert_eq!([quantile(&values, 0.5), quantile(&values, 0.99), quantile(&values, 1.0)], [50.0, 99.0, 100.0]);
        assert!(quantile(&[], 0.5).is_nan());
    }
}
