//! The edge collector: reads machines, keeps what it read in a queue on disk, and hands it to the server.
//!
//! The way of a sample: `collector` (a source reads its machine) -> `queue` (batches, numbered and durable)
//! -> `uplink` (the server acknowledges, the queue forgets). What each part promises stands at its top; the rules
//! between collector and server stand in `docs/specs/edge-protocol.md`.
#![warn(missing_docs)]

mod backoff;
pub mod clock;
pub mod collector;
pub mod config;
pub mod identity;
pub mod queue;
mod run;
pub mod tls;
pub mod uplink;

pub use run::{Collector, StartError};
