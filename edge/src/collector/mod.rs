//! Sources: one folder per protocol. A source reads its machine, stamps what it read with the machine's time, and
//! hands it to the queue; it never writes to a machine. What each must do stands in docs/specs/collector.md.
//!
//! A protocol has `settings` (its part of the settings file), a client, a decoder of what it says, `mapping` (what it offers, as
//! signals), and `source`, which implements [`Session`]. All else is here, once for all: [`Feed`] (what is in force, what is
//! lost), [`supervise`] (sessions and pauses), [`HealthBoard`], [`Places`] (the rules), [`value`].

mod failure;
mod feed;
pub mod file_drop;
mod health;
mod in_force;
pub mod modbus;
pub mod mqtt;
pub mod mtconnect;
pub mod opcua;
mod places;
mod session;
mod skew;
pub mod sparkplug;
mod start;
mod survey;
pub mod value;
pub mod words;

pub use failure::Failure;
pub use feed::{Feed, Shared};
pub use health::{HealthBoard, SourceState};
pub use in_force::Observation;
pub use places::{Item, Placed, Places, nearest};
pub use session::{Session, supervise};
pub use start::start;
pub use survey::{Left, Row, Survey, survey};
