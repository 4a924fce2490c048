use super::{
    CLASS_SHIFT, DELTA, DELTA2, EXCEPTIONS, GRID, LINE, OFFSET, STEP, on_line,
    plan::{Plan, Planner, class_of},
};
use crate::{
    lanes::{Lanes, OWNERS, Owner},
    wire::{put_signed, put_varint, zigzag},
};

/// At most one residual in so many may be an exception.
const EXCEPTION_RATIO: usize = 32;

/// Writes columns of integers.
#[derive(Debug, Default)]
pub(crate) struct IntWriter {
    pub(crate) shapes: Vec<u8>,
    pub(crate) bases: Vec<u8>,
    pub(crate) exceptions: Vec<u8>,
    pub(crate) lanes: [Lanes; OWNERS],
    planner: Planner,
    residuals: Vec<u64>,
}

impl IntWriter {
    pub(crate) fn clear(&mut self) {
        self.shapes.clear();
        self.bases.clear();
        self.exceptions.clear();
        self.lanes.iter_mut().for_each(Lanes::clear);
    }

    pub(crate) fn write(&mut self, x: &[i64], owner: Owner) {
        let lines = matches!(owner, Owner::Times | Owner::Decimals);
        let plan = self.planner.choose(x, lines, owner == Owner::Times);
        if let Plan::Grid { .. } = plan {
            let ticks = std::mem::take(&mut self.planner.ticks);
            self.write_planned(x, owner, plan, &ticks);
            self.planner.ticks = ticks;
        } else {
            self.write_planned(x, owner, plan, &[]);
        }
    }

    fn write_planned(&mut self, x: &[i64], owner: Owner, plan: Plan, ticks: &[i64]) {
        let residuals = &mut self.residuals;
        residuals.clear();
        let first = x.first().copied().unwrap_or(0);
        let deltas = |step: i64| x.windows(2).map(move |p| zigzag(p[1].wrapping_sub(p[0]).wrapping_sub(step)));
        let shape_at = self.shapes.len();
        self.shapes.push(0);
        let predictor = match plan {
            Plan::Offset { base } => {
                put_signed(&mut self.bases, base);
                residuals.extend(x.iter().map(|v| zigzag(v.wrapping_sub(base))));
                OFFSET
            }
            Plan::Delta => {
                put_signed(&mut self.bases, first);
                residuals.extend(deltas(0));
                DELTA
            }
            Plan::Delta2 => {
                put_signed(&mut self.bases, first);
                put_signed(&mut self.bases, x[1].wrapping_sub(first));
                residuals.extend(
                    x.windows(3).map(|p| zigzag(p[2].wrapping_sub(p[1]).wrapping_sub(p[1].wrapping_sub(p[0])))),
                );
                DELTA2
            }
            Plan::Step { step } => {
                put_signed(&mut self.bases, first);
                put_signed(&mut self.bases, step);
                residuals.extend(deltas(step));
                STEP
            }
            Plan::Line { base, slope } => {
                put_signed(&mut self.bases, base);
                put_signed(&mut self.bases, slope);
                residuals
                    .extend(x.iter().enumerate().map(|(i, v)| zigzag(v.wrapping_sub(on_line(base, slope, i as i64)))));
                LINE
            }
            Plan::Grid { base, slope } => {
                put_signed(&mut self.bases, base);
                put_signed(&mut self.bases, slope);
                // The steps are a column of their own; it must not itself be a grid.
                let steps: Vec<i64> = ticks.windows(2).map(|p| p[1].wrapping_sub(p[0])).collect();
                let plan = self.planner.choose(&steps, false, false);
                self.write_planned(&steps, owner, plan, &[]);
                self.residuals.clear();
                self.residuals
                    .extend(x.iter().zip(ticks).map(|(v, &k)| zigzag(v.wrapping_sub(on_line(base, slope, k)))));
                GRID
            }
        };
        let (class, exceptions) = self.write_residuals(owner);
        self.shapes[shape_at] = predictor | class << CLASS_SHIFT | if exceptions { EXCEPTIONS } else { 0 };
    }

    /// Into the narrowest lane that holds all but a few.
    fn write_residuals(&mut self, owner: Owner) -> (u8, bool) {
        let residuals = &self.residuals;
        let widest = class_of(residuals.iter().fold(0, |all, r| all | r));
        let mut class = widest;
        let allowed = residuals.len() / EXCEPTION_RATIO;
        if allowed > 0 {
            for (narrower, bits) in [(0, 0), (1, 8), (2, 16), (3, 32)] {
                let wider = residuals.iter().filter(|&&r| r >> bits != 0).count();
                if narrower < widest && wider <= allowed {
                    class = narrower;
                    break;
                }
            }
        }
        if class < widest {
            let bits = [0, 8, 16, 32][usize::from(class)];
            let wider = || residuals.iter().enumerate().filter(|(_, r)| **r >> bits != 0);
            put_varint(&mut self.exceptions, wider().count() as u64);
            let mut next = 0;
            for (i, &r) in wider() {
                put_varint(&mut self.exceptions, (i - next) as u64);
                put_varint(&mut self.exceptions, r);
                next = i + 1;
            }
        }
        self.lanes[owner as usize].push(class, residuals);
        (class, class < widest)
    }
}
