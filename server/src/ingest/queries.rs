use chrono::{DateTime, Utc};
use gemba_contract::edge::{Hello, Loss, OfferedSignal, SourceHealth};
use gemba_domain::{Interval, Timestamp, equipment::EquipmentId, signal::SignalId};
use sqlx::{PgConnection, PgExecutor};

/// A collector's row, as far as commits need it.
#[derive(Clone, Debug)]
pub struct CollectorRow {
    pub id: i32,
    pub name: String,
    pub epoch: i64,
    pub acked: i64,
    pub own: bool,
    /// What it may write.
    pub scope: Vec<String>,
    /// Revision of all claims and scopes.
    pub claims: i64,
}

/// Takes the collector's row for the rest of the transaction; `None` when it was revoked.
pub async fn lock_collector(db: &mut PgConnection, id: i32) -> sqlx::Result<Option<CollectorRow>> {
    sqlx::query_as!(
        CollectorRow,
        r#"select id, name, epoch, acked, own, scope,
                  (select revision from signal_claim_revision) as "claims!"
           from collector where id = $1 and revoked_at is null for update"#,
        id,
    )
    .fetch_optional(db)
    .await
}

/// Records a hello. A later epoch starts its numbering anew.
pub async fn hello(
    db: &mut PgConnection,
    id: i32,
    hello: &Hello,
    epoch: i64,
    now: DateTime<Utc>,
    clock_offset_micros: i64,
) -> sqlx::Result<i64> {
    let queue = hello.queue.clone().unwrap_or_default();
    sqlx::query_scalar!(
        "update collector set acked = case when epoch = $2 then acked else 0 end, epoch = $2, version = $3,
                last_hello_at = $4, clock_offset_micros = $5, queue_samples = $6, queue_bytes = $7, queue_oldest_at = $8
         where id = $1 returning acked",
        id,
        epoch,
        hello.version,
        now,
        clock_offset_micros,
        queue.samples.cast_signed(),
        queue.bytes.cast_signed(),
        queue.oldest.map(|oldest| oldest.to_utc()),
    )
    .fetch_one(db)
    .await
}

pub async fn advance(db: &mut PgConnection, id: i32, acked: i64, now: DateTime<Utc>) -> sqlx::Result<()> {
    sqlx::query!("update collector set acked = $2, last_batch_at = $3 where id = $1", id, acked, now)
        .execute(db)
        .await?;
    Ok(())
}

/// A row of `collector_signal`.
#[derive(Clone, Debug)]
pub struct LocalRow {
    pub local: i32,
    pub address: String,
    pub signal_id: Option<i32>,
}

pub async fn local_signals(db: impl PgExecutor<'_>, collector: i32, epoch: i64) -> sqlx::Result<Vec<LocalRow>> {
    sqlx::query_as!(
        LocalRow,
        "select local, address, signal_id from collector_signal where collector_id = $1 and epoch = $2 order by local",
        collector,
        epoch,
    )
    .fetch_all(db)
    .await
}

