use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError},
};

use gemba_domain::{
    Interval, Timestamp,
    equipment::EquipmentId,
    oee::{StateInterval, UnitConfig},
    shift::ShiftInstance,
    state::UnitState,
};
use sqlx::{PgConnection, PgPool};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{
    board::Board,
    cause::Cause,
    context::Context,
    derive::{self, DeriveError},
    ledger::{self, Reported},
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

/// Something that the engine did not see in the samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nudge {
    /// Facts at the begin of a unit's window were derived again: it is to be read again.
    Reload(EquipmentId),
    /// Something else is said of a unit: whoever looks at it is to be told.
    Changed(EquipmentId),
}

/// What a unit was doing at a moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StopAt {
    /// As the machine said it.
    pub state: UnitState,
    /// When the run of standing states that the moment lies in began.
    pub from: Timestamp,
    /// When that run ended; `None` while it goes on.
    pub ended: Option<Timestamp>,
}

/// Facts: their derivation and their store.
#[derive(Clone)]
pub struct Service {
    pub(super) pool: PgPool,
    pub(super) plant: plant::Service,
    pub(super) historian: historian::Service,
    board: Arc<Board>,
    nudges: mpsc::Sender<Nudge>,
    /// Why the facts in memory differ from those stored, by unit; late samples where nothing stands here.
    causes: Arc<Mutex<HashMap<EquipmentId, Cause>>>,
}

impl Service {
    /// With the engine's end of the nudges.
    pub fn new(pool: PgPool, plant: plant::Service, historian: historian::Service) -> (Self, mpsc::Receiver<Nudge>) {
        let (nudges, receiver) = mpsc::channel(256);
        (Self { pool, plant, historian, board: Arc::default(), nudges, causes: Arc::default() }, receiver)
    }

    /// The present, in memory.
    pub fn board(&self) -> Arc<Board> {
        self.board.clone()
    }

    pub(super) fn config(&self, unit: EquipmentId) -> Option<UnitConfig> {
        let plant = self.plant.current();
        plant.unit_of(unit).map(|found| config_of(found.unit, &plant.catalogue))
    }

    fn because(&self, unit: EquipmentId, cause: &Cause) {
        self.causes.lock().unwrap_or_else(PoisonError::into_inner).insert(unit, cause.clone());
    }

    /// What changes of these units next, changes for this cause: to be called before the plant is read again that makes it so,
    /// after the transaction in which [`note_stale`](super::note_stale) was called.
    pub fn because_of(&self, units: &[EquipmentId], cause: &Cause) {
        for unit in units {
            self.because(*unit, cause);
        }
    }

    /// People or plans say something else of these units' time from `from` on: what is in memory is made anew at once. To be
    /// called after the transaction that says so, in which [`note_stale`](super::note_stale) was called too.
    pub async fn context_changed(&self, units: &[EquipmentId], from: Timestamp, cause: &Cause) {
        for unit in units {
            self.because(*unit, cause);
            match self.context(*unit).await {
                Ok(Some(context)) => self.board.set_context(*unit, context, from),
                Ok(None) => {}
                // The note in fact_stale makes the next round of `keep` read the unit again.
                Err(error) => {
                    tracing::warn!(%error, unit = %unit.0, "what is said of a unit was not read; trying again")
                }
            }
            self.nudges.send(Nudge::Changed(*unit)).await.ok();
        }
    }

    /// What is said of a unit over its window.
    async fn context(&self, unit: EquipmentId) -> sqlx::Result<Option<Context>> {
        let (Some(from), Some(calendar), Some(config)) =
            (self.board.window_from(unit), self.board.calendar(unit), self.config(unit))
        else {
            return Ok(None);
        };
        let mut db = self.pool.acquire().await?;
        let window = Interval::new(from, from.plus_seconds(10 * WINDOW_SECONDS));
        let plant = self.plant.current();
        Context::load(&mut db, &plant, calendar, unit, config.minor_stop_micros, window).await.map(Some)
    }

