use std::{fmt, str::FromStr};

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A point in time: whole microseconds since 1970-01-01T00:00:00Z, the resolution of Postgres.
///
/// Serialised as RFC 3339 in UTC (`2026-11-22T06:00:00.125Z`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(value_type = String, format = DateTime, examples("2026-11-22T06:00:00.125Z")))]
pub struct Timestamp(i64);

/// The text is no RFC 3339 date and time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a date and time; expected RFC 3339 such as 2026-11-22T06:00:00Z")]
pub struct TimestampError(pub String);

impl Timestamp {
    /// The earliest and latest moments that calendar arithmetic can show (years -9999 to 9999).
    const RANGE: std::ops::RangeInclusive<i64> = -377_705_116_800_000_000..=253_402_300_799_999_999;

    /// From microseconds since 1970. Values outside the years -9999..=9999 are clamped to them.
    pub const fn from_micros(micros: i64) -> Self {
        if micros < *Self::RANGE.start() {
            Self(*Self::RANGE.start())
        } else if micros > *Self::RANGE.end() {
            Self(*Self::RANGE.end())
        } else {
            Self(micros)
        }
    }

    /// From whole seconds since 1970.
    pub const fn from_seconds(seconds: i64) -> Self {
        Self::from_micros(seconds.saturating_mul(1_000_000))
    }

    /// Microseconds since 1970.
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// As a calendar date and time in UTC.
    pub fn to_utc(self) -> DateTime<Utc> {
        DateTime::from_timestamp_micros(self.0).unwrap_or(DateTime::UNIX_EPOCH)
    }

    /// Seconds from `earlier` to `self`; negative when `earlier` is the later one.
    pub fn seconds_since(self, earlier: Timestamp) -> f64 {
        self.micros_since(earlier) as f64 / 1e6
    }

    /// Microseconds from `earlier` to `self`; negative when `earlier` is the later one.
    pub const fn micros_since(self, earlier: Timestamp) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// The moment this many microseconds later (earlier when negative).
    #[must_use]
    pub const fn plus_micros(self, micros: i64) -> Self {
        Self::from_micros(self.0.saturating_add(micros))
    }

    /// The moment this many seconds later (earlier when negative).
    #[must_use]
    pub const fn plus_seconds(self, seconds: i64) -> Self {
        self.plus_micros(seconds.saturating_mul(1_000_000))
    }
}

impl From<DateTime<Utc>> for Timestamp {
    fn from(value: DateTime<Utc>) -> Self {
        Self::from_micros(value.timestamp_micros())
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_utc().to_rfc3339_opts(SecondsFormat::AutoSi, true))
    }
}

impl FromStr for Timestamp {
    type Err = TimestampError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        DateTime::parse_from_rfc3339(text)
            .map(|t| t.with_timezone(&Utc).into())
            .map_err(|_| TimestampError(text.chars().take(64).collect()))
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_form_round_trips_to_the_microsecond() {
        for micros in [0, 1, -1, 1_763_800_000_123_456, 1_763_800_000_000_000] {
            let t = Timestamp::from_micros(micros);
            assert_eq!(t.to_string().parse(), Ok(t));
        }
    }

    #[test]
    fn seven_digit_fractions_are_read() {
        let t: Timestamp = "2017-05-18T08:57:45.4375000Z".parse().expect("valid");
        assert_eq!(t.micros() % 1_000_000, 437_500);
    }

    #[test]
    fn arithmetic_saturates() {
        let far = Timestamp::from_micros(i64::MAX);
        assert_eq!(far.plus_seconds(i64::MAX), far);
    }
}
