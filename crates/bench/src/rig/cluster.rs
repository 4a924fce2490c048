//! The private Postgres cluster, seen from outside: killed, and asked by its socket.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use nix::{
    errno::Errno,
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use sqlx::{
    Connection, PgConnection,
    postgres::{PgConnectOptions, PgSslMode},
};

use super::Usage;

/// A running postmaster.
#[derive(Clone, Debug)]
pub struct Postmaster {
    /// Its process.
    pub process: i32,
    /// The directory of its socket.
    socket: PathBuf,
}

impl Postmaster {
    /// As its pid file says: line 1 is the process, line 5 the directory of the socket.
    pub(super) fn find(cluster: &Path) -> Result<Self> {
        let text = fs::read_to_string(cluster.join("postmaster.pid")).context("no Postgres runs")?;
        let mut lines = text.lines();
        let process = lines.next().and_then(|line| line.trim().parse().ok()).context("no process in postmaster.pid")?;
        let socket = lines.nth(3).map(|line| PathBuf::from(line.trim())).context("no socket in postmaster.pid")?;
        // A number left by one that was killed may be another program's.
        let working = fs::read_link(format!("/proc/{process}/cwd")).context("Postgres has ended")?;
        anyhow::ensure!(working == cluster.canonicalize()?, "Postgres has ended");
        Ok(Self { process, socket })
    }

    /// Its backends and helpers.
    fn children(&self) -> Vec<i32> {
        let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
        let processes = entries.flatten().filter_map(|entry| entry.file_name().to_string_lossy().parse::<i32>().ok());
        processes.filter(|process| parent(*process) == Some(self.process)).collect()
    }

    /// `kill -9` of the postmaster and all its backends.
    ///
    /// # Errors
    /// Not permitted.
    pub fn kill_all(&self) -> Result<()> {
        let children = self.children();
        for process in std::iter::once(self.process).chain(children) {
            match kill(Pid::from_raw(process), Signal::SIGKILL) {
                // A backend may end by itself meanwhile.
                Ok(()) | Err(Errno::ESRCH) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// A connection to Gemba's database.
    ///
    /// # Errors
    /// It takes none now.
    pub async fn connect(&self) -> Result<PgConnection> {
        self.connect_to("gemba").await
    }

    /// A connection to a database of the cluster.
    ///
    /// # Errors
    /// It takes none now.
    pub async fn connect_to(&self, database: &str) -> Result<PgConnection> {
        let options = PgConnectOptions::new_without_pgpass()
            .socket(&self.socket)
            .port(5432)
            .username("gemba")
            .database(database)
            .ssl_mode(PgSslMode::Disable);
        Ok(PgConnection::connect_with(&options).await?)
    }

    /// Processor time of all its processes that live, seconds.
    pub fn cpu_seconds(&self) -> f64 {
        let all = std::iter::once(self.process).chain(self.children());
        all.filter_map(|process| Usage::of(process.unsigned_abs()).ok()).map(|usage| usage.cpu_seconds).sum()
    }
}

fn parent(process: i32) -> Option<i32> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}
