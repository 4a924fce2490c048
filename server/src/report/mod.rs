//! One line or unit over a period: figures with their comparison, hour by hour, states, losses, reasons, stops, trend; how a
//! figure is made; and comparisons. Views of facts: nothing is stored here.

mod compare;
mod derivation;
mod earlier;
mod error;
mod losses;
mod node;
mod pdf;
mod period;
mod routes;
mod rows;
mod service;
mod stops;

pub use error::ReportError;
pub use routes::routes;
pub use service::Service;

#[cfg(test)]
mod tests;
