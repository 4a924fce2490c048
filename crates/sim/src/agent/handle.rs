//! Making, feeding, breaking and stopping an agent.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use gemba_domain::Timestamp;
use tokio::{net::TcpListener, task::JoinHandle};

use super::{
    device::Devices,
    http,
    observation::ObservationValue,
    state::{Options, PushError, Shared, State, now},
};

/// The agent cannot start.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    /// The address cannot be listened on.
    #[error("the agent cannot listen on {address}: {source}; choose another address, or port 0 for a free one")]
    Listen {
        /// As asked for.
        address: String,
        /// Why.
        source: std::io::Error,
    },
}

/// An agent that is not started yet.
pub struct Agent {
    devices: Devices,
    instance_id: Option<u64>,
    buffer_size: usize,
    initial_time: Option<Timestamp>,
    options: Options,
}

impl Agent {
    /// Observations held unless told otherwise.
    pub const DEFAULT_BUFFER_SIZE: usize = 131_072;
    /// Longest silence of a stream unless told otherwise.
    pub const DEFAULT_HEARTBEAT: Duration = Duration::from_secs(10);

    /// With these devices.
    pub fn new(devices: Devices) -> Self {
        Self {
            devices,
            instance_id: None,
            buffer_size: Self::DEFAULT_BUFFER_SIZE,
            initial_time: None,
            options: Options {
                sender: "gemba-sim".to_owned(),
                heartbeat: Self::DEFAULT_HEARTBEAT,
                filter_duplicates: true,
                errors_with_status_200: false,
            },
        }
    }

    /// Sets the instanceId. Without it, it is the second of the start.
    #[must_use]
    pub fn instance_id(mut self, id: u64) -> Self {
        self.instance_id = Some(id);
        self
    }

    /// Sets how many observations the ring buffer holds, at least one.
    #[must_use]
    pub fn buffer_size(mut self, observations: usize) -> Self {
        self.buffer_size = observations;
        self
    }

    /// Sets the longest silence of a stream whose client does not name one.
    #[must_use]
    pub fn heartbeat(mut self, heartbeat: Duration) -> Self {
        self.options.heartbeat = heartbeat;
        self
    }

    /// Sets the sender in the headers.
    #[must_use]
    pub fn sender(mut self, sender: impl Into<String>) -> Self {
        self.options.sender = sender.into();
        self
    }

    /// Sets the time of the initial `UNAVAILABLE` of every item. Without it, it is the start.
    #[must_use]
    pub fn initial_time(mut self, time: Timestamp) -> Self {
        self.initial_time = Some(time);
        self
    }

    /// Whether an observation equal to the one in force is dropped, as the standard asks (the default).
    #[must_use]
    pub fn filter_duplicates(mut self, filter: bool) -> Self {
        self.options.filter_duplicates = filter;
        self
    }

    /// Whether error documents come with status 200, as from agents before 2.0.
    #[must_use]
    pub fn errors_with_status_200(mut self, always: bool) -> Self {
        self.options.errors_with_status_200 = always;
        self
    }

    /// Listens (port 0: a free one) and serves until [`AgentHandle::stop`], or until the handle is dropped.
    ///
    /// # Errors
    /// The address cannot be listened on.
    pub async fn start(self, address: &str) -> Result<AgentHandle, AgentError> {
        let refuse = |source| AgentError::Listen { address: address.to_owned(), source };
        let listener = TcpListener::bind(address).await.map_err(refuse)?;
        let local = listener.local_addr().map_err(refuse)?;
        let now = now();
        let instance_id = self.instance_id.unwrap_or_else(|| u64::try_from(now.micros() / 1_000_000).unwrap_or(1));
        let state = State::new(self.devices, instance_id, self.buffer_size, self.initial_time.unwrap_or(now));
        let shared = Arc::new(Shared::new(state, self.options));
        shared.announce();
        let stop = shared.stop.clone();
        let server = axum::serve(listener, http::router(shared.clone()))
            .with_graceful_shutdown(async move { stop.cancelled().await });
        let server = tokio::spawn(server.into_future());
        Ok(AgentHandle { adapter: Adapter { shared }, address: local, server })
    }
}

/// What changes at a [`AgentHandle::restart`]; by default only the instanceId, by one.
#[derive(Debug, Default)]
pub struct Restart {
    /// Another instanceId; the same one makes an agent that hides its restart.
    pub instance_id: Option<u64>,
    /// Another device file.
    pub devices: Option<Devices>,
    /// Another size of the ring buffer.
    pub buffer_size: Option<usize>,
}

/// A running agent. Dropping it stops the server.
pub struct AgentHandle {
    adapter: Adapter,
    address: SocketAddr,
    server: JoinHandle<std::io::Result<()>>,
}

