//! Ways to misbehave, for tests of what reads an agent.

use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use tokio::sync::watch;

/// Counts of answers still to be spoiled, and switches.
pub(super) struct Faults {
    broken: AtomicU32,
    dropped: AtomicU32,
    refused: AtomicU32,
    cuts: watch::Sender<u64>,
    stalled: watch::Sender<bool>,
}

impl Default for Faults {
    fn default() -> Self {
        Self {
            broken: AtomicU32::new(0),
            dropped: AtomicU32::new(0),
            refused: AtomicU32::new(0),
            cuts: watch::Sender::new(0),
            stalled: watch::Sender::new(false),
        }
    }
}

fn take(left: &AtomicU32) -> bool {
    left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1)).is_ok()
}

impl Faults {
    pub(super) fn break_next(&self, documents: u32) {
        self.broken.store(documents, Ordering::Relaxed);
    }

    pub(super) fn drop_next(&self, answers: u32) {
        self.dropped.store(answers, Ordering::Relaxed);
    }

    pub(super) fn refuse_next(&self, requests: u32) {
        self.refused.store(requests, Ordering::Relaxed);
    }

    pub(super) fn cut(&self) {
        self.cuts.send_modify(|n| *n += 1);
    }

    pub(super) fn stall(&self, stalled: bool) {
        self.stalled.send_replace(stalled);
    }

    /// Whether this request is answered with 503.
    pub(super) fn takes_refusal(&self) -> bool {
        take(&self.refused)
    }

    /// Whether the connection of this answer breaks off in the middle.
    pub(super) fn takes_drop(&self) -> bool {
        take(&self.dropped)
    }

    /// The document, or what is left of it: cut in the middle and followed by an open tag.
    pub(super) fn spoil(&self, document: String) -> String {
        if !take(&self.broken) {
            return document;
        }
        let mut broken = half(&document).to_owned();
        broken.push_str("<broken &");
        broken
    }

    /// Changes whenever open connections are to be cut.
    pub(super) fn cuts(&self) -> watch::Receiver<u64> {
        self.cuts.subscribe()
    }

    /// Returns once the agent is not stalled.
    pub(super) async fn while_stalled(&self) {
        // The sender lives as long as `self`.
        let _ = self.stalled.subscribe().wait_for(|stalled| !stalled).await;
    }
}

/// Between the last bytes and the end of a connection that is cut, so that they are sent.
pub(super) const BEFORE_CUT: Duration = Duration::from_millis(10);

/// The first half, up to a character boundary.
pub(super) fn half(text: &str) -> &str {
    let mut middle = text.len() / 2;
    while !text.is_char_boundary(middle) {
        middle -= 1;
    }
    text.get(..middle).unwrap_or_default()
}
