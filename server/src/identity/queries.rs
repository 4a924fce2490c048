use std::collections::HashMap;

use chrono::{DateTime, Utc};
use gemba_domain::{Timestamp, signal::SignalId};
use sqlx::{PgConnection, PgExecutor, PgPool};

use super::{Collector, Scope};

/// A collector's row, as far as it says who it is.
#[derive(Clone, Debug)]
pub struct IdentityRow {
    pub id: i32,
    pub name: String,
    pub scope: Vec<String>,
    pub key_sha256: Option<Vec<u8>>,
    pub serial: Option<Vec<u8>>,
    pub serial_shown: bool,
    pub previous_serial: Option<Vec<u8>>,
    pub certificate_at: Option<DateTime<Utc>>,
    pub revoked_at: Option<DateTime<Utc>>,
}

pub async fn by_name(db: impl PgExecutor<'_>, name: &str) -> sqlx::Result<Option<IdentityRow>> {
    sqlx::query_as!(
        IdentityRow,
        "select id, name, scope, key_sha256, serial, serial_shown, previous_serial, certificate_at, revoked_at
         from collector where name = $1 and not own",
        name,
    )
    .fetch_optional(db)
    .await
}

/// The same, locked for the rest of the transaction.
pub async fn lock_by_name(db: &mut PgConnection, name: &str) -> sqlx::Result<Option<IdentityRow>> {
    sqlx::query_as!(
        IdentityRow,
        "select id, name, scope, key_sha256, serial, serial_shown, previous_serial, certificate_at, revoked_at
         from collector where name = $1 and not own for update",
        name,
    )
    .fetch_optional(db)
    .await
}

/// The identity under which this server itself brings in data, such as an import.
///
/// # Errors
/// Postgres.
pub async fn own(pool: &PgPool, name: &str, now: Timestamp) -> sqlx::Result<Collector> {
    let id = sqlx::query_scalar!(
        "insert into collector (name, own, created_at) values ($1, true, $2)
         on conflict on constraint collector_name_unique do update set own = true returning id",
        name,
        now.to_utc(),
    )
    .fetch_one(pool)
    .await?;
    Ok(Collector { id, name: name.to_owned(), scope: Scope::Own })
}

/// Adds a collector, unless there is one of this name; `None` when that is one of the server's own.
pub async fn add(db: &mut PgConnection, name: &str, now: DateTime<Utc>) -> sqlx::Result<Option<i32>> {
    sqlx::query_scalar!(
        "insert into collector (name, created_at) values ($1, $2)
         on conflict on constraint collector_name_unique do update set name = excluded.name where not collector.own
         returning id",
        name,
        now,
    )
    .fetch_optional(db)
    .await
}

