//! `gemba-edge` as a process.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::Result;

use super::Program;

/// What a collector reads, and as whom it sends.
#[derive(Clone, Debug)]
pub struct CollectorSettings {
    /// Directory of its identity.
    pub identity: PathBuf,
    /// The agent's root.
    pub agent: String,
    /// Device of the agent and path of the unit; data item `DEVICE-CODE` becomes signal `CODE`.
    pub units: Vec<(String, String)>,
}

/// A running collector. It keeps its queue over restarts.
#[derive(Debug)]
pub struct CollectorProcess(Program);

impl CollectorProcess {
    pub(super) fn start(program: &Path, directory: &Path, server: &str, settings: &CollectorSettings) -> Result<Self> {
        let (file, queue, identity) = (directory.join("edge.toml"), directory.join("queue"), &settings.identity);
        let mut text = format!(
            "[server]\nurl = \"{server}\"\nidentity = {identity:?}\n\n[queue]\ndirectory = {queue:?}\n\n\
             [[source]]\nname = \"machines\"\nprotocol = \"mtconnect\"\nurl = \"{}\"\n",
            settings.agent
        );
        for (device, path) in &settings.units {
            text.push_str(&format!(
                "\n[[source.unit]]\ndevice = \"{device}\"\npath = \"{path}\"\n\
                 signals = [{{ pattern = \"{device}-*\", signal = \"{{rest}}\" }}]\n"
            ));
        }
        fs::write(&file, text)?;
        let words = ["run".to_owned(), file.to_string_lossy().into_owned()];
        Ok(Self(Program::start("collector", program, &words, &directory.join("collector.log"))?))
    }

    /// `kill -9`.
    ///
    /// # Errors
    /// It had ended by itself before.
    pub async fn kill(self) -> Result<()> {
        self.0.kill().await
    }

    /// Stops it in order: what it has read is stored and, when the server is there, handed over.
    ///
    /// # Errors
    /// It could not be waited for.
    pub async fn stop(mut self) -> Result<()> {
        self.0.stop().await
    }
}
