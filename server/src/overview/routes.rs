use axum::{
    Json,
    extract::{Path, State},
};
use gemba_contract::{overview::Overview, unit::UnitDetail};
use gemba_domain::{access::Action, equipment::EquipmentPath};
use utoipa_axum::routes;

use crate::{
    clock,
    state::AppState,
    web::{problem::Problem, routes::Routes},
};

pub fn routes() -> Routes {
    Routes::new().guarded(Action::ViewPlant, routes!(overview)).guarded(Action::ViewPlant, routes!(unit))
}

/// The plant at a glance
///
/// A tile per line and unit with its state and the figures of the running shift so far. `/api/v1/live` tells what changes.
#[utoipa::path(
    get, path = "/api/v1/overview", tag = "overview",
    responses((status = 200, description = "The plant as it is", body = Overview)),
)]
async fn overview(State(app): State<AppState>) -> Json<Overview> {
    Json(app.overview.overview(clock::now()))
}

/// One unit with its signals
#[utoipa::path(
    get, path = "/api/v1/units/{*path}", tag = "overview",
    params(("*path" = EquipmentPath, Path, description = "The unit")),
    responses(
        (status = 200, description = "The unit as it is", body = UnitDetail),
        (status = 404, description = "`not-found`: no such unit"),
    ),
)]
async fn unit(State(app): State<AppState>, Path(path): Path<String>) -> Result<Json<UnitDetail>, Problem> {
    let found = path.parse().ok().and_then(|path| app.overview.unit(&path, clock::now()));
    found.map(Json).ok_or_else(|| Problem::not_found().detail(format!("The plant has no unit `{path}`.")))
}
