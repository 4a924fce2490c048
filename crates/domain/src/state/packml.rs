use super::{Classified, UnitState, mapping::QUOTED_CHARS};
use crate::{
    signal::{Value, words},
    state::UNAVAILABLE,
};

/// The 17 states of ANSI/ISA-TR88.00.02 (PackML), with the numbers of its tag `StateCurrent`.
///
/// Some other specifications number the same states otherwise, such as the OPC UA enumeration of tobacco machines (OPC
/// 30060), which begins with Stopped = 0; there, map the names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are the standard's; what they mean here is the table of `classify_packml`")]
pub enum PackMlState {
    Clearing = 1,
    Stopped = 2,
    Starting = 3,
    Idle = 4,
    Suspended = 5,
    Execute = 6,
    Stopping = 7,
    Aborting = 8,
    Aborted = 9,
    Holding = 10,
    Held = 11,
    Unholding = 12,
    Suspending = 13,
    Unsuspending = 14,
    Resetting = 15,
    Completing = 16,
    Complete = 17,
}

words!(PackMlState {
    Clearing => "CLEARING", Stopped => "STOPPED", Starting => "STARTING", Idle => "IDLE", Suspended => "SUSPENDED",
    Execute => "EXECUTE", Stopping => "STOPPING", Aborting => "ABORTING", Aborted => "ABORTED",
    Holding => "HOLDING", Held => "HELD", Unholding => "UNHOLDING", Suspending => "SUSPENDING",
    Unsuspending => "UNSUSPENDING", Resetting => "RESETTING", Completing => "COMPLETING", Complete => "COMPLETE",
});

/// The unit modes that ANSI/ISA-TR88.00.02 defines, with the numbers of its tag `UnitModeCurrent`. Modes from 4 on are a
/// plant's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PackMlMode {
    /// Routine production.
    Production = 1,
    /// People work on the machine.
    Maintenance = 2,
    /// Its elements are moved one by one.
    Manual = 3,
}

words!(PackMlMode { Production => "PRODUCTION", Maintenance => "MAINTENANCE", Manual => "MANUAL" });

/// What a PackML unit says of itself.
#[derive(Clone, Copy, Debug, Default)]
pub struct PackMlSigns<'a> {
    /// The newest `StateCurrent`, as a number or by name.
    pub state: Option<&'a Value>,
    /// The newest `UnitModeCurrent`, as a number or by name.
    pub mode: Option<&'a Value>,
    /// Whether another sign, such as a full discharge belt, says that what follows takes no more.
    pub blocked: bool,
}

/// What was said for one of them.
pub(super) enum Said<T> {
    /// Nothing yet, or that the source cannot tell.
    Nothing {
        ever: bool,
    },
    Known(T),
    Strange(String),
}

/// Reads a value as one of a vocabulary, by number or by name. Case, blanks, `-` and `_` do not count in a name.
pub(super) fn read<T: Copy>(
    value: Option<&Value>,
    by_number: impl Fn(u8) -> Option<T>,
    by_name: impl Fn(&str) -> Option<T>,
) -> Said<T> {
    let strange =
        |said: &str| Said::Strange(format!("unknown word \"{}\"", said.chars().take(QUOTED_CHARS).collect::<String>()));
    let numbered = |number: f64| (number.fract() == 0.0 && (0.0..256.0).contains(&number)).then_some(number as u8);
    match value {
        None => Said::Nothing { ever: false },
        Some(Value::Unavailable) => Said::Nothing { ever: true },
        Some(Value::Number(number)) if number.is_nan() => Said::Nothing { ever: true },
        Some(Value::Number(number)) => {
            numbered(*number).and_then(by_number).map_or_else(|| strange(&number.to_string()), Said::Known)
        }
        Some(Value::Text(text)) => {
            let said = text.trim();
            let name: String = said.chars().filter(|c| !matches!(c, ' ' | '-' | '_')).collect();
            if name.eq_ignore_ascii_case(UNAVAILABLE) {
                return Said::Nothing { ever: true };
            }
            let known = by_name(&name).or_else(|| said.parse().ok().and_then(numbered).and_then(by_number));
            known.map_or_else(|| strange(said), Said::Known)
        }
    }
}

impl PackMlState {
    /// The state of this number.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.iter().copied().find(|state| *state as u8 == number)
    }

    /// The state of this name in any case; Complete is also known as Completed.
    pub fn from_name(name: &str) -> Option<Self> {
        let name = name.to_ascii_uppercase();
        if name == "COMPLETED" { Some(Self::Complete) } else { Self::from_word(&name) }
    }
}

impl PackMlMode {
    /// The mode of this number.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.iter().copied().find(|mode| *mode as u8 == number)
    }

    /// The mode of this name in any case; OPC UA for PackML (OPC 30050) calls Production Produce.
    pub fn from_name(name: &str) -> Option<Self> {
        let name = name.to_ascii_uppercase();
        if name == "PRODUCE" { Some(Self::Production) } else { Self::from_word(&name) }
    }
}

