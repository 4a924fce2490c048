//! The settings of an MQTT source.

use std::time::Duration;

use super::broker::Broker;
use crate::config::{Findings, Section, UnitConfig, read_units};

/// Topics of a broker.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// How the broker is reached.
    pub broker: Broker,
    /// `qos` (default `1`): 1 lets the broker keep what is published while we are away, 0 does not.
    pub qos: u8,
    /// `session_expiry` (default `1 h`): for how long it keeps that; in version 3.1.1 the broker decides.
    pub session_expiry: Duration,
    /// `time_key` (default: `timestamp`, `ts`, `time` are tried): the member of JSON payloads that has their time.
    pub time_key: Option<String>,
    /// `[[source.unit]]`: what is read of it; `device` is a topic, and what is below it belongs to the unit. At least one.
    pub units: Vec<UnitConfig>,
}

impl Settings {
    /// Keys of `[[source]]` besides the name and the protocol.
    pub const KEYS: &'static [&'static str] = &{
        let mut keys = [""; Broker::KEYS.len() + 4];
        let mut at = 0;
        while at < Broker::KEYS.len() {
            keys[at] = Broker::KEYS[at];
            at += 1;
        }
        keys[at] = "qos";
        keys[at + 1] = "session_expiry";
        keys[at + 2] = "time_key";
        keys[at + 3] = "unit";
        keys
    };

    /// From the settings file.
    pub(crate) fn read(findings: &mut Findings<'_>, section: &Section<'_>) -> Option<Self> {
        let broker = Broker::read(findings, section);
        let qos = u8::from(section.whole(findings, "qos", 1, (0, 1)) == 1);
        let bounds = (Duration::from_secs(60), Duration::from_secs(30 * 86_400));
        let session_expiry = section.duration(findings, "session_expiry", Duration::from_secs(3_600), bounds);
        let time_key = section.text(findings, "time_key").map(|(key, _)| key.to_owned());
        let units = read_units(findings, section);
        for unit in &units {
            let topic = &unit.device;
            if topic.contains(['+', '#', '\0']) || topic.starts_with('/') || topic.ends_with('/') {
                let text = format!(
                    "`{topic}` is no topic of one machine: write such as \"plant/press-1\", without `+`, `#` and without `/` at its \
                     ends; what is below it is read as well"
                );
                findings.report(section.at_key("unit"), text);
            }
        }
        Some(Self { broker: broker?, qos, session_expiry, time_key, units })
    }

    /// What a signal's origin begins with when it comes from here.
    pub fn prefix(&self) -> String {
        self.broker.prefix("mqtt")
    }

    /// What is subscribed: each unit's topic and all below it.
    pub(super) fn filters(&self) -> Vec<String> {
        let mut filters: Vec<_> = self.units.iter().map(|unit| format!("{}/#", unit.device)).collect();
        filters.sort();
        filters.dedup();
        filters
    }
}
