//! What the server stored of a unit.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use gemba_domain::{equipment::EquipmentId, oee::Elements};
use sqlx::{PgConnection, Row};

/// A line of the table of losses.
#[derive(Debug)]
pub(super) struct LossLine {
    pub bucket: String,
    pub state: String,
    pub minor: bool,
    pub micros: i64,
    pub begun: i64,
}

/// All of one unit.
#[derive(Debug)]
pub(super) struct Stored {
    pub elements: Elements,
    /// Pieces by product; the empty name is none.
    pub pieces: BTreeMap<String, f64>,
    /// Microseconds by the machine's own word; `-` where nothing is known.
    pub words: BTreeMap<String, i64>,
    pub losses: Vec<LossLine>,
}

/// Reads it, of the hours in a stretch of seconds since 1970.
pub(super) async fn read(db: &mut PgConnection, unit: EquipmentId, (from, to): (i64, i64)) -> Result<Stored> {
    let row = sqlx::query(
        "select sum(calendar)::bigint as calendar, sum(not_scheduled)::bigint as not_scheduled, sum(breaks)::bigint as breaks,
                sum(planned_stops)::bigint as planned_stops, sum(apt)::bigint as apt, sum(aust)::bigint as aust,
                sum(adet)::bigint as adet, sum(adot)::bigint as adot, sum(unknown)::bigint as unknown,
                sum(minor)::bigint as minor, sum(pq) as pq, sum(gq) as gq, sum(sq) as sq, sum(rq) as rq,
                sum(pri_pq) as pri_pq, sum(pri_gq) as pri_gq
         from kpi_element where unit_id = $1 and hour >= to_timestamp($2) and hour < to_timestamp($3)",
    )
    .bind(unit.0)
    .bind(from as f64)
    .bind(to as f64)
    .fetch_one(&mut *db)
    .await
    .context("the stored elements could not be read")?;
    let elements = Elements {
        calendar: row.try_get("calendar")?,
        not_scheduled: row.try_get("not_scheduled")?,
        breaks: row.try_get("breaks")?,
        planned_stops: row.try_get("planned_stops")?,
        apt: row.try_get("apt")?,
        aust: row.try_get("aust")?,
        adet: row.try_get("adet")?,
        adot: row.try_get("adot")?,
        unknown: row.try_get("unknown")?,
        minor: row.try_get("minor")?,
        pq: row.try_get("pq")?,
        gq: row.try_get("gq")?,
        sq: row.try_get("sq")?,
        rq: row.try_get("rq")?,
        pri_pq: row.try_get("pri_pq")?,
        pri_gq: row.try_get("pri_gq")?,
    };
    let pieces = sqlx::query(
        "select coalesce(p.code, '') as code, sum(e.pq) as pq
         from kpi_element e left join product p on p.id = e.product_id where e.unit_id = $1
           and e.hour >= to_timestamp($2) and e.hour < to_timestamp($3) group by 1 having sum(e.pq) <> 0",
    )
    .bind(unit.0)
    .bind(from as f64)
    .bind(to as f64)
    .fetch_all(&mut *db)
    .await?;
    let words = sqlx::query(
        "select case when said = 'unknown' then '-' else cause end as word,
                (extract(epoch from sum(interval_to - interval_from)) * 1000000)::bigint as micros
         from state_interval where unit_id = $1 and interval_from >= to_timestamp($2) and interval_to <= to_timestamp($3)
         group by 1",
    )
    .bind(unit.0)
    .bind(from as f64)
    .bind(to as f64)
    .fetch_all(&mut *db)
    .await?;
    let losses = sqlx::query(
        "select bucket, state, minor, sum(micros)::bigint as micros, sum(begun)::bigint as begun
         from kpi_loss where unit_id = $1 and hour >= to_timestamp($2) and hour < to_timestamp($3)
           and bucket not in ('not_scheduled', 'producing')
         group by 1, 2, 3 order by 4 desc",
    )
    .bind(unit.0)
    .bind(from as f64)
    .bind(to as f64)
    .fetch_all(db)
    .await?;
    let loss = |row: &sqlx::postgres::PgRow| -> Result<LossLine> {
        Ok(LossLine {
            bucket: row.try_get("bucket")?,
            state: row.try_get("state")?,
            minor: row.try_get("minor")?,
            micros: row.try_get("micros")?,
            begun: row.try_get("begun")?,
        })
    };
    Ok(Stored {
        elements,
        pieces: pieces.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect::<Result<_>>()?,
        words: words.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect::<Result<_>>()?,
        losses: losses.iter().map(loss).collect::<Result<_>>()?,
    })
}
