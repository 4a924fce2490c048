//! Facts for readers: exact ones of a unit and period, and sums of what is stored.

use std::{collections::HashMap, sync::Arc};

use chrono::NaiveDate;
use gemba_domain::{
    Interval, Timestamp,
    equipment::EquipmentId,
    oee::{CountDelta, Elements, NOT_WATCHED},
    reason::{GivenBy, ReasonId, Stretch},
    rule::{Changed, StateRules},
    signal::SignalId,
    state::UnitState,
};
use uuid::Uuid;

use super::{
    context::Accounted,
    derive::{self, DeriveError},
    queries::{self, reading},
    service::Service,
};
use crate::{historian::HistorianError, reason::Rule};

/// What sums are made by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupBy {
    All,
    Unit,
    Shift,
    Team,
    Product,
    Order,
    Day,
}

impl GroupBy {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Unit => "unit",
            Self::Shift => "shift",
            Self::Team => "team",
            Self::Product => "product",
            Self::Order => "order",
            Self::Day => "day",
        }
    }
}

/// Elements of one key: an id, a name or a day, as text.
#[derive(Clone, Debug)]
pub struct Sum {
    pub key: String,
    pub elements: Elements,
}

/// Elements of one shift.
#[derive(Clone, Debug)]
pub struct ShiftSum {
    pub from: Timestamp,
    pub to: Timestamp,
    pub name: String,
    pub team: Option<String>,
    pub day: NaiveDate,
    pub elements: Elements,
}

/// Time of one bucket, state and reason.
#[derive(Clone, Debug)]
pub struct LossSum {
    pub bucket: String,
    pub state: String,
    pub reason: Option<Uuid>,
    pub minor: bool,
    pub micros: i64,
    /// How many stretches of this kind began.
    pub begun: u64,
}

/// The facts of one unit over a period, to the moment.
#[derive(Clone, Debug)]
pub struct PeriodFacts {
    /// What is known of the period asked for.
    pub period: Interval,
    pub accounted: Accounted,
    pub counts: Vec<CountDelta>,
    /// Up to here states are known.
    pub known_to: Timestamp,
}

impl PeriodFacts {
    /// Sums of the period.
    pub fn elements(&self) -> Elements {
        self.accounted.rows.iter().map(|row| row.elements).sum()
    }
}

/// Samples that a collector had read and lost.
#[derive(Clone, Copy, Debug)]
pub struct LostSamples {
    pub interval: Interval,
    pub samples: i64,
}

impl Service {
    /// The facts of a unit over a period that has begun: from memory where the period lies in the window, else made of the
    /// samples. Cut at `now`.
    ///
    /// # Errors
    /// Those of the historian and the database.
    pub async fn facts(&self, unit: EquipmentId, period: Interval, now: Timestamp) -> Result<PeriodFacts, DeriveError> {
        let in_memory = self.board().with_unit(unit, |board| {
            (board.window_from() <= period.from).then(|| {
                let known = Interval::new(period.from, period.to.min(board.known_until(now)).max(period.from));
                let (accounted, counts) = (board.account(known), board.facts(known).counts);
                PeriodFacts { period: known, accounted, counts, known_to: board.covered_to() }
            })
        });
        if let Some(facts) = in_memory.flatten() {
            return Ok(facts);
        }
        let known = Interval::new(period.from, period.to.min(now).max(period.from));
        let (Some(config), plant) = (self.config(unit), self.plant.current()) else {
            return Ok(PeriodFacts {
                period: known,
                accounted: Accounted::default(),
                counts: Vec::new(),
                known_to: known.from,
            });
        };
        derive::derive_period(&self.pool, &plant, &self.board(), &self.historian, unit, config, known).await
    }

    /// The states of a unit, as counted now, in which a rule would hold.
    ///
    /// # Errors
    /// Those of the historian and the database.
    pub async fn hits(
        &self,
        unit: EquipmentId,
        rule: &Rule,
        period: Interval,
        now: Timestamp,
    ) -> Result<Vec<Stretch>, DeriveError> {
        let (Some(config), plant) = (self.config(unit), self.plant.current()) else { return Ok(Vec::new()) };
        let known = Interval::new(period.from, period.to.min(now).max(period.from));
        derive::hits(&self.pool, &plant, &self.board(), &self.historian, (unit, config), rule, known).await
    }

    /// The facts of a unit over a period, made of the samples also where memory has them.
    #[cfg(test)]
    pub async fn made(&self, unit: EquipmentId, period: Interval) -> Result<PeriodFacts, DeriveError> {
        let (config, plant) = (self.config(unit).expect("known"), self.plant.current());
        derive::derive_period(&self.pool, &plant, &self.board(), &self.historian, unit, config, period).await
    }

