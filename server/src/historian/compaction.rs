//! Packing: journal -> parts -> chunks.

use std::collections::{BTreeMap, HashMap};

use gemba_domain::signal::SignalId;
use rustc_hash::FxHashMap;
use sqlx::PgConnection;

use super::{
    HistorianError, Service,
    chunk::{self, FULL_BYTES, FULL_SAMPLES, PackedChunk},
    damage,
    journal::{self, Unreadable},
    queries::{self, Place, StoredPiece},
    series::Series,
    service::{latest_row, to_the_end},
};

/// About this many samples of the journal are packed in one transaction, and unpacked again to be merged at once.
const BITE: i64 = 2_000_000;
/// A signal's parts are merged into its chunks when they hold this many samples together,
const MERGE_SAMPLES: i64 = 8_192;
/// or are so many.
const MERGE_PARTS: i64 = 20;

/// What one round of packing did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// There was nothing to do.
    Idle,
    /// Another process is packing, or a transaction holds the journal for long. Try again later.
    Busy,
    /// Packed so many samples of the journal.
    Packed {
        /// Samples taken from the journal.
        samples: u64,
        /// More waited when it began.
        more: bool,
    },
}

/// New samples by signal, and the journal rows that could not be used.
#[derive(Debug, Default)]
struct Unpacked {
    signals: BTreeMap<i32, Series>,
    damaged: Vec<(i64, Unreadable)>,
    samples: u64,
}

impl Service {
    /// Packs the oldest part of the journal, in one transaction. The process may be killed at any point.
    ///
    /// # Errors
    /// Those of Postgres. Nothing has changed then.
    pub async fn compact_once(&self) -> Result<Outcome, HistorianError> {
        let service = self.clone();
        to_the_end(async move { service.compact().await }).await
    }

    async fn compact(&self) -> Result<Outcome, HistorianError> {
        let mut short = self.inner.pool.begin().await?;
        let horizon = queries::horizon(&mut short).await?;
        short.commit().await?;
        let Some(horizon) = horizon else { return Ok(Outcome::Busy) };

        let mut tx = self.inner.pool.begin().await?;
        if !queries::try_packing_lock(&mut tx).await? {
            return Ok(Outcome::Busy);
        }
        let through = queries::bite(&mut *tx, horizon, BITE).await?;
        let unpacked = match through {
            Some(through) => take_journal(&mut tx, through).await?,
            None => Unpacked::default(),
        };
        for (ordinal, why) in &unpacked.damaged {
            damage::keep_batch(&mut tx, *ordinal, why).await?;
        }
        let mut damaged = !unpacked.damaged.is_empty();
        let latest: Vec<_> = unpacked
            .signals
            .iter()
            .filter_map(|(signal, series)| Some((signal, series.at_micros(i64::MAX)?)))
            .map(|(signal, (time, value))| latest_row(*signal, time, &value))
            .collect();

        let plan = self.plan(&mut tx, unpacked.signals).await?;
        if through.is_none() && plan.merges.is_empty() {
            return Ok(Outcome::Idle);
        }
        for group in plan.merges {
            damaged |= merge(&mut tx, group).await?;
        }
        if let Some(through) = through {
            if !plan.parts.is_empty() {
                let pack = |(signal, series)| chunk::pack_part(signal, series);
                let parts = plan.parts;
                let packed: Vec<_> =
                    tokio::task::spawn_blocking(move || parts.into_iter().filter_map(pack).collect()).await?;
                queries::insert_parts(&mut tx, through, &packed).await?;
            }
            queries::put_latest(&mut *tx, &latest).await?;
            queries::delete_journal(&mut *tx, through).await?;
            queries::set_compacted_through(&mut *tx, through).await?;
        }
        tx.commit().await?;

        if let Some(through) = through {
            self.head_mut().trim(through);
        }
        if damaged {
            self.reload_damage().await?;
        }
        let more = through.is_some_and(|through| through < horizon);
        Ok(Outcome::Packed { samples: unpacked.samples, more })
    }

