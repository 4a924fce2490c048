use std::{
    collections::BTreeMap,
    iter::Sum,
    ops::{Add, AddAssign},
};

use serde::{Deserialize, Serialize};

use super::facts::{CountDelta, StateInterval};
use crate::{Interval, Timestamp, shift::ShiftInstance, state::UnitState};

/// Additive elements of one unit over some stretch. Times in microseconds; quantities in pieces.
/// Any figure is a sum of elements followed by one division.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Elements {
    /// Calendar time: the length of the stretch. The seven time buckets below sum to it exactly.
    pub calendar: i64,
    /// Outside every shift.
    pub not_scheduled: i64,
    /// Planned downtime: breaks and planned stops inside a shift.
    pub planned_downtime: i64,
    /// APT: producing within planned busy time.
    pub apt: i64,
    /// AUST: set-up within planned busy time.
    pub aust: i64,
    /// ADET: delayed within planned busy time (stopped, blocked, starved, maintenance, off).
    pub adet: i64,
    /// ADOT: without an order within planned busy time (idle).
    pub adot: i64,
    /// No trustworthy data within planned busy time.
    pub unknown: i64,
    /// PQ: pieces produced.
    pub pq: f64,
    /// GQ: good the first time.
    pub gq: f64,
    /// SQ: scrapped.
    pub sq: f64,
    /// sum(PRI x PQ), microseconds: pieces weighted by their ideal cycle. Only of pieces made in the time that the
    /// denominators hold, see the module documentation.
    pub pri_pq: f64,
    /// sum(PRI x GQ), microseconds; of the same pieces.
    pub pri_gq: f64,
}

impl AddAssign for Elements {
    fn add_assign(&mut self, other: Self) {
        self.calendar += other.calendar;
        self.not_scheduled += other.not_scheduled;
        self.planned_downtime += other.planned_downtime;
        self.apt += other.apt;
        self.aust += other.aust;
        self.adet += other.adet;
        self.adot += other.adot;
        self.unknown += other.unknown;
        self.pq += other.pq;
        self.gq += other.gq;
        self.sq += other.sq;
        self.pri_pq += other.pri_pq;
        self.pri_gq += other.pri_gq;
    }
}

impl Add for Elements {
    type Output = Self;

    fn add(mut self, other: Self) -> Self {
        self += other;
        self
    }
}

impl Sum for Elements {
    fn sum<I: Iterator<Item = Self>>(parts: I) -> Self {
        parts.fold(Self::default(), Add::add)
    }
}

impl<'a> Sum<&'a Elements> for Elements {
    fn sum<I: Iterator<Item = &'a Elements>>(parts: I) -> Self {
        parts.copied().sum()
    }
}

impl Elements {
    fn add_time(&mut self, plan: Plan, state: UnitState, micros: i64) {
        self.calendar += micros;
        let bucket = match (plan, state) {
            (Plan::NotScheduled, _) => &mut self.not_scheduled,
            (Plan::Break, _) => &mut self.planned_downtime,
            (Plan::Busy, UnitState::Producing) => &mut self.apt,
            (Plan::Busy, UnitState::Setup) => &mut self.aust,
            (Plan::Busy, UnitState::Idle) => &mut self.adot,
            (Plan::Busy, UnitState::Unknown) => &mut self.unknown,
            (
                Plan::Busy,
                UnitState::Stopped | UnitState::Blocked | UnitState::Starved | UnitState::Maintenance | UnitState::Off,
            ) => &mut self.adet,
        };
        *bucket += micros;
    }

    fn add_pieces(&mut self, plan: Plan, count: &CountDelta, pri_micros: Option<i64>) {
        self.pq += count.total;
        self.gq += count.good;
        self.sq += count.scrap;
        if let (Some(pri), Plan::Busy | Plan::Break) = (pri_micros.filter(|pri| *pri > 0), plan) {
            self.pri_pq += pri as f64 * count.total * count.known_share;
            self.pri_gq += pri as f64 * count.good * count.known_share;
        }
    }
}

/// What was planned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Plan {
    NotScheduled,
    Break,
    Busy,
}

/// A stretch of the period with one plan.
#[derive(Clone, Copy, Debug)]
struct Planned {
    interval: Interval,
    plan: Plan,
    /// Position of the shift in what the caller gave.
    shift: Option<usize>,
}

