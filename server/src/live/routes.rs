use axum::{
    Extension,
    extract::{State, ws::WebSocketUpgrade},
    response::Response,
    routing::get,
};
use gemba_domain::access::Action;

use super::socket;
use crate::{auth::Caller, state::AppState, web::routes::Routes};

/// A browser sends subscriptions only: anything longer is not one.
const MAX_MESSAGE_BYTES: usize = 4096;

pub fn routes() -> Routes {
    Routes::new().guarded("/api/v1/live", Action::ViewPlant, get(upgrade))
}

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
