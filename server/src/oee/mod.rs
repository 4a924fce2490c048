//! States, counts and figures: the engine that turns committed samples into facts.
//!
//! The facts of a unit are a fold over its role signals and the stretches in which its collectors were watching
//! (`gemba_domain::oee`). The last day of every unit is held in memory and moves with each commit; what is older is
//! derived from the historian, and derived again when late samples touch it.

mod board;
mod cause;
mod context;
mod derive;
mod engine;
mod ledger;
mod past;
mod queries;
mod reading;
mod service;
mod unit_board;

pub use board::Board;
pub use cause::Cause;
pub use context::{Accounted, MARGIN_MICROS};
pub use derive::DeriveError;
pub use engine::Engine;
pub use ledger::{Change, Reported};
pub use queries::note_stale;
pub use reading::{GroupBy, LossSum, LostSamples, PeriodFacts, ShiftSum, Sum, is_unwatched};
pub use service::{Nudge, Service, StopAt, WINDOW_SECONDS};
pub use unit_board::{Now, UnitBoard};

#[cfg(test)]
mod tests;
