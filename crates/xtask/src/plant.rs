//! The whole of Gemba on one machine: server with its own Postgres, a simulated plant, and a collector between them.

use std::{
    fs,
    io::Write,
    net::TcpListener,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, ExitCode, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, bail};
use clap::Args;
use nix::unistd::geteuid;

use crate::{http, postgres::interrupted, process::Process};

/// `./dev run` and `./dev watch`.
#[derive(Args, Clone)]
pub struct RunArguments {
    /// Where the pages are served
    #[arg(long, default_value_t = 8080)]
    pub port: u16,
    /// Holds the database, the collector's queue and the logs
    #[arg(
        long,
        default_value = ".gemba",
        default_value_if("replay", clap::builder::ArgPredicate::IsPresent, ".gemba-replay")
    )]
    pub data: PathBuf,
    /// The programs of `./dev build`
    #[arg(long)]
    pub release: bool,
    /// The plant file, taken in at the first start
    #[arg(long, default_value = "deploy/demo/plant.toml", value_name = "FILE")]
    pub plant: PathBuf,
    /// Settings of the collector; addresses and places in it are set to those of this run
    #[arg(long, default_value = "deploy/demo/edge.toml", value_name = "FILE")]
    pub collector: PathBuf,
    /// Plays recorded logs of this folder instead of simulating. Plant file and settings are drafted from its Devices.xml; the
    /// data go to .gemba-replay
    #[arg(long, value_name = "DIR", conflicts_with_all = ["plant", "collector"])]
    pub replay: Option<PathBuf>,
    /// How many times faster than real the plant runs or the recording is played
    #[arg(long, default_value_t = 1.0, value_name = "N")]
    pub speed: f64,
}

impl RunArguments {
    /// The demonstration, with the programs of `./dev build`.
    pub fn release(port: u16, data: &Path) -> Self {
        Self {
            port,
            data: data.to_path_buf(),
            release: true,
            plant: "deploy/demo/plant.toml".into(),
            collector: "deploy/demo/edge.toml".into(),
            replay: None,
            speed: 1.0,
        }
    }
}

/// Three programs that make a plant to look at.
pub struct Plant {
    programs: PathBuf,
    data: PathBuf,
    plant: PathBuf,
    settings: PathBuf,
    replay: Option<PathBuf>,
    speed: f64,
    port: u16,
    machines_port: u16,
    ingest_port: u16,
    server: Option<Process>,
    machines: Option<Process>,
    collector: Option<Process>,
    /// Settings for the server besides those that every plant gives it.
    pub server_words: Vec<String>,
    /// From the server's start until it said that it is ready.
    pub ready_after: Duration,
}

/// Which of the programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// `gemba-sim`.
    Machines,
    /// `gemba-edge`.
    Collector,
    /// `gemba serve`.
    Server,
}

/// Starts a plant and stays until Ctrl-C, or until a part of it ends by itself.
///
/// # Errors
/// A part could not be started, or ended by itself; its last words are in the message.
pub async fn run(arguments: &RunArguments) -> Result<ExitCode> {
    let mut stop = std::pin::pin!(interrupted());
    let mut plant = Plant::new(arguments)?;
    let outcome = tokio::select! {
        started = plant.start() => match started {
            Ok(()) => {
                plant.tell();
                tokio::select! {
                    lost = plant.lost() => lost,
                    caught = &mut stop => caught,
                }
            }
            Err(error) => Err(error),
        },
        caught = &mut stop => caught,
    };
    println!("\nStopping");
    plant.stop().await?;
    outcome.map(|()| ExitCode::SUCCESS)
}

impl Plant {
    /// Says what is to be started, and where; starts nothing.
    ///
    /// # Errors
    /// The data directory could not be made.
    pub fn new(arguments: &RunArguments) -> Result<Self> {
        let target = crate::root().join(std::env::var("CARGO_TARGET_DIR").unwrap_or_else(|_| "target".to_owned()));
        let data = data_directory(&arguments.data)?;
        fs::create_dir_all(&data).with_context(|| format!("{} could not be made", data.display()))?;
        let (plant, settings) = match &arguments.replay {
            Some(_) => (data.join("plant.toml"), data.join("drafted-edge.toml")),
            None => (crate::root().join(&arguments.plant), crate::root().join(&arguments.collector)),
        };
        Ok(Self {
            programs: target.join(if arguments.release { "release" } else { "debug" }),
            data,
            plant,
            settings,
            replay: arguments.replay.clone(),
            speed: arguments.speed,
            port: arguments.port,
            machines_port: free_port()?,
            ingest_port: free_port()?,
            server: None,
            machines: None,
            collector: None,
            server_words: Vec::new(),
            ready_after: Duration::ZERO,
        })
    }

