//! Users, sessions and who is calling.
//!
//! A session is a random token of 256 bits in a cookie; Postgres holds its SHA-256. It ends by sign-out, by a change of
//! password, after `session.idle_limit` without use and after `session.absolute_limit` in any case. An open live view
//! counts as use.

pub mod audit;
mod commands;
mod cookie;
mod ended;
mod error;
mod first;
pub mod guard;
mod password;
mod queries;
mod routes;
mod service;
mod throttle;

#[cfg(test)]
mod tests;

use std::{str::FromStr, sync::Arc};

use axum::extract::FromRequestParts;
use gemba_contract::session::Me;
use gemba_domain::access::Role;
use http::request::Parts;
use uuid::Uuid;

pub use audit::{COMMAND_LINE, Entry, record};
pub use commands::{User, add_user, list_users, reset_password};
pub use error::AuthError;
pub use first::{INITIAL_PASSWORD_FILE, ensure_first_administrator};
pub use password::{PasswordRule, check_rules};
pub use routes::routes;
pub use service::Service;

use crate::web::problem::Problem;

/// Identifies a user for life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct UserId(pub Uuid);

/// Identifies a session. Not a secret: the token in the cookie is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SessionId(pub Uuid);

/// A user's name: 1 to 64 of `a-z`, `0-9`, `.`, `_`, `@` and `-`, beginning with a letter or digit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Username(String);

impl Username {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Username {
    type Err = AuthError;

    /// Capitals and spaces around it are forgiven.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let name = text.trim().to_lowercase();
        let inner = name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._@-".contains(&b));
        let first = name.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric());
        if inner && first && name.len() <= 64 { Ok(Self(name)) } else { Err(AuthError::Username) }
    }
}

/// Who is calling: left by the guard of each route, taken by handlers as an extractor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The user.
    pub user: UserId,
    /// For people and the audit.
    pub username: Arc<str>,
    /// What the user may do.
    pub role: Role,
    /// Nothing but a change of password is allowed until it is changed.
    pub must_change_password: bool,
    /// The session.
    pub session: SessionId,
}

impl Caller {
    /// As the API shows it.
    pub fn me(&self) -> Me {
        Me { username: self.username.to_string(), role: self.role, must_change_password: self.must_change_password }
    }
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Self::Rejection> {
        parts.extensions.get::<Caller>().cloned().ok_or_else(Problem::not_signed_in)
    }
}
