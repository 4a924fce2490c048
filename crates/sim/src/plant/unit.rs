//! One unit: what it is doing, what it has counted, what it last said.

use std::collections::BTreeMap;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::{
    catalogue::{Failure, MinorStop},
    layout::UnitSpec,
    measure::{Demand, Motor},
    model::{Counts, Millis, Report},
};
use crate::agent::{Condition, Level, ObservationValue};

/// What a unit is doing.
#[derive(Clone, Copy, Debug)]
pub(super) enum Phase {
    /// Nothing is planned.
    Standing,
    /// Working on a piece, since then.
    Running(Millis),
    /// Stopped for a short while.
    Stopped(MinorStop),
    /// Failed; nobody is there yet.
    Failed(Failure),
    /// Being repaired.
    Repair(Failure),
    /// Being changed over to this product.
    Setup(usize),
    /// Nothing to work on.
    Starved,
    /// Nowhere to put the finished piece.
    Blocked,
}

pub(super) struct Unit {
    pub(super) spec: UnitSpec,
    pub(super) index: usize,
    pub(super) rng: ChaCha8Rng,
    pub(super) phase: Phase,
    /// When the phase ends by itself.
    pub(super) due: Option<Millis>,
    /// What it is set up for.
    pub(super) product: Option<usize>,
    /// A finished piece that has not left.
    pub(super) held: Option<usize>,
    /// What is left of the piece in work.
    pub(super) cycle_left: Option<Millis>,
    /// Producing time until the next minor stop and the next failure.
    pub(super) stop_in: Millis,
    pub(super) failure_in: Millis,
    pub(super) failure: Failure,
    /// Pieces of a fresh set-up, still likely to be scrap.
    start_up_left: u32,
    pub(super) speed_percent: u32,
    slow_until: Millis,
    pub(super) counts: Counts,
    motor: Motor,
    measured: Millis,
    /// When its controller answers again.
    dark_until: Option<Millis>,
    /// What it last said, or would have.
    said: BTreeMap<&'static str, ObservationValue>,
}

/// Mean time between two losses of a controller.
const MEAN_SECONDS_BETWEEN_DARKNESS: f64 = 6.0 * 3600.0;
const MEAN_SECONDS_BETWEEN_SLOWDOWNS: f64 = 2_700.0;
const START_UP_PIECES: u32 = 6;
const START_UP_SCRAP_RATE: f64 = 0.2;

pub(super) fn millis(seconds: f64) -> Millis {
    // Saturating, and never negative: times here are spans.
    (seconds * 1000.0).max(0.0) as Millis
}

impl Unit {
    pub(super) fn new(spec: UnitSpec, index: usize, seed: u64) -> Self {
        // A stream of its own: what happens to one unit does not shift the luck of another.
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(index as u64);
        let motor = Motor::new(spec.machine.drive());
        let failure = pick(&mut rng, spec.machine.failures());
        let mut unit = Self {
            index,
            phase: Phase::Standing,
            due: None,
            product: None,
            held: None,
            cycle_left: None,
            stop_in: 0,
            failure_in: 0,
            failure,
            start_up_left: 0,
            speed_percent: 100,
            slow_until: 0,
            counts: Counts::default(),
            motor,
            measured: 0,
            dark_until: None,
            said: BTreeMap::new(),
            spec,
            rng,
        };
        unit.stop_in = unit.exponential(unit.spec.mean_seconds_between_stops);
        unit.plan_failure();
        unit
    }

    fn exponential(&mut self, mean_seconds: f64) -> Millis {
        let u: f64 = self.rng.random();
        millis(-mean_seconds * (1.0 - u).ln()).max(1)
    }

    /// A span around its mean, never less than 40 % of it.
    pub(super) fn around(&mut self, mean_seconds: f64) -> Millis {
        let u: f64 = self.rng.random();
        let v: f64 = self.rng.random();
        millis(mean_seconds * (0.4 + 0.6 * (u + v)))
    }

    pub(super) fn plan_stop(&mut self) -> MinorStop {
        self.stop_in = self.exponential(self.spec.mean_seconds_between_stops);
        pick(&mut self.rng, self.spec.machine.minor_stops())
    }

    pub(super) fn plan_failure(&mut self) {
        self.failure_in = self.exponential(self.spec.mean_seconds_between_failures);
        self.failure = pick(&mut self.rng, self.spec.machine.failures());
    }

    /// The time of a whole piece from now on; operators slow machines down now and then.
    pub(super) fn draw_cycle(&mut self, at: Millis) -> Millis {
        if self.speed_percent < 100 {
            if at >= self.slow_until {
                self.speed_percent = 100;
            }
        } else if self.rng.random_bool((self.spec.ideal_cycle_seconds / MEAN_SECONDS_BETWEEN_SLOWDOWNS).min(1.0)) {
            self.speed_percent = self.rng.random_range(16..=19) * 5;
            self.slow_until = at + self.around(300.0);
        }
        // Machines are a little slower than their plate says, rarely faster.
        let u: f64 = self.rng.random();
        let jitter = 1.0 + 0.07 * u * u + self.rng.random_range(0.0..0.02);
        millis(self.spec.ideal_cycle_seconds * jitter * 100.0 / f64::from(self.speed_percent))
    }

    /// Counts a finished piece; returns whether it is good.
    pub(super) fn count_piece(&mut self) -> bool {
        let rate = if self.start_up_left > 0 { START_UP_SCRAP_RATE } else { self.spec.scrap_rate };
        self.start_up_left = self.start_up_left.saturating_sub(1);
        let good = !self.rng.random_bool(rate.clamp(0.0, 1.0));
        self.counts.total += 1;
        if good {
            self.counts.good += 1;
        } else {
            self.counts.scrap += 1;
        }
        good
    }

