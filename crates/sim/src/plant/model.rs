//! The flow: pieces through units and buffers, driven from event to event.

use std::{collections::VecDeque, ops::Range};

use gemba_domain::Timestamp;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::{
    layout::Layout,
    unit::{Phase, Unit},
};
use crate::agent::ObservationValue;

/// Time of the model since its start, in milliseconds.
pub type Millis = u64;

/// How the model's time lies on the wall clock.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    /// The wall clock at the model's start.
    pub start: Timestamp,
    /// Model seconds a wall second.
    pub speed: f64,
}

impl Clock {
    /// The wall clock at a moment of the model.
    pub fn wall(&self, at: Millis) -> Timestamp {
        self.start.plus_micros((at as f64 * 1000.0 / self.speed).round() as i64)
    }

    /// The moment of the model at a wall clock; 0 before the start.
    pub fn model(&self, wall: Timestamp) -> Millis {
        (wall.micros_since(self.start).max(0) as f64 / 1000.0 * self.speed) as Millis
    }
}

/// Something a unit says.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// When, in the model's time.
    pub at: Millis,
    /// Which unit, in the order of the flow.
    pub unit: usize,
    /// Code of the item.
    pub item: &'static str,
    /// What.
    pub value: ObservationValue,
}

/// Running totals of a unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Good pieces.
    pub good: u64,
    /// Scrapped pieces.
    pub scrap: u64,
    /// All pieces.
    pub total: u64,
}

struct Line {
    units: Range<usize>,
    products: &'static [&'static str],
    order_pieces: (u32, u32),
    rng: ChaCha8Rng,
    /// The order that the first unit works on.
    product: usize,
    order_left: u32,
}

/// The model. See [`Plant::advance`].
pub struct Plant {
    clock: Clock,
    layout: Layout,
    lines: Vec<Line>,
    units: Vec<Unit>,
    /// Which line each unit is in.
    line_of: Vec<usize>,
    /// Products of the pieces between a unit and its next, by unit.
    buffers: Vec<VecDeque<usize>>,
    next_reading: Vec<Millis>,
    next_look_at_calendar: Millis,
    planned: bool,
    reports: Vec<Report>,
}

/// The earliest thing to happen; at the same moment in this order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum What {
    Calendar,
    Phase(usize),
    Reading(usize),
}

impl Plant {
    /// At rest, at the model's time 0.
    pub fn new(layout: Layout, seed: u64, clock: Clock) -> Self {
        let (mut lines, mut units, mut line_of) = (Vec::new(), Vec::new(), Vec::new());
        for (number, line) in layout.lines.iter().enumerate() {
            let first = units.len();
            for spec in &line.units {
                units.push(Unit::new(spec.clone(), units.len(), seed));
                line_of.push(number);
            }
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            rng.set_stream(1_000 + number as u64);
            lines.push(Line {
                units: first..units.len(),
                products: line.products,
                order_pieces: line.order_pieces,
                rng,
                product: 0,
                order_left: 0,
            });
        }
        let count = units.len();
        Self {
            clock,
            lines,
            line_of,
            buffers: vec![VecDeque::new(); count],
            // Sensors are not read in step.
            next_reading: (0..count as Millis).map(|unit| unit * 120).collect(),
            next_look_at_calendar: 0,
            planned: false,
            reports: Vec::new(),
            units,
            layout,
        }
    }

    /// The layout it was made of.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// How its time lies on the wall clock.
    pub fn clock(&self) -> Clock {
        self.clock
    }

