use chrono::{DateTime, Utc};
use gemba_domain::{Interval, equipment::EquipmentId};
use sqlx::{PgConnection, PgExecutor};
use uuid::Uuid;

pub struct ProductRow {
    pub id: Uuid,
    pub code: String,
    pub name: String,
    pub margin_cents: Option<i64>,
}

pub struct OrderCodeRow {
    pub id: Uuid,
    pub code: String,
    pub product_id: Uuid,
}

pub struct CycleRow {
    pub unit_id: Uuid,
    pub product_id: Uuid,
    pub valid_from_micros: i64,
    pub seconds: f64,
}

/// An order with what was made for it.
pub struct OrderRow {
    pub id: Uuid,
    pub code: String,
    pub product: String,
    pub product_name: String,
    pub quantity: f64,
    pub due_at: Option<DateTime<Utc>>,
    pub at: String,
    pub status: String,
    pub finished_at: Option<DateTime<Utc>>,
    pub begun_at: Option<DateTime<Utc>>,
}

pub struct RunRow {
    pub order_id: Uuid,
    pub product_id: Uuid,
    pub run_from: DateTime<Utc>,
    pub run_to: Option<DateTime<Utc>>,
}

pub async fn products(db: impl PgExecutor<'_>) -> sqlx::Result<Vec<ProductRow>> {
    sqlx::query_as!(ProductRow, "select id, code, name, margin_cents from product order by code").fetch_all(db).await
}

pub async fn order_codes(db: impl PgExecutor<'_>) -> sqlx::Result<Vec<OrderCodeRow>> {
    sqlx::query_as!(OrderCodeRow, "select id, code, product_id from production_order").fetch_all(db).await
}

pub async fn cycles(db: impl PgExecutor<'_>) -> sqlx::Result<Vec<CycleRow>> {
    sqlx::query_as!(
        CycleRow,
        r#"select unit_id, product_id, seconds,
                  case when valid_from = '-infinity' then -9223372036854775808
                       else (extract(epoch from valid_from) * 1000000)::bigint end as "valid_from_micros!"
           from ideal_cycle"#
    )
    .fetch_all(db)
    .await
}

/// Adds a product, or alters the one of this code.
pub async fn put_product(
    db: &mut PgConnection,
    id: Uuid,
    code: &str,
    name: &str,
    margin_cents: Option<i64>,
) -> sqlx::Result<Uuid> {
    sqlx::query_scalar!(
        "insert into product (id, code, name, margin_cents) values ($1, $2, $3, $4)
         on conflict on constraint product_code_unique do update set name = excluded.name, margin_cents = excluded.margin_cents
         returning id",
        id,
        code,
        name,
        margin_cents,
    )
    .fetch_one(db)
    .await
}

/// From `valid_from` on (`None`: for ever) a piece takes so long.
pub async fn put_cycle(
    db: &mut PgConnection,
    unit: EquipmentId,
    product: Uuid,
    valid_from: Option<DateTime<Utc>>,
    seconds: f64,
    by: &str,
) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into ideal_cycle (unit_id, product_id, valid_from, seconds, changed_by)
         values ($1, $2, coalesce($3, '-infinity'::timestamptz), $4, $5)
         on conflict (unit_id, product_id, valid_from)
         do update set seconds = excluded.seconds, changed_by = excluded.changed_by, changed_at = now()",
        unit.0,
        product,
        valid_from,
        seconds,
        by,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Units whose ideal cycle in the plant is not the newest of those in force, with it; `true`: there never was one.
pub async fn altered_defaults(db: &mut PgConnection) -> sqlx::Result<Vec<(EquipmentId, f64, bool)>> {
    let rows = sqlx::query!(
        r#"select e.id, e.ideal_cycle_seconds as "seconds!", c.seconds is null as "first!"
           from equipment e
           left join lateral (select seconds from ideal_cycle
                              where unit_id = e.id and product_id = '00000000-0000-0000-0000-000000000000'
                              order by valid_from desc limit 1) c on true
           where e.ideal_cycle_seconds is not null and e.ideal_cycle_seconds is distinct from c.seconds"#
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|r| (EquipmentId(r.id), r.seconds, r.first)).collect())
}

/// Which orders are asked for.
#[derive(Debug, Default)]
pub struct Wanted<'a> {
    /// Path of a node; empty for the whole plant.
    pub at: &'a str,
    pub status: Option<&'a [String]>,
    pub code: Option<&'a str>,
    pub limit: i64,
}

/// Orders; running first, then by due date.
pub async fn orders(db: impl PgExecutor<'_>, wanted: &Wanted<'_>) -> sqlx::Result<Vec<OrderRow>> {
    sqlx::query_as!(
        OrderRow,
        r#"select o.id, o.code, p.code as product, p.name as product_name, o.quantity, o.due_at, e.path as at, o.status,
                  o.finished_at, (select min(run_from) from order_run where order_id = o.id) as begun_at
           from production_order o join product p on p.id = o.product_id join equipment e on e.id = o.equipment_id
           where ($1 = '' or e.path = $1 or starts_with(e.path, $1 || '/'))
                 and ($2::text[] is null or o.status = any($2)) and ($3::text is null or o.code = $3)
           order by array_position(array['running', 'paused', 'planned', 'finished'], o.status),
                    case when o.status = 'finished' then o.finished_at end desc, o.due_at nulls last, o.code
           limit $4"#,
        wanted.at,
        wanted.status,
        wanted.code,
        wanted.limit,
    )
    .fetch_all(db)
    .await
}

