use std::sync::Arc;

use chrono::{Datelike, NaiveDate, TimeZone};

use super::{ShiftError, ShiftInstance, ShiftPattern, instance::instances_where};
use crate::Timestamp;

/// Days on one shift, then days off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Name of the shift.
    pub shift: Arc<str>,
    /// Days worked in a row, 0 and more.
    pub days_on: u16,
    /// Days off that follow, 0 and more.
    pub days_off: u16,
}

/// A sequence of segments that repeats: three days early, two off, four days night, five off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rotation {
    name: Arc<str>,
    segments: Vec<Segment>,
}

/// People who work a rotation together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Team {
    /// Such as `A`.
    pub name: Arc<str>,
    /// Name of its rotation.
    pub rotation: Arc<str>,
    /// The first day of its rotation. Before it the team does not work.
    pub start: NaiveDate,
}

/// The shifts of a site and who works them. Valid by construction.
///
/// Without teams every shift takes place on each of its days of the week. With teams it takes place on those of them on which
/// a team has it in its rotation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Roster {
    shifts: Vec<ShiftPattern>,
    rotations: Vec<Rotation>,
    teams: Vec<Team>,
}

impl Rotation {
    /// # Errors
    /// No name, or not one day in all.
    pub fn new(name: &str, segments: impl IntoIterator<Item = Segment>) -> Result<Self, ShiftError> {
        let name: Arc<str> = name.trim().into();
        let segments: Vec<Segment> = segments.into_iter().collect();
        if name.is_empty() {
            return Err(ShiftError::NoName);
        }
        let rotation = Self { name, segments };
        if rotation.days() == 0 {
            return Err(ShiftError::EmptyRotation { rotation: rotation.name });
        }
        Ok(rotation)
    }

    /// Such as `2-2-3`.
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// Its segments, in order.
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// The days after which it repeats, at least 1.
    pub fn days(&self) -> u32 {
        self.segments.iter().map(|segment| u32::from(segment.days_on) + u32::from(segment.days_off)).sum()
    }

    /// The shift of the day that comes `after` days after its begin; `None` on a day off.
    pub fn shift_after(&self, after: u32) -> Option<&Arc<str>> {
        let mut day = after % self.days();
        for Segment { shift, days_on, days_off } in &self.segments {
            if day < u32::from(*days_on) {
                return Some(shift);
            }
            day -= u32::from(*days_on);
            if day < u32::from(*days_off) {
                return None;
            }
            day -= u32::from(*days_off);
        }
        None
    }

    /// Shifts worked in one turn of the rotation.
    pub fn worked(&self) -> impl Iterator<Item = &Arc<str>> {
        (0..self.days()).filter_map(|day| self.shift_after(day))
    }
}

impl Roster {
    /// Shifts may overlap where different teams work them: whether one unit's shifts do is for
    /// [`check_week`](super::check_week). They may share a name: `Early` is shorter on Fridays.
    ///
    /// # Errors
    /// A rotation's or team's name given twice; a rotation of a shift, or a team of a rotation, that there is not.
    pub fn new(shifts: Vec<ShiftPattern>, rotations: Vec<Rotation>, teams: Vec<Team>) -> Result<Self, ShiftError> {
        unique("rotation", rotations.iter().map(Rotation::name))?;
        unique("team", teams.iter().map(|team| &team.name))?;
        for rotation in &rotations {
            let unknown = |segment: &&Segment| segment.days_on > 0 && shifts.iter().all(|s| *s.name() != segment.shift);
            if let Some(segment) = rotation.segments.iter().find(unknown) {
                return Err(ShiftError::Unknown {
                    what: "rotation",
                    name: rotation.name.clone(),
                    wants: "shift",
                    wanted: segment.shift.clone(),
                });
            }
        }
        if let Some(team) = teams.iter().find(|team| rotations.iter().all(|r| r.name != team.rotation)) {
            let (name, wanted) = (team.name.clone(), team.rotation.clone());
            return Err(ShiftError::Unknown { what: "team", name, wants: "rotation", wanted });
        }
        Ok(Self { shifts, rotations, teams })
    }

    /// The shifts.
    pub fn shifts(&self) -> &[ShiftPattern] {
        &self.shifts
    }

