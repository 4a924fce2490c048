//! The one error body of the HTTP API (RFC 9457, `application/problem+json`).

use serde::{Deserialize, Serialize};

/// Media type of [`Problem`].
pub const PROBLEM_JSON: &str = "application/problem+json";

/// What went wrong, for the person or program that asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Problem {
    /// Stable short name of the kind of problem, such as `not-signed-in`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The same in a few words.
    pub title: String,
    /// HTTP status code.
    pub status: u16,
    /// What happened here, and what to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Names the log lines of this request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}
