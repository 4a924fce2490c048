//! Collectors: how one is let in, what it may write, how it is shut out. What they send is for [`crate::ingest`].
//!
//! Why it is so: docs/decisions/0011-collector-identity.md.

mod audit;
mod commands;
mod connections;
mod enrolment;
mod error;
mod listener;
mod queries;
mod routes;
mod scope;
mod service;
mod throttle;

pub use commands::Added;
pub use connections::Connections;
pub use error::CollectorError;
pub use listener::{ListenError, Listener};
pub use queries::{CollectorEntry, own};
pub use routes::{Peer, routes};
pub use scope::{Refusal, Scope, claim, holders};
pub use service::{Collector, Service};

#[cfg(test)]
pub(crate) mod tests;
