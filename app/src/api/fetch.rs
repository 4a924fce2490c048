//! Over the browser's fetch, with the session's cookie.

use gloo_net::http::{Request, Response};

use super::{ApiError, ApiReply, Verb};

/// When the session has ended, the page makes way for the sign-in page.
pub(super) async fn get(path: String) -> Result<ApiReply, ApiError> {
    let reply = read(Request::get(&path).header("accept", "application/json").send().await).await?;
    if reply.status == 401 {
        go_to_login();
    }
    Ok(reply)
}

/// A change, with JSON if there is something to say. A session that has ended is told, not acted on: what was typed stays.
pub(super) async fn send(verb: Verb, path: String, body: Option<String>) -> Result<ApiReply, ApiError> {
    let request = match verb {
        Verb::Post => Request::post(&path),
        Verb::Put => Request::put(&path),
        Verb::Delete => Request::delete(&path),
    };
    let request = request.header("accept", "application/json");
    let request = match body {
        Some(body) => request.header("content-type", "application/json").body(body),
        None => request.build(),
    };
    read(request.map_err(|_| ApiError::Unreachable)?.send().await).await
}

async fn read(answer: Result<Response, gloo_net::Error>) -> Result<ApiReply, ApiError> {
    let unreachable = |_| ApiError::Unreachable;
    let response = answer.map_err(unreachable)?;
    let status = response.status();
    let body = response.binary().await.map_err(unreachable)?;
    Ok(ApiReply { status, body })
}

/// Leaves for the sign-in page, to come back here afterwards.
pub(crate) fn go_to_login() {
    let location = leptos::prelude::window().location();
    let here = location.pathname().unwrap_or_default() + &location.search().unwrap_or_default();
    if !here.starts_with("/login") {
        let next = String::from(js_sys::encode_uri_component(&here));
        // A browser that refuses to leave keeps showing the error, which has a link.
        drop(location.assign(&format!("/login?next={next}")));
    }
}
