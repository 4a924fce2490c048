//! A browser's WebSocket.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use futures::{SinkExt, StreamExt};
use gemba_contract::live::{ClientMessage, ServerMessage};
use tokio::{net::TcpStream, task::JoinHandle};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Message, client::IntoClientRequest},
};

use super::Session;

/// Opens the live connection of a signed-in page.
///
/// # Errors
/// The server refuses.
pub async fn connect(session: &Session) -> Result<WebSocketStream<MaybeTlsStream<TcpStream>>> {
    let address = session.url.replacen("http", "ws", 1);
    let mut request = format!("{address}/api/v1/live").into_client_request()?;
    request.headers_mut().insert("cookie", session.cookie.parse()?);
    request.headers_mut().insert("origin", session.url.parse()?);
    let (socket, _) = connect_async(request).await.context("the live connection was refused")?;
    Ok(socket)
}

/// The message that asks for a topic.
///
/// # Errors
/// It cannot be written.
pub fn subscribe(topic: &str) -> Result<Message> {
    Ok(Message::text(serde_json::to_string(&ClientMessage::Subscribe { topic: topic.to_owned() })?))
}

/// A page that stays open, whatever happens to the server: it connects again by itself.
#[derive(Debug)]
pub struct Browser {
    seen: Arc<Mutex<Seen>>,
    task: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct Seen {
    snapshot_at: Option<Instant>,
    closed_at: Option<Instant>,
    /// Newest signal time seen, microseconds, and when.
    newest: Option<(i64, Instant)>,
}

impl Browser {
    /// Opens a page that looks at one topic.
    pub fn open(session: Session, topic: String) -> Self {
        let seen = Arc::new(Mutex::new(Seen::default()));
        let task = tokio::spawn(look(session, topic, seen.clone()));
        Self { seen, task }
    }

    fn with<T>(&self, read: impl FnOnce(&Seen) -> T) -> T {
        read(&self.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether it has a whole picture now.
    pub fn is_connected(&self) -> bool {
        self.with(|seen| seen.snapshot_at.is_some_and(|at| seen.closed_at.is_none_or(|closed| closed < at)))
    }

    /// How long after `since` it had a whole picture again; zero when it never lost its connection, `None` when it has
    /// not (yet).
    pub fn back_after(&self, since: Instant) -> Option<Duration> {
        self.with(|seen| match (seen.closed_at.filter(|at| *at >= since), seen.snapshot_at) {
            (None, _) => Some(Duration::ZERO),
            (Some(closed), Some(snapshot)) if snapshot > closed => Some(snapshot.duration_since(since)),
            _ => None,
        })
    }

    /// When it first could have shown a value this new, if it has.
    pub fn newest(&self) -> Option<(i64, Instant)> {
        self.with(|seen| seen.newest)
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// As the pages do it: at once, then after pauses that grow to a second.
async fn look(session: Session, topic: String, seen: Arc<Mutex<Seen>>) {
    let mut pause = Duration::from_millis(100);
    loop {
        if let Ok(mut socket) = connect(&session).await
            && let Ok(message) = subscribe(&topic)
            && socket.send(message).await.is_ok()
        {
            while let Some(Ok(message)) = socket.next().await {
                let Message::Text(text) = message else { continue };
                let Ok(message) = serde_json::from_str::<ServerMessage>(&text) else { break };
                pause = Duration::from_millis(100);
                let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
                match message {
                    ServerMessage::Snapshot { .. } => seen.snapshot_at = Some(Instant::now()),
                    ServerMessage::Delta { signals, .. } => {
                        if let Some(newest) = signals.iter().map(|delta| delta.1.micros()).max()
                            && seen.newest.is_none_or(|(known, _)| known < newest)
                        {
                            seen.newest = Some((newest, Instant::now()));
                        }
                    }
                    ServerMessage::Reset { .. } => break,
                    ServerMessage::Heartbeat { .. } | ServerMessage::Refused { .. } => {}
                }
            }
            seen.lock().unwrap_or_else(PoisonError::into_inner).closed_at = Some(Instant::now());
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_secs(1));
    }
}
