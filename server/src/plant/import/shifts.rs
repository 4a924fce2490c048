//! Calendars: a file's shifts, rotations and teams against the version that stands, its closures against those entered.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use gemba_contract::calendar::{Definition, RotationDefinition, SegmentDefinition, ShiftDefinition, TeamDefinition};
use gemba_domain::{Timestamp, shift};
use toml::Spanned;

use super::{Builder, Change, EquipmentRow};
use crate::{
    calendar::{ClosureRow, definition, local_time, roster},
    plant::file::{ClosureEntry, SiteEntry},
};

impl Builder<'_> {
    /// What stands is not replaced: other shifts, rotations or teams are a version that is valid from now on. A file that says the
    /// same as when it was imported last changes nothing that was changed elsewhere since.
    pub(super) fn calendar(&mut self, site: &EquipmentRow, entry: &SiteEntry) {
        // The file is checked.
        let Ok(wanted) = roster(&stated(entry)) else { return };
        let calendars = &self.existing.calendars;
        let standing = calendars.valid_at(site.id, self.now);
        let before = standing.and_then(|it| roster(it).ok());
        if before.as_ref() == Some(&wanted) {
            return;
        }
        let title = format!("shifts of {}", site.path);
        if standing.is_some() && calendars.of_file(site.id).as_ref() == Some(&wanted) {
            let note = "stay as they were changed since the last import: the file says nothing new";
            self.plan.notes.push(format!("{title}: {note}"));
            return;
        }
        let wanted = definition(&wanted);
        let fields = difference(&before.map(|it| definition(&it)).unwrap_or_default(), &wanted);
        if !fields.is_empty() {
            self.plan.changes.push(Change::Alter(title, fields));
        }
        let new = !self.by_path.contains_key(site.path.as_str());
        self.plan.calendars.push((site.id, (!new).then_some(self.now), wanted));
    }

    /// Planned downtime is planned ahead (ISO 22400): what has begun stays as it was planned, whatever the file says now.
    pub(super) fn closures(&mut self, site: &EquipmentRow, entry: &SiteEntry) {
        let Ok(zone) = entry.time_zone.get_ref().parse::<Tz>() else { return };
        let moment = |text: &str| shift::moment(&zone, local_time(text)?);
        let wanted: Vec<ClosureRow> = (entry.closures.iter())
            .filter_map(|closure| {
                Some(ClosureRow {
                    site_id: site.id,
                    name: closure.name.get_ref().trim().to_owned(),
                    closed_from: moment(closure.from.get_ref())?.to_utc(),
                    closed_to: moment(closure.to.get_ref())?.to_utc(),
                    kind: closure.kind.get_ref().clone(),
                    entered_by: None,
                })
            })
            .collect();
        let same = |a: &ClosureRow, b: &ClosureRow| (&a.name, a.closed_from) == (&b.name, b.closed_from);
        let before: Vec<&ClosureRow> =
            self.existing.calendars.closures.iter().filter(|row| row.site_id == site.id).collect();
        let begun = |row: &ClosureRow| row.closed_from <= self.now.to_utc();
        let title = |row: &ClosureRow| {
            let local = |time: DateTime<Utc>| time.with_timezone(&zone).format("%Y-%m-%d %H:%M").to_string();
            let (from, to) = (local(row.closed_from), local(row.closed_to));
            format!("closure of {}: {} ({}), {from} to {to}", site.path, row.name, row.kind)
        };
        for row in wanted {
            match before.iter().find(|old| same(old, &row)) {
                Some(old) if (old.closed_to, &old.kind) == (row.closed_to, &row.kind) => {}
                Some(old) if let Some(by) = &old.entered_by => {
                    let note = format!("not taken, because {by} has changed it since: {}", title(old));
                    self.plan.notes.push(format!("{}: {note}", title(&row)));
                }
                _ if begun(&row) => {
                    let note = "not taken, because it has begun: what was planned then stays as it was";
                    self.plan.notes.push(format!("{}: {note}", title(&row)));
                }
                Some(old) => {
                    self.plan.changes.push(Change::Alter(title(old), vec![title(&row)]));
                    self.plan.closures.push(row);
                }
                None => {
                    self.plan.changes.push(Change::Add(title(&row)));
                    self.plan.closures.push(row);
                }
            }
        }
        for old in before.into_iter().filter(|old| !begun(old) && old.entered_by.is_none()) {
            let moment_of = |entry: &ClosureEntry| moment(entry.from.get_ref()).map(Timestamp::to_utc);
            let stands = |entry: &ClosureEntry| {
                entry.name.get_ref().trim() == old.name && moment_of(entry) == Some(old.closed_from)
            };
            if !entry.closures.iter().any(stands) {
                self.plan.changes.push(Change::Remove(title(old)));
                self.plan.removed_closures.push(old.clone());
            }
        }
    }
}

fn stated(site: &SiteEntry) -> Definition {
    let words = |all: &[Spanned<String>]| all.iter().map(|word| word.get_ref().clone()).collect();
    let shifts = site.shifts.iter().map(|shift| ShiftDefinition {
        name: shift.name.get_ref().clone(),
        start: shift.start.get_ref().clone(),
        end: shift.end.get_ref().clone(),
        days: shift.days.as_deref().map(words),
        breaks: words(&shift.breaks),
    });
    let rotations = site.rotations.iter().map(|rotation| RotationDefinition {
        name: rotation.name.get_ref().clone(),
        segments: (rotation.segments.iter())
            .map(|segment| SegmentDefinition {
                shift: segment.shift.get_ref().clone(),
                days_on: segment.days_on,
                days_off: segment.days_off,
            })
            .collect(),
    });
    let teams = site.teams.iter().filter_map(|team| {
        Some(TeamDefinition {
            name: team.name.get_ref().clone(),
            rotation: team.rotation.get_ref().clone(),
            start: team.start.get_ref().parse().ok()?,
        })
    });
    Definition { shifts: shifts.collect(), rotations: rotations.collect(), teams: teams.collect() }
}

/// What differs, for people.
fn difference(old: &Definition, new: &Definition) -> Vec<String> {
    fn joined<T>(all: &[T], told: impl Fn(&T) -> String) -> String {
        if all.is_empty() { "none".to_owned() } else { all.iter().map(told).collect::<Vec<_>>().join(", ") }
    }
    let mut fields = Vec::new();
    let mut told = |what: &str, old: String, new: String, differ: bool, else_told: &str| {
        if old != new {
            fields.push(format!("{what}{old} -> {new}"));
        } else if differ {
            fields.push(else_told.to_owned());
        }
    };
    let shift = |it: &ShiftDefinition| format!("{} {}-{}", it.name, it.start, it.end);
    let shifts = |it: &Definition| joined(&it.shifts, shift);
    told("", shifts(old), shifts(new), old.shifts != new.shifts, "days or breaks changed");
    let segment = |it: &SegmentDefinition| format!("{}x {} {} off", it.days_on, it.shift, it.days_off);
    let rotation = |it: &RotationDefinition| format!("{} ({})", it.name, joined(&it.segments, segment));
    let rotations = |it: &Definition| joined(&it.rotations, rotation);
    told("rotations ", rotations(old), rotations(new), false, "");
    let team = |it: &TeamDefinition| format!("{} {} from {}", it.name, it.rotation, it.start);
    let teams = |it: &Definition| joined(&it.teams, team);
    told("teams ", teams(old), teams(new), false, "");
    fields
}
