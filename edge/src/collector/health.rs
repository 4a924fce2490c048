//! How the sources and the way to the server are, in words and as yes or no.

use std::{
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
};

use gemba_contract::edge::SourceHealth;
use gemba_domain::Timestamp;
use tokio::sync::watch;

use crate::clock;

/// The states of a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SourceState {
    /// Not reached yet since the start.
    Connecting,
    /// Connected, and nothing has come yet: what is waited for.
    Waiting(String),
    /// Reading where the run before had stopped, or after an outage.
    CatchingUp,
    /// The source sends by itself.
    Streaming,
    /// The source is asked again and again.
    Polling,
    /// Data flows of some of it only: what is missing.
    Partial(String),
    /// Something is wrong, but the source does not count as lost yet.
    Troubled(String),
    /// Lost: its signals are unavailable.
    Lost(String),
    /// Lost until a person puts something right.
    Unusable(String),
}

impl SourceState {
    /// Data flows, of all that is read: what is shown in green.
    pub fn is_ok(&self) -> bool {
        matches!(self, Self::CatchingUp | Self::Streaming | Self::Polling)
    }
}

impl fmt::Display for SourceState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connecting => f.write_str("connecting"),
            Self::Waiting(what) => write!(f, "connected, nothing has come yet: {what}"),
            Self::Partial(what) => write!(f, "partly: {what}"),
            Self::Unusable(why) => write!(f, "cannot be used: {why}"),
            Self::CatchingUp => f.write_str("catching up"),
            Self::Streaming => f.write_str("streaming"),
            Self::Polling => f.write_str("polling"),
            Self::Troubled(why) => write!(f, "troubled: {why}"),
            Self::Lost(why) => write!(f, "lost: {why}"),
        }
    }
}

/// What all tasks write their condition on.
#[derive(Debug)]
pub struct HealthBoard {
    inner: Mutex<Inner>,
    changes: watch::Sender<u64>,
}

#[derive(Debug)]
struct Inner {
    sources: Vec<Entry>,
    server: Option<SourceHealth>,
}

#[derive(Debug)]
struct Entry {
    name: String,
    state: SourceState,
    since: Timestamp,
    /// Standing remarks: what is not mapped, what was lost.
    remarks: Vec<String>,
}

impl HealthBoard {
    /// For these sources.
    pub fn new(names: impl IntoIterator<Item = String>) -> Self {
        let since = clock::now();
        let entry = |name| Entry { name, state: SourceState::Connecting, since, remarks: Vec::new() };
        let sources = names.into_iter().map(entry).collect();
        Self { inner: Mutex::new(Inner { sources, server: None }), changes: watch::Sender::new(0) }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A source's new state. Whether it differs from the one before.
    pub fn source(&self, index: usize, state: SourceState) -> bool {
        let mut inner = self.lock();
        let Some(entry) = inner.sources.get_mut(index).filter(|entry| entry.state != state) else { return false };
        if entry.state.is_ok() != state.is_ok() {
            entry.since = clock::now();
        }
        entry.state = state;
        drop(inner);
        self.changes.send_modify(|n| *n += 1);
        true
    }

    /// A source's standing remarks.
    pub fn remarks(&self, index: usize, remarks: Vec<String>) {
        let mut inner = self.lock();
        if let Some(entry) = inner.sources.get_mut(index).filter(|entry| entry.remarks != remarks) {
            entry.remarks = remarks;
            drop(inner);
            self.changes.send_modify(|n| *n += 1);
        }
    }

    /// The way to the server. Whether it differs from before.
    pub fn server(&self, status: String, ok: bool) -> bool {
        let next = Some(SourceHealth { name: "server".to_owned(), status, ok, since: None });
        let mut inner = self.lock();
        let changed = inner.server != next;
        inner.server = next;
        changed
    }

    /// As told to the server.
    pub fn sources(&self) -> Vec<SourceHealth> {
        let tell = |entry: &Entry| {
            let mut status = entry.state.to_string();
            for remark in &entry.remarks {
                status.push_str("; ");
                status.push_str(remark);
            }
            SourceHealth { name: entry.name.clone(), status, ok: entry.state.is_ok(), since: Some(entry.since) }
        };
        self.lock().sources.iter().map(tell).collect()
    }

    /// The way to the server, once there was a first attempt.
    pub fn server_health(&self) -> Option<SourceHealth> {
        self.lock().server.clone()
    }

    /// A source's state.
    pub fn state(&self, index: usize) -> Option<SourceState> {
        self.lock().sources.get(index).map(|entry| entry.state.clone())
    }

    /// Changes with each change of a source.
    pub fn changes(&self) -> watch::Receiver<u64> {
        let mut receiver = self.changes.subscribe();
        receiver.mark_unchanged();
        receiver
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lost_source_says_why_and_since_when() {
        let board = HealthBoard::new(["press".to_owned()]);
        assert!(board.source(0, SourceState::Streaming));
        assert!(!board.source(0, SourceState::Streaming));
        board.remarks(0, vec!["2 data items are read by no rule".to_owned()]);
        assert_eq!(board.sources()[0].status, "streaming; 2 data items are read by no rule");
        assert!(board.source(0, SourceState::Lost("connection refused".to_owned())));
        let told = board.sources().remove(0);
        assert!(!told.ok && told.status.starts_with("lost: connection refused") && told.since.is_some(), "{told:?}");
    }
}
