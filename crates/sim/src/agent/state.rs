//! The agent's memory: device file, buffer, instance; and the documents made of it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gemba_domain::Timestamp;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{
    buffer::Buffer,
    catalog::Catalog,
    device::{Category, Devices},
    fault::Faults,
    observation::ObservationValue,
    path::{Filter, device_index},
    probe,
    problem::Problem,
    xml::{Clockface, attribute, escape},
};

/// An observation that the agent cannot take.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PushError {
    /// No item of this id.
    #[error("no data item has the id `{0}`; nothing was stored")]
    UnknownItem(String),
    /// Text for a condition item that is no condition.
    #[error("`{text}` is no condition for `{item}`; expected `Level|code|severity|qualifier|text`; nothing was stored")]
    NotACondition {
        /// The item.
        item: String,
        /// What was pushed.
        text: String,
    },
    /// A condition for an event or sample.
    #[error("`{0}` is no condition item, but was given a condition; nothing was stored")]
    NoConditionItem(String),
}

/// What an agent is made with.
pub(super) struct Options {
    pub(super) sender: String,
    pub(super) heartbeat: std::time::Duration,
    pub(super) filter_duplicates: bool,
    pub(super) errors_with_status_200: bool,
}

pub(super) struct State {
    pub(super) catalog: Arc<Catalog>,
    pub(super) buffer: Buffer,
    pub(super) instance_id: u64,
    /// When this device file was taken up.
    since: Timestamp,
}

impl State {
    pub(super) fn new(devices: Devices, instance_id: u64, buffer_size: usize, initial: Timestamp) -> Self {
        let catalog = Catalog::new(devices);
        let buffer = Buffer::new(catalog.items.len(), buffer_size, initial);
        Self { catalog: Arc::new(catalog), buffer, instance_id, since: now() }
    }

    /// The header up to what the documents differ in.
    fn header(&self, options: &Options) -> String {
        let version = &self.catalog.devices.version;
        let mut header = "<Header".to_owned();
        attribute(&mut header, "creationTime", &written(now()));
        attribute(&mut header, "sender", &options.sender);
        attribute(&mut header, "instanceId", &self.instance_id.to_string());
        attribute(&mut header, "version", &format!("{version}.0.0"));
        attribute(&mut header, "bufferSize", &self.buffer.capacity().to_string());
        header
    }

    /// Required since 1.7 but in errors; older schemas do not know it.
    fn add_model_change_time(&self, header: &mut String) {
        let version = self.catalog.devices.version.as_str();
        if version.starts_with('2') || matches!(version, "1.7" | "1.8") {
            attribute(header, "deviceModelChangeTime", &written(self.since));
        }
    }

    fn streams_header(&self, options: &Options, next: u64) -> String {
        let mut header = self.header(options);
        self.add_model_change_time(&mut header);
        for (name, value) in
            [("nextSequence", next), ("firstSequence", self.buffer.first()), ("lastSequence", self.buffer.last())]
        {
            attribute(&mut header, name, &value.to_string());
        }
        header.push_str("/>");
        header
    }
}

/// A streams document.
pub(super) struct Streams {
    pub(super) text: String,
    pub(super) observations: usize,
    pub(super) next: u64,
}

/// What the server, its streams and the adapters share.
pub(super) struct Shared {
    state: Mutex<State>,
    pub(super) options: Options,
    /// The next sequence number, for those who wait for it.
    pub(super) arrived: watch::Sender<u64>,
    pub(super) faults: Faults,
    pub(super) stop: CancellationToken,
}

