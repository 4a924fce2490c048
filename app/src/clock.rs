//! The server's clock, as pages see it. While a page is rendered (and until it is hydrated) it stands
//! at the `at` of the page's data, so both sides render the same; then it goes on by the browser's
//! monotonic clock, set anew by every message.

use gemba_domain::Timestamp;
use leptos::prelude::*;

use crate::live::SILENCE_SECONDS;

/// How often strips and plots move on.
const COARSE_MICROS: i64 = 10_000_000;

#[derive(Clone, Copy)]
pub(crate) struct Clock {
    now: RwSignal<Timestamp>,
    coarse: RwSignal<Timestamp>,
    heard: RwSignal<Timestamp>,
    held: RwSignal<Timestamp>,
    base: StoredValue<Option<(Timestamp, f64)>>,
}

impl Clock {
    pub fn provide() -> Self {
        let zero = Timestamp::default();
        let clock = Self {
            now: RwSignal::new(zero),
            coarse: RwSignal::new(zero),
            heard: RwSignal::new(zero),
            held: RwSignal::new(zero),
            base: StoredValue::new(None),
        };
        provide_context(clock);
        #[cfg(feature = "hydrate")]
        Effect::new(move |_| {
            let ticker = set_interval_with_handle(move || clock.tick(), std::time::Duration::from_secs(1));
            if let Ok(ticker) = ticker {
                on_cleanup(move || ticker.clear());
            }
        });
        clock
    }

    pub fn of_page() -> Self {
        use_context().unwrap_or_else(Self::provide)
    }

    /// The server said that it is `at`.
    pub fn heard_from_server(&self, at: Timestamp) {
        self.base.set_value(Some((at, monotonic_ms())));
        self.heard.set(at);
        self.show(at);
    }

    /// The server's time, to the second.
    pub fn now(&self) -> Timestamp {
        self.now.get()
    }

    /// The newest moment that states are known of: now, or, once the server fell silent, when it was
    /// last heard. Durations of states count up to here.
    pub fn known(&self) -> Timestamp {
        let (now, heard) = (self.now.get(), self.heard.get());
        if now.seconds_since(heard) > SILENCE_SECONDS { heard } else { now }
    }

    /// The server's time, without following it.
    #[cfg(feature = "hydrate")]
    pub fn now_untracked(&self) -> Timestamp {
        self.now.get_untracked()
    }

    /// The server's time, every ten seconds: for what need not move more often.
    pub fn coarse(&self) -> Timestamp {
        self.coarse.get()
    }

    /// When the server was last heard.
    pub fn heard(&self) -> Timestamp {
        self.heard.get()
    }

    /// Until when the newest state and readings are known to hold: now while the server is heard,
    /// else when it was last heard. Moves every ten seconds.
    pub fn held(&self) -> Timestamp {
        self.held.get()
    }

    fn show(&self, now: Timestamp) {
        if self.now.get_untracked() != now {
            self.now.set(now);
        }
        if now.micros_since(self.coarse.get_untracked()).abs() >= COARSE_MICROS {
            let heard = self.heard.get_untracked();
            self.coarse.set(now);
            self.held.set(if now.seconds_since(heard) > SILENCE_SECONDS { heard } else { now });
        }
    }

    #[cfg(feature = "hydrate")]
    fn tick(&self) {
        if let Some((at, then)) = self.base.get_value() {
            self.show(at.plus_micros(((monotonic_ms() - then) * 1000.0) as i64));
        }
    }
}

#[cfg(feature = "hydrate")]
fn monotonic_ms() -> f64 {
    window().performance().map_or(0.0, |p| p.now())
}

#[cfg(not(feature = "hydrate"))]
fn monotonic_ms() -> f64 {
    0.0
}
