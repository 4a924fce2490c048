//! The journal: acknowledged batches as they came, until they are packed by signal.

use std::collections::HashMap;

use gemba_codec::{Limits, Run, decode_batch};
use gemba_domain::{Timestamp, signal::SignalId};
use rustc_hash::FxHashMap;
use sqlx::PgConnection;

use super::queries::{self, LocalSignal, StoredBatch};

/// One acknowledged batch.
#[derive(Clone, Debug)]
pub struct JournalRow {
    pub collector_id: i32,
    pub epoch: i64,
    pub seq: i64,
    /// Server's clock.
    pub received_at: Timestamp,
    /// What the batch covers, by the collector's clock.
    pub covered_from: Timestamp,
    pub covered_to: Timestamp,
    /// Earliest and latest sample.
    pub first_time: Timestamp,
    pub last_time: Timestamp,
    /// Number of samples in the body.
    pub samples: i32,
    /// Length of the body before compression, in bytes.
    pub raw_len: i32,
    /// The columns (see `gemba-codec`). Each local signal in it is matched in `collector_signal`.
    pub body: Vec<u8>,
}

/// Stores batches, in this order, within the caller's transaction. Gives the ordinal of each: of two samples with
/// the same (signal, time), the one with the higher ordinal stands.
///
/// The transaction holds a shared lock from here to its end, so that the historian knows up to which ordinal
/// everything is committed: end it soon.
///
/// # Errors
/// Those of Postgres; the batch (collector, epoch, seq) is there already among them.
pub async fn insert(db: &mut PgConnection, rows: &[JournalRow]) -> sqlx::Result<Vec<i64>> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let mut ordinals = queries::insert_journal(db, rows).await?;
    ordinals.sort_unstable();
    Ok(ordinals)
}

/// What became of a stored batch.
#[derive(Debug, Default)]
pub(super) struct Unpacked {
    /// By the plant's signals.
    pub runs: Vec<(SignalId, Run)>,
    /// Why the body, or some of it, is of no use.
    pub damage: Option<Unreadable>,
}

/// A body, or a part of it, that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unreadable {
    pub reason: String,
    /// Nothing of it could be used.
    pub whole: bool,
}

/// Which signal a collector's number means, by collector and epoch.
#[derive(Debug, Default)]
pub(super) struct Matching(HashMap<(i32, i64), FxHashMap<u32, SignalId>>);

/// Makes a lookup of rows of `collector_signal`.
pub(super) fn matching(rows: Vec<LocalSignal>) -> Matching {
    let mut matching = Matching::default();
    for row in rows {
        let of_epoch = matching.0.entry((row.collector_id, row.epoch)).or_default();
        of_epoch.insert(row.local.cast_unsigned(), SignalId(row.signal_id));
    }
    matching
}

/// Checks and unpacks a stored batch.
pub(super) fn unpack(batch: &StoredBatch, matching: &Matching) -> Unpacked {
    let whole = |reason: String| Unpacked { runs: Vec::new(), damage: Some(Unreadable { reason, whole: true }) };
    let found = crc32fast::hash(&batch.body);
    if found != batch.crc.cast_unsigned() {
        return whole(format!(
            "checksum {found:08x} found, {:08x} stored: the bytes have changed since they were written",
            batch.crc.cast_unsigned()
        ));
    }
    let raw_len = batch.raw_len.cast_unsigned();
    let runs = match decode_batch(&batch.body, raw_len, Limits { max_raw_len: raw_len, ..Limits::default() }) {
        Ok(runs) => runs,
        Err(error) => return whole(error.to_string()),
    };
    let mut unpacked = Unpacked { runs: Vec::with_capacity(runs.len()), damage: None };
    let of_epoch = matching.0.get(&(batch.collector_id, batch.epoch));
    for (local, run) in runs {
        match of_epoch.and_then(|signals| signals.get(&local)) {
            Some(signal) => unpacked.runs.push((*signal, run)),
            None => {
                let reason = format!("the collector's signal {local} is matched with none of the plant's");
                unpacked.damage = Some(Unreadable { reason, whole: false });
            }
        }
    }
    unpacked
}
