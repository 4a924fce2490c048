//! How far a machine's clock is from the collector's, from the times that it puts on what it sends.
//!
//! A message may have waited on its way, so its time is late by that much: of the last few messages the one whose time
//! is the furthest ahead says it best.

use std::collections::VecDeque;

use gemba_domain::Timestamp;

/// Messages that are looked at.
const LAST: usize = 8;
/// Differences up to here are taken for the way of a message, in microseconds.
const FLOOR: i64 = 1_500_000;
/// Differences from here on are told, in microseconds.
const TOLD: i64 = 10_000_000;

/// One clock.
#[derive(Clone, Debug, Default)]
pub struct Gauge {
    last: VecDeque<i64>,
    ahead: i64,
}

impl Gauge {
    /// A message with this time arrived now. Returns by how many microseconds the clock is ahead, when that differs from before
    /// by more than the way of a message explains.
    pub fn take(&mut self, time: Timestamp, now: Timestamp) -> Option<i64> {
        let ahead = time.micros_since(now);
        if self.last.len() == LAST {
            self.last.pop_front();
        }
        self.last.push_back(ahead);
        let most = self.last.iter().copied().max().unwrap_or(0);
        let most = if most.abs() < FLOOR { 0 } else { most };
        if (most - self.ahead).abs() < FLOOR && (most == 0) == (self.ahead == 0) {
            return None;
        }
        self.ahead = most;
        Some(most)
    }

    /// By how many microseconds the clock is ahead; 0 as long as nothing is known.
    pub fn ahead(&self) -> i64 {
        self.ahead
    }

    /// What is to be told of the clock of `whose`, if anything.
    pub fn remark(&self, whose: &str) -> Option<String> {
        if self.ahead.abs() < TOLD {
            return None;
        }
        let (seconds, way) =
            ((self.ahead.abs() + 500_000) / 1_000_000, if self.ahead > 0 { "ahead of" } else { "behind" });
        let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
        Some(format!(
            "the times of {whose} are {hours} h {minutes:02} min {seconds:02} s {way} the collector's clock: set its clock right"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_is_judged_by_its_promptest_message() {
        let now = Timestamp::from_seconds(1_000_000);
        let mut gauge = Gauge::default();
        assert_eq!(gauge.take(now, now), None);
        assert_eq!(gauge.take(now.plus_seconds(-5), now), None, "a message that waited");
        assert_eq!(gauge.remark("x"), None);
        assert_eq!(gauge.take(now.plus_seconds(10_800), now), Some(10_800_000_000));
        assert!(gauge.remark("press-1").is_some_and(|text| text.contains("press-1 are 3 h 00 min 00 s ahead")));
        let seen: Vec<_> = (0..8).filter_map(|_| gauge.take(now, now)).collect();
        assert_eq!((seen, gauge.remark("x")), (vec![0], None), "set right: noticed when no message is ahead any more");
        let seen: Vec<_> = (0..8).filter_map(|_| gauge.take(now.plus_seconds(-3_600), now)).collect();
        assert_eq!(seen, [-3_600_000_000]);
        assert!(gauge.remark("x").is_some_and(|text| text.contains("behind")));
    }
}
