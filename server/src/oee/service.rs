use std::sync::Arc;

use gemba_domain::{Interval, Timestamp, equipment::EquipmentId, oee::UnitConfig};
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;

use super::{
    board::Board,
    derive::{self, DeriveError},
    queries,
    unit_board::config_of,
};
use crate::{
    historian,
    plant::{self, Plant},
};

/// How much of each unit is held in memory, at least.
pub const WINDOW_SECONDS: i64 = 25 * 3600;

/// Where the window begins: on a whole hour, since elements are stored by the hour and each hour is made by one side of
/// the border alone.
pub(super) fn window_begin(now: Timestamp) -> Timestamp {
    derive::hour_of(now.plus_seconds(-WINDOW_SECONDS))
}

/// Facts: their derivation and their store.
#[derive(Clone)]
pub struct Service {
    pub(super) pool: PgPool,
    pub(super) plant: plant::Service,
    pub(super) historian: historian::Service,
    board: Arc<Board>,
}

impl Service {
    pub fn new(pool: PgPool, plant: plant::Service, historian: historian::Service) -> Self {
        Self { pool, plant, historian, board: Arc::default() }
    }

    /// The present, in memory.
    pub fn board(&self) -> Arc<Board> {
        self.board.clone()
    }

    fn config(&self, unit: EquipmentId) -> Option<UnitConfig> {
        let plant = self.plant.current();
        plant.units().find(|found| found.unit.id == unit).map(|found| config_of(found.unit))
    }

    /// Takes over the plant and loads the units that are new or changed.
    ///
    /// # Errors
    /// Those of the historian and the database; units loaded so far stay.
    pub(super) async fn set_plant(&self, plant: &Plant, now: Timestamp) -> Result<usize, DeriveError> {
        let to_load = self.board.set_plant(plant);
        for unit in &to_load {
            self.load(*unit, now).await?;
        }
        Ok(to_load.len())
    }

    /// Reads a unit's last day again.
    pub(super) async fn load(&self, unit: EquipmentId, now: Timestamp) -> Result<(), DeriveError> {
        let Some(config) = self.config(unit) else { return Ok(()) };
        // Read again, it begins where it did: what lies before was derived up to there. Unless it was opened by a clock
        // that was ahead.
        let begin = window_begin(now);
        let from = self.board.window_from(unit).map_or(begin, |from| from.min(begin));
        let window = Interval::new(from, now.plus_seconds(24 * 3600));
        let loaded = derive::load(&self.pool, &self.board, &self.historian, unit, config, window).await?;
        self.board.put(unit, loaded);
        Ok(())
    }

    /// Knows the plant without holding anything of its units: for processes that only derive what is stale.
    pub fn prepare(&self) {
        self.board.set_plant(&self.plant.current());
    }

    /// Derives one stale stretch again; `None` when there is none.
    ///
    /// # Errors
    /// Those of the historian and the database; the note stays.
    pub async fn derive_stale(&self, now: Timestamp) -> Result<Option<(EquipmentId, Interval)>, DeriveError> {
        derive::derive_stale(&self.pool, &self.board, &self.historian, |unit| self.config(unit), now).await
    }

    /// How many notes of stale stretches there are.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn count_stale(&self) -> sqlx::Result<i64> {
        queries::count_stale(&self.pool).await
    }

    /// Stores what the window has that is not stored yet. Gives the number of units.
    ///
    /// # Errors
    /// Those of the database; what could not be stored is tried again the next time.
    pub async fn save(&self) -> sqlx::Result<usize> {
        let unsaved = self.board.take_unsaved();
        let marks: Vec<(EquipmentId, Timestamp)> =
            unsaved.iter().map(|(unit, period, ..)| (*unit, period.from)).collect();
        let facts: Vec<_> = unsaved
            .into_iter()
            .filter_map(|(unit, period, facts, pri)| {
                let calendar = self.board.calendar(unit)?;
                Some(derive::to_store(unit, period, facts, &calendar, pri))
            })
            .collect();
        if facts.is_empty() {
            return Ok(0);
        }
        let store = async {
            let mut tx = self.pool.begin().await?;
            queries::replace(&mut tx, &facts).await?;
            tx.commit().await
        };
        if let Err(error) = store.await {
            self.board.unsave(marks);
            return Err(error);
        }
        Ok(facts.len())
    }

    /// Notes the stretch between what is stored and what the window holds, after a long stop.
    ///
    /// # Errors
    /// Those of the database.
    pub(super) async fn note_missing(&self) -> sqlx::Result<()> {
        let mut tx = self.pool.begin().await?;
        for (unit, derived_to) in queries::watermarks(&mut *tx).await? {
            if let Some(window_from) = self.board.window_from(unit)
                && derived_to < window_from
            {
                queries::note_stale(&mut tx, unit, Interval::new(derived_to, window_from)).await?;
            }
        }
        tx.commit().await
    }

    /// Stores facts every few seconds and derives what is stale, until `stop`; then stores what is left.
    pub async fn keep(
        self,
        now: fn() -> Timestamp,
        reload: tokio::sync::mpsc::Sender<EquipmentId>,
        stop: CancellationToken,
    ) {
        let mut tick = tokio::time::interval(std::time::Duration::from_secs(5));
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        while stop.run_until_cancelled(tick.tick()).await.is_some() {
            if let Err(error) = self.save().await {
                tracing::warn!(%error, "facts not stored; they are derived from the samples, trying again in 5 s");
                continue;
            }
            loop {
                match self.derive_stale(now()).await {
                    Ok(Some((unit, derived))) => {
                        tracing::info!(unit = %unit.0, from = %derived.from, to = %derived.to, "facts derived again");
                        if self.board.window_from(unit).is_some_and(|window_from| derived.to >= window_from) {
                            reload.send(unit).await.ok();
                        }
                    }
                    Ok(None) => break,
                    Err(error) => {
                        tracing::warn!(%error, "stale facts not derived; trying again in 5 s");
                        break;
                    }
                }
                if stop.is_cancelled() {
                    break;
                }
            }
        }
        if let Err(error) = self.save().await {
            tracing::warn!(%error, "the newest facts were not stored; the next start derives them");
        }
    }
}
