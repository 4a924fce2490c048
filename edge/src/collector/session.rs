//! Keeps a source going: begins sessions, waits between them, and says what is lost.

use std::{convert::Infallible, time::Duration};

use tokio_util::sync::CancellationToken;

use super::{Failure, Feed, SourceState};
use crate::{backoff::Backoff, clock};

/// Refused answers in a row after which a source counts as lost.
const REFUSED_LIMIT: u32 = 3;
/// First and longest pause between attempts.
const PAUSES: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(10));
/// The pause after a failure that only a person can end.
const UNUSABLE_PAUSE: Duration = Duration::from_secs(60);
/// How long a source may take to say goodbye.
const GOODBYE: Duration = Duration::from_secs(1);

/// One protocol's way to read one source.
pub trait Session: Send + 'static {
    /// Connects, reads, and hands on what it read, until something ends it. Whatever was read is handed to `feed` before the
    /// failure is returned. It may be dropped at any await: nothing of it may be half done then.
    fn session(&mut self, feed: &mut Feed) -> impl Future<Output = Result<Infallible, Failure>> + Send;

    /// Takes leave of the source, where the protocol has a way. At most a second.
    fn goodbye(&mut self) -> impl Future<Output = ()> + Send {
        std::future::ready(())
    }
}

/// Runs sessions until `stop`, or until the queue is closed.
pub async fn supervise(mut source: impl Session, mut feed: Feed, stop: CancellationToken) {
    let mut backoff = Backoff::new(PAUSES.0, PAUSES.1);
    let mut failures = 0;
    let mut trouble_at = None;
    loop {
        let failure = tokio::select! {
            () = stop.cancelled() => break,
            Err(failure) = source.session(&mut feed) => failure,
        };
        if feed.take_progress() {
            failures = 0;
            trouble_at = None;
            backoff.reset();
        }
        failures += 1;
        let pause = match &failure {
            Failure::Closed => return,
            Failure::Again(reason) => {
                tracing::info!(source = %feed.name(), %reason, "beginning anew with the values in force");
                if failures < 3 { Duration::ZERO } else { backoff.pause(Duration::ZERO) }
            }
            other => {
                let at = *trouble_at.get_or_insert_with(|| match other {
                    Failure::Silent(_) | Failure::Refused(_) => feed.last_heard,
                    _ => clock::now(),
                });
                if failed(&mut feed, other, failures, at).await.is_err() {
                    return;
                }
                match other {
                    Failure::Gone(_) | Failure::Silent(_) if failures == 1 => Duration::ZERO,
                    Failure::Unusable(_) => backoff.pause(UNUSABLE_PAUSE),
                    _ => backoff.pause(Duration::ZERO),
                }
            }
        };
        tokio::select! {
            () = stop.cancelled() => break,
            () = tokio::time::sleep(pause) => {}
        }
    }
    if tokio::time::timeout(GOODBYE, source.goodbye()).await.is_err() {
        tracing::debug!(source = %feed.name(), "the source took no leave in time");
    }
}

/// Takes note of a failure; from a certain point on the source is lost.
async fn failed(feed: &mut Feed, failure: &Failure, failures: u32, at: gemba_domain::Timestamp) -> Result<(), Failure> {
    let lost = match failure {
        Failure::Silent(_) | Failure::Unusable(_) => true,
        Failure::Refused(_) => failures >= REFUSED_LIMIT,
        _ => failures >= 2 || !feed.has_arrived(),
    };
    let text = failure.to_string();
    let already = feed.lost_at().is_some();
    feed.state(match (failure, lost || already) {
        (Failure::Unusable(_), _) => SourceState::Unusable(text),
        (_, true) => SourceState::Lost(text),
        (_, false) => SourceState::Troubled(text),
    });
    if lost && !already {
        feed.lose(at).await?;
    }
    feed.arrive(false);
    Ok(())
}
