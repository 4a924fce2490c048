//! A calendar as people see it: in the site's local time, for the days that come.

use chrono::{DateTime, Days, NaiveDate, NaiveTime, Offset as _, Utc};
use chrono_tz::Tz;
use gemba_contract::calendar::{CalendarView, ClosureView, ShiftOfDay, VersionView};
use gemba_domain::{
    Interval, Timestamp,
    shift::{ClosureKind, ShiftInstance, moment},
};

use super::{Calendar, queries::VersionRow};
use crate::plant::Site;

/// Days that a view shows.
const DAYS: u64 = 14;

/// `2026-12-24 14:00` by the site's clock.
pub fn local(time: Timestamp, zone: Tz) -> String {
    at(time, zone).format("%Y-%m-%d %H:%M").to_string()
}

fn at(time: Timestamp, zone: Tz) -> DateTime<Tz> {
    time.to_utc().with_timezone(&zone)
}

fn clock(time: Timestamp, zone: Tz) -> String {
    at(time, zone).format("%H:%M").to_string()
}

/// A site's calendar from the day of `now` on. `rows` are its versions as stored.
pub fn view(site: &Site, rows: Vec<VersionRow>, now: Timestamp) -> CalendarView {
    let (calendar, zone) = (&site.calendar, site.time_zone);
    let today = at(now, zone).date_naive();
    let days: Vec<NaiveDate> = (0..DAYS).filter_map(|day| today.checked_add_days(Days::new(day))).collect();
    let midnight = |day: Option<NaiveDate>| moment(&zone, day?.and_time(NaiveTime::MIN));
    let from = midnight(Some(today)).unwrap_or(now);
    let to = midnight(today.checked_add_days(Days::new(DAYS))).unwrap_or(now);
    let found =
        calendar.shifts(Interval::new(from, to)).into_iter().filter(|shift| days.contains(&shift.production_day));
    let current = rows.iter().rposition(|row| row.valid_from.is_none_or(|from| Timestamp::from(from) <= now));
    let versions = rows.into_iter().enumerate().map(|(position, row)| VersionView {
        valid_from: row.valid_from.map(Timestamp::from),
        valid_from_local: row.valid_from.map(|from| local(from.into(), zone)),
        current: Some(position) == current,
        changed_by: row.changed_by,
        changed_at: row.changed_at.into(),
        definition: row.definition.0,
    });
    let mut versions: Vec<VersionView> = versions.collect();
    versions.reverse();
    let open = calendar.closures().iter().filter(|closure| closure.interval.to > from);
    let mut closures: Vec<ClosureView> = open
        .map(|closure| ClosureView {
            name: closure.name.to_string(),
            kind: closure.kind.as_str().to_owned(),
            from: closure.interval.from,
            to: closure.interval.to,
            from_local: local(closure.interval.from, zone),
            to_local: local(closure.interval.to, zone),
            begun: closure.interval.from <= now,
        })
        .collect();
    closures.sort_by_key(|closure| closure.from);
    CalendarView {
        site: site.path.clone(),
        name: site.name.clone(),
        time_zone: zone.name().to_owned(),
        utc_offset_minutes: at(now, zone).offset().fix().local_minus_utc() / 60,
        versions,
        closures,
        shifts: found.map(|shift| shift_of_day(shift, zone)).collect(),
        warnings: warnings(calendar, now),
        days,
        at: now,
    }
}

fn shift_of_day(shift: ShiftInstance, zone: Tz) -> ShiftOfDay {
    let stretch = |it: &Interval| format!("{}-{}", clock(it.from, zone), clock(it.to, zone));
    let wall = at(shift.to, zone).naive_local() - at(shift.from, zone).naive_local();
    let minutes = shift.interval().micros() / 60_000_000 - wall.num_minutes();
    ShiftOfDay {
        name: shift.name.to_string(),
        team: shift.team.as_deref().map(str::to_owned),
        day: shift.production_day,
        from: shift.from,
        to: shift.to,
        from_local: clock(shift.from, zone),
        to_local: clock(shift.to, zone),
        breaks_local: shift.breaks.iter().map(stretch).collect(),
        planned_stops_local: shift.planned_stops.iter().map(stretch).collect(),
        breaks: shift.breaks,
        planned_stops: shift.planned_stops,
        clock_change_minutes: i32::try_from(minutes).unwrap_or_default(),
    }
}

/// Days on which the teams of a version that is or becomes valid leave a shift without anybody.
fn warnings(calendar: &Calendar, now: Timestamp) -> Vec<String> {
    let zone = *calendar.time_zone();
    let valid: Vec<DateTime<Utc>> = calendar
        .versions()
        .iter()
        .map(|version| version.valid_from.map_or(DateTime::<Utc>::MIN_UTC, Timestamp::to_utc))
        .collect();
    let mut told = Vec::new();
    for (position, version) in calendar.versions().iter().enumerate() {
        let until = valid.get(position + 1).map(|until| Timestamp::from(*until));
        if until.is_some_and(|until| until <= now) {
            continue;
        }
        let begin = at(version.valid_from.unwrap_or(now).max(now), zone);
        // Of a day that has begun some shifts are of the version before.
        let first = if begin.time() == NaiveTime::MIN { 0 } else { 1 };
        let Some(day) = begin.date_naive().checked_add_days(Days::new(first)) else { continue };
        let Some((day, shift)) = version.roster.unstaffed(day) else { continue };
        if until.is_none_or(|until| at(until, zone).date_naive() > day) {
            let shift = shift.name();
            told.push(format!(
                "No team works shift `{shift}` on {}: it does not take place then. If that is not meant, look at the rotations and at the teams' first days.",
                day.format("%a %Y-%m-%d")
            ));
        }
    }
    told
}

/// The words for kinds of closures.
pub fn kinds() -> [&'static str; 2] {
    ClosureKind::ALL.map(ClosureKind::as_str)
}
