//! Products, production orders, and what a unit works on when.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{Interval, signal::words};

/// Identifies a product for its whole life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(transparent)]
pub struct ProductId(pub uuid::Uuid);

/// Identifies a production order for its whole life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(transparent)]
pub struct OrderId(pub uuid::Uuid);

/// How far a production order is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum OrderStatus {
    /// Not begun.
    Planned,
    /// Being made.
    Running,
    /// Begun, and interrupted.
    Paused,
    /// Done. Nothing is counted for it any more.
    Finished,
}

words!(OrderStatus { Planned => "planned", Running => "running", Paused => "paused", Finished => "finished" });

impl OrderStatus {
    /// Whether an order that is so may become `next`: a finished order stays finished.
    pub fn may_become(self, next: OrderStatus) -> bool {
        use OrderStatus::{Finished, Paused, Planned, Running};
        matches!((self, next), (Planned | Paused, Running) | (Running, Paused) | (Running | Paused | Planned, Finished))
    }
}

/// What a unit works on over a stretch of time.
#[derive(Clone, Debug, PartialEq)]
pub struct Work {
    /// When.
    pub interval: Interval,
    /// The production order; `None` where only the product is known.
    pub order: Option<OrderId>,
    /// The product.
    pub product: Option<ProductId>,
    /// PRI of this product at this unit, microseconds; `None`: not known, pieces are not rated.
    pub pri_micros: Option<i64>,
}

/// A stretch in which a unit's own signals named an order or a product.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// When.
    pub interval: Interval,
    /// Code of the order.
    pub order: Option<Arc<str>>,
    /// Code of the product.
    pub product: Option<Arc<str>>,
}
