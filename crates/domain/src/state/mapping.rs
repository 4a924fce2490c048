use std::sync::{Arc, LazyLock};

use super::{
    UnitState,
    machinery::{MachinerySigns, classify_machinery},
    packml::{PackMlSigns, classify_packml},
};
use crate::signal::{SignalRole, Value};

/// The cause of an unknown state that the source itself reports: it cannot tell.
pub const UNAVAILABLE: &str = "UNAVAILABLE";
/// The cause of an unknown state before the first value.
pub const NO_DATA: &str = "NO DATA";

/// Longest part of a word that is not in the vocabulary which a cause repeats.
pub(super) const QUOTED_CHARS: usize = 60;

macro_rules! vocabulary {
    ($(#[$doc:meta])* $name:ident { $($variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        enum $name { $($variant),+ }

        impl Vocabulary for $name {
            const WORDS: &'static [(&'static str, Self)] = &[$(($word, $name::$variant)),+];
        }
    };
}

trait Vocabulary: Copy + PartialEq + 'static {
    const WORDS: &'static [(&'static str, Self)];
}

// The words of MTConnect Standard Part 2 (Device Information Model, data item types of category EVENT and
// their controlled vocabularies; in editions before 2.0 Part 3, Streams Information Model).
vocabulary!(
    /// Availability.
    Available { Yes = "AVAILABLE" }
);
vocabulary!(
    /// Execution.
    Execution {
        Ready = "READY", Active = "ACTIVE", Interrupted = "INTERRUPTED", FeedHold = "FEED_HOLD", Stopped = "STOPPED",
        OptionalStop = "OPTIONAL_STOP", ProgramStopped = "PROGRAM_STOPPED", ProgramCompleted = "PROGRAM_COMPLETED",
        ProgramOptionalStop = "PROGRAM_OPTIONAL_STOP", Wait = "WAIT",
    }
);
vocabulary!(
    /// ControllerMode.
    Mode {
        Automatic = "AUTOMATIC", SemiAutomatic = "SEMI_AUTOMATIC", Manual = "MANUAL",
        ManualDataInput = "MANUAL_DATA_INPUT", Edit = "EDIT",
    }
);
vocabulary!(
    /// FunctionalMode.
    Function {
        Production = "PRODUCTION", Setup = "SETUP", Teardown = "TEARDOWN", Maintenance = "MAINTENANCE",
        ProcessDevelopment = "PROCESS_DEVELOPMENT",
    }
);
vocabulary!(
    /// WaitState.
    WaitFor {
        PoweringUp = "POWERING_UP", PoweringDown = "POWERING_DOWN", PartLoad = "PART_LOAD", PartUnload = "PART_UNLOAD",
        ToolLoad = "TOOL_LOAD", ToolUnload = "TOOL_UNLOAD", MaterialLoad = "MATERIAL_LOAD",
        MaterialUnload = "MATERIAL_UNLOAD", SecondaryProcess = "SECONDARY_PROCESS", Pausing = "PAUSING",
        Resuming = "RESUMING",
    }
);
vocabulary!(
    /// EmergencyStop.
    EmergencyStop { Armed = "ARMED", Triggered = "TRIGGERED" }
);

/// The newest thing said about one role.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum Sign<T> {
    /// Nothing yet: perhaps the unit has no such signal.
    #[default]
    Silent,
    /// The source cannot tell.
    Unavailable,
    /// A word of the vocabulary, with its spelling as a cause.
    Word(T, Arc<str>),
    /// A word outside the vocabulary, as a cause that names it.
    Strange(Arc<str>),
}

impl<T: Vocabulary> Sign<T> {
    fn hear(&mut self, value: &Value) {
        let said: &str = match value {
            Value::Unavailable => {
                *self = Sign::Unavailable;
                return;
            }
            Value::Number(n) => {
                *self = Sign::Strange(format!("unknown word \"{n}\"").into());
                return;
            }
            Value::Text(text) => text.trim(),
        };
        if matches!(self, Sign::Word(_, cause) if **cause == *said) {
            return;
        }
        let known = T::WORDS.iter().find(|(word, _)| word.eq_ignore_ascii_case(said));
        *self = match (known, value) {
            // The machine's own text is shared, not copied, when it is spelled as in the standard.
            (Some((word, meaning)), Value::Text(text)) if **text == **word => Sign::Word(*meaning, text.clone()),
            (Some((word, meaning)), _) => Sign::Word(*meaning, Arc::from(*word)),
            (None, _) if said.eq_ignore_ascii_case(UNAVAILABLE) => Sign::Unavailable,
            (None, _) => {
                let quoted: String = said.chars().take(QUOTED_CHARS).collect();
                Sign::Strange(format!("unknown word \"{quoted}\"").into())
            }
        };
    }

