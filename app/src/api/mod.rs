//! The client of the REST API: one typed function per endpoint. In the browser it goes over fetch;
//! while the server renders a page, through its own router ([`InProcessApi`]).

mod error;
#[cfg(feature = "hydrate")]
mod fetch;
mod send;

use std::sync::Arc;

use futures::future::BoxFuture;
use gemba_contract::{
    calendar::CalendarView,
    collector::{CollectorConditions, Collectors},
    order::{Orders, Products},
    overview::{Earlier, Overview},
    plant::PlantOutline,
    reason::{GiveReason, ReasonConflict, ReasonRules, ReasonTree, Said},
    report::{Comparison, Derivation, Note, PutNote, Report},
    rule::StateRules,
    session::Me,
    signal::SampleSeries,
    unit::UnitDetail,
};
use gemba_domain::{Timestamp, equipment::EquipmentPath, signal::SignalId};
use leptos::prelude::use_context;
use serde::de::DeserializeOwned;

pub use error::ApiError;
#[cfg(feature = "hydrate")]
pub(crate) use fetch::go_to_login;
use send::{Verb, send};
pub(crate) use send::{delete, post, put};

/// An answer of the API, as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiReply {
    /// HTTP status.
    pub status: u16,
    /// Body: JSON, or a problem.
    pub body: Vec<u8>,
}

