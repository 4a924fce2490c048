//! `gemba plant`.

use std::{
    io::{IsTerminal as _, Write as _},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};
use clap::Subcommand;
use sqlx::PgPool;

use crate::plant::{ImportError, Plan, Service};

#[derive(Debug, Subcommand)]
pub(super) enum PlantCommand {
    /// Check a plant file, show what it would change, and apply it: all of it or nothing
    Import {
        /// The plant file (TOML)
        file: PathBuf,
        /// Show what would change, and change nothing
        #[arg(long)]
        dry_run: bool,
        /// Apply without asking
        #[arg(long, short)]
        yes: bool,
    },
}

pub(super) async fn run(pool: &PgPool, command: PlantCommand) -> Result<()> {
    let PlantCommand::Import { file, dry_run, yes } = command;
    let text = std::fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
    let service = Service::open(pool.clone()).await?;
    let plan = service.plan(&text).await.map_err(|error| explain(&file, error))?;
    for note in &plan.notes {
        println!("  {note}");
    }
    if plan.is_empty() {
        println!("The plant is as {} says. Nothing to do.", file.display());
        return Ok(());
    }
    show(&plan);
    if dry_run {
        println!("Nothing was changed (--dry-run).");
        return Ok(());
    }
    if !yes && std::io::stdin().is_terminal() && !confirmed()? {
        bail!("nothing was changed");
    }
    let done = service.import(&text).await.map_err(|error| explain(&file, error))?;
    println!("Applied: {} change(s).", done.changes.len());
    Ok(())
}

fn show(plan: &Plan) {
    for change in &plan.changes {
        println!("  {change}");
    }
}

fn confirmed() -> Result<bool> {
    print!("Apply this? [y/N] ");
    std::io::stdout().flush()?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

/// Names the file beside each line.
fn explain(file: &Path, error: ImportError) -> anyhow::Error {
    match error {
        ImportError::File(defects) => {
            let lines: Vec<String> = defects
                .iter()
                .map(|defect| format!("{}:{}: {}", file.display(), defect.line, defect.message))
                .collect();
            anyhow::anyhow!("nothing was changed:\n{}", lines.join("\n"))
        }
        other => other.into(),
    }
}
