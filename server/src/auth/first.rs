//! The first administrator. There is no default password: a random one is made, and must be changed at the first sign-in.

use std::{
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use gemba_domain::access::Role;
use serde_json::json;
use sqlx::PgPool;
use uuid::Uuid;

use super::{AuthError, audit, audit::Entry, cookie::one_time_password, password::Hasher, queries};

/// Name of the first user.
pub(super) const FIRST_ADMINISTRATOR: &str = "admin";

/// The file in the data directory that holds the first password until it is changed.
pub const INITIAL_PASSWORD_FILE: &str = "initial-admin-password";

/// What was made.
#[derive(Debug)]
pub struct FirstAdministrator {
    /// The user's name.
    pub username: &'static str,
    /// To be shown once.
    pub password: String,
    /// Where it can be read until it is changed.
    pub file: PathBuf,
}

/// Makes the first administrator when there is no user at all.
///
/// # Errors
/// The file cannot be written: then no user was made. Postgres.
pub async fn ensure_first_administrator(
    pool: &PgPool,
    data_directory: &Path,
) -> Result<Option<FirstAdministrator>, AuthError> {
    if queries::any_user(pool).await? {
        return Ok(None);
    }
    let password = one_time_password()?;
    let hash = Hasher::new().hash(&password).await?;
    let mut tx = pool.begin().await?;
    if !queries::insert_user(&mut *tx, Uuid::now_v7(), FIRST_ADMINISTRATOR, Role::Admin.as_str(), &hash).await? {
        return Ok(None);
    }
    let entry = Entry {
        actor: None,
        action: "user.add",
        subject: Some(FIRST_ADMINISTRATOR),
        detail: json!({ "role": Role::Admin.as_str(), "first": true }),
    };
    audit::record(&mut *tx, entry).await?;
    // The file comes before the commit: a user whose password nobody has would lock everyone out.
    let file = data_directory.join(INITIAL_PASSWORD_FILE);
    write_secret(&file, &password).map_err(|source| AuthError::File { path: file.clone(), source })?;
    tx.commit().await?;
    Ok(Some(FirstAdministrator { username: FIRST_ADMINISTRATOR, password, file }))
}

fn write_secret(path: &Path, text: &str) -> std::io::Result<()> {
    if let Some(directory) = path.parent() {
        std::fs::create_dir_all(directory)?;
    }
    // A file left by an earlier try is replaced, whatever its mode.
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    writeln!(file, "{text}")?;
    file.sync_all()
}