    /// The rotations.
    pub fn rotations(&self) -> &[Rotation] {
        &self.rotations
    }

    /// The teams.
    pub fn teams(&self) -> &[Team] {
        &self.teams
    }

    fn works(&self, team: &Team, shift: &ShiftPattern, day: NaiveDate) -> bool {
        let Ok(after) = u32::try_from(day.signed_duration_since(team.start).num_days()) else { return false };
        let rotation = self.rotations.iter().find(|rotation| rotation.name == team.rotation);
        rotation.and_then(|rotation| rotation.shift_after(after)) == Some(shift.name())
    }

    /// The teams that work a shift which begins on this local date.
    pub fn teams_on(&self, shift: &ShiftPattern, day: NaiveDate) -> impl Iterator<Item = &Team> {
        self.teams.iter().filter(move |team| self.works(team, shift, day))
    }

    /// The shifts that touch [from, to), each whole, ordered by their begin, with the teams that work them; as
    /// [`instances`](super::instances). Several teams of one shift are joined: `A + B`.
    pub fn instances<Tz: TimeZone>(&self, tz: &Tz, from: Timestamp, to: Timestamp) -> Vec<ShiftInstance> {
        instances_where(&self.shifts, tz, from, to, |shift, day| {
            if self.teams.is_empty() {
                return Some(None);
            }
            let teams: Vec<&str> = self.teams_on(shift, day).map(|team| &*team.name).collect();
            (!teams.is_empty()).then(|| Some(teams.join(" + ").into()))
        })
    }

    /// Those of them that one team works.
    pub fn instances_of<Tz: TimeZone>(
        &self,
        team: &Team,
        tz: &Tz,
        from: Timestamp,
        to: Timestamp,
    ) -> Vec<ShiftInstance> {
        instances_where(&self.shifts, tz, from, to, |shift, day| {
            self.works(team, shift, day).then(|| Some(team.name.clone()))
        })
    }

    /// The first day from `day` on, within one year, on which nobody works a shift that has this day of the week, and the
    /// shift; `None` when there is none. Without teams there is none.
    pub fn unstaffed(&self, day: NaiveDate) -> Option<(NaiveDate, &ShiftPattern)> {
        if self.teams.is_empty() {
            return None;
        }
        day.iter_days()
            .take(366)
            .flat_map(|day| self.shifts.iter().map(move |shift| (day, shift)))
            .find(|(day, shift)| shift.days().contains(day.weekday()) && self.teams_on(shift, *day).next().is_none())
    }
}

