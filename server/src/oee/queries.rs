//! The only SQL of the engine: facts in, facts out.

mod elements;
pub(super) mod ledger;
pub(super) mod reading;

use std::collections::{BTreeMap, HashSet};

use chrono::{DateTime, Utc};
use gemba_domain::{
    Interval, Timestamp,
    equipment::EquipmentId,
    oee::{Elements, Row},
    reason::{GivenBy, Stretch},
    shift::ShiftInstance,
};
use sqlx::{PgConnection, PgExecutor};
use uuid::Uuid;

use super::{cause::Cause, context::Accounted};

/// The facts of one unit over one period, as they are stored: states fill the period, rows the whole hours it touches.
#[derive(Clone, Debug)]
pub struct StoredFacts {
    pub unit: EquipmentId,
    pub period: Interval,
    pub facts: Accounted,
}

/// A stored state.
#[derive(Clone, Debug, PartialEq)]
pub struct StateRow {
    pub interval: Interval,
    /// As counted.
    pub state: String,
    /// As the machine said it.
    pub said: String,
    pub cause: Option<String>,
    pub reason: Option<Uuid>,
    pub given_by: Option<String>,
    pub assignment: Option<i64>,
    pub minor: bool,
}

/// Notes that the facts of a unit must be derived again, in the transaction that changed its samples.
pub async fn note_stale(
    db: &mut PgConnection,
    unit: EquipmentId,
    stretch: Interval,
    cause: &Cause,
) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into fact_stale (unit_id, stale_from, stale_to, cause, caused_by) values ($1, $2, $3, $4, $5)",
        unit.0,
        stretch.from.to_utc(),
        stretch.to.to_utc(),
        cause.text,
        cause.by,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Takes all that was noted of one unit, as one stretch, with the cause noted last; it comes back when the transaction is
/// not committed.
pub async fn take_stale(db: &mut PgConnection) -> sqlx::Result<Option<(EquipmentId, Interval, Cause)>> {
    let row = sqlx::query!(
        r#"with next as (select unit_id from fact_stale order by id limit 1),
                taken as (delete from fact_stale using next where fact_stale.unit_id = next.unit_id
                          returning fact_stale.id, fact_stale.unit_id, stale_from, stale_to, cause, caused_by)
           select unit_id as "unit_id!", min(stale_from) as "from!", max(stale_to) as "to!",
                  (array_agg(cause order by caused_by is null, id desc))[1] as "cause!",
                  (array_agg(caused_by order by caused_by is null, id desc))[1] as by
           from taken group by unit_id"#
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(|row| {
        let stretch = Interval::new(row.from.into(), row.to.into());
        (EquipmentId(row.unit_id), stretch, Cause { text: row.cause, by: row.by })
    }))
}

/// What the locks of facts are told apart by from other locks.
const FACTS_LOCK: i32 = 0x6661_6374;

/// Waits until no other transaction stores facts of this unit, and keeps others from it until this one ends: an import beside
/// the server would store states that overlap those which the server stores of its window at the same moment.
pub async fn lock_facts(db: &mut PgConnection, unit: EquipmentId) -> sqlx::Result<()> {
    sqlx::query!("select pg_advisory_xact_lock($1, hashtext($2))", FACTS_LOCK, unit.0.to_string()).execute(db).await?;
    Ok(())
}

/// The same of those units of which nobody else stores facts now: gives them.
pub async fn try_lock_facts(db: &mut PgConnection, units: &[EquipmentId]) -> sqlx::Result<HashSet<EquipmentId>> {
    let units: Vec<Uuid> = units.iter().map(|unit| unit.0).collect();
    let free = sqlx::query_scalar!(
        r#"select unit as "unit!" from unnest($1::uuid[]) u (unit) where pg_try_advisory_xact_lock($2, hashtext(unit::text))"#,
        &units,
        FACTS_LOCK,
    )
    .fetch_all(db)
    .await?;
    Ok(free.into_iter().map(EquipmentId).collect())
}

