use std::collections::BTreeMap;

/// What must not be, or must be explained.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Said by a machine, not in the store.
    Lost,
    /// In the store, never said.
    Unsent,
    /// Another value than was said.
    Changed,
    /// A (signal, time) that stands more than once.
    Twice,
    /// A latest value that is not the newest.
    NotNewest,
    /// Stored facts that are not what a derivation over everything gives.
    Facts,
    /// A sample from the future that is not set aside, or something else that is.
    Aside,
    /// Said within a second before the collector was killed, and missed. One such scan a kill is permitted.
    MissedScan,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Lost,
        Self::Unsent,
        Self::Changed,
        Self::Twice,
        Self::NotNewest,
        Self::Facts,
        Self::Aside,
        Self::MissedScan,
    ];

    /// Key in the JSON.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Lost => "lost",
            Self::Unsent => "unsent",
            Self::Changed => "changed",
            Self::Twice => "twice",
            Self::NotNewest => "not_newest",
            Self::Facts => "facts_differ",
            Self::Aside => "set_aside_wrongly",
            Self::MissedScan => "missed_scans",
        }
    }

    /// For people.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Lost => "  said, not in the store",
            Self::Unsent => "  in the store, never said",
            Self::Changed => "  another value",
            Self::Twice => "  (signal, time) more than once",
            Self::NotNewest => "  latest value not the newest",
            Self::Facts => "  facts differ from a derivation",
            Self::Aside => "  set aside wrongly, or not",
            Self::MissedScan => "  (scans missed at a kill of the collector)",
        }
    }
}

/// What was found over all rounds, each thing once: what is found again in a later round is the same.
#[derive(Clone, Debug, Default)]
pub struct Account {
    found: BTreeMap<(Kind, String), String>,
}

impl Account {
    /// Notes something: what it is about (an identity), and in words.
    pub fn note(&mut self, kind: Kind, about: impl Into<String>, detail: impl FnOnce() -> String) {
        self.found.entry((kind, about.into())).or_insert_with(detail);
    }

    /// Takes in what another holds.
    pub fn merge(&mut self, other: Self) {
        self.found.extend(other.found);
    }

    /// How many of a kind.
    pub fn count(&self, kind: Kind) -> usize {
        self.found.keys().filter(|(of, _)| *of == kind).count()
    }

    /// How many that nothing permits.
    pub fn unaccounted(&self) -> usize {
        self.found.keys().filter(|(kind, _)| *kind != Kind::MissedScan).count()
    }

    /// In words: of each kind the first ten.
    pub fn details(&self) -> Vec<String> {
        let of = |kind: Kind| {
            let found = self.found.iter().filter(move |((of, _), _)| *of == kind);
            found.take(10).map(move |((_, about), detail)| format!("{}: {about}: {detail}", kind.key()))
        };
        Kind::ALL.into_iter().flat_map(of).collect()
    }
}
