use axum::{
    Extension,
    extract::State,
    routing::{get, put},
};
use gemba_contract::calendar::{CalendarView, PutCalendar, PutClosure, WhichClosure};
use gemba_domain::access::Action;

use super::CalendarError;
use crate::{
    auth::Caller,
    clock,
    state::AppState,
    web::{
        extract::{Json, Path, Query},
        routes::Routes,
    },
};

/// Calendars in the API.
pub fn routes() -> Routes {
    Routes::new()
        .guarded("/api/v1/calendar/{enterprise}/{site}", Action::ViewPlant, get(calendar))
        .guarded("/api/v1/calendar/{enterprise}/{site}", Action::ChangeMasterData, put(put_version))
        .guarded(
            "/api/v1/calendar/{enterprise}/{site}/closures",
            Action::ChangeMasterData,
            put(put_closure).delete(delete_closure),
        )
}

type Site = Path<(String, String)>;
type Answer = Result<Json<CalendarView>, CalendarError>;

async fn calendar(State(app): State<AppState>, Path((enterprise, site)): Site) -> Answer {
    app.calendars.calendar(&format!("{enterprise}/{site}"), clock::now()).await.map(Json)
}

async fn put_version(
    State(app): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path((enterprise, site)): Site,
    Json(put): Json<PutCalendar>,
) -> Answer {
    let site = format!("{enterprise}/{site}");
    app.calendars.put(&site, &put, &caller.username, clock::now()).await.map(Json)
}

async fn put_closure(
    State(app): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path((enterprise, site)): Site,
    Json(put): Json<PutClosure>,
) -> Answer {
    let site = format!("{enterprise}/{site}");
    app.calendars.put_closure(&site, &put, &caller.username, clock::now()).await.map(Json)
}

async fn delete_closure(
    State(app): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path((enterprise, site)): Site,
    Query(which): Query<WhichClosure>,
) -> Answer {
    let site = format!("{enterprise}/{site}");
    app.calendars.delete_closure(&site, &which, &caller.username, clock::now()).await.map(Json)
}
