//! The running shift on other days.

use std::collections::HashMap;

use gemba_contract::overview::{Earlier, EarlierOf, EarlierShift};
use gemba_domain::{
    Interval, Timestamp,
    equipment::{EquipmentId, EquipmentPath},
    oee::Elements,
    shift::ShiftInstance,
};

use super::{ReportError, Service};
use crate::{
    calendar::Calendar,
    plant::{Line, Site},
};

/// How many days before.
const DAYS: [u32; 2] = [1, 7];

/// Elements of a unit in the shift that begins at a moment.
type ByShift = HashMap<(EquipmentId, Timestamp), Elements>;

impl Service {
    /// What the shift that runs now came to the day before and a week before, of every site, area and line: of a line by its
    /// key unit, above that the sums of those whose pieces can be weighed.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn earlier(&self, now: Timestamp) -> Result<Earlier, ReportError> {
        let plant = self.plant.current();
        let mut nodes = Vec::new();
        for site in &plant.sites {
            let shifts = shifts_before(&site.calendar, now);
            if shifts.is_empty() {
                continue;
            }
            let keys: Vec<EquipmentId> =
                site.lines().filter_map(|(_, line)| line.constraint()).map(|unit| unit.id).collect();
            let begins: Vec<Timestamp> = shifts.iter().map(|(_, shift)| shift.from).collect();
            let sums: ByShift = self.oee.shift_sums(&keys, &begins).await?;
            nodes.extend(of_site(site, &shifts, &sums));
        }
        Ok(Earlier { nodes })
    }
}

/// The shift of this name as many days before, with the number of days.
fn shifts_before(calendar: &Calendar, now: Timestamp) -> Vec<(u32, ShiftInstance)> {
    let Some(running) = calendar.shifts(Interval::new(now, now.plus_micros(1))).into_iter().next() else {
        return Vec::new();
    };
    let of = |days: u32| {
        let day = running.production_day.checked_sub_days(chrono::Days::new(days.into()))?;
        let about = running.from.plus_seconds(-86_400 * i64::from(days));
        let around = Interval::new(about.plus_seconds(-86_400), about.plus_seconds(2 * 86_400));
        let found =
            calendar.shifts(around).into_iter().find(|it| it.production_day == day && it.name == running.name)?;
        Some((days, found))
    };
    DAYS.into_iter().filter_map(of).collect()
}

fn of_site(site: &Site, shifts: &[(u32, ShiftInstance)], sums: &ByShift) -> Vec<EarlierOf> {
    let of = |path: &EquipmentPath, lines: &[&Line]| {
        let shifts: Vec<EarlierShift> =
            shifts.iter().filter_map(|(days, shift)| earlier(*days, shift, lines, sums)).collect();
        (!shifts.is_empty()).then(|| EarlierOf { path: path.clone(), shifts })
    };
    let all: Vec<&Line> = site.lines().map(|(_, line)| line).collect();
    let areas = site.areas.iter().map(|area| of(&area.path, &area.lines.iter().collect::<Vec<_>>()));
    let lines = all.iter().map(|line| of(&line.path, &[*line]));
    std::iter::once(of(&site.path, &all)).chain(areas).chain(lines).flatten().collect()
}

/// The sums of these lines; `None` when nothing is known of them then.
fn earlier(days: u32, shift: &ShiftInstance, lines: &[&Line], sums: &ByShift) -> Option<EarlierShift> {
    let of = |line: &&Line| sums.get(&(line.constraint()?.id, shift.from)).copied();
    let found: Vec<Elements> = lines.iter().filter_map(of).collect();
    let all: Elements = found.iter().copied().sum();
    let rated: Elements = found.iter().filter(|elements| elements.pri_pq > 0.0).copied().sum();
    (all.known_pbt() > 0).then(|| EarlierShift {
        days,
        from: shift.from,
        to: shift.to,
        oee: rated.oee().filter(|_| rated.pri_pq > 0.0),
        coverage: all.coverage(),
        good: all.gq,
    })
}
