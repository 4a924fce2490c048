//! Samples as comma-separated values, for spreadsheets.

use std::fmt::Write;

use gemba_domain::signal::Value;

use super::series::Series;

/// The first line.
pub(super) const HEADER: &str = "time,value\r\n";

/// One line per sample. Time is RFC 3339 in UTC; a source that could not tell is `UNAVAILABLE`.
pub(super) fn lines(series: &Series) -> String {
    let mut out = String::with_capacity(series.len() * 40);
    for (time, value) in series.iter() {
        // Writing to a String does not fail.
        let _ = match value {
            Value::Number(number) => write!(out, "{time},{number}\r\n"),
            Value::Text(text) => write!(out, "{time},{}\r\n", cell(&text)),
            Value::Unavailable => write!(out, "{time},UNAVAILABLE\r\n"),
        };
    }
    out
}

/// A text as a cell that no spreadsheet takes for a formula.
fn cell(text: &str) -> String {
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) || text.starts_with('\'');
    let guarded = if formula { format!("'{text}") } else { text.to_owned() };
    if guarded.contains([',', '"', '\r', '\n']) || guarded.trim() != guarded {
        format!("\"{}\"", guarded.replace('"', "\"\""))
    } else {
        guarded
    }
}

#[cfg(test)]
mod tests {
    use super::cell;

    #[test]
    fn formulas_are_disarmed_and_separators_quoted() {
        for (text, expected) in [
            ("ACTIVE", "ACTIVE"),
            ("=1+1", "'=1+1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("-5", "'-5"),
            ("+cmd|' /C calc'!A0", "'+cmd|' /C calc'!A0"),
            ("\t=1", "'\t=1"),
            ("a,b", "\"a,b\""),
            ("say \"x\"", "\"say \"\"x\"\"\""),
            ("=HYPERLINK(\"x\",\"y\")", "\"'=HYPERLINK(\"\"x\"\",\"\"y\"\")\""),
            ("", ""),
        ] {
            assert_eq!(cell(text), expected);
        }
    }
}