    /// Where the states of a unit would be others if these were the rules that make them.
    ///
    /// # Errors
    /// Those of the historian and the database.
    pub async fn other_states(
        &self,
        unit: EquipmentId,
        rules: &StateRules,
        period: Interval,
        now: Timestamp,
    ) -> Result<Vec<Changed>, DeriveError> {
        let (Some(config), plant) = (self.config(unit), self.plant.current()) else { return Ok(Vec::new()) };
        let known = Interval::new(period.from, period.to.min(now).max(period.from));
        let of = (unit, config);
        derive::other_states(&self.pool, &plant, &self.board(), &self.historian, of, rules, known).await
    }

    /// The states of a unit as counted, over a period: from memory where it lies in the window, else as stored.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn stretches(&self, unit: EquipmentId, period: Interval, now: Timestamp) -> sqlx::Result<Vec<Stretch>> {
        let in_memory = self.board().with_unit(unit, |board| {
            (board.window_from() <= period.from)
                .then(|| board.stretches(Interval::new(period.from, period.to.min(board.known_until(now)))))
        });
        if let Some(stretches) = in_memory.flatten() {
            return Ok(stretches);
        }
        let rows = queries::states(&self.pool, unit, period).await?;
        Ok(rows.into_iter().filter_map(|row| stretch_of(row, period)).collect())
    }

    /// Sums of what is stored of these units over the hours that begin in a period.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn sums(&self, units: &[EquipmentId], period: Interval, by: GroupBy) -> sqlx::Result<Vec<Sum>> {
        reading::sums(&self.pool, &ids(units), period, by).await
    }

    /// Sums of what is stored of these units over production days, the last not included.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn day_sums(
        &self,
        units: &[EquipmentId],
        days: (NaiveDate, NaiveDate),
        by: GroupBy,
    ) -> sqlx::Result<Vec<Sum>> {
        reading::day_sums(&self.pool, &ids(units), days, by).await
    }

    /// Where the stored time of these units went over the hours that begin in a period.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn losses(&self, units: &[EquipmentId], period: Interval) -> sqlx::Result<Vec<LossSum>> {
        reading::losses(&self.pool, &ids(units), period).await
    }

    /// The last shifts of a unit that begin before a moment, oldest first.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn last_shifts(&self, unit: EquipmentId, before: Timestamp, most: i64) -> sqlx::Result<Vec<ShiftSum>> {
        let mut shifts = reading::last_shifts(&self.pool, unit, before, most).await?;
        shifts.reverse();
        Ok(shifts)
    }

    /// What is stored of these units in the shifts that begin at these moments.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn shift_sums(
        &self,
        units: &[EquipmentId],
        begins: &[Timestamp],
    ) -> sqlx::Result<HashMap<(EquipmentId, Timestamp), Elements>> {
        let begins: Vec<_> = begins.iter().map(|begin| begin.to_utc()).collect();
        let rows = reading::shift_sums(&self.pool, &ids(units), &begins).await?;
        Ok(rows.into_iter().map(|(unit, begin, elements)| ((EquipmentId(unit), begin.into()), elements)).collect())
    }

    /// How many samples of a signal a period holds.
    ///
    /// # Errors
    /// Those of the historian.
    pub async fn samples(&self, signal: SignalId, period: Interval) -> Result<u64, HistorianError> {
        Ok(self.historian.read(signal, period.from, period.to).await?.len() as u64)
    }

    /// What the collectors of a unit lost of a period.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn lost_samples(&self, unit: EquipmentId, period: Interval) -> sqlx::Result<Vec<LostSamples>> {
        let rows = reading::lost_samples(&self.pool, unit, period).await?;
        let lost = |(from, to, samples): (chrono::DateTime<chrono::Utc>, chrono::DateTime<chrono::Utc>, i64)| {
            LostSamples { interval: Interval::new(from.into(), to.into()), samples }
        };
        Ok(rows.into_iter().map(lost).collect())
    }
}

fn ids(units: &[EquipmentId]) -> Vec<Uuid> {
    units.iter().map(|unit| unit.0).collect()
}

/// A stored state, cut at a period. Time without a row nobody watched.
fn stretch_of(row: queries::StateRow, period: Interval) -> Option<Stretch> {
    Some(Stretch {
        interval: row.interval.intersection(&period)?,
        state: UnitState::from_word(&row.state)?,
        said: UnitState::from_word(&row.said)?,
        cause: row.cause.map(Arc::from),
        reason: row.reason.map(ReasonId),
        given_by: match (row.given_by.as_deref(), row.assignment) {
            (Some("rule"), _) => Some(GivenBy::Rule),
            (Some(_), Some(id)) => Some(GivenBy::Person(id)),
            _ => None,
        },
        minor: row.minor,
    })
}

/// Whether nobody was watching.
pub fn is_unwatched(stretch: &Stretch) -> bool {
    stretch.cause.as_deref() == Some(NOT_WATCHED)
}