    /// Starts all parts, and on the first start makes the plant and the collector's identity.
    ///
    /// # Errors
    /// A part did not start; what was started stays until `stop`.
    pub async fn start(&mut self) -> Result<()> {
        self.start_part(Part::Server).await?;
        self.start_part(Part::Machines).await?;
        if !self.identity().join("identity.pem").exists() {
            self.found()?;
        }
        self.start_part(Part::Collector).await
    }

    /// Starts the server alone.
    ///
    /// # Errors
    /// It did not start.
    pub async fn start_server(&mut self) -> Result<()> {
        self.start_part(Part::Server).await
    }

    /// Where the pages are.
    pub fn url(&self) -> String {
        format!("http://localhost:{}", self.port)
    }

    /// Stops one part and starts it again, as after a change of its program.
    ///
    /// # Errors
    /// It did not start.
    pub async fn restart(&mut self, part: Part) -> Result<()> {
        if let Some(mut old) = self.slot(part).take() {
            old.stop().await?;
        }
        self.start_part(part).await
    }

    fn slot(&mut self, part: Part) -> &mut Option<Process> {
        match part {
            Part::Machines => &mut self.machines,
            Part::Collector => &mut self.collector,
            Part::Server => &mut self.server,
        }
    }

    async fn start_part(&mut self, part: Part) -> Result<()> {
        let root = crate::root();
        let log = |name: &str| self.data.join("log").join(name);
        let text = |path: &Path| path.to_string_lossy().into_owned();
        match part {
            Part::Server => {
                if TcpListener::bind(("127.0.0.1", self.port)).is_err() {
                    bail!("port {} is taken: choose another by --port", self.port);
                }
                let (data, listen) = (text(&self.server_data()), format!("127.0.0.1:{}", self.port));
                let ingest = format!("127.0.0.1:{}", self.ingest_port);
                let mut words =
                    vec!["serve", "--data-directory", &data, "--http-listen", &listen, "--ingest-listen", &ingest];
                words.extend(self.server_words.iter().map(String::as_str));
                let mut server =
                    Process::start("server", &self.programs.join("gemba"), &words, &root, &log("server.log"))?;
                let ready = http::until_ready(&mut server, self.port, "/readyz", Duration::from_secs(60)).await;
                self.server = Some(server);
                self.ready_after = ready?;
            }
            Part::Machines => {
                let listen = format!("127.0.0.1:{}", self.machines_port);
                let speed = self.speed.to_string();
                let mut words = vec!["--listen", &listen, "--speed", &speed];
                let folder = self.replay.as_deref().map(text);
                if let Some(folder) = &folder {
                    words.extend(["--replay", folder, "--loop"]);
                }
                let mut machines = Process::start(
                    "simulated plant",
                    &self.programs.join("gemba-sim"),
                    &words,
                    &root,
                    &log("machines.log"),
                )?;
                let ready =
                    http::until_ready(&mut machines, self.machines_port, "/probe", Duration::from_secs(30)).await;
                self.machines = Some(machines);
                ready?;
            }
            Part::Collector => {
                let settings = self.collector_settings()?;
                let settings = text(&settings);
                let words = ["run", &settings];
                let program = self.programs.join("gemba-edge");
                self.collector = Some(Process::start("collector", &program, &words, &root, &log("collector.log"))?);
            }
        }
        Ok(())
    }

    /// Made by the collector when it is let in.
    fn identity(&self) -> PathBuf {
        self.data.join("identity")
    }

    fn server_data(&self) -> PathBuf {
        self.data.join("data")
    }

    /// What a person would do once: tell the server what the plant is, and let a collector in.
    fn found(&self) -> Result<()> {
        if self.replay.is_some() && !self.plant.exists() {
            let (plant, settings) = (self.plant.to_string_lossy(), self.settings.to_string_lossy());
            let agent = format!("http://127.0.0.1:{}", self.machines_port);
            let words =
                ["describe", &agent, "--line", "recorded/site/area/line", "--plant", &plant, "--settings", &settings];
            self.program("gemba-edge", &words)?;
        }
        self.gemba(&["plant", "import", &self.plant.to_string_lossy()])?;
        let code = self.gemba(&["collector", "add", "demo"])?;
        let settings = self.collector_settings()?;
        self.told("gemba-edge", &["enrol", &settings.to_string_lossy()], &code)?;
        Ok(())
    }

    fn gemba(&self, words: &[&str]) -> Result<String> {
        let data = self.server_data();
        let data = data.to_string_lossy();
        let mut all = words.to_vec();
        all.extend(self.server_words.iter().map(String::as_str));
        all.extend(["--data-directory", &data]);
        self.program("gemba", &all)
    }

    fn program(&self, name: &str, words: &[&str]) -> Result<String> {
        self.told(name, words, "")
    }

