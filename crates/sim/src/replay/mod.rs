//! Recorded machine logs, played back through an agent as if they happened now.
//!
//! A folder holds `Devices.xml` and files of lines `timestamp|item|value` (`.txt`, `.txt.gz`), here or in
//! its folder `full_rate_days`, whose names begin with the device's name and a dash. Items are named by
//! name or id. Conditions take five fields, `Level|code|severity|qualifier|text`. A line may carry several
//! items one after the other.

mod log;
mod player;
mod recording;

pub use player::{Playback, Played, play};
pub use recording::{Event, Recording, ReplayError, Tally};
