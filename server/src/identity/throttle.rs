//! Bounds what codes can be tried. 128 bits cannot be guessed; the bound keeps the audit and the database from being flooded.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// A minute's worth …
const WINDOW: Duration = Duration::from_secs(60);
/// … of refused codes from one address …
const PER_ADDRESS: u32 = 10;
/// … and from all.
const IN_ALL: u32 = 100;

#[derive(Debug)]
struct Window {
    begun: Instant,
    all: u32,
    by_address: HashMap<IpAddr, u32>,
}

/// Counts refused codes.
#[derive(Debug)]
pub(super) struct Throttle(Mutex<Window>);

impl Default for Throttle {
    fn default() -> Self {
        Self(Mutex::new(Window { begun: Instant::now(), all: 0, by_address: HashMap::new() }))
    }
}

impl Throttle {
    /// Whether one more may be tried from here; else how many seconds to wait.
    pub fn permits(&self, address: IpAddr, now: Instant) -> Result<(), u64> {
        let mut window = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let age = now.saturating_duration_since(window.begun);
        if age >= WINDOW {
            *window = Window { begun: now, all: 0, by_address: HashMap::new() };
            return Ok(());
        }
        let here = window.by_address.get(&address).copied().unwrap_or_default();
        if here < PER_ADDRESS && window.all < IN_ALL { Ok(()) } else { Err((WINDOW - age).as_secs() + 1) }
    }

    /// One was refused.
    pub fn refused(&self, address: IpAddr) {
        let mut window = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        window.all += 1;
        *window.by_address.entry(address).or_default() += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refused_codes_are_counted_by_address_and_in_all_for_a_minute() {
        let throttle = Throttle::default();
        let (here, there) = (IpAddr::from([10, 0, 0, 1]), IpAddr::from([10, 0, 0, 2]));
        let now = Instant::now();
        for _ in 0..PER_ADDRESS {
            assert_eq!(throttle.permits(here, now), Ok(()));
            throttle.refused(here);
        }
        assert!(throttle.permits(here, now).is_err_and(|seconds| (1..=61).contains(&seconds)));
        assert_eq!(throttle.permits(there, now), Ok(()));
        for _ in PER_ADDRESS..IN_ALL {
            throttle.refused(IpAddr::from([10, 0, 0, 3]));
        }
        assert!(throttle.permits(there, now).is_err());
        assert_eq!(throttle.permits(here, now + WINDOW), Ok(()));
    }
}
