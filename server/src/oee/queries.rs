use chrono::{DateTime, NaiveDate, Utc};
use gemba_domain::{
    Interval, Timestamp,
    equipment::EquipmentId,
    oee::{Elements, StateInterval},
    shift::ShiftInstance,
};
use sqlx::{PgConnection, PgExecutor};
use uuid::Uuid;

/// The facts of one unit over one period, as they are stored.
#[derive(Clone, Debug)]
pub struct StoredFacts {
    pub unit: EquipmentId,
    /// What the states fill.
    pub period: Interval,
    pub states: Vec<StateInterval>,
    /// Whole hours that the period touches, with their elements.
    pub hours: Vec<HourElements>,
}

/// Elements of one hour and shift.
#[derive(Clone, Debug)]
pub struct HourElements {
    pub hour: Timestamp,
    /// `None` outside every shift.
    pub shift: Option<ShiftInstance>,
    pub elements: Elements,
}

/// Notes that the facts of a unit must be derived again, in the transaction that changed its samples.
pub async fn note_stale(db: &mut PgConnection, unit: EquipmentId, stretch: Interval) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into fact_stale (unit_id, stale_from, stale_to) values ($1, $2, $3)",
        unit.0,
        stretch.from.to_utc(),
        stretch.to.to_utc(),
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Takes all that was noted of one unit, as one stretch; it comes back when the transaction is not committed.
pub async fn take_stale(db: &mut PgConnection) -> sqlx::Result<Option<(EquipmentId, Interval)>> {
    let row = sqlx::query!(
        r#"with next as (select unit_id from fact_stale order by id limit 1),
                taken as (delete from fact_stale using next where fact_stale.unit_id = next.unit_id
                          returning fact_stale.unit_id, stale_from, stale_to)
           select unit_id as "unit_id!", min(stale_from) as "from!", max(stale_to) as "to!" from taken group by unit_id"#
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(|row| (EquipmentId(row.unit_id), Interval::new(row.from.into(), row.to.into()))))
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
pub async fn states(
    db: impl PgExecutor<'_>,
    unit: EquipmentId,
    period: Interval,
) -> sqlx::Result<Vec<(Interval, String, Option<String>)>> {
    let rows = sqlx::query!(
        "select interval_from, interval_to, state, cause from state_interval
         where unit_id = $1 and tstzrange(interval_from, interval_to) && tstzrange($2, $3)
         order by interval_from",
        unit.0,
        period.from.to_utc(),
        period.to.to_utc(),
    )
    .fetch_all(db)
    .await?;
    Ok(rows
        .into_iter()
        .map(|r| (Interval::new(r.interval_from.into(), r.interval_to.into()), r.state, r.cause))
        .collect())
}

/// Pieces of one hour and shift: its begins (`None` outside every shift), then PQ, GQ, SQ and the weighted PQ and GQ.
pub type Pieces = (Timestamp, Option<Timestamp>, [f64; 5]);

/// The pieces of the hours that begin within `period`, where there are any, in order.
pub async fn pieces(db: impl PgExecutor<'_>, unit: EquipmentId, period: Interval) -> sqlx::Result<Vec<Pieces>> {
    let rows = sqlx::query!(
        r#"select hour, nullif(shift_from, '-infinity') as shift_from, pq, gq, sq, pri_pq, pri_gq from kpi_element
           where unit_id = $1 and hour >= $2 and hour < $3 and (pq <> 0 or gq <> 0 or sq <> 0)
           order by hour, kpi_element.shift_from"#,
        unit.0,
        period.from.to_utc(),
        period.to.to_utc(),
    )
    .fetch_all(db)
    .await?;
    let pieces = rows
        .into_iter()
        .map(|r| (r.hour.into(), r.shift_from.map(Timestamp::from), [r.pq, r.gq, r.sq, r.pri_pq, r.pri_gq]));
    Ok(pieces.collect())
}

#[derive(Default)]
struct StateColumns {
    units: Vec<Uuid>,
    froms: Vec<DateTime<Utc>>,
    tos: Vec<DateTime<Utc>>,
    states: Vec<String>,
    causes: Vec<Option<String>>,
}

impl StateColumns {
    fn push(&mut self, unit: Uuid, from: DateTime<Utc>, to: DateTime<Utc>, state: &str, cause: Option<&str>) {
        if from < to {
            self.units.push(unit);
            self.froms.push(from);
            self.tos.push(to);
            self.states.push(state.to_owned());
            self.causes.push(cause.map(str::to_owned));
        }
    }
}

/// Replaces what is stored of these units and periods.
pub async fn replace(db: &mut PgConnection, facts: &[StoredFacts]) -> sqlx::Result<()> {
    let units: Vec<Uuid> = facts.iter().map(|f| f.unit.0).collect();
    let froms: Vec<DateTime<Utc>> = facts.iter().map(|f| f.period.from.to_utc()).collect();
    let tos: Vec<DateTime<Utc>> = facts.iter().map(|f| f.period.to.to_utc()).collect();
    let removed = sqlx::query!(
        r#"delete from state_interval s using unnest($1::uuid[], $2::timestamptz[], $3::timestamptz[]) p (unit_id, p_from, p_to)
           where s.unit_id = p.unit_id and tstzrange(s.interval_from, s.interval_to) && tstzrange(p_from, p_to)
           returning s.unit_id, s.interval_from, s.interval_to, s.state, s.cause, p_from as "p_from!", p_to as "p_to!""#,
        &units,
        &froms,
        &tos,
    )
    .fetch_all(&mut *db)
    .await?;
    let mut rows = StateColumns::default();
    for old in &removed {
        // What reached into the period from outside keeps its part outside.
        rows.push(old.unit_id, old.interval_from, old.interval_to.min(old.p_from), &old.state, old.cause.as_deref());
        rows.push(old.unit_id, old.interval_from.max(old.p_to), old.interval_to, &old.state, old.cause.as_deref());
    }
    for fact in facts {
        for s in &fact.states {
            let (from, to) = (s.interval.from.to_utc(), s.interval.to.to_utc());
            rows.push(fact.unit.0, from, to, s.state.as_str(), s.cause.as_deref());
        }
    }
    sqlx::query!(
        "insert into state_interval (unit_id, interval_from, interval_to, state, cause)
         select * from unnest($1::uuid[], $2::timestamptz[], $3::timestamptz[], $4::text[], $5::text[])",
        &rows.units,
        &rows.froms,
        &rows.tos,
        &rows.states,
        &rows.causes as &[Option<String>],
    )
    .execute(&mut *db)
    .await?;
    replace_elements(db, facts).await?;
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

async fn replace_elements(db: &mut PgConnection, facts: &[StoredFacts]) -> sqlx::Result<()> {
    let rows: Vec<(Uuid, &HourElements)> =
        facts.iter().flat_map(|f| f.hours.iter().map(move |h| (f.unit.0, h))).collect();
    let units: Vec<Uuid> = rows.iter().map(|(unit, _)| *unit).collect();
    let hours: Vec<DateTime<Utc>> = rows.iter().map(|(_, h)| h.hour.to_utc()).collect();
    sqlx::query!(
        "delete from kpi_element e using (select distinct * from unnest($1::uuid[], $2::timestamptz[])) p (unit_id, hour)
         where e.unit_id = p.unit_id and e.hour = p.hour",
        &units,
        &hours,
    )
    .execute(&mut *db)
    .await?;
    let shift_froms: Vec<Option<DateTime<Utc>>> =
        rows.iter().map(|(_, h)| h.shift.as_ref().map(|s| s.from.to_utc())).collect();
    let shift_names: Vec<Option<String>> =
        rows.iter().map(|(_, h)| h.shift.as_ref().map(|s| s.name.to_string())).collect();
    let days: Vec<Option<NaiveDate>> = rows.iter().map(|(_, h)| h.shift.as_ref().map(|s| s.production_day)).collect();
    let times = |get: fn(&Elements) -> i64| -> Vec<i64> { rows.iter().map(|(_, h)| get(&h.elements)).collect() };
    let pieces = |get: fn(&Elements) -> f64| -> Vec<f64> { rows.iter().map(|(_, h)| get(&h.elements)).collect() };
    sqlx::query!(
        "insert into kpi_element (unit_id, hour, shift_from, shift_name, production_day, calendar, not_scheduled,
                                  planned_downtime, apt, aust, adet, adot, unknown, pq, gq, sq, pri_pq, pri_gq)
         select unit_id, hour, coalesce(shift_from, '-infinity'), shift_name, production_day, calendar, not_scheduled,
                planned_downtime, apt, aust, adet, adot, unknown, pq, gq, sq, pri_pq, pri_gq
         from unnest($1::uuid[], $2::timestamptz[], $3::timestamptz[], $4::text[], $5::date[], $6::bigint[], $7::bigint[],
                     $8::bigint[], $9::bigint[], $10::bigint[], $11::bigint[], $12::bigint[], $13::bigint[],
                     $14::float8[], $15::float8[], $16::float8[], $17::float8[], $18::float8[])
              u (unit_id, hour, shift_from, shift_name, production_day, calendar, not_scheduled,
                 planned_downtime, apt, aust, adet, adot, unknown, pq, gq, sq, pri_pq, pri_gq)",
        &units,
        &hours,
        &shift_froms as &[Option<DateTime<Utc>>],
        &shift_names as &[Option<String>],
        &days as &[Option<NaiveDate>],
        &times(|e| e.calendar),
        &times(|e| e.not_scheduled),
        &times(|e| e.planned_downtime),
        &times(|e| e.apt),
        &times(|e| e.aust),
        &times(|e| e.adet),
        &times(|e| e.adot),
        &times(|e| e.unknown),
        &pieces(|e| e.pq),
        &pieces(|e| e.gq),
        &pieces(|e| e.sq),
        &pieces(|e| e.pri_pq),
        &pieces(|e| e.pri_gq),
    )
    .execute(db)
    .await?;
    Ok(())
}
