use std::{net::IpAddr, sync::Arc};

use axum::{
    extract::{DefaultBodyLimit, FromRequestParts, State},
    http::request::Parts,
};
use gemba_contract::edge::{Enrol, Enrolled, Renew};
use gemba_identity::Facts;
use utoipa_axum::{router::UtoipaMethodRouterExt as _, routes};

use super::{Collector, CollectorError};
use crate::{
    clock,
    state::AppState,
    web::{extract::Json, problem::Problem, routes::Routes},
};

/// A request for a certificate is less than a kilobyte.
const MAX_BODY: usize = 16 << 10;

pub fn routes() -> Routes {
    Routes::new()
        .with_code(routes!(enrol).layer(DefaultBodyLimit::max(MAX_BODY)))
        .collector(routes!(renew).layer(DefaultBodyLimit::max(MAX_BODY)))
}

/// Who is at the other end of a connection to the ingest port.
#[derive(Clone, Debug)]
pub struct Peer {
    /// What its certificate says, which this server's authority signed; `None` when it showed none.
    pub facts: Option<Arc<Facts>>,
    /// Where it is.
    pub address: IpAddr,
}

/// A collector is let in
///
/// By the code that `gemba collector add NAME` printed, once. Specified in docs/specs/edge-protocol.md.
#[utoipa::path(
    post, path = "/api/v1/edge/enrol", tag = "edge", operation_id = "edge_enrol", request_body = Enrol,
    responses(
        (status = 200, description = "The collector's first certificate", body = Enrolled),
        (status = 403, description = "`code-unknown`, `code-expired`, `code-used`: a new code is needed"),
        (status = 422, description = "`certificate-request`: the request cannot be read; `wrong-name`: it names another collector"),
        (status = 429, description = "`too-many-codes`: wait for `Retry-After` seconds"),
    ),
)]
async fn enrol(State(app): State<AppState>, peer: Peer, Json(enrol): Json<Enrol>) -> Result<Json<Enrolled>, Problem> {
    Ok(Json(app.identities.enrol(&enrol, peer.address, clock::now()).await?))
}

/// A collector gets its next certificate
///
/// At half life of the one before. A certificate whose time is over serves for this alone, for `ingest.renew_within`.
#[utoipa::path(
    post, path = "/api/v1/edge/renew", tag = "edge", operation_id = "edge_renew", request_body = Renew,
    responses(
        (status = 200, description = "The next certificate", body = Enrolled),
        (status = 401, description = "`certificate-too-old`: a new code is needed"),
        (status = 422, description = "`certificate-request`: the request cannot be read; `wrong-name`, `wrong-key`: it is not for \
            the collector and key of the certificate shown"),
    ),
)]
async fn renew(State(app): State<AppState>, peer: Peer, Json(renew): Json<Renew>) -> Result<Json<Enrolled>, Problem> {
    let facts = peer.facts.ok_or(CollectorError::Stranger)?;
    Ok(Json(app.identities.renew(&facts, &renew, clock::now()).await?))
}

impl FromRequestParts<AppState> for Peer {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _app: &AppState) -> Result<Self, Problem> {
        Ok(parts.extensions.get::<Peer>().cloned().ok_or(CollectorError::Stranger)?)
    }
}

impl FromRequestParts<AppState> for Collector {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self, Problem> {
        let facts = Peer::from_request_parts(parts, app).await?.facts.ok_or(CollectorError::Stranger)?;
        Ok(app.identities.admit(&facts, clock::now()).await?)
    }
}
