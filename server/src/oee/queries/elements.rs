use std::collections::BTreeSet;

use chrono::{DateTime, NaiveDate, Utc};
use gemba_domain::{oee::Elements, shift::ShiftInstance};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{LossKey, RowKey, StoredFacts, merged};

/// A row of `kpi_element`, and those of `kpi_loss` that belong to it.
struct Stored<'a> {
    unit: Uuid,
    key: RowKey,
    shift: Option<&'a ShiftInstance>,
    elements: Elements,
    losses: Vec<(LossKey, (i64, u32))>,
}

/// Replaces the hours that these facts touch.
pub(super) async fn replace(db: &mut PgConnection, facts: &[StoredFacts]) -> sqlx::Result<()> {
    let rows: Vec<Stored<'_>> = facts
        .iter()
        .flat_map(|fact| {
            merged(&fact.facts).into_iter().map(|(key, (shift, elements, losses))| Stored {
                unit: fact.unit.0,
                key,
                shift,
                elements,
                losses: losses.into_iter().collect(),
            })
        })
        .collect();
    let units: Vec<Uuid> = rows.iter().map(|row| row.unit).collect();
    let hours: Vec<DateTime<Utc>> = rows.iter().map(|row| row.key.0.to_utc()).collect();
    let gone = sqlx::query!(
        "with p as (select distinct * from unnest($1::uuid[], $2::timestamptz[]) p (unit_id, hour)),
              gone as (delete from kpi_loss l using p where l.unit_id = p.unit_id and l.hour = p.hour)
         delete from kpi_element e using p where e.unit_id = p.unit_id and e.hour = p.hour
         returning e.unit_id, e.production_day",
        &units,
        &hours,
    )
    .fetch_all(&mut *db)
    .await?;
    let mut days: BTreeSet<(Uuid, NaiveDate)> = gone.into_iter().map(|row| (row.unit_id, row.production_day)).collect();
    days.extend(rows.iter().map(|row| (row.unit, row.day())));
    insert_elements(db, &rows, &units, &hours).await?;
    insert_losses(db, &rows).await?;
    sum_days(db, days).await
}

impl Stored<'_> {
    /// The production day; outside every shift the date in UTC.
    fn day(&self) -> NaiveDate {
        self.shift.map_or_else(|| self.key.0.to_utc().date_naive(), |shift| shift.production_day)
    }
}

/// Brings the sums of these days up to date.
async fn sum_days(db: &mut PgConnection, days: BTreeSet<(Uuid, NaiveDate)>) -> sqlx::Result<()> {
    let (units, days): (Vec<Uuid>, Vec<NaiveDate>) = days.into_iter().unzip();
    sqlx::query!(
        "delete from kpi_day k using unnest($1::uuid[], $2::date[]) p (unit_id, day)
         where k.unit_id = p.unit_id and k.production_day = p.day",
        &units,
        &days,
    )
    .execute(&mut *db)
    .await?;
    sqlx::query!(
        "insert into kpi_day
         select e.unit_id, e.production_day, coalesce(e.shift_name, ''), coalesce(e.team, ''), e.order_id, e.product_id,
                sum(calendar), sum(not_scheduled), sum(breaks), sum(planned_stops), sum(apt), sum(aust), sum(adet),
                sum(adot), sum(unknown), sum(minor), sum(pq), sum(gq), sum(sq), sum(rq), sum(pri_pq), sum(pri_gq)
         from unnest($1::uuid[], $2::date[]) p (unit_id, day)
         join kpi_element e on e.unit_id = p.unit_id and e.production_day = p.day
         group by 1, 2, 3, 4, 5, 6",
        &units,
        &days,
    )
    .execute(db)
    .await?;
    Ok(())
}

