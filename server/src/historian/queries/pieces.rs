//! Chunks and parts.

use sqlx::{PgConnection, PgExecutor};

use crate::historian::{
    chunk::{ChunkHead, PackedChunk, PackedPart},
    copy::Rows,
};

/// A chunk or a part, with its body.
#[derive(Debug)]
pub struct StoredPiece {
    pub signal_id: i32,
    /// 0 for a chunk.
    pub generation: i64,
    pub first_time: i64,
    pub last_time: i64,
    pub n: i32,
    pub body: Vec<u8>,
}

/// How much of a signal waits in parts.
#[derive(Debug)]
pub struct Waiting {
    pub signal_id: i32,
    pub parts: i64,
    pub samples: i64,
    pub due: bool,
}

/// What waits of these signals, and of those with parts older than `age_seconds` (at most 5,000 of them).
pub async fn waiting(db: impl PgExecutor<'_>, signals: &[i32], age_seconds: f64) -> sqlx::Result<Vec<Waiting>> {
    sqlx::query_as!(
        Waiting,
        r#"with due as (
             select signal_id from chunk_part where created_at < now() - make_interval(secs => $2)
             group by signal_id order by min(created_at) limit 5000)
         select signal_id, count(*) as "parts!", sum(n) as "samples!",
                signal_id in (select signal_id from due) as "due!"
         from chunk_part
         where signal_id = any($1) or signal_id in (select signal_id from due)
         group by signal_id"#,
        signals,
        age_seconds,
    )
    .fetch_all(db)
    .await
}

pub async fn parts(db: impl PgExecutor<'_>, signals: &[i32]) -> sqlx::Result<Vec<StoredPiece>> {
    sqlx::query_as!(
        StoredPiece,
        r#"select signal_id, gen as generation, first_time, last_time, n, body from chunk_part
         where signal_id = any($1) order by signal_id, gen"#,
        signals,
    )
    .fetch_all(db)
    .await
}

pub async fn delete_parts(db: impl PgExecutor<'_>, signals: &[i32]) -> sqlx::Result<()> {
    sqlx::query!("delete from chunk_part where signal_id = any($1)", signals).execute(db).await?;
    Ok(())
}

/// Where a chunk stands, and how much it holds.
#[derive(Clone, Debug)]
pub struct Place {
    pub signal_id: i32,
    pub first_time: i64,
    pub last_time: i64,
    pub n: i32,
    pub bytes: i32,
}

/// For each signal the chunk that begins at or before `from`, and those that begin up to `to`; by time.
pub async fn places(db: impl PgExecutor<'_>, signals: &[i32], from: &[i64], to: &[i64]) -> sqlx::Result<Vec<Place>> {
    sqlx::query_as!(
        Place,
        r#"select c.signal_id as "signal_id!", c.first_time as "first_time!", c.last_time as "last_time!",
                c.n as "n!", length(c.body) as "bytes!"
         from unnest($1::int[], $2::bigint[], $3::bigint[]) as q(signal_id, low, high)
         cross join lateral (
             select * from chunk
             where chunk.signal_id = q.signal_id and chunk.first_time <= q.high
               and chunk.first_time >= coalesce(
                   (select max(m.first_time) from chunk m where m.signal_id = q.signal_id and m.first_time <= q.low), q.low)
         ) c
         order by c.signal_id, c.first_time"#,
        signals,
        from,
        to,
    )
    .fetch_all(db)
    .await
}

pub async fn chunks(db: impl PgExecutor<'_>, signals: &[i32], first: &[i64]) -> sqlx::Result<Vec<StoredPiece>> {
    sqlx::query_as!(
        StoredPiece,
        r#"select c.signal_id, 0::bigint as "generation!", c.first_time, c.last_time, c.n, c.body
         from chunk c join unnest($1::int[], $2::bigint[]) as q(signal_id, first_time)
              on c.signal_id = q.signal_id and c.first_time = q.first_time
         order by c.signal_id, c.first_time"#,
        signals,
        first,
    )
    .fetch_all(db)
    .await
}

pub async fn delete_chunks(db: impl PgExecutor<'_>, signals: &[i32], first: &[i64]) -> sqlx::Result<()> {
    sqlx::query!(
        "delete from chunk c using unnest($1::int[], $2::bigint[]) as q(signal_id, first_time)
         where c.signal_id = q.signal_id and c.first_time = q.first_time",
        signals,
        first,
    )
    .execute(db)
    .await?;
    Ok(())
}

pub async fn insert_chunks(db: &mut PgConnection, chunks: &[PackedChunk]) -> sqlx::Result<()> {
    let mut rows = Rows::new(10);
    for PackedChunk { signal_id, head, body, minutes } in chunks {
        rows.row().int8(head.first_time).int8(head.last_time).float8(head.min).float8(head.max).float8(Some(head.sum));
        rows.int4(*signal_id).int4(head.n).int4(head.numbers).bytea(Some(body)).bytea(minutes.as_deref());
    }
    rows.send(
        db,
        "copy chunk (first_time, last_time, min, max, sum, signal_id, n, numbers, body, minutes) from stdin (format binary)",
    )
    .await?;
    Ok(())
}

