use std::{
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
    time::Duration,
};

use gemba_codec::Run;
use gemba_contract::signal::Reading;
use gemba_domain::{
    Interval, Timestamp,
    signal::{SignalId, Value},
};
use sqlx::PgPool;
use tokio::sync::Notify;

use super::{
    HistorianError, Outcome, Stats, damage,
    damage::Damage,
    head::{Head, Newest},
    journal,
    queries::{self, LatestRow},
};

/// What can be chosen about the historian.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// How often the journal is packed.
    pub pack_every: Duration,
    /// The journal is packed as soon as this many samples wait.
    pub pack_samples: usize,
    /// With this many waiting, [`Service::has_room`] says no: ingest should ask collectors to wait.
    pub most_samples: usize,
    /// Small pieces older than this are merged even when they are few.
    pub merge_after: Duration,
    /// Samples older than this are deleted. `None` keeps all.
    pub keep: Option<Duration>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            pack_every: Duration::from_secs(120),
            pack_samples: 2_000_000,
            most_samples: 8_000_000,
            merge_after: Duration::from_secs(6 * 3600),
            keep: None,
        }
    }
}

/// Keeps samples and gives them back. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Service {
    pub(super) inner: Arc<Inner>,
}

#[derive(Debug)]
pub(super) struct Inner {
    pub pool: PgPool,
    pub settings: Settings,
    head: RwLock<Head>,
    damage: RwLock<Arc<Vec<Damage>>>,
    /// Told when the head is large.
    pub wake: Notify,
}

impl Service {
    /// Reads the newest values and what is not packed yet. When that is much, packs first.
    ///
    /// # Errors
    /// Those of Postgres.
    pub async fn open(pool: PgPool, settings: Settings) -> Result<Self, HistorianError> {
        let service = Self {
            inner: Arc::new(Inner {
                pool,
                settings,
                head: RwLock::default(),
                damage: RwLock::default(),
                wake: Notify::new(),
            }),
        };
        let most = i64::try_from(service.inner.settings.pack_samples).unwrap_or(i64::MAX);
        while queries::journal_samples(&service.inner.pool).await? > most {
            if !matches!(service.compact_once().await?, Outcome::Packed { .. }) {
                break;
            }
        }
        if service.rebuild_head().await? {
            // Packing sets aside what cannot be read, so that readers are told from the start.
            service.compact_once().await?;
        }
        service.reload_damage().await?;
        Ok(service)
    }

    /// True when a journal row cannot be read.
    async fn rebuild_head(&self) -> Result<bool, HistorianError> {
        let mut tx = self.inner.pool.begin().await?;
        sqlx::query!("set transaction isolation level repeatable read").execute(&mut *tx).await?;
        let through = queries::compacted_through(&mut *tx).await?;
        let latest = queries::latest(&mut *tx).await?;
        let rows = queries::journal(&mut *tx, through, i64::MAX).await?;
        let matching = journal::matching(queries::local_signals(&mut *tx, i64::MAX).await?);
        tx.commit().await?;

        let batches = rows.len();
        let mut damaged = false;
        let samples = {
            let mut head = self.head_mut();
            head.trim(through);
            for row in latest {
                let (signal, newest) = newest(row, through);
                head.offer_newest(signal, newest);
            }
            for row in rows {
                let unpacked = journal::unpack(&row, &matching);
                damaged |= unpacked.damage.is_some();
                head.append(row.ordinal, &unpacked.runs);
            }
            head.samples()
        };
        tracing::info!(through, batches, samples, "historian: unpacked samples loaded");
        Ok(damaged)
    }

    /// Takes note of what another process has packed, such as an import.
    pub(super) async fn follow(&self) -> Result<(), HistorianError> {
        let through = queries::compacted_through(&self.inner.pool).await?;
        if through > self.head().through() {
            let latest = queries::latest(&self.inner.pool).await?;
            {
                let mut head = self.head_mut();
                for row in latest {
                    let (signal, newest) = newest(row, through);
                    head.offer_newest(signal, newest);
                }
                head.trim(through);
            }
            self.reload_damage().await?;
        }
        Ok(())
    }

