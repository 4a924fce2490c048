//! The queue's file. Everything here is synchronous and happens in one place at a time (see `worker`).

mod frames;
mod limits;
mod open;

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use gemba_contract::{
    batch::{EncodedBatch, encode_frame},
    edge::OfferedSignal,
};
use gemba_domain::Timestamp;
use redb::{Database, Durability, ReadableDatabase, ReadableTable, TableDefinition};
use serde::{Deserialize, Serialize};

use super::{QueueStatus, SignalTable};
use limits::{apply_limits, record_loss};
pub use open::{OpenError, Opened, Opener};

/// Numbers of the queue: see the constants below.
const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");
/// Local signal -> `OfferedSignal` as JSON.
const SIGNALS: TableDefinition<'_, u32, &[u8]> = TableDefinition::new("signals");
/// Source name -> [`Position`] as JSON.
const POSITIONS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("positions");
/// Key -> frame as it was numbered when stored. The batch's number is key - base.
const FRAMES: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("frames");
/// Key -> samples, bytes, first time, last time, stored at (times in microseconds).
const INDEX: TableDefinition<'_, u64, (u32, u32, i64, i64, i64)> = TableDefinition::new("index");
/// Order -> `Loss` as JSON, until the server was told.
const LOSSES: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("losses");

const EPOCH: &str = "epoch";
const BASE: &str = "base";
/// Key of the next batch.
const NEXT: &str = "next";
const BATCHES: &str = "batches";
const BYTES: &str = "bytes";
const SAMPLES: &str = "samples";
const LOST_BATCHES: &str = "lost_batches";
const LOST_SAMPLES: &str = "lost_samples";
const NEXT_LOSS: &str = "next_loss";
/// Microseconds, bit for bit; absent before the first batch.
const COVERED_TO: &str = "covered_to";

/// Something the queue's file cannot do.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file, or the disk under it.
    #[error("the queue file: {0}")]
    File(Box<redb::Error>),
    /// What was read cannot be.
    #[error("the queue file holds something unreadable: {0}")]
    Unreadable(String),
    /// Writing next to the file.
    #[error("beside the queue file: {0}")]
    Beside(#[from] std::io::Error),
}

impl<E: Into<redb::Error>> From<E> for StoreError
where
    E: StoreCause,
{
    fn from(error: E) -> Self {
        Self::File(Box::new(error.into()))
    }
}

/// The database's own errors.
pub trait StoreCause {}
impl StoreCause for redb::StorageError {}
impl StoreCause for redb::TableError {}
impl StoreCause for redb::TransactionError {}
impl StoreCause for redb::CommitError {}
impl StoreCause for redb::DatabaseError {}
impl StoreCause for redb::SetDurabilityError {}

type Result<T, E = StoreError> = std::result::Result<T, E>;

/// How far a source, or one file of it, was read when a batch was closed. The default says nothing: it is not kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// What the sequence is of, such as the agent's instance: in another one it means nothing.
    pub instance: u64,
    /// The next sequence to be read.
    pub next: u64,
    /// The source is lost since then, and that was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lost_at: Option<Timestamp>,
}

/// A closed batch on its way to the disk.
#[derive(Clone, Debug)]
pub struct Pending {
    /// The samples.
    pub batch: EncodedBatch,
    /// The collector was watching from here …
    pub covered_from: Timestamp,
    /// … to here.
    pub covered_to: Timestamp,
    /// How far the sources were read, by name, where that changed.
    pub positions: BTreeMap<String, Position>,
}

/// A batch that may be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredFrame {
    /// The epoch it belongs to.
    pub epoch: u64,
    /// Its number.
    pub seq: u64,
    /// As sent. Its checksum is right.
    pub bytes: Vec<u8>,
}

/// What makes the queue give batches up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of frames.
    pub max_bytes: u64,
    /// Age of the oldest.
    pub max_age: Duration,
}

/// The opened file.
pub struct Store {
    database: Database,
    directory: PathBuf,
    status: QueueStatus,
    base: u64,
    covered_to: Option<Timestamp>,
    reads: frames::Reads,
}

impl Store {
    /// How the queue is.
    pub fn status(&self) -> &QueueStatus {
        &self.status
    }

    /// Until where the newest batch covers.
    pub fn covered_to(&self) -> Option<Timestamp> {
        self.covered_to
    }

