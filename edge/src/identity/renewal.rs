//! The next certificate, at half life of the one in use, without a person.

use std::{sync::Arc, time::Duration};

use gemba_contract::{
    edge::{Enrolled, Renew},
    problem::Problem,
};
use tokio_util::sync::CancellationToken;

use super::{Member, member::Current};
use crate::{backoff::Backoff, clock, tls};

/// How long the server may take.
const TIMEOUT: Duration = Duration::from_secs(30);
/// What is due is looked at as often as this: the clock may be set meanwhile.
const LOOK_EVERY: Duration = Duration::from_secs(60);

/// Renews the certificate until `stop`.
pub(crate) async fn keep_renewed(member: Arc<Member>, stop: CancellationToken) {
    stop.run_until_cancelled(keep(&member)).await;
}

async fn keep(member: &Member) {
    let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(600));
    loop {
        let due = member.current().ok().map(|current| (due_in(&current), current));
        let wait = due.as_ref().map_or(LOOK_EVERY, |(due, _)| *due).min(LOOK_EVERY);
        let asked = tokio::time::timeout(wait, member.wake.notified()).await.is_ok();
        let Some((due, current)) = due else { continue };
        if !asked && due > LOOK_EVERY {
            continue;
        }
        match renew(member, &current).await {
            Ok(()) => backoff.reset(),
            Err(reason) => {
                tracing::warn!("the certificate was not renewed: {reason}. It is tried again");
                // Whoever hears from the server that it is back, and that the certificate is over, need not wait.
                tokio::time::timeout(backoff.pause(Duration::ZERO), member.wake.notified()).await.ok();
                member.look_again();
            }
        }
    }
}

/// How long until half of its life is over: by what has passed since it was given, or, when that was in an earlier run, by the
/// clock. A clock that stands outside of the certificate's life says nothing: then it is due now.
fn due_in(current: &Current) -> Duration {
    if let Some((at, lasts)) = current.given {
        return (lasts / 2).saturating_sub(at.elapsed());
    }
    let facts = current.identity.facts();
    let now = clock::now().micros() / 1_000_000;
    let left = if now < facts.not_before { 0 } else { facts.renew_at() - now };
    Duration::from_secs(u64::try_from(left).unwrap_or_default())
}

async fn renew(member: &Member, current: &Current) -> Result<(), String> {
    let name = current.identity.facts().name.clone();
    let request = current.identity.key.request(Some(&name)).map_err(|error| error.to_string())?;
    let url = format!("{}/api/v1/edge/renew", member.url);
    let sent = current.http.post(url).timeout(TIMEOUT).json(&Renew { request }).send().await;
    let response = sent.map_err(|error| tls::in_words(&error))?;
    let status = response.status();
    let bytes = tls::read_bounded(response).await?;
    if !status.is_success() {
        let problem = serde_json::from_slice::<Problem>(&bytes).ok().and_then(|problem| problem.detail);
        return Err(problem.unwrap_or_else(|| format!("the server answers {status}")));
    }
    let answer: Enrolled = serde_json::from_slice(&bytes).map_err(|error| error.to_string())?;
    member.take(current, &answer).map_err(|error| error.to_string())?;
    tracing::info!(lasts_seconds = answer.lasts_seconds, "certificate renewed");
    Ok(())
}
