//! All calendars as they are stored.

use std::sync::Arc;

use chrono_tz::Tz;
use gemba_contract::calendar::Definition;
use gemba_domain::{
    Interval, Timestamp,
    shift::{Closure, ClosureKind, Roster, Version},
};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    Calendar,
    definition::roster,
    queries::{self, ClosureRow, VersionRow},
};
use crate::plant::LoadError;

/// The calendars of all sites.
#[derive(Clone, Debug, Default)]
pub struct Stored {
    pub(super) versions: Vec<VersionRow>,
    of_file: Vec<(Uuid, sqlx::types::Json<Definition>)>,
    /// By site and begin.
    pub closures: Vec<ClosureRow>,
}

/// Reads the calendars of all sites.
///
/// # Errors
/// Those of the database.
pub async fn load(db: &mut PgConnection) -> sqlx::Result<Stored> {
    Ok(Stored {
        versions: queries::versions(&mut *db).await?,
        of_file: queries::versions_of_file(&mut *db).await?,
        closures: queries::closures(db).await?,
    })
}

impl Stored {
    /// A site's calendar.
    ///
    /// # Errors
    /// A row that this program did not write.
    pub fn calendar(&self, site: Uuid, zone: Tz) -> Result<Calendar, LoadError> {
        let versions = self.versions.iter().filter(|row| row.site_id == site).map(|row| {
            let broken = |problem: Vec<String>| LoadError::Inconsistent {
                table: "calendar_version",
                row: row.id.to_string(),
                problem: problem.join("; "),
            };
            let roster = Arc::new(roster(&row.definition).map_err(broken)?);
            Ok(Version { valid_from: row.valid_from.map(Timestamp::from), roster })
        });
        let closures = self.closures.iter().filter(|row| row.site_id == site).map(closure);
        Ok(Calendar::new(
            zone,
            versions.collect::<Result<_, LoadError>>()?,
            closures.collect::<Result<_, LoadError>>()?,
        ))
    }

    /// The definition of a site that is valid at a moment.
    pub fn valid_at(&self, site: Uuid, at: Timestamp) -> Option<&Definition> {
        let of_site = self.versions.iter().rev().filter(|row| row.site_id == site);
        let mut valid = of_site.filter(|row| row.valid_from.is_none_or(|from| Timestamp::from(from) <= at));
        valid.next().map(|row| &*row.definition)
    }

    /// What the plant file said of a site when it was imported last.
    pub fn of_file(&self, site: Uuid) -> Option<Roster> {
        let (_, definition) = self.of_file.iter().find(|(of, _)| *of == site)?;
        roster(definition).ok()
    }
}

fn closure(row: &ClosureRow) -> Result<Closure, LoadError> {
    let kind = ClosureKind::from_word(&row.kind).ok_or_else(|| LoadError::Inconsistent {
        table: "shift_closure",
        row: format!("{} {}", row.site_id, row.name),
        problem: format!("unknown kind {}", row.kind),
    })?;
    let interval = Interval::new(row.closed_from.into(), row.closed_to.into());
    Ok(Closure { name: row.name.as_str().into(), interval, kind })
}
