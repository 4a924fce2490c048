//! What every source does with what it read, whatever the protocol: numbers its signals, knows what is in force, says
//! when it is lost and when it is back, and hands all of it to the queue.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use gemba_contract::edge::{LocalSignal, OfferedSignal};
use gemba_domain::{Timestamp, signal::Value};

use super::{Failure, HealthBoard, Observation, SourceState, in_force::Values};
use crate::{
    clock,
    queue::{Intake, Position, Reading, SignalTable, Ticket},
};

/// Differences of the clocks up to here are taken for the resolution of the source's time stamps, in microseconds.
const SKEW_FLOOR: i64 = 1_500_000;
/// Differences from here on are told, in microseconds.
const SKEW_TOLD: i64 = 10_000_000;

/// One source's way into the collector.
#[derive(Debug)]
pub struct Feed {
    name: String,
    /// What the origin of each of its signals begins with.
    prefix: String,
    /// Place on the health board.
    number: usize,
    intake: Intake,
    signals: Arc<SignalTable>,
    health: Arc<HealthBoard>,
    read: BTreeSet<LocalSignal>,
    pub(super) values: Values,
    pub(super) position: Option<Position>,
    marks: BTreeMap<String, Position>,
    pub(super) last_heard: Timestamp,
    /// The source's clock less ours, microseconds.
    skew: i64,
    /// The newest time that was given to a value that came without one.
    stamped: Option<Timestamp>,
    /// Of signals that are stamped by a clock of their own: that clock less the source's, microseconds.
    clocks: HashMap<LocalSignal, i64>,
    /// The batcher was told how this source found its place.
    arrived: bool,
    /// Until where the run before covers: what follows is being caught up with.
    before: Option<Timestamp>,
    catching_up: Option<Ticket>,
    progress: bool,
    remarks: Vec<String>,
}

/// What a feed is made of, the same for all sources of a collector.
#[derive(Clone, Debug)]
pub struct Shared {
    /// The way into the queue.
    pub intake: Intake,
    /// The collector's numbers.
    pub signals: Arc<SignalTable>,
    /// Where conditions are told.
    pub health: Arc<HealthBoard>,
    /// Until where the run before covers.
    pub before: Option<Timestamp>,
    /// How far an earlier run read, by source, and by source and part of it.
    pub positions: Arc<BTreeMap<String, Position>>,
}

/// Between a source's name and a part of it, in the name of a position.
const PART: char = '\u{1f}';

impl Feed {
    /// `prefix`: what the origin of its signals begins with, such as `mtconnect http://10.0.0.5:5000 `; `number`: place on
    /// the health board; `position`: how far an earlier run read.
    pub fn new(name: &str, prefix: &str, number: usize, shared: &Shared, position: Option<Position>) -> Self {
        let Shared { intake, signals, health, before, positions } = shared.clone();
        let part = format!("{name}{PART}");
        let of_part =
            |(key, position): (&String, &Position)| Some((key.strip_prefix(&part)?.to_owned(), position.clone()));
        let marks = positions.iter().filter_map(of_part).collect();
        let mut values = Values::default();
        if let Some(at) = position.as_ref().and_then(|position| position.lost_at) {
            values.lost_before(&signals.of_source(prefix), at);
        }
        Self {
            name: name.to_owned(),
            prefix: prefix.to_owned(),
            number,
            intake,
            signals,
            health,
            read: BTreeSet::new(),
            values,
            position,
            marks,
            last_heard: clock::now(),
            skew: 0,
            stamped: None,
            clocks: HashMap::new(),
            arrived: false,
            before,
            catching_up: None,
            progress: false,
            remarks: Vec::new(),
        }
    }

    /// The source's name in the settings.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What the origin of its signals begins with.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The collector's table of signals.
    pub fn table(&self) -> &Arc<SignalTable> {
        &self.signals
    }

    /// The number of a signal that is read from now on.
    pub fn signal(&mut self, offered: &OfferedSignal) -> LocalSignal {
        let number = self.signals.number(offered);
        self.read.insert(number);
        number
    }

    /// Every signal that ever came from here.
    pub(super) fn all_signals(&self) -> BTreeSet<LocalSignal> {
        self.signals.of_source(&self.prefix).into_iter().chain(self.read.iter().copied()).collect()
    }

    /// The signals that are read from now on, and no others. Returns those that are read no more.
    pub fn reads_only(&mut self, signals: BTreeSet<LocalSignal>) -> Vec<LocalSignal> {
        let gone = self.read.difference(&signals).copied().collect();
        self.read = signals;
        gone
    }

    /// Something of this moment arrived, or is still to be read: bounds what is covered until it is delivered.
    pub fn begin(&self, at: Timestamp) -> Ticket {
        self.intake.begin(at)
    }

    /// The source was heard now; `clock` is its own, where it tells. Returns the time by the source's clock.
    pub fn heard(&mut self, clock: Option<Timestamp>) -> Timestamp {
        let now = clock::now();
        self.last_heard = now;
        let Some(clock) = clock else { return now };
        let skew = clock.micros_since(now);
        let told = |skew: i64| if skew.abs() < SKEW_TOLD { 0 } else { skew / SKEW_TOLD };
        let changed = told(skew) != told(self.skew);
        self.skew = if skew.abs() < SKEW_FLOOR { 0 } else { skew };
        if changed {
            self.tell();
        }
        if self.skew == 0 { now } else { clock }
    }

