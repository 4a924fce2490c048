//! The present of the whole plant, in memory: every unit's last day.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use gemba_codec::{Run, Values};
use gemba_domain::{
    Interval, Timestamp,
    equipment::{EquipmentId, EquipmentPath},
    oee::{Event, StateInterval},
    rule::Name,
    shift::ShiftInstance,
    signal::{SignalId, SignalRole, Value},
};
use rustc_hash::FxHashMap;

use super::{
    context::{Accounted, Context},
    service::window_begin,
    unit_board::{Now, UnitBoard},
};
use crate::{calendar::Calendar, ingest::Committed, plant::Plant};

/// Every unit's last day.
#[derive(Debug, Default)]
pub struct Board(RwLock<Inner>);

#[derive(Debug, Default)]
struct Inner {
    units: HashMap<EquipmentId, UnitBoard>,
    roles: FxHashMap<SignalId, (EquipmentId, SignalRole)>,
    /// Signals that rules read, with the names that they are read by.
    read: FxHashMap<SignalId, (EquipmentId, Vec<Name>)>,
    site_of: HashMap<EquipmentId, EquipmentPath>,
    calendars: HashMap<EquipmentPath, Arc<Calendar>>,
    deliveries: HashMap<i32, HashSet<EquipmentId>>,
    /// Of the plant that all units are loaded by.
    revision: i64,
}

impl Board {
    fn read(&self) -> RwLockReadGuard<'_, Inner> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Inner> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes over what the plant says. Gives the units that must be loaded: new ones, those with other role signals, and those
    /// whose rules read other signals.
    pub(super) fn set_plant(&self, plant: &Plant) -> Vec<EquipmentId> {
        let mut inner = self.write();
        let before = std::mem::take(&mut inner.roles);
        inner.read.clear();
        let mut to_load = Vec::new();
        let mut standing = HashSet::new();
        inner.site_of.clear();
        inner.calendars = plant.sites.iter().map(|site| (site.path.clone(), site.calendar.clone())).collect();
        for found in plant.units() {
            let id = found.unit.id;
            standing.insert(id);
            inner.site_of.insert(id, found.site.path.clone());
            let roles: Vec<_> = found.unit.signals.iter().filter_map(|s| Some((s.id, (id, s.role?)))).collect();
            let same = roles.iter().all(|(signal, place)| before.get(signal) == Some(place))
                && before.values().filter(|(unit, _)| *unit == id).count() == roles.len();
            inner.roles.extend(roles);
            for (signal, name) in plant.read_by_rules(found.unit) {
                inner.read.entry(signal).or_insert_with(|| (id, Vec::new())).1.push(name);
            }
            let calendar = inner.calendars.get(&found.site.path).cloned();
            match (inner.units.get_mut(&id), calendar) {
                (Some(board), Some(calendar)) if same => {
                    board.reconfigure(super::unit_board::config_of(found.unit, &plant.catalogue));
                    let context = board.context().clone().with_plant(plant, calendar);
                    if !board.has_what_rules_read(&context) {
                        to_load.push(id);
                    }
                    board.set_context(context, board.window_from());
                }
                _ => to_load.push(id),
            }
        }
        inner.units.retain(|id, _| standing.contains(id));
        to_load
    }

    /// All units are loaded by the plant of this revision.
    pub(super) fn settled(&self, revision: i64) {
        self.write().revision = revision;
    }

    /// The revision of the plant that all units are loaded by.
    pub(super) fn revision(&self) -> i64 {
        self.read().revision
    }

    pub(super) fn put(&self, unit: EquipmentId, board: UnitBoard) {
        self.write().units.insert(unit, board);
    }

    /// Forgets a unit's past before this time.
    #[cfg(test)]
    pub(crate) fn open_at(&self, unit: EquipmentId, window_from: Timestamp) {
        if let Some(board) = self.write().units.get_mut(&unit) {
            board.trim(window_from);
        }
    }

    /// These units' signals come from this collector.
    pub(super) fn delivers(&self, collector: i32, units: impl IntoIterator<Item = EquipmentId>) {
        self.write().deliveries.entry(collector).or_default().extend(units);
    }

    /// Takes in a commit. Gives the units whose facts it may have changed.
    pub(super) fn take(&self, commit: &Committed, plant: &Plant) -> HashSet<EquipmentId> {
        let mut inner = self.write();
        let inner = &mut *inner;
        let mut events: HashMap<EquipmentId, Vec<Event>> = HashMap::new();
        let mut heard = HashSet::new();
        let delivered = inner.deliveries.entry(commit.collector).or_default();
        // Signals of one unit stand together, mostly.
        let mut noted = None;
        for (signal, run) in commit.batches.iter().flatten() {
            if let Some((unit, names)) = inner.read.get(signal)
                && let Some(board) = inner.units.get_mut(unit)
            {
                readings(run).for_each(|(time, value)| {
                    names.iter().for_each(|name| board.hear(name, time, value.clone()));
                });
                heard.insert(*unit);
            }
            match inner.roles.get(signal) {
                Some((unit, role)) => {
                    delivered.insert(*unit);
                    let of_unit = events.entry(*unit).or_default();
                    of_unit.extend(readings(run).map(|(time, value)| Event { time, role: *role, value }));
                }
                None => {
                    if let Some((unit, _)) = plant.place_of(*signal)
                        && noted != Some(unit)
                    {
                        delivered.insert(unit);
                        noted = Some(unit);
                    }
                }
            }
        }
        let mut changed = HashSet::new();
        for unit in delivered.iter() {
            let Some(board) = inner.units.get_mut(unit) else { continue };
            if let Some(mut events) = events.remove(unit) {
                // Runs come by signal; the fold wants them by time.
                events.sort_by_key(|event| event.time);
                board.take(events);
                changed.insert(*unit);
            }
            if heard.contains(unit) {
                changed.insert(*unit);
            }
            for stretch in &commit.covered {
                board.cover(*stretch);
            }
            board.lay();
        }
        changed
    }

