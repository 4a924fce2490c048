//! One round of killing: at random moments under load, then everything is accounted for.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use rand::Rng;

use super::{Fault, Outcome, Stage, facts, machines, machines::Said, samples};
use crate::rig::now_micros;

/// How long the backlog may take to drain, and the facts to be stored.
const PATIENCE: Duration = Duration::from_secs(45);

pub(super) const HEADING: &str =
    "round  fault  kills  observations  lost  other  ready ms  503 ms  reconnect ms  live again ms  drained ms";

/// What was measured with one kill. `None`: does not belong to it.
#[derive(Clone, Copy, Debug)]
pub struct Kill {
    /// Which fault it was part of.
    pub fault: Fault,
    /// From the server's start until it was ready.
    pub ready_ms: Option<f64>,
    /// From the kill of Postgres until /readyz said so; `None` too when Postgres was back before anyone could notice.
    pub not_ready_ms: Option<f64>,
    /// From the kill of Postgres until it took connections.
    pub postgres_up_ms: Option<f64>,
    /// From then until the server was ready.
    pub ready_after_postgres_ms: Option<f64>,
    /// From the kill until the browser had a whole picture again; 0 when it never lost its connection.
    pub reconnect_ms: Option<f64>,
    /// From the kill until the browser showed a value made after it.
    pub live_again_ms: Option<f64>,
}

impl Kill {
    fn new(fault: Fault) -> Self {
        Self {
            fault,
            ready_ms: None,
            not_ready_ms: None,
            postgres_up_ms: None,
            ready_after_postgres_ms: None,
            reconnect_ms: None,
            live_again_ms: None,
        }
    }
}

fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

