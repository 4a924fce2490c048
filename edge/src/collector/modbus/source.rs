//! One connection, read for as long as the collector runs.

mod device;

use std::{collections::BTreeMap, convert::Infallible, sync::Arc, time::Duration};

use gemba_contract::edge::LocalSignal;
use gemba_domain::signal::Value;
use tokio::time::Instant;

use super::{
    client::Client,
    groups::{Group, Job},
    mapping::{Mapping, Point},
    round::{self, Outcome},
    settings::Settings,
};
use crate::{
    clock,
    collector::{Failure, Feed, Observation, Session, SourceState},
};
use device::{Devices, Verdict};

/// When a refused register is asked for again …
const RETRY_REFUSED: Duration = Duration::from_secs(60);
/// … and how many of them in one cycle at most.
const RETRIES_A_CYCLE: usize = 8;
/// Troubles that are named; the others are counted.
const NAMED: usize = 3;

/// Reads one device or gateway.
pub struct Source {
    settings: Settings,
    client: Client,
    points: Arc<[Point]>,
    problems: Vec<String>,
    /// By point; empty before the first session.
    signals: Vec<LocalSignal>,
    groups: Vec<Group>,
    devices: Devices,
}

impl Source {
    /// Ready to run.
    pub fn new(settings: Settings) -> Self {
        let Mapping { points, problems } = Mapping::resolve(&settings);
        Self {
            client: Client::new(&settings),
            devices: Devices::new(&points),
            points: points.into(),
            problems,
            signals: Vec::new(),
            groups: Vec::new(),
            settings,
        }
    }

    /// Connects, and reads what is due for ever.
    async fn read(&mut self, feed: &mut Feed) -> Result<Infallible, Failure> {
        self.signals = self.points.iter().map(|point| feed.signal(&point.signal)).collect();
        self.client.connect().await?;
        self.groups = Group::all(&self.settings, &self.points, Instant::now());
        self.devices.begin(Instant::now());
        if !feed.has_arrived() {
            feed.state(SourceState::Waiting(format!("the first answer of {}", self.settings.address)));
        }
        self.tell(feed);
        loop {
            // The one whose cycle must be through first: a fast group goes before a slow one, and neither starves.
            let first = self.groups.iter().enumerate().min_by_key(|(_, group)| group.pace.due + group.pace.interval);
            let Some(at) = first.map(|(at, _)| at) else {
                return Err(Failure::Unusable("nothing is to be read".to_owned()));
            };
            let soonest = self.groups.iter().map(|group| group.pace.due).min();
            let Some(at) = self.due(at, Instant::now()) else {
                if let Some(soonest) = soonest {
                    tokio::time::sleep_until(soonest).await;
                }
                continue;
            };
            self.step(feed, at).await?;
        }
    }

    /// The most urgent group that is due; `first` is the most urgent of all.
    fn due(&self, first: usize, now: Instant) -> Option<usize> {
        let is_due = |group: &Group| group.pace.due <= now;
        if self.groups.get(first).is_some_and(is_due) {
            return Some(first);
        }
        let due = self.groups.iter().enumerate().filter(|(_, group)| is_due(group));
        due.min_by_key(|(_, group)| group.pace.due + group.pace.interval).map(|(at, _)| at)
    }

    /// The next request of a group, and what follows from it.
    async fn step(&mut self, feed: &mut Feed, at: usize) -> Result<(), Failure> {
        let now = Instant::now();
        let Some(group) = self.groups.get_mut(at) else { return Ok(()) };
        let Some(job) = group.jobs.get(group.next).cloned() else {
            if group.finish(now) {
                self.tell(feed);
            }
            return self.sum_up(feed);
        };
        let waits = job.retry_at.is_some_and(|at| at > now) || !self.devices.may_ask(job.device, now);
        if waits {
            group.next += 1;
            return Ok(());
        }
        let retries = if self.devices.is_down(job.device) { 0 } else { self.settings.retries };
        let was_refused = job.retry_at.is_some();
        let parts = round::run(&mut self.client, &self.points, job, retries).await?;
        let mut jobs = Vec::with_capacity(parts.len());
        let mut recovered = false;
        for (job, outcome) in parts {
            recovered |= was_refused && matches!(outcome, Outcome::Values(_));
            jobs.push(self.take(feed, job, outcome).await?);
        }
        let Some(group) = self.groups.get_mut(at) else { return Ok(()) };
        let count = jobs.len();
        group.jobs.splice(group.next..=group.next, jobs);
        group.next += count;
        if recovered && group.jobs.iter().all(|job| job.trouble.is_none()) {
            // The device has everything now: read it in as few requests as before.
            group.jobs.clone_from(&group.planned);
            group.next = group.jobs.len();
        }
        Ok(())
    }

