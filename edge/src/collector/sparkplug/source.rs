//! Edge nodes by way of one broker, read for as long as the collector runs.

mod machines;
mod telling;

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    convert::Infallible,
    sync::Arc,
    time::Duration,
};

use gemba_contract::edge::LocalSignal;
use gemba_domain::Timestamp;
use tokio::time::Instant;

use super::{
    host,
    mapping::Mapping,
    node::{self, Node, Reason},
    proto,
    settings::{Machine, Settings},
    topic::{self, Kind, NAMESPACE},
};
use crate::{
    clock,
    collector::{
        Failure, Feed, Observation, Session,
        mqtt::{Event, Link, Message, Opening},
        skew::Gauge,
    },
    queue::{Reading, Ticket},
};

/// Remarks are told anew this often at most.
const TELL_EVERY: Duration = Duration::from_secs(1);

/// A group and a node of it.
type Address = (Arc<str>, Arc<str>);

/// Reads the edge nodes of one broker.
pub struct Source {
    settings: Settings,
    link: Option<Link>,
    nodes: HashMap<Address, EdgeNode>,
    mapping: Mapping,
    /// Signals by address.
    signals: HashMap<String, LocalSignal>,
    /// Of each machine: the signals that its last birth has.
    alive: HashMap<Machine, HashSet<LocalSignal>>,
    /// The nodes' clock, which only runs forward.
    started: Instant,
    /// The time of the connection's will, ms since 1970.
    will_time: u64,
    /// All is subscribed and our STATE is published.
    ready: bool,
    /// Rebirths to ask for as soon as that is so.
    asks: Vec<(Address, Reason)>,
    refused_filters: Vec<String>,
    counts: Counts,
    told: Option<Instant>,
    news: bool,
    /// What is there changed.
    moved: bool,
}

/// One edge node.
struct EdgeNode {
    node: Node,
    gauge: Gauge,
    signals: Vec<LocalSignal>,
    /// Since when it is gone, if it was there.
    gone: Option<Timestamp>,
    /// Of the oldest message that waits for one before it.
    held: Option<Ticket>,
}

/// What is told as remarks.
#[derive(Debug, Default)]
struct Counts {
    /// By topic: why the last one was refused, and how many.
    refused: BTreeMap<String, (String, u64)>,
    uncertain: u64,
    bad_times: u64,
    retained: u64,
}

/// What is to be handed on.
#[derive(Default)]
struct Batch {
    observations: Vec<Observation>,
    history: Vec<Reading>,
    tickets: Vec<Ticket>,
}

impl Source {
    /// Ready to run.
    pub fn new(settings: Settings) -> Self {
        let mut source = Self {
            link: None,
            nodes: HashMap::new(),
            mapping: Mapping::new(&settings),
            signals: HashMap::new(),
            alive: HashMap::new(),
            started: Instant::now(),
            will_time: 0,
            ready: false,
            asks: Vec::new(),
            refused_filters: Vec::new(),
            counts: Counts::default(),
            told: None,
            news: true,
            moved: true,
            settings,
        };
        for machine in &source.settings.machines {
            let address = (Arc::clone(&machine.group), Arc::clone(&machine.node));
            let node = Node::new(source.settings.reorder, source.settings.rebirth_cooldown);
            let entry = EdgeNode { node, gauge: Gauge::default(), signals: Vec::new(), gone: None, held: None };
            source.nodes.entry(address).or_insert(entry);
        }
        source
    }

    fn now(&self) -> Duration {
        self.started.elapsed()
    }

    fn filters(&self) -> Vec<String> {
        let mut filters: Vec<_> =
            self.nodes.keys().map(|(group, node)| format!("{NAMESPACE}/{group}/+/{node}/#")).collect();
        filters.sort();
        if let Some(host_id) = &self.settings.host_id {
            filters.insert(0, host::state_topic(host_id));
        }
        filters
    }

