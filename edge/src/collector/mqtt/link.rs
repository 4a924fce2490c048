//! One connection to a broker, kept going by a task of its own: it answers for its life while the queue makes the source wait.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use gemba_domain::Timestamp;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, mpsc},
    time::{Instant, timeout, timeout_at},
};
use tokio_util::task::AbortOnDropHandle;

use super::{
    broker::Broker,
    trouble::{self, Ended},
    wire::{self, Heard, NotTaken, Requests, Wire},
};
use crate::{
    clock,
    collector::{Failure, Feed},
    queue::{Intake, Ticket},
};

/// Messages that may wait for the source …
const MESSAGES: usize = 1_000;
/// … and how large they may be together, in KiB. Beyond this nothing is taken off the network.
const KIBIBYTES: u32 = 64 << 10;
/// Messages that are handed on at once.
const AT_ONCE: usize = 256;
/// A connection that ends so soon after it began is told as such.
const SOON: Duration = Duration::from_secs(30);
/// Filters in one subscription.
const FILTERS: usize = 50;

/// How a connection begins.
#[derive(Clone, Debug)]
pub(crate) struct Opening {
    pub(crate) client_id: String,
    /// The broker forgets what it kept for us.
    pub(crate) clean: bool,
    /// How long it keeps what comes while we are away (version 5; in 3.1.1 the broker decides).
    pub(crate) expiry: Duration,
    /// Topic and payload of what the broker says, retained, when we are gone without leave.
    pub(crate) will: Option<(String, Vec<u8>)>,
}

/// What comes from a broker.
#[derive(Debug)]
pub(crate) enum Event {
    /// The broker let us in; whether it still had our session.
    Connected(bool),
    /// A subscription was answered: filters that are not granted.
    Subscribed(Vec<String>),
    /// A message.
    Message(Message),
    /// The broker lives.
    Alive,
}

/// A message.
#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) topic: String,
    pub(crate) payload: Bytes,
    /// It was kept for whoever subscribes: of unknown age.
    pub(crate) retained: bool,
    /// When it arrived, by the collector's clock; later than the message before.
    pub(crate) at: Timestamp,
    /// Bounds what is covered until it is handed on.
    pub(crate) ticket: Option<Ticket>,
    packet: Option<u16>,
    _room: OwnedSemaphorePermit,
}

/// A running connection. Ends when dropped.
pub(crate) struct Link {
    requests: Requests,
    events: mpsc::Receiver<Result<Raw, Ended>>,
    /// What is still to be subscribed, in packets; the first was sent.
    filters: Vec<Vec<String>>,
    qos: u8,
    broker: Broker,
    ended: Option<Ended>,
    _task: AbortOnDropHandle<()>,
}

impl Link {
    /// Begins to dial. `feed`: where messages are counted as under way.
    pub(crate) fn open(broker: &Broker, opening: &Opening, feed: Option<&Feed>) -> Result<Self, Failure> {
        let (requests, wire) = wire::open(broker, opening)?;
        let (sender, events) = mpsc::channel(MESSAGES);
        let room = Arc::new(Semaphore::new(KIBIBYTES as usize));
        let pump = Pump {
            sender,
            room,
            intake: feed.map(Feed::intake),
            last: clock::now(),
            connected: None,
            broker: broker.clone(),
        };
        let task = AbortOnDropHandle::new(tokio::spawn(pump.run(wire)));
        Ok(Self { requests, events, filters: Vec::new(), qos: 1, broker: broker.clone(), ended: None, _task: task })
    }

    /// Whether the broker would send in the same session again what cannot be taken.
    pub(crate) fn poisoned(&self) -> bool {
        self.ended.as_ref().is_some_and(|ended| ended.poisoned)
    }

    /// What came, at least one; waits for it. Nothing is lost when it is dropped while it waits. Why the connection
    /// ended is returned when all that came before was.
    pub(crate) async fn events(&mut self, into: &mut Vec<Event>) -> Result<(), Failure> {
        if let Some(ended) = &self.ended {
            return Err(ended.failure.clone());
        }
        let mut raw = Vec::new();
        if self.events.recv_many(&mut raw, AT_ONCE).await == 0 {
            self.ended = Some(trouble::broke_down(&self.broker));
        }
        for event in raw {
            match event {
                Ok(Raw::Granted(granted)) => into.push(Event::Subscribed(self.subscribed(&granted)?)),
                Ok(Raw::Connected(session)) => into.push(Event::Connected(session)),
                Ok(Raw::Message(message)) => into.push(Event::Message(message)),
                Ok(Raw::Alive) => into.push(Event::Alive),
                Err(ended) => {
                    self.ended = Some(ended);
                    break;
                }
            }
        }
        match &self.ended {
            Some(ended) if into.is_empty() => Err(ended.failure.clone()),
            _ => Ok(()),
        }
    }

    /// Subscribes to these, some at a time: each answer is an event.
    pub(crate) fn subscribe(&mut self, filters: &[String], qos: u8) -> Result<(), Failure> {
        self.qos = qos;
        self.filters = filters.chunks(FILTERS).map(<[String]>::to_vec).collect();
        self.next_subscription()
    }

