//! What watchers of the server ask: does it live, is it ready, how does it do.

use std::net::SocketAddr;

use axum::{
    Json,
    extract::{ConnectInfo, Request, State},
    response::{IntoResponse, Response},
    routing::get,
};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::{problem::Problem, routes::Routes};
use crate::state::AppState;

pub(super) fn routes() -> Routes {
    Routes::new().open("/healthz", get(healthz)).open("/readyz", get(ready)).open("/metrics", get(metrics))
}

/// The process answers.
pub(super) async fn healthz() -> impl IntoResponse {
    ([(header::CACHE_CONTROL, "no-store")], "ok\n")
}

#[derive(Serialize)]
pub(super) struct Readiness {
    pub ready: bool,
    /// Part and reason, of each part that does not work.
    pub problems: Vec<(&'static str, String)>,
}

async fn ready(State(state): State<AppState>) -> Response {
    let mut problems = state.health.problems();
    if state.shutdown.is_cancelled() {
        problems.push(("server", "stopping".to_owned()));
    }
    let ready = problems.is_empty();
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, [(header::CACHE_CONTROL, "no-store")], Json(Readiness { ready, problems })).into_response()
}

/// With `metrics.token`, whoever sends it; without, this machine alone, unless a proxy on it passes a stranger on.
async fn metrics(State(state): State<AppState>, request: Request) -> Response {
    let headers = request.headers();
    let permitted = match &state.settings.metrics.token {
        Some(token) => headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.as_bytes().strip_prefix(b"Bearer "))
            // Compared by their hashes, so that the time taken tells nothing.
            .is_some_and(|sent| Sha256::digest(sent) == Sha256::digest(token.as_bytes())),
        None => {
            let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
            let passed_on = headers.contains_key("x-forwarded-for") || headers.contains_key(header::FORWARDED);
            !passed_on && peer.is_some_and(|info| info.0.ip().to_canonical().is_loopback())
        }
    };
    if !permitted {
        return Problem::new(StatusCode::FORBIDDEN, "not-permitted", "Not permitted")
            .detail("Figures about the server are read from its own machine, or with the token in metrics.token.")
            .into_response();
    }
    match state.metrics.encode() {
        Ok(text) => {
            let kind = HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");
            ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, HeaderValue::from_static("no-store"))], text)
                .into_response()
        }
        Err(error) => Problem::internal(&error).into_response(),
    }
}
