//! `gemba import`: history from files.

use std::time::{Duration, Instant};

use anyhow::Result;
use clap::Subcommand;
use gemba_domain::{Interval, equipment::EquipmentId};
use indicatif::{HumanCount, ProgressBar};

use crate::{
    backfill::{self, table},
    clock, ingest, oee,
    state::AppState,
};

#[derive(Debug, Subcommand)]
pub(super) enum ImportCommand {
    /// Recorded MTConnect logs of one unit. May be broken off and run again: nothing is stored twice
    MtconnectLog(backfill::Params),
    /// Tables (CSV) by a mapping: rows that describe stretches of time, or a list of stops. May be broken off and run again
    Csv(table::Params),
}

pub(super) async fn run(app: &AppState, command: ImportCommand) -> Result<()> {
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
    let mut derived_in = Duration::ZERO;
    let derive = async |touched: Vec<(EquipmentId, Interval)>| {
        derived_in = derive(app, &touched).await?;
        Ok(())
    };
    match command {
        ImportCommand::MtconnectLog(params) => print(&backfill::run(&context, params, derive).await?),
        ImportCommand::Csv(params) => print_table(&table::run(&context, params, derive).await?),
    }
    println!("figures derived in {:.2} s", derived_in.as_secs_f64());
    Ok(())
}

async fn derive(
    app: &AppState,
    touched: &[(EquipmentId, Interval)],
) -> Result<Duration, Box<dyn std::error::Error + Send + Sync>> {
    let begun = Instant::now();
    app.oee.prepare();
    for (unit, stretch) in touched {
        tracing::debug!(?unit, from = %stretch.from, to = %stretch.to, "deriving figures");
    }
    loop {
        match app.oee.derive_stale(clock::now()).await {
            Ok(Some(_)) => {}
            Ok(None) => return Ok(begun.elapsed()),
            // The running server is at it; it also derives what this process leaves.
            Err(oee::DeriveError::Packing) => tokio::time::sleep(Duration::from_millis(500)).await,
            Err(error) => return Err(error.into()),
        }
    }
}

fn print_table(summary: &table::Summary) {
    created(&summary.created);
    for unit in &summary.units {
        println!(
            "{}: {} rows, {} samples, from {} to {}, {:.1} h of it described by rows{}",
            unit.unit,
            HumanCount(unit.rows),
            HumanCount(unit.samples),
            unit.span.from,
            unit.span.to,
            unit.covered_micros as f64 / 3.6e9,
            if unit.known { "; all of it committed by an earlier run" } else { "" },
        );
    }
    set_aside(summary.quarantined);
    left_out("rows", summary.bad, &summary.bad_lines);
}

fn print(summary: &backfill::Summary) {
    created(&summary.created);
    println!("{} events from {} to {}", HumanCount(summary.events), summary.covered.from, summary.covered.to);
    println!("{} batches committed, {} of them by an earlier run", summary.batches, summary.skipped);
    set_aside(summary.quarantined);
    left_out("lines", summary.bad, &summary.bad_lines);
}

fn created(signals: &[String]) {
    if !signals.is_empty() {
        println!("{} signals created: {}", signals.len(), signals.join(", "));
    }
}

fn set_aside(samples: u64) {
    if samples > 0 {
        println!("{} samples set aside; see `gemba quarantine list`", HumanCount(samples));
    }
}

fn left_out(what: &str, count: u64, lines: &[backfill::BadLine]) {
    if count > 0 {
        println!("{} {what} could not be read and were left out, such as:", HumanCount(count));
        for line in lines {
            println!("  {line}");
        }
    }
}
