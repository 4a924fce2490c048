use chrono::{DateTime, Utc};
use gemba_domain::{Interval, equipment::EquipmentId};
use sqlx::{PgConnection, PgExecutor};
use uuid::Uuid;

use super::Rule;

pub struct ReasonRow {
    pub id: Uuid,
    pub code: String,
    pub name: String,
    pub parent_id: Option<Uuid>,
    pub category: String,
    pub retired: bool,
}

/// One row of `reason_assignment`.
#[derive(Clone, Debug)]
pub struct AssignmentRow {
    pub id: i64,
    pub said_from: DateTime<Utc>,
    pub said_to: Option<DateTime<Utc>>,
    pub reason_id: Option<Uuid>,
    pub comment: String,
    pub said_by: String,
    pub said_at: DateTime<Utc>,
}

/// One row of `shift_note`.
pub struct NoteRow {
    pub id: i64,
    pub note_from: DateTime<Utc>,
    pub note_to: DateTime<Utc>,
    pub text: String,
    pub written_by: String,
    pub written_at: DateTime<Utc>,
}

pub async fn reasons(db: impl PgExecutor<'_>) -> sqlx::Result<Vec<ReasonRow>> {
    sqlx::query_as!(
        ReasonRow,
        r#"select id, code, name, parent_id, category, retired_at is not null as "retired!" from reason
           order by position, code"#
    )
    .fetch_all(db)
    .await
}

/// One row of `reason_rule`.
pub struct RuleRow {
    pub id: Uuid,
    pub name: String,
    pub scope: String,
    pub condition: String,
    pub reason_id: Uuid,
}

/// The rules, in order.
pub async fn rules(db: impl PgExecutor<'_>) -> sqlx::Result<Vec<RuleRow>> {
    sqlx::query_as!(RuleRow, "select id, name, scope, condition, reason_id from reason_rule order by position")
        .fetch_all(db)
        .await
}

pub async fn replace_rules(db: &mut PgConnection, rules: &[Rule], by: &str) -> sqlx::Result<()> {
    sqlx::query!("delete from reason_rule").execute(&mut *db).await?;
    for (position, rule) in (0..).zip(rules) {
        sqlx::query!(
            "insert into reason_rule (id, position, name, scope, condition, reason_id, changed_by)
             values ($1, $2, $3, $4, $5, $6, $7)",
            Uuid::now_v7(),
            position,
            rule.name,
            rule.scope,
            rule.condition.to_string(),
            rule.reason.0,
            by,
        )
        .execute(&mut *db)
        .await?;
    }
    Ok(())
}

/// Adds a reason, or alters the one of this code; one that was retired is there again.
pub async fn put_reason(
    db: &mut PgConnection,
    id: Uuid,
    code: &str,
    name: &str,
    parent: Option<Uuid>,
    category: &str,
) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into reason (id, code, name, parent_id, category, position)
         values ($1, $2, $3, $4, $5, (select coalesce(max(position), 0) + 1 from reason))
         on conflict on constraint reason_code_unique do update
         set name = excluded.name, parent_id = excluded.parent_id, category = excluded.category, retired_at = null",
        id,
        code,
        name,
        parent,
        category,
    )
    .execute(db)
    .await?;
    Ok(())
}

pub async fn retire(db: &mut PgConnection, code: &str, at: DateTime<Utc>) -> sqlx::Result<bool> {
    let done = sqlx::query!("update reason set retired_at = $2 where code = $1 and retired_at is null", code, at)
        .execute(db)
        .await?;
    Ok(done.rows_affected() > 0)
}

/// The units that have time of this reason, with the stretch that holds all of it.
pub async fn units_with(
    db: &mut PgConnection,
    reason: Uuid,
) -> sqlx::Result<Vec<(EquipmentId, DateTime<Utc>, DateTime<Utc>)>> {
    let rows = sqlx::query!(
        r#"select unit_id, min(interval_from) as "from!", max(interval_to) as "to!" from state_interval
           where reason_id = $1 group by unit_id"#,
        reason,
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|r| (EquipmentId(r.unit_id), r.from, r.to)).collect())
}

