//! Ingest: collectors' batches in, committed once, acknowledged after. The protocol is docs/specs/edge-protocol.md.

mod error;
mod queries;
mod rate;
mod routes;
mod service;
mod sort;
mod table;

pub use error::IngestError;
pub use queries::{coverage_of_unit, covered_to, delivered_signals};
pub use rate::Rates;
pub use routes::routes;
pub use service::{Committed, Input, QuarantineEntry, Service};

#[cfg(test)]
pub(crate) mod tests;
