//! What a host application knows of one edge node: a state machine without clock or network. Messages go in with the time on a clock that
//! only runs forward; what follows from them comes out.
//!
//! - Messages of a node are numbered 0 to 255 and round again. One that is early waits for those before it, for `reorder` at most. After that
//!   the missing ones are counted, what waited is taken in order, and a rebirth is asked for.
//! - A birth says all that there is. Names and aliases are those of the last birth.
//! - A death belongs to the birth with the same `bdSeq`: one that is older than the birth is the broker's late word on a connection before.
//! - A rebirth is asked for when something is missing that only a birth can tell, once in `cooldown`; when it is not
//!   answered, after twice that, and so on.

mod births;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

pub use births::{Births, Metrics};

use super::{
    proto::{Metric, Payload},
    topic::Kind,
    value,
};

/// Messages that wait for one before them, at most.
const WAITING: usize = 100;
/// A number this far ahead is behind: a message that was given up.
const LATE: u8 = 192;
/// A rebirth that is not answered is asked for again after this at the latest.
const LONGEST: Duration = Duration::from_secs(600);
/// Metrics that are no values.
const CONTROLS: [&str; 2] = ["Node Control/", "Device Control/"];

/// A message of an edge node.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// What it is about.
    pub kind: Kind,
    /// Of which device; none for the node itself.
    pub device: Option<Arc<str>>,
    /// What it carries.
    pub payload: Payload,
}

/// A value of a metric.
#[derive(Clone, Debug, PartialEq)]
pub struct Told {
    /// The metric's name.
    pub name: Arc<str>,
    /// Its data type.
    pub datatype: u32,
    /// When, ms since 1970; none where neither the metric nor the message says.
    pub time: Option<u64>,
    /// As it came.
    pub metric: Metric,
}

/// Why a rebirth is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// We have just come.
    Start,
    /// Messages are missing.
    Gap,
    /// Values of a node, a device or a metric that was not born.
    Unknown,
}

/// What follows from a message, or from time that passed.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// The node (no device) or a device was born, with these metrics and no others.
    Born {
        /// Which.
        device: Option<Arc<str>>,
        /// All that it has.
        metrics: Vec<Told>,
    },
    /// Values.
    Values {
        /// Of which device; none for the node itself.
        device: Option<Arc<str>>,
        /// What was told.
        metrics: Vec<Told>,
    },
    /// The node with all its devices is gone, now.
    NodeDied,
    /// A device is gone.
    DeviceDied {
        /// Which.
        device: Arc<str>,
        /// When by the node's clock, ms since 1970; now when it does not say.
        time: Option<u64>,
    },
    /// Ask the node for a rebirth.
    Ask(Reason),
}

/// What is counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Messages that never came.
    pub missed: u64,
    /// Messages without a birth to understand them by.
    pub unborn: u64,
    /// Deaths of connections before.
    pub stale_deaths: u64,
    /// Messages without a number, or with one beyond 255.
    pub unnumbered: u64,
    /// Rebirths that were asked for.
    pub asked: u64,
}

/// One edge node.
#[derive(Debug)]
pub struct Node {
    reorder: Duration,
    cooldown: Duration,
    /// The node is born, and its next message has this number.
    next: Option<u8>,
    bd_seq: Option<u8>,
    births: Births,
    waiting: BTreeMap<u8, Message>,
    gap: Option<Duration>,
    /// Devices of the birth before that must be born again until then.
    heirs: Option<(Duration, Vec<Arc<str>>)>,
    asked: Option<Duration>,
    wanted: Option<(Reason, Duration)>,
    pause: Duration,
    /// What is counted.
    pub counts: Counts,
}

impl Node {
    /// Of which nothing is known yet.
    pub fn new(reorder: Duration, cooldown: Duration) -> Self {
        Self {
            reorder,
            cooldown,
            next: None,
            bd_seq: None,
            births: Births::default(),
            waiting: BTreeMap::new(),
            gap: None,
            heirs: None,
            asked: None,
            wanted: None,
            pause: cooldown,
            counts: Counts::default(),
        }
    }

    /// Whether the node is there.
    pub fn is_born(&self) -> bool {
        self.next.is_some()
    }

    /// Whether a device is there; the node itself when it is none.
    pub fn has(&self, device: Option<&str>) -> bool {
        self.is_born() && device.is_none_or(|device| self.births.is_born(device))
    }

