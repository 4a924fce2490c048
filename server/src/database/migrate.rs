//! Brings the schema up to date. Migrations are part of the program; Postgres's advisory lock lets one process do it.

use sqlx::{
    PgPool,
    migrate::{MigrateError, Migrator},
};

use super::DatabaseError;

static MIGRATOR: Migrator = sqlx::migrate!("../migrations");

/// Whether the schema may be changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Upgrade {
    /// This process is, or is about to be, the one that serves.
    Allowed,
    /// A server of an earlier version may be at work: only an empty database gets its schema.
    OnlyWhenEmpty,
}

/// Applies what is missing, each in a transaction of its own.
///
/// # Errors
/// [`DatabaseError::SchemaNewer`] when the schema has steps that this program does not know, [`DatabaseError::SchemaOlder`]
/// when it lacks some and must not be changed; nothing is changed then.
pub async fn run(pool: &PgPool, upgrade: Upgrade) -> Result<(), DatabaseError> {
    if upgrade == Upgrade::OnlyWhenEmpty {
        let applied = applied(pool).await?;
        if !applied.is_empty() && MIGRATOR.iter().any(|step| !applied.contains(&step.version)) {
            return Err(DatabaseError::SchemaOlder);
        }
    }
    MIGRATOR.run(pool).await.map_err(|error| match error {
        MigrateError::VersionMissing(version) => DatabaseError::SchemaNewer(version),
        other => DatabaseError::Migrate(other),
    })
}

async fn applied(pool: &PgPool) -> Result<Vec<i64>, sqlx::Error> {
    let any: bool = sqlx::query_scalar("select to_regclass('_sqlx_migrations') is not null").fetch_one(pool).await?;
    if !any {
        return Ok(Vec::new());
    }
    sqlx::query_scalar("select version from _sqlx_migrations where success").fetch_all(pool).await
}
