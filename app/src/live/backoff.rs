#![cfg_attr(not(any(feature = "hydrate", test)), expect(dead_code, reason = "only the browser reconnects"))]

const FIRST_MS: u32 = 250;
const LONGEST_MS: u32 = 4000;

/// How long to wait before the next try: doubling from 0.25 s to 4 s, each shortened by up to half
/// at random, so that a plant's screens do not all return in the same moment.
#[derive(Default)]
pub(super) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// The wait after one more failure. `random` lies in 0..1.
    pub fn next_ms(&mut self, random: f64) -> u32 {
        let whole = FIRST_MS.checked_shl(self.failures.min(16)).unwrap_or(LONGEST_MS).min(LONGEST_MS);
        self.failures = self.failures.saturating_add(1);
        (f64::from(whole) * (1.0 - random.clamp(0.0, 1.0) / 2.0)) as u32
    }

    /// Failures since the last success.
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// The connection works.
    pub fn succeeded(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_four_seconds_and_start_over() {
        let mut backoff = Backoff::default();
        let waits: Vec<u32> = (0..8).map(|_| backoff.next_ms(0.0)).collect();
        assert_eq!(waits, [250, 500, 1000, 2000, 4000, 4000, 4000, 4000]);
        assert_eq!(backoff.failures(), 8);
        backoff.succeeded();
        assert_eq!(backoff.next_ms(1.0), 125);
    }

    #[test]
    fn it_never_overflows() {
        let mut backoff = Backoff { failures: u32::MAX };
        assert_eq!(backoff.next_ms(0.0), 4000);
        assert_eq!(backoff.next_ms(f64::from(u32::MAX)), 2000);
    }
}
