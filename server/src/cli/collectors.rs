//! `gemba collector` and `gemba quarantine`.

use anyhow::{Context as _, Result, bail};
use chrono::{DateTime, Utc};
use clap::Subcommand;

use crate::{clock, state::AppState};

#[derive(Debug, Subcommand)]
pub(super) enum CollectorCommand {
    /// Add a collector, or give the one of this name a new token; prints the token, which is shown only now
    Add {
        /// Such as `press-shop-edge`
        name: String,
    },
    /// List the collectors, with the time of the last batch of each
    List,
    /// Shut a collector out at once; what it sent stays. `add` lets it in again, with a new token
    Revoke {
        /// As `list` shows it
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
    match command {
        CollectorCommand::Add { name } => add(app, name.trim()).await,
        CollectorCommand::List => list(app).await,
        CollectorCommand::Revoke { name } => {
            if !app.ingest.revoke_collector(&name, clock::now()).await? {
                bail!("there is no collector `{name}`; `gemba collector list` shows them");
            }
            println!("{name} is shut out from its next request on.");
            Ok(())
        }
    }
}

async fn list(app: &AppState) -> Result<()> {
    let entries = app.ingest.collectors().await?;
    let time =
        |time: Option<DateTime<Utc>>| time.map_or_else(|| "never".to_owned(), |t| t.format("%F %T UTC").to_string());
    for entry in &entries {
        let (version, last) = (entry.version.as_deref().unwrap_or("-"), time(entry.last_batch_at));
        let revoked = entry.revoked_at.map(|at| format!("  revoked {}", time(Some(at)))).unwrap_or_default();
        println!("{:<24}  version {version:<10}  last batch {last}{revoked}", entry.name);
    }
    println!("{} collector(s)", entries.len());
    Ok(())
}

async fn add(app: &AppState, name: &str) -> Result<()> {
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
