//! What the historian does in the background.

use std::time::Duration;

use gemba_domain::Timestamp;
use tokio::{task::JoinHandle, time::Instant};
use tokio_util::sync::CancellationToken;

use super::{Outcome, Service};

/// How often old samples are looked for.
const RETENTION_EVERY: Duration = Duration::from_secs(3600);
/// How often it is looked at whether another process has packed.
const FOLLOW_EVERY: Duration = Duration::from_secs(5);
/// How long to wait after something went wrong.
const RETRY: Duration = Duration::from_secs(5);

/// Packs, merges and forgets until `stop`. Each step is one transaction; stopping between or within them loses nothing.
/// `now` is the server's clock.
pub fn spawn(service: Service, now: fn() -> Timestamp, stop: CancellationToken) -> JoinHandle<()> {
    tokio::spawn(async move {
        stop.run_until_cancelled(run(service, now)).await;
    })
}

async fn run(service: Service, now: fn() -> Timestamp) {
    let mut retention = tokio::time::interval(RETENTION_EVERY);
    let mut follow = tokio::time::interval(FOLLOW_EVERY);
    follow.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut next = Instant::now() + service.inner.settings.pack_every;
    loop {
        tokio::select! {
            () = tokio::time::sleep_until(next) => next = Instant::now() + pack(&service).await,
            () = service.inner.wake.notified() => next = Instant::now() + pack(&service).await,
            _ = retention.tick() => forget(&service, now()).await,
            _ = follow.tick() => {
                if let Err(error) = service.follow().await {
                    tracing::debug!(%error, "historian: state not read; trying again in 5 s");
                }
            }
        }
    }
}

/// Packs what waits. Gives the time until the next round.
async fn pack(service: &Service) -> Duration {
    loop {
        match service.compact_once().await {
            Ok(Outcome::Packed { more: true, .. }) => {}
            Ok(Outcome::Packed { samples, .. }) => {
                tracing::debug!(samples, "historian: packed");
                return service.inner.settings.pack_every;
            }
            Ok(Outcome::Idle) => return service.inner.settings.pack_every,
            Ok(Outcome::Busy) => return RETRY,
            Err(error) => {
                tracing::warn!(%error, "historian: not packed; the samples are safe in the journal, trying again in 5 s");
                return RETRY;
            }
        }
    }
}

async fn forget(service: &Service, now: Timestamp) {
    let Some(kept_from) = service.kept_from(now) else { return };
    match service.delete_before(kept_from).await {
        Ok(0) => {}
        Ok(pieces) => tracing::info!(pieces, "historian: samples older than the retention time deleted"),
        Err(error) => tracing::warn!(%error, "historian: old samples not deleted; trying again in an hour"),
    }
}
