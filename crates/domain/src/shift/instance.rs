use std::sync::Arc;

use chrono::{Datelike, Days, MappedLocalTime, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone, Utc};

use super::ShiftPattern;
use crate::{Interval, Timestamp};

/// One shift on one day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShiftInstance {
    /// Such as `Early`.
    pub name: Arc<str>,
    /// Begin.
    pub from: Timestamp,
    /// End (exclusive).
    pub to: Timestamp,
    /// The team that works it, where a roster says so.
    pub team: Option<Arc<str>>,
    /// Breaks within it, in order, apart from each other.
    pub breaks: Vec<Interval>,
    /// Planned downtime within it other than breaks, in order, apart from each other.
    pub planned_stops: Vec<Interval>,
    /// The local date on which it begins, to which all of it belongs.
    pub production_day: NaiveDate,
}

impl ShiftInstance {
    /// From begin to end.
    pub fn interval(&self) -> Interval {
        Interval::new(self.from, self.to)
    }

    /// One shift without breaks that covers the whole period: the plan of a unit without shifts, all of whose
    /// calendar time is planned. Its production day is the date in UTC on which the period begins.
    pub fn around_the_clock(period: Interval) -> Self {
        Self {
            name: "Around the clock".into(),
            from: period.from,
            to: period.to,
            team: None,
            breaks: Vec::new(),
            planned_stops: Vec::new(),
            production_day: period.from.to_utc().date_naive(),
        }
    }
}

/// The instances of these patterns that touch [from, to), each whole, ordered by their begin. See the module for how
/// local times that are skipped or repeated are read.
pub fn instances<Tz: TimeZone>(
    patterns: &[ShiftPattern],
    tz: &Tz,
    from: Timestamp,
    to: Timestamp,
) -> Vec<ShiftInstance> {
    instances_where(patterns, tz, from, to, |_, _| Some(None))
}

/// Those of them that take place, with who works them, given the pattern and the local date on which it begins.
pub(super) fn instances_where<Tz: TimeZone>(
    patterns: &[ShiftPattern],
    tz: &Tz,
    from: Timestamp,
    to: Timestamp,
    team_of: impl Fn(&ShiftPattern, NaiveDate) -> Option<Option<Arc<str>>>,
) -> Vec<ShiftInstance> {
    let team_of = &team_of;
    let wanted = Interval::new(from, to);
    if wanted.is_empty() {
        return Vec::new();
    }
    let local_date = |time: Timestamp| tz.from_utc_datetime(&time.to_utc().naive_utc()).date_naive();
    // A shift that touches the period began at most 24 hours before it (and one more for clocks put back).
    let first = local_date(from).checked_sub_days(Days::new(2)).unwrap_or(NaiveDate::MIN);
    let last = local_date(to).checked_add_days(Days::new(1)).unwrap_or(NaiveDate::MAX);
    let mut found: Vec<ShiftInstance> = first
        .iter_days()
        .take_while(|day| *day <= last)
        .flat_map(|day| {
            let worked =
                move |p: &ShiftPattern| Some(ShiftInstance { team: team_of(p, day)?, ..instance(p, tz, day)? });
            patterns.iter().filter_map(worked)
        })
        .filter(|shift| shift.interval().intersection(&wanted).is_some())
        .collect();
    found.sort_by_key(|shift| (shift.from, shift.to));
    found
}

fn instance<Tz: TimeZone>(pattern: &ShiftPattern, tz: &Tz, day: NaiveDate) -> Option<ShiftInstance> {
    if !pattern.days().contains(day.weekday()) {
        return None;
    }
    let start = day.and_time(NaiveTime::MIN).checked_add_signed(TimeDelta::minutes(i64::from(pattern.start())))?;
    let at = |minutes: u16| moment(tz, start.checked_add_signed(TimeDelta::minutes(i64::from(minutes)))?);
    let whole = Interval::new(at(0)?, at(pattern.minutes())?);
    if whole.is_empty() {
        return None;
    }
    let breaks = pattern
        .breaks()
        .iter()
        .filter_map(|(begin, end)| Interval::new(at(*begin)?, at(*end)?).intersection(&whole))
        .collect();
    Some(ShiftInstance {
        name: pattern.name().clone(),
        from: whole.from,
        to: whole.to,
        team: None,
        breaks,
        planned_stops: Vec::new(),
        production_day: day,
    })
}

