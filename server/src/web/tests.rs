use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    body::Body,
    extract::ConnectInfo,
    response::IntoResponse,
    routing::{get, post},
};
use gemba_contract::problem::{PROBLEM_JSON, Problem as Contract};
use http::{Request, Response, StatusCode, header};
use sqlx::PgPool;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use super::*;
use crate::{
    config::{Settings, Sources, load},
    state::DATABASE,
};

fn settings(environment: &[(&str, &str)]) -> Settings {
    let environment = environment.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
    load(&Sources { environment, ..Sources::default() }).unwrap().settings
}

async fn state(pool: &PgPool, environment: &[(&str, &str)]) -> AppState {
    AppState::open(pool.clone(), Arc::new(settings(environment))).await.unwrap()
}

async fn text(response: Response<Body>) -> String {
    String::from_utf8(axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap().to_vec()).unwrap()
}

async fn send(state: &AppState, request: Request<Body>) -> Response<Body> {
    router(state.clone()).oneshot(request).await.unwrap()
}

fn asking(path: &str) -> Request<Body> {
    Request::get(path).body(Body::empty()).unwrap()
}

fn from(mut request: Request<Body>, address: &str) -> Request<Body> {
    let address: SocketAddr = address.parse().unwrap();
    request.extensions_mut().insert(ConnectInfo(address));
    request
}

#[tokio::test]
async fn a_problem_has_the_shape_of_rfc_9457_and_keeps_causes_to_itself() {
    #[derive(Debug, thiserror::Error)]
    #[error("secret cause")]
    struct Cause;
    let response = Problem::internal(&Cause).into_response();
    assert_eq!(response.headers()[header::CONTENT_TYPE], PROBLEM_JSON);
    assert_eq!(response.headers()[header::CACHE_CONTROL], "no-store");
    let body = text(response).await;
    assert!(!body.contains("secret"), "{body}");
    let problem: Contract = serde_json::from_str(&body).unwrap();
    assert_eq!((problem.kind.as_str(), problem.status), ("internal", 500));
}

#[tokio::test]
async fn a_panic_is_answered_with_a_problem_that_names_its_request() {
    async fn falls() -> &'static str {
        panic!("secret cause")
    }
    let router = Router::new()
        .route("/", get(falls))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(middleware::from_fn(request_id::layer));
    let response = router.oneshot(asking("/")).await.unwrap();
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    let id = response.headers()["x-request-id"].to_str().unwrap().to_owned();
    let body = text(response).await;
    let problem: Contract = serde_json::from_str(&body).unwrap();
    assert_eq!(problem.request_id, Some(id));
    assert!(!body.contains("secret"), "{body}");
}

