//! The historian's routes, through the router as a browser would.

use std::sync::Arc;

use axum::{Router, body::Body};
use gemba_codec::{Limits, decode_series};
use gemba_contract::{
    problem::Problem,
    session::SignIn,
    signal::{Durations, Resolution, SampleSeries},
};
use gemba_domain::{access::Role, signal::Value};
use http::{HeaderMap, Method, Request, StatusCode, header};
use serde::de::DeserializeOwned;
use sqlx::PgPool;
use tower::ServiceExt;

use super::{Bench, Outcome, at, numbers};
use crate::{
    auth,
    config::{Sources, load},
    historian::Series,
    state::AppState,
    web,
};

const SECOND: i64 = 1_000_000;
type Failure = Box<dyn std::error::Error>;

struct Browser {
    router: Router,
    cookie: String,
}

impl Browser {
    async fn new(app: &AppState) -> Result<Self, Failure> {
        let mut browser = Self { router: web::router(app.clone()), cookie: String::new() };
        let one_time = auth::add_user(&app.pool, &"viewer".parse()?, Role::Operator).await?;
        let sign_in = SignIn { username: "viewer".to_owned(), password: one_time.clone() };
        browser.post("/api/v1/session", serde_json::to_vec(&sign_in)?).await?;
        let change = serde_json::json!({ "current": one_time, "new": "a lathe turns at dawn" });
        browser.post("/api/v1/session/password", serde_json::to_vec(&change)?).await?;
        Ok(browser)
    }

    async fn post(&mut self, path: &str, body: Vec<u8>) -> Outcome {
        let request = Request::builder().method(Method::POST).uri(path).header(header::COOKIE, &self.cookie);
        let request = request.header(header::CONTENT_TYPE, "application/json").body(Body::from(body))?;
        let response = self.router.clone().oneshot(request).await?;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        let line = response.headers().get(header::SET_COOKIE).ok_or("a cookie")?.to_str()?;
        self.cookie = line.split(';').next().unwrap_or_default().to_owned();
        Ok(())
    }

    async fn get(&self, path: &str) -> Result<(StatusCode, HeaderMap, Vec<u8>), Failure> {
        let request = Request::get(path).header(header::COOKIE, &self.cookie).body(Body::empty())?;
        let response = self.router.clone().oneshot(request).await?;
        let (status, headers) = (response.status(), response.headers().clone());
        Ok((status, headers, axum::body::to_bytes(response.into_body(), 64 << 20).await?.to_vec()))
    }

    async fn json<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failure> {
        let (status, _, body) = self.get(path).await?;
        assert_eq!(status, StatusCode::OK, "{path}: {}", String::from_utf8_lossy(&body));
        Ok(serde_json::from_slice(&body)?)
    }

    async fn refused(&self, path: &str) -> Result<(StatusCode, String), Failure> {
        let (status, _, body) = self.get(path).await?;
        let problem: Problem = serde_json::from_slice(&body)?;
        Ok((status, problem.detail.unwrap_or_default()))
    }
}

async fn app(pool: &PgPool) -> Result<(AppState, tempfile::TempDir), Failure> {
    let data = tempfile::tempdir()?;
    let environment = vec![("GEMBA_DATA_DIRECTORY".to_owned(), data.path().display().to_string())];
    let settings = load(&Sources { environment, ..Sources::default() })?.settings;
    Ok((AppState::open(pool.clone(), Arc::new(settings)).await?, data))
}