    /// The time of a value that the source gives none for: now, and later than every such time before. A clock that was set back by more
    /// than a few seconds is followed: what is in force is then not known any more, so that all of it is written anew.
    pub fn stamp(&mut self) -> Timestamp {
        let now = clock::now();
        let last = self.stamped.map_or(now, |last| last.plus_micros(1));
        let back = last.micros_since(now) > SKEW_TOLD;
        if back {
            tracing::warn!(source = %self.name, clock = %now, %last, "the collector's clock was set back");
            self.values.forget();
        }
        let time = if back { now } else { now.max(last) };
        self.stamped = Some(time);
        time
    }

    /// Whether this is the value in force, as far as was written.
    pub fn holds(&self, signal: LocalSignal, value: &Value) -> bool {
        self.values.in_force(signal) == Some(value)
    }

    /// A moment of the collector's clock, by the source's.
    pub fn source_time(&self, at: Timestamp) -> Timestamp {
        at.plus_micros(self.skew)
    }

    /// These signals are stamped by a clock of their own, which is ahead of the collector's by this many microseconds: of a source
    /// that speaks for several machines. A clock that was set back brings the present back with it.
    pub fn clock_of(&mut self, signals: impl IntoIterator<Item = LocalSignal>, ahead: i64) {
        let now = clock::now().plus_micros(ahead);
        for signal in signals {
            let before = self.clocks.insert(signal, ahead).unwrap_or(0);
            if ahead < before {
                self.values.not_after(signal, now);
            }
        }
    }

    /// A moment of the collector's clock, by the one that stamps the signal.
    pub fn time_of(&self, signal: LocalSignal, at: Timestamp) -> Timestamp {
        self.source_time(at).plus_micros(self.clocks.get(&signal).copied().unwrap_or(0))
    }

    /// The way into the queue, for a task of the source's own that begins tickets at arrival.
    pub(super) fn intake(&self) -> Intake {
        self.intake.clone()
    }

    /// A new connection to a source that has no sequence of its own. `kept`: the other side kept what was sent meanwhile, so that a
    /// loss is taken back. If it did not, each signal that ever came from here is unavailable since the source was
    /// heard last, until its value comes again.
    pub(super) async fn reconnected(&mut self, kept: bool) -> Result<(), Failure> {
        if kept {
            let readings = self.values.resume(&[], 0, clock::now());
            return self.deliver(readings, Vec::new()).await;
        }
        if self.lost_at().is_none() {
            let at = if self.arrived { self.last_heard } else { clock::now() };
            self.lose(at).await?;
        }
        self.values.begin(&[], clock::now());
        Ok(())
    }

    /// Hands on observations in order. What is in force is known afterwards; a time that contradicts the order of ours is moved.
    pub async fn observe(&mut self, observations: Vec<Observation>, tickets: Vec<Ticket>) -> Result<(), Failure> {
        let readings = observations.into_iter().map(|observation| self.values.observe(observation)).collect();
        self.deliver(readings, tickets).await
    }

    /// Hands on values that are in force now, after a time of which not all is known: what is already written is not written again,
    /// and what is older than the loss is stamped with now.
    pub async fn restate(&mut self, current: &[Observation], tickets: Vec<Ticket>) -> Result<(), Failure> {
        let now = self.source_time(clock::now());
        self.restate_at(current, now, tickets).await
    }

    /// As [`Feed::restate`], where `now` is by the clock that stamps these signals.
    pub async fn restate_at(
        &mut self,
        current: &[Observation],
        now: Timestamp,
        tickets: Vec<Ticket>,
    ) -> Result<(), Failure> {
        let readings = self.values.begin(current, now);
        self.deliver(readings, tickets).await
    }

    /// These signals have no source any more (a device died, an item is gone): they are unavailable from now on.
    pub async fn end(&mut self, signals: Vec<LocalSignal>, at: Timestamp) -> Result<(), Failure> {
        let readings = self.values.end(signals, at);
        if readings.is_empty() { Ok(()) } else { self.deliver(readings, Vec::new()).await }
    }

    /// Hands readings on, in order, with how far this brings the source.
    pub async fn deliver(&mut self, readings: Vec<Reading>, tickets: Vec<Ticket>) -> Result<(), Failure> {
        let position = self.position.clone().map(|position| (self.name.clone(), position));
        self.intake.deliver(readings, position, tickets).await.map_err(|_| Failure::Closed)
    }

    /// Hands on what has a time of its own and says nothing of what is in force now: history that the source kept.
    pub async fn history(&mut self, readings: Vec<Reading>) -> Result<(), Failure> {
        self.deliver(readings, Vec::new()).await
    }

