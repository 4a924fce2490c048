//! The settings of an MTConnect source.

use std::time::Duration;

use crate::config::{Findings, Section, UnitConfig, http_url, read_units};

/// An agent.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
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
    /// `[[source.unit]]`: what is read of it; `device` is the name or uuid of the MTConnect device. At least one.
    pub units: Vec<UnitConfig>,
}

const DEFAULT_HEARTBEAT: Duration = Duration::from_secs(10);
const DEFAULT_INTERVAL: Duration = Duration::from_millis(100);
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);

impl Settings {
    /// Keys of `[[source]]` besides the name and the protocol.
    pub const KEYS: &'static [&'static str] = &["url", "heartbeat", "interval", "timeout", "unit"];

    /// With everything else as when nothing is set.
    pub fn new(url: &str) -> Self {
        Self {
            url: url.trim_end_matches('/').to_owned(),
            heartbeat: DEFAULT_HEARTBEAT,
            interval: DEFAULT_INTERVAL,
            timeout: DEFAULT_TIMEOUT,
            units: Vec::new(),
        }
    }

    /// From the settings file.
    pub(crate) fn read(findings: &mut Findings<'_>, section: &Section<'_>) -> Option<Self> {
        let url = section.required(findings, "url").and_then(|(url, at)| http_url(findings, url, at));
        let mut duration =
            |key: &str, default, from, to| section.duration(findings, key, default, (Duration::from_millis(from), to));
        let hour = Duration::from_secs(3_600);
        let heartbeat = duration("heartbeat", DEFAULT_HEARTBEAT, 100, hour);
        let interval = duration("interval", DEFAULT_INTERVAL, 1, Duration::from_secs(60));
        let timeout = duration("timeout", DEFAULT_TIMEOUT.max(3 * heartbeat), 200, 4 * hour);
        if timeout < 2 * heartbeat {
            findings.report(section.at_key("timeout"), "`timeout` must be at least twice `heartbeat`".to_owned());
        }
        let units = read_units(findings, section);
        Some(Self { url: url?, heartbeat, interval, timeout, units })
    }

    /// What a signal's origin begins with when it comes from this agent.
    pub fn prefix(&self) -> String {
        format!("mtconnect {} ", self.url)
    }
}
