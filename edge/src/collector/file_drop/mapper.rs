//! Which column, or item, of which machine is which signal: settled file by file.

use std::collections::{HashMap, HashSet};

use gemba_contract::edge::OfferedSignal;
use gemba_domain::signal::{SignalKind, Value};

use super::settings::{Format, Settings};
use crate::{
    collector::{Item, Placed, Places},
    config::UnitConfig,
};

/// Signals of one file at most: a guard against a file whose items are all different.
const MOST: usize = 50_000;
/// Problems that are kept for a person.
const PROBLEMS: usize = 20;

/// The columns of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Columns {
    /// By position.
    pub names: Vec<String>,
    /// Where the time stands.
    pub time: usize,
    /// Where the machine stands.
    pub unit: Option<usize>,
    /// Where item and value stand, when each row is one value.
    pub long: Option<(usize, usize)>,
}

impl Columns {
    /// Finds what the settings name. The error is for a person.
    pub fn new(names: Vec<String>, format: &Format) -> Result<Self, String> {
        let find = |wanted: &str| {
            names.iter().position(|name| name == wanted).ok_or_else(|| {
                let known = names.iter().take(12).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
                let nearest = names.iter().min_by_key(|name| strsim::damerau_levenshtein(name, wanted));
                let near = nearest.filter(|name| strsim::damerau_levenshtein(name, wanted) <= wanted.len().div_ceil(3));
                let hint = near.map(|name| format!("; did you mean `{name}`?")).unwrap_or_default();
                format!("it has no column `{wanted}`{hint} Its first row names {known}")
            })
        };
        let time = find(&format.time_column)?;
        let unit = format.unit_column.as_deref().map(find).transpose()?;
        let long = match &format.long {
            Some((item, value)) => Some((find(item)?, find(value)?)),
            None => None,
        };
        Ok(Self { time, unit, long, names })
    }

    /// Those that may hold values.
    pub fn values(&self) -> impl Iterator<Item = (usize, &str)> {
        let other = |at: usize| at != self.time && Some(at) != self.unit && self.long.is_none();
        self.names.iter().enumerate().filter(move |(at, _)| other(*at)).map(|(at, name)| (at, name.as_str()))
    }
}

/// The rules, applied to one file.
pub struct Mapper<'a> {
    units: &'a [UnitConfig],
    prefix: String,
    /// By machine: each has its own items.
    places: HashMap<&'a str, Places>,
    addresses: HashSet<String>,
    /// By machine (`None` for rules that are for all) and item.
    known: HashMap<Option<String>, HashMap<String, Option<usize>>>,
    /// The signals, by the numbers given here.
    pub signals: Vec<(String, OfferedSignal)>,
    /// What cannot be done, for a person.
    pub problems: Vec<String>,
}

impl<'a> Mapper<'a> {
    /// Nothing known yet.
    pub fn new(settings: &'a Settings) -> Self {
        Self {
            units: &settings.units,
            prefix: settings.prefix(),
            places: HashMap::new(),
            addresses: HashSet::new(),
            known: HashMap::new(),
            signals: Vec::new(),
            problems: Vec::new(),
        }
    }

    /// Whether any unit is for this machine.
    pub fn is_for(&self, machine: Option<&str>) -> bool {
        self.units.iter().any(|unit| is_for(unit, machine))
    }

    /// The number of the signal that an item of a machine is; `None` when no rule reads it. `value` is its first, which tells what sort of
    /// signal it is where the rule does not.
    pub fn signal(&mut self, machine: Option<&str>, item: &str, value: &Value) -> Option<usize> {
        // What no unit names goes by the rules for all machines, whatever it is called.
        let machine = machine.filter(|machine| self.units.iter().any(|unit| unit.device == *machine));
        let key = machine.map(str::to_owned);
        if let Some(known) = self.known.get(&key).and_then(|items| items.get(item)) {
            return *known;
        }
        let number = if self.signals.len() < MOST { self.place(machine, item, value) } else { None };
        let items = self.known.entry(key).or_default();
        if items.len() < MOST {
            items.insert(item.to_owned(), number);
        }
        number
    }

    fn place(&mut self, machine: Option<&str>, item: &str, value: &Value) -> Option<usize> {
        let kind = if matches!(value, Value::Text(_)) { SignalKind::Text } else { SignalKind::Measure };
        for unit in self.units.iter().filter(|unit| is_for(unit, machine)) {
            let of_machine = if unit.device == "*" { String::new() } else { format!("{}/", unit.device) };
            let prefix = format!("{}{of_machine}", self.prefix);
            let places = self.places.entry(&unit.device).or_insert_with(|| Places::new(&prefix));
            let why = match places.place(unit, Item { id: item, name: None, kind, uom: None }) {
                Placed::NoRule => continue,
                Placed::Signal(signal) if self.addresses.insert(signal.address.clone()) => {
                    self.signals.push((format!("{of_machine}{item}"), signal));
                    return Some(self.signals.len() - 1);
                }
                Placed::Signal(signal) => {
                    format!("{} is already filled by another machine; {of_machine}{item} is not read", signal.address)
                }
                Placed::Problem(why) => why,
            };
            if self.problems.len() < PROBLEMS {
                self.problems.push(why);
            }
            return None;
        }
        None
    }
}

fn is_for(unit: &UnitConfig, machine: Option<&str>) -> bool {
    unit.device == "*" || machine == Some(unit.device.as_str())
}