/// Writes the matches of a signal table, whole.
pub async fn put_local_signals(
    db: &mut PgConnection,
    collector: i32,
    epoch: i64,
    signals: &[(OfferedSignal, Option<SignalId>)],
) -> sqlx::Result<()> {
    let locals: Vec<i32> = (0..).take(signals.len()).collect();
    let addresses: Vec<String> = signals.iter().map(|(s, _)| s.address.clone()).collect();
    let kinds: Vec<String> = signals.iter().map(|(s, _)| s.kind.as_str().to_owned()).collect();
    let uoms: Vec<Option<String>> = signals.iter().map(|(s, _)| s.uom.clone()).collect();
    let sources: Vec<Option<String>> = signals.iter().map(|(s, _)| s.source.clone()).collect();
    let ids: Vec<Option<i32>> = signals.iter().map(|(_, id)| id.map(|id| id.0)).collect();
    sqlx::query!(
        "insert into collector_signal (collector_id, epoch, local, address, kind, uom, source, signal_id)
         select $1, $2, * from unnest($3::int[], $4::text[], $5::text[], $6::text[], $7::text[], $8::int[])
         on conflict (collector_id, epoch, local) do update
             set kind = excluded.kind, uom = excluded.uom, source = excluded.source,
                 -- what it once delivered stays its own, also when another collector writes it now
                 signal_id = coalesce(excluded.signal_id, collector_signal.signal_id)",
        collector,
        epoch,
        &locals,
        &addresses,
        &kinds,
        &uoms as &[Option<String>],
        &sources as &[Option<String>],
        &ids as &[Option<i32>],
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Fills in signals that the plant knows by now.
pub async fn match_local_signals(
    db: &mut PgConnection,
    collector: i32,
    epoch: i64,
    signals: &[Option<SignalId>],
) -> sqlx::Result<()> {
    let ids: Vec<Option<i32>> = signals.iter().map(|id| id.map(|id| id.0)).collect();
    sqlx::query!(
        "update collector_signal cs set signal_id = known.id
         from (select id, (row_number - 1)::int as local from unnest($3::int[]) with ordinality as u (id, row_number)) known
         where cs.collector_id = $1 and cs.epoch = $2 and cs.local = known.local and known.id is not null",
        collector,
        epoch,
        &ids as &[Option<i32>],
    )
    .execute(db)
    .await?;
    Ok(())
}

pub async fn put_sources(
    db: &mut PgConnection,
    collector: i32,
    sources: &[SourceHealth],
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!("delete from collector_source where collector_id = $1", collector).execute(&mut *db).await?;
    for source in sources {
        sqlx::query!(
            "insert into collector_source (collector_id, name, status, ok, at, since) values ($1, $2, $3, $4, $5, $6)
             on conflict (collector_id, name) do nothing",
            collector,
            source.name,
            source.status,
            source.ok,
            now,
            source.since.map(|since| since.to_utc()),
        )
        .execute(&mut *db)
        .await?;
    }
    Ok(())
}

/// Records what a collector lost. Told twice it is recorded once.
pub async fn put_losses(
    db: &mut PgConnection,
    collector: i32,
    losses: &[Loss],
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    for loss in losses {
        sqlx::query!(
            "insert into collector_loss (collector_id, lost_from, lost_to, batches, samples, reason, reported_at)
             values ($1, $2, $3, $4, $5, $6, $7) on conflict do nothing",
            collector,
            loss.from.to_utc(),
            loss.to.to_utc(),
            loss.batches.cast_signed(),
            loss.samples.cast_signed(),
            loss.reason,
            now,
        )
        .execute(&mut *db)
        .await?;
    }
    Ok(())
}

/// Adds a stretch of watching; goes on with the newest one where they touch.
pub async fn cover(db: &mut PgConnection, collector: i32, stretch: Interval) -> sqlx::Result<()> {
    let (from, to) = (stretch.from.to_utc(), stretch.to.to_utc());
    let extended = sqlx::query!(
        "update coverage set covered_to = $3
         where collector_id = $1 and covered_to >= $2 and covered_from <= $2 and covered_to < $3
           and covered_from = (select max(covered_from) from coverage where collector_id = $1)",
        collector,
        from,
        to,
    )
    .execute(&mut *db)
    .await?;
    if extended.rows_affected() == 0 {
        sqlx::query!(
            "insert into coverage (collector_id, covered_from, covered_to) values ($1, $2, $3)
             on conflict (collector_id, covered_from)
             do update set covered_to = greatest(coverage.covered_to, excluded.covered_to)",
            collector,
            from,
            to,
        )
        .execute(db)
        .await?;
    }
    Ok(())
}

/// Up to when anybody ever watched a unit.
pub async fn covered_to(db: impl PgExecutor<'_>, unit: EquipmentId) -> sqlx::Result<Option<Timestamp>> {
    let latest = sqlx::query_scalar!(
        "select max(covered_to) from coverage where collector_id in (
             select distinct cs.collector_id from collector_signal cs join signal s on s.id = cs.signal_id where s.unit_id = $1)",
        unit.0,
    )
    .fetch_one(db)
    .await?;
    Ok(latest.map(Timestamp::from))
}

/// When any collector that delivers a signal of this unit was watching, by time, merged, cut to `within`.
pub async fn coverage_of_unit(
    db: impl PgExecutor<'_>,
    unit: EquipmentId,
    within: Interval,
) -> sqlx::Result<Vec<Interval>> {
    let rows = sqlx::query!(
        "select covered_from, covered_to from coverage
         where covered_from < $3 and covered_to > $2 and collector_id in (
             select distinct cs.collector_id from collector_signal cs join signal s on s.id = cs.signal_id where s.unit_id = $1)
         order by covered_from",
        unit.0,
        within.from.to_utc(),
        within.to.to_utc(),
    )
    .fetch_all(db)
    .await?;
    let mut merged: Vec<Interval> = Vec::new();
    for row in rows {
        let from = Timestamp::from(row.covered_from).max(within.from);
        let to = Timestamp::from(row.covered_to).min(within.to);
        match merged.last_mut() {
            Some(last) if from <= last.to => last.to = last.to.max(to),
            _ => merged.push(Interval { from, to }),
        }
    }
    Ok(merged)
}

/// Ids of the signals that some collector offered, ever.
pub async fn delivered_signals(db: impl PgExecutor<'_>) -> sqlx::Result<Vec<i32>> {
    sqlx::query_scalar!(r#"select distinct signal_id as "id!" from collector_signal where signal_id is not null"#)
        .fetch_all(db)
        .await
}

/// Which collectors deliver signals of which units.
pub async fn deliveries(db: impl PgExecutor<'_>) -> sqlx::Result<Vec<(i32, EquipmentId)>> {
    let rows = sqlx::query!(
        "select distinct cs.collector_id, s.unit_id from collector_signal cs join signal s on s.id = cs.signal_id"
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| (row.collector_id, EquipmentId(row.unit_id))).collect())
}

/// Something to be set aside.
#[derive(Debug)]
pub struct Aside<'a> {
    pub collector: i32,
    pub epoch: i64,
    pub seq: i64,
    pub reason: &'a str,
    pub samples: i64,
    pub raw_len: i32,
    pub body: &'a [u8],
}

