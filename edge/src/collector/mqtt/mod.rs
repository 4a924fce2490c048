//! Topics of an MQTT broker, version 5 or 3.1.1. The connection to the broker (`broker`, `link`) serves Sparkplug as well.
//!
//! A source never publishes, and leaves no will. How values keep their truth:
//!
//! - **Times.** A JSON payload's own time stands for all its members. Without one the time of arrival at the collector stands in, and the
//!   signal's origin says so. Each machine's clock is judged by its messages: what the collector stamps itself (a loss) is by that clock.
//! - **Retained messages** come with the subscription and are of unknown age. With a time of their own they keep it; without, they are in
//!   force since the subscription, unless they are what was in force anyway. They are counted in a remark.
//! - **What is published while we are away** is kept by the broker (QoS 1, a session that outlives the connection), and is acknowledged only
//!   when the queue has taken it. When the broker still has the session, nothing was missed: a loss is taken back.
//! - **When the broker does not have the session** (it was restarted without storage, we were away for longer than it keeps), all signals are
//!   unavailable since the broker was heard last, until they come again.
//! - **A packet that cannot be taken** (too large, no MQTT) would be sent again for ever: the next connection gives up
//!   what the broker kept, and a remark counts it.

mod broker;
mod link;
mod payload;
mod settings;
mod source;
mod times;
mod tls;
mod topics;
mod trouble;
mod wire;

pub use broker::{Broker, Version};
pub(crate) use link::{Event, Link, Message, Opening};
pub use settings::Settings;
pub use source::Source;
pub(crate) use source::some_of;

use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::{Failure, Left, Row, Survey};

/// How long a survey listens at most, …
const LISTEN: Duration = Duration::from_secs(10);
/// … and when nothing new comes any more.
const QUIET: Duration = Duration::from_secs(2);

/// What comes within some seconds, and what of it would be read. Under a name of its own, so that a running collector keeps its session.
pub async fn survey(settings: &Settings) -> Result<Survey, Failure> {
    let mut topics = topics::Topics::new(settings);
    let client_id = format!("{}-check", settings.broker.client_id);
    let opening = Opening { client_id, clean: true, expiry: Duration::ZERO, will: None };
    let mut link = Link::open(&settings.broker, &opening, None)?;
    let mut problems = Vec::new();
    let end = Instant::now() + LISTEN;
    let mut quiet = end;
    let mut events = Vec::new();
    while let Ok(more) = timeout_at(quiet.min(end), link.events(&mut events)).await {
        more?;
        for event in events.drain(..) {
            match event {
                Event::Connected(_) => link.subscribe(&settings.filters(), settings.qos)?,
                Event::Subscribed(refused) => {
                    problems.extend(refused.iter().map(|filter| format!("the broker does not let us read {filter}")));
                    quiet = Instant::now() + QUIET;
                }
                Event::Message(message) => {
                    quiet = Instant::now() + QUIET;
                    survey_message(settings, &mut topics, &message, &mut problems);
                    link.acknowledge(&message)?;
                }
                Event::Alive => {}
            }
        }
    }
    link.leave().await;
    problems.append(&mut topics.problems);
    problems.extend(topics.missing());
    let mut out = Survey { problems, ..Survey::default() };
    for (item, offered) in topics.all() {
        match offered {
            Some(signal) => out.rows.push(Row { item, signal, now: None }),
            None => out.left.push(Left { item, what: "no rule".to_owned() }),
        }
    }
    Ok(out)
}

fn survey_message(settings: &Settings, topics: &mut topics::Topics, message: &Message, problems: &mut Vec<String>) {
    let units: Vec<_> =
        topics.units(&message.topic).into_iter().map(|(unit, below)| (unit, below.to_owned())).collect();
    for (unit, below) in units {
        match payload::read(&below, &message.payload, settings.time_key.as_deref()) {
            Ok(parts) => {
                for part in parts.parts {
                    topics.came(unit, &part.item, part.form, part.time.is_none());
                }
            }
            Err(bad) if problems.len() < 20 => {
                let what = match bad {
                    payload::Bad::NoText => "is no text (UTF-8)",
                    payload::Bad::BadJson => "begins as JSON and is none",
                };
                problems.push(format!("the payload of `{}` {what}", message.topic));
            }
            Err(_) => {}
        }
    }
}