    fn meaning(&self) -> Option<T> {
        match self {
            Sign::Word(meaning, _) => Some(*meaning),
            _ => None,
        }
    }
}

/// What is known of a unit at one moment: the newest value of each role that decides its state.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Signs {
    availability: Sign<Available>,
    execution: Sign<Execution>,
    controller_mode: Sign<Mode>,
    functional_mode: Sign<Function>,
    wait_state: Sign<WaitFor>,
    emergency_stop: Sign<EmergencyStop>,
    packml_state: Option<Value>,
    packml_mode: Option<Value>,
    packml_blocked: bool,
    machinery_state: Option<Value>,
    machinery_mode: Option<Value>,
}

impl Signs {
    /// Takes in a new value. Returns whether the role is one that decides the state (counts do not).
    ///
    /// Words are read without regard to case and surrounding blanks; the text `UNAVAILABLE` is the same as
    /// [`Value::Unavailable`].
    pub fn apply(&mut self, role: SignalRole, value: &Value) -> bool {
        match role {
            SignalRole::Availability => self.availability.hear(value),
            SignalRole::Execution => self.execution.hear(value),
            SignalRole::ControllerMode => self.controller_mode.hear(value),
            SignalRole::FunctionalMode => self.functional_mode.hear(value),
            SignalRole::WaitState => self.wait_state.hear(value),
            SignalRole::EmergencyStop => self.emergency_stop.hear(value),
            SignalRole::PackmlState => self.packml_state = Some(value.clone()),
            SignalRole::PackmlMode => self.packml_mode = Some(value.clone()),
            SignalRole::PackmlBlocked => self.packml_blocked = is_set(value),
            SignalRole::MachineryState => self.machinery_state = Some(value.clone()),
            SignalRole::MachineryMode => self.machinery_mode = Some(value.clone()),
            SignalRole::GoodCount
            | SignalRole::ScrapCount
            | SignalRole::TotalCount
            | SignalRole::ReworkCount
            | SignalRole::Order
            | SignalRole::Product
            | SignalRole::StopReason => return false,
        }
        true
    }
}

/// Whether a flag is set: any number but 0, or a word for yes.
fn is_set(value: &Value) -> bool {
    match value {
        Value::Number(number) => *number != 0.0 && !number.is_nan(),
        Value::Text(text) => ["true", "1", "on", "yes"].iter().any(|yes| text.trim().eq_ignore_ascii_case(yes)),
        Value::Unavailable => false,
    }
}

/// A state, and the word that decided it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Classified {
    /// What the unit is doing.
    pub state: UnitState,
    /// The machine's own word that decided, such as `FEED_HOLD`; for an unknown state what is missing or not
    /// understood.
    pub cause: Option<Arc<str>>,
}

impl Classified {
    pub(super) fn by(state: UnitState, cause: &Arc<str>) -> Self {
        Self { state, cause: Some(cause.clone()) }
    }

    pub(super) fn unavailable() -> Self {
        static CAUSE: LazyLock<Arc<str>> = LazyLock::new(|| UNAVAILABLE.into());
        Self::by(UnitState::Unknown, &CAUSE)
    }

    pub(super) fn no_data() -> Self {
        static CAUSE: LazyLock<Arc<str>> = LazyLock::new(|| NO_DATA.into());
        Self::by(UnitState::Unknown, &CAUSE)
    }
}