    /// What was born.
    pub fn births(&self) -> &Births {
        &self.births
    }

    /// We are connected anew: what was known is not in force any more. A node that does not come by itself is asked for.
    pub fn connected(&mut self, now: Duration) {
        self.forget();
        self.bd_seq = None;
        let free = self.asked.map_or(now, |asked| asked + self.cooldown);
        self.wanted = Some((Reason::Start, free.max(now + self.reorder)));
        self.pause = self.cooldown;
    }

    fn forget(&mut self) {
        self.next = None;
        self.births.clear();
        self.waiting.clear();
        self.gap = None;
        self.heirs = None;
    }

    /// Whether messages wait for one before them.
    pub fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// When [`Node::tick`] has something to do, at the earliest.
    pub fn wakes(&self) -> Option<Duration> {
        let gap = self.gap.map(|since| since + self.reorder);
        let heirs = self.heirs.as_ref().map(|(until, _)| *until);
        [gap, heirs, self.wanted.map(|(_, at)| at)].into_iter().flatten().min()
    }

    /// Time passed.
    pub fn tick(&mut self, now: Duration) -> Vec<Output> {
        let mut out = Vec::new();
        if self.gap.is_some_and(|since| now >= since + self.reorder) {
            self.give_up(now, &mut out);
        }
        if let Some((_, heirs)) = self.heirs.take_if(|(until, _)| now >= *until) {
            let gone = heirs.into_iter().filter(|device| !self.births.is_born(device));
            out.extend(gone.map(|device| Output::DeviceDied { device, time: None }));
        }
        if let Some((reason, _)) = self.wanted.filter(|(_, at)| now >= *at) {
            self.pause = if reason == Reason::Start && self.asked.is_none() { self.pause } else { self.pause * 2 };
            self.pause = self.pause.min(LONGEST.max(self.cooldown));
            self.wanted = Some((reason, now + self.pause));
            self.asked = Some(now);
            self.counts.asked += 1;
            out.push(Output::Ask(reason));
        }
        out
    }

    /// A rebirth is needed: asked for now, or when the cool-down is over.
    fn ask(&mut self, reason: Reason, now: Duration, out: &mut Vec<Output>) {
        let free = self.asked.map_or(now, |asked| asked + self.cooldown);
        match self.wanted {
            // Already asked, and the answer is still awaited.
            Some((_, at)) if at <= free.max(now) => {}
            _ if free > now => self.wanted = Some((reason, free)),
            _ => {
                self.asked = Some(now);
                self.wanted = Some((reason, now + self.pause));
                self.counts.asked += 1;
                out.push(Output::Ask(reason));
            }
        }
    }

    /// A message arrived.
    pub fn take(&mut self, message: Message, now: Duration) -> Vec<Output> {
        let mut out = self.tick(now);
        match message.kind {
            Kind::NodeBirth => self.born(message, now, &mut out),
            Kind::NodeDeath => self.died(&message.payload, &mut out),
            _ => self.in_order(message, now, &mut out),
        }
        out
    }

    fn number(&mut self, payload: &Payload) -> Option<u8> {
        let number = payload.seq.and_then(|seq| u8::try_from(seq).ok());
        self.counts.unnumbered += u64::from(number.is_none());
        number
    }

    fn born(&mut self, message: Message, now: Duration, out: &mut Vec<Output>) {
        let number = self.number(&message.payload).unwrap_or(0);
        let mut heirs = self.births.devices();
        heirs.extend(self.heirs.take().into_iter().flat_map(|(_, heirs)| heirs));
        heirs.sort();
        heirs.dedup();
        let early = std::mem::take(&mut self.waiting);
        self.forget();
        self.bd_seq = bd_seq(&message.payload);
        self.wanted = None;
        self.pause = self.cooldown;
        self.next = Some(number.wrapping_add(1));
        self.heirs = (!heirs.is_empty()).then(|| (now + self.reorder, heirs));
        let metrics = self.births.node(values(message.payload));
        out.push(Output::Born { device: None, metrics });
        // What overtook the birth follows it; what is left of the time before is void.
        self.waiting = early;
        self.follow(now, out);
        self.waiting.clear();
        self.gap = None;
    }

