use std::sync::Arc;

use chrono::TimeZone;

use super::{Closure, Roster, ShiftInstance, ShiftPattern, Weekdays, closed, instances};
use crate::{Interval, Timestamp};

/// The begin and the end of time, for what holds for ever.
const EVER: Interval = Interval::new(Timestamp::from_micros(i64::MIN), Timestamp::from_micros(i64::MAX));

/// Shifts, rotations and teams from a moment on, until the next version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// `None`: as far back as anybody looks.
    pub valid_from: Option<Timestamp>,
    /// Who works when. Without shifts every day is planned whole.
    pub roster: Arc<Roster>,
}

/// When a site works: versions of its roster, one after the other, and what is taken out of them.
///
/// A shift that has begun is worked to its end as it was planned. The next version takes over at its valid time, or at the end of
/// the shift that runs then; of its own shifts the one that would run already begins there. So every moment belongs to one
/// version, and to one shift at most; no time falls between two versions; and what lies before a version's valid time is what it
/// was without it. Whole days without shifts are nobody's plan: they end where the next version is valid.
#[derive(Clone, Debug)]
pub struct Calendar<Tz> {
    time_zone: Tz,
    versions: Vec<Version>,
    /// Of each version the stretch in which its shifts begin and end; side by side, over all time, some of them empty.
    spans: Vec<Interval>,
    closures: Vec<Closure>,
}

impl<Tz: TimeZone> Calendar<Tz> {
    /// With versions in any order; of two with the same valid time the later one stands. Time before the first is planned whole.
    pub fn new(time_zone: Tz, mut versions: Vec<Version>, closures: Vec<Closure>) -> Self {
        let valid = |version: &Version| version.valid_from.unwrap_or(EVER.from);
        versions.sort_by_key(valid);
        // Of equal ones the last stays.
        versions.reverse();
        versions.dedup_by_key(|version| valid(version));
        versions.reverse();
        if versions.first().is_none_or(|first| first.valid_from.is_some()) {
            versions.insert(0, Version { valid_from: None, roster: Arc::default() });
        }
        let mut calendar =
            Self { time_zone, versions: Vec::with_capacity(versions.len()), spans: Vec::new(), closures };
        for version in versions {
            let from = calendar.taken_over(valid(&version));
            if let Some(last) = calendar.spans.last_mut() {
                last.to = from;
            }
            calendar.spans.push(Interval::new(from, EVER.to));
            calendar.versions.push(version);
        }
        calendar
    }

    /// When a version that is valid from here takes over.
    fn taken_over(&self, valid_from: Timestamp) -> Timestamp {
        let moment = Interval::new(valid_from, valid_from.plus_micros(1));
        let of = self.spans.iter().position(|span| span.contains(valid_from));
        let planned =
            of.and_then(|at| self.versions.get(at)).is_some_and(|version| !version.roster.shifts().is_empty());
        match self.planned(moment).first() {
            Some(running) if planned && running.from < valid_from => running.to,
            _ => valid_from,
        }
    }

    /// The time zone of its local times.
    pub fn time_zone(&self) -> &Tz {
        &self.time_zone
    }

    /// The versions, first to last.
    pub fn versions(&self) -> &[Version] {
        &self.versions
    }

    /// The version that is valid at a moment, which may still wait for the end of a shift.
    pub fn version_at(&self, at: Timestamp) -> Option<&Version> {
        self.versions.iter().rev().find(|version| version.valid_from.is_none_or(|from| from <= at))
    }

    /// What is taken out of the shifts.
    pub fn closures(&self) -> &[Closure] {
        &self.closures
    }

    /// The shifts that touch a period, whole, with their teams, closures taken out; ordered by begin.
    pub fn shifts(&self, period: Interval) -> Vec<ShiftInstance> {
        let planned = self.planned(period);
        if self.closures.is_empty() {
            return planned;
        }
        let mut open = closed(planned, &self.closures);
        open.retain(|shift| shift.interval().intersection(&period).is_some());
        open
    }

    fn planned(&self, period: Interval) -> Vec<ShiftInstance> {
        let mut found = Vec::new();
        for (version, span) in self.versions.iter().zip(&self.spans) {
            let Some(part) = span.intersection(&period) else { continue };
            let shifts = if version.roster.shifts().is_empty() {
                self.days(part)
            } else {
                version.roster.instances(&self.time_zone, part.from, part.to)
            };
            found.extend(shifts.into_iter().filter_map(|shift| within(shift, span)));
        }
        found
    }

    fn days(&self, period: Interval) -> Vec<ShiftInstance> {
        match ShiftPattern::new("Day", 0, 0, Weekdays::ALL, []) {
            Ok(day) => instances(&[day], &self.time_zone, period.from, period.to),
            Err(_) => vec![ShiftInstance::around_the_clock(period)],
        }
    }
}

