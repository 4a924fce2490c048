//! The table of routes. A route cannot be mounted without saying who may use it, and an endpoint of the API not without
//! its OpenAPI note.

use axum::{Router, extract::Request, middleware, middleware::Next, response::Response, routing::MethodRouter};
use gemba_domain::access::Action;
use utoipa::openapi::{OpenApi, PathItem, RefOr, Schema};
use utoipa_axum::router::UtoipaMethodRouter;

use super::openapi;
use crate::{auth::guard, state::AppState};

/// Who may use a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Signed-in people whose role permits the action; everyone else gets a problem (401, 403).
    Signed(Action),
    /// A page: as [`Access::Signed`], but who is not signed in is sent to /login.
    Page(Action),
    /// Collectors, on their own port: the handler takes what their certificate says.
    Collector,
    /// Who has an enrolment code, on the collectors' port.
    Code,
    /// Anyone: sign-in, health, the login page's own assets.
    Open,
}

/// One line of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// As axum writes paths: `/api/v1/units/{id}`.
    pub path: String,
    /// Who may use it.
    pub access: Access,
}

/// What the notes say of one path.
pub(super) struct Note {
    pub route: Route,
    pub item: PathItem,
}

/// Collects a feature's routes. Each feature has `pub fn routes() -> Routes`.
#[derive(Default)]
pub struct Routes {
    routes: Vec<(Route, MethodRouter<AppState>)>,
    notes: Vec<Note>,
    schemas: Vec<(String, RefOr<Schema>)>,
}

impl Routes {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Endpoints of one path, as `routes!` makes them of handlers with notes, for signed-in people whose role permits
    /// `action`. Handlers may take [`crate::auth::Caller`].
    #[must_use]
    pub fn guarded(self, action: Action, endpoints: UtoipaMethodRouter<AppState>) -> Self {
        self.listed(Access::Signed(action), endpoints)
    }

    /// Endpoints for collectors. The handlers must take an extractor that looks at the certificate.
    #[must_use]
    pub fn collector(self, endpoints: UtoipaMethodRouter<AppState>) -> Self {
        self.listed(Access::Collector, endpoints)
    }

    /// Endpoints for who has an enrolment code, which the handlers must look at.
    #[must_use]
    pub fn with_code(self, endpoints: UtoipaMethodRouter<AppState>) -> Self {
        self.listed(Access::Code, endpoints)
    }

    /// Endpoints for anyone.
    #[must_use]
    pub fn anyone(self, endpoints: UtoipaMethodRouter<AppState>) -> Self {
        self.listed(Access::Open, endpoints)
    }

    /// A page for signed-in people whose role permits `action`.
    #[must_use]
    pub fn page(self, path: &str, action: Action, methods: MethodRouter<AppState>) -> Self {
        self.with(path, Access::Page(action), methods)
    }

    /// For anyone; not of the API: health, assets, forms.
    #[must_use]
    pub fn open(self, path: &str, methods: MethodRouter<AppState>) -> Self {
        self.with(path, Access::Open, methods)
    }

    /// Those of another feature too.
    #[must_use]
    pub fn and(mut self, other: Routes) -> Self {
        self.routes.extend(other.routes);
        self.notes.extend(other.notes);
        self.schemas.extend(other.schemas);
        self
    }

    /// What was collected, for tests and documentation.
    pub fn table(&self) -> Vec<Route> {
        self.routes.iter().map(|(route, _)| route.clone()).collect()
    }

    /// The description of all endpoints that were collected.
    pub fn document(&self) -> OpenApi {
        openapi::document(&self.notes, &self.schemas)
    }

    /// The schemas by name, as often as they were noted.
    #[cfg(test)]
    pub(super) fn schemas(&self) -> &[(String, RefOr<Schema>)] {
        &self.schemas
    }

    fn listed(mut self, access: Access, (schemas, paths, methods): UtoipaMethodRouter<AppState>) -> Self {
        for (path, item) in paths.paths {
            let route = Route { path, access };
            self.routes.push((route.clone(), methods.clone()));
            self.notes.push(Note { route, item });
        }
        self.schemas.extend(schemas);
        self
    }

    fn with(mut self, path: &str, access: Access, methods: MethodRouter<AppState>) -> Self {
        self.routes.push((Route { path: path.to_owned(), access }, methods));
        self
    }

    /// The router, with a guard before every handler.
    pub fn into_router(self, state: &AppState) -> Router<AppState> {
        self.routes.into_iter().fold(Router::new(), |router, (route, methods)| {
            let guarded = match route.access {
                Access::Open | Access::Collector | Access::Code => methods,
                Access::Signed(action) => {
                    let state = state.clone();
                    methods.route_layer(middleware::from_fn(move |request: Request, next: Next| {
                        guard::api(state.clone(), action, request, next)
                    }))
                }
                Access::Page(action) => {
                    let state = state.clone();
                    methods.route_layer(middleware::from_fn(move |request: Request, next: Next| {
                        guard::page(state.clone(), action, request, next)
                    }))
                }
            };
            router.route(&route.path, guarded)
        })
    }
}

/// Marks an answer to a signed-in person as nothing to be kept by caches.
pub(crate) fn no_store(mut response: Response) -> Response {
    response.headers_mut().entry(http::header::CACHE_CONTROL).or_insert(http::HeaderValue::from_static("no-store"));
    response
}