/// A new code in the place of those that were not used.
pub async fn put_code(
    db: &mut PgConnection,
    collector: i32,
    secret_sha256: &[u8],
    scope: &[String],
    (now, expires): (DateTime<Utc>, DateTime<Utc>),
) -> sqlx::Result<()> {
    sqlx::query!("delete from collector_code where collector_id = $1 and used_at is null", collector)
        .execute(&mut *db)
        .await?;
    sqlx::query!(
        "insert into collector_code (secret_sha256, collector_id, scope, created_at, expires_at)
         values ($1, $2, $3, $4, $5)",
        secret_sha256,
        collector,
        scope,
        now,
        expires,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// A code that was made some time.
#[derive(Debug)]
pub struct CodeRow {
    pub collector_id: i32,
    pub name: String,
    pub scope: Vec<String>,
    pub expires_at: DateTime<Utc>,
    pub used_at: Option<DateTime<Utc>>,
    pub used_key: Option<Vec<u8>>,
}

/// A code by its hash, locked with its collector for the rest of the transaction.
pub async fn lock_code(db: &mut PgConnection, secret_sha256: &[u8]) -> sqlx::Result<Option<CodeRow>> {
    sqlx::query_as!(
        CodeRow,
        "select k.collector_id, c.name, k.scope, k.expires_at, k.used_at, k.used_key
         from collector_code k join collector c on c.id = k.collector_id where k.secret_sha256 = $1 for update",
        secret_sha256,
    )
    .fetch_optional(db)
    .await
}

/// The code was used: its collector is who has this key and certificate from now on.
pub async fn let_in(
    db: &mut PgConnection,
    code: &CodeRow,
    secret_sha256: &[u8],
    key: &[u8],
    serial: &[u8],
    (now, until): (DateTime<Utc>, DateTime<Utc>),
) -> sqlx::Result<()> {
    sqlx::query!(
        "update collector_code set used_at = coalesce(used_at, $2), used_key = $3 where secret_sha256 = $1",
        secret_sha256,
        now,
        key,
    )
    .execute(&mut *db)
    .await?;
    sqlx::query!(
        "update collector set scope = $2, key_sha256 = $3, serial = $4, serial_shown = false, previous_serial = null,
                certificate_until = $5, certificate_at = $6, enrolled_at = $6, revoked_at = null
         where id = $1",
        code.collector_id,
        &code.scope,
        key,
        serial,
        until,
        now,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// A further certificate. The one before is good until this one is shown.
pub async fn renew(
    db: &mut PgConnection,
    collector: i32,
    before: &[u8],
    serial: &[u8],
    (now, until): (DateTime<Utc>, DateTime<Utc>),
) -> sqlx::Result<()> {
    sqlx::query!(
        "update collector set previous_serial = $2, serial = $3, serial_shown = false, certificate_at = $4,
                certificate_until = $5
         where id = $1",
        collector,
        before,
        serial,
        now,
        until,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// A certificate that this database has not heard of is the newest: it was set back to an older state.
pub async fn adopt(
    db: &mut PgConnection,
    collector: i32,
    serial: &[u8],
    (at, until): (DateTime<Utc>, DateTime<Utc>),
) -> sqlx::Result<()> {
    sqlx::query!(
        "update collector set serial = $2, serial_shown = true, previous_serial = null, certificate_at = $3,
                certificate_until = $4
         where id = $1",
        collector,
        serial,
        at,
        until,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// The newest certificate was shown: the one before is no longer good.
pub async fn shown(db: impl PgExecutor<'_>, collector: i32, serial: &[u8]) -> sqlx::Result<()> {
    sqlx::query!(
        "update collector set serial_shown = true, previous_serial = null where id = $1 and serial = $2",
        collector,
        serial,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Shuts a collector out, and voids its codes. False when there is none of this name.
pub async fn revoke(db: &mut PgConnection, name: &str, now: DateTime<Utc>) -> sqlx::Result<bool> {
    let id = sqlx::query_scalar!(
        "update collector set revoked_at = coalesce(revoked_at, $2) where name = $1 and not own returning id",
        name,
        now,
    )
    .fetch_optional(&mut *db)
    .await?;
    let Some(id) = id else { return Ok(false) };
    sqlx::query!("delete from collector_code where collector_id = $1 and used_at is null", id).execute(db).await?;
    Ok(true)
}

/// Which of these are shut out.
pub async fn revoked(db: impl PgExecutor<'_>, names: &[String]) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar!("select name from collector where name = any($1) and revoked_at is not null", names)
        .fetch_all(db)
        .await
}

/// Changes what a collector may write. False when there is none of this name.
pub async fn put_scope(db: &mut PgConnection, name: &str, scope: &[String]) -> sqlx::Result<bool> {
    let changed =
        sqlx::query!("update collector set scope = $2 where name = $1 and not own", name, scope).execute(db).await?;
    Ok(changed.rows_affected() > 0)
}

/// A collector, for people.
#[derive(Clone, Debug)]
pub struct CollectorEntry {
    pub name: String,
    /// Of the program that last said hello.
    pub version: Option<String>,
    pub scope: Vec<String>,
    /// When a code was last used for it.
    pub enrolled_at: Option<DateTime<Utc>>,
    pub certificate_until: Option<DateTime<Utc>>,
    pub last_batch_at: Option<DateTime<Utc>>,
    pub revoked_at: Option<DateTime<Utc>>,
}

/// All but the server's own, by name.
pub async fn collectors(db: impl PgExecutor<'_>) -> sqlx::Result<Vec<CollectorEntry>> {
    sqlx::query_as!(
        CollectorEntry,
        "select name, version, scope, enrolled_at, certificate_until, last_batch_at, revoked_at
         from collector where not own order by name",
    )
    .fetch_all(db)
    .await
}

/// Claims the signals that nobody has. How many those were.
pub async fn claim(
    db: &mut PgConnection,
    collector: i32,
    signals: &[SignalId],
    now: DateTime<Utc>,
) -> sqlx::Result<u64> {
    let ids: Vec<i32> = signals.iter().map(|signal| signal.0).collect();
    let claimed = sqlx::query!(
        "insert into signal_claim (signal_id, collector_id, since)
         select id, $2, $3 from unnest($1::int[]) id order by id on conflict do nothing",
        &ids,
        collector,
        now,
    )
    .execute(db)
    .await?;
    Ok(claimed.rows_affected())
}

/// Who else holds these signals.
pub async fn holders(
    db: &mut PgConnection,
    collector: i32,
    signals: &[SignalId],
) -> sqlx::Result<HashMap<SignalId, String>> {
    let ids: Vec<i32> = signals.iter().map(|signal| signal.0).collect();
    let rows = sqlx::query!(
        "select h.signal_id, c.name from signal_claim h join collector c on c.id = h.collector_id
         where h.signal_id = any($1) and h.collector_id <> $2",
        &ids,
        collector,
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| (SignalId(row.signal_id), row.name)).collect())
}

/// Gives back what a collector claimed. How many signals those were.
pub async fn release(db: &mut PgConnection, name: &str) -> sqlx::Result<u64> {
    let released =
        sqlx::query!("delete from signal_claim where collector_id = (select id from collector where name = $1)", name,)
            .execute(db)
            .await?;
    Ok(released.rows_affected())
}

pub async fn claims_revision(db: impl PgExecutor<'_>) -> sqlx::Result<i64> {
    sqlx::query_scalar!("select revision from signal_claim_revision").fetch_one(db).await
}

/// Makes running servers look at claims and scopes anew.
pub async fn bump_claims(db: &mut PgConnection) -> sqlx::Result<()> {
    sqlx::query!("update signal_claim_revision set revision = revision + 1").execute(db).await?;
    Ok(())
}
