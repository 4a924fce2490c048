//! Which stretch of time a batch may claim to cover.
//!
//! A batch says "all that was seen until here is in me or before me". Documents that have arrived but are not yet in
//! a batch bound that moment: each holds a [`Ticket`] until its last reading has been taken.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use gemba_domain::Timestamp;
use tokio::sync::watch;

/// What has arrived and is not yet in a batch.
#[derive(Clone, Debug, Default)]
pub struct InFlight {
    open: Arc<Mutex<Open>>,
}

#[derive(Debug, Default)]
struct Open {
    tickets: BTreeSet<(Timestamp, u64)>,
    next: u64,
    abandoned: bool,
}

/// Dropped when what it stands for is in a batch.
#[derive(Debug)]
pub struct Ticket {
    open: Arc<Mutex<Open>>,
    key: (Timestamp, u64),
}

impl InFlight {
    /// Something of this moment is under way.
    pub fn begin(&self, at: Timestamp) -> Ticket {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.next += 1;
        let key = (at, open.next);
        open.tickets.insert(key);
        Ticket { open: Arc::clone(&self.open), key }
    }

    /// The oldest moment of which something is under way.
    pub fn oldest(&self) -> Option<Timestamp> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).tickets.first().map(|(at, _)| *at)
    }
}

impl InFlight {
    /// Whether something was given up since this was asked last: what it bounded is not covered.
    pub fn take_abandoned(&self) -> bool {
        std::mem::take(&mut self.open.lock().unwrap_or_else(PoisonError::into_inner).abandoned)
    }
}

impl Ticket {
    /// It will not come: the stretch from its moment on is not covered.
    pub fn abandon(self) {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).abandoned = true;
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).tickets.remove(&self.key);
    }
}

/// How each source found its place at start. If all of them go on exactly where the run before had stopped, the time
/// in between was watched after all, by the sources' own buffers.
#[derive(Clone, Debug)]
pub struct Arrivals {
    state: watch::Sender<(usize, bool)>,
}

impl Arrivals {
    /// For this many sources.
    pub fn new(sources: usize) -> Self {
        Self { state: watch::Sender::new((sources, sources > 0)) }
    }

    /// One source found its place; `resumed`: without a gap.
    pub fn report(&self, resumed: bool) {
        self.state.send_modify(|(left, all)| {
            *left = left.saturating_sub(1);
            *all &= resumed;
        });
    }

    /// Waits for all, at most this long. Whether all resumed.
    pub async fn all_resumed(&self, at_most: Duration) -> bool {
        let mut state = self.state.subscribe();
        match tokio::time::timeout(at_most, state.wait_for(|(left, _)| *left == 0)).await {
            Ok(Ok(state)) => state.1,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_ticket_bounds() {
        let at = Timestamp::from_seconds;
        let flight = InFlight::default();
        let (a, b) = (flight.begin(at(5)), flight.begin(at(3)));
        let c = flight.begin(at(3));
        assert_eq!(flight.oldest(), Some(at(3)));
        drop(b);
        assert_eq!(flight.oldest(), Some(at(3)));
        drop(c);
        assert_eq!(flight.oldest(), Some(at(5)));
        drop(a);
        assert_eq!(flight.oldest(), None);
    }

    #[tokio::test]
    async fn one_that_did_not_resume_decides() {
        let arrivals = Arrivals::new(2);
        arrivals.report(true);
        assert!(!arrivals.all_resumed(Duration::ZERO).await);
        arrivals.report(true);
        assert!(arrivals.all_resumed(Duration::ZERO).await);
        let arrivals = Arrivals::new(1);
        arrivals.report(false);
        assert!(!arrivals.all_resumed(Duration::from_secs(60)).await);
    }
}
