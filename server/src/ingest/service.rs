use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use gemba_codec::{EncodedBatch, Run, decode_batch};
use gemba_contract::{
    batch::{BatchBuilder, FrameHeader, Limits, frames},
    edge::{Acknowledged, Hello, LocalSignal, OfferedSignal, PROTOCOL_VERSION, Quarantined, Welcome},
};
use gemba_domain::{Interval, Timestamp, equipment::EquipmentId, signal::SignalId};
use sqlx::PgPool;
use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;

use super::{
    error::IngestError,
    queries::{self, Aside, CollectorRow},
    rate::Rates,
    sort::{Sorted, sort},
    table::{Placed, SignalTable},
};
use crate::{
    historian::{self, journal::JournalRow},
    identity::Collector,
    oee, plant,
};

/// How many commits may wait for the engine before ingest waits too.
const ENGINE_BACKLOG: usize = 256;

/// What one request committed.
#[derive(Clone, Debug)]
pub struct Committed {
    /// Whose it was.
    pub collector: i32,
    /// What is covered by it.
    pub covered: Vec<Interval>,
    /// The samples, batch by batch in order of commit.
    pub batches: Arc<Vec<Vec<(SignalId, Run)>>>,
    /// When the transaction was committed.
    pub at: Timestamp,
}

/// What the engine is told, in order per collector.
#[derive(Clone, Debug)]
pub enum Input {
    /// Samples and coverage were committed.
    Committed(Committed),
    /// A collector said which units it watches.
    Delivers { collector: i32, units: Vec<EquipmentId> },
}

/// Something set aside, for people.
#[derive(Clone, Debug)]
pub struct QuarantineEntry {
    pub id: i64,
    pub collector: String,
    pub seq: i64,
    pub received_at: DateTime<Utc>,
    pub samples: i64,
    pub reason: String,
}

/// Takes batches.
#[derive(Clone)]
pub struct Service {
    pool: PgPool,
    plant: plant::Service,
    historian: historian::Service,
    lanes: Arc<Mutex<HashMap<i32, Arc<tokio::sync::Mutex<Lane>>>>>,
    in_work: Arc<Semaphore>,
    engine: mpsc::Sender<Input>,
    rates: Arc<Rates>,
}

/// What is remembered of a collector between requests. Held while its batches are committed: one at a time, in order.
#[derive(Default)]
struct Lane {
    table: Option<SignalTable>,
    /// A commit whose answer was lost with the connection to Postgres.
    unsure: Option<Unsure>,
}

/// What is told to the readers and the engine once it is certain that it was committed.
struct Unsure {
    epoch: i64,
    last: i64,
    ordinals: Vec<i64>,
    committed: Committed,
}

impl Service {
    /// `in_work`: how many requests may be in work at once. The receiver gets every commit, in order per collector.
    pub fn new(
        pool: PgPool,
        plant: plant::Service,
        historian: historian::Service,
        in_work: usize,
    ) -> (Self, mpsc::Receiver<Input>) {
        let (engine, commits) = mpsc::channel(ENGINE_BACKLOG);
        let lanes = Arc::default();
        let (in_work, rates) = (Arc::new(Semaphore::new(in_work)), Arc::default());
        (Self { pool, plant, historian, lanes, in_work, engine, rates }, commits)
    }

    /// How many samples come in.
    pub fn rates(&self) -> &Arc<Rates> {
        &self.rates
    }

