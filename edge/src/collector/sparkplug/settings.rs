//! The settings of a Sparkplug B source.

use std::{sync::Arc, time::Duration};

use crate::{
    collector::mqtt::Broker,
    config::{Findings, Section, UnitConfig, read_units},
};

/// Edge nodes by way of a broker.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// How the broker is reached.
    pub broker: Broker,
    /// `host_id` (optional): the name of this host application. With it, its STATE is published; without, nothing of the kind is.
    pub host_id: Option<String>,
    /// `rebirth` (default `true`): whether edge nodes may be asked for a rebirth. Without it nothing is sent to them ever.
    pub rebirth: bool,
    /// `reorder` (default `2 s`): how long messages wait for one before them that has not come.
    pub reorder: Duration,
    /// `rebirth_cooldown` (default `30 s`): a node is asked for a rebirth no more often than this.
    pub rebirth_cooldown: Duration,
    /// `[[source.unit]]`: what is read; `device` is `GROUP/EDGE-NODE` or `GROUP/EDGE-NODE/DEVICE`. At least one.
    pub units: Vec<UnitConfig>,
    /// The machines of the units, in their order.
    pub machines: Vec<Machine>,
}

/// What a unit's `device` names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Machine {
    /// The group.
    pub group: Arc<str>,
    /// The edge node.
    pub node: Arc<str>,
    /// The device; none for the node itself.
    pub device: Option<Arc<str>>,
}

impl Machine {
    fn parse(text: &str) -> Option<Self> {
        let parts: Vec<&str> = text.split('/').collect();
        let fine = |part: &&str| !part.is_empty() && !part.contains(['+', '#', '\0']);
        if !parts.iter().all(fine) {
            return None;
        }
        match parts.as_slice() {
            [group, node] => Some(Self { group: (*group).into(), node: (*node).into(), device: None }),
            [group, node, device] => {
                Some(Self { group: (*group).into(), node: (*node).into(), device: Some((*device).into()) })
            }
            _ => None,
        }
    }
}

impl Settings {
    /// Keys of `[[source]]` besides the name and the protocol.
    pub const KEYS: &'static [&'static str] = &{
        let mut keys = [""; Broker::KEYS.len() + 5];
        let mut at = 0;
        while at < Broker::KEYS.len() {
            keys[at] = Broker::KEYS[at];
            at += 1;
        }
        keys[at] = "host_id";
        keys[at + 1] = "rebirth";
        keys[at + 2] = "reorder";
        keys[at + 3] = "rebirth_cooldown";
        keys[at + 4] = "unit";
        keys
    };

    /// From the settings file.
    pub(crate) fn read(findings: &mut Findings<'_>, section: &Section<'_>) -> Option<Self> {
        let broker = Broker::read(findings, section);
        let host_id = section.text(findings, "host_id").map(|(id, _)| id.to_owned());
        if host_id.as_deref().is_some_and(|id| id.contains(['/', '+', '#', '\0'])) {
            let text = "`host_id` is part of a topic: it has no `/`, `+` or `#`".to_owned();
            findings.report(section.at_key("host_id"), text);
        }
        let rebirth = section.boolean(findings, "rebirth", true);
        let second = Duration::from_secs(1);
        let reorder = section.duration(findings, "reorder", 2 * second, (second / 100, 60 * second));
        let cooldown = section.duration(findings, "rebirth_cooldown", 30 * second, (second, 86_400 * second));
        let units = read_units(findings, section);
        let machines: Vec<_> = units.iter().map(|unit| Machine::parse(&unit.device)).collect();
        for (unit, _) in units.iter().zip(&machines).filter(|(_, machine)| machine.is_none()) {
            let text = format!(
                "`{}` names no machine: write GROUP/EDGE-NODE, or GROUP/EDGE-NODE/DEVICE, without `+` and `#`",
                unit.device
            );
            findings.report(section.at_key("unit"), text);
        }
        let machines = machines.into_iter().collect::<Option<Vec<_>>>()?;
        Some(Self { broker: broker?, host_id, rebirth, reorder, rebirth_cooldown: cooldown, units, machines })
    }

    /// What a signal's origin begins with when it comes from here.
    pub fn prefix(&self) -> String {
        self.broker.prefix("sparkplug")
    }
}