    fn read_status(&mut self) -> Result<()> {
        let transaction = self.database.begin_read()?;
        let meta = transaction.open_table(META)?;
        let get = |name| meta.get(name).map(|value| value.map(|value| value.value()));
        let number = |name| get(name).map(Option::unwrap_or_default);
        self.base = number(BASE)?;
        self.covered_to = get(COVERED_TO)?.map(|micros| Timestamp::from_micros(micros.cast_signed()));
        let next = number(NEXT)?;
        let index = transaction.open_table(INDEX)?;
        let first = index.first()?.map(|(key, entry)| (key.value(), entry.value().4));
        self.status.epoch = number(EPOCH)?;
        self.status.next_seq = next.saturating_sub(self.base);
        self.status.first_seq = first.map_or(next, |(key, _)| key).saturating_sub(self.base);
        self.status.oldest = first.map(|(_, stored)| Timestamp::from_micros(stored));
        self.status.batches = number(BATCHES)?;
        self.status.bytes = number(BYTES)?;
        self.status.samples = number(SAMPLES)?;
        self.status.lost_batches = number(LOST_BATCHES)?;
        self.status.lost_samples = number(LOST_SAMPLES)?;
        let losses = transaction.open_table(LOSSES)?;
        self.status.losses = losses
            .iter()?
            .map(|entry| serde_json::from_slice(entry?.1.value()).map_err(unreadable))
            .collect::<Result<_>>()?;
        Ok(())
    }

    /// The signals that are stored, by number.
    pub fn signals(&self) -> Result<Vec<OfferedSignal>> {
        let transaction = self.database.begin_read()?;
        let table = transaction.open_table(SIGNALS)?;
        table.iter()?.map(|entry| serde_json::from_slice(entry?.1.value()).map_err(unreadable)).collect()
    }

    /// How far each source was read.
    pub fn positions(&self) -> Result<BTreeMap<String, Position>> {
        let transaction = self.database.begin_read()?;
        let table = transaction.open_table(POSITIONS)?;
        let mut out = BTreeMap::new();
        for entry in table.iter()? {
            let (name, position) = entry?;
            out.insert(name.value().to_owned(), serde_json::from_slice(position.value()).map_err(unreadable)?);
        }
        Ok(out)
    }

    /// Key of the next batch; its number is this less a base that only a new epoch changes.
    pub fn next_key(&self) -> u64 {
        self.base.saturating_add(self.status.next_seq)
    }

    /// Numbers the batches and stores them with everything that belongs to them: durable when this returns.
    /// The limits are applied in the same transaction. `first_key`: where they belong after a commit that failed,
    /// so that they keep their numbers whether it reached the disk or not.
    pub fn append(
        &mut self,
        batches: &[Pending],
        first_key: Option<u64>,
        signals: &SignalTable,
        limits: Limits,
        now: Timestamp,
    ) -> Result<()> {
        let (generation, offered) = signals.snapshot();
        let transaction = self.database.begin_write()?;
        {
            let mut meta = transaction.open_table(META)?;
            let mut frames = transaction.open_table(FRAMES)?;
            let mut index = transaction.open_table(INDEX)?;
            let mut positions = transaction.open_table(POSITIONS)?;
            let mut key = first_key.map_or_else(|| read(&meta, NEXT), Ok)?;
            let mut added = (0, 0, 0);
            let mut replaced = (0, 0, 0);
            for pending in batches {
                let seq = key.saturating_sub(self.base);
                let (from, to) = (pending.covered_from, pending.covered_to);
                let frame = encode_frame(self.status.epoch, seq, from, to, &pending.batch);
                let bytes = u32::try_from(frame.len()).unwrap_or(u32::MAX);
                let times = match pending.batch.samples {
                    0 => (from.micros(), to.micros()),
                    _ => (pending.batch.first_time, pending.batch.last_time),
                };
                let entry = (pending.batch.samples, bytes, times.0, times.1, now.micros());
                if let Some((samples, bytes, ..)) = index.insert(key, entry)?.map(|old| old.value()) {
                    replaced = (replaced.0 + 1, replaced.1 + u64::from(bytes), replaced.2 + u64::from(samples));
                }
                frames.insert(key, frame.as_slice())?;
                for (source, position) in &pending.positions {
                    if *position == Position::default() {
                        positions.remove(source.as_str())?;
                        continue;
                    }
                    let json = serde_json::to_vec(position).map_err(unreadable)?;
                    positions.insert(source.as_str(), json.as_slice())?;
                }
                meta.insert(COVERED_TO, to.micros().cast_unsigned())?;
                added = (added.0 + 1, added.1 + u64::from(bytes), added.2 + u64::from(pending.batch.samples));
                key += 1;
            }
            meta.insert(NEXT, key)?;
            let changes =
                [(BATCHES, added.0, replaced.0), (BYTES, added.1, replaced.1), (SAMPLES, added.2, replaced.2)];
            for (name, more, less) in changes {
                let before = read(&meta, name)?;
                meta.insert(name, (before + more).saturating_sub(less))?;
            }
            if generation != self.status.signals_generation {
                let mut table = transaction.open_table(SIGNALS)?;
                for (number, signal) in (0_u32..).zip(&offered) {
                    table.insert(number, serde_json::to_vec(signal).map_err(unreadable)?.as_slice())?;
                }
            }
            let mut losses = transaction.open_table(LOSSES)?;
            apply_limits(&mut meta, &mut frames, &mut index, &mut losses, limits, now)?;
        }
        transaction.commit()?;
        self.status.signals_generation = generation;
        self.status.signals = offered.len() as u64;
        self.read_status()
    }