/// What a PackML unit is doing. The first row that applies decides; the cause is the name of the state or mode:
///
/// | mode | state | is | why |
/// |---|---|---|---|
/// | any | unavailable; never said | unknown, `UNAVAILABLE`; `NO DATA` | |
/// | any | a word or number that is no state, also 0, Undefined | unknown, names it | |
/// | a word or number that is no mode of the standard, also 0, Invalid | any | unknown, names it | a plant's own modes need a rule |
/// | Maintenance | any | maintenance | |
/// | Manual | any | setup | its elements are moved one by one |
/// | Production, unavailable or never said | Execute | producing | |
/// | | Completing | producing | the run is brought to its end; its last pieces come out |
/// | | Suspending, Suspended, Unsuspending | starved, or blocked when `blocked` says so | the cause is outside the unit |
/// | | Holding, Held, Unholding | stopped | the cause is inside the unit |
/// | | Stopping, Stopped, Aborting, Aborted, Clearing | stopped | |
/// | | Starting | stopped | it should produce and does not yet |
/// | | Resetting, Idle, Complete | idle | it waits for the next start |
pub fn classify_packml(signs: PackMlSigns<'_>) -> Classified {
    use PackMlState::{
        Aborted, Aborting, Clearing, Complete, Completing, Execute, Held, Holding, Idle, Resetting, Starting, Stopped,
        Stopping, Suspended, Suspending, Unholding, Unsuspending,
    };

    let state = match read(signs.state, PackMlState::from_number, PackMlState::from_name) {
        Said::Nothing { ever: true } => return Classified::unavailable(),
        Said::Nothing { ever: false } => return Classified::no_data(),
        Said::Strange(cause) => return Classified::by(UnitState::Unknown, &cause.into()),
        Said::Known(state) => state,
    };
    match read(signs.mode, PackMlMode::from_number, PackMlMode::from_name) {
        Said::Strange(cause) => return Classified::by(UnitState::Unknown, &format!("mode: {cause}").into()),
        Said::Known(mode @ PackMlMode::Maintenance) => {
            return Classified::by(UnitState::Maintenance, &mode.as_str().into());
        }
        Said::Known(mode @ PackMlMode::Manual) => return Classified::by(UnitState::Setup, &mode.as_str().into()),
        Said::Known(PackMlMode::Production) | Said::Nothing { .. } => {}
    }
    let is = match state {
        Execute | Completing => UnitState::Producing,
        Suspending | Suspended | Unsuspending if signs.blocked => UnitState::Blocked,
        Suspending | Suspended | Unsuspending => UnitState::Starved,
        Holding | Held | Unholding | Stopping | Stopped | Aborting | Aborted | Clearing | Starting => {
            UnitState::Stopped
        }
        Resetting | Idle | Complete => UnitState::Idle,
    };
    Classified::by(is, &state.as_str().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn classified(state: Option<Value>, mode: Option<Value>, blocked: bool) -> String {
        let it = classify_packml(PackMlSigns { state: state.as_ref(), mode: mode.as_ref(), blocked });
        format!("{} {}", it.state.as_str(), it.cause.as_deref().unwrap_or("-"))
    }

    fn text(text: &str) -> Option<Value> {
        Some(Value::Text(text.into()))
    }

    #[test]
    fn all_17_by_number_and_by_name() {
        let table = [
            (1, "Clearing", "stopped"),
            (2, "Stopped", "stopped"),
            (3, "Starting", "stopped"),
            (4, "Idle", "idle"),
            (5, "Suspended", "starved"),
            (6, "Execute", "producing"),
            (7, "Stopping", "stopped"),
            (8, "Aborting", "stopped"),
            (9, "Aborted", "stopped"),
            (10, "Holding", "stopped"),
            (11, "Held", "stopped"),
            (12, "Unholding", "stopped"),
            (13, "Suspending", "starved"),
            (14, "Unsuspending", "starved"),
            (15, "Resetting", "idle"),
            (16, "Completing", "producing"),
            (17, "Complete", "idle"),
        ];
        assert_eq!(table.len(), PackMlState::ALL.len());
        for (number, name, state) in table {
            let expected = format!("{state} {}", name.to_uppercase());
            assert_eq!(classified(Some(Value::Number(f64::from(number))), None, false), expected);
            assert_eq!(classified(text(&number.to_string()), None, false), expected);
            for spelled in [name.to_owned(), name.to_uppercase(), format!(" {} ", name.to_lowercase())] {
                assert_eq!(classified(text(&spelled), text("Production"), false), expected, "{spelled}");
            }
            let blocked = expected.replace("starved", "blocked");
            assert_eq!(classified(text(name), Some(Value::Number(1.0)), true), blocked);
            assert_eq!(classified(text(name), text("Maintenance"), true), "maintenance MAINTENANCE");
            assert_eq!(classified(text(name), Some(Value::Number(3.0)), true), "setup MANUAL");
        }
        assert_eq!(classified(text("Un-Holding"), None, false), "stopped UNHOLDING");
        assert_eq!(classified(text("Completed"), text("Produce"), false), "idle COMPLETE");
    }

    #[test]
    fn what_is_not_known_is_unknown() {
        let execute = || text("Execute");
        assert_eq!(classified(None, text("Maintenance"), false), "unknown NO DATA");
        assert_eq!(classified(Some(Value::Unavailable), None, false), "unknown UNAVAILABLE");
        assert_eq!(classified(text("unavailable"), None, false), "unknown UNAVAILABLE");
        assert_eq!(classified(Some(Value::Number(f64::NAN)), None, false), "unknown UNAVAILABLE");
        for (number, shown) in [(0.0, "0"), (18.0, "18"), (-1.0, "-1"), (6.5, "6.5"), (262.0, "262"), (1e300, "1e300")]
        {
            let found = classified(Some(Value::Number(number)), None, false);
            assert!(found.starts_with("unknown unknown word \""), "{found} {shown}");
        }
        assert_eq!(classified(text("Running"), None, false), "unknown unknown word \"Running\"");
        assert_eq!(classified(execute(), Some(Value::Number(0.0)), false), "unknown mode: unknown word \"0\"");
        assert_eq!(classified(execute(), Some(Value::Number(5.0)), false), "unknown mode: unknown word \"5\"");
        assert_eq!(classified(execute(), Some(Value::Unavailable), false), "producing EXECUTE");
    }
}
