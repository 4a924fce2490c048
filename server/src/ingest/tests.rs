//! The protocol's table of cases, each against a real database through the router.

use std::sync::Arc;

use axum::{Router, body::Body};
use bytes::Bytes;
use gemba_contract::{
    batch::{BatchBuilder, encode_frame},
    edge::{Acknowledged, Hello, OfferedSignal, PROTOCOL_VERSION, Welcome},
    problem::Problem,
};
use gemba_domain::{
    Timestamp,
    signal::{SignalKind, Value},
    state::UnitState,
};
use http::{Request, StatusCode, header};
use http_body_util::BodyExt as _;
use serde::de::DeserializeOwned;
use sqlx::PgPool;
use tower::ServiceExt as _;

use crate::{
    clock, config,
    identity::{Peer, tests::enrolled},
    state::AppState,
    web,
};

pub(crate) const PLANT: &str = r#"
[enterprise]
code = "acme"
name = "Acme"
[[site]]
code = "leeds"
name = "Leeds"
time_zone = "Europe/London"
[[site.area]]
code = "press"
name = "Press shop"
[[site.area.line]]
code = "line-1"
name = "Line 1"
target_oee = 0.8
[[site.area.line.unit]]
code = "press-1"
name = "Press 1"
ideal_cycle_seconds = 2.0
signal = [
  { code = "availability", kind = "state", role = "availability" },
  { code = "execution", kind = "state", role = "execution" },
  { code = "good", kind = "counter", role = "good_count" },
  { code = "temp", kind = "measure", uom = "°C" },
]
"#;

pub(crate) const UNIT: &str = "acme/leeds/press/line-1/press-1";
pub(crate) const EPOCH: u64 = 1_000_000;

/// A plant of one press with a collector.
pub(crate) struct Rig {
    pub app: AppState,
    router: Router,
    /// What the collector's certificate says.
    pub(crate) peer: Peer,
    /// Ten minutes ago.
    pub begin: Timestamp,
}

/// With a data directory of its own, which stays in the place for temporary things.
fn settings() -> Arc<config::Settings> {
    let directory = tempfile::Builder::new().prefix("gemba-test-").tempdir().expect("a directory").keep();
    Arc::new(config::Settings { data_directory: directory, ..config::Settings::default() })
}

impl Rig {
    pub async fn new(pool: PgPool) -> Self {
        Self::of(pool, PLANT).await
    }

    /// Of another plant that has the same press.
    pub async fn of(pool: PgPool, plant: &str) -> Self {
        let app = AppState::open(pool, settings()).await.expect("opens");
        app.plant.import(plant).await.expect("imports");
        let peer = enrolled(&app, "edge", &[]).await;
        Self::with(app, peer)
    }

    /// A collector beside others.
    pub fn with(app: AppState, peer: Peer) -> Self {
        let router = web::ingest_router(app.clone());
        Self { app, router, peer, begin: clock::now().plus_seconds(-600) }
    }

