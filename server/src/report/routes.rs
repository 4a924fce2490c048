use axum::{extract::State, http::header, response::IntoResponse};
use gemba_contract::{
    overview::Earlier,
    report::{CompareBy, Comparison, Derivation, Report},
};
use gemba_domain::{Timestamp, access::Action, equipment::EquipmentPath, oee::Profile};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::routes;

use super::{ReportError, pdf, service::Asked};
use crate::{
    clock,
    state::AppState,
    web::{
        extract::{Json, Path, Query},
        problem::Problem,
        routes::Routes,
    },
};

/// Reports in the API.
pub fn routes() -> Routes {
    Routes::new()
        .guarded(Action::ViewPlant, routes!(report))
        .guarded(Action::ViewPlant, routes!(report_pdf))
        .guarded(Action::ViewPlant, routes!(derivation))
        .guarded(Action::ViewPlant, routes!(compare))
        .guarded(Action::ViewPlant, routes!(earlier))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Which {
    /// Begin of the period, RFC 3339
    from: Option<Timestamp>,
    /// End of the period (exclusive), RFC 3339
    to: Option<Timestamp>,
    /// By which definition the figures are made: `iso22400` (short stops lower availability), `tpm` (short stops lower
    /// performance), `vorne` (planned stops lower availability)
    #[serde(default)]
    profile: Profile,
    /// What the rows of a comparison are
    #[serde(default)]
    by: CompareBy,
    /// Which figure is derived, `oee` when left out; an unknown one is refused with the names of all
    figure: Option<String>,
}

impl Which {
    fn asked(&self) -> Asked {
        Asked { from: self.from, to: self.to, profile: self.profile }
    }
}

fn path_of(path: &str) -> Result<EquipmentPath, ReportError> {
    path.parse().map_err(|_| ReportError::NoEquipment(path.to_owned()))
}

/// A line or unit over a period
///
/// Figures with their comparison, hour by hour (beyond two days: day by day), states, losses, reasons, stops, trend and
/// notes. Without `from` and `to` the running shift, or the last one.
#[utoipa::path(
    get, path = "/api/v1/report/{*path}", tag = "report",
    params(("*path" = EquipmentPath, Path, description = "The line or unit"), Which),
    responses(
        (status = 200, description = "The report", body = Report),
        (status = 404, description = "`not-found`: no such line or unit"),
        (status = 422, description = "`period-refused`: a period that cannot be, or of more than 400 days"),
    ),
)]
async fn report(
    State(app): State<AppState>,
    Path(path): Path<String>,
    Query(which): Query<Which>,
) -> Result<Json<Report>, Problem> {
    Ok(Json(app.reports.report(&path_of(&path)?, which.asked(), clock::now()).await?))
}

/// A report on paper
///
/// The same as `report`, as PDF to print, sign and keep.
#[utoipa::path(
    get, path = "/api/v1/report.pdf/{*path}", tag = "report",
    params(("*path" = EquipmentPath, Path, description = "The line or unit"), Which),
    responses(
        (status = 200, description = "The report", content_type = "application/pdf", body = [u8]),
        (status = 404, description = "`not-found`: no such line or unit"),
        (status = 422, description = "`period-refused`: a period that cannot be, or of more than 400 days"),
    ),
)]
async fn report_pdf(
    State(app): State<AppState>,
    Path(path): Path<String>,
    Query(which): Query<Which>,
) -> Result<impl IntoResponse, Problem> {
    let report = app.reports.report(&path_of(&path)?, which.asked(), clock::now()).await?;
    let name = format!("inline; filename=\"{}\"", pdf::file_name(&report));
    // A long report takes tens of milliseconds of processor time.
    let document = tokio::task::spawn_blocking(move || pdf::render(&report)).await.map_err(ReportError::from)?;
    let document = document.map_err(ReportError::from)?;
    Ok(([(header::CONTENT_TYPE, "application/pdf".to_owned()), (header::CONTENT_DISPOSITION, name)], document))
}

/// How a figure is made
///
/// The formula with the numbers in it, and the elements, states, counts, gaps and signals that the numbers come from.
#[utoipa::path(
    get, path = "/api/v1/derivation/{*path}", tag = "report",
    params(("*path" = EquipmentPath, Path, description = "The line or unit"), Which),
    responses(
        (status = 200, description = "The derivation", body = Derivation),
        (status = 404, description = "`not-found`: no such line or unit"),
        (status = 422, description = "`period-refused`: no such figure, or a period that cannot be"),
    ),
)]
async fn derivation(
    State(app): State<AppState>,
    Path(path): Path<String>,
    Query(which): Query<Which>,
) -> Result<Json<Derivation>, Problem> {
    let figure = which.figure.as_deref().unwrap_or("oee");
    Ok(Json(app.reports.derivation(&path_of(&path)?, figure, which.asked(), clock::now()).await?))
}

/// The running shift on other days
///
/// What the shift that runs now came to yesterday and a week ago, by site, area and line.
#[utoipa::path(
    get, path = "/api/v1/overview/earlier", tag = "overview",
    responses((status = 200, description = "Those of which there is such a shift", body = Earlier)),
)]
async fn earlier(State(app): State<AppState>) -> Result<Json<Earlier>, Problem> {
    Ok(Json(app.reports.earlier(clock::now()).await?))
}

/// Figures side by side
///
/// By unit, shift, team, product, order or day. A line is its key unit; what lies above sums the key units of its lines.
/// Without `from` and `to` the last 30 days; longer than 26 hours whole production days are counted.
#[utoipa::path(
    get, path = "/api/v1/compare/{*path}", tag = "report",
    params(("*path" = EquipmentPath, Path, description = "Any equipment; the enterprise for the whole plant"), Which),
    responses(
        (status = 200, description = "The comparison", body = Comparison),
        (status = 404, description = "`not-found`: no such equipment"),
        (status = 422, description = "`period-refused`: a period that cannot be, or of more than 400 days"),
    ),
)]
async fn compare(
    State(app): State<AppState>,
    Path(path): Path<String>,
    Query(which): Query<Which>,
) -> Result<Json<Comparison>, Problem> {
    Ok(Json(app.reports.compare(&path_of(&path)?, which.by, which.asked(), clock::now()).await?))
}
