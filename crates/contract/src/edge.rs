//! Collector to server, the JSON part. Specified in `docs/specs/edge-protocol.md`.

use gemba_domain::{Timestamp, signal::SignalKind};
use serde::{Deserialize, Serialize};

/// Version of the protocol spoken here.
pub const PROTOCOL_VERSION: u32 = 1;

/// The collector's number for one of its signals: given once, in order from 0, never reused within an epoch.
pub type LocalSignal = u32;

/// `POST /api/v1/edge/hello`: at start, after every reconnect, and whenever a signal is added.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Hello {
    /// Version of the protocol that the collector speaks: [`PROTOCOL_VERSION`].
    pub protocol: u32,
    /// The collector program's version.
    pub version: String,
    /// Names the life of the collector's queue: its creation in microseconds since 1970. A queue made anew has a later one.
    pub epoch: u64,
    /// The collector's clock.
    pub at: Timestamp,
    /// The collector's signals. Number = position. Sent whole; entries already known do not change.
    pub signals: Vec<OfferedSignal>,
    /// How its sources are.
    #[serde(default)]
    pub sources: Vec<SourceHealth>,
    /// What waits in its queue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue: Option<QueueReport>,
    /// What the queue had to give up since the last hello that was answered: a gap, never silence.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub losses: Vec<Loss>,
}

/// What waits in a collector's queue.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct QueueReport {
    /// Samples.
    pub samples: u64,
    /// Bytes on the disk.
    pub bytes: u64,
    /// When the oldest of them was stored, by the collector's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oldest: Option<Timestamp>,
}

/// Samples that the collector had stored and lost before the server had them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Loss {
    /// How many batches.
    pub batches: u64,
    /// How many samples, as far as is known.
    pub samples: u64,
    /// Source time of the earliest of them.
    pub from: Timestamp,
    /// Source time of the latest of them.
    pub to: Timestamp,
    /// Why, for a person: the limit that was reached, or what was damaged and where it was set aside.
    pub reason: String,
}

/// One signal that a collector reads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct OfferedSignal {
    /// Unit path, colon, signal code: `acme/leeds/press-shop/line-1/press-3:spindle-speed`.
    pub address: String,
    /// What sort of thing it carries, as the source describes it.
    pub kind: SignalKind,
    /// Unit of measure, as the source describes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uom: Option<String>,
    /// Where it comes from, for people: `mtconnect http://10.0.0.5:5000 Mazak03-X_1`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}

/// A source's condition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SourceHealth {
    /// The name in the collector's configuration.
    pub name: String,
    /// In words: `streaming`, or what is wrong and what to do.
    pub status: String,
    /// Data flows.
    pub ok: bool,
    /// Since when it flows, or does not, by the collector's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
}

/// The answer to [`Hello`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Welcome {
    /// Highest sequence number of this epoch that is committed; batches are numbered from 1. 0 when there is none.
    pub acked: u64,
    /// The server's clock.
    pub at: Timestamp,
    /// Signals that the plant does not know, with the reason. Their samples are quarantined until it does.
    #[serde(default)]
    pub unknown: Vec<UnknownSignal>,
}

/// A signal that cannot be matched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UnknownSignal {
    /// The collector's number.
    #[cfg_attr(feature = "openapi", schema(value_type = u32))]
    pub signal: LocalSignal,
    /// Why, and the nearest valid name.
    pub reason: String,
}

/// The answer to `POST /api/v1/edge/batches`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Acknowledged {
    /// All batches up to this number are committed.
    pub acked: u64,
    /// Batches, or samples of them, that were set aside whole and readable, with the reason.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub quarantined: Vec<Quarantined>,
}

/// Something set aside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Quarantined {
    /// Number of the batch.
    pub seq: u64,
    /// How many samples.
    pub samples: u64,
    /// Why.
    pub reason: String,
}

/// `POST /api/v1/edge/enrol`: a collector that has a code and no certificate yet.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Enrol {
    /// The secret of the code, 32 hexadecimal digits.
    pub secret: String,
    /// PKCS #10 in PEM, on P-256. What it says besides the key does not count; a name in it must be the collector's.
    pub request: String,
}

/// `POST /api/v1/edge/renew`: a collector that shows its certificate and wants the next one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Renew {
    /// As in [`Enrol`], with the key of the certificate shown.
    pub request: String,
}

/// The answer to [`Enrol`] and [`Renew`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Enrolled {
    /// The collector's name.
    pub name: String,
    /// Its certificate, PEM.
    pub certificate: String,
    /// The authority that signed it and the server's, PEM.
    pub authority: String,
    /// For how long it is good from now. It is renewed after half of that.
    pub lasts_seconds: u64,
    /// The server's clock.
    pub at: Timestamp,
}

/// A secret is not shown.
impl std::fmt::Debug for Enrol {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Enrol")
    }
}
