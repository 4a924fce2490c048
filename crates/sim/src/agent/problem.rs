//! What an agent answers when it cannot answer.

use axum::http::StatusCode;

/// An error of the standard, with its text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Problem {
    #[error("no device has the name or UUID `{0}`; /probe lists them")]
    NoDevice(String),
    #[error("{0}")]
    OutOfRange(String),
    #[error("{0}")]
    InvalidRequest(String),
    #[error(
        "`{0}` is no path of this agent; it answers to /probe, /current and /sample, each also after a device name"
    )]
    InvalidUri(String),
    #[error("{0}")]
    InvalidPath(String),
}

impl Problem {
    /// The errorCode of the standard.
    pub(super) fn code(&self) -> &'static str {
        match self {
            Self::NoDevice(_) => "NO_DEVICE",
            Self::OutOfRange(_) => "OUT_OF_RANGE",
            Self::InvalidRequest(_) => "INVALID_REQUEST",
            Self::InvalidUri(_) => "INVALID_URI",
            Self::InvalidPath(_) => "INVALID_PATH",
        }
    }

    /// Agents before 2.0 sent 200 with every error; later ones use the status too.
    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::NoDevice(_) | Self::InvalidUri(_) => StatusCode::NOT_FOUND,
            Self::OutOfRange(_) | Self::InvalidRequest(_) | Self::InvalidPath(_) => StatusCode::BAD_REQUEST,
        }
    }
}
