//! The rules of manufacturing: what a unit is, what a sample is, what counts as producing, how OEE
//! is made. Pure and total: no I/O, no clock, no randomness, no async. Time and ids come in as
//! arguments, so the same input always gives the same facts, in the server, the collector and the
//! browser alike.
#![warn(missing_docs)]

pub mod access;
pub mod collector;
pub mod equipment;
mod interval;
pub mod line;
pub mod oee;
pub mod order;
pub mod reason;
pub mod rule;
pub mod shift;
pub mod signal;
pub mod state;
mod time;

pub use interval::Interval;
pub use time::{Timestamp, TimestampError};
