//! Opening the file, and setting it aside when it cannot be opened.

use std::{
    fs, io,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
};

use gemba_domain::Timestamp;
use redb::{Builder, Database, DatabaseError, StorageError};

use super::{EPOCH, FRAMES, INDEX, LOSSES, META, NEXT, POSITIONS, Result, SIGNALS, Store, StoreError, read};
use crate::queue::{QUEUE_FILE, QueueStatus};

/// Memory for pages of the file.
const CACHE_BYTES: usize = 16 << 20;

/// Makes or opens the database file. Replaced in tests by one whose disk fails.
pub type Opener = fn(&Path, check: bool) -> Result<Database, DatabaseError>;

/// The queue could not be opened; nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The disk, or permissions.
    #[error("the queue file {} cannot be opened: {reason}. It was left as it is", path.display())]
    Disk {
        /// Of the file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// A damaged file that could not be moved out of the way.
    #[error("the queue file {} is damaged ({reason}) and could not be set aside: {error}", path.display())]
    SetAside {
        /// Of the file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
        /// Why it could not be moved.
        #[source]
        error: io::Error,
    },
}

/// An opened queue.
pub struct Opened {
    /// The queue.
    pub store: Store,
    /// Where a damaged file was moved to, and what was wrong with it.
    pub set_aside: Option<(PathBuf, String)>,
}

enum Failure {
    Damaged(String),
    Disk(String),
}

impl Store {
    /// Opens the queue of this directory, or makes it. A damaged file is moved to `broken-<time>.redb` and a new
    /// queue begins, with a new epoch. `check`: verify every page first; slow for a large file.
    pub fn open(directory: &Path, now: Timestamp, check: bool) -> Result<Opened, OpenError> {
        Self::open_with(directory, now, check, open_file)
    }

    /// As [`Store::open`], with another way to the file.
    pub fn open_with(directory: &Path, now: Timestamp, check: bool, opener: Opener) -> Result<Opened, OpenError> {
        let path = directory.join(QUEUE_FILE);
        let mut set_aside = None;
        loop {
            // The database may panic over a file that something else has written to.
            let tried = catch_unwind(AssertUnwindSafe(|| try_open(directory, &path, now, check, opener)));
            let failure = match tried {
                Ok(Ok(store)) => return Ok(Opened { store, set_aside }),
                Ok(Err(failure)) => failure,
                Err(_) => Failure::Damaged("the database gave up on its content".to_owned()),
            };
            match failure {
                Failure::Damaged(reason) if set_aside.is_none() => {
                    let target = free_name(directory, now);
                    fs::rename(&path, &target).map_err(|error| OpenError::SetAside {
                        path: path.clone(),
                        reason: reason.clone(),
                        error,
                    })?;
                    tracing::error!(
                        file = %target.display(), %reason,
                        "the queue file was damaged: it was set aside whole, a new queue and a new epoch begin. \
                         What it held and the server did not have yet is missing there until it is recovered by hand"
                    );
                    set_aside = Some((target, reason));
                }
                Failure::Damaged(reason) | Failure::Disk(reason) => return Err(OpenError::Disk { path, reason }),
            }
        }
    }
}

fn open_file(path: &Path, check: bool) -> Result<Database, DatabaseError> {
    Builder::new().set_cache_size(CACHE_BYTES).set_check_integrity_on_open(check).create(path)
}

fn free_name(directory: &Path, now: Timestamp) -> PathBuf {
    let stem = format!("broken-{}", now.to_utc().format("%Y%m%dT%H%M%S"));
    let named = |n: u32| directory.join(if n == 0 { format!("{stem}.redb") } else { format!("{stem}-{n}.redb") });
    (0..).map(named).find(|path| !path.exists()).unwrap_or_else(|| named(0))
}

fn try_open(directory: &Path, path: &Path, now: Timestamp, check: bool, opener: Opener) -> Result<Store, Failure> {
    let database = opener(path, check).map_err(|error| match error {
        DatabaseError::Storage(StorageError::Io(error))
            if !matches!(error.kind(), io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof) =>
        {
            Failure::Disk(error.to_string())
        }
        DatabaseError::DatabaseAlreadyOpen => Failure::Disk("another process has it open".to_owned()),
        other => Failure::Damaged(other.to_string()),
    })?;
    let mut store = Store {
        database,
        directory: directory.to_owned(),
        status: QueueStatus::default(),
        base: 0,
        covered_to: None,
        reads: super::frames::Reads::default(),
    };
    store.begin(now).and_then(|()| store.read_status()).and_then(|()| store.signals()).map_err(
        |error| match error {
            StoreError::File(error) if matches!(*error, redb::Error::Io(_) | redb::Error::PreviousIo) => {
                Failure::Disk(error.to_string())
            }
            other => Failure::Damaged(other.to_string()),
        },
    )?;
    store.status.signals = store.signals().map_or(0, |signals| signals.len() as u64);
    Ok(store)
}

impl Store {
    /// Makes the tables and, in a new file, the epoch.
    fn begin(&mut self, now: Timestamp) -> Result<()> {
        let transaction = self.database.begin_write()?;
        {
            let mut meta = transaction.open_table(META)?;
            transaction.open_table(FRAMES)?;
            transaction.open_table(INDEX)?;
            transaction.open_table(SIGNALS)?;
            transaction.open_table(POSITIONS)?;
            transaction.open_table(LOSSES)?;
            if read(&meta, EPOCH)? == 0 {
                meta.insert(EPOCH, u64::try_from(now.micros()).unwrap_or(1).max(1))?;
                meta.insert(NEXT, 1)?;
            }
        }
        Ok(transaction.commit()?)
    }
}
