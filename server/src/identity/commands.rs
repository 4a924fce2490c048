//! What people do about collectors on the command line.

use std::time::Duration;

use gemba_domain::{Timestamp, equipment::EquipmentPath};
use gemba_identity::Code;
use serde_json::json;

use super::{
    CollectorError, Scope, Service, audit,
    enrolment::micros,
    queries::{self, CollectorEntry},
};
use crate::plant::Plant;

/// How long a code is good.
const CODE_LASTS: Duration = Duration::from_secs(600);

/// A collector that was added, and how it gets in.
#[derive(Debug)]
pub struct Added {
    /// To be shown once.
    pub code: Code,
    /// Until when it is good.
    pub until: Timestamp,
    /// What it will be permitted.
    pub scope: Scope,
    /// Paths of it that the plant does not have (yet).
    pub unknown: Vec<EquipmentPath>,
}

impl Service {
    /// Makes a code for a collector, a new one or one that is known. What it may write changes when the code is used; until then
    /// a known one goes on as it was. `None` when the name is one of the server's own.
    ///
    /// # Errors
    /// The authority's file; Postgres.
    pub async fn add(
        &self,
        name: &str,
        scope: Vec<EquipmentPath>,
        plant: &Plant,
        now: Timestamp,
    ) -> Result<Option<Added>, CollectorError> {
        let code = Code::generate(self.authority(now)?.fingerprint());
        let until = now.plus_micros(micros(CODE_LASTS));
        let paths: Vec<String> = scope.iter().map(ToString::to_string).collect();
        let mut tx = self.0.pool.begin().await?;
        let Some(id) = queries::add(&mut tx, name, now.to_utc()).await? else { return Ok(None) };
        queries::put_code(&mut tx, id, &code.hash(), &paths, (now.to_utc(), until.to_utc())).await?;
        audit::by_command(&mut *tx, "collector.add", name, json!({ "scope": paths })).await?;
        tx.commit().await?;
        let unknown = unknown(&scope, plant);
        Ok(Some(Added { code, until, scope: Scope::Below(scope), unknown }))
    }

    /// Changes what a collector may write, from its next request on. False when there is none of this name.
    ///
    /// # Errors
    /// Postgres.
    pub async fn put_scope(&self, name: &str, scope: &[EquipmentPath]) -> sqlx::Result<bool> {
        let paths: Vec<String> = scope.iter().map(ToString::to_string).collect();
        let mut tx = self.0.pool.begin().await?;
        if !queries::put_scope(&mut tx, name, &paths).await? {
            return Ok(false);
        }
        queries::bump_claims(&mut tx).await?;
        audit::by_command(&mut *tx, "collector.scope", name, json!({ "scope": paths })).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Shuts a collector out and frees its signals; what it sent stays. Requests are refused from the next one on, open
    /// connections are closed within seconds. False when there is none of this name.
    ///
    /// # Errors
    /// Postgres.
    pub async fn revoke(&self, name: &str, now: Timestamp) -> sqlx::Result<bool> {
        let mut tx = self.0.pool.begin().await?;
        if !queries::revoke(&mut tx, name, now.to_utc()).await? {
            return Ok(false);
        }
        let released = queries::release(&mut tx, name).await?;
        queries::bump_claims(&mut tx).await?;
        audit::by_command(&mut *tx, "collector.revoke", name, json!({ "released": released })).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Frees the signals that a collector writes, for the next one that offers them. How many; `None` when there is no
    /// collector of this name.
    ///
    /// # Errors
    /// Postgres.
    pub async fn release(&self, name: &str) -> sqlx::Result<Option<u64>> {
        let mut tx = self.0.pool.begin().await?;
        if queries::lock_by_name(&mut tx, name).await?.is_none() {
            return Ok(None);
        }
        let released = queries::release(&mut tx, name).await?;
        queries::bump_claims(&mut tx).await?;
        audit::by_command(&mut *tx, "collector.release", name, json!({ "released": released })).await?;
        tx.commit().await?;
        Ok(Some(released))
    }

    /// All collectors.
    ///
    /// # Errors
    /// Postgres.
    pub async fn list(&self) -> sqlx::Result<Vec<CollectorEntry>> {
        queries::collectors(&self.0.pool).await
    }
}

/// Paths that the plant does not have.
fn unknown(scope: &[EquipmentPath], plant: &Plant) -> Vec<EquipmentPath> {
    let has = |path: &EquipmentPath| plant.units().any(|unit| unit.unit.path.is_within(path));
    scope.iter().filter(|path| !has(path)).cloned().collect()
}
