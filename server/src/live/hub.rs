use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::extract::ws::Utf8Bytes;
use gemba_contract::live::{ServerMessage, SignalDelta, TileDelta, TotalDelta};
use gemba_domain::{Timestamp, oee::Elements};
use tokio::sync::broadcast;

use super::topic::Topic;

/// Messages a slow client may fall behind before it gets a fresh snapshot instead of the backlog.
const BACKLOG: usize = 64;

/// Carries what changed to all who look. Each message is made and serialised once per topic.
#[derive(Clone, Debug, Default)]
pub struct Hub {
    topics: Arc<Mutex<HashMap<Topic, Channel>>>,
}

#[derive(Debug)]
struct Channel {
    seq: u64,
    sender: broadcast::Sender<Frame>,
}

/// One serialised message.
#[derive(Clone, Debug)]
pub struct Frame {
    /// Its number within its topic.
    pub seq: u64,
    /// The JSON.
    pub json: Utf8Bytes,
}

/// A topic as subscribed to: deltas after `seq`.
#[derive(Debug)]
pub struct Subscription {
    /// Deltas up to here are in the snapshot that the caller makes next.
    pub seq: u64,
    /// Gives the deltas.
    pub frames: broadcast::Receiver<Frame>,
}

/// What changed within one topic.
#[derive(Debug, Default)]
pub struct Changes {
    /// Lines and units.
    pub tiles: Vec<TileDelta>,
    /// Sites and areas.
    pub totals: Vec<TotalDelta>,
    /// Signals.
    pub signals: Vec<SignalDelta>,
    /// What the unit's tile is made of.
    pub elements: Option<Box<Elements>>,
}

impl Changes {
    fn is_empty(&self) -> bool {
        self.tiles.is_empty() && self.totals.is_empty() && self.signals.is_empty()
    }
}

impl Hub {
    fn lock(&self) -> MutexGuard<'_, HashMap<Topic, Channel>> {
        self.topics.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Subscribes. Make the snapshot after this call, and drop deltas numbered up to `seq`: a change between the
    /// two is then in the snapshot, in a delta, or harmlessly in both.
    pub fn subscribe(&self, topic: &Topic) -> Subscription {
        let mut topics = self.lock();
        let channel =
            topics.entry(topic.clone()).or_insert_with(|| Channel { seq: 0, sender: broadcast::Sender::new(BACKLOG) });
        Subscription { seq: channel.seq, frames: channel.sender.subscribe() }
    }

    /// Whether anyone looks at this topic.
    pub fn is_watched(&self, topic: &Topic) -> bool {
        self.lock().get(topic).is_some_and(|channel| channel.sender.receiver_count() > 0)
    }

    /// The topics that someone looks at. Those nobody looks at any more are forgotten.
    pub fn watched(&self) -> Vec<Topic> {
        let mut topics = self.lock();
        topics.retain(|_, channel| channel.sender.receiver_count() > 0);
        topics.keys().cloned().collect()
    }

    /// How many subscriptions there are.
    pub fn subscriptions(&self) -> usize {
        self.lock().values().map(|channel| channel.sender.receiver_count()).sum()
    }

    /// Asks all who look at anything to subscribe anew.
    pub fn reset(&self, reason: &str) {
        let message = ServerMessage::Reset { reason: reason.to_owned() };
        let Ok(json) = serde_json::to_string(&message).map(Utf8Bytes::from) else { return };
        for channel in self.lock().values_mut() {
            channel.seq += 1;
            channel.sender.send(Frame { seq: channel.seq, json: json.clone() }).ok();
        }
    }

    /// Sends a delta to all who look at `topic`.
    pub fn publish(&self, topic: &Topic, at: Timestamp, changes: Changes) {
        if changes.is_empty() {
            return;
        }
        let mut topics = self.lock();
        let Some(channel) = topics.get_mut(topic).filter(|channel| channel.sender.receiver_count() > 0) else { return };
        let seq = channel.seq + 1;
        let Changes { tiles, totals, signals, elements } = changes;
        let message = ServerMessage::Delta { topic: topic.name(), seq, at, tiles, totals, signals, elements };
        match serde_json::to_string(&message) {
            Ok(json) => {
                channel.seq = seq;
                // An error means that the last client left meanwhile.
                channel.sender.send(Frame { seq, json: json.into() }).ok();
            }
            Err(error) => tracing::error!(%error, topic = topic.name(), "a delta could not be written as JSON"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gemba_domain::signal::{SignalId, Value};

    fn change(n: f64) -> Changes {
        let delta = SignalDelta(SignalId(1), Timestamp::from_seconds(0), Value::Number(n));
        Changes { signals: vec![delta], ..Changes::default() }
    }

    #[tokio::test]
    async fn numbers_have_no_holes_and_empty_changes_send_nothing() {
        let hub = Hub::default();
        let topic = Topic::Overview;
        hub.publish(&topic, Timestamp::default(), change(0.0));
        let mut subscription = hub.subscribe(&topic);
        assert_eq!(subscription.seq, 0, "nobody looked, so nothing was numbered");
        hub.publish(&topic, Timestamp::default(), Changes::default());
        for n in 1..=3_u32 {
            hub.publish(&topic, Timestamp::default(), change(n.into()));
        }
        for expected in 1..=3 {
            assert_eq!(subscription.frames.recv().await.map(|frame| frame.seq).ok(), Some(expected));
        }
    }

    #[tokio::test]
    async fn topics_nobody_looks_at_are_forgotten() {
        let hub = Hub::default();
        drop(hub.subscribe(&Topic::Overview));
        assert!(!hub.is_watched(&Topic::Overview));
        assert!(hub.watched().is_empty());
    }
}
