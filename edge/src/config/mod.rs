//! The collector's settings: one TOML file, read once at start.
//!
//! Every mistake is named with its line, all of them at once; a key that is not known is refused
//! together with the nearest one that is, so that a slip of the pen never becomes a silent default.

mod quantity;
mod reader;
mod signals;

use std::{
    collections::BTreeMap,
    fmt, fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use gemba_domain::equipment::{EquipmentPath, Level};

use reader::{Findings, Section};
pub use signals::{CodeTemplate, Glob, ItemFacts, Selector, SignalRule, slug};

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
    /// `url`: the server's root, `http://…` or `https://…`; a path in front of `/api` is kept.
    pub url: String,
    /// `token_file`: holds the collector's token alone on a line. Relative to the settings file. Read again
    /// before each attempt after a refusal, so that a new token needs no restart.
    pub token_file: PathBuf,
    /// `ca_file` (optional): PEM certificates to trust instead of the system's. Relative to the settings file.
    pub ca_file: Option<PathBuf>,
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
    /// `protocol`: which collector reads it.
    pub protocol: Protocol,
    /// `url`: the agent's root, such as `http://10.0.0.5:5000`.
    pub url: String,
    /// `heartbeat` (default `10 s`): how often the agent is asked to say that it lives when nothing changes.
    pub heartbeat: Duration,
    /// `interval` (default `100 ms`): the agent gathers observations for at least this long before it sends them;
    /// also the pause between two requests to an agent that cannot stream.
    pub interval: Duration,
    /// `timeout` (default `30 s`): silence after which the agent counts as lost; also the limit of one request.
    /// At least twice the heartbeat.
    pub timeout: Duration,
    /// `[[source.unit]]`: what is read of it. At least one.
    pub units: Vec<UnitConfig>,
}

impl SourceConfig {
    /// An MTConnect agent with everything else as when nothing is set.
    pub fn new(url: &str) -> Self {
        Self {
            name: String::new(),
            protocol: Protocol::MtConnect,
            url: url.trim_end_matches('/').to_owned(),
            heartbeat: DEFAULT_HEARTBEAT,
            interval: DEFAULT_INTERVAL,
            timeout: DEFAULT_TIMEOUT,
            units: Vec::new(),
        }
    }
}

/// What a source speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// `mtconnect`: an MTConnect agent over HTTP.
    MtConnect,
}

/// One `[[source.unit]]`: a device of the source and the unit it is.
#[derive(Clone, Debug, PartialEq)]
pub struct UnitConfig {
    /// `device`: name or uuid of the MTConnect device.
    pub device: String,
    /// `path`: of the unit in the plant, enterprise/site/area/line/unit.
    pub path: EquipmentPath,
    /// `signals`: which data items become which signals. The first rule that fits an item decides.
    pub signals: Vec<SignalRule>,
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

const DEFAULT_MAX_BYTES: u64 = 8 << 30;
const DEFAULT_MAX_AGE: Duration = Duration::from_secs(30 * 86_400);
const DEFAULT_HEARTBEAT: Duration = Duration::from_secs(10);
const DEFAULT_INTERVAL: Duration = Duration::from_millis(100);
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);

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
        let mut findings = Findings::new(text);
        let parsed = match toml::de::DeTable::parse(text) {
            Ok(parsed) => parsed,
            Err(error) => {
                let at = error.span().map_or(0, |span| span.start);
                findings.report(at, error.message().lines().collect::<Vec<_>>().join(", "));
                return Err(findings.into_inner());
            }
        };
        let root = Section::new(&mut findings, "the file", 0, parsed.get_ref(), &["server", "queue", "source"]);
        let server = root.section(&mut findings, "server", &["url", "token_file", "ca_file"]);
        let server = server.and_then(|section| read_server(&mut findings, &section, directory));
        let queue = root.section(&mut findings, "queue", &["directory", "max_bytes", "max_age"]);
        let queue = queue.and_then(|section| read_queue(&mut findings, &section, directory));
        let known = &["name", "protocol", "url", "heartbeat", "interval", "timeout", "unit"];
        let sections = root.sections(&mut findings, "source", known);
        let mut names = BTreeMap::new();
        let mut sources = Vec::new();
        for section in sections {
            let Some(source) = read_source(&mut findings, &section) else { continue };
            if let Some(line) = names.insert(source.name.clone(), findings.line(section.at)) {
                let at = section.at_key("name");
                findings
                    .report(at, format!("the name `{}` is already taken by the source of line {line}", source.name));
            }
            sources.push(source);
        }
        check_units_once(&mut findings, &sources);
        match (server, queue, findings.into_inner()) {
            (Some(server), Some(queue), findings) if findings.is_empty() => Ok(Self { server, queue, sources }),
            (_, _, findings) => Err(findings),
        }
    }
}