    /// Whether all subscriptions were answered.
    pub(crate) fn is_subscribed(&self) -> bool {
        self.filters.is_empty()
    }

    fn next_subscription(&self) -> Result<(), Failure> {
        let Some(first) = self.filters.first() else { return Ok(()) };
        self.requests.subscribe(first, self.qos).map_err(|NotTaken| busy())
    }

    /// An answer: the filters that are not granted. Asks for the next ones.
    fn subscribed(&mut self, granted: &[bool]) -> Result<Vec<String>, Failure> {
        if self.filters.is_empty() {
            return Ok(Vec::new());
        }
        let asked = self.filters.remove(0);
        self.next_subscription()?;
        let refused = asked.into_iter().enumerate().filter(|(at, _)| !granted.get(*at).copied().unwrap_or(false));
        Ok(refused.map(|(_, filter)| filter).collect())
    }

    /// Acknowledges what was handed on: the broker forgets it.
    pub(crate) fn acknowledge(&self, message: &Message) -> Result<(), Failure> {
        let Some(packet) = message.packet else { return Ok(()) };
        self.requests.acknowledge(packet).map_err(|NotTaken| busy())
    }

    /// Publishes; `sure`: QoS 1 and retained.
    pub(crate) fn publish(&self, topic: &str, payload: Vec<u8>, sure: bool) -> Result<(), Failure> {
        self.requests.publish(topic, payload, sure).map_err(|NotTaken| busy())
    }

    /// Takes leave, and waits until the broker closed the connection.
    pub(crate) async fn leave(&mut self) {
        if self.requests.disconnect().is_ok() {
            while let Some(Ok(_)) = self.events.recv().await {}
        }
    }
}

fn busy() -> Failure {
    Failure::Again("the connection to the broker takes no more requests".to_owned())
}

/// As it comes off the network.
enum Raw {
    Connected(bool),
    Granted(Vec<bool>),
    Message(Message),
    Alive,
}

/// Polls a connection, always.
struct Pump {
    sender: mpsc::Sender<Result<Raw, Ended>>,
    room: Arc<Semaphore>,
    intake: Option<Intake>,
    last: Timestamp,
    connected: Option<Instant>,
    broker: Broker,
}

impl Pump {
    async fn run(mut self, mut wire: Wire) {
        let Err(mut ended) = self.pump(&mut wire).await else { return };
        if self.connected.is_some_and(|at| at.elapsed() < SOON) {
            ended = trouble::soon(ended, &self.broker);
        }
        drop(self.sender.send(Err(ended)).await);
    }

    /// Until the connection ends, or nobody listens any more.
    async fn pump(&mut self, wire: &mut Wire) -> Result<(), Ended> {
        // The first poll dials; the library bounds its parts, not the whole.
        let dialled = timeout(self.broker.timeout, wire.poll(&self.broker)).await;
        let mut heard = dialled.map_err(|_| trouble::no_answer(&self.broker))??;
        let mut asked: Option<Instant> = None;
        loop {
            let waited = Instant::now();
            let event = match heard {
                Heard::Asked => {
                    asked = Some(waited);
                    None
                }
                Heard::Nothing => None,
                Heard::Alive => Some(Raw::Alive),
                Heard::Connected(session) => {
                    self.connected = Some(waited);
                    Some(Raw::Connected(session))
                }
                Heard::Subscribed(granted) => Some(Raw::Granted(granted)),
                Heard::Message { topic, payload, retained, packet } => {
                    self.message(topic, payload, retained, packet).await.map(Raw::Message)
                }
            };
            if let Some(event) = event {
                asked = None;
                if self.sender.send(Ok(event)).await.is_err() {
                    return Ok(());
                }
            }
            heard = match asked {
                None => wire.poll(&self.broker).await?,
                Some(at) => match timeout_at(at + self.broker.timeout, wire.poll(&self.broker)).await {
                    Ok(heard) => heard?,
                    Err(_) => return Err(trouble::silent(&self.broker)),
                },
            };
        }
    }

    async fn message(&mut self, topic: Bytes, payload: Bytes, retained: bool, packet: Option<u16>) -> Option<Message> {
        let size = u32::try_from((topic.len() + payload.len()) >> 10).unwrap_or(KIBIBYTES) + 1;
        let room = Arc::clone(&self.room).acquire_many_owned(size.min(KIBIBYTES)).await.ok()?;
        let now = clock::now();
        // Two messages of one moment are two values, also where the clock does not tell them apart.
        let behind = self.last.micros_since(now);
        self.last = if (0..1_000).contains(&behind) { self.last.plus_micros(1) } else { now };
        Some(Message {
            topic: String::from_utf8_lossy(&topic).into_owned(),
            payload,
            retained,
            at: self.last,
            ticket: self.intake.as_ref().map(|intake| intake.begin(self.last)),
            packet,
            _room: room,
        })
    }
}
