//! The plant at a glance and one unit in full, as the pages, the API and the live topics show them.

mod routes;
mod service;

pub use routes::routes;
pub use service::Service;
