//! `gemba-edge describe`.

use std::{
    fs,
    io::{ErrorKind, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, bail};
use clap::Args;
use gemba_domain::equipment::{EquipmentPath, Level};
use gemba_edge::collector::mtconnect::{AgentClient, draft};

#[derive(Args, Debug)]
pub struct DescribeArguments {
    /// The agent's root, such as http://10.0.0.5:5000
    agent: String,
    /// The line that the agent's devices stand in: enterprise/site/area/line
    #[arg(long, value_name = "PATH")]
    line: EquipmentPath,
    /// The Gemba server's port for collectors
    #[arg(long, default_value = "https://localhost:8443", value_name = "URL")]
    server: String,
    /// The plant file to write
    #[arg(long, default_value = "plant.toml", value_name = "FILE")]
    plant: PathBuf,
    /// The collector's settings to write
    #[arg(long, default_value = "edge.toml", value_name = "FILE")]
    settings: PathBuf,
}

/// Writes both files; none when one is there already.
pub async fn describe(arguments: &DescribeArguments) -> anyhow::Result<ExitCode> {
    let DescribeArguments { agent, line, server, plant, settings } = arguments;
    if line.level() != Level::Line {
        bail!("`{line}` is no line: it has four codes, enterprise/site/area/line");
    }
    if let Some(there) = [plant, settings].into_iter().find(|file| file.exists()) {
        bail!("{} is there already; name another file by --plant or --settings", there.display());
    }
    let devices = AgentClient::at(agent)?.probe().await.with_context(|| agent.clone())?;
    let draft = draft(&devices, agent.trim_end_matches('/'), line, server);
    if draft.signals == 0 {
        bail!("{agent} has no device with data items");
    }
    write_new(plant, &draft.plant)?;
    if let Err(error) = write_new(settings, &draft.settings) {
        // Both or none: a second try must not meet the first one's half.
        fs::remove_file(plant).ok();
        return Err(error);
    }
    println!("{}: {} units, {} signals", plant.display(), draft.units, draft.signals);
    println!("{}: reads all of them", settings.display());
    println!(
        "Read and correct both. Then, with the server's --data-directory, `gemba plant import {}` and `gemba collector add NAME`; \
         here `gemba-edge enrol {} CODE` with the code that it prints, and `gemba-edge run {1}`.",
        plant.display(),
        settings.display()
    );
    Ok(ExitCode::SUCCESS)
}

fn write_new(file: &Path, text: &str) -> anyhow::Result<()> {
    let there = |error: std::io::Error| match error.kind() {
        ErrorKind::AlreadyExists => anyhow::anyhow!("{} is there already", file.display()),
        _ => anyhow::Error::new(error).context(format!("{} could not be written", file.display())),
    };
    fs::File::create_new(file).map_err(there)?.write_all(text.as_bytes()).map_err(there)
}
