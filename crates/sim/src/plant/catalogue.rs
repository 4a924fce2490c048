//! What goes wrong with which sort of machine, and what its drive is like.

/// A sort of machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Machine {
    /// Uncoils and feeds sheet.
    Feeder,
    /// Forms parts.
    Press,
    /// Stacks parts on pallets.
    Stacker,
    /// Joins parts.
    Assembly,
    /// Tests and rejects.
    Tester,
    /// Packs and labels.
    Packer,
}

/// What announces a failure while the machine still runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Symptom {
    /// Nothing.
    None,
    /// Vibration rises.
    Vibration,
    /// The motor grows hot.
    Heat,
}

/// A stop that an operator ends within a minute or so.
#[derive(Clone, Copy, Debug)]
pub struct MinorStop {
    /// The machine's own code.
    pub code: &'static str,
    /// The machine's message.
    pub text: &'static str,
    /// Mean length.
    pub mean_seconds: f64,
}

/// A breakdown that a fitter ends.
#[derive(Clone, Copy, Debug)]
pub struct Failure {
    /// The machine's own code.
    pub code: &'static str,
    /// The machine's own severity, 1 to 999.
    pub severity: &'static str,
    /// The machine's message.
    pub text: &'static str,
    /// What announces it.
    pub symptom: Symptom,
    /// Whether the emergency stop is triggered.
    pub emergency_stop: bool,
    /// Mean length of the repair.
    pub mean_repair_seconds: f64,
}

/// The figures of a main drive.
#[derive(Clone, Copy, Debug)]
pub(super) struct Drive {
    pub(super) speed_rpm: f64,
    pub(super) power_watts: f64,
    pub(super) load_percent: f64,
    pub(super) vibration_mm_s: f64,
    /// Above ambient, at full work.
    pub(super) heating_kelvin: f64,
}

const fn stop(code: &'static str, text: &'static str, mean_seconds: f64) -> MinorStop {
    MinorStop { code, text, mean_seconds }
}

const fn failure(
    code: &'static str,
    severity: &'static str,
    text: &'static str,
    symptom: Symptom,
    mean_repair_seconds: f64,
) -> Failure {
    Failure { code, severity, text, symptom, emergency_stop: false, mean_repair_seconds }
}

const fn emergency(code: &'static str, text: &'static str, mean_repair_seconds: f64) -> Failure {
    Failure { code, severity: "900", text, symptom: Symptom::None, emergency_stop: true, mean_repair_seconds }
}

impl Machine {
    /// Its minor stops, each as likely as the others.
    pub fn minor_stops(self) -> &'static [MinorStop] {
        match self {
            Self::Feeder => {
                const { &[stop("F101", "Double sheet detected", 25.0), stop("F102", "Coil edge out of guide", 35.0)] }
            }
            Self::Press => {
                const {
                    &[
                        stop("P201", "Part not ejected", 20.0),
                        stop("P202", "Light curtain interrupted", 12.0),
                        stop("P203", "Slug on die face", 40.0),
                    ]
                }
            }
            Self::Stacker => {
                const { &[stop("S301", "Stack misaligned", 22.0), stop("S302", "Pallet not in position", 30.0)] }
            }
            Self::Assembly => {
                const {
                    &[
                        stop("A401", "Screw missing at station 3", 18.0),
                        stop("A402", "Part seated wrongly in nest", 25.0),
                        stop("A403", "Torque window missed, retry", 15.0),
                    ]
                }
            }
            Self::Tester => {
                const { &[stop("T501", "Contact probe retry limit", 20.0), stop("T502", "Barcode unread", 15.0)] }
            }
            Self::Packer => {
                const {
                    &[
                        stop("K601", "Carton blank jam", 35.0),
                        stop("K602", "Label reel end", 50.0),
                        stop("K603", "Tape torn", 30.0),
                    ]
                }
            }
        }
    }

    /// Its failures, each as likely as the others.
    pub fn failures(self) -> &'static [Failure] {
        match self {
            Self::Feeder => {
                const {
                    &[
                        failure("F710", "500", "Servo feed following error", Symptom::Heat, 220.0),
                        failure("F720", "600", "Straightener bearing seized", Symptom::Vibration, 420.0),
                    ]
                }
            }
            Self::Press => {
                const {
                    &[
                        failure("P710", "700", "Main bearing temperature > limit", Symptom::Heat, 360.0),
                        failure("P720", "650", "Flywheel bearing vibration > limit", Symptom::Vibration, 420.0),
                        failure("P730", "550", "Clutch pressure low", Symptom::None, 240.0),
                        emergency("P790", "Emergency stop pressed at operator panel", 120.0),
                    ]
                }
            }
            Self::Stacker => {
                const {
                    &[
                        failure("S710", "500", "Gripper vacuum lost", Symptom::None, 180.0),
                        failure("S720", "600", "Lift drive overload", Symptom::Heat, 300.0),
                    ]
                }
            }
            Self::Assembly => {
                const {
                    &[
                        failure("A710", "600", "Spindle 2 bearing vibration > limit", Symptom::Vibration, 360.0),
                        failure("A720", "500", "Index table not in position", Symptom::None, 210.0),
                        emergency("A790", "Emergency stop: guard door opened", 100.0),
                    ]
                }
            }
            Self::Tester => const { &[failure("T710", "500", "Test head communication lost", Symptom::None, 200.0)] },
            Self::Packer => {
                const {
                    &[
                        failure("K710", "550", "Glue heater fault", Symptom::None, 240.0),
                        failure("K720", "600", "Conveyor motor overtemperature", Symptom::Heat, 320.0),
                    ]
                }
            }
        }
    }

    pub(super) fn drive(self) -> Drive {
        let (speed_rpm, power_watts, load_percent, vibration_mm_s, heating_kelvin) = match self {
            Self::Feeder => (640.0, 5_500.0, 48.0, 1.8, 24.0),
            Self::Press => (1_450.0, 42_000.0, 64.0, 2.9, 38.0),
            Self::Stacker => (420.0, 3_800.0, 42.0, 1.4, 20.0),
            Self::Assembly => (960.0, 7_200.0, 52.0, 1.6, 27.0),
            Self::Tester => (300.0, 2_400.0, 30.0, 0.8, 14.0),
            Self::Packer => (520.0, 6_400.0, 46.0, 1.9, 23.0),
        };
        Drive { speed_rpm, power_watts, load_percent, vibration_mm_s, heating_kelvin }
    }
}
