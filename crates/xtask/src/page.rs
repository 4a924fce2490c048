//! The first visit of a browser to the overview, and what the server costs at rest.

use std::{collections::BTreeMap, fs, process::Command, time::Duration};

use anyhow::{Context, Result, bail};
use clap::Args;
use serde::Deserialize;

use crate::{
    plant::{Plant, RunArguments, free_port},
    postgres::Cluster,
    table::Figures,
};

/// `xtask page`.
#[derive(Args)]
pub struct PageArguments {
    /// Visits, of which the median counts
    #[arg(long, default_value_t = 5)]
    visits: u32,
    /// Starts, of which the median counts
    #[arg(long, default_value_t = 5)]
    starts: u32,
}

/// What the script in the browser reports: medians over the visits.
#[derive(Deserialize)]
struct Visit {
    /// Bytes on the wire by kind: document, css, font, js, wasm, other.
    bytes: BTreeMap<String, f64>,
    first_contentful_paint_ms: f64,
    largest_contentful_paint_ms: f64,
    total_blocking_time_ms: f64,
    cumulative_layout_shift: f64,
    /// Until the page's connection was live.
    live_after_ms: f64,
}

/// Measures with the release programs, and prints.
///
/// # Errors
/// The plant or the browser could not be started.
pub async fn run(arguments: &PageArguments) -> Result<()> {
    let cluster = Cluster::start().await?;
    let directory = tempfile::tempdir()?;
    let mut plant = Plant::new(&RunArguments::release(free_port()?, directory.path()))?;
    // The start of Postgres is Postgres' own: the server gets one that runs.
    plant.server_words = vec!["--database-url".to_owned(), cluster.url("postgres")];
    let measured = figures(&mut plant, arguments).await;
    plant.stop().await?;
    cluster.stop().await?;
    measured?.print();
    Ok(())
}

async fn figures(plant: &mut Plant, arguments: &PageArguments) -> Result<Figures> {
    plant.start_server().await?;
    let mut starts = Vec::new();
    for _ in 0..arguments.starts {
        plant.stop().await?;
        plant.start_server().await?;
        starts.push(plant.ready_after.as_secs_f64() * 1000.0);
    }
    tokio::time::sleep(Duration::from_secs(5)).await;
    let resident = resident_megabytes(plant.server_id().context("the server does not run")?)?;

    plant.stop().await?;
    plant.start().await?;
    // Long enough for every unit to have a state.
    tokio::time::sleep(Duration::from_secs(10)).await;
    let visit = visit(plant, arguments.visits)?;
    let bytes = |kind: &str| visit.bytes.get(kind).copied().unwrap_or_default() / 1000.0;

    let mut figures = Figures::new("page");
    figures.at_most("html_css_kb", "HTML and CSS, brotli", bytes("document") + bytes("css"), "KB", 60.0);
    figures.at_most("font_kb", "fonts", bytes("font"), "KB", 60.0);
    figures.at_most("wasm_js_kb", "WASM and JavaScript, brotli", bytes("wasm") + bytes("js"), "KB", 380.0);
    figures.plain("other_kb", "all else (data, icons)", bytes("other"), "KB");
    figures.at_most("total_kb", "first visit, all told", visit.bytes.values().sum::<f64>() / 1000.0, "KB", 500.0);
    figures.plain("fcp_ms", "first contentful paint", visit.first_contentful_paint_ms, "ms");
    figures.at_most("lcp_ms", "largest contentful paint", visit.largest_contentful_paint_ms, "ms", 1000.0);
    figures.at_most("tbt_ms", "total blocking time", visit.total_blocking_time_ms, "ms", 100.0);
    figures.at_most("cls", "cumulative layout shift", visit.cumulative_layout_shift, "", 0.02);
    figures.plain("live_ms", "until the page is live", visit.live_after_ms, "ms");
    figures.at_most("start_ms", "start to ready, migrations current", median(starts), "ms", 300.0);
    figures.at_most("idle_mb", "resident memory of gemba, idle", resident, "MB", 60.0);
    Ok(figures)
}

fn visit(plant: &Plant, visits: u32) -> Result<Visit> {
    let output = Command::new("node")
        .arg("bench/page.mjs")
        .arg(plant.url())
        .arg(plant.initial_password().context("the server wrote no one-time password")?)
        .arg(visits.to_string())
        .current_dir(crate::root().join("end2end"))
        .output()
        .context("node could not be started")?;
    if !output.status.success() {
        bail!("the browser's visit failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    serde_json::from_slice(&output.stdout).context("the browser's report could not be read")
}

fn resident_megabytes(process: u32) -> Result<f64> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    let kilobytes: f64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kilobytes / 1000.0 * 1.024)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