/// No one else says anything of this unit until the transaction ends.
pub async fn lock_unit(db: &mut PgConnection, unit: EquipmentId) -> sqlx::Result<()> {
    sqlx::query!("select id from equipment where id = $1 for no key update", unit.0).fetch_optional(db).await?;
    Ok(())
}

/// What is said of a unit within a period, as it stands, by begin.
pub async fn assignments(
    db: impl PgExecutor<'_>,
    unit: EquipmentId,
    from: DateTime<Utc>,
    to: Option<DateTime<Utc>>,
) -> sqlx::Result<Vec<AssignmentRow>> {
    sqlx::query_as!(
        AssignmentRow,
        "select id, said_from, said_to, reason_id, comment, said_by, said_at from reason_assignment
         where unit_id = $1 and replaced_at is null and tstzrange(said_from, said_to) && tstzrange($2, $3)
         order by said_from",
        unit.0,
        from,
        to,
    )
    .fetch_all(db)
    .await
}

pub async fn replace(db: &mut PgConnection, ids: &[i64], by: &str, at: DateTime<Utc>) -> sqlx::Result<()> {
    sqlx::query!("update reason_assignment set replaced_at = $3, replaced_by = $2 where id = any($1)", ids, by, at)
        .execute(db)
        .await?;
    Ok(())
}

/// The stop of an assignment without end has ended.
pub async fn close(db: &mut PgConnection, id: i64, to: DateTime<Utc>) -> sqlx::Result<()> {
    sqlx::query!("update reason_assignment set said_to = $2 where id = $1 and said_to is null", id, to)
        .execute(db)
        .await?;
    Ok(())
}

pub async fn insert(db: &mut PgConnection, unit: EquipmentId, row: &AssignmentRow) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        "insert into reason_assignment (unit_id, said_from, said_to, reason_id, comment, said_by, said_at)
         values ($1, $2, $3, $4, $5, $6, $7) returning id",
        unit.0,
        row.said_from,
        row.said_to,
        row.reason_id,
        row.comment,
        row.said_by,
        row.said_at,
    )
    .fetch_one(db)
    .await
}

/// The notes to a node whose stretch touches a period, by begin.
pub async fn notes(db: impl PgExecutor<'_>, node: EquipmentId, period: Interval) -> sqlx::Result<Vec<NoteRow>> {
    sqlx::query_as!(
        NoteRow,
        "select id, note_from, note_to, text, written_by, written_at from shift_note
         where equipment_id = $1 and replaced_at is null and note_from < $3 and note_to > $2 order by note_from, note_to",
        node.0,
        period.from.to_utc(),
        period.to.to_utc(),
    )
    .fetch_all(db)
    .await
}

/// The note to exactly this stretch, under a lock.
pub async fn lock_note(db: &mut PgConnection, node: EquipmentId, stretch: Interval) -> sqlx::Result<Option<NoteRow>> {
    sqlx::query_as!(
        NoteRow,
        "select id, note_from, note_to, text, written_by, written_at from shift_note
         where equipment_id = $1 and note_from = $2 and note_to = $3 and replaced_at is null for update",
        node.0,
        stretch.from.to_utc(),
        stretch.to.to_utc(),
    )
    .fetch_optional(db)
    .await
}

pub async fn replace_note(db: &mut PgConnection, id: i64, by: &str, at: DateTime<Utc>) -> sqlx::Result<()> {
    sqlx::query!("update shift_note set replaced_at = $3, replaced_by = $2 where id = $1", id, by, at)
        .execute(db)
        .await?;
    Ok(())
}

pub async fn insert_note(
    db: &mut PgConnection,
    node: EquipmentId,
    stretch: Interval,
    text: &str,
    by: &str,
    at: DateTime<Utc>,
) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        "insert into shift_note (equipment_id, note_from, note_to, text, written_by, written_at)
         values ($1, $2, $3, $4, $5, $6) returning id",
        node.0,
        stretch.from.to_utc(),
        stretch.to.to_utc(),
        text,
        by,
        at,
    )
    .fetch_one(db)
    .await
}
