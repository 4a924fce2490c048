use std::path::PathBuf;

use bytes::Bytes;
use gemba_contract::{
    batch::{BatchBuilder, encode_frame},
    edge::{Hello, PROTOCOL_VERSION},
};
use gemba_domain::{
    Interval, Timestamp,
    equipment::{EquipmentId, EquipmentPath},
    signal::SignalKind,
};
use indicatif::{ProgressBar, ProgressStyle};
use sqlx::PgPool;
use tokio::sync::mpsc;

use super::{
    error::BackfillError,
    lines::{self, Line},
    log,
    matching::{self, Table},
    queries,
    survey::{self, BadLine},
};
use crate::{historian, identity, ingest, plant};

/// Events of one batch.
const BATCH_EVENTS: usize = 20_000;
/// The import's only epoch: its collector is named after the content of the files.
const EPOCH: u64 = 1;

/// `gemba import mtconnect-log --unit PATH FILES…`
#[derive(Clone, Debug, clap::Args)]
pub struct Params {
    /// The unit that the files were recorded at, such as acme/leeds/press-shop/line-1/press-3
    #[arg(long, value_name = "PATH")]
    pub unit: EquipmentPath,
    /// Create signals for items that the unit does not have
    #[arg(long)]
    pub create_signals: bool,
    /// Import nothing when there is a line that cannot be read
    #[arg(long)]
    pub strict: bool,
    /// Day files (time|item|value) or event tables (CSV: timestamp,item,value), plain or gzip
    #[arg(required = true)]
    pub files: Vec<PathBuf>,
}

/// What an import did.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// Events in the files.
    pub events: u64,
    /// Batches that they make, and how many of these had been committed by an earlier run.
    pub batches: u64,
    pub skipped: u64,
    /// Samples that ingest set aside (`gemba quarantine list`).
    pub quarantined: u64,
    /// Lines left out, and the first of them.
    pub bad: u64,
    pub bad_lines: Vec<BadLine>,
    /// Codes of signals that were created.
    pub created: Vec<String>,
    /// From the first event to the last.
    pub covered: Interval,
}

/// What an import works with.
#[derive(Clone)]
pub struct Context {
    pub pool: PgPool,
    pub plant: plant::Service,
    pub ingest: ingest::Service,
    pub historian: historian::Service,
    /// Shows how far it is.
    pub progress: ProgressBar,
    /// The server's clock.
    pub now: fn() -> Timestamp,
}

/// Imports recorded files. `after_import` is called at the end with the units and stretches whose facts must be derived
/// again, also when a second run found everything stored.
///
/// # Errors
/// What was committed before an error stays; the same call goes on from there.
pub async fn run(
    context: &Context,
    params: Params,
    after_import: impl AsyncFnOnce(Vec<(EquipmentId, Interval)>) -> Result<(), Box<dyn std::error::Error + Send + Sync>>,
) -> Result<Summary, BackfillError> {
    let files = lines::in_order(params.files);
    if files.is_empty() {
        return Err(BackfillError::NoFiles);
    }
    let unit = unit_of(&context.plant, &params.unit)?;

    let progress = &context.progress;
    progress.set_style(style("{spinner} looking through the files: {pos} events, {elapsed}"));
    let survey = {
        let (files, progress) = (files.clone(), progress.clone());
        tokio::task::spawn_blocking(move || survey::survey(&files, &|events| progress.set_position(events))).await??
    };
    if params.strict && survey.bad > 0 {
        return Err(BackfillError::BadLines { count: survey.bad, lines: survey.bad_lines });
    }

    let sources = queries::sources(&context.pool, unit).await?;
    let (_, missing) = matching::codes(&survey, &signals(&context.plant, &params.unit), &sources);
    if !missing.is_empty() && !params.create_signals {
        return Err(BackfillError::UnknownItems(matching::explain(&missing, &signals(&context.plant, &params.unit))));
    }
    let mut created = Vec::new();
    for one in missing {
        if signals(&context.plant, &params.unit).iter().any(|signal| signal.code == one.code) {
            continue;
        }
        let made = context.plant.create_signal(&params.unit, &one.code, one.kind, one.role, None).await;
        made.map_err(|reason| BackfillError::Signal(format!("no signal for item `{}`: {reason}", one.item)))?;
        created.push(one.code);
    }
    let signals = signals(&context.plant, &params.unit);
    let (codes, _) = matching::codes(&survey, &signals, &sources);
    let table = matching::table(&params.unit, &codes, &signals, "recorded");

    let now = (context.now)();
    let name = format!("import:{}:{}", params.unit, survey.fingerprint);
    let collector = identity::own(&context.pool, &name, now).await?;
    let hello = Hello {
        protocol: PROTOCOL_VERSION,
        version: format!("import {}", env!("CARGO_PKG_VERSION")),
        epoch: EPOCH,
        at: now,
        signals: table.offered.clone(),
        sources: Vec::new(),
        queue: None,
        losses: Vec::new(),
    };
    let acked = context.ingest.hello(&collector, &hello, now).await?.acked;

    progress.set_style(style("{bar:30} {pos}/{len} events, {per_sec}, {elapsed}, {msg}"));
    progress.set_length(survey.events);
    progress.set_position(0);
    let batches = survey.events.div_ceil(BATCH_EVENTS as u64);
    let (frames, mut ready) = mpsc::channel::<Frame>(4);
    let writer = Writer { table, covered: survey.covered, acked, batches, frames };
    let producer = tokio::task::spawn_blocking(move || writer.write(&files));
    let mut quarantined = 0;
    while let Some(frame) = ready.recv().await {
        if let Some(bytes) = frame.bytes {
            let answer = context.ingest.commit(&collector, bytes, (context.now)()).await?;
            quarantined += answer.quarantined.iter().map(|q| q.samples).sum::<u64>();
            progress.set_message(format!("{} of {batches} batches committed", answer.acked));
            if !context.historian.has_room() {
                pack(&context.historian).await?;
            }
        }
        progress.inc(frame.events);
    }
    producer.await??;
    progress.set_message("packing");
    pack(&context.historian).await?;
    progress.set_message("deriving figures");
    after_import(vec![(unit, survey.covered)]).await.map_err(BackfillError::Derive)?;
    progress.finish_and_clear();
    Ok(Summary {
        events: survey.events,
        batches,
        skipped: acked.min(batches),
        quarantined,
        bad: survey.bad,
        bad_lines: survey.bad_lines,
        created,
        covered: survey.covered,
    })
}

