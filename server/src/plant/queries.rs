use chrono::{DateTime, Utc};
use gemba_domain::{
    equipment::EquipmentId,
    signal::{SignalId, SignalKind, SignalRole},
};
use sqlx::{PgConnection, PgExecutor};
use uuid::Uuid;

/// One row of `equipment`.
#[derive(Clone, Debug, PartialEq)]
pub struct EquipmentRow {
    pub id: Uuid,
    pub parent_id: Option<Uuid>,
    pub level: String,
    pub code: String,
    pub name: String,
    pub path: String,
    pub position: i32,
    pub time_zone: Option<String>,
    pub target_oee: Option<f64>,
    pub key_unit: Option<String>,
    pub ideal_cycle_seconds: Option<f64>,
    pub counter_maximum: Option<f64>,
    pub accept_new_signals: bool,
    pub feeds: Vec<String>,
    pub currency: Option<String>,
    pub cost_cents_per_hour: Option<i64>,
}

/// One row of `shift_pattern`.
#[derive(Clone, Debug, PartialEq)]
pub struct ShiftRow {
    pub site_id: Uuid,
    pub position: i32,
    pub name: String,
    pub start_minute: i32,
    pub end_minute: i32,
    pub days: i32,
    pub breaks: serde_json::Value,
}

/// One row of `shift_closure`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClosureRow {
    pub site_id: Uuid,
    pub name: String,
    pub closed_from: DateTime<Utc>,
    pub closed_to: DateTime<Utc>,
    pub kind: String,
}

/// Signals from this position on were not born from a plant file: a collector offered them, or an import created them.
pub const AFTER_THE_FILE: i32 = 10_000;

/// One row of `signal`.
#[derive(Clone, Debug, PartialEq)]
pub struct SignalRow {
    pub id: i32,
    pub unit_id: Uuid,
    pub code: String,
    pub name: String,
    pub kind: String,
    pub role: Option<String>,
    pub uom: Option<String>,
    pub position: i32,
}

pub async fn revision(db: impl PgExecutor<'_>) -> sqlx::Result<i64> {
    sqlx::query_scalar!("select revision from plant_revision").fetch_one(db).await
}

/// Takes the one lock of plant changes and counts the revision up.
pub async fn begin_change(db: &mut PgConnection) -> sqlx::Result<i64> {
    sqlx::query_scalar!("update plant_revision set revision = revision + 1 returning revision").fetch_one(db).await
}

/// Parents before children, siblings in order.
pub async fn equipment(db: impl PgExecutor<'_>) -> sqlx::Result<Vec<EquipmentRow>> {
    sqlx::query_as!(
        EquipmentRow,
        "select id, parent_id, level, code, name, path, position, time_zone, target_oee, key_unit,
                ideal_cycle_seconds, counter_maximum, accept_new_signals, feeds, currency, cost_cents_per_hour
         from equipment
         order by array_position(array['enterprise', 'site', 'area', 'line', 'unit'], level), position, code"
    )
    .fetch_all(db)
    .await
}

pub async fn shifts(db: impl PgExecutor<'_>) -> sqlx::Result<Vec<ShiftRow>> {
    sqlx::query_as!(
        ShiftRow,
        "select site_id, position, name, start_minute, end_minute, days, breaks from shift_pattern order by site_id, position"
    )
    .fetch_all(db)
    .await
}

pub async fn signals(db: impl PgExecutor<'_>) -> sqlx::Result<Vec<SignalRow>> {
    sqlx::query_as!(
        SignalRow,
        "select id, unit_id, code, name, kind, role, uom, position from signal order by unit_id, position, code"
    )
    .fetch_all(db)
    .await
}

/// Inserts, or updates the row with this id.
pub async fn put_equipment(db: &mut PgConnection, row: &EquipmentRow) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into equipment (id, parent_id, level, code, name, path, position, time_zone, target_oee, key_unit,
                                ideal_cycle_seconds, counter_maximum, accept_new_signals, feeds, currency,
                                cost_cents_per_hour)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
         on conflict (id) do update set
             name = excluded.name, position = excluded.position, time_zone = excluded.time_zone,
             target_oee = excluded.target_oee, key_unit = excluded.key_unit,
             ideal_cycle_seconds = excluded.ideal_cycle_seconds, counter_maximum = excluded.counter_maximum,
             accept_new_signals = excluded.accept_new_signals, feeds = excluded.feeds, currency = excluded.currency,
             cost_cents_per_hour = excluded.cost_cents_per_hour",
        row.id,
        row.parent_id,
        row.level,
        row.code,
        row.name,
        row.path,
        row.position,
        row.time_zone,
        row.target_oee,
        row.key_unit,
        row.ideal_cycle_seconds,
        row.counter_maximum,
        row.accept_new_signals,
        &row.feeds,
        row.currency,
        row.cost_cents_per_hour,
    )
    .execute(db)
    .await?;
    Ok(())
}

