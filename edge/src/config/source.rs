//! `[[source]]`: what all protocols have in common.

use std::{collections::BTreeMap, path::Path};

use gemba_domain::equipment::{EquipmentPath, Level};

use super::{
    SourceConfig, SourceSettings,
    reader::{Findings, Section},
    signals::{self, SignalRule},
};
use crate::collector::{file_drop, modbus, mqtt, mtconnect, opcua, sparkplug};

/// The protocols, with the keys of `[[source]]` that each has besides the name.
const PROTOCOLS: &[(&str, &[&str])] = &[
    ("mtconnect", mtconnect::Settings::KEYS),
    ("opcua", opcua::Settings::KEYS),
    ("file_drop", file_drop::Settings::KEYS),
    ("modbus", modbus::Settings::KEYS),
    ("mqtt", mqtt::Settings::KEYS),
    ("sparkplug", sparkplug::Settings::KEYS),
];

/// One `[[source.unit]]`: a part of the source and the unit it is.
#[derive(Clone, Debug, PartialEq)]
pub struct UnitConfig {
    /// `device`: what the protocol calls a machine; see there.
    pub device: String,
    /// `path`: of the unit in the plant, enterprise/site/area/line/unit.
    pub path: EquipmentPath,
    /// `signals`: which items become which signals. The first rule that fits an item decides.
    pub signals: Vec<SignalRule>,
}

/// What may stand in a source of this protocol; of all protocols when it is none.
pub(super) fn known_keys(protocol: Option<&str>) -> Vec<&'static str> {
    let of = |wanted: Option<&str>| {
        let suits = PROTOCOLS.iter().filter(move |(word, _)| wanted.is_none_or(|wanted| wanted == *word));
        suits.flat_map(|(_, keys)| keys.iter().copied()).collect::<Vec<_>>()
    };
    let mut keys = of(protocol);
    if keys.is_empty() {
        keys = of(None);
    }
    keys.extend(["name", "protocol"]);
    keys
}

/// `directory`: where relative paths begin.
pub(super) fn read(findings: &mut Findings<'_>, section: &Section<'_>, directory: &Path) -> Option<SourceConfig> {
    let name = section.required(findings, "name").map(|(name, _)| name.to_owned());
    let (protocol, at) = section.required(findings, "protocol")?;
    let settings = match protocol {
        "mtconnect" => mtconnect::Settings::read(findings, section).map(SourceSettings::MtConnect),
        "file_drop" => file_drop::Settings::read(findings, section, directory).map(SourceSettings::FileDrop),
        "modbus" => modbus::Settings::read(findings, section).map(SourceSettings::Modbus),
        "mqtt" => mqtt::Settings::read(findings, section).map(SourceSettings::Mqtt),
        "sparkplug" => sparkplug::Settings::read(findings, section).map(SourceSettings::Sparkplug),
        "opcua" => opcua::Settings::read(findings, section, directory).map(SourceSettings::OpcUa),
        other => {
            let words: Vec<_> = PROTOCOLS.iter().map(|(word, _)| format!("`{word}`")).collect();
            let message = format!("`{other}` is no protocol of this version; it speaks {}", words.join(", "));
            findings.report(at, message);
            None
        }
    };
    Some(SourceConfig { name: name?, settings: settings? })
}

/// `[[source.unit]]`, at least one, with rules that say no more than which item is which signal.
pub(crate) fn read_units(findings: &mut Findings<'_>, source: &Section<'_>) -> Vec<UnitConfig> {
    read_units_with(findings, source, &[], |_, _, _| Some(())).into_iter().map(|(unit, _)| unit).collect()
}

/// As [`read_units`], with rules that have further keys: `more` makes something of each, which stands at the rule's place in the list
/// beside the unit. A rule of which nothing can be made has been reported and is in neither list.
pub(crate) fn read_units_with<T>(
    findings: &mut Findings<'_>,
    source: &Section<'_>,
    keys: &[&str],
    mut more: impl FnMut(&mut Findings<'_>, &Section<'_>, &SignalRule) -> Option<T>,
) -> Vec<(UnitConfig, Vec<T>)> {
    let keys = [signals::KEYS, keys].concat();
    let sections = source.sections(findings, "unit", &["device", "path", "signals"]);
    let mut units = Vec::new();
    for section in &sections {
        let device = section.required(findings, "device").map(|(device, _)| device.to_owned());
        let path = section.required(findings, "path").and_then(|(text, at)| unit_path(findings, text, at));
        let (mut signals, mut others) = (Vec::new(), Vec::new());
        for rule in &section.inline_tables(findings, "signals", &keys) {
            if let Some(signal) = signals::read_rule(findings, rule)
                && let Some(other) = more(findings, rule, &signal)
            {
                signals.push(signal);
                others.push(other);
            }
        }
        if let (Some(device), Some(path)) = (device, path) {
            units.push((UnitConfig { device, path, signals }, others));
        }
    }
    units
}

fn unit_path(findings: &mut Findings<'_>, text: &str, at: usize) -> Option<EquipmentPath> {
    match text.parse::<EquipmentPath>() {
        Ok(path) if path.level() == Level::Unit => Some(path),
        Ok(_) => {
            findings.report(at, format!("`{text}` is no unit: a path has five codes, enterprise/site/area/line/unit"));
            None
        }
        Err(error) => {
            findings.report(at, error.to_string());
            None
        }
    }
}

/// A root that is dialled over HTTP, without the slash at its end.
pub(crate) fn http_url(findings: &mut Findings<'_>, text: &str, at: usize) -> Option<String> {
    match reqwest::Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() && url.query().is_none() => {
            Some(text.trim_end_matches('/').to_owned())
        }
        Ok(_) => {
            findings.report(at, format!("`{text}` must begin with http:// or https://, name a host and have no `?`"));
            None
        }
        Err(error) => {
            findings.report(at, format!("`{text}` is no URL: {error}"));
            None
        }
    }
}

/// A signal has one source: two units of the plant file may share a device, but a literal address stands once.
pub(super) fn check_units_once(findings: &mut Findings<'_>, sources: &[SourceConfig]) {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for unit in sources.iter().flat_map(|source| source.settings.units()) {
        for rule in &unit.signals {
            let Some(code) = rule.signal.literal() else { continue };
            if let Some(first) = seen.insert(format!("{}:{code}", unit.path), rule.at) {
                let first = findings.line(first);
                let message = format!("`{}:{code}` is already filled by the rule of line {first}", unit.path);
                findings.report(rule.at, message);
            }
        }
    }
}
