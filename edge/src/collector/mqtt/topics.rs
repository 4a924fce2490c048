//! Which part of which topic becomes which signal: found out as messages come, because a broker cannot be asked what it has.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use gemba_contract::edge::OfferedSignal;
use gemba_domain::signal::SignalKind;

use super::{payload::Form, settings::Settings};
use crate::{
    collector::{Item, Placed, Places},
    config::{ItemFacts, Selector, UnitConfig},
};

/// Items that are known at most, of all units.
const MOST: usize = 100_000;
/// Longest item, in bytes.
const LONGEST: usize = 1_024;
/// Problems that are kept.
const PROBLEMS: usize = 100;
/// Beyond this many topics that are waited for, the nearest that came is not looked for.
const NEAREST: usize = 2_000;

/// What the origin of a signal ends with when its times are the collector's.
const OURS: &str = " (collector's time)";

/// One item that is read.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub(super) offered: OfferedSignal,
    /// No value has said yet what kind of signal it is.
    open: bool,
}

/// What came of a value.
pub(super) enum Found<'a> {
    /// No rule is for it, or it cannot be read.
    Unread,
    /// It is this signal; whether what is offered of it is new.
    Signal(&'a OfferedSignal, bool),
}

/// All that came so far.
#[derive(Debug)]
pub(super) struct Topics {
    units: Vec<UnitConfig>,
    by_topic: HashMap<String, Vec<usize>>,
    places: Places,
    /// By unit, then item. `None`: nothing reads it.
    items: Vec<HashMap<Box<str>, Option<Known>>>,
    count: usize,
    /// Items that had no room.
    pub(super) beyond: u64,
    pub(super) problems: Vec<String>,
    /// Literal items, and whole units, of which nothing came yet.
    missing: BTreeSet<(usize, Option<String>)>,
    came: bool,
}

impl Topics {
    pub(super) fn new(settings: &Settings) -> Self {
        let mut by_topic: HashMap<String, Vec<usize>> = HashMap::new();
        for (at, unit) in settings.units.iter().enumerate() {
            by_topic.entry(unit.device.clone()).or_default().push(at);
        }
        let mut topics = Self {
            items: vec![HashMap::new(); settings.units.len()],
            units: settings.units.clone(),
            by_topic,
            places: Places::new(&settings.prefix()),
            count: 0,
            beyond: 0,
            problems: Vec::new(),
            missing: BTreeSet::new(),
            came: false,
        };
        topics.expect_all();
        topics
    }

    /// Nothing that came before is in force any more.
    pub(super) fn expect_all(&mut self) {
        self.came = false;
        for (at, unit) in self.units.iter().enumerate() {
            self.missing.insert((at, None));
            for rule in &unit.signals {
                if let Selector::Item(item) = &rule.selector {
                    self.missing.insert((at, Some(item.clone())));
                }
            }
        }
    }

