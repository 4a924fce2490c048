//! Requests to the server, and its answers made into cases.

use std::{sync::Arc, time::Duration};

use gemba_contract::{
    edge::{Acknowledged, Hello, Welcome},
    problem::Problem,
};
use reqwest::{StatusCode, header};
use serde::de::DeserializeOwned;

use crate::{
    identity::{IdentityError, Member},
    tls,
};

/// How long an answer may take.
const TIMEOUT: Duration = Duration::from_secs(30);

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
    /// `401` or `403`: why this collector is not let in, and what to do.
    Unauthorized(String),
    /// `401 certificate-expired`.
    Expired,
    /// There is no identity to show.
    NotEnrolled(IdentityError),
    /// Anything else, also no answer at all.
    Failed(String),
}

/// Speaks to one server.
pub struct Client {
    pub(super) member: Arc<Member>,
}

impl Client {
    /// Without a connection yet.
    pub fn new(member: Arc<Member>) -> Self {
        Self { member }
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
        let current = match self.member.current() {
            Ok(current) => current,
            Err(error) => return Answer::NotEnrolled(error),
        };
        let sent = current
            .http
            .post(format!("{}/api/v1/edge/{what}", self.member.url))
            .header(header::CONTENT_TYPE, media_type)
            .timeout(TIMEOUT)
            .body(body)
            .send()
            .await;
        let failed =
            |error: reqwest::Error| Answer::Failed(format!("no answer from the server: {}", tls::in_words(&error)));
        let response = match sent {
            Ok(response) => response,
            Err(error) => return failed(error),
        };
        let status = response.status();
        let number = |name: &str| response.headers().get(name)?.to_str().ok()?.trim().parse::<u64>().ok();
        let (expected, newest) = (number("gemba-expected-seq"), number("gemba-newest-epoch"));
        let retry_after = number("retry-after").map(|seconds| Duration::from_secs(seconds.min(300)));
        let bytes = match tls::read_bounded(response).await {
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
            (StatusCode::UNAUTHORIZED, "certificate-expired") => Answer::Expired,
            (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN, _) => Answer::Unauthorized(detail),
            _ => Answer::Failed(format!("the server answers {status} {kind} {detail}").trim_end().to_owned()),
        }
    }
}
