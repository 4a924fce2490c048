//! What is reported: a line by its constraint, or a unit.

use chrono::DateTime;
use chrono_tz::Tz;
use gemba_contract::report::Around;
use gemba_domain::{
    Timestamp,
    equipment::{EquipmentId, EquipmentPath, Level},
};

use super::ReportError;
use crate::plant::{Area, Line, Plant, Site, Unit};

/// A line or a unit, with what stands around it.
#[derive(Clone, Copy)]
pub struct Node<'a> {
    pub site: &'a Site,
    pub area: &'a Area,
    pub line: &'a Line,
    /// The unit itself, or the line's constraint: whose facts are reported.
    pub unit: &'a Unit,
    pub level: Level,
}

impl<'a> Node<'a> {
    /// The line or unit at a path.
    pub fn find(plant: &'a Plant, path: &EquipmentPath) -> Result<Self, ReportError> {
        if let Some(found) = plant.unit(path) {
            let (site, area, line, unit) = (found.site, found.area, found.line, found.unit);
            return Ok(Self { site, area, line, unit, level: Level::Unit });
        }
        let found = plant.sites.iter().find_map(|site| {
            let (area, line) = site.lines().find(|(_, line)| line.path == *path)?;
            Some(Self { site, area, line, unit: line.constraint()?, level: Level::Line })
        });
        found.ok_or_else(|| ReportError::NoEquipment(path.to_string()))
    }

    pub fn id(&self) -> EquipmentId {
        if self.level == Level::Line { self.line.id } else { self.unit.id }
    }

    pub fn path(&self) -> &'a EquipmentPath {
        if self.level == Level::Line { &self.line.path } else { &self.unit.path }
    }

    pub fn name(&self) -> &'a str {
        if self.level == Level::Line { &self.line.name } else { &self.unit.name }
    }

    /// The units whose states are shown.
    pub fn lanes(&self) -> Vec<&'a Unit> {
        if self.level == Level::Line { self.line.units.iter().collect() } else { vec![self.unit] }
    }

    pub fn around(&self) -> Around {
        let mut above = vec![(self.site.name.clone(), None), (self.area.name.clone(), None)];
        if self.level == Level::Unit {
            above.push((self.line.name.clone(), Some(self.line.path.clone())));
        }
        Around {
            above,
            units: self.line.units.iter().map(|unit| (unit.name.clone(), unit.path.clone())).collect(),
            key_unit: self.line.constraint().map(|unit| unit.path.clone()),
        }
    }

    pub fn zone(&self) -> Tz {
        self.site.time_zone
    }

    pub fn offset_minutes(&self, at: Timestamp) -> i32 {
        self.site.offset_minutes(at)
    }

    pub fn local(&self, at: Timestamp) -> DateTime<Tz> {
        at.to_utc().with_timezone(&self.zone())
    }

    /// What an hour of standing costs, in hundredths of the currency.
    pub fn cents_per_hour(&self) -> Option<i64> {
        self.unit.cost_cents_per_hour.or(self.line.cost_cents_per_hour)
    }
}
