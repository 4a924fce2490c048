//! Times and values as files write them.

use chrono::{
    DateTime, FixedOffset, NaiveDateTime, NaiveTime,
    format::{Item, Parsed, StrftimeItems},
};
use gemba_domain::{Timestamp, signal::Value};

use crate::collector::value;

/// A difference from UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Zone(FixedOffset);

impl Zone {
    /// `Z`, or such as `+02:00`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no difference from UTC; write \"Z\" or such as \"+02:00\"");
        if text == "Z" {
            return Ok(Self(FixedOffset::east_opt(0).ok_or_else(wrong)?));
        }
        let probe = format!("2000-01-01T00:00:00{text}");
        let time = DateTime::parse_from_rfc3339(&probe).map_err(|_| wrong())?;
        Ok(Self(*time.offset()))
    }
}

/// How times are written, and of which zone they are when they do not say.
#[derive(Clone, Debug, PartialEq)]
pub enum Clock {
    /// RFC 3339, also with a space instead of the T; the zone is needed where the offset is missing.
    Rfc3339(Option<Zone>),
    /// By a format of strftime's letters.
    Format(Vec<Item<'static>>, Option<Zone>),
}

impl Clock {
    /// By a format.
    pub fn new(format: &str, zone: Option<Zone>) -> Result<Self, String> {
        let items = StrftimeItems::new(format).parse_to_owned().map_err(|_| {
            format!("`{format}` is no time format; write such as \"%d.%m.%Y %H:%M:%S\" (letters as in strftime, %.f for fractions)")
        })?;
        Ok(Self::Format(items, zone))
    }

    /// The moment. The error says what is wrong with the text.
    pub fn read(&self, text: &str) -> Result<Timestamp, String> {
        let text = text.trim();
        if text.is_empty() {
            return Err("the time is empty".to_owned());
        }
        let moment = match self {
            Self::Rfc3339(zone) => rfc3339(text, *zone),
            Self::Format(items, zone) => formatted(text, items, *zone),
        }?;
        Ok(moment.into())
    }
}

fn rfc3339(text: &str, zone: Option<Zone>) -> Result<DateTime<chrono::Utc>, String> {
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Ok(time.to_utc());
    }
    let plain = text.replacen(' ', "T", 1);
    let local = plain
        .parse::<NaiveDateTime>()
        .map_err(|_| format!("`{text}` is no time of the form 2026-11-22T06:00:00Z (`time_format`)"))?;
    in_zone(local, zone, text)
}

