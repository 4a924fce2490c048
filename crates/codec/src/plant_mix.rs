//! A made-up plant of 1,000 signals, polled once a second: the load that benchmarks are measured with.
//!
//! Twenty controllers of fifty signals each. All signals of a controller are read in one scan and carry its time: the
//! full second, the controller's phase (0-999 ms) and a jitter of 0 to 8 ms (two dice of 0-4 ms), in whole
//! milliseconds. Of each twenty signals
//!
//! | | |
//! |---|---|
//! | 8 | temperatures: a slow random walk held near a mean between 20 and 220 °C, sensor noise of 0.05 °C, 1 decimal |
//! | 4 | counters: half count parts (a cycle of 2 to 20 s that varies by a tenth), half watt-hours (3 to 30 a second, ± 10 %) |
//! | 4 | setpoints: change about every 30 minutes, 1 decimal |
//! | 3 | measures (pressures, flows): noise of 10 to 30 units of the last of 2 or 3 decimals on a slow walk |
//! | 1 | computed value with all digits of a double |
//!
//! Everything follows from the seed; no clock, no system randomness, no libm: the same on each machine.

/// Number of signals, numbered from 0.
pub const SIGNALS: u32 = 1_000;
/// Signals of one controller; signal `s` belongs to controller `s / 50`.
pub const SIGNALS_PER_CONTROLLER: u32 = 50;
/// The first second: 2026-01-05T06:00:00Z, in microseconds since 1970.
pub const START: i64 = 1_767_592_800_000_000;

/// What a signal is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignalKind {
    /// Slowly wandering, 1 decimal.
    Temperature,
    /// Ever growing whole number.
    Counter,
    /// Mostly constant, 1 decimal.
    Setpoint,
    /// Noisy, 2 or 3 decimals.
    Measure,
    /// All digits of a double.
    FullPrecision,
}

/// What this signal is.
pub fn kind(signal: u32) -> SignalKind {
    // 7 and 20 have no common divisor: the kinds are mixed within a controller, as they are in a plant.
    match signal.wrapping_mul(7) % 20 {
        0..8 => SignalKind::Temperature,
        8..12 => SignalKind::Counter,
        12..16 => SignalKind::Setpoint,
        16..19 => SignalKind::Measure,
        _ => SignalKind::FullPrecision,
    }
}

/// The plant; each call of [`scan`](Self::scan) is one second.
#[derive(Debug, Clone)]
pub struct PlantMix {
    random: Random,
    second: i64,
    phases: Vec<i64>,
    states: Vec<State>,
}

/// A signal: where it is, where it is drawn to, how fast or how noisy it is.
#[derive(Debug, Clone, Copy)]
struct State {
    at: f64,
    mean: f64,
    spread: f64,
    decimals: f64,
}

impl PlantMix {
    /// The plant before its first second.
    pub fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let controllers = SIGNALS.div_ceil(SIGNALS_PER_CONTROLLER);
        let phases = (0..controllers).map(|_| random.below(1000) as i64).collect();
        let states = (0..SIGNALS)
            .map(|signal| {
                let (mean, spread, decimals) = match kind(signal) {
                    SignalKind::Temperature => (20.0 + random.unit() * 200.0, 0.03, 10.0),
                    // Parts: seconds to the next one. Watt-hours: per second.
                    SignalKind::Counter if counts_parts(signal) => (0.0, 2.0 + random.unit() * 18.0, 1.0),
                    SignalKind::Counter => (0.0, 3.0 + random.unit() * 27.0, 1.0),
                    SignalKind::Setpoint => (50.0 + random.unit() * 100.0, 20.0, 10.0),
                    SignalKind::Measure => {
                        let decimals = if random.below(2) == 0 { 100.0 } else { 1000.0 };
                        (2.0 + random.unit() * 8.0, (10.0 + random.unit() * 20.0) / decimals, decimals)
                    }
                    SignalKind::FullPrecision => (random.unit() * 100.0, 1.0, 0.0),
                };
                let at = match kind(signal) {
                    SignalKind::Counter => random.below(1_000_000) as f64,
                    SignalKind::Setpoint => (mean * 10.0).round() / 10.0,
                    _ => mean,
                };
                State { at, mean, spread, decimals }
            })
            .collect();
        Self { random, second: 0, phases, states }
    }

    /// The next second: all signals once, in order of their numbers. `each` is given the signal, the time in
    /// microseconds since 1970, and the value.
    pub fn scan(&mut self, mut each: impl FnMut(u32, i64, f64)) {
        let mut time = 0;
        for (signal, state) in (0_u32..).zip(&mut self.states) {
            if signal % SIGNALS_PER_CONTROLLER == 0 {
                let jitter = self.random.below(5) + self.random.below(5);
                let phase = self.phases[(signal / SIGNALS_PER_CONTROLLER) as usize];
                time = START + self.second * 1_000_000 + (phase + jitter as i64) * 1_000;
            }
            each(signal, time, state.next(signal, &mut self.random));
        }
        self.second += 1;
    }
}

