//! All SQL of the historian.

use gemba_domain::{Timestamp, signal::SignalKind};
use sqlx::{PgConnection, PgExecutor};

use super::journal::JournalRow;

mod pieces;

pub use pieces::*;

/// Advisory locks (`gmbh` and a number): shared by whoever writes the journal, until its commit;
const JOURNAL_LOCK: i64 = 0x676d_6268_0000_0001;
/// held by whoever changes chunks.
const PACKING_LOCK: i64 = 0x676d_6268_0000_0002;

pub async fn insert_journal(db: &mut PgConnection, rows: &[JournalRow]) -> sqlx::Result<Vec<i64>> {
    let collector_ids: Vec<i32> = rows.iter().map(|r| r.collector_id).collect();
    let epochs: Vec<i64> = rows.iter().map(|r| r.epoch).collect();
    let seqs: Vec<i64> = rows.iter().map(|r| r.seq).collect();
    let received: Vec<_> = rows.iter().map(|r| r.received_at.to_utc()).collect();
    let covered_from: Vec<_> = rows.iter().map(|r| r.covered_from.to_utc()).collect();
    let covered_to: Vec<_> = rows.iter().map(|r| r.covered_to.to_utc()).collect();
    let first: Vec<i64> = rows.iter().map(|r| r.first_time.micros()).collect();
    let last: Vec<i64> = rows.iter().map(|r| r.last_time.micros()).collect();
    let samples: Vec<i32> = rows.iter().map(|r| r.samples).collect();
    let raw_lens: Vec<i32> = rows.iter().map(|r| r.raw_len).collect();
    let crcs: Vec<i32> = rows.iter().map(|r| crc32fast::hash(&r.body).cast_signed()).collect();
    let bodies: Vec<&[u8]> = rows.iter().map(|r| r.body.as_slice()).collect();
    sqlx::query_scalar!(
        "with gate as materialized (select pg_advisory_xact_lock_shared($1))
         insert into journal (collector_id, epoch, seq, received_at, covered_from, covered_to, first_time, last_time,
                              samples, raw_len, crc, body)
         select r.collector_id, r.epoch, r.seq, r.received_at, r.covered_from, r.covered_to, r.first_time, r.last_time,
                r.samples, r.raw_len, r.crc, r.body
         from gate, unnest($2::int[], $3::bigint[], $4::bigint[], $5::timestamptz[], $6::timestamptz[],
                           $7::timestamptz[], $8::bigint[], $9::bigint[], $10::int[], $11::int[], $12::int[], $13::bytea[])
                    with ordinality as r(collector_id, epoch, seq, received_at, covered_from, covered_to, first_time,
                                         last_time, samples, raw_len, crc, body, place)
         order by r.place
         returning ordinal",
        JOURNAL_LOCK,
        &collector_ids,
        &epochs,
        &seqs,
        &received,
        &covered_from,
        &covered_to,
        &first,
        &last,
        &samples,
        &raw_lens,
        &crcs,
        &bodies as &[&[u8]],
    )
    .fetch_all(db)
    .await
}

/// Waits until nobody is between a journal row and its commit, then gives the highest ordinal: all up to it is
/// committed or will never be. `None` when it took too long; nothing waits any more then.
pub async fn horizon(db: &mut PgConnection) -> sqlx::Result<Option<i64>> {
    sqlx::query!("set local lock_timeout = '250ms'").execute(&mut *db).await?;
    match sqlx::query!("select pg_advisory_xact_lock($1)", JOURNAL_LOCK).execute(&mut *db).await {
        Ok(_) => {}
        Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some("55P03") => return Ok(None),
        Err(error) => return Err(error),
    }
    // A new statement sees all that was committed before the lock was given.
    let highest = sqlx::query_scalar!("select max(ordinal) from journal").fetch_one(db).await?;
    Ok(Some(highest.unwrap_or(0)))
}

/// Takes the right to change chunks, until the end of the transaction. False when another process has it.
pub async fn try_packing_lock(db: &mut PgConnection) -> sqlx::Result<bool> {
    let taken = sqlx::query_scalar!("select pg_try_advisory_xact_lock($1)", PACKING_LOCK).fetch_one(db).await?;
    Ok(taken.unwrap_or(false))
}

pub async fn compacted_through(db: impl PgExecutor<'_>) -> sqlx::Result<i64> {
    sqlx::query_scalar!("select compacted_through from historian_state").fetch_one(db).await
}

pub async fn set_compacted_through(db: impl PgExecutor<'_>, through: i64) -> sqlx::Result<()> {
    sqlx::query!("update historian_state set compacted_through = $1", through).execute(db).await?;
    Ok(())
}

/// A journal row as it is stored.
#[derive(Debug)]
pub struct StoredBatch {
    pub ordinal: i64,
    pub collector_id: i32,
    pub epoch: i64,
    pub raw_len: i32,
    pub crc: i32,
    pub body: Vec<u8>,
}

/// The last ordinal of the oldest unpacked batches that hold about `samples`, not past `horizon`.
pub async fn bite(db: impl PgExecutor<'_>, horizon: i64, samples: i64) -> sqlx::Result<Option<i64>> {
    sqlx::query_scalar!(
        r#"select max(ordinal) as "ordinal?" from (
             select ordinal, sum(greatest(samples, raw_len / 16)) over (order by ordinal rows unbounded preceding)
                             - greatest(samples, raw_len / 16) as before
             from journal where ordinal <= $1) as running
         where before < $2::bigint"#,
        horizon,
        samples,
    )
    .fetch_one(db)
    .await
}

