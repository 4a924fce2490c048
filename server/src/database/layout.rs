//! Where the private cluster's files are, and who holds them.

use std::{
    fs::{DirBuilder, File, OpenOptions, TryLockError},
    io::{Read, Seek, Write},
    os::unix::{
        ffi::OsStrExt,
        fs::{DirBuilderExt, MetadataExt, PermissionsExt},
    },
    path::{Path, PathBuf},
    time::Duration,
};

use sha2::{Digest, Sha256};
use sqlx::postgres::{PgConnectOptions, PgSslMode};

use super::{DatabaseError, owner::Owner};

/// Longest path of a unix socket, in bytes, on Linux.
const LONGEST_SOCKET_PATH: usize = 107;
/// The name Postgres gives its socket.
const SOCKET_NAME: &str = ".s.PGSQL.5432";
/// Role and database within the cluster.
pub(super) const NAME: &str = "gemba";

/// The directories of a private cluster.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    /// Gemba's data directory, absolute.
    pub data: PathBuf,
    /// Postgres's.
    pub cluster: PathBuf,
    /// Of the socket; only the owner (and root) may enter it.
    pub socket: PathBuf,
}

impl Layout {
    /// Creates the data directory when it is not there.
    pub(super) fn prepare(data_directory: &Path, owner: &Owner) -> Result<Self, DatabaseError> {
        // Under root the cluster's owner must be able to pass through it.
        let mode = if owner.other { 0o755 } else { 0o700 };
        DirBuilder::new()
            .recursive(true)
            .mode(mode)
            .create(data_directory)
            .map_err(DatabaseError::file("create", data_directory))?;
        let data = data_directory.canonicalize().map_err(DatabaseError::file("find", data_directory))?;
        owner.check_way_to(&data)?;
        let mut socket = data.join("socket");
        if socket.join(SOCKET_NAME).as_os_str().len() > LONGEST_SOCKET_PATH {
            socket = short_directory(&data, owner);
        }
        Ok(Self { cluster: data.join("postgres"), socket, data })
    }

    /// Creates the socket's directory for the owner alone.
    pub(super) fn prepare_socket(&self, owner: &Owner) -> Result<(), DatabaseError> {
        let path = &self.socket;
        match DirBuilder::new().mode(0o700).create(path) {
            Ok(()) => owner.take(path)?,
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(DatabaseError::file("create", path)(error)),
        }
        let meta = std::fs::symlink_metadata(path).map_err(DatabaseError::file("look at", path))?;
        if !meta.is_dir() || meta.uid() != owner.uid {
            return Err(DatabaseError::ForeignDirectory(path.clone()));
        }
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o700))
            .map_err(DatabaseError::file("change the mode of", path))
    }

    /// How to connect to a database of the cluster. Nothing of it comes from the environment.
    pub(super) fn options(&self, database: &str) -> PgConnectOptions {
        PgConnectOptions::new_without_pgpass()
            .socket(&self.socket)
            .port(5432)
            .username(NAME)
            .database(database)
            .ssl_mode(PgSslMode::Disable)
    }

    /// The file beside the socket by which Postgres tells that the socket is in use.
    pub(super) fn socket_lock(&self) -> PathBuf {
        self.socket.join(format!("{SOCKET_NAME}.lock"))
    }

    /// Takes the data directory for this process, waiting a little for another to leave it.
    pub(super) async fn lock(&self, patience: Duration) -> Result<File, DatabaseError> {
        let path = self.data.join("gemba.lock");
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(DatabaseError::file("open", &path))?;
        let began = tokio::time::Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if began.elapsed() < patience => {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                Err(TryLockError::WouldBlock) => {
                    let mut pid = String::new();
                    let _ = file.read_to_string(&mut pid);
                    return Err(DatabaseError::InUse { path: self.data.clone(), pid: pid.trim().to_owned() });
                }
                Err(TryLockError::Error(error)) => return Err(DatabaseError::file("lock", &path)(error)),
            }
        }
        let write = |file: &mut File| -> std::io::Result<()> {
            file.set_len(0)?;
            file.rewind()?;
            writeln!(file, "{}", std::process::id())
        };
        write(&mut file).map_err(DatabaseError::file("write", &path))?;
        Ok(file)
    }
}

/// A directory of a short name that depends on the data directory alone, so that every gemba finds it.
fn short_directory(data: &Path, owner: &Owner) -> PathBuf {
    let hash = Sha256::digest(data.as_os_str().as_bytes());
    let name = hash.iter().take(8).fold("gemba-".to_owned(), |name, byte| format!("{name}{byte:02x}"));
    let run = Path::new("/run");
    let own_run = PathBuf::from(format!("/run/user/{}", owner.uid));
    if owner.other && run.is_dir() {
        run.join(name)
    } else if !owner.other && own_run.is_dir() {
        own_run.join(name)
    } else {
        Path::new("/tmp").join(name)
    }
}