async fn insert_elements(
    db: &mut PgConnection,
    rows: &[Stored<'_>],
    units: &[Uuid],
    hours: &[DateTime<Utc>],
) -> sqlx::Result<()> {
    let shift_froms: Vec<Option<DateTime<Utc>>> = rows.iter().map(|row| row.key.1.map(|from| from.to_utc())).collect();
    let shift_names: Vec<Option<String>> = rows.iter().map(|row| row.shift.map(|s| s.name.to_string())).collect();
    let teams: Vec<Option<String>> =
        rows.iter().map(|row| row.shift.and_then(|s| s.team.as_deref().map(str::to_owned))).collect();
    let days: Vec<NaiveDate> = rows.iter().map(Stored::day).collect();
    let orders: Vec<Uuid> = rows.iter().map(|row| row.key.2).collect();
    let products: Vec<Uuid> = rows.iter().map(|row| row.key.3).collect();
    let times = |get: fn(&Elements) -> i64| -> Vec<i64> { rows.iter().map(|row| get(&row.elements)).collect() };
    let pieces = |get: fn(&Elements) -> f64| -> Vec<f64> { rows.iter().map(|row| get(&row.elements)).collect() };
    sqlx::query!(
        "insert into kpi_element (unit_id, hour, shift_from, shift_name, team, production_day, order_id, product_id,
                                  calendar, not_scheduled, breaks, planned_stops, apt, aust, adet, adot, unknown, minor,
                                  pq, gq, sq, rq, pri_pq, pri_gq)
         select unit_id, hour, coalesce(shift_from, '-infinity'), shift_name, team, production_day, order_id, product_id,
                calendar, not_scheduled, breaks, planned_stops, apt, aust, adet, adot, unknown, minor,
                pq, gq, sq, rq, pri_pq, pri_gq
         from unnest($1::uuid[], $2::timestamptz[], $3::timestamptz[], $4::text[], $5::text[], $6::date[], $7::uuid[],
                     $8::uuid[], $9::bigint[], $10::bigint[], $11::bigint[], $12::bigint[], $13::bigint[], $14::bigint[],
                     $15::bigint[], $16::bigint[], $17::bigint[], $18::bigint[], $19::float8[], $20::float8[],
                     $21::float8[], $22::float8[], $23::float8[], $24::float8[])
              u (unit_id, hour, shift_from, shift_name, team, production_day, order_id, product_id, calendar,
                 not_scheduled, breaks, planned_stops, apt, aust, adet, adot, unknown, minor, pq, gq, sq, rq, pri_pq, pri_gq)",
        units,
        hours,
        &shift_froms as &[Option<DateTime<Utc>>],
        &shift_names as &[Option<String>],
        &teams as &[Option<String>],
        &days,
        &orders,
        &products,
        &times(|e| e.calendar),
        &times(|e| e.not_scheduled),
        &times(|e| e.breaks),
        &times(|e| e.planned_stops),
        &times(|e| e.apt),
        &times(|e| e.aust),
        &times(|e| e.adet),
        &times(|e| e.adot),
        &times(|e| e.unknown),
        &times(|e| e.minor),
        &pieces(|e| e.pq),
        &pieces(|e| e.gq),
        &pieces(|e| e.sq),
        &pieces(|e| e.rq),
        &pieces(|e| e.pri_pq),
        &pieces(|e| e.pri_gq),
    )
    .execute(db)
    .await?;
    Ok(())
}

async fn insert_losses(db: &mut PgConnection, rows: &[Stored<'_>]) -> sqlx::Result<()> {
    let all: Vec<(&Stored<'_>, &LossKey, i64, u32)> = rows
        .iter()
        .flat_map(|row| row.losses.iter().map(move |(key, (micros, begun))| (row, key, *micros, *begun)))
        .collect();
    let units: Vec<Uuid> = all.iter().map(|(row, ..)| row.unit).collect();
    let hours: Vec<DateTime<Utc>> = all.iter().map(|(row, ..)| row.key.0.to_utc()).collect();
    let shifts: Vec<Option<DateTime<Utc>>> = all.iter().map(|(row, ..)| row.key.1.map(|at| at.to_utc())).collect();
    let orders: Vec<Uuid> = all.iter().map(|(row, ..)| row.key.2).collect();
    let products: Vec<Uuid> = all.iter().map(|(row, ..)| row.key.3).collect();
    let buckets: Vec<String> = all.iter().map(|(_, key, ..)| key.0.to_owned()).collect();
    let states: Vec<String> = all.iter().map(|(_, key, ..)| key.1.to_owned()).collect();
    let reasons: Vec<Uuid> = all.iter().map(|(_, key, ..)| key.2).collect();
    let minor: Vec<bool> = all.iter().map(|(_, key, ..)| key.3).collect();
    let micros: Vec<i64> = all.iter().map(|(_, _, micros, _)| *micros).collect();
    let begun: Vec<i32> = all.iter().map(|(.., begun)| begun.cast_signed()).collect();
    sqlx::query!(
        "insert into kpi_loss (unit_id, hour, shift_from, order_id, product_id, bucket, state, reason_id, minor, micros, begun)
         select unit_id, hour, coalesce(shift_from, '-infinity'), order_id, product_id, bucket, state, reason_id, minor,
                micros, begun
         from unnest($1::uuid[], $2::timestamptz[], $3::timestamptz[], $4::uuid[], $5::uuid[], $6::text[], $7::text[],
                     $8::uuid[], $9::boolean[], $10::bigint[], $11::integer[])
              u (unit_id, hour, shift_from, order_id, product_id, bucket, state, reason_id, minor, micros, begun)",
        &units,
        &hours,
        &shifts as &[Option<DateTime<Utc>>],
        &orders,
        &products,
        &buckets,
        &states,
        &reasons,
        &minor,
        &micros,
        &begun,
    )
    .execute(db)
    .await?;
    Ok(())
}
