use axum::extract::State;
use gemba_contract::collector::Collectors;
use gemba_domain::access::Action;
use utoipa_axum::routes;

use crate::{
    clock,
    state::AppState,
    web::{extract::Json, problem::Problem, routes::Routes},
};

/// Collectors in the API.
pub fn routes() -> Routes {
    Routes::new().guarded(Action::ViewPlant, routes!(collectors))
}

/// How the collectors are
///
/// Condition, sources, queue, rate and lag of each; when nobody was watching in the last seven days, and why; what was given up in the
/// last thirty. Those that need looking after come first.
#[utoipa::path(
    get, path = "/api/v1/collectors", tag = "collector",
    responses((status = 200, description = "The collectors as they are", body = Collectors)),
)]
async fn collectors(State(app): State<AppState>) -> Result<Json<Collectors>, Problem> {
    Ok(Json(app.collectors.all(clock::now()).await?))
}