    /// Hands on what became of a job, and keeps what is to be known of it.
    async fn take(&mut self, feed: &mut Feed, mut job: Job, outcome: Outcome) -> Result<Job, Failure> {
        let verdict = self.devices.verdict(job.device, &outcome, Instant::now());
        let trouble = match outcome {
            Outcome::Values(values) => {
                (job.trouble, job.retry_at) = (None, None);
                self.values(feed, values).await?;
                return Ok(job);
            }
            Outcome::Refused(why) => {
                job.retry_at = Some(Instant::now() + RETRY_REFUSED);
                why
            }
            Outcome::Failed(why) => why,
            Outcome::Down(..) | Outcome::Skipped => {
                if let Verdict::Down { since } = verdict {
                    let device = job.device;
                    let of_device =
                        |(point, signal): (&Point, &LocalSignal)| (point.device == device).then_some(*signal);
                    let signals = self.points.iter().zip(&self.signals).filter_map(of_device).collect();
                    feed.end(signals, since).await?;
                }
                return match self.devices.failure(&self.settings.address.to_string()) {
                    Some(failure) => Err(failure),
                    None => Ok(job),
                };
            }
        };
        feed.heard(None);
        if job.trouble.as_ref() != Some(&trouble) {
            tracing::warn!(source = %feed.name(), "{trouble}");
        }
        job.trouble = Some(trouble);
        let signals = job.points.iter().filter_map(|at| self.signals.get(*at).copied()).collect();
        feed.end(signals, clock::now()).await?;
        Ok(job)
    }

    /// Hands on what changed.
    async fn values(&mut self, feed: &mut Feed, values: Vec<(usize, Value)>) -> Result<(), Failure> {
        let ticket = feed.begin(clock::now());
        feed.heard(None);
        feed.arrive(false);
        let time = feed.stamp();
        let observation = |(at, value): (usize, Value)| {
            let signal = *self.signals.get(at)?;
            (!feed.holds(signal, &value)).then_some(Observation { sequence: 0, signal, time, value })
        };
        let changed: Vec<_> = values.into_iter().filter_map(observation).collect();
        if feed.lost_at().is_some() {
            feed.restate(&changed, vec![ticket]).await
        } else if changed.is_empty() {
            Ok(())
        } else {
            feed.observe(changed, vec![ticket]).await
        }
    }

    /// After a cycle: how the source is.
    fn sum_up(&mut self, feed: &mut Feed) -> Result<(), Failure> {
        for group in &mut self.groups {
            // Not all at once, however many were refused.
            let now = Instant::now();
            let overdue = group.jobs.iter_mut().filter(|job| job.retry_at.is_some_and(|at| at <= now));
            overdue
                .skip(RETRIES_A_CYCLE)
                .for_each(|job| job.retry_at = Some(now + group.pace.interval.max(Duration::from_secs(1))));
        }
        if !self.groups.iter().all(|group| group.complete) {
            return Ok(());
        }
        let down = self.devices.down();
        let jobs = || self.groups.iter().flat_map(|group| &group.jobs);
        let troubles: Vec<&str> = down
            .iter()
            .map(|(_, why)| *why)
            .chain(
                jobs()
                    .filter(|job| !down.iter().any(|(id, _)| *id == job.device))
                    .filter_map(|job| job.trouble.as_deref()),
            )
            .collect();
        let Some((first, more)) = troubles.split_at_checked(NAMED.min(troubles.len())) else { return Ok(()) };
        let mut words = first.join("; ");
        if !more.is_empty() {
            words.push_str(&format!("; and {} more", more.len()));
        }
        if troubles.is_empty() {
            feed.flowing(SourceState::Polling);
        } else if jobs().any(|job| job.trouble.is_none() && !self.devices.is_down(job.device)) {
            feed.flowing(SourceState::Partial(words));
        } else if jobs().all(|job| job.retry_at.is_some()) {
            return Err(Failure::Unusable(words));
        } else {
            feed.state(SourceState::Troubled(words));
        }
        Ok(())
    }

    fn tell(&self, feed: &mut Feed) {
        let mut remarks: Vec<String> = self.problems.iter().take(NAMED).cloned().collect();
        remarks.extend(self.groups.iter().filter_map(|group| group.overrun.clone()));
        feed.remarks(remarks);
    }
}

impl Session for Source {
    async fn session(&mut self, feed: &mut Feed) -> Result<Infallible, Failure> {
        self.read(feed).await
    }
}

/// Devices by unit identifier.
type ById<T> = BTreeMap<u8, T>;
