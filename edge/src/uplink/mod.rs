//! The way to the server: hello, batches, and what to do about every answer (`docs/specs/edge-protocol.md`).
//!
//! One request at a time. What is sent was read back from the disk; what the server says is committed is deleted
//! there. Whatever happens in between, the worst that follows is that something is sent twice.

mod answer;
mod session;

use std::{sync::Arc, time::Duration};

use gemba_contract::edge::{Hello, PROTOCOL_VERSION, QueueReport, SourceHealth, Welcome};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

pub use answer::{Answer, Client};

use crate::{
    backoff::Backoff,
    clock,
    collector::HealthBoard,
    queue::{Queue, QueueStatus},
};

/// Frames in one request at most …
pub const MAX_FRAMES: usize = 64;
/// … and about this many bytes.
pub const MAX_REQUEST_BYTES: usize = 4 << 20;
/// Health is told again when it changed, but not more often than this, and at the latest after a minute.
const HEALTH_EVERY: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(60));
/// Pause after a refusal that a person has to mend.
const UNAUTHORIZED_PAUSE: Duration = Duration::from_secs(60);

/// Sends the queue's batches until it is told to stop.
pub struct Uplink {
    client: Client,
    queue: Queue,
    health: Arc<HealthBoard>,
    backoff: Backoff,
    /// Frames a request, halved when the server finds them too large.
    frames: usize,
    /// `None`: hello is due.
    hello: Option<Told>,
    /// Highest number that may have been sent by this queue: the server cannot know a higher one.
    sent: u64,
    /// The same request was called malformed this often.
    malformed: u32,
    unauthorized_pause: Duration,
}

/// What the last hello told.
struct Told {
    signals_generation: u64,
    health: Vec<SourceHealth>,
    /// Something waited in the queue.
    waiting: bool,
    at: Instant,
}

/// What to do next.
enum Next {
    /// Go on.
    Go,
    /// After the usual pause, or at least this long.
    Pause(Duration),
    /// It is not let in.
    Unauthorized,
}

impl Uplink {
    /// Ready to run.
    pub fn new(client: Client, queue: Queue, health: Arc<HealthBoard>) -> Self {
        // All numbers of an earlier run may have been sent by it.
        let sent = queue.status().borrow().next_seq.saturating_sub(1);
        let backoff = Backoff::new(Duration::from_millis(250), Duration::from_secs(30));
        Self {
            client,
            queue,
            health,
            backoff,
            frames: MAX_FRAMES,
            hello: None,
            sent,
            malformed: 0,
            unauthorized_pause: UNAUTHORIZED_PAUSE,
        }
    }

    /// For tests: how long to wait after a refusal that a person has to mend.
    #[must_use]
    pub fn unauthorized_pause(mut self, pause: Duration) -> Self {
        self.unauthorized_pause = pause;
        self
    }

    /// Runs until `stop`.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut status = self.queue.status();
        loop {
            let now = status.borrow_and_update().clone();
            let next = tokio::select! {
                () = stop.cancelled() => return,
                next = self.step(&now) => next,
            };
            let wait = match next {
                Some(Next::Go) => continue,
                Some(Next::Pause(at_least)) => self.backoff.pause(at_least),
                Some(Next::Unauthorized) => self.unauthorized_pause,
                None => {
                    // Nothing to send: until there is, or until the sources' health is to be told.
                    let told = self.hello.as_ref().map_or_else(Instant::now, |told| told.at);
                    let mut health = self.health.changes();
                    let health_due = async {
                        let _ = health.changed().await;
                        tokio::time::sleep_until(told + HEALTH_EVERY.0).await;
                    };
                    tokio::select! {
                        () = stop.cancelled() => return,
                        changed = status.changed() => if changed.is_err() { return },
                        () = health_due => {}
                        () = tokio::time::sleep_until(told + HEALTH_EVERY.1) => {}
                    }
                    continue;
                }
            };
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    /// One exchange with the server. `None`: there was nothing to do.
    async fn step(&mut self, status: &QueueStatus) -> Option<Next> {
        if self.hello_due(status) {
            return Some(self.say_hello(status).await);
        }
        if status.is_empty() {
            return None;
        }
        Some(self.send_batches().await)
    }

    fn hello_due(&self, status: &QueueStatus) -> bool {
        let Some(told) = &self.hello else { return true };
        let emptied = told.waiting && status.is_empty() && told.at.elapsed() >= HEALTH_EVERY.0;
        let health_changed = told.at.elapsed() >= HEALTH_EVERY.0 && told.health != self.health.sources();
        told.signals_generation != status.signals_generation
            || !status.losses.is_empty()
            || health_changed
            || emptied
            || told.at.elapsed() >= HEALTH_EVERY.1
    }

    async fn say_hello(&mut self, status: &QueueStatus) -> Next {
        // Only what is on the disk: a number that could be forgotten must not be told.
        let mut signals = self.queue.signals().offered();
        signals.truncate(usize::try_from(status.signals).unwrap_or(usize::MAX));
        let health = self.health.sources();
        let trouble = status.trouble.iter().map(|trouble| SourceHealth {
            name: "queue".to_owned(),
            status: format!("cannot store: {trouble}"),
            ok: false,
            since: None,
        });
        let hello = Hello {
            protocol: PROTOCOL_VERSION,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            epoch: status.epoch,
            at: clock::now(),
            signals,
            sources: health.iter().cloned().chain(trouble).collect(),
            queue: Some(QueueReport { samples: status.samples, bytes: status.bytes, oldest: status.oldest }),
            losses: status.losses.clone(),
        };
        match self.client.hello(&hello).await {
            Answer::Ok(welcome) => {
                let next = self.reconcile(&welcome, status).await;
                if matches!(next, Next::Go) && self.hello.is_none() {
                    self.connected(&welcome, status);
                }
                if matches!(next, Next::Go) {
                    let waiting = !status.is_empty();
                    let told =
                        Told { signals_generation: status.signals_generation, health, waiting, at: Instant::now() };
                    self.hello = Some(told);
                    if !hello.losses.is_empty() && self.queue.losses_told(hello.losses.len()).await.is_err() {
                        return Next::Pause(Duration::ZERO);
                    }
                }
                next
            }
            other => self.refused(other, status).await,
        }
    }

    fn connected(&mut self, welcome: &Welcome, status: &QueueStatus) {
        self.backoff.reset();
        let skew = clock::now().seconds_since(welcome.at);
        tracing::info!(
            epoch = status.epoch,
            acked = welcome.acked,
            waiting = status.batches,
            clock_ahead_seconds = skew,
            "connected to the server"
        );
        for unknown in &welcome.unknown {
            let address = self.queue.signals().address(unknown.signal).unwrap_or_default();
            tracing::warn!(signal = %address, reason = %unknown.reason, "the plant does not know this signal; the server sets its samples aside");
        }
        self.health.server("connected".to_owned(), true);
    }
}
