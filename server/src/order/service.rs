use chrono::{DateTime, Utc};
use gemba_contract::order::{ChangeOrder, IdealCycle, OrderView, Orders, ProductView, Products, PutOrder, PutProduct};
use gemba_domain::{
    Interval, Timestamp,
    equipment::{EquipmentId, EquipmentPath},
    order::{OrderId, OrderStatus, ProductId},
};
use serde_json::json;
use sqlx::{PgConnection, PgExecutor, PgPool};
use uuid::Uuid;

use super::{OrderError, queries};
use crate::{
    auth::audit,
    calendar, oee,
    plant::{self, Plant, Site},
};

/// Longest code and name.
const LONGEST: usize = 120;
/// Orders that one answer has.
const MOST: u32 = 1000;
/// An order's pace is told once it has run for so long.
const PACE_SECONDS: f64 = 600.0;

/// Which orders are asked for.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// At a node and below it; `None`: of the whole plant.
    pub at: Option<EquipmentPath>,
    /// Of one of these; empty: of any.
    pub status: Vec<OrderStatus>,
    /// At most so many.
    pub limit: Option<u32>,
}

/// A stretch in which a unit worked on an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    pub from: Timestamp,
    /// `None`: it goes on.
    pub to: Option<Timestamp>,
    pub order: OrderId,
    pub product: ProductId,
}

/// The runs of a unit that touch a period, in order, and when it first worked on any.
///
/// # Errors
/// Those of the database.
pub async fn runs(
    db: &mut PgConnection,
    unit: EquipmentId,
    period: Interval,
) -> sqlx::Result<(Vec<Run>, Option<Timestamp>)> {
    let first = queries::first_run(&mut *db, unit).await?.map(Timestamp::from);
    if first.is_none() {
        return Ok((Vec::new(), None));
    }
    let rows = queries::runs(db, unit, period).await?;
    let run = |row: queries::RunRow| Run {
        from: row.run_from.into(),
        to: row.run_to.map(Timestamp::from),
        order: OrderId(row.order_id),
        product: ProductId(row.product_id),
    };
    Ok((rows.into_iter().map(run).collect(), first))
}

/// The codes of all orders.
///
/// # Errors
/// Those of the database.
pub async fn codes(db: impl PgExecutor<'_>) -> sqlx::Result<Vec<(OrderId, String)>> {
    Ok(queries::order_codes(db).await?.into_iter().map(|row| (OrderId(row.id), row.code)).collect())
}

/// Keeps the history of the ideal cycles that stand in the plant file: the first holds for ever, a later one from now on, so
/// that what is past keeps its figures.
///
/// # Errors
/// Those of the database.
pub async fn put_default_cycles(db: &mut PgConnection, now: Timestamp) -> sqlx::Result<()> {
    for (unit, seconds, first) in queries::altered_defaults(&mut *db).await? {
        let from = (!first).then(|| now.to_utc());
        queries::put_cycle(&mut *db, unit, Uuid::nil(), from, seconds, "plant file").await?;
    }
    Ok(())
}

/// Products and orders.
#[derive(Clone)]
pub struct Service {
    pool: PgPool,
    plant: plant::Service,
    oee: oee::Service,
}

impl Service {
    pub fn new(pool: PgPool, plant: plant::Service, oee: oee::Service) -> Self {
        Self { pool, plant, oee }
    }

    /// All products.
    pub fn products(&self) -> Products {
        let plant = self.plant.current();
        let mut products: Vec<ProductView> = plant
            .catalogue
            .products
            .iter()
            .map(|(id, product)| ProductView {
                id: *id,
                code: product.code.to_string(),
                name: product.name.to_string(),
                margin_cents: product.margin_cents,
                ideal_cycles: plant
                    .catalogue
                    .cycles_of(*id)
                    .into_iter()
                    .filter_map(|(unit, from, seconds)| {
                        let found = plant.unit_of(unit)?;
                        let valid_from_local = Some(calendar::local(from, found.site.time_zone));
                        let unit = found.unit.path.clone();
                        Some(IdealCycle { unit, seconds, valid_from: Some(from), valid_from_local })
                    })
                    .collect(),
            })
            .collect();
        products.sort_by(|a, b| a.code.cmp(&b.code));
        Products { products }
    }

