//! Products, ideal cycles, production orders.

use gemba_domain::{
    Timestamp,
    equipment::EquipmentPath,
    order::{OrderId, OrderStatus, ProductId},
};
use serde::{Deserialize, Serialize};

/// `GET /api/v1/products`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Products {
    /// By code.
    pub products: Vec<ProductView>,
}

/// A product, with how long a piece of it takes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ProductView {
    /// Identity.
    pub id: ProductId,
    /// Short and unique.
    pub code: String,
    /// For people.
    pub name: String,
    /// What a good piece earns, in hundredths of the plant's currency.
    pub margin_cents: Option<i64>,
    /// Ideal cycles in force, and those that follow.
    pub ideal_cycles: Vec<IdealCycle>,
}

/// PRI of a product at a unit from a moment on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct IdealCycle {
    /// The unit.
    pub unit: EquipmentPath,
    /// Seconds per piece.
    pub seconds: f64,
    /// From when on; left out in a request: from now on. A moment that is past makes the figures since then anew, and
    /// leaves those reported first beside them.
    #[serde(default)]
    pub valid_from: Option<Timestamp>,
    /// The same by the site's clock, such as `2026-12-24 14:00`; in a request it serves where `valid_from` is left out.
    #[serde(default)]
    pub valid_from_local: Option<String>,
}

/// `PUT /api/v1/products/{code}?only_new`: adds the product, or alters it; with `only_new=true` it is refused where there
/// is one of this code.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct PutProduct {
    /// For people.
    pub name: String,
    /// What a good piece earns, in hundredths of the plant's currency.
    #[serde(default)]
    pub margin_cents: Option<i64>,
    /// Ideal cycles to add; those that stand stay.
    #[serde(default)]
    pub ideal_cycles: Vec<IdealCycle>,
}

/// `GET /api/v1/orders?at&status&limit`: of a node and below it; of one status or several, as in `status=running,paused`; at
/// most `limit`, 1,000 when left out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Orders {
    /// Running first, then by due date; finished ones newest first.
    pub orders: Vec<OrderView>,
    /// The server's clock when this was made.
    pub at: Timestamp,
}

/// A production order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct OrderView {
    /// Identity.
    pub id: OrderId,
    /// Short and unique, such as `PO-48213`.
    pub code: String,
    /// Code of the product.
    pub product: String,
    /// Its name.
    pub product_name: String,
    /// Good pieces wanted.
    pub quantity: f64,
    /// By when.
    pub due: Option<Timestamp>,
    /// The same by the site's clock, such as `2026-12-24 14:00`.
    pub due_local: Option<String>,
    /// The line or unit that makes it.
    pub at: EquipmentPath,
    /// How far it is.
    pub status: OrderStatus,
    /// Good pieces so far, of the line's key unit.
    pub good: f64,
    /// Scrapped pieces so far.
    pub scrap: f64,
    /// When it was begun first.
    pub begun: Option<Timestamp>,
    /// When it was finished.
    pub finished: Option<Timestamp>,
    /// Of one that runs: when the rest is made at the pace of its runs so far, stops and breaks in them included. `None`
    /// before it has run for ten minutes, without a good piece, and when all are made.
    pub expected_end: Option<Timestamp>,
}

/// `PUT /api/v1/orders/{code}?only_new`: adds the order, or alters it while it is not finished; with `only_new=true` it is
/// refused where there is one of this code.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct PutOrder {
    /// Code of the product.
    pub product: String,
    /// Good pieces wanted, more than 0.
    pub quantity: f64,
    /// By when: by the site's clock, such as `2026-12-24` or `2026-12-24 14:00`, or RFC 3339.
    #[serde(default)]
    pub due: Option<String>,
    /// The line or unit that makes it.
    pub at: EquipmentPath,
}

/// `POST /api/v1/orders/{code}/status`: starts, pauses, goes on with, or finishes an order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ChangeOrder {
    /// What it becomes.
    pub status: OrderStatus,
    /// Since when; now when left out. Not in the future.
    #[serde(default)]
    pub at: Option<Timestamp>,
}
