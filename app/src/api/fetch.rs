use gloo_net::http::Request;

use super::{ApiError, ApiReply};

/// GET with the session's cookie. When the session has ended, the page makes way for the sign-in page.
pub(super) async fn get(path: String) -> Result<ApiReply, ApiError> {
    let unreachable = |_| ApiError::Unreachable;
    let response = Request::get(&path).header("accept", "application/json").send().await.map_err(unreachable)?;
    let status = response.status();
    let body = response.binary().await.map_err(unreachable)?;
    if status == 401 {
        go_to_login();
    }
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
