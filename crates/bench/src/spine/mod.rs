//! The way from a machine to the figures under faults (F1-F4, F9): machines -> `gemba-edge` -> `gemba serve` -> Postgres.
//!
//! The machines say value = f(signal, time). Whatever is killed meanwhile, at the end what they said is in the store, what is
//! in the store was said, no (signal, time) stands twice, values are equal to the bit, the latest values are the newest, and
//! the stored OEE facts are those that a derivation over everything gives. All chance comes from one printed seed.

mod account;
mod facts;
mod kills;
mod machines;
mod samples;
mod shuffled;

use std::process::ExitCode;

use anyhow::{Result, ensure};
use clap::{Args, ValueEnum};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::{
    report::Report,
    rig::{Browser, CollectorProcess, CollectorSettings, PlantPlan, Programs, Rig, Session, now_micros},
};
pub use account::{Account, Kind};
use machines::Machines;

/// What is done to the spine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "UPPER")]
pub enum Fault {
    /// kill -9 of the server
    F1,
    /// kill -9 of the collector
    F2,
    /// kill -9 of Postgres with all backends
    F3,
    /// All three at once
    F4,
    /// Duplicates, shuffled, late, from the future
    F9,
}

/// `chaos spine`.
#[derive(Args, Debug)]
pub struct SpineArguments {
    /// How many rounds
    #[arg(long, default_value_t = 20)]
    rounds: usize,
    /// Repeats the draws of an earlier run
    #[arg(long)]
    seed: Option<u64>,
    /// Only these faults
    #[arg(long, value_enum, value_delimiter = ',', ignore_case = true)]
    only: Vec<Fault>,
    /// Observations a second
    #[arg(long, default_value_t = 300)]
    rate: u32,
}

