use std::path::PathBuf;

/// The database cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// The URL is none.
    #[error("database.url is not a Postgres URL such as postgres://user:password@host/name")]
    Url(#[source] sqlx::Error),
    /// No connection.
    #[error("cannot connect to Postgres; check database.url and that Postgres runs")]
    Connect(#[source] sqlx::Error),
    /// A command where no server ever ran.
    #[error(
        "there is no Gemba data in {}: start `gemba serve` with this directory first, or name the right one by \
         --data-directory",
        directory.display()
    )]
    NoData {
        /// Where it was looked for.
        directory: PathBuf,
    },
    /// A statement failed.
    #[error("Postgres refused a statement")]
    Statement(#[from] sqlx::Error),
    /// Too old a Postgres.
    #[error("this is Postgres {0}; gemba needs {oldest} or later", oldest = super::OLDEST_POSTGRES)]
    TooOld(u32),
    /// The schema is of a later gemba.
    #[error(
        "the database was last used by a newer gemba: it has migration {0}, which this one does not know. Nothing was \
         changed. Start the newer gemba, or restore a backup from before the upgrade"
    )]
    SchemaNewer(i64),
    /// The schema is of an earlier gemba, which may be running.
    #[error(
        "the database is still on the schema of an older gemba, which may be running. Nothing was changed. Restart the \
         server with this version first"
    )]
    SchemaOlder,
    /// A migration failed.
    #[error("the schema could not be brought up to date; what was done of the failing step was undone")]
    Migrate(#[source] sqlx::migrate::MigrateError),
    /// Neither a URL nor Postgres programs.
    #[error(
        "found no Postgres of {oldest} or later (looked in PATH, /usr/lib/postgresql/*/bin and where pg_config points). \
         Install the package postgresql, set database.postgres_programs to the directory of `initdb` and `postgres`, or \
         set database.url to a Postgres that runs elsewhere",
        oldest = super::OLDEST_POSTGRES
    )]
    NoPrograms,
    /// The cluster is of another major version than the programs.
    #[error(
        "the data in {path} is of Postgres {have}, but only programs of {found} were found. Nothing was changed. Install \
         Postgres {have}, or move the data with pg_upgrade"
    )]
    OtherMajor {
        /// The cluster.
        path: PathBuf,
        /// Its version.
        have: String,
        /// What was found.
        found: String,
    },
    /// Another process has the data directory.
    #[error("{path} is in use by another gemba (process {pid}). Stop that one, or set another data_directory")]
    InUse {
        /// The data directory.
        path: PathBuf,
        /// As it wrote into the lock file.
        pid: String,
    },
    /// Postgres refuses to run as root, and there is no one else.
    #[error(
        "Postgres does not run as root, and there is neither a user `postgres` nor `nobody`; run gemba as another user"
    )]
    NoUser,
    /// The process's user has no name.
    #[error("user id {0} has no name on this machine; Postgres needs one")]
    NamelessUser(u32),
    /// The unprivileged user cannot reach the data directory.
    #[error(
        "gemba runs as root and Postgres as `{user}`, who may not pass through {path}. Set data_directory to a place \
         such as /var/lib/gemba, or run gemba as another user"
    )]
    Unreachable {
        /// The directory in the way.
        path: PathBuf,
        /// The unprivileged user.
        user: String,
    },
    /// A directory for the socket that is someone else's.
    #[error("{0} belongs to someone else or is not a directory; remove it")]
    ForeignDirectory(PathBuf),
    /// A file or directory.
    #[error("cannot {what} {path}")]
    File {
        /// What was tried.
        what: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A program that ended with an error.
    #[error("{program} failed: {said}")]
    Program {
        /// `initdb` or `postgres`.
        program: &'static str,
        /// The last lines it wrote.
        said: String,
    },
    /// The cluster's Postgres does not run and this command must not start it.
    #[error("a gemba runs with this data directory, but its Postgres does not answer; try again when it does")]
    ServedButAway,
}

impl DatabaseError {
    pub(super) fn file(what: &'static str, path: &std::path::Path) -> impl FnOnce(std::io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| Self::File { what, path, source }
    }
}
