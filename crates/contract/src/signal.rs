//! Signals and their history.

use gemba_domain::{
    Timestamp,
    signal::{SignalId, SignalKind, SignalRole, Value},
};
use serde::{Deserialize, Serialize};

// A type called `Value` is any JSON to the derive of schemas.
#[cfg(feature = "openapi")]
use gemba_domain::signal::Value as SampleValue;

/// A signal with its newest value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SignalView {
    /// Identity.
    pub id: SignalId,
    /// Short name within its unit, such as `spindle-speed`.
    pub code: String,
    /// For people.
    pub name: String,
    /// What sort of thing it carries.
    pub kind: SignalKind,
    /// What it means to the engine, if anything.
    pub role: Option<SignalRole>,
    /// Unit of measure for display, such as `1/min`.
    pub uom: Option<String>,
    /// The newest reading; `None` when there never was one.
    pub latest: Option<Reading>,
}

/// A value and when it was taken, by the source's clock.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Reading {
    /// When.
    pub time: Timestamp,
    /// What; `null` when the source could not tell.
    #[cfg_attr(feature = "openapi", schema(value_type = SampleValue))]
    pub value: Value,
}

/// `GET /api/v1/signals/{id}/samples?from&to&points`: never more than about `points` readings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SampleSeries {
    /// The signal.
    pub signal: SignalId,
    /// Begin of the stretch that was asked for.
    pub from: Timestamp,
    /// End of it (exclusive).
    pub to: Timestamp,
    /// Whether readings are as taken, or thinned (minimum and maximum of each slice are kept).
    pub resolution: Resolution,
    /// By time. Begins with the reading in force at `from` if there is one.
    pub readings: Vec<Reading>,
    /// How many readings the stretch holds.
    pub total: u64,
}

/// What a series is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Resolution {
    /// As taken.
    Raw,
    /// Minimum and maximum of each slice of time.
    MinMax,
}

/// `GET /api/v1/signals/{id}/durations?from&to&bucket=day`: how long a state signal held each word.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Durations {
    /// The signal.
    pub signal: SignalId,
    /// One entry per bucket, by time.
    pub buckets: Vec<DurationBucket>,
}

/// One bucket of [`Durations`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DurationBucket {
    /// Begin.
    pub from: Timestamp,
    /// End (exclusive).
    pub to: Timestamp,
    /// Seconds per word; `UNAVAILABLE` for time the source could not tell. Time before the first
    /// reading is in none of them.
    pub seconds: std::collections::BTreeMap<String, f64>,
}
