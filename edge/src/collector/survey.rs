//! What a source has and what of it would be read, for people: `gemba-edge check`.

use gemba_contract::edge::OfferedSignal;

use super::{Failure, file_drop, modbus, mqtt, mtconnect, opcua, sparkplug};
use crate::config::{SourceConfig, SourceSettings};

/// One item that would be read.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Its address in the source.
    pub item: String,
    /// The signal that it would be.
    pub signal: OfferedSignal,
    /// What it holds now, where that was read.
    pub now: Option<String>,
}

/// One item that no rule reads.
#[derive(Clone, Debug, PartialEq)]
pub struct Left {
    /// Its address in the source.
    pub item: String,
    /// What it is, in the protocol's words.
    pub what: String,
}

/// The whole.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Survey {
    /// In the order of the settings, then of the source.
    pub rows: Vec<Row>,
    /// What is there besides.
    pub left: Vec<Left>,
    /// What else is to be known of it.
    pub notes: Vec<String>,
    /// What cannot be done, for a person.
    pub problems: Vec<String>,
}

/// Asks the source what it has, and applies the rules of the settings.
pub async fn survey(config: &SourceConfig) -> Result<Survey, Failure> {
    match &config.settings {
        SourceSettings::MtConnect(settings) => mtconnect::survey(settings).await,
        SourceSettings::FileDrop(settings) => file_drop::survey(settings).await,
        SourceSettings::Modbus(settings) => modbus::survey(settings).await,
        SourceSettings::Mqtt(settings) => mqtt::survey(settings).await,
        SourceSettings::Sparkplug(settings) => sparkplug::survey(settings).await,
        SourceSettings::OpcUa(settings) => opcua::survey(settings).await,
    }
}
