use axum::{
    Extension,
    extract::{State, ws::WebSocketUpgrade},
    response::Response,
};
use gemba_domain::access::Action;
use utoipa_axum::routes;

use super::socket;
use crate::{auth::Caller, state::AppState, web::routes::Routes};

/// A browser sends subscriptions only: anything longer is not one.
const MAX_MESSAGE_BYTES: usize = 4096;

pub fn routes() -> Routes {
    Routes::new().guarded(Action::ViewPlant, routes!(upgrade))
}

/// What changes, as it changes (WebSocket)
///
/// Subscribe to topics, get a snapshot, then deltas. Messages and rules are specified in docs/specs/live-protocol.md.
#[utoipa::path(
    get, path = "/api/v1/live", tag = "overview", operation_id = "live",
    responses(
        (status = 101, description = "The connection becomes a WebSocket"),
        (status = 403, description = "`cross-site`: `Origin` is another site"),
    ),
)]
async fn upgrade(
    State(app): State<AppState>,
    Extension(caller): Extension<Caller>,
    upgrade: WebSocketUpgrade,
) -> Response {
    upgrade
        // Set aside for each connection; the default is 128 KiB.
        .read_buffer_size(MAX_MESSAGE_BYTES)
        .max_message_size(MAX_MESSAGE_BYTES)
        .max_frame_size(MAX_MESSAGE_BYTES)
        .on_upgrade(move |socket| socket::serve(app, caller, socket))
}
