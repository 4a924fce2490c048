//! The numbers behind a plot, as a table and as CSV.

use gemba_domain::{Timestamp, state::UnitState};
use leptos::prelude::*;

use crate::format::{NO_VALUE, day_time_seconds, decimal, span, state_word};

/// What stands in a cell: read by people in the table, by programs in the CSV.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Cell {
    Text(String),
    /// A number, and its decimals for people.
    Number(Option<f64>, usize),
    /// A ratio: percent for people and programs alike.
    Percent(Option<f64>),
    Time(Timestamp),
    State(UnitState),
    /// A length of time in microseconds; seconds in CSV.
    Length(i64),
}

impl Cell {
    pub fn text(text: impl Into<String>) -> Self {
        Cell::Text(text.into())
    }

    fn is_number(&self) -> bool {
        matches!(self, Cell::Number(..) | Cell::Percent(_) | Cell::Length(_))
    }

    fn shown(&self, offset: i32) -> String {
        match self {
            Cell::Text(text) => text.clone(),
            Cell::Number(number, decimals) => number.map_or_else(|| NO_VALUE.to_owned(), |n| decimal(n, *decimals)),
            Cell::Percent(ratio) => crate::format::percent(*ratio),
            Cell::Time(time) => day_time_seconds(*time, offset),
            Cell::State(state) => state_word(*state).to_owned(),
            Cell::Length(micros) => span(*micros as f64 / 1e6),
        }
    }

    fn csv(&self) -> String {
        let number = |n: &Option<f64>, factor: f64| n.map_or_else(String::new, |n| (n * factor).to_string());
        match self {
            // A spreadsheet must not take what a person wrote for a formula.
            Cell::Text(text) if text.starts_with(['=', '+', '-', '@', '\t']) => quoted(&format!("'{text}")),
            Cell::Text(text) => quoted(text),
            Cell::Number(n, _) => number(n, 1.0),
            Cell::Percent(ratio) => number(ratio, 100.0),
            Cell::Time(time) => time.to_string(),
            Cell::State(state) => state.as_str().to_owned(),
            Cell::Length(micros) => (*micros as f64 / 1e6).to_string(),
        }
    }
}

fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}

/// As it may stand in an address.
pub(crate) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b',' | b':' => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

/// The file, as an address that holds it all. It needs no request and no script.
fn csv_address(heads: &[&str], rows: &[Vec<Cell>]) -> String {
    let mut out = String::from("data:text/csv;charset=utf-8,");
    let mut put = |line: String| {
        out.push_str(&escaped(&line));
        out.push_str("%0D%0A");
    };
    put(heads.iter().map(|head| quoted(head)).collect::<Vec<_>>().join(","));
    for row in rows {
        put(row.iter().map(Cell::csv).collect::<Vec<_>>().join(","));
    }
    out
}

/// A table that scrolls on its own.
pub(crate) fn data_table(label: &'static str, heads: &[&'static str], rows: &[Vec<Cell>], offset: i32) -> AnyView {
    let numbers: Vec<bool> =
        (0..heads.len()).map(|i| rows.first().and_then(|r| r.get(i)).is_some_and(Cell::is_number)).collect();
    let class = |number: bool| if number { "number" } else { "" };
    let head = heads
        .iter()
        .zip(&numbers)
        .map(|(head, number)| view! { <th scope="col" class=class(*number)>{*head}</th> })
        .collect_view();
    let body = rows
        .iter()
        .map(|row| {
            let cells = row
                .iter()
                .map(|cell| view! { <td class=class(cell.is_number())>{cell.shown(offset)}</td> })
                .collect_view();
            view! { <tr>{cells}</tr> }
        })
        .collect_view();
    view! {
        <div class="table-scroll" tabindex="0" role="group" aria-label=label>
            <table class="table">
                <thead>
                    <tr>{head}</tr>
                </thead>
                <tbody>{body}</tbody>
            </table>
        </div>
    }
    .into_any()
}

/// The table behind a fold, beside its CSV.
pub(crate) fn table_fold(
    label: &'static str,
    file: &'static str,
    heads: &[&'static str],
    rows: &[Vec<Cell>],
    offset: i32,
) -> AnyView {
    fold(label, file, heads, rows, offset, false)
}

/// The same, open: the table is what the page is for.
pub(crate) fn open_table(
    label: &'static str,
    file: &'static str,
    heads: &[&'static str],
    rows: &[Vec<Cell>],
    offset: i32,
) -> AnyView {
    fold(label, file, heads, rows, offset, true)
}

fn fold(
    label: &'static str,
    file: &'static str,
    heads: &[&'static str],
    rows: &[Vec<Cell>],
    offset: i32,
    open: bool,
) -> AnyView {
    let table = data_table(label, heads, rows, offset);
    let inside = view! {
        <summary>"As a table"</summary>
        {table}
    };
    // Whether it is open is the reader's: a new rendering must not say so again.
    let details = if open {
        view! {
            <details class="fold" open>
                {inside}
            </details>
        }
        .into_any()
    } else {
        view! { <details class="fold">{inside}</details> }.into_any()
    };
    view! {
        <div class="fold-row">
            {details}
            <a class="link" href=csv_address(heads, rows) download=file rel="external">
                "CSV"
            </a>
        </div>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn csv_is_for_programs() {
        let rows = vec![vec![
            Cell::text("die, \"old\""),
            Cell::Number(Some(1104.5), 0),
            Cell::Percent(None),
            Cell::Time(Timestamp::from_seconds(1_800_000_000)),
            Cell::Length(90_500_000),
        ]];
        assert_eq!(
            csv_address(&["Reason", "Good"], &rows),
            "data:text/csv;charset=utf-8,Reason,Good%0D%0A%22die,%20%22%22old%22%22%22,1104.5,,2027-01-15T08:00:00Z,90.5%0D%0A"
        );
    }

    #[test]
    fn what_means_something_in_an_address_is_escaped() {
        assert_eq!(escaped("die-sensor"), "die-sensor");
        assert_eq!(escaped("a b&c=ü"), "a%20b%26c%3D%C3%BC");
    }

    #[test]
    fn words_are_no_formulas() {
        assert_eq!(Cell::text("=1+1").csv(), "'=1+1");
        assert_eq!(Cell::Number(Some(-3.0), 0).csv(), "-3");
    }

    #[test]
    fn people_read_separators_and_units() {
        assert_eq!(Cell::Number(Some(1104.4), 0).shown(0), "1,104");
        assert_eq!(Cell::Length(90_500_000).shown(0), "1 min");
        assert_eq!(Cell::Number(None, 1).shown(0), NO_VALUE);
    }
}
