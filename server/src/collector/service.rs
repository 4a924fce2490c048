use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};
use gemba_contract::{
    collector::{CollectorCondition, CollectorConditions, CollectorGap, CollectorView, Collectors, SourceView},
    edge::{Loss, QueueReport},
};
use gemba_domain::{
    Interval, Timestamp,
    collector::{Condition, GapCause, Heard},
};
use sqlx::PgPool;
use tokio::sync::Mutex;

use super::queries::{self, LossRow, Row, Source, Stretch};
use crate::{historian, ingest::Rates, plant};

/// Pages ask every few seconds, many at once: they are given the same answer for this long.
const KEPT: Duration = Duration::from_secs(1);
/// How far back gaps are told.
const GAPS_SECONDS: i64 = 7 * 86_400;
/// How far back losses are told.
const LOSSES_SECONDS: i64 = 30 * 86_400;
/// Gaps and losses of one collector that are told.
const MOST: usize = 100;
/// Unknown addresses of one collector that are named.
const MOST_UNKNOWN: i64 = 10;

/// An answer, and when it was made.
type Kept = (Instant, Arc<Collectors>);

/// Tells how the collectors are.
#[derive(Clone)]
pub struct Service {
    pub(super) pool: PgPool,
    pub(super) plant: plant::Service,
    pub(super) historian: historian::Service,
    rates: Arc<Rates>,
    kept: Arc<Mutex<Option<Kept>>>,
}

impl Service {
    /// `rates`: where ingest counts what comes in.
    pub fn new(pool: PgPool, plant: plant::Service, historian: historian::Service, rates: Arc<Rates>) -> Self {
        Self { pool, plant, historian, rates, kept: Arc::default() }
    }

    /// All that were let in, those that need looking after first.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn all(&self, now: Timestamp) -> Result<Arc<Collectors>, sqlx::Error> {
        let mut kept = self.kept.lock().await;
        if let Some((since, collectors)) = kept.as_ref()
            && since.elapsed() < KEPT
        {
            return Ok(Arc::clone(collectors));
        }
        let collectors = Arc::new(self.read(now).await?);
        *kept = Some((Instant::now(), Arc::clone(&collectors)));
        Ok(collectors)
    }

    /// As [`Service::all`], with nothing but how each is: every page asks for it.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn conditions(&self, now: Timestamp) -> Result<CollectorConditions, sqlx::Error> {
        let all = self.all(now).await?;
        let brief =
            |it: &CollectorView| CollectorCondition { name: it.name.clone(), condition: it.condition, units: it.units };
        Ok(CollectorConditions { collectors: all.collectors.iter().map(brief).collect(), at: all.at })
    }

    async fn read(&self, now: Timestamp) -> Result<Collectors, sqlx::Error> {
        let ago = |seconds: i64| now.plus_seconds(-seconds).to_utc();
        let mut tx = self.pool.begin().await?;
        let rows = queries::collectors(&mut *tx).await?;
        let sources = queries::sources(&mut *tx).await?;
        let unknown = queries::unknown(&mut *tx, MOST_UNKNOWN).await?;
        let holes = queries::holes(&mut *tx, ago(GAPS_SECONDS), MOST as i64).await?;
        let losses = queries::losses(&mut *tx, ago(LOSSES_SECONDS)).await?;
        tx.commit().await?;
        let view = |row: Row| {
            let id = row.id;
            let own = Own {
                sources: sources.iter().filter(|source| source.collector_id == id).collect(),
                unknown: unknown.iter().filter(|(of, _)| *of == id).map(|(_, address)| address.clone()).collect(),
                holes: holes.iter().filter(|hole| hole.collector_id == id).collect(),
                losses: losses.iter().filter(|loss| loss.collector_id == id).take(MOST).collect(),
            };
            view(row, &own, self.rates.per_second(id, now), now)
        };
        let mut collectors: Vec<_> = rows.into_iter().map(view).collect();
        collectors.sort_by_key(|collector| collector.condition);
        Ok(Collectors { collectors, at: now })
    }
}

/// What belongs to one collector.
struct Own<'a> {
    sources: Vec<&'a Source>,
    unknown: Vec<String>,
    holes: Vec<&'a Stretch>,
    losses: Vec<&'a LossRow>,
}

fn view(row: Row, own: &Own<'_>, samples_per_second: f64, now: Timestamp) -> CollectorView {
    let heard = Heard {
        shut_out: row.revoked_at.is_some(),
        at: row.last_hello_at.max(row.last_batch_at).map(Timestamp::from),
        covered_to: row.covered_to.map(Timestamp::from),
        clock_offset_micros: row.clock_offset_micros.unwrap_or(0),
        sources_in_trouble: own.sources.iter().filter(|source| !source.ok).count(),
    };
    let condition = heard.condition(now);
    let known = |number: Option<i64>| number.map(i64::unsigned_abs);
    let queue = known(row.queue_samples).zip(known(row.queue_bytes)).map(|(samples, bytes)| QueueReport {
        samples,
        bytes,
        oldest: row.queue_oldest_at.map(Timestamp::from),
    });
    CollectorView {
        name: row.name,
        condition,
        version: row.version,
        heard_at: heard.at,
        lag_seconds: heard.lag_seconds(now),
        clock_offset_seconds: row.clock_offset_micros.map(|micros| micros as f64 / 1e6),
        samples_per_second,
        queue,
        signals: count(row.signals),
        units: count(row.units),
        unknown: own.unknown.clone(),
        unknown_total: count(row.unknown),
        samples_aside: row.samples_aside.unsigned_abs(),
        sources: own
            .sources
            .iter()
            .map(|source| SourceView {
                name: source.name.clone(),
                status: source.status.clone(),
                ok: source.ok,
                since: source.since.map(Timestamp::from),
            })
            .collect(),
        gaps: gaps(condition, row.covered_to, own),
        losses: own
            .losses
            .iter()
            .map(|loss| Loss {
                batches: loss.batches.unsigned_abs(),
                samples: loss.samples.unsigned_abs(),
                from: loss.from.into(),
                to: loss.to.into(),
                reason: loss.reason.clone(),
            })
            .collect(),
    }
}

fn count(number: i64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// The stretch that lasts, if there is one, then those that ended.
fn gaps(condition: Condition, covered_to: Option<DateTime<Utc>>, own: &Own<'_>) -> Vec<CollectorGap> {
    let lasting = matches!(condition, Condition::Silent | Condition::Behind);
    let lasting = covered_to.filter(|_| lasting).map(|from| CollectorGap {
        from: from.into(),
        to: None,
        cause: GapCause::NotArrived,
        samples_lost: 0,
    });
    let ended = own.holes.iter().map(|hole| {
        let (from, to) = (Timestamp::from(hole.from), Timestamp::from(hole.to));
        let samples_lost = lost_within(Interval::new(from, to), &own.losses);
        let cause = if samples_lost > 0 { GapCause::GivenUp } else { GapCause::NotWatched };
        CollectorGap { from, to: Some(to), cause, samples_lost }
    });
    lasting.into_iter().chain(ended).collect()
}

/// Samples given up whose time lies in this stretch, as far as records tell them apart.
fn lost_within(stretch: Interval, losses: &[&LossRow]) -> u64 {
    let within = losses.iter().filter(|loss| {
        let lost = Interval::new(loss.from.into(), Timestamp::from(loss.to).plus_micros(1));
        lost.intersection(&stretch).is_some()
    });
    within.map(|loss| loss.samples.unsigned_abs()).sum()
}
