//! The one error answer of the HTTP surface (RFC 9457).

use axum::response::{IntoResponse, Response};
use gemba_contract::problem::{PROBLEM_JSON, Problem as Body};
use http::{HeaderName, HeaderValue, StatusCode, header};

use super::request_id;

/// An answer that says what went wrong. A feature's error becomes one by an exhaustive match in its `error.rs`:
///
/// ```
/// use gemba_server::web::problem::Problem;
/// use http::StatusCode;
/// let problem = Problem::new(StatusCode::CONFLICT, "stale-epoch", "The queue is older than one seen before")
///     .detail("Start a new epoch and send again.");
/// assert_eq!(problem.status(), StatusCode::CONFLICT);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    status: StatusCode,
    kind: &'static str,
    title: &'static str,
    detail: Option<String>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Problem {
    /// `kind` is the stable short name, `title` the same in a few words.
    pub fn new(status: StatusCode, kind: &'static str, title: &'static str) -> Self {
        Self { status, kind, title, detail: None, headers: Vec::new() }
    }

    /// What happened here and what to do about it. Never anything a stranger must not read.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// With a header, such as `Retry-After`.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: impl Into<HeaderValue>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// The status of the answer.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The stable short name.
    pub fn kind(&self) -> &'static str {
        self.kind
    }

    /// Something broke that the caller cannot mend. The cause goes to the log, under the request's id, and not to the caller.
    pub fn internal(cause: &(dyn std::error::Error + 'static)) -> Self {
        tracing::error!(cause = chain(cause), "request failed");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "Something broke in the server")
            .detail("Nothing was changed. The log has the cause under this request id.")
    }

    /// Postgres cannot be reached or does not answer in time.
    pub fn database_away() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "database-away", "The database does not answer")
            .detail("Nothing was changed. Try again in a few seconds.")
            .header(header::RETRY_AFTER, 2)
    }

    /// There is no session, or it is over.
    pub fn not_signed_in() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "not-signed-in", "Not signed in").detail("Sign in and try again.")
    }

    /// The role may not do this.
    pub fn not_permitted() -> Self {
        Self::new(StatusCode::FORBIDDEN, "not-permitted", "Not permitted")
            .detail("Your role does not permit this. Ask an administrator.")
    }

    /// There is no such thing.
    pub fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", "There is nothing here")
    }
}

/// An error with all its causes, in one line.
pub fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let next = cause.to_string();
        if !text.ends_with(&next) {
            text.push_str(": ");
            text.push_str(&next);
        }
        source = cause.source();
    }
    text
}

/// Whether Postgres is away, rather than saying no to a statement.
pub fn is_away(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => true,
        // Class 57P: shutting down, crashed, starting up; 53300: too many connections; 08: connection.
        sqlx::Error::Database(database) => {
            database.code().is_some_and(|code| code.starts_with("57P") || code.starts_with("08") || code == "53300")
        }
        _ => false,
    }
}

impl From<sqlx::Error> for Problem {
    fn from(error: sqlx::Error) -> Self {
        if is_away(&error) {
            tracing::warn!(cause = chain(&error), "the database does not answer");
            Self::database_away()
        } else {
            Self::internal(&error)
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = Body {
            kind: self.kind.to_owned(),
            title: self.title.to_owned(),
            status: self.status.as_u16(),
            detail: self.detail,
            request_id: request_id::current(),
        };
        let json = serde_json::to_vec(&body).unwrap_or_default();
        let mut response = (self.status, [(header::CONTENT_TYPE, PROBLEM_JSON)], json).into_response();
        response.headers_mut().extend(self.headers);
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }
}
