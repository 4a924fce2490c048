//! The live hub and its WebSocket: topics, snapshots, deltas. The protocol is docs/specs/live-protocol.md.

mod hub;
mod routes;
mod socket;
mod topic;

pub use hub::{Changes, Hub, Subscription};
pub use routes::routes;
pub use topic::Topic;
