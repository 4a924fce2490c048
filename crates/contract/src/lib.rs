//! What crosses a wire: REST bodies, live messages, and the collectors' batches.
//! JSON is in snake_case; times are RFC 3339 in UTC; a figure that does not exist is `null`, never 0.
#![warn(missing_docs)]

#[cfg(feature = "edge")]
pub mod batch;
pub mod calendar;
pub mod collector;
pub mod edge;
pub mod live;
pub mod order;
pub mod overview;
pub mod plant;
pub mod problem;
pub mod reason;
pub mod report;
pub mod rule;
pub mod session;
pub mod signal;
pub mod unit;