    /// As [`Feed::history`], and stores with the last of them how far parts of the source were read, such as one file. A position that
    /// is the default is forgotten.
    pub async fn history_until(
        &mut self,
        readings: Vec<Reading>,
        parts: Vec<(String, Position)>,
    ) -> Result<(), Failure> {
        let named = parts.into_iter().map(|(part, position)| (format!("{}{PART}{part}", self.name), position));
        self.intake.deliver(readings, named, Vec::new()).await.map_err(|_| Failure::Closed)
    }

    /// How far an earlier run read parts of the source.
    pub fn marks(&self) -> &BTreeMap<String, Position> {
        &self.marks
    }

    /// Waits until all that was handed on is on the disk.
    pub async fn stored(&self) -> Result<(), Failure> {
        self.intake.stored().await.map_err(|_| Failure::Closed)
    }

    /// Since when the signal is lost, by the source's clock, and the time of what was in force until then.
    pub fn loss_of(&self, signal: LocalSignal) -> Option<(Timestamp, Option<Timestamp>)> {
        self.values.loss_of(signal)
    }

    /// Hands on what the source kept of a signal while it was lost, in order; what is in force is known afterwards. With `before`,
    /// the value in force at the loss, nothing was missed since then: the loss is taken back.
    pub async fn recover(
        &mut self,
        signal: LocalSignal,
        before: Option<Value>,
        kept: Vec<Observation>,
    ) -> Result<(), Failure> {
        let back = before.and_then(|before| self.values.take_back(signal, before));
        let mut readings: Vec<_> = back.into_iter().collect();
        readings.extend(kept.into_iter().map(|observation| self.values.observe(observation)));
        if readings.is_empty() { Ok(()) } else { self.deliver(readings, Vec::new()).await }
    }

    /// Whether a value of the signal was written in this run.
    pub fn knows(&self, signal: LocalSignal) -> bool {
        self.values.knows(signal)
    }

    /// Whether this value of the signal is in force, as far as was written.
    pub fn has_value(&self, signal: LocalSignal, value: &Value) -> bool {
        self.values.in_force(signal) == Some(value)
    }

    /// Since when the source is lost, by its clock.
    pub fn lost_at(&self) -> Option<Timestamp> {
        self.values.lost_at()
    }

    /// The source has found its place. `resumed`: exactly where the run before had stopped. Said once; later calls change nothing.
    pub fn arrive(&mut self, resumed: bool) {
        if !std::mem::replace(&mut self.arrived, true) {
            if resumed {
                self.catching_up = self.before.map(|before| self.intake.begin(before));
            }
            self.intake.arrived(resumed);
        }
    }

    /// Whether it found its place.
    pub fn has_arrived(&self) -> bool {
        self.arrived
    }

    /// All that the source's buffer held has been read.
    pub fn caught_up(&mut self) -> Option<Ticket> {
        self.catching_up.take()
    }

    /// Data flows as before: failures before are forgotten.
    pub fn progress(&mut self) {
        self.progress = true;
    }

    /// Data flows: failures before are forgotten. The source's state, in words, is told when it changed.
    pub fn flowing(&mut self, state: SourceState) {
        self.progress = true;
        self.state(state);
    }

    /// The source's state.
    pub fn state(&mut self, state: SourceState) {
        let ok = state.is_ok();
        if self.health.source(self.number, state.clone()) {
            match ok {
                true => tracing::info!(source = %self.name, "{state}"),
                false => tracing::warn!(source = %self.name, "{state}"),
            }
        }
    }

    /// Standing remarks, beside the state: what is not mapped, what was missed, what was refused.
    pub fn remarks(&mut self, remarks: Vec<String>) {
        self.remarks = remarks;
        self.tell();
    }

    fn tell(&self) {
        let mut remarks = self.remarks.clone();
        if self.skew.abs() >= SKEW_TOLD {
            let (seconds, way) = (self.skew.abs() / 1_000_000, if self.skew > 0 { "ahead of" } else { "behind" });
            remarks.push(format!(
                "its clock is {} h {:02} min {:02} s {way} the collector's: set it right",
                seconds / 3_600,
                seconds / 60 % 60,
                seconds % 60
            ));
        }
        self.health.remarks(self.number, remarks);
    }

    pub(super) fn take_progress(&mut self) -> bool {
        std::mem::take(&mut self.progress)
    }

    /// Writes that the source is lost since this moment of the collector's clock.
    pub(super) async fn lose(&mut self, at: Timestamp) -> Result<(), Failure> {
        if let Some(ticket) = self.catching_up.take() {
            ticket.abandon();
        }
        let mut readings = self.values.lose([], self.source_time(at));
        for signal in self.all_signals() {
            let at = self.time_of(signal, at);
            readings.extend(self.values.end([signal], at));
        }
        tracing::warn!(source = %self.name, %at, signals = readings.len(), "the source is lost; its signals are unavailable");
        let position = self.position.take().map(|position| Position { lost_at: self.values.lost_at(), ..position });
        self.position = position;
        self.deliver(readings, Vec::new()).await
    }

    /// Whether the signal is unavailable, as far as was written.
    pub fn is_unavailable(&self, signal: LocalSignal) -> bool {
        self.values.in_force(signal).is_none_or(|value| *value == Value::Unavailable)
    }
}
