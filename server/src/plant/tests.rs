use chrono::Duration;
use gemba_domain::{Interval, Timestamp, shift::ClosureKind, signal::SignalKind};
use sqlx::PgPool;

use super::Service;
use crate::clock;

/// A plant in UTC with these closures: name, hours from now to begin and end, kind.
fn plant(closures: &[(&str, i64, i64, &str)]) -> String {
    let time = |hours: i64| (clock::now().to_utc() + Duration::hours(hours)).format("%Y-%m-%d %H:00").to_string();
    let closures: String = closures
        .iter()
        .map(|(name, from, to, kind)| {
            let (from, to) = (time(*from), time(*to));
            format!("[[site.closure]]\nname = \"{name}\"\nfrom = \"{from}\"\nto = \"{to}\"\nkind = \"{kind}\"\n")
        })
        .collect();
    format!(
        "[enterprise]\ncode = \"acme\"\nname = \"Acme\"\n[[site]]\ncode = \"leeds\"\nname = \"Leeds\"\ntime_zone = \"UTC\"\n\
         {closures}[[site.area]]\ncode = \"a\"\nname = \"A\"\n"
    )
}

/// Names, whole hours from now to begin and end, and kinds.
fn closures(service: &Service) -> Vec<(String, i64, i64, ClosureKind)> {
    let now = clock::now();
    let hours = |time: Timestamp| (time.seconds_since(now) / 3600.0).ceil() as i64;
    let plant = service.current();
    let all = plant.sites.iter().flat_map(|site| site.calendar.closures());
    all.map(|c| (c.name.to_string(), hours(c.interval.from), hours(c.interval.to), c.kind)).collect()
}

#[sqlx::test(migrations = "../migrations")]
async fn signals_that_no_file_named_survive_its_import(pool: PgPool) {
    let service = Service::open(pool.clone()).await.expect("opens");
    let line = "[[site.area.line]]\ncode = \"l\"\nname = \"L\"\n[[site.area.line.unit]]\ncode = \"u\"\nname = \"U\"\n";
    let file = plant(&[]) + line;
    service.import(&file).await.expect("imports");
    let path = "acme/leeds/a/l/u".parse().expect("path");
    let created = service.create_signal(&path, "xload", SignalKind::Measure, None, None).await.expect("created");
    sqlx::query(
        "with c as (insert into collector (name, created_at) values ('c', now()) returning id)
         insert into collector_signal (collector_id, epoch, local, address, kind, signal_id)
         select id, 1, 0, 'acme/leeds/a/l/u:xload', 'measure', $1 from c",
    )
    .bind(created.0)
    .execute(&pool)
    .await
    .expect("delivered once");
    assert!(service.import(&file).await.expect("imports").is_empty());
    assert_eq!(service.current().units().map(|found| found.unit.signals.len()).sum::<usize>(), 1);
}

#[sqlx::test(migrations = "../migrations")]
async fn closures_are_entered_ahead_and_what_has_begun_stays(pool: PgPool) {
    use ClosureKind::{NotScheduled, PlannedDowntime};
    let service = Service::open(pool.clone()).await.expect("opens");
    let holiday = ("Holiday", 48, 72, "holiday");
    let ahead = plant(&[holiday, ("Overhaul", 24, 30, "planned_downtime")]);
    let plan = service.import(&ahead).await.expect("imports");
    assert!(plan.changes.iter().any(|change| change.to_string().contains("+ closure of acme/leeds: Overhaul")));
    let both = [("Overhaul".to_owned(), 24, 30, PlannedDowntime), ("Holiday".to_owned(), 48, 72, NotScheduled)];
    assert_eq!(closures(&service), both);
    assert!(service.import(&ahead).await.expect("imports").is_empty(), "the same file again changes nothing");

    // A year's list with days that are over is taken without them.
    let late = plant(&[holiday, ("Last week", -100, -80, "holiday"), ("Overhaul", 24, 28, "planned_downtime")]);
    let plan = service.import(&late).await.expect("imports");
    assert!(plan.notes.len() == 1 && plan.notes[0].contains("Last week"), "{:?}", plan.notes);
    assert_eq!(closures(&service)[0], ("Overhaul".to_owned(), 24, 28, PlannedDowntime));

    // What has begun is history.
    sqlx::query("update shift_closure set closed_from = closed_from - interval '3 days' where name = 'Holiday'")
        .execute(&pool)
        .await
        .expect("moves it into the past");
    let plan = service.import(&plant(&[])).await.expect("imports");
    let removed: Vec<_> = plan.changes.iter().map(ToString::to_string).collect();
    assert!(removed.len() == 1 && removed[0].starts_with("- closure of acme/leeds: Overhaul"), "{removed:?}");
    assert_eq!(closures(&service).len(), 1);
    let site = &service.current().sites[0];
    let interval: Interval = site.calendar.closures()[0].interval;
    assert!(interval.from < clock::now() && interval.to > clock::now());
}