/// How many notes there are.
pub async fn count_stale(db: impl PgExecutor<'_>) -> sqlx::Result<i64> {
    sqlx::query_scalar!(r#"select count(*) as "count!" from fact_stale"#).fetch_one(db).await
}

/// Up to when the facts of each unit are stored.
pub async fn watermarks(db: impl PgExecutor<'_>) -> sqlx::Result<Vec<(EquipmentId, Timestamp)>> {
    let rows = sqlx::query!("select unit_id, derived_to from fact_watermark").fetch_all(db).await?;
    Ok(rows.into_iter().map(|row| (EquipmentId(row.unit_id), row.derived_to.into())).collect())
}

/// The stored states that overlap `period`, whole, in order.
pub async fn states(db: impl PgExecutor<'_>, unit: EquipmentId, period: Interval) -> sqlx::Result<Vec<StateRow>> {
    let rows = sqlx::query!(
        "select interval_from, interval_to, state, said, cause, reason_id, given_by, assignment_id, minor from state_interval
         where unit_id = $1 and interval_to > $2 and interval_from < $3 order by interval_from",
        unit.0,
        period.from.to_utc(),
        period.to.to_utc(),
    )
    .fetch_all(db)
    .await?;
    Ok(rows
        .into_iter()
        .map(|r| StateRow {
            interval: Interval::new(r.interval_from.into(), r.interval_to.into()),
            state: r.state,
            said: r.said,
            cause: r.cause,
            reason: r.reason_id,
            given_by: r.given_by,
            assignment: r.assignment_id,
            minor: r.minor,
        })
        .collect())
}

/// What a row of elements is stored under: hour, begin of the shift (`None` outside every shift), order, product.
pub type RowKey = (Timestamp, Option<Timestamp>, Uuid, Uuid);

/// Pieces of one row: PQ, GQ, SQ, RQ and the weighted PQ and GQ.
pub type Pieces = (RowKey, [f64; 6]);

fn key_of(facts: &Accounted, row: &Row) -> RowKey {
    let work = row.work.and_then(|at| facts.works.get(at));
    let order = work.and_then(|work| work.order).map_or(Uuid::nil(), |id| id.0);
    let product = work.and_then(|work| work.product).map_or(Uuid::nil(), |id| id.0);
    let shift = row.shift.and_then(|at| facts.shifts.get(at)).map(|shift| shift.from);
    (row.hour, shift, order, product)
}

/// The rows as they are stored: those of one key (an order that was begun twice in an hour, a cycle that changed) are one.
fn merged(facts: &Accounted) -> BTreeMap<RowKey, Merged<'_>> {
    let mut out: BTreeMap<RowKey, Merged<'_>> = BTreeMap::new();
    for row in &facts.rows {
        let shift = row.shift.and_then(|at| facts.shifts.get(at));
        let (_, elements, losses) =
            out.entry(key_of(facts, row)).or_insert((shift, Elements::default(), BTreeMap::new()));
        *elements += row.elements;
        for loss in &row.losses {
            let reason = loss.reason.map_or(Uuid::nil(), |id| id.0);
            let sum = losses.entry((loss.bucket.as_str(), loss.state.as_str(), reason, loss.minor)).or_default();
            sum.0 += loss.micros;
            sum.1 += loss.begun;
        }
    }
    out
}

/// A row: its shift, its sums, and where its time went (microseconds and begun stretches).
type Merged<'a> = (Option<&'a ShiftInstance>, Elements, BTreeMap<LossKey, (i64, u32)>);

/// Bucket, state, reason, short.
type LossKey = (&'static str, &'static str, Uuid, bool);

/// The pieces of the rows that have any.
pub fn pieces_of(facts: &Accounted) -> Vec<Pieces> {
    let pieces = |(key, (_, e, _)): (RowKey, (Option<&ShiftInstance>, Elements, _))| {
        let some = e.pq != 0.0 || e.gq != 0.0 || e.sq != 0.0 || e.rq != 0.0;
        some.then_some((key, [e.pq, e.gq, e.sq, e.rq, e.pri_pq, e.pri_gq]))
    };
    merged(facts).into_iter().filter_map(pieces).collect()
}

/// The pieces of the hours that begin within `period`, where there are any.
pub async fn pieces(db: impl PgExecutor<'_>, unit: EquipmentId, period: Interval) -> sqlx::Result<Vec<Pieces>> {
    let rows = sqlx::query!(
        r#"select hour, nullif(shift_from, '-infinity') as shift_from, order_id, product_id, pq, gq, sq, rq, pri_pq, pri_gq
           from kpi_element
           where unit_id = $1 and hour >= $2 and hour < $3 and (pq <> 0 or gq <> 0 or sq <> 0 or rq <> 0)"#,
        unit.0,
        period.from.to_utc(),
        period.to.to_utc(),
    )
    .fetch_all(db)
    .await?;
    let pieces = rows.into_iter().map(|r| {
        let key = (r.hour.into(), r.shift_from.map(Timestamp::from), r.order_id, r.product_id);
        (key, [r.pq, r.gq, r.sq, r.rq, r.pri_pq, r.pri_gq])
    });
    Ok(pieces.collect())
}

