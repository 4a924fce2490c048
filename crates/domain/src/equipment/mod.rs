//! Equipment: the ISA-95 role-based tree enterprise > site > area > line (work center) > unit (work unit).

mod path;

use serde::{Deserialize, Serialize};

pub use path::{Code, EquipmentPath, PathError};

/// Identifies one node of the equipment tree for its whole life, whatever it is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(transparent)]
pub struct EquipmentId(pub uuid::Uuid);

/// The levels of the tree (ISA-95 part 1, role-based equipment hierarchy), outermost first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// The company.
    Enterprise,
    /// One location, with its own time zone.
    Site,
    /// A shop or hall within a site.
    Area,
    /// A work center: units that work as one.
    Line,
    /// A work unit: one machine's role in its line.
    Unit,
}

impl Level {
    /// All levels, outermost first.
    pub const ALL: [Level; 5] = [Level::Enterprise, Level::Site, Level::Area, Level::Line, Level::Unit];

    /// How many levels lie above: 0 for the enterprise, 4 for a unit.
    pub const fn depth(self) -> usize {
        self as usize
    }

    /// The level below, if there is one.
    pub fn child(self) -> Option<Level> {
        Self::ALL.get(self.depth() + 1).copied()
    }

    /// The word used in files, the API and the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Level::Enterprise => "enterprise",
            Level::Site => "site",
            Level::Area => "area",
            Level::Line => "line",
            Level::Unit => "unit",
        }
    }
}
