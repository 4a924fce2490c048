//! The last day of one unit, in memory.

mod laid;

use std::sync::Arc;

use gemba_domain::{
    Interval, Timestamp,
    oee::{Carry, CountRoles, Elements, Event, StateInterval, UnitConfig, UnitFacts, UnitFold, derive_from},
    order::Work,
    reason::{ReasonId, Stretch},
    rule::Tracks,
    shift::ShiftInstance,
    signal::SignalRole,
    state::UnitState,
};

use super::context::{Accounted, Context, MARGIN_MICROS};
use crate::{order::Catalogue, plant::Unit};

/// How a unit is now, with the elements of the running shift so far.
#[derive(Clone, Debug)]
pub struct Now {
    pub state: UnitState,
    pub cause: Option<Arc<str>>,
    pub since: Timestamp,
    pub last_sample: Option<Timestamp>,
    pub elements: Elements,
    /// What it works on, with the ideal cycle of that.
    pub work: Option<Work>,
    /// Its pieces can be weighed: there is an ideal cycle, and something that counts.
    pub rated: bool,
}

impl Now {
    /// Seconds a piece takes ideally: of what was made in the shift so far (weighed by pieces), else of what is worked on.
    pub fn pri_seconds(&self) -> Option<f64> {
        if !self.rated {
            return None;
        }
        let made = (self.elements.pq > 0.0 && self.elements.pri_pq > 0.0)
            .then(|| self.elements.pri_pq / self.elements.pq / 1e6);
        made.or_else(|| self.work.as_ref()?.pri_micros.map(|micros| micros as f64 / 1e6))
    }
}

/// What the time before a window left.
#[derive(Debug, Default)]
pub struct Past {
    /// Signs, counters and words.
    pub carry: Carry,
    /// What the unit did before the window, as far as it decides what is said of the window.
    pub states: Vec<StateInterval>,
    /// What the machine's own words gave then, as far as rules look back that make states.
    pub machine: Vec<StateInterval>,
    /// What the signals said that rules read, before the window and within it.
    pub tracks: Tracks,
}

/// The events and coverage of a window that ends now, folded. The fold is the definition; what is kept beside it
/// serves to make it anew when something arrives late.
#[derive(Debug)]
pub struct UnitBoard {
    config: UnitConfig,
    window_from: Timestamp,
    past: Past,
    /// Rules need what signals said from here on.
    tracks_from: Timestamp,
    context: Context,
    /// By time; of equal times in order of arrival.
    events: Vec<Event>,
    coverage: Vec<Interval>,
    fold: UnitFold,
    /// The states of the window by rules, up to `laid_to`; empty where no rule makes states.
    laid: Vec<StateInterval>,
    laid_to: Timestamp,
    last_sample: Option<Timestamp>,
    /// From here on the stored facts are not what the fold says.
    unsaved_from: Timestamp,
    /// The stop that went on when facts were stored last, and the reason that rules gave it then.
    explained: Option<(Timestamp, Option<ReasonId>)>,
}

/// What the domain must know of a unit.
pub fn config_of(unit: &Unit, catalogue: &Catalogue) -> UnitConfig {
    let has = |role: SignalRole| unit.signals.iter().any(|signal| signal.role == Some(role));
    UnitConfig {
        pri_micros: catalogue.shortest_pri(unit.id),
        counts: CountRoles {
            good: has(SignalRole::GoodCount),
            scrap: has(SignalRole::ScrapCount),
            total: has(SignalRole::TotalCount),
            rework: has(SignalRole::ReworkCount),
        },
        counter_max: unit.counter_maximum,
        ..UnitConfig::default()
    }
}

impl UnitBoard {
    /// A window that begins at `window_from`, with what is stored of it.
    pub fn new(
        config: UnitConfig,
        context: Context,
        window_from: Timestamp,
        mut past: Past,
        events: Vec<Event>,
        coverage: Vec<Interval>,
    ) -> Self {
        let last_sample = events.last().map(|event| event.time).max(past.tracks.last_time());
        let fold = UnitFold::resume(config.clone(), window_from, past.carry.clone());
        let tracks_from = context.keep_deciding(&mut past.states, window_from);
        let mut board = Self {
            config,
            context,
            window_from,
            past,
            tracks_from,
            events,
            coverage,
            fold,
            laid: Vec::new(),
            laid_to: window_from,
            last_sample,
            unsaved_from: window_from,
            explained: None,
        };
        board.fold_again();
        board.lay();
        board
    }

    pub fn config(&self) -> &UnitConfig {
        &self.config
    }

    pub fn window_from(&self) -> Timestamp {
        self.window_from
    }

    fn fold_again(&mut self) {
        self.events.sort_by_key(|event| event.time);
        self.fold = UnitFold::resume(self.config.clone(), self.window_from, self.past.carry.clone());
        for stretch in &self.coverage {
            self.fold.cover(*stretch);
        }
        for event in &self.events {
            // In order and within the window: it cannot be refused.
            self.fold.apply(event.time, event.role, &event.value).ok();
        }
    }

