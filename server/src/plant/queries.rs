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