/// What is to be done.
#[derive(Clone, Debug)]
pub struct Campaign {
    /// Of all draws.
    pub seed: u64,
    /// One fault a round.
    pub rounds: Vec<Fault>,
    /// Observations a second.
    pub rate: u32,
    /// Fewer kills a round, and the facts are looked at in the last round only.
    pub short: bool,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Outcome {
    /// What must not be.
    pub account: Account,
    /// What was measured with each kill.
    pub kills: Vec<kills::Kill>,
    /// Observations that the machines made.
    pub observations: usize,
    /// Milliseconds until late data stood in the facts, of each round F9.
    pub rederived_ms: Vec<f64>,
    /// Stretches that nobody watched between the first and the last observation.
    pub coverage_holes: usize,
}

/// Runs it, tells, and judges.
///
/// # Errors
/// A program did something that no fault explains.
pub async fn run(arguments: &SpineArguments) -> Result<ExitCode> {
    let faults = if arguments.only.is_empty() { Fault::value_variants().to_vec() } else { arguments.only.clone() };
    let campaign = Campaign {
        seed: arguments.seed.unwrap_or_else(|| now_micros().unsigned_abs() % 1_000_000_007),
        rounds: faults.into_iter().cycle().take(arguments.rounds).collect(),
        rate: arguments.rate,
        short: false,
    };
    println!("seed {} ({} rounds)", campaign.seed, campaign.rounds.len());
    let outcome = campaign.run(Programs::find()?).await?;
    let report = outcome.report(&campaign);
    for line in outcome.account.details() {
        println!("  {line}");
    }
    report.print();
    Ok(if outcome.account.unaccounted() == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// All that takes part.
struct Stage {
    rig: Rig,
    session: Session,
    machines: Machines,
    settings: CollectorSettings,
    collector: Option<CollectorProcess>,
    browser: Browser,
}

impl Campaign {
    /// Runs all rounds.
    ///
    /// # Errors
    /// A program did something that no fault explains.
    pub async fn run(&self, programs: Programs) -> Result<Outcome> {
        let mut random = ChaCha8Rng::seed_from_u64(self.seed);
        let pairs = self.rounds.iter().filter(|fault| **fault == Fault::F9).count();
        let mut lines = vec![machines::line()];
        lines.extend((0..pairs).map(shuffled::line));
        let mut stage = Stage::set(programs, &PlantPlan { lines }, random.random(), self.rate).await?;
        let mut outcome = Outcome::default();
        let mut pair = 0;
        println!("{}", kills::HEADING);
        for (number, fault) in self.rounds.iter().enumerate() {
            let facts = !self.short || number + 1 == self.rounds.len();
            if *fault == Fault::F9 {
                let Stage { rig, session, .. } = &mut stage;
                let line = shuffled::round(rig, session, pair, self.short, &mut random, &mut outcome).await?;
                println!("{:>5}  {line}", number + 1);
                pair += 1;
                continue;
            }
            let line = kills::round(&mut stage, *fault, self.short, facts, &mut random, &mut outcome).await?;
            println!("{:>5}  {line}", number + 1);
        }
        outcome.observations = stage.machines.observations();
        stage.close().await?;
        Ok(outcome)
    }
}

impl Stage {
    /// Everything runs, and the server has the first word of every signal; the machines do not move yet.
    async fn set(programs: Programs, plant: &PlantPlan, seed: u64, rate: u32) -> Result<Self> {
        let rig = Rig::start(programs, plant).await?;
        let session = rig.sign_in().await?;
        let machines = Machines::start(seed, rate).await?;
        for (_, path) in machines::units() {
            session.until_known(&path).await?;
        }
        let identity = rig.enrol("spine").await?;
        let settings = CollectorSettings { identity, agent: machines.url(), units: machines::units() };
        let collector = Some(rig.start_collector(&settings)?);
        let (_, first) = machines::units().into_iter().next().unwrap_or_default();
        let browser = Browser::open(session.clone(), format!("unit/{first}"));
        let stage = Self { rig, session, machines, settings, collector, browser };
        ensure!(stage.drained().await?.is_some(), "the collector did not hand over the first word of every signal");
        Ok(stage)
    }

    async fn close(mut self) -> Result<()> {
        if let Some(collector) = self.collector.take() {
            collector.stop().await?;
        }
        self.machines.stop().await;
        drop(self.browser);
        self.rig.stop().await
    }
}

/// Key, label, target and source of a figure of which the longest counts.
type Longest = (&'static str, &'static str, Option<f64>, fn(&kills::Kill) -> Option<f64>);

const LONGEST: [Longest; 6] = [
    ("ready_ms_max", "server started -> ready", Some(2000.0), |kill| kill.ready_ms),
    ("not_ready_seen_ms_max", "Postgres killed -> /readyz 503", Some(2000.0), |kill| kill.not_ready_ms),
    ("postgres_up_ms_max", "Postgres killed -> up", None, |kill| kill.postgres_up_ms),
    ("ready_after_postgres_ms_max", "Postgres up -> ready", Some(5000.0), |kill| kill.ready_after_postgres_ms),
    ("reconnect_ms_max", "kill -> browser has a whole picture", Some(5000.0), |kill| kill.reconnect_ms),
    ("live_again_ms_max", "kill -> browser shows newer values", None, |kill| kill.live_again_ms),
];

impl Outcome {
    /// As a table.
    pub fn report(&self, campaign: &Campaign) -> Report {
        let mut report = Report::new("spine");
        let killed = |what: fn(Fault) -> bool| self.kills.iter().filter(|kill| what(kill.fault)).count() as f64;
        let collector_kills = killed(|fault| matches!(fault, Fault::F2 | Fault::F4));
        report.word("seed", "seed", campaign.seed);
        report.figure("rounds", "rounds", campaign.rounds.len() as f64, "");
        report.figure("observations", "observations of the machines", self.observations as f64, "");
        report.figure(
            "server_kills",
            "kills of the server",
            killed(|fault| matches!(fault, Fault::F1 | Fault::F4)),
            "",
        );
        report.figure("collector_kills", "kills of the collector", collector_kills, "");
        report.figure(
            "postgres_kills",
            "kills of Postgres",
            killed(|fault| matches!(fault, Fault::F3 | Fault::F4)),
            "",
        );
        report.figure("unaccounted", "unaccounted for, all told", self.account.unaccounted() as f64, "").at_most(0.0);
        for kind in Kind::ALL {
            report.figure(kind.key(), kind.label(), self.account.count(kind) as f64, "");
        }
        let scans = self.account.count(Kind::MissedScan) as f64;
        let per_kill = if collector_kills > 0.0 { scans / collector_kills } else { 0.0 };
        report
            .figure("missing_per_collector_kill", "scans missed per kill of the collector", per_kill, "")
            .at_most(1.0);
        report.figure("coverage_holes", "stretches nobody watched", self.coverage_holes as f64, "");
        for (key, label, limit, of) in LONGEST {
            if let Some(longest) = self.kills.iter().filter_map(of).reduce(f64::max) {
                report.figure(key, label, longest, "ms");
                if let Some(limit) = limit {
                    report.at_most(limit);
                }
            }
        }
        if let Some(longest) = self.rederived_ms.iter().copied().reduce(f64::max) {
            report.figure("rederived_ms_max", "late data -> in the facts", longest, "ms").at_most(60_000.0);
        }
        report
    }
}