pub async fn quarantine(db: &mut PgConnection, aside: &Aside<'_>, now: DateTime<Utc>) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into quarantine (collector_id, epoch, seq, received_at, reason, samples, raw_len, body)
         values ($1, $2, $3, $4, $5, $6, $7, $8)",
        aside.collector,
        aside.epoch,
        aside.seq,
        now,
        aside.reason,
        aside.samples,
        aside.raw_len,
        aside.body,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// A row of `quarantine` that nobody has resolved.
#[derive(Debug)]
pub struct QuarantineRow {
    pub id: i64,
    pub collector_id: i32,
    pub collector: String,
    pub epoch: i64,
    pub seq: i64,
    pub received_at: DateTime<Utc>,
    pub reason: String,
    pub samples: i64,
    pub own: bool,
    pub scope: Vec<String>,
}

pub async fn open_quarantine(db: impl PgExecutor<'_>) -> sqlx::Result<Vec<QuarantineRow>> {
    sqlx::query_as!(
        QuarantineRow,
        "select q.id, q.collector_id, c.name as collector, q.epoch, q.seq, q.received_at, q.reason, q.samples, c.own, c.scope
         from quarantine q join collector c on c.id = q.collector_id
         where q.resolved_at is null order by q.id"
    )
    .fetch_all(db)
    .await
}

/// The bytes of an unresolved row, locked: `(raw_len, body)`.
pub async fn take_quarantined(db: &mut PgConnection, id: i64) -> sqlx::Result<Option<(i32, Vec<u8>)>> {
    let row = sqlx::query!("select raw_len, body from quarantine where id = $1 and resolved_at is null for update", id)
        .fetch_optional(db)
        .await?;
    Ok(row.map(|row| (row.raw_len, row.body)))
}

pub async fn resolve_quarantined(db: &mut PgConnection, id: i64, now: DateTime<Utc>) -> sqlx::Result<()> {
    sqlx::query!("update quarantine set resolved_at = $2 where id = $1", id, now).execute(db).await?;
    Ok(())
}
