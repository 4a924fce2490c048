//! A roster in words, as it crosses the wire and is stored, and back.

use chrono::{NaiveDate, NaiveDateTime, NaiveTime};
use gemba_contract::calendar::{Definition, RotationDefinition, SegmentDefinition, ShiftDefinition, TeamDefinition};
use gemba_domain::shift::{Roster, Rotation, Segment, ShiftPattern, Team, Weekdays, check_week};

use crate::nearest::nearest;

/// Words for the days of the week, Monday first.
pub const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// The bit of a day; Monday is bit 0.
pub fn weekday_bit(word: &str) -> Option<u8> {
    DAYS.iter().position(|day| *day == word).map(|bit| 1 << bit)
}

/// `HH:MM` as minutes since midnight.
pub fn minute_of_day(text: &str) -> Option<u16> {
    let (hours, minutes) = text.split_once(':')?;
    let two_digits = |part: &str| (part.len() == 2).then(|| part.parse::<u16>().ok()).flatten();
    let (hours, minutes) = (two_digits(hours)?, two_digits(minutes)?);
    (hours < 24 && minutes < 60).then_some(hours * 60 + minutes)
}

/// `YYYY-MM-DD`, its midnight, or `YYYY-MM-DD HH:MM`.
pub fn local_time(text: &str) -> Option<NaiveDateTime> {
    let (date, time) = text.split_once([' ', 'T']).map_or((text, None), |(date, time)| (date, Some(time)));
    let minute = time.map_or(Some(0), minute_of_day)?;
    let date = NaiveDate::parse_from_str(date, "%Y-%m-%d").ok()?;
    Some(date.and_time(NaiveTime::from_num_seconds_from_midnight_opt(u32::from(minute) * 60, 0)?))
}

/// `HH:MM-HH:MM` as minutes since midnight.
pub fn break_minutes(text: &str) -> Option<(u16, u16)> {
    let (from, to) = text.split_once('-')?;
    Some((minute_of_day(from)?, minute_of_day(to)?))
}

/// What a definition says.
///
/// # Errors
/// All that is wrong with it: of the shifts first, then of what is made of them.
pub fn roster(definition: &Definition) -> Result<Roster, Vec<String>> {
    let shifts = all(definition.shifts.iter().map(shift))?;
    let rotations = all(definition.rotations.iter().map(|it| rotation(it, &definition.shifts)))?;
    let team = |it: &TeamDefinition| Team {
        name: it.name.trim().into(),
        rotation: it.rotation.trim().into(),
        start: it.start,
    };
    let teams: Vec<Team> = definition.teams.iter().map(team).collect();
    if teams.iter().any(|team| team.name.is_empty()) {
        return Err(vec!["a team has no name; give it one, such as `A`".to_owned()]);
    }
    check_week(&shifts).map_err(|error| vec![error.to_string()])?;
    Roster::new(shifts, rotations, teams).map_err(|error| vec![error.to_string()])
}

fn all<T>(parts: impl Iterator<Item = Result<T, String>>) -> Result<Vec<T>, Vec<String>> {
    let (mut good, mut bad) = (Vec::new(), Vec::new());
    for part in parts {
        match part {
            Ok(part) => good.push(part),
            Err(told) => bad.push(told),
        }
    }
    if bad.is_empty() { Ok(good) } else { Err(bad) }
}

fn shift(it: &ShiftDefinition) -> Result<ShiftPattern, String> {
    let time = |text: &str| {
        minute_of_day(text.trim())
            .ok_or_else(|| format!("shift `{}`: `{text}` is not a time of day; expected HH:MM such as 06:00", it.name))
    };
    let (start, end) = (time(&it.start)?, time(&it.end)?);
    let mut days = Weekdays::ALL.bits();
    if let Some(words) = &it.days {
        days = 0;
        for word in words {
            days |= weekday_bit(word)
                .ok_or_else(|| format!("shift `{}`: `{word}` is not a day; valid: {}", it.name, DAYS.join(", ")))?;
        }
    }
    let pause = |text: &String| {
        break_minutes(text.trim()).ok_or_else(|| {
            format!("shift `{}`: `{text}` is not a break; expected HH:MM-HH:MM such as 10:00-10:20", it.name)
        })
    };
    let breaks = it.breaks.iter().map(pause).collect::<Result<Vec<_>, _>>()?;
    ShiftPattern::new(&it.name, start, end, Weekdays::from_bits(days), breaks).map_err(|error| error.to_string())
}

