//! Times of day on the wall clock of the site.

use crate::Timestamp;

const MINUTE: i64 = 60_000_000;
const DAY: i64 = 1_440 * MINUTE;
/// Clocks are put forward or back at most once in this time.
const WINDOW: i64 = 6 * 60 * MINUTE;

/// From one time of day until another, minutes since midnight.
#[derive(Clone, Copy)]
pub(super) struct Hours {
    pub(super) from: u16,
    pub(super) to: u16,
}

/// Microseconds since local midnight.
fn time_of_day(time: Timestamp, offset_seconds: i32) -> i64 {
    (time.micros() + i64::from(offset_seconds) * 1_000_000).rem_euclid(DAY)
}

impl Hours {
    /// Whether it is so late, and the next moment, which is later, at which that may be otherwise.
    pub(super) fn judge(self, time: Timestamp, offset: &dyn Fn(Timestamp) -> i32) -> (bool, Timestamp) {
        let here = offset(time);
        let now = time_of_day(time, here);
        let [from, to] = [self.from, self.to].map(|minutes| i64::from(minutes) * MINUTE);
        let holds = if from < to { from <= now && now < to } else { from <= now || now < to };
        let until = |border: i64| match (border - now).rem_euclid(DAY) {
            0 => DAY,
            wait => wait,
        };
        let next = time.plus_micros(until(from).min(until(to)).min(WINDOW));
        (holds, jump(time, next, here, offset).unwrap_or(next))
    }
}

/// The moment in (from, to] at which the offset is no longer this one.
fn jump(from: Timestamp, to: Timestamp, here: i32, offset: &dyn Fn(Timestamp) -> i32) -> Option<Timestamp> {
    if offset(to) == here {
        return None;
    }
    let (mut before, mut after) = (from.micros(), to.micros());
    while after - before > 1 {
        let middle = before + (after - before) / 2;
        if offset(Timestamp::from_micros(middle)) == here {
            before = middle;
        } else {
            after = middle;
        }
    }
    Some(Timestamp::from_micros(after))
}