    /// Which new samples become parts, and which signals are merged, in groups that fit into memory.
    async fn plan(&self, tx: &mut PgConnection, new: BTreeMap<i32, Series>) -> Result<Plan, HistorianError> {
        let signals: Vec<i32> = new.keys().copied().collect();
        let age = self.inner.settings.merge_after.as_secs_f64();
        let mut waiting: HashMap<i32, _> =
            queries::waiting(&mut *tx, &signals, age).await?.into_iter().map(|w| (w.signal_id, w)).collect();
        let mut plan = Plan::default();
        let mut group = Vec::new();
        let mut weight = 0;
        let mut add = |plan: &mut Plan, signal: i32, series: Series, samples: i64| {
            weight += samples + FULL_SAMPLES as i64;
            group.push((signal, series));
            if weight >= BITE {
                plan.merges.push(std::mem::take(&mut group));
                weight = 0;
            }
        };
        for (signal, series) in new {
            let (parts, samples, due) = waiting.remove(&signal).map_or((0, 0, false), |w| (w.parts, w.samples, w.due));
            let samples = samples + series.len() as i64;
            if due || parts + 1 >= MERGE_PARTS || samples >= MERGE_SAMPLES {
                add(&mut plan, signal, series, samples);
            } else {
                plan.parts.push((signal, series));
            }
        }
        let mut due: Vec<_> = waiting.into_values().filter(|w| w.due).collect();
        due.sort_by_key(|w| w.signal_id);
        for w in due {
            add(&mut plan, w.signal_id, Series::default(), w.samples);
        }
        if !group.is_empty() {
            plan.merges.push(group);
        }
        Ok(plan)
    }
}

#[derive(Debug, Default)]
struct Plan {
    parts: Vec<(i32, Series)>,
    merges: Vec<Vec<(i32, Series)>>,
}

async fn take_journal(tx: &mut PgConnection, through: i64) -> Result<Unpacked, HistorianError> {
    let rows = queries::journal(&mut *tx, i64::MIN, through).await?;
    let matching = journal::matching(queries::local_signals(&mut *tx, through).await?);
    let unpack = move || {
        let mut unpacked = Unpacked::default();
        let mut pieces: FxHashMap<SignalId, Vec<Series>> = FxHashMap::default();
        for row in &rows {
            let batch = journal::unpack(row, &matching);
            unpacked.damaged.extend(batch.damage.map(|why| (row.ordinal, why)));
            for (signal, run) in batch.runs {
                unpacked.samples += run.len() as u64;
                let of_signal = pieces.entry(signal).or_default();
                match of_signal.last_mut() {
                    Some(end) if end.last_micros() < run.times.first().copied() => end.append_run(&run),
                    _ => of_signal.push(Series::from(run)),
                }
            }
        }
        unpacked.signals = pieces.into_iter().map(|(signal, pieces)| (signal.0, Series::merged(pieces))).collect();
        unpacked
    };
    Ok(tokio::task::spawn_blocking(unpack).await?)
}

/// Unpacked pieces by signal, and those that could not be.
struct Pieces {
    signals: HashMap<i32, Vec<(i64, Series)>>,
    damaged: Vec<(StoredPiece, String)>,
}

async fn unpack(pieces: Vec<StoredPiece>) -> Result<Pieces, HistorianError> {
    let unpack = move || {
        let mut out = Pieces { signals: HashMap::new(), damaged: Vec::new() };
        for piece in pieces {
            match chunk::unpack(&piece.body, piece.first_time, piece.last_time, piece.n) {
                Ok(series) => out.signals.entry(piece.signal_id).or_default().push((piece.first_time, series)),
                Err(reason) => out.damaged.push((piece, reason)),
            }
        }
        out
    };
    Ok(tokio::task::spawn_blocking(unpack).await?)
}

