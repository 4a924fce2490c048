use chrono::{DateTime, NaiveDate, Utc};
use gemba_domain::{Interval, Timestamp, equipment::EquipmentId, oee::Elements, shift::ShiftInstance};
use sqlx::{PgConnection, PgExecutor, types::Json};
use uuid::Uuid;

use super::StoredFacts;
use crate::oee::{
    cause::Cause,
    ledger::{Change, Reported},
};

/// What is known of a reported shift: as reported, or as restated last.
pub struct Known {
    pub unit: EquipmentId,
    pub shift_from: Timestamp,
    pub elements: Elements,
    /// The last restatement.
    pub line: Option<Line>,
}

/// A line of the ledger.
pub struct Line {
    pub id: i64,
    pub cause: Cause,
    pub first_at: Timestamp,
}

/// Stores the figures of ended shifts, where there are any and they are not stored yet.
pub async fn report(
    db: &mut PgConnection,
    ended: &[&(EquipmentId, ShiftInstance)],
    now: Timestamp,
) -> sqlx::Result<u64> {
    let units: Vec<Uuid> = ended.iter().map(|(unit, _)| unit.0).collect();
    let froms: Vec<DateTime<Utc>> = ended.iter().map(|(_, shift)| shift.from.to_utc()).collect();
    let tos: Vec<DateTime<Utc>> = ended.iter().map(|(_, shift)| shift.to.to_utc()).collect();
    let names: Vec<String> = ended.iter().map(|(_, shift)| shift.name.to_string()).collect();
    let days: Vec<NaiveDate> = ended.iter().map(|(_, shift)| shift.production_day).collect();
    let done = sqlx::query!(
        "insert into shift_reported (unit_id, shift_from, shift_to, shift_name, production_day, elements, reported_at)
         select p.unit_id, p.shift_from, p.shift_to, p.name, p.day, s.elements, $6
         from unnest($1::uuid[], $2::timestamptz[], $3::timestamptz[], $4::text[], $5::date[])
              p (unit_id, shift_from, shift_to, name, day)
         cross join lateral (
             select jsonb_build_object(
                 'calendar', sum(calendar), 'not_scheduled', sum(not_scheduled), 'breaks', sum(breaks),
                 'planned_stops', sum(planned_stops), 'apt', sum(apt), 'aust', sum(aust), 'adet', sum(adet),
                 'adot', sum(adot), 'unknown', sum(unknown), 'minor', sum(minor), 'pq', sum(pq), 'gq', sum(gq),
                 'sq', sum(sq), 'rq', sum(rq), 'pri_pq', sum(pri_pq), 'pri_gq', sum(pri_gq)) as elements, count(*) as n
             from kpi_element e
             where e.unit_id = p.unit_id and e.shift_from = p.shift_from and e.hour >= p.shift_from - interval '1 hour'
               and e.hour < p.shift_to) s
         where s.n > 0
         on conflict do nothing",
        &units,
        &froms,
        &tos,
        &names,
        &days,
        now.to_utc(),
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}

/// The reported shifts that these facts touch.
pub async fn touched(db: impl PgExecutor<'_>, facts: &[StoredFacts]) -> sqlx::Result<Vec<Known>> {
    let units: Vec<Uuid> = facts.iter().map(|f| f.unit.0).collect();
    let froms: Vec<DateTime<Utc>> = facts.iter().map(|f| f.period.from.to_utc()).collect();
    let tos: Vec<DateTime<Utc>> = facts.iter().map(|f| f.period.to.to_utc()).collect();
    let rows = sqlx::query!(
        r#"select r.unit_id, r.shift_from, coalesce(l.elements_after, r.elements) as "elements!: Json<Elements>",
                  l.id as "line?", l.cause as "cause?", l.caused_by, l.first_at as "first_at?"
           from shift_reported r
           join unnest($1::uuid[], $2::timestamptz[], $3::timestamptz[]) p (unit_id, p_from, p_to)
             on p.unit_id = r.unit_id and r.shift_from < p.p_to and r.shift_to > p.p_from
           left join lateral (select * from restatement l where l.unit_id = r.unit_id and l.shift_from = r.shift_from
                              order by id desc limit 1) l on true"#,
        &units,
        &froms,
        &tos,
    )
    .fetch_all(db)
    .await?;
    Ok(rows
        .into_iter()
        .map(|r| Known {
            unit: EquipmentId(r.unit_id),
            shift_from: r.shift_from.into(),
            elements: r.elements.0,
            line: r.line.zip(r.cause).zip(r.first_at).map(|((id, text), first_at)| Line {
                id,
                cause: Cause { text, by: r.caused_by },
                first_at: first_at.into(),
            }),
        })
        .collect())
}

/// The elements of a unit's shift as they are stored now.
pub async fn sum(db: impl PgExecutor<'_>, unit: EquipmentId, shift_from: Timestamp) -> sqlx::Result<Elements> {
    let row = sqlx::query!(
        r#"select coalesce(sum(calendar), 0)::bigint as "calendar!", coalesce(sum(not_scheduled), 0)::bigint as "not_scheduled!",
                  coalesce(sum(breaks), 0)::bigint as "breaks!", coalesce(sum(planned_stops), 0)::bigint as "planned_stops!",
                  coalesce(sum(apt), 0)::bigint as "apt!", coalesce(sum(aust), 0)::bigint as "aust!",
                  coalesce(sum(adet), 0)::bigint as "adet!", coalesce(sum(adot), 0)::bigint as "adot!",
                  coalesce(sum(unknown), 0)::bigint as "unknown!", coalesce(sum(minor), 0)::bigint as "minor!",
                  coalesce(sum(pq), 0) as "pq!", coalesce(sum(gq), 0) as "gq!", coalesce(sum(sq), 0) as "sq!",
                  coalesce(sum(rq), 0) as "rq!", coalesce(sum(pri_pq), 0) as "pri_pq!", coalesce(sum(pri_gq), 0) as "pri_gq!"
           from kpi_element
           where unit_id = $1 and shift_from = $2 and hour >= $2 - interval '1 hour' and hour < $2 + interval '26 hours'"#,
        unit.0,
        shift_from.to_utc(),
    )
    .fetch_one(db)
    .await?;
    Ok(Elements {
        calendar: row.calendar,
        not_scheduled: row.not_scheduled,
        breaks: row.breaks,
        planned_stops: row.planned_stops,
        apt: row.apt,
        aust: row.aust,
        adet: row.adet,
        adot: row.adot,
        unknown: row.unknown,
        minor: row.minor,
        pq: row.pq,
        gq: row.gq,
        sq: row.sq,
        rq: row.rq,
        pri_pq: row.pri_pq,
        pri_gq: row.pri_gq,
    })
}

/// A line goes on.
pub async fn extend(db: &mut PgConnection, line: i64, after: &Elements, now: Timestamp) -> sqlx::Result<()> {
    sqlx::query!(
        "update restatement set elements_after = $2, last_at = $3 where id = $1",
        line,
        Json(after) as _,
        now.to_utc(),
    )
    .execute(db)
    .await?;
    Ok(())
}

/// A new line.
pub async fn add(
    db: &mut PgConnection,
    known: &Known,
    after: &Elements,
    cause: &Cause,
    now: Timestamp,
) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into restatement (unit_id, shift_from, cause, caused_by, elements_before, elements_after, first_at, last_at)
         values ($1, $2, $3, $4, $5, $6, $7, $7)",
        known.unit.0,
        known.shift_from.to_utc(),
        cause.text,
        cause.by,
        Json(known.elements) as _,
        Json(after) as _,
        now.to_utc(),
    )
    .execute(db)
    .await?;
    Ok(())
}

