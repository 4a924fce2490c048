//! The historian: every sample, for as long as the plant wants.
//!
//! A sample takes this way:
//! 1. **journal**: the batch as it came, one row, committed together with its acknowledgement (see `ingest`);
//! 2. **head**: the same samples in memory by signal, so that readers need not look into the journal. Lost with
//!    the process and made again from the journal at the next start;
//! 3. **chunk_part**, then **chunk**: packed by signal, in the background, about a byte a sample.
//!
//! What always holds, whenever the process is killed:
//! - `historian_state.compacted_through` is the ordinal up to which the journal has been packed. It moves in the
//!   transaction that writes the packed samples and deletes the journal rows, so each sample stands in exactly one of
//!   the two places;
//! - of two samples with the same (signal, time) the one with the higher ordinal stands: the journal over parts, later
//!   parts over earlier ones, parts over chunks. All parts of a signal are merged into its chunks together;
//! - a reader first copies from the head, then reads pieces and `compacted_through` in one statement, and ignores what it
//!   copied up to there: nothing is missed and nothing is stale, without a lock;
//! - a body whose checksum does not fit is moved to `historian_damage`. Readers are told which stretch is incomplete.
//!
//! `latest_value` holds the newest reading up to `compacted_through`; with the journal's it is the newest of all.

mod chunk;
mod compaction;
mod copy;
mod csv;
mod damage;
mod durations;
mod error;
mod head;
mod jobs;
pub mod journal;
mod plot;
mod queries;
mod read;
mod retention;
mod routes;
mod series;
mod service;

pub use compaction::Outcome;
pub use durations::Bucket;
pub use error::HistorianError;
pub use jobs::spawn;
pub use plot::Plot;
pub use queries::Stats;
pub use routes::routes;
pub use series::Series;
pub use service::{Service, Settings};

#[cfg(test)]
mod tests;
