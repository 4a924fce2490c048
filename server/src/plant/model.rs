//! The plant in memory: what every request and the engine read.

use std::{collections::HashMap, sync::Arc};

use chrono::{Offset as _, TimeZone as _};
use chrono_tz::Tz;
use gemba_domain::{
    Timestamp,
    equipment::{EquipmentId, EquipmentPath},
    rule::{Name, StateRules},
    signal::{SignalId, SignalKind, SignalRole},
};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::{calendar::Calendar, order::Catalogue, reason::Reasons, rule};

/// The whole tree at one revision.
#[derive(Debug, Default)]
pub struct Plant {
    /// Grows with every change.
    pub revision: i64,
    /// For people; `None` before the first import.
    pub enterprise: Option<String>,
    /// In the order of the file.
    pub sites: Vec<Site>,
    /// Code of the currency that costs are told in.
    pub currency: String,
    /// Products and ideal cycles.
    pub catalogue: Arc<Catalogue>,
    /// Why units stand.
    pub reasons: Arc<Reasons>,
    /// Rules that make states, in order.
    pub state_rules: Arc<Vec<rule::Rule>>,
    units: HashMap<EquipmentPath, UnitPlace>,
    unit_ids: HashMap<EquipmentId, UnitPlace>,
    signals: FxHashMap<SignalId, (EquipmentId, Option<SignalRole>)>,
    read_by_rules: FxHashSet<SignalId>,
}

/// What stands in the database beside the tree.
#[derive(Debug, Default)]
pub(super) struct MasterData {
    pub enterprise: Option<String>,
    pub currency: Option<String>,
    pub catalogue: Catalogue,
    pub reasons: Reasons,
    pub state_rules: Vec<rule::Rule>,
}

#[derive(Clone, Copy, Debug)]
struct UnitPlace {
    site: usize,
    area: usize,
    line: usize,
    unit: usize,
}

#[derive(Debug)]
pub struct Site {
    pub id: EquipmentId,
    pub path: EquipmentPath,
    pub name: String,
    pub time_zone: Tz,
    /// When it works.
    pub calendar: Arc<Calendar>,
    pub areas: Vec<Area>,
}

#[derive(Debug)]
pub struct Area {
    pub id: EquipmentId,
    pub path: EquipmentPath,
    pub name: String,
    pub lines: Vec<Line>,
}

#[derive(Debug)]
pub struct Line {
    pub id: EquipmentId,
    pub path: EquipmentPath,
    pub name: String,
    /// 0 to 1.
    pub target_oee: Option<f64>,
    /// Code of the line's constraint.
    pub key_unit: Option<String>,
    /// What an hour of standing costs, in hundredths of the plant's currency.
    pub cost_cents_per_hour: Option<i64>,
    pub units: Vec<Unit>,
}

#[derive(Debug)]
pub struct Unit {
    pub id: EquipmentId,
    pub path: EquipmentPath,
    pub name: String,
    /// PRI.
    pub ideal_cycle_seconds: Option<f64>,
    /// Where part counters roll over.
    pub counter_maximum: Option<f64>,
    /// A collector may create signals here.
    pub accept_new_signals: bool,
    /// What an hour of standing costs, in hundredths of the plant's currency.
    pub cost_cents_per_hour: Option<i64>,
    /// Codes of the units that take its pieces.
    pub feeds: Vec<String>,
    pub signals: Vec<Signal>,
}

#[derive(Clone, Debug)]
pub struct Signal {
    pub id: SignalId,
    pub code: String,
    pub name: String,
    pub kind: SignalKind,
    pub role: Option<SignalRole>,
    pub uom: Option<String>,
}

/// A unit with all that stands above it.
#[derive(Clone, Copy, Debug)]
pub struct UnitInPlant<'a> {
    pub site: &'a Site,
    pub area: &'a Area,
    pub line: &'a Line,
    pub unit: &'a Unit,
}

impl Line {
    /// The unit whose facts are the line's own: the one named, or the last.
    pub fn constraint(&self) -> Option<&Unit> {
        let named = self.key_unit.as_deref().and_then(|code| self.units.iter().find(|u| u.path.leaf() == code));
        named.or(self.units.last())
    }
}

impl Site {
    /// All lines, area by area.
    pub fn lines(&self) -> impl Iterator<Item = (&Area, &Line)> {
        self.areas.iter().flat_map(|area| area.lines.iter().map(move |line| (area, line)))
    }

    /// Minutes that its clocks are ahead of UTC at this moment.
    pub fn offset_minutes(&self, at: Timestamp) -> i32 {
        self.time_zone.offset_from_utc_datetime(&at.to_utc().naive_utc()).fix().local_minus_utc() / 60
    }
}

