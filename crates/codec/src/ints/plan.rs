//! Which predictor suits a column. Long columns are judged by samples of them.

use super::{FRACTION, on_line};
use crate::wire::zigzag;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Plan {
    Offset { base: i64 },
    Delta,
    Delta2,
    Step { step: i64 },
    Line { base: i64, slope: i64 },
    Grid { base: i64, slope: i64 },
}

/// Columns up to here are judged whole, by the widest residual.
const SHORT: usize = 16;
/// Length and number of the windows by which longer ones are judged.
const WINDOW: usize = 32;
const WINDOWS: usize = 12;
/// What a parameter costs, in bits.
const PARAMETER: u64 = 16;

#[derive(Debug, Default)]
pub(super) struct Planner {
    deltas: Vec<i64>,
    /// Tick of each element, when the plan is [`Plan::Grid`].
    pub(super) ticks: Vec<i64>,
}

fn bits(residual: i64) -> u64 {
    u64::from(u64::BITS - zigzag(residual).leading_zeros())
}

/// Class of the widest of some residuals, given their zigzag forms or-ed together.
pub(super) fn class_of(all: u64) -> u8 {
    match u64::BITS - all.leading_zeros() {
        0 => 0,
        1..=8 => 1,
        9..=16 => 2,
        17..=32 => 3,
        _ => 4,
    }
}

impl Planner {
    /// `clock`: x are times, ticks may have been left out. `lines`: x is a quantity, for which lines make sense.
    pub(super) fn choose(&mut self, x: &[i64], lines: bool, clock: bool) -> Plan {
        match x {
            [] => Plan::Delta,
            [only] => Plan::Offset { base: *only },
            x if x.len() <= SHORT => short(x),
            x => self.long(x, lines, clock),
        }
    }

    fn long(&mut self, x: &[i64], lines: bool, clock: bool) -> Plan {
        let windows = Windows::of(x.len());
        self.deltas.clear();
        let (mut sum, mut count) = (0.0, 0_u32);
        for w in windows.iter() {
            self.deltas.extend(x[w.clone()].windows(2).map(|p| p[1].wrapping_sub(p[0])));
            sum += x[w.clone()].iter().map(|v| v.wrapping_sub(x[0]) as f64).sum::<f64>();
            count += w.len() as u32;
        }
        let base = x[0].wrapping_add((sum / f64::from(count)).round() as i64);
        let middle = self.deltas.len() / 2;
        let step = *self.deltas.select_nth_unstable(middle).1;

        let (mut offset, mut delta, mut delta2, mut stepped) = (0, 0, PARAMETER, PARAMETER);
        for w in windows.iter() {
            // The first two of a window only serve to predict; all predictors are judged by the same elements.
            for p in x[w].windows(3) {
                let d = p[2].wrapping_sub(p[1]);
                offset += bits(p[2].wrapping_sub(base));
                delta += bits(d);
                delta2 += bits(d.wrapping_sub(p[1].wrapping_sub(p[0])));
                stepped += bits(d.wrapping_sub(step));
            }
        }
        let mut best = (delta, Plan::Delta);
        for (cost, plan) in [(delta2, Plan::Delta2), (offset, Plan::Offset { base }), (stepped, Plan::Step { step })] {
            if cost < best.0 {
                best = (cost, plan);
            }
        }
        if lines && best.0 > PARAMETER && step != 0 {
            let (base, slope) = fit(x, &windows, |i| i as i64);
            let mut line = 2 * PARAMETER;
            for i in windows.iter().flat_map(|w| w.skip(2)) {
                line += bits(x[i].wrapping_sub(on_line(base, slope, i as i64)));
            }
            if line < best.0 {
                best = (line, Plan::Line { base, slope });
            }
            if clock
                && let Some((cost, plan)) = self.grid(x, &windows, step)
                && cost < best.0
            {
                best = (cost, plan);
            }
        }
        best.1
    }

