//! What a source makes of the agent's documents.

use gemba_contract::edge::LocalSignal;
use gemba_domain::Timestamp;
use tokio::time::Instant;

use super::{PROBE_EVERY, PROBE_PAUSE, Source};
use crate::{
    clock,
    collector::{
        Failure, Feed,
        mtconnect::{
            client::{AgentFailure, said},
            mapping::Mapping,
            probe::{Devices, Header},
            streams::{self, Streams, parse_time},
            xml::XmlError,
        },
    },
    queue::{Position, Ticket},
};

impl Source {
    /// Takes what the agent has into the mapping. Returns the signals that are no longer read.
    pub(super) fn adopt(&mut self, feed: &mut Feed, devices: &Devices) -> Vec<LocalSignal> {
        self.last_probe = Instant::now();
        self.buffer_size = devices.header.buffer_size.or(self.buffer_size);
        let mapping = Mapping::resolve(&self.settings, devices);
        self.index = mapping.index(feed.table());
        if mapping != self.mapping {
            tracing::info!(
                source = %feed.name(), signals = mapping.mapped.len(), unmapped = mapping.unmapped.len(),
                "the agent's data items are mapped"
            );
            for problem in &mapping.problems {
                tracing::warn!(source = %feed.name(), "{problem}");
            }
            self.mapping = mapping;
            self.tell(feed);
        }
        feed.reads_only(self.index.signals().collect())
    }

    pub(super) fn parse(&mut self, body: &[u8]) -> Result<Streams, Failure> {
        match streams::parse(body, &self.index, &mut self.words, clock::now()) {
            Ok(streams) => Ok(streams),
            Err(XmlError::WrongRoot { .. }) => Err(said(body).into()),
            Err(error) => Err(AgentFailure::from(error).into()),
        }
    }

    /// Finds the place to read on from.
    pub(super) async fn establish(
        &mut self,
        feed: &mut Feed,
        current: &Streams,
        ticket: Ticket,
    ) -> Result<(), Failure> {
        let header = &current.header;
        let newest = header.next_sequence.ok_or(XmlError::Missing("nextSequence")).map_err(AgentFailure::from)?;
        let oldest = header.first_sequence.unwrap_or(1);
        let last_heard = feed.last_heard;
        let now = feed.heard(made(header));
        let held = feed.position.take();
        let resumable = held.as_ref().filter(|held| held.instance == header.instance);
        let resumed = resumable.map(|held| held.next).filter(|next| (oldest..=newest).contains(next));
        let mut readings = Vec::new();
        match resumed {
            Some(next) => readings.extend(feed.values.resume(&current.observations, next, now)),
            None => {
                if let Some(held) = &held {
                    self.missed(feed, held, header.instance, oldest);
                    if feed.has_arrived() && feed.lost_at().is_none() {
                        readings.extend(feed.values.lose(feed.all_signals(), feed.source_time(last_heard)));
                    }
                }
                readings.extend(feed.values.begin(&current.observations, now));
            }
        }
        feed.arrive(resumed.is_some());
        let next = resumed.unwrap_or(newest);
        feed.position = Some(Position { instance: header.instance, next, lost_at: None });
        flowing_again(feed, resumed, newest);
        feed.deliver(readings, vec![ticket]).await
    }

    fn missed(&mut self, feed: &mut Feed, held: &Position, instance: u64, oldest: u64) {
        let name = feed.name().to_owned();
        if held.instance != instance {
            tracing::warn!(source = %name, before = held.instance, now = instance, "the agent was restarted; what it had not yet handed out is lost");
        } else if held.next < oldest {
            let missed = oldest - held.next;
            self.counts.missed_observations += missed;
            tracing::warn!(source = %name, missed, next = held.next, oldest, "the agent's buffer was overrun; observations are lost");
            self.tell(feed);
        } else {
            tracing::warn!(source = %name, next = held.next, "the agent's sequence went back: it was restarted without saying so");
        }
    }

    /// Takes one sample document whole. Whether the agent has no more than this.
    pub(super) async fn take(&mut self, feed: &mut Feed, body: &[u8]) -> Result<bool, Failure> {
        let ticket = feed.begin(clock::now());
        let mut streams = self.parse(body)?;
        let Some(held) = feed.position.clone() else { return Err(Failure::Again("no place to read from".to_owned())) };
        if streams.header.instance != held.instance {
            return Err(Failure::Again("the agent was restarted (instanceId)".to_owned()));
        }
        if streams.header.first_sequence.is_some_and(|first| first > held.next) {
            return Err(Failure::Again("the agent's buffer was overrun".to_owned()));
        }
        let strange = !streams.unknown.is_empty() && self.last_reprobe.is_none_or(|at| at.elapsed() >= PROBE_PAUSE);
        if strange || self.last_probe.elapsed() >= PROBE_EVERY {
            if strange {
                tracing::info!(source = %feed.name(), items = ?streams.unknown, "the agent has data items that it did not have before");
            }
            self.probe_again(feed).await?;
            streams = self.parse(body)?;
        }
        feed.heard(made(&streams.header));
        self.counts.bad_times += streams.bad_times;
        let mut readings = Vec::with_capacity(streams.observations.len());
        for observation in streams.observations {
            if observation.sequence < held.next {
                self.counts.duplicates += 1;
                continue;
            }
            readings.push(feed.values.observe(observation));
        }
        if streams.bad_times > 0 {
            self.tell(feed);
        }
        let next = streams.header.next_sequence.unwrap_or(0).max(streams.highest.saturating_add(1)).max(held.next);
        let caught_up = streams.header.last_sequence.is_none_or(|last| next > last);
        if next != held.next || !readings.is_empty() {
            feed.position = Some(Position { next, ..held });
            let mut tickets = vec![ticket];
            if caught_up {
                tickets.extend(feed.caught_up());
            }
            feed.deliver(readings, tickets).await?;
        } else if caught_up {
            drop(feed.caught_up());
        }
        Ok(caught_up)
    }

    /// Asks again what the agent has: reads what is new, ends what is gone.
    async fn probe_again(&mut self, feed: &mut Feed) -> Result<(), Failure> {
        self.last_reprobe = Some(Instant::now());
        let devices = self.client.probe().await?;
        let Some(held) = feed.position.clone().filter(|held| held.instance == devices.header.instance) else {
            return Err(Failure::Again("the agent was restarted (instanceId)".to_owned()));
        };
        let gone = self.adopt(feed, &devices);
        let now = feed.source_time(clock::now());
        let mut readings = feed.values.end(gone, now);
        if self.index.signals().any(|signal| !feed.knows(signal)) {
            let body = self.client.current().await?;
            let current = self.parse(&body)?;
            if current.header.instance != held.instance {
                return Err(Failure::Again("the agent was restarted (instanceId)".to_owned()));
            }
            readings.extend(feed.values.begin_new(&current.observations, held.next, now));
        }
        feed.deliver(readings, Vec::new()).await
    }
}

/// When the document was made, by the agent's clock.
fn made(header: &Header) -> Option<Timestamp> {
    header.creation_time.as_deref().and_then(parse_time)
}

fn flowing_again(feed: &Feed, resumed: Option<u64>, newest: u64) {
    let behind = resumed.map(|next| newest.saturating_sub(next));
    match behind {
        Some(behind) => {
            tracing::info!(source = %feed.name(), behind, "reading on where it stopped; nothing was missed")
        }
        None => tracing::info!(source = %feed.name(), next = newest, "reading from the values in force"),
    }
}
