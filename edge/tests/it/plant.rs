//! One press behind a simulated agent, and a collector's settings for it.

use std::{
    fmt::Write,
    path::{Path, PathBuf},
    time::Duration,
};

use gemba_domain::Timestamp;
use gemba_edge::{Collector, config::Config};
use gemba_sim::agent::{Agent, AgentHandle, Component, DataItem, Device, Devices};

use crate::server::Server;

pub const UNIT: &str = "acme/leeds/press-shop/line-1/press-1";

/// The press, with these items besides.
pub fn devices(more: &[&str]) -> Devices {
    let mut controller = Component::new("Controller", "press-1-controller")
        .item(DataItem::event("press-1-execution", "EXECUTION").name("execution"))
        .item(DataItem::event("press-1-count", "PART_COUNT"))
        .item(DataItem::event("press-1-program", "PROGRAM"))
        .item(DataItem::condition("press-1-system", "SYSTEM"));
    for id in more {
        controller = controller.item(DataItem::event(*id, "PROGRAM"));
    }
    Devices::new([Device::new("press-1").item(DataItem::event("press-1-avail", "AVAILABILITY")).component(controller)])
}

pub async fn agent() -> AgentHandle {
    Agent::new(devices(&[])).start("127.0.0.1:0").await.unwrap()
}

pub fn now() -> Timestamp {
    gemba_edge::clock::now()
}

/// Counts 1 to `count` on an item, each with a time of its own that has not been before.
pub fn push_counts(agent: &AgentHandle, range: std::ops::RangeInclusive<u64>) {
    let start = now();
    for n in range {
        let time = start.plus_micros(i64::try_from(n).unwrap());
        agent.push("press-1-count", time, n).unwrap();
    }
}

/// A directory with an identity and settings.
pub struct Site {
    pub directory: tempfile::TempDir,
    pub server: String,
    agent: String,
    pub queue: String,
    pub source: String,
    pub pattern: String,
}

impl Site {
    pub fn new(server: &Server, agent_url: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        server.let_in(directory.path());
        Self {
            directory,
            server: server.url(),
            agent: agent_url.to_owned(),
            queue: String::new(),
            pattern: "press-1-*".to_owned(),
            source: "heartbeat = '200 ms'\ninterval = '10 ms'\ntimeout = '1 s'\n".to_owned(),
        }
    }

    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    fn text(&self) -> String {
        let Self { server, agent, queue, source, pattern, .. } = self;
        let mut text = format!("[server]\nurl = '{server}'\n[queue]\ndirectory = 'queue'\n{queue}\n");
        write!(
            text,
            "[[source]]\nname = 'press-agent'\nprotocol = 'mtconnect'\nurl = '{agent}'\n{source}\n[[source.unit]]\ndevice = 'press-1'\n\
             path = '{UNIT}'\nsignals = [ {{ pattern = '{pattern}', signal = '{{rest}}' }} ]\n"
        )
        .unwrap();
        text
    }

    pub fn config(&self) -> Config {
        Config::parse(&self.text(), self.path()).unwrap()
    }

    pub fn config_file(&self) -> PathBuf {
        let path = self.path().join("edge.toml");
        std::fs::write(&path, self.text()).unwrap();
        path
    }

    pub fn start(&self) -> Collector {
        start(&self.config())
    }
}

/// A collector that is quick to try again, and logs what `GEMBA_EDGE_LOG` asks for.
pub fn start(config: &Config) -> Collector {
    let log = std::env::var("GEMBA_EDGE_LOG").unwrap_or_else(|_| "off".to_owned());
    let filter = tracing_subscriber::EnvFilter::new(log);
    let _ = tracing_subscriber::fmt().with_env_filter(filter).with_test_writer().try_init();
    Collector::start_with(config, |uplink| uplink.unauthorized_pause(Duration::from_millis(50))).unwrap()
}

/// Waits until the queue is empty.
pub async fn drained(collector: &Collector) {
    let mut status = collector.queue().status();
    let empty = status.wait_for(gemba_edge::queue::QueueStatus::is_empty);
    tokio::time::timeout(Duration::from_secs(60), empty).await.expect("the queue should drain").unwrap();
}

/// Waits until the only source's health says this.
pub async fn health(collector: &Collector, what: &str) {
    let mut changes = collector.health().changes();
    let says = || collector.health().sources().first().is_some_and(|health| health.status.contains(what));
    let wait = async {
        while !says() {
            let _ = tokio::time::timeout(Duration::from_millis(200), changes.changed()).await;
        }
    };
    if tokio::time::timeout(Duration::from_secs(60), wait).await.is_err() {
        panic!("never `{what}`: {:?}", collector.health().sources());
    }
}
