//! What is to become of a batch's samples: stored under the plant's numbers, or set aside.

use std::collections::{BTreeMap, BTreeSet};

use gemba_codec::{BatchBuilder, EncodedBatch, Run, Values};
use gemba_contract::edge::LocalSignal;
use gemba_domain::{Timestamp, signal::SignalId};

use super::table::Placed;
use crate::identity::Refusal;

/// Samples later than the server's clock by more than this are set aside.
pub const FUTURE_LIMIT_SECONDS: i64 = 24 * 3600;

/// A batch, sorted.
#[derive(Debug, Default)]
pub struct Sorted {
    /// By the plant's numbers.
    pub known: Vec<(SignalId, Run)>,
    /// What was set aside, still by the collector's numbers, with the reason.
    pub aside: Vec<(EncodedBatch, String)>,
}

/// Sorts decoded runs by what is done with the collector's signals.
pub fn sort(runs: Vec<(LocalSignal, Run)>, signals: &[Placed], now: Timestamp) -> Sorted {
    let limit = now.plus_seconds(FUTURE_LIMIT_SECONDS).micros();
    let mut sorted = Sorted { known: Vec::with_capacity(runs.len()), aside: Vec::new() };
    let mut future = BatchBuilder::new();
    let mut refused: BTreeMap<Refusal, (BatchBuilder, BTreeSet<LocalSignal>)> = BTreeMap::new();
    for (local, mut run) in runs {
        let signal = match signals.get(local as usize).unwrap_or(&Err(Refusal::Unknown)) {
            Ok(signal) => *signal,
            Err(refusal) => {
                let (batch, numbers) = refused.entry(refusal.clone()).or_default();
                push(batch, local, &run, 0);
                numbers.insert(local);
                continue;
            }
        };
        let keep = run.times.partition_point(|time| *time <= limit);
        if keep < run.times.len() {
            push(&mut future, local, &run, keep);
            run = head(run, keep);
        }
        if !run.times.is_empty() {
            sorted.known.push((signal, run));
        }
    }
    for (refusal, (mut batch, numbers)) in refused {
        sorted.aside.push((batch.finish(), refusal.of(&numbers)));
    }
    if !future.is_empty() {
        let reason = format!("times lie more than 24 h after the server's clock ({now}); check the source's clock");
        sorted.aside.push((future.finish(), reason));
    }
    sorted
}

/// Pushes a run's samples from index `from` on.
pub fn push(builder: &mut BatchBuilder, local: LocalSignal, run: &Run, from: usize) {
    match &run.values {
        Values::Number(numbers) => {
            for (time, value) in run.times.iter().zip(numbers).skip(from) {
                builder.push_number(local, *time, *value);
            }
        }
        Values::Text(texts) => {
            for (time, value) in run.times.iter().zip(texts).skip(from) {
                builder.push_text(local, *time, value);
            }
        }
        Values::Unavailable => {
            for time in run.times.iter().skip(from) {
                builder.push_unavailable(local, *time);
            }
        }
    }
}

fn head(mut run: Run, keep: usize) -> Run {
    run.times.truncate(keep);
    match &mut run.values {
        Values::Number(numbers) => numbers.truncate(keep),
        Values::Text(texts) => texts.truncate(keep),
        Values::Unavailable => {}
    }
    run
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(times: &[i64]) -> Run {
        Run { times: times.to_vec(), values: Values::Number(times.iter().map(|t| *t as f64).collect()) }
    }

    #[test]
    fn unknown_and_foreign_signals_and_far_futures_are_set_aside_and_nothing_is_lost() {
        let now = Timestamp::from_seconds(1_000_000);
        let far = now.plus_seconds(FUTURE_LIMIT_SECONDS + 1).micros();
        let held = Refusal::Held("other".to_owned());
        let runs = vec![(0, numbers(&[1, 2, far])), (1, numbers(&[5])), (2, numbers(&[6])), (7, numbers(&[9]))];
        let sorted = sort(runs, &[Ok(SignalId(10)), Err(Refusal::Unknown), Err(held)], now);
        assert_eq!(sorted.known.len(), 1);
        assert_eq!(sorted.known[0].0, SignalId(10));
        assert_eq!(sorted.known[0].1.times, vec![1, 2]);
        let aside: u32 = sorted.aside.iter().map(|(batch, _)| batch.samples).sum();
        assert_eq!(aside, 4);
        assert!(sorted.aside[0].1.contains("1, 7"));
        assert!(sorted.aside[1].1.contains("signal(s) 2: the collector `other`"), "{:?}", sorted.aside[1].1);
    }
}