/// What of a shift lies within a stretch.
fn within(shift: ShiftInstance, span: &Interval) -> Option<ShiftInstance> {
    let left = shift.interval().intersection(span)?;
    if left == shift.interval() {
        return Some(shift);
    }
    let cut = |all: &[Interval]| all.iter().filter_map(|it| it.intersection(&left)).collect();
    let (breaks, planned_stops) = (cut(&shift.breaks), cut(&shift.planned_stops));
    Some(ShiftInstance { from: left.from, to: left.to, breaks, planned_stops, ..shift })
}

#[cfg(test)]
mod tests {
    use chrono::NaiveDate;
    use chrono_tz::{Europe::Berlin, Tz, UTC};
    use proptest::prelude::*;

    use super::*;
    use crate::shift::{ClosureKind, Rotation, Segment, Team};

    const H: u16 = 60;
    const HOUR: i64 = 3600;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    fn roster(shifts: &[(&str, u16, u16)]) -> Arc<Roster> {
        let pattern = |(name, from, to): &(&str, u16, u16)| {
            ShiftPattern::new(name, from * H, to * H, Weekdays::ALL, []).expect("valid")
        };
        Arc::new(Roster::new(shifts.iter().map(pattern).collect(), Vec::new(), Vec::new()).expect("valid"))
    }

    fn three() -> Arc<Roster> {
        roster(&[("Early", 6, 14), ("Late", 14, 22), ("Night", 22, 6)])
    }

    fn two() -> Arc<Roster> {
        roster(&[("Day", 7, 19), ("Dark", 19, 7)])
    }

    fn from(text: &str, roster: Arc<Roster>) -> Version {
        Version { valid_from: Some(at(text)), roster }
    }

    fn ever(roster: Arc<Roster>) -> Version {
        Version { valid_from: None, roster }
    }

    fn told<T: TimeZone>(calendar: &Calendar<T>, from: &str, to: &str) -> Vec<String> {
        let shifts = calendar.shifts(Interval::new(at(from), at(to)));
        let text = |s: &ShiftInstance| {
            let hour = |time: Timestamp| time.to_utc().format("%d %H").to_string();
            format!("{} {}-{}", s.name, hour(s.from), hour(s.to))
        };
        shifts.iter().map(text).collect()
    }

    #[test]
    fn a_shift_that_has_begun_is_worked_to_its_end_and_the_next_version_goes_on_there() {
        let changed = Calendar::new(UTC, vec![from("2026-11-24T10:30:00Z", two()), ever(three())], Vec::new());
        let day = told(&changed, "2026-11-24T00:00:00Z", "2026-11-25T06:00:00Z");
        assert_eq!(day, ["Night 23 22-24 06", "Early 24 06-24 14", "Day 24 14-24 19", "Dark 24 19-25 07"]);
        // Two versions while one shift runs: the later one follows it.
        let again = [ever(three()), from("2026-11-24T10:30:00Z", two()), from("2026-11-24T11:00:00Z", three())];
        let again = Calendar::new(UTC, again.to_vec(), Vec::new());
        let same = Calendar::new(UTC, vec![ever(three())], Vec::new());
        let period = Interval::new(at("2026-11-20T00:00:00Z"), at("2026-11-30T00:00:00Z"));
        assert_eq!(again.shifts(period), same.shifts(period));
        // At the border of two shifts it takes over at once.
        let border = Calendar::new(UTC, vec![from("2026-11-24T14:00:00Z", two()), ever(three())], Vec::new());
        assert_eq!(
            told(&border, "2026-11-24T13:00:00Z", "2026-11-24T15:00:00Z"),
            ["Early 24 06-24 14", "Day 24 14-24 19"]
        );
    }

    #[test]
    fn whole_days_end_where_the_first_shifts_are_valid() {
        let begun = Calendar::new(UTC, vec![from("2026-11-24T10:00:00Z", three())], Vec::new());
        let around = told(&begun, "2026-11-23T12:00:00Z", "2026-11-24T15:00:00Z");
        assert_eq!(around, ["Day 23 00-24 00", "Day 24 00-24 10", "Early 24 10-24 14", "Late 24 14-24 22"]);
        let none = Calendar::new(Berlin, Vec::new(), Vec::new());
        let long = none.shifts(Interval::new(at("2026-10-25T10:00:00Z"), at("2026-10-25T11:00:00Z")));
        assert_eq!(long.iter().map(|day| day.interval().micros()).collect::<Vec<_>>(), [25 * HOUR * 1_000_000]);
    }

    #[test]
    fn of_two_versions_from_the_same_moment_the_later_one_stands() {
        let both = vec![ever(three()), from("2026-11-24T14:00:00Z", roster(&[])), from("2026-11-24T14:00:00Z", two())];
        let calendar = Calendar::new(UTC, both, Vec::new());
        assert_eq!(calendar.versions().len(), 2);
        assert_eq!(calendar.version_at(at("2026-11-24T14:00:00Z")).map(|v| v.roster.clone()), Some(two()));
        assert_eq!(calendar.version_at(at("2026-11-24T13:59:59Z")).map(|v| v.roster.clone()), Some(three()));
    }

