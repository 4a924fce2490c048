use chrono::{DateTime, NaiveDate, Utc};
use gemba_domain::{Interval, Timestamp, equipment::EquipmentId, oee::Elements};
use sqlx::PgExecutor;
use uuid::Uuid;

use crate::oee::reading::{GroupBy, LossSum, ShiftSum, Sum};

macro_rules! elements {
    ($row:ident) => {
        Elements {
            calendar: $row.calendar,
            not_scheduled: $row.not_scheduled,
            breaks: $row.breaks,
            planned_stops: $row.planned_stops,
            apt: $row.apt,
            aust: $row.aust,
            adet: $row.adet,
            adot: $row.adot,
            unknown: $row.unknown,
            minor: $row.minor,
            pq: $row.pq,
            gq: $row.gq,
            sq: $row.sq,
            rq: $row.rq,
            pri_pq: $row.pri_pq,
            pri_gq: $row.pri_gq,
        }
    };
}

/// Elements of these units over the hours that begin in a period, by key. Time outside every shift is left out where the
/// key is of shifts.
pub async fn sums(db: impl PgExecutor<'_>, units: &[Uuid], period: Interval, by: GroupBy) -> sqlx::Result<Vec<Sum>> {
    let rows = sqlx::query!(
        r#"select case $4 when 'unit' then unit_id::text when 'shift' then shift_name when 'team' then team
                  when 'product' then product_id::text when 'order' then order_id::text
                  when 'day' then production_day::text else '' end as key,
                  sum(calendar)::bigint as "calendar!", sum(not_scheduled)::bigint as "not_scheduled!",
                  sum(breaks)::bigint as "breaks!", sum(planned_stops)::bigint as "planned_stops!",
                  sum(apt)::bigint as "apt!", sum(aust)::bigint as "aust!", sum(adet)::bigint as "adet!",
                  sum(adot)::bigint as "adot!", sum(unknown)::bigint as "unknown!", sum(minor)::bigint as "minor!",
                  sum(pq) as "pq!", sum(gq) as "gq!", sum(sq) as "sq!", sum(rq) as "rq!",
                  sum(pri_pq) as "pri_pq!", sum(pri_gq) as "pri_gq!"
           from kpi_element where unit_id = any($1) and hour >= $2 and hour < $3 group by 1"#,
        units,
        period.from.to_utc(),
        period.to.to_utc(),
        by.as_str(),
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().filter_map(|r| Some(Sum { elements: elements!(r), key: r.key? })).collect())
}

/// Elements of these units over production days, `to` not included, by key.
pub async fn day_sums(
    db: impl PgExecutor<'_>,
    units: &[Uuid],
    (from, to): (NaiveDate, NaiveDate),
    by: GroupBy,
) -> sqlx::Result<Vec<Sum>> {
    let rows = sqlx::query!(
        r#"select case $4 when 'unit' then unit_id::text when 'shift' then nullif(shift_name, '') when 'team' then nullif(team, '')
                  when 'product' then product_id::text when 'order' then order_id::text
                  when 'day' then production_day::text else '' end as key,
                  sum(calendar)::bigint as "calendar!", sum(not_scheduled)::bigint as "not_scheduled!",
                  sum(breaks)::bigint as "breaks!", sum(planned_stops)::bigint as "planned_stops!",
                  sum(apt)::bigint as "apt!", sum(aust)::bigint as "aust!", sum(adet)::bigint as "adet!",
                  sum(adot)::bigint as "adot!", sum(unknown)::bigint as "unknown!", sum(minor)::bigint as "minor!",
                  sum(pq) as "pq!", sum(gq) as "gq!", sum(sq) as "sq!", sum(rq) as "rq!",
                  sum(pri_pq) as "pri_pq!", sum(pri_gq) as "pri_gq!"
           from kpi_day where unit_id = any($1) and production_day >= $2 and production_day < $3 group by 1"#,
        units,
        from,
        to,
        by.as_str(),
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().filter_map(|r| Some(Sum { elements: elements!(r), key: r.key? })).collect())
}

