//! Each request has an id. It stands in the log lines, in `X-Request-Id` of the answer and in problems, so that a
//! person who meets an error can say which one.

use axum::{
    extract::Request,
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::{HeaderName, HeaderValue};
use tracing::Instrument;
use uuid::Uuid;

use super::problem::Problem;

tokio::task_local! {
    static CURRENT: String;
}

const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// The id of the request being answered, when there is one.
pub fn current() -> Option<String> {
    CURRENT.try_with(Clone::clone).ok()
}

/// Gives the request its id, a span, and the answer its header. An id sent by the client is not taken over: it could
/// be anyone's. Requests made within a request (pages asking the API) keep the outer one.
pub async fn layer(request: Request, next: Next) -> Response {
    if current().is_some() {
        return next.run(request).await;
    }
    let id = Uuid::now_v7().simple().to_string();
    let span = tracing::info_span!("request", id, method = %request.method(), path = request.uri().path());
    // In a task of its own: a client that hangs up must not stop a handler between two statements of a transaction, which
    // would leave the connection in the pool with the transaction open.
    let answer = tokio::spawn(CURRENT.scope(id.clone(), next.run(request).instrument(span)));
    let mut response = answer.await.unwrap_or_else(|error| Problem::internal(&error).into_response());
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(HEADER, value);
    }
    response
}
