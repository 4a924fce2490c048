//! Why units stand: the tree of reasons, what people say of a stop, and what they write to an hour or a shift.

mod error;
mod notes;
mod queries;
mod routes;
mod rules;
mod service;
mod tree;

pub use error::ReasonError;
pub use notes::notes;
pub use routes::routes;
pub use rules::Rule;
pub use service::{Service, assignments, said};
pub use tree::{Reasons, load};