    fn lane(&self, collector: i32) -> Arc<tokio::sync::Mutex<Lane>> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner).entry(collector).or_default().clone()
    }

    /// Takes a collector's signal table and says where it stands.
    pub async fn hello(&self, collector: &Collector, hello: &Hello, now: Timestamp) -> Result<Welcome, IngestError> {
        if hello.protocol != PROTOCOL_VERSION {
            return Err(IngestError::Version { ours: PROTOCOL_VERSION, theirs: hello.protocol });
        }
        let epoch = i64::try_from(hello.epoch)
            .map_err(|_| IngestError::SignalTable(format!("epoch {} is no time in microseconds", hello.epoch)))?;
        let lane = self.lane(collector.id);
        let mut lane = lane.lock().await;
        // Another process may have imported the plant a moment ago.
        if let Err(error) = self.plant.refresh().await {
            tracing::warn!(%error, "plant not refreshed; matching with the one known");
        }
        self.create_accepted(collector, &hello.signals).await;

        let mut tx = self.pool.begin().await?;
        let row = queries::lock_collector(&mut tx, collector.id).await?.ok_or(IngestError::Revoked)?;
        self.settle(&mut lane, &row).await;
        if epoch < row.epoch {
            return Err(IngestError::StaleEpoch { newest: row.epoch.unsigned_abs(), theirs: hello.epoch });
        }
        let before = queries::local_signals(&mut *tx, collector.id, epoch).await?;
        if let Some(changed) = before.iter().zip(&hello.signals).find(|(old, new)| old.address != new.address) {
            return Err(IngestError::SignalTable(format!(
                "local signal {} was `{}` and is now `{}`; numbers are never reused within an epoch",
                changed.0.local, changed.0.address, changed.1.address
            )));
        }
        if before.len() > hello.signals.len() {
            return Err(IngestError::SignalTable(format!(
                "the signal table has {} entries, {} are known; send it whole",
                hello.signals.len(),
                before.len()
            )));
        }
        let plant = self.plant.current();
        let (table, unknown) = SignalTable::offered(&mut tx, &row, epoch, &hello.signals, &plant, now).await?;
        let matched: Vec<(OfferedSignal, Option<SignalId>)> = hello
            .signals
            .iter()
            .cloned()
            .zip(table.signals.iter().map(|placed| placed.as_ref().ok().copied()))
            .collect();
        queries::put_local_signals(&mut tx, collector.id, epoch, &matched).await?;
        let offset = now.micros_since(hello.at);
        let acked = queries::hello(&mut tx, collector.id, hello, epoch, now.to_utc(), offset).await?;
        queries::put_sources(&mut tx, collector.id, &hello.sources, now.to_utc()).await?;
        queries::put_losses(&mut tx, collector.id, &hello.losses, now.to_utc()).await?;
        tx.commit().await?;

        let units: BTreeSet<EquipmentId> =
            matched.iter().filter_map(|(_, id)| plant.place_of((*id)?)).map(|(unit, _)| unit).collect();
        let delivers = Input::Delivers { collector: collector.id, units: units.into_iter().collect() };
        self.engine.send(delivers).await.ok();
        lane.table = Some(table);
        for loss in &hello.losses {
            let reason = loss.reason.as_str();
            tracing::warn!(collector = collector.name, samples = loss.samples, from = %loss.from, to = %loss.to, reason, "samples lost");
        }
        tracing::info!(
            collector = collector.name,
            epoch,
            acked,
            signals = hello.signals.len(),
            unknown = unknown.len(),
            "hello"
        );
        Ok(Welcome { acked: acked.unsigned_abs(), at: now, unknown })
    }

    /// Creates offered signals in units that accept new ones, where the collector may write.
    async fn create_accepted(&self, collector: &Collector, offered: &[OfferedSignal]) {
        for signal in offered.iter().filter(|signal| collector.scope.holds(&signal.address)) {
            let Some((path, code)) = signal.address.split_once(':') else { continue };
            let Ok(path) = path.parse() else { continue };
            let wanted = {
                let plant = self.plant.current();
                plant
                    .unit(&path)
                    .is_some_and(|u| u.unit.accept_new_signals && u.unit.signals.iter().all(|s| s.code != code))
            };
            if wanted
                && let Err(reason) =
                    self.plant.create_signal(&path, code, signal.kind, None, signal.uom.as_deref()).await
            {
                tracing::warn!(address = signal.address, reason, "offered signal not created");
            }
        }
    }

    /// Stores a request's frames: all in one transaction, or none. Acknowledged means committed.
    pub async fn commit(
        &self,
        collector: &Collector,
        body: Bytes,
        now: Timestamp,
    ) -> Result<Acknowledged, IngestError> {
        let Ok(_permit) = self.in_work.clone().try_acquire_owned() else { return Err(IngestError::Busy) };
        if !self.historian.has_room() {
            return Err(IngestError::Busy);
        }
        let batches = tokio::task::spawn_blocking(move || read(&body))
            .await
            .map_err(|error| IngestError::Malformed(error.to_string()))??;

        let lane = self.lane(collector.id);
        let mut lane = lane.lock().await;
        let mut tx = self.pool.begin().await?;
        let row = queries::lock_collector(&mut tx, collector.id).await?.ok_or(IngestError::Revoked)?;
        self.settle(&mut lane, &row).await;
        let fresh = check_numbers(&row, batches)?;
        let Some(last) = fresh.last().map(|batch| batch.header.seq) else {
            return Ok(Acknowledged { acked: row.acked.unsigned_abs(), quarantined: Vec::new() });
        };
        let plant = self.plant.current();
        if lane.table.as_ref().is_none_or(|table| !table.holds(&row, &plant)) {
            lane.table = Some(SignalTable::load(&mut tx, &row, &plant).await?);
        }
        let signals = lane.table.as_ref().map(|table| table.signals.as_slice()).unwrap_or_default();

        let mut store = Store {
            row: &row,
            now,
            journal: Vec::new(),
            batches: Vec::new(),
            covered: Vec::new(),
            set_aside: Vec::new(),
        };
        for batch in fresh {
            store.batch(&mut tx, batch, signals).await?;
        }
        let Store { journal, batches, covered, set_aside, .. } = store;
        let ordinals = historian::journal::insert(&mut tx, &journal).await?;
        for stretch in &covered {
            queries::cover(&mut tx, collector.id, *stretch).await?;
        }
        for (unit, stretch) in old_stretches(&batches, &covered, &plant, now) {
            oee::note_stale(&mut tx, unit, stretch, &oee::Cause::late_samples()).await?;
        }
        queries::advance(&mut tx, collector.id, last.cast_signed(), now.to_utc()).await?;
        let committed = Committed { collector: collector.id, covered, batches: Arc::new(batches), at: now };
        if let Err(error) = tx.commit().await {
            // It may have taken place all the same: the collector will send again, and be told that it did.
            lane.unsure = Some(Unsure { epoch: row.epoch, last: last.cast_signed(), ordinals, committed });
            return Err(error.into());
        }
        self.tell(ordinals, committed).await;
        Ok(Acknowledged { acked: last, quarantined: set_aside })
    }

    /// Tells the readers and the engine what was committed.
    async fn tell(&self, ordinals: Vec<i64>, committed: Committed) {
        let samples = committed.batches.iter().flatten().map(|(_, run)| run.len() as u64).sum();
        self.rates.add(committed.collector, samples, committed.at);
        for (ordinal, runs) in ordinals.into_iter().zip(committed.batches.iter()) {
            self.historian.append(ordinal, runs);
        }
        if self.engine.send(Input::Committed(committed)).await.is_err() {
            tracing::debug!("no engine runs in this process; facts are derived by the one that has it");
        }
    }

    /// Looks whether the commit whose answer was lost took place.
    async fn settle(&self, lane: &mut Lane, row: &CollectorRow) {
        if let Some(unsure) = lane.unsure.take()
            && unsure.epoch == row.epoch
            && unsure.last <= row.acked
        {
            tracing::info!(collector = row.name, seq = unsure.last, "a commit whose answer was lost had taken place");
            self.tell(unsure.ordinals, unsure.committed).await;
        }
    }

    /// What is set aside and unresolved.
    pub async fn quarantined(&self) -> Result<Vec<QuarantineEntry>, sqlx::Error> {
        let rows = queries::open_quarantine(&self.pool).await?;
        let entry = |row: queries::QuarantineRow| QuarantineEntry {
            id: row.id,
            collector: row.collector,
            seq: row.seq,
            received_at: row.received_at,
            samples: row.samples,
            reason: row.reason,
        };
        Ok(rows.into_iter().map(entry).collect())
    }

    /// Tries what was set aside once more: what the plant knows by now is stored, the rest stays. Gives the
    /// numbers of samples stored and still aside.
    pub async fn retry_quarantined(&self, now: Timestamp) -> Result<(u64, u64), IngestError> {
        let plant = self.plant.current();
        let (mut stored, mut kept) = (0, 0);
        for entry in queries::open_quarantine(&self.pool).await? {
            let mut tx = self.pool.begin().await?;
            let Some((raw_len, body)) = queries::take_quarantined(&mut tx, entry.id).await? else { continue };
            let row = CollectorRow {
                id: entry.collector_id,
                name: entry.collector,
                epoch: entry.epoch,
                acked: 0,
                own: entry.own,
                scope: entry.scope,
                claims: 0,
            };
            let table = SignalTable::load(&mut tx, &row, &plant).await?;
            let Ok(runs) = decode_batch(&body, raw_len.unsigned_abs(), Limits::default()) else {
                kept += entry.samples.unsigned_abs();
                continue;
            };
            let Sorted { known, aside } = sort(runs, &table.signals, now);
            if known.is_empty() {
                kept += entry.samples.unsigned_abs();
                continue;
            }
            let encoded = by_local_numbers(&known, &table.signals);
            // Own entries are numbered below zero, so that they never meet a collector's.
            let row = journal_row(&row, -entry.id, Interval::new(now, now), &encoded, now);
            let ordinals = historian::journal::insert(&mut tx, &[row]).await?;
            for (batch, reason) in &aside {
                kept += u64::from(batch.samples);
                let epoch = entry.epoch;
                queries::quarantine(
                    &mut tx,
                    &aside_row(entry.collector_id, epoch, entry.seq, batch, reason),
                    now.to_utc(),
                )
                .await?;
            }
            queries::resolve_quarantined(&mut tx, entry.id, now.to_utc()).await?;
            tx.commit().await?;
            stored += u64::from(encoded.samples);
            for ordinal in ordinals {
                self.historian.append(ordinal, &known);
            }
            let committed = Committed {
                collector: entry.collector_id,
                covered: Vec::new(),
                batches: Arc::new(vec![known]),
                at: now,
            };
            self.engine.send(Input::Committed(committed)).await.ok();
        }
        Ok((stored, kept))
    }

    /// Tries the quarantine again whenever the plant changes, until `stop`.
    pub async fn retry_with_plant(self, now: fn() -> Timestamp, stop: CancellationToken) {
        let mut plants = self.plant.subscribe();
        while let Some(Ok(())) = stop.run_until_cancelled(plants.changed()).await {
            plants.mark_unchanged();
            match self.retry_quarantined(now()).await {
                Ok((0, _)) => {}
                Ok((stored, kept)) => {
                    tracing::info!(stored, kept, "quarantined samples that the plant now knows are stored")
                }
                Err(error) => tracing::warn!(%error, "quarantine not tried again; `gemba quarantine retry` does it"),
            }
        }
    }

    /// Which collectors deliver signals of which units.
    pub async fn deliveries(&self) -> Result<Vec<(i32, EquipmentId)>, sqlx::Error> {
        queries::deliveries(&self.pool).await
    }
}

