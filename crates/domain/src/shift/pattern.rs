use std::{fmt, sync::Arc};

use chrono::Weekday;

/// Minutes of a day.
pub(super) const DAY: u16 = 24 * 60;

/// A set of days of the week.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Weekdays(u8);

impl Weekdays {
    /// Monday to Sunday.
    pub const ALL: Weekdays = Weekdays(0b111_1111);
    /// Monday to Friday.
    pub const MONDAY_TO_FRIDAY: Weekdays = Weekdays(0b001_1111);

    /// From a bit mask: 1 is Monday, 2 Tuesday, 4 Wednesday, …, 64 Sunday. Other bits are ignored.
    pub const fn from_bits(bits: u8) -> Self {
        Self(bits & Self::ALL.0)
    }

    /// The bit mask.
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// Whether the day belongs to the set.
    pub const fn contains(self, day: Weekday) -> bool {
        self.0 & (1 << day.num_days_from_monday()) != 0
    }

    /// The days, Monday first.
    pub fn iter(self) -> impl Iterator<Item = Weekday> {
        use Weekday::{Fri, Mon, Sat, Sun, Thu, Tue, Wed};
        [Mon, Tue, Wed, Thu, Fri, Sat, Sun].into_iter().filter(move |day| self.contains(*day))
    }
}

impl FromIterator<Weekday> for Weekdays {
    fn from_iter<I: IntoIterator<Item = Weekday>>(days: I) -> Self {
        Self(days.into_iter().fold(0, |bits, day| bits | 1 << day.num_days_from_monday()))
    }
}

/// A shift that repeats weekly, in local time. Valid by construction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShiftPattern {
    name: Arc<str>,
    start: u16,
    minutes: u16,
    days: Weekdays,
    /// Minutes after the start of the shift, sorted, apart from each other.
    breaks: Vec<(u16, u16)>,
}

/// A pattern, or a week of patterns, that makes no sense.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ShiftError {
    /// No name.
    #[error("a shift has no name; give it one, such as `Early`")]
    NoName,
    /// No days.
    #[error("shift `{name}` is on no day; name at least one day of the week")]
    NoDays {
        /// The shift.
        name: Arc<str>,
    },
    /// Not a time of day.
    #[error("shift `{name}`: {minutes} is not a time of day; times run from 0 (00:00) to 1440 (24:00) minutes")]
    NotATime {
        /// The shift.
        name: Arc<str>,
        /// What was given.
        minutes: u16,
    },
    /// A break that does not lie within its shift.
    #[error(
        "shift `{name}` ({}-{}): the break {}-{} is not within it; a break begins and ends inside its shift, and ends after it begins",
        Clock(.shift.0), Clock(.shift.1), Clock(.pause.0), Clock(.pause.1)
    )]
    BreakOutside {
        /// The shift.
        name: Arc<str>,
        /// Its start and end, minutes of the day.
        shift: (u16, u16),
        /// The break's.
        pause: (u16, u16),
    },
    /// Two breaks at the same time.
    #[error(
        "shift `{name}`: the breaks {}-{} and {}-{} overlap; make them one break, or move one",
        Clock(.first.0), Clock(.first.1), Clock(.second.0), Clock(.second.1)
    )]
    BreaksOverlap {
        /// The shift.
        name: Arc<str>,
        /// The earlier break, minutes of the day.
        first: (u16, u16),
        /// The later one.
        second: (u16, u16),
    },
    /// A rotation of no day at all.
    #[error("rotation `{rotation}` has no day; give it a segment with days on or days off")]
    EmptyRotation {
        /// The rotation.
        rotation: Arc<str>,
    },
    /// A name that is taken.
    #[error("{what} `{name}` is given twice; names must differ")]
    NameTwice {
        /// `shift`, `rotation` or `team`.
        what: &'static str,
        /// The name.
        name: Arc<str>,
    },
    /// A name that nothing has.
    #[error("{what} `{name}` wants {wants} `{wanted}`, which there is not")]
    Unknown {
        /// `rotation` or `team`.
        what: &'static str,
        /// Its name.
        name: Arc<str>,
        /// `shift` or `rotation`.
        wants: &'static str,
        /// The name that nothing has.
        wanted: Arc<str>,
    },
    /// Two shifts at the same time.
    #[error(
        "shift `{first}` of {} ({}-{}) and shift `{second}` of {} ({}-{}) overlap; every moment belongs to one shift at most",
        day_name(*.first_day), Clock(.first_times.0), Clock(.first_times.1),
        day_name(*.second_day), Clock(.second_times.0), Clock(.second_times.1)
    )]
    ShiftsOverlap {
        /// The shift that begins earlier in the week.
        first: Arc<str>,
        /// The day on which it begins.
        first_day: Weekday,
        /// Its start and end, minutes of the day.
        first_times: (u16, u16),
        /// The other one.
        second: Arc<str>,
        /// The day on which it begins.
        second_day: Weekday,
        /// Its start and end.
        second_times: (u16, u16),
    },
}

