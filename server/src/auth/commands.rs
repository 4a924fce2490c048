//! What the command line does with users.

use chrono::{DateTime, Utc};
use gemba_domain::access::Role;
use serde_json::json;
use sqlx::PgPool;
use uuid::Uuid;

use super::{
    AuthError, Username, audit,
    audit::{COMMAND_LINE, Entry},
    cookie::one_time_password,
    password::Hasher,
    queries, service,
};

/// A user, for a list.
#[derive(Debug, Clone)]
pub struct User {
    /// The user's name.
    pub username: String,
    /// What the user may do.
    pub role: Role,
    /// Has a one-time password.
    pub must_change_password: bool,
    /// Last use of a session that still is.
    pub last_seen_at: Option<DateTime<Utc>>,
}

/// Adds a user; the answer is the one-time password.
///
/// # Errors
/// [`AuthError::UserExists`]; Postgres.
pub async fn add_user(pool: &PgPool, username: &Username, role: Role) -> Result<String, AuthError> {
    let password = one_time_password()?;
    let hash = Hasher::new().hash(&password).await?;
    let mut tx = pool.begin().await?;
    if !queries::insert_user(&mut *tx, Uuid::now_v7(), username.as_str(), role.as_str(), &hash).await? {
        return Err(AuthError::UserExists(username.as_str().to_owned()));
    }
    let entry = Entry {
        actor: Some(COMMAND_LINE),
        action: "user.add",
        subject: Some(username.as_str()),
        detail: json!({ "role": role.as_str() }),
    };
    audit::record(&mut *tx, entry).await?;
    tx.commit().await?;
    Ok(password)
}

/// Gives a user a one-time password and ends the user's sessions.
///
/// # Errors
/// [`AuthError::UserUnknown`]; Postgres.
pub async fn reset_password(pool: &PgPool, username: &Username) -> Result<String, AuthError> {
    let password = one_time_password()?;
    let hash = Hasher::new().hash(&password).await?;
    let mut tx = pool.begin().await?;
    let Some(user) = queries::user_id(&mut *tx, username.as_str()).await? else {
        return Err(AuthError::UserUnknown(username.as_str().to_owned()));
    };
    queries::set_password(&mut *tx, user, &hash, true).await?;
    let ended = queries::delete_sessions_of_user(&mut *tx, user).await?;
    let entry = Entry {
        actor: Some(COMMAND_LINE),
        action: "user.reset_password",
        subject: Some(username.as_str()),
        detail: json!({ "sessions_ended": ended }),
    };
    audit::record(&mut *tx, entry).await?;
    tx.commit().await?;
    Ok(password)
}

/// All users, by name.
///
/// # Errors
/// Postgres.
pub async fn list_users(pool: &PgPool) -> Result<Vec<User>, AuthError> {
    queries::users(pool)
        .await?
        .into_iter()
        .map(|row| {
            Ok(User {
                role: service::role(row.id, row.role)?,
                username: row.username,
                must_change_password: row.must_change_password,
                last_seen_at: row.last_seen_at,
            })
        })
        .collect()
}