struct Batch {
    header: FrameHeader,
    body: Bytes,
    runs: Result<Vec<(LocalSignal, Run)>, String>,
}

/// Frames of a request, checked and decoded. A frame whose CRC is right but whose columns are not is kept for quarantine.
fn read(body: &Bytes) -> Result<Vec<Batch>, IngestError> {
    frames(body)
        .map(|frame| {
            let frame = frame.map_err(|error| IngestError::Malformed(error.to_string()))?;
            let runs = frame.decode().map_err(|error| error.to_string());
            Ok(Batch { header: frame.header, body: body.slice_ref(frame.body), runs })
        })
        .collect()
}

/// The frames not yet stored, once it is certain that they go on from what is.
fn check_numbers(row: &CollectorRow, batches: Vec<Batch>) -> Result<Vec<Batch>, IngestError> {
    let acked = row.acked.unsigned_abs();
    let mut expected = acked + 1;
    let mut fresh = Vec::with_capacity(batches.len());
    for batch in batches {
        let (epoch, seq) = (batch.header.epoch, batch.header.seq);
        if epoch < row.epoch.unsigned_abs() {
            return Err(IngestError::StaleEpoch { newest: row.epoch.unsigned_abs(), theirs: epoch });
        }
        if epoch != row.epoch.unsigned_abs() {
            return Err(IngestError::UnknownEpoch(epoch));
        }
        if seq <= acked {
            continue;
        }
        if seq != expected {
            return Err(IngestError::SequenceGap { expected, got: seq });
        }
        expected += 1;
        fresh.push(batch);
    }
    Ok(fresh)
}

