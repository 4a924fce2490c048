//! Residuals of one width side by side, split into planes of bytes: low bytes with low bytes, high with high.

use crate::{DecodeError, wire::unzigzag};

/// Whose residuals a set of lanes holds. Each has its own, because each has its own statistics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(usize)]
pub(crate) enum Owner {
    Times,
    Decimals,
    Texts,
    Floats,
}

pub(crate) const OWNERS: usize = 4;
/// Bytes of a residual, by class. Class 0 has none: all its residuals are 0 (but for exceptions).
pub(crate) const WIDTHS: [usize; 5] = [0, 1, 2, 4, 8];
pub(crate) const LANES: usize = OWNERS * 4;

/// The lanes of one owner while they are written.
#[derive(Debug, Default)]
pub(crate) struct Lanes {
    one: Vec<u8>,
    two: Vec<u16>,
    four: Vec<u32>,
    eight: Vec<u64>,
}

impl Lanes {
    pub(crate) fn clear(&mut self) {
        self.one.clear();
        self.two.clear();
        self.four.clear();
        self.eight.clear();
    }

    pub(crate) fn counts(&self) -> [usize; 4] {
        [self.one.len(), self.two.len(), self.four.len(), self.eight.len()]
    }

    /// Residuals too wide for the class (they are exceptions) are written as their low bytes.
    pub(crate) fn push(&mut self, class: u8, residuals: &[u64]) {
        match class {
            0 => {}
            1 => self.one.extend(residuals.iter().map(|&r| r as u8)),
            2 => self.two.extend(residuals.iter().map(|&r| r as u16)),
            3 => self.four.extend(residuals.iter().map(|&r| r as u32)),
            _ => self.eight.extend_from_slice(residuals),
        }
    }

    /// Appends the planes; `planes` learns where each ends.
    pub(crate) fn write(&self, out: &mut Vec<u8>, planes: &mut Vec<usize>) {
        if !self.one.is_empty() {
            out.extend_from_slice(&self.one);
            planes.push(out.len());
        }
        for shift in (0..16).step_by(8).filter(|_| !self.two.is_empty()) {
            out.extend(self.two.iter().map(|&r| (r >> shift) as u8));
            planes.push(out.len());
        }
        for shift in (0..32).step_by(8).filter(|_| !self.four.is_empty()) {
            out.extend(self.four.iter().map(|&r| (r >> shift) as u8));
            planes.push(out.len());
        }
        for shift in (0..64).step_by(8).filter(|_| !self.eight.is_empty()) {
            out.extend(self.eight.iter().map(|&r| (r >> shift) as u8));
            planes.push(out.len());
        }
    }
}

/// One lane while it is read: `width` planes of `count` bytes.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Lane<'a> {
    bytes: &'a [u8],
    count: usize,
    at: usize,
}

impl<'a> Lane<'a> {
    pub(crate) fn new(bytes: &'a [u8], count: usize) -> Self {
        Self { bytes, count, at: 0 }
    }

    pub(crate) fn left(&self) -> usize {
        self.count - self.at
    }

    /// Takes the next `n` residuals and appends them.
    pub(crate) fn read<const WIDTH: usize>(&mut self, n: usize, out: &mut Vec<i64>) -> Result<(), DecodeError> {
        if n > self.left() {
            return Err(DecodeError::Truncated("residuals"));
        }
        let mut planes: [&[u8]; WIDTH] = [&[]; WIDTH];
        for (i, plane) in planes.iter_mut().enumerate() {
            let from = i * self.count + self.at;
            *plane = self.bytes.get(from..from + n).ok_or(DecodeError::Truncated("residuals"))?;
        }
        self.at += n;
        out.extend((0..n).map(|i| {
            let word = planes.iter().rev().fold(0_u64, |word, plane| word << 8 | u64::from(plane[i]));
            unzigzag(word)
        }));
        Ok(())
    }
}
