use axum::response::{IntoResponse, Response};
use http::StatusCode;

use crate::web::problem::Problem;

/// What can go wrong with a calendar. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum CalendarError {
    /// No site at that path.
    #[error("the plant has no site `{0}`")]
    NoSite(String),
    /// No such closure.
    #[error("there is no closure `{name}` that begins at {from}")]
    NoClosure {
        /// As asked for.
        name: String,
        /// As asked for.
        from: String,
    },
    /// A value that cannot be.
    #[error("{0}")]
    Refused(String),
    /// What has begun stays as it was planned.
    #[error(
        "closure `{name}` begins at {from}, which is past: what was planned then stays as it was; closures are entered ahead"
    )]
    Begun {
        /// The closure.
        name: String,
        /// By the site's clock.
        from: String,
    },
    /// Postgres.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
    /// Written, but not read back.
    #[error(transparent)]
    Plant(#[from] crate::plant::LoadError),
}

impl From<CalendarError> for Problem {
    fn from(error: CalendarError) -> Self {
        let told = error.to_string();
        match error {
            CalendarError::NoSite(_) | CalendarError::NoClosure { .. } => Problem::not_found().detail(told),
            CalendarError::Refused(_) => {
                Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "calendar-refused", "This calendar cannot be")
                    .detail(told)
            }
            CalendarError::Begun { .. } => {
                Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "closure-begun", "The closure has begun").detail(told)
            }
            CalendarError::Database(error) => error.into(),
            CalendarError::Plant(error) => Problem::internal(&error),
        }
    }
}

impl IntoResponse for CalendarError {
    fn into_response(self) -> Response {
        Problem::from(self).into_response()
    }
}
