//! What every request handler and job is given.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use prometheus_client::{
    metrics::{counter::Counter, family::Family, histogram::Histogram},
    registry::{Metric, Registry},
};
use sqlx::PgPool;
use tokio::{sync::mpsc, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use crate::{
    auth, calendar, clock, collector, config::Settings, historian, identity, ingest, live, oee, order, overview, plant,
    reason, report, rule,
};

/// Handed by value everywhere; cheap to clone.
#[derive(Clone)]
pub struct AppState {
    /// Connections to Postgres.
    pub pool: PgPool,
    /// The settings the server was started with.
    pub settings: Arc<Settings>,
    /// Users and sessions.
    pub auth: auth::Service,
    /// Equipment, signals, shift patterns.
    pub plant: plant::Service,
    /// Samples.
    pub historian: historian::Service,
    /// Who collectors are.
    pub identities: identity::Service,
    /// Takes samples from collectors.
    pub ingest: ingest::Service,
    /// How the collectors are.
    pub collectors: collector::Service,
    /// Facts: states, counts, elements.
    pub oee: oee::Service,
    /// Products and production orders.
    pub orders: order::Service,
    /// Reasons of stops.
    pub reasons: reason::Service,
    /// Rules that make states.
    pub rules: rule::Service,
    /// Lines and units over a period.
    pub reports: report::Service,
    /// When sites work.
    pub calendars: calendar::Service,
    /// Views of the plant's present.
    pub overview: overview::Service,
    /// Tells browsers what changed.
    pub live: live::Hub,
    /// Figures about the server itself.
    pub metrics: Arc<Metrics>,
    /// What works at this moment.
    pub health: Arc<Health>,
    /// Cancelled when the server stops: long-lived connections and jobs end.
    pub shutdown: CancellationToken,
    /// Where the engine takes its input from, until it is started.
    engine_input: Arc<Mutex<Option<EngineInput>>>,
}

/// Commits, and what else moves the engine.
type EngineInput = (mpsc::Receiver<ingest::Input>, mpsc::Receiver<oee::Nudge>);

/// The database holds something that the server cannot start with.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The plant cannot be read.
    #[error(transparent)]
    Plant(#[from] plant::LoadError),
    /// The samples cannot be read.
    #[error(transparent)]
    Historian(#[from] historian::HistorianError),
}

impl AppState {
    /// With a pool on a migrated database and settings that are there already. Reads what must be in memory; starts
    /// nothing.
    ///
    /// # Errors
    /// The database does not answer, or holds what cannot be read.
    pub async fn open(pool: PgPool, settings: Arc<Settings>) -> Result<Self, OpenError> {
        let metrics = Arc::new(Metrics::new());
        let plant = plant::Service::open(pool.clone()).await?;
        let historian = historian::Service::open(pool.clone(), historian_settings(&settings)).await?;
        let in_work = settings.ingest.max_in_flight;
        let (ingest, input) = ingest::Service::new(pool.clone(), plant.clone(), historian.clone(), in_work);
        let (oee, nudges) = oee::Service::new(pool.clone(), plant.clone(), historian.clone());
        let overview = overview::Service::new(plant.clone(), oee.board(), historian.clone());
        Ok(Self {
            auth: auth::Service::new(pool.clone(), &settings, &metrics),
            reports: report::Service::new(pool.clone(), plant.clone(), oee.clone(), overview.clone()),
            identities: identity::Service::new(pool.clone(), &settings),
            overview,
            collectors: collector::Service::new(pool.clone(), plant.clone(), historian.clone(), ingest.rates().clone()),
            live: live::Hub::default(),
            orders: order::Service::new(pool.clone(), plant.clone(), oee.clone()),
            reasons: reason::Service::new(pool.clone(), plant.clone(), oee.clone()),
            rules: rule::Service::new(pool.clone(), plant.clone(), oee.clone()),
            calendars: calendar::Service::new(pool.clone(), plant.clone(), oee.clone()),
            engine_input: Arc::new(Mutex::new(Some((input, nudges)))),
            plant,
            historian,
            ingest,
            oee,
            pool,
            settings,
            metrics,
            health: Arc::new(Health::default()),
            shutdown: CancellationToken::new(),
        })
    }

    /// Starts what runs beside the requests: the engine, the historian's packing, the watch for plant changes. All of
    /// it ends when `shutdown` is cancelled. A second call starts nothing.
    pub fn start(&self) -> Vec<JoinHandle<()>> {
        let taken = self.engine_input.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some((input, nudges)) = taken else { return Vec::new() };
        let engine = oee::Engine {
            oee: self.oee.clone(),
            overview: self.overview.clone(),
            hub: self.live.clone(),
            ingest: self.ingest.clone(),
            input,
            nudges,
            now: clock::now,
        };
        self.health.set(ENGINE, Err("loading".to_owned()));
        let (health, stop, oee) = (self.health.clone(), self.shutdown.clone(), self.oee.clone());
        let run = async move {
            while let Err(error) = engine.load().await {
                health.set(ENGINE, Err(format!("not loaded, trying again: {error}")));
                if stop.run_until_cancelled(tokio::time::sleep(Duration::from_secs(1))).await.is_none() {
                    return;
                }
            }
            health.set(ENGINE, Ok(()));
            // The facts are stored to the last one, after the last commit was taken in.
            let saved = CancellationToken::new();
            let keep = tokio::spawn(oee.keep(clock::now, saved.clone()));
            engine.run(stop).await;
            saved.cancel();
            keep.await.ok();
        };
        vec![
            tokio::spawn(run),
            tokio::spawn(self.plant.clone().watch(self.shutdown.clone())),
            tokio::spawn(self.ingest.clone().retry_with_plant(clock::now, self.shutdown.clone())),
            historian::spawn(self.historian.clone(), clock::now, self.shutdown.clone()),
        ]
    }
}

fn historian_settings(settings: &Settings) -> historian::Settings {
    historian::Settings {
        keep: settings.historian.keep,
        pack_every: settings.historian.pack_every,
        ..historian::Settings::default()
    }
}

/// Figures about the server itself, read at /metrics. Features register theirs when they start.
pub struct Metrics {
    registry: Mutex<Registry>,
    /// Requests answered, by class of status (`2xx`).
    pub http_requests: Family<[(&'static str, &'static str); 1], Counter>,
    /// Seconds until the head of an answer was ready.
    pub http_seconds: Histogram,
}

impl Metrics {
    fn new() -> Self {
        let metrics = Self {
            registry: Mutex::new(Registry::with_prefix("gemba")),
            http_requests: Family::default(),
            http_seconds: Histogram::new([0.001, 0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0]),
        };
        metrics.register("http_requests", "Requests answered, by class of status", metrics.http_requests.clone());
        metrics.register("http_seconds", "Seconds until the head of an answer was ready", metrics.http_seconds.clone());
        metrics
    }

    /// Adds a figure. `name` is without the prefix `gemba_`; counters get `_total` appended by the format.
    pub fn register(&self, name: &str, help: &str, metric: impl Metric) {
        self.registry.lock().unwrap_or_else(PoisonError::into_inner).register(name, help, metric);
    }

    /// All figures in the text format of Prometheus (OpenMetrics).
    ///
    /// # Errors
    /// A figure cannot be written.
    pub fn encode(&self) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        let registry = self.registry.lock().unwrap_or_else(PoisonError::into_inner);
        prometheus_client::encoding::text::encode(&mut text, &registry)?;
        Ok(text)
    }
}

/// The part of the server that reads and writes Postgres.
pub const DATABASE: &str = "database";

/// The part of the server that makes facts of samples.
pub const ENGINE: &str = "engine";

/// Which parts of the server work. Ready is: all that were named, at least the database, work.
#[derive(Debug, Default)]
pub struct Health {
    parts: Mutex<BTreeMap<&'static str, Result<(), String>>>,
}

impl Health {
    /// Says that a part works, or why it does not (for /readyz and the log). Its first call makes it one that counts:
    /// a part that takes time to start says `Err("starting")` before the server listens.
    pub fn set(&self, part: &'static str, state: Result<(), String>) {
        let mut parts = self.parts.lock().unwrap_or_else(PoisonError::into_inner);
        let before = parts.insert(part, state.clone());
        if before.as_ref() != Some(&state) {
            match &state {
                Ok(()) => tracing::info!(part, "works"),
                Err(reason) if before.is_none() => tracing::info!(part, reason, "is not ready yet"),
                Err(reason) => tracing::warn!(part, reason, "does not work"),
            }
        }
    }

    /// Whether a part works.
    pub fn works(&self, part: &str) -> bool {
        self.parts.lock().unwrap_or_else(PoisonError::into_inner).get(part).is_some_and(Result::is_ok)
    }

    /// The parts that do not work, with the reason. Empty when the server is ready.
    pub fn problems(&self) -> Vec<(&'static str, String)> {
        let parts = self.parts.lock().unwrap_or_else(PoisonError::into_inner);
        let mut problems: Vec<_> = parts
            .iter()
            .filter_map(|(part, state)| state.as_ref().err().map(|reason| (*part, reason.clone())))
            .collect();
        if !parts.contains_key(DATABASE) {
            problems.push((DATABASE, "starting".to_owned()));
        }
        problems
    }
}