    pub(super) fn set_up_for(&mut self, product: usize) {
        self.product = Some(product);
        self.start_up_left = START_UP_PIECES;
    }

    fn say(&mut self, reports: &mut Vec<Report>, at: Millis, item: &'static str, value: impl Into<ObservationValue>) {
        let value = value.into();
        if self.said.get(item) == Some(&value) {
            return;
        }
        self.said.insert(item, value.clone());
        if self.dark_until.is_none() {
            reports.push(Report { at, unit: self.index, item, value });
        }
    }

    /// Says what the unit does, as far as it changed. The words that explain an execution go before it.
    pub(super) fn report(&mut self, reports: &mut Vec<Report>, at: Millis, products: &[&'static str]) {
        let (execution, wait) = match self.phase {
            Phase::Standing | Phase::Setup(_) => ("READY", "UNAVAILABLE"),
            Phase::Running(_) => ("ACTIVE", "UNAVAILABLE"),
            Phase::Stopped(_) => ("INTERRUPTED", "UNAVAILABLE"),
            Phase::Failed(_) | Phase::Repair(_) => ("STOPPED", "UNAVAILABLE"),
            Phase::Starved => ("WAIT", "MATERIAL_LOAD"),
            Phase::Blocked => ("WAIT", "MATERIAL_UNLOAD"),
        };
        let (mode, function) = match self.phase {
            Phase::Repair(_) => ("MANUAL", "MAINTENANCE"),
            Phase::Setup(_) => ("MANUAL", "SETUP"),
            _ => ("AUTOMATIC", "PRODUCTION"),
        };
        let pressed = matches!(self.phase, Phase::Failed(failure) if failure.emergency_stop);
        let system = match self.phase {
            Phase::Stopped(stop) => Condition::warning(stop.code, stop.text),
            Phase::Failed(failure) | Phase::Repair(failure) => {
                Condition::fault(failure.code, failure.text).severity(failure.severity)
            }
            _ => Condition::normal(),
        };
        self.say(reports, at, "availability", "AVAILABLE");
        self.say(reports, at, "emergency-stop", if pressed { "TRIGGERED" } else { "ARMED" });
        self.say(reports, at, "controller-mode", mode);
        self.say(reports, at, "functional-mode", function);
        self.say_condition(reports, at, "system", system);
        self.say(reports, at, "wait-state", wait);
        if let Some(program) = self.product.and_then(|p| products.get(p)) {
            self.say(reports, at, "program", *program);
        }
        self.say(reports, at, "speed-override", u64::from(self.speed_percent));
        let Counts { good, scrap, total } = self.counts;
        self.say(reports, at, "good-count", good);
        self.say(reports, at, "scrap-count", scrap);
        self.say(reports, at, "total-count", total);
        self.say(reports, at, "execution", execution);
    }

    /// One thing at a time: what was active and is something else now has ended first.
    fn say_condition(&mut self, reports: &mut Vec<Report>, at: Millis, item: &'static str, condition: Condition) {
        if condition.level != Level::Normal
            && let Some(ObservationValue::Condition(before)) = self.said.get(item)
            && before.level != Level::Normal
            && before.code != condition.code
        {
            self.say(reports, at, item, Condition::normal());
        }
        self.say(reports, at, item, condition);
    }

    /// Reads the sensors; returns when to do so again. Standing machines are read less often.
    pub(super) fn measure(&mut self, reports: &mut Vec<Report>, at: Millis) -> Millis {
        self.darken(reports, at);
        let running = matches!(self.phase, Phase::Running(_));
        let demand = Demand {
            speed: if running { f64::from(self.speed_percent) / 100.0 } else { 0.0 },
            symptom: self.failure.symptom,
            failure_in_seconds: self.failure_in as f64 / 1000.0,
            asleep: matches!(self.phase, Phase::Standing),
        };
        let seconds = (at - self.measured) as f64 / 1000.0;
        self.measured = at;
        let reading = self.motor.read(&mut self.rng, seconds, &demand);
        let warning = reading.warning.map_or_else(Condition::normal, |(code, text)| Condition::warning(code, text));
        self.say_condition(reports, at, "drive-condition", warning);
        self.say(reports, at, "drive-speed", reading.speed_rpm);
        self.say(reports, at, "drive-load", reading.load_percent);
        self.say(reports, at, "motor-temperature", reading.temperature_celsius);
        self.say(reports, at, "vibration", reading.vibration_mm_s);
        self.say(reports, at, "power", reading.power_watts);
        at + if running { 1_000 } else { 5_000 }
    }

    /// Now and then a controller does not answer for a while: everything is unavailable, and what is in
    /// force is said again afterwards.
    fn darken(&mut self, reports: &mut Vec<Report>, at: Millis) {
        if let Some(until) = self.dark_until {
            if at >= until {
                self.dark_until = None;
                let said = self.said.iter();
                reports.extend(said.map(|(item, value)| Report { at, unit: self.index, item, value: value.clone() }));
            }
        } else if self.rng.random_bool((at - self.measured) as f64 / 1000.0 / MEAN_SECONDS_BETWEEN_DARKNESS) {
            self.dark_until = Some(at + self.around(25.0));
            let unavailable = ObservationValue::Unavailable;
            reports.extend(self.said.keys().map(|item| Report {
                at,
                unit: self.index,
                item,
                value: unavailable.clone(),
            }));
        }
    }
}

fn pick<T: Copy>(rng: &mut ChaCha8Rng, from: &'static [T]) -> T {
    // The catalogue has at least one of each for every machine.
    from[rng.random_range(0..from.len())]
}
