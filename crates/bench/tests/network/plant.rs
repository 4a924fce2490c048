//! Server, collector and machines, each in its network.

use std::{
    fs::{self, File},
    net::SocketAddr,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use gemba_bench::rig::Programs;
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tempfile::TempDir;

use crate::namespace::{Namespaces, Side};

const PATIENCE: Duration = Duration::from_secs(60);
const INGEST_PORT: u16 = 8443;
const AGENT_PORT: u16 = 5000;

/// The running programs. They end with the value, first who sends.
pub struct Plant {
    programs: Programs,
    running: Vec<Child>,
    directory: TempDir,
}

impl Plant {
    /// Starts and founds all of it, the collector by its code.
    pub fn start(networks: &Namespaces) -> Result<Self> {
        let directory = tempfile::Builder::new().prefix("gemba-network-").tempdir()?;
        // Postgres runs as another user, who must be able to pass.
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755))?;
        let mut plant = Self { programs: Programs::find()?, running: Vec::new(), directory };
        let (data, server, machine) = (plant.path("data"), plant.server(), plant.machine());
        let (gemba, edge) = (plant.programs.gemba.clone(), plant.programs.gemba_edge.clone());
        let ingest = server.to_string();
        plant.spawn(networks, Side::It, &gemba, &["serve", "--data-directory", &data, "--ingest-listen", &ingest])?;
        plant.until("the server is ready", |plant| Ok(plant.log(&gemba)?.contains(" ready ")))?;
        plant.spawn(networks, Side::Ot, &gemba.with_file_name("gemba-sim"), &["--listen", &machine.to_string()])?;
        let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/demo");
        plant.gemba(&["plant", "import", "--yes", &demo.join("plant.toml").to_string_lossy()])?;
        let code = plant.gemba(&["collector", "add", "edge"])?;
        let settings = fs::read_to_string(demo.join("edge.toml"))?
            .replace("https://localhost:8443", &format!("https://{server}"))
            .replace("http://127.0.0.1:5000", &format!("http://{machine}"));
        let file = plant.path("edge.toml");
        fs::write(&file, settings)?;
        run(plant.command(networks, Side::Collector, &edge).args(["enrol", &file, code.trim()]))?;
        plant.spawn(networks, Side::Collector, &edge, &["run", &file])?;
        Ok(plant)
    }

    /// Where collectors dial.
    pub fn server(&self) -> SocketAddr {
        (Side::It.towards(Side::Collector), INGEST_PORT).into()
    }

    /// The machines' agent.
    pub fn machine(&self) -> SocketAddr {
        (Side::Ot.towards(Side::Collector), AGENT_PORT).into()
    }

    /// Waits until the server has a batch of the collector.
    pub fn until_delivered(&self) -> Result<()> {
        self.until("a batch of the collector", |plant| {
            Ok(!plant.gemba(&["collector", "list"])?.contains("last batch never"))
        })
    }

    fn path(&self, name: &str) -> String {
        self.directory.path().join(name).to_string_lossy().into_owned()
    }

    fn log_file(&self, program: &Path) -> PathBuf {
        self.directory.path().join(program.file_name().unwrap_or_default()).with_extension("log")
    }

    fn log(&self, program: &Path) -> Result<String> {
        Ok(fs::read_to_string(self.log_file(program))?)
    }

    /// In the network of a side, with none of our settings; the kernel ends it when we die without a chance to.
    fn command(&self, networks: &Namespaces, side: Side, program: &Path) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &networks.name(side), "setpriv", "--pdeathsig", "TERM", "--"]).arg(program);
        clean(&mut command);
        command
    }

    fn spawn(&mut self, networks: &Namespaces, side: Side, program: &Path, words: &[&str]) -> Result<()> {
        let log = File::create(self.log_file(program))?;
        let mut command = self.command(networks, side, program);
        let child = command.args(words).stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).spawn();
        self.running.push(child.with_context(|| format!("{} could not be started", program.display()))?);
        Ok(())
    }

    /// `gemba` beside the server, by the data directory.
    fn gemba(&self, words: &[&str]) -> Result<String> {
        let mut command = Command::new(&self.programs.gemba);
        clean(&mut command);
        run(command.args(words).args(["--data-directory", &self.path("data")]))
    }

    fn until(&self, what: &str, holds: impl Fn(&Self) -> Result<bool>) -> Result<()> {
        let begun = Instant::now();
        while !holds(self)? {
            if begun.elapsed() > PATIENCE {
                let logs = [&self.programs.gemba, &self.programs.gemba_edge]
                    .map(|program| self.log(program).unwrap_or_default());
                bail!("never: {what}. The logs:\n{}", logs.join("\n"));
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        Ok(())
    }
}

impl Drop for Plant {
    fn drop(&mut self) {
        for mut child in self.running.drain(..).rev() {
            kill(Pid::from_raw(child.id().cast_signed()), Signal::SIGTERM).ok();
            let begun = Instant::now();
            while begun.elapsed() < Duration::from_secs(20) && matches!(child.try_wait(), Ok(None)) {
                std::thread::sleep(Duration::from_millis(20));
            }
            child.kill().ok();
            child.wait().ok();
        }
    }
}

fn clean(command: &mut Command) {
    command.env_remove("DATABASE_URL");
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("GEMBA_")) {
        command.env_remove(name);
    }
}

fn run(command: &mut Command) -> Result<String> {
    let output = command.stdin(Stdio::null()).output()?;
    if !output.status.success() {
        bail!("{command:?}: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
