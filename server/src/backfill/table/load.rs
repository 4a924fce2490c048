//! A table through ingest: one collector for each unit, frames in order of time.

use std::{collections::BTreeMap, path::PathBuf};

use bytes::Bytes;
use gemba_contract::{
    batch::{BatchBuilder, encode_frame},
    edge::{Hello, OfferedSignal, PROTOCOL_VERSION},
};
use gemba_domain::{
    Interval, Timestamp,
    equipment::{EquipmentId, EquipmentPath},
    signal::{SignalKind, Value},
};

use super::{Reading, SignalWanted, UnitTable, mapping::Mapping, reading};
use crate::{
    backfill::{
        error::BackfillError,
        lines,
        service::{Context, pack, signals, style, unit_of},
        survey::BadLine,
    },
    identity,
    nearest::nearest,
    plant,
};

/// The collector of an import has one epoch: it is named after the unit and the content of mapping and files.
const EPOCH: u64 = 1;
/// Samples of one frame.
const FRAME_SAMPLES: usize = 20_000;
/// Samples and frames that are committed together.
const COMMIT_SAMPLES: usize = 100_000;
const COMMIT_FRAMES: usize = 256;

/// `gemba import csv --mapping FILE FILES…`
#[derive(Clone, Debug, clap::Args)]
pub struct Params {
    /// What the columns mean (TOML, see docs/features/import.md)
    #[arg(long, value_name = "FILE")]
    pub mapping: PathBuf,
    /// Create signals that a unit does not have
    #[arg(long)]
    pub create_signals: bool,
    /// Import nothing when there is a row that cannot be read
    #[arg(long)]
    pub strict: bool,
    /// Tables with a head line, plain or gzip
    #[arg(required = true)]
    pub files: Vec<PathBuf>,
}

/// What an import did.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// By path.
    pub units: Vec<UnitSummary>,
    /// Rows left out, and the first of them.
    pub bad: u64,
    /// The first of them.
    pub bad_lines: Vec<BadLine>,
    /// Signals that were created, with their units.
    pub created: Vec<String>,
    /// Samples that ingest set aside (`gemba quarantine list`).
    pub quarantined: u64,
}

/// What was imported of one unit.
#[derive(Clone, Debug, PartialEq)]
pub struct UnitSummary {
    /// Which.
    pub unit: EquipmentPath,
    /// Rows, or stops.
    pub rows: u64,
    /// Samples that they make.
    pub samples: u64,
    /// From the begin of the first row's stretch to the end of the last one's.
    pub span: Interval,
    /// How much of it rows describe, microseconds.
    pub covered_micros: i64,
    /// Whether an earlier run had committed all of it.
    pub known: bool,
}

/// Imports tables. `after_import` is called at the end with the units and stretches whose facts must be derived again, also
/// when a second run found everything stored.
///
/// # Errors
/// What was committed before an error stays; the same call goes on from there.
pub async fn run(
    context: &Context,
    params: Params,
    after_import: impl AsyncFnOnce(Vec<(EquipmentId, Interval)>) -> Result<(), Box<dyn std::error::Error + Send + Sync>>,
) -> Result<Summary, BackfillError> {
    let files = lines::in_order(params.files);
    let failed = |source| BackfillError::File { path: params.mapping.clone(), source };
    let text = std::fs::read_to_string(&params.mapping).map_err(failed)?;
    let mapping =
        Mapping::read(&text).map_err(|defects| BackfillError::Mapping { path: params.mapping.clone(), defects })?;

    let progress = &context.progress;
    progress.set_style(style("{spinner} reading the files: {pos} rows, {elapsed}"));
    let (table, mapping) = {
        let progress = progress.clone();
        tokio::task::spawn_blocking(move || {
            reading::read(&mapping, &text, &files, &|rows| progress.set_position(rows)).map(|table| (table, mapping))
        })
        .await??
    };
    if params.strict && table.bad.count > 0 {
        return Err(BackfillError::BadLines { count: table.bad.count, lines: table.bad.first });
    }
    if table.units.is_empty() {
        return Err(BackfillError::Empty(table.bad.first));
    }
    let created = prepare(context, &table.units, &mapping.signals, params.create_signals).await?;

    progress.set_style(style("{bar:30} {pos}/{len} samples, {per_sec}, {elapsed}, {msg}"));
    progress.set_length(table.units.iter().map(|unit| unit.readings.len() as u64).sum());
    progress.set_position(0);
    let mut summary =
        Summary { units: Vec::new(), bad: table.bad.count, bad_lines: table.bad.first, created, quarantined: 0 };
    let mut touched = Vec::new();
    for unit in table.units {
        progress.set_message(unit.unit.to_string());
        let id = unit_of(&context.plant, &unit.unit)?;
        let (told, quarantined) = store(context, unit, &mapping.signals, &table.fingerprint).await?;
        touched.push((id, told.span));
        summary.quarantined += quarantined;
        summary.units.push(told);
    }
    progress.set_message("packing");
    pack(&context.historian).await?;
    progress.set_message("deriving figures");
    after_import(touched).await.map_err(BackfillError::Derive)?;
    progress.finish_and_clear();
    Ok(summary)
}

