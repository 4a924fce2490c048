//! Sources: one folder per protocol. A source reads its machine, stamps what it read with the machine's time, and
//! hands it to the queue; it never writes to a machine.

mod health;
pub mod mtconnect;

pub use health::{HealthBoard, SourceState};
