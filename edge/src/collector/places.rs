//! Which item of a source becomes which signal: the rules of the settings, applied item by item.

use std::collections::HashMap;

use gemba_contract::edge::OfferedSignal;
use gemba_domain::{equipment::Code, signal::SignalKind};

use crate::config::{ItemFacts, SignalRule, UnitConfig};

/// What a source offers: a data item, a node, a topic, a metric, a register.
#[derive(Clone, Copy, Debug)]
pub struct Item<'a> {
    /// Its address in the source, unique there.
    pub id: &'a str,
    /// A name besides, if it has one.
    pub name: Option<&'a str>,
    /// What sort of signal it makes, unless a rule says otherwise.
    pub kind: SignalKind,
    /// Its unit of measure, unless a rule says otherwise.
    pub uom: Option<&'a str>,
}

/// What became of an item.
#[derive(Clone, Debug, PartialEq)]
pub enum Placed {
    /// The signal that it is.
    Signal(OfferedSignal),
    /// No rule is for it.
    NoRule,
    /// A rule is for it, and it cannot be read; for a person.
    Problem(String),
}

/// `; did you mean …?` with the name that is nearest to the wanted one, if one is within so many slips of the pen.
pub fn nearest<'a>(names: impl Iterator<Item = &'a str>, wanted: &str, slips: usize) -> String {
    let distance = |name: &&str| strsim::damerau_levenshtein(name, wanted);
    let near = names.min_by_key(distance).filter(|near| distance(near) <= slips);
    near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default()
}

type Apply = fn(&SignalRule, ItemFacts<'_>) -> Option<Result<Code, String>>;

/// Each item and each address is used once: the first use stands, others are problems.
#[derive(Clone, Debug, Default)]
pub struct Places {
    prefix: String,
    by_address: HashMap<String, String>,
    by_item: HashMap<String, String>,
}

impl Places {
    /// `prefix`: what a signal's origin begins with when it comes from this source.
    pub fn new(prefix: &str) -> Self {
        Self { prefix: prefix.to_owned(), ..Self::default() }
    }

    /// Applies the unit's rules to the item.
    pub fn place(&mut self, unit: &UnitConfig, item: Item<'_>) -> Placed {
        self.place_with(unit, "", item, SignalRule::apply)
    }

    /// As [`Places::place`], where patterns look at the name before the id.
    pub fn place_by_name(&mut self, unit: &UnitConfig, item: Item<'_>) -> Placed {
        self.place_with(unit, "", item, SignalRule::apply_by_name)
    }

    /// As [`Places::place`], where an item's id is unique only below `scope` (a topic, a device): rules see the id, the
    /// signal's origin has both.
    pub fn place_below(&mut self, unit: &UnitConfig, scope: &str, item: Item<'_>) -> Placed {
        self.place_with(unit, scope, item, SignalRule::apply)
    }

    /// Applies one of the unit's rules to the item, whatever the others say: where a rule names its item.
    pub fn place_by(&mut self, unit: &UnitConfig, rule: &SignalRule, item: Item<'_>) -> Placed {
        match rule.apply(ItemFacts { id: item.id, name: item.name }) {
            Some(code) => self.put(unit, rule, code, "", item),
            None => Placed::NoRule,
        }
    }

    fn place_with(&mut self, unit: &UnitConfig, scope: &str, item: Item<'_>, apply: Apply) -> Placed {
        let facts = ItemFacts { id: item.id, name: item.name };
        match unit.signals.iter().find_map(|rule| apply(rule, facts).map(|code| (rule, code))) {
            Some((rule, code)) => self.put(unit, rule, code, scope, item),
            None => Placed::NoRule,
        }
    }

    fn put(
        &mut self,
        unit: &UnitConfig,
        rule: &SignalRule,
        code: Result<Code, String>,
        scope: &str,
        item: Item<'_>,
    ) -> Placed {
        let whole = format!("{scope}{}", item.id);
        let code = match code {
            Ok(code) => code,
            Err(text) => {
                return Placed::Problem(format!("{whole}: `{text}` cannot be a signal's code, it is not read"));
            }
        };
        let address = format!("{}:{}", unit.path, code.as_str());
        if let Some(first) = self.by_item.get(&whole) {
            return Placed::Problem(format!("{whole} is already {first}; it is not {address} as well"));
        }
        if let Some(first) = self.by_address.get(&address) {
            return Placed::Problem(format!("{address} is already filled by {first}; {whole} is not read"));
        }
        let source = Some(format!("{}{whole}", self.prefix));
        self.by_address.insert(address.clone(), whole.clone());
        self.by_item.insert(whole, address.clone());
        Placed::Signal(OfferedSignal {
            address,
            kind: rule.kind.unwrap_or(item.kind),
            uom: rule.uom.clone().or_else(|| item.uom.map(str::to_owned)),
            source,
        })
    }

    /// Whether the item is read.
    pub fn reads(&self, id: &str) -> bool {
        self.by_item.contains_key(id)
    }
}
