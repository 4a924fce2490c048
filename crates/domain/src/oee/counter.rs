use std::fmt;

use super::{
    facts::StateInterval,
    timeline::{Exposure, Timeline},
};
use crate::{Interval, Timestamp, signal::Value, state::UNAVAILABLE};

/// A delta beyond this many times the nameplate rate is physically impossible.
const IMPOSSIBLE_RATE: f64 = 3.0;
/// Readings beyond 2^53 cannot count: a number that large no longer changes by one.
const LARGEST_READING: f64 = 9_007_199_254_740_992.0;
/// A fall by less than half a piece is the rounding of a source that computes its total, not a reset.
const ROUNDING: f64 = 0.5;

/// Why a reading was not counted.
#[derive(Clone, Debug, PartialEq)]
pub enum QuarantineReason {
    /// More pieces than three times the nameplate rate allows in the time, and one more.
    Impossible {
        /// Pieces since the reading before.
        pieces: f64,
        /// Pieces that were possible at most.
        possible: f64,
    },
    /// Text that is no number, or no finite number.
    NotANumber,
    /// Below zero.
    Negative,
    /// Beyond 2^53.
    TooLarge,
}

impl fmt::Display for QuarantineReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Impossible { pieces, possible } => {
                write!(
                    f,
                    "{pieces} pieces since the reading before; three times the nameplate rate allows {possible:.1}"
                )
            }
            Self::NotANumber => f.write_str("not a number"),
            Self::Negative => f.write_str("a total cannot be negative"),
            Self::TooLarge => f.write_str("too large to count with"),
        }
    }
}

/// What is known of the counter besides its readings.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Limits {
    /// Planned run time per item (ideal cycle), microseconds.
    pub(super) pri_micros: Option<i64>,
    /// The highest total it shows before it starts again at 0.
    pub(super) max: Option<f64>,
}

impl Limits {
    /// How many pieces can be made in this time at most, when that is known.
    fn possible(&self, elapsed_micros: i64) -> Option<f64> {
        let pri = self.pri_micros.filter(|pri| *pri > 0)?;
        Some(IMPOSSIBLE_RATE * elapsed_micros.max(0) as f64 / pri as f64 + 1.0)
    }

    fn allows(&self, pieces: f64, elapsed_micros: i64) -> bool {
        self.possible(elapsed_micros).is_none_or(|possible| pieces <= possible)
    }
}

/// A reading that counts, and what has been forgotten of the time since.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Reading {
    pub(super) time: Timestamp,
    pub(super) total: f64,
    /// Of the time from the reading to where the timeline now begins.
    pub(super) exposure: Exposure,
}

/// A running total, made into deltas.
///
/// | reading | taken as |
/// |---|---|
/// | the first ever | baseline, nothing counted |
/// | higher, or lower by less than half a piece | what was added (not less than nothing) |
/// | lower, and the pieces over the known maximum were possible | roll-over: up to the maximum, through 0, to the reading |
/// | lower otherwise | reset to 0: the reading is what was made since |
/// | more pieces than possible | quarantined; the new baseline, but the old one is remembered: when the next reading is no possible step from the new one but is from the old one, the one in between was the error, and counting goes on from the old one |
/// | unavailable | nothing; the next delta is marked as after a gap |
/// | NaN, infinite, negative, beyond 2^53, text that is no number | quarantined; the baseline stays |
///
/// Whether a roll-over "was possible" is judged by the ideal cycle where it is known; without one it is a roll-over
/// when the counter stood in the upper half of its range. Fractions are counted as they are: the "pieces" of
/// some machines are metres.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Counter {
    last: Option<Reading>,
    /// The baseline before a step that was not counted.
    doubted: Option<Reading>,
    /// Whether the source could not tell at some time since `last`.
    gap: bool,
}

/// What a reading amounts to.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Step {
    /// No pieces.
    Nothing,
    /// So many pieces since that reading.
    Counted { since: Reading, pieces: f64, gap: bool },
    /// Not to be believed.
    Quarantined { since: Option<Reading>, reason: QuarantineReason },
}

impl Counter {
    /// The baseline.
    pub(super) fn total(&self) -> Option<f64> {
        self.last.map(|reading| reading.total)
    }

