use http::{StatusCode, header};

use super::PasswordRule;
use crate::web::problem::Problem;

/// What can go wrong with users and sessions.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    /// Unknown user or wrong password: nobody is told which.
    #[error("the user name or the password is wrong")]
    WrongCredentials,
    /// Too many attempts from this address or on this account.
    #[error("too many attempts; try again in {retry_after} s")]
    TooManyAttempts {
        /// Seconds until the next attempt is looked at.
        retry_after: u64,
    },
    /// More passwords are waiting to be checked than can be in time.
    #[error("too many people sign in at this moment; try again")]
    Busy,
    /// The current password, given to change it, is wrong.
    #[error("the current password is wrong; nothing was changed")]
    WrongCurrentPassword,
    /// The new password breaks a rule.
    #[error("{0}")]
    Password(PasswordRule),
    /// Not a user name.
    #[error("a user name has 1 to 64 of a-z, 0-9, `.`, `_`, `@` and `-`, and begins with a letter or digit")]
    Username,
    /// There is one of that name.
    #[error("there is a user `{0}` already; nothing was changed")]
    UserExists(String),
    /// There is none of that name.
    #[error("there is no user `{0}`; `gemba user list` shows them")]
    UserUnknown(String),
    /// Hashing failed, or a stored hash cannot be read.
    #[error("the password could not be hashed")]
    Hash(#[from] argon2::password_hash::Error),
    /// The thread that hashes ended.
    #[error("the password could not be checked")]
    Task(#[from] tokio::task::JoinError),
    /// The operating system gives no random numbers.
    #[error("no random numbers")]
    Random(#[from] rand::rand_core::OsError),
    /// The file with the first password cannot be written.
    #[error("cannot write {path}")]
    File {
        /// The file.
        path: std::path::PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A row that cannot be.
    #[error("table user_account, row {0}: `{1}` is not a role")]
    Inconsistent(uuid::Uuid, String),
    /// Postgres.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

impl From<AuthError> for Problem {
    fn from(error: AuthError) -> Self {
        match error {
            AuthError::WrongCredentials => Problem::new(StatusCode::UNAUTHORIZED, "wrong-credentials", "Not signed in")
                .detail("The user name or the password is wrong."),
            AuthError::TooManyAttempts { retry_after } => {
                Problem::new(StatusCode::TOO_MANY_REQUESTS, "too-many-attempts", "Too many attempts")
                    .detail(format!("Wait {retry_after} s and try again."))
                    .header(header::RETRY_AFTER, retry_after)
            }
            AuthError::Busy => Problem::new(StatusCode::SERVICE_UNAVAILABLE, "busy", "Too many people sign in")
                .detail("Try again in a few seconds.")
                .header(header::RETRY_AFTER, 3),
            AuthError::WrongCurrentPassword => {
                Problem::new(StatusCode::FORBIDDEN, "wrong-current-password", "Not changed")
                    .detail("The current password is wrong. Nothing was changed.")
            }
            AuthError::Password(rule) => {
                Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "password-refused", "Not changed")
                    .detail(rule.to_string())
            }
            AuthError::Username => {
                Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "username-refused", "Not a user name")
                    .detail(AuthError::Username.to_string())
            }
            AuthError::UserExists(_) => {
                Problem::new(StatusCode::CONFLICT, "user-exists", "There is such a user already")
            }
            AuthError::UserUnknown(_) => Problem::not_found(),
            AuthError::Database(error) => error.into(),
            AuthError::Hash(_)
            | AuthError::Task(_)
            | AuthError::Random(_)
            | AuthError::File { .. }
            | AuthError::Inconsistent(..) => Problem::internal(&error),
        }
    }
}
