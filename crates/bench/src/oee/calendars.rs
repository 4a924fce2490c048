//! Rotations, and the time that is worked and not worked under them.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use chrono::{NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Utc};
use gemba_domain::{
    Interval, Timestamp,
    shift::{
        Closure, ClosureKind, Roster, Rotation, Segment, ShiftInstance, ShiftPattern, Team, Weekdays, closed, instances,
    },
};
use serde::Deserialize;
use serde_json::Value;

use super::Case;

const NO_NIGHT: &str = "its rotation has no day off, its result needs one: a segment is missing in the case";
const NO_OVERTIME: &str =
    "we have no overtime as an element: time worked outside the plan is counted as it is, outside POT";

/// The cases of a calendar file; `None` when it is something else. Parts of it that are of no known form are cases that fail.
pub(super) fn cases(value: &Value) -> Option<Vec<Case>> {
    let parts = value.as_object()?;
    if !parts.keys().any(|key| key == "rotation_cases" || key.ends_with("working_time")) {
        return None;
    }
    let mut cases = Vec::new();
    for (name, part) in parts {
        let single = [part.clone()];
        for part in part.as_array().map_or(single.as_slice(), Vec::as_slice) {
            let found = match name.as_str() {
                "rotation_cases" => rotation(part).map(|case| vec![case]),
                "shift_working_time" => shift_time(part),
                "team_working_time" => team_time(part),
                "non_working_time" => closed_time(part),
                "team_working_time_4_team" => several_shifts(part),
                "overtime" => {
                    Ok(vec![Case { differs: Some(NO_OVERTIME), wrong: vec!["overtime".to_owned()], ..Case::new(name) }])
                }
                _ => Err(anyhow::anyhow!("of no known form")),
            };
            match found {
                Ok(found) => cases.extend(found),
                Err(error) => cases.push(Case { wrong: vec![format!("{error:#}")], ..Case::new(name) }),
            }
        }
    }
    Some(cases)
}

#[derive(Deserialize)]
struct Shift {
    name: String,
    start: String,
    duration_s: i64,
}

#[derive(Deserialize)]
struct RotationCase {
    test: String,
    shifts: Vec<Shift>,
    rotations: Vec<NamedRotation>,
    teams: Vec<GivenTeam>,
    expected: ExpectedRotation,
}

#[derive(Deserialize)]
struct NamedRotation {
    name: String,
    segments: Vec<GivenSegment>,
}

#[derive(Deserialize)]
struct GivenSegment {
    shift: String,
    days_on: u16,
    days_off: u16,
}

#[derive(Deserialize)]
struct GivenTeam {
    name: String,
    rotation: String,
    rotation_start: NaiveDate,
}

#[derive(Deserialize)]
struct ExpectedRotation {
    working_seconds_per_rotation: f64,
    rotation_length_days: f64,
}

/// Every team works the expected time within one turn of its rotation.
fn rotation(part: &Value) -> Result<Case> {
    let given = RotationCase::deserialize(part)?;
    let shifts = given.shifts.iter().map(|s| pattern(&s.name, &s.start, s.duration_s)).collect::<Result<Vec<_>>>()?;
    let rotations = given.rotations.iter().map(|rotation| {
        let segments = rotation.segments.iter().map(|s| segment(&s.shift, s.days_on, s.days_off));
        Ok(Rotation::new(&rotation.name, segments)?)
    });
    let teams = given.teams.iter().map(|t| team(&t.name, &t.rotation, t.rotation_start)).collect();
    let rotations = rotations.collect::<Result<Vec<_>>>()?;
    let days: BTreeMap<String, u32> = rotations.iter().map(|r| (r.name().to_string(), r.days())).collect();
    let roster = Roster::new(shifts, rotations, teams)?;
    let mut case = Case::new(given.test);
    for team in roster.teams() {
        let turn = days.get(&*team.rotation).copied().unwrap_or_default();
        case.expect(
            &format!("days of {}", team.rotation),
            given.expected.rotation_length_days,
            Some(turn.into()),
            1e-9,
        );
        let end = team.start + TimeDelta::days(turn.into());
        let worked: i64 = roster
            .instances_of(team, &Utc, midnight(team.start), midnight(end).plus_seconds(86_400))
            .iter()
            .filter(|shift| shift.production_day < end)
            .map(|shift| shift.interval().micros())
            .sum();
        let seconds = worked as f64 / 1e6;
        case.expect(
            &format!("seconds of team {}", team.name),
            given.expected.working_seconds_per_rotation,
            Some(seconds),
            1e-6,
        );
    }
    Ok(case)
}

