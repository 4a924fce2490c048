//! The one task that works with the queue's file. Everything else holds a [`Queue`] and asks.

use std::{collections::VecDeque, path::PathBuf, sync::Arc, time::Duration};

use gemba_domain::Timestamp;
use tokio::{
    sync::{mpsc, oneshot, watch},
    task::JoinHandle,
    time::Instant,
};

use super::{
    OpenError, Opened, Pending, QueueStatus, SignalTable, Store, StoreError, StoredFrame, store::Limits, store::Opener,
};
use crate::{clock, config::QueueConfig};

/// Batches that are committed together at most, and that wait in memory while the disk fails.
const GROUP: usize = 32;
/// A file up to this size is verified page by page at start: a fraction of a second.
const CHECK_AT_START: u64 = 256 << 20;
/// First and longest pause before the disk is tried again.
const RETRY: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(5));

/// The way to the queue. Cheap to clone.
#[derive(Clone)]
pub struct Queue {
    appends: mpsc::Sender<Append>,
    commands: mpsc::Sender<Command>,
    status: watch::Receiver<QueueStatus>,
    signals: Arc<SignalTable>,
}

enum Append {
    Batch(Box<Pending>),
    /// Answered when all before it is durable.
    Flush(oneshot::Sender<()>),
}

enum Command {
    Take { max_frames: usize, max_bytes: usize, reply: oneshot::Sender<Result<Vec<StoredFrame>, StoreError>> },
    Acknowledge { epoch: u64, seq: u64, reply: oneshot::Sender<Result<(), StoreError>> },
    BeginEpoch { at_least: u64, reply: oneshot::Sender<Result<(), StoreError>> },
    LossesTold { count: usize, reply: oneshot::Sender<Result<(), StoreError>> },
}

/// The queue's task is gone: the collector is shutting down.
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    /// It ended.
    #[error("the queue is closed")]
    Closed,
    /// It cannot do this now.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// How the queue was found at start.
pub struct Found {
    /// The way to it.
    pub queue: Queue,
    /// How far each source was read.
    pub positions: std::collections::BTreeMap<String, super::Position>,
    /// Until where the newest batch covers.
    pub covered_to: Option<Timestamp>,
    /// Ends, with the file closed, after the last [`Queue`] is dropped.
    pub task: JoinHandle<()>,
}

impl Queue {
    /// Opens the queue and starts its task. Needs a tokio runtime. The task ends when the last [`Queue`] is dropped.
    pub fn open(config: &QueueConfig) -> Result<Found, OpenError> {
        Self::open_with(config, None)
    }

    pub(crate) fn open_with(config: &QueueConfig, opener: Option<Opener>) -> Result<Found, OpenError> {
        // Damage is found now rather than in the middle of work, where that does not keep the machines waiting.
        let file = config.directory.join(super::QUEUE_FILE);
        let check = std::fs::metadata(file).is_ok_and(|file| file.len() <= CHECK_AT_START);
        let Opened { store, .. } = open_store(&config.directory, check, opener)?;
        let unreadable = |error: StoreError| OpenError::Disk {
            path: config.directory.join(super::QUEUE_FILE),
            reason: error.to_string(),
        };
        let positions = store.positions().map_err(unreadable)?;
        let signals = Arc::new(SignalTable::new(store.signals().map_err(unreadable)?));
        let covered_to = store.covered_to();
        let (appends, append_receiver) = mpsc::channel(GROUP);
        let (commands, command_receiver) = mpsc::channel(8);
        let next_key = Some(store.next_key());
        let (status_sender, status) = watch::channel(store.status().clone());
        let worker = Worker {
            store: Some(store),
            directory: config.directory.clone(),
            opener,
            limits: Limits { max_bytes: config.max_bytes, max_age: config.max_age },
            signals: Arc::clone(&signals),
            waiting: VecDeque::new(),
            retry: None,
            status: status_sender,
            trouble: None,
            check_next: false,
            next_key,
        };
        let task = tokio::spawn(worker.run(append_receiver, command_receiver));
        Ok(Found { queue: Self { appends, commands, status, signals }, positions, covered_to, task })
    }

    /// The signal table that belongs to it.
    pub fn signals(&self) -> &Arc<SignalTable> {
        &self.signals
    }

