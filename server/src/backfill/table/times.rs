//! Times as tables write them.

use chrono::{
    DateTime, LocalResult, NaiveDate, NaiveDateTime, TimeZone, Utc,
    format::{Item, Numeric, StrftimeItems},
};
use chrono_tz::Tz;
use gemba_domain::Timestamp;

use crate::calendar::local_time;

/// Where a time stands in a row, and how it is written.
#[derive(Clone, Debug)]
pub(super) struct TimeForm {
    /// Joined by a blank: a date may stand beside its time of day.
    pub columns: Vec<String>,
    form: Form,
}

#[derive(Clone, Debug)]
enum Form {
    Rfc3339,
    /// With an offset from UTC.
    Offset(String),
    /// Clocks on the wall.
    Local(String, Tz),
}

/// What a text says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Moment {
    At(Timestamp),
    /// Clocks were put back: it may be either.
    Twice(Timestamp, Timestamp),
}

impl TimeForm {
    /// `format` is strftime's; RFC 3339 when left out. One without an offset needs a zone.
    pub fn new(columns: Vec<String>, format: Option<String>, zone: Option<Tz>) -> Result<Self, String> {
        if columns.is_empty() {
            return Err("the time stands in no column".to_owned());
        }
        let form = match (format, zone) {
            (None, None) => Form::Rfc3339,
            (None, Some(_)) => {
                return Err(
                    "a zone needs a `format`; without one times are RFC 3339, which name their offset".to_owned()
                );
            }
            (Some(format), zone) => {
                let items: Vec<Item<'_>> = StrftimeItems::new(&format).collect();
                if items.contains(&Item::Error) {
                    return Err(format!("`{format}` is not a format; expected one such as %Y-%m-%d %H:%M:%S%z"));
                }
                let offset =
                    format.contains("%z") || format.contains("%:z") || format.contains("%#z") || format.contains("%+");
                let since_1970 = items.iter().any(|item| matches!(item, Item::Numeric(Numeric::Timestamp, _)));
                match zone {
                    None if offset => Form::Offset(format),
                    // Seconds since 1970 are UTC.
                    None if since_1970 => Form::Local(format, Tz::UTC),
                    None => {
                        return Err(format!(
                            "times as `{format}` name no offset from UTC; say their `zone`, such as Europe/Rome"
                        ));
                    }
                    Some(_) if offset => {
                        return Err(format!(
                            "times as `{format}` name their offset from UTC; a zone has no meaning beside it"
                        ));
                    }
                    Some(zone) => Form::Local(format, zone),
                }
            }
        };
        Ok(Self { columns, form })
    }

    /// Reads a time.
    pub fn read(&self, text: &str) -> Result<Moment, String> {
        let text = text.trim();
        let wrong =
            |format: &str| format!("`{}` is not a time as `{format}`", text.chars().take(64).collect::<String>());
        match &self.form {
            Form::Rfc3339 => {
                text.parse().map(Moment::At).map_err(|error: gemba_domain::TimestampError| error.to_string())
            }
            Form::Offset(format) => DateTime::parse_from_str(text, format)
                .map(|time| Moment::At(time.with_timezone(&Utc).into()))
                .map_err(|_| wrong(format)),
            Form::Local(format, zone) => {
                let local = NaiveDateTime::parse_from_str(text, format)
                    .or_else(|_| {
                        NaiveDate::parse_from_str(text, format).map(|day| day.and_time(chrono::NaiveTime::MIN))
                    })
                    .map_err(|_| wrong(format))?;
                in_zone(local, *zone)
            }
        }
    }

    /// A moment that the mapping itself names: RFC 3339, or local as `2026-12-24 14:00`.
    pub fn moment(&self, text: &str) -> Result<Timestamp, String> {
        if let Ok(moment) = text.parse() {
            return Ok(moment);
        }
        let Form::Local(_, zone) = &self.form else {
            return Err(format!("`{text}` is not a time; expected RFC 3339 such as 2026-11-22T06:00:00Z"));
        };
        let local = local_time(text).ok_or(format!("`{text}` is not a time; expected one such as 2026-12-24 18:00"))?;
        match in_zone(local, *zone)? {
            Moment::At(moment) | Moment::Twice(moment, _) => Ok(moment),
        }
    }

    /// The local day of a moment.
    pub fn day(&self, moment: Timestamp) -> NaiveDate {
        match &self.form {
            Form::Local(_, zone) => moment.to_utc().with_timezone(zone).date_naive(),
            Form::Rfc3339 | Form::Offset(_) => moment.to_utc().date_naive(),
        }
    }
}

fn in_zone(local: NaiveDateTime, zone: Tz) -> Result<Moment, String> {
    let utc = |time: DateTime<Tz>| Timestamp::from(time.with_timezone(&Utc));
    match zone.from_local_datetime(&local) {
        LocalResult::Single(time) => Ok(Moment::At(utc(time))),
        LocalResult::Ambiguous(first, second) => Ok(Moment::Twice(utc(first), utc(second))),
        LocalResult::None => Err(format!("there is no {local} in {zone}: clocks were put forward over it")),
    }
}

impl Moment {
    /// Of two moments the first that is after `before`; the second when neither is.
    pub fn after(self, before: Option<Timestamp>) -> Timestamp {
        match (self, before) {
            (Moment::At(moment), _) => moment,
            (Moment::Twice(first, second), Some(before)) if first <= before => second,
            (Moment::Twice(first, _), _) => first,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(format: &str, zone: Option<Tz>) -> Result<TimeForm, String> {
        TimeForm::new(vec!["t".to_owned()], Some(format.to_owned()), zone)
    }

    #[test]
    fn offsets_and_zones() -> Result<(), String> {
        let with_offset = form("%Y-%m-%d %H:%M:%S%z", None)?;
        for text in ["2022-09-01 00:00:00+0200", "2022-09-01 00:00:00+02:00", " 2022-08-31 22:00:00+00:00 "] {
            assert_eq!(with_offset.read(text)?, Moment::At(Timestamp::from_seconds(1_661_983_200)), "{text}");
        }
        assert!(with_offset.read("2022-09-01 00:00:00").is_err());
        let local = form("%d.%m.%Y %H:%M:%S%.f", Some(Tz::Europe__Rome))?;
        assert_eq!(local.read("01.09.2022 00:00:00.25")?, Moment::At(Timestamp::from_micros(1_661_983_200_250_000)));
        assert_eq!(form("%s", None)?.read("1661983200")?, Moment::At(Timestamp::from_seconds(1_661_983_200)));
        assert!(form("%Y-%m-%d %H:%M", None).is_err() && form("%Q", None).is_err());
        assert!(form("%Y-%m-%d %H:%M%z", Some(Tz::UTC)).is_err());
        Ok(())
    }

    #[test]
    fn an_hour_that_is_missing_and_one_that_comes_twice() -> Result<(), String> {
        let local = form("%Y-%m-%d %H:%M", Some(Tz::Europe__Rome))?;
        assert!(local.read("2022-03-27 02:30").is_err_and(|why| why.contains("clocks were put forward")));
        let twice = local.read("2022-10-30 02:30")?;
        let (summer, winter) = (Timestamp::from_seconds(1_667_089_800), Timestamp::from_seconds(1_667_093_400));
        assert_eq!(twice, Moment::Twice(summer, winter));
        assert_eq!(twice.after(None), summer);
        assert_eq!(twice.after(Some(summer)), winter);
        assert_eq!(twice.after(Some(summer.plus_seconds(-300))), summer);
        assert_eq!(local.day(winter).to_string(), "2022-10-30");
        Ok(())
    }
}
