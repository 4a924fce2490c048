//! From a checked file to the database: what would change, and the change itself in one transaction.

mod shifts;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use gemba_contract::calendar::Definition;
use gemba_domain::{
    Timestamp,
    equipment::{EquipmentId, Level},
    signal::{SignalKind, SignalRole},
};
use sqlx::PgConnection;
use toml::Spanned;
use uuid::Uuid;

use super::{
    check::Defect,
    file::{PlantFile, SignalEntry, UnitEntry},
    queries::{self, EquipmentRow, SignalRow, WantedSignal},
};
use crate::{
    calendar::{self, ClosureRow},
    order,
};

/// Why a file was not applied. The database is as it was.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The file itself is wrong.
    #[error("the plant file has {} defect(s)", .0.len())]
    File(Vec<Defect>),
    /// Applying it would lose recorded data.
    #[error("nothing was changed: the file would lose recorded data:\n{}", .0.join("\n"))]
    WouldLoseData(Vec<String>),
    /// The database failed.
    #[error("nothing was changed: the database failed")]
    Database(#[from] sqlx::Error),
}

/// One line of the difference between the database and a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Stands in the file only.
    Add(String),
    /// Stands in both, with other attributes.
    Alter(String, Vec<String>),
    /// Stands in the database only.
    Remove(String),
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Change::Add(what) => write!(f, "+ {what}"),
            Change::Alter(what, fields) => write!(f, "~ {what}: {}", fields.join(", ")),
            Change::Remove(what) => write!(f, "- {what}"),
        }
    }
}

/// A file's difference to the database, ready to be applied.
#[derive(Debug, Default)]
pub struct Plan {
    /// For people, in the order of the tree.
    pub changes: Vec<Change>,
    /// What of the file is not taken, and why.
    pub notes: Vec<String>,
    equipment: Vec<EquipmentRow>,
    /// Site, valid from (`None`: for ever), and what it says.
    calendars: Vec<(Uuid, Option<Timestamp>, Definition)>,
    closures: Vec<ClosureRow>,
    removed_closures: Vec<ClosureRow>,
    signals: Vec<WantedSignal>,
    units_with_new_roles: BTreeSet<Uuid>,
    removed_signals: Vec<i32>,
    /// Children before parents.
    removed_equipment: Vec<Uuid>,
}

/// The database's side of the comparison.
pub(super) struct Existing {
    pub equipment: Vec<EquipmentRow>,
    pub calendars: calendar::Stored,
    pub signals: Vec<SignalRow>,
    /// Signals that a collector delivers, or ever did.
    pub delivered: BTreeSet<i32>,
}

impl Plan {
    /// Compares at the time `now`. `new_id` gives the ids of new nodes.
    pub(super) fn make(
        file: &PlantFile,
        existing: &Existing,
        now: Timestamp,
        mut new_id: impl FnMut() -> Uuid,
    ) -> Result<Self, ImportError> {
        let mut builder = Builder {
            plan: Plan::default(),
            by_path: existing.equipment.iter().map(|row| (row.path.as_str(), row)).collect(),
            existing,
            now,
            kept: BTreeSet::new(),
            kept_signals: BTreeSet::new(),
            lost: Vec::new(),
            new_id: &mut new_id,
        };
        builder.file(file);
        builder.removals();
        if builder.lost.is_empty() { Ok(builder.plan) } else { Err(ImportError::WouldLoseData(builder.lost)) }
    }

    /// Whether the database already is as the file says.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// Applies the whole plan within the caller's transaction.
    pub(super) async fn apply(&self, db: &mut PgConnection, now: Timestamp) -> sqlx::Result<()> {
        for row in &self.equipment {
            queries::put_equipment(db, row).await?;
        }
        for (site, from, definition) in &self.calendars {
            let from = from.map(Timestamp::to_utc);
            calendar::put_version(db, *site, from, definition, calendar::PLANT_FILE, now.to_utc()).await?;
        }
        for row in &self.removed_closures {
            calendar::delete_closure(db, row.site_id, row.closed_from, &row.name).await?;
        }
        for row in &self.closures {
            calendar::put_closure(db, row).await?;
        }
        for id in &self.removed_signals {
            queries::delete_signal(db, *id).await?;
        }
        for unit in &self.units_with_new_roles {
            queries::clear_roles(db, *unit).await?;
        }
        for wanted in &self.signals {
            queries::put_signal(db, wanted).await?;
        }
        for id in &self.removed_equipment {
            queries::delete_equipment(db, *id).await?;
        }
        order::put_default_cycles(db, now).await
    }
}

struct Builder<'a> {
    plan: Plan,
    by_path: BTreeMap<&'a str, &'a EquipmentRow>,
    existing: &'a Existing,
    now: Timestamp,
    kept: BTreeSet<Uuid>,
    kept_signals: BTreeSet<i32>,
    lost: Vec<String>,
    new_id: &'a mut dyn FnMut() -> Uuid,
}