#[sqlx::test(migrations = "../migrations")]
async fn without_a_database_requests_are_answered_at_once_and_readiness_says_why(pool: PgPool) {
    let state = state(&pool, &[]).await;
    let response = send(&state, asking("/readyz")).await;
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(text(response).await.contains(r#"["database","starting"]"#));

    state.health.set(DATABASE, Ok(()));
    state.health.set("engine", Err("starting".to_owned()));
    assert_eq!(send(&state, asking("/readyz")).await.status(), StatusCode::SERVICE_UNAVAILABLE);
    state.health.set("engine", Ok(()));
    assert_eq!(send(&state, asking("/readyz")).await.status(), StatusCode::OK);

    state.health.set(DATABASE, Err("does not answer".to_owned()));
    assert_eq!(send(&state, asking("/healthz")).await.status(), StatusCode::OK, "the process lives");
    let response = send(&state, asking("/api/v1/session")).await;
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(response.headers().contains_key(header::RETRY_AFTER));
    let problem: Contract = serde_json::from_str(&text(response).await).unwrap();
    assert_eq!(problem.kind, "database-away");

    state.health.set(DATABASE, Ok(()));
    state.shutdown.cancel();
    assert_eq!(send(&state, asking("/readyz")).await.status(), StatusCode::SERVICE_UNAVAILABLE, "stopping");
}

#[sqlx::test(migrations = "../migrations")]
async fn figures_are_for_this_machine_or_the_token(pool: PgPool) {
    let open = state(&pool, &[]).await;
    let here = send(&open, from(asking("/metrics"), "127.0.0.1:5000")).await;
    assert_eq!(here.status(), StatusCode::OK);
    let figures = text(here).await;
    assert!(figures.contains("gemba_http_seconds_count") && figures.ends_with("# EOF\n"), "{figures}");
    assert_eq!(send(&open, from(asking("/metrics"), "192.0.2.1:5000")).await.status(), StatusCode::FORBIDDEN);
    let mut passed_on = from(asking("/metrics"), "127.0.0.1:5000");
    passed_on.headers_mut().insert("x-forwarded-for", "192.0.2.1".parse().unwrap());
    assert_eq!(
        send(&open, passed_on).await.status(),
        StatusCode::FORBIDDEN,
        "a proxy on this machine is not this machine"
    );

    let closed = state(&pool, &[("GEMBA_METRICS_TOKEN", "a-long-token")]).await;
    assert_eq!(send(&closed, from(asking("/metrics"), "127.0.0.1:5000")).await.status(), StatusCode::FORBIDDEN);
    for (token, status) in [("a-long-token", StatusCode::OK), ("another", StatusCode::FORBIDDEN)] {
        let mut request = from(asking("/metrics"), "192.0.2.1:5000");
        request.headers_mut().insert(header::AUTHORIZATION, format!("Bearer {token}").parse().unwrap());
        assert_eq!(send(&closed, request).await.status(), status);
    }
}

#[sqlx::test(migrations = "../migrations")]
async fn the_login_page_is_complete_and_its_policy_fits_its_script(pool: PgPool) {
    let state = state(&pool, &[]).await;
    let mut request = asking("/login");
    request.headers_mut().insert(header::HOST, "gemba:8080".parse().unwrap());
    request.headers_mut().insert(header::COOKIE, "a=b; theme=dark".parse().unwrap());
    let response = send(&state, request).await;
    assert_eq!(response.status(), StatusCode::OK);
    let headers = response.headers().clone();
    let policy = headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
    let nonce = policy.split("'nonce-").nth(1).unwrap().split('\'').next().unwrap().to_owned();
    assert!(policy.contains("connect-src 'self' ws://gemba:8080 wss://gemba:8080;"), "{policy}");
    assert!(!policy.contains("unsafe-inline"), "{policy}");
    assert_eq!(headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
    assert_eq!(headers["cross-origin-opener-policy"], "same-origin");
    assert_eq!(headers[header::CACHE_CONTROL], "no-store");
    let page = text(response).await;
    assert!(page.contains(r#"action="/login""#) && page.contains(r#"data-theme="dark""#), "{page}");
    let inline = page.matches("<script").count();
    assert_eq!(page.matches(&format!("nonce=\"{nonce}\"")).count(), inline, "each script carries the nonce: {page}");
    let again =
        send(&state, asking("/login")).await.headers()[header::CONTENT_SECURITY_POLICY].to_str().unwrap().to_owned();
    assert!(!again.contains(&nonce), "a nonce is used once");
}

#[test]
fn a_host_cannot_write_into_the_policy() {
    let policy = headers::page_policy("n", Some("a; script-src *")).unwrap();
    assert!(policy.to_str().unwrap().contains("connect-src 'self';"), "{policy:?}");
}

#[sqlx::test(migrations = "../migrations")]
async fn what_is_not_there_is_a_page_for_people_and_a_problem_for_programs(pool: PgPool) {
    use crate::auth;
    let state = state(&pool, &[]).await;
    auth::add_user(&pool, &"eva".parse().unwrap(), gemba_domain::access::Role::Operator).await.unwrap();
    let user = sqlx::query_scalar::<_, uuid::Uuid>("update user_account set must_change_password = false returning id")
        .fetch_one(&pool)
        .await
        .unwrap();
    let token = "x".repeat(43);
    sqlx::query("insert into user_session (id, user_id, token_sha256, address, user_agent) values ($1, $1, sha256($2), '::', '')")
        .bind(user)
        .bind(token.as_bytes())
        .execute(&pool)
        .await
        .unwrap();
    let with_cookie =
        |path: &str| Request::get(path).header(header::COOKIE, format!("gemba={token}")).body(Body::empty()).unwrap();
    let page = send(&state, with_cookie("/no/such/page")).await;
    assert_eq!(page.status(), StatusCode::NOT_FOUND);
    assert!(page.headers()[header::CONTENT_TYPE].to_str().unwrap().starts_with("text/html"));
    let overview = send(&state, with_cookie("/")).await;
    assert_eq!(overview.status(), StatusCode::OK, "{}", text(overview).await);
    for path in ["/api/v1/no-such-thing", "/assets/no-such-file.css", "/assets/manifest.json"] {
        let response = send(&state, with_cookie(path)).await;
        assert_eq!(
            (response.status(), &response.headers()[header::CONTENT_TYPE]),
            (StatusCode::NOT_FOUND, &PROBLEM_JSON.parse().unwrap())
        );
    }
}

#[sqlx::test(migrations = "../migrations")]
async fn bodies_that_are_too_large_or_no_json_are_problems(pool: PgPool) {
    let state = state(&pool, &[("GEMBA_HTTP_MAX_BODY", "1KiB")]).await;
    for (body, status) in [("x".repeat(2000), StatusCode::PAYLOAD_TOO_LARGE), ("{".to_owned(), StatusCode::BAD_REQUEST)]
    {
        let request = Request::post("/api/v1/session")
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(body))
            .unwrap();
        let response = send(&state, request).await;
        assert_eq!(response.status(), status);
        assert_eq!(response.headers()[header::CONTENT_TYPE], PROBLEM_JSON);
    }
    let patch = Request::patch("/api/v1/session").body(Body::empty()).unwrap();
    let response = send(&state, patch).await;
    assert_eq!(
        (response.status(), &response.headers()[header::CONTENT_TYPE]),
        (StatusCode::METHOD_NOT_ALLOWED, &PROBLEM_JSON.parse().unwrap())
    );
}

async fn listening(
    router: Router,
    environment: &[(&str, &str)],
) -> (SocketAddr, CancellationToken, tokio::task::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, stop) = (listener.local_addr().unwrap(), CancellationToken::new());
    let (http, told) = (settings(environment).http, stop.clone());
    let (limits, opening) = (server::Limits::from(&http), server::Plain(http.header_timeout));
    let task = tokio::spawn(server::serve(listener.into(), router, limits, opening, told));
    (address, stop, task)
}

#[tokio::test]
async fn clients_that_say_nothing_or_too_slowly_are_let_go() {
    let (address, stop, task) =
        listening(Router::new().route("/", get(|| async { "hello" })), &[("GEMBA_HTTP_HEADER_TIMEOUT", "200ms")]).await;
    for said in ["", "GE", "GET / HTTP/1.1\r\nhost: a\r\nx-slow"] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(said.as_bytes()).await.unwrap();
        let mut heard = Vec::new();
        tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut heard)).await.unwrap().ok();
        assert!(!String::from_utf8_lossy(&heard).contains("200 OK"), "{said:?}");
    }
    stop.cancel();
    task.await.unwrap();
}