    /// Adds a product, or, unless it is to be `only_new`, alters the one of this code.
    ///
    /// # Errors
    /// A value that cannot be, a unit that there is not, a product that there is already, the database.
    pub async fn put_product(
        &self,
        code: &str,
        put: &PutProduct,
        only_new: bool,
        by: &str,
        now: Timestamp,
    ) -> Result<ProductView, OrderError> {
        let code = named("a product's code", code)?;
        let name = named("a product's name", &put.name)?;
        let plant = self.plant.current();
        if only_new && plant.catalogue.product(code).is_some() {
            return Err(OrderError::Exists { what: "product", code: code.to_owned() });
        }
        let mut cycles = Vec::new();
        for cycle in &put.ideal_cycles {
            let unit = plant.unit(&cycle.unit).ok_or_else(|| OrderError::NoEquipment(cycle.unit.to_string()))?;
            if !(cycle.seconds > 0.0 && cycle.seconds < 1e6) {
                let told =
                    format!("an ideal cycle lasts more than 0 and less than 1,000,000 s; {} does not", cycle.seconds);
                return Err(OrderError::Refused(told));
            }
            let told = cycle.valid_from_local.as_deref().filter(|_| cycle.valid_from.is_none());
            let told = told.map(|text| calendar::told_moment(unit.site, text)).transpose();
            let from = cycle.valid_from.or(told.map_err(OrderError::Refused)?).unwrap_or(now);
            cycles.push((unit.unit.id, from, cycle.seconds));
        }
        let mut tx = self.pool.begin().await?;
        plant::begin_change(&mut tx).await?;
        let id = queries::put_product(&mut tx, Uuid::now_v7(), code, name, put.margin_cents).await?;
        let cause = oee::Cause::by("ideal cycle changed", by);
        for (unit, from, seconds) in &cycles {
            queries::put_cycle(&mut tx, *unit, id, Some(from.to_utc()), *seconds, by).await?;
            if *from < now {
                oee::note_stale(&mut tx, *unit, Interval::new(*from, now), &cause).await?;
            }
        }
        let detail = json!({ "name": name, "margin_cents": put.margin_cents, "ideal_cycles": put.ideal_cycles });
        record(&mut tx, by, "product.put", code, detail).await?;
        tx.commit().await?;
        let past = cycles.iter().filter(|(_, from, _)| *from < now);
        self.oee.because_of(&past.map(|(unit, ..)| *unit).collect::<Vec<_>>(), &cause);
        self.plant.refresh().await?;
        let found = self.products().products.into_iter().find(|product| product.code == code);
        found.ok_or_else(|| OrderError::NoProduct(code.to_owned()))
    }

