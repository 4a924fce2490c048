//! One broker's topics, read for as long as the collector runs.

use std::{
    collections::{BTreeMap, HashMap},
    convert::Infallible,
    time::Duration,
};

use gemba_contract::edge::LocalSignal;
use tokio::time::Instant;

use super::{
    link::{Event, Link, Message, Opening},
    payload::{self, Bad},
    settings::Settings,
    topics::{Found, Topics},
};
use crate::collector::{Failure, Feed, Observation, Session, SourceState, skew::Gauge};

/// Remarks are told anew this often at most.
const TELL_EVERY: Duration = Duration::from_secs(1);
/// What the broker kept is not looked at to judge a clock: so long after a connection.
const BACKLOG: Duration = Duration::from_secs(5);
/// Topics that are named in remarks.
const NAMED: usize = 3;

/// Reads one broker.
pub struct Source {
    settings: Settings,
    link: Option<Link>,
    topics: Topics,
    signals: HashMap<String, LocalSignal>,
    /// By unit.
    clocks: Vec<(Gauge, Vec<LocalSignal>)>,
    refused: Vec<String>,
    counts: Counts,
    /// Before this, messages may be old.
    live_from: Instant,
    /// The broker's memory of us is to be cleared: it holds what cannot be taken.
    clear: bool,
    told: Option<Instant>,
    news: bool,
    /// What is missing changed.
    moved: bool,
}

/// What is told as remarks.
#[derive(Debug, Default)]
struct Counts {
    /// By topic.
    no_text: BTreeMap<String, u64>,
    bad_json: BTreeMap<String, u64>,
    bad_times: u64,
    old: u64,
    cleared: u64,
}

impl Source {
    /// Ready to run.
    pub fn new(settings: Settings) -> Self {
        Self {
            link: None,
            topics: Topics::new(&settings),
            signals: HashMap::new(),
            clocks: settings.units.iter().map(|_| Default::default()).collect(),
            refused: Vec::new(),
            counts: Counts::default(),
            live_from: Instant::now(),
            clear: false,
            told: None,
            news: true,
            moved: true,
            settings,
        }
    }

    /// Connects, subscribes, reads, until something happens.
    async fn read(&mut self, feed: &mut Feed) -> Result<Infallible, Failure> {
        self.link = None;
        let opening = Opening {
            client_id: self.settings.broker.client_id.clone(),
            clean: self.clear || self.settings.qos == 0,
            expiry: self.settings.session_expiry,
            will: None,
        };
        let link = Link::open(&self.settings.broker, &opening, Some(feed))?;
        let ended = self.follow(feed, link).await;
        if self.link.as_ref().is_some_and(Link::poisoned) {
            self.clear = true;
        }
        ended
    }

    async fn follow(&mut self, feed: &mut Feed, link: Link) -> Result<Infallible, Failure> {
        self.link = Some(link);
        let mut events = Vec::new();
        loop {
            let link = match &mut self.link {
                Some(link) => link,
                None => return Err(Failure::Again("no connection".to_owned())),
            };
            let pause = self.told.map_or(Duration::ZERO, |told| TELL_EVERY.saturating_sub(told.elapsed()));
            tokio::select! {
                biased;
                () = tokio::time::sleep(pause), if self.news => {
                    self.tell(feed);
                    continue;
                }
                more = link.events(&mut events) => more?,
            }
            self.take(feed, std::mem::take(&mut events)).await?;
        }
    }

    async fn take(&mut self, feed: &mut Feed, events: Vec<Event>) -> Result<(), Failure> {
        let mut messages = Vec::new();
        for event in events {
            match event {
                Event::Message(message) => messages.push(message),
                Event::Connected(session) => self.connected(feed, session).await?,
                Event::Subscribed(refused) => {
                    self.refused.extend(refused);
                    self.subscribed()?;
                    self.moved = true;
                }
                Event::Alive => {}
            }
        }
        feed.heard(None);
        self.hand_on(feed, messages).await?;
        self.state(feed);
        Ok(())
    }

