//! Migrations are append-only: a database that has applied one refuses to start when its text has changed since.

use std::process::Command;

use anyhow::{Context, Result, bail};

/// Reports committed migrations that were changed, renamed or removed later, in history or in the working tree.
///
/// # Errors
/// At least one such file, or git could not answer.
pub fn run() -> Result<()> {
    if git(&["rev-parse", "--verify", "--quiet", "HEAD"]).is_err() {
        println!("migrations: skipped: there is no commit to compare with");
        return Ok(());
    }
    let history = git(&["log", "--no-renames", "--diff-filter=MD", "--name-only", "--format=", "--", "migrations"])?;
    let tree = git(&["diff", "HEAD", "--no-renames", "--diff-filter=MD", "--name-only", "--", "migrations"])?;
    let mut changed: Vec<&str> = history.lines().chain(tree.lines()).filter(|line| !line.is_empty()).collect();
    changed.sort_unstable();
    changed.dedup();
    if changed.is_empty() {
        println!("migrations: append-only");
        return Ok(());
    }
    bail!("committed migrations were changed; write a new one instead:\n  {}", changed.join("\n  "))
}

fn git(arguments: &[&str]) -> Result<String> {
    let output =
        Command::new("git").args(arguments).current_dir(crate::root()).output().context("git could not be started")?;
    if !output.status.success() {
        bail!("git {} failed: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
