//! The command line.

mod check;
mod describe;
mod enrol;
mod queue;

use std::{io::IsTerminal, path::PathBuf, process::ExitCode};

use anyhow::Context;
use clap::{Parser, Subcommand, ValueEnum};
use gemba_edge::{Collector, config::Config};
use tracing_subscriber::EnvFilter;

/// Reads machines, keeps what it read in a queue on disk, and hands it to a Gemba server.
#[derive(Debug, Parser)]
#[command(name = "gemba-edge", version, about)]
pub struct Cli {
    /// What is logged: error, warn, info, debug, trace, or directives such as `info,gemba_edge::uplink=debug`.
    #[arg(long, env = "GEMBA_EDGE_LOG", default_value = "info", global = true)]
    log: String,
    /// How it is logged, to the standard error.
    #[arg(long, env = "GEMBA_EDGE_LOG_FORMAT", value_enum, default_value_t = LogFormat::Text, global = true)]
    log_format: LogFormat,
    #[command(subcommand)]
    command: Command,
}

/// What libraries say is said again in our own words; naming them in `--log` turns them on.
const QUIET: &str = "opcua_client=off,opcua_core=off,opcua_crypto=off,opcua_types=off";

#[derive(Clone, Copy, Debug, ValueEnum)]
enum LogFormat {
    /// Lines for people.
    Text,
    /// One JSON object a line.
    Json,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Collects until it is told to stop (SIGINT or SIGTERM).
    Run {
        /// The settings file.
        config: PathBuf,
    },
    /// Checks the settings, asks each source what it has, and shows what would be read.
    Check {
        /// The settings file.
        config: PathBuf,
    },
    /// Makes this collector known to the server, by a code that `gemba collector add NAME` prints there.
    Enrol {
        /// The settings file.
        config: PathBuf,
        /// The code; when it is `-` or missing it is read from the standard input, where no list of processes shows it.
        #[arg(default_value = "-")]
        code: String,
    },
    /// Drafts a plant file and settings from what an MTConnect agent has.
    Describe(describe::DescribeArguments),
    /// Shows what waits in the queue, also while a collector runs.
    Queue {
        /// The settings file.
        config: PathBuf,
    },
}

impl Cli {
    /// Does what was asked.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let filter = EnvFilter::try_new(format!("{QUIET},{}", self.log)).context("--log")?;
        let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
        match self.log_format {
            LogFormat::Text => builder.with_ansi(std::io::stderr().is_terminal()).init(),
            LogFormat::Json => builder.json().init(),
        }
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().worker_threads(2).build()?;
        runtime.block_on(async {
            match self.command {
                Command::Run { config } => run(&Config::load(&config)?).await,
                Command::Check { config } => check::check(&Config::load(&config)?).await,
                Command::Enrol { config, code } => enrol::enrol(&Config::load(&config)?, &code).await,
                Command::Describe(arguments) => describe::describe(&arguments).await,
                Command::Queue { config } => queue::show(&Config::load(&config)?).await,
            }
        })
    }
}

async fn run(config: &Config) -> anyhow::Result<ExitCode> {
    let stopped = stop_signal()?;
    let collector = Collector::start(config)?;
    stopped.await;
    collector.stop().await;
    Ok(ExitCode::SUCCESS)
}

/// Listens from now on; ready when SIGINT or SIGTERM came.
#[cfg(unix)]
fn stop_signal() -> anyhow::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

/// Ready when Ctrl-C came.
#[cfg(not(unix))]
fn stop_signal() -> anyhow::Result<impl Future<Output = ()>> {
    Ok(async {
        let _ = tokio::signal::ctrl_c().await;
    })
}