    async fn connected(&mut self, feed: &mut Feed, session: bool) -> Result<(), Failure> {
        let kept = session && self.settings.qos > 0;
        tracing::info!(source = %feed.name(), kept, "connected to the broker");
        self.live_from = Instant::now() + if kept { BACKLOG } else { Duration::ZERO };
        if std::mem::take(&mut self.clear) {
            self.counts.cleared += 1;
        }
        feed.reconnected(kept).await?;
        if !kept {
            self.topics.expect_all();
        }
        feed.arrive(false);
        self.refused.clear();
        self.moved = true;
        self.news = true;
        // Also where the broker still knows what was subscribed: the settings may have changed, and what it keeps for
        // whoever subscribes is what is in force.
        let filters = self.settings.filters();
        match &mut self.link {
            Some(link) => link.subscribe(&filters, self.settings.qos),
            None => Ok(()),
        }
    }

    fn subscribed(&mut self) -> Result<(), Failure> {
        let done = self.link.as_ref().is_some_and(Link::is_subscribed);
        if done && !self.refused.is_empty() && self.refused.len() == self.settings.filters().len() {
            return Err(Failure::Unusable(refused(&self.refused)));
        }
        Ok(())
    }

    /// Hands messages on in order, and acknowledges them only then.
    async fn hand_on(&mut self, feed: &mut Feed, messages: Vec<Message>) -> Result<(), Failure> {
        let mut observations = Vec::new();
        let mut tickets = Vec::new();
        let mut waiting = Vec::new();
        for mut message in messages {
            tickets.extend(message.ticket.take());
            if message.retained {
                feed.observe(std::mem::take(&mut observations), std::mem::take(&mut tickets)).await?;
                let kept = self.observations(feed, &message);
                feed.restate(&kept, Vec::new()).await?;
            } else {
                observations.extend(self.observations(feed, &message));
            }
            waiting.push(message);
        }
        if !observations.is_empty() || !tickets.is_empty() {
            feed.observe(observations, tickets).await?;
        }
        let Some(link) = &self.link else { return Ok(()) };
        waiting.iter().try_for_each(|message| link.acknowledge(message))
    }

    /// What a message says of the signals that are read.
    fn observations(&mut self, feed: &mut Feed, message: &Message) -> Vec<Observation> {
        let live = !message.retained && Instant::now() >= self.live_from;
        let units: Vec<_> =
            self.topics.units(&message.topic).into_iter().map(|(unit, below)| (unit, below.to_owned())).collect();
        let mut out = Vec::new();
        for (unit, below) in units {
            let parts = match payload::read(&below, &message.payload, self.settings.time_key.as_deref()) {
                Ok(parts) => parts,
                Err(bad) => {
                    self.bad(&message.topic, bad);
                    continue;
                }
            };
            self.counts.bad_times += u64::from(parts.bad_time);
            self.news |= parts.bad_time;
            let newest = parts.parts.iter().filter_map(|part| part.time).max();
            let mut old = false;
            for part in parts.parts {
                let ours = part.time.is_none();
                let (news, found) = self.topics.came(unit, &part.item, part.form, ours);
                self.moved |= news;
                let Found::Signal(offered, changed) = found else { continue };
                let signal = match self.signals.get(&offered.address) {
                    Some(signal) if !changed => *signal,
                    _ => {
                        let signal = feed.signal(offered);
                        let new = self.signals.insert(offered.address.clone(), signal).is_none();
                        if new && let Some((gauge, signals)) = self.clocks.get_mut(unit) {
                            signals.push(signal);
                            feed.clock_of([signal], gauge.ahead());
                        }
                        signal
                    }
                };
                if ours && message.retained {
                    // Of unknown age: in force since now, unless it is what was in force anyway.
                    if feed.has_value(signal, &part.value) {
                        continue;
                    }
                    old = true;
                }
                let time = part.time.unwrap_or(message.at);
                out.push(Observation { sequence: 0, signal, time, value: part.value });
            }
            self.counts.old += u64::from(old);
            self.news |= old;
            if live
                && let Some(newest) = newest
                && let Some((gauge, signals)) = self.clocks.get_mut(unit)
                && let Some(ahead) = gauge.take(newest, message.at)
            {
                feed.clock_of(signals.iter().copied(), ahead);
                self.news = true;
            }
        }
        out
    }

