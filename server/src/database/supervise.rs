//! Keeps the private cluster's postmaster running while this process runs.

use std::time::Duration;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{Cluster, process::Postmaster};

/// Wait before the first and the following restarts, doubled up to the last.
const BACKOFF: std::ops::RangeInclusive<Duration> = Duration::from_millis(50)..=Duration::from_secs(5);

/// A postmaster that is restarted when it ends, until it is stopped.
#[derive(Debug)]
pub(super) struct Supervised {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Supervised {
    pub(super) fn begin(cluster: Cluster, postmaster: Postmaster) -> Self {
        let stop = CancellationToken::new();
        let task = tokio::spawn(keep_running(cluster, postmaster, stop.clone()));
        Self { stop, task }
    }

    /// Stops Postgres in order and lets go of the data directory.
    pub(super) async fn stop(self) {
        self.stop.cancel();
        if let Err(error) = self.task.await {
            tracing::error!(%error, "the task that keeps Postgres running ended");
        }
    }

    /// Lets go of everything at once, as a killed process does.
    #[cfg(test)]
    pub(super) async fn abandon(self) {
        self.task.abort();
        let _ = self.task.await;
    }
}

async fn keep_running(cluster: Cluster, mut postmaster: Postmaster, stop: CancellationToken) {
    let mut wait = *BACKOFF.start();
    loop {
        let began = tokio::time::Instant::now();
        tokio::select! {
            () = stop.cancelled() => {
                postmaster.stop().await;
                return;
            }
            () = postmaster.ended() => {}
        }
        if began.elapsed() > Duration::from_secs(30) {
            wait = *BACKOFF.start();
        }
        tracing::error!("Postgres ended; starting it again. Requests are answered with 503 until it is ready");
        postmaster = loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(wait) => {}
            }
            wait = (wait * 2).min(*BACKOFF.end());
            match restart(&cluster, &stop).await {
                Ok(Some(postmaster)) => break postmaster,
                Ok(None) => return,
                Err(error) => {
                    let cause = crate::web::problem::chain(&error);
                    tracing::error!(cause, next_seconds = wait.as_secs_f32(), "Postgres does not start; trying again");
                }
            }
        };
        tracing::info!("Postgres is ready again");
    }
}

/// `None` when told to stop meanwhile.
async fn restart(cluster: &Cluster, stop: &CancellationToken) -> Result<Option<Postmaster>, super::DatabaseError> {
    let mut postmaster = cluster.start_or_adopt().await?;
    let ready = tokio::select! {
        () = stop.cancelled() => None,
        ready = postmaster.ready(&cluster.layout) => Some(ready),
    };
    match ready {
        Some(ready) => ready.map(|()| Some(postmaster)),
        None => {
            postmaster.stop().await;
            Ok(None)
        }
    }
}
