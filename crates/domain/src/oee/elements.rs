use std::{
    collections::BTreeMap,
    iter::Sum,
    ops::{Add, AddAssign},
};

use serde::{Deserialize, Serialize};

use super::facts::CountDelta;
use crate::{
    Interval, Timestamp,
    order::Work,
    reason::{ReasonId, Stretch},
    shift::ShiftInstance,
    signal::words,
    state::UnitState,
};

/// Additive elements of one unit over some stretch. Times in microseconds; quantities in pieces.
/// Any figure is a sum of elements followed by one division.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Elements {
    /// Calendar time: the length of the stretch. The eight time buckets below sum to it exactly.
    pub calendar: i64,
    /// Outside every shift.
    pub not_scheduled: i64,
    /// Breaks inside a shift.
    pub breaks: i64,
    /// Planned downtime that stood on the calendar before the period: maintenance, meetings.
    pub planned_stops: i64,
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
    /// The part of ADET in short stops ([`Stretch::minor`](crate::reason::Stretch::minor)).
    pub minor: i64,
    /// PQ: pieces produced.
    pub pq: f64,
    /// GQ: good the first time.
    pub gq: f64,
    /// SQ: scrapped.
    pub sq: f64,
    /// RQ: reworked.
    pub rq: f64,
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
        self.breaks += other.breaks;
        self.planned_stops += other.planned_stops;
        self.apt += other.apt;
        self.aust += other.aust;
        self.adet += other.adet;
        self.adot += other.adot;
        self.unknown += other.unknown;
        self.minor += other.minor;
        self.pq += other.pq;
        self.gq += other.gq;
        self.sq += other.sq;
        self.rq += other.rq;
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

/// In which bucket a stretch of time is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Bucket {
    /// Outside every shift.
    NotScheduled,
    /// A break.
    Break,
    /// Planned downtime.
    PlannedStop,
    /// APT.
    Producing,
    /// AUST.
    Setup,
    /// ADET.
    Delay,
    /// ADOT.
    NoOrder,
    /// No trustworthy data.
    Unknown,
}

words!(Bucket {
    NotScheduled => "not_scheduled", Break => "break", PlannedStop => "planned_stop", Producing => "producing",
    Setup => "setup", Delay => "delay", NoOrder => "no_order", Unknown => "unknown",
});

impl Bucket {
    fn of(plan: Planning, state: UnitState) -> Self {
        match (plan, state) {
            (Planning::NotScheduled, _) => Self::NotScheduled,
            (Planning::Break, _) => Self::Break,
            (Planning::Stop, _) => Self::PlannedStop,
            (Planning::Busy | Planning::NoOrder, UnitState::Producing) => Self::Producing,
            (Planning::Busy | Planning::NoOrder, UnitState::Unknown) => Self::Unknown,
            (Planning::Busy | Planning::NoOrder, UnitState::Setup) => Self::Setup,
            (Planning::Busy | Planning::NoOrder, UnitState::Idle) => Self::NoOrder,
            (
                Planning::Busy,
                UnitState::Stopped | UnitState::Blocked | UnitState::Starved | UnitState::Maintenance | UnitState::Off,
            ) => Self::Delay,
            (
                Planning::NoOrder,
                UnitState::Stopped | UnitState::Blocked | UnitState::Starved | UnitState::Maintenance | UnitState::Off,
            ) => Self::NoOrder,
        }
    }
}

impl Elements {
    fn add_time(&mut self, bucket: Bucket, minor: bool, micros: i64) {
        self.calendar += micros;
        let sum = match bucket {
            Bucket::NotScheduled => &mut self.not_scheduled,
            Bucket::Break => &mut self.breaks,
            Bucket::PlannedStop => &mut self.planned_stops,
            Bucket::Producing => &mut self.apt,
            Bucket::Setup => &mut self.aust,
            Bucket::Delay => &mut self.adet,
            Bucket::NoOrder => &mut self.adot,
            Bucket::Unknown => &mut self.unknown,
        };
        *sum += micros;
        if minor && bucket == Bucket::Delay {
            self.minor += micros;
        }
    }

    fn add_pieces(&mut self, plan: Planning, count: &CountDelta, pri_micros: Option<i64>) {
        self.pq += count.total;
        self.gq += count.good;
        self.sq += count.scrap;
        self.rq += count.rework;
        if let (Some(pri), true) = (pri_micros.filter(|pri| *pri > 0), plan != Planning::NotScheduled) {
            self.pri_pq += pri as f64 * count.total * count.known_share;
            self.pri_gq += pri as f64 * count.good * count.known_share;
        }
    }
}

/// What was planned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Planning {
    NotScheduled,
    Break,
    Stop,
    Busy,
    /// Busy, but there was no order to work on, at a unit that works by orders.
    NoOrder,
}

