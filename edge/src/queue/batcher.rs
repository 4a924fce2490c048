//! Makes batches of what the sources read.

use std::{collections::BTreeMap, time::Duration};

use gemba_contract::{batch::BatchBuilder, edge::LocalSignal};
use gemba_domain::{Interval, Timestamp, signal::Value};
use tokio::{
    sync::{mpsc, oneshot},
    time::Instant,
};

use super::{
    Arrivals, IDLE_BATCH, InFlight, MAX_BATCH_SAMPLES, MAX_BATCH_WAIT, Pending, Position, Queue, Ticket,
    worker::QueueError,
};
use crate::clock;

/// A batch is closed before its texts reach this, far below the protocol's 32 MiB.
const MAX_BATCH_TEXT: usize = 8 << 20;
/// Pieces that wait between the sources and the batcher.
const PIECES: usize = 8;
/// How long the first batch waits for the sources to find their place.
const ARRIVAL_WAIT: Duration = Duration::from_secs(3);

/// One value of one signal.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// The collector's number of the signal.
    pub signal: LocalSignal,
    /// When, by the source's clock.
    pub time: Timestamp,
    /// What.
    pub value: Value,
}

/// A piece of what a source read, at most one batch long.
#[derive(Debug)]
pub struct Chunk {
    readings: Vec<Reading>,
    /// With the last piece: how far this brings the source.
    positions: Vec<(String, Position)>,
    /// With the last piece: bound the coverage until here.
    tickets: Vec<Ticket>,
    /// Answered when this and all before it is on the disk.
    stored: Option<oneshot::Sender<()>>,
}

/// A source's way into the queue.
#[derive(Clone, Debug)]
pub struct Intake {
    pieces: mpsc::Sender<Chunk>,
    in_flight: InFlight,
    arrivals: Arrivals,
}

/// The queue takes nothing any more: the collector is shutting down.
#[derive(Debug, thiserror::Error)]
#[error("the queue is closed")]
pub struct Closed;

/// The way in, and what the batcher needs of it.
pub fn intake(sources: usize) -> (Intake, mpsc::Receiver<Chunk>) {
    let (pieces, receiver) = mpsc::channel(PIECES);
    (Intake { pieces, in_flight: InFlight::default(), arrivals: Arrivals::new(sources) }, receiver)
}

impl Intake {
    /// Something of this moment arrived, or is still to be read.
    pub fn begin(&self, at: Timestamp) -> Ticket {
        self.in_flight.begin(at)
    }

    /// The source found its place at start; `resumed`: exactly where the run before had stopped.
    pub fn arrived(&self, resumed: bool) {
        self.arrivals.report(resumed);
    }

    /// Hands readings on, in order. `positions` are stored with the last of them. Waits while the queue cannot keep up.
    pub async fn deliver(
        &self,
        mut readings: Vec<Reading>,
        positions: impl IntoIterator<Item = (String, Position)>,
        tickets: Vec<Ticket>,
    ) -> Result<(), Closed> {
        let positions = positions.into_iter().collect();
        while readings.len() > MAX_BATCH_SAMPLES {
            let rest = readings.split_off(MAX_BATCH_SAMPLES);
            let piece = Chunk { readings, positions: Vec::new(), tickets: Vec::new(), stored: None };
            self.pieces.send(piece).await.map_err(|_| Closed)?;
            readings = rest;
        }
        self.pieces.send(Chunk { readings, positions, tickets, stored: None }).await.map_err(|_| Closed)
    }

    /// Waits until all that was handed on before is on the disk.
    pub async fn stored(&self) -> Result<(), Closed> {
        let (reply, answer) = oneshot::channel();
        let piece = Chunk { readings: Vec::new(), positions: Vec::new(), tickets: Vec::new(), stored: Some(reply) };
        self.pieces.send(piece).await.map_err(|_| Closed)?;
        answer.await.map_err(|_| Closed)
    }
}

/// Closes batches by number, by time, and, without samples, to say that the sources are being watched.
pub struct Batcher {
    queue: Queue,
    in_flight: InFlight,
    arrivals: Arrivals,
    builder: BatchBuilder,
    text_bytes: usize,
    positions: BTreeMap<String, Position>,
    /// Who waits until the batch is on the disk.
    waiting: Vec<oneshot::Sender<()>>,
    /// End of what the batch before covers.
    covered: Timestamp,
    before: Option<Timestamp>,
    first: bool,
    deadline: Instant,
}

