//! How a broker is reached: the settings that MQTT and Sparkplug have in common.

use std::{path::PathBuf, time::Duration};

use crate::config::{Findings, Section, slug};

/// Version of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// MQTT 3.1.1.
    V3,
    /// MQTT 5.
    V5,
}

/// A broker, and who we are there.
#[derive(Clone, Debug, PartialEq)]
pub struct Broker {
    /// `url`: `mqtt://host:1883`, or `mqtts://host:8883` with TLS.
    pub url: String,
    /// Its host.
    pub host: String,
    /// Its port; 1883 or 8883 unless it is given.
    pub port: u16,
    /// With TLS.
    pub encrypted: bool,
    /// `version` (default `"5"`): `"5"` or `"3.1.1"`.
    pub version: Version,
    /// `client_id` (default `gemba-edge-` and the source's name): no two clients of a broker may have the same.
    pub client_id: String,
    /// `user` (optional).
    pub user: Option<String>,
    /// `password_file` (optional): holds the password alone on a line. Read at each attempt.
    pub password_file: Option<PathBuf>,
    /// `ca_file` (default: the system's certificates): PEM certificates to trust instead.
    pub ca_file: Option<PathBuf>,
    /// `certificate` and `key` (optional): PEM files by which we prove who we are.
    pub identity: Option<(PathBuf, PathBuf)>,
    /// `keep_alive` (default `10 s`): how often the broker is asked to say that it lives when nothing comes.
    pub keep_alive: Duration,
    /// `timeout` (default `10 s`): how long the broker may take to answer.
    pub timeout: Duration,
    /// `max_packet` (default `4 MiB`): larger packets are refused.
    pub max_packet: u32,
}

const DEFAULT: Duration = Duration::from_secs(10);
const MIB: u64 = 1 << 20;

impl Broker {
    /// Keys of `[[source]]`.
    pub const KEYS: [&'static str; 11] = [
        "url",
        "version",
        "client_id",
        "user",
        "password_file",
        "ca_file",
        "certificate",
        "key",
        "keep_alive",
        "timeout",
        "max_packet",
    ];

    /// From the settings file.
    pub(crate) fn read(findings: &mut Findings<'_>, section: &Section<'_>) -> Option<Self> {
        let url = section.required(findings, "url").and_then(|(url, at)| read_url(findings, url, at));
        let version = section.parsed(findings, "version", read_version).unwrap_or(Version::V5);
        let name = section.text(findings, "name").map_or("", |(name, _)| name);
        let client_id = section.text(findings, "client_id").map(|(id, _)| id.to_owned());
        let user = section.text(findings, "user").map(|(user, _)| user.to_owned());
        let password_file = section.path(findings, "password_file");
        if password_file.is_some() && user.is_none() {
            let text = "`password_file` needs a `user`".to_owned();
            findings.report(section.at_key("password_file"), text);
        }
        let ca_file = section.path(findings, "ca_file");
        let identity = match (section.path(findings, "certificate"), section.path(findings, "key")) {
            (Some(certificate), Some(key)) => Some((certificate, key)),
            (None, None) => None,
            _ => {
                findings.report(section.at, "`certificate` and `key` are given both or not at all".to_owned());
                None
            }
        };
        if let Some((_, _, _, false)) = &url
            && (ca_file.is_some() || identity.is_some())
        {
            let text = "`ca_file`, `certificate` and `key` are for mqtts:// alone".to_owned();
            findings.report(section.at_key("url"), text);
        }
        let (second, hour) = (Duration::from_secs(1), Duration::from_secs(3_600));
        let keep_alive = section.duration(findings, "keep_alive", DEFAULT, (5 * second, hour));
        let timeout = section.duration(findings, "timeout", DEFAULT, (second, hour));
        let max_packet = section.bytes(findings, "max_packet", 4 * MIB, (1 << 10, 32 * MIB));
        let (url, host, port, encrypted) = url?;
        Some(Self {
            url,
            host,
            port,
            encrypted,
            version,
            client_id: client_id.unwrap_or_else(|| format!("gemba-edge-{}", slug(name))),
            user,
            password_file,
            ca_file,
            identity,
            keep_alive,
            timeout,
            max_packet: u32::try_from(max_packet).unwrap_or(u32::MAX),
        })
    }

    /// What a signal's origin begins with: two sources may read the same broker.
    pub fn prefix(&self, protocol: &str) -> String {
        format!("{protocol} {} ({}) ", self.url, self.client_id)
    }

    /// What is to be told of how safe this is.
    pub fn remark(&self) -> Option<String> {
        let bare = self.user.is_some() && !self.encrypted;
        bare.then(|| {
            "user and password cross the network unencrypted: let the broker offer TLS and use mqtts://".into()
        })
    }
}

fn read_version(text: &str) -> Result<Version, String> {
    match text {
        "5" | "5.0" => Ok(Version::V5),
        "3.1.1" => Ok(Version::V3),
        _ => Err(format!("`{text}` is no version of MQTT spoken here; there are \"5\" and \"3.1.1\"")),
    }
}

fn read_url(findings: &mut Findings<'_>, text: &str, at: usize) -> Option<(String, String, u16, bool)> {
    let mut wrong = |why: String| {
        findings.report(at, why);
        None
    };
    let url = match reqwest::Url::parse(text) {
        Ok(url) => url,
        Err(error) => return wrong(format!("`{text}` is no URL: {error}")),
    };
    let encrypted = match url.scheme() {
        "mqtt" => false,
        "mqtts" => true,
        _ => return wrong(format!("`{text}` must begin with mqtt:// or mqtts://")),
    };
    if !url.username().is_empty() || url.password().is_some() {
        return wrong("user and password do not belong into `url`: use `user` and `password_file`".to_owned());
    }
    let host = match url.host_str() {
        Some(host) if !host.is_empty() && matches!(url.path(), "" | "/") && url.query().is_none() => host,
        _ => return wrong(format!("`{text}` must name a host, perhaps a port, and nothing else")),
    };
    if encrypted && host.starts_with('[') {
        return wrong(format!("`{text}`: with TLS the broker is reached by a name or an IPv4 address"));
    }
    let port = url.port().unwrap_or(if encrypted { 8883 } else { 1883 });
    Some((text.trim_end_matches('/').to_owned(), host.to_owned(), port, encrypted))
}