fn rotation(it: &RotationDefinition, shifts: &[ShiftDefinition]) -> Result<Rotation, String> {
    let known = || shifts.iter().map(|shift| shift.name.trim());
    for segment in it.segments.iter().filter(|segment| segment.days_on > 0) {
        let wanted = segment.shift.trim();
        if known().all(|name| name != wanted) {
            let hint = nearest(wanted, known()).map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
            return Err(format!("rotation `{}` wants shift `{wanted}`, which there is not{hint}", it.name));
        }
    }
    let segments = it.segments.iter().map(|segment| Segment {
        shift: segment.shift.trim().into(),
        days_on: segment.days_on,
        days_off: segment.days_off,
    });
    if it.name.trim().is_empty() {
        return Err("a rotation has no name; give it one, such as `2-2-4`".to_owned());
    }
    Rotation::new(&it.name, segments).map_err(|error| error.to_string())
}

/// A roster in words, always in the same ones.
pub fn definition(roster: &Roster) -> Definition {
    let clock = |minute: u16| format!("{:02}:{:02}", minute / 60 % 24, minute % 60);
    let shift = |it: &ShiftPattern| {
        let pause = |(from, to): &(u16, u16)| format!("{}-{}", clock(it.start() + from), clock(it.start() + to));
        let days = (0..).zip(DAYS).filter(|(bit, _)| it.days().bits() & (1 << bit) != 0);
        ShiftDefinition {
            name: it.name().to_string(),
            start: clock(it.start()),
            end: clock(it.end()),
            days: Some(days.map(|(_, day)| day.to_owned()).collect()),
            breaks: it.breaks().iter().map(pause).collect(),
        }
    };
    let segment =
        |it: &Segment| SegmentDefinition { shift: it.shift.to_string(), days_on: it.days_on, days_off: it.days_off };
    let rotation = |it: &Rotation| RotationDefinition {
        name: it.name().to_string(),
        segments: it.segments().iter().map(segment).collect(),
    };
    let team =
        |it: &Team| TeamDefinition { name: it.name.to_string(), rotation: it.rotation.to_string(), start: it.start };
    Definition {
        shifts: roster.shifts().iter().map(shift).collect(),
        rotations: roster.rotations().iter().map(rotation).collect(),
        teams: roster.teams().iter().map(team).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(json: serde_json::Value) -> Definition {
        serde_json::from_value(json).expect("a definition")
    }

    #[test]
    fn words_and_rosters_go_over_into_each_other() {
        let week = given(serde_json::json!({
            "shifts": [
                { "name": "Night", "start": "22:00", "end": "06:00", "days": ["sun", "mon"], "breaks": ["23:50-00:10", "02:00-02:20"] },
                { "name": "Day", "start": "06:00", "end": "22:00" },
            ],
            "rotations": [{ "name": "r", "segments": [{ "shift": "Night", "days_on": 2, "days_off": 1 }] }],
            "teams": [{ "name": "A", "rotation": "r", "start": "2026-11-01" }],
        }));
        let read = roster(&week).expect("valid");
        let words = definition(&read);
        assert_eq!(roster(&words).as_ref(), Ok(&read));
        assert_eq!(words.shifts[0].days.as_deref(), Some(&["mon".to_owned(), "sun".to_owned()][..]));
        assert_eq!(words.shifts[0].breaks, week.shifts[0].breaks);
        assert_eq!(words.shifts[1].days.as_ref().map(Vec::len), Some(7));
        let whole = given(serde_json::json!({ "shifts": [{ "name": "All", "start": "00:00", "end": "00:00" }] }));
        let whole = roster(&whole).expect("valid");
        assert_eq!(roster(&definition(&whole)), Ok(whole));
    }

    #[test]
    fn all_shifts_that_are_wrong_are_named() {
        let wrong = given(serde_json::json!({ "shifts": [
            { "name": "A", "start": "6", "end": "14:00" },
            { "name": "B", "start": "06:00", "end": "14:00", "days": ["monday"] },
            { "name": "C", "start": "06:00", "end": "14:00", "breaks": ["5-6"] },
            { "name": "D", "start": "06:00", "end": "14:00", "breaks": ["05:00-05:10"] },
        ] }));
        let told = roster(&wrong).expect_err("refused");
        assert_eq!(told.len(), 4);
        assert!(told[0].contains("shift `A`: `6` is not a time of day") && told[1].contains("`monday` is not a day"));
        assert!(told[2].contains("`5-6` is not a break") && told[3].contains("shift `D`"), "{told:?}");
    }
}
