use super::{CLASS_SHIFT, DELTA, DELTA2, EXCEPTIONS, GRID, LINE, OFFSET, PREDICTOR, STEP, on_line};
use crate::{
    DecodeError,
    lanes::{Lane, OWNERS, Owner},
    wire::{Source, unzigzag},
};

/// Reads columns of integers, in the order in which they were written.
#[derive(Debug)]
pub(crate) struct IntReader<'a> {
    pub(crate) shapes: Source<'a>,
    pub(crate) bases: Source<'a>,
    pub(crate) exceptions: Source<'a>,
    pub(crate) lanes: [[Lane<'a>; 4]; OWNERS],
}

impl IntReader<'_> {
    /// The next column, of `n` elements (at least one), into `out`. The caller has checked `n` against its limits.
    pub(crate) fn read(&mut self, n: usize, owner: Owner, out: &mut Vec<i64>) -> Result<(), DecodeError> {
        self.read_column(n, owner, out, true)
    }

    fn read_column(&mut self, n: usize, owner: Owner, out: &mut Vec<i64>, grids: bool) -> Result<(), DecodeError> {
        out.clear();
        let shape = self.shapes.byte()?;
        let (predictor, class) = (shape & PREDICTOR, (shape & !EXCEPTIONS) >> CLASS_SHIFT);
        let base = self.bases.signed()?;
        let second = if predictor >= DELTA2 { self.bases.signed()? } else { 0 };
        // Elements that the parameters alone give.
        let given = match predictor {
            OFFSET | LINE | GRID => 0,
            DELTA | STEP => 1,
            _ => 2,
        };
        if given > n {
            return Err(DecodeError::Invalid("shapes"));
        }
        let mut ticks = Vec::new();
        if predictor == GRID {
            if !grids || n < 2 {
                return Err(DecodeError::Invalid("shapes"));
            }
            self.read_column(n - 1, owner, &mut ticks, false)?;
            out.clear();
        }
        match predictor {
            DELTA | STEP => out.push(base),
            DELTA2 => out.extend([base, base.wrapping_add(second)]),
            _ => {}
        }
        let lanes = &mut self.lanes[owner as usize];
        match class {
            0 => out.resize(n, 0),
            1 => lanes[0].read::<1>(n - given, out)?,
            2 => lanes[1].read::<2>(n - given, out)?,
            3 => lanes[2].read::<4>(n - given, out)?,
            4 => lanes[3].read::<8>(n - given, out)?,
            _ => return Err(DecodeError::Invalid("shapes")),
        }
        if shape & EXCEPTIONS != 0 {
            self.read_exceptions(&mut out[given..])?;
        }
        match predictor {
            OFFSET => out.iter_mut().for_each(|v| *v = v.wrapping_add(base)),
            DELTA | STEP => {
                let mut x = base;
                for v in &mut out[1..] {
                    x = x.wrapping_add(second).wrapping_add(*v);
                    *v = x;
                }
            }
            DELTA2 => {
                let (mut x, mut d) = (out[1], second);
                for v in &mut out[2..] {
                    d = d.wrapping_add(*v);
                    x = x.wrapping_add(d);
                    *v = x;
                }
            }
            LINE => {
                for (i, v) in out.iter_mut().enumerate() {
                    *v = v.wrapping_add(on_line(base, second, i as i64));
                }
            }
            GRID => {
                let mut k = 0_i64;
                for (i, v) in out.iter_mut().enumerate() {
                    if i > 0 {
                        k = k.wrapping_add(ticks[i - 1]);
                    }
                    *v = v.wrapping_add(on_line(base, second, k));
                }
            }
            _ => return Err(DecodeError::Invalid("shapes")),
        }
        Ok(())
    }

    fn read_exceptions(&mut self, out: &mut [i64]) -> Result<(), DecodeError> {
        let mut next = 0_usize;
        for _ in 0..self.exceptions.varint()? {
            let skip = self.exceptions.varint()?;
            let value = unzigzag(self.exceptions.varint()?);
            let at = usize::try_from(skip).ok().and_then(|s| next.checked_add(s));
            let slot = at.and_then(|at| out.get_mut(at)).ok_or(DecodeError::Invalid("exceptions"))?;
            *slot = value;
            next = at.unwrap_or(next) + 1;
        }
        Ok(())
    }
}
