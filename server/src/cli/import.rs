//! `gemba import`: history from files.

use anyhow::Result;
use clap::Subcommand;
use indicatif::{HumanCount, ProgressBar};

use crate::{backfill, clock, ingest, oee, state::AppState};

#[derive(Debug, Subcommand)]
pub(super) enum ImportCommand {
    /// Recorded MTConnect logs of one unit. May be broken off and run again: nothing is stored twice
    MtconnectLog(backfill::Params),
}

pub(super) async fn run(app: &AppState, command: ImportCommand) -> Result<()> {
    let ImportCommand::MtconnectLog(params) = command;
    // Figures are derived at the end, from what is stored: nobody listens to the commits.
    let (ingest, _) = ingest::Service::new(app.pool.clone(), app.plant.clone(), app.historian.clone(), 1);
    let context = backfill::Context {
        pool: app.pool.clone(),
        plant: app.plant.clone(),
        ingest,
        historian: app.historian.clone(),
        progress: ProgressBar::new_spinner(),
        now: clock::now,
    };
    let mut derived_in = std::time::Duration::ZERO;
    let summary = backfill::run(&context, params, async |touched| {
        let begun = std::time::Instant::now();
        app.oee.prepare();
        for (unit, stretch) in touched {
            tracing::debug!(?unit, from = %stretch.from, to = %stretch.to, "deriving figures");
        }
        loop {
            match app.oee.derive_stale(clock::now()).await {
                Ok(Some(_)) => {}
                Ok(None) => {
                    derived_in = begun.elapsed();
                    return Ok(());
                }
                // The running server is at it; it also derives what this process leaves.
                Err(oee::DeriveError::Packing) => tokio::time::sleep(std::time::Duration::from_millis(500)).await,
                Err(error) => return Err(error.into()),
            }
        }
    })
    .await?;
    print(&summary);
    println!("figures derived in {:.2} s", derived_in.as_secs_f64());
    Ok(())
}

fn print(summary: &backfill::Summary) {
    if !summary.created.is_empty() {
        println!("{} signals created: {}", summary.created.len(), summary.created.join(", "));
    }
    println!("{} events from {} to {}", HumanCount(summary.events), summary.covered.from, summary.covered.to);
    println!("{} batches committed, {} of them by an earlier run", summary.batches, summary.skipped);
    if summary.quarantined > 0 {
        println!("{} samples set aside; see `gemba quarantine list`", HumanCount(summary.quarantined));
    }
    if summary.bad > 0 {
        println!("{} lines could not be read and were left out, such as:", HumanCount(summary.bad));
        for line in &summary.bad_lines {
            println!("  {line}");
        }
    }
}
