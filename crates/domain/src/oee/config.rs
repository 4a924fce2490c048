use super::counter::Limits;
use crate::signal::SignalRole;

/// Which counters a unit has. The others follow:
///
/// | counters | good | scrap | total |
/// |---|---|---|---|
/// | good | good | 0 | good |
/// | total | total | 0 | total |
/// | good, scrap | good | scrap | good + scrap |
/// | total, scrap | total - scrap | scrap | total |
/// | good, total | good | total - good | total |
/// | scrap | 0 | scrap | scrap |
/// | all three | good | scrap | total |
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CountRoles {
    /// It has a running total of good pieces.
    pub good: bool,
    /// It has a running total of scrapped pieces.
    pub scrap: bool,
    /// It has a running total of all pieces.
    pub total: bool,
    /// It has a running total of reworked pieces, counted beside the others.
    pub rework: bool,
}

impl CountRoles {
    /// What so many more pieces on this counter mean: good, scrap, total, rework. `None` when the unit has no such counter.
    pub(super) fn split(self, role: SignalRole, pieces: f64) -> Option<[f64; 4]> {
        let CountRoles { good, scrap, total, rework } = self;
        let signs = match role {
            SignalRole::GoodCount if good => {
                [1.0, if total && !scrap { -1.0 } else { 0.0 }, if total { 0.0 } else { 1.0 }, 0.0]
            }
            SignalRole::ScrapCount if scrap => {
                [if total && !good { -1.0 } else { 0.0 }, 1.0, if total { 0.0 } else { 1.0 }, 0.0]
            }
            SignalRole::TotalCount if total => {
                [if good { 0.0 } else { 1.0 }, if good && !scrap { 1.0 } else { 0.0 }, 1.0, 0.0]
            }
            SignalRole::ReworkCount if rework => [0.0, 0.0, 0.0, 1.0],
            _ => return None,
        };
        Some(signs.map(|sign| sign * pieces))
    }
}

/// What must be known of a unit to make facts of its samples.
#[derive(Clone, Debug, PartialEq)]
pub struct UnitConfig {
    /// PRI, planned run time per item (ideal cycle), microseconds. Bounds what a counter can have counted.
    pub pri_micros: Option<i64>,
    /// Which counters it has. Readings of others are ignored.
    pub counts: CountRoles,
    /// The highest total its counters show before they start again at 0.
    pub counter_max: Option<f64>,
    /// Stops shorter than this are minor stops (profile `tpm`), microseconds.
    pub minor_stop_micros: i64,
    /// For so long after the end of coverage the last state still counts as the current one, microseconds. More than the
    /// time between two frames of a collector and the error of its clock.
    pub stale_after_micros: i64,
}

impl Default for UnitConfig {
    /// No ideal cycle, no counters, minor stops below 2 minutes, stale after 15 s.
    fn default() -> Self {
        Self {
            pri_micros: None,
            counts: CountRoles::default(),
            counter_max: None,
            minor_stop_micros: 120_000_000,
            stale_after_micros: 15_000_000,
        }
    }
}

impl UnitConfig {
    pub(super) fn limits(&self) -> Limits {
        Limits { pri_micros: self.pri_micros, max: self.counter_max }
    }
}
