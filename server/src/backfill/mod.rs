//! Back-fill: recorded machine logs and tables become history, through the same door as live data.
//!
//! An import is a collector of its own, named after the unit and the content of its files. Its batches are numbered,
//! so that an import that was broken off goes on where it stopped, and the same files are never stored twice.

mod error;
mod guess;
mod lines;
mod log;
mod matching;
mod queries;
mod service;
mod survey;
pub mod table;

pub use error::BackfillError;
pub use service::{Context, Params, Summary, run};
pub use survey::BadLine;

#[cfg(test)]
mod tests;
