//! What lies in the directory, what of it rests, and where it goes.

use std::{
    collections::HashMap,
    fs, io,
    path::{Path, PathBuf},
    time::{Duration, Instant, SystemTime},
};

use super::settings::Settings;

/// Files that are looked at in one round at most.
const MOST: usize = 10_000;

/// A file at one moment.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Found {
    /// When it was changed last.
    pub changed: SystemTime,
    /// Its name in the directory.
    pub name: String,
    /// Its size in bytes.
    pub size: u64,
}

/// The files that the pattern fits, the oldest first. The error is for a person.
pub fn list(settings: &Settings) -> Result<Vec<Found>, String> {
    let directory = &settings.directory;
    let failed = |error: &io::Error| trouble("read", directory, error);
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).map_err(|error| failed(&error))? {
        let entry = entry.map_err(|error| failed(&error))?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        if name.starts_with('.') || settings.pattern.matches(&name).is_none() {
            continue;
        }
        // It may have been moved meanwhile; then it is not there.
        if let Ok(found) = look(directory, &name) {
            files.push(found);
        }
        if files.len() >= MOST {
            break;
        }
    }
    files.sort();
    Ok(files)
}

/// A file as it is now. Directories and links are none.
pub fn look(directory: &Path, name: &str) -> io::Result<Found> {
    let file = fs::symlink_metadata(directory.join(name))?;
    if !file.is_file() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    Ok(Found { changed: file.modified()?, name: name.to_owned(), size: file.len() })
}

/// Makes the places for files that were taken, and tries whether they can be used. The error is for a person.
pub fn prepare(settings: &Settings) -> Result<(), String> {
    // Not made: a directory that is missing is a share that is not mounted, more often than not.
    fs::metadata(&settings.directory).map_err(|error| trouble("read", &settings.directory, &error))?;
    for place in [&settings.done, &settings.failed] {
        fs::create_dir_all(place).map_err(|error| trouble("made", place, &error))?;
    }
    for place in [&settings.directory, &settings.done, &settings.failed] {
        let probe = place.join(".gemba-edge-probe");
        let tried = fs::write(&probe, b"").and_then(|()| fs::remove_file(&probe));
        tried.map_err(|error| trouble("written to", place, &error))?;
    }
    Ok(())
}

/// What cannot be done with a place, and what to do about it.
pub fn trouble(what: &str, place: &Path, error: &io::Error) -> String {
    let hint = match error.kind() {
        io::ErrorKind::NotFound => ": it is not there; is the network share mounted?",
        io::ErrorKind::PermissionDenied => {
            ": the collector's user may not; files are moved, so it must be able to read and to write"
        }
        io::ErrorKind::ReadOnlyFilesystem => ": it is read-only; files are moved, so it must be able to write",
        io::ErrorKind::StorageFull => ": the disk is full",
        _ => "",
    };
    format!("{} cannot be {what}{hint} ({error})", place.display())
}

/// Moves a file into a directory under its name, or the first free one like it. Returns its new place.
pub fn move_to(settings: &Settings, name: &str, place: &Path) -> Result<PathBuf, String> {
    let from = settings.directory.join(name);
    let to = free(place, name, "");
    let moved = match fs::rename(&from, &to) {
        // Another file system: copied whole before it is taken away.
        Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {
            let draft = place.join(format!(".{name}.part"));
            fs::copy(&from, &draft).and_then(|_| fs::rename(&draft, &to)).and_then(|()| fs::remove_file(&from))
        }
        other => other,
    };
    moved.map(|()| to.clone()).map_err(|error| trouble("moved", &from, &error))
}

/// A place that nothing has taken yet: `a.csv`, `a-2.csv` …
pub fn free(place: &Path, name: &str, end: &str) -> PathBuf {
    let (stem, extension) = match name.rsplit_once('.') {
        Some((stem, extension)) if !stem.is_empty() => (stem, format!(".{extension}")),
        _ => (name, String::new()),
    };
    let named = |n: u32| match n {
        1 => place.join(format!("{name}{end}")),
        _ => place.join(format!("{stem}-{n}{extension}{end}")),
    };
    (1..10_000).map(named).find(|path| !path.exists()).unwrap_or_else(|| named(10_000))
}

/// Since when which file has stood still.
#[derive(Debug, Default)]
pub struct Resting {
    files: HashMap<String, (Found, Instant)>,
}

impl Resting {
    /// Takes note of what is there now. Returns what has not changed for `settle`, in the same order.
    pub fn settled(&mut self, found: Vec<Found>, settle: Duration, now: Instant) -> Vec<Found> {
        let mut before = std::mem::take(&mut self.files);
        let mut settled = Vec::new();
        for file in found {
            let since = match before.remove(&file.name) {
                Some((same, since)) if same == file => since,
                _ => now,
            };
            if now.saturating_duration_since(since) >= settle {
                settled.push(file.clone());
            }
            self.files.insert(file.name.clone(), (file, since));
        }
        settled
    }

    /// How many are there that still change.
    pub fn restless(&self, settle: Duration, now: Instant) -> usize {
        self.files.values().filter(|(_, since)| now.saturating_duration_since(*since) < settle).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_rests_when_neither_size_nor_time_changed() {
        let mut resting = Resting::default();
        let (start, settle) = (Instant::now(), Duration::from_secs(2));
        let at = |seconds| start + Duration::from_secs(seconds);
        let file = |size| Found { changed: SystemTime::UNIX_EPOCH, name: "a".to_owned(), size };
        assert_eq!(resting.settled(vec![file(1)], settle, at(0)), []);
        assert_eq!(resting.settled(vec![file(2)], settle, at(2)), []);
        assert_eq!(resting.settled(vec![file(2)], settle, at(3)), []);
        assert_eq!(resting.restless(settle, at(3)), 1);
        assert_eq!(resting.settled(vec![file(2)], settle, at(4)), [file(2)]);
        assert_eq!(resting.settled(vec![], settle, at(5)), []);
        assert_eq!(resting.settled(vec![file(2)], settle, at(6)), []);
    }

    #[test]
    fn a_name_that_is_taken_gets_a_number() {
        let place = tempfile::tempdir().unwrap();
        fs::write(place.path().join("a.csv"), "").unwrap();
        assert_eq!(free(place.path(), "a.csv", ""), place.path().join("a-2.csv"));
        assert_eq!(free(place.path(), "b", ".x"), place.path().join("b.x"));
    }
}
