use axum::{extract::State, http::header, response::IntoResponse, routing::get};
use gemba_contract::{
    overview::Earlier,
    report::{CompareBy, Comparison, Derivation, Report},
};
use gemba_domain::{Timestamp, access::Action, equipment::EquipmentPath, oee::Profile};
use serde::Deserialize;

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
        .guarded("/api/v1/report/{*path}", Action::ViewPlant, get(report))
        .guarded("/api/v1/report.pdf/{*path}", Action::ViewPlant, get(report_pdf))
        .guarded("/api/v1/derivation/{*path}", Action::ViewPlant, get(derivation))
        .guarded("/api/v1/compare/{*path}", Action::ViewPlant, get(compare))
        .guarded("/api/v1/overview/earlier", Action::ViewPlant, get(earlier))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Which {
    from: Option<Timestamp>,
    to: Option<Timestamp>,
    #[serde(default)]
    profile: Profile,
    #[serde(default)]
    by: CompareBy,
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

async fn report(
    State(app): State<AppState>,
    Path(path): Path<String>,
    Query(which): Query<Which>,
) -> Result<Json<Report>, Problem> {
    Ok(Json(app.reports.report(&path_of(&path)?, which.asked(), clock::now()).await?))
}

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

async fn derivation(
    State(app): State<AppState>,
    Path(path): Path<String>,
    Query(which): Query<Which>,
) -> Result<Json<Derivation>, Problem> {
    let figure = which.figure.as_deref().unwrap_or("oee");
    Ok(Json(app.reports.derivation(&path_of(&path)?, figure, which.asked(), clock::now()).await?))
}

async fn earlier(State(app): State<AppState>) -> Result<Json<Earlier>, Problem> {
    Ok(Json(app.reports.earlier(clock::now()).await?))
}

async fn compare(
    State(app): State<AppState>,
    Path(path): Path<String>,
    Query(which): Query<Which>,
) -> Result<Json<Comparison>, Problem> {
    Ok(Json(app.reports.compare(&path_of(&path)?, which.by, which.asked(), clock::now()).await?))
}