impl Batcher {
    /// `before`: until where the run before this one covers.
    pub fn new(queue: Queue, intake: &Intake, before: Option<Timestamp>) -> Self {
        Self {
            queue,
            in_flight: intake.in_flight.clone(),
            arrivals: intake.arrivals.clone(),
            builder: BatchBuilder::new(),
            text_bytes: 0,
            positions: BTreeMap::new(),
            waiting: Vec::new(),
            covered: clock::now(),
            before,
            first: true,
            deadline: Instant::now() + MAX_BATCH_WAIT,
        }
    }

    /// Until all sources have let go of their [`Intake`]; then the last batch is closed and made durable.
    pub async fn run(mut self, mut pieces: mpsc::Receiver<Chunk>) -> Result<(), QueueError> {
        loop {
            tokio::select! {
                biased;
                piece = pieces.recv() => match piece {
                    Some(piece) => self.take(piece).await?,
                    None => {
                        self.close().await?;
                        return self.queue.flush().await;
                    }
                },
                () = tokio::time::sleep_until(self.deadline) => self.close().await?,
            }
        }
    }

    async fn take(&mut self, piece: Chunk) -> Result<(), QueueError> {
        if piece.stored.is_some() || (self.builder.is_empty() && !piece.readings.is_empty()) {
            self.deadline = self.deadline.min(Instant::now() + MAX_BATCH_WAIT);
        }
        let Chunk { readings, positions, tickets, stored } = piece;
        for Reading { signal, time, value } in readings {
            match value {
                Value::Number(number) => self.builder.push_number(signal, time.micros(), number),
                Value::Text(text) => {
                    self.text_bytes += text.len();
                    self.builder.push_text(signal, time.micros(), &text);
                }
                Value::Unavailable => self.builder.push_unavailable(signal, time.micros()),
            }
            if self.builder.len() >= MAX_BATCH_SAMPLES || self.text_bytes >= MAX_BATCH_TEXT {
                self.close().await?;
            }
        }
        self.positions.extend(positions);
        self.waiting.extend(stored);
        drop(tickets);
        if Instant::now() >= self.deadline {
            self.close().await?;
        }
        Ok(())
    }

    async fn close(&mut self) -> Result<(), QueueError> {
        let mut from = self.covered;
        if std::mem::take(&mut self.first)
            && let Some(before) = self.before
            && before <= from
            && self.arrivals.all_resumed(ARRIVAL_WAIT).await
        {
            // The sources' own buffers watched in between, and all of it is being read: no hole.
            from = before;
        }
        let now = clock::now();
        if self.in_flight.take_abandoned() {
            from = now;
        }
        if now < from {
            tracing::warn!(clock = %now, covered = %from, "the collector's clock was set back; coverage goes on from there");
        }
        let Interval { from, to } = covers(from, now, self.in_flight.oldest());
        let pending = Pending {
            batch: self.builder.finish(),
            covered_from: from,
            covered_to: to,
            positions: std::mem::take(&mut self.positions),
        };
        self.text_bytes = 0;
        self.covered = to;
        self.queue.append(pending).await?;
        for reply in std::mem::take(&mut self.waiting) {
            self.queue.tell_when_durable(reply).await?;
        }
        self.deadline = Instant::now() + IDLE_BATCH;
        Ok(())
    }
}

/// What a batch covers that is closed `now`, after all up to `covered`; `unread` is when the oldest of what is still to be read
/// arrived. Never backwards: a clock that was set back begins where it now stands.
fn covers(covered: Timestamp, now: Timestamp, unread: Option<Timestamp>) -> Interval {
    let from = covered.min(now);
    Interval { from, to: unread.unwrap_or(now).clamp(from, now) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coverage_follows_a_clock_that_leaps_and_never_runs_backwards() {
        let mut covered = Timestamp::from_seconds(10);
        let day = 86_400;
        let clock = [(20, (10, 20)), (day, (20, day)), (30, (30, 30)), (40, (30, 40)), (0, (0, 0)), (5, (0, 5))];
        for (now, (from, to)) in clock {
            let stretch = covers(covered, Timestamp::from_seconds(now), None);
            assert_eq!((stretch.from, stretch.to), (Timestamp::from_seconds(from), Timestamp::from_seconds(to)));
            covered = stretch.to;
        }
    }

    #[test]
    fn what_is_still_to_be_read_is_not_covered() {
        let at = Timestamp::from_seconds;
        assert_eq!(covers(at(10), at(20), Some(at(15))), Interval { from: at(10), to: at(15) });
        assert_eq!(covers(at(10), at(20), Some(at(5))), Interval { from: at(10), to: at(10) });
        assert_eq!(covers(at(30), at(20), Some(at(25))), Interval { from: at(20), to: at(20) });
    }
}
