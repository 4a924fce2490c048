//! A server that keeps the edge protocol strictly, in memory, and misbehaves when told to.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard},
    time::{Duration, SystemTime},
};

use axum::{
    Extension, Json, Router,
    body::{Body, Bytes},
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::post,
};
use gemba_contract::{
    batch::{Values, frames},
    edge::{Acknowledged, Hello, Loss, Quarantined, Welcome},
    problem::Problem,
};
use gemba_domain::{Timestamp, signal::Value};
use gemba_identity::{Authority, Code, Facts};
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};

use crate::{
    identity::{self, Peer},
    plant::now,
};

pub const DAY: Duration = Duration::from_secs(86_400);

/// What is done with a request instead of, or after, what should be.
#[derive(Clone, Debug)]
pub enum Fault {
    /// 503, with or without `Retry-After: 0`.
    Busy(bool),
    /// 500.
    Broken,
    /// The connection ends before anything is done.
    Drop,
    /// Committed, but the answer is lost.
    AckLost,
    /// Committed, but the answer claims this.
    Claims(u64),
    /// 409 sequence-gap naming this number.
    Gap(u64),
    /// 409 unknown-epoch.
    Unknown,
    /// 400 malformed-batch.
    Malformed,
    /// Committed after this long.
    Slow(Duration),
}

#[derive(Default)]
pub struct Inner {
    /// Why nobody is let in now: kind and words.
    pub shut: Option<(&'static str, &'static str)>,
    /// Certificates given out, newest last, by number.
    pub issued: Vec<Vec<u8>>,
    /// How long certificates last.
    pub lasts: Duration,
    /// Whether only the newest certificate is let in.
    pub newest_only: bool,
    /// The code that lets in.
    pub code: Option<Code>,
    pub newest_epoch: u64,
    pub acked: HashMap<u64, u64>,
    /// Every frame ever committed, by epoch and number.
    pub frames: BTreeMap<(u64, u64), Bytes>,
    /// The signal table of each epoch.
    pub tables: HashMap<u64, Vec<String>>,
    pub hellos: Vec<Hello>,
    pub losses: Vec<Loss>,
    /// The newest word on each address and time.
    pub samples: BTreeMap<(String, Timestamp), Value>,
    /// Coverage in the order of arrival.
    pub covered: Vec<(Timestamp, Timestamp)>,
    pub faults: VecDeque<Fault>,
    /// More frames a request are too large.
    pub max_frames: usize,
    pub batch_requests: u64,
    pub largest_request: usize,
    /// Hellos whose signals had other numbers than before.
    pub refused_tables: u64,
    /// What no collector may do.
    pub violations: Vec<String>,
}

#[derive(Clone)]
pub struct Server {
    inner: Arc<Mutex<Inner>>,
    changed: watch::Sender<u64>,
    address: SocketAddr,
    task: Arc<Mutex<Option<JoinHandle<()>>>>,
    pub authority: Arc<Authority>,
}

impl Server {
    pub async fn start() -> Self {
        let inner = Inner { lasts: DAY, max_frames: usize::MAX, ..Inner::default() };
        let authority = Authority::generate(SystemTime::now()).unwrap();
        let server = Self {
            inner: Arc::new(Mutex::new(inner)),
            changed: watch::Sender::new(0),
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            task: Arc::default(),
            authority: Arc::new(Authority::from_pem(&authority).unwrap()),
        };
        let listener = TcpListener::bind(server.address).await.unwrap();
        let server = Self { address: listener.local_addr().unwrap(), ..server };
        server.serve(listener);
        server
    }

    fn serve(&self, listener: TcpListener) {
        let app = Router::new()
            .route("/api/v1/edge/hello", post(hello))
            .route("/api/v1/edge/batches", post(batches))
            .route("/api/v1/edge/enrol", post(identity::enrol))
            .route("/api/v1/edge/renew", post(identity::renew))
            .layer(axum::extract::DefaultBodyLimit::max(64 << 20))
            .with_state(self.clone());
        let task = tokio::spawn(identity::serve(listener, app, Arc::clone(&self.authority)));
        *self.task.lock().unwrap() = Some(task);
    }

    /// Nobody answers on its port until `up`.
    pub async fn down(&self) {
        let task = self.task.lock().unwrap().take().unwrap();
        task.abort();
        let _ = task.await;
    }

    pub async fn up(&self) {
        let listener = loop {
            match TcpListener::bind(self.address).await {
                Ok(listener) => break listener,
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        };
        self.serve(listener);
    }

    pub fn url(&self) -> String {
        format!("https://{}", self.address)
    }

    pub fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap()
    }

    pub fn fault(&self, faults: impl IntoIterator<Item = Fault>) {
        self.lock().faults.extend(faults);
    }

