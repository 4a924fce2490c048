//! The postmaster: started, found running, watched, stopped.

use std::{
    fs::File,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use nix::{
    errno::Errno,
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use sqlx::{Connection, PgConnection};
use tokio::process::Child;

use super::{DatabaseError, layout::Layout, owner::Owner, proc, programs::Programs};

/// How long a fast shutdown may take before the immediate one.
const STOP_PATIENCE: Duration = Duration::from_secs(60);
/// How often a start that takes long is told about.
const TELL_EVERY: Duration = Duration::from_secs(5);

/// A running postmaster.
#[derive(Debug)]
pub(super) enum Postmaster {
    /// A child of this process.
    Child(Child),
    /// Left by a gemba that was killed.
    Adopted(Pid),
}

/// What an earlier gemba may have left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LeftOver {
    /// A postmaster that runs.
    Running(Pid),
    /// Processes of one that does not.
    Dying,
    /// Nothing that is in the way.
    Nothing,
}

impl Postmaster {
    /// What is left of the postmaster that ran on this cluster.
    ///
    /// Its pid file is removed when the number is another program's now (as after a restart of the machine) or nobody
    /// takes note of its end, but only when no process of it lives: by this file Postgres tells whether one does.
    pub(super) fn left_over(layout: &Layout, owner: &Owner) -> LeftOver {
        let file = layout.cluster.join("postmaster.pid");
        let Some(pid) = first_number(&file) else { return LeftOver::Nothing };
        if proc::is_postmaster(pid, &layout.cluster) {
            return LeftOver::Running(pid);
        }
        if proc::has_backends(&layout.cluster, owner.uid) {
            return LeftOver::Dying;
        }
        if exists(pid) && Path::new("/proc/self").exists() {
            tracing::info!(%pid, "removing a stale pid file: its postmaster is gone");
            let socket_lock = layout.socket_lock();
            if first_number(&socket_lock) == Some(pid) {
                let _ = std::fs::remove_file(&socket_lock);
            }
            let _ = std::fs::remove_file(&file);
        }
        LeftOver::Nothing
    }

    /// Starts one. It is not ready yet.
    pub(super) fn start(layout: &Layout, programs: &Programs, owner: &Owner) -> Result<Self, DatabaseError> {
        let path = start_log(layout);
        let log = File::create(&path).map_err(DatabaseError::file("create", &path))?;
        let again = log.try_clone().map_err(DatabaseError::file("open", &path))?;
        owner
            .command(&programs.program("postgres"))
            .arg("-D")
            .arg(&layout.cluster)
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(again)
            // Ctrl-C in the terminal reaches gemba alone, which ends its requests before Postgres.
            .process_group(0)
            .spawn()
            .map(Self::Child)
            .map_err(DatabaseError::file("start", &programs.program("postgres")))
    }

    /// Ends when the postmaster did.
    pub(super) async fn ended(&mut self) {
        match self {
            Self::Child(child) => {
                let _ = child.wait().await;
            }
            Self::Adopted(pid) => {
                while exists(*pid) && !proc::is_zombie(*pid) {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        }
    }

    /// Waits until it takes connections, telling what takes long (crash recovery).
    pub(super) async fn ready(&mut self, layout: &Layout) -> Result<(), DatabaseError> {
        let began = tokio::time::Instant::now();
        let mut told = began;
        let mut pause = Duration::from_millis(5);
        let options = layout.options("postgres");
        loop {
            let attempt = tokio::select! {
                () = self.ended() => {
                    return Err(DatabaseError::Program { program: "postgres", said: last_words(layout) });
                }
                attempt = PgConnection::connect_with(&options) => attempt,
            };
            match attempt {
                Ok(connection) => {
                    let _ = connection.close().await;
                    return Ok(());
                }
                Err(error) => tracing::trace!(%error, "Postgres is not ready"),
            }
            if told.elapsed() > TELL_EVERY {
                told = tokio::time::Instant::now();
                let seconds = began.elapsed().as_secs();
                tracing::info!(seconds, says = last_words(layout), "waiting for Postgres to start");
            }
            pause = (pause * 2).min(Duration::from_millis(100));
            tokio::select! {
                () = self.ended() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Stops it in order: open transactions are undone, what was committed is on disk.
    pub(super) async fn stop(mut self) {
        self.signal(Signal::SIGINT);
        if tokio::time::timeout(STOP_PATIENCE, self.ended()).await.is_err() {
            tracing::warn!("Postgres does not stop; ending it. It will recover at the next start");
            self.signal(Signal::SIGQUIT);
            let _ = tokio::time::timeout(STOP_PATIENCE, self.ended()).await;
        }
    }

    fn signal(&self, signal: Signal) {
        let pid = match self {
            Self::Child(child) => child.id().and_then(|id| i32::try_from(id).ok()).map(Pid::from_raw),
            Self::Adopted(pid) => Some(*pid),
        };
        if let Some(pid) = pid {
            let _ = kill(pid, signal);
        }
    }
}

fn first_number(path: &Path) -> Option<Pid> {
    std::fs::read_to_string(path).ok()?.lines().next()?.trim().parse().ok().map(Pid::from_raw)
}

fn exists(pid: Pid) -> bool {
    !matches!(kill(pid, None), Err(Errno::ESRCH))
}

fn start_log(layout: &Layout) -> PathBuf {
    layout.data.join("postgres-start.log")
}

/// The last lines Postgres wrote, at its start or into its log.
pub(super) fn last_words(layout: &Layout) -> String {
    let newest_log = std::fs::read_dir(layout.cluster.join("log")).ok().and_then(|entries| {
        entries.flatten().map(|entry| entry.path()).max_by_key(|path| path.metadata().and_then(|m| m.modified()).ok())
    });
    let mut lines = tail(&start_log(layout));
    if let Some(log) = newest_log {
        lines.extend(tail(&log));
    }
    lines.join(" | ")
}

fn tail(path: &Path) -> Vec<String> {
    let text = std::fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    lines.iter().skip(lines.len().saturating_sub(3)).map(|line| (*line).to_owned()).collect()
}
