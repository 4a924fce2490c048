//! Which period: a shift, or any stretch.

use gemba_contract::{overview::ShiftView, report::Period};
use gemba_domain::{Interval, Timestamp, shift::ShiftInstance};

use super::{ReportError, node::Node};
use crate::calendar::Calendar;

/// Longest period of one report.
const LONGEST_SECONDS: i64 = 400 * 86_400;
/// Periods up to so long are reported to the second, longer ones by whole hours.
pub const EXACT_SECONDS: i64 = 26 * 3_600;

/// A period as it is reported.
pub struct Chosen {
    /// From begin to planned end.
    pub interval: Interval,
    /// The shift that it is.
    pub shift: Option<ShiftInstance>,
    /// Made of whole hours as stored, rather than to the second.
    pub by_hours: bool,
}

/// The period asked for; without one the running shift, else the last one.
pub fn choose(
    calendar: &Calendar,
    asked: (Option<Timestamp>, Option<Timestamp>),
    now: Timestamp,
) -> Result<Chosen, ReportError> {
    let refused = |told: String| Err(ReportError::Refused(told));
    let interval = match asked {
        (None, None) => {
            let week = Interval::new(now.plus_seconds(-8 * 86_400), now.plus_micros(1));
            let last = calendar.shifts(week).into_iter().rfind(|shift| shift.from <= now);
            return Ok(match last {
                Some(shift) => Chosen { interval: shift.interval(), shift: Some(shift), by_hours: false },
                None => {
                    Chosen { interval: Interval::new(now.plus_seconds(-8 * 3_600), now), shift: None, by_hours: false }
                }
            });
        }
        (Some(from), Some(to)) => Interval::new(from, to),
        _ => return refused("give both `from` and `to`, or neither for the running shift".to_owned()),
    };
    if interval.is_empty() {
        return refused(format!("`from` ({}) must be earlier than `to` ({})", interval.from, interval.to));
    }
    if interval.micros() > LONGEST_SECONDS * 1_000_000 {
        return refused("a report covers at most 400 days; ask for less".to_owned());
    }
    if interval.from > now {
        return refused(format!("{} has not come yet", interval.from));
    }
    let shift = calendar.shifts(interval).into_iter().find(|shift| shift.interval() == interval);
    let by_hours = interval.micros() > EXACT_SECONDS * 1_000_000;
    let interval = if by_hours { whole_hours(interval) } else { interval };
    Ok(Chosen { interval, shift, by_hours })
}

fn whole_hours(interval: Interval) -> Interval {
    const HOUR: i64 = 3_600_000_000;
    let floor = |time: Timestamp| Timestamp::from_micros(time.micros().div_euclid(HOUR) * HOUR);
    Interval::new(floor(interval.from), floor(interval.to.plus_micros(HOUR - 1)))
}

impl Chosen {
    /// For pages: with its neighbours.
    pub fn view(&self, node: &Node<'_>, calendar: &Calendar, now: Timestamp) -> Period {
        let Interval { from, to } = self.interval;
        let length = self.interval.micros();
        let (previous, next) = if self.shift.is_some() {
            let around = Interval::new(from.plus_seconds(-8 * 86_400), to.plus_seconds(8 * 86_400));
            let shifts = calendar.shifts(around);
            let before = shifts.iter().rfind(|shift| shift.to <= from).map(|shift| (shift.from, shift.to));
            let after = shifts.iter().find(|shift| shift.from >= to).map(|shift| (shift.from, shift.to));
            (before.unwrap_or((from.plus_micros(-length), from)), after)
        } else {
            ((from.plus_micros(-length), from), Some((to, to.plus_micros(length))))
        };
        let day = match &self.shift {
            Some(shift) => shift.production_day.to_string(),
            None => node.local(from).date_naive().to_string(),
        };
        Period {
            from,
            to,
            shift: self.shift.as_ref().map(view_of),
            day,
            previous,
            next: next.filter(|(from, _)| *from <= now),
        }
    }

    /// The same period one and seven days before, as far as this one has passed: label and interval.
    pub fn comparable(&self, calendar: &Calendar, now: Timestamp) -> Vec<(&'static str, Interval)> {
        let passed = now.min(self.interval.to).micros_since(self.interval.from);
        let of_shift = |days: u64| {
            let shift = self.shift.as_ref()?;
            let day = shift.production_day.checked_sub_days(chrono::Days::new(days))?;
            let span = 86_400 * (i64::try_from(days).ok()? + 1);
            let around =
                Interval::new(shift.from.plus_seconds(-span), shift.from.plus_seconds(86_400 * 2 - span + 86_400));
            let found =
                calendar.shifts(around).into_iter().find(|s| s.production_day == day && s.name == shift.name)?;
            let end = if now < self.interval.to { found.from.plus_micros(passed).min(found.to) } else { found.to };
            Some(Interval::new(found.from, end))
        };
        let plain = |days: i64| {
            let back = -days * 86_400_000_000;
            Interval::new(self.interval.from.plus_micros(back), self.interval.from.plus_micros(back + passed))
        };
        if self.shift.is_some() {
            let found = [("same shift the day before", of_shift(1)), ("same shift last week", of_shift(7))];
            return found.into_iter().filter_map(|(label, interval)| Some((label, interval?))).collect();
        }
        let days = self.interval.micros() / 86_400_000_000 + 1;
        if days <= 1 {
            vec![("the day before", plain(1)), ("last week", plain(7))]
        } else {
            vec![("the period before", plain(days))]
        }
    }
}

/// For pages.
pub fn view_of(shift: &ShiftInstance) -> ShiftView {
    ShiftView { name: shift.name.to_string(), from: shift.from, to: shift.to }
}