    /// Waits until this holds; a minute is for ever.
    pub async fn until(&self, what: &str, mut holds: impl FnMut(&Inner) -> bool) {
        let mut changed = self.changed.subscribe();
        let wait = async {
            while !holds(&self.lock()) {
                changed.changed().await.unwrap();
            }
        };
        if tokio::time::timeout(Duration::from_secs(60), wait).await.is_err() {
            let inner = self.lock();
            panic!(
                "never: {what}; violations {:?}, {} samples: {:?}",
                inner.violations,
                inner.samples.len(),
                inner.samples.iter().rev().take(12).collect::<Vec<_>>()
            );
        }
    }

    /// Nothing forbidden was done.
    pub fn assert_lawful(&self) {
        let inner = self.lock();
        assert!(inner.violations.is_empty(), "{:?}", inner.violations);
    }

    /// Whether this peer is let in; else what it is told.
    fn lets_in(&self, peer: Option<&Facts>) -> Result<(), Box<Response>> {
        let inner = self.lock();
        let no = |kind: &str, words: &str| Err(Box::new(problem(StatusCode::UNAUTHORIZED, kind, words)));
        let Some(facts) = peer else { return no("no-certificate", "show one") };
        if let Some((kind, words)) = inner.shut {
            return no(kind, words);
        }
        if inner.newest_only && inner.issued.last() != Some(&facts.serial) {
            return no("identity-copied", "a newer one is in use");
        }
        if facts.not_after <= now().micros() / 1_000_000 { no("certificate-expired", "renew it") } else { Ok(()) }
    }
}

impl Inner {
    /// Values of a signal by time.
    pub fn series(&self, code: &str) -> Vec<(Timestamp, Value)> {
        let ends = format!(":{code}");
        self.samples
            .iter()
            .filter(|((address, _), _)| address.ends_with(&ends))
            .map(|((_, t), v)| (*t, v.clone()))
            .collect()
    }

    /// The value in force at the end.
    pub fn latest(&self, code: &str) -> Option<Value> {
        self.series(code).pop().map(|(_, value)| value)
    }

    /// Values that are numbers.
    pub fn numbers(&self, code: &str) -> Vec<f64> {
        self.series(code).iter().filter_map(|(_, value)| value.number()).collect()
    }

    fn commit(&mut self, body: &Bytes) -> Result<u64, Box<Response>> {
        let mut staged = Vec::new();
        let mut acked = None;
        let mut offset = 0;
        for frame in frames(body) {
            let frame = frame.map_err(|error| malformed(&error))?;
            let header = frame.header;
            let length = gemba_contract::batch::HEADER_LEN + frame.body.len();
            let bytes = body.slice(offset..offset + length);
            offset += length;
            if header.epoch < self.newest_epoch {
                return Err(Box::new(problem(StatusCode::CONFLICT, "stale-epoch", "a newer one was seen")));
            }
            let Some(&known) = self.acked.get(&header.epoch) else {
                return Err(Box::new(problem(StatusCode::CONFLICT, "unknown-epoch", "say hello")));
            };
            let acked = acked.get_or_insert(known);
            if let Some(before) = self.frames.get(&(header.epoch, header.seq))
                && *before != bytes
            {
                self.violations.push(format!("batch {} has another content than before", header.seq));
            }
            if header.seq > *acked + 1 {
                let mut answer = problem(StatusCode::CONFLICT, "sequence-gap", "a batch is missing");
                answer.headers_mut().insert("Gemba-Expected-Seq", (*acked + 1).into());
                return Err(Box::new(answer));
            }
            if header.seq <= *acked {
                continue;
            }
            *acked = header.seq;
            if header.covered_to < header.covered_from {
                self.violations.push(format!("batch {} covers less than nothing", header.seq));
            }
            let table = self.tables.get(&header.epoch).cloned().unwrap_or_default();
            let runs = frame.decode().map_err(|error| malformed(&error))?;
            let mut samples = Vec::new();
            for (signal, run) in runs {
                let Some(address) = table.get(signal as usize) else {
                    self.violations.push(format!("batch {} uses signal {signal}, which no hello offered", header.seq));
                    continue;
                };
                for (at, time) in run.times.iter().enumerate() {
                    let value = match &run.values {
                        Values::Number(numbers) => Value::Number(numbers[at]),
                        Values::Text(texts) => Value::Text(texts[at].clone()),
                        Values::Unavailable => Value::Unavailable,
                    };
                    samples.push(((address.clone(), Timestamp::from_micros(*time)), value));
                }
            }
            staged.push((header, bytes, samples));
        }
        for (header, bytes, samples) in staged {
            self.acked.insert(header.epoch, header.seq);
            self.frames.insert((header.epoch, header.seq), bytes);
            self.covered.push((header.covered_from, header.covered_to));
            self.samples.extend(samples);
        }
        Ok(acked.unwrap_or_default())
    }
}