pub(super) fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

pub(super) fn unit_of(plant: &plant::Service, path: &EquipmentPath) -> Result<EquipmentId, BackfillError> {
    let plant = plant.current();
    match plant.unit(path) {
        Some(found) => Ok(found.unit.id),
        None => {
            let paths: Vec<String> = plant.units().map(|u| u.unit.path.to_string()).collect();
            let near = crate::nearest::nearest(path.as_str(), paths.iter().map(String::as_str));
            let hint = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
            Err(BackfillError::Unit(format!("the plant has no unit `{path}`{hint}")))
        }
    }
}

pub(super) fn signals(plant: &plant::Service, path: &EquipmentPath) -> Vec<plant::Signal> {
    plant.current().unit(path).map(|found| found.unit.signals.clone()).unwrap_or_default()
}

pub(super) async fn pack(historian: &historian::Service) -> Result<(), BackfillError> {
    while let historian::Outcome::Packed { more: true, .. } = historian.compact_once().await? {}
    Ok(())
}

/// A batch on its way. Without bytes it had been committed before.
struct Frame {
    bytes: Option<Bytes>,
    events: u64,
}

/// Makes frames of the files: the same ones every time.
struct Writer {
    table: Table,
    covered: Interval,
    acked: u64,
    batches: u64,
    frames: mpsc::Sender<Frame>,
}

impl Writer {
    fn write(self, files: &[PathBuf]) -> Result<(), BackfillError> {
        let mut builder = BatchBuilder::new();
        let (mut seq, mut events) = (1_u64, 0_usize);
        for path in files {
            lines::read(path, |_, _, content| {
                let Line::Events(found) = content else { return Ok(()) };
                for (item, value) in &found.pairs {
                    let local = self.table.locals.get(*item).copied();
                    if seq > self.acked
                        && let Some(local) = local
                    {
                        let kind = self.table.offered[local as usize].kind;
                        push(&mut builder, local, kind, found.time.micros(), value);
                    }
                    events += 1;
                    if events == BATCH_EVENTS {
                        self.send(&mut builder, seq, events);
                        seq += 1;
                        events = 0;
                    }
                }
                Ok(())
            })?;
        }
        if events > 0 {
            self.send(&mut builder, seq, events);
        }
        Ok(())
    }

    fn send(&self, builder: &mut BatchBuilder, seq: u64, events: usize) {
        let bytes = (seq > self.acked).then(|| {
            // The last batch speaks for the whole: only a complete import covers its stretch.
            let end = self.covered.to;
            let from = if seq == self.batches { self.covered.from } else { end };
            Bytes::from(encode_frame(EPOCH, seq, from, end, &builder.finish()))
        });
        // When the receiver is gone, its error is the one to tell.
        self.frames.blocking_send(Frame { bytes, events: events as u64 }).ok();
    }
}

fn push(builder: &mut BatchBuilder, local: u32, kind: SignalKind, time: i64, value: &str) {
    if log::is_unavailable(value) {
        return builder.push_unavailable(local, time);
    }
    let number = match kind {
        SignalKind::Counter | SignalKind::Measure | SignalKind::Setpoint => value.trim().parse().ok(),
        SignalKind::State | SignalKind::Text | SignalKind::Condition => None,
    };
    match number {
        Some(number) => builder.push_number(local, time, number),
        None => builder.push_text(local, time, value),
    }
}
