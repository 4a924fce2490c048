use serde::{Deserialize, Serialize};

use super::{Elements, kpi::ratio};
use crate::signal::words;

/// A definition of the figures over the same elements. Its name and version stand in every answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Profile {
    /// ISO 22400-2: short stops lower availability.
    #[default]
    Iso22400,
    /// Total productive maintenance (Nakajima): short stops lower performance. OEE is the same.
    Tpm,
    /// As in Vorne's XL: planned stops inside the schedule (not breaks) lower availability.
    Vorne,
}

words!(Profile { Iso22400 => "iso22400", Tpm => "tpm", Vorne => "vorne" });

/// The factors of OEE by one profile; ratios with 1.0 = 100 %. `None`: no value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Factors {
    /// Availability.
    pub availability: Option<f64>,
    /// Performance.
    pub performance: Option<f64>,
    /// Quality.
    pub quality: Option<f64>,
    /// Their product.
    pub oee: Option<f64>,
}

impl Profile {
    /// Grows when the definition changes.
    pub const fn version(self) -> u32 {
        1
    }

    /// For people.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Iso22400 => "ISO 22400",
            Self::Tpm => "TPM",
            Self::Vorne => "Vorne",
        }
    }

    /// The time that availability divides by, microseconds, of which it is known what the unit did.
    pub fn planned(self, e: &Elements) -> i64 {
        match self {
            Self::Iso22400 | Self::Tpm => e.known_pbt(),
            Self::Vorne => e.known_pbt() + e.planned_stops,
        }
    }

    /// The time that counts as run time, microseconds.
    pub fn run_time(self, e: &Elements) -> i64 {
        match self {
            Self::Iso22400 | Self::Vorne => e.apt,
            Self::Tpm => e.apt + e.minor,
        }
    }

    /// Availability x performance x quality = OEE = sum(PRI x GQ) / planned time.
    pub fn factors(self, e: &Elements) -> Factors {
        let (planned, run) = (self.planned(e) as f64, self.run_time(e) as f64);
        Factors {
            availability: ratio(run, planned),
            performance: ratio(e.pri_pq, run).filter(|_| e.is_rated()),
            quality: e.quality_ratio(),
            oee: ratio(e.pri_gq, planned).filter(|_| e.is_rated()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60_000_000;

    #[test]
    fn short_stops_move_between_availability_and_performance_and_planned_stops_count_for_vorne_alone() {
        let e = Elements {
            calendar: 500 * MINUTE,
            planned_stops: 100 * MINUTE,
            apt: 300 * MINUTE,
            adet: 100 * MINUTE,
            minor: 40 * MINUTE,
            pq: 100.0,
            gq: 90.0,
            sq: 10.0,
            pri_pq: 240.0 * MINUTE as f64,
            pri_gq: 216.0 * MINUTE as f64,
            ..Elements::default()
        };
        let factors = |profile: Profile| {
            let f = profile.factors(&e);
            [f.availability, f.performance, f.quality, f.oee].map(|it| (it.unwrap_or_default() * 1e4).round() / 1e4)
        };
        assert_eq!(factors(Profile::Iso22400), [0.75, 0.8, 0.9, 0.54]);
        assert_eq!(factors(Profile::Tpm), [0.85, 0.7059, 0.9, 0.54]);
        assert_eq!(factors(Profile::Vorne), [0.6, 0.8, 0.9, 0.432]);
    }
}