    /// Takes in events in any order. Those before the window are the caller's to derive again.
    pub fn take(&mut self, events: impl IntoIterator<Item = Event>) {
        let mut again = false;
        for event in events {
            if event.time < self.window_from {
                continue;
            }
            self.last_sample = self.last_sample.max(Some(event.time));
            self.changed_from(event.time);
            let late = self.events.last().is_some_and(|last| event.time <= last.time);
            if late {
                // The same reading may come twice; of two for one moment the later one stands.
                let begin = self.events.partition_point(|known| known.time < event.time);
                let same = self.events.iter_mut().skip(begin).take_while(|known| known.time == event.time);
                if let Some(known) = same.into_iter().find(|known| known.role == event.role) {
                    again |= known.value != event.value;
                    known.value = event.value;
                    continue;
                }
            }
            again |= self.fold.apply(event.time, event.role, &event.value).is_err();
            self.events.push(event);
        }
        if again {
            self.fold_again();
        } else if !self.events.is_sorted_by_key(|event| event.time) {
            self.events.sort_by_key(|event| event.time);
        }
    }

    /// Facts from this moment on may be others.
    fn changed_from(&mut self, time: Timestamp) {
        self.unsaved_from = self.unsaved_from.min(time);
        self.laid_to = self.laid_to.min(time);
    }

    /// Somebody was watching in this stretch.
    pub fn cover(&mut self, stretch: Interval) {
        let stretch = Interval::new(stretch.from.max(self.window_from), stretch.to);
        if stretch.is_empty() {
            return;
        }
        self.changed_from(stretch.from);
        match self.coverage.last_mut() {
            Some(last) if last.from <= stretch.from && stretch.from <= last.to => last.to = last.to.max(stretch.to),
            _ => self.coverage.push(stretch),
        }
        self.fold.cover(stretch);
    }

    /// Another ideal cycle or another set of counters.
    pub fn reconfigure(&mut self, config: UnitConfig) {
        if config != self.config {
            self.config = config;
            self.unsaved_from = self.window_from;
            self.fold_again();
        }
    }

    /// Something else is said of the time from `from` on. When other rules want other signals, the unit is read again first,
    /// and stays as it is until then.
    pub fn set_context(&mut self, context: Context, from: Timestamp) {
        if !self.has_what_rules_read(&context) {
            return;
        }
        let zone = |context: &Context| *context.calendar.time_zone();
        if context.state_rules() != self.context.state_rules() || zone(&context) != zone(&self.context) {
            self.laid_to = self.window_from;
        }
        self.context = context;
        self.unsaved_from = self.unsaved_from.min(from.max(self.window_from));
        self.lay();
    }

    /// Whether what is held serves rules that read this.
    pub(super) fn has_what_rules_read(&self, context: &Context) -> bool {
        context.read() == self.context.read()
            && context.has_reason_rules() == self.context.has_reason_rules()
            && context.state_rules().is_empty() == self.context.state_rules().is_empty()
    }

    pub(super) fn context(&self) -> &Context {
        &self.context
    }

    /// Lets go of what lies before `window_from`.
    pub fn trim(&mut self, window_from: Timestamp) {
        if window_from <= self.window_from {
            return;
        }
        let mut states = self.states_before(window_from);
        let tracks_from = self.context.keep_deciding(&mut states, window_from);
        let mut machine = Vec::new();
        if !self.context.state_rules().is_empty() {
            let hour = Interval::new(window_from.plus_micros(-MARGIN_MICROS), window_from);
            let known = Interval::new(hour.from.max(self.window_from), hour.to);
            machine = std::mem::take(&mut self.past.machine);
            machine.retain(|state| state.interval.to > hour.from);
            self.fold.states(known).into_iter().for_each(|state| state.append_to(&mut machine));
        }
        let gone = Interval::new(self.window_from, window_from);
        let (_, carry) = derive_from(&self.config, self.past.carry.clone(), &self.events, &self.coverage, gone);
        let mut tracks = std::mem::take(&mut self.past.tracks);
        tracks.forget_before(tracks_from);
        self.past = Past { carry, states, machine, tracks };
        self.tracks_from = tracks_from;
        self.window_from = window_from;
        self.events.retain(|event| event.time >= window_from);
        self.coverage.retain(|stretch| stretch.to > window_from);
        self.unsaved_from = self.unsaved_from.max(window_from);
        self.fold_again();
        self.laid_to = window_from;
        self.lay();
    }

    /// Up to where its facts are known.
    pub fn covered_to(&self) -> Timestamp {
        self.fold.covered_to()
    }

    /// The states of a period that ends now. While data flows the newest one reaches to its end.
    pub fn states(&self, period: Interval) -> Vec<StateInterval> {
        let known = Interval::new(period.from, self.known_until(period.to));
        let mut states = self.said(known);
        if let Some(last) = states.last_mut() {
            last.interval.to = period.to;
        }
        states
    }