    /// Takes in a reading.
    pub(super) fn read(&mut self, time: Timestamp, value: &Value, limits: &Limits) -> Step {
        let total = match value {
            Value::Unavailable => {
                self.gap = true;
                return Step::Nothing;
            }
            Value::Text(text) if text.trim().eq_ignore_ascii_case(UNAVAILABLE) => {
                self.gap = true;
                return Step::Nothing;
            }
            Value::Text(text) => text.trim().parse().unwrap_or(f64::NAN),
            Value::Number(number) => *number,
        };
        let broken = match total {
            total if !total.is_finite() => Some(QuarantineReason::NotANumber),
            total if total < 0.0 => Some(QuarantineReason::Negative),
            total if total > LARGEST_READING => Some(QuarantineReason::TooLarge),
            _ => None,
        };
        if let Some(reason) = broken {
            return Step::Quarantined { since: self.last, reason };
        }
        let reading = Reading { time, total, exposure: Exposure::default() };
        match self.last {
            None => {
                self.last = Some(reading);
                Step::Nothing
            }
            Some(last) => self.step(last, reading, limits),
        }
    }

    fn step(&mut self, last: Reading, now: Reading, limits: &Limits) -> Step {
        let elapsed = now.time.micros_since(last.time);
        let fell = now.total < last.total - ROUNDING;
        let (pieces, baseline) = if fell {
            (roll_over(last.total, now.total, elapsed, limits).unwrap_or(now.total), now)
        } else {
            // A computed total may waver; its highest value stands, or the waver would add up.
            let total = now.total.max(last.total);
            (total - last.total, Reading { total, ..now })
        };
        let allowed = limits.allows(pieces, elapsed);
        if let Some(old) = self.doubted
            && (fell || !allowed)
            && now.total >= old.total
            && limits.allows(now.total - old.total, now.time.micros_since(old.time))
        {
            // The source did not believe the odd reading either.
            self.doubted = None;
            return self.accept(old, now, now.total - old.total);
        }
        if !allowed {
            self.doubted = self.doubted.or(Some(last));
            self.last = Some(now);
            let possible = limits.possible(elapsed).unwrap_or(f64::INFINITY);
            return Step::Quarantined { since: Some(last), reason: QuarantineReason::Impossible { pieces, possible } };
        }
        if pieces > 0.0 {
            self.doubted = None;
        } else if fell {
            self.doubted = self.doubted.or(Some(last));
        }
        self.accept(last, baseline, pieces)
    }

    fn accept(&mut self, since: Reading, now: Reading, pieces: f64) -> Step {
        let gap = std::mem::take(&mut self.gap);
        self.last = Some(now);
        if pieces > 0.0 { Step::Counted { since, pieces, gap } } else { Step::Nothing }
    }

    /// The timeline is about to be forgotten between `from` and `to`: keeps what deltas still to come need of it.
    pub(super) fn remember(&mut self, timeline: &Timeline, from: Timestamp, to: Timestamp) {
        for reading in [&mut self.last, &mut self.doubted].into_iter().flatten() {
            reading.exposure.add(timeline.exposure(Interval::new(reading.time.max(from), to)));
        }
    }

    /// These states are known of the time between the last reading and `from`.
    pub(super) fn known_until(&mut self, from: Timestamp, states: &[StateInterval]) {
        for reading in [&mut self.last, &mut self.doubted].into_iter().flatten() {
            reading.exposure.add(Exposure::of(states, Interval::new(reading.time, from)));
        }
    }

    /// The time between the last reading and `from` is not known to have been watched.
    pub(super) fn gap_until(&mut self, from: Timestamp) {
        for reading in [&mut self.last, &mut self.doubted].into_iter().flatten() {
            let unknown = from.micros_since(reading.time).max(0);
            reading.exposure.add(Exposure { producing: 0, unknown, unwatched: unknown > 0 });
        }
    }
}

