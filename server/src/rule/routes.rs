use axum::{Extension, extract::State};
use gemba_contract::rule::{StateRules, StateRulesTrial, TryStateRules};
use gemba_domain::access::Action;
use utoipa_axum::routes;

use super::RuleError;
use crate::{
    auth::Caller,
    clock,
    state::AppState,
    web::{extract::Json, routes::Routes},
};

/// Rules that make states, in the API.
pub fn routes() -> Routes {
    Routes::new()
        .guarded(Action::ViewPlant, routes!(rules))
        .guarded(Action::ChangeMasterData, routes!(put_rules))
        .guarded(Action::ChangeMasterData, routes!(try_rules))
}

/// The rules that make states
///
/// In order: the first that holds gives the state, and where none holds the machine's own words do.
#[utoipa::path(
    get, path = "/api/v1/state-rules", tag = "rule", operation_id = "state_rules",
    responses((status = 200, description = "All of them", body = StateRules)),
)]
async fn rules(State(app): State<AppState>) -> Json<StateRules> {
    Json(app.rules.rules())
}

/// Replaces all rules that make states
///
/// The units concerned are derived anew for the last 31 days; what was reported of them is kept beside the new figures.
#[utoipa::path(
    put, path = "/api/v1/state-rules/all", tag = "rule", operation_id = "put_state_rules", request_body = StateRules,
    responses(
        (status = 200, description = "The rules as they are then", body = StateRules),
        (status = 422, description = "`rule-refused`: a rule that cannot be; the place and a hint are in `detail`"),
    ),
)]
async fn put_rules(
    State(app): State<AppState>,
    Extension(caller): Extension<Caller>,
    Json(rules): Json<StateRules>,
) -> Result<Json<StateRules>, RuleError> {
    app.rules.put_rules(&rules, &caller.username, clock::now()).await.map(Json)
}

/// Tries rules that make states against the past
///
/// Nothing is stored. They are tried against at most 31 days.
#[utoipa::path(
    post, path = "/api/v1/state-rules/try", tag = "rule", operation_id = "try_state_rules", request_body = TryStateRules,
    responses(
        (status = 200, description = "What they would have changed", body = StateRulesTrial),
        (status = 422, description = "`rule-refused`: a rule or a stretch that cannot be"),
    ),
)]
async fn try_rules(
    State(app): State<AppState>,
    Json(trial): Json<TryStateRules>,
) -> Result<Json<StateRulesTrial>, RuleError> {
    app.rules.try_rules(&trial, clock::now()).await.map(Json)
}
