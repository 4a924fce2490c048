use chrono::{DateTime, Utc};
use gemba_domain::{Interval, equipment::EquipmentId};
use sqlx::PgExecutor;

/// A collector that was let in, and what the database knows of it.
#[derive(Clone, Debug)]
pub struct Row {
    pub id: i32,
    pub name: String,
    pub version: Option<String>,
    pub revoked_at: Option<DateTime<Utc>>,
    pub last_hello_at: Option<DateTime<Utc>>,
    pub last_batch_at: Option<DateTime<Utc>>,
    pub clock_offset_micros: Option<i64>,
    pub queue_samples: Option<i64>,
    pub queue_bytes: Option<i64>,
    pub queue_oldest_at: Option<DateTime<Utc>>,
    pub covered_to: Option<DateTime<Utc>>,
    pub signals: i64,
    pub unknown: i64,
    pub units: i64,
    pub samples_aside: i64,
}

pub async fn collectors(db: impl PgExecutor<'_>) -> sqlx::Result<Vec<Row>> {
    sqlx::query_as!(
        Row,
        r#"select c.id, c.name, c.version, c.revoked_at, c.last_hello_at, c.last_batch_at, c.clock_offset_micros,
                  c.queue_samples, c.queue_bytes, c.queue_oldest_at,
                  (select max(covered_to) from coverage where collector_id = c.id) as covered_to,
                  coalesce(own.signals, 0) as "signals!", coalesce(own.unknown, 0) as "unknown!", coalesce(own.units, 0) as "units!",
                  coalesce((select sum(samples)::bigint from quarantine where collector_id = c.id and resolved_at is null), 0)
                      as "samples_aside!"
           from collector c
           left join lateral (
               select count(s.id) as signals, count(*) filter (where s.id is null) as unknown, count(distinct s.unit_id) as units
               from collector_signal cs left join signal s on s.id = cs.signal_id
               where cs.collector_id = c.id and cs.epoch = c.epoch
           ) own on true
           where not c.own
           order by c.name"#,
    )
    .fetch_all(db)
    .await
}

#[derive(Clone, Debug)]
pub struct Source {
    pub collector_id: i32,
    pub name: String,
    pub status: String,
    pub ok: bool,
    pub since: Option<DateTime<Utc>>,
}

pub async fn sources(db: impl PgExecutor<'_>) -> sqlx::Result<Vec<Source>> {
    sqlx::query_as!(Source, "select collector_id, name, status, ok, since from collector_source order by ok, name")
        .fetch_all(db)
        .await
}

/// Addresses that the plant does not know, at most `most` of each collector.
pub async fn unknown(db: impl PgExecutor<'_>, most: i64) -> sqlx::Result<Vec<(i32, String)>> {
    let rows = sqlx::query!(
        r#"select u.collector_id as "collector_id!", u.address as "address!" from (
               select cs.collector_id, cs.address, row_number() over (partition by cs.collector_id order by cs.local) as place
               from collector_signal cs join collector c on c.id = cs.collector_id and c.epoch = cs.epoch
               where cs.signal_id is null
           ) u where u.place <= $1 order by u.collector_id, u.place"#,
        most,
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| (row.collector_id, row.address)).collect())
}

/// A stretch of one collector.
#[derive(Clone, Debug)]
pub struct Stretch {
    pub collector_id: i32,
    pub from: DateTime<Utc>,
    pub to: DateTime<Utc>,
}

/// Stretches between two that were watched, that end after `since`; newest first, at most `most` of each collector. Stretches that were
/// watched may overlap where an older one came in later.
pub async fn holes(db: impl PgExecutor<'_>, since: DateTime<Utc>, most: i64) -> sqlx::Result<Vec<Stretch>> {
    sqlx::query_as!(
        Stretch,
        r#"select h.collector_id as "collector_id!", h.hole_from as "from!", h.hole_to as "to!" from (
               select g.*, row_number() over (partition by g.collector_id order by g.hole_to desc) as place from (
                   select collector_id,
                          max(covered_to) over (partition by collector_id order by covered_from, covered_to) as hole_from,
                          lead(covered_from) over (partition by collector_id order by covered_from, covered_to) as hole_to
                   from coverage where covered_to > $1
               ) g where g.hole_to > g.hole_from
           ) h where h.place <= $2 order by h.collector_id, h.hole_to desc"#,
        since,
        most,
    )
    .fetch_all(db)
    .await
}

#[derive(Clone, Debug)]
pub struct LossRow {
    pub collector_id: i32,
    pub from: DateTime<Utc>,
    pub to: DateTime<Utc>,
    pub batches: i64,
    pub samples: i64,
    pub reason: String,
}

/// What was given up and told since then; newest first.
pub async fn losses(db: impl PgExecutor<'_>, since: DateTime<Utc>) -> sqlx::Result<Vec<LossRow>> {
    sqlx::query_as!(
        LossRow,
        r#"select collector_id, lost_from as "from", lost_to as "to", batches, samples, reason from collector_loss
           where reported_at >= $1 order by lost_from desc"#,
        since,
    )
    .fetch_all(db)
    .await
}

/// Which collector delivers a signal, or did.
#[derive(Clone, Debug)]
pub struct Delivery {
    pub signal_id: i32,
    pub collector_id: i32,
    pub name: String,
}

pub async fn deliveries(db: impl PgExecutor<'_>, unit: EquipmentId) -> sqlx::Result<Vec<Delivery>> {
    sqlx::query_as!(
        Delivery,
        r#"select distinct s.id as signal_id, c.id as collector_id, c.name
           from signal s join collector_signal cs on cs.signal_id = s.id join collector c on c.id = cs.collector_id
           where s.unit_id = $1 order by s.id, c.name"#,
        unit.0,
    )
    .fetch_all(db)
    .await
}

/// When these collectors were watching, by the begin; stretches may overlap.
pub async fn coverage(db: impl PgExecutor<'_>, collectors: &[i32], within: Interval) -> sqlx::Result<Vec<Stretch>> {
    sqlx::query_as!(
        Stretch,
        r#"select collector_id, covered_from as "from", covered_to as "to" from coverage
           where collector_id = any($1) and covered_to > $2 and covered_from < $3 order by covered_from"#,
        collectors,
        within.from.to_utc(),
        within.to.to_utc(),
    )
    .fetch_all(db)
    .await
}

/// Until when each of these collectors has told anything.
pub async fn told_to(db: impl PgExecutor<'_>, collectors: &[i32]) -> sqlx::Result<Vec<(i32, DateTime<Utc>)>> {
    let rows = sqlx::query!(
        r#"select collector_id, max(covered_to) as "to!" from coverage where collector_id = any($1) group by collector_id"#,
        collectors,
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| (row.collector_id, row.to)).collect())
}

/// What these collectors gave up of a stretch.
pub async fn losses_of(db: impl PgExecutor<'_>, collectors: &[i32], within: Interval) -> sqlx::Result<Vec<LossRow>> {
    sqlx::query_as!(
        LossRow,
        r#"select collector_id, lost_from as "from", lost_to as "to", batches, samples, reason from collector_loss
           where collector_id = any($1) and lost_to >= $2 and lost_from < $3 order by lost_from"#,
        collectors,
        within.from.to_utc(),
        within.to.to_utc(),
    )
    .fetch_all(db)
    .await
}