/// The pieces of a roll-over from `last` to `now`, when that is what it was.
fn roll_over(last: f64, now: f64, elapsed_micros: i64, limits: &Limits) -> Option<f64> {
    let max = limits.max.filter(|max| last <= *max)?;
    let pieces = max - last + 1.0 + now;
    let believable = match limits.possible(elapsed_micros) {
        Some(possible) => pieces <= possible,
        None => last >= max / 2.0,
    };
    believable.then_some(pieces)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One reading a minute; what each amounts to.
    fn read(limits: Limits, readings: &[f64]) -> Vec<String> {
        let mut counter = Counter::default();
        let values = readings.iter().map(|n| if *n == -999.0 { Value::Unavailable } else { Value::Number(*n) });
        values
            .enumerate()
            .map(|(i, value)| match counter.read(Timestamp::from_seconds(60 * i as i64), &value, &limits) {
                Step::Nothing => "-".to_owned(),
                Step::Counted { since, pieces, gap } => {
                    let mark = if gap { " gap" } else { "" };
                    format!("{pieces} since {}{mark}", since.time.micros() / 60_000_000)
                }
                Step::Quarantined { reason: QuarantineReason::Impossible { pieces, .. }, .. } => {
                    format!("no: {pieces}")
                }
                Step::Quarantined { reason, .. } => format!("no: {reason}"),
            })
            .collect()
    }

    /// An ideal cycle of 6 s: 10 a minute, at most 31.
    const SIX_SECONDS: Limits = Limits { pri_micros: Some(6_000_000), max: None };

    #[test]
    fn the_first_reading_is_the_baseline_and_a_fall_a_reset() {
        assert_eq!(
            read(Limits::default(), &[500.0, 510.0, 510.0, 3.0, 5.0]),
            ["-", "10 since 0", "-", "3 since 2", "2 since 3"]
        );
    }

    #[test]
    fn a_gap_is_attributed_to_the_gap() {
        assert_eq!(
            read(SIX_SECONDS, &[5.0, -999.0, -999.0, 25.0, 26.0]),
            ["-", "-", "-", "20 since 0 gap", "1 since 3"]
        );
    }

    #[test]
    fn roll_over_by_the_known_maximum() {
        let with = |pri_micros| Limits { pri_micros, max: Some(9999.0) };
        assert_eq!(read(with(None), &[9990.0, 4.0]), ["-", "14 since 0"]);
        assert_eq!(read(with(Some(6_000_000)), &[9990.0, 4.0]), ["-", "14 since 0"]);
        assert_eq!(read(with(Some(6_000_000)), &[9000.0, 4.0]), ["-", "4 since 0"], "a reset: 1004 were impossible");
        assert_eq!(read(with(None), &[4000.0, 4.0]), ["-", "4 since 0"], "a reset: the lower half of the range");
        assert_eq!(read(with(None), &[20_000.0, 4.0]), ["-", "4 since 0"], "beyond what was said to be its maximum");
    }

    #[test]
    fn the_impossible_is_quarantined_and_counting_goes_on() {
        assert_eq!(read(SIX_SECONDS, &[0.0, 31.0, 63.0, 70.0]), ["-", "31 since 0", "no: 32", "7 since 2"]);
        assert_eq!(read(SIX_SECONDS, &[1000.0, 90_000.0, 90_001.0]), ["-", "no: 89000", "1 since 1"], "set anew");
    }

    #[test]
    fn a_spike_is_stepped_over() {
        assert_eq!(
            read(SIX_SECONDS, &[1000.0, 90_000.0, 90_000.0, 1012.0, 1013.0]),
            ["-", "no: 89000", "-", "12 since 0", "1 since 3"]
        );
        assert_eq!(read(SIX_SECONDS, &[1000.0, 0.0, 1012.0]), ["-", "-", "12 since 0"], "a fall to 0 and back");
        assert_eq!(read(SIX_SECONDS, &[1000.0, 0.0, 5.0, 1012.0]), ["-", "-", "5 since 1", "no: 1007"], "a true reset");
    }

    #[test]
    fn odd_readings() {
        let odd = [1.0, f64::NAN, f64::INFINITY, -5.0, 1e300, 2.5, 2.499_999, 2.5, 3.0];
        let said = read(Limits::default(), &odd);
        let no = "no: not a number";
        let big = "no: too large to count with";
        assert_eq!(said, ["-", no, no, "no: a total cannot be negative", big, "1.5 since 0", "-", "-", "0.5 since 7"]);

        let mut counter = Counter::default();
        let text = |counter: &mut Counter, text: &str| {
            counter.read(Timestamp::default(), &Value::Text(text.into()), &Limits::default())
        };
        assert_eq!(text(&mut counter, "5"), Step::Nothing);
        assert!(matches!(text(&mut counter, " 7 "), Step::Counted { pieces: 2.0, gap: false, .. }));
        assert_eq!(text(&mut counter, "unavailable"), Step::Nothing);
        assert!(matches!(text(&mut counter, "8"), Step::Counted { pieces: 1.0, gap: true, .. }));
        let refused = text(&mut counter, "eight");
        assert!(matches!(refused, Step::Quarantined { reason: QuarantineReason::NotANumber, .. }), "{refused:?}");
    }
}
