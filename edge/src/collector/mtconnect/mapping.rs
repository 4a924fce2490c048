//! Which data item becomes which signal, worked out from the settings and a devices document.

use std::collections::{HashMap, HashSet};

use gemba_contract::edge::{LocalSignal, OfferedSignal};

use super::{
    kinds::{self, Reads},
    probe::{DataItem, Device, Devices},
    settings::Settings,
};
use crate::{
    collector::{Item, Placed, Places, nearest},
    config::{Selector, SignalRule},
    queue::SignalTable,
};

/// One row of the table that `gemba-edge check` prints.
#[derive(Clone, Debug, PartialEq)]
pub struct Mapped {
    /// The device's name.
    pub device: String,
    /// The data item's id.
    pub item: String,
    /// How its observations read.
    pub reads: Reads,
    /// The signal as it is offered to the server.
    pub signal: OfferedSignal,
}

/// The whole table.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Mapping {
    /// In the order of the settings, then of the document.
    pub mapped: Vec<Mapped>,
    /// Data items of configured devices that no rule is for: device, and item.
    pub unmapped: Vec<(String, DataItem)>,
    /// What cannot be done, for a person.
    pub problems: Vec<String>,
    /// Ids of every data item of the agent.
    known: HashSet<String>,
}

impl Mapping {
    /// Applies the rules. Each data item and each address is used once: the first use stands, others are problems.
    pub fn resolve(source: &Settings, devices: &Devices) -> Self {
        let ids = devices.devices.iter().flat_map(|device| device.items.iter().map(|item| item.id.clone()));
        let mut out = Self { known: ids.collect(), ..Self::default() };
        let mut places = Places::new(&source.prefix());
        let mut left: Vec<(&str, &DataItem)> = Vec::new();
        for unit in &source.units {
            let Some(device) = find_device(devices, &unit.device) else {
                out.problems.push(no_device(devices, &unit.device));
                continue;
            };
            out.problems.extend(unit.signals.iter().filter_map(|rule| no_item(device, rule)));
            for item in &device.items {
                let (kind, reads) = kinds::of(item);
                let facts = Item { id: &item.id, name: item.name.as_deref(), kind, uom: item.units.as_deref() };
                match places.place(unit, facts) {
                    Placed::NoRule => left.push((&device.name, item)),
                    Placed::Problem(why) => out.problems.push(format!("data item {why}")),
                    Placed::Signal(signal) => {
                        out.mapped.push(Mapped { device: device.name.clone(), item: item.id.clone(), reads, signal });
                    }
                }
            }
        }
        for (device, item) in left {
            if !places.reads(&item.id) && !out.unmapped.iter().any(|(_, other)| other.id == item.id) {
                out.unmapped.push((device.to_owned(), item.clone()));
            }
        }
        out
    }

    /// Numbers the signals and makes the index by data item.
    pub fn index(&self, signals: &SignalTable) -> ItemIndex {
        let mut items: HashMap<Box<str>, Option<(LocalSignal, Reads)>> =
            self.known.iter().map(|id| (id.as_str().into(), None)).collect();
        for mapped in &self.mapped {
            items.insert(mapped.item.as_str().into(), Some((signals.number(&mapped.signal), mapped.reads)));
        }
        ItemIndex { items }
    }
}

/// Data items by id.
#[derive(Clone, Debug, Default)]
pub struct ItemIndex {
    items: HashMap<Box<str>, Option<(LocalSignal, Reads)>>,
}

impl ItemIndex {
    /// `None`: the agent never told of it. `Some(None)`: nothing maps it.
    pub fn get(&self, id: &str) -> Option<Option<(LocalSignal, Reads)>> {
        self.items.get(id).copied()
    }

    /// The signals that are read.
    pub fn signals(&self) -> impl Iterator<Item = LocalSignal> + '_ {
        self.items.values().flatten().map(|(signal, _)| *signal)
    }
}

fn find_device<'d>(devices: &'d Devices, wanted: &str) -> Option<&'d Device> {
    let all = &devices.devices;
    let by_uuid = || all.iter().find(|device| device.uuid == wanted);
    all.iter().find(|device| device.name == wanted).or_else(by_uuid)
}

