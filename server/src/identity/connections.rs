//! Which collectors' connections are open, so that those of one that is shut out are closed.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio_util::sync::CancellationToken;

use super::Service;

/// How often it is looked up who was shut out: by this process, by another, or by hand.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Open connections by the name on their certificates. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Connections(Arc<Mutex<Vec<(String, CancellationToken)>>>);

impl Connections {
    /// Notes one; it is closed when `over` is cancelled, and forgotten once it has ended.
    pub(super) fn note(&self, name: &str, over: &CancellationToken) {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|(_, over)| !over.is_cancelled());
        open.push((name.to_owned(), over.clone()));
    }

    /// The names, each once.
    pub(super) fn names(&self) -> Vec<String> {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|(_, over)| !over.is_cancelled());
        let mut names: Vec<String> = open.iter().map(|(name, _)| name.clone()).collect();
        names.sort();
        names.dedup();
        names
    }

    /// Closes all of this name.
    pub(super) fn close(&self, name: &str) {
        let open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (_, over) in open.iter().filter(|(its, _)| its == name) {
            over.cancel();
        }
    }

    /// Closes the connections of collectors that were shut out, until `stop`.
    pub(super) async fn watch(self, service: Service, stop: CancellationToken) {
        while stop.run_until_cancelled(tokio::time::sleep(LOOK_EVERY)).await.is_some() {
            let names = self.names();
            if names.is_empty() {
                continue;
            }
            match service.shut_out(&names).await {
                Ok(out) => {
                    for name in out {
                        tracing::info!(collector = name, "was revoked; its connections are closed");
                        self.close(&name);
                    }
                }
                Err(error) => tracing::debug!(%error, "who was revoked is not known; looked up again"),
            }
        }
    }
}
