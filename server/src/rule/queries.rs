use sqlx::{PgConnection, PgExecutor};
use uuid::Uuid;

use super::Rule;

/// One row of `state_rule`.
pub struct RuleRow {
    pub id: Uuid,
    pub name: String,
    pub scope: String,
    pub condition: String,
    pub state: String,
}

/// The rules, in order.
pub async fn rules(db: impl PgExecutor<'_>) -> sqlx::Result<Vec<RuleRow>> {
    sqlx::query_as!(RuleRow, "select id, name, scope, condition, state from state_rule order by position")
        .fetch_all(db)
        .await
}

pub async fn replace_rules(db: &mut PgConnection, rules: &[Rule], by: &str) -> sqlx::Result<()> {
    sqlx::query!("delete from state_rule").execute(&mut *db).await?;
    for (position, rule) in (0..).zip(rules) {
        sqlx::query!(
            "insert into state_rule (id, position, name, scope, condition, state, changed_by)
             values ($1, $2, $3, $4, $5, $6, $7)",
            Uuid::now_v7(),
            position,
            &*rule.rule.name,
            rule.scope,
            rule.rule.condition.to_string(),
            rule.rule.state.as_str(),
            by,
        )
        .execute(&mut *db)
        .await?;
    }
    Ok(())
}