    /// Runs a program to its end, with this on its standard input.
    fn told(&self, name: &str, words: &[&str], input: &str) -> Result<String> {
        let mut child = Command::new(self.programs.join(name))
            .args(words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("{name} could not be started"))?;
        if let Some(mut stdin) = child.stdin.take() {
            stdin.write_all(input.as_bytes()).with_context(|| format!("{name} does not listen"))?;
        }
        let output = child.wait_with_output()?;
        if !output.status.success() {
            bail!("`{name} {}` failed: {}", words.join(" "), String::from_utf8_lossy(&output.stderr).trim());
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// The settings of the collector, with the addresses of this plant.
    fn collector_settings(&self) -> Result<PathBuf> {
        let place = self.settings.display();
        let text = fs::read_to_string(&self.settings).with_context(|| format!("{place} could not be read"))?;
        let mut settings: toml::Table = toml::from_str(&text).with_context(|| format!("{place} is not TOML"))?;
        let mut set = |section: &str, key: &str, value: String| -> Result<()> {
            let table = settings.entry(section).or_insert_with(|| toml::Table::new().into());
            table
                .as_table_mut()
                .with_context(|| format!("[{section}] is no table"))?
                .insert(key.to_owned(), value.into());
            Ok(())
        };
        set("server", "url", format!("https://127.0.0.1:{}", self.ingest_port))?;
        set("server", "identity", self.identity().to_string_lossy().into_owned())?;
        set("queue", "directory", self.data.join("queue").to_string_lossy().into_owned())?;
        let sources = settings.get_mut("source").and_then(toml::Value::as_array_mut);
        for source in sources.with_context(|| format!("{place} has no [[source]]"))? {
            let source = source.as_table_mut().context("[[source]] is no table")?;
            source.insert("url".to_owned(), format!("http://127.0.0.1:{}", self.machines_port).into());
        }
        let file = self.data.join("edge.toml");
        fs::write(&file, toml::to_string_pretty(&settings)?)?;
        Ok(file)
    }

    /// Process id of the server.
    pub fn server_id(&self) -> Option<u32> {
        self.server.as_ref().and_then(Process::id)
    }

    /// Where to look, and how to get in.
    pub fn tell(&self) {
        println!("\nGemba is ready after {:.1} s: {}", self.ready_after.as_secs_f64(), self.url());
        if let Some(password) = self.initial_password() {
            println!("Sign in as admin with the one-time password {password}");
        }
        println!("Logs: {}/log. Ctrl-C stops everything; the data stays.", self.data.display());
    }

    /// The one-time password of the first administrator, as long as it was not changed.
    pub fn initial_password(&self) -> Option<String> {
        let text = fs::read_to_string(self.server_data().join("initial-admin-password")).ok()?;
        Some(text.trim().to_owned())
    }

    /// Waits until a part ends that should not.
    ///
    /// # Errors
    /// Always, with its last words, unless there is no part at all.
    pub async fn lost(&mut self) -> Result<()> {
        let (Some(server), Some(machines), Some(collector)) =
            (&mut self.server, &mut self.machines, &mut self.collector)
        else {
            return Ok(());
        };
        let (status, name, log, words) = tokio::select! {
            status = server.ended() => (status?, server.name, &server.log, server.last_words()),
            status = machines.ended() => (status?, machines.name, &machines.log, machines.last_words()),
            status = collector.ended() => (status?, collector.name, &collector.log, collector.last_words()),
        };
        bail!("the {name} ended by itself ({status}). Its last words ({}):\n{words}", log.display())
    }

    /// Stops what runs: first who sends, then who receives.
    ///
    /// # Errors
    /// A part could not be waited for.
    pub async fn stop(&mut self) -> Result<()> {
        for part in [Part::Collector, Part::Machines, Part::Server] {
            if let Some(mut process) = self.slot(part).take() {
                process.stop().await?;
            }
        }
        Ok(())
    }
}

/// Where the data go. Postgres refuses root and runs as another user, whom a checkout below root's home shuts out: then
/// they go to a place beside it that is open to pass through.
fn data_directory(wanted: &Path) -> Result<PathBuf> {
    let data = std::path::absolute(crate::root().join(wanted))?;
    let passable =
        |directory: &Path| fs::metadata(directory).is_ok_and(|metadata| metadata.permissions().mode() & 0o001 != 0);
    let parent = data.parent().unwrap_or(&data);
    if !geteuid().is_root() || parent.ancestors().filter(|directory| directory.exists()).all(passable) {
        return Ok(data);
    }
    let name = data.to_string_lossy().trim_matches('/').replace(['/', '.'], "-");
    let open = Path::new("/var/lib/gemba-dev").join(name);
    println!("Postgres cannot reach {}; the data go to {}", data.display(), open.display());
    Ok(open)
}

/// A port of this machine that nobody uses.
///
/// # Errors
/// There is none.
pub fn free_port() -> Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}
