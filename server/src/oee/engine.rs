//! The task that moves the board: commits in, changes out to the live hub.

use std::{collections::HashSet, sync::Arc, time::Duration};

use gemba_codec::{Run, Values};
use gemba_contract::live::SignalDelta;
use gemba_domain::{
    Timestamp,
    equipment::EquipmentId,
    signal::{SignalId, Value},
};
use rustc_hash::FxHashMap;
use tokio::{
    sync::{mpsc, watch},
    time::{Interval as Ticker, MissedTickBehavior, interval},
};
use tokio_util::sync::CancellationToken;

use super::service::{Nudge, Service};
use crate::{
    ingest::{self, Input},
    live::{Changes, Hub, Topic},
    overview,
    plant::Plant,
};

/// What changed is gathered for so long, then sent: one message per topic.
const GATHER: Duration = Duration::from_millis(20);
/// Figures move with time alone; they are sent this often.
const DRIFT: Duration = Duration::from_secs(5);
const TRIM: Duration = Duration::from_secs(600);

/// The engine of one process.
pub struct Engine {
    pub oee: Service,
    pub overview: overview::Service,
    pub hub: Hub,
    pub ingest: ingest::Service,
    pub input: mpsc::Receiver<Input>,
    pub nudges: mpsc::Receiver<Nudge>,
    pub now: fn() -> Timestamp,
}

#[derive(Default)]
struct Pending {
    units: HashSet<EquipmentId>,
    /// The newest reading of each signal.
    signals: FxHashMap<SignalId, (EquipmentId, i64, Value)>,
}

impl Engine {
    /// Loads the last day of every unit. To be called before [`run`](Self::run); tried again until it succeeds.
    pub async fn load(&self) -> Result<(), super::derive::DeriveError> {
        let plant = self.oee.plant.current();
        for (collector, unit) in self.ingest.deliveries().await? {
            self.oee.board().delivers(collector, [unit]);
        }
        let loaded = self.oee.set_plant(&plant, (self.now)()).await?;
        self.oee.note_missing().await?;
        tracing::info!(units = loaded, "engine loaded");
        Ok(())
    }

    /// Runs until `stop`, or until nothing can send commits any more.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut plants = self.oee.plant.subscribe();
        // It may have changed while it was loaded.
        let mut plant = self.change_plant(&mut plants).await;
        let mut pending = Pending::default();
        let (mut gather, mut drift, mut trim) = (ticker(GATHER), ticker(DRIFT), ticker(TRIM));
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                input = self.input.recv() => match input {
                    Some(input) => self.take(input, &plant, &mut pending),
                    None => return,
                },
                _ = gather.tick(), if !pending.is_empty() => self.publish(&plant, &mut pending),
                Ok(()) = plants.changed() => plant = self.change_plant(&mut plants).await,
                Some(nudge) = self.nudges.recv() => {
                    let (Nudge::Reload(unit) | Nudge::Changed(unit)) = nudge;
                    if nudge == Nudge::Reload(unit) {
                        self.load_again(unit).await;
                    }
                    pending.units.insert(unit);
                }
                _ = drift.tick() => {
                    for unit in self.oee.board().ahead_of((self.now)()) {
                        tracing::warn!(unit = %unit.0, "the server's clock was set back: the unit's last day is read again");
                        self.load_again(unit).await;
                    }
                    pending.units.extend(plant.units().map(|found| found.unit.id));
                }
                _ = trim.tick() => self.oee.board().trim((self.now)()),
            }
        }
    }

    async fn load_again(&self, unit: EquipmentId) {
        if let Err(error) = self.oee.load(unit, (self.now)()).await {
            tracing::warn!(%error, "a unit was not read again; its present stays as it was");
        }
    }

    fn take(&self, input: Input, plant: &Plant, pending: &mut Pending) {
        match input {
            Input::Delivers { collector, units } => self.oee.board().delivers(collector, units),
            Input::Committed(commit) => {
                pending.units.extend(self.oee.board().take(&commit, plant));
                // Who begins to look after this has the values of this commit from the historian.
                let unit_of = |topic: &Topic| match topic {
                    Topic::Unit(path) => plant.unit(path).map(|found| found.unit.id),
                    Topic::Overview => None,
                };
                let watched: Vec<EquipmentId> = self.hub.watched().iter().filter_map(unit_of).collect();
                if !watched.is_empty() {
                    for (signal, run) in commit.batches.iter().flatten() {
                        pending.newest(*signal, run, plant, &watched);
                    }
                }
            }
        }
    }

    async fn change_plant(&self, plants: &mut watch::Receiver<Arc<Plant>>) -> Arc<Plant> {
        let plant = plants.borrow_and_update().clone();
        if let Err(error) = self.oee.set_plant(&plant, (self.now)()).await {
            tracing::warn!(%error, "the changed plant is not loaded whole; it is tried again with the next change");
        }
        self.hub.reset("the plant was changed");
        plant
    }

    fn publish(&self, plant: &Plant, pending: &mut Pending) {
        let now = (self.now)();
        let Pending { units, mut signals } = std::mem::take(pending);
        for topic in self.hub.watched() {
            let changes = match &topic {
                Topic::Overview => {
                    let tiles = self.overview.tile_deltas(plant, |unit| units.contains(&unit), now);
                    let moved = |site: &&crate::plant::Site| {
                        site.lines().any(|(_, line)| line.units.iter().any(|u| units.contains(&u.id)))
                    };
                    let totals =
                        plant.sites.iter().filter(moved).flat_map(|site| self.overview.totals(site, now)).collect();
                    Changes { tiles, totals, ..Changes::default() }
                }
                Topic::Unit(path) => {
                    let Some(found) = plant.unit(path) else { continue };
                    let id = found.unit.id;
                    let mut newest: Vec<SignalDelta> = signals
                        .extract_if(|_, (unit, ..)| *unit == id)
                        .map(|(signal, (_, time, value))| SignalDelta(signal, Timestamp::from_micros(time), value))
                        .collect();
                    newest.sort_by_key(|delta| delta.0);
                    if units.contains(&id) {
                        let tiles = self.overview.tile_deltas(plant, |unit| unit == id, now);
                        let elements = self.oee.board().now(id, now).map(|state| Box::new(state.elements));
                        Changes { tiles, signals: newest, elements, ..Changes::default() }
                    } else {
                        Changes { signals: newest, ..Changes::default() }
                    }
                }
            };
            self.hub.publish(&topic, now, changes);
        }
    }
}

impl Pending {
    fn is_empty(&self) -> bool {
        self.units.is_empty() && self.signals.is_empty()
    }

    fn newest(&mut self, signal: SignalId, run: &Run, plant: &Plant, watched: &[EquipmentId]) {
        let Some(time) = run.times.last().copied() else { return };
        let Some((unit, _)) = plant.place_of(signal) else { return };
        if !watched.contains(&unit) {
            return;
        }
        if self.signals.get(&signal).is_some_and(|(_, known, _)| *known > time) {
            return;
        }
        let value = match &run.values {
            Values::Number(numbers) => numbers.last().map_or(Value::Unavailable, |n| Value::Number(*n)),
            Values::Text(texts) => texts.last().map_or(Value::Unavailable, |text| Value::Text(text.clone())),
            Values::Unavailable => Value::Unavailable,
        };
        self.signals.insert(signal, (unit, time, value));
    }
}

fn ticker(period: Duration) -> Ticker {
    let mut ticker = interval(period);
    ticker.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticker
}