    /// While data flows the last moments are not known yet, and are not missing either: figures reach to the end of
    /// coverage. Once it is stale the time since is unknown.
    pub(super) fn known_until(&self, now: Timestamp) -> Timestamp {
        let covered_to = self.fold.covered_to();
        if now.micros_since(covered_to) <= self.config.stale_after_micros { covered_to.min(now) } else { now }
    }

    /// The states up to a moment: at least those that decide what is said of the time after it.
    fn states_before(&self, time: Timestamp) -> Vec<StateInterval> {
        let mut states = self.past.states.clone();
        let hour = time.plus_micros(-MARGIN_MICROS);
        let from = if self.context.has_reason_rules() { self.window_from } else { hour.max(self.window_from) };
        let known = Interval::new(from, time);
        if !known.is_empty() {
            self.said(known).into_iter().for_each(|state| state.append_to(&mut states));
        }
        states
    }

    /// The states of a period and, as far as they are known, those around it that decide what is said of it.
    fn states_around(&self, period: Interval) -> Vec<StateInterval> {
        let mut states = self.states_before(period.from);
        self.context.keep_deciding(&mut states, period.from);
        let end = period.to.plus_micros(self.context.ahead_micros()).min(self.fold.covered_to().max(period.to));
        let rest = Interval::new(period.from.max(self.window_from), end);
        if !rest.is_empty() {
            self.said(rest).into_iter().for_each(|state| state.append_to(&mut states));
        }
        states
    }

    /// Facts of a period, with the states around it.
    fn facts_around(&self, period: Interval) -> UnitFacts {
        let begin = period.from.plus_micros(-MARGIN_MICROS).max(self.window_from);
        let wide = Interval::new(begin.min(period.from), period.to.plus_micros(MARGIN_MICROS));
        UnitFacts {
            intervals: self.states_around(period),
            labels: self.fold.facts(wide).labels,
            ..self.fold.facts(period)
        }
    }

    /// States as counted.
    pub fn stretches(&self, period: Interval) -> Vec<Stretch> {
        let states = self.states_around(period);
        self.context.annotate((&states, &self.past.tracks), period, self.fold.covered_to())
    }

    /// All that is known and said of a period, which begins within the window.
    pub fn account(&self, period: Interval) -> Accounted {
        self.context.account(&self.facts_around(period), &self.past.tracks, period, self.fold.covered_to())
    }

    /// Facts of a period that begins within the window, cut at it.
    pub fn facts(&self, period: Interval) -> UnitFacts {
        UnitFacts { intervals: self.said(period), ..self.fold.facts(period) }
    }

    /// How the unit is at `now`; figures since the shift began.
    pub fn now(&self, now: Timestamp, shift: Option<&ShiftInstance>) -> Now {
        let current = self.current(now);
        let period = shift.map(|shift| Interval::new(shift.from.max(self.window_from), self.known_until(now)));
        let elements = match (shift, period) {
            (Some(shift), Some(period)) if !period.is_empty() => {
                let facts = self.facts_around(period);
                let known_to = self.fold.covered_to();
                self.context.elements((&facts, &self.past.tracks), std::slice::from_ref(shift), period, known_to)
            }
            _ => Elements::default(),
        };
        let at = now.min(self.fold.covered_to());
        let labels = self.fold.facts(Interval::new(at, at.plus_micros(1))).labels;
        // What a person says of the stop that goes on changes how it counts.
        let last = self.stretches(Interval::new(current.since, now)).pop();
        Now {
            state: last.filter(|last| last.said == current.state).map_or(current.state, |last| last.state),
            cause: current.cause,
            since: current.since,
            last_sample: self.last_sample,
            elements,
            work: self.context.work_at(&labels, at),
            rated: self.config.pri_micros.is_some() && self.config.counts != CountRoles::default(),
        }
    }

    /// Takes the facts that are not stored yet, from the beginning of an hour on; `None` when all are. Those that cannot
    /// be stored are given back to [`unsave`](Self::unsave).
    pub fn take_unsaved(&mut self) -> Option<(Interval, Accounted)> {
        let to = self.fold.covered_to();
        if self.unsaved_from >= to {
            return None;
        }
        // A stop that ends now may turn out short in the hour before.
        let mut changed = self.unsaved_from.plus_micros(-self.config.minor_stop_micros);
        // A rule that holds late in a stop explains all of it.
        if self.context.has_reason_rules() {
            let states = self.states_around(Interval::new(self.unsaved_from, to));
            let explained = |time| self.context.explained_at(time, (&states, &self.past.tracks), to);
            if let Some(stop) = explained(self.unsaved_from)
                && self.explained != Some(stop)
            {
                changed = changed.min(stop.0);
            }
            self.explained = explained(to);
        }
        let hour = Timestamp::from_seconds(changed.micros().div_euclid(3_600_000_000) * 3600);
        let period = Interval::new(hour.max(self.window_from), to);
        self.unsaved_from = to;
        Some((period, self.account(period)))
    }

    /// The facts from here on are not stored after all.
    pub fn unsave(&mut self, from: Timestamp) {
        self.unsaved_from = self.unsaved_from.min(from);
    }
}