    fn bad(&mut self, topic: &str, bad: Bad) {
        let by_topic = match bad {
            Bad::NoText => &mut self.counts.no_text,
            Bad::BadJson => &mut self.counts.bad_json,
        };
        let full = by_topic.len() >= 100;
        match by_topic.get_mut(topic) {
            Some(count) => *count += 1,
            None if full => {}
            None => drop(by_topic.insert(topic.to_owned(), 1)),
        }
        self.news = true;
    }

    /// Green when something came of everything that is set.
    fn state(&mut self, feed: &mut Feed) {
        if !std::mem::take(&mut self.moved) {
            if self.topics.any() {
                feed.progress();
            }
            return;
        }
        if !self.topics.any() {
            feed.state(SourceState::Waiting(self.settings.filters().join(", ")));
            return;
        }
        let mut missing = self.topics.missing();
        if !self.refused.is_empty() {
            missing.insert(0, refused(&self.refused));
        }
        feed.flowing(match missing.len() {
            0 => SourceState::Streaming,
            _ => SourceState::Partial(some_of(&missing)),
        });
    }

    fn tell(&mut self, feed: &mut Feed) {
        self.news = false;
        self.told = Some(Instant::now());
        let mut remarks: Vec<String> = self.settings.broker.remark().into_iter().collect();
        remarks.extend(self.topics.problems.iter().take(NAMED).cloned());
        let off = self.clocks.iter().enumerate().filter_map(|(unit, (gauge, _))| {
            let topic = self.topics.topic(unit);
            gauge.remark(&format!("`{topic}`"))
        });
        remarks.extend(off.take(NAMED));
        for (by_topic, what) in
            [(&self.counts.no_text, "is no text (UTF-8)"), (&self.counts.bad_json, "begins as JSON and is none")]
        {
            let each = |(topic, count): (&String, &u64)| {
                let topic: String = topic.chars().take(200).collect();
                format!("the payload of `{topic}` {what}: {count} refused")
            };
            remarks.extend(by_topic.iter().take(NAMED).map(each));
            if by_topic.len() > NAMED {
                remarks.push(format!("{} more topics whose payload {what}", by_topic.len() - NAMED));
            }
        }
        let counts = &self.counts;
        for (count, what) in [
            (counts.bad_times, "payloads without a readable time in `time_key`: stamped with their arrival"),
            (
                counts.old,
                "retained messages without a time of their own: in force since the subscription, as far as is known",
            ),
            (counts.cleared, "times the broker's queue for us was given up: it held what cannot be taken"),
            (self.topics.beyond, "values of items beyond 100,000, or with longer names than 1,024 bytes, are not read"),
        ] {
            if count > 0 {
                remarks.push(format!("{count} {what}"));
            }
        }
        feed.remarks(remarks);
    }
}

fn refused(filters: &[String]) -> String {
    format!("the broker does not let us read {}: allow it in its access list", some_of(filters))
}

/// The first few, and how many more.
pub(crate) fn some_of(texts: &[String]) -> String {
    let mut text = texts.iter().take(NAMED).cloned().collect::<Vec<_>>().join("; ");
    if texts.len() > NAMED {
        text.push_str(&format!("; and {} more", texts.len() - NAMED));
    }
    text
}

impl Session for Source {
    async fn session(&mut self, feed: &mut Feed) -> Result<Infallible, Failure> {
        let ended = self.read(feed).await;
        self.tell(feed);
        ended
    }

    async fn goodbye(&mut self) {
        if let Some(link) = &mut self.link {
            link.leave().await;
        }
    }
}
