use axum::response::{IntoResponse, Response};
use http::StatusCode;

use crate::web::problem::Problem;

/// Why rules were not taken or tried. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum RuleError {
    /// A rule that makes no sense.
    #[error("{0}")]
    Refused(String),
    /// Facts cannot be made.
    #[error(transparent)]
    Derive(#[from] crate::oee::DeriveError),
    /// Postgres.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
    /// Written, but not read back.
    #[error(transparent)]
    Plant(#[from] crate::plant::LoadError),
}

impl IntoResponse for RuleError {
    fn into_response(self) -> Response {
        let told = self.to_string();
        let problem = match self {
            Self::Refused(_) => {
                Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "rule-refused", "This is no rule").detail(told)
            }
            Self::Database(error) => error.into(),
            Self::Derive(error) => Problem::internal(&error),
            Self::Plant(error) => Problem::internal(&error),
        };
        problem.into_response()
    }
}