#[derive(Deserialize)]
struct ShiftTime {
    shift: String,
    start: String,
    duration_h: f64,
    cases: Vec<ShiftTimeCase>,
}

#[derive(Deserialize)]
struct ShiftTimeCase {
    from: String,
    to: String,
    expected_s: f64,
}

fn shift_time(part: &Value) -> Result<Vec<Case>> {
    let given = ShiftTime::deserialize(part)?;
    let shift = pattern(&given.shift, &given.start, (given.duration_h * 3600.0) as i64)?;
    let day = NaiveDate::from_ymd_opt(2026, 1, 1).context("a day")?;
    given
        .cases
        .iter()
        .map(|it| {
            let period = Interval::new(moment(day.and_time(time(&it.from)?)), moment(day.and_time(time(&it.to)?)));
            let planned = instances(std::slice::from_ref(&shift), &Utc, period.from, period.to);
            Ok(one(format!("{} {} to {}", given.shift, it.from, it.to), it.expected_s, within(&planned, period)))
        })
        .collect()
}

#[derive(Deserialize)]
struct TeamTime {
    shift_start: String,
    shift_h: f64,
    rotation: Vec<OnOff>,
    rotation_start: NaiveDate,
    cases: Vec<TeamTimeCase>,
}

#[derive(Deserialize)]
struct OnOff {
    on: u16,
    off: u16,
}

#[derive(Deserialize)]
struct TeamTimeCase {
    from: String,
    to_plus_days: i64,
    expected_h: f64,
}

fn team_time(part: &Value) -> Result<Vec<Case>> {
    let given = TeamTime::deserialize(part)?;
    let shift = pattern("Shift", &given.shift_start, (given.shift_h * 3600.0) as i64)?;
    let rotation = Rotation::new("Rotation", given.rotation.iter().map(|s| segment("Shift", s.on, s.off)))?;
    let roster = Roster::new(vec![shift], vec![rotation], vec![team("Team", "Rotation", given.rotation_start)])?;
    given
        .cases
        .iter()
        .map(|it| {
            let from = moment(local(&it.from)?);
            let period = Interval::new(from, from.plus_seconds(it.to_plus_days * 86_400));
            let worked = within(&roster.instances(&Utc, period.from, period.to), period);
            Ok(one(format!("team, {} and {} days", it.from, it.to_plus_days), it.expected_h * 3600.0, worked))
        })
        .collect()
}

#[derive(Deserialize)]
struct ClosedTime {
    exception_periods: Vec<Exception>,
    cases: Vec<ClosedCase>,
}

#[derive(Deserialize)]
struct Exception {
    start: String,
    h: f64,
}

#[derive(Deserialize)]
struct ClosedCase {
    from: String,
    to: String,
    expected_non_working_h: f64,
}

fn closed_time(part: &Value) -> Result<Vec<Case>> {
    let given = ClosedTime::deserialize(part)?;
    let closures = given.exception_periods.iter().map(|it| {
        let from = moment(local(&it.start)?);
        let interval = Interval::new(from, from.plus_seconds((it.h * 3600.0) as i64));
        Ok(Closure { name: "closed".into(), interval, kind: ClosureKind::NotScheduled })
    });
    let closures = closures.collect::<Result<Vec<_>>>()?;
    given
        .cases
        .iter()
        .map(|it| {
            let period = Interval::new(moment(local(&it.from)?), moment(local(&it.to)?));
            let open = closed(vec![ShiftInstance::around_the_clock(period)], &closures);
            let shut = period.micros() as f64 / 1e6 - within(&open, period);
            Ok(one(format!("closed {} to {}", it.from, it.to), it.expected_non_working_h * 3600.0, shut))
        })
        .collect()
}

#[derive(Deserialize)]
struct SeveralShifts {
    shifts: Vec<HourShift>,
    rotation: Vec<ShiftOnOff>,
    rotation_start: NaiveDate,
    cases: Vec<EndOfDayCase>,
}

#[derive(Deserialize)]
struct HourShift {
    name: String,
    start: String,
    h: f64,
}

#[derive(Deserialize)]
struct ShiftOnOff {
    shift: String,
    on: u16,
    off: u16,
}