/// Checks that the units have the signals, and makes those that are missing. Nothing is made when something is wrong.
async fn prepare(
    context: &Context,
    units: &[UnitTable],
    wanted: &[SignalWanted],
    create: bool,
) -> Result<Vec<String>, BackfillError> {
    let (mut wrong, mut missing) = (Vec::new(), Vec::new());
    for table in units {
        unit_of(&context.plant, &table.unit)?;
        let known = signals(&context.plant, &table.unit);
        for signal in wanted {
            match problem(signal, &known) {
                None => {}
                Some(Problem::Missing) if create => missing.push((&table.unit, signal)),
                Some(problem) => wrong.push(problem.text(&table.unit, signal, &known)),
            }
        }
    }
    if !wrong.is_empty() {
        return Err(BackfillError::Signals(wrong));
    }
    let mut created = Vec::new();
    for (unit, signal) in missing {
        let SignalWanted { code, kind, role, uom } = signal;
        let made = context.plant.create_signal(unit, code, *kind, *role, uom.as_deref()).await;
        made.map_err(|reason| BackfillError::Signal(format!("no signal `{unit}:{code}`: {reason}")))?;
        created.push(format!("{unit}:{code}"));
    }
    Ok(created)
}

enum Problem {
    Missing,
    /// Of another kind, or with another meaning.
    Other(&'static str, String),
    RoleTaken(String),
}

fn problem(wanted: &SignalWanted, known: &[plant::Signal]) -> Option<Problem> {
    let numeric = |kind| matches!(kind, SignalKind::Counter | SignalKind::Measure | SignalKind::Setpoint);
    let taken = known.iter().find(|it| it.role.is_some() && it.role == wanted.role && it.code != wanted.code);
    if let Some(other) = taken {
        return Some(Problem::RoleTaken(other.code.clone()));
    }
    let Some(found) = known.iter().find(|signal| signal.code == wanted.code) else { return Some(Problem::Missing) };
    if numeric(found.kind) != numeric(wanted.kind)
        || (found.kind == SignalKind::Counter) != (wanted.kind == SignalKind::Counter)
    {
        return Some(Problem::Other("kind", found.kind.as_str().to_owned()));
    }
    if wanted.role.is_some() && found.role != wanted.role {
        return Some(Problem::Other("role", found.role.map_or("none", |role| role.as_str()).to_owned()));
    }
    None
}

impl Problem {
    fn text(&self, unit: &EquipmentPath, wanted: &SignalWanted, known: &[plant::Signal]) -> String {
        let code = &wanted.code;
        match self {
            Self::Missing => {
                let near = nearest(code, known.iter().map(|signal| signal.code.as_str()));
                let hint = near.map(|near| format!("; nearest is `{near}`")).unwrap_or_default();
                format!("  {unit} has no signal `{code}`{hint}")
            }
            Self::Other(what, found) => format!("  {unit}:{code} has another {what} than in the mapping: {found}"),
            Self::RoleTaken(other) => {
                format!(
                    "  {unit}: the role that the mapping gives to `{code}` is that of `{other}`; name that signal in the mapping"
                )
            }
        }
    }
}

async fn store(
    context: &Context,
    table: UnitTable,
    wanted: &[SignalWanted],
    fingerprint: &str,
) -> Result<(UnitSummary, u64), BackfillError> {
    let now = (context.now)();
    let name = format!("import:{}:{fingerprint}", table.unit);
    let collector = identity::own(&context.pool, &name, now).await?;
    let offered = |signal: &SignalWanted| OfferedSignal {
        address: format!("{}:{}", table.unit, signal.code),
        kind: signal.kind,
        uom: signal.uom.clone(),
        source: Some(format!("table {}", signal.code)),
    };
    let hello = Hello {
        protocol: PROTOCOL_VERSION,
        version: format!("import {}", env!("CARGO_PKG_VERSION")),
        epoch: EPOCH,
        at: now,
        signals: wanted.iter().map(offered).collect(),
        sources: Vec::new(),
        queue: None,
        losses: Vec::new(),
    };
    let acked = context.ingest.hello(&collector, &hello, now).await?.acked;
    let frames = frames(&table.readings, &table.covered);
    let mut quarantined = 0;
    let mut open = (Vec::new(), 0, 0);
    for (seq, frame) in (1_u64..).zip(&frames) {
        context.progress.inc(frame.readings.len() as u64);
        if seq <= acked {
            continue;
        }
        let (bytes, samples, count) = &mut open;
        bytes.extend(frame.encode(seq));
        *samples += frame.readings.len();
        *count += 1;
        if *samples >= COMMIT_SAMPLES || *count == COMMIT_FRAMES || seq == frames.len() as u64 {
            let answer = context.ingest.commit(&collector, Bytes::from(std::mem::take(bytes)), (context.now)()).await?;
            quarantined += answer.quarantined.iter().map(|q| q.samples).sum::<u64>();
            open = (Vec::new(), 0, 0);
            if !context.historian.has_room() {
                pack(&context.historian).await?;
            }
        }
    }
    let (from, to) = (table.covered.first().map(|s| s.from), table.covered.last().map(|s| s.to));
    let told = UnitSummary {
        unit: table.unit,
        rows: table.rows,
        samples: table.readings.len() as u64,
        span: Interval::new(from.unwrap_or_default(), to.unwrap_or_default()),
        covered_micros: table.covered.iter().map(Interval::micros).sum(),
        known: acked >= frames.len() as u64,
    };
    Ok((told, quarantined))
}

/// Readings, and the stretch that is covered with them.
#[derive(Debug, PartialEq)]
struct Frame<'a> {
    readings: &'a [Reading],
    covered: Interval,
}