impl Plant {
    pub(super) fn new(revision: i64, sites: Vec<Site>, data: MasterData) -> Self {
        let mut plant = Self {
            revision,
            enterprise: data.enterprise,
            sites,
            currency: data.currency.unwrap_or_else(|| "EUR".to_owned()),
            catalogue: Arc::new(data.catalogue),
            reasons: Arc::new(data.reasons),
            state_rules: Arc::new(data.state_rules),
            ..Self::default()
        };
        for (s, site) in plant.sites.iter().enumerate() {
            for (a, area) in site.areas.iter().enumerate() {
                for (l, line) in area.lines.iter().enumerate() {
                    for (u, unit) in line.units.iter().enumerate() {
                        let place = UnitPlace { site: s, area: a, line: l, unit: u };
                        plant.units.insert(unit.path.clone(), place);
                        plant.unit_ids.insert(unit.id, place);
                        plant.signals.extend(unit.signals.iter().map(|signal| (signal.id, (unit.id, signal.role))));
                    }
                }
            }
        }
        let read = plant.units().flat_map(|found| plant.read_by_rules(found.unit)).map(|(signal, _)| signal).collect();
        plant.read_by_rules = read;
        plant
    }

    /// The signals of a unit that its rules read, each with the name that it is read by.
    pub fn read_by_rules(&self, unit: &Unit) -> Vec<(SignalId, Name)> {
        let reasons = self.reasons.rules.iter().filter(|rule| rule.is_for(&unit.path)).map(|rule| &rule.condition);
        let states = self.state_rules.iter().filter(|rule| rule.is_for(&unit.path)).map(|rule| &rule.rule.condition);
        rule::read_by(unit, reasons.chain(states))
    }

    /// The rules that make states of a unit, in order.
    pub fn state_rules_of(&self, unit: &Unit) -> Arc<StateRules> {
        let rules =
            self.state_rules.iter().filter(|rule| rule.is_for(&unit.path)).map(|rule| rule.rule.clone()).collect();
        // Each was checked when it was read.
        Arc::new(StateRules::new(rules).unwrap_or_default())
    }

    /// The unit whose facts a signal decides, because it has a role or a rule reads it.
    pub fn decides(&self, signal: SignalId) -> Option<EquipmentId> {
        let (unit, role) = self.place_of(signal)?;
        (role.is_some() || self.read_by_rules.contains(&signal)).then_some(unit)
    }

    /// The unit at this path.
    pub fn unit(&self, path: &EquipmentPath) -> Option<UnitInPlant<'_>> {
        self.at(*self.units.get(path)?)
    }

    /// The unit of this identity.
    pub fn unit_of(&self, id: EquipmentId) -> Option<UnitInPlant<'_>> {
        self.at(*self.unit_ids.get(&id)?)
    }

    /// The line at this path.
    pub fn line(&self, path: &EquipmentPath) -> Option<&Line> {
        self.sites.iter().flat_map(Site::lines).map(|(_, line)| line).find(|line| line.path == *path)
    }

    fn at(&self, place: UnitPlace) -> Option<UnitInPlant<'_>> {
        let site = self.sites.get(place.site)?;
        let area = site.areas.get(place.area)?;
        let line = area.lines.get(place.line)?;
        Some(UnitInPlant { site, area, line, unit: line.units.get(place.unit)? })
    }

    /// Every unit, in the order of the file.
    pub fn units(&self) -> impl Iterator<Item = UnitInPlant<'_>> {
        self.sites.iter().flat_map(|site| {
            site.lines()
                .flat_map(move |(area, line)| line.units.iter().map(move |unit| UnitInPlant { site, area, line, unit }))
        })
    }

    /// The signal at `unit-path:signal-code`, or why there is none, with the nearest valid name.
    pub fn signal_at(&self, address: &str) -> Result<&Signal, String> {
        let (path, code) = address
            .split_once(':')
            .ok_or_else(|| format!("`{address}` is no address; expected unit-path:signal-code"))?;
        let path: EquipmentPath =
            path.parse().map_err(|error: gemba_domain::equipment::PathError| error.to_string())?;
        let Some(found) = self.unit(&path) else {
            let near = crate::nearest::nearest(path.as_str(), self.units.keys().map(EquipmentPath::as_str));
            let hint = near.map(|n| format!("; did you mean `{n}`?")).unwrap_or_default();
            return Err(format!("the plant has no unit `{path}`{hint}"));
        };
        found.unit.signals.iter().find(|signal| signal.code == code).ok_or_else(|| {
            let near = crate::nearest::nearest(code, found.unit.signals.iter().map(|s| s.code.as_str()));
            let hint = near.map(|n| format!("; did you mean `{n}`?")).unwrap_or_default();
            format!("unit `{path}` has no signal `{code}`{hint}")
        })
    }

    /// The unit that a signal belongs to, and what it means to the engine.
    pub fn place_of(&self, signal: SignalId) -> Option<(EquipmentId, Option<SignalRole>)> {
        self.signals.get(&signal).copied()
    }
}
