//! What a collector may write: signals below its paths, and none that another collector writes.

use std::{
    collections::{BTreeSet, HashMap},
    fmt,
};

use gemba_domain::{Timestamp, equipment::EquipmentPath, signal::SignalId};
use sqlx::PgConnection;

use super::queries;

/// Whose signals a collector may write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Of this server itself: everything, beside whoever else writes it.
    Own,
    /// Below these paths; without any, of the whole plant.
    Below(Vec<EquipmentPath>),
}

/// Why a signal's samples are set aside.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Refusal {
    /// The plant does not know the address.
    Unknown,
    /// It lies outside of what the collector may write.
    Scope,
    /// This other collector writes it.
    Held(String),
}

impl Scope {
    /// As stored. A path that cannot be read permits nothing.
    pub fn of(own: bool, paths: &[String]) -> Self {
        if own { Self::Own } else { Self::Below(paths.iter().filter_map(|path| path.parse().ok()).collect()) }
    }

    /// Whether it holds the unit of this address (`unit-path:signal-code`).
    pub fn holds(&self, address: &str) -> bool {
        let Self::Below(paths) = self else { return true };
        let unit = || address.split(':').next()?.parse::<EquipmentPath>().ok();
        paths.is_empty() || unit().is_some_and(|unit| paths.iter().any(|path| unit.is_within(path)))
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Below(paths) if !paths.is_empty() => {
                f.write_str(&paths.iter().map(EquipmentPath::as_str).collect::<Vec<_>>().join(", "))
            }
            Self::Own | Self::Below(_) => f.write_str("the whole plant"),
        }
    }
}

impl Refusal {
    /// In words, of these of the collector's numbers.
    pub fn of(&self, numbers: &BTreeSet<u32>) -> String {
        let numbers = numbers.iter().take(10).map(ToString::to_string).collect::<Vec<_>>().join(", ");
        match self {
            Self::Unknown => format!("the plant does not know the collector's signal(s) {numbers}"),
            refusal => format!("signal(s) {numbers}: {refusal}"),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => f.write_str("the plant does not know it"),
            Self::Scope => f.write_str(
                "outside of what this collector may write; `gemba collector list` shows its scope, `gemba collector scope` changes it",
            ),
            Self::Held(other) => write!(
                f,
                "the collector `{other}` writes it; `gemba collector release {other}` on the server frees what it holds"
            ),
        }
    }
}

/// Claims these signals for a collector where nobody has. Gives who holds those that others have, and the revision of claims.
///
/// # Errors
/// Postgres.
pub async fn claim(
    tx: &mut PgConnection,
    collector: i32,
    signals: &[SignalId],
    now: Timestamp,
) -> sqlx::Result<(HashMap<SignalId, String>, i64)> {
    if queries::claim(&mut *tx, collector, signals, now.to_utc()).await? > 0 {
        queries::bump_claims(&mut *tx).await?;
    }
    Ok((holders(&mut *tx, collector, signals).await?, queries::claims_revision(&mut *tx).await?))
}

/// Which of these signals other collectors hold.
///
/// # Errors
/// Postgres.
pub async fn holders(
    tx: &mut PgConnection,
    collector: i32,
    signals: &[SignalId],
) -> sqlx::Result<HashMap<SignalId, String>> {
    queries::holders(tx, collector, signals).await
}
