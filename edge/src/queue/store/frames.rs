//! Reading batches back to send them: only what passes its checksum leaves the disk.

use std::fs;

use gemba_contract::{
    batch::{EncodedBatch, encode_frame, frames},
    edge::Loss,
};
use gemba_domain::Timestamp;
use redb::{ReadableDatabase, ReadableTable};

use super::{BYTES, FRAMES, INDEX, LOSSES, META, Result, SAMPLES, Store, StoredFrame, read, record_loss};
use crate::queue::BROKEN_DIRECTORY;

/// Counts for people.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Reads {
    damaged: u64,
}

type Damaged = (u64, Vec<u8>, String);

enum Found {
    Sound(Vec<u8>),
    Damaged { bytes: Vec<u8>, why: String },
}

impl Store {
    /// The oldest batches, at most this many and about this many bytes (one, however large it is).
    /// A damaged copy is set aside, its loss recorded, and an empty batch takes its number.
    pub fn take(&mut self, max_frames: usize, max_bytes: usize) -> Result<Vec<StoredFrame>> {
        loop {
            let (frames, damaged) = self.read_oldest(max_frames, max_bytes)?;
            match damaged {
                Some((key, bytes, why)) => self.set_frame_aside(key, &bytes, &why)?,
                None => return Ok(frames),
            }
        }
    }

    /// Up to the first damaged one: its key, bytes and what is wrong with it.
    fn read_oldest(&self, max_frames: usize, max_bytes: usize) -> Result<(Vec<StoredFrame>, Option<Damaged>)> {
        let mut out: Vec<StoredFrame> = Vec::new();
        let mut bytes = 0;
        let transaction = self.database.begin_read()?;
        let table = transaction.open_table(FRAMES)?;
        for entry in table.iter()?.take(max_frames) {
            let (key, value) = entry?;
            let (key, value) = (key.value(), value.value());
            if !out.is_empty() && bytes + value.len() > max_bytes {
                break;
            }
            let seq = key.saturating_sub(self.base);
            match self.verify(value, seq) {
                Found::Sound(frame) => {
                    bytes += frame.len();
                    out.push(StoredFrame { epoch: self.status.epoch, seq, bytes: frame });
                }
                Found::Damaged { bytes, why } => return Ok((out, Some((key, bytes, why)))),
            }
        }
        Ok((out, None))
    }

    fn verify(&self, stored: &[u8], seq: u64) -> Found {
        let damaged = |why: String| Found::Damaged { bytes: stored.to_vec(), why };
        let mut found = frames(stored);
        let frame = match (found.next(), found.next()) {
            (Some(Ok(frame)), None) => frame,
            (Some(Err(error)), _) => return damaged(error.to_string()),
            _ => return damaged("it is empty or followed by something else".to_owned()),
        };
        let header = frame.header;
        if (header.epoch, header.seq) == (self.status.epoch, seq) {
            return Found::Sound(stored.to_vec());
        }
        // Numbered anew by a new epoch.
        let batch = EncodedBatch {
            samples: header.samples,
            raw_len: header.raw_len,
            body: frame.body.to_vec(),
            ..EncodedBatch::default()
        };
        Found::Sound(encode_frame(self.status.epoch, seq, header.covered_from, header.covered_to, &batch))
    }

    fn set_frame_aside(&mut self, key: u64, bytes: &[u8], why: &str) -> Result<()> {
        let directory = self.directory.join(BROKEN_DIRECTORY);
        let seq = key.saturating_sub(self.base);
        let path = directory.join(format!("{}-{seq}.frame", self.status.epoch));
        fs::create_dir_all(&directory)?;
        fs::write(&path, bytes)?;
        self.reads.damaged += 1;
        let transaction = self.database.begin_write()?;
        {
            let mut meta = transaction.open_table(META)?;
            let mut frames = transaction.open_table(FRAMES)?;
            let mut index = transaction.open_table(INDEX)?;
            let mut losses = transaction.open_table(LOSSES)?;
            let entry = index.get(key)?.map(|entry| entry.value());
            let (samples, size, first, last, stored) = entry.unwrap_or_default();
            // It covers nothing: the stretch it covered shows as unknown.
            let at = Timestamp::from_micros(stored);
            let empty = encode_frame(self.status.epoch, seq, at, at, &EncodedBatch::default());
            let new_size = u32::try_from(empty.len()).unwrap_or(u32::MAX);
            frames.insert(key, empty.as_slice())?;
            index.insert(key, (0, new_size, stored, stored, stored))?;
            let bytes = read(&meta, BYTES)?.saturating_sub(u64::from(size)) + u64::from(new_size);
            let total = read(&meta, SAMPLES)?.saturating_sub(u64::from(samples));
            meta.insert(BYTES, bytes)?;
            meta.insert(SAMPLES, total)?;
            let reason = format!("batch {seq} of epoch {} was damaged on the collector's disk", self.status.epoch);
            let (from, to) = (Timestamp::from_micros(first), Timestamp::from_micros(last));
            record_loss(&mut meta, &mut losses, Loss { batches: 1, samples: u64::from(samples), from, to, reason })?;
        }
        transaction.commit()?;
        tracing::error!(
            seq, reason = why, file = %path.display(), damaged = self.reads.damaged,
            "a batch was damaged on the disk: its bytes were set aside, the gap is recorded, an empty batch goes in its place"
        );
        self.read_status()
    }

    /// Changes one byte of a stored frame, for tests of what follows.
    #[cfg(test)]
    pub(super) fn damage(&mut self, seq: u64, at: usize) -> Result<()> {
        let key = self.base + seq;
        let transaction = self.database.begin_write()?;
        {
            let mut table = transaction.open_table(FRAMES)?;
            let mut bytes = table.get(key)?.map(|value| value.value().to_vec()).unwrap_or_default();
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 0x10;
            }
            table.insert(key, bytes.as_slice())?;
        }
        Ok(transaction.commit()?)
    }
}
