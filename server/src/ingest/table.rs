//! A collector's signals, by its numbers: which of the plant's they are, or why their samples are set aside.

use std::collections::HashMap;

use gemba_contract::edge::{OfferedSignal, UnknownSignal};
use gemba_domain::{Timestamp, signal::SignalId};
use sqlx::PgConnection;

use super::queries::{self, CollectorRow};
use crate::{
    identity::{self, Refusal, Scope},
    plant::Plant,
};

/// What is done with one of the collector's signals.
pub type Placed = Result<SignalId, Refusal>;

/// All of a collector's signals, and what that was decided by.
pub(super) struct SignalTable {
    pub epoch: i64,
    plant_revision: i64,
    claims: i64,
    pub signals: Vec<Placed>,
}

impl SignalTable {
    /// Whether nothing has changed since it was made.
    pub fn holds(&self, row: &CollectorRow, plant: &Plant) -> bool {
        self.epoch == row.epoch && self.plant_revision == plant.revision && self.claims == row.claims
    }

    /// From what a hello offers. Signals that nobody writes are this collector's from now on.
    ///
    /// Also: those that are set aside, each with the reason.
    pub async fn offered(
        tx: &mut PgConnection,
        row: &CollectorRow,
        epoch: i64,
        offered: &[OfferedSignal],
        plant: &Plant,
        now: Timestamp,
    ) -> sqlx::Result<(Self, Vec<UnknownSignal>)> {
        let scope = Scope::of(row.own, &row.scope);
        let found: Vec<Result<SignalId, String>> = offered
            .iter()
            .map(|offered| {
                // What lies outside is not told whether it exists.
                if !scope.holds(&offered.address) {
                    return Err(Refusal::Scope.to_string());
                }
                plant.signal_at(&offered.address).map(|signal| signal.id)
            })
            .collect();
        let ids: Vec<SignalId> = found.iter().filter_map(|found| found.as_ref().ok().copied()).collect();
        let (held, claims) = match scope {
            Scope::Own => (HashMap::new(), row.claims),
            Scope::Below(_) => identity::claim(&mut *tx, row.id, &ids, now).await?,
        };
        let mut unknown = Vec::new();
        let mut signals = Vec::with_capacity(offered.len());
        for ((number, found), offered) in (0..).zip(found).zip(offered) {
            let (placed, reason) = match found {
                Ok(signal) => match held.get(&signal) {
                    Some(other) => {
                        let refusal = Refusal::Held(other.clone());
                        let reason = Some(refusal.to_string());
                        (Err(refusal), reason)
                    }
                    None => (Ok(signal), None),
                },
                Err(reason) if scope.holds(&offered.address) => (Err(Refusal::Unknown), Some(reason)),
                Err(reason) => (Err(Refusal::Scope), Some(reason)),
            };
            unknown.extend(reason.map(|reason| UnknownSignal { signal: number, reason }));
            signals.push(placed);
        }
        Ok((Self { epoch, plant_revision: plant.revision, claims, signals }, unknown))
    }

    /// From what was offered before. Claims nothing.
    pub async fn load(tx: &mut PgConnection, row: &CollectorRow, plant: &Plant) -> sqlx::Result<Self> {
        let known = queries::local_signals(&mut *tx, row.id, row.epoch).await?;
        let scope = Scope::of(row.own, &row.scope);
        let find = |local: &queries::LocalRow| {
            if !scope.holds(&local.address) {
                return Err(Refusal::Scope);
            }
            let known = local.signal_id.map(SignalId);
            known.or_else(|| plant.signal_at(&local.address).ok().map(|s| s.id)).ok_or(Refusal::Unknown)
        };
        let mut signals: Vec<Placed> = known.iter().map(find).collect();
        if scope != Scope::Own {
            let ids: Vec<SignalId> = signals.iter().filter_map(|placed| placed.as_ref().ok().copied()).collect();
            let held = identity::holders(&mut *tx, row.id, &ids).await?;
            for placed in &mut signals {
                if let Ok(signal) = placed
                    && let Some(other) = held.get(signal)
                {
                    *placed = Err(Refusal::Held(other.clone()));
                }
            }
        }
        let matched: Vec<Option<SignalId>> = signals.iter().map(|placed| placed.as_ref().ok().copied()).collect();
        if known.iter().zip(&matched).any(|(local, id)| id.is_some() && local.signal_id.is_none()) {
            queries::match_local_signals(&mut *tx, row.id, row.epoch, &matched).await?;
        }
        Ok(Self { epoch: row.epoch, plant_revision: plant.revision, claims: row.claims, signals })
    }
}
