//! The settings of an OPC UA source.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use super::security::Security;
use crate::config::{Findings, Section, UnitConfig, read_units};

/// A server.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// `url`: where the server is dialled, such as `opc.tcp://10.0.0.7:4840`.
    pub url: String,
    /// `security` (default `Basic256Sha256`): how the messages are signed and encrypted.
    pub security: Security,
    /// `user` with `password_file`, or `user_certificate` with `user_key`; anonymous without.
    pub identity: Identity,
    /// `pki` (default `pki`): directory of the own certificate and of the servers' that are trusted. Relative to the settings file.
    pub pki: PathBuf,
    /// `publishing_interval` (default `500 ms`): the server gathers changes for this long before it sends them.
    pub publishing_interval: Duration,
    /// `sampling_interval` (default `250 ms`): how often the server looks at each node.
    pub sampling_interval: Duration,
    /// `queue_size` (default 20): changes of one node that the server keeps between two sendings.
    pub queue_size: u32,
    /// `deadband`: changes of numbers up to this size, in the node's unit, are not sent.
    pub deadband: Option<f64>,
    /// `timeout` (default `30 s`): silence after which the server counts as lost; also the limit of one request.
    pub timeout: Duration,
    /// `browse_interval` (default `10 min`): how often the address space is looked through for nodes that came or went.
    pub browse_interval: Duration,
    /// `[[source.unit]]`: what is read; `device` is where browsing begins. At least one.
    pub units: Vec<UnitConfig>,
}

/// Who the collector says it is.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Identity {
    /// Nobody in particular.
    #[default]
    Anonymous,
    /// A name and a password.
    User {
        /// `user`.
        name: String,
        /// `password_file`: holds the password alone on a line. Read before each attempt.
        password_file: PathBuf,
    },
    /// A certificate of a person or a role.
    Certificate {
        /// `user_certificate`: `.der` or `.pem`.
        certificate: PathBuf,
        /// `user_key`: its private key, PEM.
        key: PathBuf,
    },
}

const DEFAULT_PUBLISHING: Duration = Duration::from_millis(500);
const DEFAULT_SAMPLING: Duration = Duration::from_millis(250);
const DEFAULT_QUEUE: u32 = 20;
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);
const DEFAULT_BROWSE: Duration = Duration::from_secs(600);
/// The largest `queue_size`: what one node may hold on the server.
const MAX_QUEUE: u32 = 100_000;

impl Settings {
    /// Keys of `[[source]]` besides the name and the protocol.
    pub const KEYS: &'static [&'static str] = &[
        "url",
        "security",
        "user",
        "password_file",
        "user_certificate",
        "user_key",
        "pki",
        "publishing_interval",
        "sampling_interval",
        "queue_size",
        "deadband",
        "timeout",
        "browse_interval",
        "unit",
    ];

    /// From the settings file, which stands in `directory`.
    pub(crate) fn read(findings: &mut Findings<'_>, section: &Section<'_>, directory: &Path) -> Option<Self> {
        let url = section.required(findings, "url").and_then(|(url, at)| opc_url(findings, url, at));
        let security = section.parsed(findings, "security", Security::parse).unwrap_or_default();
        let identity = read_identity(findings, section, directory);
        let pki = section.text(findings, "pki").map_or("pki", |(pki, _)| pki);
        let mut duration =
            |key: &str, default, from, to| section.duration(findings, key, default, (Duration::from_millis(from), to));
        let (minute, hour) = (Duration::from_secs(60), Duration::from_secs(3_600));
        let publishing_interval = duration("publishing_interval", DEFAULT_PUBLISHING, 10, minute);
        let sampling_interval = duration("sampling_interval", DEFAULT_SAMPLING, 1, hour);
        let timeout = duration("timeout", DEFAULT_TIMEOUT.max(3 * publishing_interval), 500, hour);
        let browse_interval = duration("browse_interval", DEFAULT_BROWSE, 1_000, 24 * hour);
        if timeout < 2 * publishing_interval {
            let message = "`timeout` must be at least twice `publishing_interval`";
            findings.report(section.at_key("timeout"), message.to_owned());
        }
        let queue_size = section.whole(findings, "queue_size", DEFAULT_QUEUE.into(), (1, MAX_QUEUE.into()));
        let deadband = section.decimal(findings, "deadband");
        if deadband.is_some_and(|deadband| !deadband.is_finite() || deadband <= 0.0) {
            findings.report(section.at_key("deadband"), "`deadband` must be more than 0".to_owned());
        }
        let units = read_units(findings, section);
        Some(Self {
            url: url?,
            security,
            identity: identity?,
            pki: directory.join(pki),
            publishing_interval,
            sampling_interval,
            queue_size: u32::try_from(queue_size).unwrap_or(MAX_QUEUE),
            deadband,
            timeout,
            browse_interval,
            units,
        })
    }

    /// What a signal's origin begins with when it comes from this server.
    pub fn prefix(&self) -> String {
        format!("opcua {} ", self.url)
    }
}

