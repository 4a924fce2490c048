use http::StatusCode;

use crate::web::problem::Problem;

/// What can go wrong with products and orders. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum OrderError {
    /// No product of that code.
    #[error("there is no product `{0}`; add it first, or look at /api/v1/products")]
    NoProduct(String),
    /// No order of that code.
    #[error("there is no order `{0}`")]
    NoOrder(String),
    /// Nothing at that path that can work on orders.
    #[error("the plant has no line or unit `{0}`")]
    NoEquipment(String),
    /// A value that cannot be.
    #[error("{0}")]
    Refused(String),
    /// It runs elsewhere, or something else runs here.
    #[error("{0}")]
    Busy(String),
    /// It was to be a new one.
    #[error("{what} `{code}` exists already; choose another number, or change that one")]
    Exists {
        /// `order` or `product`.
        what: &'static str,
        /// As given.
        code: String,
    },
    /// Not from this status.
    #[error("order `{code}` is {from}; it cannot become {to}")]
    Status {
        /// The order.
        code: String,
        /// As it is.
        from: &'static str,
        /// As it should become.
        to: &'static str,
    },
    /// Postgres.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
    /// Written, but not read back.
    #[error(transparent)]
    Plant(#[from] crate::plant::LoadError),
}

impl From<OrderError> for Problem {
    fn from(error: OrderError) -> Self {
        let told = error.to_string();
        match error {
            OrderError::NoProduct(_) => {
                Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "no-such-product", "There is no such product")
                    .detail(told)
            }
            OrderError::NoOrder(_) => Problem::not_found().detail(told),
            OrderError::NoEquipment(_) => {
                Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "no-such-equipment", "The plant has no such equipment")
                    .detail(told)
            }
            OrderError::Refused(_) => {
                Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "order-refused", "This cannot be").detail(told)
            }
            OrderError::Busy(_) => {
                Problem::new(StatusCode::CONFLICT, "unit-busy", "An order runs there already").detail(told)
            }
            OrderError::Exists { .. } => {
                Problem::new(StatusCode::CONFLICT, "exists-already", "This exists already").detail(told)
            }
            OrderError::Status { .. } => {
                Problem::new(StatusCode::CONFLICT, "order-status", "The order is not in a status for this").detail(told)
            }
            OrderError::Database(error) => error.into(),
            OrderError::Plant(error) => Problem::internal(&error),
        }
    }
}
