//! A session from its beginning to its end: finds out what there is, subscribes to it, takes what comes, and looks again now and then.

use std::{
    collections::{BTreeSet, HashMap},
    convert::Infallible,
    sync::Arc,
    time::Duration,
};

use futures::{StreamExt, stream::FuturesOrdered};
use gemba_contract::edge::LocalSignal;
use opcua::types::{NodeId, StatusCode, SubscriptionAcknowledgement};
use tokio::time::Instant;

use super::{
    Source,
    watching::{Publishing, Subscription, Watched},
};
use crate::{
    clock,
    collector::{
        Failure, Feed, SourceState,
        opcua::{
            address::Namespaces,
            link::Link,
            mapping::{Mapped, Mapping},
            server::{self, Limits, Status},
            types, values,
        },
    },
};

/// The longest time between two looks at whether the server still runs.
const LOOK_EVERY: Duration = Duration::from_secs(10);
/// A node that went away has all looked through again, but not more often than this.
const BROWSE_PAUSE: Duration = Duration::from_secs(5);

/// What is known during one session.
pub(super) struct Reader<'s> {
    pub(super) source: &'s mut Source,
    pub(super) link: Arc<Link>,
    pub(super) limits: Limits,
    namespaces: Namespaces,
    pub(super) status: Status,
    pub(super) mapping: Mapping,
    pub(super) subscription: Option<Subscription>,
    /// By the handle that the server sends with each value.
    pub(super) watched: HashMap<u32, Watched>,
    pub(super) next_handle: u32,
    /// Nodes that the server refuses to watch.
    pub(super) refused: Vec<(String, StatusCode)>,
    /// Acknowledgements for the next request.
    pub(super) acknowledge: Vec<SubscriptionAcknowledgement>,
    /// Numbers what was seen, in order.
    pub(super) sequence: u64,
    pub(super) any_value: bool,
    browsed: Instant,
    /// A node answered that it is gone.
    pub(super) look_again: bool,
}

impl<'s> Reader<'s> {
    /// Everything up to where values come by themselves.
    pub(super) async fn begin(source: &'s mut Source, link: Arc<Link>, feed: &mut Feed) -> Result<Self, Failure> {
        let namespaces = server::namespaces(&link).await?;
        let limits = server::limits(&link).await?;
        let status = server::status(&link).await?;
        let last_heard = feed.last_heard;
        feed.heard(status.now.as_ref().and_then(values::timestamp));
        let mapping = Mapping::of(&source.settings, &link, limits, &namespaces).await?;
        types::load(&link, limits, &mapping).await;
        if feed.has_arrived() && feed.lost_at().is_none() {
            feed.lose(last_heard).await?;
        }
        let mut reader = Self {
            source,
            link,
            limits,
            namespaces,
            status,
            mapping: Mapping::default(),
            subscription: None,
            watched: HashMap::new(),
            next_handle: 0,
            refused: Vec::new(),
            acknowledge: Vec::new(),
            sequence: 0,
            any_value: false,
            browsed: Instant::now(),
            look_again: false,
        };
        reader.adopt(feed, mapping).await?;
        if !reader.watched.is_empty() {
            reader.fill(feed).await?;
        }
        feed.state(SourceState::Waiting(match reader.watched.len() {
            0 => format!("no node is read: {}", reader.lacking().unwrap_or_else(|| "no rule fits any".to_owned())),
            count => format!("the first values of {count} nodes"),
        }));
        Ok(reader)
    }

    /// Takes values until something ends the session.
    pub(super) async fn run(mut self, feed: &mut Feed) -> Result<Infallible, Failure> {
        let mut publishing: Publishing = FuturesOrdered::new();
        let mut ticks =
            tokio::time::interval(LOOK_EVERY.min(self.link.timeout() / 3).min(self.source.settings.browse_interval));
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        ticks.tick().await;
        let mut heard = Instant::now();
        loop {
            self.ask(&mut publishing);
            let silence = self.subscription.as_ref().map_or(Duration::MAX, Subscription::silence);
            let deadline = heard.checked_add(silence);
            tokio::select! {
                // What lies ready is taken before the time is looked at: the delay may have been ours.
                biased;
                Some(answer) = publishing.next() => {
                    self.take(feed, answer?).await?;
                    heard = Instant::now();
                }
                _ = ticks.tick() => self.look(feed).await?,
                () = until(deadline), if !publishing.is_empty() => {
                    let words = format!("{} has sent nothing for {} s", self.source.settings.url, silence.as_secs_f64());
                    return Err(Failure::Silent(words));
                }
            }
        }
    }

    /// Whether the server still is what it was; every so often, and when a node went away, whether the address space is.
    async fn look(&mut self, feed: &mut Feed) -> Result<(), Failure> {
        let status = server::status(&self.link).await?;
        feed.heard(status.now.as_ref().and_then(values::timestamp));
        if status.started != self.status.started {
            return Err(Failure::Again("the server was restarted".to_owned()));
        }
        let not_running =
            (status.state != 0).then(|| format!("the server says of itself that it is {}", status.state_name));
        if not_running != self.source.standing.server_state {
            self.source.standing.server_state = not_running;
            self.source.tell(feed);
        }
        let namespaces = server::namespaces(&self.link).await?;
        let changed = namespaces != self.namespaces;
        if changed && !namespaces.uris().starts_with(self.namespaces.uris()) {
            return Err(Failure::Again("the server's namespaces changed".to_owned()));
        }
        self.namespaces = namespaces;
        let again = self.look_again && self.browsed.elapsed() >= BROWSE_PAUSE.min(self.source.settings.browse_interval);
        if changed || again || self.browsed.elapsed() >= self.source.settings.browse_interval {
            let mapping = Mapping::of(&self.source.settings, &self.link, self.limits, &self.namespaces).await?;
            self.browsed = Instant::now();
            self.look_again = false;
            self.adopt(feed, mapping).await?;
        }
        Ok(())
    }

    /// Watches what is new, ends what is gone.
    async fn adopt(&mut self, feed: &mut Feed, mapping: Mapping) -> Result<(), Failure> {
        if mapping != self.mapping {
            tracing::info!(
                source = %feed.name(), signals = mapping.mapped.len(), problems = mapping.problems.len(),
                "the server's nodes are mapped"
            );
            for problem in mapping.problems.iter().take(100) {
                tracing::warn!(source = %feed.name(), "{problem}");
            }
        }
        let signals: Vec<LocalSignal> = mapping.mapped.iter().map(|mapped| feed.signal(&mapped.signal)).collect();
        let gone = feed.reads_only(signals.iter().copied().collect::<BTreeSet<_>>());
        let now = feed.source_time(clock::now());
        feed.end(gone, now).await?;
        let wanted: HashMap<&NodeId, LocalSignal> =
            mapping.mapped.iter().map(|mapped| &mapped.id).zip(signals.iter().copied()).collect();
        self.forget(|watched| wanted.get(&watched.id) != Some(&watched.signal)).await?;
        let known: BTreeSet<LocalSignal> = self.watched.values().map(|watched| watched.signal).collect();
        let new: Vec<(&Mapped, LocalSignal)> =
            mapping.mapped.iter().zip(signals).filter(|(_, signal)| !known.contains(signal)).collect();
        self.watch(&new).await?;
        self.mapping = mapping;
        self.source.standing.problems.clone_from(&self.mapping.problems);
        let refused = self.refused_words();
        self.source.standing.problems.extend(refused);
        self.source.tell(feed);
        if self.any_value {
            self.flow(feed, false);
        }
        Ok(())
    }
}

/// At that time; never, without one.
async fn until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}