pub async fn delete_equipment(db: &mut PgConnection, id: Uuid) -> sqlx::Result<()> {
    sqlx::query!("delete from equipment where id = $1", id).execute(db).await?;
    Ok(())
}

/// Replaces a site's patterns.
pub async fn put_shifts(db: &mut PgConnection, site_id: Uuid, rows: &[ShiftRow]) -> sqlx::Result<()> {
    sqlx::query!("delete from shift_pattern where site_id = $1", site_id).execute(&mut *db).await?;
    for row in rows {
        sqlx::query!(
            "insert into shift_pattern (site_id, position, name, start_minute, end_minute, days, breaks)
             values ($1, $2, $3, $4, $5, $6, $7)",
            site_id,
            row.position,
            row.name,
            row.start_minute,
            row.end_minute,
            row.days,
            row.breaks,
        )
        .execute(&mut *db)
        .await?;
    }
    Ok(())
}

pub async fn closures(db: impl PgExecutor<'_>) -> sqlx::Result<Vec<ClosureRow>> {
    sqlx::query_as!(
        ClosureRow,
        "select site_id, name, closed_from, closed_to, kind from shift_closure order by site_id, closed_from, name"
    )
    .fetch_all(db)
    .await
}

/// Adds a closure, or alters the one of this name and begin.
pub async fn put_closure(db: &mut PgConnection, row: &ClosureRow) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into shift_closure (site_id, name, closed_from, closed_to, kind) values ($1, $2, $3, $4, $5)
         on conflict (site_id, closed_from, name)
         do update set closed_to = excluded.closed_to, kind = excluded.kind",
        row.site_id,
        row.name,
        row.closed_from,
        row.closed_to,
        row.kind,
    )
    .execute(db)
    .await?;
    Ok(())
}

pub async fn delete_closure(db: &mut PgConnection, row: &ClosureRow) -> sqlx::Result<()> {
    sqlx::query!(
        "delete from shift_closure where site_id = $1 and closed_from = $2 and name = $3",
        row.site_id,
        row.closed_from,
        row.name,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// A signal as it should stand.
#[derive(Debug)]
pub struct WantedSignal {
    pub unit: EquipmentId,
    pub code: String,
    pub name: String,
    pub kind: SignalKind,
    pub role: Option<SignalRole>,
    pub uom: Option<String>,
    pub position: i32,
}

/// Inserts, or updates the signal of this unit and code; gives its id.
pub async fn put_signal(db: &mut PgConnection, wanted: &WantedSignal) -> sqlx::Result<SignalId> {
    sqlx::query_scalar!(
        "insert into signal (unit_id, code, name, kind, role, uom, position)
         values ($1, $2, $3, $4, $5, $6, $7)
         on conflict on constraint signal_code_unique do update set
             name = excluded.name, kind = excluded.kind, role = excluded.role, uom = excluded.uom,
             position = excluded.position
         returning id",
        wanted.unit.0,
        wanted.code,
        wanted.name,
        wanted.kind.as_str(),
        wanted.role.map(SignalRole::as_str),
        wanted.uom,
        wanted.position,
    )
    .fetch_one(db)
    .await
    .map(SignalId)
}

/// Frees the roles of a unit's signals, so that they can be given anew in any order.
pub async fn clear_roles(db: &mut PgConnection, unit: Uuid) -> sqlx::Result<()> {
    sqlx::query!("update signal set role = null where unit_id = $1 and role is not null", unit).execute(db).await?;
    Ok(())
}

pub async fn delete_signal(db: &mut PgConnection, id: i32) -> sqlx::Result<()> {
    sqlx::query!("delete from signal where id = $1", id).execute(db).await?;
    Ok(())
}
