//! Columns of samples: how batches and chunks of time series are packed. Pure: no I/O, no clock.
//!
//! A *batch* ([`BatchBuilder`], [`decode_batch`]) holds samples of many signals over a short time and travels from a
//! collector to the server. A *series* ([`encode_series`], [`decode_series`]) holds one signal over a long time and is
//! what the server stores; it carries its own checksum. Both are the same columns inside one zstd frame.
//!
//! # The columns
//!
//! Samples are grouped into *runs*: one signal, one kind of value (numbers, texts, unavailable), times strictly
//! ascending. Runs stand by ascending signal, those of one signal in the order of kinds named here. Within a body a
//! (signal, time) stands once.
//!
//! A varint is LEB128 of at most 64 bits; a signed one is zigzag-coded first. Other integers are little-endian.
//!
//! ```text
//! body      = varint number of runs
//!           | u32 bit set: which of the 26 lengths below are not 0, the first in bit 0
//!           | varint each such length: 10 streams in bytes, then 4 x 4 lanes in residuals
//!           | 10 streams | 16 lanes
//! streams   = signals | counts | time references | kinds | shapes | bases | exceptions | origins
//!           | text lengths | texts
//! lanes     = of times, of decimals, of texts, of floats: each of 1, 2, 4 and 8 bytes a residual,
//!             as planes: all lowest bytes, then all second bytes, …
//! ```
//!
//! What is alike stands together, because that is what zstd profits from. Each long stretch gets a zstd block of its own,
//! and so its own symbol frequencies; the result is an ordinary zstd frame.
//!
//! Per run, from the streams:
//!
//! - *signals*: varint, how far its number is from that of the run before (from 0 for the first; 0 again for another
//!   kind of the same signal).
//! - *counts*: varint, number of samples, at least 1.
//! - *time references*: varint, 0: the times of the run before; 1: a time column of its own; n: time column n - 2, counted
//!   from 0. The signals of one scan so share one column.
//! - *kinds*: a byte. Bits 0-2: 0 decimals, 1 decimals in single precision, 2 bits of doubles, 3 bits of singles, 4 texts,
//!   5 unavailable. Bit 3: patches follow. Bits 4-7: exponent of decimals, at most 12.
//!
//! A *time column* is its first time (*origins*: the power of ten p as a byte, then signed varints, the first in
//! microseconds, the others in 10^p microseconds from the one before), the power of ten of its offsets (*shapes*: a byte,
//! at most 6) and the integer column of the offsets from the first.
//!
//! *Decimals* are an integer column of m with value `m / 10^exponent`, divided in double precision (and rounded to single
//! precision, for that kind). They are chosen when this gives the numbers bit by bit; a few others are patches
//! (*exceptions*: varint how many; for each, varint how many positions were skipped, then the 8 bytes). *Bits* are an
//! integer column of the bit patterns as signed integers, with all but the sign inverted when the sign is set, so that
//! near numbers are near. *Texts* are an integer column of positions in the dictionary (text lengths, texts in UTF-8).
//!
//! An *integer column* of n elements is a byte in *shapes*: predictor (bits 0-2), class (bits 3-5), whether exceptions
//! follow (bit 6); and signed varints in *bases*. With residual r, all arithmetic wrapping at 64 bits:
//!
//! | predictor | bases | element | residuals |
//! |---|---|---|---|
//! | 0 offset | b | b + r | n |
//! | 1 delta | first | before + r | n - 1 |
//! | 2 delta of delta | first, first delta | before + delta before + r | n - 2 |
//! | 3 step | first, s | before + s + r | n - 1 |
//! | 4 line | b, slope | b + (i slope >> 16) + r | n |
//! | 5 grid | b, slope | b + (k slope >> 16) + r, where k starts at 0 and its n - 1 steps are an integer column (not a grid) placed right after these bases | n |
//!
//! A clock that ticks is a line, whatever the jitter; one with ticks left out is a grid. Residuals are zigzag-coded and
//! stand in the lane of their class: 0 none (all are 0), 1, 2, 3, 4: 1, 2, 4, 8 bytes. Residuals that are wider than their
//! class, or not 0 in class 0, are *exceptions*: varint how many; for each, varint how many residuals were skipped, and
//! varint the zigzag-coded residual.
//!
//! The encoder is free in all choices; a decoder accepts any body that is consistent, and nothing after its end.
#![warn(missing_docs)]

mod batch;
mod decimal;
mod error;
mod ints;
mod kind;
mod lanes;
mod pack;
#[cfg(any(test, feature = "plant-mix"))]
pub mod plant_mix;
mod reader;
mod run;
mod series;
mod wire;
mod writer;

pub use batch::{BatchBuilder, EncodedBatch, decode_batch};
pub use error::DecodeError;
pub use run::{Limits, Run, Values};
pub use series::{decode_series, encode_series};