fn read_server(findings: &mut Findings<'_>, section: &Section<'_>, directory: &Path) -> Option<ServerConfig> {
    let url = section.required(findings, "url").and_then(|(url, at)| http_url(findings, url, at));
    let token_file = section.required(findings, "token_file").map(|(file, _)| directory.join(file));
    let ca_file = section.text(findings, "ca_file").map(|(file, _)| directory.join(file));
    Some(ServerConfig { url: url?, token_file: token_file?, ca_file })
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

fn read_source(findings: &mut Findings<'_>, section: &Section<'_>) -> Option<SourceConfig> {
    let name = section.required(findings, "name").map(|(name, _)| name.to_owned());
    let protocol = section.required(findings, "protocol").and_then(|(word, at)| match word {
        "mtconnect" => Some(Protocol::MtConnect),
        other => {
            findings.report(at, format!("`{other}` is no protocol of this version; it speaks `mtconnect`"));
            None
        }
    });
    let url = section.required(findings, "url").and_then(|(url, at)| http_url(findings, url, at));
    let mut duration = |key: &str, default: Duration, from: Duration, to: Duration| {
        let value = section.parsed(findings, key, quantity::duration).unwrap_or(default);
        if value < from || value > to {
            findings.report(section.at_key(key), format!("`{key}` must lie between {from:?} and {to:?}"));
        }
        value
    };
    let heartbeat = duration("heartbeat", DEFAULT_HEARTBEAT, Duration::from_millis(100), Duration::from_secs(3_600));
    let interval = duration("interval", DEFAULT_INTERVAL, Duration::from_millis(1), Duration::from_secs(60));
    let longest = Duration::from_secs(14_400);
    let timeout = duration("timeout", DEFAULT_TIMEOUT.max(3 * heartbeat), Duration::from_millis(200), longest);
    if timeout < 2 * heartbeat {
        findings.report(section.at_key("timeout"), "`timeout` must be at least twice `heartbeat`".to_owned());
    }
    let units: Vec<_> = section.sections(findings, "unit", &["device", "path", "signals"]);
    let units = units.iter().filter_map(|unit| read_unit(findings, unit)).collect();
    Some(SourceConfig { name: name?, protocol: protocol?, url: url?, heartbeat, interval, timeout, units })
}

fn read_unit(findings: &mut Findings<'_>, section: &Section<'_>) -> Option<UnitConfig> {
    let device = section.required(findings, "device").map(|(device, _)| device.to_owned());
    let path = section.required(findings, "path").and_then(|(text, at)| match text.parse::<EquipmentPath>() {
        Ok(path) if path.level() == Level::Unit => Some(path),
        Ok(_) => {
            findings.report(at, format!("`{text}` is no unit: a path has five codes, enterprise/site/area/line/unit"));
            None
        }
        Err(error) => {
            findings.report(at, error.to_string());
            None
        }
    });
    let rules = section.inline_tables(findings, "signals", &["item", "pattern", "signal"]);
    let signals = rules.iter().filter_map(|rule| signals::read_rule(findings, rule)).collect();
    Some(UnitConfig { device: device?, path: path?, signals })
}

fn http_url(findings: &mut Findings<'_>, text: &str, at: usize) -> Option<String> {
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
fn check_units_once(findings: &mut Findings<'_>, sources: &[SourceConfig]) {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for source in sources {
        for unit in &source.units {
            for rule in &unit.signals {
                let Some(code) = rule.signal.literal() else { continue };
                let line = findings.line(rule.at);
                if let Some(first) = seen.insert(format!("{}:{code}", unit.path), line) {
                    let message = format!("`{}:{code}` is already filled by the rule of line {first}", unit.path);
                    findings.report(rule.at, message);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
