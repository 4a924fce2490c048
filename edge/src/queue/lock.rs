//! One collector per queue.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Write},
    path::{Path, PathBuf},
};

/// Held as long as the process works with the queue; the system lets go of it when the process ends, however it ends.
#[derive(Debug)]
pub struct QueueLock {
    _file: File,
}

/// The queue cannot be taken.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process has it.
    #[error(
        "the queue in {} is in use by another collector (process {holder}). Stop that one, or give this one a \
         `queue.directory` of its own. Nothing was changed",
        directory.display()
    )]
    InUse {
        /// Of the queue.
        directory: PathBuf,
        /// As it wrote into the lock file.
        holder: String,
    },
    /// The directory or the lock file cannot be made.
    #[error("the queue directory {} cannot be used: {error}", directory.display())]
    Io {
        /// Of the queue.
        directory: PathBuf,
        /// Why.
        #[source]
        error: io::Error,
    },
}

impl QueueLock {
    /// Makes the directory when missing and takes the lock.
    pub fn take(directory: &Path) -> Result<Self, LockError> {
        let wrong = |error| LockError::Io { directory: directory.to_owned(), error };
        fs::create_dir_all(directory).map_err(wrong)?;
        let path = directory.join("queue.lock");
        let mut file = OpenOptions::new().create(true).truncate(false).write(true).open(&path).map_err(wrong)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let holder = fs::read_to_string(&path).unwrap_or_default().trim().to_owned();
                return Err(LockError::InUse { directory: directory.to_owned(), holder });
            }
            Err(TryLockError::Error(error)) => return Err(wrong(error)),
        }
        // For people only: failing to write it does no harm.
        let _ = file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id()));
        Ok(Self { _file: file })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_is_told_who_has_it() {
        let directory = tempfile::tempdir().unwrap();
        let first = QueueLock::take(directory.path()).unwrap();
        let refused = QueueLock::take(directory.path()).unwrap_err().to_string();
        assert!(refused.contains(&std::process::id().to_string()), "{refused}");
        drop(first);
        assert!(QueueLock::take(directory.path()).is_ok());
    }
}
