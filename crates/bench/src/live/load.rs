//! Changes at a steady rate.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use anyhow::Result;
use gemba_contract::edge::LocalSignal;
use gemba_domain::{Interval, Timestamp, signal::Value};

use crate::rig::{Frame, Sender, now_micros};

/// What changes.
#[derive(Clone, Debug)]
pub(super) enum Shape {
    /// These measures in turn. The value is the moment of sending.
    Measures { first: LocalSignal, count: u32, a_second: u32 },
    /// The counter of every unit with each batch, while it produces. The sample's time is the moment of sending.
    Counters { units: u32 },
}

/// Sends it.
pub(super) struct Load {
    sender: Sender,
    every: Duration,
    covered: Timestamp,
    turn: u32,
    pieces: f64,
}

/// What was sent.
#[derive(Debug, Default)]
pub(super) struct SentLoad {
    pub changes: u64,
    /// Per request.
    pub acknowledged_ms: Vec<f64>,
    /// Moment of sending of the newest value, per signal (measures) or unit (counters), in their order.
    pub last: BTreeMap<u32, i64>,
}

impl Load {
    pub fn new(sender: Sender, every: Duration) -> Self {
        Self { sender, every, covered: Timestamp::from_micros(now_micros()), turn: 0, pieces: 0.0 }
    }

    /// Sends a batch every so often for so long; a batch that is late is made up for.
    pub async fn run(&mut self, shape: &Shape, length: Duration) -> Result<SentLoad> {
        let mut sent = SentLoad::default();
        let batches = length.as_micros() / self.every.as_micros().max(1);
        let mut tick = tokio::time::interval(self.every);
        for _ in 0..batches {
            tick.tick().await;
            let now = now_micros();
            let samples = self.samples(shape, now, &mut sent);
            sent.changes += samples.len() as u64;
            let covered = Interval::new(self.covered, Timestamp::from_micros(now));
            self.covered = covered.to;
            let begun = Instant::now();
            let frame = self.sender.number(&Frame { covered, samples });
            self.sender.send(&[frame]).await?;
            sent.acknowledged_ms.push(begun.elapsed().as_secs_f64() * 1000.0);
        }
        Ok(sent)
    }

    fn samples(&mut self, shape: &Shape, now: i64, sent: &mut SentLoad) -> Vec<(LocalSignal, i64, Value)> {
        // Covered time is half-open: what is of this moment belongs to the frame that ends with it.
        let time = now - 1;
        match shape {
            Shape::Measures { first, count, a_second } => {
                let a_batch = (f64::from(*a_second) * self.every.as_secs_f64()).round() as u32;
                let turns = self.turn..self.turn + a_batch;
                self.turn = (self.turn + a_batch) % count;
                let numbers: Vec<u32> = turns.map(|turn| turn % count).collect();
                sent.last.extend(numbers.iter().map(|number| (*number, now)));
                numbers.into_iter().map(|number| (first + number, time, Value::Number(now as f64))).collect()
            }
            Shape::Counters { units } => {
                let mut samples = Vec::new();
                self.pieces += 1.0;
                for unit in 0..*units {
                    if self.pieces == 1.0 {
                        samples.push((2 * unit, time, Value::Text("ACTIVE".into())));
                    }
                    samples.push((2 * unit + 1, time, Value::Number(self.pieces)));
                    sent.last.insert(unit, time);
                }
                samples
            }
        }
    }
}
