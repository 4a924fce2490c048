//! Reading what is stored, packed or not.

use std::collections::{BTreeMap, HashMap};

use gemba_contract::signal::Reading;
use gemba_domain::{Interval, Timestamp, signal::SignalId};
use sqlx::PgExecutor;

use super::{
    HistorianError, Service, chunk, damage,
    head::Snapshot,
    queries::{self, ReadPiece, StoredPiece},
    series::Series,
    service::to_the_end,
};

impl Service {
    /// The samples of a signal with `from <= time < to`.
    ///
    /// # Errors
    /// Those of Postgres. Stored samples that cannot be read are no error: see [`Series::damaged`].
    pub async fn read(&self, signal: SignalId, from: Timestamp, to: Timestamp) -> Result<Series, HistorianError> {
        Ok(self.read_many(&[signal], from, to).await?.remove(&signal).unwrap_or_default())
    }

    /// As [`Self::read`], but refuses when the stretch holds clearly more than `limit` samples.
    ///
    /// # Errors
    /// Those of Postgres, and [`HistorianError::TooMany`].
    pub async fn read_at_most(
        &self,
        signal: SignalId,
        from: Timestamp,
        to: Timestamp,
        limit: u64,
    ) -> Result<Series, HistorianError> {
        let heads = queries::heads(&self.inner.pool, signal.0, from.micros(), to.micros()).await?;
        let inside = heads.iter().filter(|head| head.first_time >= from.micros() && head.last_time < to.micros());
        let samples = inside.map(|head| u64::try_from(head.n).unwrap_or(0)).sum();
        if samples > limit {
            return Err(HistorianError::TooMany { samples, limit });
        }
        self.read(signal, from, to).await
    }

    /// As [`Self::read`], for several signals at one moment. Each of them is in the answer.
    ///
    /// # Errors
    /// Those of Postgres.
    pub async fn read_many(
        &self,
        signals: &[SignalId],
        from: Timestamp,
        to: Timestamp,
    ) -> Result<HashMap<SignalId, Series>, HistorianError> {
        let mut all = self.read_in_force(signals, from, to).await?;
        for series in all.values_mut() {
            if series.first_micros().is_some_and(|first| first < from.micros()) {
                *series = series.within(from, to);
            }
        }
        Ok(all)
    }

    /// As [`Self::read_many`], and before that, where there is one, the reading in force at `from` (with its own,
    /// earlier time).
    ///
    /// # Errors
    /// Those of Postgres.
    pub async fn read_in_force(
        &self,
        signals: &[SignalId],
        from: Timestamp,
        to: Timestamp,
    ) -> Result<HashMap<SignalId, Series>, HistorianError> {
        let (from, to) = (from.micros(), to.micros());
        let (all, damaged) = load(self, &self.inner.pool, signals, from, to).await?;
        for (piece, reason) in damaged {
            self.set_aside(piece, reason).await?;
        }
        Ok(all)
    }

    /// About how many samples each of these signals has within a stretch, without reading them; those of the last moments, which are
    /// not packed yet, are not counted.
    ///
    /// # Errors
    /// Those of Postgres.
    pub async fn samples_about(
        &self,
        signals: &[SignalId],
        within: Interval,
    ) -> Result<HashMap<SignalId, u64>, HistorianError> {
        let ids: Vec<i32> = signals.iter().map(|signal| signal.0).collect();
        let rows = queries::samples_about(&self.inner.pool, &ids, within.from.micros(), within.to.micros()).await?;
        Ok(rows.into_iter().map(|(signal, n)| (SignalId(signal), n.unsigned_abs())).collect())
    }

    /// The reading in force at this time: the last one at or before it.
    ///
    /// # Errors
    /// Those of Postgres.
    pub async fn value_at(&self, signal: SignalId, time: Timestamp) -> Result<Option<Reading>, HistorianError> {
        let series = self.read_in_force(&[signal], time, time.plus_micros(1)).await?.remove(&signal);
        Ok(series.and_then(|series| series.at(time)).map(|(time, value)| Reading { time, value }))
    }

    /// Moves a piece that cannot be read out of the way, unless it is being packed anew (then that does it).
    pub(super) async fn set_aside(&self, piece: StoredPiece, reason: String) -> Result<(), HistorianError> {
        let service = self.clone();
        to_the_end(async move {
            let mut tx = service.inner.pool.begin().await?;
            if queries::try_packing_lock(&mut tx).await? {
                damage::move_piece(&mut tx, &piece, &reason).await?;
                tx.commit().await?;
                service.reload_damage().await?;
            }
            Ok(())
        })
        .await
    }
}

/// Samples from the reading in force at `from` up to `to`, and the pieces that could not be read.
pub(super) async fn load(
    service: &Service,
    db: impl PgExecutor<'_>,
    signals: &[SignalId],
    from: i64,
    to: i64,
) -> Result<(HashMap<SignalId, Series>, Vec<(StoredPiece, String)>), HistorianError> {
    // The head first: what is packed in between is then found in both, never in neither.
    let snapshots: Vec<(SignalId, Snapshot)> = {
        let head = service.head();
        signals.iter().map(|signal| (*signal, head.snapshot(*signal, from, to))).collect()
    };
    let ids: Vec<i32> = signals.iter().map(|signal| signal.0).collect();
    let rows = queries::read(db, &ids, from, to).await?;
    let known = service.damage();
    let assemble = move || {
        let through = rows.first().map_or(i64::MAX, |row| row.through);
        let mut pieces: BTreeMap<i32, Vec<Series>> = BTreeMap::new();
        let mut broken = Vec::new();
        for piece in rows.into_iter().filter_map(stored) {
            match chunk::unpack(&piece.body, piece.first_time, piece.last_time, piece.n) {
                Ok(series) if piece.first_time > from && piece.last_time < to => {
                    pieces.entry(piece.signal_id).or_default().push(series);
                }
                Ok(series) => pieces.entry(piece.signal_id).or_default().push(series.part_in_force(from, to)),
                Err(reason) => broken.push((piece, reason)),
            }
        }
        let all = snapshots
            .into_iter()
            .map(|(signal, snapshot)| {
                let packed = pieces.remove(&signal.0).unwrap_or_default();
                let mut series = Series::merged(packed.into_iter().chain(snapshot.after(through)).collect());
                let begin = series.at_micros(from).map_or(from, |(time, _)| time);
                if series.first_micros().is_some_and(|first| first < begin) {
                    series = series.part(begin, to);
                }
                let stretches = known.iter().filter(|d| d.signals.contains(&signal)).map(|d| d.stretch).chain(
                    broken
                        .iter()
                        .filter(|(piece, _)| piece.signal_id == signal.0)
                        .map(|(piece, _)| damage::stretch(piece.first_time, piece.last_time)),
                );
                series.damaged = stretches.filter(|s| s.from.micros() < to && s.to.micros() > from).collect();
                (signal, series)
            })
            .collect();
        (all, broken)
    };
    Ok(tokio::task::spawn_blocking(assemble).await?)
}

fn stored(row: ReadPiece) -> Option<StoredPiece> {
    Some(StoredPiece {
        signal_id: row.signal_id?,
        generation: row.generation?,
        first_time: row.first_time?,
        last_time: row.last_time?,
        n: row.n?,
        body: row.body?,
    })
}
