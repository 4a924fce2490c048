//! `.sqlx`: what Postgres says about each checked query, committed so that the server compiles without a database.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    path::{Path, PathBuf},
    process::Command,
    time::SystemTime,
};

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::{bundle::files, postgres};

/// `xtask sqlx`.
#[derive(Args)]
pub struct SqlxArguments {
    /// Write nothing; fail when what is committed differs
    #[arg(long)]
    check: bool,
}

/// Describes all queries afresh against a migrated database.
///
/// # Errors
/// A query or a migration is wrong, or with `--check` the committed data is not what it should be.
pub async fn run(arguments: &SqlxArguments) -> Result<()> {
    let cluster = postgres::Cluster::start().await?;
    let url = cluster.url("postgres");
    postgres::migrate(&url).await?;
    let fresh = tempfile::tempdir()?;
    let described = describe(&url, fresh.path());
    cluster.stop().await?;
    described?;

    let committed = crate::root().join(".sqlx");
    let (old, new) = (read(&committed)?, read(fresh.path())?);
    if old == new {
        println!("offline data of {} queries is current", new.len());
        return Ok(());
    }
    if arguments.check {
        bail!("the offline data of the queries (.sqlx) is out of date: run ./dev sqlx and commit what it writes");
    }
    fs::create_dir_all(&committed)?;
    for name in old.keys().filter(|name| !new.contains_key(*name)) {
        fs::remove_file(committed.join(name))?;
    }
    for (name, bytes) in new.iter().filter(|(name, bytes)| old.get(*name) != Some(bytes)) {
        fs::write(committed.join(name), bytes)?;
    }
    println!("offline data of {} queries written to .sqlx", new.len());
    Ok(())
}

/// Compiles the server against the database, with the macros told to write down what they learn.
fn describe(url: &str, directory: &Path) -> Result<()> {
    let server = crate::root().join("server");
    let mut entries: Vec<PathBuf> = ["src/lib.rs", "src/main.rs"].map(|name| server.join(name)).to_vec();
    entries.extend(
        files(&server.join("tests"))?.into_iter().filter(|file| file.extension().is_some_and(|kind| kind == "rs")),
    );
    // The macros run only where the compiler does: make cargo believe the crate's entries changed, and take it back
    // afterwards so that nobody's next build pays for it.
    let touched =
        entries.iter().filter(|entry| entry.is_file()).map(|entry| Touched::new(entry)).collect::<Result<Vec<_>>>()?;
    let status = Command::new(std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned()))
        .args(["check", "--all-targets", "--quiet"])
        .env("DATABASE_URL", url)
        .env("SQLX_OFFLINE", "false")
        .env("SQLX_OFFLINE_DIR", directory)
        .current_dir(crate::root())
        .status()
        .context("cargo could not be started");
    drop(touched);
    if !status?.success() {
        bail!("the server does not compile against a database with all migrations; the compiler's words are above");
    }
    Ok(())
}

/// A file with a new modification time, until dropped.
struct Touched {
    path: PathBuf,
    before: SystemTime,
    after: SystemTime,
}

impl Touched {
    fn new(path: &Path) -> Result<Self> {
        let (before, after) = (fs::metadata(path)?.modified()?, SystemTime::now());
        File::options().append(true).open(path)?.set_modified(after)?;
        Ok(Self { path: path.to_path_buf(), before, after })
    }
}

impl Drop for Touched {
    fn drop(&mut self) {
        let Ok(file) = File::options().append(true).open(&self.path) else { return };
        // Somebody saved it meanwhile: that time stands.
        if file.metadata().and_then(|m| m.modified()).is_ok_and(|now| now == self.after) {
            let _ = file.set_modified(self.before);
        }
    }
}

fn read(directory: &Path) -> Result<BTreeMap<String, Vec<u8>>> {
    let mut found = BTreeMap::new();
    for file in files(directory)? {
        if let Some(name) = file.file_name().map(|name| name.to_string_lossy().into_owned())
            && name.starts_with("query-")
        {
            found.insert(name, fs::read(&file)?);
        }
    }
    Ok(found)
}
