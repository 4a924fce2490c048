//! Which devices answer. Each behind a gateway stands for itself.

use std::time::Duration;

use gemba_domain::Timestamp;
use tokio::time::Instant;

use super::ById;
use crate::{
    clock,
    collector::{
        Failure,
        modbus::{
            mapping::Point,
            round::{Down, Outcome},
        },
    },
};

/// Pauses before a device that gave nothing is asked again: doubled from the first to the last.
const PAUSES: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(10));
/// Devices that were silent one after the other, without an answer in between, after which the connection is what is silent.
const SILENT_LIMIT: u32 = 4;

/// All devices of a source.
#[derive(Debug)]
pub struct Devices {
    devices: ById<Device>,
    /// Silent ones since anything answered.
    silent: u32,
}

#[derive(Debug)]
struct Device {
    /// When it answered last, or since when it is asked.
    heard: Timestamp,
    down: Option<IsDown>,
}

#[derive(Debug)]
struct IsDown {
    how: Down,
    why: String,
    pause: Duration,
    retry_at: Instant,
}

/// What follows for a device's signals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing new.
    AsBefore,
    /// It gives nothing since this moment.
    Down {
        /// When it was heard last.
        since: Timestamp,
    },
}

impl Devices {
    /// Those of the points.
    pub fn new(points: &[Point]) -> Self {
        let device = |point: &Point| (point.device, Device { heard: clock::now(), down: None });
        Self { devices: points.iter().map(device).collect(), silent: 0 }
    }

    /// A session begins: when all are down, all are asked anew.
    pub fn begin(&mut self, now: Instant) {
        self.silent = 0;
        let all = self.devices.values().all(|device| device.down.is_some());
        if all {
            self.devices.values_mut().filter_map(|device| device.down.as_mut()).for_each(|down| down.retry_at = now);
        }
    }

    /// Whether it answers, or is due to be tried.
    pub fn may_ask(&self, id: u8, now: Instant) -> bool {
        self.down_of(id).is_none_or(|down| down.retry_at <= now)
    }

    /// Whether it gave nothing when it was asked last.
    pub fn is_down(&self, id: u8) -> bool {
        self.down_of(id).is_some()
    }

    fn down_of(&self, id: u8) -> Option<&IsDown> {
        self.devices.get(&id)?.down.as_ref()
    }

    /// Takes note of what it said.
    pub fn verdict(&mut self, id: u8, outcome: &Outcome, now: Instant) -> Verdict {
        let Some(device) = self.devices.get_mut(&id) else { return Verdict::AsBefore };
        match outcome {
            Outcome::Skipped => Verdict::AsBefore,
            Outcome::Down(how, why) => {
                self.silent = if *how == Down::Silent { self.silent.saturating_add(1) } else { 0 };
                let pause = device.down.as_ref().map_or(PAUSES.0, |down| (down.pause * 2).min(PAUSES.1));
                if device.down.is_none() {
                    tracing::warn!("{why}");
                }
                let since = if *how == Down::Gateway { clock::now() } else { device.heard };
                device.down = Some(IsDown { how: *how, why: why.clone(), pause, retry_at: now + pause });
                Verdict::Down { since }
            }
            Outcome::Values(_) | Outcome::Refused(_) | Outcome::Failed(_) => {
                self.silent = 0;
                device.heard = clock::now();
                if device.down.take().is_some() {
                    tracing::info!("unit {id} answers again");
                }
                Verdict::AsBefore
            }
        }
    }

    /// Those that give nothing, and why.
    pub fn down(&self) -> Vec<(u8, &str)> {
        let down = |(id, device): (&u8, &'_ Device)| device.down.as_ref().map(|_| *id);
        self.devices.iter().filter_map(down).filter_map(|id| Some((id, self.down_of(id)?.why.as_str()))).collect()
    }

    /// Why nothing can be read at all, if so. `address`: of the connection.
    pub fn failure(&self, address: &str) -> Option<Failure> {
        let down: Vec<&IsDown> = self.devices.values().filter_map(|device| device.down.as_ref()).collect();
        let newest = down.iter().max_by_key(|down| down.retry_at)?;
        let all = down.len() == self.devices.len();
        if !all && self.silent < SILENT_LIMIT {
            return None;
        }
        let words = match down.as_slice() {
            [only] => format!("{address}: {}", only.why),
            _ if all => format!("{address}: none of the {} devices answers; {}", down.len(), newest.why),
            _ => format!("{address}: {} devices in a row do not answer; {}", self.silent, newest.why),
        };
        Some(match newest.how {
            Down::Nonsense => Failure::Refused(words),
            Down::Silent | Down::Gateway => Failure::Silent(words),
        })
    }
}
