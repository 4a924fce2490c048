//! Writing XML text: escaping, times, element names.

use std::fmt::Write;

use chrono::{Datelike, Timelike};
use gemba_domain::Timestamp;

/// Appends text or an attribute value. Characters that XML 1.0 cannot carry become U+FFFD.
pub(super) fn escape(into: &mut String, text: &str) {
    let special = |b: u8| matches!(b, b'&' | b'<' | b'>' | b'"' | b'\'') || b < 0x20 || b == 0xEF;
    if !text.bytes().any(special) {
        into.push_str(text);
        return;
    }
    for c in text.chars() {
        match c {
            '&' => into.push_str("&amp;"),
            '<' => into.push_str("&lt;"),
            '>' => into.push_str("&gt;"),
            '"' => into.push_str("&quot;"),
            '\'' => into.push_str("&apos;"),
            // As references, or reading would turn them into spaces.
            '\t' => into.push_str("&#9;"),
            '\n' => into.push_str("&#10;"),
            '\r' => into.push_str("&#13;"),
            '\u{0}'..='\u{1F}' | '\u{FFFE}' | '\u{FFFF}' => into.push('\u{FFFD}'),
            c => into.push(c),
        }
    }
}

/// Appends ` name="value"`.
pub(super) fn attribute(into: &mut String, name: &str, value: &str) {
    into.push(' ');
    into.push_str(name);
    into.push_str("=\"");
    escape(into, value);
    into.push('"');
}

/// Writes times with six decimals. Observations of one second follow each other, so the calendar is
/// worked out once a second only.
#[derive(Default)]
pub(super) struct Clockface {
    second: Option<i64>,
    text: String,
}

impl Clockface {
    pub(super) fn write(&mut self, into: &mut String, time: Timestamp) {
        let (second, micros) = (time.micros().div_euclid(1_000_000), time.micros().rem_euclid(1_000_000));
        if self.second != Some(second) {
            let t = time.to_utc();
            self.text.clear();
            // Writing to a String cannot fail.
            let _ = write!(
                self.text,
                "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.",
                t.year(),
                t.month(),
                t.day(),
                t.hour(),
                t.minute(),
                t.second()
            );
            self.second = Some(second);
        }
        into.push_str(&self.text);
        let _ = write!(into, "{micros:06}Z");
    }
}

/// The element of a type: `PART_COUNT` is `PartCount`, `x:PALLET_NUMBER` is `x:PalletNumber`.
/// Some abbreviations stay capital, as in the schemas.
pub(super) fn element_name(kind: &str, representation: Option<&str>) -> String {
    let (prefix, word) = kind.rsplit_once(':').map_or((None, kind), |(prefix, word)| (Some(prefix), word));
    let mut name = String::with_capacity(kind.len());
    if let Some(prefix) = prefix {
        name.push_str(prefix);
        name.push(':');
    }
    for part in word.split('_').filter(|p| !p.is_empty()) {
        match part {
            "PH" | "AC" | "DC" => name.push_str(part),
            "MTCONNECT" => name.push_str("MTConnect"),
            _ => {
                let mut chars = part.chars();
                name.extend(chars.next().map(|c| c.to_ascii_uppercase()));
                name.extend(chars.map(|c| c.to_ascii_lowercase()));
            }
        }
    }
    name.push_str(match representation {
        Some("TIME_SERIES") => "TimeSeries",
        Some("DATA_SET") => "DataSet",
        Some("TABLE") => "Table",
        Some("DISCRETE") => "Discrete",
        _ => "",
    });
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_special_character_is_escaped() {
        let mut text = String::new();
        escape(&mut text, "a<b>&\"c\" 'd'\n\u{1}é\u{FFFF}");
        assert_eq!(text, "a&lt;b&gt;&amp;&quot;c&quot; &apos;d&apos;&#10;\u{FFFD}é\u{FFFD}");
    }

    #[test]
    fn names_of_elements() {
        assert_eq!(element_name("EXECUTION", None), "Execution");
        assert_eq!(element_name("x:PALLET_NUMBER", None), "x:PalletNumber");
        assert_eq!(element_name("PH", None), "PH");
        assert_eq!(element_name("VOLTAGE_DC", None), "VoltageDC");
        assert_eq!(element_name("PART_COUNT", Some("DISCRETE")), "PartCountDiscrete");
    }

    #[test]
    fn times_have_six_decimals_also_before_1970() {
        let mut clock = Clockface::default();
        let mut text = String::new();
        for micros in [0, 1, 999_999, 1_000_000, -1, 1_763_800_000_000_250] {
            clock.write(&mut text, Timestamp::from_micros(micros));
            text.push(' ');
        }
        assert_eq!(
            text,
            "1970-01-01T00:00:00.000000Z 1970-01-01T00:00:00.000001Z 1970-01-01T00:00:00.999999Z \
             1970-01-01T00:00:01.000000Z 1969-12-31T23:59:59.999999Z 2025-11-22T08:26:40.000250Z "
        );
    }
}