    /// Orders: running first, then by due date.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn orders(&self, wanted: &Wanted, now: Timestamp) -> Result<Orders, OrderError> {
        let status: Vec<String> = wanted.status.iter().map(|status| status.as_str().to_owned()).collect();
        let wanted = queries::Wanted {
            at: wanted.at.as_ref().map_or("", EquipmentPath::as_str),
            status: (!status.is_empty()).then_some(&status),
            code: None,
            limit: i64::from(wanted.limit.map_or(MOST, |limit| limit.clamp(1, MOST))),
        };
        self.found(&wanted, now).await
    }

    async fn found(&self, wanted: &queries::Wanted<'_>, now: Timestamp) -> Result<Orders, OrderError> {
        let plant = self.plant.current();
        let rows = queries::orders(&self.pool, wanted).await?;
        let counting = |path: &str| counting_unit(&plant, path).map(|unit| unit.0);
        let ids: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
        let mut units: Vec<Uuid> = rows.iter().filter_map(|row| counting(&row.at)).collect();
        units.sort_unstable();
        units.dedup();
        let made = queries::made(&self.pool, &ids, &units).await?;
        let runs: Vec<Uuid> = rows.iter().filter(|row| row.status == "running").map(|row| row.id).collect();
        let worked = queries::worked(&self.pool, &runs, now.to_utc()).await?;
        let view = |row: queries::OrderRow| {
            let unit = counting(&row.at);
            let of = made.iter().find(|(order, at, ..)| *order == row.id && Some(*at) == unit);
            let seconds = worked.iter().find(|(order, at, _)| *order == row.id && Some(*at) == unit);
            let good = of.map_or(0.0, |made| made.2);
            let due = row.due_at.map(Timestamp::from);
            let at: EquipmentPath = row.at.parse().ok()?;
            Some(OrderView {
                id: OrderId(row.id),
                code: row.code,
                product: row.product,
                product_name: row.product_name,
                quantity: row.quantity,
                due,
                due_local: due.zip(site_of(&plant, &at)).map(|(due, site)| calendar::local(due, site.time_zone)),
                at,
                status: OrderStatus::from_word(&row.status)?,
                good,
                scrap: of.map_or(0.0, |made| made.3),
                begun: row.begun_at.map(Timestamp::from),
                finished: row.finished_at.map(Timestamp::from),
                expected_end: seconds.and_then(|seconds| expected_end(good, row.quantity, seconds.2, now)),
            })
        };
        Ok(Orders { orders: rows.into_iter().filter_map(view).collect(), at: now })
    }

    async fn order(&self, code: &str, now: Timestamp) -> Result<OrderView, OrderError> {
        let wanted = queries::Wanted { code: Some(code), limit: 1, ..queries::Wanted::default() };
        let found = self.found(&wanted, now).await?.orders.into_iter().next();
        found.ok_or_else(|| OrderError::NoOrder(code.to_owned()))
    }

    /// Adds an order, or, unless it is to be `only_new`, alters one that is not finished; of one that runs only quantity and
    /// due date.
    ///
    /// # Errors
    /// A value that cannot be; a product or place that there is not; an order that is finished, or that there is already;
    /// the database.
    pub async fn put_order(
        &self,
        code: &str,
        put: &PutOrder,
        only_new: bool,
        by: &str,
        now: Timestamp,
    ) -> Result<OrderView, OrderError> {
        let code = named("an order's code", code)?;
        if !(put.quantity > 0.0 && put.quantity < 1e12) {
            let told = format!("an order is for more than 0 and less than 10^12 pieces; {} is not", put.quantity);
            return Err(OrderError::Refused(told));
        }
        let plant = self.plant.current();
        let product =
            plant.catalogue.product(&put.product).ok_or_else(|| OrderError::NoProduct(put.product.clone()))?;
        let (equipment, site) = place(&plant, &put.at)?;
        let due = put.due.as_deref().map(str::trim).filter(|text| !text.is_empty());
        let due = due.map(|text| calendar::told_moment(site, text)).transpose().map_err(OrderError::Refused)?;
        let mut tx = self.pool.begin().await?;
        let before = queries::lock_order(&mut tx, code).await?;
        if only_new && before.is_some() {
            return Err(OrderError::Exists { what: "order", code: code.to_owned() });
        }
        if let Some(before) = &before {
            let status = OrderStatus::from_word(&before.status).unwrap_or(OrderStatus::Finished);
            if status == OrderStatus::Finished {
                let told = format!("order `{code}` is finished; what was made for it stays as it was");
                return Err(OrderError::Refused(told));
            }
            if status != OrderStatus::Planned && before.equipment_id != equipment.0 {
                let told =
                    format!("order `{code}` has begun elsewhere; finish it, and give the rest an order of its own");
                return Err(OrderError::Busy(told));
            }
        }
        plant::begin_change(&mut tx).await?;
        let order = queries::NewOrder {
            id: before.map_or_else(Uuid::now_v7, |before| before.id),
            code,
            product_id: product.0,
            quantity: put.quantity,
            due_at: due.map(Timestamp::to_utc),
            equipment_id: equipment.0,
            by,
        };
        queries::put_order(&mut tx, &order).await?;
        record(&mut tx, by, "order.put", code, json!(put)).await?;
        tx.commit().await?;
        self.plant.refresh().await?;
        self.order(code, now).await
    }

    /// Starts, pauses, goes on with or finishes an order on all units of its place.
    ///
    /// # Errors
    /// No such order; not from its status; something else runs there; a moment in the future, or before what stands; the
    /// database.
    pub async fn change(
        &self,
        code: &str,
        change: &ChangeOrder,
        by: &str,
        now: Timestamp,
    ) -> Result<OrderView, OrderError> {
        let at = change.at.unwrap_or(now);
        if at > now {
            return Err(OrderError::Refused(format!("{at} is in the future; an order changes now or earlier")));
        }
        let plant = self.plant.current();
        let mut tx = self.pool.begin().await?;
        let order = queries::lock_order(&mut tx, code).await?.ok_or_else(|| OrderError::NoOrder(code.to_owned()))?;
        let status = OrderStatus::from_word(&order.status).unwrap_or(OrderStatus::Finished);
        if !status.may_become(change.status) {
            let (from, to) = (status.as_str(), change.status.as_str());
            return Err(OrderError::Status { code: code.to_owned(), from, to });
        }
        let units = units_of(&plant, EquipmentId(order.equipment_id));
        if change.status == OrderStatus::Running {
            begin(&mut tx, &plant, order.id, &units, at, by).await?;
        } else {
            let open = queries::open_runs(&mut tx, order.id).await?;
            if let Some((_, from)) = open.iter().find(|(_, from)| Timestamp::from(*from) > at) {
                return Err(OrderError::Refused(format!("order `{code}` was begun at {}, after {at}", rfc(*from))));
            }
            queries::end_runs(&mut tx, order.id, at.to_utc(), by).await?;
        }
        let finished = (change.status == OrderStatus::Finished).then(|| at.to_utc());
        queries::set_status(&mut tx, order.id, change.status.as_str(), finished).await?;
        let cause = oee::Cause::by("order changed", by);
        for unit in &units {
            oee::note_stale(&mut tx, *unit, Interval::new(at, now.plus_micros(1)), &cause).await?;
        }
        record(&mut tx, by, "order.status", code, json!({ "status": change.status, "at": at })).await?;
        tx.commit().await?;
        self.oee.context_changed(&units, at, &cause).await;
        self.order(code, now).await
    }
}