    /// Codes of the units, in the order of the flow.
    pub fn unit_codes(&self) -> Vec<&'static str> {
        self.units.iter().map(|unit| unit.spec.code).collect()
    }

    /// Running totals of a unit.
    pub fn counts(&self, unit: usize) -> Option<Counts> {
        self.units.get(unit).map(|unit| unit.counts)
    }

    /// Pieces that wait behind a unit.
    pub fn buffered(&self, unit: usize) -> usize {
        self.buffers.get(unit).map_or(0, VecDeque::len)
    }

    /// Lets everything up to and including `to` happen; returns what was said, by time.
    pub fn advance(&mut self, to: Millis) -> Vec<Report> {
        while let Some((at, what)) = self.next().filter(|(at, _)| *at <= to) {
            match what {
                What::Calendar => self.look_at_calendar(at),
                What::Phase(unit) => self.end_phase(unit, at),
                What::Reading(unit) => {
                    let next = self.units.get_mut(unit).map(|u| u.measure(&mut self.reports, at));
                    if let (Some(slot), Some(next)) = (self.next_reading.get_mut(unit), next) {
                        *slot = next;
                    }
                }
            }
        }
        std::mem::take(&mut self.reports)
    }

    fn next(&self) -> Option<(Millis, What)> {
        let calendar = std::iter::once((self.next_look_at_calendar, What::Calendar));
        let phases = self.units.iter().filter_map(|u| u.due.map(|due| (due, What::Phase(u.index))));
        let readings = self.next_reading.iter().enumerate().map(|(unit, due)| (*due, What::Reading(unit)));
        calendar.chain(phases).chain(readings).min()
    }

    /// Shifts follow the wall clock, also when the model runs faster.
    fn look_at_calendar(&mut self, at: Millis) {
        let first = self.next_look_at_calendar == 0;
        self.next_look_at_calendar = at + 1_000;
        let planned = self.layout.shifts.is_planned(self.clock.wall(at));
        if planned == self.planned && !first {
            return;
        }
        self.planned = planned;
        for unit in 0..self.units.len() {
            match self.units[unit].phase {
                // What is under way is finished first.
                Phase::Standing | Phase::Starved | Phase::Blocked => self.go_on(unit, at),
                _ => {}
            }
        }
    }

    fn end_phase(&mut self, index: usize, at: Millis) {
        let unit = &mut self.units[index];
        unit.due = None;
        match unit.phase {
            Phase::Running(since) => {
                let ran = at - since;
                let left = unit.cycle_left.unwrap_or(0).saturating_sub(ran);
                unit.cycle_left = Some(left);
                unit.failure_in = unit.failure_in.saturating_sub(ran);
                unit.stop_in = unit.stop_in.saturating_sub(ran);
                if left == 0 {
                    unit.cycle_left = None;
                    if unit.count_piece() {
                        unit.held = unit.product;
                    }
                    self.go_on(index, at);
                } else if unit.failure_in == 0 {
                    let failure = unit.failure;
                    // Someone has to notice and come first.
                    let response = unit.around(75.0);
                    self.enter(index, Phase::Failed(failure), at, Some(response));
                } else {
                    let stop = unit.plan_stop();
                    let length = unit.around(stop.mean_seconds);
                    self.enter(index, Phase::Stopped(stop), at, Some(length));
                }
            }
            Phase::Failed(failure) => {
                let length = unit.around(failure.mean_repair_seconds);
                self.enter(index, Phase::Repair(failure), at, Some(length));
            }
            Phase::Repair(_) => {
                unit.plan_failure();
                self.go_on(index, at);
            }
            Phase::Setup(product) => {
                unit.set_up_for(product);
                self.go_on(index, at);
            }
            Phase::Stopped(_) => self.go_on(index, at),
            Phase::Standing | Phase::Starved | Phase::Blocked => {}
        }
    }

    /// What a unit does when nothing holds it: finish its piece, pass it on, begin the next.
    fn go_on(&mut self, index: usize, at: Millis) {
        if let Some(left) = self.units[index].cycle_left {
            return self.run(index, at, left);
        }
        if let Some(piece) = self.units[index].held {
            if !self.has_room(index) {
                let phase = if self.planned { Phase::Blocked } else { Phase::Standing };
                return self.enter(index, phase, at, None);
            }
            self.units[index].held = None;
            if !self.is_last(index) {
                self.buffers[index].push_back(piece);
                if matches!(self.units[index + 1].phase, Phase::Starved) {
                    self.go_on(index + 1, at);
                }
            }
        }
        if !self.planned {
            return self.enter(index, Phase::Standing, at, None);
        }
        let Some(product) = self.next_product(index) else {
            return self.enter(index, Phase::Starved, at, None);
        };
        let unit = &mut self.units[index];
        if unit.product.is_none() {
            // Somebody set it up before the model began.
            unit.product = Some(product);
        } else if unit.product != Some(product) {
            let mean = unit.spec.mean_setup_seconds;
            let length = unit.around(mean);
            return self.enter(index, Phase::Setup(product), at, Some(length));
        }
        let cycle = unit.draw_cycle(at).max(1);
        // Running first: the piece that the unit before pushes after this one must not start it twice.
        self.run(index, at, cycle);
        self.take_piece(index, at);
    }

    fn run(&mut self, index: usize, at: Millis, left: Millis) {
        let unit = &mut self.units[index];
        unit.cycle_left = Some(left);
        let length = left.min(unit.failure_in).min(unit.stop_in);
        self.enter(index, Phase::Running(at), at, Some(length));
    }

    fn enter(&mut self, index: usize, phase: Phase, at: Millis, length: Option<Millis>) {
        let products = self.lines[self.line_of[index]].products;
        let unit = &mut self.units[index];
        unit.phase = phase;
        unit.due = length.map(|length| at + length);
        unit.report(&mut self.reports, at, products);
        if matches!(phase, Phase::Running(_)) && self.next_reading[index] > at + 1_000 {
            self.next_reading[index] = at + 1_000;
        }
    }

    fn is_first(&self, unit: usize) -> bool {
        self.lines[self.line_of[unit]].units.start == unit
    }

    fn is_last(&self, unit: usize) -> bool {
        self.lines[self.line_of[unit]].units.end == unit + 1
    }

    /// Whether a finished piece can leave. Behind the last unit there is always room.
    fn has_room(&self, unit: usize) -> bool {
        self.is_last(unit) || self.buffers[unit].len() < self.units[unit].spec.buffer_after.max(1)
    }

    /// The product of the next piece to work on; the first unit always has one.
    fn next_product(&mut self, unit: usize) -> Option<usize> {
        if !self.is_first(unit) {
            return self.buffers[unit - 1].front().copied();
        }
        let line = &mut self.lines[self.line_of[unit]];
        if line.order_left == 0 {
            let (least, most) = line.order_pieces;
            line.order_left = line.rng.random_range(least..=most.max(least)).max(1);
            if self.units[unit].counts.total > 0 {
                line.product = (line.product + 1) % line.products.len().max(1);
            }
        }
        Some(line.product)
    }

    fn take_piece(&mut self, unit: usize, at: Millis) {
        if self.is_first(unit) {
            let line = &mut self.lines[self.line_of[unit]];
            line.order_left = line.order_left.saturating_sub(1);
            return;
        }
        self.buffers[unit - 1].pop_front();
        if matches!(self.units[unit - 1].phase, Phase::Blocked) {
            self.go_on(unit - 1, at);
        }
    }
}