fn formatted(text: &str, items: &[Item<'static>], zone: Option<Zone>) -> Result<DateTime<chrono::Utc>, String> {
    let mut parsed = Parsed::new();
    let wrong = || format!("`{text}` is no time of the form of `time_format`");
    chrono::format::parse(&mut parsed, text, items.iter()).map_err(|_| wrong())?;
    if let Ok(time) = parsed.to_datetime() {
        return Ok(time.to_utc());
    }
    if let Some(seconds) = parsed.timestamp() {
        let nanos = parsed.nanosecond().unwrap_or(0);
        return DateTime::from_timestamp(seconds, nanos).ok_or_else(wrong);
    }
    let local = match parsed.to_naive_datetime_with_offset(0) {
        Ok(local) => local,
        // A day alone begins at midnight.
        Err(_) if parsed.hour_mod_12().is_none() => {
            parsed.to_naive_date().map_err(|_| wrong())?.and_time(NaiveTime::MIN)
        }
        Err(_) => return Err(wrong()),
    };
    in_zone(local, zone, text)
}

fn in_zone(local: NaiveDateTime, zone: Option<Zone>, text: &str) -> Result<DateTime<chrono::Utc>, String> {
    let Some(Zone(offset)) = zone else {
        return Err(format!("`{text}` does not say of which time zone it is: set `time_zone`"));
    };
    local
        .and_local_timezone(offset)
        .single()
        .map(|time| time.to_utc())
        .ok_or_else(|| format!("`{text}` is beyond the times that can be reckoned with"))
}

/// The value of a cell; `None` when it is empty.
pub fn read(cell: &str, decimal_comma: bool) -> Option<Value> {
    let cell = cell.trim();
    if cell.is_empty() {
        return None;
    }
    if !decimal_comma {
        return Some(value::parsed(cell));
    }
    // With a decimal comma a point may part thousands: what has one is no number that can be relied on.
    Some(match cell.contains('.') {
        true => value::text(cell),
        false => match value::parsed(&cell.replacen(',', ".", 1)) {
            Value::Text(_) => value::text(cell),
            number => number,
        },
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn zone(text: &str) -> Option<Zone> {
        Some(Zone::parse(text).unwrap())
    }

    #[test]
    fn times_of_many_forms() {
        let at = |clock: &Clock, text: &str| clock.read(text).map(|time| time.to_string());
        let plain = Clock::Rfc3339(None);
        let seven = Ok("2026-11-22T07:00:00Z".to_owned());
        assert_eq!(at(&plain, "2026-11-22T09:00:00+02:00").map(|time| time.replace(".000000", "")), seven);
        assert!(at(&plain, "2026-11-22 09:00:00").unwrap_err().contains("set `time_zone`"));
        for (clock, text) in [
            (Clock::Rfc3339(zone("+02:00")), "2026-11-22 09:00:00"),
            (Clock::Rfc3339(zone("+02:00")), "2026-11-22T07:00:00Z"),
            (Clock::new("%d.%m.%Y %H:%M", zone("+01:00")).unwrap(), "22.11.2026 08:00"),
            (Clock::new("%m/%d/%Y %I:%M:%S %p", zone("Z")).unwrap(), "11/22/2026 07:00:00 AM"),
            (Clock::new("%Y%m%d%H%M%S%z", None).unwrap(), "20261122080000+0100"),
            (Clock::new("%s", zone("+05:00")).unwrap(), "1795330800"),
            (Clock::new("%Y-%m-%d", zone("-07:00")).unwrap(), "2026-11-22"),
        ] {
            assert_eq!(at(&clock, text).map(|time| time.replace(".000000", "")), seven, "{text}");
        }
        let fractions = Clock::new("%Y-%m-%d %H:%M:%S%.f", zone("Z")).unwrap();
        assert_eq!(fractions.read("2026-11-22 07:00:00.25").unwrap().micros() % 1_000_000, 250_000);
        assert!(Clock::new("%Q", None).is_err() && Zone::parse("2 h").is_err());
        for bad in ["", "yesterday", "2026-13-01T00:00:00Z", "99999-01-01T00:00:00Z"] {
            assert!(plain.read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn numbers_and_words() {
        let text = |word: &str| Some(Value::Text(word.into()));
        for (cell, comma, value) in [
            (" 1.5 ", false, Some(Value::Number(1.5))),
            ("1,5", false, text("1,5")),
            ("1,5", true, Some(Value::Number(1.5))),
            ("1.234,5", true, text("1.234,5")),
            ("1.234", true, text("1.234")),
            ("1,2,3", true, text("1,2,3")),
            ("RUNNING", true, text("RUNNING")),
            ("NaN", false, Some(Value::Unavailable)),
            ("9007199254740993", false, text("9007199254740993")),
            ("  ", false, None),
        ] {
            assert_eq!(read(cell, comma), value, "{cell}");
        }
    }

    proptest! {
        #[test]
        fn whatever_a_cell_says_does_no_harm(text in ".{0,40}", format in ".{0,12}") {
            let _ = read(&text, true);
            let _ = Clock::Rfc3339(zone("Z")).read(&text);
            if let Ok(clock) = Clock::new(&format, zone("Z")) {
                let _ = clock.read(&text);
            }
        }
    }
}