    /// The server has everything of this epoch up to this number. Not durable by itself: after a crash the server
    /// says so again. Of another epoch than the one in force it says nothing.
    pub fn acknowledge(&mut self, epoch: u64, seq: u64) -> Result<()> {
        if epoch != self.status.epoch {
            return Ok(());
        }
        let last = self.base.saturating_add(seq.min(self.status.next_seq.saturating_sub(1)));
        let mut transaction = self.database.begin_write()?;
        transaction.set_durability(Durability::None)?;
        {
            let mut meta = transaction.open_table(META)?;
            let mut frames = transaction.open_table(FRAMES)?;
            let mut index = transaction.open_table(INDEX)?;
            let mut gone = (0, 0, 0);
            for entry in index.extract_from_if(..=last, |_, _| true)? {
                let (samples, bytes, ..) = entry?.1.value();
                gone = (gone.0 + 1, gone.1 + u64::from(bytes), gone.2 + u64::from(samples));
            }
            frames.retain_in(..=last, |_, _| false)?;
            for (name, less) in [(BATCHES, gone.0), (BYTES, gone.1), (SAMPLES, gone.2)] {
                let before = read(&meta, name)?;
                meta.insert(name, before.saturating_sub(less))?;
            }
        }
        transaction.commit()?;
        self.read_status()
    }

    /// Begins a new and later epoch: what is held is numbered from 1, nothing is dropped.
    pub fn begin_epoch(&mut self, at_least: u64) -> Result<()> {
        let first = self.base.saturating_add(self.status.first_seq);
        let epoch = at_least.max(self.status.epoch.saturating_add(1));
        let transaction = self.database.begin_write()?;
        {
            let mut meta = transaction.open_table(META)?;
            meta.insert(EPOCH, epoch)?;
            meta.insert(BASE, first.saturating_sub(1))?;
        }
        transaction.commit()?;
        self.read_status()
    }

    /// The server was told of the oldest `count` losses.
    pub fn losses_told(&mut self, count: usize) -> Result<()> {
        let transaction = self.database.begin_write()?;
        {
            let mut losses = transaction.open_table(LOSSES)?;
            let mut left = count;
            losses.retain(|_, _| {
                let keep = left == 0;
                left = left.saturating_sub(1);
                keep
            })?;
        }
        transaction.commit()?;
        self.read_status()
    }
}

fn read(meta: &impl ReadableTable<&'static str, u64>, name: &'static str) -> Result<u64> {
    Ok(meta.get(name)?.map_or(0, |value| value.value()))
}

fn unreadable(error: serde_json::Error) -> StoreError {
    StoreError::Unreadable(error.to_string())
}

type Meta<'t> = redb::Table<'t, &'static str, u64>;
type Bytes<'t> = redb::Table<'t, u64, &'static [u8]>;
type Index<'t> = redb::Table<'t, u64, (u32, u32, i64, i64, i64)>;

#[cfg(test)]
mod tests;
