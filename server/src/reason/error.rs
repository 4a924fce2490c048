use axum::{
    Json,
    response::{IntoResponse, Response},
};
use gemba_contract::{
    problem::{PROBLEM_JSON, Problem as Body},
    reason::ReasonConflict,
};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use utoipa::ToSchema;

use crate::web::{problem::Problem, request_id};

/// Why a reason or a note was not taken. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum ReasonError {
    /// Nothing at that path.
    #[error("the plant has no {what} `{path}`")]
    NoEquipment {
        /// `unit`, or `line or unit`.
        what: &'static str,
        /// As asked for.
        path: String,
    },
    /// No reason of that code.
    #[error("{0}")]
    NoReason(String),
    /// A value that cannot be.
    #[error("{0}")]
    Refused(String),
    /// Somebody else changed the stretch since the caller looked.
    #[error("somebody else has changed this meanwhile; both versions are in the answer")]
    Conflict(Box<ReasonConflict>),
    /// Somebody else wrote there since the caller looked.
    #[error("{by} has written here meanwhile: \"{text}\"; your words: \"{yours}\"")]
    NoteConflict {
        /// The user's name.
        by: String,
        /// What stands there.
        text: String,
        /// What was to be written.
        yours: String,
    },
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

/// The problem with both versions beside its own fields.
#[derive(Serialize, ToSchema)]
#[schema(as = ReasonConflictProblem)]
pub(super) struct ConflictBody {
    #[serde(flatten)]
    problem: Body,
    #[serde(flatten)]
    versions: ReasonConflict,
}

impl IntoResponse for ReasonError {
    fn into_response(self) -> Response {
        let told = self.to_string();
        let problem = match self {
            Self::NoEquipment { .. } => Problem::not_found().detail(told),
            Self::NoReason(_) => {
                Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "no-such-reason", "There is no such reason").detail(told)
            }
            Self::Refused(_) => {
                Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "reason-refused", "This cannot be said").detail(told)
            }
            Self::Conflict(versions) => {
                let problem = Body {
                    kind: "changed-meanwhile".to_owned(),
                    title: "Somebody else has changed this meanwhile".to_owned(),
                    status: StatusCode::CONFLICT.as_u16(),
                    detail: Some(told),
                    request_id: request_id::current(),
                };
                let mut response =
                    (StatusCode::CONFLICT, Json(ConflictBody { problem, versions: *versions })).into_response();
                response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
                return response;
            }
            Self::NoteConflict { .. } => {
                Problem::new(StatusCode::CONFLICT, "changed-meanwhile", "Somebody else has written here meanwhile")
                    .detail(told)
            }
            Self::Database(error) => error.into(),
            Self::Derive(error) => Problem::internal(&error),
            Self::Plant(error) => Problem::internal(&error),
        };
        problem.into_response()
    }
}
