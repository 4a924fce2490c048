//! Counts and times requests, and gives up on those that take too long.

use std::time::Duration;

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::{StatusCode, header};

use super::problem::Problem;
use crate::state::AppState;

/// Longest time until the head of an answer. Collectors on slow lines may take as long as they need.
const PATIENCE: Duration = Duration::from_secs(60);

pub(super) async fn layer(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let began = tokio::time::Instant::now();
    let patient = request.uri().path().starts_with("/api/v1/edge/");
    // Being asked often whether one is ready, and saying no, is no event.
    let quiet = request.uri().path() == "/readyz";
    let answer = next.run(request);
    let response = if patient {
        answer.await
    } else {
        tokio::time::timeout(PATIENCE, answer).await.unwrap_or_else(|_| too_long())
    };
    let status = response.status();
    let class = match status.as_u16() / 100 {
        1 => "1xx",
        2 => "2xx",
        3 => "3xx",
        4 => "4xx",
        _ => "5xx",
    };
    let seconds = began.elapsed().as_secs_f64();
    state.metrics.http_requests.get_or_create(&[("class", class)]).inc();
    state.metrics.http_seconds.observe(seconds);
    if status.is_server_error() && !quiet {
        tracing::warn!(status = status.as_u16(), seconds, "answered");
    } else {
        tracing::debug!(status = status.as_u16(), seconds, "answered");
    }
    response
}

fn too_long() -> Response {
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "took-too-long", "This took too long")
        .detail("It was given up after a minute. Ask for less at once, or try again later.")
        .header(header::RETRY_AFTER, 10)
        .into_response()
}