    fn died(&mut self, payload: &Payload, out: &mut Vec<Output>) {
        if let (Some(born), Some(dead)) = (self.bd_seq, bd_seq(payload))
            && (1..128).contains(&born.wrapping_sub(dead))
        {
            self.counts.stale_deaths += 1;
            return;
        }
        // A death without a birth that we saw is told as well: what was in force before we came is not any more.
        self.forget();
        self.wanted = None;
        out.push(Output::NodeDied);
    }

    fn in_order(&mut self, message: Message, now: Duration, out: &mut Vec<Output>) {
        let Some(next) = self.next else {
            self.counts.unborn += 1;
            self.ask(Reason::Unknown, now, out);
            return;
        };
        let Some(number) = self.number(&message.payload) else {
            self.apply(message, now, out);
            return;
        };
        let ahead = number.wrapping_sub(next);
        if ahead == 0 {
            self.next = Some(next.wrapping_add(1));
            self.apply(message, now, out);
            self.follow(now, out);
        } else if ahead >= LATE {
            // It was given up, or it came twice. Its values have times of their own; what it says of births is outdated.
            if matches!(message.kind, Kind::NodeData | Kind::DeviceData) {
                self.apply(message, now, out);
            }
        } else {
            let twice = self.waiting.insert(number, message).is_some();
            self.gap.get_or_insert(now);
            if twice || self.waiting.len() > WAITING {
                self.give_up(now, out);
            }
        }
    }

    /// Takes what waited and is next now.
    fn follow(&mut self, now: Duration, out: &mut Vec<Output>) {
        while let Some(next) = self.next
            && let Some(message) = self.waiting.remove(&next)
        {
            self.next = Some(next.wrapping_add(1));
            self.apply(message, now, out);
        }
        self.gap = if self.waiting.is_empty() { None } else { self.gap.or(Some(now)) };
    }

    /// The missing messages do not come.
    fn give_up(&mut self, now: Duration, out: &mut Vec<Output>) {
        let Some(mut next) = self.next else { return };
        let mut waiting: Vec<_> = std::mem::take(&mut self.waiting).into_iter().collect();
        waiting.sort_by_key(|(number, _)| number.wrapping_sub(next));
        for (number, message) in waiting {
            self.counts.missed += u64::from(number.wrapping_sub(next));
            next = number.wrapping_add(1);
            self.next = Some(next);
            self.apply(message, now, out);
        }
        self.gap = None;
        self.ask(Reason::Gap, now, out);
    }

    /// Takes a message whose turn it is.
    fn apply(&mut self, message: Message, now: Duration, out: &mut Vec<Output>) {
        let Message { kind, device, payload } = message;
        match (kind, device) {
            (Kind::DeviceBirth, Some(device)) => {
                let metrics = self.births.device(&device, values(payload));
                out.push(Output::Born { device: Some(device), metrics });
            }
            (Kind::DeviceDeath, Some(device)) => {
                self.births.remove(&device);
                out.push(Output::DeviceDied { device, time: payload.timestamp });
            }
            (_, device) => {
                let sent = payload.timestamp;
                let (metrics, unknown) = self.births.resolve(device.as_deref(), payload.metrics, sent);
                if unknown > 0 {
                    self.counts.unborn += 1;
                    self.ask(Reason::Unknown, now, out);
                }
                if !metrics.is_empty() {
                    out.push(Output::Values { device, metrics });
                }
            }
        }
    }
}

/// The metrics of a birth that are values.
fn values(payload: Payload) -> Metrics {
    let is_value = |metric: &Metric| {
        let name = metric.name.as_deref().unwrap_or("");
        name != "bdSeq" && !CONTROLS.iter().any(|control| name.starts_with(control))
    };
    Metrics { sent: payload.timestamp, metrics: payload.metrics.into_iter().filter(is_value).collect() }
}

/// The number of the connection that a birth or a death belongs to.
fn bd_seq(payload: &Payload) -> Option<u8> {
    let metric = payload.metrics.iter().find(|metric| metric.name.as_deref() == Some("bdSeq"))?;
    let number = value::of(metric, metric.datatype.unwrap_or(0)).0.number()?;
    Some((number as i64).rem_euclid(256) as u8)
}

#[cfg(test)]
#[path = "node_tests.rs"]
mod tests;
