//! A seeded, discrete model of a plant: lines of units with finite buffers between them, cycle times,
//! minor stops, failures, set-ups, scrap, shifts, and the measures that go with them.
//!
//! The model is a pure function of layout, seed, clock and how far it is driven: the same arguments
//! give the same reports. [`run`] drives it along the wall clock and feeds an agent.

mod calendar;
mod catalogue;
mod devices;
mod driver;
mod layout;
mod measure;
mod model;
mod unit;

pub use calendar::{Break, ShiftPattern, ShiftPlan};
pub use catalogue::{Failure, Machine, MinorStop, Symptom};
pub use devices::{ITEMS, ItemSpec, device, devices};
pub use driver::run;
pub use layout::{Layout, LineSpec, UnitSpec};
pub use model::{Clock, Counts, Millis, Plant, Report};
