//! A program that speaks the collectors' protocol directly (docs/specs/edge-protocol.md).

use std::{path::Path, time::Duration};

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use gemba_contract::{
    batch::{BatchBuilder, encode_frame},
    edge::{Acknowledged, Hello, LocalSignal, OfferedSignal, PROTOCOL_VERSION, Welcome},
};
use gemba_domain::{
    Interval, Timestamp,
    signal::{SignalKind, Value},
};
use gemba_edge::{config::ServerConfig, identity::Member};
use reqwest::{Client, StatusCode};
use serde::{Serialize, de::DeserializeOwned};

use super::now_micros;

/// How long one answer may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// What one frame is to hold.
#[derive(Clone, Debug)]
pub struct Frame {
    /// When this sender was watching.
    pub covered: Interval,
    /// Local signal, microseconds, value.
    pub samples: Vec<(LocalSignal, i64, Value)>,
}

/// A frame with its number.
#[derive(Clone, Debug)]
pub struct Sent {
    /// Number within the epoch.
    pub seq: u64,
    /// As sent.
    pub bytes: Vec<u8>,
}

/// A collector without machines.
#[derive(Debug)]
pub struct Sender {
    client: Client,
    url: String,
    epoch: u64,
    next: u64,
    signals: Vec<OfferedSignal>,
}

impl Sender {
    /// With an identity of [`super::Rig::enrol`], for signals at these addresses, which are its local signals in this order.
    ///
    /// # Errors
    /// The identity cannot be used.
    pub fn new(url: &str, identity: &Path, signals: impl IntoIterator<Item = (String, SignalKind)>) -> Result<Self> {
        let offered = |(address, kind)| OfferedSignal { address, kind, uom: None, source: None };
        let member = Member::new(&ServerConfig { url: url.to_owned(), identity: identity.to_owned() })?;
        Ok(Self {
            client: member.current()?.http.clone(),
            url: url.to_owned(),
            epoch: now_micros().unsigned_abs(),
            next: 1,
            signals: signals.into_iter().map(offered).collect(),
        })
    }

    /// What this sender's numbers belong to.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Sets so many numbers aside for frames that are made elsewhere; the first of them.
    pub fn reserve(&mut self, frames: u64) -> u64 {
        let first = self.next;
        self.next += frames;
        first
    }

    /// Posts frames that were made elsewhere, once. While the server is busy: how long it asks to be left alone.
    ///
    /// # Errors
    /// The server refuses them.
    pub async fn post_frames(&self, body: Bytes) -> Result<Result<Acknowledged, Duration>> {
        let request = self.client.post(format!("{}/api/v1/edge/batches", self.url)).timeout(PATIENCE).body(body);
        let response = request.send().await?;
        match response.status() {
            StatusCode::OK => Ok(Ok(response.json().await?)),
            StatusCode::SERVICE_UNAVAILABLE => {
                let header = response.headers().get("retry-after").and_then(|value| value.to_str().ok()?.parse().ok());
                Ok(Err(Duration::from_secs(header.unwrap_or(1))))
            }
            status => bail!("batches: {status}: {}", response.text().await.unwrap_or_default()),
        }
    }

    async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: impl Into<reqwest::Body>,
        kind: &str,
    ) -> Result<Result<T, StatusCode>> {
        let request = self.client.post(format!("{}/api/v1/edge/{path}", self.url)).timeout(PATIENCE);
        let response = request.header("content-type", kind).body(body).send().await?;
        match response.status() {
            StatusCode::OK => Ok(Ok(response.json().await?)),
            status @ StatusCode::SERVICE_UNAVAILABLE => Ok(Err(status)),
            status => bail!("{path}: {status}: {}", response.text().await.unwrap_or_default()),
        }
    }

    /// Says hello. Every signal must be known to the server.
    ///
    /// # Errors
    /// The server refuses, or does not know a signal.
    pub async fn hello(&self) -> Result<()> {
        let hello = Hello {
            protocol: PROTOCOL_VERSION,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            epoch: self.epoch,
            at: Timestamp::from_micros(now_micros()),
            signals: self.signals.clone(),
            sources: Vec::new(),
            queue: None,
            losses: Vec::new(),
        };
        let welcome: Welcome = self.retried("hello", &json(&hello)?, "application/json").await?;
        match welcome.unknown.first() {
            Some(unknown) => bail!("the server does not know signal {}: {}", unknown.signal, unknown.reason),
            None => Ok(()),
        }
    }

    async fn retried<T: DeserializeOwned>(&self, path: &str, body: &[u8], kind: &str) -> Result<T> {
        for _ in 0..100 {
            if let Ok(answer) = self.post(path, body.to_vec(), kind).await? {
                return Ok(answer);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        bail!("{path}: the server was busy for 10 s")
    }

    /// Gives a frame its number.
    pub fn number(&mut self, frame: &Frame) -> Sent {
        let mut builder = BatchBuilder::new();
        for (signal, time, value) in &frame.samples {
            match value {
                Value::Number(number) => builder.push_number(*signal, *time, *number),
                Value::Text(text) => builder.push_text(*signal, *time, text),
                Value::Unavailable => builder.push_unavailable(*signal, *time),
            }
        }
        let seq = self.next;
        self.next += 1;
        let bytes = encode_frame(self.epoch, seq, frame.covered.from, frame.covered.to, &builder.finish());
        Sent { seq, bytes }
    }

    /// Sends frames in one request. Tries again while the server is busy.
    ///
    /// # Errors
    /// The server refuses them, or acknowledges less.
    pub async fn send(&self, frames: &[Sent]) -> Result<Acknowledged> {
        let last = frames.last().context("no frames")?.seq;
        let body: Vec<u8> = frames.iter().flat_map(|frame| frame.bytes.iter().copied()).collect();
        let answer: Acknowledged = self.retried("batches", &body, "application/octet-stream").await?;
        if answer.acked < last {
            bail!("batch {last} was sent, {} is acknowledged", answer.acked);
        }
        Ok(answer)
    }
}

fn json(value: &impl Serialize) -> Result<Vec<u8>> {
    Ok(serde_json::to_vec(value)?)
}
