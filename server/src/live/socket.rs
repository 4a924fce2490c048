//! One browser's connection.

use std::{collections::HashMap, time::Duration};

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, close_code};
use futures::{SinkExt as _, StreamExt as _, stream::SplitSink};
use gemba_contract::live::{ClientMessage, ServerMessage, Snapshot};
use gemba_domain::access::permits;
use tokio::time::Instant;
use tokio_stream::{
    StreamMap,
    wrappers::{BroadcastStream, errors::BroadcastStreamRecvError},
};

use super::topic::Topic;
use crate::{auth::Caller, clock, state::AppState};

/// A client that takes nothing for this long is closed; it comes back by itself.
const STUCK: Duration = Duration::from_secs(30);
/// Without a delta for this long a heartbeat is sent.
const HEARTBEAT: Duration = Duration::from_secs(5);
/// A page needs one topic, two at most.
const MAX_TOPICS: usize = 16;

/// Serves one connection until either side ends it.
pub async fn serve(app: AppState, caller: Caller, socket: WebSocket) {
    let (sink, mut incoming) = socket.split();
    let mut connection = Connection { app: app.clone(), caller, sink, seen: HashMap::new(), sent: Instant::now() };
    let mut topics: StreamMap<Topic, BroadcastStream<super::hub::Frame>> = StreamMap::new();
    let session = app.auth.until_ended(connection.caller.session);
    tokio::pin!(session);
    loop {
        let heartbeat = connection.sent + HEARTBEAT;
        let outcome = tokio::select! {
            message = incoming.next() => match message {
                Some(Ok(Message::Text(text))) => connection.receive(&text, &mut topics).await,
                Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                Some(Ok(_)) => Ok(()),
            },
            Some((topic, frame)) = topics.next() => match frame {
                Ok(frame) => connection.forward(&topic, frame).await,
                // Too slow: the backlog is gone, the present is what counts.
                Err(BroadcastStreamRecvError::Lagged(_)) => connection.subscribe(topic, &mut topics).await,
            },
            () = tokio::time::sleep_until(heartbeat) => connection.send(&ServerMessage::Heartbeat { at: clock::now() }).await,
            () = &mut session => Err(Close::SignedOut),
            () = app.shutdown.cancelled() => Err(Close::GoingAway),
        };
        if let Err(close) = outcome {
            connection.close(close).await;
            return;
        }
    }
}

enum Close {
    Stuck,
    Gone,
    SignedOut,
    GoingAway,
    Nonsense,
}

struct Connection {
    app: AppState,
    caller: Caller,
    sink: SplitSink<WebSocket, Message>,
    /// The number of the last message sent, per topic.
    seen: HashMap<Topic, u64>,
    sent: Instant,
}

impl Connection {
    async fn receive(
        &mut self,
        text: &str,
        topics: &mut StreamMap<Topic, BroadcastStream<super::hub::Frame>>,
    ) -> Result<(), Close> {
        match serde_json::from_str(text).map_err(|_| Close::Nonsense)? {
            ClientMessage::Unsubscribe { topic } => {
                if let Some(topic) = Topic::parse(&topic) {
                    topics.remove(&topic);
                    self.seen.remove(&topic);
                }
                Ok(())
            }
            ClientMessage::Subscribe { topic: name } => {
                let Some(topic) = Topic::parse(&name) else {
                    return self.refuse(name, "there is no such topic").await;
                };
                if !permits(self.caller.role, topic.action()) {
                    return self.refuse(name, "your role does not permit this").await;
                }
                if topics.len() >= MAX_TOPICS && !topics.contains_key(&topic) {
                    return self.refuse(name, "too many topics on one connection").await;
                }
                self.subscribe(topic, topics).await
            }
        }
    }

    async fn subscribe(
        &mut self,
        topic: Topic,
        topics: &mut StreamMap<Topic, BroadcastStream<super::hub::Frame>>,
    ) -> Result<(), Close> {
        let subscription = self.app.live.subscribe(&topic);
        let now = clock::now();
        let data = match &topic {
            Topic::Overview => Some(Snapshot::Overview(self.app.overview.overview(now))),
            Topic::Unit(path) => self.app.overview.unit(path, now).map(Snapshot::Unit),
        };
        let Some(data) = data else {
            topics.remove(&topic);
            return self.refuse(topic.name(), "the plant has no such unit").await;
        };
        let seq = subscription.seq;
        topics.insert(topic.clone(), BroadcastStream::new(subscription.frames));
        let name = topic.name();
        self.seen.insert(topic, seq);
        self.send(&ServerMessage::Snapshot { topic: name, seq, data: Box::new(data) }).await
    }

    async fn forward(&mut self, topic: &Topic, frame: super::hub::Frame) -> Result<(), Close> {
        let Some(seen) = self.seen.get_mut(topic) else { return Ok(()) };
        if frame.seq <= *seen {
            return Ok(());
        }
        *seen = frame.seq;
        self.send_text(frame.json).await
    }

    async fn refuse(&mut self, topic: String, reason: &str) -> Result<(), Close> {
        self.send(&ServerMessage::Refused { topic, reason: reason.to_owned() }).await
    }

    async fn send(&mut self, message: &ServerMessage) -> Result<(), Close> {
        let json = serde_json::to_string(message).map_err(|error| {
            tracing::error!(%error, "a live message could not be written as JSON");
            Close::Gone
        })?;
        self.send_text(json.into()).await
    }

    async fn send_text(&mut self, json: Utf8Bytes) -> Result<(), Close> {
        self.sent = Instant::now();
        match tokio::time::timeout(STUCK, self.sink.send(Message::Text(json))).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(Close::Gone),
            Err(_) => Err(Close::Stuck),
        }
    }

    async fn close(&mut self, close: Close) {
        let (code, reason) = match close {
            Close::Gone | Close::Stuck => return,
            Close::SignedOut => (close_code::POLICY, "signed out"),
            Close::GoingAway => (close_code::RESTART, "the server restarts"),
            Close::Nonsense => (close_code::UNSUPPORTED, "no such message"),
        };
        let frame = CloseFrame { code, reason: Utf8Bytes::from_static(reason) };
        tokio::time::timeout(Duration::from_secs(1), self.sink.send(Message::Close(Some(frame)))).await.ok();
    }
}