    /// Lets go of what is older than the window. A clock that leaps ahead lets go of nothing: the window also ends where
    /// the data end.
    pub(super) fn trim(&self, now: Timestamp) {
        for board in self.write().units.values_mut() {
            board.trim(window_begin(now.min(board.covered_to())));
        }
    }

    /// Units whose window begins too late for this time: it was opened while the clock was ahead.
    pub(super) fn ahead_of(&self, now: Timestamp) -> Vec<EquipmentId> {
        let begin = window_begin(now);
        self.read().units.iter().filter(|(_, board)| board.window_from() > begin).map(|(unit, _)| *unit).collect()
    }

    /// The window of a unit begins here.
    pub(super) fn window_from(&self, unit: EquipmentId) -> Option<Timestamp> {
        self.read().units.get(&unit).map(UnitBoard::window_from)
    }

    /// The signals of a unit that mean something to the engine.
    pub(super) fn role_signals(&self, unit: EquipmentId) -> Vec<(SignalId, SignalRole)> {
        let inner = self.read();
        let mut found: Vec<_> =
            inner.roles.iter().filter(|(_, (of, _))| *of == unit).map(|(id, (_, role))| (*id, *role)).collect();
        found.sort_unstable();
        found
    }

    /// The calendar that a unit works by.
    pub fn calendar(&self, unit: EquipmentId) -> Option<Arc<Calendar>> {
        let inner = self.read();
        inner.site_of.get(&unit).and_then(|site| inner.calendars.get(site)).cloned()
    }

    /// Takes what is not stored yet, of all units.
    pub(super) fn take_unsaved(&self) -> Vec<(EquipmentId, Interval, Accounted)> {
        let mut inner = self.write();
        let take = |(unit, board): (&EquipmentId, &mut UnitBoard)| {
            let (period, facts) = board.take_unsaved()?;
            Some((*unit, period, facts))
        };
        inner.units.iter_mut().filter_map(take).collect()
    }

    /// Something else is said of a unit's time from `from` on.
    pub(super) fn set_context(&self, unit: EquipmentId, context: Context, from: Timestamp) {
        if let Some(board) = self.write().units.get_mut(&unit) {
            board.set_context(context, from);
        }
    }

    /// Asks a unit's last day, when it is loaded.
    pub fn with_unit<T>(&self, unit: EquipmentId, ask: impl FnOnce(&UnitBoard) -> T) -> Option<T> {
        self.read().units.get(&unit).map(ask)
    }

    /// These could not be stored after all.
    pub(super) fn unsave(&self, unsaved: impl IntoIterator<Item = (EquipmentId, Timestamp)>) {
        let mut inner = self.write();
        for (unit, from) in unsaved {
            if let Some(board) = inner.units.get_mut(&unit) {
                board.unsave(from);
            }
        }
    }

    /// The shift that runs at a site.
    pub fn shift_at(&self, site: &EquipmentPath, now: Timestamp) -> Option<ShiftInstance> {
        self.read().calendars.get(site)?.shifts(Interval::new(now, now.plus_micros(1))).into_iter().next()
    }

    /// How a unit is, with the elements of its running shift so far; `None` for a unit that is not loaded (yet).
    pub fn now(&self, unit: EquipmentId, now: Timestamp) -> Option<Now> {
        let inner = self.read();
        let calendar = inner.calendars.get(inner.site_of.get(&unit)?)?;
        let shift = calendar.shifts(Interval::new(now, now.plus_micros(1))).into_iter().next();
        Some(inner.units.get(&unit)?.now(now, shift.as_ref()))
    }

    /// The states of a unit over a period that ends now.
    pub fn states(&self, unit: EquipmentId, period: Interval) -> Vec<StateInterval> {
        self.read().units.get(&unit).map(|board| board.states(period)).unwrap_or_default()
    }
}

/// A run's readings, one by one.
pub(super) fn readings(run: &Run) -> impl Iterator<Item = (Timestamp, Value)> + '_ {
    run.times.iter().enumerate().map(|(index, time)| {
        let value = match &run.values {
            Values::Number(numbers) => numbers.get(index).map(|n| Value::Number(*n)),
            Values::Text(texts) => texts.get(index).map(|text| Value::Text(text.clone())),
            Values::Unavailable => None,
        };
        (Timestamp::from_micros(*time), value.unwrap_or(Value::Unavailable))
    })
}
