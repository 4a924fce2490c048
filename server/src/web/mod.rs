//! The HTTP surface: one router, whose every route says who may use it.

pub mod assets;
pub mod extract;
mod headers;
mod observe;
pub mod openapi;
mod pages;
pub mod problem;
pub mod request_id;
pub mod routes;
pub mod server;
pub mod starting;
mod status;

#[cfg(test)]
mod tests;

use axum::{
    Router,
    extract::DefaultBodyLimit,
    middleware,
    response::{IntoResponse, Response},
};
use tower_http::{catch_panic::CatchPanicLayer, compression::CompressionLayer};

use crate::{
    auth::{self, guard},
    calendar, collector, historian, identity, ingest, live, order, overview, plant, reason, report, rule,
    state::AppState,
    web::{problem::Problem, routes::Routes},
};

/// The routes of all features but the pages, on the browsers' port.
pub fn routes() -> Routes {
    Routes::new()
        .and(status::routes())
        .and(assets::routes())
        .and(auth::routes())
        .and(overview::routes())
        .and(plant::routes())
        .and(collector::routes())
        .and(order::routes())
        .and(reason::routes())
        .and(rule::routes())
        .and(report::routes())
        .and(calendar::routes())
        .and(historian::routes())
        .and(live::routes())
        .and(openapi::routes())
}

/// The routes of the collectors' port.
pub fn ingest_routes() -> Routes {
    Routes::new().and(identity::routes()).and(ingest::routes())
}

/// Every route with who may use it, pages too: for tests that walk them.
pub fn all_routes(state: &AppState) -> Vec<routes::Route> {
    let api = Router::new().merge(routes().into_router(state)).with_state(state.clone());
    let mut table = routes().table();
    table.extend(pages::routes(&api).routes.table());
    table
}

/// Everything the server answers.
pub fn router(state: AppState) -> Router {
    let routes = routes();
    // Pages reach the API through this router, without the layers that the page's own request has passed already.
    let api = Router::new().merge(routes.into_router(&state)).with_state(state.clone());
    let pages = pages::routes(&api);
    api.merge(pages.routes.into_router(&state).with_state(state.clone()))
        .fallback_service(pages::fallback(&state, pages.handler).with_state(state.clone()))
        .method_not_allowed_fallback(|| async { wrong_method() })
        .layer(DefaultBodyLimit::max(state.settings.http.max_body.0))
        .layer(middleware::from_fn_with_state(state.clone(), guard::same_site))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(CompressionLayer::new())
        .layer(middleware::from_fn_with_state(state.clone(), headers::layer))
        .layer(middleware::from_fn_with_state(state, observe::layer))
        .layer(middleware::from_fn(request_id::layer))
}

/// Everything that is answered on the collectors' port.
pub fn ingest_router(state: AppState) -> Router {
    ingest_routes()
        .into_router(&state)
        .with_state(state.clone())
        .fallback(|| async { Problem::not_found().detail("This port is for collectors alone.") })
        .method_not_allowed_fallback(|| async { wrong_method() })
        .layer(DefaultBodyLimit::max(state.settings.http.max_body.0))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(middleware::from_fn_with_state(state, observe::layer))
        .layer(middleware::from_fn(request_id::layer))
}

fn wrong_method() -> Response {
    Problem::new(http::StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", "This cannot be done here").into_response()
}

fn panicked(cause: Box<dyn std::any::Any + Send + 'static>) -> Response {
    let text = cause
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| cause.downcast_ref::<&str>().copied())
        .unwrap_or("no message");
    tracing::error!(cause = text, "a request panicked");
    Problem::new(http::StatusCode::INTERNAL_SERVER_ERROR, "internal", "Something broke in the server")
        .detail("The log has the cause under this request id.")
        .into_response()
}
