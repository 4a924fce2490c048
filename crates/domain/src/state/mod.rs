//! The states of a work unit, and how a machine's own words are mapped to them.

mod machinery;
mod mapping;
mod packml;

use serde::{Deserialize, Serialize};

use crate::signal::words;

pub use machinery::{ItemState, MachinerySigns, OperationMode, classify_machinery};
pub use mapping::{Classified, NO_DATA, Signs, UNAVAILABLE, classify};
pub use packml::{PackMlMode, PackMlSigns, PackMlState, classify_packml};

/// What a unit is doing. Every moment of a unit's life is exactly one of these.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum UnitState {
    /// Making pieces.
    Producing,
    /// Being set up or changed over.
    Setup,
    /// Standing although it should produce.
    Stopped,
    /// Standing because what follows takes no more.
    Blocked,
    /// Standing because what precedes gives nothing.
    Starved,
    /// Standing without an order.
    Idle,
    /// Under maintenance.
    Maintenance,
    /// Switched off.
    Off,
    /// No trustworthy data. Never counted as any of the others.
    #[default]
    Unknown,
}

words!(UnitState {
    Producing => "producing", Setup => "setup", Stopped => "stopped", Blocked => "blocked",
    Starved => "starved", Idle => "idle", Maintenance => "maintenance", Off => "off", Unknown => "unknown",
});