    /// The units that a topic belongs to, each with the topic below its own.
    pub(super) fn units<'t>(&self, topic: &'t str) -> Vec<(usize, &'t str)> {
        let ends = topic.match_indices('/').map(|(at, _)| at).chain([topic.len()]);
        let mut out = Vec::new();
        for end in ends {
            if let Some(units) = self.by_topic.get(&topic[..end]) {
                out.extend(units.iter().map(|unit| (*unit, topic[end..].trim_start_matches('/'))));
            }
        }
        out
    }

    /// A unit's topic.
    pub(super) fn topic(&self, unit: usize) -> &str {
        self.units.get(unit).map_or("", |unit| unit.device.as_str())
    }

    /// A value came. `ours`: the collector stamps it. Whether something that was waited for has come, and the signal that it is of.
    pub(super) fn came(&mut self, unit: usize, item: &str, form: Form, ours: bool) -> (bool, Found<'_>) {
        let mut news = !std::mem::replace(&mut self.came, true);
        if !self.missing.is_empty() {
            news |= self.missing.remove(&(unit, None));
            news |= self.missing.remove(&(unit, Some(item.to_owned())));
        }
        let known = self.items.get(unit).is_some_and(|items| items.contains_key(item));
        if !known {
            // It may be the nearest to one that is waited for.
            news |= !self.missing.is_empty();
            if self.count >= MOST || item.len() > LONGEST {
                self.beyond += 1;
                return (news, Found::Unread);
            }
            self.count += 1;
            let placed = self.place(unit, item, form, ours);
            if let Some(items) = self.items.get_mut(unit) {
                items.insert(item.into(), placed);
            }
        }
        let entry = self.items.get_mut(unit).and_then(|items| items.get_mut(item)).and_then(Option::as_mut);
        let Some(entry) = entry else { return (news, Found::Unread) };
        let mut changed = !known;
        if known && entry.open && form != Form::Nothing {
            entry.open = false;
            entry.offered.kind = kind(form);
            changed = true;
        }
        if ours && let Some(source) = entry.offered.source.as_mut().filter(|source| !source.ends_with(OURS)) {
            source.push_str(OURS);
            changed = true;
        }
        (news, Found::Signal(&entry.offered, changed))
    }

    fn place(&mut self, unit: usize, item: &str, form: Form, ours: bool) -> Option<Known> {
        let unit = self.units.get(unit)?;
        let facts = Item { id: item, name: None, kind: kind(form), uom: None };
        let rule = unit.signals.iter().find(|rule| rule.apply(ItemFacts { id: item, name: None }).is_some());
        let open = form == Form::Nothing && rule.is_none_or(|rule| rule.kind.is_none());
        match self.places.place_below(unit, &format!("{}/", unit.device), facts) {
            Placed::NoRule => None,
            Placed::Problem(why) => {
                if self.problems.len() < PROBLEMS {
                    self.problems.push(format!("item {why}"));
                }
                None
            }
            Placed::Signal(mut offered) => {
                if ours && let Some(source) = &mut offered.source {
                    source.push_str(OURS);
                }
                Some(Known { offered, open })
            }
        }
    }

    /// Whether anything came.
    pub(super) fn any(&self) -> bool {
        self.came
    }

    /// What is waited for, for a person; empty when all came.
    pub(super) fn missing(&self) -> Vec<String> {
        let whole: BTreeSet<_> =
            self.missing.iter().filter(|(_, item)| item.is_none()).map(|(unit, _)| *unit).collect();
        let tell = |(unit, item): &(usize, Option<String>)| {
            let topic = self.topic(*unit);
            match item {
                None => Some(format!("nothing came yet below `{topic}`")),
                Some(_) if whole.contains(unit) => None,
                Some(item) => Some(format!("`{topic}/{item}` has not come yet{}", self.hint(*unit, item))),
            }
        };
        self.missing.iter().filter_map(tell).collect()
    }

    fn hint(&self, unit: usize, wanted: &str) -> String {
        let Some(items) = self.items.get(unit).filter(|items| items.len() <= NEAREST) else { return String::new() };
        let distance = |name: &&str| strsim::damerau_levenshtein(name, wanted);
        let nearest = items.keys().map(|item| &**item).min_by_key(distance);
        match nearest.filter(|near| distance(near) <= wanted.len().div_ceil(3)) {
            Some(near) => format!("; did you mean `{near}`?"),
            None => String::new(),
        }
    }

    /// Every item: the unit's topic, the item, and what reads it. In order.
    pub(super) fn all(&self) -> Vec<(String, Option<OfferedSignal>)> {
        let mut out = BTreeMap::new();
        for (unit, items) in self.items.iter().enumerate() {
            for (item, known) in items {
                let whole = format!("{}/{item}", self.topic(unit));
                let offered = known.as_ref().map(|known| known.offered.clone());
                let entry = out.entry(whole).or_insert(None);
                if offered.is_some() {
                    *entry = offered;
                }
            }
        }
        out.into_iter().collect()
    }
}

/// What kind of signal a value makes, unless a rule says otherwise.
fn kind(form: Form) -> SignalKind {
    match form {
        Form::Number => SignalKind::Measure,
        Form::Boolean => SignalKind::State,
        Form::Text | Form::Nothing => SignalKind::Text,
    }
}
