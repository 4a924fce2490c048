use gloo_net::http::{Request, Response};

use super::{ApiError, ApiReply};

/// GET with the session's cookie. When the session has ended, the page makes way for the sign-in page.
pub(super) async fn get(path: String) -> Result<ApiReply, ApiError> {
    let reply = read(Request::get(&path).header("accept", "application/json").send().await).await?;
    if reply.status == 401 {
        go_to_login();
    }
    Ok(reply)
}

/// POST of JSON. A session that has ended is told, not acted on: what was typed stays.
pub(super) async fn post(path: &str, body: String) -> Result<ApiReply, ApiError> {
    let request = Request::post(path).header("accept", "application/json").header("content-type", "application/json");
    read(request.body(body).map_err(|_| ApiError::Unreachable)?.send().await).await
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
