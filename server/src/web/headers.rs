//! Headers that every answer carries.

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::Response,
};
use http::{HeaderName, HeaderValue, header};

use crate::state::AppState;

/// For answers that are no pages: nothing may be loaded by them, nor may they be framed.
const NOTHING: HeaderValue = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");

/// Adds what is not there already.
pub(super) async fn layer(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    let mut put = |name: HeaderName, value: HeaderValue| {
        headers.entry(name).or_insert(value);
    };
    put(header::CONTENT_SECURITY_POLICY, NOTHING);
    put(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    put(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    put(HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin"));
    put(HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin"));
    put(
        HeaderName::from_static("permissions-policy"),
        HeaderValue::from_static("camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
    );
    if state.settings.http.public_url.as_ref().is_some_and(|url| url.https) {
        put(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000"));
    }
    response
}

/// The policy of a page whose inline script carries `nonce`. `host` is where its WebSocket goes.
pub(super) fn page_policy(nonce: &str, host: Option<&str>) -> Option<HeaderValue> {
    // 'self' covers WebSockets in new browsers only.
    let harmless = |host: &&str| host.bytes().all(|b| b.is_ascii_alphanumeric() || b".-:[]".contains(&b));
    let sockets = host.filter(harmless).map(|host| format!(" ws://{host} wss://{host}")).unwrap_or_default();
    HeaderValue::from_str(&format!(
        "default-src 'none'; script-src 'self' 'nonce-{nonce}' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' data:; \
         font-src 'self'; connect-src 'self'{sockets}; manifest-src 'self'; form-action 'self'; base-uri 'none'; \
         object-src 'none'; frame-ancestors 'none'"
    ))
    .ok()
}
