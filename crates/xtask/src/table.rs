//! How measured figures are printed: a table for people, one JSON object as the last line for programs.

use serde_json::{Map, Value, json};

/// Figures of one run, beside what is aimed at.
pub struct Figures {
    name: &'static str,
    rows: Vec<Row>,
}

struct Row {
    key: &'static str,
    label: &'static str,
    value: f64,
    unit: &'static str,
    at_most: Option<f64>,
}

impl Figures {
    /// Starts the table of the bench `name`.
    pub fn new(name: &'static str) -> Self {
        Self { name, rows: Vec::new() }
    }

    /// Adds a figure that should be at most `at_most`.
    pub fn at_most(&mut self, key: &'static str, label: &'static str, value: f64, unit: &'static str, at_most: f64) {
        self.rows.push(Row { key, label, value, unit, at_most: Some(at_most) });
    }

    /// Adds a figure without a target.
    pub fn plain(&mut self, key: &'static str, label: &'static str, value: f64, unit: &'static str) {
        self.rows.push(Row { key, label, value, unit, at_most: None });
    }

    /// Prints the table and, as the last line, the JSON object.
    pub fn print(&self) {
        println!("\n{:<44} {:>12} {:<6} {:>12}", "figure", "measured", "", "target");
        for row in &self.rows {
            let target = row.at_most.map_or_else(String::new, |limit| {
                let verdict = if row.value <= limit { "met" } else { "MISSED" };
                format!("<= {} {verdict}", number(limit))
            });
            println!("{:<44} {:>12} {:<6} {:>12}", row.label, number(row.value), row.unit, target);
        }
        println!("{}", self.json());
    }

    fn json(&self) -> Value {
        let mut object = Map::from_iter([("name".to_owned(), json!(self.name))]);
        object.extend(self.rows.iter().map(|row| (row.key.to_owned(), json!(row.value))));
        Value::Object(object)
    }
}

fn number(value: f64) -> String {
    if value == value.trunc() || value.abs() >= 1000.0 { format!("{value:.0}") } else { format!("{value:.3}") }
}
