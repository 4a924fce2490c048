//! What an item says at one moment.

use std::sync::Arc;

use gemba_domain::Timestamp;

/// The value of an observation.
#[derive(Clone, Debug, PartialEq)]
pub enum ObservationValue {
    /// The source cannot tell.
    Unavailable,
    /// A word, a text, or a number in its decimal form.
    Text(Arc<str>),
    /// For items of category `CONDITION`.
    Condition(Condition),
}

impl ObservationValue {
    /// Reads a condition as machine logs write it, `Level|code|severity|qualifier|text`. Missing
    /// fields at the end count as empty. `None` when the level is no MTConnect word.
    pub fn condition_from_log(text: &str) -> Option<Self> {
        let mut fields = text.splitn(5, '|');
        let level = fields.next().unwrap_or_default();
        if level.eq_ignore_ascii_case("UNAVAILABLE") {
            return Some(Self::Unavailable);
        }
        let level = Level::ALL.into_iter().find(|l| l.as_str().eq_ignore_ascii_case(level))?;
        let mut next = || Arc::from(fields.next().unwrap_or_default());
        Some(Self::Condition(Condition { level, code: next(), severity: next(), qualifier: next(), text: next() }))
    }
}

impl From<&str> for ObservationValue {
    /// `UNAVAILABLE` is the word for "cannot tell", everything else is text.
    fn from(text: &str) -> Self {
        if text == "UNAVAILABLE" { Self::Unavailable } else { Self::Text(text.into()) }
    }
}

impl From<String> for ObservationValue {
    fn from(text: String) -> Self {
        text.as_str().into()
    }
}

impl From<f64> for ObservationValue {
    fn from(number: f64) -> Self {
        Self::Text(number.to_string().into())
    }
}

impl From<u64> for ObservationValue {
    fn from(number: u64) -> Self {
        Self::Text(number.to_string().into())
    }
}

impl From<Condition> for ObservationValue {
    fn from(condition: Condition) -> Self {
        Self::Condition(condition)
    }
}

/// How a condition is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// All is well. Without a code it ends every active condition of the item, with one only that.
    Normal,
    /// Attention is wanted.
    Warning,
    /// Intervention is needed.
    Fault,
}

impl Level {
    const ALL: [Self; 3] = [Self::Normal, Self::Warning, Self::Fault];

    /// Name of its element in streams.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Normal => "Normal",
            Self::Warning => "Warning",
            Self::Fault => "Fault",
        }
    }
}

/// An observation of a `CONDITION` item. Conditions with different codes are active side by side.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    /// How bad.
    pub level: Level,
    /// The machine's own code (nativeCode); may be empty.
    pub code: Arc<str>,
    /// The machine's own severity (nativeSeverity); may be empty.
    pub severity: Arc<str>,
    /// `HIGH` or `LOW`; may be empty.
    pub qualifier: Arc<str>,
    /// For people; may be empty.
    pub text: Arc<str>,
}

impl Condition {
    fn new(level: Level, code: &str, text: &str) -> Self {
        Self { level, code: code.into(), severity: "".into(), qualifier: "".into(), text: text.into() }
    }

    /// All is well with the whole item.
    pub fn normal() -> Self {
        Self::new(Level::Normal, "", "")
    }

    /// The condition of this code is over; others of the item stay.
    pub fn cleared(code: &str) -> Self {
        Self::new(Level::Normal, code, "")
    }

    /// A warning with the machine's code and message.
    pub fn warning(code: &str, text: &str) -> Self {
        Self::new(Level::Warning, code, text)
    }

    /// A fault with the machine's code and message.
    pub fn fault(code: &str, text: &str) -> Self {
        Self::new(Level::Fault, code, text)
    }

    /// Sets the machine's own severity.
    #[must_use]
    pub fn severity(mut self, severity: &str) -> Self {
        self.severity = severity.into();
        self
    }

    /// Sets the qualifier.
    #[must_use]
    pub fn qualifier(mut self, qualifier: &str) -> Self {
        self.qualifier = qualifier.into();
        self
    }
}

/// A stored observation.
#[derive(Clone, Debug)]
pub(super) struct Observation {
    pub(super) sequence: u64,
    /// Position of the item in the catalogue.
    pub(super) item: u32,
    pub(super) time: Timestamp,
    pub(super) value: ObservationValue,
}
