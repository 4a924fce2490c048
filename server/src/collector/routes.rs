use std::sync::Arc;

use axum::extract::State;
use gemba_contract::collector::{CollectorConditions, Collectors, Gaps};
use gemba_domain::{Timestamp, access::Action, equipment::EquipmentPath};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::routes;

use super::GapError;
use crate::{
    clock,
    state::AppState,
    web::{
        extract::{Json, Path, Query},
        problem::Problem,
        routes::Routes,
    },
};

/// Collectors in the API.
pub fn routes() -> Routes {
    Routes::new()
        .guarded(Action::ViewPlant, routes!(collectors))
        .guarded(Action::ViewPlant, routes!(conditions))
        .guarded(Action::ViewPlant, routes!(gaps))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct When {
    /// Begin of the period, RFC 3339
    from: Option<Timestamp>,
    /// End of the period (exclusive), RFC 3339
    to: Option<Timestamp>,
}

/// How the collectors are
///
/// Condition, sources, queue, rate and lag of each; when nobody was watching in the last seven days, and why; what was given up in the
/// last thirty. Those that need looking after come first.
#[utoipa::path(
    get, path = "/api/v1/collectors", tag = "collector",
    responses((status = 200, description = "The collectors as they are", body = Collectors)),
)]
async fn collectors(State(app): State<AppState>) -> Result<Json<Arc<Collectors>>, Problem> {
    Ok(Json(app.collectors.all(clock::now()).await?))
}

/// How the collectors are, in a word each
///
/// What pages ask for every few seconds to tell that one is silent. In the order of `collectors`.
#[utoipa::path(
    get, path = "/api/v1/collectors/conditions", tag = "collector",
    responses((status = 200, description = "How each of them is", body = CollectorConditions)),
)]
async fn conditions(State(app): State<AppState>) -> Result<Json<CollectorConditions>, Problem> {
    Ok(Json(app.collectors.conditions(clock::now()).await?))
}

/// Of what nothing is known
///
/// The gaps of each signal of a unit, with their causes: no collector was watching, it gave something up, what it has is not here yet, the
/// source was lost. What is in no gap is known. Without `from` and `to` the last 24 hours.
#[utoipa::path(
    get, path = "/api/v1/gaps/{*path}", tag = "collector",
    params(("*path" = EquipmentPath, Path, description = "The unit"), When),
    responses(
        (status = 200, description = "The gaps", body = Gaps),
        (status = 404, description = "`not-found`: no such unit"),
        (status = 422, description = "`bad-period`: a period that cannot be, or of more than 31 days"),
    ),
)]
async fn gaps(
    State(app): State<AppState>,
    Path(path): Path<String>,
    Query(When { from, to }): Query<When>,
) -> Result<Json<Gaps>, Problem> {
    let unit = path.parse().map_err(|_| GapError::NoUnit(path))?;
    Ok(Json(app.collectors.gaps(&unit, (from, to), clock::now()).await?))
}
