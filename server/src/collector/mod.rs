//! How the collectors are: their sources, their queues, what they lost, and when nobody was watching.

mod error;
mod gaps;
mod queries;
mod routes;
mod service;
#[cfg(test)]
mod tests;

pub use error::GapError;
pub use routes::routes;
pub use service::Service;
