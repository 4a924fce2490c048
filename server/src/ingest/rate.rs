//! How many samples come in, by collector.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, PoisonError},
};

use gemba_domain::Timestamp;

/// Seconds that are counted together.
const STEP: i64 = 5;
/// Steps that the rate is taken over: a minute.
const STEPS: usize = 12;

/// What this process took in the last minute. Shared by all requests.
#[derive(Debug, Default)]
pub struct Rates(Mutex<HashMap<i32, VecDeque<(i64, u64)>>>);

impl Rates {
    /// So many samples of the collector were committed.
    pub fn add(&self, collector: i32, samples: u64, now: Timestamp) {
        let step = step(now);
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let steps = all.entry(collector).or_default();
        match steps.back_mut() {
            Some((last, sum)) if *last == step => *sum += samples,
            _ => steps.push_back((step, samples)),
        }
        while steps.len() > STEPS + 1 {
            steps.pop_front();
        }
    }

    /// Samples a second over the last whole minute.
    pub fn per_second(&self, collector: i32, now: Timestamp) -> f64 {
        let step = step(now);
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let whole = (step - STEPS as i64)..step;
        let steps = all.get(&collector).into_iter().flatten();
        let sum: u64 = steps.filter(|(at, _)| whole.contains(at)).map(|(_, sum)| sum).sum();
        sum as f64 / (STEP * STEPS as i64) as f64
    }
}

fn step(at: Timestamp) -> i64 {
    at.micros().div_euclid(STEP * 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_that_of_the_last_whole_minute() {
        let rates = Rates::default();
        let at = |seconds: i64| Timestamp::from_seconds(1_800_000_000 + seconds);
        for second in 0..120 {
            rates.add(1, 10, at(second));
        }
        assert_eq!(rates.per_second(1, at(120)), 10.0);
        assert_eq!(rates.per_second(2, at(120)), 0.0);
        // It falls as the minute empties, and a leap of the clock leaves nothing behind.
        assert_eq!(rates.per_second(1, at(150)), 5.0);
        assert_eq!(rates.per_second(1, at(86_400)), 0.0);
        rates.add(1, 60, at(-3_600));
        assert_eq!(rates.per_second(1, at(-3_590)), 1.0);
    }
}
