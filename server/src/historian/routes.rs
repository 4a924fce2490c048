use axum::{
    body::Body,
    extract::State,
    response::{IntoResponse, Response},
};
use futures::{StreamExt, stream};
use gemba_codec::encode_series;
use gemba_contract::signal::{Durations, SampleSeries};
use gemba_domain::{
    Interval, Timestamp,
    access::Action,
    signal::{SignalId, SignalKind},
};
use http::{HeaderName, HeaderValue, StatusCode, header};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::routes;

use super::{Bucket, HistorianError, csv, queries};
use crate::{
    state::AppState,
    web::{
        extract::{Json, Path, Query},
        problem::Problem,
        routes::Routes,
    },
};

/// Names stretches of which stored samples cannot be read any more: `from/to`, joined by commas.
const DAMAGED: HeaderName = HeaderName::from_static("gemba-damaged");
/// Samples of one `.bin` answer.
const BIN_LIMIT: u64 = 5_000_000;
/// Samples read at a time for `.csv`.
const CSV_PAGE: usize = 50_000;
/// Buckets of one answer.
const MOST_BUCKETS: i64 = 50_000;
const DEFAULT_POINTS: usize = 1_000;

/// The historian's part of the API.
pub fn routes() -> Routes {
    Routes::new()
        .guarded(Action::ViewPlant, routes!(samples))
        .guarded(Action::ViewPlant, routes!(samples_csv))
        .guarded(Action::ViewPlant, routes!(samples_bin))
        .guarded(Action::ViewPlant, routes!(durations))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Stretch {
    /// Begin, RFC 3339
    from: Timestamp,
    /// End (exclusive), RFC 3339
    to: Timestamp,
    /// About how many readings at most, 2 to 20000; 1000 when left out. Files hold all of them
    points: Option<usize>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Buckets {
    /// Begin, RFC 3339
    from: Timestamp,
    /// End (exclusive), RFC 3339
    to: Timestamp,
    /// Length of a bucket
    #[serde(default = "by_day")]
    #[param(inline, default = "day")]
    bucket: Bucket,
}

const fn by_day() -> Bucket {
    Bucket::Day
}

fn interval(from: Timestamp, to: Timestamp) -> Result<Interval, Problem> {
    if from < to {
        Ok(Interval::new(from, to))
    } else {
        Err(refused(format!("`from` ({from}) must be earlier than `to` ({to})")))
    }
}

fn refused(detail: String) -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "stretch-refused", "This stretch cannot be given").detail(detail)
}

async fn find(app: &AppState, id: i32) -> Result<(SignalId, String, Option<SignalKind>), Problem> {
    match queries::signal(&app.pool, id).await? {
        Some((code, kind)) => Ok((SignalId(id), code, kind)),
        None => Err(Problem::not_found().detail(format!("There is no signal {id}."))),
    }
}

/// The readings of a signal, for a plot
///
/// Never many more than `points`: a longer series is thinned so that the minimum and maximum of each slice stay.
#[utoipa::path(
    get, path = "/api/v1/signals/{id}/samples", tag = "signal",
    params(("id" = SignalId, Path, description = "The signal"), Stretch),
    responses(
        (status = 200, description = "The readings", body = SampleSeries,
            headers(("Gemba-Damaged" = String, description = "Stretches that cannot be read any more, `from/to`, joined by \
                commas; absent without any")),
        ),
        (status = 400, description = "`path-refused`: the signal is no number"),
        (status = 404, description = "`not-found`: no such signal"),
        (status = 422, description = "`stretch-refused`: it ends before it begins, or `points` is not 2 to 20000"),
    ),
)]
async fn samples(
    State(app): State<AppState>,
    Path(id): Path<i32>,
    Query(query): Query<Stretch>,
) -> Result<(Damaged, Json<SampleSeries>), Problem> {
    let stretch = interval(query.from, query.to)?;
    let points = query.points.unwrap_or(DEFAULT_POINTS);
    if !(2..=20_000).contains(&points) {
        return Err(refused(format!("`points` is {points}; it must be 2 to 20000")));
    }
    let (signal, ..) = find(&app, id).await?;
    let plot = app.historian.series(signal, stretch.from, stretch.to, points).await?;
    Ok((Damaged(plot.damaged), Json(plot.series)))
}

/// The readings of a signal as taken, packed
///
/// In the format described in the module documentation of `crates/codec`; at most 5,000,000 readings.
#[utoipa::path(
    get, path = "/api/v1/signals/{id}/samples.bin", tag = "signal",
    params(("id" = SignalId, Path, description = "The signal"), Stretch),
    responses(
        (status = 200, description = "The readings", body = Vec<u8>, content_type = "application/octet-stream",
            headers(("Gemba-Damaged" = String, description = "Stretches that cannot be read any more, `from/to`, joined by \
                commas; absent without any")),
        ),
        (status = 400, description = "`path-refused`: the signal is no number"),
        (status = 404, description = "`not-found`: no such signal"),
        (status = 422, description = "`stretch-refused`: it ends before it begins, or holds too many readings"),
    ),
)]
async fn samples_bin(
    State(app): State<AppState>,
    Path(id): Path<i32>,
    Query(query): Query<Stretch>,
) -> Result<Response, Problem> {
    let stretch = interval(query.from, query.to)?;
    let (signal, ..) = find(&app, id).await?;
    let mut series = app.historian.read_at_most(signal, stretch.from, stretch.to, BIN_LIMIT).await?;
    let damaged = Damaged(std::mem::take(&mut series.damaged));
    let body = tokio::task::spawn_blocking(move || encode_series(&series.into_runs(), 1))
        .await
        .map_err(HistorianError::from)?;
    Ok((damaged, [(header::CONTENT_TYPE, "application/octet-stream")], body).into_response())
}

