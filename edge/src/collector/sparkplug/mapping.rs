//! Which metric becomes which signal: worked out with each birth.

use std::{collections::HashMap, sync::Arc};

use gemba_contract::edge::OfferedSignal;

use super::{
    node::{Births, Told},
    settings::{Machine, Settings},
    value,
};
use crate::{
    collector::{Item, Placed, Places},
    config::{ItemFacts, Selector, UnitConfig},
};

/// Problems that are kept.
const PROBLEMS: usize = 100;
/// Metrics of a machine among which the nearest name is looked for.
const NEAREST: usize = 2_000;

/// What the origin of a signal ends with when its times are the collector's.
const OURS: &str = " (collector's time)";

/// The metrics of the machines that are set.
#[derive(Debug)]
pub(super) struct Mapping {
    units: Vec<UnitConfig>,
    by_machine: HashMap<Machine, Vec<usize>>,
    places: Places,
    known: HashMap<Machine, HashMap<Arc<str>, Option<OfferedSignal>>>,
    pub(super) problems: Vec<String>,
}

impl Mapping {
    pub(super) fn new(settings: &Settings) -> Self {
        let mut by_machine: HashMap<Machine, Vec<usize>> = HashMap::new();
        for (at, machine) in settings.machines.iter().enumerate() {
            by_machine.entry(machine.clone()).or_default().push(at);
        }
        Self {
            units: settings.units.clone(),
            by_machine,
            places: Places::new(&settings.prefix()),
            known: HashMap::new(),
            problems: Vec::new(),
        }
    }

    /// Whether anything of the machine is read.
    pub(super) fn reads(&self, machine: &Machine) -> bool {
        self.by_machine.contains_key(machine)
    }

    /// The signal that a metric is, if it is read, and whether what is offered of it is new. `born`: what is told of it stands in a birth.
    pub(super) fn signal(&mut self, machine: &Machine, told: &Told, born: bool) -> Option<(&OfferedSignal, bool)> {
        let units = self.by_machine.get(machine)?;
        let known = self.known.entry(machine.clone()).or_default();
        let mut changed = false;
        if !known.contains_key(&told.name) {
            changed = true;
            let placed = place(&mut self.places, &self.units, units, told, &mut self.problems);
            known.insert(Arc::clone(&told.name), placed);
        }
        let offered = known.get_mut(&told.name)?.as_mut()?;
        if told.time.is_none()
            && let Some(source) = offered.source.as_mut().filter(|source| !source.ends_with(OURS))
        {
            source.push_str(OURS);
            changed = true;
        }
        if born {
            let rule = units.iter().find_map(|unit| {
                let facts = ItemFacts { id: &told.name, name: None };
                self.units.get(*unit)?.signals.iter().find(|rule| rule.apply(facts).is_some())
            });
            let kind = rule.and_then(|rule| rule.kind).unwrap_or_else(|| value::kind(told.datatype));
            let uom = value::uom(told.metric.properties.as_deref());
            let uom = rule.and_then(|rule| rule.uom.as_deref()).or(uom).map(str::to_owned);
            if offered.kind != kind || offered.uom != uom {
                offered.kind = kind;
                offered.uom = uom;
                changed = true;
            }
        }
        Some((offered, changed))
    }

    /// What the rules of a machine's units name and a birth does not have.
    pub(super) fn missing(&self, machine: &Machine, births: &Births) -> Vec<String> {
        let units = self.by_machine.get(machine).into_iter().flatten().filter_map(|unit| self.units.get(*unit));
        let names: Vec<&str> = births.names(machine.device.as_deref()).map(|name| &**name).collect();
        let mut out = Vec::new();
        for unit in units {
            for rule in &unit.signals {
                let Selector::Item(wanted) = &rule.selector else { continue };
                if names.contains(&wanted.as_str()) {
                    continue;
                }
                out.push(format!("{} has no metric `{wanted}`{}", unit.device, hint(&names, wanted)));
            }
        }
        out
    }

    /// What became of a metric: nothing reads it unless it is a signal.
    pub(super) fn known(&self, machine: &Machine) -> impl Iterator<Item = (&Arc<str>, Option<&OfferedSignal>)> {
        self.known.get(machine).into_iter().flatten().map(|(name, offered)| (name, offered.as_ref()))
    }
}

fn hint(names: &[&str], wanted: &str) -> String {
    if names.len() > NEAREST {
        return String::new();
    }
    let distance = |name: &&str| strsim::damerau_levenshtein(name, wanted);
    let nearest = names.iter().copied().min_by_key(distance);
    match nearest.filter(|near| distance(near) <= wanted.len().div_ceil(3)) {
        Some(near) => format!("; did you mean `{near}`?"),
        None => String::new(),
    }
}

/// The first unit with a rule for a metric has it.
fn place(
    places: &mut Places,
    all: &[UnitConfig],
    units: &[usize],
    told: &Told,
    problems: &mut Vec<String>,
) -> Option<OfferedSignal> {
    let kind = value::kind(told.datatype);
    let uom = value::uom(told.metric.properties.as_deref());
    let facts = Item { id: &told.name, name: None, kind, uom };
    let mut found = None;
    for unit in units.iter().filter_map(|unit| all.get(*unit)) {
        match places.place_below(unit, &format!("{}/", unit.device), facts) {
            Placed::NoRule => {}
            Placed::Signal(offered) => found = Some(offered),
            Placed::Problem(why) if problems.len() < PROBLEMS => problems.push(format!("metric {why}")),
            Placed::Problem(_) => {}
        }
    }
    found
}
