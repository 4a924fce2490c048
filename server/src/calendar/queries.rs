use chrono::{DateTime, Utc};
use gemba_contract::calendar::Definition;
use sqlx::{PgConnection, PgExecutor, types::Json};
use uuid::Uuid;

use super::PLANT_FILE;

/// One row of `calendar_version`.
#[derive(Clone, Debug)]
pub struct VersionRow {
    pub id: i64,
    pub site_id: Uuid,
    /// `None`: for ever.
    pub valid_from: Option<DateTime<Utc>>,
    pub definition: Json<Definition>,
    pub changed_by: String,
    pub changed_at: DateTime<Utc>,
}

/// One row of `shift_closure`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClosureRow {
    pub site_id: Uuid,
    pub name: String,
    pub closed_from: DateTime<Utc>,
    pub closed_to: DateTime<Utc>,
    pub kind: String,
    /// `None`: the plant file.
    pub entered_by: Option<String>,
}

/// The versions that stand, by site and valid time.
pub(super) async fn versions(db: impl PgExecutor<'_>) -> sqlx::Result<Vec<VersionRow>> {
    sqlx::query_as!(
        VersionRow,
        r#"select distinct on (site_id, calendar_version.valid_from) id, site_id,
                  nullif(valid_from, '-infinity') as valid_from, definition as "definition: Json<Definition>", changed_by, changed_at
           from calendar_version order by site_id, calendar_version.valid_from, id desc"#
    )
    .fetch_all(db)
    .await
}

/// What the plant file said last, of each site.
pub(super) async fn versions_of_file(db: impl PgExecutor<'_>) -> sqlx::Result<Vec<(Uuid, Json<Definition>)>> {
    let rows = sqlx::query!(
        r#"select distinct on (site_id) site_id, definition as "definition: Json<Definition>"
           from calendar_version where changed_by = $1 order by site_id, id desc"#,
        PLANT_FILE,
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| (row.site_id, row.definition)).collect())
}

/// Adds a version. `valid_from` is `None` for ever.
///
/// # Errors
/// Those of the database.
pub async fn put_version(
    db: &mut PgConnection,
    site_id: Uuid,
    valid_from: Option<DateTime<Utc>>,
    definition: &Definition,
    by: &str,
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into calendar_version (site_id, valid_from, definition, changed_by, changed_at)
         values ($1, coalesce($2, '-infinity'::timestamptz), $3, $4, $5)",
        site_id,
        valid_from,
        Json(definition) as _,
        by,
        now,
    )
    .execute(db)
    .await?;
    Ok(())
}

pub(super) async fn closures(db: impl PgExecutor<'_>) -> sqlx::Result<Vec<ClosureRow>> {
    sqlx::query_as!(
        ClosureRow,
        "select site_id, name, closed_from, closed_to, kind, entered_by from shift_closure order by site_id, closed_from, name"
    )
    .fetch_all(db)
    .await
}

/// Adds a closure, or alters the one of this name and begin.
///
/// # Errors
/// Those of the database.
pub async fn put_closure(db: &mut PgConnection, row: &ClosureRow) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into shift_closure (site_id, name, closed_from, closed_to, kind, entered_by) values ($1, $2, $3, $4, $5, $6)
         on conflict (site_id, closed_from, name)
         do update set closed_to = excluded.closed_to, kind = excluded.kind, entered_by = excluded.entered_by",
        row.site_id,
        row.name,
        row.closed_from,
        row.closed_to,
        row.kind,
        row.entered_by,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Removes a closure. Gives whether there was one.
///
/// # Errors
/// Those of the database.
pub async fn delete_closure(
    db: &mut PgConnection,
    site_id: Uuid,
    closed_from: DateTime<Utc>,
    name: &str,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "delete from shift_closure where site_id = $1 and closed_from = $2 and name = $3",
        site_id,
        closed_from,
        name,
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() > 0)
}
