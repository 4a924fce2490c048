//! The main drive: temperature, vibration, load, speed and power.

use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::catalogue::{Drive, Symptom};

const AMBIENT_CELSIUS: f64 = 23.0;
/// How fast the motor takes on its temperature.
const HEATING_SECONDS: f64 = 480.0;
/// Producing seconds over which a failure announces itself.
const ANNOUNCED_SECONDS: f64 = 420.0;
/// Above it the drive warns; well below it the warning ends.
const VIBRATION_WARNING_MM_S: f64 = 6.0;
const TEMPERATURE_WARNING_CELSIUS: f64 = 75.0;

/// What the drive is asked to do.
pub(super) struct Demand {
    /// 0 when standing, 1 at full speed.
    pub(super) speed: f64,
    /// What the coming failure announces itself by, and in how many producing seconds it comes.
    pub(super) symptom: Symptom,
    pub(super) failure_in_seconds: f64,
    /// Nobody is there and the drive is switched off.
    pub(super) asleep: bool,
}

/// One reading of everything, rounded as a sensor would.
pub(super) struct Reading {
    pub(super) speed_rpm: f64,
    pub(super) load_percent: f64,
    pub(super) temperature_celsius: f64,
    pub(super) vibration_mm_s: f64,
    pub(super) power_watts: f64,
    /// Code and text, when the drive warns.
    pub(super) warning: Option<(&'static str, &'static str)>,
}

pub(super) struct Motor {
    drive: Drive,
    temperature: f64,
    hot: bool,
    shaking: bool,
}

impl Motor {
    pub(super) fn new(drive: Drive) -> Self {
        Self { drive, temperature: AMBIENT_CELSIUS + drive.heating_kelvin * 0.6, hot: false, shaking: false }
    }

    /// The reading after `seconds` of this demand.
    pub(super) fn read(&mut self, rng: &mut ChaCha8Rng, seconds: f64, demand: &Demand) -> Reading {
        let mut noise = |width: f64| rng.random_range(-width..=width);
        let drive = self.drive;
        let running = demand.speed > 0.0;
        let near = (1.0 - demand.failure_in_seconds / ANNOUNCED_SECONDS).clamp(0.0, 1.0);
        let announced = |symptom| if running && demand.symptom == symptom { near } else { 0.0 };

        let load = if running { drive.load_percent * demand.speed + noise(5.0) } else { 1.5 + noise(0.5) };
        let target = AMBIENT_CELSIUS
            + if running { drive.heating_kelvin * demand.speed + 70.0 * announced(Symptom::Heat) } else { 0.0 };
        self.temperature += (target - self.temperature) * (1.0 - (-seconds / HEATING_SECONDS).exp());
        let vibration = if running {
            drive.vibration_mm_s * (0.7 + 0.3 * demand.speed) + noise(0.25) + 6.5 * announced(Symptom::Vibration)
        } else {
            0.08 + noise(0.03)
        };
        let idle = if demand.asleep { 0.03 } else { 0.14 };
        let power = drive.power_watts * (idle + if running { 0.8 * load / 100.0 } else { noise(0.01) });

        // A gap between on and off, so that noise does not ring the bell again and again; and a machine that
        // pauses is not well for that.
        if running {
            self.shaking = vibration > VIBRATION_WARNING_MM_S - if self.shaking { 1.5 } else { 0.0 };
        }
        self.hot = self.temperature > TEMPERATURE_WARNING_CELSIUS - if self.hot { 4.0 } else { 0.0 };
        let warning = if self.shaking {
            Some(("D620", "Drive vibration above warning limit"))
        } else if self.hot {
            Some(("D610", "Motor temperature above warning limit"))
        } else {
            None
        };
        Reading {
            speed_rpm: if running { (drive.speed_rpm * demand.speed + noise(4.0)).round() } else { 0.0 },
            load_percent: rounded(load.max(0.0), 10.0),
            temperature_celsius: rounded(self.temperature + noise(0.1), 10.0),
            vibration_mm_s: rounded(vibration.max(0.0), 100.0),
            power_watts: rounded(power.max(0.0), 0.1),
            warning,
        }
    }
}

fn rounded(value: f64, steps: f64) -> f64 {
    (value * steps).round() / steps
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;
    use crate::plant::Machine;

    fn readings(speed: f64, symptom: Symptom, failure_in_seconds: f64) -> Vec<Reading> {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let mut motor = Motor::new(Machine::Press.drive());
        let demand = Demand { speed, symptom, failure_in_seconds, asleep: false };
        (0..3_000).map(|_| motor.read(&mut rng, 1.0, &demand)).collect()
    }

    #[test]
    fn a_running_motor_is_warm_and_never_warns() {
        let all = readings(1.0, Symptom::None, 1e9);
        let last = all.last().unwrap();
        assert!((55.0..65.0).contains(&last.temperature_celsius), "{}", last.temperature_celsius);
        assert!(all.iter().all(|r| r.warning.is_none()));
    }

    #[test]
    fn a_standing_motor_cools_and_draws_little() {
        let all = readings(0.0, Symptom::None, 1e9);
        let last = all.last().unwrap();
        assert!((22.0..25.0).contains(&last.temperature_celsius), "{}", last.temperature_celsius);
        assert!(all.iter().all(|r| r.speed_rpm == 0.0 && r.vibration_mm_s < 0.2 && r.power_watts < 10_000.0));
    }

    #[test]
    fn a_bearing_that_fails_is_felt_before() {
        assert!(readings(1.0, Symptom::Vibration, 20.0).iter().any(|r| r.warning.is_some_and(|w| w.0 == "D620")));
        assert!(readings(1.0, Symptom::Heat, 20.0).iter().any(|r| r.warning.is_some_and(|w| w.0 == "D610")));
    }
}
