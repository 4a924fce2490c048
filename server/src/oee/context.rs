//! What plans and people say of one unit: its calendar, what it worked on, why it stood. Laid over its facts, it gives the
//! rows that are stored.

use std::sync::Arc;

use gemba_domain::{
    Interval, Timestamp,
    equipment::{EquipmentId, EquipmentPath},
    oee::{Elements, Label, Plan, Row, StateInterval, UnitFacts, by_hour, elements},
    order::{OrderId, ProductId, Work},
    reason::{Annotations, Assignment, ReasonId, RuleHit, Stretch, annotate},
    rule::{Inputs, Name, StateRules, Stop, Tracks, offset_of, unwatched},
    shift::ShiftInstance,
    signal::{SignalId, SignalRole},
    state::UnitState,
};
use sqlx::PgConnection;

use crate::{
    calendar::Calendar,
    order::{self, Catalogue, Run},
    plant::{Plant, Unit},
    reason::{self, Reasons, Rule},
};

/// Longest short stop: states of so much time before and after a period decide what is short within it, microseconds.
pub const MARGIN_MICROS: i64 = 3_600_000_000;
/// How far before a period a rule still sees a stop that goes on in it, microseconds.
pub const REACH_MICROS: i64 = 25 * 3_600_000_000;

/// What plans and people say of one unit over a period.
#[derive(Clone, Debug)]
pub struct Context {
    pub(super) unit: EquipmentId,
    pub(super) calendar: Arc<Calendar>,
    catalogue: Arc<Catalogue>,
    reasons: Arc<Reasons>,
    /// Of the unit, for rules that are for parts of the plant.
    path: Option<EquipmentPath>,
    /// Rules that make its states.
    state_rules: Arc<StateRules>,
    /// Rules give its stops a reason.
    explains: bool,
    /// The signals that its rules read.
    read: Vec<(SignalId, Name)>,
    /// What people said, by begin.
    assignments: Vec<Assignment>,
    runs: Vec<Run>,
    /// Its own signals name its orders.
    names_orders: bool,
    /// From when on time without an order is time without an order; `None`: nobody tells its orders.
    by_order_since: Option<Timestamp>,
    minor_stop_micros: i64,
}

/// Whether it is a stop that a rule may explain.
fn stands(state: &StateInterval) -> bool {
    !matches!(state.state, UnitState::Producing | UnitState::Unknown)
}

fn explains(plant: &Plant, unit: &Unit) -> bool {
    plant.reasons.rules.iter().any(|rule| rule.is_for(&unit.path))
}

fn stop_of(state: &StateInterval, known_to: Timestamp) -> Stop {
    Stop { interval: state.interval, ended: state.interval.to < known_to }
}

/// The facts of a period with all that is said of them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Accounted {
    /// States as counted.
    pub states: Vec<Stretch>,
    /// The shifts that rows name by position.
    pub shifts: Vec<ShiftInstance>,
    /// What was worked on, which rows name by position.
    pub works: Vec<Work>,
    /// By hour, shift and work.
    pub rows: Vec<Row>,
}

