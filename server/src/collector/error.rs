use http::StatusCode;

use crate::{historian::HistorianError, web::problem::Problem};

/// Why no gaps are told.
#[derive(Debug, thiserror::Error)]
pub enum GapError {
    /// No such unit.
    #[error("The plant has no unit `{0}`.")]
    NoUnit(String),
    /// What was asked for cannot be.
    #[error("{0}")]
    Refused(String),
    /// The samples.
    #[error(transparent)]
    Historian(#[from] HistorianError),
    /// The database.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

impl From<GapError> for Problem {
    fn from(error: GapError) -> Self {
        match error {
            GapError::NoUnit(_) => Problem::not_found().detail(error.to_string()),
            GapError::Refused(told) => {
                Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "bad-period", "This cannot be told").detail(told)
            }
            GapError::Historian(error) => error.into(),
            GapError::Database(error) => error.into(),
        }
    }
}
