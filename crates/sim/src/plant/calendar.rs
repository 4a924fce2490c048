//! When people are there.

use chrono::Timelike;
use chrono_tz::Tz;
use gemba_domain::Timestamp;

/// Shifts of a site, the same every day.
#[derive(Clone, Debug)]
pub struct ShiftPlan {
    /// The site's time zone.
    pub time_zone: Tz,
    /// The shifts. Outside all of them the plant stands.
    pub shifts: Vec<ShiftPattern>,
}

/// One shift, in minutes of the local day.
#[derive(Clone, Debug)]
pub struct ShiftPattern {
    /// For people.
    pub name: &'static str,
    /// Begin.
    pub start: u32,
    /// End; at or before the begin it runs over midnight.
    pub end: u32,
    /// Breaks within it.
    pub breaks: Vec<Break>,
}

/// A break, in minutes of the local day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Break {
    /// Begin.
    pub start: u32,
    /// End.
    pub end: u32,
}

/// Whether `minute` lies in [start, end), which may run over midnight.
fn within(minute: u32, start: u32, end: u32) -> bool {
    if start < end { (start..end).contains(&minute) } else { minute >= start || minute < end }
}

impl ShiftPlan {
    /// Three shifts of eight hours, each with a break of twenty minutes.
    pub fn three_shifts(time_zone: Tz) -> Self {
        let shift = |name, start: u32| ShiftPattern {
            name,
            start: start * 60,
            end: (start + 8) % 24 * 60,
            breaks: vec![Break { start: (start + 4) % 24 * 60, end: (start + 4) % 24 * 60 + 20 }],
        };
        Self { time_zone, shifts: vec![shift("Early", 6), shift("Late", 14), shift("Night", 22)] }
    }

    /// No shifts and no breaks: always producing.
    pub fn without_pause() -> Self {
        Self { time_zone: Tz::UTC, shifts: vec![ShiftPattern { name: "Day", start: 0, end: 0, breaks: Vec::new() }] }
    }

    /// Whether production is planned at `at`: in a shift and in none of its breaks.
    pub fn is_planned(&self, at: Timestamp) -> bool {
        let local = at.to_utc().with_timezone(&self.time_zone);
        let minute = local.hour() * 60 + local.minute();
        self.shifts.iter().any(|shift| {
            within(minute, shift.start, shift.end) && !shift.breaks.iter().any(|b| within(minute, b.start, b.end))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn planned(plan: &ShiftPlan, time: &str) -> bool {
        plan.is_planned(time.parse().unwrap())
    }

    #[test]
    fn shifts_and_breaks_are_in_local_time() {
        let plan = ShiftPlan::three_shifts(chrono_tz::Europe::London);
        // Summer time: 10:00 local is 09:00 UTC.
        assert!(planned(&plan, "2026-07-01T08:59:59Z"));
        assert!(!planned(&plan, "2026-07-01T09:00:00Z"));
        assert!(planned(&plan, "2026-07-01T09:20:00Z"));
        assert!(!planned(&plan, "2026-01-01T10:10:00Z"));
        assert!(!planned(&plan, "2026-01-01T02:10:00Z"), "the break of the night shift");
    }

    #[test]
    fn outside_the_shifts_nothing_is_planned() {
        let night = ShiftPattern { name: "Night", start: 22 * 60, end: 6 * 60, breaks: Vec::new() };
        let plan = ShiftPlan { time_zone: Tz::UTC, shifts: vec![night] };
        for (time, expected) in [("21:59:59", false), ("22:00:00", true), ("05:59:59", true), ("06:00:00", false)] {
            assert_eq!(planned(&plan, &format!("2026-01-01T{time}Z")), expected, "{time}");
        }
        assert!(planned(&ShiftPlan::without_pause(), "2026-01-01T12:00:00Z"));
    }
}
