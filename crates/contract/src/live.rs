//! The WebSocket `/api/v1/live`: subscribe to topics, get a snapshot, then deltas.
//! Specified in `docs/specs/live-protocol.md`.

use gemba_domain::{
    Timestamp,
    equipment::EquipmentId,
    oee::Elements,
    signal::{SignalId, Value},
};
use serde::{Deserialize, Serialize};

use crate::{
    overview::{CountView, KpiView, Overview, TileNow},
    unit::UnitDetail,
};

/// The topic of the whole plant's tiles. A unit's topic is `unit/` and its path.
pub const OVERVIEW: &str = "overview";

/// Prefix of a unit's topic.
pub const UNIT_PREFIX: &str = "unit/";

/// What a browser sends.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ClientMessage {
    /// Answered by a snapshot, then deltas as things change.
    Subscribe {
        /// Such as `overview` or `unit/acme/leeds/press-shop/line-1/press-3`.
        topic: String,
    },
    /// No more of this.
    Unsubscribe {
        /// As subscribed.
        topic: String,
    },
}

/// What the server sends. `seq` grows by one with each message of a topic; a hole means: subscribe anew.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ServerMessage {
    /// The whole of a topic.
    Snapshot {
        /// As subscribed.
        topic: String,
        /// Deltas go on from here.
        seq: u64,
        /// What it shows.
        data: Box<Snapshot>,
    },
    /// What changed.
    Delta {
        /// As subscribed.
        topic: String,
        /// One more than the message before.
        seq: u64,
        /// The server's clock.
        at: Timestamp,
        /// Tiles that changed.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        tiles: Vec<TileDelta>,
        /// Figures of sites and areas that changed (topic `overview`).
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        totals: Vec<TotalDelta>,
        /// Signals that changed (topic `unit/…`); only the newest reading of each.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        signals: Vec<SignalDelta>,
        /// The elements that the unit's new figures are made of; beside its tile (topic `unit/…`).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        elements: Option<Box<Elements>>,
    },
    /// Nothing changed, the connection lives. Sent every five seconds without a delta.
    Heartbeat {
        /// The server's clock.
        at: Timestamp,
    },
    /// The topic cannot be had: unknown, or not permitted.
    Refused {
        /// As asked for.
        topic: String,
        /// Why, for a person.
        reason: String,
    },
    /// The plant was changed or the server restarts: subscribe anew.
    Reset {
        /// Why, for a person.
        reason: String,
    },
}

/// The whole of a topic.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(clippy::large_enum_variant, reason = "the message that carries it boxes it")]
pub enum Snapshot {
    /// Of topic `overview`.
    Overview(Overview),
    /// Of a topic `unit/…`.
    Unit(UnitDetail),
}

/// A tile's new present. The strip goes on from it: a new `since` ends the segment before.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TileDelta {
    /// The line or unit.
    pub id: EquipmentId,
    /// As now.
    #[serde(flatten)]
    pub now: TileNow,
}

/// New figures of a site or an area.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TotalDelta {
    /// Its path.
    pub path: gemba_domain::equipment::EquipmentPath,
    /// Ratios.
    pub kpi: KpiView,
    /// Pieces.
    pub count: CountView,
}

/// `[id, time, value]`, to be small.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SignalDelta(
    /// The signal.
    pub SignalId,
    /// When, by the source's clock.
    pub Timestamp,
    /// What.
    pub Value,
);
