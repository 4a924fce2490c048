//! Which variable becomes which signal, worked out from the settings and the address space.

use std::collections::{HashMap, HashSet};

use gemba_contract::edge::OfferedSignal;
use opcua::types::NodeId;

use super::{
    address::Namespaces,
    browse::{self, Variable},
    facts::{self, Facts},
    kinds,
    link::Link,
    server::Limits,
    settings::Settings,
};
use crate::{
    collector::{Failure, Item, Left, Placed, Places, Row, Survey, nearest},
    config::{Selector, SignalRule, UnitConfig},
};

/// One variable that is read.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Mapped {
    pub(super) id: NodeId,
    /// Its browse path below the unit's start, for people.
    pub(super) path: String,
    pub(super) facts: Facts,
    pub(super) signal: OfferedSignal,
}

/// The whole table.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Mapping {
    /// In the order of the settings, then of browsing.
    pub(super) mapped: Vec<Mapped>,
    /// Variables that no rule is for, by id.
    left: Vec<(String, Left)>,
    /// What cannot be done, for a person.
    pub(super) problems: Vec<String>,
    known: HashSet<NodeId>,
}

impl Mapping {
    /// Looks through the address space and applies the rules.
    pub(super) async fn of(
        settings: &Settings,
        link: &Link,
        limits: Limits,
        namespaces: &Namespaces,
    ) -> Result<Self, Failure> {
        let mut out = Self::default();
        let mut places = Places::new(&settings.prefix());
        let mut trees: HashMap<&str, (Vec<Variable>, Vec<Facts>)> = HashMap::new();
        for unit in &settings.units {
            if !trees.contains_key(unit.device.as_str()) {
                let tree = browse::below(link, limits, namespaces, &unit.device).await?;
                out.problems.extend(tree.problems);
                let facts = facts::of(link, limits, namespaces, &tree.variables).await?;
                trees.insert(&unit.device, (tree.variables, facts));
            }
            if let Some((variables, facts)) = trees.get(unit.device.as_str()) {
                out.apply(&mut places, namespaces, unit, variables, facts);
            }
        }
        out.left.retain(|(id, _)| !places.reads(id));
        Ok(out)
    }

    fn apply(
        &mut self,
        places: &mut Places,
        namespaces: &Namespaces,
        unit: &UnitConfig,
        variables: &[Variable],
        facts: &[Facts],
    ) {
        let unit = canonical(namespaces, unit);
        let ids: Vec<String> = variables.iter().map(|variable| namespaces.text(&variable.id)).collect();
        if !variables.is_empty() {
            let names = || ids.iter().zip(variables).flat_map(|(id, variable)| [id.as_str(), variable.path.as_str()]);
            self.problems.extend(unit.signals.iter().filter_map(|rule| no_item(&unit.device, rule, names)));
        }
        for ((variable, facts), id) in variables.iter().zip(facts).zip(&ids) {
            let first = self.known.insert(variable.id.clone());
            let (kind, what) = kinds::of(namespaces, variable, facts);
            let item = Item { id, name: Some(&variable.path), kind, uom: facts.uom.as_deref() };
            match places.place_by_name(&unit, item) {
                Placed::NoRule if !first => {}
                Placed::NoRule => {
                    let what = what.map_or_else(String::new, |what| format!("{what}, ")) + &facts.type_name;
                    self.left.push((id.clone(), Left { item: format!("{} ({id})", variable.path), what }));
                }
                Placed::Problem(why) => self.problems.push(format!("{}: {why}", variable.path)),
                Placed::Signal(_) if !facts.readable => {
                    self.problems.push(format!(
                        "{} ({id}) cannot be read: the server does not let this user read it",
                        variable.path
                    ));
                }
                Placed::Signal(signal) => {
                    let (id, path, facts) = (variable.id.clone(), variable.path.clone(), facts.clone());
                    self.mapped.push(Mapped { id, path, facts, signal });
                }
            }
        }
    }

    /// For `gemba-edge check`.
    pub(super) fn into_survey(self, namespaces: &Namespaces) -> Survey {
        let row = |mapped: Mapped| Row {
            item: format!("{} ({})", mapped.path, namespaces.text(&mapped.id)),
            signal: mapped.signal,
            now: None,
        };
        let left = self.left.into_iter().map(|(_, left)| left).collect();
        Survey { rows: self.mapped.into_iter().map(row).collect(), left, problems: self.problems, notes: Vec::new() }
    }
}

/// The unit with rules that name ids as they are compared: by the namespace's URI.
fn canonical(namespaces: &Namespaces, unit: &UnitConfig) -> UnitConfig {
    let mut unit = unit.clone();
    for rule in &mut unit.signals {
        if let Selector::Item(item) = &mut rule.selector {
            *item = namespaces.canonical(item);
        }
    }
    unit
}

/// What is wrong with a rule for one variable that is not there.
fn no_item<'n, N: Iterator<Item = &'n str>>(device: &str, rule: &SignalRule, names: impl Fn() -> N) -> Option<String> {
    let Selector::Item(wanted) = &rule.selector else { return None };
    if names().any(|name| name == wanted) {
        return None;
    }
    let hint = nearest(names(), wanted, wanted.len().div_ceil(3));
    Some(format!("{device} has no node `{wanted}`{hint}"))
}
