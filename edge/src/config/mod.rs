//! The collector's settings: one TOML file, read once at start.
//!
//! Every mistake is named with its line, all of them at once; a key that is not known is refused
//! together with the nearest one that is, so that a slip of the pen never becomes a silent default.

mod quantity;
mod reader;
mod signals;
mod source;

use std::{
    collections::BTreeMap,
    fmt, fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use crate::collector::{file_drop, modbus, mqtt, mtconnect, opcua, sparkplug};

pub(crate) use reader::{Findings, Section};
pub use signals::{CodeTemplate, Glob, ItemFacts, Selector, SignalRule, slug};
pub use source::UnitConfig;
pub(crate) use source::{http_url, read_units, read_units_with};

/// The whole file.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// `[server]`: where samples go.
    pub server: ServerConfig,
    /// `[queue]`: where they wait until the server has them.
    pub queue: QueueConfig,
    /// `[[source]]`: where they come from. At least one.
    pub sources: Vec<SourceConfig>,
}

/// `[server]`.
#[derive(Clone, Debug, PartialEq)]
pub struct ServerConfig {
    /// `url`: the server's root on its port for collectors, `https://…`; a path in front of `/api` is kept.
    pub url: String,
    /// `identity` (default `edge-identity`): directory of the key and the certificate, made by `gemba-edge enrol`.
    /// Relative to the settings file. One collector each.
    pub identity: PathBuf,
}

/// `[queue]`.
#[derive(Clone, Debug, PartialEq)]
pub struct QueueConfig {
    /// `directory`: of the queue; made when missing. Relative to the settings file. One collector each.
    pub directory: PathBuf,
    /// `max_bytes` (default `8 GiB`): the oldest batches are given up beyond this.
    pub max_bytes: u64,
    /// `max_age` (default `30 d`): batches older than this are given up.
    pub max_age: Duration,
}

/// One `[[source]]`.
#[derive(Clone, Debug, PartialEq)]
pub struct SourceConfig {
    /// `name`: for logs and for the server's list of sources; unique.
    pub name: String,
    /// What follows from `protocol`.
    pub settings: SourceSettings,
}

/// `protocol`, and what is set of it.
#[derive(Clone, Debug, PartialEq)]
pub enum SourceSettings {
    /// `mtconnect`: an MTConnect agent over HTTP.
    MtConnect(mtconnect::Settings),
    /// `file_drop`: a directory of CSV files.
    FileDrop(file_drop::Settings),
    /// `modbus`: registers over TCP or a serial line.
    Modbus(modbus::Settings),
    /// `mqtt`: topics of an MQTT broker.
    Mqtt(mqtt::Settings),
    /// `sparkplug`: edge nodes that speak Sparkplug B, by way of an MQTT broker.
    Sparkplug(sparkplug::Settings),
    /// `opcua`: an OPC UA server over `opc.tcp`.
    OpcUa(opcua::Settings),
}

impl SourceSettings {
    /// What is read, by units.
    pub fn units(&self) -> &[UnitConfig] {
        match self {
            Self::MtConnect(settings) => &settings.units,
            Self::FileDrop(settings) => &settings.units,
            Self::Modbus(settings) => &settings.units,
            Self::Mqtt(settings) => &settings.units,
            Self::Sparkplug(settings) => &settings.units,
            Self::OpcUa(settings) => &settings.units,
        }
    }

    /// Where the source is, for people.
    pub fn address(&self) -> &str {
        match self {
            Self::MtConnect(settings) => &settings.url,
            Self::FileDrop(settings) => &settings.written,
            Self::Modbus(settings) => &settings.url,
            Self::Mqtt(settings) => &settings.broker.url,
            Self::Sparkplug(settings) => &settings.broker.url,
            Self::OpcUa(settings) => &settings.url,
        }
    }
}

/// One mistake in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Counted from 1.
    pub line: usize,
    /// What is wrong, and what would be right.
    pub message: String,
}

/// The settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("the settings file {} cannot be read: {error}. Nothing was started", path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        error: io::Error,
    },
    /// The file has mistakes.
    #[error("{} cannot be used, nothing was started:\n{}", path.display(), Lines(findings))]
    Invalid {
        /// Which.
        path: PathBuf,
        /// All of them, by line.
        findings: Vec<Finding>,
    },
}

