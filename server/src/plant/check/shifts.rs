//! Shifts, rotations, teams and closures of a plant file.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use gemba_domain::shift::{ClosureKind, ShiftError, ShiftPattern, Weekdays, check_week};
use toml::Spanned;

use super::{Checker, line_at};
use crate::{
    calendar::{DAYS, break_minutes, local_time, minute_of_day, weekday_bit},
    nearest::nearest,
    plant::file::{ClosureEntry, RotationEntry, ShiftEntry, SiteEntry, TeamEntry},
};

/// The days on which a shift begins, Monday in bit 0; all of them when it does not say.
fn day_bits(shift: &ShiftEntry) -> u8 {
    match &shift.days {
        None => Weekdays::ALL.bits(),
        Some(days) => days.iter().filter_map(|day| weekday_bit(day.get_ref())).fold(0, |bits, bit| bits | bit),
    }
}

impl Checker<'_> {
    pub(super) fn calendar(&mut self, site: &SiteEntry) {
        let patterns: Vec<ShiftPattern> = site.shifts.iter().filter_map(|shift| self.shift(shift)).collect();
        if patterns.len() == site.shifts.len()
            && let (Err(error), Some(first)) = (check_week(&patterns), site.shifts.first())
        {
            self.report(&first.name, error.to_string());
        }
        let shifts: Vec<&str> = site.shifts.iter().map(|shift| shift.name.get_ref().trim()).collect();
        self.names("rotation", site.rotations.iter().map(|rotation| &rotation.name));
        for rotation in &site.rotations {
            self.rotation(rotation, &shifts);
        }
        let rotations: Vec<&str> = site.rotations.iter().map(|rotation| rotation.name.get_ref().trim()).collect();
        self.names("team", site.teams.iter().map(|team| &team.name));
        for team in &site.teams {
            self.team(team, &rotations);
        }
        let mut known: BTreeMap<(&str, &str), usize> = BTreeMap::new();
        for closure in &site.closures {
            self.closure(closure);
            let line = line_at(self.text, &closure.name.span());
            if let Some(first) = known.insert((closure.name.get_ref(), closure.from.get_ref()), line) {
                let message = format!("closure `{}` is given twice, first on line {first}", closure.name.get_ref());
                self.report(&closure.name, message);
            }
        }
    }

    /// There is a name, and no other has it.
    fn names<'b>(&mut self, what: &str, names: impl Iterator<Item = &'b Spanned<String>>) {
        let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
        for name in names {
            let text = name.get_ref().trim();
            if text.is_empty() {
                self.report(name, format!("a {what} has no name; give it one"));
                continue;
            }
            let line = line_at(self.text, &name.span());
            if let Some(first) = seen.insert(text, line) {
                self.report(name, format!("{what} `{text}` is given twice, first on line {first}; names must differ"));
            }
        }
    }

    fn rotation(&mut self, rotation: &RotationEntry, shifts: &[&str]) {
        let name = rotation.name.get_ref();
        for segment in rotation.segments.iter().filter(|segment| segment.days_on > 0) {
            self.wanted("rotation", name, "shift", &segment.shift, shifts);
        }
        if rotation.segments.iter().all(|segment| segment.days_on == 0 && segment.days_off == 0) {
            self.report(
                &rotation.name,
                format!("rotation `{name}` has no day; give it a segment with days_on or days_off"),
            );
        }
    }

    fn team(&mut self, team: &TeamEntry, rotations: &[&str]) {
        self.wanted("team", team.name.get_ref(), "rotation", &team.rotation, rotations);
        if NaiveDate::parse_from_str(team.start.get_ref(), "%Y-%m-%d").is_err() {
            let message = format!(
                "`{}` is not a date; expected the first day of the rotation such as 2026-11-02",
                team.start.get_ref()
            );
            self.report(&team.start, message);
        }
    }

    fn wanted(&mut self, what: &str, name: &str, wants: &str, wanted: &Spanned<String>, known: &[&str]) {
        let text = wanted.get_ref().trim();
        if !known.contains(&text) {
            let hint =
                nearest(text, known.iter().copied()).map(|n| format!("; did you mean `{n}`?")).unwrap_or_default();
            let have = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            let message =
                format!("{what} `{name}` wants {wants} `{text}`, which there is not{hint} This site has: {have}");
            self.report(wanted, message);
        }
    }

    fn shift(&mut self, shift: &ShiftEntry) -> Option<ShiftPattern> {
        let minutes: Vec<Option<u16>> = [&shift.start, &shift.end]
            .into_iter()
            .map(|time| {
                let parsed = minute_of_day(time.get_ref());
                if parsed.is_none() {
                    self.report(
                        time,
                        format!("`{}` is not a time of day; expected HH:MM such as 06:00", time.get_ref()),
                    );
                }
                parsed
            })
            .collect();
        for day in shift.days.iter().flatten() {
            self.word(day, "day", weekday_bit(day.get_ref()), &DAYS);
        }
        let breaks: Vec<Option<(u16, u16)>> = shift
            .breaks
            .iter()
            .map(|text| {
                let parsed = break_minutes(text.get_ref());
                if parsed.is_none() {
                    self.report(
                        text,
                        format!("`{}` is not a break; expected HH:MM-HH:MM such as 10:00-10:20", text.get_ref()),
                    );
                }
                parsed
            })
            .collect();
        let days = Weekdays::from_bits(day_bits(shift));
        let [Some(start), Some(end)] = minutes[..] else { return None };
        match ShiftPattern::new(shift.name.get_ref(), start, end, days, breaks.iter().copied().flatten()) {
            Ok(pattern) => Some(pattern),
            Err(error) => {
                let blamed = match &error {
                    ShiftError::BreakOutside { pause, .. } | ShiftError::BreaksOverlap { second: pause, .. } => {
                        breaks.iter().position(|found| *found == Some(*pause)).and_then(|index| shift.breaks.get(index))
                    }
                    _ => None,
                };
                self.report(blamed.unwrap_or(&shift.name), error.to_string());
                None
            }
        }
    }

    fn closure(&mut self, closure: &ClosureEntry) {
        if closure.name.get_ref().trim().is_empty() {
            self.report(&closure.name, "a closure has no name; give it one, such as `Christmas`");
        }
        let kinds = ClosureKind::ALL.map(ClosureKind::as_str);
        self.word(&closure.kind, "kind of closure", ClosureKind::from_word(closure.kind.get_ref()), &kinds);
        let mut local = |text: &Spanned<String>| {
            let parsed = local_time(text.get_ref());
            if parsed.is_none() {
                let expected = "expected a local date or time such as 2026-12-24 or 2026-12-24 18:00";
                self.report(text, format!("`{}` is not a time; {expected}", text.get_ref()));
            }
            parsed
        };
        if let (Some(from), Some(to)) = (local(&closure.from), local(&closure.to))
            && from >= to
        {
            self.report(
                &closure.to,
                format!("it ends at {to}, which is not after its begin, {from}; `to` itself is not included"),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::defects;

    #[test]
    fn closures_have_a_kind_and_end_after_they_begin() {
        let with = |closure: &str| defects("[[site.area]]", &format!("[[site.closure]]\n{closure}\n[[site.area]]"));
        let good = "name = \"Christmas\"\nfrom = \"2026-12-24 14:00\"\nto = \"2026-12-27\"\nkind = \"holiday\"";
        assert_eq!(with(good), Vec::<String>::new());
        for (from, to, expected) in [
            ("holiday", "holliday", "line 17: `holliday` is not a kind of closure; did you mean `holiday`?"),
            ("2026-12-27", "2026-02-30", "line 16: `2026-02-30` is not a time; expected a local date or time"),
            ("2026-12-27", "2026-12-24 14:00", "line 16: it ends at 2026-12-24 14:00:00, which is not after its begin"),
            ("Christmas", " ", "line 14: a closure has no name"),
        ] {
            let found = with(&good.replace(from, to));
            assert!(found.len() == 1 && found[0].starts_with(expected), "{to:?} gave {found:?}");
        }
        let twice = with(&format!("{good}\n[[site.closure]]\n{good}"));
        assert!(twice[0].starts_with("line 19: closure `Christmas` is given twice, first on line 14"), "{twice:?}");
    }

    #[test]
    fn rotations_and_teams_want_what_there_is() {
        let with = |text: &str| defects("[[site.area]]", &format!("{text}\n[[site.area]]"));
        let good = "[[site.rotation]]\nname = \"2-2\"\nsegments = [{ shift = \"Night\", days_on = 2, days_off = 2 }]\n\
                    [[site.team]]\nname = \"A\"\nrotation = \"2-2\"\nstart = \"2026-11-02\"";
        assert_eq!(with(good), Vec::<String>::new());
        for (from, to, expected) in [
            (
                "\"Night\"",
                "\"Nihgt\"",
                "line 15: rotation `2-2` wants shift `Nihgt`, which there is not; did you mean `Night`?",
            ),
            ("days_on = 2, days_off = 2", "days_on = 0", "line 14: rotation `2-2` has no day"),
            ("rotation = \"2-2\"", "rotation = \"2-3\"", "line 18: team `A` wants rotation `2-3`, which there is not"),
            ("2026-11-02", "2026-11-31", "line 19: `2026-11-31` is not a date; expected the first day"),
            ("days_off", "day_off", "line 15: `day_off` is not a key here; did you mean `days_off`?"),
            ("name = \"A\"", "name = \" \"", "line 17: a team has no name"),
        ] {
            let found = with(&good.replace(from, to));
            assert!(found.len() == 1 && found[0].starts_with(expected), "{to:?} gave {found:?}");
        }
        let all = with(
            &good.replace("\"Night\"", "\"x\"").replace("rotation = \"2-2\"", "rotation = \"y\"").replace("11-02", "0"),
        );
        assert_eq!(all.len(), 3, "{all:?}");
        let twice = with(&format!("{good}\n[[site.team]]\nname = \"A\"\nrotation = \"2-2\"\nstart = \"2026-11-02\""));
        assert!(twice[0].starts_with("line 21: team `A` is given twice, first on line 17"), "{twice:?}");
    }
}
