//! The pages, rendered on the server. They ask the API as a browser would, with the caller's own cookie.

use std::{pin::Pin, sync::Arc};

use axum::{
    Router,
    body::Body,
    extract::Request,
    middleware,
    middleware::Next,
    response::{IntoResponse, Response},
    routing::{any, get},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use gemba_app::{ApiReply, App, InProcessApi, PageChunks, PageStatus, Theme, shell};
use gemba_domain::access::Action;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use leptos::{nonce::Nonce, prelude::provide_context};
use rand::RngCore;
use tower::ServiceExt;

use super::{assets, headers::page_policy, problem::Problem, routes::Routes};
use crate::{
    auth::guard::{self, LOGIN_PAGE, PASSWORD_PAGE},
    state::AppState,
};

/// Largest answer of the API that a page takes.
const LARGEST_REPLY: usize = 32 << 20;

type Rendered = Pin<Box<dyn Future<Output = Response> + Send>>;

/// Renders whatever page the request's address names.
pub(super) type Handler = Arc<dyn Fn(Request) -> Rendered + Send + Sync>;

pub(super) struct Pages {
    pub routes: Routes,
    pub handler: Handler,
}

/// A route per page of the app. All but the login page are for who is signed in.
pub(super) fn routes(api: &Router) -> Pages {
    let api = api.clone();
    let handler: Handler = Arc::new(move |request| Box::pin(render(api.clone(), request)));
    let routes = leptos_axum::generate_route_list(App).into_iter().fold(Routes::new(), |routes, listing| {
        let handler = Arc::clone(&handler);
        let methods = get(move |request: Request| handler(request));
        match listing.path() {
            LOGIN_PAGE => routes.open(LOGIN_PAGE, methods),
            PASSWORD_PAGE => routes.page(PASSWORD_PAGE, Action::UseOwnSession, methods),
            path => routes.page(path, Action::ViewPlant, methods),
        }
    });
    Pages { routes, handler }
}

/// What is not there: a problem to programs, a page to people who are signed in.
pub(super) fn fallback(state: &AppState, handler: Handler) -> Router<AppState> {
    let state = state.clone();
    let page = any(move |request: Request| handler(request)).layer(middleware::from_fn(
        move |request: Request, next: Next| {
            let state = state.clone();
            async move {
                let path = request.uri().path();
                if *request.method() != Method::GET || path.starts_with("/api/") || path.starts_with("/assets/") {
                    return Problem::not_found().into_response();
                }
                guard::page(state, Action::UseOwnSession, request, next).await
            }
        },
    ));
    Router::new().fallback_service(page)
}

async fn render(api: Router, request: Request) -> Response {
    let mut bytes = [0u8; 18];
    rand::rng().fill_bytes(&mut bytes);
    let nonce = STANDARD.encode(bytes);
    let host = request.headers().get(header::HOST).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let mut options = assets::shell_options();
    options.theme = theme(request.headers());
    let (status, chunks) = (PageStatus::default(), PageChunks::default());
    let cookies: Vec<HeaderValue> = request.headers().get_all(header::COOKIE).iter().cloned().collect();
    let in_process = InProcessApi(Arc::new(move |path| {
        let (api, cookies) = (api.clone(), cookies.clone());
        Box::pin(async move { ask(api, path, cookies).await })
    }));
    let contexts = {
        let (nonce, status, chunks) = (nonce.clone(), status.clone(), chunks.clone());
        move || {
            provide_context(Nonce::from_value(nonce.clone()));
            provide_context(status.clone());
            provide_context(chunks.clone());
            provide_context(in_process.clone());
        }
    };
    let rendered = leptos_axum::render_app_async_with_context(contexts, move || shell(options.clone()));
    let mut response = rendered(request).await;
    if let Ok(wanted) = StatusCode::from_u16(status.get())
        && response.status() == StatusCode::OK
    {
        *response.status_mut() = wanted;
    }
    let headers = response.headers_mut();
    if let Some(policy) = page_policy(&nonce, host.as_deref()) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(preloads) = assets::preloads(&chunks.names()) {
        headers.insert(header::LINK, preloads);
    }
    response
}

async fn ask(api: Router, path: String, cookies: Vec<HeaderValue>) -> ApiReply {
    let built = Request::builder().method(Method::GET).uri(&path).body(Body::empty());
    let Ok(mut request) = built else {
        return reply(Problem::not_found().into_response()).await;
    };
    for cookie in cookies {
        request.headers_mut().append(header::COOKIE, cookie);
    }
    let response = match api.oneshot(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    };
    reply(response).await
}

async fn reply(response: Response) -> ApiReply {
    let status = response.status().as_u16();
    match axum::body::to_bytes(response.into_body(), LARGEST_REPLY).await {
        Ok(body) => ApiReply { status, body: body.to_vec() },
        Err(error) => {
            tracing::error!(%error, "an answer of the API was cut off");
            ApiReply { status: StatusCode::INTERNAL_SERVER_ERROR.as_u16(), body: Vec::new() }
        }
    }
}

fn theme(headers: &HeaderMap) -> Option<Theme> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(name, _)| *name == Theme::COOKIE)
        .and_then(|(_, word)| Theme::from_word(word))
}
