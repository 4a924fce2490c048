//! The HTTP face: routes, parameters, answers.

use std::{collections::HashMap, io, sync::Arc, time::Duration};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{Path, Query, State, rejection::QueryRejection},
    http::{StatusCode, Uri, header},
    response::{IntoResponse, Response},
    routing::get,
};
use futures::{StreamExt, stream};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use super::{
    fault::{BEFORE_CUT, half},
    path::{self, Filter},
    problem::Problem,
    state::Shared,
    stream::{Follow, What},
};

type Agent = State<Arc<Shared>>;
type Parameters = Result<Query<HashMap<String, String>>, QueryRejection>;

pub(super) fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/", get(|s: Agent| answer_probe(s, None)))
        .route("/probe", get(|s: Agent| answer_probe(s, None)))
        .route("/current", get(|s: Agent, q: Parameters| answer_current(s, None, q)))
        .route("/sample", get(|s: Agent, q: Parameters| answer_sample(s, None, q)))
        .route("/{device}", get(|s: Agent, Path(d): Path<String>| answer_probe(s, Some(d))))
        .route("/{device}/probe", get(|s: Agent, Path(d): Path<String>| answer_probe(s, Some(d))))
        .route("/{device}/current", get(|s: Agent, Path(d): Path<String>, q: Parameters| answer_current(s, Some(d), q)))
        .route("/{device}/sample", get(|s: Agent, Path(d): Path<String>, q: Parameters| answer_sample(s, Some(d), q)))
        .fallback(|State(shared): Agent, uri: Uri| async move {
            let problem = Problem::InvalidUri(uri.path().to_owned());
            refuse(&shared, &problem)
        })
        .with_state(shared)
}

async fn answer_probe(State(shared): Agent, device: Option<String>) -> Response {
    if let Some(refusal) = refusal(&shared).await {
        return refusal;
    }
    document(&shared, shared.probe(device.as_deref()))
}

async fn answer_current(State(shared): Agent, device: Option<String>, parameters: Parameters) -> Response {
    if let Some(refusal) = refusal(&shared).await {
        return refusal;
    }
    let result = Asked::new(device, parameters).and_then(|asked| {
        let at = asked.number("at")?;
        match (asked.number("interval")?, at) {
            (Some(_), Some(_)) => Err(Problem::InvalidRequest("`at` and `interval` exclude each other".to_owned())),
            (Some(interval), None) => {
                shared.current(&asked.filter, None)?;
                follow(&shared, asked, What::Current, interval)
            }
            (None, at) => Ok(document(&shared, shared.current(&asked.filter, at).map(|d| d.text))),
        }
    });
    result.unwrap_or_else(|problem| refuse(&shared, &problem))
}

/// Observations in one answer when the client names no `count`.
const DEFAULT_COUNT: u64 = 100;

async fn answer_sample(State(shared): Agent, device: Option<String>, parameters: Parameters) -> Response {
    if let Some(refusal) = refusal(&shared).await {
        return refusal;
    }
    let result = Asked::new(device, parameters).and_then(|asked| {
        // 0 has always been accepted for "the oldest".
        let from = asked.number("from")?.filter(|from| *from != 0);
        let count = asked.number("count")?.unwrap_or(DEFAULT_COUNT.min(shared.lock().buffer.capacity() as u64));
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        match asked.number("interval")? {
            Some(interval) => {
                // Mistakes are answered as such, not inside a stream.
                shared.sample(&asked.filter, from, count)?;
                follow(&shared, asked, What::Sample { from, count }, interval)
            }
            None => Ok(document(&shared, shared.sample(&asked.filter, from, count).map(|d| d.text))),
        }
    });
    result.unwrap_or_else(|problem| refuse(&shared, &problem))
}

/// The parameters of a request.
struct Asked {
    parameters: HashMap<String, String>,
    filter: Filter,
}

impl Asked {
    fn new(device: Option<String>, parameters: Parameters) -> Result<Self, Problem> {
        let Query(parameters) = parameters.map_err(|e| Problem::InvalidRequest(e.body_text()))?;
        let path = parameters.get("path").map_or(Ok(Vec::new()), |text| path::parse(text))?;
        Ok(Self { parameters, filter: Filter { device, path } })
    }

    fn number(&self, name: &str) -> Result<Option<u64>, Problem> {
        let refuse = |text: &String| Problem::InvalidRequest(format!("`{name}` is `{text}`; expected a whole number"));
        self.parameters.get(name).map(|text| text.parse().map_err(|_| refuse(text))).transpose()
    }
}

fn follow(shared: &Arc<Shared>, asked: Asked, what: What, interval: u64) -> Result<Response, Problem> {
    let heartbeat = match asked.number("heartbeat")? {
        Some(0) => return Err(Problem::OutOfRange("`heartbeat` is 0; it is at least 1 ms".to_owned())),
        Some(millis) => Duration::from_millis(millis),
        None => shared.options.heartbeat,
    };
    let boundary = format!("{:032x}", u128::from(shared.lock().instance_id) << 32 | 0x6d74_636f);
    let content_type = format!("multipart/x-mixed-replace;boundary={boundary}");
    // `current` always has something to say: without a pause it would never stop saying it.
    let least = if matches!(what, What::Current) { 10 } else { 0 };
    let interval = Duration::from_millis(interval.max(least));
    let (parts, receiver) = mpsc::channel(1);
    let follow = Follow { filter: asked.filter, what, interval, heartbeat, boundary };
    tokio::spawn(follow.run(shared.clone(), parts));
    let body = Body::from_stream(ReceiverStream::new(receiver));
    Ok(([(header::CONTENT_TYPE, content_type), (header::CACHE_CONTROL, "no-cache".to_owned())], body).into_response())
}

fn document(shared: &Shared, text: Result<String, Problem>) -> Response {
    match text {
        Ok(text) => xml(shared, StatusCode::OK, text),
        Err(problem) => refuse(shared, &problem),
    }
}

fn refuse(shared: &Shared, problem: &Problem) -> Response {
    let status = if shared.options.errors_with_status_200 { StatusCode::OK } else { problem.status() };
    xml(shared, status, shared.error(problem))
}

fn xml(shared: &Shared, status: StatusCode, text: String) -> Response {
    let headers = [(header::CONTENT_TYPE, "text/xml; charset=utf-8")];
    let text = shared.faults.spoil(text);
    if shared.faults.takes_drop() {
        let sent = Bytes::copy_from_slice(half(&text).as_bytes());
        let parts = stream::once(async { Ok(sent) }).chain(stream::once(async {
            // Not at once, or the first half would never leave the buffers.
            tokio::time::sleep(BEFORE_CUT).await;
            Err(io::Error::from(io::ErrorKind::ConnectionAborted))
        }));
        return (status, headers, Body::from_stream(parts)).into_response();
    }
    (status, headers, text).into_response()
}

/// Waits while the agent is stalled; then the answer of an agent that is not well, if it is to be given.
async fn refusal(shared: &Shared) -> Option<Response> {
    shared.faults.while_stalled().await;
    shared.faults.takes_refusal().then(|| StatusCode::SERVICE_UNAVAILABLE.into_response())
}
