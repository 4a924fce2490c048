use chrono::{DateTime, Utc};
use gemba_contract::reason::{GiveReason, PutReason, ReasonConflict, ReasonTree, Said};
use gemba_domain::{
    Interval, Timestamp,
    equipment::{Code, EquipmentId},
    reason::{Assignment, ReasonId},
    state::UnitState,
};
use serde_json::json;
use sqlx::{PgConnection, PgExecutor, PgPool};
use uuid::Uuid;

use super::{
    ReasonError, Reasons,
    queries::{self, AssignmentRow},
};
use crate::{auth::audit, nearest::nearest, oee, plant};

/// Longest comment.
const LONGEST_COMMENT: usize = 500;
const LONGEST_NAME: usize = 120;

/// What people said of a unit within a period, as the engine lays it over states.
///
/// # Errors
/// Those of the database.
pub async fn assignments(
    db: impl PgExecutor<'_>,
    unit: EquipmentId,
    period: Interval,
) -> sqlx::Result<Vec<Assignment>> {
    let rows = queries::assignments(db, unit, period.from.to_utc(), Some(period.to.to_utc())).await?;
    Ok(rows
        .into_iter()
        .map(|row| Assignment {
            id: row.id,
            from: row.said_from.into(),
            to: row.said_to.map(Timestamp::from),
            reason: row.reason_id.map(ReasonId),
        })
        .collect())
}

/// The same for people, with who said it and when.
///
/// # Errors
/// Those of the database.
pub async fn said(
    db: impl PgExecutor<'_>,
    reasons: &Reasons,
    unit: EquipmentId,
    period: Interval,
) -> sqlx::Result<Vec<Said>> {
    let rows = queries::assignments(db, unit, period.from.to_utc(), Some(period.to.to_utc())).await?;
    Ok(rows.into_iter().map(|row| said_of(row, reasons)).collect())
}

fn said_of(row: AssignmentRow, reasons: &Reasons) -> Said {
    Said {
        id: row.id,
        from: row.said_from.into(),
        to: row.said_to.map(Timestamp::from),
        reason: row.reason_id.and_then(|id| reasons.get(ReasonId(id))).map(|reason| reason.code.to_string()),
        comment: row.comment,
        by: row.said_by,
        at: row.said_at.into(),
    }
}

/// Reasons, and what people say.
#[derive(Clone)]
pub struct Service {
    pub(super) pool: PgPool,
    pub(super) plant: plant::Service,
    pub(super) oee: oee::Service,
}

impl Service {
    pub fn new(pool: PgPool, plant: plant::Service, oee: oee::Service) -> Self {
        Self { pool, plant, oee }
    }

    /// The tree of reasons that can be given.
    pub fn tree(&self) -> ReasonTree {
        self.plant.current().reasons.view()
    }

    /// Adds a reason, or alters the one of this code. Another category makes the facts of its time anew.
    ///
    /// # Errors
    /// A code or name that cannot be; a parent that there is not, or that stands below; the database.
    pub async fn put_reason(&self, code: &str, put: &PutReason, by: &str) -> Result<ReasonTree, ReasonError> {
        code.parse::<Code>().map_err(|error| ReasonError::Refused(error.to_string()))?;
        let name = put.name.trim();
        if name.is_empty() || name.chars().count() > LONGEST_NAME || name.chars().any(char::is_control) {
            let told = format!("a reason's name has 1 to {LONGEST_NAME} characters, none of them control characters");
            return Err(ReasonError::Refused(told));
        }
        let plant = self.plant.current();
        let reasons = &plant.reasons;
        let before = reasons.by_code(code);
        let parent = match &put.parent {
            None => None,
            Some(parent) => Some(find(reasons, parent)?),
        };
        let (mut above, mut steps) = (parent, 0);
        while let Some(id) = above {
            if Some(id) == before.map(|reason| reason.id) || steps > 20 {
                let told = format!("`{code}` cannot stand below itself; choose another parent");
                return Err(ReasonError::Refused(told));
            }
            steps += 1;
            above = reasons.get(id).and_then(|reason| reason.parent);
        }
        let mut tx = self.pool.begin().await?;
        plant::begin_change(&mut tx).await?;
        let parent_id = parent.map(|id| id.0);
        queries::put_reason(&mut tx, Uuid::now_v7(), code, name, parent_id, put.category.as_str()).await?;
        if let Some(before) = before.filter(|before| before.category != put.category) {
            let cause = oee::Cause::by("loss category of a reason changed", by);
            for (unit, from, to) in queries::units_with(&mut tx, before.id.0).await? {
                oee::note_stale(&mut tx, unit, Interval::new(from.into(), to.into()), &cause).await?;
            }
        }
        record(&mut tx, by, "reason.put", code, json!(put)).await?;
        tx.commit().await?;
        self.plant.refresh().await?;
        Ok(self.tree())
    }

    /// Takes a reason out of those that can be given. Time that has it keeps it.
    ///
    /// # Errors
    /// There is none of this code; the database.
    pub async fn retire(&self, code: &str, by: &str, now: Timestamp) -> Result<ReasonTree, ReasonError> {
        let mut tx = self.pool.begin().await?;
        plant::begin_change(&mut tx).await?;
        if !queries::retire(&mut tx, code, now.to_utc()).await? {
            find(&self.plant.current().reasons, code)?;
        }
        record(&mut tx, by, "reason.retire", code, json!({})).await?;
        tx.commit().await?;
        self.plant.refresh().await?;
        Ok(self.tree())
    }