fn counts_parts(signal: u32) -> bool {
    signal.wrapping_mul(7) % 20 < 10
}

impl State {
    fn next(&mut self, signal: u32, random: &mut Random) -> f64 {
        match kind(signal) {
            SignalKind::Temperature => {
                self.at += (self.mean - self.at) * 0.001 + random.normal() * self.spread;
                ((self.at + random.normal() * 0.05) * self.decimals).round() / self.decimals
            }
            SignalKind::Counter if counts_parts(signal) => {
                self.mean -= 1.0;
                while self.mean <= 0.0 {
                    self.at += 1.0;
                    self.mean += self.spread * (1.0 + 0.1 * random.normal());
                }
                self.at
            }
            SignalKind::Counter => {
                self.at += (self.spread * (1.0 + 0.1 * random.normal())).round().max(0.0);
                self.at
            }
            SignalKind::Setpoint => {
                if random.below(1800) == 0 {
                    self.at =
                        ((self.mean + (random.unit() - 0.5) * self.spread) * self.decimals).round() / self.decimals;
                }
                self.at
            }
            SignalKind::Measure => {
                self.at += (self.mean - self.at) * 0.01 + random.normal() * self.spread * 0.1;
                ((self.at + random.normal() * self.spread) * self.decimals).round() / self.decimals
            }
            SignalKind::FullPrecision => {
                self.at += (self.mean - self.at) * 0.01 + random.normal() * self.spread;
                self.at
            }
        }
    }
}

/// xorshift64* (Vigna 2016).
#[derive(Debug, Clone)]
struct Random(u64);

impl Random {
    fn new(seed: u64) -> Self {
        let mut random = Self(seed ^ 0x9E37_79B9_7F4A_7C15 | 1);
        for _ in 0..8 {
            random.next();
        }
        random
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    fn below(&mut self, n: u64) -> u64 {
        ((self.next() >> 32) * n) >> 32
    }

    /// Evenly in 0 to 1.
    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Nearly normal with mean 0 and deviation 1: the sum of four even ones (Irwin-Hall), scaled.
    fn normal(&mut self) -> f64 {
        (self.unit() + self.unit() + self.unit() + self.unit() - 2.0) * 1.732_050_807_568_877_2
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Limits, Run, Values, decode_series, encode_series};

    #[test]
    fn an_hour_takes_less_than_its_budget_and_comes_back() {
        let mut mix = PlantMix::new(1);
        let mut hours = vec![(Vec::new(), Vec::new()); SIGNALS as usize];
        for _ in 0..3600 {
            mix.scan(|signal, time, value| {
                hours[signal as usize].0.push(time);
                hours[signal as usize].1.push(value);
            });
        }
        let (mut bytes, mut samples) = (0, 0);
        for (signal, (times, values)) in (0..).zip(hours) {
            let run = Run { times, values: Values::Number(values) };
            let body = encode_series(std::slice::from_ref(&run), 1);
            assert_eq!(decode_series(&body, Limits::default()).as_deref(), Ok([run].as_slice()), "signal {signal}");
            if kind(signal) != SignalKind::FullPrecision {
                bytes += body.len();
                samples += 3600;
            }
        }
        let each = bytes as f64 / f64::from(samples);
        assert!(each < 0.75, "{each} bytes a sample");
    }

    #[test]
    fn the_same_seed_gives_the_same_plant() {
        let scan = |seed| {
            let mut mix = PlantMix::new(seed);
            let mut all = Vec::new();
            for _ in 0..3 {
                mix.scan(|signal, time, value| all.push((signal, time, value.to_bits())));
            }
            all
        };
        assert_eq!(scan(7), scan(7));
        assert_ne!(scan(7), scan(8));
    }
}
