//! The restatement ledger: the figures of a shift as they were reported first, and what was made otherwise of them later.
//!
//! A shift of a unit is reported some minutes after it ended, with what is known then. Whatever changes its elements
//! afterwards (late samples, a reason, an ideal cycle, an order, a calendar) leaves a line here with its cause; the report as
//! it was stays beside it.

use gemba_domain::{Interval, Timestamp, equipment::EquipmentId, oee::Elements, shift::ShiftInstance};
use sqlx::{PgConnection, PgExecutor};

use super::{cause::Cause, queries::StoredFacts, queries::ledger as queries};

/// After the end of a shift its late samples may still come for so long before its figures are reported.
const GRACE_SECONDS: i64 = 300;
/// Changes of one cause within so long are one line.
const ONE_LINE_SECONDS: i64 = 600;

/// The figures of a shift as reported first, and what changed them since, oldest first.
#[derive(Clone, Debug)]
pub struct Reported {
    pub shift_from: Timestamp,
    pub shift_to: Timestamp,
    pub shift_name: String,
    pub reported_at: Timestamp,
    pub elements: Elements,
    pub changes: Vec<Change>,
}

/// Something that changed the figures of a reported shift.
#[derive(Clone, Debug)]
pub struct Change {
    pub at: Timestamp,
    pub cause: Cause,
    pub after: Elements,
}

/// Reports the shifts of these units that have ended and are not reported yet. Gives how many.
///
/// # Errors
/// Those of the database.
pub(super) async fn report(
    db: &mut PgConnection,
    ended: &[(EquipmentId, ShiftInstance)],
    now: Timestamp,
) -> sqlx::Result<u64> {
    let due: Vec<&(EquipmentId, ShiftInstance)> =
        ended.iter().filter(|(_, shift)| shift.to.plus_seconds(GRACE_SECONDS) <= now).collect();
    if due.is_empty() {
        return Ok(0);
    }
    queries::report(db, &due, now).await
}

/// Compares the reported shifts that these facts touch with what is stored now, and writes down what differs.
///
/// # Errors
/// Those of the database.
pub(super) async fn note(
    db: &mut PgConnection,
    facts: &[StoredFacts],
    cause: impl Fn(EquipmentId) -> Cause,
    now: Timestamp,
) -> sqlx::Result<()> {
    for known in queries::touched(&mut *db, facts).await? {
        let sum = queries::sum(&mut *db, known.unit, known.shift_from).await?;
        if alike(&known.elements, &sum) {
            continue;
        }
        let cause = cause(known.unit);
        let joined = known
            .line
            .as_ref()
            .filter(|line| line.cause == cause && now.micros_since(line.first_at) < ONE_LINE_SECONDS * 1_000_000);
        match joined {
            Some(line) => queries::extend(&mut *db, line.id, &sum, now).await?,
            None => queries::add(&mut *db, &known, &sum, &cause, now).await?,
        }
    }
    Ok(())
}

/// Times to the microsecond, pieces to the rounding of their sums.
fn alike(a: &Elements, b: &Elements) -> bool {
    let times = |e: &Elements| {
        [e.calendar, e.not_scheduled, e.breaks, e.planned_stops, e.apt, e.aust, e.adet, e.adot, e.unknown, e.minor]
    };
    let close = |a: f64, b: f64| (a - b).abs() <= 1e-6 * a.abs().max(b.abs()).max(1.0);
    let pieces = |e: &Elements| [e.pq, e.gq, e.sq, e.rq, e.pri_pq, e.pri_gq];
    times(a) == times(b) && pieces(a).iter().zip(pieces(b)).all(|(a, b)| close(*a, b))
}

/// The shifts of a unit that begin within a period and were reported, with what changed them.
///
/// # Errors
/// Those of the database.
pub async fn reported(db: impl PgExecutor<'_>, unit: EquipmentId, period: Interval) -> sqlx::Result<Vec<Reported>> {
    queries::reported(db, unit, period).await
}