    /// Says why a unit stood, over a stretch of its time. What others said of the stretch is replaced there and stays beyond
    /// it, provided the caller has seen it.
    ///
    /// # Errors
    /// No such unit or reason; a stretch in the future, reversed, or in which the unit produced; another's word that the
    /// caller has not seen; the database.
    pub async fn give(&self, give: &GiveReason, by: &str, now: Timestamp) -> Result<Said, ReasonError> {
        let plant = self.plant.current();
        let unit = plant
            .unit(&give.unit)
            .map(|found| found.unit.id)
            .ok_or_else(|| ReasonError::NoEquipment { what: "unit", path: give.unit.to_string() })?;
        let reason = give.reason.as_deref().map(|code| find(&plant.reasons, code)).transpose()?;
        let comment = give.comment.trim();
        if comment.chars().count() > LONGEST_COMMENT {
            return Err(ReasonError::Refused(format!("a comment has at most {LONGEST_COMMENT} characters")));
        }
        if give.to.is_some_and(|to| to <= give.from) {
            return Err(ReasonError::Refused(format!(
                "the stretch ends ({}) before it begins ({})",
                give.to.unwrap_or_default(),
                give.from
            )));
        }
        if give.from > now || give.to.is_some_and(|to| to > now) {
            return Err(ReasonError::Refused("a reason is given to time that has passed".to_owned()));
        }
        let mut tx = self.pool.begin().await?;
        queries::lock_unit(&mut tx, unit).await?;
        let to = self.end(&mut tx, unit, give, now).await?;
        self.close_ended(&mut tx, unit, give.from, now).await?;
        let standing = queries::assignments(&mut *tx, unit, give.from.to_utc(), to).await?;
        let mut ids: Vec<i64> = standing.iter().map(|row| row.id).collect();
        ids.sort_unstable();
        let mut seen = give.seen.clone();
        seen.sort_unstable();
        if ids != seen {
            let theirs = standing.into_iter().map(|row| said_of(row, &plant.reasons)).collect();
            return Err(ReasonError::Conflict(Box::new(ReasonConflict { yours: give.clone(), theirs })));
        }
        queries::replace(&mut tx, &ids, by, now.to_utc()).await?;
        for old in standing {
            let (from, until) = (old.said_from, old.said_to);
            if from < give.from.to_utc() {
                let left = AssignmentRow { said_to: Some(give.from.to_utc()), ..old.clone() };
                queries::insert(&mut tx, unit, &left).await?;
            }
            if let Some(to) = to.filter(|to| until.is_none_or(|until| *to < until)) {
                queries::insert(&mut tx, unit, &AssignmentRow { said_from: to, ..old }).await?;
            }
        }
        let mut row = AssignmentRow {
            id: 0,
            said_from: give.from.to_utc(),
            said_to: to,
            reason_id: reason.map(|id| id.0),
            comment: comment.to_owned(),
            said_by: by.to_owned(),
            said_at: now.to_utc(),
        };
        row.id = queries::insert(&mut tx, unit, &row).await?;
        let cause = oee::Cause::by("reason given", by);
        let stale = Interval::new(give.from, to.map_or(now, Timestamp::from).max(give.from.plus_micros(1)));
        oee::note_stale(&mut tx, unit, stale, &cause).await?;
        let detail = json!({ "from": give.from, "to": to, "reason": give.reason, "comment": comment });
        record(&mut tx, by, "stop.reason", give.unit.as_str(), detail).await?;
        tx.commit().await?;
        self.oee.context_changed(&[unit], give.from, &cause).await;
        Ok(said_of(row, &plant.reasons))
    }

    /// Where the stretch ends: as asked for, else with its stop; `None` while that goes on.
    async fn end(
        &self,
        db: &mut PgConnection,
        unit: EquipmentId,
        give: &GiveReason,
        now: Timestamp,
    ) -> Result<Option<DateTime<Utc>>, ReasonError> {
        let stop = self.oee.stop_at(&mut *db, unit, give.from, now).await?;
        let Some(stop) = stop.filter(|stop| stop.state != UnitState::Producing) else {
            return Err(ReasonError::Refused(format!("{} produced at {}: there is no stop", give.unit, give.from)));
        };
        Ok(give.to.map(Timestamp::to_utc).or(stop.ended.map(Timestamp::to_utc)))
    }

    /// Gives their end to words without one whose stop has ended meanwhile.
    async fn close_ended(
        &self,
        db: &mut PgConnection,
        unit: EquipmentId,
        before: Timestamp,
        now: Timestamp,
    ) -> Result<(), ReasonError> {
        let standing = queries::assignments(&mut *db, unit, before.to_utc(), None).await?;
        for open in standing.iter().filter(|row| row.said_to.is_none()) {
            if let Some(stop) = self.oee.stop_at(&mut *db, unit, open.said_from.into(), now).await?
                && let Some(ended) = stop.ended.filter(|ended| *ended > Timestamp::from(open.said_from))
            {
                queries::close(&mut *db, open.id, ended.to_utc()).await?;
            }
        }
        Ok(())
    }
}

pub(super) fn find(reasons: &Reasons, code: &str) -> Result<ReasonId, ReasonError> {
    reasons.by_code(code).map(|reason| reason.id).ok_or_else(|| {
        let hint = nearest(code, reasons.codes()).map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
        ReasonError::NoReason(format!("there is no reason `{code}`{hint}"))
    })
}

pub(super) async fn record(
    tx: &mut PgConnection,
    by: &str,
    action: &str,
    subject: &str,
    detail: serde_json::Value,
) -> sqlx::Result<()> {
    audit::record(tx, audit::Entry { actor: Some(by), action, subject: Some(subject), detail }).await
}
