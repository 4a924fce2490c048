//! What a source makes of the agent's documents.

use std::collections::BTreeSet;

use gemba_contract::edge::LocalSignal;
use gemba_domain::Timestamp;
use tokio::time::Instant;

use super::{Ended, PROBE_EVERY, PROBE_PAUSE, SKEW_FLOOR, Source};
use crate::{
    clock,
    collector::mtconnect::{
        client::{AgentFailure, said},
        mapping::Mapping,
        probe::{Devices, Header},
        streams::{self, Streams, parse_time},
        xml::XmlError,
    },
    queue::{Position, Ticket},
};

impl Source {
    /// Takes what the agent has into the mapping. Returns the signals that are no longer read.
    pub(super) fn adopt(&mut self, devices: &Devices) -> Vec<LocalSignal> {
        self.last_probe = Instant::now();
        self.buffer_size = devices.header.buffer_size.or(self.buffer_size);
        let mapping = Mapping::resolve(&self.config, devices);
        let before: BTreeSet<_> = self.index.signals().collect();
        self.index = mapping.index(&self.signals);
        if mapping != self.mapping {
            tracing::info!(
                source = %self.config.name, signals = mapping.mapped.len(), unmapped = mapping.unmapped.len(),
                "the agent's data items are mapped"
            );
            for problem in &mapping.problems {
                tracing::warn!(source = %self.config.name, "{problem}");
            }
            self.mapping = mapping;
            self.tell();
        }
        let after: BTreeSet<_> = self.index.signals().collect();
        before.difference(&after).copied().collect()
    }

    pub(super) fn parse(&mut self, body: &[u8]) -> Result<Streams, Ended> {
        match streams::parse(body, &self.index, &mut self.words, clock::now()) {
            Ok(streams) => Ok(streams),
            Err(XmlError::WrongRoot { .. }) => Err(said(body).into()),
            Err(error) => Err(AgentFailure::from(error).into()),
        }
    }

    /// The time of the document by the agent's clock; notes the difference to ours.
    fn heard(&mut self, header: &Header) -> Timestamp {
        let now = clock::now();
        self.last_heard = now;
        let Some(made) = header.creation_time.as_deref().and_then(parse_time) else { return now };
        let skew = made.micros_since(now);
        self.skew = if skew.abs() < SKEW_FLOOR { 0 } else { skew };
        if self.skew == 0 { now } else { made }
    }

    /// Finds the place to read on from.
    pub(super) async fn establish(&mut self, current: &Streams, ticket: Ticket) -> Result<(), Ended> {
        let header = &current.header;
        let newest = header.next_sequence.ok_or(XmlError::Missing("nextSequence")).map_err(AgentFailure::from)?;
        let oldest = header.first_sequence.unwrap_or(1);
        let last_heard = self.last_heard;
        let now = self.heard(header);
        let held = self.position.take();
        let resumable = held.as_ref().filter(|held| held.instance == header.instance);
        let resumed = resumable.map(|held| held.next).filter(|next| (oldest..=newest).contains(next));
        let mut readings = Vec::new();
        match resumed {
            Some(next) => readings.extend(self.values.resume(&current.observations, next, now)),
            None => {
                if let Some(held) = &held {
                    self.missed(held, header.instance, oldest);
                    if self.arrived && self.values.lost_at().is_none() {
                        readings.extend(self.values.lose(self.all_signals(), last_heard.plus_micros(self.skew)));
                    }
                }
                readings.extend(self.values.begin(&current.observations, now));
            }
        }
        if !self.arrived && resumed.is_some() {
            self.catching_up = self.before.map(|before| self.intake.begin(before));
        }
        self.arrive(resumed.is_some());
        let next = resumed.unwrap_or(newest);
        self.position = Some(Position { instance: header.instance, next, lost_at: None });
        self.flowing_again(resumed, newest);
        self.deliver(readings, vec![ticket]).await
    }