struct Lines<'a>(&'a [Finding]);

impl fmt::Display for Lines<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, finding) in self.0.iter().enumerate() {
            let end = if index + 1 == self.0.len() { "" } else { "\n" };
            write!(f, "  line {}: {}{end}", finding.line, finding.message)?;
        }
        Ok(())
    }
}

const DEFAULT_IDENTITY: &str = "edge-identity";
const DEFAULT_MAX_BYTES: u64 = 8 << 30;
const DEFAULT_MAX_AGE: Duration = Duration::from_secs(30 * 86_400);

impl Config {
    /// Reads and checks the file. Paths in it are taken relative to the file.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let text =
            fs::read_to_string(path).map_err(|error| ConfigError::Unreadable { path: path.to_owned(), error })?;
        let directory = path.parent().unwrap_or(Path::new(""));
        Self::parse(&text, directory).map_err(|findings| ConfigError::Invalid { path: path.to_owned(), findings })
    }

    /// As [`Config::load`], from text; relative paths begin at `directory`.
    pub fn parse(text: &str, directory: &Path) -> Result<Self, Vec<Finding>> {
        let mut findings = Findings::new(text, directory);
        let parsed = match toml::de::DeTable::parse(text) {
            Ok(parsed) => parsed,
            Err(error) => {
                let at = error.span().map_or(0, |span| span.start);
                findings.report(at, error.message().lines().collect::<Vec<_>>().join(", "));
                return Err(findings.into_inner());
            }
        };
        let root = Section::new(&mut findings, "the file", 0, parsed.get_ref(), &["server", "queue", "source"]);
        let server = root.section(&mut findings, "server", &["url", "identity"]);
        let server = server.and_then(|section| read_server(&mut findings, &section, directory));
        let queue = root.section(&mut findings, "queue", &["directory", "max_bytes", "max_age"]);
        let queue = queue.and_then(|section| read_queue(&mut findings, &section, directory));
        let sections = root.sections_by(&mut findings, "source", source::known_keys);
        let mut names = BTreeMap::new();
        let mut sources = Vec::new();
        for section in sections {
            let Some(source) = source::read(&mut findings, &section, directory) else { continue };
            if let Some(line) = names.insert(source.name.clone(), findings.line(section.at)) {
                let at = section.at_key("name");
                findings
                    .report(at, format!("the name `{}` is already taken by the source of line {line}", source.name));
            }
            sources.push(source);
        }
        source::check_units_once(&mut findings, &sources);
        match (server, queue, findings.into_inner()) {
            (Some(server), Some(queue), findings) if findings.is_empty() => Ok(Self { server, queue, sources }),
            (_, _, findings) => Err(findings),
        }
    }
}

fn read_server(findings: &mut Findings<'_>, section: &Section<'_>, directory: &Path) -> Option<ServerConfig> {
    let url = section.required(findings, "url").and_then(|(url, at)| http_url(findings, url, at));
    let identity = section.text(findings, "identity").map_or(DEFAULT_IDENTITY, |(directory, _)| directory);
    let identity = directory.join(identity);
    Some(ServerConfig { url: url?, identity })
}

fn read_queue(findings: &mut Findings<'_>, section: &Section<'_>, directory: &Path) -> Option<QueueConfig> {
    let path = section.required(findings, "directory").map(|(path, _)| directory.join(path));
    let max_bytes = section.parsed(findings, "max_bytes", quantity::bytes).unwrap_or(DEFAULT_MAX_BYTES);
    if max_bytes < 1 << 20 {
        findings.report(section.at_key("max_bytes"), "`max_bytes` must be at least 1 MiB".to_owned());
    }
    let max_age = section.parsed(findings, "max_age", quantity::duration).unwrap_or(DEFAULT_MAX_AGE);
    if max_age < Duration::from_secs(60) {
        findings.report(section.at_key("max_age"), "`max_age` must be at least 1 min".to_owned());
    }
    Some(QueueConfig { directory: path?, max_bytes, max_age })
}

#[cfg(test)]
mod tests;