    /// Connects, subscribes, reads, until something happens.
    async fn read(&mut self, feed: &mut Feed) -> Result<Infallible, Failure> {
        self.link = None;
        self.ready = false;
        self.will_time = host::milliseconds(clock::now());
        let will = self.settings.host_id.as_ref();
        let opening = Opening {
            client_id: self.settings.broker.client_id.clone(),
            clean: true,
            expiry: Duration::ZERO,
            will: will.map(|host_id| (host::state_topic(host_id), host::state(false, self.will_time))),
        };
        self.link = Some(Link::open(&self.settings.broker, &opening, Some(feed))?);
        let mut events = Vec::new();
        loop {
            let Some(link) = &mut self.link else { return Err(Failure::Again("no connection".to_owned())) };
            let pause = self.told.map_or(Duration::ZERO, |told| TELL_EVERY.saturating_sub(told.elapsed()));
            let wakes = self.nodes.values().filter_map(|entry| entry.node.wakes()).min();
            let wakes = wakes.filter(|_| self.ready).map(|at| self.started + at);
            tokio::select! {
                biased;
                () = tokio::time::sleep(pause), if self.news => {
                    self.tell(feed);
                    continue;
                }
                () = tokio::time::sleep_until(wakes.unwrap_or_else(Instant::now)), if wakes.is_some() => {
                    self.tick(feed).await?;
                }
                more = link.events(&mut events) => {
                    more?;
                    self.take(feed, std::mem::take(&mut events)).await?;
                }
            }
            self.state(feed);
        }
    }

    async fn take(&mut self, feed: &mut Feed, events: Vec<Event>) -> Result<(), Failure> {
        feed.heard(None);
        let mut batch = Batch::default();
        let mut done = Vec::new();
        for event in events {
            match event {
                Event::Message(mut message) => {
                    self.message(feed, &mut message, &mut batch).await?;
                    done.push(message);
                }
                Event::Connected(_) => self.connected(feed).await?,
                Event::Subscribed(refused) => self.subscribed(refused)?,
                Event::Alive => {}
            }
        }
        flush(feed, &mut batch).await?;
        let Some(link) = &self.link else { return Ok(()) };
        done.iter().try_for_each(|message| link.acknowledge(message))
    }

    async fn connected(&mut self, feed: &mut Feed) -> Result<(), Failure> {
        tracing::info!(source = %feed.name(), "connected to the broker");
        feed.reconnected(false).await?;
        feed.arrive(false);
        let now = self.now();
        for entry in self.nodes.values_mut() {
            entry.node.connected(now);
            entry.gone = None;
            entry.held = None;
        }
        self.asks.clear();
        self.refused_filters.clear();
        (self.moved, self.news) = (true, true);
        let filters = self.filters();
        match &mut self.link {
            Some(link) => link.subscribe(&filters, 1),
            None => Ok(()),
        }
    }

    fn subscribed(&mut self, refused: Vec<String>) -> Result<(), Failure> {
        self.refused_filters.extend(refused);
        self.moved = true;
        if !self.link.as_ref().is_some_and(Link::is_subscribed) {
            return Ok(());
        }
        if self.refused_filters.len() == self.filters().len() {
            return Err(Failure::Unusable(telling::refused(&self.refused_filters)));
        }
        // The first that is published in a connection.
        self.publish_state(true)?;
        self.ready = true;
        for (address, reason) in std::mem::take(&mut self.asks) {
            self.ask(&address, reason)?;
        }
        Ok(())
    }

    fn publish_state(&self, online: bool) -> Result<(), Failure> {
        let (Some(host_id), Some(link)) = (&self.settings.host_id, &self.link) else { return Ok(()) };
        let time = if online { self.will_time } else { host::milliseconds(clock::now()) };
        link.publish(&host::state_topic(host_id), host::state(online, time), true)
    }

    fn ask(&mut self, (group, node): &Address, reason: Reason) -> Result<(), Failure> {
        let Some(link) = self.link.as_ref().filter(|_| self.settings.rebirth) else { return Ok(()) };
        if !self.ready {
            self.asks.push(((Arc::clone(group), Arc::clone(node)), reason));
            return Ok(());
        }
        tracing::info!(%group, %node, ?reason, "asking the edge node for a rebirth");
        link.publish(&host::command_topic(group, node), host::rebirth(host::milliseconds(clock::now())), false)
    }

