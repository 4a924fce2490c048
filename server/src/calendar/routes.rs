use axum::{Extension, extract::State};
use gemba_contract::calendar::{CalendarView, PutCalendar, PutClosure, WhichClosure};
use gemba_domain::access::Action;
use utoipa::IntoParams;
use utoipa_axum::routes;

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
        .guarded(Action::ViewPlant, routes!(calendar))
        .guarded(Action::ChangeMasterData, routes!(put_version))
        .guarded(Action::ChangeMasterData, routes!(put_closure, delete_closure))
}

/// A site's path, in two.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "names the parts of the path")]
struct SiteCodes {
    /// Code of the enterprise
    enterprise: String,
    /// Code of the site
    site: String,
}

type Site = Path<(String, String)>;
type Answer = Result<Json<CalendarView>, CalendarError>;

/// When a site works
///
/// The versions of its calendar, its closures, and the shifts that they make of today and the 13 days that follow.
#[utoipa::path(
    get, path = "/api/v1/calendar/{enterprise}/{site}", tag = "calendar", params(SiteCodes),
    responses(
        (status = 200, description = "The calendar", body = CalendarView),
        (status = 404, description = "`not-found`: no such site"),
    ),
)]
async fn calendar(State(app): State<AppState>, Path((enterprise, site)): Site) -> Answer {
    app.calendars.calendar(&format!("{enterprise}/{site}"), clock::now()).await.map(Json)
}

/// Adds a version of a site's calendar
///
/// From a moment on, until the version that follows. A moment that is past makes the figures since then anew, and leaves
/// those reported first beside them.
#[utoipa::path(
    put, path = "/api/v1/calendar/{enterprise}/{site}", tag = "calendar", params(SiteCodes), request_body = PutCalendar,
    operation_id = "put_calendar",
    responses(
        (status = 200, description = "The calendar as it is then", body = CalendarView),
        (status = 404, description = "`not-found`: no such site"),
        (status = 422, description = "`calendar-refused`: shifts, rotations, teams or a moment that cannot be"),
    ),
)]
async fn put_version(
    State(app): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path((enterprise, site)): Site,
    Json(put): Json<PutCalendar>,
) -> Answer {
    let site = format!("{enterprise}/{site}");
    app.calendars.put(&site, &put, &caller.username, clock::now()).await.map(Json)
}

/// Adds a closure, or alters the one of this name and begin
///
/// Closures are entered ahead: what has begun stays as it was planned.
#[utoipa::path(
    put, path = "/api/v1/calendar/{enterprise}/{site}/closures", tag = "calendar", params(SiteCodes),
    request_body = PutClosure,
    responses(
        (status = 200, description = "The calendar as it is then", body = CalendarView),
        (status = 404, description = "`not-found`: no such site"),
        (status = 422, description = "`closure-begun`: its begin is past; `calendar-refused`: a value that cannot be"),
    ),
)]
async fn put_closure(
    State(app): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path((enterprise, site)): Site,
    Json(put): Json<PutClosure>,
) -> Answer {
    let site = format!("{enterprise}/{site}");
    app.calendars.put_closure(&site, &put, &caller.username, clock::now()).await.map(Json)
}

/// Takes a closure back that has not begun
#[utoipa::path(
    delete, path = "/api/v1/calendar/{enterprise}/{site}/closures", tag = "calendar", params(SiteCodes, WhichClosure),
    responses(
        (status = 200, description = "The calendar as it is then", body = CalendarView),
        (status = 404, description = "`not-found`: no such site or closure"),
        (status = 422, description = "`closure-begun`: its begin is past; `calendar-refused`: a begin that is no time"),
    ),
)]
async fn delete_closure(
    State(app): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path((enterprise, site)): Site,
    Query(which): Query<WhichClosure>,
) -> Answer {
    let site = format!("{enterprise}/{site}");
    app.calendars.delete_closure(&site, &which, &caller.username, clock::now()).await.map(Json)
}
