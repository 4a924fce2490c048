//! What plans and people say of one unit: its calendar, what it worked on, why it stood. Laid over its facts, it gives the
//! rows that are stored.

use std::sync::Arc;

use gemba_domain::{
    Interval, Timestamp,
    equipment::{EquipmentId, EquipmentPath},
    oee::{Elements, Label, Plan, Row, StateInterval, UnitFacts, by_hour, elements},
    order::{OrderId, ProductId, Work},
    reason::{Annotations, Assignment, RuleHit, Stretch, annotate},
    rule::{Inputs, Name, Stop, Tracks, offset_of},
    shift::ShiftInstance,
    signal::{SignalRole, Value},
    state::UnitState,
};
use sqlx::PgConnection;

use crate::{
    calendar::Calendar,
    order::{self, Catalogue, Run},
    plant::Plant,
    reason::{self, Reasons, Rule},
};

/// Longest short stop: states of so much time before and after a period decide what is short within it, microseconds.
pub const MARGIN_MICROS: i64 = 3_600_000_000;

/// What plans and people say of one unit over a period.
#[derive(Clone, Debug)]
pub struct Context {
    pub(super) unit: EquipmentId,
    pub(super) calendar: Arc<Calendar>,
    catalogue: Arc<Catalogue>,
    reasons: Arc<Reasons>,
    /// Of the unit, for rules that are for parts of the plant.
    path: Option<EquipmentPath>,
    /// What people said, by begin.
    assignments: Vec<Assignment>,
    runs: Vec<Run>,
    /// Its own signals name its orders.
    names_orders: bool,
    /// From when on time without an order is time without an order; `None`: nobody tells its orders.
    by_order_since: Option<Timestamp>,
    minor_stop_micros: i64,
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
        let around = Interval::new(period.from.plus_micros(-MARGIN_MICROS), period.to.plus_micros(MARGIN_MICROS));
        let (runs, first) = order::runs(&mut *db, unit, around).await?;
        let names_orders = plant
            .unit_of(unit)
            .is_some_and(|found| found.unit.signals.iter().any(|s| matches!(s.role, Some(SignalRole::Order))));
        Ok(Self {
            unit,
            calendar,
            catalogue: plant.catalogue.clone(),
            reasons: plant.reasons.clone(),
            path: plant.unit_of(unit).map(|found| found.unit.path.clone()),
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
        self.calendar = calendar;
        self
    }

    /// Lays reasons over states. `states` reach [`MARGIN_MICROS`] beyond `period` on both sides, as far as they are known;
    /// what comes out is cut at it.
    pub fn annotate(
        &self,
        (states, labels): (&[StateInterval], &[Label]),
        period: Interval,
        known_to: Timestamp,
    ) -> Vec<Stretch> {
        let rules: Vec<RuleHit> = self
            .reasons
            .rules
            .iter()
            .filter(|rule| self.path.as_ref().is_some_and(|path| rule.is_for(path)))
            .map(|rule| RuleHit { holds: self.hits(rule, states, labels, known_to), reason: rule.reason })
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
    pub fn hits(&self, rule: &Rule, states: &[StateInterval], labels: &[Label], known_to: Timestamp) -> Vec<Interval> {
        let mut tracks = Tracks::default();
        for label in labels {
            let name = match label.role {
                SignalRole::Order => Name::Order,
                SignalRole::Product => Name::Product,
                SignalRole::StopReason => Name::StopReason,
                _ => continue,
            };
            // Until the next word; where that begins at this one's end it stands.
            tracks.say(name.clone(), label.interval.from, Value::Text(label.word.clone()));
            let follows = |next: &&Label| next.role == label.role && next.interval.from == label.interval.to;
            if !labels.iter().any(|next| follows(&next)) {
                tracks.say(name, label.interval.to, Value::Unavailable);
            }
        }
        let offset = offset_of(*self.calendar.time_zone());
        let inputs = Inputs { tracks: &tracks, states, offset: &offset, stop: None };
        let stands = |state: &&StateInterval| !matches!(state.state, UnitState::Producing | UnitState::Unknown);
        let stop = |state: &StateInterval| Stop { interval: state.interval, ended: state.interval.to < known_to };
        states
            .iter()
            .filter(stands)
            .filter(|state| rule.condition.explains(&inputs, stop(state)))
            .map(|state| state.interval)
            .collect()
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
    pub fn account(&self, facts: &UnitFacts, period: Interval, known_to: Timestamp) -> Accounted {
        let states = self.annotate((&facts.intervals, &facts.labels), period, known_to);
        let shifts = self.calendar.shifts(period);
        let works = self.works(&facts.labels, period);
        let rows = by_hour(&states, &facts.counts, &self.plan(&shifts, &works), period);
        Accounted { states, shifts, works, rows }
    }

    /// The sums of a period.
    pub fn elements(
        &self,
        facts: &UnitFacts,
        shifts: &[ShiftInstance],
        period: Interval,
        known_to: Timestamp,
    ) -> Elements {
        let states = self.annotate((&facts.intervals, &facts.labels), period, known_to);
        let works = self.works(&facts.labels, period);
        elements(&states, &facts.counts, &self.plan(shifts, &works), period)
    }

    /// What the unit works on at a moment, and the ideal cycle of that, microseconds.
    pub fn work_at(&self, labels: &[Label], at: Timestamp) -> Option<Work> {
        self.works(labels, Interval::new(at, at.plus_micros(1))).into_iter().next()
    }
}