/// The stretches of units whose facts are stored already and must be derived again: samples that decide facts, from before the
/// engine's window.
fn old_stretches(
    batches: &[Vec<(SignalId, Run)>],
    covered: &[Interval],
    plant: &plant::Plant,
    now: Timestamp,
) -> BTreeMap<EquipmentId, Interval> {
    let window_from = now.plus_seconds(-oee::WINDOW_SECONDS);
    let mut old: BTreeMap<EquipmentId, Interval> = BTreeMap::new();
    for (signal, run) in batches.iter().flatten() {
        let (Some(first), Some(last)) = (run.times.first(), run.times.last()) else { continue };
        let stretch = Interval::new(Timestamp::from_micros(*first), Timestamp::from_micros(*last).plus_micros(1));
        if stretch.from < window_from
            && let Some(unit) = plant.decides(*signal)
        {
            let whole = old.entry(unit).or_insert(stretch);
            *whole = Interval::new(whole.from.min(stretch.from), whole.to.max(stretch.to));
        }
    }
    for whole in old.values_mut() {
        for stretch in covered.iter().filter(|stretch| stretch.from < window_from) {
            *whole = Interval::new(whole.from.min(stretch.from), whole.to.max(stretch.to));
        }
    }
    old
}

/// Collects what one transaction will store.
struct Store<'a> {
    row: &'a CollectorRow,
    now: Timestamp,
    journal: Vec<JournalRow>,
    batches: Vec<Vec<(SignalId, Run)>>,
    covered: Vec<Interval>,
    set_aside: Vec<Quarantined>,
}