/// Good and scrapped pieces of orders at units, as stored: order, unit, good, scrap.
pub async fn made(
    db: impl PgExecutor<'_>,
    orders: &[Uuid],
    units: &[Uuid],
) -> sqlx::Result<Vec<(Uuid, Uuid, f64, f64)>> {
    let rows = sqlx::query!(
        r#"select order_id, unit_id, sum(gq) as "good!", sum(sq) as "scrap!" from kpi_element
           where unit_id = any($1) and order_id = any($2) group by order_id, unit_id"#,
        units,
        orders,
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|r| (r.order_id, r.unit_id, r.good, r.scrap)).collect())
}

/// How long units have worked on orders, up to `now`: order, unit, seconds.
pub async fn worked(
    db: impl PgExecutor<'_>,
    orders: &[Uuid],
    now: DateTime<Utc>,
) -> sqlx::Result<Vec<(Uuid, Uuid, f64)>> {
    let rows = sqlx::query!(
        r#"select order_id, unit_id, sum(extract(epoch from coalesce(run_to, $2) - run_from))::float8 as "seconds!"
           from order_run where order_id = any($1) group by order_id, unit_id"#,
        orders,
        now,
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|r| (r.order_id, r.unit_id, r.seconds)).collect())
}

/// What an order is, under the lock of its row.
pub struct LockedOrder {
    pub id: Uuid,
    pub equipment_id: Uuid,
    pub status: String,
}

pub async fn lock_order(db: &mut PgConnection, code: &str) -> sqlx::Result<Option<LockedOrder>> {
    sqlx::query_as!(
        LockedOrder,
        "select id, equipment_id, status from production_order where code = $1 for update",
        code
    )
    .fetch_optional(db)
    .await
}

pub struct NewOrder<'a> {
    pub id: Uuid,
    pub code: &'a str,
    pub product_id: Uuid,
    pub quantity: f64,
    pub due_at: Option<DateTime<Utc>>,
    pub equipment_id: Uuid,
    pub by: &'a str,
}

/// Adds an order, or alters the one of this code.
pub async fn put_order(db: &mut PgConnection, order: &NewOrder<'_>) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into production_order (id, code, product_id, quantity, due_at, equipment_id, status, created_by)
         values ($1, $2, $3, $4, $5, $6, 'planned', $7)
         on conflict on constraint production_order_code_unique do update
         set product_id = excluded.product_id, quantity = excluded.quantity, due_at = excluded.due_at,
             equipment_id = excluded.equipment_id",
        order.id,
        order.code,
        order.product_id,
        order.quantity,
        order.due_at,
        order.equipment_id,
        order.by,
    )
    .execute(db)
    .await?;
    Ok(())
}

pub async fn set_status(
    db: &mut PgConnection,
    id: Uuid,
    status: &str,
    finished_at: Option<DateTime<Utc>>,
) -> sqlx::Result<()> {
    sqlx::query!("update production_order set status = $2, finished_at = $3 where id = $1", id, status, finished_at)
        .execute(db)
        .await?;
    Ok(())
}

/// The runs of units that are not over at `at`, with the code of their order: unit, code, begin.
pub async fn running_at(
    db: &mut PgConnection,
    units: &[Uuid],
    at: DateTime<Utc>,
) -> sqlx::Result<Vec<(Uuid, String, DateTime<Utc>)>> {
    let rows = sqlx::query!(
        "select r.unit_id, o.code, r.run_from from order_run r join production_order o on o.id = r.order_id
         where r.unit_id = any($1) and (r.run_to is null or r.run_to > $2)",
        units,
        at,
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|r| (r.unit_id, r.code, r.run_from)).collect())
}

/// The begins of an order's runs that go on: unit, begin.
pub async fn open_runs(db: &mut PgConnection, order: Uuid) -> sqlx::Result<Vec<(Uuid, DateTime<Utc>)>> {
    let rows = sqlx::query!("select unit_id, run_from from order_run where order_id = $1 and run_to is null", order)
        .fetch_all(db)
        .await?;
    Ok(rows.into_iter().map(|r| (r.unit_id, r.run_from)).collect())
}

pub async fn begin_run(
    db: &mut PgConnection,
    order: Uuid,
    unit: Uuid,
    from: DateTime<Utc>,
    by: &str,
) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into order_run (order_id, unit_id, run_from, begun_by) values ($1, $2, $3, $4)",
        order,
        unit,
        from,
        by,
    )
    .execute(db)
    .await?;
    Ok(())
}

pub async fn end_runs(db: &mut PgConnection, order: Uuid, to: DateTime<Utc>, by: &str) -> sqlx::Result<()> {
    sqlx::query!(
        "update order_run set run_to = $2, ended_by = $3 where order_id = $1 and run_to is null",
        order,
        to,
        by,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// The runs of a unit that touch a period, in order.
pub async fn runs(db: impl PgExecutor<'_>, unit: EquipmentId, period: Interval) -> sqlx::Result<Vec<RunRow>> {
    sqlx::query_as!(
        RunRow,
        "select r.order_id, o.product_id, r.run_from, r.run_to
         from order_run r join production_order o on o.id = r.order_id
         where r.unit_id = $1 and tstzrange(r.run_from, r.run_to) && tstzrange($2, $3) order by r.run_from",
        unit.0,
        period.from.to_utc(),
        period.to.to_utc(),
    )
    .fetch_all(db)
    .await
}

/// When a unit first worked on an order.
pub async fn first_run(db: impl PgExecutor<'_>, unit: EquipmentId) -> sqlx::Result<Option<DateTime<Utc>>> {
    sqlx::query_scalar!("select min(run_from) from order_run where unit_id = $1", unit.0).fetch_one(db).await
}