/// What became of a word about a stop.
pub(crate) enum Given {
    /// It stands.
    Said(#[expect(dead_code, reason = "the page asks for the whole report anew")] Said),
    /// Somebody else was faster.
    Conflict(Box<ReasonConflict>),
}

/// How pages reach the API while the server renders them: a GET of a path with its query
/// (`/api/v1/overview`), in the name of the caller whose page it is.
#[derive(Clone)]
pub struct InProcessApi(pub Arc<dyn Fn(String) -> BoxFuture<'static, ApiReply> + Send + Sync>);

/// The API, as seen from a page.
#[derive(Clone)]
pub(crate) struct Api {
    in_process: Option<InProcessApi>,
}

impl Api {
    /// The API of this page. Take it while the component is made, not within a future.
    pub fn of_page() -> Self {
        Self { in_process: use_context() }
    }

    /// `GET /api/v1/session`
    pub async fn me(&self) -> Result<Me, ApiError> {
        self.get("/api/v1/session".to_owned()).await
    }

    /// `GET /api/v1/overview`
    pub async fn overview(&self) -> Result<Overview, ApiError> {
        self.get("/api/v1/overview".to_owned()).await
    }

    /// `GET /api/v1/overview/earlier`
    pub async fn earlier(&self) -> Result<Earlier, ApiError> {
        self.get("/api/v1/overview/earlier".to_owned()).await
    }

    /// `GET /api/v1/collectors`
    pub async fn collectors(&self) -> Result<Collectors, ApiError> {
        self.get("/api/v1/collectors".to_owned()).await
    }

    /// `GET /api/v1/collectors/conditions`
    #[cfg_attr(not(feature = "hydrate"), expect(dead_code, reason = "asked for by the browser alone"))]
    pub async fn collector_conditions(&self) -> Result<CollectorConditions, ApiError> {
        self.get("/api/v1/collectors/conditions".to_owned()).await
    }

    /// `GET /api/v1/units/{path}`
    pub async fn unit(&self, path: &str) -> Result<UnitDetail, ApiError> {
        self.get(format!("/api/v1/units/{path}")).await
    }

    /// `GET /api/v1/calendar/{site}`
    pub async fn calendar(&self, site: &str) -> Result<CalendarView, ApiError> {
        self.get(format!("/api/v1/calendar/{site}")).await
    }

    /// `GET /api/v1/signals/{id}/samples`, thinned to about `points` readings.
    pub async fn samples(
        &self,
        signal: SignalId,
        from: Timestamp,
        to: Timestamp,
        points: u32,
    ) -> Result<SampleSeries, ApiError> {
        self.get(format!("{}&points={points}", samples_path(signal, "samples", from, to))).await
    }

    /// `GET /api/v1/report/{path}`; `query` begins with `?`, or is empty.
    pub async fn report(&self, path: &str, query: &str) -> Result<Report, ApiError> {
        self.get(format!("/api/v1/report/{path}{query}")).await
    }

    /// `GET /api/v1/derivation/{path}`
    pub async fn derivation(&self, path: &str, query: &str) -> Result<Derivation, ApiError> {
        self.get(format!("/api/v1/derivation/{path}{query}")).await
    }

    /// `GET /api/v1/compare/{path}`
    pub async fn compare(&self, path: &str, query: &str) -> Result<Comparison, ApiError> {
        self.get(format!("/api/v1/compare/{path}{query}")).await
    }

    /// `GET /api/v1/reasons`
    pub async fn reasons(&self) -> Result<ReasonTree, ApiError> {
        self.get("/api/v1/reasons".to_owned()).await
    }

    /// `GET /api/v1/reason-rules`
    pub async fn reason_rules(&self) -> Result<ReasonRules, ApiError> {
        self.get("/api/v1/reason-rules".to_owned()).await
    }

    /// `GET /api/v1/state-rules`
    pub async fn state_rules(&self) -> Result<StateRules, ApiError> {
        self.get("/api/v1/state-rules".to_owned()).await
    }

    /// `GET /api/v1/plant`
    pub async fn plant(&self) -> Result<PlantOutline, ApiError> {
        self.get("/api/v1/plant".to_owned()).await
    }

    /// `GET /api/v1/products`
    pub async fn products(&self) -> Result<Products, ApiError> {
        self.get("/api/v1/products".to_owned()).await
    }

    /// `GET /api/v1/orders`; `query` begins with `?`, or is empty.
    pub async fn orders(&self, query: &str) -> Result<Orders, ApiError> {
        self.get(format!("/api/v1/orders{query}")).await
    }

    /// `POST /api/v1/stops/reason`
    pub async fn give_reason(&self, word: &GiveReason) -> Result<Given, ApiError> {
        let reply = send(Verb::Post, "/api/v1/stops/reason".to_owned(), Some(serde_json::to_string(word))).await?;
        if reply.status == 409
            && let Ok(conflict) = serde_json::from_slice(&reply.body)
        {
            return Ok(Given::Conflict(conflict));
        }
        error::read(&reply).map(Given::Said)
    }

    /// `POST /api/v1/notes`; `None` when the note was taken back.
    pub async fn put_note(&self, note: &PutNote) -> Result<Option<Note>, ApiError> {
        let reply = send(Verb::Post, "/api/v1/notes".to_owned(), Some(serde_json::to_string(note))).await?;
        if reply.status == 204 { Ok(None) } else { error::read(&reply).map(Some) }
    }

    async fn get<T: DeserializeOwned>(&self, path: String) -> Result<T, ApiError> {
        let reply = match &self.in_process {
            Some(InProcessApi(call)) => call(path).await,
            None => fetched(path).await?,
        };
        error::read(&reply)
    }
}

/// Where all readings of a stretch can be had as CSV.
pub(crate) fn samples_csv(signal: SignalId, from: Timestamp, to: Timestamp) -> String {
    samples_path(signal, "samples.csv", from, to)
}

fn samples_path(signal: SignalId, what: &str, from: Timestamp, to: Timestamp) -> String {
    format!("/api/v1/signals/{}/{what}?from={from}&to={to}", signal.0)
}

/// The path of a node, as an address names it.
pub(crate) fn path_in_address(text: &str) -> Result<EquipmentPath, ApiError> {
    text.parse::<EquipmentPath>().map_err(|error| ApiError::NotFound(error.to_string()))
}

#[cfg(feature = "hydrate")]
async fn fetched(path: String) -> Result<ApiReply, ApiError> {
    send_wrapper::SendWrapper::new(fetch::get(path)).await
}

#[cfg(not(feature = "hydrate"))]
async fn fetched(_path: String) -> Result<ApiReply, ApiError> {
    Err(ApiError::Unreachable)
}
