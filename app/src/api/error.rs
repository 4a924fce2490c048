use gemba_contract::problem::Problem;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::ApiReply;

/// Why the API gave no data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum ApiError {
    /// Nobody is signed in, or the session ended.
    #[error("You are not signed in.")]
    NotSignedIn,
    /// The password must be changed first.
    #[error("Change your password first.")]
    MustChangePassword,
    /// The role does not allow it.
    #[error("{0}")]
    NotPermitted(String),
    /// There is no such thing.
    #[error("{0}")]
    NotFound(String),
    /// The server refused or failed, and said why.
    #[error("{}", .0.detail.as_deref().unwrap_or(&.0.title))]
    Problem(Problem),
    /// No answer.
    #[error("The server did not answer. Nothing was lost; try again in a moment.")]
    Unreachable,
    /// An answer that this page cannot read, as after an update of the server.
    #[error("The server's answer could not be read ({0}). Reload the page; it may be older than the server.")]
    Unreadable(String),
}

impl ApiError {
    /// The HTTP status that a page with this error should have.
    pub fn status(&self) -> u16 {
        match self {
            ApiError::NotSignedIn => 401,
            ApiError::MustChangePassword | ApiError::NotPermitted(_) => 403,
            ApiError::NotFound(_) => 404,
            ApiError::Problem(problem) => problem.status,
            ApiError::Unreachable | ApiError::Unreadable(_) => 502,
        }
    }

    /// Names the log lines of the request that failed.
    pub fn request_id(&self) -> Option<&str> {
        match self {
            ApiError::Problem(problem) => problem.request_id.as_deref(),
            _ => None,
        }
    }
}

/// The data in a reply, or what went wrong.
pub(super) fn read<T: DeserializeOwned>(reply: &ApiReply) -> Result<T, ApiError> {
    if (200..300).contains(&reply.status) {
        return serde_json::from_slice(&reply.body).map_err(|e| ApiError::Unreadable(e.to_string()));
    }
    let problem = serde_json::from_slice(&reply.body).unwrap_or_else(|_| Problem {
        kind: "unnamed".to_owned(),
        title: format!("The server answered with status {}.", reply.status),
        status: reply.status,
        detail: None,
        request_id: None,
    });
    let detail = |fallback: &str| problem.detail.clone().unwrap_or_else(|| fallback.to_owned());
    Err(match reply.status {
        401 => ApiError::NotSignedIn,
        403 if problem.kind.contains("password") => ApiError::MustChangePassword,
        403 => ApiError::NotPermitted(detail("Your role does not allow this.")),
        404 => ApiError::NotFound(detail("There is nothing here.")),
        _ => ApiError::Problem(problem),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(status: u16, body: &str) -> ApiReply {
        ApiReply { status, body: body.as_bytes().to_vec() }
    }

    #[test]
    fn a_problem_keeps_its_words_and_request_id() {
        let body = r#"{"type":"busy","title":"Busy","status":503,"detail":"Try in 5 s.","request_id":"r1"}"#;
        let error = read::<u32>(&reply(503, body)).expect_err("a problem");
        assert_eq!(error.to_string(), "Try in 5 s.");
        assert_eq!(error.request_id(), Some("r1"));
        assert_eq!(error.status(), 503);
    }

    #[test]
    fn statuses_with_a_meaning_of_their_own() {
        assert_eq!(read::<u32>(&reply(401, "")), Err(ApiError::NotSignedIn));
        let must = r#"{"type":"password-change-required","title":"x","status":403}"#;
        assert_eq!(read::<u32>(&reply(403, must)), Err(ApiError::MustChangePassword));
        assert!(matches!(read::<u32>(&reply(404, "")), Err(ApiError::NotFound(_))));
        assert!(matches!(read::<u32>(&reply(200, "{")), Err(ApiError::Unreadable(_))));
        assert_eq!(read::<u32>(&reply(200, "7")), Ok(7));
    }

    #[test]
    fn a_body_that_is_no_problem_still_gives_words() {
        let error = read::<u32>(&reply(500, "<html>")).expect_err("an error");
        assert_eq!(error.to_string(), "The server answered with status 500.");
    }
}
