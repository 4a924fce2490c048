//! An MTConnect agent: probe, current and sample over HTTP, with a ring buffer, sequence numbers,
//! conditions and long-poll streams as the standard describes them (Part 1 and 2, version 2.0; an
//! older device file is served under its own version).
//!
//! ```no_run
//! use gemba_domain::Timestamp;
//! use gemba_sim::agent::{Agent, Component, Condition, DataItem, Device, Devices};
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let devices = Devices::new([Device::new("press-1").item(DataItem::event("press-1-avail", "AVAILABILITY")).component(
//!     Component::new("Controller", "press-1-controller")
//!         .item(DataItem::event("press-1-execution", "EXECUTION").name("execution"))
//!         .item(DataItem::condition("press-1-system", "SYSTEM")),
//! )]);
//! let agent = Agent::new(devices).buffer_size(16).start("127.0.0.1:0").await?;
//! let now = Timestamp::from_seconds(1_763_800_000);
//! agent.push("press-1-execution", now, "ACTIVE")?;
//! agent.push("press-1-system", now, Condition::fault("E42", "Sheet jammed"))?;
//! println!("{}/current", agent.url());
//! agent.stop().await;
//! # Ok(())
//! # }
//! ```
//!
//! Every item begins as `UNAVAILABLE`. An observation equal to the one in force is not stored again
//! unless its item is discrete (see [`Agent::filter_duplicates`]).

mod buffer;
mod catalog;
mod device;
mod fault;
mod handle;
mod http;
mod observation;
mod path;
mod probe;
mod problem;
mod state;
mod stream;
mod xml;

pub use device::{Category, Component, DataItem, Device, Devices};
pub use handle::{Adapter, Agent, AgentError, AgentHandle, Restart};
pub use observation::{Condition, Level, ObservationValue};
pub use probe::ProbeError;
pub use state::PushError;