    /// How it is, and each change of that.
    pub fn status(&self) -> watch::Receiver<QueueStatus> {
        self.status.clone()
    }

    /// Hands a closed batch over. Waits while the disk cannot keep up.
    pub async fn append(&self, pending: Pending) -> Result<(), QueueError> {
        self.appends.send(Append::Batch(Box::new(pending))).await.map_err(|_| QueueError::Closed)
    }

    /// Waits until all that was appended is durable.
    pub async fn flush(&self) -> Result<(), QueueError> {
        let (reply, answer) = oneshot::channel();
        self.tell_when_durable(reply).await?;
        answer.await.map_err(|_| QueueError::Closed)
    }

    /// Answers when all that was appended is durable, without waiting for it.
    pub(super) async fn tell_when_durable(&self, reply: oneshot::Sender<()>) -> Result<(), QueueError> {
        self.appends.send(Append::Flush(reply)).await.map_err(|_| QueueError::Closed)
    }

    /// See [`Store::take`].
    pub async fn take(&self, max_frames: usize, max_bytes: usize) -> Result<Vec<StoredFrame>, QueueError> {
        self.ask(|reply| Command::Take { max_frames, max_bytes, reply }).await
    }

    /// See [`Store::acknowledge`].
    pub async fn acknowledge(&self, epoch: u64, seq: u64) -> Result<(), QueueError> {
        self.ask(|reply| Command::Acknowledge { epoch, seq, reply }).await
    }

    /// See [`Store::begin_epoch`].
    pub async fn begin_epoch(&self, at_least: u64) -> Result<(), QueueError> {
        self.ask(|reply| Command::BeginEpoch { at_least, reply }).await
    }

    /// See [`Store::losses_told`].
    pub async fn losses_told(&self, count: usize) -> Result<(), QueueError> {
        self.ask(|reply| Command::LossesTold { count, reply }).await
    }

    async fn ask<T>(
        &self,
        command: impl FnOnce(oneshot::Sender<Result<T, StoreError>>) -> Command,
    ) -> Result<T, QueueError> {
        let (reply, answer) = oneshot::channel();
        self.commands.send(command(reply)).await.map_err(|_| QueueError::Closed)?;
        Ok(answer.await.map_err(|_| QueueError::Closed)??)
    }
}

struct Worker {
    /// `None` after a failure, until it is opened anew.
    store: Option<Store>,
    directory: PathBuf,
    opener: Option<Opener>,
    limits: Limits,
    signals: Arc<SignalTable>,
    waiting: VecDeque<Append>,
    retry: Option<(Instant, Duration)>,
    status: watch::Sender<QueueStatus>,
    trouble: Option<String>,
    /// The file is verified page by page when it is opened next.
    check_next: bool,
    /// Key of the next batch as far as is known, so that what is written again keeps its number.
    next_key: Option<u64>,
}

impl Worker {
    async fn run(mut self, mut appends: mpsc::Receiver<Append>, mut commands: mpsc::Receiver<Command>) {
        let mut commands_open = true;
        loop {
            let retry_at = self.retry.map(|(at, _)| at);
            tokio::select! {
                command = commands.recv(), if commands_open => match command {
                    Some(command) => self.command(command).await,
                    None => commands_open = false,
                },
                append = appends.recv(), if self.waiting.len() < GROUP => match append {
                    Some(append) => {
                        self.waiting.push_back(append);
                        while self.waiting.len() < GROUP && let Ok(append) = appends.try_recv() {
                            self.waiting.push_back(append);
                        }
                    }
                    None if self.waiting.is_empty() => return,
                    // Nobody is left to wait for: one last attempt below, then what is in memory is lost with us.
                    None => {
                        self.retry = None;
                        self.store_waiting().await;
                        return;
                    }
                },
                () = tokio::time::sleep_until(retry_at.unwrap_or_else(Instant::now)), if retry_at.is_some() => {}
            }
            if !self.waiting.is_empty() && self.retry.is_none_or(|(at, _)| at <= Instant::now()) {
                self.store_waiting().await;
            }
        }
    }

