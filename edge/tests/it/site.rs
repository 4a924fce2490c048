//! A collector with sources of any protocol.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use gemba_edge::{Collector, config::Config};

use crate::server::Server;

pub const UNIT: &str = "acme/leeds/press-shop/line-1/press-1";

/// A directory with an identity and settings.
pub struct AnySite {
    pub directory: tempfile::TempDir,
    server: String,
    /// All of `[[source]]`.
    pub source: String,
}

impl AnySite {
    pub fn new(server: &Server, source: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        server.let_in(directory.path());
        Self { directory, server: server.url(), source: source.to_owned() }
    }

    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    fn text(&self) -> String {
        let Self { server, source, .. } = self;
        format!("[server]\nurl = '{server}'\n[queue]\ndirectory = 'queue'\n[[source]]\n{source}\n")
    }

    pub fn config_file(&self) -> PathBuf {
        let path = self.path().join("edge.toml");
        std::fs::write(&path, self.text()).unwrap();
        path
    }

    pub fn start(&self) -> Collector {
        let log = std::env::var("GEMBA_EDGE_LOG").unwrap_or_else(|_| "off".to_owned());
        let filter = tracing_subscriber::EnvFilter::new(log);
        let _ = tracing_subscriber::fmt().with_env_filter(filter).with_test_writer().try_init();
        let config = Config::parse(&self.text(), self.path()).unwrap();
        Collector::start_with(&config, |uplink| uplink.unauthorized_pause(Duration::from_millis(50))).unwrap()
    }

    /// `gemba-edge COMMAND` with these settings: whether it succeeded, and all that it said.
    pub async fn gemba_edge(&self, command: &'static str) -> (bool, String) {
        let config = self.config_file();
        let run = move || {
            let program = env!("CARGO_BIN_EXE_gemba-edge");
            std::process::Command::new(program).arg(command).arg(config).output().unwrap()
        };
        let output = tokio::task::spawn_blocking(run).await.unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        (output.status.success(), text)
    }
}
