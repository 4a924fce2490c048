use chrono::{DateTime, Utc};
use http::{StatusCode, header};

use crate::web::problem::{Problem, is_away};

/// Why a collector is not let in, or not served. The words are read by whoever stands before the machine.
#[derive(Debug, thiserror::Error)]
pub enum CollectorError {
    /// The code's secret is not known.
    #[error(
        "this server does not know the code. It may have been replaced by a newer one: make a code by \
         `gemba collector add NAME` and use that one"
    )]
    CodeUnknown,
    /// Too late.
    #[error("the code was good until {0}. Make a new one by `gemba collector add NAME`; it is good for ten minutes")]
    CodeExpired(DateTime<Utc>),
    /// Another key was let in by it.
    #[error(
        "the code was used at {0}, and a code works once. Make a new one by `gemba collector add NAME`. If it was not you who \
         used it, somebody else did: then also run `gemba collector revoke NAME`"
    )]
    CodeUsed(DateTime<Utc>),
    /// Guesses.
    #[error("too many codes were refused; try again in {0} seconds")]
    TooMany(u64),
    /// The request for a certificate.
    #[error("{0}")]
    Request(String),
    /// A request under another name.
    #[error("the request is for a collector named `{asked}`, this one is `{name}`")]
    Name { name: String, asked: String },
    /// A request for another key.
    #[error("the request holds another key than the certificate it came with. A new key needs a new code")]
    Key,
    /// Nothing was shown.
    #[error(
        "this port is for collectors, and the connection showed no certificate. Let the collector in by \
         `gemba collector add NAME` here and `gemba-edge enrol` there"
    )]
    Stranger,
    /// Our signature, but nobody of that name.
    #[error(
        "no collector is named `{0}` here: the database may be older than the certificate. Let the collector in anew: \
         `gemba collector add {0}`, then `gemba-edge enrol`"
    )]
    Unknown(String),
    /// Shut out.
    #[error(
        "the collector `{name}` was revoked at {at}. To let it in again: `gemba collector add {name}`, then `gemba-edge enrol`"
    )]
    Revoked { name: String, at: DateTime<Utc> },
    /// Its certificate's time is over.
    #[error("the certificate was good until {0}; renew it")]
    Expired(DateTime<Utc>),
    /// Too long ago to be renewed.
    #[error(
        "the certificate was good until {0}, too long ago to be renewed (`ingest.renew_within`). Make a new code by \
         `gemba collector add NAME`, then run `gemba-edge enrol`"
    )]
    TooLate(DateTime<Utc>),
    /// A newer certificate, or key, is in use.
    #[error(
        "a newer certificate of `{0}` is in use: the directory with its identity was copied, or an old copy was put back. One \
         identity is for one machine: let this one in under a name of its own by `gemba collector add NAME`, then `gemba-edge enrol`"
    )]
    Copied(String),
    /// Ours to mend.
    #[error("the certificate could not be made")]
    Authority(#[from] gemba_identity::AuthorityError),
    /// Postgres.
    #[error("the database does not answer")]
    Database(#[from] sqlx::Error),
}

impl CollectorError {
    /// The stable short name; also the reason in the audit.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::CodeUnknown => "code-unknown",
            Self::CodeExpired(_) => "code-expired",
            Self::CodeUsed(_) => "code-used",
            Self::TooMany(_) => "too-many-codes",
            Self::Request(_) => "certificate-request",
            Self::Name { .. } => "wrong-name",
            Self::Key => "wrong-key",
            Self::Stranger => "no-certificate",
            Self::Unknown(_) => "unknown-collector",
            Self::Revoked { .. } => "revoked",
            Self::Expired(_) => "certificate-expired",
            Self::TooLate(_) => "certificate-too-old",
            Self::Copied(_) => "identity-copied",
            Self::Authority(_) => "internal",
            Self::Database(_) => "database-away",
        }
    }
}

impl From<CollectorError> for Problem {
    fn from(error: CollectorError) -> Self {
        let (kind, detail) = (error.kind(), error.to_string());
        let (status, title) = match error {
            CollectorError::CodeUnknown | CollectorError::CodeExpired(_) | CollectorError::CodeUsed(_) => {
                (StatusCode::FORBIDDEN, "The code lets nobody in")
            }
            CollectorError::TooMany(seconds) => {
                return Problem::new(StatusCode::TOO_MANY_REQUESTS, kind, "Too many codes were tried")
                    .detail(detail)
                    .header(header::RETRY_AFTER, seconds);
            }
            CollectorError::Request(_) | CollectorError::Name { .. } | CollectorError::Key => {
                (StatusCode::UNPROCESSABLE_ENTITY, "This cannot be signed")
            }
            CollectorError::Stranger
            | CollectorError::Unknown(_)
            | CollectorError::Revoked { .. }
            | CollectorError::Expired(_)
            | CollectorError::TooLate(_)
            | CollectorError::Copied(_) => (StatusCode::UNAUTHORIZED, "The collector is not let in"),
            CollectorError::Authority(error) => return Problem::internal(&error),
            CollectorError::Database(error) if is_away(&error) => return Problem::database_away(),
            CollectorError::Database(error) => return Problem::internal(&error),
        };
        Problem::new(status, kind, title).detail(detail)
    }
}
