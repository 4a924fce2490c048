//! Requests to the server, and its answers made into cases.

use std::{fs, path::PathBuf, time::Duration};

use gemba_contract::{
    edge::{Acknowledged, Hello, Welcome},
    problem::Problem,
};
use reqwest::{Response, StatusCode, header};
use serde::de::DeserializeOwned;

use crate::{
    config::ServerConfig,
    tls::{self, ClientError},
};

/// Longest answer that is read.
const MAX_ANSWER: usize = 4 << 20;
/// How long an answer may take.
const TIMEOUT: Duration = Duration::from_secs(30);
/// How long a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// What the server said.
#[derive(Debug)]
pub enum Answer<T> {
    /// As hoped for.
    Ok(T),
    /// `409 sequence-gap`: the number expected, if it says so.
    Gap(Option<u64>),
    /// `409 unknown-epoch`.
    UnknownEpoch,
    /// `409 stale-epoch`: the newest epoch, if it says so.
    StaleEpoch(Option<u64>),
    /// `422 signal-table`: the numbers of the signals are not those it knows of this epoch.
    SignalTable(String),
    /// `400`.
    Malformed(String),
    /// `413`.
    TooLarge,
    /// `503` or `429`: not before this.
    Busy(Option<Duration>),
    /// `401` or `403`.
    Unauthorized,
    /// The token cannot be read.
    NoToken(TokenError),
    /// Anything else, also no answer at all.
    Failed(String),
}

/// The token cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("the token file {} cannot be used: {reason}. It holds the collector's token alone on a line", path.display())]
pub struct TokenError {
    path: PathBuf,
    reason: String,
}

/// Speaks to one server.
pub struct Client {
    http: reqwest::Client,
    url: String,
    token_file: PathBuf,
}

impl Client {
    /// Without a connection yet.
    pub fn new(config: &ServerConfig) -> Result<Self, ClientError> {
        let http = tls::client(&config.url, config.ca_file.as_deref(), CONNECT_TIMEOUT)?;
        Ok(Self { http, url: config.url.clone(), token_file: config.token_file.clone() })
    }

    /// The token as it stands in its file now.
    pub fn token(&self) -> Result<String, TokenError> {
        let wrong = |reason: String| TokenError { path: self.token_file.clone(), reason };
        let text = fs::read_to_string(&self.token_file).map_err(|error| wrong(error.to_string()))?;
        let token = text.trim();
        if token.is_empty() || token.contains(|c: char| !c.is_ascii_graphic()) {
            return Err(wrong("it is empty or holds more than one word".to_owned()));
        }
        Ok(token.to_owned())
    }

    /// `POST /api/v1/edge/hello`.
    pub async fn hello(&self, hello: &Hello) -> Answer<Welcome> {
        match serde_json::to_vec(hello) {
            Ok(body) => self.post("hello", "application/json", body).await,
            Err(error) => Answer::Failed(error.to_string()),
        }
    }

    /// `POST /api/v1/edge/batches`.
    pub async fn batches(&self, body: Vec<u8>) -> Answer<Acknowledged> {
        self.post("batches", "application/octet-stream", body).await
    }

    async fn post<T: DeserializeOwned>(&self, what: &str, media_type: &str, body: Vec<u8>) -> Answer<T> {
        let token = match self.token() {
            Ok(token) => token,
            Err(error) => return Answer::NoToken(error),
        };
        let sent = self
            .http
            .post(format!("{}/api/v1/edge/{what}", self.url))
            .bearer_auth(token)
            .header(header::CONTENT_TYPE, media_type)
            .timeout(TIMEOUT)
            .body(body)
            .send()
            .await;
        let failed =
            |error: reqwest::Error| Answer::Failed(format!("no answer from the server: {}", tls::chain(&error)));
        let response = match sent {
            Ok(response) => response,
            Err(error) => return failed(error),
        };
        let status = response.status();
        let number = |name: &str| response.headers().get(name)?.to_str().ok()?.trim().parse::<u64>().ok();
        let (expected, newest) = (number("gemba-expected-seq"), number("gemba-newest-epoch"));
        let retry_after = number("retry-after").map(|seconds| Duration::from_secs(seconds.min(300)));
        let bytes = match read_bounded(response).await {
            Ok(bytes) => bytes,
            // The server may have committed; what it said got lost. The same is sent again.
            Err(error) => return Answer::Failed(error),
        };
        if status.is_success() {
            return match serde_json::from_slice(&bytes) {
                Ok(value) => Answer::Ok(value),
                Err(error) => Answer::Failed(format!("the server's answer cannot be read ({error}): is it Gemba?")),
            };
        }
        let problem = serde_json::from_slice::<Problem>(&bytes).ok();
        let kind = problem.as_ref().map_or("", |problem| problem.kind.as_str());
        let detail = problem.as_ref().and_then(|p| p.detail.clone()).unwrap_or_default();
        match (status, kind) {
            (StatusCode::CONFLICT, "sequence-gap") => Answer::Gap(expected),
            (StatusCode::CONFLICT, "unknown-epoch") => Answer::UnknownEpoch,
            (StatusCode::CONFLICT, "stale-epoch") => Answer::StaleEpoch(newest),
            (StatusCode::UNPROCESSABLE_ENTITY, "signal-table") => Answer::SignalTable(detail),
            (StatusCode::BAD_REQUEST, "malformed-batch") => Answer::Malformed(detail),
            (StatusCode::PAYLOAD_TOO_LARGE, _) => Answer::TooLarge,
            (StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS, _) => Answer::Busy(retry_after),
            (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN, _) => Answer::Unauthorized,
            _ => Answer::Failed(format!("the server answers {status} {kind} {detail}").trim_end().to_owned()),
        }
    }
}

async fn read_bounded(mut response: Response) -> Result<Vec<u8>, String> {
    let mut out = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if out.len() + chunk.len() <= MAX_ANSWER => out.extend_from_slice(&chunk),
            Ok(Some(_)) => return Err("the server's answer is longer than 4 MiB".to_owned()),
            Ok(None) => return Ok(out),
            Err(error) => return Err(format!("the server's answer broke off: {}", tls::chain(&error))),
        }
    }
}
