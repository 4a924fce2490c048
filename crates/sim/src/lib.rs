//! A simulated plant that speaks the real protocol: an MTConnect agent over HTTP, fed either by a
//! seeded model of two production lines or by recorded machine logs.
//!
//! - [`agent`]: the agent itself. It also runs in-process in tests of whatever reads an agent, and
//!   can be made to misbehave there (restart, small buffer, broken documents, lost connections).
//! - [`plant`]: the model of the lines.
//! - [`replay`]: recorded logs, played back through the same agent.
#![warn(missing_docs)]

pub mod agent;
pub mod plant;
pub mod replay;
