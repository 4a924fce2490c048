//! One agent, read for as long as the collector runs.

mod reading;

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use gemba_contract::edge::LocalSignal;
use gemba_domain::Timestamp;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{
    client::{AgentClient, AgentFailure, Samples},
    mapping::{ItemIndex, Mapping, source_prefix},
    streams::Words,
    values::Values,
};
use crate::{
    backoff::Backoff,
    clock,
    collector::{HealthBoard, SourceState},
    config::SourceConfig,
    queue::{Intake, Position, Reading, SignalTable, Ticket},
    tls::ClientError,
};

/// What an agent has is asked for again this often, …
const PROBE_EVERY: Duration = Duration::from_secs(600);
/// … and when an unknown data item shows up, but not more often than this.
const PROBE_PAUSE: Duration = Duration::from_secs(10);
/// Refused documents in a row after which the agent counts as lost.
const BROKEN_LIMIT: u32 = 3;
/// Observations asked for in one document at most.
const MAX_COUNT: u64 = 5_000;
/// Differences of the clocks up to here are taken for the resolution of `creationTime`.
const SKEW_FLOOR: i64 = 1_500_000;

/// Reads one agent.
pub struct Source {
    config: SourceConfig,
    /// Place on the health board.
    number: usize,
    client: AgentClient,
    intake: Intake,
    signals: Arc<SignalTable>,
    health: Arc<HealthBoard>,
    position: Option<Position>,
    values: Values,
    index: ItemIndex,
    mapping: Mapping,
    words: Words,
    buffer_size: Option<u64>,
    last_heard: Timestamp,
    /// The agent's clock less ours, microseconds.
    skew: i64,
    /// The batcher was told how this source found its place.
    arrived: bool,
    /// Until where the run before covers: what follows is being caught up with.
    before: Option<Timestamp>,
    catching_up: Option<Ticket>,
    /// A sample document was taken since the last failure.
    progress: bool,
    last_probe: Instant,
    last_reprobe: Option<Instant>,
    counts: Counts,
}

/// What is told as remarks.
#[derive(Debug, Default, Clone, Copy)]
struct Counts {
    refused_documents: u64,
    missed_observations: u64,
    bad_times: u64,
    duplicates: u64,
}

/// Why a session ended.
enum Ended {
    /// The queue is closed.
    Closed,
    /// Begin anew at once.
    Again(String),
    Failed(AgentFailure),
}

impl From<AgentFailure> for Ended {
    fn from(failure: AgentFailure) -> Self {
        match failure {
            AgentFailure::OutOfRange(text) => Self::Again(text),
            other => Self::Failed(other),
        }
    }
}

impl Source {
    /// Ready to run. `position`: how far an earlier run read; `before`: until where it covers.
    pub fn new(
        config: SourceConfig,
        number: usize,
        intake: Intake,
        signals: Arc<SignalTable>,
        health: Arc<HealthBoard>,
        position: Option<Position>,
        before: Option<Timestamp>,
    ) -> Result<Self, ClientError> {
        let mut values = Values::default();
        if let Some(at) = position.as_ref().and_then(|position| position.lost_at) {
            values.lost_before(&signals.of_source(&source_prefix(&config)), at);
        }
        Ok(Self {
            client: AgentClient::new(&config)?,
            config,
            number,
            intake,
            signals,
            health,
            position,
            values,
            index: ItemIndex::default(),
            mapping: Mapping::default(),
            words: Words::default(),
            buffer_size: None,
            last_heard: clock::now(),
            skew: 0,
            arrived: false,
            before,
            catching_up: None,
            progress: false,
            last_probe: Instant::now(),
            last_reprobe: None,
            counts: Counts::default(),
        })
    }

