use super::{
    Classified, UnitState,
    packml::{Said, read},
};
use crate::signal::{Value, words};

/// MachineryItemState of OPC UA for Machinery (OPC 40001-1, clause 12), with its state numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ItemState {
    /// Not available, and does nothing.
    NotAvailable = 0,
    /// Not functional, and does nothing.
    OutOfService = 1,
    /// Able to work, and does nothing.
    NotExecuting = 2,
    /// At work.
    Executing = 3,
}

words!(ItemState {
    NotAvailable => "NotAvailable", OutOfService => "OutOfService", NotExecuting => "NotExecuting",
    Executing => "Executing",
});

/// MachineryOperationMode of OPC UA for Machinery (OPC 40001-1, clause 13). Read by name alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OperationMode {
    /// No mode is chosen.
    None,
    /// People maintain or repair it.
    Maintenance,
    /// It is being set up.
    Setup,
    /// It does what it is there for, or is ready to.
    Processing,
}

words!(OperationMode {
    None => "None", Maintenance => "Maintenance", Setup => "Setup", Processing => "Processing",
});

/// What a machine with these building blocks says of itself.
#[derive(Clone, Copy, Debug, Default)]
pub struct MachinerySigns<'a> {
    /// The newest MachineryItemState: its number, or the name of its current state.
    pub state: Option<&'a Value>,
    /// The newest MachineryOperationMode: the name of its current state.
    pub mode: Option<&'a Value>,
}

impl ItemState {
    /// The state of this number.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.iter().copied().find(|state| *state as u8 == number)
    }

    /// The state of this name in any case.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|state| state.as_str().eq_ignore_ascii_case(name))
    }
}

impl OperationMode {
    /// The mode of this name in any case.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|mode| mode.as_str().eq_ignore_ascii_case(name))
    }
}

/// What a machine with these building blocks is doing. The first row that applies decides:
///
/// | item state | operation mode | is | cause |
/// |---|---|---|---|
/// | unavailable; never said | any | unknown | `UNAVAILABLE`; `NO DATA` |
/// | a word or number outside the vocabulary | any | unknown | names it |
/// | any | a word outside the vocabulary | unknown | names it |
/// | any | Maintenance | maintenance | the mode |
/// | NotAvailable | any other | off | the state |
/// | any other | Setup | setup | the mode |
/// | OutOfService | Processing, None, unavailable, never said | stopped | the state |
/// | NotExecuting | the same | idle | the state |
/// | Executing | the same | producing | the state |
///
/// NotExecuting in Processing is what SEMI E10 calls standby. It does not say whether there is an order and why the
/// machine stands: where other signals do, a rule makes stopped, blocked or starved of it.
pub fn classify_machinery(signs: MachinerySigns<'_>) -> Classified {
    let state = match read(signs.state, ItemState::from_number, ItemState::from_name) {
        Said::Nothing { ever: true } => return Classified::unavailable(),
        Said::Nothing { ever: false } => return Classified::no_data(),
        Said::Strange(cause) => return Classified::by(UnitState::Unknown, &cause.into()),
        Said::Known(state) => state,
    };
    let mode = match read(signs.mode, |_| None, OperationMode::from_name) {
        Said::Strange(cause) => return Classified::by(UnitState::Unknown, &format!("mode: {cause}").into()),
        Said::Nothing { .. } => OperationMode::None,
        Said::Known(mode) => mode,
    };
    match (state, mode) {
        (_, OperationMode::Maintenance) => Classified::by(UnitState::Maintenance, &mode.as_str().into()),
        (ItemState::NotAvailable, _) => Classified::by(UnitState::Off, &state.as_str().into()),
        (_, OperationMode::Setup) => Classified::by(UnitState::Setup, &mode.as_str().into()),
        (ItemState::OutOfService, _) => Classified::by(UnitState::Stopped, &state.as_str().into()),
        (ItemState::NotExecuting, _) => Classified::by(UnitState::Idle, &state.as_str().into()),
        (ItemState::Executing, _) => Classified::by(UnitState::Producing, &state.as_str().into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn classified(state: Option<Value>, mode: Option<Value>) -> String {
        let it = classify_machinery(MachinerySigns { state: state.as_ref(), mode: mode.as_ref() });
        format!("{} {}", it.state.as_str(), it.cause.as_deref().unwrap_or("-"))
    }

    fn text(text: &str) -> Option<Value> {
        Some(Value::Text(text.into()))
    }

    #[test]
    fn every_state_in_every_mode() {
        let table = [
            ("NotAvailable", ["off NotAvailable", "maintenance Maintenance", "off NotAvailable", "off NotAvailable"]),
            (
                "OutOfService",
                ["stopped OutOfService", "maintenance Maintenance", "setup Setup", "stopped OutOfService"],
            ),
            ("NotExecuting", ["idle NotExecuting", "maintenance Maintenance", "setup Setup", "idle NotExecuting"]),
            ("Executing", ["producing Executing", "maintenance Maintenance", "setup Setup", "producing Executing"]),
        ];
        for (number, (state, expected)) in table.into_iter().enumerate() {
            for (mode, expected) in ["None", "Maintenance", "Setup", "Processing"].into_iter().zip(expected) {
                assert_eq!(classified(text(state), text(mode)), expected, "{state} {mode}");
                assert_eq!(classified(text(&state.to_uppercase()), text(&mode.to_lowercase())), expected);
                assert_eq!(classified(Some(Value::Number(number as f64)), text(mode)), expected);
            }
            assert_eq!(classified(text(state), None), expected[0]);
            assert_eq!(classified(text(state), Some(Value::Unavailable)), expected[0]);
        }
        assert_eq!(classified(text("Not Executing"), None), "idle NotExecuting");
    }

    #[test]
    fn what_is_not_known_is_unknown() {
        assert_eq!(classified(None, text("Setup")), "unknown NO DATA");
        assert_eq!(classified(Some(Value::Unavailable), text("Setup")), "unknown UNAVAILABLE");
        assert_eq!(classified(Some(Value::Number(4.0)), None), "unknown unknown word \"4\"");
        assert_eq!(classified(text("Ready"), None), "unknown unknown word \"Ready\"");
        assert_eq!(classified(text("Executing"), text("Auto")), "unknown mode: unknown word \"Auto\"");
        assert_eq!(classified(text("Executing"), Some(Value::Number(3.0))), "unknown mode: unknown word \"3\"");
    }
}
