//! MTConnect agents over HTTP: probe, current, and the sample stream (MTConnect part 1).
//!
//! How values keep their truth when something goes wrong:
//!
//! - **The agent is lost** (connection gone and not at once back, or silent for longer than `timeout`): each of its
//!   signals becomes *unavailable* at that moment.
//! - **It is back and its buffer still has what follows** (same instance, the next sequence is held): nothing was
//!   missed. The *unavailable* of that moment is replaced by the value that was in force then (same signal, same time, read later),
//!   and the stream goes on from there: the outage leaves no trace but the truth.
//! - **It is back, but something was missed** (new instance, buffer overrun): the *unavailable* stands. The values now in
//!   force come from `current`, with the agent's time when that is later than the loss; a value older than
//!   the loss is stamped with the time of the answer, because only since then is it known again.
//! - **Times that contradict the order**: where a stamp of ours (a loss, a return) is later than a source time that
//!   follows it in sequence (clocks that differ), the source time is moved just behind the stamp. Otherwise the older
//!   stamp would stay in force for ever.
//! - **A document that is not well formed** is refused whole, counted, and asked for again. After three in a row the agent counts as lost.

mod client;
mod draft;
mod kinds;
mod mapping;
mod multipart;
mod probe;
mod settings;
mod source;
mod streams;
mod xml;

pub use client::{AgentClient, AgentFailure};
pub use draft::{Draft, draft};
pub use kinds::Reads;
pub use mapping::{ItemIndex, Mapped, Mapping};
pub use multipart::{MultipartError, Splitter};
pub use probe::{DataItem, Device, Devices, Header, parse as parse_devices};
pub use settings::Settings;
pub use source::Source;
pub use streams::{Streams, Words, parse as parse_streams};
pub use xml::XmlError;

use super::{Failure, Left, Row, Survey};

/// What the agent has, and what of it would be read.
pub async fn survey(settings: &Settings) -> Result<Survey, Failure> {
    let client = AgentClient::new(settings).map_err(|error| Failure::Unusable(error.to_string()))?;
    let mapping = Mapping::resolve(settings, &client.probe().await?);
    let rows =
        mapping.mapped.into_iter().map(|mapped| Row { item: mapped.item, signal: mapped.signal, now: None }).collect();
    let left = mapping.unmapped.into_iter().map(|(device, item)| {
        let name = item.name.as_deref().map_or(String::new(), |name| format!(" ({name})"));
        Left { item: format!("{device}: {}{name}", item.id), what: format!("{} {}", item.category, item.kind) }
    });
    Ok(Survey { rows, left: left.collect(), notes: Vec::new(), problems: mapping.problems })
}
