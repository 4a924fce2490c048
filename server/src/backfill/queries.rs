use gemba_domain::equipment::EquipmentId;
use sqlx::PgExecutor;

/// Codes of a unit's signals with the sources that collectors read them from.
pub async fn sources(db: impl PgExecutor<'_>, unit: EquipmentId) -> sqlx::Result<Vec<(String, String)>> {
    let rows = sqlx::query!(
        r#"select distinct s.code, cs.source as "source!"
         from collector_signal cs join signal s on s.id = cs.signal_id
         where s.unit_id = $1 and cs.source is not null
         order by 1, 2"#,
        unit.0,
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| (row.code, row.source)).collect())
}
