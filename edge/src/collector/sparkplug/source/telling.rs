//! How a Sparkplug source is, in words.

use tokio::time::Instant;

use super::Source;
use crate::collector::{Feed, SourceState, mqtt::some_of, sparkplug::settings::Machine};

/// Of each sort, so many are named.
const NAMED: usize = 3;

pub(super) fn refused(filters: &[String]) -> String {
    format!("the broker does not let us read {}: allow it in its access list", some_of(filters))
}

fn name(machine: &Machine) -> String {
    match &machine.device {
        None => format!("{}/{}", machine.group, machine.node),
        Some(device) => format!("{}/{}/{device}", machine.group, machine.node),
    }
}

impl Source {
    /// Green when every machine is born and has what is set of it.
    pub(super) fn state(&mut self, feed: &mut Feed) {
        if !self.ready {
            return;
        }
        let machines = &self.settings.machines;
        let has = |machine: &Machine| {
            let entry = self.nodes.get(&(machine.group.clone(), machine.node.clone()));
            entry.is_some_and(|entry| entry.node.has(machine.device.as_deref()))
        };
        if !std::mem::take(&mut self.moved) {
            if machines.iter().any(has) {
                feed.progress();
            }
            return;
        }
        let mut missing = Vec::new();
        if !self.refused_filters.is_empty() {
            missing.push(refused(&self.refused_filters));
        }
        let (mut born, mut gone) = (0, 0);
        for machine in machines {
            let Some(entry) = self.nodes.get(&(machine.group.clone(), machine.node.clone())) else { continue };
            if has(machine) {
                born += 1;
                missing.extend(self.mapping.missing(machine, entry.node.births()));
            } else if let Some(since) = entry.gone {
                gone += 1;
                missing.push(format!("{}/{} is gone since {since}", machine.group, machine.node));
            } else {
                missing.push(format!("{} is not there", name(machine)));
            }
        }
        missing.dedup();
        match (born, missing.is_empty()) {
            (0, _) if gone > 0 => feed.state(SourceState::Lost(some_of(&missing))),
            (0, _) => {
                let all: Vec<_> = machines.iter().map(name).collect();
                feed.state(SourceState::Waiting(format!("births of {}", some_of(&all))));
            }
            (_, true) => feed.flowing(SourceState::Streaming),
            (_, false) => feed.flowing(SourceState::Partial(some_of(&missing))),
        }
    }

    pub(super) fn tell(&mut self, feed: &mut Feed) {
        self.news = false;
        self.told = Some(Instant::now());
        let mut remarks: Vec<String> = self.settings.broker.remark().into_iter().collect();
        remarks.extend(self.mapping.problems.iter().take(NAMED).cloned());
        let mut nodes: Vec<_> = self.nodes.iter().collect();
        nodes.sort_by_key(|(address, _)| *address);
        let clocks = nodes.iter().filter_map(|((group, node), entry)| entry.gauge.remark(&format!("{group}/{node}")));
        remarks.extend(clocks.take(NAMED));
        for (topic, (why, count)) in self.counts.refused.iter().take(NAMED) {
            let topic: String = topic.chars().take(200).collect();
            remarks.push(format!("a payload of {topic} is refused: {why} ({count} so far)"));
        }
        for ((group, node), entry) in nodes {
            let counts = entry.node.counts;
            if counts.missed > 0 {
                let asked = if self.settings.rebirth { "" } else { "; allow `rebirth`, or let the node be born again" };
                remarks.push(format!("{} messages of {group}/{node} were missed{asked}", counts.missed));
            }
            if counts.unborn > 0 {
                remarks
                    .push(format!("{} messages of {group}/{node} came without a birth to read them by", counts.unborn));
            }
            if counts.unnumbered > 0 {
                remarks.push(format!("{} messages of {group}/{node} had no number", counts.unnumbered));
            }
        }
        remarks.truncate(20);
        let counts = &self.counts;
        let beyond = self.nodes.values().map(|entry| entry.node.births().beyond).sum();
        for (count, what) in [
            (counts.uncertain, "values of uncertain quality were kept"),
            (counts.bad_times, "values had a time that cannot be: stamped with their arrival"),
            (counts.retained, "retained messages of edge nodes were left out: nothing says how old they are"),
            (beyond, "metrics have no name, too long a name, or are too many: not read"),
        ] {
            if count > 0 {
                remarks.push(format!("{count} {what}"));
            }
        }
        feed.remarks(remarks);
    }
}