/// What a unit was to do: the calendar, and what it worked on.
#[derive(Clone, Copy, Debug, Default)]
pub struct Plan<'a> {
    /// The shifts that touch the period. Where two overlap, the one that begins first has the time. A unit without shifts:
    /// [`ShiftInstance::around_the_clock`].
    pub shifts: &'a [ShiftInstance],
    /// What was worked on, in order, without overlaps.
    pub works: &'a [Work],
    /// PRI where nothing of `works` says otherwise, microseconds.
    pub pri_micros: Option<i64>,
    /// From when on time without work on an order is time without an order (ADOT). `None`, as at units whose orders nobody
    /// tells: all planned busy time counts as worked on something.
    pub by_order_since: Option<Timestamp>,
}

/// A stretch of the period with one plan.
#[derive(Clone, Copy, Debug)]
struct Planned {
    interval: Interval,
    plan: Planning,
    /// Position of the shift in what the caller gave.
    shift: Option<usize>,
    /// Position of the work in what the caller gave.
    work: Option<usize>,
}

/// Elements of one hour, shift and work. Rows of a period sum to [`elements()`] of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Begin of the hour, UTC.
    pub hour: Timestamp,
    /// Position in [`Plan::shifts`]; `None` outside every shift.
    pub shift: Option<usize>,
    /// Position in [`Plan::works`].
    pub work: Option<usize>,
    /// Sums.
    pub elements: Elements,
    /// Where the time in `elements` went, by state and reason.
    pub losses: Vec<Loss>,
}

/// Time of one bucket, state and reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loss {
    /// Where it is counted.
    pub bucket: Bucket,
    /// As counted.
    pub state: UnitState,
    /// Why.
    pub reason: Option<ReasonId>,
    /// In short stops.
    pub minor: bool,
    /// How much, microseconds.
    pub micros: i64,
    /// How many stretches of this kind began here. One that a shift, a break or an order cuts counts once.
    pub begun: u32,
}

/// The elements of a period.
///
/// - `states`: in order, without overlaps; cut at the period. What they do not hold is unknown.
/// - `counts`: those with `interval.to` in the period count, whatever else is given.
pub fn elements(states: &[Stretch], counts: &[CountDelta], plan: &Plan<'_>, period: Interval) -> Elements {
    let planned = planned(plan, period);
    let mut sum = Elements::default();
    cut(states, &planned, |planned, state, piece| {
        let (said, minor) = state.map_or((UnitState::Unknown, false), |state| (state.state, state.minor));
        sum.add_time(Bucket::of(planned.plan, said), minor, piece.micros());
    });
    for (planned, count) in counted(counts, &planned, period) {
        sum.add_pieces(planned.plan, count, plan.pri_of(planned.work));
    }
    sum
}

impl Plan<'_> {
    fn pri_of(&self, work: Option<usize>) -> Option<i64> {
        match work.and_then(|work| self.works.get(work)) {
            Some(work) => work.pri_micros,
            None => self.pri_micros,
        }
    }
}

/// What a row is summed up by: hour, shift, work.
type Place = (Timestamp, Option<usize>, Option<usize>);
/// What time is summed up by within a row.
type Kind = (Bucket, UnitState, Option<ReasonId>, bool);
/// Microseconds and begun stretches by kind.
type Times = BTreeMap<Kind, (i64, u32)>;

/// The elements of a period by the hour, the shift and the work, in that order. Rows exist for what the period touches.
/// Same arguments as [`elements()`].
pub fn by_hour(states: &[Stretch], counts: &[CountDelta], plan: &Plan<'_>, period: Interval) -> Vec<Row> {
    let planned = planned(plan, period);
    let mut rows: BTreeMap<Place, (Elements, Times)> = BTreeMap::new();
    cut(states, &planned, |planned, state, mut piece| {
        let (said, reason, minor) =
            state.map_or((UnitState::Unknown, None, false), |state| (state.state, state.reason, state.minor));
        let bucket = Bucket::of(planned.plan, said);
        let mut begins = state.is_none_or(|state| state.interval.from == piece.from);
        while !piece.is_empty() {
            let hour = hour_of(piece.from);
            let end = hour.plus_seconds(3600).min(piece.to);
            let (elements, losses) = rows.entry((hour, planned.shift, planned.work)).or_default();
            let micros = end.micros_since(piece.from);
            elements.add_time(bucket, minor, micros);
            let loss = losses.entry((bucket, said, reason, minor)).or_default();
            loss.0 += micros;
            loss.1 += u32::from(begins);
            begins = false;
            piece.from = end;
        }
    });
    for (planned, count) in counted(counts, &planned, period) {
        let (elements, _) = rows.entry((hour_of(count.interval.to), planned.shift, planned.work)).or_default();
        elements.add_pieces(planned.plan, count, plan.pri_of(planned.work));
    }
    let row = |((hour, shift, work), (elements, losses)): (Place, (Elements, Times))| Row {
        hour,
        shift,
        work,
        elements,
        losses: losses
            .into_iter()
            .map(|((bucket, state, reason, minor), (micros, begun))| Loss {
                bucket,
                state,
                reason,
                minor,
                micros,
                begun,
            })
            .collect(),
    };
    rows.into_iter().map(row).collect()
}