/// The readings of a signal as taken, as a table
#[utoipa::path(
    get, path = "/api/v1/signals/{id}/samples.csv", tag = "signal",
    params(("id" = SignalId, Path, description = "The signal"), Stretch),
    responses(
        (status = 200, description = "The readings, with a head line", body = String, content_type = "text/csv",
            headers(("Gemba-Damaged" = String, description = "Stretches that cannot be read any more, `from/to`, joined by \
                commas; absent without any")),
        ),
        (status = 400, description = "`path-refused`: the signal is no number"),
        (status = 404, description = "`not-found`: no such signal"),
        (status = 422, description = "`stretch-refused`: it ends before it begins"),
    ),
)]
async fn samples_csv(
    State(app): State<AppState>,
    Path(id): Path<i32>,
    Query(query): Query<Stretch>,
) -> Result<Response, Problem> {
    let stretch = interval(query.from, query.to)?;
    let (signal, code, _) = find(&app, id).await?;
    let pages = app.historian.pages(signal, stretch.from, stretch.to, CSV_PAGE).await?;
    let damaged = Damaged(app.historian.damaged(signal, stretch));
    let historian = app.historian.clone();
    let lines = stream::iter(pages).then(move |page| {
        let historian = historian.clone();
        async move { historian.read(signal, page.from, page.to).await.map(|series| csv::lines(&series)) }
    });
    let body = stream::iter([Ok(csv::HEADER.to_owned())]).chain(lines);
    let name = format!("attachment; filename=\"{code}.csv\"");
    let name = HeaderValue::from_str(&name).unwrap_or(HeaderValue::from_static("attachment"));
    let kind = HeaderValue::from_static("text/csv; charset=utf-8");
    Ok((damaged, [(header::CONTENT_TYPE, kind), (header::CONTENT_DISPOSITION, name)], Body::from_stream(body))
        .into_response())
}

/// How long a signal held each word
///
/// Of signals with words or texts, by hour or day in UTC; at most 50,000 buckets.
#[utoipa::path(
    get, path = "/api/v1/signals/{id}/durations", tag = "signal",
    params(("id" = SignalId, Path, description = "The signal"), Buckets),
    responses(
        (status = 200, description = "Seconds by word and bucket", body = Durations,
            headers(("Gemba-Damaged" = String, description = "Stretches that cannot be read any more, `from/to`, joined by \
                commas; absent without any")),
        ),
        (status = 400, description = "`path-refused`: the signal is no number"),
        (status = 404, description = "`not-found`: no such signal"),
        (status = 422, description = "`stretch-refused`: it ends before it begins or has too many buckets, or the signal is \
            measured or counted"),
    ),
)]
async fn durations(
    State(app): State<AppState>,
    Path(id): Path<i32>,
    Query(query): Query<Buckets>,
) -> Result<(Damaged, Json<Durations>), Problem> {
    let stretch = interval(query.from, query.to)?;
    let hours = stretch.micros() / 3_600_000_000;
    let buckets = if query.bucket == Bucket::Hour { hours } else { hours / 24 };
    if buckets > MOST_BUCKETS {
        return Err(refused(format!("the stretch has {buckets} buckets, at most {MOST_BUCKETS} are given at once")));
    }
    let (signal, code, kind) = find(&app, id).await?;
    if matches!(kind, Some(SignalKind::Measure | SignalKind::Counter)) {
        return Err(refused(format!("`{code}` is measured or counted; durations are of states and texts")));
    }
    let buckets = app.historian.durations(signal, stretch.from, stretch.to, query.bucket).await?;
    Ok((Damaged(app.historian.damaged(signal, stretch)), Json(Durations { signal, buckets })))
}

/// Tells of unreadable stretches in a header, when there are any.
#[derive(Debug)]
struct Damaged(Vec<Interval>);

impl axum::response::IntoResponseParts for Damaged {
    type Error = std::convert::Infallible;

    fn into_response_parts(
        self,
        mut parts: axum::response::ResponseParts,
    ) -> Result<axum::response::ResponseParts, Self::Error> {
        let stretches: Vec<String> = self.0.iter().take(50).map(|s| format!("{}/{}", s.from, s.to)).collect();
        if let Ok(value) = HeaderValue::from_str(&stretches.join(", "))
            && !stretches.is_empty()
        {
            parts.headers_mut().insert(DAMAGED, value);
        }
        Ok(parts)
    }
}

impl From<HistorianError> for Problem {
    fn from(error: HistorianError) -> Self {
        match error {
            HistorianError::Database(error) => error.into(),
            HistorianError::TooMany { .. } => refused(error.to_string()),
            HistorianError::Task(_) => Problem::internal(&error),
        }
    }
}