pub async fn insert_parts(db: &mut PgConnection, generation: i64, parts: &[PackedPart]) -> sqlx::Result<()> {
    let mut rows = Rows::new(6);
    for part in parts {
        rows.row().int4(part.signal_id).int8(generation).int8(part.first_time).int8(part.last_time).int4(part.n);
        rows.bytea(Some(&part.body));
    }
    rows.send(db, "copy chunk_part (signal_id, gen, first_time, last_time, n, body) from stdin (format binary)")
        .await?;
    Ok(())
}

/// A piece that a reader needs, or none; with how far the journal was packed when it was read.
#[derive(Debug)]
pub struct ReadPiece {
    pub through: i64,
    pub signal_id: Option<i32>,
    pub generation: Option<i64>,
    pub first_time: Option<i64>,
    pub last_time: Option<i64>,
    pub n: Option<i32>,
    pub body: Option<Vec<u8>>,
}

/// All pieces of these signals that may hold samples before `to`, from the reading in force at `from` on.
/// At least one row, so that `through` belongs to the same moment.
pub async fn read(db: impl PgExecutor<'_>, signals: &[i32], from: i64, to: i64) -> sqlx::Result<Vec<ReadPiece>> {
    sqlx::query_as!(
        ReadPiece,
        r#"select s.compacted_through as "through!", c.signal_id as "signal_id?", c.generation as "generation?",
                c.first_time as "first_time?", c.last_time as "last_time?", c.n as "n?", c.body as "body?"
         from historian_state s
         left join lateral (
             select q.signal_id, p.* from unnest($1::int[]) as q(signal_id)
             cross join lateral (
                 select 0::bigint as generation, first_time, last_time, n, body from chunk
                 where chunk.signal_id = q.signal_id and chunk.first_time < $3
                   and chunk.first_time >= coalesce(
                       (select max(m.first_time) from chunk m where m.signal_id = q.signal_id and m.first_time <= $2), $2)
                 union all
                 select gen, first_time, last_time, n, body from chunk_part
                 where chunk_part.signal_id = q.signal_id and chunk_part.first_time < $3
             ) p
         ) c on true
         order by c.signal_id, c.generation, c.first_time"#,
        signals,
        from,
        to,
    )
    .fetch_all(db)
    .await
}

/// What is known of a chunk without its body.
#[derive(Debug)]
pub struct HeadRow {
    pub first_time: i64,
    pub last_time: i64,
    pub n: i32,
    pub numbers: i32,
    pub min: Option<f64>,
    pub max: Option<f64>,
    pub sum: f64,
    pub has_minutes: bool,
}

impl HeadRow {
    pub fn head(&self) -> ChunkHead {
        ChunkHead {
            first_time: self.first_time,
            last_time: self.last_time,
            n: self.n,
            numbers: self.numbers,
            min: self.min,
            max: self.max,
            sum: self.sum,
        }
    }
}

/// The heads of a signal's chunks: the one that begins at or before `from`, and those that begin before `to`.
pub async fn heads(db: impl PgExecutor<'_>, signal: i32, from: i64, to: i64) -> sqlx::Result<Vec<HeadRow>> {
    sqlx::query_as!(
        HeadRow,
        r#"select first_time, last_time, n, numbers, min, max, sum, minutes is not null as "has_minutes!" from chunk
         where signal_id = $1 and first_time < $3
           and first_time >= coalesce((select max(m.first_time) from chunk m where m.signal_id = $1 and m.first_time <= $2), $2)
         order by first_time"#,
        signal,
        from,
        to,
    )
    .fetch_all(db)
    .await
}

/// About how many samples each signal has in this stretch: chunks and parts that touch it are counted whole.
pub async fn samples_about(
    db: impl PgExecutor<'_>,
    signals: &[i32],
    from: i64,
    to: i64,
) -> sqlx::Result<Vec<(i32, i64)>> {
    let rows = sqlx::query!(
        r#"select signal_id as "signal_id!", sum(n)::bigint as "n!" from (
               select signal_id, n from chunk where signal_id = any($1) and first_time < $3 and last_time >= $2
               union all
               select signal_id, n from chunk_part where signal_id = any($1) and first_time < $3 and last_time >= $2
           ) pieces group by signal_id"#,
        signals,
        from,
        to,
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| (row.signal_id, row.n)).collect())
}

pub async fn minutes(db: impl PgExecutor<'_>, signal: i32, first: &[i64]) -> sqlx::Result<Vec<(i64, Vec<u8>)>> {
    let rows = sqlx::query!(
        r#"select first_time, minutes as "minutes!" from chunk
         where signal_id = $1 and first_time = any($2) and minutes is not null order by first_time"#,
        signal,
        first,
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| (row.first_time, row.minutes)).collect())
}

/// Deletes up to 2,000 chunks and parts whose last sample is earlier than this. Gives how many there were.
pub async fn delete_older(db: &mut PgConnection, cutoff: i64) -> sqlx::Result<u64> {
    let chunks = sqlx::query!(
        "delete from chunk where (signal_id, first_time) in (
             select signal_id, first_time from chunk where last_time < $1 limit 2000)",
        cutoff,
    )
    .execute(&mut *db)
    .await?;
    let parts = sqlx::query!(
        "delete from chunk_part where (signal_id, gen) in (
             select signal_id, gen from chunk_part where last_time < $1 limit 2000)",
        cutoff,
    )
    .execute(db)
    .await?;
    Ok(chunks.rows_affected() + parts.rows_affected())
}
