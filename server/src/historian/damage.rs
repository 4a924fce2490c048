//! Bodies that cannot be read: set aside byte for byte, and known to readers.

use gemba_domain::{Interval, Timestamp, signal::SignalId};
use sqlx::{PgConnection, PgExecutor};

use super::{journal::Unreadable, queries::StoredPiece};

/// A stretch of which samples cannot be read.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Damage {
    pub signals: Vec<SignalId>,
    pub stretch: Interval,
}

/// All that was set aside.
pub(super) async fn load(db: impl PgExecutor<'_>) -> sqlx::Result<Vec<Damage>> {
    let rows = sqlx::query!(
        r#"select d.signal_id, d.first_time, d.last_time,
                array(select s.signal_id from collector_signal s
                      where s.collector_id = d.collector_id and s.epoch = d.epoch and s.signal_id is not null) as "signals!: Vec<i32>"
         from historian_damage d order by d.id"#
    )
    .fetch_all(db)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Damage {
            signals: row.signal_id.into_iter().chain(row.signals).map(SignalId).collect(),
            stretch: stretch(row.first_time, row.last_time),
        })
        .collect())
}

pub(super) fn stretch(first: i64, last: i64) -> Interval {
    Interval::new(Timestamp::from_micros(first), Timestamp::from_micros(last).plus_micros(1))
}

/// Sets a journal row aside. It stays in the journal; the caller deletes it with the others.
pub(super) async fn keep_batch(db: &mut PgConnection, ordinal: i64, why: &Unreadable) -> sqlx::Result<()> {
    tracing::error!(ordinal, reason = why.reason, "a journal row cannot be read; it is kept in historian_damage");
    sqlx::query!(
        "insert into historian_damage (origin, reason, whole, collector_id, epoch, seq, raw_len, first_time, last_time,
                                       samples, body)
         select 'journal', $2, $3, collector_id, epoch, seq, raw_len, first_time, last_time, samples, body
         from journal where ordinal = $1",
        ordinal,
        why.reason,
        why.whole,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Moves a chunk or part out of the way. False when it has changed since it was read.
pub(super) async fn move_piece(db: &mut PgConnection, piece: &StoredPiece, reason: &str) -> sqlx::Result<bool> {
    let moved = if piece.generation == 0 {
        sqlx::query!(
            "with gone as (delete from chunk where signal_id = $1 and first_time = $2 and body = $3 returning *)
             insert into historian_damage (origin, reason, signal_id, first_time, last_time, samples, body)
             select 'chunk', $4, signal_id, first_time, last_time, n, body from gone",
            piece.signal_id,
            piece.first_time,
            piece.body,
            reason,
        )
        .execute(db)
        .await?
    } else {
        sqlx::query!(
            "with gone as (delete from chunk_part where signal_id = $1 and gen = $2 and body = $3 returning *)
             insert into historian_damage (origin, reason, signal_id, first_time, last_time, samples, body)
             select 'part', $4, signal_id, first_time, last_time, n, body from gone",
            piece.signal_id,
            piece.generation,
            piece.body,
            reason,
        )
        .execute(db)
        .await?
    };
    tracing::error!(
        signal = piece.signal_id,
        from = piece.first_time,
        to = piece.last_time,
        reason,
        "stored samples cannot be read; they are kept in historian_damage"
    );
    Ok(moved.rows_affected() > 0)
}
