use axum::{
    Extension,
    extract::State,
    response::{IntoResponse, Response},
};
use gemba_contract::{
    problem::PROBLEM_JSON,
    reason::{GiveReason, PutReason, ReasonRules, ReasonTree, RuleTrial, Said, TryRule},
    report::{Note, PutNote},
};
use gemba_domain::access::Action;
use http::StatusCode;
use utoipa_axum::routes;

use super::{ReasonError, error::ConflictBody};
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
        .guarded(Action::ViewPlant, routes!(tree))
        .guarded(Action::ChangeMasterData, routes!(put_reason, retire))
        .guarded(Action::ViewPlant, routes!(rules))
        .guarded(Action::ChangeMasterData, routes!(put_rules))
        .guarded(Action::ChangeMasterData, routes!(try_rule))
        .guarded(Action::ExplainStops, routes!(give))
        .guarded(Action::ExplainStops, routes!(put_note))
}

/// The tree of reasons
#[utoipa::path(
    get, path = "/api/v1/reasons", tag = "reason", operation_id = "reasons",
    responses((status = 200, description = "All reasons but retired ones", body = ReasonTree)),
)]
async fn tree(State(app): State<AppState>) -> Json<ReasonTree> {
    Json(app.reasons.tree())
}

/// Adds a reason, or alters it
#[utoipa::path(
    put, path = "/api/v1/reasons/{code}", tag = "reason", request_body = PutReason,
    params(("code" = String, Path, description = "The reason's code")),
    responses(
        (status = 200, description = "The tree as it is then", body = ReasonTree),
        (status = 422, description = "`no-such-reason`: no such parent; `reason-refused`: a value that cannot be"),
    ),
)]
async fn put_reason(
    State(app): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(code): Path<String>,
    Json(put): Json<PutReason>,
) -> Result<Json<ReasonTree>, ReasonError> {
    app.reasons.put_reason(&code, &put, &caller.username).await.map(Json)
}

/// Retires a reason
///
/// It cannot be given any more. What was explained with it stays explained.
#[utoipa::path(
    delete, path = "/api/v1/reasons/{code}", tag = "reason", operation_id = "retire_reason",
    params(("code" = String, Path, description = "The reason's code")),
    responses(
        (status = 200, description = "The tree as it is then", body = ReasonTree),
        (status = 422, description = "`no-such-reason`"),
    ),
)]
async fn retire(
    State(app): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(code): Path<String>,
) -> Result<Json<ReasonTree>, ReasonError> {
    app.reasons.retire(&code, &caller.username, clock::now()).await.map(Json)
}

/// The rules that give reasons
#[utoipa::path(
    get, path = "/api/v1/reason-rules", tag = "reason", operation_id = "reason_rules",
    responses((status = 200, description = "The rules, in order", body = ReasonRules)),
)]
async fn rules(State(app): State<AppState>) -> Json<ReasonRules> {
    Json(app.reasons.rules())
}

/// Replaces all rules that give reasons
#[utoipa::path(
    put, path = "/api/v1/reason-rules/all", tag = "reason", operation_id = "put_reason_rules", request_body = ReasonRules,
    responses(
        (status = 200, description = "The rules as they are then", body = ReasonRules),
        (status = 422, description = "`no-such-reason`; `reason-refused`: a rule that cannot be, with its number"),
    ),
)]
async fn put_rules(
    State(app): State<AppState>,
    Extension(caller): Extension<Caller>,
    Json(rules): Json<ReasonRules>,
) -> Result<Json<ReasonRules>, ReasonError> {
    app.reasons.put_rules(&rules, &caller.username, clock::now()).await.map(Json)
}

/// What a rule would have changed
///
/// Nothing is stored. The rule is tried against at most 31 days of the past.
#[utoipa::path(
    post, path = "/api/v1/reason-rules/try", tag = "reason", operation_id = "try_reason_rule", request_body = TryRule,
    responses(
        (status = 200, description = "What it would have changed", body = RuleTrial),
        (status = 422, description = "`no-such-reason`; `reason-refused`: a rule or a stretch that cannot be"),
    ),
)]
async fn try_rule(State(app): State<AppState>, Json(trial): Json<TryRule>) -> Result<Json<RuleTrial>, ReasonError> {
    app.reasons.try_rule(&trial, clock::now()).await.map(Json)
}

/// Says why a unit stood
///
/// Splits, merges and corrects alike: what stood on the stretch before is replaced there, and stays beyond it.
#[utoipa::path(
    post, path = "/api/v1/stops/reason", tag = "reason", operation_id = "give_reason", request_body = GiveReason,
    responses(
        (status = 200, description = "What stands there now", body = Said),
        (status = 404, description = "`not-found`: no such unit"),
        (status = 409, description = "`changed-meanwhile`: somebody else has said something there since `seen`; both \
            versions are in the answer", body = ConflictBody, content_type = PROBLEM_JSON),
        (status = 422, description = "`no-such-reason`; `reason-refused`: there is no stop, it has not come yet, or the \
            comment is too long"),
    ),
)]
async fn give(
    State(app): State<AppState>,
    Extension(caller): Extension<Caller>,
    Json(body): Json<GiveReason>,
) -> Result<Json<Said>, ReasonError> {
    app.reasons.give(&body, &caller.username, clock::now()).await.map(Json)
}

/// Writes to an hour, a shift or a day of a line or unit
#[utoipa::path(
    post, path = "/api/v1/notes", tag = "reason", request_body = PutNote,
    responses(
        (status = 200, description = "The note as it stands", body = Note),
        (status = 204, description = "The note was taken back: its text was empty"),
        (status = 404, description = "`not-found`: no such line or unit"),
        (status = 409, description = "`changed-meanwhile`: somebody else has written there since `seen`; `detail` has both \
            texts"),
        (status = 422, description = "`reason-refused`: no hour, shift or day, or too long a text"),
    ),
)]
async fn put_note(
    State(app): State<AppState>,
    Extension(caller): Extension<Caller>,
    Json(put): Json<PutNote>,
) -> Result<Response, ReasonError> {
    let written = app.reasons.put_note(&put, &caller.username, clock::now()).await?;
    Ok(written.map_or_else(|| StatusCode::NO_CONTENT.into_response(), |note| Json(note).into_response()))
}
