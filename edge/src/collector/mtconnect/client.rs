//! Requests to an agent. Only GET: nothing is ever written to a machine.

use std::time::Duration;

use reqwest::{Client, Response, header};
use tokio::time::{Instant, timeout_at};

use super::{
    multipart::{self, MultipartError, Splitter},
    probe::{self, Devices},
    settings::Settings,
    streams::{self, AgentErrors},
    xml::{MAX_BYTES, XmlError},
};
use crate::{
    collector::{Failure, words},
    tls::{self, ClientError},
};

/// Why an agent gives no data.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AgentFailure {
    /// No connection, or it broke.
    #[error("{0}")]
    Unreachable(String),
    /// It was silent for too long.
    #[error("the agent said nothing for {0:?}, not even a heartbeat")]
    Silent(Duration),
    /// It answered with something else.
    #[error("the agent answers {0}")]
    Status(String),
    /// A document that cannot be read.
    #[error("the agent sent a document that is refused: {0}")]
    Broken(String),
    /// The sequence asked for is not in its buffer.
    #[error("the agent no longer has what follows: {0}")]
    OutOfRange(String),
}

impl From<XmlError> for AgentFailure {
    fn from(error: XmlError) -> Self {
        Self::Broken(error.to_string())
    }
}

impl From<MultipartError> for AgentFailure {
    fn from(error: MultipartError) -> Self {
        Self::Broken(error.to_string())
    }
}

impl From<AgentFailure> for Failure {
    fn from(failure: AgentFailure) -> Self {
        let text = failure.to_string();
        match failure {
            AgentFailure::Unreachable(_) | AgentFailure::Status(_) => Self::Gone(text),
            AgentFailure::Silent(_) => Self::Silent(text),
            AgentFailure::Broken(_) => Self::Refused(text),
            AgentFailure::OutOfRange(_) => Self::Again(text),
        }
    }
}

/// One agent.
pub struct AgentClient {
    http: Client,
    url: String,
    heartbeat: Duration,
    interval: Duration,
    timeout: Duration,
}

/// What `/sample` gives.
pub(super) enum Samples {
    /// An endless stream.
    Stream(Box<Stream>),
    /// One document: the agent does not stream.
    Document(Vec<u8>),
}

/// An open stream.
pub(super) struct Stream {
    response: Response,
    splitter: Splitter,
    timeout: Duration,
}

impl AgentClient {
    /// Without a connection yet.
    pub fn new(config: &Settings) -> Result<Self, ClientError> {
        let connect = config.timeout.min(Duration::from_secs(5));
        let http = tls::client(&config.url, None, connect)?;
        let Settings { url, heartbeat, interval, timeout, .. } = config.clone();
        Ok(Self { http, url, heartbeat, interval, timeout })
    }

    /// For questions to the agent at this root, whose settings are not written yet.
    pub fn at(url: &str) -> Result<Self, ClientError> {
        Self::new(&Settings::new(url))
    }

    /// `/probe`.
    pub async fn probe(&self) -> Result<Devices, AgentFailure> {
        let (_, response) = self.get("/probe").await?;
        let body = self.body(response).await?;
        match probe::parse(&body) {
            Err(XmlError::WrongRoot { .. }) => Err(said(&body)),
            other => Ok(other?),
        }
    }

    /// `/current`, as sent.
    pub(super) async fn current(&self) -> Result<Vec<u8>, AgentFailure> {
        let (_, response) = self.get("/current").await?;
        self.body(response).await
    }

    /// `/sample` from here on; `count` observations a document.
    pub(super) async fn samples(&self, from: u64, count: u64, stream: bool) -> Result<Samples, AgentFailure> {
        let mut path = format!("/sample?from={from}&count={count}");
        if stream {
            path += &format!("&interval={}&heartbeat={}", self.interval.as_millis(), self.heartbeat.as_millis());
        }
        let (content_type, response) = self.get(&path).await?;
        match multipart::boundary(&content_type) {
            Some(boundary) => {
                let splitter = Splitter::new(&boundary);
                Ok(Samples::Stream(Box::new(Stream { response, splitter, timeout: self.timeout })))
            }
            None => Ok(Samples::Document(self.body(response).await?)),
        }
    }

    async fn get(&self, path: &str) -> Result<(String, Response), AgentFailure> {
        let request = self.http.get(format!("{}{path}", self.url)).header(header::ACCEPT, "text/xml, multipart/*");
        let deadline = Instant::now() + self.timeout;
        let response = match timeout_at(deadline, request.send()).await {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => return Err(unreachable(&format!("the agent at {}", self.url), error)),
            Err(_) => return Err(AgentFailure::Silent(self.timeout)),
        };
        let status = response.status();
        if !status.is_success() {
            let body = self.body(response).await.unwrap_or_default();
            return Err(match streams::parse_errors(&body) {
                Some(errors) => failure(&errors),
                None => AgentFailure::Status(status.to_string()),
            });
        }
        let content_type = response.headers().get(header::CONTENT_TYPE);
        let content_type = content_type.and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
        Ok((content_type, response))
    }

    async fn body(&self, mut response: Response) -> Result<Vec<u8>, AgentFailure> {
        let mut out = Vec::new();
        loop {
            let deadline = Instant::now() + self.timeout;
            match timeout_at(deadline, response.chunk()).await {
                Ok(Ok(Some(chunk))) if out.len() + chunk.len() <= MAX_BYTES => out.extend_from_slice(&chunk),
                Ok(Ok(Some(_))) => return Err(XmlError::TooLarge.into()),
                Ok(Ok(None)) => return Ok(out),
                Ok(Err(error)) => return Err(unreachable(&format!("the agent at {}", self.url), error)),
                Err(_) => return Err(AgentFailure::Silent(self.timeout)),
            }
        }
    }
}

fn unreachable(who: &str, error: reqwest::Error) -> AgentFailure {
    AgentFailure::Unreachable(words::unreachable(who, &error.without_url()))
}

impl Stream {
    /// The next document. Silence is measured from document to document: bytes that trickle in are none.
    pub(super) async fn next(&mut self) -> Result<Vec<u8>, AgentFailure> {
        let deadline = Instant::now() + self.timeout;
        loop {
            if let Some(part) = self.splitter.next_part()? {
                return Ok(part);
            }
            if self.splitter.is_closed() {
                return Err(AgentFailure::Unreachable("the agent closed its stream".to_owned()));
            }
            match timeout_at(deadline, self.response.chunk()).await {
                Ok(Ok(Some(chunk))) => self.splitter.push(&chunk),
                Ok(Ok(None)) => return Err(AgentFailure::Unreachable("the agent ended its stream".to_owned())),
                Ok(Err(error)) => return Err(unreachable("the agent's stream", error)),
                Err(_) => return Err(AgentFailure::Silent(self.timeout)),
            }
        }
    }
}

/// What a document that is no data says.
pub(super) fn said(body: &[u8]) -> AgentFailure {
    match streams::parse_errors(body) {
        Some(errors) => failure(&errors),
        None => AgentFailure::Broken("it is neither data nor an MTConnect error".to_owned()),
    }
}

fn failure(errors: &AgentErrors) -> AgentFailure {
    let text: Vec<_> = errors.errors.iter().map(|(code, words)| format!("{code}: {words}")).collect();
    let text = text.join("; ");
    if errors.errors.iter().any(|(code, _)| code == "OUT_OF_RANGE") {
        AgentFailure::OutOfRange(text)
    } else {
        AgentFailure::Status(text)
    }
}