/// Merges all parts of these signals, and new samples, into their chunks. True when something was set aside.
async fn merge(tx: &mut PgConnection, group: Vec<(i32, Series)>) -> Result<bool, HistorianError> {
    let signals: Vec<i32> = group.iter().map(|(signal, _)| *signal).collect();
    let mut parts = unpack(queries::parts(&mut *tx, &signals).await?).await?;
    for (piece, reason) in &parts.damaged {
        damage::move_piece(&mut *tx, piece, reason).await?;
    }
    let mut set_aside = !parts.damaged.is_empty();

    let merged: Vec<(i32, Series)> = group
        .into_iter()
        .map(|(signal, new)| {
            let older = parts.signals.remove(&signal).unwrap_or_default().into_iter().map(|(_, series)| series);
            (signal, Series::merged(older.chain([new]).collect()))
        })
        .filter(|(_, series)| !series.is_empty())
        .collect();
    let ends = |pick: fn(&Series) -> Option<i64>| merged.iter().filter_map(|(_, s)| pick(s)).collect::<Vec<i64>>();
    let (from, to) = (ends(Series::first_micros), ends(Series::last_micros));
    let present: Vec<i32> = merged.iter().map(|(signal, _)| *signal).collect();
    let mut places: HashMap<i32, Vec<Place>> = HashMap::new();
    for place in queries::places(&mut *tx, &present, &from, &to).await? {
        places.entry(place.signal_id).or_default().push(place);
    }

    let jobs: Vec<Job> =
        merged.into_iter().flat_map(|(s, series)| route(s, series, &places.remove(&s).unwrap_or_default())).collect();
    let (taken_signals, taken_first): (Vec<i32>, Vec<i64>) =
        jobs.iter().filter_map(|job| Some((job.signal, job.takes?))).unzip();
    let chunks = unpack(queries::chunks(&mut *tx, &taken_signals, &taken_first).await?).await?;
    for (piece, reason) in &chunks.damaged {
        set_aside |= damage::move_piece(&mut *tx, piece, reason).await?;
    }
    let packed = tokio::task::spawn_blocking(move || pack(jobs, chunks.signals)).await?;

    queries::delete_parts(&mut *tx, &signals).await?;
    queries::delete_chunks(&mut *tx, &taken_signals, &taken_first).await?;
    if !packed.is_empty() {
        queries::insert_chunks(tx, &packed).await?;
    }
    Ok(set_aside)
}

/// Samples that become chunks, together with a chunk that is there.
#[derive(Debug)]
struct Job {
    signal: i32,
    samples: Series,
    /// The chunk that they are merged with: its first time.
    takes: Option<i64>,
    /// They come after all that is there.
    at_end: bool,
}

/// Gives each sample to the chunk in whose stretch it falls, or to the one before it when that has room.
fn route(signal: i32, series: Series, places: &[Place]) -> Vec<Job> {
    let mut jobs = Vec::new();
    let first = places.first().map_or(i64::MAX, |place| place.first_time);
    let before = series.part(i64::MIN, first);
    if !before.is_empty() {
        jobs.push(Job { signal, samples: before, takes: None, at_end: places.is_empty() });
    }
    for (i, place) in places.iter().enumerate() {
        let next = places.get(i + 1).map_or(i64::MAX, |next| next.first_time);
        let samples = series.part(place.first_time, next);
        let Some(begin) = samples.first_micros() else { continue };
        let after = begin > place.last_time;
        let full = place.n >= FULL_SAMPLES as i32 || place.bytes >= FULL_BYTES;
        let takes = (!(after && full)).then_some(place.first_time);
        jobs.push(Job { signal, samples, takes, at_end: after && i + 1 == places.len() });
    }
    jobs
}

fn pack(jobs: Vec<Job>, chunks: HashMap<i32, Vec<(i64, Series)>>) -> Vec<PackedChunk> {
    let mut chunks: HashMap<(i32, i64), Series> = chunks
        .into_iter()
        .flat_map(|(signal, pieces)| pieces.into_iter().map(move |(first, series)| ((signal, first), series)))
        .collect();
    let mut packed = Vec::new();
    for job in jobs {
        let older = job.takes.and_then(|first| chunks.remove(&(job.signal, first))).unwrap_or_default();
        let pieces = chunk::cut(older.overlaid(job.samples), job.at_end);
        packed.extend(pieces.into_iter().filter_map(|piece| chunk::pack(job.signal, piece)));
    }
    packed
}
