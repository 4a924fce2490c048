//! Through the router, as a browser or a program would.

mod passwords;
mod sessions;
mod walks;

use std::{sync::Arc, time::Duration};

use axum::{Router, body::Body};
use gemba_contract::{
    problem::Problem,
    session::{Me, SignIn},
};
use gemba_domain::access::{Action, Role, permits};
use http::{HeaderMap, Method, Request, Response, StatusCode, header};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::json;
use sqlx::PgPool;
use tower::ServiceExt;

use super::{Caller, add_user, ensure_first_administrator, guard, reset_password};
use crate::{
    config::{Sources, load},
    state::AppState,
    web::{self, routes::Routes},
};

struct Server {
    state: AppState,
    router: Router,
    data: tempfile::TempDir,
}

impl Server {
    async fn new(pool: PgPool) -> Self {
        Self::with(pool, &[]).await
    }

    async fn with(pool: PgPool, environment: &[(&str, &str)]) -> Self {
        let data = tempfile::tempdir().unwrap();
        let mut environment: Vec<(String, String)> =
            environment.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
        environment.push(("GEMBA_DATA_DIRECTORY".to_owned(), data.path().display().to_string()));
        let settings = load(&Sources { environment, ..Sources::default() }).unwrap().settings;
        let state = AppState::open(pool, Arc::new(settings)).await.unwrap();
        Self { router: web::router(state.clone()), state, data }
    }

    async fn send(&self, request: Request<Body>) -> Response<Body> {
        self.router.clone().oneshot(request).await.unwrap()
    }

    async fn json(&self, method: Method, path: &str, cookie: &str, body: impl Serialize) -> Response<Body> {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::COOKIE, cookie)
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(serde_json::to_vec(&body).unwrap()))
            .unwrap();
        self.send(request).await
    }

    async fn get(&self, path: &str, cookie: &str) -> Response<Body> {
        self.send(Request::get(path).header(header::COOKIE, cookie).body(Body::empty()).unwrap()).await
    }

    async fn form(&self, path: &str, cookie: &str, fields: &str) -> Response<Body> {
        let request = Request::post(path)
            .header(header::COOKIE, cookie)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Body::from(fields.to_owned()))
            .unwrap();
        self.send(request).await
    }

    async fn sign_in(&self, username: &str, password: &str) -> Response<Body> {
        let body = SignIn { username: username.to_owned(), password: password.to_owned() };
        self.json(Method::POST, "/api/v1/session", "", body).await
    }

    /// Signs in with a one-time password and changes it.
    async fn settled(&self, username: &str, one_time: &str, password: &str) -> String {
        let response = self.sign_in(username, one_time).await;
        assert_eq!(response.status(), StatusCode::OK);
        let body = json!({ "current": one_time, "new": password });
        let changed = self.json(Method::POST, "/api/v1/session/password", &cookie(&response), body).await;
        assert_eq!(changed.status(), StatusCode::OK);
        cookie(&changed)
    }
}

const PASSWORD: &str = "the press stops at noon";

async fn user(pool: &PgPool, name: &str, role: Role) -> String {
    add_user(pool, &name.parse().unwrap(), role).await.unwrap()
}

fn cookie(response: &Response<Body>) -> String {
    let line = response.headers().get(header::SET_COOKIE).unwrap().to_str().unwrap();
    line.split(';').next().unwrap().to_owned()
}

fn location(response: &Response<Body>) -> &str {
    response.headers()[header::LOCATION].to_str().unwrap()
}

async fn body<T: DeserializeOwned>(response: Response<Body>) -> T {
    let bytes = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
    serde_json::from_slice(&bytes).unwrap()
}

async fn problem(response: Response<Body>) -> (StatusCode, String) {
    let status = response.status();
    assert_eq!(response.headers()[header::CONTENT_TYPE], gemba_contract::problem::PROBLEM_JSON);
    let problem: Problem = body(response).await;
    assert_eq!(problem.status, status.as_u16());
    assert!(problem.request_id.is_some(), "each problem names its request");
    (status, problem.kind)
}