    pub(super) async fn reload_damage(&self) -> Result<(), HistorianError> {
        let found = Arc::new(damage::load(&self.inner.pool).await?);
        *self.inner.damage.write().unwrap_or_else(PoisonError::into_inner) = found;
        Ok(())
    }

    pub(super) fn damage(&self) -> Arc<Vec<Damage>> {
        self.inner.damage.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Stretches within this one of which stored samples of the signal cannot be read any more.
    pub fn damaged(&self, signal: SignalId, within: Interval) -> Vec<Interval> {
        let damage = self.damage();
        let of_signal = damage.iter().filter(|d| d.signals.contains(&signal));
        of_signal.map(|d| d.stretch).filter(|stretch| stretch.intersection(&within).is_some()).collect()
    }

    pub(super) fn head(&self) -> RwLockReadGuard<'_, Head> {
        self.inner.head.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn head_mut(&self) -> RwLockWriteGuard<'_, Head> {
        self.inner.head.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells readers of a batch that is committed (see [`journal::insert`]). Call it after the commit, once.
    pub fn append(&self, ordinal: i64, runs: &[(SignalId, Run)]) {
        let samples = {
            let mut head = self.head_mut();
            head.append(ordinal, runs);
            head.samples()
        };
        if samples >= self.inner.settings.pack_samples {
            self.inner.wake.notify_one();
        }
    }

    /// False while so much waits to be packed that ingest should ask collectors to wait.
    pub fn has_room(&self) -> bool {
        self.head().samples() < self.inner.settings.most_samples
    }

    /// Samples before this are forgotten, or soon will be; `None`: all are kept.
    pub fn kept_from(&self, now: Timestamp) -> Option<Timestamp> {
        let keep = i64::try_from(self.inner.settings.keep?.as_secs()).unwrap_or(i64::MAX);
        Some(now.plus_seconds(keep.saturating_neg()))
    }

    /// The newest reading of a signal, by the source's time.
    pub fn latest(&self, signal: SignalId) -> Option<Reading> {
        self.head().newest(signal).map(|(time, value)| Reading { time, value })
    }

    /// The newest readings of several signals, in their order.
    pub fn latest_many(&self, signals: &[SignalId]) -> Vec<Option<Reading>> {
        let head = self.head();
        signals.iter().map(|signal| head.newest(*signal).map(|(time, value)| Reading { time, value })).collect()
    }

    /// How much is stored, and how many bytes it takes.
    ///
    /// # Errors
    /// Those of Postgres.
    pub async fn stats(&self) -> Result<Stats, HistorianError> {
        Ok(queries::stats(&self.inner.pool).await?)
    }
}

/// Runs a transaction to its end even when whoever waits for it goes away, such as a browser that closes. A connection
/// that is given back in the middle of `begin` or COPY would be of no use to the next one who takes it.
pub(super) async fn to_the_end<T: Send + 'static>(
    work: impl Future<Output = Result<T, HistorianError>> + Send + 'static,
) -> Result<T, HistorianError> {
    tokio::spawn(work).await?
}

/// As a row of `latest_value`.
pub(super) fn latest_row(signal_id: i32, time: i64, value: &Value) -> LatestRow {
    LatestRow {
        signal_id,
        time,
        number: value.number(),
        // Postgres text has no NUL.
        text: value.text().map(|text| text.replace('\0', "\u{fffd}")),
        unavailable: matches!(value, Value::Unavailable),
    }
}

fn newest(row: LatestRow, through: i64) -> (SignalId, Newest) {
    let value = match (row.number, row.text) {
        (Some(number), _) => Value::Number(number),
        (None, Some(text)) => Value::Text(text.into()),
        (None, None) => Value::Unavailable,
    };
    (SignalId(row.signal_id), Newest { time: row.time, ordinal: through, value })
}
