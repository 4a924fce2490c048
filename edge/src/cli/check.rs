//! `gemba-edge check`.

use std::process::ExitCode;

use gemba_edge::{
    collector::survey,
    config::{Config, SourceConfig},
    identity::Identity,
    tls::https_only,
};

/// Shows the table of what would be read. Fails when something cannot be.
pub async fn check(config: &Config) -> anyhow::Result<ExitCode> {
    let mut fine = true;
    println!("settings: valid, {} sources", config.sources.len());
    if let Err(error) = https_only(&config.server.url) {
        fine = false;
        println!("server: {error}");
    }
    match Identity::load(&config.server.identity) {
        Ok(identity) => println!("identity: `{}`, in {}", identity.facts().name, config.server.identity.display()),
        Err(error) => {
            fine = false;
            println!("identity: {error}");
        }
    }
    for source in &config.sources {
        fine &= check_source(source).await?;
    }
    Ok(if fine { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn check_source(source: &SourceConfig) -> anyhow::Result<bool> {
    println!("\nsource {} ({})", source.name, source.settings.address());
    let survey = match survey(source).await {
        Ok(survey) => survey,
        Err(failure) => {
            println!("  {failure}");
            return Ok(false);
        }
    };
    let rows: Vec<[&str; 5]> = survey
        .rows
        .iter()
        .map(|row| {
            let signal = &row.signal;
            let uom = signal.uom.as_deref().unwrap_or("");
            [&row.item, &signal.address, signal.kind.as_str(), uom, row.now.as_deref().unwrap_or("")]
        })
        .collect();
    let now = if survey.rows.iter().any(|row| row.now.is_some()) { "now" } else { "" };
    let head = ["item", "signal", "kind", "unit", now];
    let width = |column: usize| rows.iter().chain([&head]).map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths = [width(0), width(1), width(2), width(3)];
    for row in [&head].into_iter().chain(&rows) {
        let columns = row.iter().enumerate().map(|(at, cell)| match widths.get(at) {
            Some(width) => format!("  {cell:width$}"),
            None => format!("  {cell}"),
        });
        let line: String = columns.collect();
        println!("{}", line.trim_end());
    }
    if !survey.left.is_empty() {
        println!("  read by no rule:");
        for left in &survey.left {
            println!("    {}, {}", left.item, left.what);
        }
    }
    for note in &survey.notes {
        println!("  {note}");
    }
    for problem in &survey.problems {
        println!("  problem: {problem}");
    }
    if survey.rows.is_empty() {
        println!("  problem: nothing would be read");
    }
    Ok(survey.problems.is_empty() && !survey.rows.is_empty())
}