impl Builder<'_> {
    fn file(&mut self, file: &PlantFile) {
        let enterprise = &file.enterprise;
        let root = self.node(None, Level::Enterprise, enterprise.code.get_ref(), &enterprise.name, 0, |row| {
            row.currency = enterprise.currency.as_ref().map(|code| code.get_ref().clone());
        });
        for (position, site) in (0..).zip(&file.sites) {
            let site_node = self.node(Some(&root), Level::Site, site.code.get_ref(), &site.name, position, |row| {
                row.time_zone = Some(site.time_zone.get_ref().clone());
            });
            self.calendar(&site_node, site);
            self.closures(&site_node, site);
            for (position, area) in (0..).zip(&site.areas) {
                let area_node =
                    self.node(Some(&site_node), Level::Area, area.code.get_ref(), &area.name, position, |_| {});
                for (position, line) in (0..).zip(&area.lines) {
                    let line_node =
                        self.node(Some(&area_node), Level::Line, line.code.get_ref(), &line.name, position, |row| {
                            row.target_oee = line.target_oee.as_ref().map(|t| *t.get_ref());
                            row.cost_cents_per_hour = line.cost_per_hour.as_ref().map(cents);
                            row.key_unit = line.key_unit.as_ref().map(|k| k.get_ref().clone());
                        });
                    for (position, unit) in (0..).zip(&line.units) {
                        self.unit(&line_node, unit, position);
                    }
                }
            }
        }
    }

    fn unit(&mut self, line: &EquipmentRow, unit: &UnitEntry, position: i32) {
        let node = self.node(Some(line), Level::Unit, unit.code.get_ref(), &unit.name, position, |row| {
            row.ideal_cycle_seconds = unit.ideal_cycle_seconds.as_ref().map(|v| *v.get_ref());
            row.counter_maximum = unit.counter_maximum.as_ref().map(|v| *v.get_ref());
            row.cost_cents_per_hour = unit.cost_per_hour.as_ref().map(cents);
            row.accept_new_signals = unit.accept_new_signals;
            row.feeds = unit.feeds.iter().map(|code| code.get_ref().clone()).collect();
        });
        for (position, signal) in (0..).zip(&unit.signals) {
            self.signal(&node, signal, position);
        }
        // What collectors and imports created here does not come from the file, and stays without it.
        let of_unit = self.existing.signals.iter().filter(|s| s.unit_id == node.id);
        let created = of_unit.filter(|s| unit.accept_new_signals || s.position >= queries::AFTER_THE_FILE);
        self.kept_signals.extend(created.map(|s| s.id));
    }

    fn node(
        &mut self,
        parent: Option<&EquipmentRow>,
        level: Level,
        code: &str,
        name: &str,
        position: i32,
        attributes: impl FnOnce(&mut EquipmentRow),
    ) -> EquipmentRow {
        let path = parent.map_or_else(|| code.to_owned(), |parent| format!("{}/{code}", parent.path));
        let before = self.by_path.get(path.as_str()).copied();
        let mut row = EquipmentRow {
            id: before.map_or_else(|| (self.new_id)(), |row| row.id),
            parent_id: parent.map(|p| p.id),
            level: level.as_str().to_owned(),
            code: code.to_owned(),
            name: name.to_owned(),
            path,
            position,
            time_zone: None,
            target_oee: None,
            key_unit: None,
            ideal_cycle_seconds: None,
            counter_maximum: None,
            accept_new_signals: false,
            feeds: Vec::new(),
            currency: None,
            cost_cents_per_hour: None,
        };
        attributes(&mut row);
        self.kept.insert(row.id);
        let title = format!("{} {}", row.level, row.path);
        match before {
            None => {
                self.plan.changes.push(Change::Add(title));
                self.plan.equipment.push(row.clone());
            }
            Some(before) => {
                let fields = altered(&[
                    ("name", format!("{:?}", before.name), format!("{:?}", row.name)),
                    ("position", before.position.to_string(), row.position.to_string()),
                    ("time_zone", shown(&before.time_zone), shown(&row.time_zone)),
                    ("target_oee", shown(&before.target_oee), shown(&row.target_oee)),
                    ("key_unit", shown(&before.key_unit), shown(&row.key_unit)),
                    ("ideal_cycle_seconds", shown(&before.ideal_cycle_seconds), shown(&row.ideal_cycle_seconds)),
                    ("counter_maximum", shown(&before.counter_maximum), shown(&row.counter_maximum)),
                    ("accept_new_signals", before.accept_new_signals.to_string(), row.accept_new_signals.to_string()),
                    ("feeds", before.feeds.join(" "), row.feeds.join(" ")),
                    ("currency", shown(&before.currency), shown(&row.currency)),
                    ("cost_per_hour", shown(&amount_of(before)), shown(&amount_of(&row))),
                ]);
                if !fields.is_empty() {
                    self.plan.changes.push(Change::Alter(title, fields));
                    self.plan.equipment.push(row.clone());
                }
            }
        }
        row
    }

    fn signal(&mut self, unit: &EquipmentRow, entry: &SignalEntry, position: i32) {
        let Some(kind) = SignalKind::from_word(entry.kind.get_ref()) else { return };
        let wanted = WantedSignal {
            unit: EquipmentId(unit.id),
            code: entry.code.get_ref().clone(),
            name: entry.name.clone().unwrap_or_else(|| entry.code.get_ref().clone()),
            kind,
            role: entry.role.as_ref().and_then(|role| SignalRole::from_word(role.get_ref())),
            uom: entry.uom.as_ref().map(|uom| uom.get_ref().clone()),
            position,
        };
        let title = format!("signal {}:{}", unit.path, wanted.code);
        let before = self.existing.signals.iter().find(|s| s.unit_id == unit.id && s.code == wanted.code);
        match before {
            None => self.plan.changes.push(Change::Add(title)),
            Some(before) => {
                self.kept_signals.insert(before.id);
                let was = SignalKind::from_word(&before.kind);
                if self.existing.delivered.contains(&before.id) && was.map(is_numeric) != Some(is_numeric(kind)) {
                    self.lost.push(format!(
                        "  line of {title}: kind {} -> {}: its recorded values would no longer be readable as such; add a signal with another code instead",
                        before.kind,
                        kind.as_str()
                    ));
                }
                let role = wanted.role.map(|r| r.as_str().to_owned());
                let fields = altered(&[
                    ("name", format!("{:?}", before.name), format!("{:?}", wanted.name)),
                    ("kind", before.kind.clone(), kind.as_str().to_owned()),
                    ("role", shown(&before.role), shown(&role)),
                    ("uom", shown(&before.uom), shown(&wanted.uom)),
                    ("position", before.position.to_string(), position.to_string()),
                ]);
                if fields.is_empty() {
                    return;
                }
                if before.role != role {
                    self.plan.units_with_new_roles.insert(unit.id);
                }
                self.plan.changes.push(Change::Alter(title, fields));
            }
        }
        self.plan.signals.push(wanted);
    }

    fn removals(&mut self) {
        let paths: BTreeMap<Uuid, &str> =
            self.existing.equipment.iter().map(|row| (row.id, row.path.as_str())).collect();
        for signal in &self.existing.signals {
            if self.kept_signals.contains(&signal.id) {
                continue;
            }
            let title = format!("signal {}:{}", paths.get(&signal.unit_id).copied().unwrap_or("?"), signal.code);
            if self.existing.delivered.contains(&signal.id) {
                self.lost.push(format!("  {title} has recorded data but does not stand in the file; put it back"));
            } else {
                self.plan.removed_signals.push(signal.id);
                self.plan.changes.push(Change::Remove(title));
            }
        }
        for row in self.existing.equipment.iter().rev().filter(|row| !self.kept.contains(&row.id)) {
            self.plan.removed_equipment.push(row.id);
            self.plan.changes.push(Change::Remove(format!("{} {}", row.level, row.path)));
        }
        // A unit whose roles are cleared gets all of them anew.
        let given: BTreeSet<(Uuid, String)> = self.plan.signals.iter().map(|s| (s.unit.0, s.code.clone())).collect();
        for row in &self.existing.signals {
            let cleared = self.plan.units_with_new_roles.contains(&row.unit_id);
            if cleared && row.role.is_some() && !given.contains(&(row.unit_id, row.code.clone())) {
                let (Some(kind), role) =
                    (SignalKind::from_word(&row.kind), row.role.as_deref().and_then(SignalRole::from_word))
                else {
                    continue;
                };
                self.plan.signals.push(WantedSignal {
                    unit: EquipmentId(row.unit_id),
                    code: row.code.clone(),
                    name: row.name.clone(),
                    kind,
                    role,
                    uom: row.uom.clone(),
                    position: row.position,
                });
            }
        }
    }
}

fn cents(amount: &Spanned<f64>) -> i64 {
    (amount.get_ref() * 100.0).round() as i64
}

fn amount_of(row: &EquipmentRow) -> Option<f64> {
    row.cost_cents_per_hour.map(|cents| cents as f64 / 100.0)
}

fn is_numeric(kind: SignalKind) -> bool {
    matches!(kind, SignalKind::Counter | SignalKind::Measure | SignalKind::Setpoint)
}

fn altered(fields: &[(&str, String, String)]) -> Vec<String> {
    fields.iter().filter(|(_, old, new)| old != new).map(|(name, old, new)| format!("{name} {old} -> {new}")).collect()
}

fn shown<T: fmt::Display>(value: &Option<T>) -> String {
    value.as_ref().map_or_else(|| "none".to_owned(), ToString::to_string)
}
