//! `gemba collector` and `gemba quarantine`.

use anyhow::{Context as _, Result, bail};
use chrono::{DateTime, Utc};
use clap::Subcommand;
use gemba_domain::equipment::EquipmentPath;

use crate::{
    clock,
    identity::{Added, Scope},
    state::AppState,
};

/// A certificate's common name has no more room.
const LONGEST_NAME: usize = 64;

#[derive(Debug, Subcommand)]
pub(super) enum CollectorCommand {
    /// Let a collector in: prints a code for `gemba-edge enrol`, good once and for ten minutes. For one that is known, its key and
    /// scope are replaced when the code is used
    Add {
        /// Such as `press-shop-edge`
        name: String,
        /// A part of the plant whose signals it may write: enterprise, site, area, line or unit, such as `acme/leeds/press-shop`.
        /// May be given several times; without it, the whole plant
        #[arg(long, value_name = "PATH")]
        scope: Vec<EquipmentPath>,
    },
    /// List the collectors: what each may write, its certificate and its last batch
    List,
    /// Change what a collector may write, from its next request on; without a path, the whole plant
    Scope {
        /// As `list` shows it
        name: String,
        /// As with `add --scope`
        paths: Vec<EquipmentPath>,
    },
    /// Free the signals that a collector writes, for the next collector that offers them
    Release {
        /// As `list` shows it
        name: String,
    },
    /// Shut a collector out at once and free its signals; what it sent stays. `add` lets it in again, with a new code
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
        CollectorCommand::Add { name, scope } => add(app, name.trim(), scope).await,
        CollectorCommand::List => list(app).await,
        CollectorCommand::Scope { name, paths } => {
            if !app.identities.put_scope(&name, &paths).await? {
                bail!(nobody(&name));
            }
            println!("{name} may write signals of {} from its next request on.", Scope::Below(paths));
            Ok(())
        }
        CollectorCommand::Release { name } => {
            let released = app.identities.release(&name).await?.with_context(|| nobody(&name))?;
            println!(
                "{released} signal(s) of {name} are free: the next collector that offers them writes them, within a minute. \
                 `gemba quarantine retry` stores what was set aside of that one."
            );
            Ok(())
        }
        CollectorCommand::Revoke { name } => {
            if !app.identities.revoke(&name, clock::now()).await? {
                bail!(nobody(&name));
            }
            println!("{name} is shut out from its next request on; its connections are closed within seconds.");
            Ok(())
        }
    }
}

fn nobody(name: &str) -> String {
    format!("there is no collector `{name}`; `gemba collector list` shows them")
}

async fn list(app: &AppState) -> Result<()> {
    let entries = app.identities.list().await?;
    let time =
        |time: Option<DateTime<Utc>>| time.map_or_else(|| "never".to_owned(), |t| t.format("%F %T UTC").to_string());
    for entry in &entries {
        let (version, last) = (entry.version.as_deref().unwrap_or("-"), time(entry.last_batch_at));
        let certificate = match (entry.revoked_at, entry.certificate_until) {
            (Some(at), _) => format!("revoked {}", time(Some(at))),
            (None, Some(until)) => format!("certificate until {}", time(Some(until))),
            (None, None) => "not enrolled yet".to_owned(),
        };
        println!(
            "{:<24}  version {version:<10}  last batch {last}  {certificate}  may write {}",
            entry.name,
            Scope::of(false, &entry.scope)
        );
    }
    println!("{} collector(s)", entries.len());
    Ok(())
}

/// The code alone goes to the standard output, so that a script can take it from there.
async fn add(app: &AppState, name: &str, scope: Vec<EquipmentPath>) -> Result<()> {
    if name.is_empty() || name.contains(':') || name.chars().any(char::is_control) || name.len() > LONGEST_NAME {
        bail!("`{name}` is no name for a collector; use 1 to {LONGEST_NAME} characters without a colon");
    }
    let added = app.identities.add(name, scope, &app.plant.current(), clock::now()).await;
    let added = added.context("the collector was not added")?;
    let Added { code, until, scope, unknown } =
        added.with_context(|| format!("`{name}` is a name of the server's own; choose another one"))?;
    eprintln!("`{name}` may write signals of {scope}.");
    if matches!(&scope, Scope::Below(paths) if paths.is_empty()) {
        eprintln!(
            "  To permit it a part of the plant alone, give `--scope PATH`, also later by `gemba collector scope`."
        );
    }
    for path in unknown {
        eprintln!("  `{path}` is not in the plant (yet): until it is, this permits nothing.");
    }
    eprintln!(
        "On the collector, until {until}: gemba-edge enrol edge.toml CODE, with this code, which is shown only now:"
    );
    super::print(&format!("{code}\n"))
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