/// The elements of a period.
///
/// - `intervals`: in order, without overlaps; cut at the period. What they do not hold is unknown.
/// - `counts`: those with `interval.to` in the period count, whatever else is given.
/// - `shifts`: those that touch the period. Where two overlap, the one that begins first has the time.
///   A unit without shifts: [`ShiftInstance::around_the_clock`].
/// - `pri_micros`: planned run time per item (ideal cycle), microseconds.
pub fn elements(
    intervals: &[StateInterval],
    counts: &[CountDelta],
    shifts: &[ShiftInstance],
    period: Interval,
    pri_micros: Option<i64>,
) -> Elements {
    let plan = planned(shifts, period);
    let mut sum = Elements::default();
    cut(intervals, &plan, |planned, state, piece| sum.add_time(planned.plan, state, piece.micros()));
    for (planned, count) in counted(counts, &plan, period) {
        sum.add_pieces(planned.plan, count, pri_micros);
    }
    sum
}

/// The elements of a period by the hour (its begin, UTC) and the shift (its position in `shifts`, `None` outside
/// every shift), in that order. Rows exist for what the period touches; they sum to [`elements()`] of it. Same
/// arguments.
pub fn by_hour(
    intervals: &[StateInterval],
    counts: &[CountDelta],
    shifts: &[ShiftInstance],
    period: Interval,
    pri_micros: Option<i64>,
) -> Vec<(Timestamp, Option<usize>, Elements)> {
    let plan = planned(shifts, period);
    let mut rows: BTreeMap<(Timestamp, Option<usize>), Elements> = BTreeMap::new();
    cut(intervals, &plan, |planned, state, mut piece| {
        while !piece.is_empty() {
            let hour = hour_of(piece.from);
            let end = hour.plus_seconds(3600).min(piece.to);
            let row = rows.entry((hour, planned.shift)).or_default();
            row.add_time(planned.plan, state, end.micros_since(piece.from));
            piece.from = end;
        }
    });
    for (planned, count) in counted(counts, &plan, period) {
        let row = rows.entry((hour_of(count.interval.to), planned.shift)).or_default();
        row.add_pieces(planned.plan, count, pri_micros);
    }
    rows.into_iter().map(|((hour, shift), row)| (hour, shift, row)).collect()
}

fn hour_of(time: Timestamp) -> Timestamp {
    Timestamp::from_seconds(time.micros().div_euclid(3_600_000_000) * 3600)
}

/// The period cut by shifts and breaks: in order, without holes or overlaps.
fn planned(shifts: &[ShiftInstance], period: Interval) -> Vec<Planned> {
    let mut order: Vec<(usize, &ShiftInstance)> = shifts.iter().enumerate().collect();
    order.sort_by_key(|(_, shift)| shift.from);
    let mut plan = Vec::new();
    let mut done = period.from;
    // Up to `to` the plan is this; what is planned already stays.
    let mut until = |to: Timestamp, kind: Plan, shift: Option<usize>| {
        let interval = Interval::new(done, to.min(period.to));
        if !interval.is_empty() {
            plan.push(Planned { interval, plan: kind, shift });
            done = interval.to;
        }
    };
    for (index, shift) in order {
        until(shift.from, Plan::NotScheduled, None);
        let mut breaks = shift.breaks.clone();
        breaks.sort_unstable();
        for pause in breaks.iter().filter_map(|pause| pause.intersection(&shift.interval())) {
            until(pause.from, Plan::Busy, Some(index));
            until(pause.to, Plan::Break, Some(index));
        }
        until(shift.to, Plan::Busy, Some(index));
    }
    until(period.to, Plan::NotScheduled, None);
    plan
}

/// Cuts plan and states by each other. Time without an interval is unknown.
fn cut(intervals: &[StateInterval], plan: &[Planned], mut see: impl FnMut(&Planned, UnitState, Interval)) {
    let Some(first) = plan.first() else { return };
    let begin = intervals.partition_point(|state| state.interval.to <= first.interval.from);
    let mut states = intervals.get(begin..).unwrap_or_default().iter().peekable();
    for planned in plan {
        let mut time = planned.interval.from;
        while time < planned.interval.to {
            while states.next_if(|state| state.interval.to <= time).is_some() {}
            let (end, state) = match states.peek() {
                None => (planned.interval.to, UnitState::Unknown),
                Some(next) if next.interval.from > time => (next.interval.from, UnitState::Unknown),
                Some(now) => (now.interval.to, now.state),
            };
            let end = end.min(planned.interval.to);
            see(planned, state, Interval::new(time, end));
            time = end;
        }
    }
}

/// The counts of the period, each with the plan of the moment to which it belongs.
fn counted<'a>(
    counts: &'a [CountDelta],
    plan: &'a [Planned],
    period: Interval,
) -> impl Iterator<Item = (&'a Planned, &'a CountDelta)> {
    counts.iter().filter(move |count| period.contains(count.interval.to)).filter_map(move |count| {
        let position = plan.partition_point(|planned| planned.interval.to <= count.interval.to);
        plan.get(position).map(|planned| (planned, count))
    })
}
