//! What is answered while the database is opened: after a crash Postgres may take a while to recover.

use axum::{
    Json, Router,
    extract::Request,
    response::{Html, IntoResponse, Response},
    routing::get,
};
use http::{StatusCode, header};

use super::{
    problem::Problem,
    status::{Readiness, healthz},
};

const PAGE: &str = "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta http-equiv=\"refresh\" content=\"2\">\
    <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>Gemba is starting</title></head>\
    <body><h1>Gemba is starting</h1><p>This page tries again by itself.</p></body></html>";

/// Alive, not ready; all else is asked to come again.
pub fn router() -> Router {
    Router::new().route("/healthz", get(healthz)).route("/readyz", get(not_ready)).fallback(come_again)
}

async fn not_ready() -> Response {
    let readiness = Readiness { ready: false, problems: vec![("server", "starting".to_owned())] };
    (StatusCode::SERVICE_UNAVAILABLE, [(header::CACHE_CONTROL, "no-store")], Json(readiness)).into_response()
}

async fn come_again(request: Request) -> Response {
    let accept = request.headers().get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if accept.contains("text/html") {
        let headers = [(header::CACHE_CONTROL, "no-store"), (header::RETRY_AFTER, "2")];
        return (StatusCode::SERVICE_UNAVAILABLE, headers, Html(PAGE)).into_response();
    }
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "starting", "Gemba is starting")
        .detail("The database is being opened. Try again in a few seconds.")
        .header(header::RETRY_AFTER, 2)
        .into_response()
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use tower::ServiceExt;

    use super::*;

    async fn status(path: &str, accept: &str) -> (StatusCode, String) {
        let request = Request::get(path).header(header::ACCEPT, accept).body(Body::empty()).unwrap_or_default();
        let Ok(response) = router().oneshot(request).await;
        let kind = response.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        (response.status(), kind.unwrap_or_default().to_owned())
    }

    #[tokio::test]
    async fn it_lives_but_is_not_ready_and_says_so_in_the_callers_form() {
        assert_eq!(status("/healthz", "*/*").await.0, StatusCode::OK);
        assert_eq!(status("/readyz", "*/*").await.0, StatusCode::SERVICE_UNAVAILABLE);
        let (code, kind) = status("/units/a/b", "text/html,*/*").await;
        assert_eq!((code, kind.as_str()), (StatusCode::SERVICE_UNAVAILABLE, "text/html; charset=utf-8"));
        let (code, kind) = status("/api/v1/overview", "application/json").await;
        assert_eq!((code, kind.as_str()), (StatusCode::SERVICE_UNAVAILABLE, "application/problem+json"));
    }
}
