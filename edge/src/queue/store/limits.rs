//! What the queue gives up when it has to, and the record of it.

use gemba_contract::edge::Loss;
use gemba_domain::Timestamp;
use redb::ReadableTable;

use super::{
    BATCHES, BYTES, Bytes, Index, LOST_BATCHES, LOST_SAMPLES, Limits, Meta, NEXT_LOSS, Result, SAMPLES, read,
    unreadable,
};

/// Losses are kept apart up to here; then the newest grows.
const MAX_LOSSES: u64 = 100;

/// Gives the oldest batches up as long as a limit is exceeded, and records what was lost.
pub(super) fn apply_limits(
    meta: &mut Meta<'_>,
    frames: &mut Bytes<'_>,
    index: &mut Index<'_>,
    losses: &mut Bytes<'_>,
    limits: Limits,
    now: Timestamp,
) -> Result<()> {
    let age = i64::try_from(limits.max_age.as_micros()).unwrap_or(i64::MAX);
    let oldest_kept = now.plus_micros(-age).micros();
    let mut bytes = read(meta, BYTES)?;
    let mut lost: Option<Loss> = None;
    loop {
        let oldest = index.first()?.map(|(key, entry)| (key.value(), entry.value()));
        let Some((key, entry)) = oldest else { break };
        let (samples, size, first, last, stored) = entry;
        let reason = if bytes > limits.max_bytes {
            "the queue reached its limit of bytes (queue.max_bytes)"
        } else if stored < oldest_kept {
            "the batches reached the limit of age (queue.max_age)"
        } else {
            break;
        };
        index.remove(key)?;
        frames.remove(key)?;
        bytes = bytes.saturating_sub(u64::from(size));
        let one = Loss {
            batches: 1,
            samples: u64::from(samples),
            from: Timestamp::from_micros(first),
            to: Timestamp::from_micros(last),
            reason: reason.to_owned(),
        };
        match &mut lost {
            Some(lost) => merge(lost, &one),
            None => lost = Some(one),
        }
    }
    let Some(lost) = lost else { return Ok(()) };
    tracing::error!(
        batches = lost.batches, samples = lost.samples, from = %lost.from, to = %lost.to,
        "the oldest batches were given up: {}", lost.reason
    );
    let batches = read(meta, BATCHES)?.saturating_sub(lost.batches);
    let samples = read(meta, SAMPLES)?.saturating_sub(lost.samples);
    meta.insert(BATCHES, batches)?;
    meta.insert(SAMPLES, samples)?;
    meta.insert(BYTES, bytes)?;
    record_loss(meta, losses, lost)
}

fn merge(into: &mut Loss, other: &Loss) {
    into.batches += other.batches;
    into.samples += other.samples;
    into.from = into.from.min(other.from);
    into.to = into.to.max(other.to);
}

/// A loss with the reason of the newest record joins it, so that a full queue does not fill up with records.
pub(super) fn record_loss(meta: &mut Meta<'_>, losses: &mut Bytes<'_>, loss: Loss) -> Result<()> {
    let next = read(meta, NEXT_LOSS)?;
    let totals = [(LOST_BATCHES, loss.batches), (LOST_SAMPLES, loss.samples)];
    let newest = losses.last()?.map(|(key, json)| (key.value(), serde_json::from_slice::<Loss>(json.value())));
    let count = redb::ReadableTableMetadata::len(losses)?;
    let (key, record) = match newest {
        Some((key, Ok(mut newest))) if newest.reason == loss.reason || count >= MAX_LOSSES => {
            merge(&mut newest, &loss);
            (key, newest)
        }
        _ => {
            meta.insert(NEXT_LOSS, next + 1)?;
            (next, loss)
        }
    };
    losses.insert(key, serde_json::to_vec(&record).map_err(unreadable)?.as_slice())?;
    for (name, more) in totals {
        let before = read(meta, name)?;
        meta.insert(name, before + more)?;
    }
    Ok(())
}
