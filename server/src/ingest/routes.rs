use std::error::Error as _;

use axum::{
    body::{Body, to_bytes},
    extract::{DefaultBodyLimit, State},
};
use gemba_contract::edge::{Acknowledged, Hello, Welcome};
use http::{HeaderMap, HeaderName, StatusCode, header};
use utoipa_axum::{router::UtoipaMethodRouterExt as _, routes};

use super::error::IngestError;
use crate::{
    clock,
    identity::Collector,
    state::AppState,
    web::{
        extract::Json,
        problem::{Problem, is_away},
        routes::Routes,
    },
};

/// `hello` carries at most some ten thousand signals.
const MAX_HELLO_BYTES: usize = 16 << 20;

pub fn routes() -> Routes {
    Routes::new()
        .collector(routes!(hello).layer(DefaultBodyLimit::max(MAX_HELLO_BYTES)))
        // The limit is a setting: the handler keeps to it.
        .collector(routes!(batches).layer(DefaultBodyLimit::disable()))
}

/// A collector says what it reads
///
/// At start, after every reconnect, and whenever a signal is added. Specified in docs/specs/edge-protocol.md.
#[utoipa::path(
    post, path = "/api/v1/edge/hello", tag = "edge", operation_id = "edge_hello", request_body = Hello,
    responses(
        (status = 200, description = "From where to send, and signals that the plant does not know", body = Welcome),
        (status = 400, description = "`malformed-batch`: a text with a byte 0, or a time out of range"),
        (status = 409, description = "`stale-epoch`: a newer one was seen; the header `Gemba-Newest-Epoch` may name it"),
        (status = 422, description = "`signal-table`: the numbers are not those known of this epoch"),
        (status = 426, description = "`protocol-version`: the server speaks another one"),
    ),
)]
async fn hello(
    State(app): State<AppState>,
    collector: Collector,
    Json(hello): Json<Hello>,
) -> Result<Json<Welcome>, Problem> {
    Ok(Json(app.ingest.hello(&collector, &hello, clock::now()).await?))
}

/// A collector hands over samples
///
/// All frames are committed in one transaction, or none; what was sent before is not stored twice. Frames and rules are
/// specified in docs/specs/edge-protocol.md.
#[utoipa::path(
    post, path = "/api/v1/edge/batches", tag = "edge", operation_id = "edge_batches",
    request_body(
        content = Vec<u8>, content_type = "application/octet-stream", description = "Frames, one after the other",
    ),
    responses(
        (status = 200, description = "Up to which batch all is committed, and what was set aside", body = Acknowledged),
        (status = 400, description = "`malformed-batch`: these bytes are no frames, or a value that cannot be stored"),
        (status = 409, description = "`sequence-gap`: the header `Gemba-Expected-Seq` names the batch to go on with; \
            `unknown-epoch`: say hello first; `stale-epoch`: the header `Gemba-Newest-Epoch` may name the newest"),
        (status = 413, description = "`too-large`: send fewer frames at once"),
        (status = 503, description = "`busy`, `cannot-commit`, `database-away`: keep it, wait for `Retry-After` seconds and \
            send again"),
    ),
)]
async fn batches(
    State(app): State<AppState>,
    collector: Collector,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Acknowledged>, Problem> {
    let most = app.settings.ingest.max_body.0;
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|length| length > most) {
        return Err(too_large(most));
    }
    let body = to_bytes(body, most).await.map_err(|error| {
        let over = error.source().is_some_and(|cause| cause.is::<http_body_util::LengthLimitError>());
        if over { too_large(most) } else { IngestError::Malformed(format!("the body broke off: {error}")).into() }
    })?;
    // Not ended with the connection: what is committed must reach the readers and the engine, whoever still listens.
    let commit = tokio::spawn(async move { app.ingest.commit(&collector, body, clock::now()).await });
    Ok(Json(commit.await.map_err(|error| Problem::internal(&error))??))
}

fn too_large(most: usize) -> Problem {
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", "The body is too large")
        .detail(format!("At most {most} bytes are taken at once; send fewer frames."))
}

impl From<IngestError> for Problem {
    fn from(error: IngestError) -> Self {
        let detail = error.to_string();
        match error {
            IngestError::Revoked => {
                Problem::new(StatusCode::UNAUTHORIZED, "revoked", "The collector is not let in").detail(detail)
            }
            IngestError::Version { .. } => {
                Problem::new(StatusCode::UPGRADE_REQUIRED, "protocol-version", "Another protocol version")
                    .detail(detail)
            }
            IngestError::UnknownEpoch(_) => {
                Problem::new(StatusCode::CONFLICT, "unknown-epoch", "Say hello first").detail(detail)
            }
            IngestError::StaleEpoch { newest, .. } => {
                Problem::new(StatusCode::CONFLICT, "stale-epoch", "A newer epoch was seen")
                    .detail(detail)
                    .header(HeaderName::from_static("gemba-newest-epoch"), newest)
            }
            IngestError::SequenceGap { expected, .. } => {
                Problem::new(StatusCode::CONFLICT, "sequence-gap", "A batch is missing before this one")
                    .detail(detail)
                    .header(HeaderName::from_static("gemba-expected-seq"), expected)
            }
            IngestError::Malformed(_) => {
                Problem::new(StatusCode::BAD_REQUEST, "malformed-batch", "These bytes are no batches").detail(detail)
            }
            IngestError::SignalTable(_) => {
                Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "signal-table", "The signal table cannot be taken")
                    .detail(detail)
            }
            IngestError::Busy => Problem::new(StatusCode::SERVICE_UNAVAILABLE, "busy", "The server is busy")
                .detail(detail)
                .header(header::RETRY_AFTER, 1),
            // Data that Postgres will never take (SQLSTATE class 22: out of range, a byte 0 in a text): waiting does not help.
            IngestError::Database(error) if is_bad_data(&error) => {
                let detail = "a text holds a byte 0, or a time or number is out of range";
                Problem::new(StatusCode::BAD_REQUEST, "malformed-batch", "This cannot be stored").detail(detail)
            }
            // Whatever it is, the collector keeps its data and tries again; the cause is ours to mend.
            IngestError::Database(error) if is_away(&error) => Problem::database_away(),
            IngestError::Database(error) => {
                tracing::error!(cause = crate::web::problem::chain(&error), "a batch could not be committed");
                Problem::new(StatusCode::SERVICE_UNAVAILABLE, "cannot-commit", "The batch could not be committed")
                    .detail(detail)
                    .header(header::RETRY_AFTER, 5)
            }
        }
    }
}

fn is_bad_data(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code());
    code.is_some_and(|code| code.starts_with("22"))
}
