//! What is read how often, and when it is next.

use std::{collections::BTreeMap, time::Duration};

use tokio::time::Instant;

use super::{
    mapping::Point,
    plan::{Request, Span, plan},
    settings::Settings,
};

/// One request to one device.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    /// The unit identifier.
    pub device: u8,
    /// What is asked.
    pub request: Request,
    /// The points that the answer holds.
    pub points: Vec<usize>,
    /// Why it cannot be read, when it was tried last.
    pub trouble: Option<String>,
    /// It was refused and is tried again then.
    pub retry_at: Option<Instant>,
}

/// The jobs that read these points, all at the pace of the source or each at its own.
pub fn jobs(settings: &Settings, points: &[Point]) -> Vec<Job> {
    jobs_of(settings, points, (0..points.len()).collect())
}

fn jobs_of(settings: &Settings, points: &[Point], chosen: Vec<usize>) -> Vec<Job> {
    let mut devices: BTreeMap<u8, Vec<usize>> = BTreeMap::new();
    for at in chosen {
        if let Some(point) = points.get(at) {
            devices.entry(point.device).or_default().push(at);
        }
    }
    let mut jobs = Vec::new();
    for (device, chosen) in devices {
        for request in plan(&spans(points, &chosen), settings.limits) {
            let of_job = request.spans.iter().filter_map(|at| chosen.get(*at).copied()).collect();
            jobs.push(Job { device, request, points: of_job, trouble: None, retry_at: None });
        }
    }
    jobs
}

fn spans(points: &[Point], chosen: &[usize]) -> Vec<Span> {
    let span = |point: &Point| {
        let register = &point.register;
        Span { table: register.table, start: register.start, count: register.count() }
    };
    chosen.iter().filter_map(|at| points.get(*at)).map(span).collect()
}

impl Job {
    /// Smaller requests for the same points: without the registers in between that nobody asked for, or else two halves. `None` when it
    /// cannot be smaller.
    pub fn split(&self, points: &[Point]) -> Option<Vec<Job>> {
        let spans = spans(points, &self.points);
        let limits = |registers| super::plan::Limits { registers, gap: 0 };
        let mut parts = plan(&spans, limits(self.request.count));
        if parts.len() < 2 {
            let each = if self.request.table.is_bits() { 16 } else { 1 };
            parts = plan(&spans, limits(self.request.count.div_ceil(2).div_ceil(each)));
        }
        if parts.len() < 2 {
            // Bits of fewer than a word, or registers that overlap: each by itself.
            parts = spans.iter().enumerate().map(|(at, span)| alone(span, at)).collect();
        }
        if parts.len() < 2
            || parts.iter().all(|part| (part.start, part.count) == (self.request.start, self.request.count))
        {
            return None;
        }
        let job = |request: Request| {
            let chosen = request.spans.iter().filter_map(|at| self.points.get(*at).copied()).collect();
            Job { device: self.device, request, points: chosen, trouble: None, retry_at: None }
        };
        Some(parts.into_iter().map(job).collect())
    }

    /// Where it reads, for people.
    pub fn name(&self, points: &[Point]) -> String {
        match self.points.as_slice() {
            [only] => points.get(*only).map_or_else(String::new, |point| point.name.clone()),
            _ => {
                let Request { table, start, count, .. } = self.request;
                format!("unit {} {table}/{start} to {}", self.device, u32::from(start) + u32::from(count.max(1)) - 1)
            }
        }
    }
}

fn alone(span: &Span, at: usize) -> Request {
    Request { table: span.table, start: span.start, count: span.count, spans: vec![at] }
}

/// Everything that is due together.
#[derive(Debug)]
pub struct Group {
    /// When.
    pub pace: Pace,
    /// As planned.
    pub planned: Vec<Job>,
    /// As it proved possible.
    pub jobs: Vec<Job>,
    /// The next of them in the cycle that is under way.
    pub next: usize,
    /// It was read through once.
    pub complete: bool,
    /// Its cycles take longer than they may.
    pub overrun: Option<String>,
    overruns: u32,
}

/// Consecutive cycles that were too long before that is told.
const OVERRUNS: u32 = 3;

impl Group {
    /// By interval, the shortest first.
    pub fn all(settings: &Settings, points: &[Point], now: Instant) -> Vec<Self> {
        let mut paces: BTreeMap<Duration, Vec<usize>> = BTreeMap::new();
        for (at, point) in points.iter().enumerate() {
            paces.entry(point.register.every.unwrap_or(settings.interval)).or_default().push(at);
        }
        let group = |(interval, chosen)| {
            let planned = jobs_of(settings, points, chosen);
            Self {
                pace: Pace { interval, due: now },
                jobs: planned.clone(),
                planned,
                next: 0,
                complete: false,
                overrun: None,
                overruns: 0,
            }
        };
        paces.into_iter().map(group).collect()
    }

    /// The cycle is through. Whether what is to be told of it changed.
    pub fn finish(&mut self, now: Instant) -> bool {
        self.next = 0;
        self.complete = true;
        let before = self.overrun.is_some();
        match self.pace.finish(now) {
            None => (self.overruns, self.overrun) = (0, None),
            Some(took) => {
                self.overruns = self.overruns.saturating_add(1);
                if self.overruns == OVERRUNS {
                    self.overrun = Some(format!(
                        "what is to be read every {:?} took {:.1} s ({} requests), so it is read less often: raise `interval` or `every`, \
                         or read less",
                        self.pace.interval,
                        took.as_secs_f64(),
                        self.jobs.len()
                    ));
                }
            }
        }
        before != self.overrun.is_some()
    }
}

/// Keeps a pace without drift: what was missed is left out, not caught up with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// From one cycle to the next.
    pub interval: Duration,
    /// When the next is due, or the one under way was.
    pub due: Instant,
}

impl Pace {
    /// A cycle ended: sets when the next is due, on the same grid. Returns how long this one took, when that was too long.
    pub fn finish(&mut self, now: Instant) -> Option<Duration> {
        let took = now.saturating_duration_since(self.due);
        let interval = self.interval.as_nanos().max(1);
        let steps = u32::try_from(took.as_nanos() / interval).unwrap_or(u32::MAX).saturating_add(1);
        let next = self.interval.checked_mul(steps).and_then(|ahead| self.due.checked_add(ahead));
        self.due = next.unwrap_or(now + self.interval);
        (steps > 1).then_some(took)
    }
}

#[cfg(test)]
#[path = "groups_tests.rs"]
mod tests;
