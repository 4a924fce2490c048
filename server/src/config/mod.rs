//! Settings: flags go before environment variables, those before the file, that before defaults.
//!
//! A name that is not in the [table] is refused with the nearest one that is, so that a typing error never silently
//! means the default.

pub mod flags;
pub mod reference;
mod table;
mod value;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use toml::de::{DeTable, DeValue};

pub use table::{
    Database, Historian, Http, Ingest, Log, MetricsAccess, SECTIONS, Section, Session, Setting, Settings, all,
};
pub use value::{Bytes, Given, List, LogFormat, Origin, Url, Value};

use crate::nearest::nearest;

/// The file that is read from the data directory when no other is named.
pub const FILE_NAME: &str = "gemba.toml";

/// Settings that cannot be used. Nothing was started.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The file cannot be read.
    #[error("cannot read {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not TOML.
    #[error("{path}:{line}: not valid TOML: {message}")]
    Syntax {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What the parser says.
        message: String,
    },
    /// No such setting.
    #[error("{origin}: there is no setting `{name}`{}; `gemba config` lists them all", suggestion(.nearest.as_deref()))]
    Unknown {
        /// Where it was given.
        origin: Origin,
        /// As given.
        name: String,
        /// The most similar name that exists.
        nearest: Option<String>,
    },
    /// A value that cannot be read. The value is not repeated: it may be a secret.
    #[error("{origin}: {key} cannot be used: {expected}")]
    Invalid {
        /// The setting.
        key: &'static str,
        /// Where it was given.
        origin: Origin,
        /// What can be used.
        expected: String,
    },
}

fn suggestion(nearest: Option<&str>) -> String {
    nearest.map(|name| format!("; did you mean `{name}`?")).unwrap_or_default()
}

/// Where settings come from. The environment is passed in so that a test can give its own.
#[derive(Debug, Default)]
pub struct Sources<'a> {
    /// The file named by `--config` or `GEMBA_CONFIG`; it must exist.
    pub file: Option<&'a Path>,
    /// Environment variables, all of them.
    pub environment: Vec<(String, String)>,
    /// Flags, by key of the table.
    pub flags: Vec<(&'static Setting, String)>,
}

/// Settings and where each was given.
#[derive(Debug)]
pub struct Loaded {
    /// The settings.
    pub settings: Settings,
    /// What was given, by key.
    pub given: Given,
    /// The file that was read, if there was one.
    pub file: Option<PathBuf>,
}

/// Reads all sources.
///
/// # Errors
/// The first name or value that cannot be used, with the place where it stands.
pub fn load(sources: &Sources<'_>) -> Result<Loaded, SettingsError> {
    let mut above = Given::default();
    take_environment(&mut above, &sources.environment)?;
    for (setting, text) in &sources.flags {
        above.0.insert(setting.key, (text.clone(), Origin::Flag(setting.flag())));
    }
    let file = match sources.file {
        Some(path) => Some(path.to_owned()),
        None => {
            let directory: PathBuf = above.read("data_directory", default_of("data_directory"))?;
            Some(directory.join(FILE_NAME)).filter(|path| path.exists())
        }
    };
    let mut given = Given::default();
    if let Some(path) = &file {
        let text =
            std::fs::read_to_string(path).map_err(|source| SettingsError::Read { path: path.clone(), source })?;
        take_file(&mut given, path, &text)?;
    }
    given.0.extend(above.0);
    let settings = Settings::build(&given)?;
    Ok(Loaded { settings, given, file })
}

#[cfg(test)]
impl Default for Settings {
    fn default() -> Self {
        Self::build(&Given::default()).expect("every default can be read")
    }
}

fn default_of(key: &str) -> &'static str {
    all().find(|setting| setting.key == key).map(|setting| setting.default).unwrap_or_default()
}

fn take_environment(given: &mut Given, environment: &[(String, String)]) -> Result<(), SettingsError> {
    for (name, text) in environment {
        if name == "DATABASE_URL" {
            given.0.entry("database.url").or_insert_with(|| (text.clone(), Origin::Environment(name.clone())));
            continue;
        }
        // The collector and the simulator have settings of their own.
        let foreign = ["GEMBA_EDGE_", "GEMBA_SIM_"].iter().any(|prefix| name.starts_with(prefix));
        if !name.starts_with("GEMBA_") || foreign || name == "GEMBA_CONFIG" {
            continue;
        }
        let origin = Origin::Environment(name.clone());
        match all().find(|setting| setting.variable() == *name) {
            Some(setting) => {
                given.0.insert(setting.key, (text.clone(), origin));
            }
            None => {
                let variables: Vec<String> = all().map(Setting::variable).collect();
                let nearest = nearest(name, variables.iter().map(String::as_str)).map(str::to_owned);
                return Err(SettingsError::Unknown { origin, name: name.clone(), nearest });
            }
        }
    }
    Ok(())
}

fn take_file(given: &mut Given, path: &Path, text: &str) -> Result<(), SettingsError> {
    let line_at = |offset: usize| text.as_bytes()[..offset.min(text.len())].iter().filter(|b| **b == b'\n').count() + 1;
    let root = DeTable::parse(text).map_err(|error| SettingsError::Syntax {
        path: path.to_owned(),
        line: line_at(error.span().map_or(0, |span| span.start)),
        message: error.message().to_owned(),
    })?;
    let mut entries = Vec::new();
    for (name, value) in root.get_ref() {
        match value.get_ref() {
            DeValue::Table(table) if SECTIONS.iter().any(|section| section.name == name.get_ref().as_ref()) => {
                for (key, value) in table {
                    entries.push((format!("{}.{}", name.get_ref(), key.get_ref()), key.span(), value));
                }
            }
            _ => entries.push((name.get_ref().to_string(), name.span(), value)),
        }
    }
    for (name, span, value) in entries {
        let origin = Origin::File(path.to_owned(), line_at(span.start));
        let Some(setting) = all().find(|setting| setting.key == name) else {
            let sections = SECTIONS.iter().map(|section| section.name);
            let names = all().map(|setting| setting.key).chain(sections).filter(|name| !name.is_empty());
            let nearest = nearest(&name, names).map(str::to_owned);
            return Err(SettingsError::Unknown { origin, name, nearest });
        };
        let text = scalar(value.get_ref()).ok_or_else(|| SettingsError::Invalid {
            key: setting.key,
            origin: origin.clone(),
            expected: format!("expected a {}", setting.form),
        })?;
        given.0.insert(setting.key, (text, origin));
    }
    Ok(())
}

/// A value of the file as it would be written in an environment variable.
fn scalar(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(number) => Some(number.to_string()),
        DeValue::Boolean(flag) => Some(flag.to_string()),
        DeValue::Array(items) => {
            let parts: Option<Vec<_>> = items.iter().map(|item| scalar(item.get_ref())).collect();
            parts.map(|parts| parts.join(","))
        }
        _ => None,
    }
}