    /// A clock with ticks left out.
    fn grid(&mut self, x: &[i64], windows: &Windows, step: i64) -> Option<(u64, Plan)> {
        if step <= 0 {
            return None;
        }
        // The period, from the steps that are near one, two or three ticks.
        let (mut ticks, mut length) = (0.0, 0.0);
        for &d in &self.deltas {
            let k = (d as f64 / step as f64).round();
            if (1.0..=3.0).contains(&k) {
                ticks += k;
                length += d as f64;
            }
        }
        let period = length / ticks;
        if !period.is_finite() || period < 2.0 {
            return None;
        }
        self.ticks.clear();
        self.ticks.extend(x.iter().map(|v| (v.wrapping_sub(x[0]) as f64 / period).round() as i64));
        let k = &self.ticks;
        if k.last().is_some_and(|&last| last == x.len() as i64 - 1) {
            return None; // No tick was left out: a line.
        }
        let (base, slope) = fit(x, windows, |i| k[i]);
        let mut cost = 3 * PARAMETER;
        for i in windows.iter().flat_map(|w| w.skip(2)) {
            let steps = k[i].wrapping_sub(k[i - 1]);
            cost += bits(x[i].wrapping_sub(on_line(base, slope, k[i]))) + bits(steps.wrapping_sub(1));
        }
        Some((cost, Plan::Grid { base, slope }))
    }
}

/// Few elements: the narrowest class wins, then the fewest parameters.
fn short(x: &[i64]) -> Plan {
    let first = x[1].wrapping_sub(x[0]);
    let step = x[x.len() - 1].wrapping_sub(x[0]) / (x.len() as i64 - 1);
    let (mut offset, mut delta, mut delta2, mut stepped) = (0, 0, 0, 0);
    let mut before = first;
    for p in x.windows(2) {
        let d = p[1].wrapping_sub(p[0]);
        offset |= zigzag(p[1].wrapping_sub(x[0]));
        delta |= zigzag(d);
        delta2 |= zigzag(d.wrapping_sub(before));
        stepped |= zigzag(d.wrapping_sub(step));
        before = d;
    }
    let mut best = (class_of(delta), Plan::Delta);
    for (class, plan) in [
        (class_of(delta2), Plan::Delta2),
        (class_of(offset), Plan::Offset { base: x[0] }),
        (class_of(stepped), Plan::Step { step }),
    ] {
        if class < best.0 {
            best = (class, plan);
        }
    }
    best.1
}

/// Least squares through the sampled elements. Slope in units of 2^-16.
fn fit(x: &[i64], windows: &Windows, tick: impl Fn(usize) -> i64) -> (i64, i64) {
    let (mut n, mut sk, mut sy) = (0.0, 0.0, 0.0);
    for i in windows.iter().flatten() {
        n += 1.0;
        sk += tick(i) as f64;
        sy += x[i].wrapping_sub(x[0]) as f64;
    }
    let (mk, my) = (sk / n, sy / n);
    let (mut kk, mut ky) = (0.0, 0.0);
    for i in windows.iter().flatten() {
        let k = tick(i) as f64 - mk;
        kk += k * k;
        ky += k * (x[i].wrapping_sub(x[0]) as f64 - my);
    }
    let mut slope = if kk > 0.0 { ky / kk } else { 0.0 };
    // A period that is a whole number is taken as such: no fractions drift through the residuals.
    if (slope - slope.round()).abs() * tick(x.len() - 1) as f64 <= 2.0 {
        slope = slope.round();
    }
    let base = x[0].wrapping_add((my - slope * mk).round() as i64);
    (base, (slope * f64::from(1_u32 << FRACTION)).round() as i64)
}

/// Stretches of a column spread evenly over it, or all of it.
struct Windows {
    len: usize,
    stride: usize,
    window: usize,
}

impl Windows {
    fn of(len: usize) -> Self {
        if len <= WINDOW * WINDOWS {
            Self { len, stride: len, window: len }
        } else {
            Self { len, stride: (len - WINDOW) / (WINDOWS - 1), window: WINDOW }
        }
    }

    fn iter(&self) -> impl Iterator<Item = std::ops::Range<usize>> + use<> {
        let Self { len, stride, window } = *self;
        (0..).map(move |i| i * stride).take_while(move |from| from + window <= len).map(move |from| from..from + window)
    }
}
