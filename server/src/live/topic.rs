use gemba_contract::live::{OVERVIEW, UNIT_PREFIX};
use gemba_domain::{access::Action, equipment::EquipmentPath};

/// Something that can be subscribed to.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Topic {
    /// The tiles of the whole plant.
    Overview,
    /// One unit with its signals.
    Unit(EquipmentPath),
}

impl Topic {
    /// From its name on the wire; `None` when there is no such topic.
    pub fn parse(name: &str) -> Option<Self> {
        match name.strip_prefix(UNIT_PREFIX) {
            Some(path) => path.parse().ok().map(Topic::Unit),
            None => (name == OVERVIEW).then_some(Topic::Overview),
        }
    }

    /// Its name on the wire.
    pub fn name(&self) -> String {
        match self {
            Topic::Overview => OVERVIEW.to_owned(),
            Topic::Unit(path) => format!("{UNIT_PREFIX}{path}"),
        }
    }

    /// What one must be permitted to see it.
    pub const fn action(&self) -> Action {
        match self {
            Topic::Overview | Topic::Unit(_) => Action::ViewPlant,
        }
    }
}
