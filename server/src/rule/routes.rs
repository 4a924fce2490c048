use axum::{
    Extension,
    extract::State,
    routing::{get, post, put},
};
use gemba_contract::rule::{StateRules, StateRulesTrial, TryStateRules};
use gemba_domain::access::Action;

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
        .guarded("/api/v1/state-rules", Action::ViewPlant, get(rules))
        .guarded("/api/v1/state-rules/all", Action::ChangeMasterData, put(put_rules))
        .guarded("/api/v1/state-rules/try", Action::ChangeMasterData, post(try_rules))
}

async fn rules(State(app): State<AppState>) -> Json<StateRules> {
    Json(app.rules.rules())
}

async fn put_rules(
    State(app): State<AppState>,
    Extension(caller): Extension<Caller>,
    Json(rules): Json<StateRules>,
) -> Result<Json<StateRules>, RuleError> {
    app.rules.put_rules(&rules, &caller.username, clock::now()).await.map(Json)
}

async fn try_rules(
    State(app): State<AppState>,
    Json(trial): Json<TryStateRules>,
) -> Result<Json<StateRulesTrial>, RuleError> {
    app.rules.try_rules(&trial, clock::now()).await.map(Json)
}