/// The moment of a local time: of two the first, of none the moment at which the clocks jumped over it.
pub fn moment<Tz: TimeZone>(tz: &Tz, local: NaiveDateTime) -> Option<Timestamp> {
    // Clocks have jumped over as much as a day (Samoa, 30 December 2011), and always to a whole minute.
    const LONGEST_JUMP: i64 = 25 * 60;
    (0..=LONGEST_JUMP).find_map(|minutes| {
        let candidate = local.checked_add_signed(TimeDelta::minutes(minutes))?;
        match tz.from_local_datetime(&candidate) {
            MappedLocalTime::Single(time) | MappedLocalTime::Ambiguous(time, _) => {
                Some(Timestamp::from(time.with_timezone(&Utc)))
            }
            MappedLocalTime::None => None,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shift::Weekdays;
    use chrono_tz::{America::New_York, Asia::Kathmandu, Australia::Lord_Howe, Europe::Berlin, Pacific::Apia, Tz};
    use proptest::prelude::*;

    const H: u16 = 60;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    fn three_shifts() -> Vec<ShiftPattern> {
        let all = Weekdays::ALL;
        vec![
            ShiftPattern::new("Early", 6 * H, 14 * H, all, [(10 * H, 10 * H + 30)]).expect("valid"),
            ShiftPattern::new("Late", 14 * H, 22 * H, all, [(18 * H, 18 * H + 30)]).expect("valid"),
            ShiftPattern::new("Night", 22 * H, 6 * H, all, [(2 * H, 2 * H + 30)]).expect("valid"),
        ]
    }

    fn the_night_of(tz: Tz, day: &str, patterns: &[ShiftPattern]) -> ShiftInstance {
        let day: NaiveDate = day.parse().expect("a date");
        let near = Timestamp::from(day.and_time(NaiveTime::MIN).and_utc());
        instances(patterns, &tz, near.plus_seconds(-86_400), near.plus_seconds(2 * 86_400))
            .into_iter()
            .find(|shift| shift.production_day == day && &*shift.name == "Night")
            .expect("there is a night shift every day")
    }

    #[test]
    fn a_night_shift_belongs_to_the_day_on_which_it_starts() {
        let night = the_night_of(Berlin, "2026-11-22", &three_shifts());
        assert_eq!((night.from, night.to), (at("2026-11-22T21:00:00Z"), at("2026-11-23T05:00:00Z")));
        assert_eq!(night.breaks, [Interval::new(at("2026-11-23T01:00:00Z"), at("2026-11-23T01:30:00Z"))]);
    }

    #[test]
    fn nights_of_7_and_9_hours() {
        // Clocks go from 02:00 to 03:00: the break 02:00-02:30 is skipped, the shift is an hour shorter.
        let spring = the_night_of(Berlin, "2026-03-28", &three_shifts());
        assert_eq!(spring.interval().micros(), 7 * 3_600_000_000);
        assert_eq!(spring.breaks, []);
        // Clocks go from 03:00 to 02:00: the break is the first 02:00-02:30.
        let autumn = the_night_of(Berlin, "2026-10-24", &three_shifts());
        assert_eq!(autumn.interval().micros(), 9 * 3_600_000_000);
        assert_eq!(autumn.breaks, [Interval::new(at("2026-10-25T00:00:00Z"), at("2026-10-25T00:30:00Z"))]);
    }

    #[test]
    fn shifts_that_meet_in_the_skipped_or_repeated_hour_still_meet() {
        let meet = |tz: Tz, border: u16, day: &str, noon: &str| {
            let patterns = [
                ShiftPattern::new("Night", 18 * H, border, Weekdays::ALL, []).expect("valid"),
                ShiftPattern::new("Early", border, 18 * H, Weekdays::ALL, []).expect("valid"),
            ];
            let night = the_night_of(tz, day, &patterns);
            let after = instances(&patterns, &tz, night.to, at(noon));
            assert_eq!(after.first().map(|early| early.from), Some(night.to));
            night.to
        };
        assert_eq!(meet(New_York, 2 * H + 30, "2026-03-07", "2026-03-08T12:00:00Z"), at("2026-03-08T07:00:00Z"));
        assert_eq!(meet(New_York, H + 30, "2026-10-31", "2026-11-01T12:00:00Z"), at("2026-11-01T05:30:00Z"));
    }

    #[test]
    fn a_skipped_day_and_odd_offsets() {
        // Samoa had no 30 December 2011: its three shifts are empty but for the night, which is cut to its morning.
        let found = instances(&three_shifts(), &Apia, at("2011-12-29T16:00:00Z"), at("2011-12-31T12:00:00Z"));
        assert!(found.windows(2).all(|pair| pair[0].to == pair[1].from), "{found:?}");
        assert!(!found.iter().any(|s| s.production_day.to_string() == "2011-12-30" && &*s.name != "Night"));
        let found = instances(&three_shifts(), &Kathmandu, at("2026-01-01T00:00:00Z"), at("2026-01-01T01:00:00Z"));
        let names: Vec<_> = found.iter().map(|s| (&*s.name, s.from.to_string())).collect();
        assert_eq!(names, [("Night", "2025-12-31T16:15:00Z".into()), ("Early", "2026-01-01T00:15:00Z".to_owned())]);
    }

    #[test]
    fn only_what_touches_the_period_and_only_its_days() {
        let weekdays = [ShiftPattern::new("Day", 8 * H, 16 * H, Weekdays::MONDAY_TO_FRIDAY, []).expect("valid")];
        // 2026-11-21 is a Saturday.
        let weekend = instances(&weekdays, &Berlin, at("2026-11-20T15:00:00Z"), at("2026-11-23T07:00:00Z"));
        assert_eq!(weekend, []);
        let touching = instances(&weekdays, &Berlin, at("2026-11-20T14:59:59Z"), at("2026-11-23T07:00:01Z"));
        let days: Vec<_> = touching.iter().map(|s| s.production_day.to_string()).collect();
        assert_eq!(days, ["2026-11-20", "2026-11-23"]);
        assert_eq!(instances(&weekdays, &Berlin, at("2026-11-20T12:00:00Z"), at("2026-11-20T12:00:00Z")), []);
    }

    proptest! {
        /// Shifts around the clock fill every period, whatever the clocks do.
        #[test]
        fn three_shifts_leave_no_hole(hours in 0i64..24 * 365 * 30, length in 1i64..24 * 10, zone in 0usize..4) {
            let tz = [Berlin, New_York, Lord_Howe, Kathmandu][zone];
            let from = at("2000-01-01T00:00:00Z").plus_seconds(hours * 3600);
            let to = from.plus_seconds(length * 3600);
            let found = instances(&three_shifts(), &tz, from, to);
            prop_assert!(found.windows(2).all(|pair| pair[0].to == pair[1].from));
            prop_assert!(found.first().is_some_and(|s| s.interval().contains(from)));
            prop_assert!(found.last().is_some_and(|s| s.to >= to && s.from < to));
        }
    }
}
