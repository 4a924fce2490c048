//! Names and aliases, as the last births told them.

use std::{collections::HashMap, sync::Arc};

use super::Told;
use crate::collector::sparkplug::proto::Metric;

/// Metrics of one edge node that are known at most, with all its devices.
const MOST: usize = 200_000;
/// Devices of one edge node.
const MOST_DEVICES: usize = 5_000;
/// Longest name, in bytes.
const LONGEST: usize = 1_024;

/// The metrics of a birth.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Metrics {
    /// When it was sent, ms since 1970.
    pub sent: Option<u64>,
    /// The metrics.
    pub metrics: Vec<Metric>,
}

/// What was born with the node or with a device.
#[derive(Debug, Default)]
struct Birth {
    types: HashMap<Arc<str>, u32>,
    aliases: Vec<u64>,
}

/// The node's birth and its devices'.
#[derive(Debug, Default)]
pub struct Births {
    own: Birth,
    devices: HashMap<Arc<str>, Birth>,
    /// By alias: of which device, and the name. Aliases are unique in the node.
    aliases: HashMap<u64, (Option<Arc<str>>, Arc<str>)>,
    count: usize,
    /// Metrics that had no room.
    pub beyond: u64,
}

impl Births {
    /// Nothing is born any more.
    pub fn clear(&mut self) {
        let beyond = self.beyond;
        *self = Self { beyond, ..Self::default() };
    }

    /// Devices that are there.
    pub fn devices(&self) -> Vec<Arc<str>> {
        self.devices.keys().cloned().collect()
    }

    /// Whether the device is there.
    pub fn is_born(&self, device: &str) -> bool {
        self.devices.contains_key(device)
    }

    /// Names of the metrics of a device, or of the node itself.
    pub fn names(&self, device: Option<&str>) -> impl Iterator<Item = &Arc<str>> {
        let birth = match device {
            None => Some(&self.own),
            Some(device) => self.devices.get(device),
        };
        birth.into_iter().flat_map(|birth| birth.types.keys())
    }

    /// The node was born.
    pub(super) fn node(&mut self, metrics: Metrics) -> Vec<Told> {
        let (birth, told) = self.register(None, metrics);
        self.own = birth;
        told
    }

    /// A device was born.
    pub(super) fn device(&mut self, device: &Arc<str>, metrics: Metrics) -> Vec<Told> {
        self.remove(device);
        if self.devices.len() >= MOST_DEVICES {
            self.beyond += metrics.metrics.len() as u64;
            return Vec::new();
        }
        let (birth, told) = self.register(Some(device), metrics);
        self.devices.insert(Arc::clone(device), birth);
        told
    }

    /// A device is gone.
    pub(super) fn remove(&mut self, device: &str) {
        let Some(gone) = self.devices.remove(device) else { return };
        self.count -= gone.types.len();
        for alias in gone.aliases {
            if self.aliases.get(&alias).is_some_and(|(of, _)| of.as_deref() == Some(device)) {
                self.aliases.remove(&alias);
            }
        }
    }

    fn register(&mut self, device: Option<&Arc<str>>, metrics: Metrics) -> (Birth, Vec<Told>) {
        let mut birth = Birth::default();
        let mut told = Vec::with_capacity(metrics.metrics.len());
        for metric in metrics.metrics {
            let name = metric.name.as_deref().unwrap_or("");
            if name.is_empty() || name.len() > LONGEST || self.count >= MOST {
                self.beyond += 1;
                continue;
            }
            let name: Arc<str> = name.into();
            let datatype = metric.datatype.unwrap_or(0);
            if birth.types.insert(Arc::clone(&name), datatype).is_none() {
                self.count += 1;
            }
            if let Some(alias) = metric.alias {
                birth.aliases.push(alias);
                self.aliases.insert(alias, (device.cloned(), Arc::clone(&name)));
            }
            let time = metric.timestamp.or(metrics.sent);
            told.push(Told { name, datatype, time, metric });
        }
        (birth, told)
    }

    /// The metrics of a message by name, and how many no birth told of.
    pub(super) fn resolve(&self, device: Option<&str>, metrics: Vec<Metric>, sent: Option<u64>) -> (Vec<Told>, usize) {
        let birth = match device {
            None => Some(&self.own),
            Some(device) => self.devices.get(device),
        };
        let Some(birth) = birth else { return (Vec::new(), metrics.len().max(1)) };
        let mut unknown = 0;
        let mut told = Vec::with_capacity(metrics.len());
        for metric in metrics {
            let by_alias = || {
                let (of, name) = self.aliases.get(&metric.alias?)?;
                (of.as_deref() == device).then(|| Arc::clone(name))
            };
            let known = match metric.name.as_deref().filter(|name| !name.is_empty()) {
                Some(name) => birth.types.get_key_value(name).map(|(name, _)| Arc::clone(name)),
                None => by_alias(),
            };
            let Some(name) = known else {
                let control = metric.name.as_deref().is_some_and(|name| {
                    name == "bdSeq" || super::CONTROLS.iter().any(|control| name.starts_with(control))
                });
                unknown += usize::from(!control);
                continue;
            };
            let datatype = metric.datatype.filter(|kind| *kind != 0);
            let datatype = datatype.or_else(|| birth.types.get(&name).copied()).unwrap_or(0);
            let time = metric.timestamp.or(sent);
            told.push(Told { name, datatype, time, metric });
        }
        (told, unknown)
    }
}
