//! Collectors: the programs beside the machines that read them. What can be said of one from what was heard of it.

mod gap;

use serde::{Deserialize, Serialize};

use crate::{Timestamp, signal::words};

pub use gap::{Gap, GapCause, Known, gaps};

/// A collector that runs says something every two seconds: after this long without a word it is silent.
pub const SILENT_AFTER_SECONDS: f64 = 15.0;
/// What it watched is known with this much delay at most; beyond, it is working off what waited in its queue.
pub const BEHIND_AFTER_SECONDS: f64 = 60.0;

/// How a collector is, the worst that holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// It was heard before and is not any more: its units know nothing new.
    Silent,
    /// It is heard, and data does not flow from each of its sources.
    Partly,
    /// It is heard, and brings in what waited in its queue: the present is not known yet.
    Behind,
    /// It was let in and never heard.
    NeverHeard,
    /// Data flows from all of its sources.
    Flowing,
    /// It was shut out.
    ShutOut,
}

words!(Condition {
    Silent => "silent", Partly => "partly", Behind => "behind", NeverHeard => "never_heard", Flowing => "flowing",
    ShutOut => "shut_out",
});

impl Condition {
    /// Whether somebody should look after it.
    pub const fn is_trouble(self) -> bool {
        matches!(self, Self::Silent | Self::Partly | Self::Behind)
    }
}

/// What was heard of a collector.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Heard {
    /// It was shut out.
    pub shut_out: bool,
    /// Its last word, by the server's clock.
    pub at: Option<Timestamp>,
    /// Until when it was watching, as far as the server has it.
    pub covered_to: Option<Timestamp>,
    /// The clock of the server less the collector's at its last hello, in microseconds: `covered_to` is by the collector's.
    pub clock_offset_micros: i64,
    /// Sources from which data does not flow.
    pub sources_in_trouble: usize,
}

impl Heard {
    /// How the collector is.
    pub fn condition(&self, now: Timestamp) -> Condition {
        let Some(at) = self.at else {
            return if self.shut_out { Condition::ShutOut } else { Condition::NeverHeard };
        };
        if self.shut_out {
            Condition::ShutOut
        } else if now.seconds_since(at) > SILENT_AFTER_SECONDS {
            Condition::Silent
        } else if self.sources_in_trouble > 0 {
            Condition::Partly
        } else if self.lag_seconds(now).is_some_and(|lag| lag > BEHIND_AFTER_SECONDS) {
            Condition::Behind
        } else {
            Condition::Flowing
        }
    }

    /// How far what is known of its machines lies back, in seconds; not below 0. `None` before anything is known.
    pub fn lag_seconds(&self, now: Timestamp) -> Option<f64> {
        let covered = self.covered_to?.plus_micros(self.clock_offset_micros);
        Some(now.seconds_since(covered).max(0.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_800_000_000;

    fn heard(seconds_ago: i64, covered_ago: i64) -> Heard {
        let ago = |seconds| Some(Timestamp::from_seconds(NOW - seconds));
        Heard { at: ago(seconds_ago), covered_to: ago(covered_ago), ..Heard::default() }
    }

    fn now() -> Timestamp {
        Timestamp::from_seconds(NOW)
    }

    #[test]
    fn the_worst_that_holds_is_said() {
        assert_eq!(Heard::default().condition(now()), Condition::NeverHeard);
        assert_eq!(heard(2, 2).condition(now()), Condition::Flowing);
        assert_eq!(heard(15, 15).condition(now()), Condition::Flowing);
        assert_eq!(heard(16, 2).condition(now()), Condition::Silent);
        assert_eq!(heard(2, 61).condition(now()), Condition::Behind);
        assert_eq!(Heard { sources_in_trouble: 1, ..heard(2, 61) }.condition(now()), Condition::Partly);
        assert_eq!(Heard { sources_in_trouble: 1, ..heard(20, 20) }.condition(now()), Condition::Silent);
        assert_eq!(Heard { shut_out: true, ..heard(20, 20) }.condition(now()), Condition::ShutOut);
    }

    #[test]
    fn a_clock_that_differs_is_no_lag() {
        let three_hours_behind = Heard { clock_offset_micros: 10_800_000_000, ..heard(1, 10_802) };
        assert_eq!(three_hours_behind.lag_seconds(now()), Some(2.0));
        assert_eq!(three_hours_behind.condition(now()), Condition::Flowing);
        let ahead = Heard { clock_offset_micros: -10_800_000_000, ..heard(1, -10_900) };
        assert_eq!(ahead.lag_seconds(now()), Some(0.0));
    }
}
