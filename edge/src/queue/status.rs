//! How the queue is, for the uplink, for people, and for `gemba-edge queue` beside a running collector.

use std::{fs, io, path::Path};

use gemba_contract::edge::{Loss, SourceHealth};
use gemba_domain::Timestamp;
use serde::{Deserialize, Serialize};

/// The queue at one moment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct QueueStatus {
    /// The epoch in force.
    pub epoch: u64,
    /// Number of the oldest batch held, or the next to be given when none is.
    pub first_seq: u64,
    /// The next number to be given.
    pub next_seq: u64,
    /// Batches held.
    pub batches: u64,
    /// Bytes of their frames.
    pub bytes: u64,
    /// Samples in them.
    pub samples: u64,
    /// When the oldest of them was stored.
    pub oldest: Option<Timestamp>,
    /// Signals that are stored with it.
    pub signals: u64,
    /// State of the signal table that is stored.
    pub signals_generation: u64,
    /// Batches given up in the queue's life.
    pub lost_batches: u64,
    /// Samples in them.
    pub lost_samples: u64,
    /// Losses that the server has not been told of.
    pub losses: Vec<Loss>,
    /// What keeps the queue from storing, if anything.
    pub trouble: Option<String>,
}

impl QueueStatus {
    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.batches == 0
    }
}

/// Written into the queue's directory every two seconds by the collector that owns it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StatusFile {
    /// When.
    pub at: Timestamp,
    /// By which process.
    pub process: u32,
    /// The queue.
    pub queue: QueueStatus,
    /// The sources.
    pub sources: Vec<SourceHealth>,
    /// The way to the server.
    pub server: Option<SourceHealth>,
}

impl StatusFile {
    const NAME: &str = "status.json";

    /// Replaces the file as a whole. It is a convenience: no fsync.
    pub fn write(&self, directory: &Path) -> io::Result<()> {
        let draft = directory.join("status.json.new");
        fs::write(&draft, serde_json::to_vec_pretty(self)?)?;
        fs::rename(draft, directory.join(Self::NAME))
    }

    /// The newest one.
    pub fn read(directory: &Path) -> io::Result<Self> {
        Ok(serde_json::from_slice(&fs::read(directory.join(Self::NAME))?)?)
    }
}