/// Minutes of a day as 22:05.
struct Clock(u16);

impl fmt::Display for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.0 / 60, self.0 % 60)
    }
}

const fn day_name(day: Weekday) -> &'static str {
    match day {
        Weekday::Mon => "Monday",
        Weekday::Tue => "Tuesday",
        Weekday::Wed => "Wednesday",
        Weekday::Thu => "Thursday",
        Weekday::Fri => "Friday",
        Weekday::Sat => "Saturday",
        Weekday::Sun => "Sunday",
    }
}

impl ShiftPattern {
    /// A shift from `start` to `end` (minutes of the day, 0 to 1440) that begins on each of `days`, with breaks in
    /// minutes of the day. `end <= start` means over midnight; equal means 24 hours. A break over or after midnight of
    /// a night shift is given by its times of day alike (`(120, 150)` is 02:00 to 02:30).
    ///
    /// # Errors
    /// Says what is wrong: no name, no days, times out of range, a break outside the shift, breaks that overlap.
    pub fn new(
        name: &str,
        start: u16,
        end: u16,
        days: Weekdays,
        breaks: impl IntoIterator<Item = (u16, u16)>,
    ) -> Result<Self, ShiftError> {
        let name: Arc<str> = name.trim().into();
        if name.is_empty() {
            return Err(ShiftError::NoName);
        }
        if days == Weekdays::default() {
            return Err(ShiftError::NoDays { name });
        }
        let time_of_day = |minutes: u16| match minutes {
            0..=DAY => Ok(minutes % DAY),
            _ => Err(ShiftError::NotATime { name: name.clone(), minutes }),
        };
        let (start, end) = (time_of_day(start)?, time_of_day(end)?);
        let minutes = if end > start { end - start } else { end + DAY - start };
        let mut offsets: Vec<(u16, u16)> = Vec::new();
        for pause in breaks {
            let from = (time_of_day(pause.0)? + DAY - start) % DAY;
            // A break may end exactly with its shift, also when that lasts 24 hours.
            let to = match (time_of_day(pause.1)? + DAY - start) % DAY {
                0 => DAY,
                to => to,
            };
            if from >= to || to > minutes {
                return Err(ShiftError::BreakOutside { name, shift: (start, end), pause });
            }
            offsets.push((from, to));
        }
        offsets.sort_unstable();
        if let Some(pair) = offsets.windows(2).find(|pair| pair[1].0 < pair[0].1) {
            let clock = |(from, to): (u16, u16)| ((from + start) % DAY, (to + start) % DAY);
            return Err(ShiftError::BreaksOverlap { name, first: clock(pair[0]), second: clock(pair[1]) });
        }
        Ok(Self { name, start, minutes, days, breaks: offsets })
    }

    /// Such as `Early`.
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// When it begins: minutes of the day, 0 to 1439, local time.
    pub fn start(&self) -> u16 {
        self.start
    }

    /// When it ends: minutes of the day, 0 to 1439; not after `start` when it ends on the next day.
    pub fn end(&self) -> u16 {
        (self.start + self.minutes) % DAY
    }

    /// Its length by the clock on the wall, 1 to 1440 minutes.
    pub fn minutes(&self) -> u16 {
        self.minutes
    }

    /// On which days it begins.
    pub fn days(&self) -> Weekdays {
        self.days
    }

    /// Its breaks in minutes after its start, in order, apart from each other.
    pub fn breaks(&self) -> &[(u16, u16)] {
        &self.breaks
    }
}