    /// What a unit was doing at a moment, and how far the stop reaches that it lies in; `None` when that is not known.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn stop_at(
        &self,
        db: &mut PgConnection,
        unit: EquipmentId,
        at: Timestamp,
        now: Timestamp,
    ) -> sqlx::Result<Option<StopAt>> {
        let in_memory = self.board.with_unit(unit, |board| {
            let window = Interval::new(board.window_from(), board.covered_to().max(at.plus_micros(1)));
            window.contains(at).then(|| (board.facts(window).intervals, board.covered_to()))
        });
        let (states, known_to) = match in_memory.flatten() {
            Some(found) => found,
            None => {
                let around = Interval::new(at.plus_seconds(-7 * 86_400), at.plus_seconds(7 * 86_400));
                let stored = queries::states(db, unit, around).await?;
                let known = stored.into_iter().filter_map(|row| {
                    let state = UnitState::from_word(&row.said)?;
                    Some(StateInterval { interval: row.interval, state, cause: None })
                });
                (known.collect(), now)
            }
        };
        Ok(run_at(&states, at, known_to))
    }

    /// The reported shifts of a unit that begin within a period, with what changed them since.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn reported(&self, unit: EquipmentId, period: Interval) -> sqlx::Result<Vec<Reported>> {
        ledger::reported(&self.pool, unit, period).await
    }

    /// Reports the shifts that have ended. Gives how many.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn report_ended(&self, now: Timestamp) -> sqlx::Result<u64> {
        let plant = self.plant.current();
        let mut ended: Vec<(EquipmentId, ShiftInstance)> = Vec::new();
        for site in &plant.sites {
            let units = site.lines().flat_map(|(_, line)| &line.units);
            let Some(calendar) = site.lines().find_map(|(_, line)| self.board.calendar(line.units.first()?.id)) else {
                continue;
            };
            let past = calendar.shifts(Interval::new(now.plus_seconds(-WINDOW_SECONDS), now));
            let past: Vec<_> = past.into_iter().filter(|shift| shift.to <= now).collect();
            ended.extend(units.flat_map(|unit| past.iter().map(|shift| (unit.id, shift.clone()))));
        }
        let mut db = self.pool.acquire().await?;
        ledger::report(&mut db, &ended, now).await
    }

    /// A calendar that changed back then has other shifts than those that were reported: they are reported too.
    async fn report_others(&self, unit: EquipmentId, stretch: Interval, now: Timestamp) -> sqlx::Result<()> {
        let plant = self.plant.current();
        let Some(found) = plant.unit_of(unit) else { return Ok(()) };
        let around = Interval::new(stretch.from.plus_seconds(-WINDOW_SECONDS), stretch.to);
        let reported = self.reported(unit, around).await?;
        // What was never reported, such as the history that was imported, stays so.
        let Some(first) = reported.first().map(|first| first.shift_from) else { return Ok(()) };
        let known = |shift: &ShiftInstance| reported.iter().any(|known| known.shift_from == shift.from);
        let shifts = found.site.calendar.shifts(Interval::new(first.max(stretch.from), stretch.to));
        let others: Vec<_> = shifts.into_iter().filter(|shift| !known(shift)).map(|shift| (unit, shift)).collect();
        let mut db = self.pool.acquire().await?;
        ledger::report(&mut db, &others, now).await.map(drop)
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
        self.board.settled(plant.revision);
        Ok(to_load.len())
    }

    /// Reads a unit's last day again.
    pub(crate) async fn load(&self, unit: EquipmentId, now: Timestamp) -> Result<(), DeriveError> {
        let Some(config) = self.config(unit) else { return Ok(()) };
        // Read again, it begins where it did: what lies before was derived up to there. Unless it was opened by a clock
        // that was ahead.
        let begin = window_begin(now);
        let from = self.board.window_from(unit).map_or(begin, |from| from.min(begin));
        let window = Interval::new(from, now.plus_seconds(24 * 3600));
        let plant = self.plant.current();
        let loaded = derive::load(&self.pool, &plant, &self.board, &self.historian, unit, config, window).await?;
        if let Some(loaded) = loaded {
            self.board.put(unit, loaded);
        }
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
        let config = |unit| self.config(unit);
        let derived = derive::derive_stale(&self.pool, &self.plant, &self.board, &self.historian, config, now).await?;
        let Some((unit, stretch, cause)) = derived else { return Ok(None) };
        self.because(unit, &cause);
        self.report_others(unit, stretch, now).await?;
        Ok(Some((unit, stretch)))
    }

    /// How many notes of stale stretches there are.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn count_stale(&self) -> sqlx::Result<i64> {
        queries::count_stale(&self.pool).await
    }

    /// Stores what the window has that is not stored yet. Gives the number of units. Those of which another process stores
    /// facts just now wait for the next time.
    ///
    /// # Errors
    /// Those of the database; what could not be stored is tried again the next time.
    pub async fn save(&self, now: Timestamp) -> sqlx::Result<usize> {
        let causes = {
            let mut known = self.causes.lock().unwrap_or_else(PoisonError::into_inner);
            // Where the plant has changed and units are still being loaded by it, what they change is yet to be stored.
            let settled = self.board.revision() == self.plant.current().revision;
            if settled { std::mem::take(&mut *known) } else { known.clone() }
        };
        let unsaved = self.board.take_unsaved();
        let marks: Vec<(EquipmentId, Timestamp)> =
            unsaved.iter().map(|(unit, period, _)| (*unit, period.from)).collect();
        let mut facts: Vec<_> =
            unsaved.into_iter().map(|(unit, period, facts)| derive::to_store(unit, period, facts)).collect();
        if facts.is_empty() {
            return Ok(0);
        }
        let units: Vec<EquipmentId> = facts.iter().map(|fact| fact.unit).collect();
        let store = async {
            let mut tx = self.pool.begin().await?;
            let free = queries::try_lock_facts(&mut tx, &units).await?;
            facts.retain(|fact| free.contains(&fact.unit));
            queries::replace(&mut tx, &facts).await?;
            let cause = |unit| causes.get(&unit).cloned().unwrap_or_else(Cause::late_samples);
            ledger::note(&mut tx, &facts, cause, now).await?;
            tx.commit().await?;
            Ok(free)
        };
        let stored: sqlx::Result<HashSet<EquipmentId>> = store.await;
        let left = |unit: &EquipmentId| stored.as_ref().map_or(true, |stored| !stored.contains(unit));
        let marks: Vec<_> = marks.into_iter().filter(|(unit, _)| left(unit)).collect();
        if !marks.is_empty() {
            self.board.unsave(marks);
            let mut known = self.causes.lock().unwrap_or_else(PoisonError::into_inner);
            for (unit, cause) in causes.into_iter().filter(|(unit, _)| left(unit)) {
                known.entry(unit).or_insert(cause);
            }
        }
        stored.map(|stored| stored.len())
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
                let cause = Cause { text: "the server was away".to_owned(), by: None };
                queries::note_stale(&mut tx, unit, Interval::new(derived_to, window_from), &cause).await?;
            }
        }
        tx.commit().await
    }

    /// Stores facts every few seconds and derives what is stale, until `stop`; then stores what is left.
    pub async fn keep(self, now: fn() -> Timestamp, stop: CancellationToken) {
        let mut tick = tokio::time::interval(std::time::Duration::from_secs(5));
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        while stop.run_until_cancelled(tick.tick()).await.is_some() {
            if let Err(error) = self.save(now()).await {
                tracing::warn!(%error, "facts not stored; they are derived from the samples, trying again in 5 s");
                continue;
            }
            if let Err(error) = self.report_ended(now()).await {
                tracing::warn!(%error, "the shifts that ended are not reported; trying again in 5 s");
            }
            loop {
                match self.derive_stale(now()).await {
                    Ok(Some((unit, derived))) => {
                        tracing::info!(unit = %unit.0, from = %derived.from, to = %derived.to, "facts derived again");
                        if self.board.window_from(unit).is_some_and(|window_from| derived.to >= window_from) {
                            self.nudges.send(Nudge::Reload(unit)).await.ok();
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
        if let Err(error) = self.save(now()).await {
            tracing::warn!(%error, "the newest facts were not stored; the next start derives them");
        }
    }
}

/// The run of standing states that holds a moment.
fn run_at(states: &[StateInterval], at: Timestamp, known_to: Timestamp) -> Option<StopAt> {
    let position = states.partition_point(|state| state.interval.to <= at);
    let here = states.get(position).filter(|state| state.interval.contains(at))?;
    let stands = |state: &StateInterval| !matches!(state.state, UnitState::Producing | UnitState::Unknown);
    let (mut from, mut to) = (here.interval.from, here.interval.to);
    if stands(here) {
        for later in states.get(position + 1..).unwrap_or_default() {
            if !stands(later) || later.interval.from != to {
                break;
            }
            to = later.interval.to;
        }
        for earlier in states.get(..position).unwrap_or_default().iter().rev() {
            if !stands(earlier) || earlier.interval.to != from {
                break;
            }
            from = earlier.interval.from;
        }
    }
    Some(StopAt { state: here.state, from, ended: (to < known_to).then_some(to) })
}