async fn begin(
    tx: &mut PgConnection,
    plant: &Plant,
    order: Uuid,
    units: &[EquipmentId],
    at: Timestamp,
    by: &str,
) -> Result<(), OrderError> {
    let ids: Vec<Uuid> = units.iter().map(|unit| unit.0).collect();
    if let Some((unit, other, since)) = queries::running_at(tx, &ids, at.to_utc()).await?.into_iter().next() {
        let found = plant.unit_of(EquipmentId(unit));
        let name = found.map_or_else(|| unit.to_string(), |found| found.unit.name.clone());
        let since = found.map_or_else(|| rfc(since).to_string(), |f| calendar::local(since.into(), f.site.time_zone));
        let told = format!("{name} works on order `{other}` since {since}; pause or finish that first");
        return Err(OrderError::Busy(told));
    }
    for unit in ids {
        queries::begin_run(tx, order, unit, at.to_utc(), by).await?;
    }
    Ok(())
}

fn rfc(time: DateTime<Utc>) -> Timestamp {
    time.into()
}

fn named<'a>(what: &str, text: &'a str) -> Result<&'a str, OrderError> {
    let text = text.trim();
    if text.is_empty() || text.chars().count() > LONGEST || text.chars().any(char::is_control) {
        let told = format!("{what} has 1 to {LONGEST} characters, none of them control characters");
        return Err(OrderError::Refused(told));
    }
    Ok(text)
}

/// When the rest of an order is made at the pace of its runs so far.
fn expected_end(good: f64, quantity: f64, worked_seconds: f64, now: Timestamp) -> Option<Timestamp> {
    if good <= 0.0 || good >= quantity || worked_seconds < PACE_SECONDS {
        return None;
    }
    let micros = (quantity - good) * worked_seconds / good * 1e6;
    // Further than ten years ahead nothing is expected.
    (micros < 3.2e14).then(|| now.plus_micros(micros as i64))
}

/// The line or unit at a path, and its site.
fn place<'a>(plant: &'a Plant, path: &EquipmentPath) -> Result<(EquipmentId, &'a Site), OrderError> {
    if let Some(found) = plant.unit(path) {
        return Ok((found.unit.id, found.site));
    }
    let line = plant.line(path).zip(site_of(plant, path));
    let (line, site) = line.ok_or_else(|| OrderError::NoEquipment(path.to_string()))?;
    Ok((line.id, site))
}

fn site_of<'a>(plant: &'a Plant, path: &EquipmentPath) -> Option<&'a Site> {
    plant.sites.iter().find(|site| path.is_within(&site.path))
}

fn units_of(plant: &Plant, equipment: EquipmentId) -> Vec<EquipmentId> {
    let line = plant.sites.iter().flat_map(|site| site.lines()).find(|(_, line)| line.id == equipment);
    match line {
        Some((_, line)) => line.units.iter().map(|unit| unit.id).collect(),
        None => plant.unit_of(equipment).map(|found| vec![found.unit.id]).unwrap_or_default(),
    }
}

/// The unit whose pieces are the order's.
fn counting_unit(plant: &Plant, path: &str) -> Option<EquipmentId> {
    let path: EquipmentPath = path.parse().ok()?;
    match plant.unit(&path) {
        Some(found) => Some(found.unit.id),
        None => plant.line(&path)?.constraint().map(|unit| unit.id),
    }
}

async fn record(
    tx: &mut PgConnection,
    by: &str,
    action: &str,
    subject: &str,
    detail: serde_json::Value,
) -> sqlx::Result<()> {
    audit::record(tx, audit::Entry { actor: Some(by), action, subject: Some(subject), detail }).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rest_is_expected_at_the_pace_so_far() {
        let now = Timestamp::from_seconds(1_800_000_000);
        // 100 of 400 in 20 minutes: an hour more.
        assert_eq!(expected_end(100.0, 400.0, 1200.0, now), Some(now.plus_seconds(3600)));
        for (good, quantity, seconds) in [(0.0, 400.0, 1200.0), (400.0, 400.0, 1200.0), (100.0, 400.0, 599.0)] {
            assert_eq!(expected_end(good, quantity, seconds, now), None, "{good} {quantity} {seconds}");
        }
    }
}
