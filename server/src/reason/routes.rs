use axum::{
    Extension,
    extract::State,
    response::{IntoResponse, Response},
    routing::{get, post, put},
};
use gemba_contract::{
    reason::{GiveReason, PutReason, ReasonRules, ReasonTree, RuleTrial, Said, TryRule},
    report::PutNote,
};
use gemba_domain::access::Action;
use http::StatusCode;

use super::ReasonError;
use crate::{
    auth::Caller,
    clock,
    state::AppState,
    web::{
        extract::{Json, Path},
        routes::Routes,
    },
};

/// Reasons and notes in the API.
pub fn routes() -> Routes {
    Routes::new()
        .guarded("/api/v1/reasons", Action::ViewPlant, get(tree))
        .guarded("/api/v1/reasons/{code}", Action::ChangeMasterData, put(put_reason).delete(retire))
        .guarded("/api/v1/reason-rules", Action::ViewPlant, get(rules))
        .guarded("/api/v1/reason-rules/all", Action::ChangeMasterData, put(put_rules))
        .guarded("/api/v1/reason-rules/try", Action::ChangeMasterData, post(try_rule))
        .guarded("/api/v1/stops/reason", Action::ExplainStops, post(give))
        .guarded("/api/v1/notes", Action::ExplainStops, post(put_note))
}

async fn tree(State(app): State<AppState>) -> Json<ReasonTree> {
    Json(app.reasons.tree())
}

async fn put_reason(
    State(app): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(code): Path<String>,
    Json(put): Json<PutReason>,
) -> Result<Json<ReasonTree>, ReasonError> {
    app.reasons.put_reason(&code, &put, &caller.username).await.map(Json)
}

async fn retire(
    State(app): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(code): Path<String>,
) -> Result<Json<ReasonTree>, ReasonError> {
    app.reasons.retire(&code, &caller.username, clock::now()).await.map(Json)
}

async fn rules(State(app): State<AppState>) -> Json<ReasonRules> {
    Json(app.reasons.rules())
}

async fn put_rules(
    State(app): State<AppState>,
    Extension(caller): Extension<Caller>,
    Json(rules): Json<ReasonRules>,
) -> Result<Json<ReasonRules>, ReasonError> {
    app.reasons.put_rules(&rules, &caller.username, clock::now()).await.map(Json)
}

async fn try_rule(State(app): State<AppState>, Json(trial): Json<TryRule>) -> Result<Json<RuleTrial>, ReasonError> {
    app.reasons.try_rule(&trial, clock::now()).await.map(Json)
}

async fn give(
    State(app): State<AppState>,
    Extension(caller): Extension<Caller>,
    Json(body): Json<GiveReason>,
) -> Result<Json<Said>, ReasonError> {
    app.reasons.give(&body, &caller.username, clock::now()).await.map(Json)
}

async fn put_note(
    State(app): State<AppState>,
    Extension(caller): Extension<Caller>,
    Json(put): Json<PutNote>,
) -> Result<Response, ReasonError> {
    let written = app.reasons.put_note(&put, &caller.username, clock::now()).await?;
    Ok(written.map_or_else(|| StatusCode::NO_CONTENT.into_response(), |note| Json(note).into_response()))
}