fn read_identity(findings: &mut Findings<'_>, section: &Section<'_>, directory: &Path) -> Option<Identity> {
    let mut file = |key| section.text(findings, key).map(|(file, _)| directory.join(file));
    let (password_file, certificate, key) = (file("password_file"), file("user_certificate"), file("user_key"));
    let user = section.text(findings, "user").map(|(user, _)| user.to_owned());
    match (user, password_file, certificate, key) {
        (None, None, None, None) => Some(Identity::Anonymous),
        (Some(name), Some(password_file), None, None) => Some(Identity::User { name, password_file }),
        (None, None, Some(certificate), Some(key)) => Some(Identity::Certificate { certificate, key }),
        _ => {
            let message = "who the collector is for the server is either `user` with `password_file`, or `user_certificate` with \
                           `user_key`, or none of them (anonymous)";
            findings.report(section.at, message.to_owned());
            None
        }
    }
}

/// `opc.tcp://host[:port][/path]`.
fn opc_url(findings: &mut Findings<'_>, text: &str, at: usize) -> Option<String> {
    let fits = reqwest::Url::parse(text).is_ok_and(|url| {
        url.scheme() == "opc.tcp" && url.host_str().is_some_and(|host| !host.is_empty()) && url.username().is_empty()
    });
    if !fits {
        findings.report(at, format!("`{text}` is no address of an OPC UA server: write opc.tcp://HOST:4840"));
    }
    fits.then(|| text.trim_end_matches('/').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, SourceSettings};

    fn read(more: &str) -> Result<Settings, Vec<String>> {
        let text = format!(
            "[server]\nurl='http://s'\n[queue]\ndirectory='q'\n[[source]]\nname='a'\nprotocol='opcua'\n{more}\n\
             [[source.unit]]\ndevice='ns=2;s=P'\npath='a/b/c/d/e'\nsignals=[{{pattern='*', signal='{{rest}}'}}]\n"
        );
        let config = Config::parse(&text, Path::new("/etc/gemba"))
            .map_err(|found| found.into_iter().map(|finding| finding.message).collect::<Vec<_>>())?;
        match config.sources.into_iter().next().map(|source| source.settings) {
            Some(SourceSettings::OpcUa(settings)) => Ok(settings),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn without_a_word_it_is_signed_and_encrypted() {
        let settings = read("url='opc.tcp://10.0.0.7:4840/'").unwrap();
        assert_eq!((settings.url.as_str(), settings.security), ("opc.tcp://10.0.0.7:4840", Security::Basic256Sha256));
        assert_eq!(settings.pki, Path::new("/etc/gemba/pki"));
        assert_eq!((settings.queue_size, settings.timeout), (20, Duration::from_secs(30)));
    }

    #[test]
    fn everything_can_be_set() {
        let settings = read(
            "url='opc.tcp://h'\nsecurity='none'\nuser='u'\npassword_file='p'\npki='/keys'\ndeadband=0.5\nqueue_size=5\n\
             publishing_interval='1 s'\nsampling_interval='100 ms'\ntimeout='5 s'\nbrowse_interval='1 h'",
        )
        .unwrap();
        let password_file = PathBuf::from("/etc/gemba/p");
        assert_eq!(settings.identity, Identity::User { name: "u".to_owned(), password_file });
        assert_eq!((settings.security, settings.deadband, settings.queue_size), (Security::None, Some(0.5), 5));
        assert_eq!(settings.pki, Path::new("/keys"));
        let whole = read("url='opc.tcp://h'\nuser_certificate='c.der'\nuser_key='k.pem'\ndeadband=2").unwrap();
        assert!(matches!(whole.identity, Identity::Certificate { .. }));
        assert_eq!(whole.deadband, Some(2.0));
    }

    #[test]
    fn what_cannot_be_is_told() {
        let told = |more: &str| read(more).unwrap_err().join("; ");
        assert!(told("url='http://h'").contains("write opc.tcp://HOST:4840"));
        assert!(told("url='opc.tcp://h'\nsecurity='Basic128Rsa15'").contains("broken"));
        assert!(told("url='opc.tcp://h'\nuser='u'").contains("`user` with `password_file`"));
        assert!(told("url='opc.tcp://h'\nqueue_size=0\ndeadband=-1").contains("`deadband` must be more than 0"));
        assert!(told("url='opc.tcp://h'\nqueue_size='5'").contains("must be a whole number"));
        assert!(told("url='opc.tcp://h'\npassword='x'").contains("`password` is no setting"));
    }
}
