//! `gemba-sim`: a simulated plant, or recorded machine logs, as an MTConnect agent.

use std::{
    io::{IsTerminal, Write},
    path::PathBuf,
    pin::Pin,
    time::Duration,
};

use anyhow::Context;
use clap::Parser;
use gemba_domain::Timestamp;
use gemba_sim::{
    agent::{Agent, AgentHandle, Devices},
    plant::{self, Clock, Layout, Plant, ShiftPlan},
    replay::{self, Playback, Recording},
};
use tokio::signal::unix::{SignalKind, signal};

/// A simulated plant, or recorded machine logs, as an MTConnect agent.
#[derive(Parser)]
#[command(name = "gemba-sim", version)]
struct Arguments {
    /// Address to listen on; port 0 takes a free one. It is printed as the first line.
    #[arg(long, default_value = "127.0.0.1:5000", value_name = "ADDRESS")]
    listen: String,

    /// Seed of the simulated plant: the same seed gives the same course of events.
    #[arg(long, default_value_t = 1, conflicts_with = "replay")]
    seed: u64,

    /// How many times faster than real the plant runs or the recording is played.
    #[arg(long, default_value_t = 1.0, value_parser = speed, value_name = "N")]
    speed: f64,

    /// Time zone of the simulated plant, by which its shifts and breaks begin.
    #[arg(long, default_value_t = chrono_tz::Europe::London, conflicts_with = "replay", value_name = "ZONE")]
    time_zone: chrono_tz::Tz,

    /// Play the logs of this folder instead of simulating: Devices.xml and files such as
    /// Mazak03-20161101.txt(.gz) with lines `timestamp|item|value`, also in its folder full_rate_days.
    #[arg(long, value_name = "FOLDER")]
    replay: Option<PathBuf>,

    /// Play this device only; may be given several times.
    #[arg(long, requires = "replay", value_name = "NAME")]
    device: Vec<String>,

    /// Keep the timestamps of the logs instead of moving them to now.
    #[arg(long, requires = "replay")]
    keep_time: bool,

    /// Begin again when the logs end.
    #[arg(long = "loop", requires = "replay")]
    repeat: bool,

    /// The agent's instanceId; without it, the second of the start.
    #[arg(long, value_name = "ID")]
    instance_id: Option<u64>,

    /// Observations held in the agent's ring buffer.
    #[arg(long, default_value_t = Agent::DEFAULT_BUFFER_SIZE, value_name = "N")]
    buffer_size: usize,

    /// Longest silence of a stream, in milliseconds, unless its client asks for another.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..), value_name = "MILLISECONDS")]
    heartbeat: u64,
}

fn speed(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(speed) if speed.is_finite() && speed > 0.0 => Ok(speed),
        _ => Err("expected a number above 0, such as 1 or 60".to_owned()),
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        .init();
    // Before anything is announced: who reads the address may end us at once.
    let mut terminate = signal(SignalKind::terminate()).context("SIGTERM cannot be handled")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("SIGINT cannot be handled")?;

    let (agent, feeding) = match &arguments.replay {
        Some(folder) => recording(&arguments, Recording::open(folder, &arguments.device)?).await?,
        None => plant(&arguments).await?,
    };
    let result = tokio::select! {
        result = feeding => result,
        _ = terminate.recv() => Ok(()),
        _ = interrupt.recv() => Ok(()),
    };
    agent.stop().await;
    result
}

/// What feeds the agent until the end.
type Feeding = Pin<Box<dyn Future<Output = anyhow::Result<()>>>>;

async fn start(
    arguments: &Arguments,
    devices: Devices,
    initial_time: Option<Timestamp>,
) -> anyhow::Result<AgentHandle> {
    let mut agent =
        Agent::new(devices).buffer_size(arguments.buffer_size).heartbeat(Duration::from_millis(arguments.heartbeat));
    if let Some(id) = arguments.instance_id {
        agent = agent.instance_id(id);
    }
    if let Some(time) = initial_time {
        agent = agent.initial_time(time);
    }
    let handle = agent.start(&arguments.listen).await?;
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "listening on {}", handle.url())
        .and_then(|()| stdout.flush())
        .context("standard output is closed")?;
    Ok(handle)
}

async fn plant(arguments: &Arguments) -> anyhow::Result<(AgentHandle, Feeding)> {
    let layout = Layout { shifts: ShiftPlan::three_shifts(arguments.time_zone), ..Layout::demo() };
    let agent = start(arguments, plant::devices(&layout), None).await?;
    let clock = Clock { start: chrono::Utc::now().into(), speed: arguments.speed };
    tracing::info!(seed = arguments.seed, speed = arguments.speed, "simulating the plant");
    let plant = Plant::new(layout, arguments.seed, clock);
    let adapter = agent.adapter();
    Ok((agent, Box::pin(async move { Ok(plant::run(plant, adapter).await?) })))
}

async fn recording(arguments: &Arguments, recording: Recording) -> anyhow::Result<(AgentHandle, Feeding)> {
    let tally = recording.tally();
    tracing::info!(
        files = tally.files,
        lines = tally.lines,
        observations = recording.events().len(),
        unreadable_lines = tally.unreadable,
        "read the recording"
    );
    for (item, count) in &tally.unknown_items {
        tracing::warn!(item, count, "left out: not in Devices.xml, or with a value that is none");
    }
    let initial = if arguments.keep_time { recording.first_time() } else { None };
    let agent = start(arguments, recording.devices().clone(), initial).await?;
    let playback = Playback { speed: arguments.speed, keep_time: arguments.keep_time, repeat: arguments.repeat };
    let adapter = agent.adapter();
    let feeding = async move {
        replay::play(&recording, &adapter, playback).await?;
        tracing::info!("the last values stay available; end with Ctrl-C");
        std::future::pending().await
    };
    Ok((agent, Box::pin(feeding)))
}