    fn flowing_again(&mut self, resumed: Option<u64>, newest: u64) {
        let behind = resumed.map(|next| newest.saturating_sub(next));
        match behind {
            Some(behind) => {
                tracing::info!(source = %self.config.name, behind, "reading on where it stopped; nothing was missed")
            }
            None => tracing::info!(source = %self.config.name, next = newest, "reading from the values in force"),
        }
    }

    fn missed(&mut self, held: &Position, instance: u64, oldest: u64) {
        let name = &self.config.name;
        if held.instance != instance {
            tracing::warn!(source = %name, before = held.instance, now = instance, "the agent was restarted; what it had not yet handed out is lost");
        } else if held.next < oldest {
            let missed = oldest - held.next;
            self.counts.missed_observations += missed;
            tracing::warn!(source = %name, missed, next = held.next, oldest, "the agent's buffer was overrun; observations are lost");
            self.tell();
        } else {
            tracing::warn!(source = %name, next = held.next, "the agent's sequence went back: it was restarted without saying so");
        }
    }

    /// Takes one sample document whole. Whether the agent has no more than this.
    pub(super) async fn take(&mut self, body: &[u8]) -> Result<bool, Ended> {
        let ticket = self.intake.begin(clock::now());
        let mut streams = self.parse(body)?;
        let Some(held) = self.position.clone() else { return Err(Ended::Again("no place to read from".to_owned())) };
        if streams.header.instance != held.instance {
            return Err(Ended::Again("the agent was restarted (instanceId)".to_owned()));
        }
        if streams.header.first_sequence.is_some_and(|first| first > held.next) {
            return Err(Ended::Again("the agent's buffer was overrun".to_owned()));
        }
        let strange = !streams.unknown.is_empty() && self.last_reprobe.is_none_or(|at| at.elapsed() >= PROBE_PAUSE);
        if strange || self.last_probe.elapsed() >= PROBE_EVERY {
            if strange {
                tracing::info!(source = %self.config.name, items = ?streams.unknown, "the agent has data items that it did not have before");
            }
            self.probe_again().await?;
            streams = self.parse(body)?;
        }
        self.heard(&streams.header);
        self.counts.bad_times += streams.bad_times;
        let mut readings = Vec::with_capacity(streams.observations.len());
        for observation in streams.observations {
            if observation.sequence < held.next {
                self.counts.duplicates += 1;
                continue;
            }
            readings.push(self.values.observe(observation));
        }
        if streams.bad_times > 0 {
            self.tell();
        }
        let next = streams.header.next_sequence.unwrap_or(0).max(streams.highest.saturating_add(1)).max(held.next);
        let caught_up = streams.header.last_sequence.is_none_or(|last| next > last);
        if next != held.next || !readings.is_empty() {
            self.position = Some(Position { next, ..held });
            let mut tickets = vec![ticket];
            if caught_up {
                tickets.extend(self.catching_up.take());
            }
            self.deliver(readings, tickets).await?;
        } else if caught_up {
            self.catching_up = None;
        }
        Ok(caught_up)
    }

    /// Asks again what the agent has: reads what is new, ends what is gone.
    async fn probe_again(&mut self) -> Result<(), Ended> {
        self.last_reprobe = Some(Instant::now());
        let devices = self.client.probe().await?;
        let Some(held) = self.position.clone().filter(|held| held.instance == devices.header.instance) else {
            return Err(Ended::Again("the agent was restarted (instanceId)".to_owned()));
        };
        let gone = self.adopt(&devices);
        let now = clock::now().plus_micros(self.skew);
        let mut readings = self.values.end(gone, now);
        if self.index.signals().any(|signal| !self.values.knows(signal)) {
            let body = self.client.current().await?;
            let current = self.parse(&body)?;
            if current.header.instance != held.instance {
                return Err(Ended::Again("the agent was restarted (instanceId)".to_owned()));
            }
            readings.extend(self.values.begin_new(&current.observations, held.next, now));
        }
        self.deliver(readings, Vec::new()).await
    }
}