fn hour_of(time: Timestamp) -> Timestamp {
    Timestamp::from_seconds(time.micros().div_euclid(3_600_000_000) * 3600)
}

/// The period cut by shifts, breaks, planned stops and work: in order, without holes or overlaps.
fn planned(plan: &Plan<'_>, period: Interval) -> Vec<Planned> {
    let mut order: Vec<(usize, &ShiftInstance)> = plan.shifts.iter().enumerate().collect();
    order.sort_by_key(|(_, shift)| shift.from);
    let mut cut = Vec::new();
    let mut done = period.from;
    // Up to `to` the plan is this; what is planned already stays.
    let mut until = |to: Timestamp, kind: Planning, shift: Option<usize>| {
        let interval = Interval::new(done, to.min(period.to));
        if !interval.is_empty() {
            cut.push(Planned { interval, plan: kind, shift, work: None });
            done = interval.to;
        }
    };
    for (index, shift) in order {
        until(shift.from, Planning::NotScheduled, None);
        // Where a break and planned downtime meet, the break has the time: nobody would have worked anyway.
        let pauses = shift.breaks.iter().map(|pause| (pause.from, Planning::Break, pause));
        let stops = shift.planned_stops.iter().flat_map(|stop| without_all(*stop, &shift.breaks));
        let stops: Vec<Interval> = stops.collect();
        let mut out: Vec<_> = pauses.chain(stops.iter().map(|stop| (stop.from, Planning::Stop, stop))).collect();
        out.sort_by_key(|(from, ..)| *from);
        for (_, kind, interval) in out {
            let Some(interval) = interval.intersection(&shift.interval()) else { continue };
            until(interval.from, Planning::Busy, Some(index));
            until(interval.to, kind, Some(index));
        }
        until(shift.to, Planning::Busy, Some(index));
    }
    until(period.to, Planning::NotScheduled, None);
    worked(cut, plan)
}

/// What remains of an interval without these, which are apart from each other.
fn without_all(interval: Interval, taken: &[Interval]) -> Vec<Interval> {
    taken.iter().fold(vec![interval], |left, taken| left.iter().flat_map(|part| part.without(taken)).collect())
}

/// One part, or two where `at` lies within.
fn cut_at(part: Planned, at: Timestamp) -> impl Iterator<Item = Planned> {
    let Planned { interval, .. } = part;
    let middle = at.clamp(interval.from, interval.to.max(interval.from));
    let parts = [Interval::new(interval.from, middle), Interval::new(middle, interval.to)];
    parts.into_iter().filter(|it| !it.is_empty()).map(move |interval| Planned { interval, ..part })
}

/// Cuts the plan further by what was worked on.
fn worked(planned: Vec<Planned>, plan: &Plan<'_>) -> Vec<Planned> {
    if plan.works.is_empty() && plan.by_order_since.is_none() {
        return planned;
    }
    let since = plan.by_order_since.unwrap_or(Timestamp::from_micros(i64::MAX));
    let mut out = Vec::with_capacity(planned.len() + 2 * plan.works.len());
    for part in planned.into_iter().flat_map(|part| cut_at(part, since)) {
        let without = match part.plan {
            Planning::Busy if part.interval.from >= since => Planning::NoOrder,
            other => other,
        };
        let mut time = part.interval.from;
        let first = plan.works.partition_point(|work| work.interval.to <= time);
        for (index, work) in plan.works.iter().enumerate().skip(first) {
            let Some(common) = work.interval.intersection(&Interval::new(time, part.interval.to)) else { break };
            let before = Interval::new(time, common.from);
            if !before.is_empty() {
                out.push(Planned { interval: before, plan: without, ..part });
            }
            let kind = if work.order.is_some() { part.plan } else { without };
            out.push(Planned { interval: common, plan: kind, work: Some(index), ..part });
            time = common.to;
        }
        let rest = Interval::new(time, part.interval.to);
        if !rest.is_empty() {
            out.push(Planned { interval: rest, plan: without, ..part });
        }
    }
    out
}

/// Cuts plan and states by each other. Time without a state is unknown.
fn cut(states: &[Stretch], plan: &[Planned], mut see: impl FnMut(&Planned, Option<&Stretch>, Interval)) {
    let Some(first) = plan.first() else { return };
    let begin = states.partition_point(|state| state.interval.to <= first.interval.from);
    let mut states = states.get(begin..).unwrap_or_default().iter().peekable();
    for planned in plan {
        let mut time = planned.interval.from;
        while time < planned.interval.to {
            while states.next_if(|state| state.interval.to <= time).is_some() {}
            let (end, state) = match states.peek() {
                None => (planned.interval.to, None),
                Some(next) if next.interval.from > time => (next.interval.from, None),
                Some(now) => (now.interval.to, Some(*now)),
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
