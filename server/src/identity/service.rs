use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use chrono::{DateTime, Utc};
use gemba_domain::Timestamp;
use gemba_identity::{Authority, AuthorityError, Facts};
use serde_json::json;
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;

use super::{
    CollectorError, Connections, Scope, audit,
    queries::{self, IdentityRow},
    throttle::Throttle,
};
use crate::config::Settings;

/// No certificate lasts longer, whatever is set.
const LONGEST: Duration = Duration::from_secs(86_400);
/// The authority's file below the data directory, in a directory of its own.
const AUTHORITY: &str = "authority/authority.pem";

/// A collector that showed who it is.
#[derive(Clone, Debug)]
pub struct Collector {
    pub id: i32,
    pub name: String,
    /// What it may write.
    pub scope: Scope,
}

/// Who collectors are. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Service(pub(super) Arc<Inner>);

#[derive(Debug)]
pub(super) struct Inner {
    pub pool: PgPool,
    /// How long certificates last.
    pub lasts: Duration,
    /// How long after its end a certificate can still be renewed.
    pub renew_within: Duration,
    pub throttle: Throttle,
    pub told: audit::Told,
    pub connections: Connections,
    file: PathBuf,
    authority: Mutex<Option<Arc<Authority>>>,
}

impl Service {
    /// Opens nothing yet: the authority is made, or read, when it is first needed.
    pub fn new(pool: PgPool, settings: &Settings) -> Self {
        Self(Arc::new(Inner {
            pool,
            lasts: settings.ingest.certificate_lifetime.min(LONGEST),
            renew_within: settings.ingest.renew_within,
            throttle: Throttle::default(),
            told: audit::Told::default(),
            connections: Connections::default(),
            file: settings.data_directory.join(AUTHORITY),
            authority: Mutex::default(),
        }))
    }

    /// This server's authority; made at the first call ever.
    ///
    /// # Errors
    /// Its file cannot be read or written.
    pub fn authority(&self, now: Timestamp) -> Result<Arc<Authority>, AuthorityError> {
        let mut known = self.0.authority.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(authority) = &*known {
            return Ok(Arc::clone(authority));
        }
        let authority = Arc::new(Authority::open(&self.0.file, now.to_utc().into())?);
        *known = Some(Arc::clone(&authority));
        Ok(authority)
    }

    /// Which of these are shut out.
    ///
    /// # Errors
    /// Postgres.
    pub(super) async fn shut_out(&self, names: &[String]) -> sqlx::Result<Vec<String>> {
        queries::revoked(&self.0.pool, names).await
    }

    /// Who shows this certificate, for a request. Our signature on it was verified by TLS.
    ///
    /// # Errors
    /// The collector is shut out, its certificate is over or not the newest, or Postgres.
    pub async fn admit(&self, facts: &Facts, now: Timestamp) -> Result<Collector, CollectorError> {
        let row = queries::by_name(&self.0.pool, &facts.name).await?;
        let (row, standing) = match judge(row, facts) {
            Ok(judged) => judged,
            Err(error) => return Err(self.told(facts, error).await),
        };
        if Timestamp::from_seconds(facts.not_after) <= now {
            return Err(CollectorError::Expired(moment(facts.not_after)));
        }
        match standing {
            Standing::Fresh => queries::shown(&self.0.pool, row.id, &facts.serial).await?,
            Standing::Unheard => self.adopt(&row, facts).await?,
            Standing::Good => {}
        }
        Ok(Collector { id: row.id, scope: Scope::of(false, &row.scope), name: row.name })
    }

    /// After the database was set back, collectors have newer certificates than it knows of. They signed nothing themselves: what
    /// is signed by the authority, for the same key and later than what is known, is the newest.
    async fn adopt(&self, row: &IdentityRow, facts: &Facts) -> sqlx::Result<()> {
        tracing::warn!(
            collector = row.name,
            "shows a newer certificate than the database knows: it was set back. Taken as the newest"
        );
        let mut tx = self.0.pool.begin().await?;
        queries::adopt(&mut tx, row.id, &facts.serial, (moment(facts.made_at()), moment(facts.not_after))).await?;
        audit::by_collector(&mut *tx, "collector.certificate_adopted", &row.name, json!({})).await?;
        tx.commit().await
    }

    /// A copied identity is more than a refused request: it is told in log and audit.
    async fn told(&self, facts: &Facts, error: CollectorError) -> CollectorError {
        if matches!(error, CollectorError::Copied(_)) && self.0.told.is_new(&facts.name, error.kind()) {
            tracing::warn!(collector = facts.name, "{error}");
            let noted = audit::by_collector(&self.0.pool, "collector.copied", &facts.name, json!({})).await;
            if let Err(cause) = noted {
                return cause.into();
            }
        }
        error
    }

    /// Starts what runs beside the requests.
    pub fn spawn_jobs(&self, stop: &CancellationToken) {
        tokio::spawn(self.0.connections.clone().watch(self.clone(), stop.clone()));
    }
}

/// How a certificate stands to what is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// The newest, shown before; or the one before it, while the newest was not shown.
    Good,
    /// The newest, shown for the first time.
    Fresh,
    /// Newer than any that the database knows of.
    Unheard,
}

/// Whether a certificate is the newest of a collector that is let in. Whether it has expired is not looked at.
pub(super) fn judge(row: Option<IdentityRow>, facts: &Facts) -> Result<(IdentityRow, Standing), CollectorError> {
    let row = row.ok_or_else(|| CollectorError::Unknown(facts.name.clone()))?;
    if let Some(at) = row.revoked_at {
        return Err(CollectorError::Revoked { name: row.name, at });
    }
    let shown = Some(facts.serial.as_slice());
    let standing = if row.key_sha256.as_deref() != Some(&facts.key) {
        return Err(CollectorError::Copied(row.name));
    } else if row.serial.as_deref() == shown {
        if row.serial_shown { Standing::Good } else { Standing::Fresh }
    } else if row.previous_serial.as_deref() == shown && !row.serial_shown {
        Standing::Good
    } else if row.certificate_at.is_some_and(|at| moment(facts.made_at()) > at) {
        Standing::Unheard
    } else {
        return Err(CollectorError::Copied(row.name));
    };
    Ok((row, standing))
}

/// Seconds since 1970 as a moment.
pub(super) fn moment(seconds: i64) -> DateTime<Utc> {
    Timestamp::from_seconds(seconds).to_utc()
}