#[derive(Deserialize)]
struct EndOfDayCase {
    from: String,
    to_end_of_day_plus_days: i64,
    expected_h: f64,
}

fn several_shifts(part: &Value) -> Result<Vec<Case>> {
    let given = SeveralShifts::deserialize(part)?;
    let shifts = given.shifts.iter().map(|s| pattern(&s.name, &s.start, (s.h * 3600.0) as i64));
    let rotation = Rotation::new("Rotation", given.rotation.iter().map(|s| segment(&s.shift, s.on, s.off)))?;
    let team = team("Team", "Rotation", given.rotation_start);
    let roster = Roster::new(shifts.collect::<Result<Vec<_>>>()?, vec![rotation], vec![team])?;
    given
        .cases
        .iter()
        .map(|it| {
            let from = local(&it.from)?;
            let to = midnight(from.date()).plus_seconds((it.to_end_of_day_plus_days + 1) * 86_400);
            let period = Interval::new(moment(from), to);
            let worked = within(&roster.instances(&Utc, period.from, period.to), period);
            let name = format!("several shifts, {} and {} days", it.from, it.to_end_of_day_plus_days);
            // Without a day off nothing less can come out.
            let incomplete = given.rotation.iter().all(|s| s.off == 0) && it.expected_h * 3600.0 < worked;
            let differs = incomplete.then_some(NO_NIGHT);
            Ok(Case { differs, ..one(name, it.expected_h * 3600.0, worked) })
        })
        .collect()
}

fn one(name: String, expected: f64, found: f64) -> Case {
    let mut case = Case::new(name);
    case.expect("seconds", expected, Some(found), 1e-6);
    case
}

/// Seconds of the period that lie in a shift, breaks included.
fn within(shifts: &[ShiftInstance], period: Interval) -> f64 {
    let micros: i64 = shifts.iter().filter_map(|s| s.interval().intersection(&period)).map(|i| i.micros()).sum();
    micros as f64 / 1e6
}

fn pattern(name: &str, start: &str, seconds: i64) -> Result<ShiftPattern> {
    let begin = time(start)?.signed_duration_since(NaiveTime::MIN).num_minutes();
    let minutes = |minutes: i64| u16::try_from(minutes % (24 * 60)).context("a time of day");
    Ok(ShiftPattern::new(name, minutes(begin)?, minutes(begin + seconds / 60)?, Weekdays::ALL, [])?)
}

fn segment(shift: &str, days_on: u16, days_off: u16) -> Segment {
    Segment { shift: shift.into(), days_on, days_off }
}

fn team(name: &str, rotation: &str, start: NaiveDate) -> Team {
    Team { name: name.into(), rotation: rotation.into(), start }
}

fn time(text: &str) -> Result<NaiveTime> {
    let parsed = NaiveTime::parse_from_str(text, "%H:%M:%S").or_else(|_| NaiveTime::parse_from_str(text, "%H:%M"));
    parsed.with_context(|| format!("`{text}` is no time of day"))
}

fn local(text: &str) -> Result<NaiveDateTime> {
    let parsed = NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S")
        .or_else(|_| NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M"));
    parsed.with_context(|| format!("`{text}` is no date and time"))
}

fn moment(local: NaiveDateTime) -> Timestamp {
    local.and_utc().into()
}

fn midnight(day: NaiveDate) -> Timestamp {
    moment(day.and_time(NaiveTime::MIN))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn parts_are_counted_case_by_case_and_unknown_ones_fail() {
        let file = json!({
            "shift_working_time": [{"shift": "S", "start": "07:00", "duration_h": 8, "cases": [
                {"from": "06:00", "to": "08:00", "expected_s": 3600}, {"from": "16:00", "to": "17:00", "expected_s": 1}]}],
            "team_working_time": [{"shift_start": "07:00", "shift_h": 12, "rotation": [{"on": 1, "off": 1}],
                "rotation_start": "2017-01-01", "cases": [{"from": "2017-01-03T13:00", "to_plus_days": 3, "expected_h": 18}]}],
            "something": [1]
        });
        let found = cases(&file).unwrap_or_default();
        let outcome: Vec<_> = found.iter().map(|case| (case.name.as_str(), case.wrong.len())).collect();
        assert_eq!(
            outcome,
            [
                ("S 06:00 to 08:00", 0),
                ("S 16:00 to 17:00", 1),
                ("something", 1),
                ("team, 2017-01-03T13:00 and 3 days", 0)
            ]
        );
    }
}