/// What is wrong with a rule for one item that the device does not have.
fn no_item(device: &Device, rule: &SignalRule) -> Option<String> {
    let Selector::Item(wanted) = &rule.selector else { return None };
    let names = || device.items.iter().flat_map(|item| [Some(item.id.as_str()), item.name.as_deref()]).flatten();
    if names().any(|name| name == wanted) {
        return None;
    }
    let hint = nearest(names(), wanted, wanted.len().div_ceil(3));
    Some(format!("{} has no data item `{wanted}`{hint}", device.name))
}

fn no_device(devices: &Devices, wanted: &str) -> String {
    let names: Vec<_> = devices.devices.iter().map(|device| device.name.as_str()).collect();
    let hint = nearest(names.iter().copied(), wanted, wanted.len().div_ceil(2));
    format!("the agent has no device `{wanted}`{hint} (it has: {})", names.join(", "))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::{Config, SourceSettings};

    fn source(signals: &str) -> Settings {
        let text = format!(
            "[server]\nurl='http://s'\n[queue]\ndirectory='q'\n[[source]]\nname='a'\nprotocol='mtconnect'\n\
             url='http://agent:5000'\n[[source.unit]]\ndevice='press-1'\npath='a/b/c/d/e'\nsignals=[{signals}]\n"
        );
        let SourceSettings::MtConnect(settings) =
            Config::parse(&text, Path::new("")).unwrap().sources.remove(0).settings
        else {
            panic!("not MTConnect")
        };
        settings
    }

    fn devices(items: &[(&str, Option<&str>)]) -> Devices {
        let items = items.iter().map(|(id, name)| DataItem {
            id: (*id).to_owned(),
            name: name.map(str::to_owned),
            category: "EVENT".to_owned(),
            kind: "EXECUTION".to_owned(),
            ..DataItem::default()
        });
        let device = Device { name: "press-1".to_owned(), items: items.collect(), ..Device::default() };
        Devices { devices: vec![device], ..Devices::default() }
    }

    #[test]
    fn the_first_rule_that_fits_decides_and_the_rest_is_named() {
        let source = source("{item='exec', signal='execution'}, {pattern='p_*', signal='x-{rest}'}");
        let mapping =
            Mapping::resolve(&source, &devices(&[("i1", Some("exec")), ("p_Load (%)", None), ("other", None)]));
        let table: Vec<_> = mapping.mapped.iter().map(|m| (m.item.as_str(), m.signal.address.as_str())).collect();
        assert_eq!(table, [("i1", "a/b/c/d/e:execution"), ("p_Load (%)", "a/b/c/d/e:x-load")]);
        assert_eq!(mapping.unmapped.iter().map(|(_, item)| item.id.as_str()).collect::<Vec<_>>(), ["other"]);
        assert_eq!(mapping.problems, Vec::<String>::new());
        assert_eq!(mapping.mapped[0].signal.source.as_deref(), Some("mtconnect http://agent:5000 i1"));
    }

    #[test]
    fn a_rule_for_an_item_that_is_not_there_is_named_with_the_nearest() {
        let source = source("{item='feeder-pwer', signal='power'}, {pattern='*', signal='{rest}'}");
        let mapping = Mapping::resolve(&source, &devices(&[("feeder-power", None)]));
        assert_eq!(mapping.problems, ["press-1 has no data item `feeder-pwer`; did you mean `feeder-power`?"]);
    }

    #[test]
    fn clashes_and_impossible_codes_are_told() {
        let source = source("{pattern='*', signal='{rest}'}");
        let mapping = Mapping::resolve(&source, &devices(&[("a_b", None), ("a-b", None), ("§", None)]));
        assert_eq!(mapping.mapped.len(), 1);
        assert!(mapping.problems[0].contains("a/b/c/d/e:a-b is already filled by a_b"), "{:?}", mapping.problems);
        assert!(mapping.problems[1].contains("data item §"), "{:?}", mapping.problems);
    }

    #[test]
    fn a_device_that_is_not_there_is_named_with_the_nearest() {
        let mut there = devices(&[]);
        there.devices[0].name = "press-2".to_owned();
        let mapping = Mapping::resolve(&source("{item='x', signal='x'}"), &there);
        assert!(mapping.problems[0].contains("did you mean `press-2`?"), "{:?}", mapping.problems);
    }
}
