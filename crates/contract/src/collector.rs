//! How the collectors are, what they lost, and when nobody was watching.

use gemba_domain::{
    Timestamp,
    collector::{Condition, GapCause},
    equipment::EquipmentPath,
    signal::{SignalId, SignalRole},
};
use serde::{Deserialize, Serialize};

use crate::edge::{Loss, QueueReport};

/// `GET /api/v1/collectors`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Collectors {
    /// Those that need looking after first.
    pub collectors: Vec<CollectorView>,
    /// The server's clock.
    pub at: Timestamp,
}

/// `GET /api/v1/collectors/conditions`: what every page asks for again and again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CollectorConditions {
    /// In the order of [`Collectors`].
    pub collectors: Vec<CollectorCondition>,
    /// The server's clock.
    pub at: Timestamp,
}

/// How one collector is, and nothing more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CollectorCondition {
    /// Its name.
    pub name: String,
    /// How it is, the worst that holds.
    pub condition: Condition,
    /// Units that it reads.
    pub units: u32,
}

/// One collector.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CollectorView {
    /// Its name.
    pub name: String,
    /// How it is, the worst that holds.
    pub condition: Condition,
    /// Version of its program, once it said hello.
    pub version: Option<String>,
    /// Its last word, by the server's clock.
    pub heard_at: Option<Timestamp>,
    /// How far what is known of its machines lies back.
    pub lag_seconds: Option<f64>,
    /// The server's clock less the collector's, at its last hello.
    pub clock_offset_seconds: Option<f64>,
    /// Samples a second over the last minute.
    pub samples_per_second: f64,
    /// What waits in its queue, as it last said.
    pub queue: Option<QueueReport>,
    /// Signals that it reads and the plant knows.
    pub signals: u32,
    /// Units that these belong to.
    pub units: u32,
    /// Addresses that it reads and the plant does not know (at most 10): their samples are set aside.
    pub unknown: Vec<String>,
    /// How many of those there are.
    pub unknown_total: u32,
    /// Samples that were set aside and wait for a decision.
    pub samples_aside: u64,
    /// Its sources, those in trouble first.
    pub sources: Vec<SourceView>,
    /// When nobody was watching, in the last seven days; newest first, at most 100.
    pub gaps: Vec<CollectorGap>,
    /// What it had to give up, in the last thirty days; newest first, at most 100.
    pub losses: Vec<Loss>,
}

/// A source at the collector's last word.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SourceView {
    /// The name in the collector's settings.
    pub name: String,
    /// In words: `streaming`, or what is wrong and what to do.
    pub status: String,
    /// Data flows.
    pub ok: bool,
    /// Since when it flows, or does not, by the collector's clock.
    pub since: Option<Timestamp>,
}

/// A stretch that no collector of this name was watching, as far as the server knows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CollectorGap {
    /// Begins.
    pub from: Timestamp,
    /// Ends; `None`: it lasts.
    pub to: Option<Timestamp>,
    /// Why.
    pub cause: GapCause,
    /// Samples known to be lost in it.
    pub samples_lost: u64,
}

/// `GET /api/v1/gaps/{unit}`: of which stretches nothing is known, by signal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Gaps {
    /// The unit.
    pub path: EquipmentPath,
    /// For people.
    pub name: String,
    /// Minutes that the site's clocks are ahead of UTC at the begin.
    pub utc_offset_minutes: i32,
    /// Begin of the period.
    pub from: Timestamp,
    /// Its end (exclusive), not later than now.
    pub to: Timestamp,
    /// Those that least is known of first.
    pub signals: Vec<SignalGaps>,
    /// The server's clock.
    pub at: Timestamp,
}

/// One signal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SignalGaps {
    /// Identity.
    pub id: SignalId,
    /// Short name within its unit.
    pub code: String,
    /// For people.
    pub name: String,
    /// What it means to the engine, if anything.
    pub role: Option<SignalRole>,
    /// Collectors that deliver it, or did.
    pub collectors: Vec<String>,
    /// The share of the period that is known.
    pub known_share: f64,
    /// In order, at most 500.
    pub gaps: Vec<SignalGap>,
    /// How many there are.
    pub gaps_total: u32,
    /// It has too many readings to look through: what its source could not tell is not among the gaps.
    pub readings_left_out: bool,
}

/// A stretch of which nothing is known.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SignalGap {
    /// Begins.
    pub from: Timestamp,
    /// Ends (exclusive).
    pub to: Timestamp,
    /// Why.
    pub cause: GapCause,
    /// Samples that its collectors gave up in it, of all of their signals.
    pub samples_lost: u64,
}
