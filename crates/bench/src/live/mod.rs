//! From a collector's send to the browsers: a real server, five hundred WebSockets that look at one unit, a thousand
//! signal changes a second through the collectors' protocol.
//!
//! Each value is the moment at which it was sent, in microseconds, so that whoever receives it knows how long it was under
//! way: encoding, HTTP, the durable commit, the engine, the gathering of changes, the WebSocket. The clients share the
//! machine with the server; what they cost makes the latency worse, not better.

mod clients;
mod load;

use std::{
    process::ExitCode,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use clap::Args;
use gemba_domain::signal::{SignalKind, SignalRole};

use crate::{
    report::{Report, quantile},
    rig::{LinePlan, PlantPlan, Programs, Rig, Sender, Session, SignalPlan, UnitPlan},
};
use clients::{Clients, Watched};
use load::{Load, Shape};

const LINE: &str = "line-1";
const UNITS: usize = 10;
/// Signals of the unit that is looked at.
const SIGNALS: u32 = 100;

/// `bench live`.
#[derive(Args, Debug)]
pub struct LiveArguments {
    /// Browsers
    #[arg(long, default_value_t = 500)]
    clients: usize,
    /// Signal changes a second
    #[arg(long, default_value_t = 1000)]
    changes: u32,
    /// How long
    #[arg(long, default_value_t = 20)]
    seconds: u32,
    /// Milliseconds between two batches
    #[arg(long, default_value_t = 50)]
    batch_ms: u32,
}

/// One unit with a hundred measures, and nine more so that it is a plant. Every unit has a state and a counter.
fn plant() -> PlantPlan {
    let unit = |number: usize| {
        let mut signals = vec![
            SignalPlan::role(SignalKind::State, SignalRole::Execution),
            SignalPlan::role(SignalKind::Counter, SignalRole::GoodCount),
        ];
        if number == 0 {
            signals.extend((0..SIGNALS).map(|n| SignalPlan::plain(SignalKind::Measure, format!("measure-{n}"))));
        }
        UnitPlan { code: format!("unit-{number}"), signals }
    };
    PlantPlan { lines: vec![LinePlan { code: LINE.to_owned(), units: (0..UNITS).map(unit).collect() }] }
}

/// Figures of one phase.
struct Phase {
    latencies: Vec<f64>,
    acknowledged: Vec<f64>,
    stale: usize,
    changes: f64,
    server_cpu: f64,
    postgres_cpu: f64,
    elapsed: f64,
    bytes: f64,
    memory_per_client_kb: f64,
    snapshots_again: usize,
}

impl Phase {
    fn cpu_us_per_change(&self) -> f64 {
        self.server_cpu * 1e6 / self.changes
    }
}

/// Measures and prints.
///
/// # Errors
/// A program failed.
pub async fn run(arguments: &LiveArguments) -> Result<ExitCode> {
    let mut rig = Rig::start(Programs::find()?, &plant()).await?;
    let session = rig.sign_in().await?;
    let unit = PlantPlan::path(LINE, "unit-0");
    session.until_known(&unit).await?;
    let identity = rig.enrol("bench").await?;
    let paths = (0..UNITS).map(|n| PlantPlan::path(LINE, &format!("unit-{n}")));
    let addresses = paths
        .flat_map(|path| {
            [(format!("{path}:execution"), SignalKind::State), (format!("{path}:good-count"), SignalKind::Counter)]
        })
        .chain((0..SIGNALS).map(|n| (format!("{unit}:measure-{n}"), SignalKind::Measure)));
    let sender = Sender::new(&rig.ingest_url(), &identity, addresses)?;
    sender.hello().await?;
    let every = Duration::from_millis(arguments.batch_ms.into());
    let measures = Shape::Measures { first: 2 * UNITS as u32, count: SIGNALS, a_second: arguments.changes };
    let counters = Shape::Counters { units: UNITS as u32 };
    let mut load = Load::new(sender, every);
    let on_unit = Watched::Unit { path: unit, signals: SIGNALS as usize };
    load.run(&measures, Duration::from_secs(2)).await?;

    let seconds = |n: u32| Duration::from_secs(n.into());
    println!("one browser, then {}, on a unit; then on the overview", arguments.clients);
    let one =
        phase(&mut rig, &session, &mut load, &on_unit, 1, &measures, seconds(arguments.seconds.div_ceil(2))).await?;
    let many = phase(&mut rig, &session, &mut load, &on_unit, arguments.clients, &measures, seconds(arguments.seconds))
        .await?;
    let overview = Watched::Overview { units: UNITS };
    let half = seconds(arguments.seconds.div_ceil(2));
    let tiles = phase(&mut rig, &session, &mut load, &overview, arguments.clients, &counters, half).await?;
    rig.stop().await?;
    tell(arguments, &one, &many, &tiles);
    Ok(ExitCode::SUCCESS)
}

async fn phase(
    rig: &mut Rig,
    session: &Session,
    load: &mut Load,
    watched: &Watched,
    clients: usize,
    shape: &Shape,
    length: Duration,
) -> Result<Phase> {
    let before = rig.server()?.usage()?;
    let clients = Clients::open(session, watched, clients).await?;
    let postgres = rig.postmaster()?;
    let (begun, server, database) = (Instant::now(), rig.server()?.usage()?, postgres.cpu_seconds());
    let sent = load.run(shape, length).await?;
    let elapsed = begun.elapsed().as_secs_f64();
    // The last values are under way; then nothing moves any more but the figures, every five seconds.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let after = rig.server()?.usage()?;
    let postgres_cpu = postgres.cpu_seconds() - database;
    let count = clients.count() as f64;
    let seen = clients.close(&sent).await?;
    ensure!(!seen.latencies_ms.is_empty(), "no browser received a change");
    Ok(Phase {
        latencies: seen.latencies_ms,
        acknowledged: sent.acknowledged_ms.clone(),
        stale: seen.stale,
        changes: sent.changes as f64,
        server_cpu: after.cpu_seconds - server.cpu_seconds,
        postgres_cpu,
        elapsed,
        bytes: seen.bytes as f64,
        memory_per_client_kb: (after.resident_kb - before.resident_kb) / count,
        snapshots_again: seen.snapshots_again,
    })
}

fn tell(arguments: &LiveArguments, one: &Phase, many: &Phase, tiles: &Phase) {
    let sorted = |values: &[f64]| {
        let mut values = values.to_vec();
        values.sort_by(f64::total_cmp);
        values
    };
    let clients = arguments.clients as f64;
    let mut report = Report::new("live");
    let (all, acked) = (sorted(&many.latencies), sorted(&many.acknowledged));
    report.figure("clients", "browsers on one unit", clients, "");
    report.figure("changes_per_s", "signal changes", many.changes / many.elapsed, "1/s");
    report.figure("p50_ms", "send -> browser, commit included, p50", quantile(&all, 0.5), "ms");
    report.figure("p99_ms", "send -> browser, commit included, p99", quantile(&all, 0.99), "ms").at_most(100.0);
    report.beside("MEASURED: Node-RED 8-21, FUXA 100 (1 browser)");
    report.figure("max_ms", "the longest", quantile(&all, 1.0), "ms");
    report.figure("acknowledged_p50_ms", "send -> acknowledged, p50", quantile(&acked, 0.5), "ms");
    report.figure("acknowledged_p99_ms", "send -> acknowledged, p99", quantile(&acked, 0.99), "ms");
    report
        .figure("stale_last_values", "browsers' last values that are not the newest", many.stale as f64, "")
        .at_most(0.0);
    report.figure("snapshots_again", "browsers that fell behind and got a new whole", many.snapshots_again as f64, "");
    report.figure("server_cpu_percent", "gemba, of one core", many.server_cpu / many.elapsed * 100.0, "%");
    report.figure("postgres_cpu_percent", "its Postgres, of one core", many.postgres_cpu / many.elapsed * 100.0, "%");
    report.figure("cpu_us_per_update", "gemba, per change", many.cpu_us_per_change(), "us");
    report.figure(
        "cpu_us_per_client_update",
        "gemba, per change and browser",
        many.cpu_us_per_change() / clients,
        "us",
    );
    report.figure("bytes_per_update", "on the wire, per change and browser", many.bytes / many.changes / clients, "B");
    report.figure("memory_per_client_kb", "memory per browser", many.memory_per_client_kb, "KB").at_most(30.0);

    let alone = sorted(&one.latencies);
    report.figure("one_client_p50_ms", "one browser: p50", quantile(&alone, 0.5), "ms").at_most(3.0);
    report.beside("Node-RED 0.5, FUXA 50");
    report.figure("one_client_p99_ms", "one browser: p99", quantile(&alone, 0.99), "ms").at_most(20.0);
    report.beside("Node-RED 8-21, FUXA 100; neither stores");
    report.figure("one_client_stale_last_values", "one browser: stale last values", one.stale as f64, "").at_most(0.0);
    report.figure("one_client_cpu_us_per_update", "one browser: gemba per change", one.cpu_us_per_change(), "us");
    report.at_most(45.0).beside("Node-RED 200-250, FUXA 70");
    report.figure(
        "node_red_cpu_ratio",
        "Node-RED's 225 us over ours, one browser",
        225.0 / one.cpu_us_per_change(),
        "x",
    );
    report.at_least(5.0);

    let overview = sorted(&tiles.latencies);
    report.figure("overview_changes_per_s", "overview: counts", tiles.changes / tiles.elapsed, "1/s");
    report.figure("overview_p50_ms", "overview: p50", quantile(&overview, 0.5), "ms");
    report.figure("overview_p99_ms", "overview: p99", quantile(&overview, 0.99), "ms").at_most(100.0);
    report.figure("overview_stale_last_values", "overview: stale last values", tiles.stale as f64, "").at_most(0.0);
    report.figure(
        "overview_server_cpu_percent",
        "overview: gemba, of one core",
        tiles.server_cpu / tiles.elapsed * 100.0,
        "%",
    );
    report.figure("overview_cpu_us_per_update", "overview: gemba per change", tiles.cpu_us_per_change(), "us");
    report.figure(
        "overview_bytes_per_update",
        "overview: on the wire, per change and browser",
        tiles.bytes / tiles.changes / clients,
        "B",
    );
    report.print();
}
