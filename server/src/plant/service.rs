use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use gemba_domain::{
    equipment::{Code, EquipmentId, EquipmentPath},
    signal::{SignalId, SignalKind, SignalRole},
};
use sqlx::{PgConnection, PgPool};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{
    import::{Existing, ImportError, Plan},
    model::{Area, Line, MasterData, Plant, Signal, Site, Unit},
    queries::{self, EquipmentRow, SignalRow, WantedSignal},
};
use crate::{calendar, clock, order, reason, rule};

/// The plant in the database is not what this program wrote.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The database failed.
    #[error("the plant could not be read from the database")]
    Database(#[from] sqlx::Error),
    /// A row breaks the rules.
    #[error("table {table}, row {row}: {problem}")]
    Inconsistent { table: &'static str, row: String, problem: String },
}

/// The plant: read by everyone, changed by imports.
#[derive(Clone, Debug)]
pub struct Service {
    pool: PgPool,
    current: Arc<watch::Sender<Arc<Plant>>>,
}

impl Service {
    /// Loads the plant as it stands.
    pub async fn open(pool: PgPool) -> Result<Self, LoadError> {
        let plant = load(&pool).await?;
        Ok(Self { pool, current: Arc::new(watch::Sender::new(Arc::new(plant))) })
    }

    /// The plant as known now.
    pub fn current(&self) -> Arc<Plant> {
        self.current.borrow().clone()
    }

    /// Told of every new revision.
    pub fn subscribe(&self) -> watch::Receiver<Arc<Plant>> {
        self.current.subscribe()
    }

    /// Reads the plant again when another process, or this one, has changed it.
    pub async fn refresh(&self) -> Result<(), LoadError> {
        if queries::revision(&self.pool).await? != self.current().revision {
            let plant = Arc::new(load(&self.pool).await?);
            tracing::info!(revision = plant.revision, units = plant.units().count(), "plant loaded");
            self.current.send_replace(plant);
        }
        Ok(())
    }

    /// Looks for changes made by other processes until `stop`.
    pub async fn watch(self, stop: CancellationToken) {
        let mut tick = tokio::time::interval(Duration::from_secs(2));
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        while stop.run_until_cancelled(tick.tick()).await.is_some() {
            if let Err(error) = self.refresh().await {
                tracing::debug!(%error, "plant not refreshed; trying again in 2 s");
            }
        }
    }

    /// What `text` would change. Nothing is changed.
    pub async fn plan(&self, text: &str) -> Result<Plan, ImportError> {
        let file = super::file::read(text).map_err(ImportError::File)?;
        let mut db = self.pool.acquire().await?;
        let existing = existing(&mut db).await?;
        Plan::make(&file, &existing, clock::now(), Uuid::now_v7)
    }

    /// Checks `text`, compares it with the database and applies the difference, all or nothing.
    pub async fn import(&self, text: &str) -> Result<Plan, ImportError> {
        let file = super::file::read(text).map_err(ImportError::File)?;
        let mut tx = self.pool.begin().await?;
        queries::begin_change(&mut tx).await?;
        let existing = existing(&mut tx).await?;
        let plan = Plan::make(&file, &existing, clock::now(), Uuid::now_v7)?;
        if plan.is_empty() {
            return Ok(plan);
        }
        plan.apply(&mut tx, clock::now()).await?;
        tx.commit().await?;
        if let Err(error) = self.refresh().await {
            tracing::warn!(%error, "plant imported, but not read back yet");
        }
        Ok(plan)
    }

    /// Adds a signal that a collector offers to a unit that accepts new ones. `Err` is the reason for a person.
    pub async fn create_signal(
        &self,
        unit: &EquipmentPath,
        code: &str,
        kind: SignalKind,
        role: Option<SignalRole>,
        uom: Option<&str>,
    ) -> Result<SignalId, String> {
        code.parse::<Code>().map_err(|error| error.to_string())?;
        let plant = self.current();
        let found = plant.unit(unit).ok_or_else(|| format!("the plant has no unit `{unit}`"))?;
        let taken = found.unit.signals.iter().any(|s| s.role.is_some() && s.role == role);
        let role = if taken { None } else { role };
        let store = async {
            let mut tx = self.pool.begin().await?;
            queries::begin_change(&mut tx).await?;
            let wanted = WantedSignal {
                unit: found.unit.id,
                code: code.to_owned(),
                name: code.to_owned(),
                kind,
                role,
                uom: uom.map(str::to_owned),
                position: queries::AFTER_THE_FILE,
            };
            let id = queries::put_signal(&mut tx, &wanted).await?;
            tx.commit().await?;
            Ok::<_, sqlx::Error>(id)
        };
        let id = store.await.map_err(|error| format!("the signal could not be created: {error}"))?;
        self.refresh().await.map_err(|error| error.to_string())?;
        Ok(id)
    }
}

async fn existing(db: &mut PgConnection) -> sqlx::Result<Existing> {
    Ok(Existing {
        equipment: queries::equipment(&mut *db).await?,
        calendars: calendar::load(&mut *db).await?,
        signals: queries::signals(&mut *db).await?,
        delivered: crate::ingest::delivered_signals(&mut *db).await?.into_iter().collect::<BTreeSet<i32>>(),
    })
}

async fn load(pool: &PgPool) -> Result<Plant, LoadError> {
    let mut tx = pool.begin().await?;
    let revision = queries::revision(&mut *tx).await?;
    let equipment = queries::equipment(&mut *tx).await?;
    let calendars = calendar::load(&mut tx).await?;
    let signals = queries::signals(&mut *tx).await?;
    let (catalogue, reasons) = (order::load(&mut tx).await?, reason::load(&mut tx).await?);
    let state_rules = rule::load(&mut tx).await?;
    tx.commit().await?;

    let mut children: BTreeMap<Option<Uuid>, Vec<EquipmentRow>> = BTreeMap::new();
    for row in equipment {
        children.entry(row.parent_id).or_default().push(row);
    }
    let mut tree = Tree { children, calendars, signals };
    let enterprise = tree.take(None).into_iter().next();
    let sites = enterprise.as_ref().map(|row| tree.sites(row.id)).transpose()?.unwrap_or_default();
    let (enterprise, currency) = enterprise.map_or((None, None), |row| (Some(row.name), row.currency));
    Ok(Plant::new(revision, sites, MasterData { enterprise, currency, catalogue, reasons, state_rules }))
}

struct Tree {
    children: BTreeMap<Option<Uuid>, Vec<EquipmentRow>>,
    calendars: calendar::Stored,
    signals: Vec<SignalRow>,
}

impl Tree {
    fn take(&mut self, parent: Option<Uuid>) -> Vec<EquipmentRow> {
        self.children.remove(&parent).unwrap_or_default()
    }

    fn sites(&mut self, enterprise: Uuid) -> Result<Vec<Site>, LoadError> {
        self.take(Some(enterprise))
            .into_iter()
            .map(|row| {
                let time_zone = row.time_zone.as_deref().and_then(|zone| zone.parse().ok());
                let time_zone = time_zone.ok_or_else(|| broken(&row, "time_zone is not an IANA name"))?;
                Ok(Site {
                    path: path(&row)?,
                    time_zone,
                    calendar: Arc::new(self.calendars.calendar(row.id, time_zone)?),
                    areas: self.areas(row.id)?,
                    id: EquipmentId(row.id),
                    name: row.name,
                })
            })
            .collect()
    }

    fn areas(&mut self, site: Uuid) -> Result<Vec<Area>, LoadError> {
        self.take(Some(site))
            .into_iter()
            .map(|row| {
                Ok(Area { id: EquipmentId(row.id), path: path(&row)?, lines: self.lines(row.id)?, name: row.name })
            })
            .collect()
    }

    fn lines(&mut self, area: Uuid) -> Result<Vec<Line>, LoadError> {
        self.take(Some(area))
            .into_iter()
            .map(|row| {
                Ok(Line {
                    id: EquipmentId(row.id),
                    path: path(&row)?,
                    target_oee: row.target_oee,
                    units: self.units(row.id)?,
                    key_unit: row.key_unit,
                    cost_cents_per_hour: row.cost_cents_per_hour,
                    name: row.name,
                })
            })
            .collect()
    }

    fn units(&mut self, line: Uuid) -> Result<Vec<Unit>, LoadError> {
        self.take(Some(line))
            .into_iter()
            .map(|row| {
                let signals =
                    self.signals.iter().filter(|s| s.unit_id == row.id).map(signal).collect::<Result<_, _>>()?;
                Ok(Unit {
                    id: EquipmentId(row.id),
                    path: path(&row)?,
                    ideal_cycle_seconds: row.ideal_cycle_seconds,
                    counter_maximum: row.counter_maximum,
                    accept_new_signals: row.accept_new_signals,
                    feeds: row.feeds,
                    cost_cents_per_hour: row.cost_cents_per_hour,
                    signals,
                    name: row.name,
                })
            })
            .collect()
    }
}

fn path(row: &EquipmentRow) -> Result<EquipmentPath, LoadError> {
    row.path.parse().map_err(|error| broken(row, error))
}

fn broken(row: &EquipmentRow, problem: impl ToString) -> LoadError {
    LoadError::Inconsistent { table: "equipment", row: row.id.to_string(), problem: problem.to_string() }
}

fn signal(row: &SignalRow) -> Result<Signal, LoadError> {
    let broken = |problem: String| LoadError::Inconsistent { table: "signal", row: row.id.to_string(), problem };
    let role = row
        .role
        .as_deref()
        .map(|word| SignalRole::from_word(word).ok_or_else(|| broken(format!("unknown role {word}"))));
    Ok(Signal {
        id: SignalId(row.id),
        code: row.code.clone(),
        name: row.name.clone(),
        kind: SignalKind::from_word(&row.kind).ok_or_else(|| broken(format!("unknown kind {}", row.kind)))?,
        role: role.transpose()?,
        uom: row.uom.clone(),
    })
}
