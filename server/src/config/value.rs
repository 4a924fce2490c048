//! How a setting's text becomes its value.

use std::{collections::BTreeMap, fmt, net::IpAddr, net::SocketAddr, path::PathBuf, str::FromStr, time::Duration};

use super::SettingsError;

/// A type that a setting can have.
pub trait Value: Sized {
    /// The type, in words for a person.
    const FORM: &'static str;

    /// Reads it. The error says what was expected.
    fn parse(text: &str) -> Result<Self, String>;
}

/// Where a value was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Nowhere: it is the default.
    Default,
    /// In the file, on this line (from 1).
    File(PathBuf, usize),
    /// In this environment variable.
    Environment(String),
    /// By this flag.
    Flag(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Default => f.write_str("default"),
            Origin::File(path, line) => write!(f, "{}:{line}", path.display()),
            Origin::Environment(name) => write!(f, "environment variable {name}"),
            Origin::Flag(name) => write!(f, "flag --{name}"),
        }
    }
}

/// The values that were given, by key. A later one replaces an earlier one.
#[derive(Debug, Clone, Default)]
pub struct Given(pub(super) BTreeMap<&'static str, (String, Origin)>);

impl Given {
    pub(super) fn read<T: Value>(&self, key: &'static str, default: &str) -> Result<T, SettingsError> {
        let (text, origin) = match self.0.get(key) {
            Some((text, origin)) => (text.as_str(), origin.clone()),
            None => (default, Origin::Default),
        };
        T::parse(text).map_err(|expected| SettingsError::Invalid { key, origin, expected })
    }
}

fn from_str<T: FromStr>(text: &str, expected: &str) -> Result<T, String> {
    text.trim().parse().map_err(|_| expected.to_owned())
}

impl<T: Value> Value for Option<T> {
    const FORM: &'static str = T::FORM;

    fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() { Ok(None) } else { T::parse(text).map(Some) }
    }
}

impl Value for String {
    const FORM: &'static str = "text";

    fn parse(text: &str) -> Result<Self, String> {
        Ok(text.to_owned())
    }
}

impl Value for PathBuf {
    const FORM: &'static str = "path";

    fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() { Err("expected a path".to_owned()) } else { Ok(PathBuf::from(text)) }
    }
}

impl Value for SocketAddr {
    const FORM: &'static str = "address:port";

    fn parse(text: &str) -> Result<Self, String> {
        from_str(text, "expected an address and a port such as 127.0.0.1:8080 or [::]:8080")
    }
}

impl Value for usize {
    const FORM: &'static str = "number";

    fn parse(text: &str) -> Result<Self, String> {
        from_str::<usize>(text, "expected a whole number of 1 or more")
            .and_then(|n| if n == 0 { Err("expected a whole number of 1 or more".to_owned()) } else { Ok(n) })
    }
}

impl Value for u32 {
    const FORM: &'static str = "number";

    fn parse(text: &str) -> Result<Self, String> {
        usize::parse(text)?.try_into().map_err(|_| "expected a smaller number".to_owned())
    }
}

impl Value for Duration {
    const FORM: &'static str = "length of time";

    fn parse(text: &str) -> Result<Self, String> {
        let expected = || "expected a number and a unit, such as 500ms, 30s, 15m, 12h or 7d".to_owned();
        let (number, unit) = split_unit(text).ok_or_else(expected)?;
        let millis: u64 = match unit {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return Err(expected()),
        };
        match number.checked_mul(millis) {
            Some(total) if (1..=315_576_000_000).contains(&total) => Ok(Duration::from_millis(total)),
            _ => Err("expected more than nothing and at most ten years".to_owned()),
        }
    }
}

/// A number of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bytes(pub usize);

impl Value for Bytes {
    const FORM: &'static str = "size";

    fn parse(text: &str) -> Result<Self, String> {
        let expected = || "expected a number of bytes with a unit, such as 512KiB, 16MiB or 1GiB".to_owned();
        let (number, unit) = split_unit(text).ok_or_else(expected)?;
        let factor: u64 = match unit {
            "" | "B" => 1,
            "KiB" => 1 << 10,
            "MiB" => 1 << 20,
            "GiB" => 1 << 30,
            _ => return Err(expected()),
        };
        number
            .checked_mul(factor)
            .and_then(|total| usize::try_from(total).ok())
            .filter(|total| (1..=64 << 30).contains(total))
            .map(Bytes)
            .ok_or_else(|| "expected at least 1 byte and at most 64GiB".to_owned())
    }
}

fn split_unit(text: &str) -> Option<(u64, &str)> {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    Some((text[..end].parse().ok()?, text[end..].trim()))
}

/// Values joined by commas.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct List<T>(pub Vec<T>);

impl Value for List<IpAddr> {
    const FORM: &'static str = "addresses, joined by commas";

    fn parse(text: &str) -> Result<Self, String> {
        text.split(',')
            .map(str::trim)
            .filter(|part| !part.is_empty())
            .map(|part| from_str(part, "expected addresses such as 10.0.0.5, joined by commas"))
            .collect::<Result<_, _>>()
            .map(List)
    }
}

impl Value for List<String> {
    const FORM: &'static str = "names, joined by commas";

    fn parse(text: &str) -> Result<Self, String> {
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        let names: Vec<String> = parts.map(str::to_owned).collect();
        let plain = |name: &String| name.bytes().all(|b| b.is_ascii_alphanumeric() || b".-:".contains(&b));
        if names.iter().all(plain) {
            Ok(List(names))
        } else {
            Err("expected names such as gemba.example.com or 10.0.0.5".to_owned())
        }
    }
}

/// An origin: scheme, host and port of an http or https URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Url {
    /// As a browser writes it in `Origin`: `https://gemba.example.com`, with the port unless it is the scheme's own.
    pub origin: String,
    /// Whether the scheme is https.
    pub https: bool,
}

impl Value for Url {
    const FORM: &'static str = "URL";

    fn parse(text: &str) -> Result<Self, String> {
        let expected = || "expected a URL without a path, such as https://gemba.example.com".to_owned();
        let uri: http::Uri = text.trim().trim_end_matches('/').parse().map_err(|_| expected())?;
        let https = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(expected()),
        };
        if !matches!(uri.path(), "" | "/") || uri.query().is_some() {
            return Err(expected());
        }
        let host = uri.host().filter(|host| !host.is_empty()).ok_or_else(expected)?.to_ascii_lowercase();
        let scheme = if https { "https" } else { "http" };
        let origin = match uri.port_u16() {
            Some(port) if port != if https { 443 } else { 80 } => format!("{scheme}://{host}:{port}"),
            _ => format!("{scheme}://{host}"),
        };
        Ok(Url { origin, https })
    }
}

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// For programs.
    Json,
}

impl Value for LogFormat {
    const FORM: &'static str = "text or json";

    fn parse(text: &str) -> Result<Self, String> {
        match text {
            "text" => Ok(LogFormat::Text),
            "json" => Ok(LogFormat::Json),
            _ => Err("expected text or json".to_owned()),
        }
    }
}