    /// Until `stop`, or until the queue is closed.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut backoff = Backoff::new(Duration::from_millis(250), Duration::from_secs(10));
        let mut failures = 0;
        let mut trouble_at = None;
        loop {
            let ended = tokio::select! {
                () = stop.cancelled() => return,
                ended = self.session() => match ended {
                    Ok(()) => continue,
                    Err(ended) => ended,
                },
            };
            if std::mem::take(&mut self.progress) {
                failures = 0;
                trouble_at = None;
                backoff.reset();
            }
            failures += 1;
            let pause = match ended {
                Ended::Closed => return,
                Ended::Again(reason) => {
                    tracing::info!(source = %self.config.name, %reason, "beginning anew with the values in force");
                    if failures < 3 { Duration::ZERO } else { backoff.pause(Duration::ZERO) }
                }
                Ended::Failed(failure) => {
                    let at = match failure {
                        AgentFailure::Silent(_) | AgentFailure::Broken(_) => self.last_heard,
                        _ => clock::now(),
                    };
                    let at = *trouble_at.get_or_insert(at);
                    match self.failed(&failure, failures, at).await {
                        Ok(()) if failures == 1 && !matches!(failure, AgentFailure::Broken(_)) => Duration::ZERO,
                        Ok(()) => backoff.pause(Duration::ZERO),
                        Err(_) => return,
                    }
                }
            };
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Takes note of a failure; from a certain point on the source is lost.
    async fn failed(&mut self, failure: &AgentFailure, failures: u32, at: Timestamp) -> Result<(), Ended> {
        let broken = matches!(failure, AgentFailure::Broken(_));
        if broken {
            self.counts.refused_documents += 1;
            self.tell();
        }
        let lost = match failure {
            AgentFailure::Silent(_) => true,
            AgentFailure::Broken(_) => failures >= BROKEN_LIMIT,
            _ => failures >= 2 || !self.arrived,
        };
        let text = failure.to_string();
        let state = if lost || self.values.lost_at().is_some() {
            SourceState::Lost(text.clone())
        } else {
            SourceState::Troubled(text.clone())
        };
        if self.health.source(self.number, state) {
            tracing::warn!(source = %self.config.name, lost, "{text}; trying again");
        }
        if lost && self.values.lost_at().is_none() {
            self.lose(at).await?;
        }
        self.arrive(false);
        Ok(())
    }

    fn arrive(&mut self, resumed: bool) {
        if !std::mem::replace(&mut self.arrived, true) {
            self.intake.arrived(resumed);
        }
    }

    fn all_signals(&self) -> BTreeSet<LocalSignal> {
        let known = self.signals.of_source(&source_prefix(&self.config));
        known.into_iter().chain(self.index.signals()).collect()
    }

    /// Writes that the source is lost since this moment of the collector's clock.
    async fn lose(&mut self, at: Timestamp) -> Result<(), Ended> {
        if let Some(ticket) = self.catching_up.take() {
            ticket.abandon();
        }
        let readings = self.values.lose(self.all_signals(), at.plus_micros(self.skew));
        tracing::warn!(source = %self.config.name, %at, signals = readings.len(), "the source is lost; its signals are unavailable");
        let position = self.position.clone().map(|position| Position { lost_at: self.values.lost_at(), ..position });
        self.position.clone_from(&position);
        self.deliver(readings, Vec::new()).await
    }

    async fn deliver(&mut self, readings: Vec<Reading>, tickets: Vec<Ticket>) -> Result<(), Ended> {
        let position = self.position.clone().map(|position| (self.config.name.clone(), position));
        self.intake.deliver(readings, position, tickets).await.map_err(|_| Ended::Closed)
    }

    /// Probe, current, samples, until something happens.
    async fn session(&mut self) -> Result<(), Ended> {
        let devices = self.client.probe().await?;
        self.adopt(&devices);
        let body = self.client.current().await?;
        let ticket = self.intake.begin(clock::now());
        let current = self.parse(&body)?;
        if current.header.instance != devices.header.instance {
            return Err(Ended::Again("the agent was restarted between two answers".to_owned()));
        }
        self.establish(&current, ticket).await?;
        let mut stream = true;
        loop {
            let next = self.position.as_ref().map_or(0, |position| position.next);
            let count = self.buffer_size.unwrap_or(1_001).saturating_sub(1).clamp(1, MAX_COUNT);
            match self.client.samples(next, count, stream).await? {
                Samples::Stream(mut parts) => loop {
                    let body = parts.next().await?;
                    let caught_up = self.take(&body).await?;
                    self.flowing(if caught_up { SourceState::Streaming } else { SourceState::CatchingUp });
                },
                Samples::Document(body) => {
                    stream = false;
                    let caught_up = self.take(&body).await?;
                    self.flowing(if caught_up { SourceState::Polling } else { SourceState::CatchingUp });
                    if caught_up {
                        tokio::time::sleep(self.config.interval).await;
                    }
                }
            }
        }
    }

    fn flowing(&mut self, state: SourceState) {
        self.progress = true;
        if self.health.source(self.number, state.clone()) {
            tracing::info!(source = %self.config.name, "{state}");
        }
    }

    fn tell(&self) {
        let mut remarks: Vec<String> = self.mapping.problems.iter().take(3).cloned().collect();
        let counts = self.counts;
        for (count, what) in [
            (counts.missed_observations, "observations were missed: the agent's buffer was overrun"),
            (counts.refused_documents, "documents were refused"),
            (counts.bad_times, "observations without a readable time"),
        ] {
            if count > 0 {
                remarks.push(format!("{count} {what}"));
            }
        }
        self.health.remarks(self.number, remarks);
    }
}