    #[test]
    fn shifts_name_their_teams_and_closures_are_taken_out_of_all_versions() {
        let segment = |shift: &str| Segment { shift: shift.into(), days_on: 1, days_off: 0 };
        let rotation = Rotation::new("daily", [segment("Early")]).expect("valid");
        let start: NaiveDate = "2026-11-01".parse().expect("a date");
        let team = |name: &str| Team { name: name.into(), rotation: "daily".into(), start };
        let shifts = three().shifts().to_vec();
        let teams = Arc::new(Roster::new(shifts, vec![rotation], vec![team("A"), team("B")]).expect("valid"));
        let interval = Interval::new(at("2026-11-24T00:00:00Z"), at("2026-11-26T00:00:00Z"));
        let closure = Closure { name: "Holiday".into(), interval, kind: ClosureKind::NotScheduled };
        let versions = vec![ever(three()), from("2026-11-25T00:00:00Z", teams)];
        let calendar = Calendar::new(UTC, versions, vec![closure]);
        let found = calendar.shifts(Interval::new(at("2026-11-23T20:00:00Z"), at("2026-11-27T00:00:00Z")));
        let told: Vec<_> =
            found.iter().map(|s| (&*s.name, s.team.as_deref(), s.interval().micros() / 3_600_000_000)).collect();
        assert_eq!(told, [("Late", None, 8), ("Night", None, 2), ("Early", Some("A + B"), 8)]);
    }

    fn any_roster() -> impl Strategy<Value = Arc<Roster>> {
        prop_oneof![
            Just(roster(&[])),
            Just(three()),
            Just(two()),
            Just(roster(&[("Only", 8, 16)])),
            Just(roster(&[("Long", 20, 8)])),
        ]
    }

    fn hour(hours: i64) -> Timestamp {
        at("2026-10-20T00:00:00Z").plus_seconds(hours * HOUR)
    }

    fn any_versions() -> impl Strategy<Value = Vec<Version>> {
        let version =
            (0i64..200, any_roster()).prop_map(|(from, roster)| Version { valid_from: Some(hour(from)), roster });
        (any_roster(), proptest::collection::vec(version, 0..5)).prop_map(|(first, mut versions)| {
            versions.push(ever(first));
            versions
        })
    }

    proptest! {
        /// Every moment belongs to one shift at most, over all versions and the clocks put back on 25 October.
        #[test]
        fn shifts_of_all_versions_do_not_overlap(versions in any_versions(), from in -50i64..250, length in 1i64..200) {
            let calendar = Calendar::new(Berlin, versions, Vec::new());
            let period = Interval::new(hour(from), hour(from + length));
            let shifts = calendar.shifts(period);
            prop_assert!(shifts.windows(2).all(|pair| pair[0].to <= pair[1].from), "{shifts:?}");
            prop_assert!(shifts.iter().all(|s| s.interval().intersection(&period).is_some()));
        }

        /// What lies before a version's valid time is what it was without it, and the shift that runs then is worked to its end.
        #[test]
        fn a_version_alters_nothing_of_its_past(versions in any_versions(), valid in 0i64..200, roster in any_roster()) {
            let valid_from = hour(valid);
            let before = Calendar::new(Berlin, versions.clone(), Vec::new());
            let later: Vec<Version> = versions.into_iter().filter(|v| v.valid_from.is_none_or(|f| f <= valid_from)).collect();
            let until = Calendar::new(Berlin, later.clone(), Vec::new());
            let mut with = later;
            with.push(Version { valid_from: Some(valid_from), roster });
            let after = Calendar::new(Berlin, with, Vec::new());
            let past = Interval::new(hour(-100), valid_from);
            let cut = |calendar: &Calendar<Tz>| -> Vec<_> {
                calendar.shifts(past).into_iter().filter_map(|shift| within(shift, &past)).collect()
            };
            prop_assert_eq!(cut(&before), cut(&after));
            let running = until.version_at(valid_from.plus_micros(-1)).is_some_and(|v| !v.roster.shifts().is_empty());
            let whole = |calendar: &Calendar<Tz>| calendar.shifts(Interval::new(valid_from.plus_micros(-1), valid_from));
            if running && until.versions().iter().all(|v| !v.roster.shifts().is_empty()) {
                prop_assert_eq!(whole(&until), whole(&after));
            }
        }

        /// Versions that each fill the day leave no hole between them.
        #[test]
        fn no_time_falls_between_two_versions(
            changes in proptest::collection::vec((0i64..200, prop_oneof![Just(three()), Just(two()), Just(roster(&[]))]), 0..5),
        ) {
            let versions = changes.into_iter().map(|(from, roster)| Version { valid_from: Some(hour(from)), roster });
            let calendar = Calendar::new(Berlin, versions.chain([ever(three())]).collect(), Vec::new());
            let shifts = calendar.shifts(Interval::new(hour(-10), hour(250)));
            prop_assert!(shifts.windows(2).all(|pair| pair[0].to == pair[1].from), "{shifts:?}");
            prop_assert!(shifts.first().is_some_and(|s| s.from <= hour(-10)) && shifts.last().is_some_and(|s| s.to >= hour(250)));
        }
    }
}
