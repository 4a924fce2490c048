//! Why a unit stands: the tree of downtime reasons, each with a loss category, and how they get onto states.
//!
//! A reason explains time, it never moves it in or out of the denominator: availability and OEE are the same whatever
//! reason is given. A reason of category [`LossCategory::Setup`] makes a stop count as set-up (AUST), one of
//! [`LossCategory::NotScheduled`] as time without an order (ADOT); planned downtime is what stood on the calendar before
//! the period (ISO 22400-2), so a reason of category [`LossCategory::Planned`] given afterwards stays a delay (ADET).

mod annotate;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::signal::words;

pub use annotate::{Annotations, Assignment, GivenBy, RuleHit, Stretch, annotate};

/// Identifies a reason for its whole life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(transparent)]
pub struct ReasonId(pub uuid::Uuid);

/// The six big losses (Nakajima), and time that is none of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum LossCategory {
    /// Equipment failure.
    Breakdown,
    /// Set-up and adjustment.
    Setup,
    /// Idling and minor stops.
    MinorStops,
    /// Running slower than the ideal cycle.
    ReducedSpeed,
    /// Scrap and rework in steady production.
    ProcessDefects,
    /// Scrap from start to steady production.
    StartupYield,
    /// A planned stop.
    Planned,
    /// No order, no people: nobody wanted production.
    NotScheduled,
}

words!(LossCategory {
    Breakdown => "breakdown", Setup => "setup", MinorStops => "minor_stops", ReducedSpeed => "reduced_speed",
    ProcessDefects => "process_defects", StartupYield => "startup_yield", Planned => "planned",
    NotScheduled => "not_scheduled",
});

impl LossCategory {
    /// For people.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Breakdown => "Breakdowns",
            Self::Setup => "Set-up and adjustment",
            Self::MinorStops => "Idling and minor stops",
            Self::ReducedSpeed => "Reduced speed",
            Self::ProcessDefects => "Process defects",
            Self::StartupYield => "Start-up yield",
            Self::Planned => "Planned stops",
            Self::NotScheduled => "Not scheduled",
        }
    }
}

/// One node of the tree of reasons. Time is given to any node; a node with children may be too coarse, that is for people
/// to say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// Identity.
    pub id: ReasonId,
    /// Short, unique: `die-sensor`.
    pub code: Arc<str>,
    /// For people.
    pub name: Arc<str>,
    /// The node above; `None` at the top.
    pub parent: Option<ReasonId>,
    /// Which loss its time is.
    pub category: LossCategory,
}