impl Store<'_> {
    async fn batch(
        &mut self,
        tx: &mut sqlx::PgConnection,
        batch: Batch,
        signals: &[Placed],
    ) -> Result<(), IngestError> {
        let Batch { header, body, runs } = batch;
        self.cover(Interval::new(header.covered_from, header.covered_to));
        if header.samples == 0 {
            return Ok(());
        }
        let whole = EncodedBatch {
            samples: header.samples,
            raw_len: header.raw_len,
            first_time: 0,
            last_time: 0,
            body: body.to_vec(),
        };
        let runs = match runs {
            Ok(runs) => runs,
            Err(reason) => return self.aside(tx, header.seq, &whole, &format!("unreadable: {reason}")).await,
        };
        let Sorted { known, aside } = sort(runs, signals, self.now);
        for (part, reason) in &aside {
            self.aside(tx, header.seq, part, reason).await?;
        }
        if known.is_empty() {
            return Ok(());
        }
        let encoded = if aside.is_empty() {
            let first_time = known.iter().filter_map(|(_, run)| run.times.first()).min().copied().unwrap_or_default();
            let last_time = known.iter().filter_map(|(_, run)| run.times.last()).max().copied().unwrap_or_default();
            EncodedBatch { first_time, last_time, ..whole }
        } else {
            by_local_numbers(&known, signals)
        };
        let covered = Interval::new(header.covered_from, header.covered_to);
        self.journal.push(journal_row(self.row, header.seq.cast_signed(), covered, &encoded, self.now));
        self.batches.push(known);
        Ok(())
    }

    fn cover(&mut self, stretch: Interval) {
        // The collector's clock may be wrong: what it claims to have watched after now does not count.
        let stretch = Interval::new(stretch.from, stretch.to.min(self.now.plus_seconds(60)));
        if stretch.from >= stretch.to {
            return;
        }
        match self.covered.last_mut() {
            Some(last) if last.to == stretch.from => last.to = stretch.to,
            _ => self.covered.push(stretch),
        }
    }

    async fn aside(
        &mut self,
        tx: &mut sqlx::PgConnection,
        seq: u64,
        batch: &EncodedBatch,
        reason: &str,
    ) -> Result<(), IngestError> {
        let aside = aside_row(self.row.id, self.row.epoch, seq.cast_signed(), batch, reason);
        queries::quarantine(tx, &aside, self.now.to_utc()).await?;
        tracing::warn!(collector = self.row.name, seq, samples = batch.samples, reason, "samples quarantined");
        self.set_aside.push(Quarantined { seq, samples: batch.samples.into(), reason: reason.to_owned() });
        Ok(())
    }
}

fn aside_row<'a>(collector: i32, epoch: i64, seq: i64, batch: &'a EncodedBatch, reason: &'a str) -> Aside<'a> {
    Aside {
        collector,
        epoch,
        seq,
        reason,
        samples: batch.samples.into(),
        raw_len: batch.raw_len.cast_signed(),
        body: &batch.body,
    }
}

fn journal_row(row: &CollectorRow, seq: i64, covered: Interval, batch: &EncodedBatch, now: Timestamp) -> JournalRow {
    JournalRow {
        collector_id: row.id,
        epoch: row.epoch,
        seq,
        received_at: now,
        covered_from: covered.from,
        covered_to: covered.to,
        samples: batch.samples.cast_signed(),
        raw_len: batch.raw_len.cast_signed(),
        first_time: Timestamp::from_micros(batch.first_time),
        last_time: Timestamp::from_micros(batch.last_time),
        body: batch.body.clone(),
    }
}

/// Encodes samples again by the collector's numbers, as the journal keeps them.
fn by_local_numbers(known: &[(SignalId, Run)], signals: &[Placed]) -> EncodedBatch {
    let locals: HashMap<SignalId, LocalSignal> =
        (0..).zip(signals).filter_map(|(local, placed)| Some((*placed.as_ref().ok()?, local))).collect();
    let mut builder = BatchBuilder::new();
    for (signal, run) in known {
        if let Some(local) = locals.get(signal) {
            super::sort::push(&mut builder, *local, run, 0);
        }
    }
    builder.finish()
}
