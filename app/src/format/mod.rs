//! How numbers, durations and times read. Pure, and the same on both sides.

mod number;
mod span;
mod time;

pub(crate) use number::{NO_VALUE, fixed as decimal, percent, pieces, reading, signed_points};
pub(crate) use span::{age, span};
pub(crate) use time::{clock_time, clock_time_seconds, day_and_time, day_of, day_time_seconds, time_ticks};
