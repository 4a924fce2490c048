//! The real programs on a machine of their own making: a temporary data directory, a free port, nothing else.
//!
//! The rig is what a service manager is in a plant: it starts `gemba` and `gemba-edge`, and starts them again after they
//! were killed. Postgres is `gemba`'s own to restart.

mod browser;
mod cluster;
mod collector;
mod import;
mod plant;
mod program;
mod sender;
mod session;

use std::{
    fs,
    net::TcpListener,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use gemba_edge::config::ServerConfig;
use tempfile::TempDir;

pub use browser::{Browser, connect, subscribe};
pub use cluster::Postmaster;
pub use collector::{CollectorProcess, CollectorSettings};
pub use import::Imported;
pub use plant::{LinePlan, PlantPlan, SHIFTS, SignalPlan, TIME_ZONE, UnitPlan};
pub use program::{Program, Usage};
pub use sender::{Frame, Sender, Sent};
pub use session::{Session, http_client};

/// How long a program may take to become ready before the run is given up.
const PATIENCE: Duration = Duration::from_secs(60);

/// The programs under test.
#[derive(Clone, Debug)]
pub struct Programs {
    /// `gemba`.
    pub gemba: PathBuf,
    /// `gemba-edge`.
    pub gemba_edge: PathBuf,
}

impl Programs {
    /// Those of the same build as the running program: beside it, or, for a test, in the directory above.
    ///
    /// # Errors
    /// They are not built.
    pub fn find() -> Result<Self> {
        let here = std::env::current_exe().context("where this program is cannot be told")?;
        let places: Vec<&Path> = here.ancestors().skip(1).take(2).collect();
        let found = |name: &str| places.iter().map(|place| place.join(name)).find(|path| path.is_file());
        match (found("gemba"), found("gemba-edge")) {
            (Some(gemba), Some(gemba_edge)) => Ok(Self { gemba, gemba_edge }),
            _ => bail!("gemba and gemba-edge are not built beside {}: run `cargo build` first", here.display()),
        }
    }
}

/// A server with its own Postgres, and what belongs to it.
#[derive(Debug)]
pub struct Rig {
    programs: Programs,
    port: u16,
    ingest_port: u16,
    server: Option<Program>,
    /// Dropped last: everything in it has ended by then.
    directory: TempDir,
}

impl Rig {
    /// Starts a server that has this plant.
    ///
    /// # Errors
    /// A program did not do what it should; its last words are in the message.
    pub async fn start(programs: Programs, plant: &PlantPlan) -> Result<Self> {
        Self::start_with(programs, &plant.toml()).await
    }

    /// Starts a server that has the plant of this file's text.
    ///
    /// # Errors
    /// A program did not do what it should; its last words are in the message.
    pub async fn start_with(programs: Programs, plant: &str) -> Result<Self> {
        let directory = tempfile::Builder::new().prefix("gemba-bench-").tempdir()?;
        // Under root Postgres runs as another user, who must be able to pass.
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755))?;
        let mut rig = Self { programs, port: free_port()?, ingest_port: free_port()?, server: None, directory };
        rig.start_server().await?;
        let file = rig.directory.path().join("plant.toml");
        fs::write(&file, plant)?;
        rig.gemba(&["plant", "import", "--yes", &file.to_string_lossy()]).await?;
        Ok(rig)
    }

    /// The root of the server's addresses.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The root of the addresses that collectors dial.
    pub fn ingest_url(&self) -> String {
        format!("https://127.0.0.1:{}", self.ingest_port)
    }

    /// Where everything of this rig is.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// The server's data directory.
    pub fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    /// The server's process, while it runs.
    ///
    /// # Errors
    /// It does not run.
    pub fn server(&mut self) -> Result<&mut Program> {
        self.server.as_mut().context("the server does not run")
    }

    /// Starts the server and waits until it is ready. How long that took.
    ///
    /// # Errors
    /// It ended, or was not ready within a minute.
    pub async fn start_server(&mut self) -> Result<Duration> {
        let words = vec![
            "serve".to_owned(),
            "--data-directory".to_owned(),
            self.data().to_string_lossy().into_owned(),
            "--http-listen".to_owned(),
            format!("127.0.0.1:{}", self.port),
            "--ingest-listen".to_owned(),
            format!("127.0.0.1:{}", self.ingest_port),
        ];
        let log = self.directory.path().join("server.log");
        let begun = Instant::now();
        self.server = Some(Program::start("server", &self.programs.gemba, &words, &log)?);
        self.until_ready().await?;
        Ok(begun.elapsed())
    }

    /// Waits until the server says that it is ready.
    ///
    /// # Errors
    /// It ended, or was not ready within a minute.
    pub async fn until_ready(&mut self) -> Result<()> {
        let begun = Instant::now();
        while session::status(self.port, "/readyz").await != Some(200) {
            let server = self.server()?;
            if server.has_ended()? || begun.elapsed() > PATIENCE {
                bail!("the server is not ready. Its last words:\n{}", server.last_words());
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Ok(())
    }

    /// The status of `/readyz`; `None` when nobody answers.
    pub fn readiness(&self) -> impl Future<Output = Option<u16>> + Send + 'static {
        session::status(self.port, "/readyz")
    }

    /// `kill -9` of the server. Its Postgres goes on.
    ///
    /// # Errors
    /// It does not run.
    pub async fn kill_server(&mut self) -> Result<()> {
        self.server.take().context("the server does not run")?.kill().await
    }

    /// The cluster's postmaster.
    ///
    /// # Errors
    /// There is none.
    pub fn postmaster(&self) -> Result<Postmaster> {
        Postmaster::find(&self.data().join("postgres"))
    }

    /// Makes an identity for a collector, in a directory of its own.
    ///
    /// # Errors
    /// The command failed, or the server refused.
    pub async fn enrol(&self, name: &str) -> Result<PathBuf> {
        let said = self.gemba(&["collector", "add", name]).await?;
        let directory = self.directory().join(format!("identity-{name}"));
        let config = ServerConfig { url: self.ingest_url(), identity: directory.clone() };
        gemba_edge::identity::enrol(&config, &said.trim().parse()?).await?;
        Ok(directory)
    }

    /// Starts a collector.
    ///
    /// # Errors
    /// Its settings could not be written, or it could not be started.
    pub fn start_collector(&self, settings: &CollectorSettings) -> Result<CollectorProcess> {
        CollectorProcess::start(&self.programs.gemba_edge, self.directory(), &self.ingest_url(), settings)
    }

    /// Runs `gemba WORDS` beside the server. What it said.
    ///
    /// # Errors
    /// It failed; why is in the message.
    pub async fn gemba(&self, words: &[&str]) -> Result<String> {
        let output = program::command(&self.programs.gemba)
            .args(words)
            .arg("--data-directory")
            .arg(self.data())
            .output()
            .await
            .context("gemba could not be started")?;
        if !output.status.success() {
            bail!("`gemba {}` failed: {}", words.join(" "), String::from_utf8_lossy(&output.stderr).trim());
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Signs in as the first administrator, with a password of its own.
    ///
    /// # Errors
    /// The server refuses.
    pub async fn sign_in(&self) -> Result<Session> {
        let file = self.data().join("initial-admin-password");
        let password = fs::read_to_string(&file).with_context(|| format!("{} cannot be read", file.display()))?;
        Session::begin(&self.url(), password.trim()).await
    }

    /// Stops the server in order, and Postgres with it.
    ///
    /// # Errors
    /// It could not be waited for.
    pub async fn stop(mut self) -> Result<()> {
        if let Some(mut server) = self.server.take() {
            server.stop().await?;
        }
        Ok(())
    }
}

impl Drop for Rig {
    /// When a run is given up, nothing stays behind.
    fn drop(&mut self) {
        if let Some(mut server) = self.server.take() {
            server.stop_now(Duration::from_secs(10));
        }
        // A server that was killed has left its Postgres.
        if let Ok(postmaster) = self.postmaster() {
            postmaster.kill_all().ok();
        }
        if std::thread::panicking() {
            eprintln!("the server's last words:\n{}", program::last_words(&self.directory.path().join("server.log")));
        }
    }
}

/// A port of this machine that nobody uses.
pub(crate) fn free_port() -> Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

/// Microseconds since 1970, now.
pub fn now_micros() -> i64 {
    chrono::Utc::now().timestamp_micros()
}
