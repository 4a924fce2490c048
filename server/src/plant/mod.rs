//! The plant: equipment, signals and shift patterns. Defined in a file, kept in the database, held in memory.

mod check;
mod file;
mod import;
mod model;
mod queries;
mod routes;
mod service;

pub use check::Defect;
pub(crate) use check::line_at;
pub use file::{PlantFile, read};
pub use import::{Change, ImportError, Plan};
pub use model::{Area, Line, Plant, Signal, Site, Unit, UnitInPlant};
pub use queries::begin_change;
pub use routes::routes;
pub use service::{LoadError, Service};

#[cfg(test)]
mod tests;
