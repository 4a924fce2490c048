use axum::{
    Json,
    extract::{Path, State},
    routing::get,
};
use gemba_contract::{overview::Overview, unit::UnitDetail};
use gemba_domain::access::Action;

use crate::{
    clock,
    state::AppState,
    web::{problem::Problem, routes::Routes},
};

pub fn routes() -> Routes {
    Routes::new().guarded("/api/v1/overview", Action::ViewPlant, get(overview)).guarded(
        "/api/v1/units/{*path}",
        Action::ViewPlant,
        get(unit),
    )
}

async fn overview(State(app): State<AppState>) -> Json<Overview> {
    Json(app.overview.overview(clock::now()))
}

async fn unit(State(app): State<AppState>, Path(path): Path<String>) -> Result<Json<UnitDetail>, Problem> {
    let found = path.parse().ok().and_then(|path| app.overview.unit(&path, clock::now()));
    found.map(Json).ok_or_else(|| Problem::not_found().detail(format!("The plant has no unit `{path}`.")))
}
