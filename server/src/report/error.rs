use http::StatusCode;

use super::pdf::PdfError;
use crate::{oee::DeriveError, web::problem::Problem};

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// Nothing at that path.
    #[error("the plant has no line or unit `{0}`")]
    NoEquipment(String),
    /// A period that cannot be.
    #[error("{0}")]
    Refused(String),
    /// Facts cannot be made.
    #[error(transparent)]
    Derive(#[from] DeriveError),
    /// A document that cannot be made.
    #[error(transparent)]
    Pdf(#[from] PdfError),
    /// Its making was cut off.
    #[error("the document could not be made: {0}")]
    Cut(#[from] tokio::task::JoinError),
    /// Postgres.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

impl From<ReportError> for Problem {
    fn from(error: ReportError) -> Self {
        let told = error.to_string();
        match error {
            ReportError::NoEquipment(_) => Problem::not_found().detail(told),
            ReportError::Refused(_) => {
                Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "period-refused", "This period cannot be reported")
                    .detail(told)
            }
            ReportError::Derive(DeriveError::Database(error)) | ReportError::Database(error) => error.into(),
            ReportError::Derive(error) => Problem::internal(&error),
            ReportError::Pdf(error) => Problem::internal(&error),
            ReportError::Cut(error) => Problem::internal(&error),
        }
    }
}
