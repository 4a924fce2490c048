//! Playing a recording along the wall clock.

use std::time::Duration;

use gemba_domain::Timestamp;

use super::recording::{Event, Recording};
use crate::agent::{Adapter, PushError};

/// How a recording is played.
#[derive(Clone, Copy, Debug)]
pub struct Playback {
    /// Seconds of the log a second.
    pub speed: f64,
    /// Timestamps as in the log; otherwise as if it began at the start, at this speed.
    pub keep_time: bool,
    /// From the beginning again when it ends.
    pub repeat: bool,
}

impl Playback {
    /// The timestamp that an event is given when the recording began at `start`.
    pub fn timestamp(&self, start: Timestamp, event: &Event) -> Timestamp {
        if self.keep_time { event.time } else { start.plus_micros(self.wall_micros(event.offset_micros)) }
    }

    fn wall_micros(&self, log_micros: i64) -> i64 {
        (log_micros as f64 / self.speed).round() as i64
    }
}

/// What was played.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Played {
    /// Observations of the log.
    pub events: u64,
    /// Those that the agent stored: the others repeated what was in force.
    pub stored: u64,
}

const STEP: Duration = Duration::from_millis(50);
/// Observations given to the agent in one go, so that clients are served in between.
const CHUNK: usize = 10_000;

/// Plays the recording from now on; returns at its end, unless it repeats for ever.
///
/// # Errors
/// The agent does not know an item: it was made with other devices.
pub async fn play(recording: &Recording, adapter: &Adapter, playback: Playback) -> Result<Played, PushError> {
    let mut played = Played::default();
    let mut steps = tokio::time::interval(STEP);
    steps.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    loop {
        let start = now();
        let mut left = recording.events();
        while !left.is_empty() {
            steps.tick().await;
            let elapsed = now().micros_since(start);
            let due = left.partition_point(|event| playback.wall_micros(event.due_micros) <= elapsed);
            let (events, later) = left.split_at(due);
            for chunk in events.chunks(CHUNK) {
                let observations =
                    chunk.iter().map(|event| (&*event.item, playback.timestamp(start, event), event.value.clone()));
                played.stored += adapter.push_all(observations)?;
                played.events += chunk.len() as u64;
                tokio::task::yield_now().await;
            }
            left = later;
        }
        tracing::info!(events = played.events, stored = played.stored, "the recording has ended");
        if !playback.repeat {
            return Ok(played);
        }
        steps.tick().await;
    }
}

fn now() -> Timestamp {
    chrono::Utc::now().into()
}
