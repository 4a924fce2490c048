//! The command line.

mod collectors;
mod import;
mod plant;
mod serve;
mod users;

use std::{io::Write, path::PathBuf, sync::Arc};

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};

use crate::{
    config::{self, Loaded, Settings, Sources, flags::Flags, reference},
    database::{Database, Purpose},
    state::AppState,
    web::openapi,
};

/// A plant, shown as it is: machines, figures and how they were made.
#[derive(Debug, Parser)]
#[command(name = "gemba", version, propagate_version = true)]
pub struct CommandLine {
    /// The file with the settings; without it `gemba.toml` in the data directory, when there is one
    #[arg(long, global = true, env = "GEMBA_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    flags: Flags,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server (`gemba serve --help` lists the settings)
    Serve,
    /// Print every setting with its meaning and default, as a file to start from
    Config {
        /// Print what is in force and where it comes from
        #[arg(long)]
        in_force: bool,
        /// Print the tables of docs/features/configuration.md
        #[arg(long, hide = true, conflicts_with = "in_force")]
        markdown: bool,
    },
    /// Print the description of the REST API (OpenAPI)
    Openapi,
    /// People who may sign in
    #[command(subcommand)]
    User(users::UserCommand),
    /// Equipment and signals
    #[command(subcommand)]
    Plant(plant::PlantCommand),
    /// Programs that bring in machine data
    #[command(subcommand)]
    Collector(collectors::CollectorCommand),
    /// History from files
    #[command(subcommand)]
    Import(import::ImportCommand),
    /// Samples that were refused and set aside
    #[command(subcommand)]
    Quarantine(collectors::QuarantineCommand),
}

/// Does what the command line says.
///
/// # Errors
/// For a person to read: what happened, what was kept, what to do.
pub fn run() -> Result<()> {
    let line = CommandLine::parse();
    let sources = Sources { file: line.config.as_deref(), environment: environment(), flags: line.flags.0 };
    let loaded = config::load(&sources)?;
    match line.command {
        Command::Serve => runtime()?.block_on(serve::run(loaded)),
        Command::Config { in_force: true, .. } => print(&reference::in_force(&loaded)),
        Command::Config { markdown: true, .. } => print(&reference::markdown()),
        Command::Config { .. } => print(&reference::toml()),
        Command::Openapi => print(&openapi::DOCUMENT),
        Command::User(command) => with_database(&loaded, async |database| users::run(&database.pool, command).await),
        Command::Plant(command) => with_database(&loaded, async |database| plant::run(&database.pool, command).await),
        Command::Collector(command) => with_app(&loaded, async |app| collectors::run(app, command).await),
        Command::Import(command) => with_app(&loaded, async |app| import::run(app, command).await),
        Command::Quarantine(command) => with_app(&loaded, async |app| collectors::quarantine(app, command).await),
    }
}

/// Runs a command that needs the database: the server's own when it runs, or one started for the purpose.
fn with_database(loaded: &Loaded, work: impl AsyncFnOnce(&Database) -> Result<()>) -> Result<()> {
    let settings: &Settings = &loaded.settings;
    serve::start_log(settings, serve::Voice::Quiet)?;
    runtime()?.block_on(async {
        let database = Database::open(settings, Purpose::Command).await?;
        let done = work(&database).await;
        database.close().await;
        done
    })
}

/// Runs a command that needs more than rows.
fn with_app(loaded: &Loaded, work: impl AsyncFnOnce(&AppState) -> Result<()>) -> Result<()> {
    let settings = Arc::new(loaded.settings.clone());
    with_database(loaded, async |database| work(&AppState::open(database.pool.clone(), settings).await?).await)
}

fn runtime() -> Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().context("cannot start")
}

fn environment() -> Vec<(String, String)> {
    std::env::vars_os().filter_map(|(name, text)| Some((name.into_string().ok()?, text.into_string().ok()?))).collect()
}

fn print(text: &str) -> Result<()> {
    // A reader that has seen enough (`| head`) is no error.
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}
