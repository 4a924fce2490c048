//! A folder of logs, read and brought into order.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
    sync::Arc,
};

use flate2::read::MultiGzDecoder;
use gemba_domain::Timestamp;

use super::log::Items;
use crate::agent::{Devices, ObservationValue, ProbeError};

/// A folder cannot be played.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// A file or folder cannot be read.
    #[error("{path} cannot be read: {source}")]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The device file is not understood.
    #[error("{path}: {source}")]
    Devices {
        /// Which.
        path: PathBuf,
        /// Why.
        source: ProbeError,
    },
    /// `--device` names none that the file describes.
    #[error("Devices.xml has no device `{name}`; it has {known}")]
    UnknownDevice {
        /// As asked for.
        name: String,
        /// Those there are.
        known: String,
    },
    /// Nothing to play.
    #[error(
        "{0} holds no log that can be played; expected files such as `{1}-20260101.txt` or .txt.gz with lines `timestamp|item|value`"
    )]
    Nothing(PathBuf, String),
}

/// One observation of the log.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// When it is played: microseconds of the log's time after its start. Never falls.
    pub due_micros: i64,
    /// Its own distance from the start; falls behind `due_micros` where the log is out of order.
    pub offset_micros: i64,
    /// As written in the log.
    pub time: Timestamp,
    /// Id of the data item.
    pub item: Arc<str>,
    /// What it says.
    pub value: ObservationValue,
}

/// What was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Files.
    pub files: u64,
    /// Lines.
    pub lines: u64,
    /// Lines that could not be read.
    pub unreadable: u64,
    /// How often items were named that the device file does not have (or with a value that is none),
    /// by `device:item`. They are left out.
    pub unknown_items: BTreeMap<String, u64>,
}

/// A folder of logs.
#[derive(Debug)]
pub struct Recording {
    devices: Devices,
    events: Vec<Event>,
    tally: Tally,
}

impl Recording {
    /// Reads the folder. `only`: names of the devices to play; all when empty. Every device begins at the
    /// start, at the first line that says more than that nothing is known; the lines before, which repeat
    /// what was in force when the file was begun, count as of the start.
    ///
    /// # Errors
    /// A file cannot be read, the device file is not understood, or there is nothing to play.
    pub fn open(folder: &Path, only: &[String]) -> Result<Self, ReplayError> {
        let path = folder.join("Devices.xml");
        let text = std::fs::read_to_string(&path).map_err(|source| ReplayError::Io { path: path.clone(), source })?;
        let devices = Devices::from_xml(&text).map_err(|source| ReplayError::Devices { path, source })?;
        let names = || devices.list().iter().map(|d| d.name.as_str());
        for name in only {
            if !names().any(|known| known == name) {
                let known = names().collect::<Vec<_>>().join(", ");
                return Err(ReplayError::UnknownDevice { name: name.clone(), known });
            }
        }
        let mut tally = Tally::default();
        let mut events = Vec::new();
        for (device, paths) in logs(folder, &devices)? {
            if only.is_empty() || only.contains(&device) {
                read_device(&devices, &device, &paths, &mut tally, &mut events)?;
            }
        }
        if events.is_empty() {
            let example = names().next().unwrap_or("device").to_owned();
            return Err(ReplayError::Nothing(folder.to_owned(), example));
        }
        // Stable: what was due at the same moment stays in the order of the files.
        events.sort_by_key(|event| event.due_micros);
        Ok(Self { devices, events, tally })
    }

    /// The device file.
    pub fn devices(&self) -> &Devices {
        &self.devices
    }

    /// All observations, in the order of playing.
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// What was read.
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// The earliest time written in the logs.
    pub fn first_time(&self) -> Option<Timestamp> {
        self.events.iter().map(|event| event.time).min()
    }
}

/// The log files of each device, by name.
fn logs(folder: &Path, devices: &Devices) -> Result<BTreeMap<String, Vec<PathBuf>>, ReplayError> {
    let mut found: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
    for folder in [folder.to_owned(), folder.join("full_rate_days")] {
        if !folder.is_dir() {
            continue;
        }
        let refuse = |source| ReplayError::Io { path: folder.clone(), source };
        for entry in std::fs::read_dir(&folder).map_err(refuse)? {
            let entry = entry.map_err(refuse)?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if !(name.ends_with(".txt") || name.ends_with(".txt.gz")) {
                continue;
            }
            // Of `M1` and `M1-b`, `M1-b-2026.txt` belongs to the latter.
            let owner = devices
                .list()
                .iter()
                .filter(|d| name.strip_prefix(&d.name).is_some_and(|rest| rest.starts_with('-')))
                .max_by_key(|d| d.name.len());
            if let Some(device) = owner {
                found.entry(device.name.clone()).or_default().push(entry.path());
            }
        }
    }
    for paths in found.values_mut() {
        paths.sort_by_key(|path| path.file_name().map(std::ffi::OsStr::to_owned));
    }
    Ok(found)
}

fn read_device(
    devices: &Devices,
    name: &str,
    paths: &[PathBuf],
    tally: &mut Tally,
    into: &mut Vec<Event>,
) -> Result<(), ReplayError> {
    let Some(device) = devices.device(name) else { return Ok(()) };
    let items = Items::new(device);
    let mut read: Vec<(Timestamp, Arc<str>, ObservationValue)> = Vec::new();
    for path in paths {
        let refuse = |source| ReplayError::Io { path: path.clone(), source };
        let file = File::open(path).map_err(refuse)?;
        let content: Box<dyn Read> = if path.extension().is_some_and(|e| e == "gz") {
            Box::new(MultiGzDecoder::new(file))
        } else {
            Box::new(file)
        };
        tally.files += 1;
        let mut content = BufReader::new(content);
        let mut bytes = Vec::new();
        while content.read_until(b'\n', &mut bytes).map_err(refuse)? > 0 {
            let line = String::from_utf8_lossy(&bytes);
            tally.lines += 1;
            match items.read(&line) {
                None if line.trim().is_empty() => {}
                None => tally.unreadable += 1,
                Some((time, entries)) => {
                    for entry in entries {
                        match entry {
                            Ok((item, value)) => read.push((time, item, value)),
                            Err(unknown) => {
                                *tally.unknown_items.entry(format!("{name}:{unknown}")).or_default() += 1;
                            }
                        }
                    }
                }
            }
            bytes.clear();
        }
    }
    let first_known = read.iter().find(|(_, _, value)| *value != ObservationValue::Unavailable);
    let Some(start) = first_known.or(read.first()).map(|(time, _, _)| *time) else { return Ok(()) };
    let mut due = 0;
    into.extend(read.into_iter().map(|(time, item, value)| {
        let offset = time.micros_since(start).max(0);
        due = offset.max(due);
        Event { due_micros: due, offset_micros: offset, time, item, value }
    }));
    Ok(())
}
