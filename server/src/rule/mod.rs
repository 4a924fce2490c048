//! Rules of the plant: where they apply, what they read, and those that make states.

mod error;
mod queries;
mod routes;
mod scope;
mod service;

pub use error::RuleError;
pub use routes::routes;
pub use scope::{as_said, is_for, read, read_by};
pub use service::{Rule, Service, load};

#[cfg(test)]
mod tests;