    async fn post<T: DeserializeOwned>(&self, path: &str, body: impl Into<Body>, json: bool) -> Result<T, Problem> {
        let mut request = Request::post(path).extension(self.peer.clone());
        if json {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        let response = self.router.clone().oneshot(request.body(body.into()).expect("request")).await.expect("answers");
        let status = response.status();
        let bytes = response.into_body().collect().await.expect("body").to_bytes();
        if status == StatusCode::OK {
            Ok(serde_json::from_slice(&bytes).expect("the promised answer"))
        } else {
            Err(serde_json::from_slice(&bytes).expect("a problem"))
        }
    }

    pub async fn hello(&self, epoch: u64, codes: &[&str]) -> Result<Welcome, Problem> {
        let offered = |code: &&str| OfferedSignal {
            address: format!("{UNIT}:{code}"),
            kind: SignalKind::Measure,
            uom: None,
            source: None,
        };
        let hello = Hello {
            protocol: PROTOCOL_VERSION,
            version: "test".to_owned(),
            epoch,
            at: clock::now(),
            signals: codes.iter().map(offered).collect(),
            sources: Vec::new(),
            queue: None,
            losses: Vec::new(),
        };
        self.post("/api/v1/edge/hello", serde_json::to_vec(&hello).expect("json"), true).await
    }

    pub async fn send(&self, body: impl Into<Bytes>) -> Result<Acknowledged, Problem> {
        self.post("/api/v1/edge/batches", body.into(), false).await
    }

    /// A batch of temperature readings, one a second from `second` on.
    pub(crate) fn temperatures(&self, seq: u64, second: i64, values: &[f64]) -> Vec<u8> {
        let mut builder = BatchBuilder::new();
        for (offset, value) in (0..).zip(values) {
            builder.push_number(0, self.begin.plus_seconds(second + offset).micros(), *value);
        }
        let (from, to) = (self.begin.plus_seconds(second), self.begin.plus_seconds(second + 10));
        encode_frame(EPOCH, seq, from, to, &builder.finish())
    }

    pub(crate) async fn stored(&self) -> Vec<f64> {
        let plant = self.app.plant.current();
        let signal = plant.signal_at(&format!("{UNIT}:temp")).expect("known").id;
        let series =
            self.app.historian.read(signal, self.begin, self.begin.plus_seconds(100 * 3600)).await.expect("reads");
        series.iter().filter_map(|(_, value)| value.number()).collect()
    }
}

#[sqlx::test(migrations = "../migrations")]
async fn a_batch_is_stored_once_however_often_it_is_sent(pool: PgPool) {
    let rig = Rig::new(pool).await;
    assert_eq!(rig.hello(EPOCH, &["temp"]).await.map(|w| (w.acked, w.unknown.len())), Ok((0, 0)));
    let first = rig.temperatures(1, 0, &[1.0, 2.0]);
    for _ in 0..3 {
        assert_eq!(rig.send(first.clone()).await.map(|a| a.acked), Ok(1));
    }
    let both = [first, rig.temperatures(2, 2, &[3.0])].concat();
    assert_eq!(rig.send(both).await.map(|a| a.acked), Ok(2));
    assert_eq!(rig.stored().await, [1.0, 2.0, 3.0]);
    assert_eq!(rig.hello(EPOCH, &["temp"]).await.map(|w| w.acked), Ok(2));
}

#[sqlx::test(migrations = "../migrations")]
async fn a_hole_in_the_numbers_stores_nothing_and_names_the_one_expected(pool: PgPool) {
    let rig = Rig::new(pool).await;
    rig.hello(EPOCH, &["temp"]).await.expect("welcome");
    let reordered = [rig.temperatures(2, 2, &[3.0]), rig.temperatures(1, 0, &[1.0])].concat();
    let problem = rig.send(reordered).await.expect_err("refused");
    assert_eq!((problem.kind.as_str(), problem.status), ("sequence-gap", 409));
    assert_eq!(problem.detail.as_deref(), Some("batch 2 came where 1 was expected; send from there"));
    assert!(rig.stored().await.is_empty());
}

#[sqlx::test(migrations = "../migrations")]
async fn truncated_and_altered_bytes_are_refused_whole(pool: PgPool) {
    let rig = Rig::new(pool).await;
    rig.hello(EPOCH, &["temp"]).await.expect("welcome");
    let good = rig.temperatures(1, 0, &[1.0]);
    let mut altered = rig.temperatures(2, 1, &[2.0]);
    *altered.last_mut().expect("bytes") ^= 1;
    let truncated = &altered[..altered.len() - 1];
    for bad in [altered.as_slice(), truncated, b"nonsense"] {
        let problem = rig.send([good.as_slice(), bad].concat()).await.expect_err("refused");
        assert_eq!(problem.kind, "malformed-batch", "{problem:?}");
    }
    assert!(rig.stored().await.is_empty(), "the good frame before a bad one is not stored alone");
}

#[sqlx::test(migrations = "../migrations")]
async fn a_revoked_collector_is_shut_out_at_once_and_let_in_again_with_a_new_code(pool: PgPool) {
    let mut rig = Rig::new(pool).await;
    rig.hello(EPOCH, &["temp"]).await.expect("welcome");
    rig.send(rig.temperatures(1, 0, &[1.0])).await.expect("taken");
    assert!(!rig.app.identities.revoke("egde", clock::now()).await.expect("asks"));
    assert!(rig.app.identities.revoke("edge", clock::now()).await.expect("revokes"));
    assert_eq!(rig.send(rig.temperatures(2, 1, &[2.0])).await.expect_err("refused").status, 401);
    let listed = rig.app.identities.list().await.expect("lists");
    assert!(listed.len() == 1 && listed[0].revoked_at.is_some() && listed[0].last_batch_at.is_some(), "{listed:?}");
    rig.peer = enrolled(&rig.app, "edge", &[]).await;
    assert_eq!(rig.send(rig.temperatures(2, 1, &[2.0])).await.map(|a| a.acked), Ok(2));
    assert_eq!(rig.stored().await, [1.0, 2.0]);
}

#[sqlx::test(migrations = "../migrations")]
async fn what_can_never_be_stored_is_refused_and_not_asked_for_again(pool: PgPool) {
    let rig = Rig::new(pool).await;
    let problem = rig.hello(EPOCH, &["te\0mp"]).await.expect_err("refused");
    assert_eq!((problem.status, problem.kind.as_str()), (400, "malformed-batch"));
    rig.hello(EPOCH, &["temp"]).await.expect("welcome");
    let mut builder = BatchBuilder::new();
    builder.push_number(0, rig.begin.micros(), 1.0);
    let frame = encode_frame(EPOCH, 1, Timestamp::from_micros(i64::MIN), rig.begin, &builder.finish());
    let problem = rig.send(frame).await.expect_err("refused");
    assert_eq!((problem.status, problem.kind.as_str()), (400, "malformed-batch"));
    assert_eq!(rig.send(rig.temperatures(1, 0, &[1.0])).await.map(|a| a.acked), Ok(1));
}

#[sqlx::test(migrations = "../migrations")]
async fn unknown_signals_are_quarantined_and_stored_once_the_plant_knows_them(pool: PgPool) {
    let rig = Rig::new(pool).await;
    let welcome = rig.hello(EPOCH, &["temp", "tempp"]).await.expect("welcome");
    assert_eq!(welcome.unknown.len(), 1);
    assert!(welcome.unknown[0].reason.contains("did you mean `temp`"), "{:?}", welcome.unknown);

    let mut builder = BatchBuilder::new();
    builder.push_number(0, rig.begin.micros(), 1.0);
    builder.push_number(1, rig.begin.micros(), 7.0);
    let frame = encode_frame(EPOCH, 1, rig.begin, rig.begin.plus_seconds(1), &builder.finish());
    let answer = rig.send(frame).await.expect("taken");
    assert_eq!(answer.acked, 1);
    assert_eq!(answer.quarantined.iter().map(|q| q.samples).sum::<u64>(), 1);
    assert_eq!(rig.stored().await, [1.0]);
    assert_eq!(rig.app.ingest.retry_quarantined(clock::now()).await.expect("tries"), (0, 1));

    let more = PLANT.replace("{ code = \"temp\"", "{ code = \"tempp\", kind = \"measure\" },\n  { code = \"temp\"");
    rig.app.plant.import(&more).await.expect("imports");
    assert_eq!(rig.app.ingest.retry_quarantined(clock::now()).await.expect("tries"), (1, 0));
    let plant = rig.app.plant.current();
    let signal = plant.signal_at(&format!("{UNIT}:tempp")).expect("known").id;
    assert_eq!(rig.app.historian.latest(signal).map(|reading| reading.value), Some(Value::Number(7.0)));
}

#[sqlx::test(migrations = "../migrations")]
async fn the_far_future_is_set_aside(pool: PgPool) {
    let rig = Rig::new(pool).await;
    rig.hello(EPOCH, &["temp"]).await.expect("welcome");
    let answer = rig.send(rig.temperatures(1, 0, &[1.0])).await.expect("taken");
    assert!(answer.quarantined.is_empty());
    let answer = rig.send(rig.temperatures(2, 30 * 24 * 3600, &[2.0])).await.expect("taken");
    assert_eq!((answer.acked, answer.quarantined.len()), (2, 1));
    assert!(answer.quarantined[0].reason.contains("clock"), "{:?}", answer.quarantined);
}

#[sqlx::test(migrations = "../migrations")]
async fn epochs_only_go_forward(pool: PgPool) {
    let rig = Rig::new(pool).await;
    let problem = rig.send(rig.temperatures(1, 0, &[1.0])).await.expect_err("no hello yet");
    assert_eq!(problem.kind, "unknown-epoch");
    rig.hello(EPOCH, &["temp"]).await.expect("welcome");
    rig.send(rig.temperatures(1, 0, &[1.0])).await.expect("taken");
    assert_eq!(rig.hello(EPOCH + 1, &["temp"]).await.map(|w| w.acked), Ok(0), "a new epoch numbers from 1");
    let problem = rig.send(rig.temperatures(2, 1, &[2.0])).await.expect_err("the old epoch is over");
    assert_eq!(problem.kind, "stale-epoch");
    let problem = rig.hello(EPOCH, &["temp"]).await.expect_err("and stays so");
    assert_eq!(problem.kind, "stale-epoch");
}

#[sqlx::test(migrations = "../migrations")]
async fn a_number_keeps_its_signal(pool: PgPool) {
    let rig = Rig::new(pool).await;
    rig.hello(EPOCH, &["temp", "good"]).await.expect("welcome");
    let problem = rig.hello(EPOCH, &["good", "temp"]).await.expect_err("swapped");
    assert_eq!(problem.kind, "signal-table");
}

#[sqlx::test(migrations = "../migrations")]
async fn strangers_and_giants_are_refused(pool: PgPool) {
    let rig = Rig::new(pool).await;
    let announced = Request::post("/api/v1/edge/batches")
        .extension(rig.peer.clone())
        .header(header::CONTENT_LENGTH, 100_000_000)
        .body(Body::empty())
        .expect("request");
    let response = rig.router.clone().oneshot(announced).await.expect("answers");
    assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);
    let unannounced = futures::stream::iter((0..100).map(|_| Ok::<_, std::io::Error>(Bytes::from(vec![0; 1 << 20]))));
    let problem = rig.post::<Acknowledged>("/api/v1/edge/batches", Body::from_stream(unannounced), false).await;
    assert_eq!(problem.expect_err("refused").kind, "too-large");
    let stranger = Rig::with(rig.app.clone(), Peer { facts: None, ..rig.peer.clone() });
    let problem = stranger.hello(EPOCH, &[]).await.expect_err("refused");
    assert_eq!((problem.status, problem.kind.as_str()), (401, "no-certificate"));
}

