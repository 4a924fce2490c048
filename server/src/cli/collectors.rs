//! `gemba collector` and `gemba quarantine`.

use anyhow::{Context as _, Result, bail};
use clap::Subcommand;

use crate::{clock, state::AppState};

#[derive(Debug, Subcommand)]
pub(super) enum CollectorCommand {
    /// Add a collector, or give the one of this name a new token; prints the token, which is shown only now
    Add {
        /// Such as `press-shop-edge`
        name: String,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum QuarantineCommand {
    /// Samples that were set aside, with the reason
    List,
    /// Store what the plant knows by now; the rest stays
    Retry,
}

pub(super) async fn run(app: &AppState, command: CollectorCommand) -> Result<()> {
    let CollectorCommand::Add { name } = command;
    let name = name.trim();
    if name.is_empty() || name.contains(':') || name.len() > 80 {
        bail!("`{name}` is no name for a collector; use 1 to 80 characters without a colon");
    }
    let token = app.ingest.add_collector(name, clock::now()).await.context("the collector was not added")?;
    println!("{token}");
    Ok(())
}

pub(super) async fn quarantine(app: &AppState, command: QuarantineCommand) -> Result<()> {
    match command {
        QuarantineCommand::List => {
            let entries = app.ingest.quarantined().await?;
            for entry in &entries {
                println!(
                    "{:>6}  {}  {}  batch {}  {} sample(s)  {}",
                    entry.id, entry.received_at, entry.collector, entry.seq, entry.samples, entry.reason
                );
            }
            println!("{} entries", entries.len());
        }
        QuarantineCommand::Retry => {
            let (stored, kept) = app.ingest.retry_quarantined(clock::now()).await?;
            println!("{stored} sample(s) stored, {kept} still set aside");
        }
    }
    Ok(())
}
