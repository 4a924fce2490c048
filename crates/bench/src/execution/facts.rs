//! Whether the facts of an imported recording are there and add up.

use anyhow::{Context, Result};
use gemba_domain::equipment::EquipmentId;
use sqlx::{PgConnection, Row};

/// What is stored of a unit.
#[derive(Clone, Copy, Debug)]
pub(super) struct Facts {
    pub intervals: i64,
    /// Intervals that begin before the one before them ends.
    pub overlaps: i64,
    /// Seconds from the first interval's begin to the last one's end that no interval fills.
    pub missing_seconds: f64,
    /// The intervals hold every moment between the first and the last event.
    pub whole_span: bool,
    pub elements: i64,
    /// Hours whose elements do not add up to 3,600 s of calendar time, or that are missing.
    pub wrong_hours: i64,
}

impl Facts {
    pub fn hold(&self) -> bool {
        self.intervals > 0
            && self.overlaps == 0
            && self.missing_seconds == 0.0
            && self.whole_span
            && self.elements > 0
            && self.wrong_hours == 0
    }
}

/// Looks at the facts of a unit. First and last event in microseconds since 1970.
pub(super) async fn of(db: &mut PgConnection, unit: EquipmentId, first: i64, last: i64) -> Result<Facts> {
    let intervals = sqlx::query(
        "select count(*) as intervals, count(*) filter (where interval_from < before) as overlaps,
                coalesce(extract(epoch from max(interval_to) - min(interval_from)
                                            - sum(interval_to - interval_from)), 0)::float8 as missing,
                coalesce(extract(epoch from min(interval_from)) * 1000000 <= $2
                         and extract(epoch from max(interval_to)) * 1000000 > $3, false) as whole_span
         from (select *, lag(interval_to) over (order by interval_from) as before
               from state_interval where unit_id = $1) as states",
    )
    .bind(unit.0)
    .bind(first)
    .bind(last)
    .fetch_one(&mut *db)
    .await
    .context("the stored states could not be read")?;
    let elements = sqlx::query(
        "with hours as (select hour, sum(calendar) as calendar from kpi_element where unit_id = $1 group by hour),
              span as (select date_trunc('hour', min(interval_from)) as low,
                              date_trunc('hour', max(interval_to) - interval '1 microsecond') as high
                       from state_interval where unit_id = $1)
         select (select count(*) from kpi_element where unit_id = $1) as elements,
                count(*) filter (where hours.calendar is distinct from 3600000000) as wrong
         from span cross join generate_series(span.low, span.high, interval '1 hour') as every(hour)
         full join hours using (hour)",
    )
    .bind(unit.0)
    .fetch_one(db)
    .await
    .context("the stored elements could not be read")?;
    Ok(Facts {
        intervals: intervals.try_get("intervals")?,
        overlaps: intervals.try_get("overlaps")?,
        missing_seconds: intervals.try_get("missing")?,
        whole_span: intervals.try_get("whole_span")?,
        elements: elements.try_get("elements")?,
        wrong_hours: elements.try_get("wrong")?,
    })
}
