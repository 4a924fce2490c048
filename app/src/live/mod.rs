//! The live WebSocket as pages use it: follow a topic, get its snapshot, then what changes.
//! Specified in `docs/specs/live-protocol.md`. On the server nothing of this runs.

mod backoff;
mod book;
#[cfg(feature = "hydrate")]
mod socket;

use gemba_contract::live::{SignalDelta, Snapshot, TileDelta, TotalDelta};
use gemba_domain::{Timestamp, oee::Elements};
use leptos::prelude::*;

use crate::clock::Clock;

/// A connection without any message for this long is dead: the server sends one every five seconds.
pub const SILENCE_SECONDS: f64 = 12.0;

/// How the page stands to the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(not(feature = "hydrate"), expect(dead_code, reason = "the server never connects"))]
pub(crate) enum Status {
    /// As rendered; no connection was tried yet.
    Still,
    /// Data flows.
    Live,
    /// The connection is lost and being made anew.
    Reconnecting,
}

/// What comes of a topic.
#[cfg_attr(not(feature = "hydrate"), expect(dead_code, reason = "the server never follows"))]
pub(crate) enum Event {
    /// All of it.
    Snapshot(Box<Snapshot>),
    /// What changed.
    Delta {
        at: Timestamp,
        tiles: Vec<TileDelta>,
        totals: Vec<TotalDelta>,
        signals: Vec<SignalDelta>,
        elements: Option<Box<Elements>>,
    },
}

/// The page's live connection.
#[derive(Clone, Copy)]
pub(crate) struct Live {
    status: RwSignal<Status>,
    refused: RwSignal<Option<String>>,
    clock: Clock,
}

impl Live {
    /// One per page load. It connects once something is followed.
    pub fn provide(clock: Clock) {
        provide_context(Self { status: RwSignal::new(Status::Still), refused: RwSignal::new(None), clock });
    }

    pub fn of_page() -> Self {
        use_context().unwrap_or_else(|| {
            let clock = Clock::of_page();
            Self { status: RwSignal::new(Status::Still), refused: RwSignal::new(None), clock }
        })
    }

    pub fn status(&self) -> Status {
        self.status.get()
    }

    /// Why the server does not give what the page follows, if it does not.
    pub fn refused(&self) -> Option<String> {
        self.refused.get()
    }

    /// The data shown is older than a lost connection explains.
    pub fn is_stale(&self) -> bool {
        self.status.get() == Status::Reconnecting
            && self.clock.now().seconds_since(self.clock.heard()) > SILENCE_SECONDS
    }

    /// Hand `apply` every event of `topic`, from after hydration until the calling component goes.
    #[cfg(feature = "hydrate")]
    pub fn follow(&self, topic: String, apply: impl Fn(Event) + Send + Sync + 'static) {
        let live = *self;
        let apply = std::sync::Arc::new(apply);
        Effect::new(move |_| {
            let apply = apply.clone();
            let ticket = socket::follow(live, topic.clone(), std::rc::Rc::new(move |event| apply(event)));
            on_cleanup(move || socket::unfollow(&ticket));
        });
    }

    /// Does nothing: the server renders what there is.
    #[cfg(not(feature = "hydrate"))]
    pub fn follow(&self, topic: String, apply: impl Fn(Event) + Send + Sync + 'static) {
        drop((topic, apply));
    }
}