/// The last shifts of a unit that begin before a moment, newest first.
pub async fn last_shifts(
    db: impl PgExecutor<'_>,
    unit: EquipmentId,
    before: Timestamp,
    most: i64,
) -> sqlx::Result<Vec<ShiftSum>> {
    let rows = sqlx::query!(
        r#"select shift_from, min(shift_name) as "name!", min(team) as team, min(production_day) as "day!",
                  sum(calendar)::bigint as "calendar!", sum(not_scheduled)::bigint as "not_scheduled!",
                  sum(breaks)::bigint as "breaks!", sum(planned_stops)::bigint as "planned_stops!",
                  sum(apt)::bigint as "apt!", sum(aust)::bigint as "aust!", sum(adet)::bigint as "adet!",
                  sum(adot)::bigint as "adot!", sum(unknown)::bigint as "unknown!", sum(minor)::bigint as "minor!",
                  sum(pq) as "pq!", sum(gq) as "gq!", sum(sq) as "sq!", sum(rq) as "rq!",
                  sum(pri_pq) as "pri_pq!", sum(pri_gq) as "pri_gq!"
           from kpi_element
           where unit_id = $1 and hour >= $2::timestamptz - interval '45 days' and hour < $2::timestamptz + interval '25 hours'
             and shift_from < $2 and shift_from > '-infinity'
           group by shift_from order by shift_from desc limit $3"#,
        unit.0,
        before.to_utc(),
        most,
    )
    .fetch_all(db)
    .await?;
    Ok(rows
        .into_iter()
        .map(|r| ShiftSum {
            from: r.shift_from.into(),
            to: Timestamp::from(r.shift_from).plus_micros(r.calendar),
            name: r.name,
            team: r.team,
            day: r.day,
            elements: elements!(r),
        })
        .collect())
}

/// Elements of each of these units in each of the shifts that begin at these moments: unit, begin, elements.
pub async fn shift_sums(
    db: impl PgExecutor<'_>,
    units: &[Uuid],
    begins: &[DateTime<Utc>],
) -> sqlx::Result<Vec<(Uuid, DateTime<Utc>, Elements)>> {
    // The hours are named beside the begins because the index leads to them.
    let rows = sqlx::query!(
        r#"select unit_id, shift_from,
                  sum(calendar)::bigint as "calendar!", sum(not_scheduled)::bigint as "not_scheduled!",
                  sum(breaks)::bigint as "breaks!", sum(planned_stops)::bigint as "planned_stops!",
                  sum(apt)::bigint as "apt!", sum(aust)::bigint as "aust!", sum(adet)::bigint as "adet!",
                  sum(adot)::bigint as "adot!", sum(unknown)::bigint as "unknown!", sum(minor)::bigint as "minor!",
                  sum(pq) as "pq!", sum(gq) as "gq!", sum(sq) as "sq!", sum(rq) as "rq!",
                  sum(pri_pq) as "pri_pq!", sum(pri_gq) as "pri_gq!"
           from unnest($2::timestamptz[]) b (begin)
           join kpi_element on unit_id = any($1) and hour >= begin - interval '1 hour' and hour < begin + interval '25 hours'
                            and shift_from = begin
           group by 1, 2"#,
        units,
        begins,
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|r| (r.unit_id, r.shift_from, elements!(r))).collect())
}

/// Where the time of units went over the hours that begin in a period.
pub async fn losses(db: impl PgExecutor<'_>, units: &[Uuid], period: Interval) -> sqlx::Result<Vec<LossSum>> {
    let rows = sqlx::query!(
        r#"select bucket, state, reason_id, minor, sum(micros)::bigint as "micros!", sum(begun) as "begun!"
           from kpi_loss where unit_id = any($1) and hour >= $2 and hour < $3 group by 1, 2, 3, 4"#,
        units,
        period.from.to_utc(),
        period.to.to_utc(),
    )
    .fetch_all(db)
    .await?;
    Ok(rows
        .into_iter()
        .map(|r| LossSum {
            bucket: r.bucket,
            state: r.state,
            reason: Some(r.reason_id).filter(|id| !id.is_nil()),
            minor: r.minor,
            micros: r.micros,
            begun: u64::try_from(r.begun).unwrap_or_default(),
        })
        .collect())
}

/// A loss of a collector, as it told it: from, to, samples.
pub async fn lost_samples(
    db: impl PgExecutor<'_>,
    unit: EquipmentId,
    period: Interval,
) -> sqlx::Result<Vec<(DateTime<Utc>, DateTime<Utc>, i64)>> {
    let rows = sqlx::query!(
        "select lost_from, lost_to, samples from collector_loss
         where lost_from < $3 and lost_to > $2 and collector_id in (
             select distinct cs.collector_id from collector_signal cs join signal s on s.id = cs.signal_id where s.unit_id = $1)
         order by lost_from",
        unit.0,
        period.from.to_utc(),
        period.to.to_utc(),
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|r| (r.lost_from, r.lost_to, r.samples)).collect())
}