/// Kills, restarts, waits until all is handed over, and compares. A line for the table.
pub(super) async fn round(
    stage: &mut Stage,
    fault: Fault,
    short: bool,
    with_facts: bool,
    random: &mut impl Rng,
    outcome: &mut Outcome,
) -> Result<String> {
    let (before, lost_before, all_before) =
        (stage.machines.observations(), outcome.account.count(super::Kind::Lost), outcome.account.unaccounted());
    if stage.collector.is_none() {
        stage.collector = Some(stage.rig.start_collector(&stage.settings)?);
    }
    stage.machines.work(true);
    let kills = match fault {
        Fault::F9 => 0,
        _ if short => 1,
        Fault::F2 => 4,
        Fault::F1 | Fault::F3 => 3,
        Fault::F4 => 2,
    };
    let mut collector_kills = Vec::new();
    let mut done = Vec::new();
    for _ in 0..kills {
        tokio::time::sleep(Duration::from_micros(random.random_range(300_000..2_000_000))).await;
        let begun = now_micros();
        done.push(stage.kill(fault, random).await.with_context(|| format!("{fault:?}"))?);
        if matches!(fault, Fault::F2 | Fault::F4) {
            collector_kills.push((begun, now_micros()));
        }
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    stage.machines.work(false);
    let drained = stage.drained().await?;
    stage.account(&collector_kills, with_facts, outcome).await?;

    let longest = |of: fn(&Kill) -> Option<f64>| match done.iter().filter_map(of).reduce(f64::max) {
        Some(longest) => format!("{longest:.0}"),
        None => "-".to_owned(),
    };
    let lost = outcome.account.count(super::Kind::Lost) - lost_before;
    let line = format!(
        "{:<5}  {:>5}  {:>12}  {:>4}  {:>5}  {:>8}  {:>6}  {:>12}  {:>13}  {:>10}",
        format!("{fault:?}"),
        done.len(),
        stage.machines.observations() - before,
        lost,
        outcome.account.unaccounted() - all_before - lost,
        longest(|kill| kill.ready_ms.or(kill.ready_after_postgres_ms)),
        longest(|kill| kill.not_ready_ms),
        longest(|kill| kill.reconnect_ms),
        longest(|kill| kill.live_again_ms),
        drained.map_or_else(|| "NEVER".to_owned(), |after| format!("{:.0}", ms(after))),
    );
    outcome.kills.extend(done);
    Ok(line)
}

impl Stage {
    async fn kill(&mut self, fault: Fault, random: &mut impl Rng) -> Result<Kill> {
        let mut kill = Kill::new(fault);
        let (at, micros) = (Instant::now(), now_micros());
        // A service manager is not always quick.
        let pause = Duration::from_millis(random.random_range(0..400));
        match fault {
            Fault::F1 => {
                self.rig.kill_server().await?;
                tokio::time::sleep(pause).await;
                kill.ready_ms = Some(ms(self.rig.start_server().await?));
            }
            Fault::F2 => {
                self.collector.take().context("no collector runs")?.kill().await?;
                tokio::time::sleep(pause).await;
                self.collector = Some(self.rig.start_collector(&self.settings)?);
            }
            Fault::F3 => {
                self.rig.postmaster()?.kill_all()?;
                self.watch_recovery(at, &mut kill).await?;
            }
            Fault::F4 => {
                self.rig.postmaster()?.kill_all()?;
                self.rig.kill_server().await?;
                self.collector.take().context("no collector runs")?.kill().await?;
                tokio::time::sleep(pause).await;
                self.collector = Some(self.rig.start_collector(&self.settings)?);
                kill.ready_ms = Some(ms(self.rig.start_server().await?));
            }
            Fault::F9 => {}
        }
        kill.reconnect_ms = until(PATIENCE, || self.browser.back_after(at).map(ms)).await;
        let newer = || self.browser.newest().filter(|(time, _)| *time > micros).map(|(_, seen)| ms(seen - at));
        kill.live_again_ms = until(PATIENCE, newer).await;
        ensure!(kill.reconnect_ms.is_some(), "the browser has no picture {} s after the kill", PATIENCE.as_secs());
        Ok(kill)
    }

    /// Watches /readyz and Postgres' socket until both are well. The server itself must stay up.
    async fn watch_recovery(&mut self, killed: Instant, kill: &mut Kill) -> Result<()> {
        let mut up = None;
        while killed.elapsed() < PATIENCE {
            let ready = self.rig.readiness().await;
            ensure!(!self.rig.server()?.has_ended()?, "the server ended with its Postgres");
            if ready != Some(200) {
                kill.not_ready_ms.get_or_insert(ms(killed.elapsed()));
            }
            if up.is_none()
                && let Ok(postmaster) = self.rig.postmaster()
                && postmaster.connect().await.is_ok()
            {
                up = Some(Instant::now());
                kill.postgres_up_ms = Some(ms(killed.elapsed()));
            }
            // Its absence is looked for twice a second: one that was shorter may never be seen.
            let noticed = kill.not_ready_ms.is_some() || killed.elapsed() > Duration::from_millis(2500);
            if let (Some(up), Some(200), true) = (up, ready, noticed) {
                kill.ready_after_postgres_ms = Some(if kill.not_ready_ms.is_some() { ms(up.elapsed()) } else { 0.0 });
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        anyhow::bail!("the server is not well {} s after Postgres was killed", PATIENCE.as_secs())
    }

    /// Waits until the server shows the newest value of every signal; `None` when that never comes.
    pub(super) async fn drained(&self) -> Result<Option<Duration>> {
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            let mut behind = 0;
            for (_, path) in machines::units() {
                let unit = self.session.unit(&path).await?.context("a unit is gone")?;
                let ledger = self.machines.ledger();
                for signal in &unit.signals {
                    let newest =
                        ledger.get(&(path.clone(), signal.code.clone())).and_then(|said| said.last_key_value());
                    let shown = signal.latest.as_ref().map(|latest| latest.time.micros());
                    behind += usize::from(newest.map(|(time, _)| *time) != shown);
                }
            }
            if behind == 0 {
                return Ok(Some(begun.elapsed()));
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(None)
    }

    /// Compares the store with the ledger, and, when asked for, the facts with a derivation. For the facts the collector is
    /// stopped, so that they have an end.
    async fn account(&mut self, kills: &[(i64, i64)], with_facts: bool, outcome: &mut Outcome) -> Result<()> {
        let mut database = None;
        if with_facts {
            if let Some(collector) = self.collector.take() {
                collector.stop().await?;
            }
            database = Some(self.rig.postmaster()?.connect().await?);
        }
        let mut holes = 0;
        for (_, path) in machines::units() {
            let unit = self.session.unit(&path).await?.context("a unit is gone")?;
            let said: BTreeMap<String, Said> = {
                let ledger = self.machines.ledger();
                let of_unit = ledger.iter().filter(|((of, _), _)| *of == path);
                of_unit.map(|((_, code), said)| (code.clone(), said.clone())).collect()
            };
            let stored = samples::check(&self.session, &unit, &said, kills, &mut outcome.account).await?;
            if let Some(database) = &mut database {
                facts::check(database, &unit, &stored, PATIENCE, &mut outcome.account).await?;
                holes = facts::coverage(database, unit.tile.id).await?.len().saturating_sub(1);
            }
        }
        if with_facts {
            outcome.coverage_holes = holes;
        }
        Ok(())
    }
}

/// Asks until there is an answer.
async fn until<T>(patience: Duration, ask: impl Fn() -> Option<T>) -> Option<T> {
    let begun = Instant::now();
    loop {
        let answer = ask();
        if answer.is_some() || begun.elapsed() > patience {
            return answer;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