/// Whether these patterns can be one week: no two shifts at the same time, the turn from Sunday to Monday included.
///
/// # Errors
/// [`ShiftError::ShiftsOverlap`] names both.
pub fn check_week(patterns: &[ShiftPattern]) -> Result<(), ShiftError> {
    const WEEK: u32 = 7 * DAY as u32;
    let mut begins: Vec<(u32, Weekday, &ShiftPattern)> = patterns
        .iter()
        .flat_map(|pattern| {
            let at = |day: Weekday| day.num_days_from_monday() * u32::from(DAY) + u32::from(pattern.start);
            pattern.days.iter().map(move |day| (at(day), day, pattern))
        })
        .collect();
    begins.sort_by_key(|(at, ..)| *at);
    for (index, &(at, first_day, first)) in begins.iter().enumerate() {
        let (next, second_day, second) = match begins.get(index + 1) {
            Some(next) => *next,
            None => (begins[0].0 + WEEK, begins[0].1, begins[0].2),
        };
        if next < at + u32::from(first.minutes) {
            return Err(ShiftError::ShiftsOverlap {
                first: first.name.clone(),
                first_day,
                first_times: (first.start, first.end()),
                second: second.name.clone(),
                second_day,
                second_times: (second.start, second.end()),
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const H: u16 = 60;

    fn shift(name: &str, start: u16, end: u16, days: Weekdays) -> ShiftPattern {
        ShiftPattern::new(name, start, end, days, []).expect("valid")
    }

    #[test]
    fn a_night_shift_runs_over_midnight_with_breaks_on_both_sides() {
        let breaks = [(2 * H, 2 * H + 30), (23 * H + 50, 10)];
        let night = ShiftPattern::new("Night", 22 * H, 6 * H, Weekdays::ALL, breaks).expect("valid");
        assert_eq!((night.minutes(), night.end()), (8 * H, 6 * H));
        assert_eq!(night.breaks(), [(110, 130), (240, 270)]);
    }

    #[test]
    fn a_day_of_24_hours() {
        for (start, end) in [(0, 1440), (0, 0), (6 * H, 6 * H)] {
            assert_eq!(shift("Day", start, end, Weekdays::ALL).minutes(), DAY);
        }
        let all = ShiftPattern::new("Day", 0, 1440, Weekdays::ALL, [(23 * H, 24 * H)]).expect("valid");
        assert_eq!(all.breaks(), [(23 * H, 24 * H)]);
        assert_eq!(check_week(&[all]), Ok(()));
    }

    #[test]
    fn errors_say_what_is_wrong() {
        let all = Weekdays::ALL;
        let message = |it: Result<ShiftPattern, ShiftError>| it.expect_err("refused").to_string();
        assert!(message(ShiftPattern::new(" ", 0, 60, all, [])).contains("no name"));
        assert!(message(ShiftPattern::new("A", 0, 60, Weekdays::default(), [])).contains("on no day"));
        assert!(message(ShiftPattern::new("A", 0, 1441, all, [])).contains("1441 is not a time of day"));
        let outside = message(ShiftPattern::new("Early", 6 * H, 14 * H, all, [(13 * H + 45, 14 * H + 15)]));
        assert!(outside.contains("shift `Early` (06:00-14:00): the break 13:45-14:15"), "{outside}");
        assert!(message(ShiftPattern::new("A", 6 * H, 14 * H, all, [(10 * H, 9 * H)])).contains("is not within it"));
        assert!(message(ShiftPattern::new("A", 6 * H, 14 * H, all, [(9 * H, 9 * H)])).contains("is not within it"));
        let overlap = message(ShiftPattern::new("A", 6 * H, 14 * H, all, [(9 * H, 10 * H), (8 * H, 9 * H + 1)]));
        assert!(overlap.contains("08:00-09:01 and 09:00-10:00 overlap"), "{overlap}");
    }

    #[test]
    fn shifts_of_a_week_do_not_overlap() {
        let early = shift("Early", 6 * H, 14 * H, Weekdays::ALL);
        let late = shift("Late", 14 * H, 22 * H, Weekdays::ALL);
        let night = shift("Night", 22 * H, 6 * H, Weekdays::ALL);
        assert_eq!(check_week(&[night.clone(), early.clone(), late]), Ok(()));
        assert_eq!(check_week(&[]), Ok(()));

        let sunday = Weekdays::from_iter([Weekday::Sun]);
        let long = shift("Long", 22 * H, 7 * H, sunday);
        let message = check_week(&[early, long]).expect_err("Monday 06:00 is in both").to_string();
        assert!(
            message.contains("`Long` of Sunday (22:00-07:00) and shift `Early` of Monday (06:00-14:00)"),
            "{message}"
        );
    }

    #[test]
    fn weekdays_are_a_set() {
        let days = Weekdays::from_iter([Weekday::Mon, Weekday::Sun, Weekday::Mon]);
        assert_eq!(days.bits(), 0b100_0001);
        assert_eq!(Weekdays::from_bits(days.bits()), days);
        assert!(days.contains(Weekday::Sun) && !days.contains(Weekday::Sat));
        assert_eq!(days.iter().collect::<Vec<_>>(), [Weekday::Mon, Weekday::Sun]);
    }
}