#[sqlx::test(migrations = "../migrations")]
async fn samples_become_states_counts_and_oee_and_stay_so_after_a_restart(pool: PgPool) {
    let rig = Rig::new(pool.clone()).await;
    let jobs = rig.app.start();
    rig.hello(EPOCH, &["availability", "execution", "good"]).await.expect("welcome");
    let at = |second: i64| rig.begin.plus_seconds(second).micros();
    let mut builder = BatchBuilder::new();
    builder.push_text(0, at(0), "AVAILABLE");
    builder.push_text(1, at(0), "ACTIVE");
    builder.push_number(2, at(0), 0.0);
    for piece in 1..=100 {
        builder.push_number(2, at(2 * piece), piece as f64);
    }
    builder.push_text(1, at(300), "FEED_HOLD");
    let frame = encode_frame(EPOCH, 1, rig.begin, clock::now(), &builder.finish());
    rig.send(frame).await.expect("taken");

    let path = UNIT.parse().expect("path");
    let unit = loop {
        let unit = rig.app.overview.unit(&path, clock::now()).expect("known");
        if unit.tile.now.last_sample.is_some() {
            break unit;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    };
    assert_eq!((unit.tile.now.state, unit.tile.now.cause.as_deref()), (UnitState::Stopped, Some("FEED_HOLD")));
    assert_eq!(unit.tile.now.since, rig.begin.plus_seconds(300));
    rig.app.shutdown.cancel();
    for job in jobs {
        job.await.expect("ends");
    }

    let states = sqlx::query_scalar::<_, String>("select state from state_interval order by interval_from");
    let states = states.fetch_all(&pool).await.expect("reads");
    assert_eq!(states.iter().map(String::as_str).rev().take(2).collect::<Vec<_>>(), ["stopped", "producing"]);
    let good = sqlx::query_scalar::<_, f64>("select sum(gq) from kpi_element").fetch_one(&pool).await.expect("reads");
    assert!((good - 100.0).abs() < 1e-9, "{good}");

    let again = AppState::open(pool, settings()).await.expect("opens");
    let jobs = again.start();
    let unit = loop {
        let unit = again.overview.unit(&path, clock::now()).expect("known");
        if unit.tile.now.last_sample.is_some() {
            break unit;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    };
    assert_eq!(
        unit.tile.strip.iter().map(|s| s.state).rev().take(2).collect::<Vec<_>>(),
        [UnitState::Stopped, UnitState::Producing]
    );
    again.shutdown.cancel();
    for job in jobs {
        job.await.expect("ends");
    }
}

#[sqlx::test(migrations = "../migrations")]
async fn late_counts_move_pieces_between_hours_and_lose_none(pool: PgPool) {
    let rig = Rig::new(pool.clone()).await;
    rig.app.oee.prepare();
    rig.hello(EPOCH, &["execution", "good"]).await.expect("welcome");
    let hour = 3_600_000_000;
    let begin = (clock::now().plus_seconds(-3 * 86_400).micros() / hour) * hour;
    let at = |minute: i64| Timestamp::from_micros(begin + minute * 60_000_000);
    // Minute and total; `None`: the source could not tell.
    let frame = |seq: u64, covered: (i64, i64), counts: &[(i64, Option<f64>)]| {
        let mut builder = BatchBuilder::new();
        if seq == 1 {
            builder.push_text(0, at(0).micros(), "ACTIVE");
        }
        for (minute, total) in counts {
            match total {
                Some(total) => builder.push_number(1, at(*minute).micros(), *total),
                None => builder.push_unavailable(1, at(*minute).micros()),
            }
        }
        encode_frame(EPOCH, seq, at(covered.0), at(covered.1), &builder.finish())
    };
    let by_hour = async || {
        while rig.app.oee.derive_stale(clock::now()).await.expect("derives").is_some() {}
        let hours = sqlx::query_as::<_, (f64, f64)>(
            "select sum(pq), sum(pri_pq) from kpi_element group by hour having sum(pq) > 0 order by hour",
        );
        let rows = hours.fetch_all(&pool).await.expect("reads");
        // All of the time was watched: every piece has its whole weight, two seconds.
        assert!(rows.iter().all(|(pieces, weighted)| (pieces * 2e6 - weighted).abs() < 1.0), "{rows:?}");
        rows.into_iter().map(|(pieces, _)| pieces).collect::<Vec<_>>()
    };
    rig.send(frame(1, (0, 120), &[(1, Some(0.0)), (90, Some(10.0))])).await.expect("taken");
    assert_eq!(by_hour().await, [10.0]);
    rig.send(frame(2, (120, 120), &[(59, Some(4.0))])).await.expect("taken");
    assert_eq!(by_hour().await, [4.0, 6.0]);
    rig.send(frame(3, (120, 121), &[(100, None)])).await.expect("taken");
    assert_eq!(by_hour().await, [4.0, 6.0]);
    rig.send(frame(4, (121, 180), &[(140, Some(12.0))])).await.expect("taken");
    assert_eq!(by_hour().await, [4.0, 6.0, 2.0]);
}
