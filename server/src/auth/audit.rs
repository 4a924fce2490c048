//! What was done, by whom. Rows are only ever added.

use serde_json::Value;
use sqlx::PgExecutor;

/// One thing that was done or refused.
#[derive(Debug, Clone)]
pub struct Entry<'a> {
    /// User name, `collector/NAME` or `command-line`; `None` when nobody was signed in.
    pub actor: Option<&'a str>,
    /// Short stable name, such as `session.sign_in`.
    pub action: &'a str,
    /// What it was done to.
    pub subject: Option<&'a str>,
    /// Particulars. Never a secret.
    pub detail: Value,
}

/// Actor of what is done on the command line.
pub const COMMAND_LINE: &str = "command-line";

/// Writes an entry; in the transaction of what it tells of, where there is one.
///
/// # Errors
/// Postgres.
pub async fn record(executor: impl PgExecutor<'_>, entry: Entry<'_>) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into audit_entry (actor, action, subject, detail) values ($1, $2, $3, $4)",
        entry.actor,
        entry.action,
        entry.subject,
        entry.detail,
    )
    .execute(executor)
    .await
    .map(|_| ())
}