impl Shared {
    pub(super) fn new(state: State, options: Options) -> Self {
        Self {
            state: Mutex::new(state),
            options,
            arrived: watch::Sender::new(0),
            faults: Faults::default(),
            stop: CancellationToken::new(),
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Stores one observation and returns its sequence; `None` when it was a duplicate.
    pub(super) fn store(
        &self,
        state: &mut State,
        item: &str,
        time: Timestamp,
        value: ObservationValue,
    ) -> Result<Option<u64>, PushError> {
        let index = state.catalog.item(item).ok_or_else(|| PushError::UnknownItem(item.to_owned()))?;
        let (category, discrete) =
            state.catalog.get(index).map_or((Category::Event, false), |i| (i.category, i.discrete));
        let value = match (category, value) {
            (Category::Condition, ObservationValue::Text(text)) => ObservationValue::condition_from_log(&text)
                .ok_or_else(|| PushError::NotACondition { item: item.to_owned(), text: text.to_string() })?,
            (Category::Event | Category::Sample, ObservationValue::Condition(_)) => {
                return Err(PushError::NoConditionItem(item.to_owned()));
            }
            (_, value) => value,
        };
        // An occurrence may repeat itself; not knowing may not.
        let may_repeat = discrete && value != ObservationValue::Unavailable;
        if self.options.filter_duplicates && !may_repeat && state.buffer.is_duplicate(index, &value) {
            return Ok(None);
        }
        Ok(Some(state.buffer.push(index, time, value)))
    }

    pub(super) fn announce(&self) {
        let next = self.lock().buffer.next();
        self.arrived.send_replace(next);
    }

    pub(super) fn probe(&self, device: Option<&str>) -> Result<String, Problem> {
        let state = self.lock();
        let only = device.map(|name| device_index(&state.catalog, name)).transpose()?;
        let mut header = state.header(&self.options);
        state.add_model_change_time(&mut header);
        header.push_str(" assetBufferSize=\"1\" assetCount=\"0\"/>");
        let catalog = state.catalog.clone();
        drop(state);
        Ok(probe::render(&catalog.devices, &header, only))
    }

    pub(super) fn current(&self, filter: &Filter, at: Option<u64>) -> Result<Streams, Problem> {
        let state = self.lock();
        let selected = filter.select(&state.catalog)?;
        if let Some(at) = at {
            let (first, last) = (state.buffer.first(), state.buffer.last());
            if at < first || at > last {
                return Err(Problem::OutOfRange(format!("`at` is {at}; this agent holds {first} to {last}")));
            }
        }
        let observations = state.buffer.current(at, |i| selected.get(i as usize) == Some(&true));
        let next = state.buffer.next();
        let header = state.streams_header(&self.options, next);
        let catalog = state.catalog.clone();
        drop(state);
        let count = observations.len();
        Ok(Streams { text: catalog.render_streams(&header, observations), observations: count, next })
    }

    /// `from`: the oldest held when absent.
    pub(super) fn sample(&self, filter: &Filter, from: Option<u64>, count: usize) -> Result<Streams, Problem> {
        let state = self.lock();
        let selected = filter.select(&state.catalog)?;
        let (first, next) = (state.buffer.first(), state.buffer.next());
        let from = from.unwrap_or(first);
        if from < first || from > next {
            return Err(Problem::OutOfRange(format!("`from` is {from}; this agent can begin at {first} to {next}")));
        }
        if count == 0 || count > state.buffer.capacity() {
            let size = state.buffer.capacity();
            return Err(Problem::OutOfRange(format!("`count` is {count}; this agent gives 1 to {size} at once")));
        }
        let (observations, next) = state.buffer.sample(from, count, |i| selected.get(i as usize) == Some(&true));
        let header = state.streams_header(&self.options, next);
        let catalog = state.catalog.clone();
        drop(state);
        let count = observations.len();
        Ok(Streams { text: catalog.render_streams(&header, observations), observations: count, next })
    }

    pub(super) fn error(&self, problem: &Problem) -> String {
        let state = self.lock();
        let version = &state.catalog.devices.version;
        let mut text = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
             <MTConnectError xmlns=\"urn:mtconnect.org:MTConnectError:{version}\" \
             xmlns:m=\"urn:mtconnect.org:MTConnectError:{version}\" \
             xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\">{}/><Errors><Error errorCode=\"{}\">",
            state.header(&self.options),
            problem.code()
        );
        escape(&mut text, &problem.to_string());
        text.push_str("</Error></Errors></MTConnectError>\n");
        text
    }
}

pub(super) fn now() -> Timestamp {
    chrono::Utc::now().into()
}

fn written(time: Timestamp) -> String {
    let mut text = String::new();
    Clockface::default().write(&mut text, time);
    text
}
