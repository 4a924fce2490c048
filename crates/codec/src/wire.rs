//! Bytes, varints and the order of the streams within a body.

use crate::DecodeError;

/// Streams of bytes and varints, in the order in which they stand in a body, before the lanes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(usize)]
pub(crate) enum Stream {
    /// Per run: how far its signal is from that of the run before (varint).
    Signals,
    /// Per run: number of samples (varint).
    Counts,
    /// Per run: its time column (varint, see [`SAME_TIMES`]).
    TimeRefs,
    /// Per run: a byte, see `kind`.
    Kinds,
    /// Per integer column: a byte, see `ints`; per time column one more: its power of ten.
    Shapes,
    /// Per integer column: what its residuals start from (zigzag varints).
    Bases,
    /// Residuals that do not fit their lane, numbers that do not fit their run's form.
    Exceptions,
    /// A byte, the power of ten, and per time column: its first time less that of the one before (zigzag varint).
    Origins,
    /// Length of each text of the dictionary (varint).
    TextLengths,
    /// The texts of the dictionary, one after the other.
    Texts,
}

pub(crate) const STREAMS: usize = 10;
pub(crate) const STREAM_NAMES: [&str; STREAMS] = [
    "signal column",
    "count column",
    "references to time columns",
    "kind column",
    "shape column",
    "base column",
    "exceptions",
    "origins of time columns",
    "lengths of texts",
    "texts",
];

/// The run has the times of the run before.
pub(crate) const SAME_TIMES: u64 = 0;
/// The run has a time column of its own, which follows. Greater numbers mean time column `n - FIRST_TIMES`.
pub(crate) const NEW_TIMES: u64 = 1;
pub(crate) const FIRST_TIMES: u64 = 2;

pub(crate) const POWERS: [i64; 7] = [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000];

#[inline]
pub(crate) fn zigzag(x: i64) -> u64 {
    ((x << 1) ^ (x >> 63)) as u64
}

#[inline]
pub(crate) fn unzigzag(x: u64) -> i64 {
    (x >> 1) as i64 ^ -((x & 1) as i64)
}

#[inline]
pub(crate) fn put_varint(out: &mut Vec<u8>, mut x: u64) {
    while x >= 0x80 {
        out.push(x as u8 | 0x80);
        x >>= 7;
    }
    out.push(x as u8);
}

#[inline]
pub(crate) fn put_signed(out: &mut Vec<u8>, x: i64) {
    put_varint(out, zigzag(x));
}

/// Reads one stream.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Source<'a> {
    bytes: &'a [u8],
    at: usize,
    name: &'static str,
}

impl<'a> Source<'a> {
    pub(crate) fn new(bytes: &'a [u8], name: &'static str) -> Self {
        Self { bytes, at: 0, name }
    }

    pub(crate) fn left(&self) -> usize {
        self.bytes.len() - self.at
    }

    #[inline]
    pub(crate) fn byte(&mut self) -> Result<u8, DecodeError> {
        let byte = *self.bytes.get(self.at).ok_or(DecodeError::Truncated(self.name))?;
        self.at += 1;
        Ok(byte)
    }

    #[inline]
    pub(crate) fn varint(&mut self) -> Result<u64, DecodeError> {
        let first = self.byte()?;
        if first < 0x80 { Ok(first.into()) } else { self.long_varint(first) }
    }

    fn long_varint(&mut self, first: u8) -> Result<u64, DecodeError> {
        let mut value = u64::from(first & 0x7f);
        for shift in (7..=63).step_by(7) {
            let byte = self.byte()?;
            if shift == 63 && byte > 1 {
                break;
            }
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(DecodeError::Invalid(self.name))
    }

    #[inline]
    pub(crate) fn signed(&mut self) -> Result<i64, DecodeError> {
        self.varint().map(unzigzag)
    }

    pub(crate) fn take(&mut self, len: usize) -> Result<&'a [u8], DecodeError> {
        let end = self.at.checked_add(len).ok_or(DecodeError::Truncated(self.name))?;
        let taken = self.bytes.get(self.at..end).ok_or(DecodeError::Truncated(self.name))?;
        self.at = end;
        Ok(taken)
    }

    pub(crate) fn word(&mut self) -> Result<u64, DecodeError> {
        let mut word = [0; 8];
        word.copy_from_slice(self.take(8)?);
        Ok(u64::from_le_bytes(word))
    }

    /// That all of it was read.
    pub(crate) fn end(&self) -> Result<(), DecodeError> {
        if self.left() == 0 { Ok(()) } else { Err(DecodeError::LeftOver(self.name)) }
    }
}
