//! How long a signal held each word.

use std::collections::BTreeMap;

use gemba_contract::signal::DurationBucket;
use gemba_domain::{
    Timestamp,
    signal::{SignalId, Value},
};

use super::{HistorianError, Service, queries};

/// The word for time in which the source could not tell.
const UNAVAILABLE: &str = "UNAVAILABLE";
/// Samples read at a time.
const PAGE: usize = 200_000;

/// Length of a bucket. Buckets begin at whole ones, in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Bucket {
    /// 3,600 s.
    Hour,
    /// 86,400 s.
    Day,
}

impl Bucket {
    const fn micros(self) -> i64 {
        match self {
            Bucket::Hour => 3_600_000_000,
            Bucket::Day => 86_400_000_000,
        }
    }
}

impl Service {
    /// Seconds per word in each bucket that touches [from, to), cut to it. A reading is in force until the next one,
    /// and the last one until nobody watched the signal any more (but at least to its own time). Time before the first reading
    /// is in none of the words.
    ///
    /// # Errors
    /// Those of Postgres.
    pub async fn durations(
        &self,
        signal: SignalId,
        from: Timestamp,
        to: Timestamp,
        bucket: Bucket,
    ) -> Result<Vec<DurationBucket>, HistorianError> {
        let watched = queries::watched_until(&self.inner.pool, signal.0).await?;
        let mut held = Held::new(from.micros(), to.micros(), bucket);
        for page in self.pages(signal, from, to, PAGE).await? {
            let series = self.read_in_force(&[signal], page.from, page.to).await?.remove(&signal).unwrap_or_default();
            for (time, value) in series.iter_micros() {
                held.reading(time, &value);
            }
        }
        held.until(watched.map_or(i64::MIN, Timestamp::micros).min(to.micros()));
        Ok(held.buckets())
    }
}

/// Adds up readings that come by time.
#[derive(Debug)]
struct Held {
    from: i64,
    to: i64,
    bucket: i64,
    current: Option<(i64, String)>,
    sums: BTreeMap<i64, BTreeMap<String, i64>>,
}

impl Held {
    fn new(from: i64, to: i64, bucket: Bucket) -> Self {
        Self { from, to, bucket: bucket.micros(), current: None, sums: BTreeMap::new() }
    }

    fn reading(&mut self, time: i64, value: &Value) {
        self.until(time);
        let word = match value {
            Value::Number(number) => number.to_string(),
            Value::Text(text) => text.to_string(),
            Value::Unavailable => UNAVAILABLE.to_owned(),
        };
        self.current = Some((time.max(self.from), word));
    }

    /// The current word was in force up to here.
    fn until(&mut self, time: i64) {
        let end = time.min(self.to);
        let Some((begin, word)) = &mut self.current else { return };
        while *begin < end {
            let bucket = begin.div_euclid(self.bucket);
            let next = end.min((bucket + 1).saturating_mul(self.bucket));
            *self.sums.entry(bucket).or_default().entry(word.clone()).or_default() += next - *begin;
            *begin = next;
        }
    }

    fn buckets(mut self) -> Vec<DurationBucket> {
        let mut out = Vec::new();
        let mut begin = self.from;
        while begin < self.to {
            let bucket = begin.div_euclid(self.bucket);
            let end = self.to.min((bucket + 1).saturating_mul(self.bucket));
            let sums = self.sums.remove(&bucket).unwrap_or_default();
            out.push(DurationBucket {
                from: Timestamp::from_micros(begin),
                to: Timestamp::from_micros(end),
                seconds: sums.into_iter().map(|(word, micros)| (word, micros as f64 / 1e6)).collect(),
            });
            begin = end;
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(pairs: &[(&str, f64)]) -> BTreeMap<String, f64> {
        pairs.iter().map(|(word, seconds)| ((*word).to_owned(), *seconds)).collect()
    }

    #[test]
    fn words_are_split_at_the_hours_and_cut_to_the_stretch() {
        const MINUTE: i64 = 60_000_000;
        let mut held = Held::new(30 * MINUTE, 150 * MINUTE, Bucket::Hour);
        held.reading(10 * MINUTE, &Value::Text("READY".into()));
        held.reading(50 * MINUTE, &Value::Text("ACTIVE".into()));
        held.reading(100 * MINUTE, &Value::Unavailable);
        held.until(130 * MINUTE);
        let buckets = held.buckets();
        assert_eq!(buckets.len(), 3);
        assert_eq!(buckets[0].seconds, seconds(&[("READY", 1200.0), ("ACTIVE", 600.0)]));
        assert_eq!(buckets[1].seconds, seconds(&[("ACTIVE", 2400.0), ("UNAVAILABLE", 1200.0)]));
        assert_eq!(buckets[2].seconds, seconds(&[("UNAVAILABLE", 600.0)]));
        assert_eq!(buckets[2].to.micros(), 150 * MINUTE);
    }

    #[test]
    fn nothing_is_held_before_the_first_reading() {
        let held = Held::new(0, Bucket::Day.micros() * 2, Bucket::Day);
        let buckets = held.buckets();
        assert_eq!(buckets.len(), 2);
        assert!(buckets.iter().all(|bucket| bucket.seconds.is_empty()));
    }
}