    /// Runs something with the store away from the async threads. A failure or a panic closes the file; whether it
    /// can be trusted shows when it is opened again.
    async fn with_store<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&mut Store) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let store = match self.store.take() {
            Some(store) => Ok(store),
            None => {
                let (directory, opener, check) = (self.directory.clone(), self.opener, self.check_next);
                let opened = tokio::task::spawn_blocking(move || open_store(&directory, check, opener)).await;
                match opened {
                    Ok(Ok(Opened { store, set_aside })) => {
                        if set_aside.is_some() {
                            self.next_key = None;
                        }
                        Ok(store)
                    }
                    Ok(Err(error)) => Err(StoreError::Unreadable(error.to_string())),
                    Err(panic) => Err(StoreError::Unreadable(panic.to_string())),
                }
            }
        };
        let mut store = match store {
            Ok(store) => store,
            Err(error) => {
                self.failed(&error);
                return Err(error);
            }
        };
        self.check_next = false;
        let done = tokio::task::spawn_blocking(move || {
            let done = work(&mut store);
            (store, done)
        });
        match done.await {
            Ok((store, Ok(value))) => {
                self.store = Some(store);
                Ok(value)
            }
            // The store is dropped: closed, to be opened and read anew.
            Ok((_, Err(error))) => {
                self.check_next = matches!(&error, StoreError::File(e) if matches!(**e, redb::Error::Corrupted(_)));
                self.failed(&error);
                Err(error)
            }
            Err(panic) => {
                self.check_next = true;
                let error = StoreError::Unreadable(format!("the database gave up: {panic}"));
                self.failed(&error);
                Err(error)
            }
        }
    }

    fn failed(&mut self, error: &StoreError) {
        let text = error.to_string();
        if self.trouble.as_ref() != Some(&text) {
            tracing::error!(error = %text, "the queue cannot work with its file; it is opened anew and tried again, sources wait");
        }
        self.trouble = Some(text);
        self.publish();
    }

    fn publish(&self) {
        let trouble = self.trouble.clone();
        let fresh = self.store.as_ref().map(|store| store.status().clone());
        self.status.send_if_modified(|status| {
            let mut next = fresh.unwrap_or_else(|| status.clone());
            next.trouble = trouble;
            let changed = *status != next;
            *status = next;
            changed
        });
    }

    async fn store_waiting(&mut self) {
        let batches: Vec<Pending> = self
            .waiting
            .iter()
            .filter_map(|append| match append {
                Append::Batch(pending) => Some(Pending::clone(pending)),
                Append::Flush(_) => None,
            })
            .collect();
        let (signals, limits) = (Arc::clone(&self.signals), self.limits);
        let stored = if batches.is_empty() {
            Ok(())
        } else {
            let first = self.next_key;
            self.with_store(move |store| store.append(&batches, first, &signals, limits, clock::now())).await
        };
        match stored {
            Ok(()) => {
                for append in self.waiting.drain(..) {
                    if let Append::Flush(reply) = append {
                        let _ = reply.send(());
                    }
                }
                self.retry = None;
                self.next_key = self.store.as_ref().map(Store::next_key);
                if self.trouble.take().is_some() {
                    tracing::info!("the queue stores again");
                }
                self.publish();
            }
            Err(_) => {
                let pause = self.retry.map_or(RETRY.0, |(_, pause)| (pause * 2).min(RETRY.1));
                self.retry = Some((Instant::now() + pause, pause));
            }
        }
    }

    async fn command(&mut self, command: Command) {
        // A reply that nobody waits for any more is no loss: the next question finds the same truth.
        match command {
            Command::Take { max_frames, max_bytes, reply } => {
                let _ = reply.send(self.with_store(move |store| store.take(max_frames, max_bytes)).await);
            }
            Command::Acknowledge { epoch, seq, reply } => {
                let _ = reply.send(self.with_store(move |store| store.acknowledge(epoch, seq)).await);
            }
            Command::BeginEpoch { at_least, reply } => {
                let _ = reply.send(self.with_store(move |store| store.begin_epoch(at_least)).await);
            }
            Command::LossesTold { count, reply } => {
                let _ = reply.send(self.with_store(move |store| store.losses_told(count)).await);
            }
        }
        self.publish();
    }
}

fn open_store(directory: &std::path::Path, check: bool, opener: Option<Opener>) -> Result<Opened, OpenError> {
    match opener {
        Some(opener) => Store::open_with(directory, clock::now(), check, opener),
        None => Store::open(directory, clock::now(), check),
    }
}

#[cfg(test)]
mod tests;