fn malformed(error: &dyn std::fmt::Display) -> Box<Response> {
    Box::new(problem(StatusCode::BAD_REQUEST, "malformed-batch", &error.to_string()))
}

pub fn problem(status: StatusCode, kind: &str, detail: &str) -> Response {
    let problem = Problem {
        kind: kind.to_owned(),
        title: kind.to_owned(),
        status: status.as_u16(),
        detail: Some(detail.to_owned()),
        request_id: None,
    };
    (status, Json(problem)).into_response()
}

/// Headers go out, then the connection ends.
fn broken_off() -> Response {
    let error = std::io::Error::from(std::io::ErrorKind::ConnectionAborted);
    Response::new(Body::from_stream(futures::stream::iter([Ok(Bytes::from_static(b"{")), Err(error)])))
}

async fn hello(State(server): State<Server>, Extension(peer): Extension<Peer>, Json(hello): Json<Hello>) -> Response {
    if let Err(refused) = server.lets_in(peer.0.as_ref()) {
        return *refused;
    }
    let answer = {
        let mut inner = server.lock();
        if hello.epoch < inner.newest_epoch {
            return problem(StatusCode::CONFLICT, "stale-epoch", "");
        }
        inner.newest_epoch = hello.epoch;
        let offered: Vec<_> = hello.signals.iter().map(|signal| signal.address.clone()).collect();
        let known = inner.tables.get(&hello.epoch).cloned().unwrap_or_default();
        if !offered.starts_with(&known) {
            inner.refused_tables += 1;
            return problem(StatusCode::UNPROCESSABLE_ENTITY, "signal-table", "other signals were offered before");
        }
        let acked = *inner.acked.entry(hello.epoch).or_default();
        inner.tables.insert(hello.epoch, offered);
        inner.losses.extend(hello.losses.clone());
        inner.hellos.push(hello);
        Welcome { acked, at: Timestamp::from_seconds(1_700_000_000), unknown: Vec::new() }
    };
    server.changed.send_modify(|n| *n += 1);
    Json(answer).into_response()
}

async fn batches(State(server): State<Server>, Extension(peer): Extension<Peer>, body: Bytes) -> Response {
    if let Err(refused) = server.lets_in(peer.0.as_ref()) {
        return *refused;
    }
    let fault = {
        let mut inner = server.lock();
        inner.batch_requests += 1;
        let count = frames(&body).count();
        inner.largest_request = inner.largest_request.max(count);
        if count > 64 || body.len() > 5 << 20 {
            inner.violations.push(format!("a request of {count} frames and {} bytes", body.len()));
        }
        if count > inner.max_frames {
            return problem(StatusCode::PAYLOAD_TOO_LARGE, "too-large", "");
        }
        inner.faults.pop_front()
    };
    match fault {
        Some(Fault::Busy(retry)) => {
            let mut answer = problem(StatusCode::SERVICE_UNAVAILABLE, "busy", "");
            if retry {
                answer.headers_mut().insert("retry-after", 0.into());
            }
            return answer;
        }
        Some(Fault::Broken) => return problem(StatusCode::INTERNAL_SERVER_ERROR, "internal", ""),
        Some(Fault::Drop) => return broken_off(),
        Some(Fault::Gap(expected)) => {
            let mut answer = problem(StatusCode::CONFLICT, "sequence-gap", "");
            answer.headers_mut().insert("Gemba-Expected-Seq", expected.into());
            return answer;
        }
        Some(Fault::Unknown) => return problem(StatusCode::CONFLICT, "unknown-epoch", ""),
        Some(Fault::Malformed) => return problem(StatusCode::BAD_REQUEST, "malformed-batch", "so it says"),
        Some(Fault::Slow(time)) => tokio::time::sleep(time).await,
        Some(Fault::AckLost | Fault::Claims(_)) | None => {}
    }
    let committed = server.lock().commit(&body);
    server.changed.send_modify(|n| *n += 1);
    match (committed, fault) {
        (Ok(_), Some(Fault::AckLost)) => broken_off(),
        (Ok(_), Some(Fault::Claims(acked))) => Json(Acknowledged { acked, quarantined: Vec::new() }).into_response(),
        (Ok(acked), _) => {
            let quarantined = vec![Quarantined { seq: acked, samples: 0, reason: "an example".to_owned() }];
            Json(Acknowledged { acked, quarantined }).into_response()
        }
        (Err(refused), _) => *refused,
    }
}