impl Context {
    /// Reads what is said of a unit over a period.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn load(
        db: &mut PgConnection,
        plant: &Plant,
        calendar: Arc<Calendar>,
        unit: EquipmentId,
        minor_stop_micros: i64,
        period: Interval,
    ) -> sqlx::Result<Self> {
        let around =
            Interval::new(period.from.plus_micros(-REACH_MICROS - MARGIN_MICROS), period.to.plus_micros(MARGIN_MICROS));
        let (runs, first) = order::runs(&mut *db, unit, around).await?;
        let found = plant.unit_of(unit).map(|found| found.unit);
        let names_orders =
            found.is_some_and(|unit| unit.signals.iter().any(|s| matches!(s.role, Some(SignalRole::Order))));
        Ok(Self {
            unit,
            calendar,
            catalogue: plant.catalogue.clone(),
            reasons: plant.reasons.clone(),
            path: found.map(|unit| unit.path.clone()),
            state_rules: found.map(|unit| plant.state_rules_of(unit)).unwrap_or_default(),
            explains: found.is_some_and(|unit| explains(plant, unit)),
            read: found.map(|unit| plant.read_by_rules(unit)).unwrap_or_default(),
            assignments: reason::assignments(&mut *db, unit, around).await?,
            runs,
            names_orders,
            by_order_since: if names_orders { Some(Timestamp::from_micros(i64::MIN)) } else { first },
            minor_stop_micros,
        })
    }

    /// With master data as they are now.
    pub(super) fn with_plant(mut self, plant: &Plant, calendar: Arc<Calendar>) -> Self {
        self.catalogue = plant.catalogue.clone();
        self.reasons = plant.reasons.clone();
        if let Some(found) = plant.unit_of(self.unit) {
            self.state_rules = plant.state_rules_of(found.unit);
            self.explains = explains(plant, found.unit);
            self.read = plant.read_by_rules(found.unit);
        }
        self.calendar = calendar;
        self
    }

    /// The signals that rules of the unit read.
    pub fn read(&self) -> &[(SignalId, Name)] {
        &self.read
    }

    /// Rules that make states of the unit.
    pub fn state_rules(&self) -> &Arc<StateRules> {
        &self.state_rules
    }

    /// Whether rules give its stops a reason.
    pub fn has_reason_rules(&self) -> bool {
        self.explains
    }

    /// For so long after a period states decide what is said of it, microseconds: a stop may turn out a short one, and a rule
    /// may hold late in it.
    pub fn ahead_micros(&self) -> i64 {
        if self.has_reason_rules() { REACH_MICROS } else { MARGIN_MICROS }
    }

    /// Of the states before `time`, those that decide what is said of the time after: a stop that goes on whole, as far as
    /// rules look back, and [`MARGIN_MICROS`] before that. Gives where they begin.
    pub fn keep_deciding(&self, states: &mut Vec<StateInterval>, time: Timestamp) -> Timestamp {
        let farthest = time.plus_micros(-REACH_MICROS);
        let goes_on = states.last().filter(|last| last.interval.to == time && stands(last));
        let begin = match goes_on {
            Some(last) if self.has_reason_rules() => last.interval.from.max(farthest),
            _ => time,
        };
        let begin = begin.plus_micros(-MARGIN_MICROS);
        states.retain_mut(|state| {
            state.interval.from = state.interval.from.max(farthest.plus_micros(-MARGIN_MICROS));
            state.interval.to > begin
        });
        begin
    }

    /// The states of a period with those of the unit's rules laid over them. `machine` is what the machine's own words gave,
    /// of the period and of [`MARGIN_MICROS`] before it; `tracks` likewise.
    pub fn lay(&self, machine: &[StateInterval], tracks: &Tracks, period: Interval) -> Vec<StateInterval> {
        self.lay_by(&self.state_rules, machine, tracks, period)
    }

    /// The same by other rules.
    pub fn lay_by(
        &self,
        rules: &StateRules,
        machine: &[StateInterval],
        tracks: &Tracks,
        period: Interval,
    ) -> Vec<StateInterval> {
        let offset = offset_of(*self.calendar.time_zone());
        let unwatched = unwatched(machine);
        let inputs = Inputs { tracks, states: machine, unwatched: &unwatched, offset: &offset, stop: None };
        rules.apply(&inputs, period)
    }

    /// Lays reasons over states. `states` are those that decide before the period (see [`Self::keep_deciding`]), those of it,
    /// and of [`Self::ahead_micros`] after it, as far as they are known; `tracks` is what the signals said that rules read, as long.
    /// What comes out is cut at the period.
    pub fn annotate(
        &self,
        (states, tracks): (&[StateInterval], &Tracks),
        period: Interval,
        known_to: Timestamp,
    ) -> Vec<Stretch> {
        let rules: Vec<RuleHit> = self
            .reasons
            .rules
            .iter()
            .filter(|rule| self.path.as_ref().is_some_and(|path| rule.is_for(path)))
            .map(|rule| RuleHit { holds: self.hits(rule, (states, tracks), known_to), reason: rule.reason })
            .collect();
        let notes = Annotations {
            categories: Some(&self.reasons.categories),
            assignments: &self.assignments,
            rules: &rules,
            minor_stop_micros: self.minor_stop_micros,
            known_to: Some(known_to),
        };
        let mut all = annotate(states, &notes);
        all.retain_mut(|stretch| match stretch.interval.intersection(&period) {
            Some(within) => {
                stretch.interval = within;
                true
            }
            None => false,
        });
        all
    }

    /// The standing states in which a rule holds at some moment. One that reaches `known_to` goes on.
    pub fn hits(
        &self,
        rule: &Rule,
        (states, tracks): (&[StateInterval], &Tracks),
        known_to: Timestamp,
    ) -> Vec<Interval> {
        let offset = offset_of(*self.calendar.time_zone());
        let unwatched = unwatched(states);
        let inputs = Inputs { tracks, states, unwatched: &unwatched, offset: &offset, stop: None };
        let holds = |state: &&StateInterval| rule.condition.explains(&inputs, stop_of(state, known_to));
        states.iter().filter(|state| stands(state)).filter(holds).map(|state| state.interval).collect()
    }

    /// The stop that goes on up to `time` or over it, whole as far as rules look back: its begin, and the reason that rules
    /// give it.
    pub fn explained_at(
        &self,
        time: Timestamp,
        (states, tracks): (&[StateInterval], &Tracks),
        known_to: Timestamp,
    ) -> Option<(Timestamp, Option<ReasonId>)> {
        let here = |state: &&StateInterval| state.interval.from < time && state.interval.to >= time && stands(state);
        let state = states.iter().find(here)?;
        let offset = offset_of(*self.calendar.time_zone());
        let unwatched = unwatched(states);
        let inputs = Inputs { tracks, states, unwatched: &unwatched, offset: &offset, stop: None };
        let stop = stop_of(state, known_to);
        let mut rules =
            self.reasons.rules.iter().filter(|rule| self.path.as_ref().is_some_and(|path| rule.is_for(path)));
        let rule = rules.find(|rule| rule.condition.explains(&inputs, stop));
        Some((state.interval.from, rule.map(|rule| rule.reason)))
    }

    /// What the unit worked on over a period, without holes: by its own signals where they name orders, else by the runs that
    /// people began; with the ideal cycle of each.
    pub fn works(&self, labels: &[Label], period: Interval) -> Vec<Work> {
        let said: Vec<(Interval, Option<OrderId>, Option<ProductId>)> = if self.names_orders {
            self.named(labels, period)
        } else if self.runs.is_empty() {
            self.named_products(labels, period)
        } else {
            self.begun(labels, period)
        };
        let mut works = Vec::new();
        for (interval, order, product) in said {
            let mut from = interval.from;
            let changes = self.catalogue.changes(self.unit, product, interval);
            for to in changes.into_iter().chain([interval.to]) {
                let pri_micros = self.catalogue.pri(self.unit, product, from);
                works.push(Work { interval: Interval::new(from, to), order, product, pri_micros });
                from = to;
            }
        }
        works
    }

    fn product_at(&self, labels: &[Label], at: Timestamp) -> Option<ProductId> {
        let label = labels.iter().find(|l| l.role == SignalRole::Product && l.interval.contains(at))?;
        self.catalogue.product(&label.word)
    }

    /// Cuts a period where words of this role, or the product, change.
    fn cuts(labels: &[Label], period: Interval) -> Vec<Interval> {
        let mut at: Vec<Timestamp> = labels
            .iter()
            .filter(|label| matches!(label.role, SignalRole::Order | SignalRole::Product))
            .flat_map(|label| [label.interval.from, label.interval.to])
            .filter(|at| period.from < *at && *at < period.to)
            .chain([period.from, period.to])
            .collect();
        at.sort_unstable();
        at.dedup();
        at.windows(2).map(|pair| Interval::new(pair[0], pair[1])).collect()
    }

    fn named(&self, labels: &[Label], period: Interval) -> Vec<(Interval, Option<OrderId>, Option<ProductId>)> {
        let of = |interval: Interval| {
            let order = labels.iter().find(|l| l.role == SignalRole::Order && l.interval.contains(interval.from));
            let known = order.and_then(|label| self.catalogue.order(&label.word));
            let product = known.map(|(_, product)| product).or_else(|| self.product_at(labels, interval.from));
            (interval, known.map(|(order, _)| order), product)
        };
        Self::cuts(labels, period).into_iter().map(of).collect()
    }

    fn named_products(
        &self,
        labels: &[Label],
        period: Interval,
    ) -> Vec<(Interval, Option<OrderId>, Option<ProductId>)> {
        let of = |interval: Interval| (interval, None, self.product_at(labels, interval.from));
        Self::cuts(labels, period).into_iter().map(of).collect()
    }

    fn begun(&self, labels: &[Label], period: Interval) -> Vec<(Interval, Option<OrderId>, Option<ProductId>)> {
        let mut out = Vec::new();
        let mut time = period.from;
        let free = |from: Timestamp, to: Timestamp, out: &mut Vec<_>| {
            let rest = Interval::new(from, to);
            if !rest.is_empty() {
                out.extend(self.named_products(labels, rest));
            }
        };
        for run in &self.runs {
            let Some(common) =
                Interval::new(run.from, run.to.unwrap_or(period.to)).intersection(&Interval::new(time, period.to))
            else {
                continue;
            };
            free(time, common.from, &mut out);
            out.push((common, Some(run.order), Some(run.product)));
            time = common.to;
        }
        free(time, period.to, &mut out);
        out
    }

    fn plan<'a>(&self, shifts: &'a [ShiftInstance], works: &'a [Work]) -> Plan<'a> {
        Plan { shifts, works, pri_micros: None, by_order_since: self.by_order_since }
    }

    /// All of a period. `facts` have its counts and labels, and the states around it (see [`Self::annotate`]).
    pub fn account(&self, facts: &UnitFacts, tracks: &Tracks, period: Interval, known_to: Timestamp) -> Accounted {
        let states = self.annotate((&facts.intervals, tracks), period, known_to);
        let shifts = self.calendar.shifts(period);
        let works = self.works(&facts.labels, period);
        let rows = by_hour(&states, &facts.counts, &self.plan(&shifts, &works), period);
        Accounted { states, shifts, works, rows }
    }

    /// The sums of a period.
    pub fn elements(
        &self,
        (facts, tracks): (&UnitFacts, &Tracks),
        shifts: &[ShiftInstance],
        period: Interval,
        known_to: Timestamp,
    ) -> Elements {
        let states = self.annotate((&facts.intervals, tracks), period, known_to);
        let works = self.works(&facts.labels, period);
        elements(&states, &facts.counts, &self.plan(shifts, &works), period)
    }

    /// What the unit works on at a moment, and the ideal cycle of that, microseconds.
    pub fn work_at(&self, labels: &[Label], at: Timestamp) -> Option<Work> {
        self.works(labels, Interval::new(at, at.plus_micros(1))).into_iter().next()
    }
}
