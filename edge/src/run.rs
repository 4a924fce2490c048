//! A whole collector in one value: opened, started, stopped.

use std::{sync::Arc, time::Duration};

use tokio::task::JoinHandle;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    clock,
    collector::{self, HealthBoard, Shared},
    config::Config,
    identity::{Member, keep_renewed},
    queue::{Batcher, LockError, OpenError, Queue, QueueLock, StatusFile, intake},
    tls::ClientError,
    uplink::{Client, Uplink},
};

/// How long the last batches may take to reach the server at shutdown.
const DRAIN: Duration = Duration::from_secs(2);
/// How often the status file is written.
const STATUS_EVERY: Duration = Duration::from_secs(2);

/// The collector cannot start; nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The queue is taken.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The queue cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// No HTTP client.
    #[error(transparent)]
    Client(#[from] ClientError),
}

/// A running collector.
pub struct Collector {
    health: Arc<HealthBoard>,
    queue: Queue,
    stop_sources: CancellationToken,
    stop_uplink: CancellationToken,
    batcher: JoinHandle<()>,
    tasks: TaskTracker,
    queue_task: JoinHandle<()>,
    /// Let go of last.
    lock: QueueLock,
}

impl Collector {
    /// Opens the queue and starts everything. Needs a tokio runtime.
    pub fn start(config: &Config) -> Result<Self, StartError> {
        Self::start_with(config, |uplink| uplink)
    }

    /// As [`Collector::start`], with a last change to the uplink.
    pub fn start_with(config: &Config, change: impl FnOnce(Uplink) -> Uplink) -> Result<Self, StartError> {
        let lock = QueueLock::take(&config.queue.directory)?;
        let member = Arc::new(Member::new(&config.server)?);
        let client = Client::new(Arc::clone(&member));
        let found = Queue::open(&config.queue)?;
        let queue = found.queue;
        let health = Arc::new(HealthBoard::new(config.sources.iter().map(|source| source.name.clone())));
        let (stop_sources, stop_uplink) = (CancellationToken::new(), CancellationToken::new());
        let tasks = TaskTracker::new();
        let (way_in, pieces) = intake(config.sources.len());
        let shared = Shared {
            intake: way_in.clone(),
            signals: Arc::clone(queue.signals()),
            health: Arc::clone(&health),
            before: found.covered_to,
            positions: Arc::new(found.positions),
        };
        for (number, source) in config.sources.iter().enumerate() {
            let position = shared.positions.get(&source.name).cloned();
            collector::start(source, number, position, &shared, &tasks, &stop_sources)?;
        }
        let batcher = Batcher::new(queue.clone(), &way_in, found.covered_to);
        // The batcher ends when the last source lets go of its way in.
        drop((way_in, shared));
        let batcher = tokio::spawn(async move {
            if let Err(error) = batcher.run(pieces).await {
                tracing::error!(%error, "the last batch could not be stored");
            }
        });
        let uplink = change(Uplink::new(client, queue.clone(), Arc::clone(&health)));
        tasks.spawn(uplink.run(stop_uplink.clone()));
        tasks.spawn(keep_renewed(member, stop_uplink.clone()));
        let status = write_status(config.queue.directory.clone(), queue.clone(), Arc::clone(&health));
        let stop = stop_uplink.clone();
        tasks.spawn(async move { stop.run_until_cancelled(status).await });
        tasks.close();
        let state = queue.status().borrow().clone();
        tracing::info!(
            epoch = state.epoch,
            next_seq = state.next_seq,
            waiting = state.batches,
            sources = config.sources.len(),
            "gemba-edge {} started",
            env!("CARGO_PKG_VERSION")
        );
        Ok(Self { health, queue, stop_sources, stop_uplink, batcher, tasks, queue_task: found.task, lock })
    }

    /// How the sources and the way to the server are.
    pub fn health(&self) -> &Arc<HealthBoard> {
        &self.health
    }

    /// The queue.
    pub fn queue(&self) -> &Queue {
        &self.queue
    }

    /// Stops reading, closes the last batch durably, and tries for two seconds to hand over what is left.
    pub async fn stop(self) {
        self.stop_sources.cancel();
        if let Err(error) = self.batcher.await {
            tracing::error!(%error, "the batcher broke down");
        }
        let mut status = self.queue.status();
        let connected = self.health.server_health().is_some_and(|server| server.ok);
        if connected {
            let empty = status.wait_for(crate::queue::QueueStatus::is_empty);
            let drained = tokio::time::timeout(DRAIN, empty).await.is_ok();
            tracing::info!(drained, "stopped reading; the last batch is stored");
        }
        self.stop_uplink.cancel();
        self.tasks.wait().await;
        let left = status.borrow().batches;
        drop(self.queue);
        if let Err(error) = self.queue_task.await {
            tracing::error!(%error, "the queue broke down");
        }
        drop(self.lock);
        tracing::info!(waiting = left, "stopped");
    }
}

async fn write_status(directory: std::path::PathBuf, queue: Queue, health: Arc<HealthBoard>) {
    let mut ticks = tokio::time::interval(STATUS_EVERY);
    loop {
        ticks.tick().await;
        let file = StatusFile {
            at: clock::now(),
            process: std::process::id(),
            queue: queue.status().borrow().clone(),
            sources: health.sources(),
            server: health.server_health(),
        };
        let directory = directory.clone();
        let written = tokio::task::spawn_blocking(move || file.write(&directory)).await;
        if let Ok(Err(error)) = written {
            tracing::debug!(%error, "the status file could not be written");
        }
    }
}
