//! From settings to a running source.

use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{Feed, Session, Shared, file_drop, modbus, mqtt, mtconnect, opcua, sparkplug, supervise};
use crate::{
    config::{SourceConfig, SourceSettings},
    queue::Position,
    tls::ClientError,
};

/// Starts the source as a task of its own. `number`: its place in the settings and on the health board; `position`: how far an earlier
/// run read it.
pub fn start(
    config: &SourceConfig,
    number: usize,
    position: Option<Position>,
    shared: &Shared,
    tasks: &TaskTracker,
    stop: &CancellationToken,
) -> Result<(), ClientError> {
    let feed = |prefix: &str| Feed::new(&config.name, prefix, number, shared, position);
    match &config.settings {
        SourceSettings::MtConnect(settings) => {
            spawn(mtconnect::Source::new(settings.clone())?, feed(&settings.prefix()), tasks, stop);
        }
        SourceSettings::FileDrop(settings) => {
            spawn(file_drop::Source::new(settings.clone()), feed(&settings.prefix()), tasks, stop);
        }
        SourceSettings::Modbus(settings) => {
            spawn(modbus::Source::new(settings.clone()), feed(&settings.prefix()), tasks, stop);
        }
        SourceSettings::Mqtt(settings) => {
            spawn(mqtt::Source::new(settings.clone()), feed(&settings.prefix()), tasks, stop);
        }
        SourceSettings::Sparkplug(settings) => {
            spawn(sparkplug::Source::new(settings.clone()), feed(&settings.prefix()), tasks, stop);
        }
        SourceSettings::OpcUa(settings) => {
            spawn(opcua::Source::new(settings.clone()), feed(&settings.prefix()), tasks, stop);
        }
    }
    Ok(())
}

fn spawn(source: impl Session, feed: Feed, tasks: &TaskTracker, stop: &CancellationToken) {
    tasks.spawn(supervise(source, feed, stop.clone()));
}