#[tokio::test]
async fn requests_in_flight_end_before_the_server_does() {
    let (begun, mut has_begun) = tokio::sync::mpsc::unbounded_channel::<()>();
    let finish = Arc::new(tokio::sync::Notify::new());
    let may_finish = finish.clone();
    let router = Router::new().route(
        "/",
        post(async move || {
            begun.send(()).unwrap();
            may_finish.notified().await;
            "done"
        }),
    );
    let (address, stop, task) = listening(router, &[]).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n").await.unwrap();
    has_begun.recv().await.unwrap();
    stop.cancel();
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(!task.is_finished());
    finish.notify_one();
    let mut heard = String::new();
    stream.read_to_string(&mut heard).await.unwrap();
    assert!(heard.ends_with("done"), "{heard}");
    task.await.unwrap();
}

#[tokio::test]
async fn connections_beyond_the_limit_wait_for_their_turn() {
    let (address, stop, task) =
        listening(Router::new().route("/", get(|| async { "hello" })), &[("GEMBA_HTTP_MAX_CONNECTIONS", "1")]).await;
    let ask = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n";
    let mut first = TcpStream::connect(address).await.unwrap();
    first.write_all(ask).await.unwrap();
    let mut heard = [0; 512];
    assert!(first.read(&mut heard).await.unwrap() > 0);
    let mut second = TcpStream::connect(address).await.unwrap();
    second.write_all(ask).await.unwrap();
    assert!(tokio::time::timeout(Duration::from_millis(200), second.read(&mut heard)).await.is_err());
    drop(first);
    assert!(tokio::time::timeout(Duration::from_secs(20), second.read(&mut heard)).await.unwrap().unwrap() > 0);
    stop.cancel();
    drop(second);
    task.await.unwrap();
}
