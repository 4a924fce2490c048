//! Finds the Postgres programs of this machine.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use super::{DatabaseError, OLDEST_POSTGRES};

/// A directory with `initdb` and `postgres` of one version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Programs {
    pub directory: PathBuf,
    pub major: u32,
}

impl Programs {
    /// The directory that was named, or the newest found; of the version of the cluster when there is one already.
    pub(super) fn find(named: Option<&Path>, cluster: &Path) -> Result<Self, DatabaseError> {
        let mut found: Vec<Self> = match named {
            Some(directory) => of(directory).into_iter().collect(),
            None => places().iter().filter_map(|place| of(place)).collect(),
        };
        found.retain(|programs| programs.major >= OLDEST_POSTGRES);
        found.sort_by_key(|programs| std::cmp::Reverse(programs.major));
        let Some(newest) = found.first() else { return Err(DatabaseError::NoPrograms) };
        let Ok(have) = std::fs::read_to_string(cluster.join("PG_VERSION")) else { return Ok(newest.clone()) };
        let have = have.trim();
        found.iter().find(|programs| programs.major.to_string() == have).cloned().ok_or_else(|| {
            let versions: Vec<String> = found.iter().map(|programs| programs.major.to_string()).collect();
            DatabaseError::OtherMajor { path: cluster.to_owned(), have: have.to_owned(), found: versions.join(", ") }
        })
    }

    pub(super) fn program(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }
}

/// Where programs may be: PATH, the directories of distributions, where pg_config points.
fn places() -> Vec<PathBuf> {
    let mut places: Vec<PathBuf> =
        std::env::var_os("PATH").map(|path| std::env::split_paths(&path).collect()).unwrap_or_default();
    if let Ok(versions) = std::fs::read_dir("/usr/lib/postgresql") {
        places.extend(versions.flatten().map(|version| version.path().join("bin")));
    }
    if let Ok(versions) = std::fs::read_dir("/usr") {
        let pgdg = versions.flatten().filter(|entry| entry.file_name().to_string_lossy().starts_with("pgsql-"));
        places.extend(pgdg.map(|version| version.path().join("bin")));
    }
    if !places.iter().any(|place| place.join("initdb").exists())
        && let Ok(output) = Command::new("pg_config").arg("--bindir").output()
    {
        places.push(PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()));
    }
    places
}

/// The programs in a directory. A link is followed: Postgres finds its own files beside the real one.
fn of(directory: &Path) -> Option<Programs> {
    let real = directory.join("postgres").canonicalize().ok()?;
    let directory = real.parent()?.to_owned();
    if !directory.join("initdb").exists() {
        return None;
    }
    let output = Command::new(&real).arg("--version").output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let version = text.split_whitespace().find(|word| word.starts_with(|c: char| c.is_ascii_digit()))?;
    let digits: String = version.chars().take_while(char::is_ascii_digit).collect();
    Some(Programs { directory, major: digits.parse().ok()? })
}
