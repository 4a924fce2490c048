//! Master data in memory, read with the plant: it changes seldom, and every derivation asks it.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use gemba_domain::{
    Interval, Timestamp,
    equipment::EquipmentId,
    order::{OrderId, ProductId},
};
use sqlx::PgConnection;

use super::queries;

/// A product.
#[derive(Clone, Debug)]
pub struct Product {
    pub code: Arc<str>,
    pub name: Arc<str>,
    /// What a good piece earns, in hundredths of the plant's currency.
    pub margin_cents: Option<i64>,
}

/// Products, ideal cycles, and the orders by code.
#[derive(Debug, Default)]
pub struct Catalogue {
    pub products: HashMap<ProductId, Product>,
    product_codes: HashMap<Arc<str>, ProductId>,
    orders: HashMap<Arc<str>, (OrderId, ProductId)>,
    /// By unit and product (`None`: whatever is made): from when on which PRI, microseconds.
    cycles: HashMap<(EquipmentId, Option<ProductId>), BTreeMap<Timestamp, i64>>,
}

impl Catalogue {
    /// The product of this code, in whatever case it is written.
    pub fn product(&self, code: &str) -> Option<ProductId> {
        self.product_codes.get(code).or_else(|| self.product_codes.get(code.to_lowercase().as_str())).copied()
    }

    /// The order of this code, and what it makes.
    pub fn order(&self, code: &str) -> Option<(OrderId, ProductId)> {
        self.orders.get(code).copied()
    }

    /// PRI of a product at a unit at a moment, microseconds. A product without one of its own has that of the unit.
    pub fn pri(&self, unit: EquipmentId, product: Option<ProductId>, at: Timestamp) -> Option<i64> {
        let of = |product| self.cycles.get(&(unit, product))?.range(..=at).next_back().map(|(_, pri)| *pri);
        product.and_then(|product| of(Some(product))).or_else(|| of(None))
    }

    /// The moments within a period at which the PRI of a product at a unit may change, in order.
    pub fn changes(&self, unit: EquipmentId, product: Option<ProductId>, period: Interval) -> Vec<Timestamp> {
        let mut found: Vec<Timestamp> = [product, None]
            .into_iter()
            .filter_map(|product| self.cycles.get(&(unit, product)))
            .flat_map(|cycles| cycles.keys().copied())
            .filter(|at| period.from < *at && *at < period.to)
            .collect();
        found.sort_unstable();
        found.dedup();
        found
    }

    /// The shortest PRI that a unit ever had: what bounds its counters, microseconds.
    pub fn shortest_pri(&self, unit: EquipmentId) -> Option<i64> {
        self.cycles.iter().filter(|((of, _), _)| *of == unit).flat_map(|(_, cycles)| cycles.values().copied()).min()
    }

    /// The ideal cycles of a product: unit, from when on, seconds.
    pub fn cycles_of(&self, product: ProductId) -> Vec<(EquipmentId, Timestamp, f64)> {
        let of = self.cycles.iter().filter(|((_, of), _)| *of == Some(product));
        let mut found: Vec<_> = of
            .flat_map(|((unit, _), cycles)| cycles.iter().map(|(from, pri)| (*unit, *from, *pri as f64 / 1e6)))
            .collect();
        found.sort_by_key(|(unit, from, _)| (*unit, *from));
        found
    }
}

/// Reads all of it.
///
/// # Errors
/// Those of the database.
pub async fn load(db: &mut PgConnection) -> sqlx::Result<Catalogue> {
    let mut catalogue = Catalogue::default();
    for row in queries::products(&mut *db).await? {
        let code: Arc<str> = row.code.into();
        let id = ProductId(row.id);
        catalogue.product_codes.entry(code.to_lowercase().into()).or_insert(id);
        catalogue.product_codes.insert(code.clone(), id);
        let product = Product { code, name: row.name.into(), margin_cents: row.margin_cents };
        catalogue.products.insert(id, product);
    }
    for row in queries::order_codes(&mut *db).await? {
        catalogue.orders.insert(row.code.into(), (OrderId(row.id), ProductId(row.product_id)));
    }
    for row in queries::cycles(&mut *db).await? {
        let product = Some(row.product_id).filter(|id| !id.is_nil()).map(ProductId);
        let pri = (row.seconds * 1e6).round().clamp(1.0, 9e15) as i64;
        let cycles = catalogue.cycles.entry((EquipmentId(row.unit_id), product)).or_default();
        cycles.insert(Timestamp::from_micros(row.valid_from_micros), pri);
    }
    Ok(catalogue)
}
