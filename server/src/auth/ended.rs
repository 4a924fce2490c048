//! Tells open connections that their session ended, within a second, whichever process ended it.

use std::time::Duration;

use sqlx::{PgPool, postgres::PgListener};
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// What listeners are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// This session.
    Session(Uuid),
    /// Notices may have been missed: look it up.
    Perhaps,
}

/// Name of the notices that the database sends.
const CHANNEL: &str = "user_session_ended";

/// Passes the database's notices on until `stop`.
pub(super) async fn listen(pool: PgPool, ended: broadcast::Sender<Ended>, stop: CancellationToken) {
    while !stop.is_cancelled() {
        let again = async {
            let mut listener = PgListener::connect_with(&pool).await?;
            listener.listen(CHANNEL).await?;
            let _ = ended.send(Ended::Perhaps);
            loop {
                // `None`: the connection was lost and made anew.
                let notice = match listener.try_recv().await? {
                    Some(notice) => notice.payload().parse().map_or(Ended::Perhaps, Ended::Session),
                    None => Ended::Perhaps,
                };
                let _ = ended.send(notice);
            }
            #[expect(unreachable_code, reason = "gives the block its error type")]
            Ok::<(), sqlx::Error>(())
        };
        tokio::select! {
            () = stop.cancelled() => return,
            result = again => if let Err(error) = result {
                tracing::debug!(%error, "not listening for ended sessions; trying again");
            },
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(Duration::from_millis(500)) => {}
        }
    }
}