#[derive(Default)]
struct StateColumns {
    units: Vec<Uuid>,
    froms: Vec<DateTime<Utc>>,
    tos: Vec<DateTime<Utc>>,
    states: Vec<String>,
    said: Vec<String>,
    causes: Vec<Option<String>>,
    reasons: Vec<Option<Uuid>>,
    given_by: Vec<Option<String>>,
    assignments: Vec<Option<i64>>,
    minor: Vec<bool>,
}

impl StateColumns {
    fn push(&mut self, unit: Uuid, row: &StateRow, interval: Interval) {
        if !interval.is_empty() {
            self.units.push(unit);
            self.froms.push(interval.from.to_utc());
            self.tos.push(interval.to.to_utc());
            self.states.push(row.state.clone());
            self.said.push(row.said.clone());
            self.causes.push(row.cause.clone());
            self.reasons.push(row.reason);
            self.given_by.push(row.given_by.clone());
            self.assignments.push(row.assignment);
            self.minor.push(row.minor);
        }
    }
}

fn row_of(stretch: &Stretch) -> StateRow {
    let (given_by, assignment) = match stretch.given_by {
        None => (None, None),
        Some(GivenBy::Rule) => (Some("rule".to_owned()), None),
        Some(GivenBy::Person(id)) => (Some("person".to_owned()), Some(id)),
    };
    StateRow {
        interval: stretch.interval,
        state: stretch.state.as_str().to_owned(),
        said: stretch.said.as_str().to_owned(),
        cause: stretch.cause.as_deref().map(str::to_owned),
        reason: stretch.reason.map(|id| id.0),
        given_by,
        assignment,
        minor: stretch.minor,
    }
}

/// Replaces what is stored of these units and periods.
pub async fn replace(db: &mut PgConnection, facts: &[StoredFacts]) -> sqlx::Result<()> {
    let units: Vec<Uuid> = facts.iter().map(|f| f.unit.0).collect();
    let froms: Vec<DateTime<Utc>> = facts.iter().map(|f| f.period.from.to_utc()).collect();
    let tos: Vec<DateTime<Utc>> = facts.iter().map(|f| f.period.to.to_utc()).collect();
    let removed = sqlx::query!(
        r#"delete from state_interval s using unnest($1::uuid[], $2::timestamptz[], $3::timestamptz[]) p (unit_id, p_from, p_to)
           where s.unit_id = p.unit_id and s.interval_to > p_from and s.interval_from < p_to
           returning s.unit_id, s.interval_from, s.interval_to, s.state, s.said, s.cause, s.reason_id, s.given_by,
                     s.assignment_id, s.minor, p_from as "p_from!", p_to as "p_to!""#,
        &units,
        &froms,
        &tos,
    )
    .fetch_all(&mut *db)
    .await?;
    let mut rows = StateColumns::default();
    for old in removed {
        let (from, to) = (Timestamp::from(old.p_from), Timestamp::from(old.p_to));
        let interval = Interval::new(old.interval_from.into(), old.interval_to.into());
        let row = StateRow {
            interval,
            state: old.state,
            said: old.said,
            cause: old.cause,
            reason: old.reason_id,
            given_by: old.given_by,
            assignment: old.assignment_id,
            minor: old.minor,
        };
        // What reached into the period from outside keeps its part outside.
        rows.push(old.unit_id, &row, Interval::new(interval.from, interval.to.min(from)));
        rows.push(old.unit_id, &row, Interval::new(interval.from.max(to), interval.to));
    }
    for fact in facts {
        for stretch in &fact.facts.states {
            rows.push(fact.unit.0, &row_of(stretch), stretch.interval);
        }
    }
    sqlx::query!(
        "insert into state_interval (unit_id, interval_from, interval_to, state, said, cause, reason_id, given_by,
                                     assignment_id, minor)
         select * from unnest($1::uuid[], $2::timestamptz[], $3::timestamptz[], $4::text[], $5::text[], $6::text[],
                              $7::uuid[], $8::text[], $9::bigint[], $10::boolean[])",
        &rows.units,
        &rows.froms,
        &rows.tos,
        &rows.states,
        &rows.said,
        &rows.causes as &[Option<String>],
        &rows.reasons as &[Option<Uuid>],
        &rows.given_by as &[Option<String>],
        &rows.assignments as &[Option<i64>],
        &rows.minor,
    )
    .execute(&mut *db)
    .await?;
    elements::replace(db, facts).await?;
    sqlx::query!(
        "insert into fact_watermark (unit_id, derived_to) select * from unnest($1::uuid[], $2::timestamptz[])
         on conflict (unit_id) do update set derived_to = greatest(fact_watermark.derived_to, excluded.derived_to)",
        &units,
        &tos,
    )
    .execute(db)
    .await?;
    Ok(())
}
