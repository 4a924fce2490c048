//! Build and development tasks that need more than a shell: the bundle of the pages, checks over the dependency graph,
//! a private Postgres for tests, benches. People call them through `./dev`.

mod bundle;
mod dependency_rule;
mod heavy;
mod http;
mod licences;
mod metadata;
mod migrations;
mod offline_queries;
mod page;
mod plant;
mod postgres;
mod process;
mod table;
mod watch;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Result;
use clap::{Args, Parser, Subcommand};

#[derive(Parser)]
#[command(name = "xtask", about = "Build and development tasks of Gemba; see ./dev help")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Makes target/site: WASM, JavaScript, style and fonts under hashed names
    Bundle(bundle::BundleArguments),
    /// Starts server, simulated plant and collector, and stops them together
    Run(plant::RunArguments),
    /// Builds and restarts what an edit concerns, until Ctrl-C
    Watch(plant::RunArguments),
    /// Runs a command with DATABASE_URL naming a private, migrated Postgres that goes away with it
    Postgres(postgres::PostgresArguments),
    /// Writes the offline data of the checked queries (.sqlx)
    Sqlx(offline_queries::SqlxArguments),
    /// Checks which crate may use which
    Deps,
    /// Checks licences, banned crates and sources against deny.toml
    Licences,
    /// Checks that no committed migration was changed
    Migrations,
    /// Measures a first visit and the server at rest (`./dev bench page`)
    Page(page::PageArguments),
    /// Measures one thing, beside its target
    Bench(Words),
    /// Breaks something on purpose and checks what must still hold
    Chaos(Words),
    /// Runs over published data, beside the published results
    Eval(Words),
}

/// What another program understands.
#[derive(Args)]
struct Words {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    words: Vec<String>,
}

/// The root of the repository.
fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_path_buf()
}

fn main() -> ExitCode {
    match run(Arguments::parse().task) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(task: Task) -> Result<ExitCode> {
    match task {
        Task::Bundle(arguments) => bundle::run(&arguments)?,
        Task::Run(arguments) => return wait_for(plant::run(&arguments)),
        Task::Watch(arguments) => return wait_for(watch::run(&arguments)),
        Task::Postgres(arguments) => return wait_for(postgres::run(&arguments)),
        Task::Sqlx(arguments) => wait_for(offline_queries::run(&arguments))?,
        Task::Deps => dependency_rule::run()?,
        Task::Licences => licences::run()?,
        Task::Migrations => migrations::run()?,
        Task::Page(arguments) => wait_for(page::run(&arguments))?,
        Task::Bench(words) => heavy::run("bench", &words.words)?,
        Task::Chaos(words) => heavy::run("chaos", &words.words)?,
        Task::Eval(words) => heavy::run("eval", &words.words)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Runs a task that waits for programs and signals. On this thread alone: the kernel ends what it started when the
/// thread that started it is gone.
fn wait_for<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(work)
}
