//! Sparkplug B 3.0, as a host application: edge nodes say by way of an MQTT broker what they have (births), what changes (data), and that
//! they are gone (deaths).
//!
//! How values keep their truth:
//!
//! - **A birth** says all that is in force: values that are not older than what was written keep their time, others are stamped with the birth.
//!   What the birth before had and this one has not, is unavailable from then on.
//! - **A death** of a node makes all signals of it and its devices unavailable from the moment when it is heard (by the node's clock, where
//!   that is off); a death of a device from the time that it says.
//! - **Order.** Messages are numbered; see [`node`]. What is missed is counted, and the rebirth that is asked for tells anew what is in force.
//! - **Historical values** are written at their time and say nothing of now.
//! - **The broker is lost**: nothing is kept for us, so all signals are unavailable since then until the births that follow.
//! - **Quality** below 64 or from 256 on (500 is stale) is unavailable; below 192 is kept and counted.
//!
//! Published is: STATE, when `host_id` is set; rebirth requests, unless `rebirth` is false. Nothing else ever.

mod host;
mod mapping;
pub mod node;
pub mod proto;
mod settings;
mod source;
pub mod topic;
pub mod value;

pub use settings::{Machine, Settings};
pub use source::Source;

use std::{collections::HashMap, sync::Arc, time::Duration};

use tokio::time::{Instant, timeout_at};

use super::{
    Failure, Left, Row, Survey,
    mqtt::{Event, Link, Opening},
};
use node::{Node, Output};

/// How long a survey waits for births.
const LISTEN: Duration = Duration::from_secs(10);

/// What the edge nodes say when they are born, and what of it would be read. They are asked for a rebirth, where that is allowed. Under a client id of
/// its own, so that a running collector is not disturbed.
pub async fn survey(settings: &Settings) -> Result<Survey, Failure> {
    let client_id = format!("{}-check", settings.broker.client_id);
    let opening = Opening { client_id, clean: true, expiry: Duration::ZERO, will: None };
    let mut link = Link::open(&settings.broker, &opening, None)?;
    let mut mapping = mapping::Mapping::new(settings);
    let mut problems = Vec::new();
    let mut nodes: HashMap<(Arc<str>, Arc<str>), Node> = HashMap::new();
    for machine in &settings.machines {
        let address = (Arc::clone(&machine.group), Arc::clone(&machine.node));
        nodes.entry(address).or_insert_with(|| Node::new(settings.reorder, settings.rebirth_cooldown));
    }
    let (begin, mut events) = (Instant::now(), Vec::new());
    let here = |nodes: &HashMap<_, Node>, machine: &Machine| {
        nodes
            .get(&(machine.group.clone(), machine.node.clone()))
            .is_some_and(|node| node.has(machine.device.as_deref()))
    };
    while !settings.machines.iter().all(|machine| here(&nodes, machine))
        && let Ok(more) = timeout_at(begin + LISTEN, link.events(&mut events)).await
    {
        more?;
        for event in events.drain(..) {
            match event {
                Event::Connected(_) => {
                    let filter =
                        |(group, node): &(Arc<str>, Arc<str>)| format!("{}/{group}/+/{node}/#", topic::NAMESPACE);
                    link.subscribe(&nodes.keys().map(filter).collect::<Vec<_>>(), 1)?;
                }
                Event::Subscribed(refused) => {
                    problems.extend(refused.iter().map(|filter| format!("the broker does not let us read {filter}")));
                    if link.is_subscribed() && settings.rebirth {
                        let now = host::milliseconds(crate::clock::now());
                        for (group, node) in nodes.keys() {
                            link.publish(&host::command_topic(group, node), host::rebirth(now), false)?;
                        }
                    }
                }
                Event::Message(message) => {
                    survey_message(&mut nodes, &mut mapping, &message, begin.elapsed(), &mut problems);
                    link.acknowledge(&message)?;
                }
                Event::Alive => {}
            }
        }
    }
    link.leave().await;
    problems.append(&mut mapping.problems);
    let mut out = Survey { problems, ..Survey::default() };
    for machine in &settings.machines {
        let device = machine.device.as_deref();
        let whole =
            [Some(&*machine.group), Some(&*machine.node), device].into_iter().flatten().collect::<Vec<_>>().join("/");
        match nodes.get(&(machine.group.clone(), machine.node.clone())).filter(|node| node.has(device)) {
            None => {
                out.problems.push(format!("{whole} was not born within {LISTEN:?}: is it running, is its name right?"))
            }
            Some(node) => out.problems.extend(mapping.missing(machine, node.births())),
        }
        let mut known: Vec<_> = mapping.known(machine).collect();
        known.sort_by_key(|(name, _)| Arc::clone(name));
        for (name, offered) in known {
            let item = format!("{whole}/{name}");
            match offered {
                Some(signal) => out.rows.push(Row { item, signal: signal.clone(), now: None }),
                None => out.left.push(Left { item, what: "no rule".to_owned() }),
            }
        }
    }
    out.problems.dedup();
    Ok(out)
}

fn survey_message(
    nodes: &mut HashMap<(Arc<str>, Arc<str>), Node>,
    mapping: &mut mapping::Mapping,
    message: &super::mqtt::Message,
    now: Duration,
    problems: &mut Vec<String>,
) {
    let Some(found) = topic::read(&message.topic) else { return };
    let (group, node) = (Arc::from(found.group), Arc::from(found.node));
    let Some(entry) = nodes.get_mut(&(Arc::clone(&group), Arc::clone(&node))) else { return };
    match proto::read(&message.payload) {
        Err(why) if problems.len() < 20 => problems.push(format!("a payload of {} is refused: {why}", message.topic)),
        Err(_) => {}
        Ok(payload) => {
            let arrived = node::Message { kind: found.kind, device: found.device.map(Arc::from), payload };
            for output in entry.take(arrived, now) {
                if let Output::Born { device, metrics } = output {
                    let machine = Machine { group: Arc::clone(&group), node: Arc::clone(&node), device };
                    for told in &metrics {
                        mapping.signal(&machine, told, true);
                    }
                }
            }
        }
    }
}