pub async fn journal(db: impl PgExecutor<'_>, after: i64, through: i64) -> sqlx::Result<Vec<StoredBatch>> {
    sqlx::query_as!(
        StoredBatch,
        "select ordinal, collector_id, epoch, raw_len, crc, body from journal
         where ordinal > $1 and ordinal <= $2 order by ordinal",
        after,
        through,
    )
    .fetch_all(db)
    .await
}

pub async fn journal_samples(db: impl PgExecutor<'_>) -> sqlx::Result<i64> {
    sqlx::query_scalar!(r#"select coalesce(sum(samples), 0) as "samples!" from journal"#).fetch_one(db).await
}

pub async fn delete_journal(db: impl PgExecutor<'_>, through: i64) -> sqlx::Result<()> {
    sqlx::query!("delete from journal where ordinal <= $1", through).execute(db).await?;
    Ok(())
}

/// A matched row of `collector_signal`.
#[derive(Debug)]
pub struct LocalSignal {
    pub collector_id: i32,
    pub epoch: i64,
    pub local: i32,
    pub signal_id: i32,
}

/// The matched signals of all collectors that stand in the journal up to here.
pub async fn local_signals(db: impl PgExecutor<'_>, through: i64) -> sqlx::Result<Vec<LocalSignal>> {
    sqlx::query_as!(
        LocalSignal,
        r#"select collector_id, epoch, local, signal_id as "signal_id!" from collector_signal
         where signal_id is not null
           and (collector_id, epoch) in (select distinct collector_id, epoch from journal where ordinal <= $1)"#,
        through,
    )
    .fetch_all(db)
    .await
}

/// A row of `latest_value`.
#[derive(Clone, Debug, PartialEq)]
pub struct LatestRow {
    pub signal_id: i32,
    pub time: i64,
    pub number: Option<f64>,
    pub text: Option<String>,
    pub unavailable: bool,
}

pub async fn latest(db: impl PgExecutor<'_>) -> sqlx::Result<Vec<LatestRow>> {
    sqlx::query_as!(LatestRow, "select signal_id, time, number, text, unavailable from latest_value")
        .fetch_all(db)
        .await
}

/// Stores readings, except where a later one is stored.
pub async fn put_latest(db: impl PgExecutor<'_>, rows: &[LatestRow]) -> sqlx::Result<()> {
    let signals: Vec<i32> = rows.iter().map(|r| r.signal_id).collect();
    let times: Vec<i64> = rows.iter().map(|r| r.time).collect();
    let numbers: Vec<Option<f64>> = rows.iter().map(|r| r.number).collect();
    let texts: Vec<Option<String>> = rows.iter().map(|r| r.text.clone()).collect();
    let unavailable: Vec<bool> = rows.iter().map(|r| r.unavailable).collect();
    sqlx::query!(
        "insert into latest_value (signal_id, time, number, text, unavailable)
         select * from unnest($1::int[], $2::bigint[], $3::float8[], $4::text[], $5::bool[])
         on conflict (signal_id) do update set
             time = excluded.time, number = excluded.number, text = excluded.text, unavailable = excluded.unavailable
         where excluded.time >= latest_value.time",
        &signals,
        &times,
        &numbers as &[Option<f64>],
        &texts as &[Option<String>],
        &unavailable,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// What a route needs to know of a signal.
#[derive(Debug)]
pub struct SignalRow {
    pub code: String,
    pub kind: String,
}

pub async fn signal(db: impl PgExecutor<'_>, id: i32) -> sqlx::Result<Option<(String, Option<SignalKind>)>> {
    let row = sqlx::query_as!(SignalRow, "select code, kind from signal where id = $1", id).fetch_optional(db).await?;
    Ok(row.map(|row| (row.code, SignalKind::from_word(&row.kind))))
}

/// Until when some collector watched this signal; `None` when none ever did.
pub async fn watched_until(db: impl PgExecutor<'_>, signal: i32) -> sqlx::Result<Option<Timestamp>> {
    let until = sqlx::query_scalar!(
        "select max(covered_to) from coverage
         where collector_id in (select distinct collector_id from collector_signal where signal_id = $1)",
        signal,
    )
    .fetch_one(db)
    .await?;
    Ok(until.map(Timestamp::from))
}

/// Sizes, indexes and out-of-line storage included.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Stats {
    /// Samples in chunks.
    pub chunk_samples: i64,
    /// Chunks.
    pub chunks: i64,
    pub chunk_bytes: i64,
    /// Samples in parts, to be merged.
    pub part_samples: i64,
    pub part_bytes: i64,
    /// Samples in the journal, to be packed.
    pub journal_samples: i64,
    pub journal_bytes: i64,
    /// Bodies set aside.
    pub damaged: i64,
}

pub async fn stats(db: impl PgExecutor<'_>) -> sqlx::Result<Stats> {
    sqlx::query_as!(
        Stats,
        r#"select (select coalesce(sum(n), 0) from chunk) as "chunk_samples!", (select count(*) from chunk) as "chunks!",
                pg_total_relation_size('chunk') as "chunk_bytes!",
                (select coalesce(sum(n), 0) from chunk_part) as "part_samples!",
                pg_total_relation_size('chunk_part') as "part_bytes!",
                (select coalesce(sum(samples), 0) from journal) as "journal_samples!",
                pg_total_relation_size('journal') as "journal_bytes!",
                (select count(*) from historian_damage) as "damaged!""#
    )
    .fetch_one(db)
    .await
}
