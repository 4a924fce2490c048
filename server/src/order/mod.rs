//! Products with their ideal cycles, production orders, and which unit works on which order when.

mod catalogue;
mod error;
mod queries;
mod routes;
mod service;

pub use catalogue::{Catalogue, Product, load};
pub use error::OrderError;
pub use routes::routes;
pub use service::{Run, Service, Wanted, codes, put_default_cycles, runs};