/// What a unit with these signs is doing. A unit speaks one vocabulary: PackML once it has said a state of that
/// ([`classify_packml`]), else OPC UA for Machinery once it has said an item state ([`classify_machinery`]), else MTConnect.
/// Availability comes before all of them. The first row that applies decides:
///
/// | signs (MTConnect data item types) | state | cause |
/// |---|---|---|
/// | Availability or Execution is UNAVAILABLE | unknown | `UNAVAILABLE` |
/// | neither was ever seen | unknown | `NO DATA` |
/// | a word outside its vocabulary in Availability, EmergencyStop, FunctionalMode or Execution, or in ControllerMode while ACTIVE | unknown | names the word |
/// | EmergencyStop TRIGGERED | stopped | `TRIGGERED` |
/// | FunctionalMode MAINTENANCE | maintenance | `MAINTENANCE` |
/// | FunctionalMode SETUP, TEARDOWN | setup | the mode |
/// | only Availability was ever seen: it says that the controller answers, not what it does | unknown | `AVAILABLE` |
/// | Execution ACTIVE, FunctionalMode PROCESS_DEVELOPMENT: active use "that does not result in the production of product" | setup | the mode |
/// | Execution ACTIVE, ControllerMode MANUAL, MANUAL_DATA_INPUT, EDIT | setup | the mode |
/// | Execution ACTIVE, ControllerMode AUTOMATIC, SEMI_AUTOMATIC, unavailable or never seen | producing | `ACTIVE` |
/// | Execution WAIT, WaitState MATERIAL_LOAD | starved | the wait state |
/// | Execution WAIT, WaitState MATERIAL_UNLOAD | blocked | the wait state |
/// | Execution WAIT, any other WaitState or none | stopped | the wait state, else `WAIT` |
/// | Execution FEED_HOLD, INTERRUPTED, STOPPED, PROGRAM_STOPPED, OPTIONAL_STOP, PROGRAM_OPTIONAL_STOP | stopped | the word |
/// | Execution READY, PROGRAM_COMPLETED, in any ControllerMode | idle | the word |
///
/// A unit with only one of Availability and Execution is judged by that one. A machine that stands READY in
/// manual mode is idle, not in set-up: nobody said that it is being set up until FunctionalMode does.
/// `off` is never concluded: a machine that is switched off cannot say so.
pub fn classify(signs: &Signs) -> Classified {
    use UnitState::{Blocked, Idle, Maintenance, Producing, Setup, Starved, Stopped, Unknown};

    if signs.availability == Sign::Unavailable {
        return Classified::unavailable();
    }
    let machine_speaks = signs.packml_state.is_some() || signs.machinery_state.is_some();
    if !machine_speaks && signs.execution == Sign::Unavailable {
        return Classified::unavailable();
    }
    if !machine_speaks && signs.availability == Sign::Silent && signs.execution == Sign::Silent {
        return Classified::no_data();
    }
    if let Sign::Strange(word) = &signs.availability {
        return Classified::by(Unknown, word);
    }
    if let state @ Some(_) = &signs.packml_state {
        let (mode, blocked) = (signs.packml_mode.as_ref(), signs.packml_blocked);
        return classify_packml(PackMlSigns { state: state.as_ref(), mode, blocked });
    }
    if let state @ Some(_) = &signs.machinery_state {
        return classify_machinery(MachinerySigns { state: state.as_ref(), mode: signs.machinery_mode.as_ref() });
    }
    match &signs.emergency_stop {
        Sign::Word(EmergencyStop::Triggered, word) => return Classified::by(Stopped, word),
        Sign::Strange(word) => return Classified::by(Unknown, word),
        _ => {}
    }
    match &signs.functional_mode {
        Sign::Word(Function::Maintenance, word) => return Classified::by(Maintenance, word),
        Sign::Word(Function::Setup | Function::Teardown, word) => return Classified::by(Setup, word),
        Sign::Strange(word) => return Classified::by(Unknown, word),
        _ => {}
    }
    let (execution, word) = match &signs.execution {
        Sign::Word(execution, word) => (*execution, word),
        Sign::Strange(word) => return Classified::by(Unknown, word),
        Sign::Unavailable => return Classified::unavailable(),
        Sign::Silent => {
            return match &signs.availability {
                Sign::Word(_, word) => Classified::by(Unknown, word),
                _ => Classified::no_data(),
            };
        }
    };
    match execution {
        Execution::Active => match (&signs.functional_mode, &signs.controller_mode) {
            (Sign::Word(Function::ProcessDevelopment, mode), _) => Classified::by(Setup, mode),
            (_, Sign::Word(Mode::Manual | Mode::ManualDataInput | Mode::Edit, mode)) => Classified::by(Setup, mode),
            (_, Sign::Strange(mode)) => Classified::by(Unknown, mode),
            _ => Classified::by(Producing, word),
        },
        Execution::Wait => match (&signs.wait_state, signs.wait_state.meaning()) {
            (Sign::Word(_, what), Some(WaitFor::MaterialLoad)) => Classified::by(Starved, what),
            (Sign::Word(_, what), Some(WaitFor::MaterialUnload)) => Classified::by(Blocked, what),
            (Sign::Word(_, what) | Sign::Strange(what), _) => Classified::by(Stopped, what),
            (Sign::Silent | Sign::Unavailable, _) => Classified::by(Stopped, word),
        },
        Execution::FeedHold
        | Execution::Interrupted
        | Execution::Stopped
        | Execution::ProgramStopped
        | Execution::OptionalStop
        | Execution::ProgramOptionalStop => Classified::by(Stopped, word),
        Execution::Ready | Execution::ProgramCompleted => Classified::by(Idle, word),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use SignalRole::{Availability, ControllerMode, EmergencyStop, Execution, FunctionalMode, WaitState};

    /// `Execution=ACTIVE`-like words in order, to `state cause`.
    fn after(words: &[(SignalRole, &str)]) -> String {
        let mut signs = Signs::default();
        for (role, word) in words {
            signs.apply(*role, &Value::Text(Arc::from(*word)));
        }
        let it = classify(&signs);
        format!("{} {}", it.state.as_str(), it.cause.as_deref().unwrap_or("-"))
    }

    #[test]
    fn unknown_is_said_and_why() {
        assert_eq!(after(&[]), "unknown NO DATA");
        assert_eq!(after(&[(ControllerMode, "AUTOMATIC"), (EmergencyStop, "TRIGGERED")]), "unknown NO DATA");
        assert_eq!(after(&[(Execution, "ACTIVE"), (Availability, "UNAVAILABLE")]), "unknown UNAVAILABLE");
        assert_eq!(after(&[(Availability, "AVAILABLE"), (Execution, "unavailable")]), "unknown UNAVAILABLE");
        assert_eq!(after(&[(Availability, "AVAILABLE")]), "unknown AVAILABLE");
        assert_eq!(after(&[(Execution, "RUNNING")]), "unknown unknown word \"RUNNING\"");
        assert_eq!(after(&[(Execution, "ACTIVE"), (ControllerMode, "JOG")]), "unknown unknown word \"JOG\"");
        assert_eq!(after(&[(Execution, "ACTIVE"), (Availability, "YES")]), "unknown unknown word \"YES\"");
        assert_eq!(after(&[(Execution, "UNAVAILABLE"), (FunctionalMode, "MAINTENANCE")]), "unknown UNAVAILABLE");
    }

    #[test]
    fn numbers_and_unavailable_values() {
        let mut signs = Signs::default();
        assert!(signs.apply(Execution, &Value::Number(3.0)));
        assert_eq!(classify(&signs).cause.as_deref(), Some("unknown word \"3\""));
        signs.apply(Execution, &Value::Unavailable);
        assert_eq!(classify(&signs).cause.as_deref(), Some(UNAVAILABLE));
        assert!(!signs.apply(SignalRole::GoodCount, &Value::Number(3.0)));
    }

    #[test]
    fn execution_alone_decides_without_availability() {
        for (word, state) in [
            ("ACTIVE", "producing"),
            ("READY", "idle"),
            ("PROGRAM_COMPLETED", "idle"),
            ("INTERRUPTED", "stopped"),
            ("FEED_HOLD", "stopped"),
            ("STOPPED", "stopped"),
            ("PROGRAM_STOPPED", "stopped"),
            ("OPTIONAL_STOP", "stopped"),
            ("PROGRAM_OPTIONAL_STOP", "stopped"),
            ("WAIT", "stopped"),
        ] {
            assert_eq!(after(&[(Execution, word)]), format!("{state} {word}"));
            assert_eq!(after(&[(Availability, "AVAILABLE"), (Execution, word)]), format!("{state} {word}"));
        }
        assert_eq!(after(&[(Execution, " active ")]), "producing ACTIVE");
    }

    #[test]
    fn modes_tell_production_from_setup() {
        let active = |mode| after(&[(Execution, "ACTIVE"), (ControllerMode, mode)]);
        assert_eq!(active("AUTOMATIC"), "producing ACTIVE");
        assert_eq!(active("SEMI_AUTOMATIC"), "producing ACTIVE");
        assert_eq!(active("UNAVAILABLE"), "producing ACTIVE");
        assert_eq!(active("MANUAL"), "setup MANUAL");
        assert_eq!(active("MANUAL_DATA_INPUT"), "setup MANUAL_DATA_INPUT");
        assert_eq!(active("Edit"), "setup EDIT");
        assert_eq!(after(&[(Execution, "READY"), (ControllerMode, "MANUAL")]), "idle READY");
        let during = |mode| after(&[(Execution, "ACTIVE"), (FunctionalMode, mode)]);
        assert_eq!(during("PRODUCTION"), "producing ACTIVE");
        assert_eq!(during("SETUP"), "setup SETUP");
        assert_eq!(during("TEARDOWN"), "setup TEARDOWN");
        assert_eq!(during("MAINTENANCE"), "maintenance MAINTENANCE");
        assert_eq!(during("PROCESS_DEVELOPMENT"), "setup PROCESS_DEVELOPMENT");
        assert_eq!(after(&[(Execution, "READY"), (FunctionalMode, "PROCESS_DEVELOPMENT")]), "idle READY");
    }

    #[test]
    fn an_emergency_stop_comes_before_modes() {
        let signs = [(Execution, "ACTIVE"), (FunctionalMode, "SETUP"), (EmergencyStop, "TRIGGERED")];
        assert_eq!(after(&signs), "stopped TRIGGERED");
        assert_eq!(after(&[(Execution, "ACTIVE"), (EmergencyStop, "ARMED")]), "producing ACTIVE");
        assert_eq!(after(&[(Execution, "ACTIVE"), (EmergencyStop, "UNAVAILABLE")]), "producing ACTIVE");
    }

    #[test]
    fn what_a_waiting_machine_waits_for() {
        let waits = |word| after(&[(Execution, "WAIT"), (WaitState, word)]);
        assert_eq!(waits("MATERIAL_LOAD"), "starved MATERIAL_LOAD");
        assert_eq!(waits("MATERIAL_UNLOAD"), "blocked MATERIAL_UNLOAD");
        assert_eq!(waits("TOOL_LOAD"), "stopped TOOL_LOAD");
        assert_eq!(waits("COFFEE"), "stopped unknown word \"COFFEE\"");
        assert_eq!(waits("UNAVAILABLE"), "stopped WAIT");
        assert_eq!(after(&[(Execution, "ACTIVE"), (WaitState, "MATERIAL_LOAD")]), "producing ACTIVE");
    }

    #[test]
    fn packml_and_machinery_by_their_roles() {
        use SignalRole::{MachineryMode, MachineryState, PackmlBlocked, PackmlMode, PackmlState};
        assert_eq!(after(&[(PackmlState, "Execute")]), "producing EXECUTE");
        assert_eq!(after(&[(PackmlState, "6"), (PackmlMode, "3")]), "setup MANUAL");
        assert_eq!(after(&[(PackmlState, "Suspended")]), "starved SUSPENDED");
        assert_eq!(after(&[(PackmlState, "Suspended"), (PackmlBlocked, "TRUE")]), "blocked SUSPENDED");
        assert_eq!(
            after(&[(PackmlState, "Suspended"), (PackmlBlocked, "1"), (PackmlBlocked, "0")]),
            "starved SUSPENDED"
        );
        assert_eq!(after(&[(PackmlState, "UNAVAILABLE"), (Execution, "ACTIVE")]), "unknown UNAVAILABLE");
        assert_eq!(after(&[(PackmlMode, "Production")]), "unknown NO DATA");
        assert_eq!(after(&[(MachineryState, "3"), (MachineryMode, "Processing")]), "producing Executing");
        assert_eq!(after(&[(MachineryState, "NotExecuting"), (MachineryMode, "Setup")]), "setup Setup");
        // One vocabulary, and the controller's availability before it.
        assert_eq!(after(&[(Execution, "ACTIVE"), (PackmlState, "Held")]), "stopped HELD");
        assert_eq!(after(&[(Execution, "UNAVAILABLE"), (PackmlState, "Held")]), "stopped HELD");
        assert_eq!(after(&[(MachineryState, "Executing"), (PackmlState, "Held")]), "stopped HELD");
        assert_eq!(after(&[(PackmlState, "Execute"), (Availability, "UNAVAILABLE")]), "unknown UNAVAILABLE");
        assert_eq!(after(&[(PackmlState, "Execute"), (Availability, "AVAILABLE")]), "producing EXECUTE");
        assert_eq!(after(&[(PackmlState, "Execute"), (Availability, "YES")]), "unknown unknown word \"YES\"");
        let mut signs = Signs::default();
        signs.apply(PackmlState, &Value::Number(5.0));
        signs.apply(PackmlBlocked, &Value::Number(1.0));
        assert_eq!(classify(&signs).state, UnitState::Blocked);
        signs.apply(PackmlBlocked, &Value::Unavailable);
        assert_eq!(classify(&signs).state, UnitState::Starved);
    }
}