    async fn message(&mut self, feed: &mut Feed, message: &mut Message, batch: &mut Batch) -> Result<(), Failure> {
        if self.settings.host_id.as_deref().is_some_and(|host_id| message.topic == host::state_topic(host_id)) {
            // A will of a connection before, or somebody with our name.
            return if self.ready && host::says_offline(&message.payload) { self.publish_state(true) } else { Ok(()) };
        }
        let Some(found) = topic::read(&message.topic) else { return Ok(()) };
        let address = (Arc::from(found.group), Arc::from(found.node));
        if message.retained {
            // Nothing of an edge node may be retained: it may be of any age.
            self.counts.retained += 1;
            self.news = true;
            return Ok(());
        }
        let now = self.now();
        let Some(entry) = self.nodes.get_mut(&address) else { return Ok(()) };
        let payload = match proto::read(&message.payload) {
            Ok(payload) => payload,
            Err(why) => {
                self.refuse(&message.topic, why);
                return Ok(());
            }
        };
        if found.kind != Kind::NodeDeath
            && let Some(sent) = payload.timestamp.and_then(super::value::time)
            && let Some(ahead) = entry.gauge.take(sent, message.at)
        {
            feed.clock_of(entry.signals.iter().copied(), ahead);
            self.news = true;
        }
        let before = entry.node.counts;
        let arrived = node::Message { kind: found.kind, device: found.device.map(Arc::from), payload };
        let outputs = entry.node.take(arrived, now);
        self.news |= entry.node.counts != before;
        match (entry.node.is_waiting(), message.ticket.take()) {
            (true, ticket) => entry.held = entry.held.take().or(ticket),
            (false, ticket) => batch.tickets.extend(entry.held.take().into_iter().chain(ticket)),
        }
        self.outputs(feed, &address, outputs, message.at, batch).await
    }

    fn refuse(&mut self, topic: &str, why: String) {
        let full = self.counts.refused.len() >= 100;
        match self.counts.refused.get_mut(topic) {
            Some((last, count)) => {
                *last = why;
                *count += 1;
            }
            None if full => {}
            None => drop(self.counts.refused.insert(topic.to_owned(), (why, 1))),
        }
        self.news = true;
    }

    async fn tick(&mut self, feed: &mut Feed) -> Result<(), Failure> {
        let now = self.now();
        let at = clock::now();
        let addresses: Vec<Address> = self.nodes.keys().cloned().collect();
        for address in addresses {
            let Some(entry) = self.nodes.get_mut(&address) else { continue };
            let before = entry.node.counts;
            let outputs = entry.node.tick(now);
            self.news |= entry.node.counts != before;
            let mut batch = Batch::default();
            if !entry.node.is_waiting() {
                batch.tickets.extend(entry.held.take());
            }
            self.outputs(feed, &address, outputs, at, &mut batch).await?;
            flush(feed, &mut batch).await?;
        }
        Ok(())
    }
}

/// Hands on what was gathered.
async fn flush(feed: &mut Feed, batch: &mut Batch) -> Result<(), Failure> {
    let batch = std::mem::take(batch);
    if !batch.history.is_empty() {
        feed.history(batch.history).await?;
    }
    if batch.observations.is_empty() && batch.tickets.is_empty() {
        return Ok(());
    }
    feed.observe(batch.observations, batch.tickets).await
}

impl Session for Source {
    async fn session(&mut self, feed: &mut Feed) -> Result<Infallible, Failure> {
        let ended = self.read(feed).await;
        self.tell(feed);
        ended
    }

    async fn goodbye(&mut self) {
        if self.ready && self.publish_state(false).is_err() {
            tracing::debug!("the STATE of this host could not be published any more");
        }
        if let Some(link) = &mut self.link {
            link.leave().await;
        }
    }
}
