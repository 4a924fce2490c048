//! A private Postgres for tests: from the system's binaries, in a directory of its own, on a unix socket, without
//! durability, and gone with the command it was started for.

use std::{
    fs,
    os::unix::process::ExitStatusExt,
    path::{Path, PathBuf},
    process::{ExitCode, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use clap::Args;
use nix::{
    sys::signal::{Signal, kill},
    unistd::{Pid, User, chown, geteuid},
};
use sqlx::{ConnectOptions, Connection, migrate::Migrator, postgres::PgConnectOptions};
use tempfile::TempDir;
use tokio::{
    process::{Child, Command},
    signal::unix::{SignalKind, signal},
};

/// Earliest major version that Gemba works with.
const OLDEST: u32 = 15;

/// `xtask postgres`.
#[derive(Args)]
pub struct PostgresArguments {
    /// The command; without one the cluster's URL is printed and it runs until Ctrl-C
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    command: Vec<String>,
}

/// A running private cluster. Stopped, and its directory removed, by `stop` or when dropped.
pub struct Cluster {
    server: Child,
    directory: TempDir,
}

/// Runs the command with `DATABASE_URL` set and answers with its exit code.
///
/// # Errors
/// Postgres or the command could not be started, or a migration failed.
pub async fn run(arguments: &PostgresArguments) -> Result<ExitCode> {
    let cluster = Cluster::start().await?;
    // Databases made for single tests are copies of template1, so migrations run once instead of once a test.
    let template = cluster.url("template1");
    migrate(&template).await?;
    let url = cluster.url("postgres");
    let ended = match arguments.command.split_first() {
        Some((program, rest)) => follow(program, rest, &url).await,
        None => {
            println!("DATABASE_URL={url}\nCtrl-C stops it and removes it.");
            interrupted().await.map(|()| ExitCode::SUCCESS)
        }
    };
    cluster.stop().await?;
    ended
}

/// Applies `migrations/` to the database at `url`.
///
/// # Errors
/// It cannot be reached, or a migration fails.
pub async fn migrate(url: &str) -> Result<()> {
    let migrations = Migrator::new(crate::root().join("migrations")).await.context("migrations/ could not be read")?;
    let options: PgConnectOptions = url.parse()?;
    let mut connection = options.disable_statement_logging().connect().await?;
    migrations.run(&mut connection).await.context("a migration failed")?;
    connection.close().await?;
    Ok(())
}

async fn follow(program: &str, arguments: &[String], url: &str) -> Result<ExitCode> {
    let mut child = Command::new(program)
        .args(arguments)
        .env("DATABASE_URL", url)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .with_context(|| format!("{program} could not be started"))?;
    let status = tokio::select! {
        status = child.wait() => status?,
        caught = interrupted() => {
            caught?;
            // From a terminal the command has had the same signal; from elsewhere it has not.
            if let Some(id) = child.id() {
                let _ = kill(Pid::from_raw(id.cast_signed()), Signal::SIGTERM);
            }
            child.wait().await?
        }
    };
    let code = status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(1));
    Ok(ExitCode::from(u8::try_from(code).unwrap_or(1)))
}

/// Waits for Ctrl-C, a request to end, or the terminal's end.
///
/// # Errors
/// The signals could not be listened to.
pub async fn interrupted() -> Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        _ = hang_up.recv() => {}
    }
    Ok(())
}

