//! One program of ours that runs beside this one: its words go to a log, and it never outlives us.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tokio::process::{Child, Command};

/// A started program.
#[derive(Debug)]
pub struct Program {
    name: &'static str,
    log: PathBuf,
    child: Child,
}

/// What a process has used, and holds.
#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
    /// Processor time so far, seconds.
    pub cpu_seconds: f64,
    /// Resident memory, kilobytes of 1,024 bytes.
    pub resident_kb: f64,
}

impl Usage {
    /// Of a process, from /proc.
    ///
    /// # Errors
    /// It is gone.
    pub fn of(process: u32) -> Result<Self> {
        let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
        // The name, in brackets, may hold anything; what follows is numbers. utime and stime are fields 14 and 15.
        let fields: Vec<&str> = stat.rsplit_once(')').context("no name")?.1.split_whitespace().collect();
        let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<f64>().ok()).context("no number");
        let status = fs::read_to_string(format!("/proc/{process}/status"))?;
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
        let resident_kb = resident.trim().trim_end_matches(" kB").parse()?;
        // Linux counts in hundredths of a second for programs, whatever its own clock does.
        Ok(Self { cpu_seconds: (ticks(11)? + ticks(12)?) / 100.0, resident_kb })
    }
}

/// A command that takes none of our settings from the environment.
pub(super) fn command(program: &Path) -> Command {
    let mut command = Command::new(program);
    clean(&mut command);
    command.stdin(Stdio::null());
    command
}

fn clean(command: &mut Command) {
    command.env_remove("DATABASE_URL");
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("GEMBA_")) {
        command.env_remove(name);
    }
}

impl Program {
    /// Starts it in a process group of its own; the kernel ends it when we die without a chance to.
    pub(crate) fn start(name: &'static str, program: &Path, words: &[String], log: &Path) -> Result<Self> {
        let file = File::options().append(true).create(true).open(log);
        let file = file.with_context(|| format!("{} could not be written", log.display()))?;
        let mut command = Command::new("setpriv");
        clean(&mut command);
        let child = command
            .args(["--pdeathsig", "TERM", "--"])
            .arg(program)
            .args(words)
            .stdin(Stdio::null())
            .stdout(file.try_clone()?)
            .stderr(file)
            .process_group(0)
            .spawn()
            .with_context(|| format!("the {name} could not be started"))?;
        Ok(Self { name, log: log.to_owned(), child })
    }

    /// Its process id.
    ///
    /// # Errors
    /// It has ended.
    pub fn id(&self) -> Result<u32> {
        self.child.id().with_context(|| format!("the {} has ended", self.name))
    }

    /// What it has used so far.
    ///
    /// # Errors
    /// It has ended.
    pub fn usage(&self) -> Result<Usage> {
        Usage::of(self.id()?)
    }

    /// Whether it has ended.
    ///
    /// # Errors
    /// It could not be asked.
    pub fn has_ended(&mut self) -> Result<bool> {
        Ok(self.child.try_wait()?.is_some())
    }

    /// `kill -9`.
    ///
    /// # Errors
    /// It had ended by itself before.
    pub async fn kill(mut self) -> Result<()> {
        if self.has_ended()? {
            anyhow::bail!("the {} ended by itself. Its last words:\n{}", self.name, self.last_words());
        }
        self.child.kill().await?;
        Ok(())
    }

    /// Asks it to end and waits; after 20 s it is killed.
    ///
    /// # Errors
    /// It could not be waited for.
    pub async fn stop(&mut self) -> Result<()> {
        self.signal(Signal::SIGTERM);
        if tokio::time::timeout(Duration::from_secs(20), self.child.wait()).await.is_err() {
            eprintln!("the {} did not end within 20 s and is killed", self.name);
            self.child.kill().await?;
        }
        Ok(())
    }

    /// As [`stop`](Self::stop), where nothing can be awaited.
    pub(super) fn stop_now(&mut self, patience: Duration) {
        self.signal(Signal::SIGTERM);
        let begun = Instant::now();
        while begun.elapsed() < patience {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        self.child.start_kill().ok();
    }

    fn signal(&self, signal: Signal) {
        if let Some(id) = self.child.id() {
            kill(Pid::from_raw(id.cast_signed()), signal).ok();
        }
    }

    /// The last lines of its log.
    pub fn last_words(&self) -> String {
        last_words(&self.log)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.signal(Signal::SIGTERM);
    }
}

/// The last lines of a log.
pub(super) fn last_words(log: &Path) -> String {
    let text = fs::read(log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(20)..].join("\n")
}
