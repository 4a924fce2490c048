//! Signals: something measured at a unit, and its samples.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// Identifies a signal for its whole life. Small on purpose: it stands in every stored chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(transparent)]
pub struct SignalId(pub i32);

/// What sort of thing a signal carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum SignalKind {
    /// One of a set of words, in force until the next one.
    State,
    /// A running total that normally only grows.
    Counter,
    /// A measured quantity.
    Measure,
    /// A commanded quantity.
    Setpoint,
    /// Free text, such as a program name.
    Text,
    /// Normal, warning or fault, with the machine's own code and message
    /// (`Fault|code|severity|qualifier|message`, the form machine logs are written in).
    Condition,
}

/// What a signal means to the engine. A unit has at most one signal of each role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum SignalRole {
    /// Whether the machine's controller answers (MTConnect Availability).
    Availability,
    /// What the controller is doing (MTConnect Execution).
    Execution,
    /// Automatic, manual, … (MTConnect ControllerMode).
    ControllerMode,
    /// Production, set-up, maintenance, … (MTConnect FunctionalMode).
    FunctionalMode,
    /// What an execution of WAIT waits for (MTConnect WaitState).
    WaitState,
    /// ARMED or TRIGGERED (MTConnect EmergencyStop).
    EmergencyStop,
    /// State of the unit, by number or name (PackML `StateCurrent`).
    PackmlState,
    /// Mode of the unit, by number or name (PackML `UnitModeCurrent`).
    PackmlMode,
    /// Whether what follows takes no more (PackML `EquipmentInterlock.Blocked`).
    PackmlBlocked,
    /// State of the item, by number or name (OPC UA MachineryItemState).
    MachineryState,
    /// What people want of it, by name (OPC UA MachineryOperationMode).
    MachineryMode,
    /// Running total of good pieces.
    GoodCount,
    /// Running total of scrapped pieces.
    ScrapCount,
    /// Running total of all pieces.
    TotalCount,
    /// Running total of reworked pieces.
    ReworkCount,
    /// Code of the production order that runs, as the machine or its terminal says it.
    Order,
    /// Code of the product that is made.
    Product,
    /// The machine's own code or text for why it stands.
    StopReason,
}

macro_rules! words {
    ($name:ident { $($variant:ident => $word:literal),+ $(,)? }) => {
        impl $name {
            /// Every variant, in the order of declaration.
            pub const ALL: &'static [$name] = &[$($name::$variant),+];

            /// The word used in files, the API and the database.
            pub const fn as_str(self) -> &'static str {
                match self { $($name::$variant => $word),+ }
            }

            /// The variant of this word, if it is one.
            pub fn from_word(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|v| v.as_str() == word)
            }
        }
    };
}
pub(crate) use words;

impl SignalRole {
    /// Whether it counts pieces.
    pub const fn is_count(self) -> bool {
        matches!(self, Self::GoodCount | Self::ScrapCount | Self::TotalCount | Self::ReworkCount)
    }

    /// Whether its words say what is made, or why nothing is: in force until the next one, without deciding the state.
    pub const fn is_label(self) -> bool {
        matches!(self, Self::Order | Self::Product | Self::StopReason)
    }
}

words!(SignalKind {
    State => "state", Counter => "counter", Measure => "measure",
    Setpoint => "setpoint", Text => "text", Condition => "condition",
});

words!(SignalRole {
    Availability => "availability", Execution => "execution", ControllerMode => "controller_mode",
    FunctionalMode => "functional_mode", WaitState => "wait_state", EmergencyStop => "emergency_stop",
    PackmlState => "packml_state", PackmlMode => "packml_mode", PackmlBlocked => "packml_blocked",
    MachineryState => "machinery_state", MachineryMode => "machinery_mode",
    GoodCount => "good_count", ScrapCount => "scrap_count", TotalCount => "total_count", ReworkCount => "rework_count",
    Order => "order", Product => "product", StopReason => "stop_reason",
});

/// What a source said at one moment. "I do not know" is something a source can say.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(untagged)]
pub enum Value {
    /// A number, in the signal's unit of measure.
    Number(f64),
    /// A word, a text or a condition.
    Text(Arc<str>),
    /// The source cannot tell (MTConnect UNAVAILABLE; quality bad).
    Unavailable,
}

impl Value {
    /// The number, when it is one.
    pub fn number(&self) -> Option<f64> {
        match self {
            Value::Number(n) => Some(*n),
            _ => None,
        }
    }

    /// The text, when it is one.
    pub fn text(&self) -> Option<&str> {
        match self {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }
}

/// One reading: at `time` by the source's clock, the signal took `value`.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// The signal that was read.
    pub signal: SignalId,
    /// When, by the source's clock where it has one.
    pub time: Timestamp,
    /// What it said.
    pub value: Value,
}
