//! Looks twice a second whether Postgres answers, so that /readyz and the guards know before a request waits.

use std::{sync::Arc, time::Duration};

use sqlx::{Connection, PgConnection, PgPool};
use tokio_util::sync::CancellationToken;

use crate::state::{DATABASE, Health};

/// Between two looks.
const EVERY: Duration = Duration::from_millis(500);
/// Between two looks while it does not answer.
const EVERY_WHILE_AWAY: Duration = Duration::from_millis(100);
/// A Postgres that takes longer does not answer.
const PATIENCE: Duration = Duration::from_secs(1);

/// Probes until `stop`, by a connection of its own: a busy pool is no sign of a Postgres that is away.
pub fn spawn_probe(pool: PgPool, health: Arc<Health>, stop: CancellationToken) {
    tokio::spawn(async move {
        let options = pool.connect_options();
        let mut connection: Option<PgConnection> = None;
        loop {
            let look = async {
                let mut live = match connection.take() {
                    Some(live) => live,
                    None => PgConnection::connect_with(&options).await?,
                };
                sqlx::query("select 1").execute(&mut live).await?;
                Ok::<_, sqlx::Error>(live)
            };
            let state = match tokio::time::timeout(PATIENCE, look).await {
                Ok(Ok(live)) => {
                    connection = Some(live);
                    Ok(())
                }
                Ok(Err(error)) => {
                    tracing::debug!(%error, "the database does not answer");
                    Err("does not answer".to_owned())
                }
                Err(_) => Err(format!("took longer than {} s to answer", PATIENCE.as_secs())),
            };
            let pause = if state.is_ok() { EVERY } else { EVERY_WHILE_AWAY };
            health.set(DATABASE, state);
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
            }
        }
    });
}
