//! A program of ours that runs beside this one: its words go to a log file, and it never outlives us.

use std::{
    fs::{self, File},
    io::{Read, Seek, SeekFrom},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::Duration,
};

use anyhow::{Context, Result};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tokio::process::{Child, Command};

/// A started program.
pub struct Process {
    /// What people call it.
    pub name: &'static str,
    /// Where its words go.
    pub log: PathBuf,
    child: Child,
}

impl Process {
    /// Starts it in a process group of its own, so that Ctrl-C reaches it through us and in our order; the kernel ends
    /// it when we die without a chance to.
    ///
    /// # Errors
    /// It could not be started, or its log could not be written.
    pub fn start(name: &'static str, program: &Path, arguments: &[&str], directory: &Path, log: &Path) -> Result<Self> {
        if let Some(parent) = log.parent() {
            fs::create_dir_all(parent)?;
        }
        // A server says the first administrator's one-time password once: for its owner's eyes.
        let file = File::options().write(true).create(true).truncate(true).mode(0o600).open(log);
        let file = file.with_context(|| format!("{} could not be written", log.display()))?;
        let child = Command::new("setpriv")
            .args(["--pdeathsig", "TERM", "--"])
            .arg(program)
            .args(arguments)
            .current_dir(directory)
            .stdin(Stdio::null())
            .stdout(file.try_clone()?)
            .stderr(file)
            .process_group(0)
            .spawn()
            .with_context(|| format!("{name} could not be started"))?;
        Ok(Self { name, log: log.to_path_buf(), child })
    }

    /// Its process id, while it runs.
    pub fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// Waits until it ends by itself.
    ///
    /// # Errors
    /// It could not be waited for.
    pub async fn ended(&mut self) -> Result<ExitStatus> {
        Ok(self.child.wait().await?)
    }

    /// Whether it has ended.
    ///
    /// # Errors
    /// It could not be asked.
    pub fn has_ended(&mut self) -> Result<bool> {
        Ok(self.child.try_wait()?.is_some())
    }

    /// Asks it to end and waits; after 15 s it is killed.
    ///
    /// # Errors
    /// It could not be waited for.
    pub async fn stop(&mut self) -> Result<()> {
        if let Some(id) = self.child.id() {
            let _ = kill(Pid::from_raw(id.cast_signed()), Signal::SIGTERM);
        }
        if tokio::time::timeout(Duration::from_secs(15), self.child.wait()).await.is_err() {
            eprintln!("{} did not end within 15 s and is killed", self.name);
            self.child.kill().await?;
        }
        Ok(())
    }

    /// The last lines of its log.
    pub fn last_words(&self) -> String {
        let tail = || -> Result<String> {
            let mut file = File::open(&self.log)?;
            let length = file.metadata()?.len();
            file.seek(SeekFrom::Start(length.saturating_sub(4096)))?;
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes)?;
            let text = String::from_utf8_lossy(&bytes).into_owned();
            let lines: Vec<&str> = text.lines().collect();
            Ok(lines[lines.len().saturating_sub(20)..].join("\n"))
        };
        tail().unwrap_or_default()
    }
}
