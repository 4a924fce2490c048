//! Figures of a whole plant over a month: from stored elements to the last byte of the page, at 10, 100 and 1,000 units; a
//! change of state up to the pixel; a machine's history brought in afterwards.
//!
//! The elements are made up and written as the engine writes them: an hour of a unit is a row, three shifts a day. What is
//! asked is what a manager's page asks: every unit's OEE over 30 days.

mod history;
mod pixel;

use std::{
    process::ExitCode,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use chrono::{Days, NaiveDate};
use clap::Args;
use gemba_domain::signal::{SignalKind, SignalRole};
use sqlx::{PgConnection, Row};
use uuid::Uuid;

use crate::{
    report::{Report, quantile},
    rig::{LinePlan, PlantPlan, Programs, Rig, SignalPlan, UnitPlan},
};

/// `bench kpi`.
#[derive(Args, Debug)]
pub struct KpiArguments {
    /// How often each question is asked
    #[arg(long, default_value_t = 40)]
    rounds: usize,
    /// States that change each second while a browser looks at 1,000 units
    #[arg(long, default_value_t = 20)]
    changes: u32,
    /// How long it looks
    #[arg(long, default_value_t = 30)]
    seconds: u32,
}

const SIZES: [usize; 3] = [10, 100, 1000];
const DAYS: u64 = 30;

/// What one size of plant takes: the database alone, and the whole page. Milliseconds, sorted.
struct Measured {
    database: Vec<f64>,
    page: Vec<f64>,
    bytes: usize,
}

/// Measures and prints.
///
/// # Errors
/// A program failed.
pub async fn run(arguments: &KpiArguments) -> Result<ExitCode> {
    let mut measured = Vec::new();
    for units in SIZES {
        println!("{units} units, {DAYS} days");
        measured.push(measure(units, arguments.rounds.max(1)).await?);
    }
    println!("a browser on the overview of 1,000 units, {} changes a second", arguments.changes);
    let pixels = pixel::measure(arguments.changes, Duration::from_secs(arguments.seconds.into())).await?;
    println!("a year of a unit's states, and a month with its pieces");
    let history = history::measure().await?;
    let middle = |times: &[f64]| quantile(times, 0.5);
    let [small, medium, large] = measured.as_slice() else { return Ok(ExitCode::FAILURE) };
    let mut report = Report::new("kpi");
    report.figure("db_ms", "100 units x 30 days, in the database, p50", middle(&medium.database), "ms").at_most(20.0);
    report.figure("db_p95_ms", "the same, p95", quantile(&medium.database, 0.95), "ms");
    report.figure("html_ms", "the same, to the last byte of HTML, p50", middle(&medium.page), "ms").at_most(60.0);
    report.figure("html_p95_ms", "the same, p95", quantile(&medium.page, 0.95), "ms");
    report.figure("html_kb", "size of the page, not compressed", medium.bytes as f64 / 1e3, "KB");
    report.figure("db_10_ms", "10 units, in the database", middle(&small.database), "ms");
    report.figure("db_1000_ms", "1,000 units, in the database", middle(&large.database), "ms");
    report.figure("html_10_ms", "10 units, the page", middle(&small.page), "ms");
    report.figure("html_1000_ms", "1,000 units, the page", middle(&large.page), "ms");
    let growth = |a: &[f64], b: &[f64]| middle(b) / middle(a) / 10.0;
    report.figure(
        "db_growth",
        "cost of a unit at 1,000 against at 100, database",
        growth(&medium.database, &large.database),
        "x",
    );
    report.figure(
        "html_growth",
        "cost of a unit at 1,000 against at 100, page",
        growth(&medium.page, &large.page),
        "x",
    );
    report.figure("pixel_p99_ms", "state sent -> drawn, 1,000 units, p99", quantile(&pixels.latencies, 0.99), "ms");
    report.at_most(250.0);
    report.figure("pixel_p50_ms", "the same, p50", quantile(&pixels.latencies, 0.5), "ms");
    report.figure("pixel_max_ms", "the longest", quantile(&pixels.latencies, 1.0), "ms");
    report.figure("pixel_changes", "changes drawn", pixels.latencies.len() as f64, "");
    report.figure("pixel_missing", "changes never drawn", pixels.missing as f64, "").at_most(0.0);
    report.figure("pixel_longest_task_ms", "the page's longest task", pixels.longest_task, "ms");
    report.figure("year_s", "a year of a unit's states brought in", history.year.as_secs_f64(), "s").at_most(30.0);
    report.figure("year_events", "events of that year", history.year_events as f64, "");
    report.figure("month_derive_s", "a unit's month derived anew", history.month_deriving, "s").at_most(2.0);
    report.figure("month_events", "samples of that month", history.month_events as f64, "");
    report.print();
    Ok(ExitCode::SUCCESS)
}

async fn measure(units: usize, rounds: usize) -> Result<Measured> {
    let line = |number: usize| {
        let signals = vec![
            SignalPlan::role(SignalKind::State, SignalRole::Execution),
            SignalPlan::role(SignalKind::Counter, SignalRole::GoodCount),
        ];
        LinePlan { code: format!("line-{number}"), units: vec![UnitPlan { code: "unit".to_owned(), signals }] }
    };
    let rig = Rig::start(Programs::find()?, &PlantPlan { lines: (0..units).map(line).collect() }).await?;
    let session = rig.sign_in().await?;
    session.until_known(&PlantPlan::path(&format!("line-{}", units - 1), "unit")).await?;
    let mut database = rig.postmaster()?.connect().await?;
    let today = chrono::Utc::now().date_naive();
    let first = today.checked_sub_days(Days::new(DAYS)).context("a day")?;
    fill(&mut database, first, today).await?;
    let ids: Vec<Uuid> = sqlx::query("select id from equipment where level = 'unit'")
        .fetch_all(&mut database)
        .await?
        .iter()
        .map(|row| row.get("id"))
        .collect();
    let (mut in_database, mut page, mut bytes) = (Vec::new(), Vec::new(), 0);
    let path = format!("/compare/bench/site?by=unit&from={first}T00:00:00Z&to={today}T00:00:00Z");
    for round in 0..rounds + 3 {
        let begun = Instant::now();
        let found = sums(&mut database, &ids, first, today).await?;
        let database_took = begun.elapsed();
        anyhow::ensure!(found == units, "{found} of {units} units have figures");
        let begun = Instant::now();
        bytes = session.page(&path).await?.len();
        let page_took = begun.elapsed();
        // The first ones warm up.
        if round >= 3 {
            in_database.push(ms(database_took));
            page.push(ms(page_took));
        }
    }
    in_database.sort_by(f64::total_cmp);
    page.sort_by(f64::total_cmp);
    drop(database);
    rig.stop().await?;
    Ok(Measured { database: in_database, page, bytes })
}

/// What the server asks for such a page (`server/src/oee/queries/reading.rs`, `day_sums` by unit); how many rows came.
async fn sums(database: &mut PgConnection, units: &[Uuid], from: NaiveDate, to: NaiveDate) -> Result<usize> {
    let rows = sqlx::query(
        "select unit_id::text as key, sum(calendar)::bigint, sum(not_scheduled)::bigint, sum(breaks)::bigint,
                sum(planned_stops)::bigint, sum(apt)::bigint, sum(aust)::bigint, sum(adet)::bigint, sum(adot)::bigint,
                sum(unknown)::bigint, sum(minor)::bigint, sum(pq), sum(gq), sum(sq), sum(rq), sum(pri_pq), sum(pri_gq)
         from kpi_day where unit_id = any($1) and production_day >= $2 and production_day < $3 group by 1",
    )
    .bind(units)
    .bind(from)
    .bind(to)
    .fetch_all(database)
    .await?;
    Ok(rows.len())
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// Hours of every unit as the engine stores them, and their sums by day.
async fn fill(database: &mut PgConnection, first: NaiveDate, end: NaiveDate) -> Result<()> {
    sqlx::query(
        "insert into kpi_element (unit_id, hour, shift_from, shift_name, production_day, calendar, not_scheduled, breaks, apt,
                                  aust, adet, adot, unknown, pq, gq, sq, pri_pq, pri_gq)
         select e.id, h, date_trunc('day', h) + make_interval(hours => 8 * (extract(hour from h)::int / 8)),
                'Shift ' || extract(hour from h)::int / 8, h::date, 3600000000, 0, 0, 2800000000 + r, 0, 800000000 - r, 0, 0,
                900, 890, 10, 2700000000, 2670000000
         from equipment e
         cross join generate_series($1::timestamptz, $2::timestamptz - interval '1 hour', interval '1 hour') h
         cross join lateral (select (abs(hashtext(e.path || h::text)) % 500000000)::bigint as r) x
         where e.level = 'unit'",
    )
    .bind(first.and_time(chrono::NaiveTime::MIN).and_utc())
    .bind(end.and_time(chrono::NaiveTime::MIN).and_utc())
    .execute(&mut *database)
    .await?;
    sqlx::query(
        "insert into kpi_day
         select unit_id, production_day, coalesce(shift_name, ''), coalesce(team, ''), order_id, product_id,
                sum(calendar), sum(not_scheduled), sum(breaks), sum(planned_stops), sum(apt), sum(aust), sum(adet),
                sum(adot), sum(unknown), sum(minor), sum(pq), sum(gq), sum(sq), sum(rq), sum(pri_pq), sum(pri_gq)
         from kpi_element group by 1, 2, 3, 4, 5, 6 on conflict do nothing",
    )
    .execute(&mut *database)
    .await?;
    sqlx::query("analyze").execute(database).await?;
    Ok(())
}