impl AgentHandle {
    /// `http://address:port`, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A way to push observations from elsewhere.
    pub fn adapter(&self) -> Adapter {
        self.adapter.clone()
    }

    /// See [`Adapter::push`].
    ///
    /// # Errors
    /// The item is unknown, or the value does not fit its category.
    pub fn push(
        &self,
        item: &str,
        time: Timestamp,
        value: impl Into<ObservationValue>,
    ) -> Result<Option<u64>, PushError> {
        self.adapter.push(item, time, value)
    }

    /// The instanceId of now.
    pub fn instance_id(&self) -> u64 {
        self.shared().lock().instance_id
    }

    /// The sequence number that the next observation will get.
    pub fn next_sequence(&self) -> u64 {
        self.shared().lock().buffer.next()
    }

    /// The oldest sequence number still held.
    pub fn first_sequence(&self) -> u64 {
        self.shared().lock().buffer.first()
    }

    /// As if the process had been killed and started again: streams are cut, the buffer is empty but for
    /// the initial `UNAVAILABLE`s, sequences begin at 1. The address stays.
    pub fn restart(&self, change: Restart) {
        let shared = self.shared();
        {
            let mut state = shared.lock();
            let id = change.instance_id.unwrap_or(state.instance_id + 1);
            let size = change.buffer_size.unwrap_or(state.buffer.capacity());
            let devices = change.devices.unwrap_or_else(|| state.catalog.devices.clone());
            *state = State::new(devices, id, size, now());
        }
        shared.faults.cut();
        shared.announce();
    }

    /// Changes the size of the ring buffer on the fly; the oldest observations go.
    pub fn set_buffer_size(&self, observations: usize) {
        self.shared().lock().buffer.resize(observations);
    }

    /// The next `documents` are cut in the middle and are no well-formed XML; the HTTP around them is
    /// correct. Counts parts of streams, too.
    pub fn break_next(&self, documents: u32) {
        self.shared().faults.break_next(documents);
    }

    /// The connections of the next `answers` break off in the middle of a document.
    pub fn drop_next(&self, answers: u32) {
        self.shared().faults.drop_next(answers);
    }

    /// The next `requests` are answered with status 503 and no document.
    pub fn refuse_next(&self, requests: u32) {
        self.shared().faults.refuse_next(requests);
    }

    /// Breaks all open streams off in the middle of a document.
    pub fn drop_streams(&self) {
        self.shared().faults.cut();
    }

    /// While stalled, connections are accepted and stay open, but nothing is sent: not even heartbeats.
    pub fn set_stalled(&self, stalled: bool) {
        self.shared().faults.stall(stalled);
    }

    /// Closes the streams regularly and stops. The port is free afterwards.
    pub async fn stop(mut self) {
        self.shared().stop.cancel();
        if tokio::time::timeout(Duration::from_secs(2), &mut self.server).await.is_err() {
            // Someone keeps a connection open without reading.
            self.server.abort();
        }
    }

    fn shared(&self) -> &Arc<Shared> {
        &self.adapter.shared
    }
}

impl Drop for AgentHandle {
    fn drop(&mut self) {
        self.shared().stop.cancel();
    }
}

/// Feeds an agent, as the program beside a machine does. Cheap to clone.
#[derive(Clone)]
pub struct Adapter {
    shared: Arc<Shared>,
}

impl Adapter {
    /// Stores one observation. Returns its sequence number, or `None` when it equals the one in force
    /// and was dropped. Text for a condition item is read as `Level|code|severity|qualifier|text`.
    ///
    /// # Errors
    /// The item is unknown, or the value does not fit its category.
    pub fn push(
        &self,
        item: &str,
        time: Timestamp,
        value: impl Into<ObservationValue>,
    ) -> Result<Option<u64>, PushError> {
        let stored = self.shared.store(&mut self.shared.lock(), item, time, value.into());
        self.shared.announce();
        stored
    }

    /// Stores many, in order, seen by clients all at once. Returns how many were no duplicates.
    ///
    /// # Errors
    /// At the first that cannot be taken; those before it are stored.
    pub fn push_all<'a>(
        &self,
        observations: impl IntoIterator<Item = (&'a str, Timestamp, ObservationValue)>,
    ) -> Result<u64, PushError> {
        let mut state = self.shared.lock();
        let mut stored = 0;
        let mut result = Ok(());
        for (item, time, value) in observations {
            match self.shared.store(&mut state, item, time, value) {
                Ok(sequence) => stored += u64::from(sequence.is_some()),
                Err(error) => {
                    result = Err(error);
                    break;
                }
            }
        }
        drop(state);
        self.shared.announce();
        result.map(|()| stored)
    }
}
