//! Pauses between attempts: doubled up to a limit, and spread so that many collectors do not come back at once.

use std::time::Duration;

/// The pauses of one series of failures.
#[derive(Clone, Debug)]
pub struct Backoff {
    first: Duration,
    longest: Duration,
    next: Duration,
}

impl Backoff {
    /// From `first`, doubled to at most `longest`.
    pub fn new(first: Duration, longest: Duration) -> Self {
        Self { first, longest, next: first }
    }

    /// After a success.
    pub fn reset(&mut self) {
        self.next = self.first;
    }

    /// The next pause, multiplied by a random factor of 0.5 to 1; or, when the other side asked for a longer one,
    /// that, multiplied by 1 to 1.5.
    pub fn pause(&mut self, asked: Duration) -> Duration {
        let pause = self.next;
        self.next = (self.next * 2).min(self.longest);
        pause.mul_f64(rand::random_range(0.5..=1.0)).max(asked.mul_f64(rand::random_range(1.0..=1.5)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_to_the_limit_and_are_spread() {
        let mut backoff = Backoff::new(Duration::from_millis(250), Duration::from_secs(30));
        for full in [0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0] {
            let pause = backoff.pause(Duration::ZERO).as_secs_f64();
            assert!((full / 2.0..=full).contains(&pause), "{pause} for {full}");
        }
        backoff.reset();
        assert!(backoff.pause(Duration::ZERO) <= Duration::from_millis(250));
        assert!(backoff.pause(Duration::from_secs(5)) >= Duration::from_secs(5));
    }
}