/// Cuts a table into frames: the same ones every time. A frame covers up to the next one's first reading, or the stretch's end.
fn frames<'a>(readings: &'a [Reading], covered: &[Interval]) -> Vec<Frame<'a>> {
    let mut frames = Vec::new();
    let mut rest = readings;
    for (index, stretch) in covered.iter().enumerate() {
        let next = covered.get(index + 1).map(|next| next.from);
        let (of, later) = rest.split_at(rest.partition_point(|reading| next.is_none_or(|next| reading.time < next)));
        rest = later;
        let mut from = stretch.from;
        let mut chunks = of.chunks(FRAME_SAMPLES).peekable();
        while let Some(readings) = chunks.next() {
            let to = chunks.peek().and_then(|next| next.first()).map_or(stretch.to, |first| first.time.min(stretch.to));
            frames.push(Frame { readings, covered: Interval::new(from.min(to), to) });
            from = to;
        }
        if from < stretch.to {
            frames.push(Frame { readings: &[], covered: Interval::new(from, stretch.to) });
        }
    }
    frames
}

impl Frame<'_> {
    fn encode(&self, seq: u64) -> Vec<u8> {
        let mut builder = BatchBuilder::new();
        // Of two at one moment the later one in the numbering stands.
        let mut newest: BTreeMap<(u32, Timestamp), &Value> = BTreeMap::new();
        for reading in self.readings {
            newest.insert((reading.signal, reading.time), &reading.value);
        }
        for ((signal, time), value) in newest {
            match value {
                Value::Number(number) => builder.push_number(signal, time.micros(), *number),
                Value::Text(text) => builder.push_text(signal, time.micros(), text),
                Value::Unavailable => builder.push_unavailable(signal, time.micros()),
            }
        }
        encode_frame(EPOCH, seq, self.covered.from, self.covered.to, &builder.finish())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_seconds(second)
    }

    #[test]
    fn frames_hold_every_reading_and_cover_every_stretch_once() {
        let reading = |second: i64| Reading { time: at(second), signal: 0, value: Value::Number(0.0) };
        let many = i64::try_from(FRAME_SAMPLES).unwrap_or_default() + 10;
        let readings: Vec<Reading> = (0..many).chain([many + 100, many + 200]).map(reading).collect();
        let covered = [
            Interval::new(at(0), at(many)),
            Interval::new(at(many + 50), at(many + 60)),
            Interval::new(at(many + 90), at(many + 200)),
        ];
        let frames = frames(&readings, &covered);
        assert_eq!(frames.iter().map(|frame| frame.readings.len()).collect::<Vec<_>>(), [FRAME_SAMPLES, 10, 0, 2]);
        let told: Vec<Interval> = frames.iter().map(|frame| frame.covered).collect();
        assert_eq!(super::super::merged(told.clone()), covered);
        assert_eq!(told.iter().map(Interval::micros).sum::<i64>(), covered.iter().map(Interval::micros).sum::<i64>());
    }
}
