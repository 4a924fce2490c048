//! The private Postgres cluster in `DATA/postgres`: made once, reached by a unix socket in a directory that only its
//! owner may enter, never by the network.

use std::{fs::File, path::Path, process::Stdio, time::Duration};

use nix::unistd::Pid;
use sqlx::{Connection, PgConnection, postgres::PgConnectOptions};

use super::{
    DatabaseError, Purpose,
    layout::{Layout, NAME},
    owner::Owner,
    process::{LeftOver, Postmaster},
    programs::Programs,
    supervise::Supervised,
};
use crate::config::Settings;

/// How long `serve` waits for a command that has the data directory at this moment.
const SERVE_PATIENCE: Duration = Duration::from_secs(10);

/// How long the processes of a killed Postgres may take to end.
const DYING_PATIENCE: Duration = Duration::from_secs(20);

/// A private cluster, held by this process.
#[derive(Debug)]
pub struct Cluster {
    pub(super) layout: Layout,
    pub(super) programs: Programs,
    pub(super) owner: Owner,
    /// Lets go of the data directory when it is dropped.
    _lock: File,
}

impl Cluster {
    /// Starts the cluster, or finds it running. A command that meets a server connects to the server's cluster.
    pub(super) async fn open(
        settings: &Settings,
        purpose: Purpose,
    ) -> Result<(PgConnectOptions, Option<Supervised>), DatabaseError> {
        // A mistyped directory must not become a new plant.
        if purpose == Purpose::Command && !settings.data_directory.join("postgres/PG_VERSION").exists() {
            return Err(DatabaseError::NoData { directory: settings.data_directory.clone() });
        }
        let owner = Owner::choose()?;
        let layout = Layout::prepare(&settings.data_directory, &owner)?;
        let options = layout.options(NAME);
        let patience = if purpose == Purpose::Serve { SERVE_PATIENCE } else { Duration::ZERO };
        let lock = match layout.lock(patience).await {
            Ok(lock) => lock,
            Err(DatabaseError::InUse { .. }) if purpose == Purpose::Command => {
                PgConnection::connect_with(&options).await.map_err(|_| DatabaseError::ServedButAway)?.close().await?;
                return Ok((options, None));
            }
            Err(error) => return Err(error),
        };
        let programs = Programs::find(settings.database.postgres_programs.as_deref(), &layout.cluster)?;
        let cluster = Self { layout, programs, owner, _lock: lock };
        cluster.create().await?;
        cluster.configure(settings)?;
        let postmaster = cluster.bring_up().await?;
        cluster.create_database().await?;
        Ok((options, Some(Supervised::begin(cluster, postmaster))))
    }

