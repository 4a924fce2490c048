//! A list of stops: imported by a mapping, its Pareto printed, and the number, length and longest of the stored stops compared
//! with what the list itself says.
//!
//! The list names no time zone; its clocks are taken as UTC, so that hours of the day are those on the wall. Days are
//! watched from the first stop's begin to the last one's end: outside of that the list says nothing.

mod list;

use std::{collections::BTreeMap, fs, path::PathBuf, process::ExitCode, time::Duration};

use anyhow::{Result, bail};
use clap::Args;
use gemba_domain::{Timestamp, signal::Value};
use sqlx::{PgConnection, Row};

use crate::{
    report::Report,
    rig::{Programs, Rig},
};
use list::{List, Stop};

/// `eval stops`.
#[derive(Args, Debug)]
pub struct StopsArguments {
    /// Folder with a .csv that has the columns date, downtime_start_time, downtime_end_time, and may have reason
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
}

const PATH: &str = "stops/site/hall/line/line";
/// What the server takes for a short stop.
const MINOR_MICROS: i64 = 120_000_000;

/// Runs and prints. Fails when the stored stops are not those of the list.
///
/// # Errors
/// The data cannot be read, or a program failed.
pub async fn run(arguments: &StopsArguments) -> Result<ExitCode> {
    let list = List::find(&arguments.data)?;
    let rig = Rig::start_with(Programs::find()?, PLANT).await?;
    let session = rig.sign_in().await?;
    session.until_known(PATH).await?;
    let mapping = rig.directory().join("mapping.toml");
    fs::write(&mapping, mapping_file(&list))?;
    let file = list.file.to_string_lossy();
    let said =
        rig.gemba(&["import", "csv", "--create-signals", "--mapping", &mapping.to_string_lossy(), &file]).await?;
    println!("{said}");
    let mut database = rig.postmaster()?.connect().await?;
    let unit = session.until_known(PATH).await?;
    until_derived(&mut database).await?;
    let (mut stored, producing) = stored(&mut database, unit.tile.id.0).await?;
    if let Some(signal) = unit.signals.iter().find(|signal| signal.code == "stop-reason") {
        let (from, to) = (Timestamp::from_seconds(0), Timestamp::from_seconds(1 << 34));
        let reasons: BTreeMap<i64, Value> = session.samples(signal.id, from, to).await?.into_iter().collect();
        for stop in &mut stored {
            stop.reason = reasons.get(&stop.from).and_then(Value::text).map(str::to_owned);
        }
    }
    drop(database);
    rig.stop().await?;

    let expected = &list.stops;
    let (total, longest) = sums(expected);
    let (stored_total, stored_longest) = sums(&stored);
    let shorter = |stops: &[Stop]| stops.iter().filter(|stop| stop.micros() < MINOR_MICROS).count();
    let minor = stored.iter().filter(|stop| stop.minor).count();
    tell(&stored, list.has_reasons);
    println!(
        "between the stops of a day {:.1} h producing; availability {:.1} % of what the list speaks of",
        producing as f64 / 3.6e9,
        producing as f64 * 100.0 / (producing + stored_total) as f64
    );
    let checks = [
        ("number of stops", expected.len() as i64, stored.len() as i64),
        ("stopped time, µs", total, stored_total),
        ("stopped time by the list's own lengths, µs", list.told_micros.unwrap_or(total), stored_total),
        ("longest stop, µs", longest, stored_longest),
        ("short stops", shorter(expected) as i64, minor as i64),
        ("time between stops of a day, µs", list::between(expected), producing),
        ("every stop begins and ends as in the list", 1, i64::from(same(expected, &stored))),
    ];
    for (what, expected, found) in checks.iter().filter(|(_, expected, found)| expected != found) {
        println!("WRONG  {what}: expected {expected}, found {found}");
    }
    let passed = checks.iter().filter(|(_, expected, found)| expected == found).count();
    let mut report = Report::new("stops");
    report.word("stops", "stops imported", stored.len());
    report.word("overlapping", "stops that begin while another lasts, left out", list.overlapping);
    report.figure("stopped_hours", "stopped", stored_total as f64 / 3.6e9, "h");
    report.figure("longest_minutes", "longest stop", stored_longest as f64 / 60e6, "min");
    report.word("passed", "figures as in the list", passed).at_least(checks.len() as f64);
    report.word("total", "of figures", checks.len());
    report.print();
    Ok(if passed == checks.len() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

const PLANT: &str = r#"[enterprise]
code = "stops"
name = "Stops"
[[site]]
code = "site"
name = "Site"
time_zone = "UTC"
[[site.area]]
code = "hall"
name = "Hall"
[[site.area.line]]
code = "line"
name = "Line"
[[site.area.line.unit]]
code = "line"
name = "Line"
"#;

fn mapping_file(list: &List) -> String {
    let time = |column: &str| {
        format!("{{ column = [\"date\", \"{column}\"], format = \"%Y-%m-%d %H:%M:%S%.f\", zone = \"UTC\" }}")
    };
    let reason = if list.has_reasons { "reason = { column = \"reason\" }\n" } else { "" };
    format!(
        "[unit]\npath = \"{PATH}\"\n\n[stops]\nbegin = {}\nend = {}\n{reason}between = \"producing\"\n",
        time("downtime_start_time"),
        time("downtime_end_time")
    )
}

async fn until_derived(db: &mut PgConnection) -> Result<()> {
    for _ in 0..600 {
        let stale: i64 = sqlx::query_scalar("select count(*) from fact_stale").fetch_one(&mut *db).await?;
        if stale == 0 {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    bail!("facts are still to be derived a minute after the import")
}

/// The stops as they are stored, in order, and the microseconds of producing time. Parts that touch are one stop.
async fn stored(db: &mut PgConnection, unit: uuid::Uuid) -> Result<(Vec<Stop>, i64)> {
    let rows = sqlx::query(
        "select said, minor, (extract(epoch from interval_from) * 1000000)::bigint as begun,
                (extract(epoch from interval_to) * 1000000)::bigint as ended
         from state_interval where unit_id = $1 and said in ('stopped', 'producing') order by interval_from",
    )
    .bind(unit)
    .fetch_all(db)
    .await?;
    let (mut stops, mut producing): (Vec<Stop>, i64) = (Vec::new(), 0);
    for row in rows {
        let (said, minor): (String, bool) = (row.try_get("said")?, row.try_get("minor")?);
        let (from, to): (i64, i64) = (row.try_get("begun")?, row.try_get("ended")?);
        match stops.last_mut() {
            _ if said == "producing" => producing += to - from,
            Some(last) if last.to == from => last.to = to,
            _ => stops.push(Stop { from, to, minor, reason: None }),
        }
    }
    Ok((stops, producing))
}

fn sums(stops: &[Stop]) -> (i64, i64) {
    let lengths = || stops.iter().map(Stop::micros);
    (lengths().sum(), lengths().max().unwrap_or_default())
}

fn same(expected: &[Stop], stored: &[Stop]) -> bool {
    expected.iter().map(|stop| (stop.from, stop.to)).eq(stored.iter().map(|stop| (stop.from, stop.to)))
}

fn tell(stops: &[Stop], has_reasons: bool) {
    if has_reasons {
        pareto("by reason", stops, |stop| stop.reason.clone().unwrap_or_else(|| "(none)".to_owned()));
    }
    pareto("by length", stops, |stop| length(stop.micros()).to_owned());
    pareto("by hour of the day", stops, |stop| format!("{:02}:00", stop.from.div_euclid(3_600_000_000).rem_euclid(24)));
}

fn length(micros: i64) -> &'static str {
    match micros / 1_000_000 {
        ..60 => "under 1 min",
        60..120 => "1 to 2 min",
        120..300 => "2 to 5 min",
        300..900 => "5 to 15 min",
        900..3600 => "15 to 60 min",
        3600.. => "1 h and more",
    }
}

/// Prints classes by their time, most first, with the share that they and all before them have.
fn pareto(what: &str, stops: &[Stop], class: impl Fn(&Stop) -> String) {
    let mut classes: BTreeMap<String, (i64, usize)> = BTreeMap::new();
    for stop in stops {
        let sum = classes.entry(class(stop)).or_default();
        *sum = (sum.0 + stop.micros(), sum.1 + 1);
    }
    let (all, _) = sums(stops);
    let mut classes: Vec<(String, (i64, usize))> = classes.into_iter().collect();
    classes.sort_by_key(|(_, (micros, _))| std::cmp::Reverse(*micros));
    println!("{what:<20} {:>7} {:>10} {:>8}", "stops", "min", "up to");
    let mut before = 0;
    for (class, (micros, count)) in classes {
        before += micros;
        let share = before as f64 * 100.0 / all as f64;
        println!("  {class:<18} {count:>7} {:>10.1} {share:>6.1} %", micros as f64 / 60e6);
    }
}
