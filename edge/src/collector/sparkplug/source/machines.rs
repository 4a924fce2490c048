//! What births, values and deaths of edge nodes mean for the signals.

use std::{collections::HashSet, sync::Arc};

use gemba_contract::edge::LocalSignal;
use gemba_domain::{Timestamp, signal::Value};

use super::{Address, Batch, Source, flush};
use crate::{
    collector::{
        Failure, Feed, Observation,
        sparkplug::{
            node::{Output, Told},
            settings::Machine,
            value,
        },
    },
    queue::Reading,
};

/// What a metric says of a signal.
struct Said {
    signal: LocalSignal,
    time: Timestamp,
    value: Value,
    historical: bool,
}

impl Source {
    /// Follows what a node's state machine says. `at`: when, by the collector's clock.
    pub(super) async fn outputs(
        &mut self,
        feed: &mut Feed,
        address: &Address,
        outputs: Vec<Output>,
        at: Timestamp,
        batch: &mut Batch,
    ) -> Result<(), Failure> {
        for output in outputs {
            match output {
                Output::Values { device, metrics } => {
                    let machine = machine(address, device);
                    for said in self.said(feed, &machine, &metrics, at, false) {
                        let Said { signal, time, value, historical } = said;
                        if historical {
                            batch.history.push(Reading { signal, time, value });
                        } else {
                            batch.observations.push(Observation { sequence: 0, signal, time, value });
                        }
                    }
                }
                Output::Born { device, metrics } => {
                    flush(feed, batch).await?;
                    self.born(feed, &machine(address, device), &metrics, at).await?;
                }
                Output::NodeDied => {
                    flush(feed, batch).await?;
                    let of_node = |machine: &&Machine| (&machine.group, &machine.node) == (&address.0, &address.1);
                    let machines: Vec<_> = self.alive.keys().filter(of_node).cloned().collect();
                    let time = self.node_time(address, at);
                    for machine in machines {
                        self.died(feed, &machine, time).await?;
                    }
                    if let Some(entry) = self.nodes.get_mut(address) {
                        entry.gone = Some(at);
                    }
                }
                Output::DeviceDied { device, time } => {
                    flush(feed, batch).await?;
                    let time = time.and_then(value::time).unwrap_or_else(|| self.node_time(address, at));
                    self.died(feed, &machine(address, Some(device)), time).await?;
                }
                Output::Ask(reason) => self.ask(address, reason)?,
            }
        }
        Ok(())
    }

    /// A moment of the collector's clock, by the node's.
    fn node_time(&self, address: &Address, at: Timestamp) -> Timestamp {
        at.plus_micros(self.nodes.get(address).map_or(0, |entry| entry.gauge.ahead()))
    }

    /// All that a machine has is in force now; what it had before and has no more, ends.
    async fn born(
        &mut self,
        feed: &mut Feed,
        machine: &Machine,
        metrics: &[Told],
        at: Timestamp,
    ) -> Result<(), Failure> {
        self.moved = true;
        let address = (Arc::clone(&machine.group), Arc::clone(&machine.node));
        if let Some(entry) = self.nodes.get_mut(&address) {
            entry.gone = None;
        }
        if !self.mapping.reads(machine) {
            return Ok(());
        }
        let problems = self.mapping.problems.len();
        let said = self.said(feed, machine, metrics, at, true);
        self.news |= self.mapping.problems.len() != problems;
        let now = self.node_time(&address, at);
        let signals: HashSet<_> = said.iter().map(|said| said.signal).collect();
        let (history, current): (Vec<_>, Vec<_>) = said.into_iter().partition(|said| said.historical);
        let current: Vec<_> = current
            .into_iter()
            .map(|Said { signal, time, value, .. }| Observation { sequence: 0, signal, time, value })
            .collect();
        let history: Vec<_> =
            history.into_iter().map(|Said { signal, time, value, .. }| Reading { signal, time, value }).collect();
        feed.history(history).await?;
        feed.restate_at(&current, now, Vec::new()).await?;
        let before = self.alive.insert(machine.clone(), signals.clone()).unwrap_or_default();
        feed.end(before.difference(&signals).copied().collect(), now).await
    }

    async fn died(&mut self, feed: &mut Feed, machine: &Machine, time: Timestamp) -> Result<(), Failure> {
        self.moved = true;
        let signals = self.alive.remove(machine).unwrap_or_default();
        feed.end(signals.into_iter().collect(), time).await
    }

    /// What metrics say of the signals that are read.
    fn said(&mut self, feed: &mut Feed, machine: &Machine, metrics: &[Told], at: Timestamp, born: bool) -> Vec<Said> {
        let address = (Arc::clone(&machine.group), Arc::clone(&machine.node));
        let mut out = Vec::new();
        for told in metrics {
            let Some((offered, changed)) = self.mapping.signal(machine, told, born) else { continue };
            let signal = match self.signals.get(&offered.address) {
                Some(signal) if !changed => *signal,
                _ => {
                    let signal = feed.signal(offered);
                    let new = self.signals.insert(offered.address.clone(), signal).is_none();
                    if new && let Some(entry) = self.nodes.get_mut(&address) {
                        entry.signals.push(signal);
                        feed.clock_of([signal], entry.gauge.ahead());
                    }
                    signal
                }
            };
            let time = match told.time.map(value::time) {
                Some(Some(time)) => time,
                None => at,
                Some(None) => {
                    self.counts.bad_times += 1;
                    self.news = true;
                    at
                }
            };
            let (value, uncertain) = value::of(&told.metric, told.datatype);
            self.counts.uncertain += u64::from(uncertain);
            self.news |= uncertain;
            let historical = told.metric.is_historical == Some(true);
            out.push(Said { signal, time, value, historical });
        }
        out
    }
}

fn machine(address: &Address, device: Option<Arc<str>>) -> Machine {
    Machine { group: Arc::clone(&address.0), node: Arc::clone(&address.1), device }
}
