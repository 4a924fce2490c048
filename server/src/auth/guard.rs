//! What stands before every route: who calls, whether the role permits it, and that no other site sent the browser.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::{
    extract::{ConnectInfo, Request, State},
    middleware::Next,
    response::{IntoResponse, Redirect, Response},
};
use gemba_app::session::LoginError;
use gemba_domain::access::{Action, permits};
use http::{HeaderMap, Method, StatusCode, Uri, header, request::Parts};

use super::{Caller, service::Client};
use crate::{
    config::Settings,
    state::{AppState, DATABASE},
    web::{problem::Problem, routes::no_store},
};

/// The page to change one's password.
pub const PASSWORD_PAGE: &str = "/account/password";
/// The page to sign in.
pub const LOGIN_PAGE: &str = "/login";

/// Guards a route of the API.
pub async fn api(state: AppState, action: Action, mut request: Request, next: Next) -> Response {
    let caller = match who(&state, request.headers()).await {
        Ok(Some(caller)) => caller,
        Ok(None) => return Problem::not_signed_in().into_response(),
        Err(problem) => return problem.into_response(),
    };
    if caller.must_change_password && action != Action::UseOwnSession {
        return Problem::new(StatusCode::FORBIDDEN, "password-change-required", "Change your password first")
            .detail("This password was given to you by someone else. Change it, then try again.")
            .into_response();
    }
    if !permits(caller.role, action) {
        tracing::warn!(user = %caller.username, action = action.as_str(), "denied");
        return Problem::not_permitted().into_response();
    }
    request.extensions_mut().insert(caller);
    no_store(next.run(request).await)
}

/// Guards a page: sends who is not signed in to sign in, and who has to change the password to do so.
pub async fn page(state: AppState, action: Action, mut request: Request, next: Next) -> Response {
    let caller = match who(&state, request.headers()).await {
        Ok(Some(caller)) => caller,
        Ok(None) => {
            let over = state.auth.has_cookie(request.headers());
            return Redirect::to(&login_then(request.method(), request.uri(), over)).into_response();
        }
        Err(problem) => return problem.into_response(),
    };
    if caller.must_change_password && action != Action::UseOwnSession {
        return Redirect::to(PASSWORD_PAGE).into_response();
    }
    if !permits(caller.role, action) {
        return Problem::not_permitted().into_response();
    }
    request.extensions_mut().insert(caller);
    no_store(next.run(request).await)
}

async fn who(state: &AppState, headers: &HeaderMap) -> Result<Option<Caller>, Problem> {
    // A request that cannot succeed does not wait for the pool's time-out.
    if state.health.problems().iter().any(|(part, reason)| *part == DATABASE && reason != "starting") {
        return Err(Problem::database_away());
    }
    Ok(state.auth.caller(headers).await?)
}

/// The login page, and back to where one wanted to go. `over`: there was a session.
fn login_then(method: &Method, uri: &Uri, over: bool) -> String {
    let wanted = uri.path_and_query().map_or("/", |path| path.as_str());
    let mut query = Vec::new();
    if over {
        query.push(format!("error={}", LoginError::Expired.code()));
    }
    if method == Method::GET && wanted != "/" && is_local(wanted) {
        query.push(format!("next={}", encode(wanted)));
    }
    if query.is_empty() { LOGIN_PAGE.to_owned() } else { format!("{LOGIN_PAGE}?{}", query.join("&")) }
}

/// Whether a path to go on to stays on this server.
pub(super) fn is_local(path: &str) -> bool {
    let mut bytes = path.bytes();
    bytes.next() == Some(b'/')
        && !matches!(bytes.next(), Some(b'/' | b'\\'))
        && path.bytes().all(|b| b.is_ascii_graphic() && b != b'\\')
}

/// Percent-encodes a value of a query.
pub(super) fn encode(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
        out
    })
}

/// Refuses what another site made the browser send: requests that change something, and WebSockets. Browsers say where
/// a request comes from (`Sec-Fetch-Site`, `Origin`); what says nothing is no browser and carries no cookie unawares.
pub async fn same_site(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let upgrade = request.headers().contains_key(header::UPGRADE);
    let safe = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    if (safe && !upgrade) || from_here(request.headers(), request.uri(), &state.settings) {
        return next.run(request).await;
    }
    tracing::warn!("refused a request that another site sent");
    Problem::new(StatusCode::FORBIDDEN, "cross-site", "Sent by another site")
        .detail(
            "Nothing was changed. When gemba stands behind a proxy, set http.public_url to the address people type.",
        )
        .into_response()
}

fn from_here(headers: &HeaderMap, uri: &Uri, settings: &Settings) -> bool {
    let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or("invalid"));
    let origin = text(header::ORIGIN);
    if let (Some(origin), Some(public)) = (origin, &settings.http.public_url)
        && origin.eq_ignore_ascii_case(&public.origin)
    {
        return true;
    }
    match text(header::HeaderName::from_static("sec-fetch-site")) {
        Some("same-origin" | "none") => return true,
        Some(_) => return false,
        None => {}
    }
    let Some(origin) = origin else { return true };
    let host = text(header::HOST).or_else(|| uri.authority().map(|authority| authority.as_str()));
    match (origin.split_once("://"), host) {
        (Some((_, from)), Some(host)) => from.eq_ignore_ascii_case(host),
        _ => false,
    }
}

/// Where a request comes from. `X-Forwarded-For` is read from the right, as far as trusted proxies wrote it.
pub(super) fn client(parts: &Parts, settings: &Settings) -> Client {
    let peer = parts
        .extensions
        .get::<ConnectInfo<SocketAddr>>()
        .map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |info| info.0.ip().to_canonical());
    let trusted = &settings.http.trusted_proxies.0;
    let mut address = peer;
    let forwarded: Vec<&str> = parts
        .headers
        .get_all("x-forwarded-for")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|line| line.split(','))
        .collect();
    for hop in forwarded.iter().rev() {
        if !trusted.contains(&address) {
            break;
        }
        match hop.trim().parse::<IpAddr>() {
            Ok(before) => address = before.to_canonical(),
            Err(_) => break,
        }
    }
    let user_agent = parts.headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    Client { address, user_agent: user_agent.chars().take(200).collect() }
}
