//! Postgres: the pool, the schema, and the private cluster that is run when no other Postgres is named.

pub mod cluster;
mod error;
mod layout;
pub mod migrate;
mod owner;
mod probe;
mod proc;
mod process;
mod programs;
mod supervise;

#[cfg(test)]
mod tests;

use std::{str::FromStr, time::Duration};

use sqlx::{
    Connection, PgConnection, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};

pub use cluster::Cluster;
pub use error::DatabaseError;
pub use probe::spawn_probe;

use crate::{config::Settings, web::problem::is_away};

/// Oldest Postgres that gemba runs on.
pub const OLDEST_POSTGRES: u32 = 15;

/// How long a Postgres that was named by a URL may be away at start.
const PATIENCE: Duration = Duration::from_secs(60);

/// A database in use.
#[derive(Debug)]
pub struct Database {
    /// Connections to it.
    pub pool: PgPool,
    /// The private cluster, when it is one that this process keeps running.
    cluster: Option<supervise::Supervised>,
}

/// Why a database is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To serve: nobody else may, and a cluster is kept running.
    Serve,
    /// For one command: beside a server that runs, or alone.
    Command,
}

impl Database {
    /// Connects to the Postgres that the settings name or starts the private cluster, and brings the schema up to date.
    ///
    /// # Errors
    /// What is missing or in the way, and what to do about it.
    pub async fn open(settings: &Settings, purpose: Purpose) -> Result<Self, DatabaseError> {
        let (options, cluster) = match &settings.database.url {
            Some(url) => (PgConnectOptions::from_str(url).map_err(DatabaseError::Url)?, None),
            None => Cluster::open(settings, purpose).await?,
        };
        let opened = Self { pool: pool(settings, options.clone()), cluster };
        let upgrade = if purpose == Purpose::Serve || opened.cluster.is_some() {
            migrate::Upgrade::Allowed
        } else {
            migrate::Upgrade::OnlyWhenEmpty
        };
        match prepare(&opened.pool, &options, purpose, upgrade).await {
            Ok(()) => Ok(opened),
            Err(error) => {
                opened.close().await;
                Err(error)
            }
        }
    }

    /// Ends the connections, and the cluster if this process keeps it running.
    pub async fn close(self) {
        // Connections that are stuck in a statement do not keep the server from stopping.
        let _ = tokio::time::timeout(Duration::from_secs(5), self.pool.close()).await;
        if let Some(cluster) = self.cluster {
            cluster.stop().await;
        }
    }
}

fn pool(settings: &Settings, options: PgConnectOptions) -> PgPool {
    PgPoolOptions::new()
        .max_connections(settings.database.max_connections)
        .acquire_timeout(settings.database.acquire_timeout)
        .acquire_slow_threshold(settings.database.acquire_timeout / 2)
        .connect_lazy_with(options.application_name("gemba").options([("idle_in_transaction_session_timeout", "60s")]))
}

async fn prepare(
    pool: &PgPool,
    options: &PgConnectOptions,
    purpose: Purpose,
    upgrade: migrate::Upgrade,
) -> Result<(), DatabaseError> {
    let mut connection = first_connection(options).await?;
    let (version,): (String,) = sqlx::query_as("show server_version_num").fetch_one(&mut connection).await?;
    let major = version.parse::<u32>().unwrap_or_default() / 10_000;
    if major < OLDEST_POSTGRES {
        return Err(DatabaseError::TooOld(major));
    }
    if purpose == Purpose::Serve {
        warn_of_unsafe_settings(&mut connection).await?;
    }
    connection.close().await?;
    migrate::run(pool, upgrade).await
}

async fn first_connection(options: &PgConnectOptions) -> Result<PgConnection, DatabaseError> {
    let began = tokio::time::Instant::now();
    let mut told = false;
    loop {
        match PgConnection::connect_with(options).await {
            Ok(connection) => return Ok(connection),
            Err(error) if is_away(&error) && began.elapsed() < PATIENCE => {
                if !told {
                    tracing::warn!(%error, "Postgres does not answer; trying again for a minute");
                    told = true;
                }
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
            Err(error) => return Err(DatabaseError::Connect(error)),
        }
    }
}

/// What was acknowledged to a collector is deleted there: Postgres must not lose it in a power cut.
async fn warn_of_unsafe_settings(connection: &mut PgConnection) -> Result<(), DatabaseError> {
    let off: Vec<(String,)> = sqlx::query_as(
        "select name from pg_settings
         where name in ('fsync', 'full_page_writes', 'synchronous_commit') and setting = 'off' order by name",
    )
    .fetch_all(connection)
    .await?;
    for (name,) in off {
        tracing::warn!(
            setting = name,
            "Postgres runs with a setting off that keeps data in a power cut: what collectors were told is safe may be \
             lost. Set it to on."
        );
    }
    Ok(())
}