    /// Makes the cluster when there is none. It is made aside and then renamed: a process killed half-way leaves nothing
    /// that could be taken for a cluster.
    async fn create(&self) -> Result<(), DatabaseError> {
        let path = &self.layout.cluster;
        if path.join("PG_VERSION").exists() {
            return Ok(());
        }
        tracing::info!(path = %path.display(), postgres = self.programs.major, "making a private Postgres cluster");
        let new = self.layout.data.join("postgres.new");
        if new.exists() {
            std::fs::remove_dir_all(&new).map_err(DatabaseError::file("remove", &new))?;
        }
        std::fs::create_dir(&new).map_err(DatabaseError::file("create", &new))?;
        self.owner.take(&new)?;
        let output = self
            .owner
            .command(&self.programs.program("initdb"))
            .arg("--pgdata")
            .arg(&new)
            .args(["--username", NAME, "--auth-local=peer", "--auth-host=reject"])
            .args(["--encoding=UTF8", "--locale=C", "--data-checksums", "--no-instructions"])
            .stdin(Stdio::null())
            .output()
            .await
            .map_err(DatabaseError::file("start", &self.programs.program("initdb")))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr).trim().replace('\n', " | ");
            return Err(DatabaseError::Program { program: "initdb", said });
        }
        std::fs::rename(&new, path).map_err(DatabaseError::file("create", path))?;
        File::open(&self.layout.data)
            .and_then(|directory| directory.sync_all())
            .map_err(DatabaseError::file("write", &self.layout.data))
    }

    /// Writes Postgres's configuration anew at each start. What an administrator wants otherwise goes into `local.conf`
    /// beside it, which is read last and never touched.
    fn configure(&self, settings: &Settings) -> Result<(), DatabaseError> {
        self.layout.prepare_socket(&self.owner)?;
        let owner = &self.owner;
        let connections = settings.database.max_connections.saturating_add(16);
        let buffers = shared_buffers_megabytes();
        let socket = self.layout.socket.display().to_string().replace('\'', "''");
        // After a crash the files of the cluster alone are to be on disk, which Linux can do for all at once.
        let sync = if cfg!(target_os = "linux") { "syncfs" } else { "fsync" };
        let conf = format!(
            "# Written by gemba at each start. Settings of your own go into local.conf, which is read after this file.\n\
             listen_addresses = ''\n\
             unix_socket_directories = '{socket}'\n\
             port = 5432\n\
             max_connections = {connections}\n\
             shared_buffers = {buffers}MB\n\
             fsync = on\n\
             full_page_writes = on\n\
             synchronous_commit = on\n\
             wal_compression = on\n\
             min_wal_size = 256MB\n\
             max_wal_size = 1GB\n\
             checkpoint_timeout = 10min\n\
             recovery_init_sync_method = {sync}\n\
             checkpoint_completion_target = 0.9\n\
             random_page_cost = 1.1\n\
             autovacuum_naptime = 20s\n\
             jit = off\n\
             timezone = 'UTC'\n\
             log_timezone = 'UTC'\n\
             logging_collector = on\n\
             log_directory = 'log'\n\
             log_filename = 'postgres-%a.log'\n\
             log_rotation_age = 1d\n\
             log_rotation_size = 0\n\
             log_truncate_on_rotation = on\n\
             include 'local.conf'\n"
        );
        let local = self.layout.cluster.join("local.conf");
        if !local.exists() {
            let text =
                "# Settings of your own, such as log_min_duration_statement = '1s'. Gemba never changes this file.\n";
            write_whole(&local, text).map_err(DatabaseError::file("write", &local))?;
            owner.take(&local)?;
        }
        let hba = format!(
            "# Only through the socket, and only by the users named in pg_ident.conf.\nlocal all {NAME} peer map=gemba\n"
        );
        let mut ident = format!("# Who on this machine may connect.\ngemba \"{}\" {NAME}\n", owner.name);
        if owner.own_name != owner.name {
            ident.push_str(&format!("gemba \"{}\" {NAME}\n", owner.own_name));
        }
        for (name, text) in [("postgresql.conf", conf), ("pg_hba.conf", hba), ("pg_ident.conf", ident)] {
            let path = self.layout.cluster.join(name);
            if std::fs::read_to_string(&path).is_ok_and(|before| before == text) {
                continue;
            }
            write_whole(&path, &text).map_err(DatabaseError::file("write", &path))?;
            owner.take(&path)?;
        }
        Ok(())
    }

    /// A ready postmaster. Processes of one that was killed may take a moment to end, and Postgres refuses to start
    /// beside them: that is waited for.
    async fn bring_up(&self) -> Result<Postmaster, DatabaseError> {
        let began = tokio::time::Instant::now();
        loop {
            let mut postmaster = self.start_or_adopt().await?;
            match postmaster.ready(&self.layout).await {
                Ok(()) => return Ok(postmaster),
                Err(error) => {
                    let another = self.layout.cluster.join("postmaster.pid").exists();
                    if !another || began.elapsed() > DYING_PATIENCE {
                        return Err(error);
                    }
                }
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    pub(super) async fn start_or_adopt(&self) -> Result<Postmaster, DatabaseError> {
        let began = tokio::time::Instant::now();
        let left_over = loop {
            match Postmaster::left_over(&self.layout, &self.owner) {
                LeftOver::Dying if began.elapsed() < DYING_PATIENCE => {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                left_over => break left_over,
            }
        };
        if let LeftOver::Running(pid) = left_over {
            let mut adopted = Postmaster::Adopted(pid);
            // One that is stopping, or lost its socket, is let go first.
            match tokio::time::timeout(Duration::from_secs(10), adopted.ready(&self.layout)).await {
                Ok(Ok(())) => {
                    tracing::info!(%pid, "taking over the Postgres that an earlier gemba left running");
                    return Ok(adopted);
                }
                Ok(Err(_)) => {}
                Err(_) => {
                    tracing::warn!(%pid, "the Postgres that an earlier gemba left does not answer; stopping it");
                    Postmaster::Adopted(pid).stop().await;
                }
            }
        }
        Postmaster::start(&self.layout, &self.programs, &self.owner)
    }

    async fn create_database(&self) -> Result<(), DatabaseError> {
        let mut connection = PgConnection::connect_with(&self.layout.options("postgres")).await?;
        let (exists,): (bool,) = sqlx::query_as("select exists (select from pg_database where datname = $1)")
            .bind(NAME)
            .fetch_one(&mut connection)
            .await?;
        if !exists {
            sqlx::query("create database gemba").execute(&mut connection).await?;
        }
        connection.close().await?;
        Ok(())
    }

    /// The postmaster's process, when it runs.
    pub fn pid(data_directory: &Path) -> Option<Pid> {
        let owner = Owner::choose().ok()?;
        match Postmaster::left_over(&Layout::prepare(data_directory, &owner).ok()?, &owner) {
            LeftOver::Running(pid) => Some(pid),
            LeftOver::Dying | LeftOver::Nothing => None,
        }
    }
}

/// A quarter of the memory, from 64 MB to 1 GB: the rest serves as file cache and for gemba itself.
fn shared_buffers_megabytes() -> u64 {
    let total_kilobytes = std::fs::read_to_string("/proc/meminfo")
        .ok()
        .and_then(|text| text.lines().find_map(|line| line.strip_prefix("MemTotal:").map(str::to_owned)))
        .and_then(|line| line.trim().trim_end_matches("kB").trim().parse::<u64>().ok())
        .unwrap_or(1 << 20);
    (total_kilobytes / 1024 / 4).clamp(64, 1024)
}

fn write_whole(path: &Path, text: &str) -> std::io::Result<()> {
    let aside = path.with_extension("new");
    std::fs::write(&aside, text)?;
    File::open(&aside)?.sync_all()?;
    std::fs::rename(&aside, path)
}