/// The reported shifts of a unit that begin within a period, with their lines.
pub async fn reported(db: impl PgExecutor<'_>, unit: EquipmentId, period: Interval) -> sqlx::Result<Vec<Reported>> {
    let rows = sqlx::query!(
        r#"select r.shift_from, r.shift_to, r.shift_name, r.reported_at, r.elements as "elements: Json<Elements>",
                  l.last_at as "last_at?", l.cause as "cause?", l.caused_by, l.elements_after as "after?: Json<Elements>"
           from shift_reported r left join restatement l on l.unit_id = r.unit_id and l.shift_from = r.shift_from
           where r.unit_id = $1 and r.shift_from >= $2 and r.shift_from < $3 order by r.shift_from, l.id"#,
        unit.0,
        period.from.to_utc(),
        period.to.to_utc(),
    )
    .fetch_all(db)
    .await?;
    let mut out: Vec<Reported> = Vec::new();
    for r in rows {
        let from = Timestamp::from(r.shift_from);
        if out.last().is_none_or(|last| last.shift_from != from) {
            out.push(Reported {
                shift_from: from,
                shift_to: r.shift_to.into(),
                shift_name: r.shift_name,
                reported_at: r.reported_at.into(),
                elements: r.elements.0,
                changes: Vec::new(),
            });
        }
        if let (Some(last), Some(at), Some(text), Some(after)) = (out.last_mut(), r.last_at, r.cause, r.after) {
            last.changes.push(Change { at: at.into(), cause: Cause { text, by: r.caused_by }, after: after.0 });
        }
    }
    Ok(out)
}
