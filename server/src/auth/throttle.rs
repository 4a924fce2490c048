//! Limits guesses of passwords by address and by account.
//!
//! Buckets of attempts: 10 at once, then one every 6 seconds, so that of any number of guesses in a minute at most 20 are
//! looked at. A right password gives its attempt back, so that a shift of people signing in behind one address is not
//! throttled. (The governor crate counts every attempt and cannot give back.)

use std::{
    collections::HashMap,
    hash::Hash,
    net::{IpAddr, Ipv6Addr},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// Attempts at once.
const BURST: f64 = 10.0;
/// Seconds per further attempt.
const REFILL_SECONDS: f64 = 6.0;
/// Above this many buckets the full ones, which say nothing, are dropped.
const PRUNE_ABOVE: usize = 10_000;
/// Above this many all are dropped: memory stays bounded whatever comes.
const FORGET_ABOVE: usize = 200_000;

/// Whose attempts are counted together.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Key {
    /// One address; of IPv6 the network of 64 bits that one customer gets.
    Address(IpAddr),
    /// One user name from anywhere.
    Account(String),
    /// One user name from an address its owner has signed in from: strangers' guesses do not count here.
    Owner(String, IpAddr),
}

impl Key {
    pub(super) fn address(address: IpAddr) -> Self {
        Self::Address(match address {
            IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX))),
            v4 => v4,
        })
    }
}

#[derive(Debug, Clone, Copy)]
struct Bucket {
    left: f64,
    at: Instant,
}

impl Bucket {
    fn at(self, now: Instant) -> f64 {
        (self.left + now.saturating_duration_since(self.at).as_secs_f64() / REFILL_SECONDS).min(BURST)
    }
}

/// All buckets. The clock is monotonic: a step of the wall clock neither opens nor locks anything.
#[derive(Debug, Default)]
pub(super) struct Throttle {
    buckets: Mutex<HashMap<Key, Bucket>>,
}

impl Throttle {
    /// Takes one attempt; how long to wait when there is none left.
    pub(super) fn take(&self, key: Key, now: Instant) -> Result<(), Duration> {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() > PRUNE_ABOVE {
            buckets.retain(|_, bucket| bucket.at(now) < BURST);
            if buckets.len() > FORGET_ABOVE {
                buckets.clear();
            }
        }
        let bucket = buckets.entry(key).or_insert(Bucket { left: BURST, at: now });
        let left = bucket.at(now);
        if left < 1.0 {
            return Err(Duration::from_secs_f64((1.0 - left) * REFILL_SECONDS));
        }
        *bucket = Bucket { left: left - 1.0, at: now };
        Ok(())
    }

    /// Gives one attempt back.
    pub(super) fn give_back(&self, key: &Key, now: Instant) {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bucket) = buckets.get_mut(key) {
            *bucket = Bucket { left: (bucket.at(now) + 1.0).min(BURST), at: now };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_ten_thousand_guesses_in_a_minute_at_most_twenty_are_looked_at() {
        let (throttle, start) = (Throttle::default(), Instant::now());
        let key = Key::address("192.0.2.1".parse().unwrap());
        let looked_at =
            (0..10_000u64).filter(|n| throttle.take(key.clone(), start + Duration::from_millis(n * 6)).is_ok()).count();
        assert!((10..=20).contains(&looked_at), "{looked_at}");
    }

    #[test]
    fn a_right_password_costs_nothing_and_keys_do_not_mix() {
        let (throttle, now) = (Throttle::default(), Instant::now());
        let key = Key::Account("eva".to_owned());
        for _ in 0..100 {
            throttle.take(key.clone(), now).unwrap();
            throttle.give_back(&key, now);
        }
        (0..10).for_each(|_| throttle.take(key.clone(), now).unwrap());
        let wait = throttle.take(key, now).unwrap_err();
        assert!(wait <= Duration::from_secs(6), "{wait:?}");
        throttle.take(Key::Account("tom".to_owned()), now).unwrap();
    }

    #[test]
    fn neighbours_in_one_ipv6_network_share_a_bucket() {
        let (one, two) = ("2001:db8:1:2::1".parse().unwrap(), "2001:db8:1:2:ffff::9".parse().unwrap());
        assert_eq!(Key::address(one), Key::address(two));
        assert_ne!(Key::address(one), Key::address("2001:db8:1:3::1".parse().unwrap()));
    }

    #[test]
    fn memory_stays_bounded() {
        let (throttle, start) = (Throttle::default(), Instant::now());
        for n in 0..30_000u32 {
            let now = start + Duration::from_millis(u64::from(n) * 10);
            let _ = throttle.take(Key::Account(n.to_string()), now);
        }
        assert!(throttle.buckets.lock().unwrap().len() <= PRUNE_ABOVE + 1);
    }
}
