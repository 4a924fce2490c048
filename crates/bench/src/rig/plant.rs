//! Plants made for a measurement.

use std::fmt::Write;

use anyhow::Result;
use gemba_domain::{
    shift::{ShiftPattern, Weekdays},
    signal::{SignalKind, SignalRole},
};

/// The site's time zone.
pub const TIME_ZONE: chrono_tz::Tz = chrono_tz::Europe::London;

/// Name, begin, end and break of each shift, in minutes of the day.
pub const SHIFTS: [(&str, u16, u16, (u16, u16)); 3] = [
    ("Early", 6 * 60, 14 * 60, (10 * 60, 10 * 60 + 20)),
    ("Late", 14 * 60, 22 * 60, (18 * 60, 18 * 60 + 20)),
    ("Night", 22 * 60, 6 * 60, (2 * 60, 2 * 60 + 20)),
];

/// A plant: one site, one area, lines.
#[derive(Clone, Debug, Default)]
pub struct PlantPlan {
    /// Its lines.
    pub lines: Vec<LinePlan>,
}

/// A line.
#[derive(Clone, Debug)]
pub struct LinePlan {
    /// Its code.
    pub code: String,
    /// Its units.
    pub units: Vec<UnitPlan>,
}

/// A unit.
#[derive(Clone, Debug)]
pub struct UnitPlan {
    /// Its code.
    pub code: String,
    /// Its signals.
    pub signals: Vec<SignalPlan>,
}

/// A signal.
#[derive(Clone, Debug)]
pub struct SignalPlan {
    /// Its code.
    pub code: String,
    /// What it carries.
    pub kind: SignalKind,
    /// What it means.
    pub role: Option<SignalRole>,
}

impl SignalPlan {
    /// With a meaning for the engine; the code is that of the role.
    pub fn role(kind: SignalKind, role: SignalRole) -> Self {
        Self { code: role.as_str().replace('_', "-"), kind, role: Some(role) }
    }

    /// Without a meaning.
    pub fn plain(kind: SignalKind, code: impl Into<String>) -> Self {
        Self { code: code.into(), kind, role: None }
    }
}

impl PlantPlan {
    /// Seconds per piece when nothing is lost, of each unit.
    pub const IDEAL_CYCLE_SECONDS: f64 = 3.0;

    /// The path of a unit.
    pub fn path(line: &str, unit: &str) -> String {
        format!("bench/site/area/{line}/{unit}")
    }

    /// The site's shifts, as the server will read them.
    ///
    /// # Errors
    /// The table of shifts is wrong.
    pub fn shift_patterns() -> Result<Vec<ShiftPattern>> {
        let pattern = |(name, from, to, pause)| ShiftPattern::new(name, from, to, Weekdays::ALL, [pause]);
        Ok(SHIFTS.into_iter().map(pattern).collect::<Result<_, _>>()?)
    }

    /// As a plant file.
    pub fn toml(&self) -> String {
        let mut text = format!(
            "[enterprise]\ncode = \"bench\"\nname = \"Bench\"\n\n\
             [[site]]\ncode = \"site\"\nname = \"Site\"\ntime_zone = \"{}\"\n",
            TIME_ZONE.name()
        );
        let clock = |minute: u16| format!("{:02}:{:02}", minute / 60, minute % 60);
        for (name, from, to, pause) in SHIFTS {
            // Writing to a String does not fail, here and below.
            let _ = write!(
                text,
                "\n[[site.shift]]\nname = \"{name}\"\nstart = \"{}\"\nend = \"{}\"\nbreaks = [\"{}-{}\"]\n",
                clock(from),
                clock(to),
                clock(pause.0),
                clock(pause.1)
            );
        }
        text.push_str("\n[[site.area]]\ncode = \"area\"\nname = \"Area\"\n");
        for line in &self.lines {
            let _ = write!(
                text,
                "\n[[site.area.line]]\ncode = \"{0}\"\nname = \"Line {0}\"\ntarget_oee = 0.75\n",
                line.code
            );
            for unit in &line.units {
                let _ = write!(
                    text,
                    "\n[[site.area.line.unit]]\ncode = \"{0}\"\nname = \"Unit {0}\"\nideal_cycle_seconds = {1:.1}\nsignal = [\n",
                    unit.code,
                    Self::IDEAL_CYCLE_SECONDS
                );
                for signal in &unit.signals {
                    let role = signal.role.map(|role| format!(", role = \"{}\"", role.as_str())).unwrap_or_default();
                    let _ = writeln!(
                        text,
                        "    {{ code = \"{}\", kind = \"{}\"{role} }},",
                        signal.code,
                        signal.kind.as_str()
                    );
                }
                text.push_str("]\n");
            }
        }
        text
    }
}
