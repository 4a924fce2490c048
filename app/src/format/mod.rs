//! How numbers, durations, times and states read. Pure, and the same in the browser, on the server and on paper.

mod number;
mod span;
mod state;
mod time;

pub use number::{NO_VALUE, fixed as decimal, money, percent, pieces, reading, signed_points};
pub use span::{age, span};
pub use state::{shift_title, state_word};
pub use time::{
    clock_time, clock_time_seconds, day_and_time, day_of, day_time_seconds, local_day_and_time, stretch_text,
    time_ticks,
};
