//! One agent, read for as long as the collector runs.

mod reading;

use std::{convert::Infallible, time::Duration};

use tokio::time::Instant;

use super::{
    client::{AgentClient, Samples},
    mapping::{ItemIndex, Mapping},
    settings::Settings,
    streams::Words,
};
use crate::{
    clock,
    collector::{Failure, Feed, Session, SourceState},
    tls::ClientError,
};

/// What an agent has is asked for again this often, …
const PROBE_EVERY: Duration = Duration::from_secs(600);
/// … and when an unknown data item shows up, but not more often than this.
const PROBE_PAUSE: Duration = Duration::from_secs(10);
/// Observations asked for in one document at most.
const MAX_COUNT: u64 = 5_000;

/// Reads one agent.
pub struct Source {
    settings: Settings,
    client: AgentClient,
    index: ItemIndex,
    mapping: Mapping,
    words: Words,
    buffer_size: Option<u64>,
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

impl Source {
    /// Ready to run.
    pub fn new(settings: Settings) -> Result<Self, ClientError> {
        Ok(Self {
            client: AgentClient::new(&settings)?,
            settings,
            index: ItemIndex::default(),
            mapping: Mapping::default(),
            words: Words::default(),
            buffer_size: None,
            last_probe: Instant::now(),
            last_reprobe: None,
            counts: Counts::default(),
        })
    }

    /// Probe, current, samples, until something happens.
    async fn read(&mut self, feed: &mut Feed) -> Result<Infallible, Failure> {
        let devices = self.client.probe().await?;
        self.adopt(feed, &devices);
        let body = self.client.current().await?;
        let ticket = feed.begin(clock::now());
        let current = self.parse(&body)?;
        if current.header.instance != devices.header.instance {
            return Err(Failure::Again("the agent was restarted between two answers".to_owned()));
        }
        self.establish(feed, &current, ticket).await?;
        let mut stream = true;
        loop {
            let next = feed.position.as_ref().map_or(0, |position| position.next);
            let count = self.buffer_size.unwrap_or(1_001).saturating_sub(1).clamp(1, MAX_COUNT);
            match self.client.samples(next, count, stream).await? {
                Samples::Stream(mut parts) => loop {
                    let body = parts.next().await?;
                    let caught_up = self.take(feed, &body).await?;
                    feed.flowing(if caught_up { SourceState::Streaming } else { SourceState::CatchingUp });
                },
                Samples::Document(body) => {
                    stream = false;
                    let caught_up = self.take(feed, &body).await?;
                    feed.flowing(if caught_up { SourceState::Polling } else { SourceState::CatchingUp });
                    if caught_up {
                        tokio::time::sleep(self.settings.interval).await;
                    }
                }
            }
        }
    }

    fn tell(&self, feed: &mut Feed) {
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
        feed.remarks(remarks);
    }
}

impl Session for Source {
    async fn session(&mut self, feed: &mut Feed) -> Result<Infallible, Failure> {
        let ended = self.read(feed).await;
        if let Err(Failure::Refused(_)) = &ended {
            self.counts.refused_documents += 1;
            self.tell(feed);
        }
        ended
    }
}