#[sqlx::test(migrations = "../migrations")]
async fn samples_in_every_form(pool: PgPool) -> Outcome {
    let (app, _data) = app(&pool).await?;
    let mut bench = Bench::new(&pool, 2).await?;
    let browser = Browser::new(&app).await?;
    let mut batch = numbers(0, (0..5_000).map(|i| (i * SECOND, (i % 50) as f64 / 2.0)));
    batch.push((1, 0, Value::Text("=HYPERLINK(1)".into())));
    batch.push((1, 90 * SECOND, Value::Text("a \"b\", c".into())));
    batch.push((1, 120 * SECOND, Value::Unavailable));
    bench.deliver(&app.historian, &batch).await?;
    app.historian.compact_once().await?;
    bench.deliver(&app.historian, &numbers(0, [(5_000 * SECOND, 77.5)])).await?;
    let (first, second) = (bench.signals[0].0, bench.signals[1].0);
    let stretch = "from=1970-01-01T00:00:00Z&to=1970-01-02T00:00:00Z";

    let plot: SampleSeries = browser.json(&format!("/api/v1/signals/{first}/samples?{stretch}&points=100")).await?;
    assert_eq!((plot.resolution, plot.total), (Resolution::MinMax, 5_001));
    assert!(plot.readings.iter().any(|r| r.value == Value::Number(77.5)));
    assert!(plot.readings.len() <= 200);

    let (status, headers, body) = browser.get(&format!("/api/v1/signals/{first}/samples.bin?{stretch}")).await?;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(headers[header::CONTENT_TYPE], "application/octet-stream");
    assert!(!headers.contains_key("gemba-damaged"));
    let series = Series::from_runs(decode_series(&body, Limits::default())?);
    assert_eq!(series.len(), 5_001);
    assert_eq!(series.last_time(), Some(at(5_000 * SECOND)));

    let (status, headers, body) = browser.get(&format!("/api/v1/signals/{second}/samples.csv?{stretch}")).await?;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(headers[header::CONTENT_DISPOSITION], "attachment; filename=\"s2.csv\"");
    assert_eq!(
        String::from_utf8(body)?,
        "time,value\r\n1970-01-01T00:00:00Z,'=HYPERLINK(1)\r\n1970-01-01T00:01:30Z,\"a \"\"b\"\", c\"\r\n\
         1970-01-01T00:02:00Z,UNAVAILABLE\r\n"
    );

    let held: Durations = browser.json(&format!("/api/v1/signals/{second}/durations?{stretch}&bucket=hour")).await?;
    assert_eq!(held.buckets.len(), 24);
    assert_eq!(held.buckets[0].seconds.get("=HYPERLINK(1)"), Some(&90.0));

    sqlx::query("update chunk_part set body = set_byte(body, 8, get_byte(body, 8) # 1) where signal_id = $1")
        .bind(first)
        .execute(&pool)
        .await?;
    let (status, headers, _) = browser.get(&format!("/api/v1/signals/{first}/samples.bin?{stretch}")).await?;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(headers["gemba-damaged"], "1970-01-01T00:00:00Z/1970-01-01T01:23:19.000001Z");
    Ok(())
}

#[sqlx::test(migrations = "../migrations")]
async fn what_cannot_be_given_is_refused_with_the_reason(pool: PgPool) -> Outcome {
    let (app, _data) = app(&pool).await?;
    let bench = Bench::new(&pool, 1).await?;
    sqlx::query("update signal set kind = 'measure'").execute(&pool).await?;
    let browser = Browser::new(&app).await?;
    let id = bench.signals[0].0;
    let day = "from=2026-01-01T00:00:00Z&to=2026-01-02T00:00:00Z";
    for (path, status, part) in [
        (format!("999999/samples?{day}"), StatusCode::NOT_FOUND, "no signal 999999"),
        (
            format!("{id}/samples?from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z"),
            StatusCode::UNPROCESSABLE_ENTITY,
            "earlier",
        ),
        (format!("{id}/samples?{day}&points=0"), StatusCode::UNPROCESSABLE_ENTITY, "points"),
        (format!("{id}/samples?{day}&colour=red"), StatusCode::BAD_REQUEST, "colour"),
        (format!("{id}/samples.csv?from=yesterday&to=today"), StatusCode::BAD_REQUEST, "yesterday"),
        (format!("{id}/samples.bin"), StatusCode::BAD_REQUEST, "from"),
        (format!("{id}/durations?{day}"), StatusCode::UNPROCESSABLE_ENTITY, "measured"),
        (
            format!("{id}/durations?from=1900-01-01T00:00:00Z&to=2026-01-02T00:00:00Z&bucket=hour"),
            StatusCode::UNPROCESSABLE_ENTITY,
            "buckets",
        ),
        (format!("{id}/durations?{day}&bucket=fortnight"), StatusCode::BAD_REQUEST, "fortnight"),
    ] {
        let (found, detail) = browser.refused(&format!("/api/v1/signals/{path}")).await?;
        assert_eq!(found, status, "{path}: {detail}");
        assert!(detail.contains(part), "{path}: {detail}");
    }
    let stranger = Browser { router: browser.router.clone(), cookie: String::new() };
    assert_eq!(stranger.get(&format!("/api/v1/signals/{id}/samples?{day}")).await?.0, StatusCode::UNAUTHORIZED);
    Ok(())
}
