//! What is sent: the made-up plant, a day of some of its signals, and recorded days of real machines.

use std::{collections::HashMap, path::Path};

use anyhow::{Context, Result, bail};
use gemba_codec::plant_mix::{self, PlantMix, SIGNALS, SIGNALS_PER_CONTROLLER};
use gemba_domain::{
    Timestamp,
    signal::{SignalKind, SignalRole},
};

use crate::{
    execution::gunzip,
    rig::{LinePlan, PlantPlan, SignalPlan, UnitPlan, now_micros},
};

const LINE: &str = "line-1";
/// Data ends this long ago: hours that are over, within the last day that the engine keeps in memory.
const AGO_MICROS: i64 = 3 * 3_600_000_000;

/// A sample: its signal's number, microseconds since 1970, number.
pub(super) type Sample = (u32, i64, f64);

/// Samples in the order in which a collector reads them.
#[derive(Debug)]
pub(super) struct Load {
    pub units: Vec<UnitPlan>,
    /// Unit and kind of each signal, by its number.
    pub signals: Vec<(usize, SignalKind)>,
    pub samples: Vec<Sample>,
}

impl Load {
    /// `signals` signals of made-up plants for `hours` hours. Each controller is a unit; one of its counters counts pieces.
    pub fn plant(signals: u32, hours: f64) -> Self {
        Self::mix("unit", 1, signals, hours)
    }

    /// Signals of another such plant for a day, all of one unit.
    pub fn day(signals: u32) -> Self {
        Self::mix("day", 1_000_001, signals, 24.0)
    }

    fn mix(name: &str, seed: u64, signals: u32, hours: f64) -> Self {
        let seconds = (hours * 3600.0).round() as i64;
        let end = (now_micros() - AGO_MICROS) / 1_000_000 * 1_000_000;
        let shift = end - seconds * 1_000_000 - plant_mix::START;
        let mut mixes: Vec<_> =
            (0..signals.div_ceil(SIGNALS)).map(|n| (n, PlantMix::new(seed + u64::from(n)))).collect();
        let mut samples = Vec::with_capacity(signals as usize * usize::try_from(seconds).unwrap_or(0));
        for _ in 0..seconds {
            for (number, mix) in &mut mixes {
                let first = *number * SIGNALS;
                mix.scan(|signal, time, value| {
                    if first + signal < signals {
                        samples.push((first + signal, time + shift, value));
                    }
                });
            }
        }
        let mut load = Self { units: Vec::new(), signals: Vec::new(), samples };
        for signal in 0..signals {
            if signal % SIGNALS_PER_CONTROLLER == 0 {
                let code = format!("{name}-{}", signal / SIGNALS_PER_CONTROLLER);
                load.units.push(UnitPlan { code, signals: Vec::new() });
            }
            let kind = match plant_mix::kind(signal % SIGNALS) {
                plant_mix::SignalKind::Counter => SignalKind::Counter,
                plant_mix::SignalKind::Setpoint => SignalKind::Setpoint,
                _ => SignalKind::Measure,
            };
            load.add_signal(kind);
        }
        load
    }

    /// The numbers of a machine's day file (`time|item|value`). Of two for one moment the later stands.
    pub fn recorded(file: &Path) -> Result<Self> {
        let text = gunzip(file)?;
        let mut items: HashMap<&str, u32> = HashMap::new();
        let mut latest: HashMap<(u32, i64), usize> = HashMap::new();
        let mut samples: Vec<Sample> = Vec::new();
        for line in text.lines() {
            let mut fields = line.splitn(3, '|');
            let (Some(time), Some(item), Some(value)) = (fields.next(), fields.next(), fields.next()) else { continue };
            let (Ok(time), Ok(value)) = (time.parse::<Timestamp>(), value.trim().parse::<f64>()) else { continue };
            let next = u32::try_from(items.len())?;
            let signal = *items.entry(item).or_insert(next);
            match latest.insert((signal, time.micros()), samples.len()) {
                Some(before) => {
                    samples[before].2 = value;
                    latest.insert((signal, time.micros()), before);
                }
                None => samples.push((signal, time.micros(), value)),
            }
        }
        if samples.is_empty() {
            bail!("{} has no numbers", file.display());
        }
        let name = file.file_name().and_then(|name| name.to_str()).and_then(|name| name.split('-').next());
        let code = name.context("a file without a name")?.to_lowercase();
        let mut load = Self { units: vec![UnitPlan { code, signals: Vec::new() }], signals: Vec::new(), samples };
        for _ in 0..items.len() {
            load.add_signal(SignalKind::Measure);
        }
        Ok(load)
    }

    /// Adds one to the last unit. Its first counter counts pieces.
    fn add_signal(&mut self, kind: SignalKind) {
        let number = self.signals.len();
        let at = self.units.len().saturating_sub(1);
        let Some(unit) = self.units.last_mut() else { return };
        let counts = kind == SignalKind::Counter && unit.signals.iter().all(|signal| signal.role.is_none());
        let role = counts.then_some(SignalRole::GoodCount);
        unit.signals.push(SignalPlan { code: format!("s-{number}"), kind, role });
        self.signals.push((at, kind));
    }

    /// Address and kind of each signal, by its number.
    pub fn addresses(&self) -> Vec<(String, SignalKind)> {
        let address = |(number, (unit, kind)): (usize, &(usize, SignalKind))| {
            (format!("{}:s-{number}", PlantPlan::path(LINE, &self.units[*unit].code)), *kind)
        };
        self.signals.iter().enumerate().map(address).collect()
    }

    /// Path of the first unit.
    pub fn path(&self) -> Result<String> {
        Ok(PlantPlan::path(LINE, &self.units.first().context("no unit")?.code))
    }

    /// Earliest and latest time.
    pub fn span(&self) -> (i64, i64) {
        let times = || self.samples.iter().map(|sample| sample.1);
        (times().min().unwrap_or_default(), times().max().unwrap_or_default())
    }
}

/// A plant that has the signals of these loads.
pub(super) fn plant_of(loads: &[&Load]) -> PlantPlan {
    let units = loads.iter().flat_map(|load| load.units.iter().cloned()).collect();
    PlantPlan { lines: vec![LinePlan { code: LINE.to_owned(), units }] }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_load_has_each_signal_once_a_second_and_a_counter_in_each_unit() {
        let load = Load::plant(1050, 0.002);
        assert_eq!((load.samples.len(), load.units.len(), load.signals.len()), (1050 * 7, 21, 1050));
        assert!(load.units.iter().all(|u| u.signals.iter().filter(|s| s.role.is_some()).count() == 1));
        let keys: BTreeSet<_> = load.samples.iter().map(|s| (s.0, s.1)).collect();
        assert_eq!(keys.len(), load.samples.len());
        let addresses: BTreeSet<_> = load.addresses().into_iter().map(|(address, _)| address).collect();
        assert_eq!(addresses.len(), 1050);
        assert!(load.span().1 < now_micros() - AGO_MICROS + 1_000_000);
    }
}
