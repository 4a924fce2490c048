//! Signing in and out.

use gemba_domain::access::Role;
use serde::{Deserialize, Serialize};

/// `POST /api/v1/session`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct SignIn {
    /// The user's name.
    pub username: String,
    /// The password as typed.
    pub password: String,
}

/// `POST /api/v1/session/password`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ChangePassword {
    /// The password in force.
    pub current: String,
    /// The one to replace it.
    pub new: String,
}

/// Who is signed in: the answer to `GET` and `POST /api/v1/session`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Me {
    /// The user's name.
    pub username: String,
    /// What the user may do.
    pub role: Role,
    /// Nothing but a change of password is allowed until it is changed.
    pub must_change_password: bool,
}