fn unique<'a>(what: &'static str, names: impl Iterator<Item = &'a Arc<str>>) -> Result<(), ShiftError> {
    let mut seen = std::collections::BTreeSet::new();
    for name in names {
        if !seen.insert(name) {
            return Err(ShiftError::NameTwice { what, name: name.clone() });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use chrono_tz::{Europe::Berlin, UTC};

    use super::*;
    use crate::shift::Weekdays;

    const H: u16 = 60;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    fn date(text: &str) -> NaiveDate {
        text.parse().expect("a date")
    }

    fn segment(shift: &str, days_on: u16, days_off: u16) -> Segment {
        Segment { shift: shift.into(), days_on, days_off }
    }

    fn team(name: &str, rotation: &str, start: &str) -> Team {
        Team { name: name.into(), rotation: rotation.into(), start: date(start) }
    }

    fn day_and_night(days: Weekdays) -> Vec<ShiftPattern> {
        vec![
            ShiftPattern::new("Day", 6 * H, 18 * H, days, []).expect("valid"),
            ShiftPattern::new("Night", 18 * H, 6 * H, days, []).expect("valid"),
        ]
    }

    /// Four teams, twelve hours each, two days, two nights, four off: somebody is always there.
    fn four_teams() -> Roster {
        let rotation = Rotation::new("2-2-4", [segment("Day", 2, 0), segment("Night", 2, 4)]).expect("valid");
        let starts = ["2026-11-02", "2026-11-04", "2026-11-06", "2026-11-08"];
        let teams = ["A", "B", "C", "D"].iter().zip(starts).map(|(name, start)| team(name, "2-2-4", start)).collect();
        Roster::new(day_and_night(Weekdays::ALL), vec![rotation], teams).expect("valid")
    }

    #[test]
    fn a_rotation_repeats() {
        let rotation =
            Rotation::new("r", [segment("Day", 1, 1), segment("x", 0, 2), segment("Night", 2, 0)]).expect("valid");
        assert_eq!(rotation.days(), 6);
        let week: Vec<_> = (0..8).map(|day| rotation.shift_after(day).map_or("-", |shift| shift)).collect();
        assert_eq!(week, ["Day", "-", "-", "-", "Night", "Night", "Day", "-"]);
        assert_eq!(rotation.worked().count(), 3);
    }

    #[test]
    fn four_teams_leave_no_hole_and_each_works_half_a_turn() {
        let roster = four_teams();
        let (from, to) = (at("2026-11-10T06:00:00Z"), at("2026-12-10T06:00:00Z"));
        let all = roster.instances(&UTC, from, to);
        assert!(all.windows(2).all(|pair| pair[0].to == pair[1].from) && all.len() == 60, "{}", all.len());
        assert_eq!(roster.unstaffed(date("2026-11-08")), None);
        let day = &roster.shifts()[0];
        let names: Vec<_> = roster.teams_on(day, date("2026-11-10")).map(|team| &*team.name).collect();
        assert_eq!(names, ["A"]);
        let of_teams: usize = roster.teams().iter().map(|team| roster.instances_of(team, &UTC, from, to).len()).sum();
        assert_eq!(of_teams, 60);
    }

    #[test]
    fn before_its_first_day_a_team_does_not_work_and_a_shift_that_nobody_works_does_not_take_place() {
        let roster = four_teams();
        let begun = roster.instances(&UTC, at("2026-10-01T00:00:00Z"), at("2026-11-04T06:00:00Z"));
        let names: Vec<_> = begun.iter().map(|s| (&*s.name, s.production_day.to_string())).collect();
        assert_eq!(names, [("Day", "2026-11-02".to_owned()), ("Day", "2026-11-03".to_owned())]);
        assert_eq!(
            roster.unstaffed(date("2026-11-02")).map(|(day, shift)| (day, &**shift.name())),
            Some((date("2026-11-02"), "Night"))
        );
    }

    #[test]
    fn days_of_the_week_hold_for_rotations_too() {
        let rotation = Rotation::new("weekly", [segment("Day", 7, 0), segment("Night", 7, 0)]).expect("valid");
        let shifts = day_and_night(Weekdays::MONDAY_TO_FRIDAY);
        let roster = Roster::new(shifts, vec![rotation], vec![team("A", "weekly", "2026-11-02")]).expect("valid");
        let worked = roster.instances(&Berlin, at("2026-11-02T00:00:00Z"), at("2026-11-16T12:00:00Z"));
        let count = |name: &str| worked.iter().filter(|shift| &*shift.name == name).count();
        assert_eq!((count("Day"), count("Night")), (6, 5));
    }

    #[test]
    fn what_does_not_fit_together_is_named() {
        let shifts = || day_and_night(Weekdays::ALL);
        let rotation = |shift: &str| Rotation::new("r", [segment(shift, 1, 1)]).expect("valid");
        let refused = |it: Result<Roster, ShiftError>| it.expect_err("refused").to_string();
        let message = refused(Roster::new(shifts(), vec![rotation("Dya")], Vec::new()));
        assert!(message.contains("rotation `r` wants shift `Dya`"), "{message}");
        let message = refused(Roster::new(shifts(), vec![rotation("Day")], vec![team("A", "q", "2026-01-01")]));
        assert!(message.contains("team `A` wants rotation `q`"), "{message}");
        let teams = vec![team("A", "r", "2026-01-01"), team("A", "r", "2026-01-02")];
        let message = refused(Roster::new(shifts(), vec![rotation("Day")], teams));
        assert!(message.contains("team `A` is given twice"), "{message}");
        let empty = Rotation::new("r", [segment("Day", 0, 0)]).expect_err("refused").to_string();
        assert!(empty.contains("rotation `r` has no day"), "{empty}");
    }
}