impl Cluster {
    /// Makes a cluster and waits until it answers.
    ///
    /// # Errors
    /// No Postgres of version 15 or later is installed, or it did not start; its log is in the message.
    pub async fn start() -> Result<Self> {
        let binaries = binaries()?;
        let directory = tempfile::Builder::new().prefix("gemba-postgres-").tempdir()?;
        let owner = owner()?;
        if let Some(user) = &owner {
            chown(directory.path(), Some(user.uid), Some(user.gid))?;
        }
        let data = directory.path().join("data");
        let made = as_owner(owner.as_ref(), &binaries.join("initdb"))
            .arg("--pgdata")
            .arg(&data)
            .args([
                "--username=postgres",
                "--auth=trust",
                "--encoding=UTF8",
                "--locale=C",
                "--no-sync",
                "--no-instructions",
            ])
            .output()
            .await
            .context("initdb could not be started")?;
        if !made.status.success() {
            bail!("initdb failed: {}", String::from_utf8_lossy(&made.stderr).trim());
        }
        let log = fs::File::create(directory.path().join("log"))?;
        let server = as_owner(owner.as_ref(), &binaries.join("postgres"))
            .arg("-D")
            .arg(&data)
            .arg("-k")
            .arg(directory.path())
            .args(["-c", "listen_addresses="])
            .args(["-c", "fsync=off", "-c", "full_page_writes=off", "-c", "synchronous_commit=off"])
            .args(["-c", "max_connections=200", "-c", "shared_buffers=128MB", "-c", "autovacuum=off"])
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            // Out of the terminal's group: Ctrl-C ends the command first, then this.
            .process_group(0)
            .spawn()
            .context("postgres could not be started")?;
        let mut cluster = Self { server, directory };
        cluster.wait_until_ready().await?;
        Ok(cluster)
    }

    /// The URL of one of its databases.
    pub fn url(&self, database: &str) -> String {
        format!("postgres:///{database}?host={}&user=postgres", self.directory.path().display())
    }

    async fn wait_until_ready(&mut self) -> Result<()> {
        let begun = Instant::now();
        let options: PgConnectOptions = self.url("postgres").parse()?;
        loop {
            if let Ok(connection) = options.clone().connect().await {
                connection.close().await?;
                return Ok(());
            }
            let over = self.server.try_wait()?.is_some();
            if over || begun.elapsed() > Duration::from_secs(30) {
                let log = fs::read_to_string(self.directory.path().join("log")).unwrap_or_default();
                bail!("Postgres did not start:\n{}", log.trim());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Ends it at once: nothing in it is worth a checkpoint.
    ///
    /// # Errors
    /// It could not be waited for, or its directory could not be removed.
    pub async fn stop(mut self) -> Result<()> {
        self.ask_to_end();
        self.server.wait().await?;
        let path = self.directory.path();
        fs::remove_dir_all(path).with_context(|| format!("{} could not be removed", path.display()))
    }

    fn ask_to_end(&self) {
        if let Some(id) = self.server.id() {
            let _ = kill(Pid::from_raw(id.cast_signed()), Signal::SIGQUIT);
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.ask_to_end();
    }
}

/// Whom Postgres runs as when we are root, which it refuses.
fn owner() -> Result<Option<User>> {
    if !geteuid().is_root() {
        return Ok(None);
    }
    for name in ["postgres", "nobody"] {
        if let Some(user) = User::from_name(name)? {
            return Ok(Some(user));
        }
    }
    bail!("Postgres refuses to run as root, and there is neither a user postgres nor nobody: run this as another user")
}

/// A command that runs as `owner` and is told to end when this process dies, however it dies.
fn as_owner(owner: Option<&User>, program: &Path) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "QUIT"]);
    if let Some(user) = owner {
        command.arg(format!("--reuid={}", user.uid)).arg(format!("--regid={}", user.gid)).arg("--clear-groups");
    }
    command.arg("--").arg(program);
    // A directory that the other user may not enter would be an error.
    command.current_dir("/");
    command
}

/// The directory of the newest installed Postgres' programs.
fn binaries() -> Result<PathBuf> {
    let mut found: Vec<(u32, PathBuf)> = Vec::new();
    if let Ok(entries) = fs::read_dir("/usr/lib/postgresql") {
        for entry in entries.flatten() {
            let directory = entry.path().join("bin");
            if let Ok(version) = entry.file_name().to_string_lossy().parse()
                && directory.join("initdb").is_file()
            {
                found.push((version, directory));
            }
        }
    }
    found.sort();
    if let Some((version, directory)) = found.pop()
        && version >= OLDEST
    {
        return Ok(directory);
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .find(|directory| directory.join("initdb").is_file() && directory.join("postgres").is_file())
        .with_context(|| {
            format!("no Postgres {OLDEST} or later is installed: run ./dev setup, or install its server package")
        })
}
