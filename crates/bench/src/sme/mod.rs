//! Machines of a small manufacturer, as a table of five minutes a row: imported by a mapping, with shifts and ideal cycles found
//! in the table, and made into OEE. Whatever the server stored is worked out a second time from the table alone, second by
//! second, and compared.
//!
//! What the rows mean was found in them. A row is written every five minutes, and when the status changes: one that stands off
//! the grid nearly always has another status than the row before it, and hardly any row on the grid has. So `status` is what
//! holds from the row's time on, while `items` are those since the row before. `status_time` and `cycle_time` never exceed
//! 60, whatever the row describes; they are not used.

mod plan;
mod stored;
mod table;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
    fs,
    path::PathBuf,
    process::ExitCode,
    time::Duration,
};

use anyhow::{Result, bail};
use clap::Args;
use gemba_contract::order::PutProduct;
use gemba_domain::oee::Elements;
use serde_json::{Map, json};
use sqlx::PgConnection;

use crate::{
    execution::gunzip,
    report::Report,
    rig::{Programs, Rig, Session},
};
use plan::{Cycle, Week};
use stored::Stored;
use table::Row;

/// `eval sme`.
#[derive(Args, Debug)]
pub struct SmeArguments {
    /// Folder with a .csv.gz that has the columns ts, asset, items, status, cycle_time, product
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
}

/// A machine, and what was found of it in the table.
struct Machine {
    asset: String,
    path: String,
    rows: Vec<Row>,
    week: Week,
    cycles: BTreeMap<String, Cycle>,
}

/// Checks, and how many hold.
#[derive(Debug, Default)]
struct Checks {
    passed: usize,
    total: usize,
}

impl Checks {
    fn equal(&mut self, machine: &str, what: &str, expected: f64, found: f64) {
        self.total += 1;
        if expected == found {
            self.passed += 1;
        } else {
            println!("WRONG  machine {machine}, {what}: expected {expected}, found {found}");
        }
    }
}

/// Runs and prints. Fails when something stored is not as the table says.
///
/// # Errors
/// The data cannot be read, or a program failed.
pub async fn run(arguments: &SmeArguments) -> Result<ExitCode> {
    let file = table::find(&arguments.data)?;
    let machines: Vec<Machine> = table::read(&gunzip(&file)?)?.into_iter().map(Machine::of).collect();
    let rig = Rig::start_with(Programs::find()?, &plant_file(&machines)).await?;
    let session = rig.sign_in().await?;
    for machine in &machines {
        session.until_known(&machine.path).await?;
    }
    let mut database = rig.postmaster()?.connect().await?;
    put_products(&session, &mut database, &machines).await?;
    let mapping = rig.directory().join("mapping.toml");
    fs::write(&mapping, mapping_file(&machines))?;
    let said = rig.gemba(&["import", "csv", "--mapping", &mapping.to_string_lossy(), &file.to_string_lossy()]).await?;
    println!("{said}");

    until_derived(&mut database).await?;
    let (mut checks, mut sum, mut oee) = (Checks::default(), Elements::default(), Map::new());
    for machine in &machines {
        let unit = session.until_known(&machine.path).await?;
        let stored = stored::read(&mut database, unit.tile.id, table::hours(&machine.rows)).await?;
        machine.tell(&stored);
        machine.check(&stored, &mut checks);
        oee.insert(machine.asset.clone(), json!(stored.elements.oee().map(|oee| (oee * 1e4).round() / 1e4)));
        sum += stored.elements;
    }
    drop(database);
    rig.stop().await?;

    let unexplained = sum.calendar - buckets(&sum).iter().map(|(_, micros)| micros).sum::<i64>();
    let mut report = Report::new("sme");
    report.word("machines", "machines", machines.len());
    report.figure("minutes", "calendar time of all machines", minutes(sum.calendar), "min");
    report
        .figure("unexplained_minutes", "calendar time that is in no bucket", minutes(unexplained), "min")
        .at_most(0.0);
    report.word("passed", "figures as worked out from the table alone", checks.passed).at_least(checks.total as f64);
    report.word("total", "of figures", checks.total);
    report.word("oee", "OEE by machine", oee);
    report.print();
    Ok(if checks.passed == checks.total && unexplained == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The products with their ideal cycles, in force before the first row. The cycles go to the database directly: by the API the
/// figures of all time since then, up to now, would be made anew, and there are none yet.
async fn put_products(session: &Session, db: &mut PgConnection, machines: &[Machine]) -> Result<()> {
    let products: BTreeSet<&str> = machines.iter().flat_map(|it| &it.rows).map(|row| row.product.as_str()).collect();
    let product =
        |code: &str| PutProduct { name: format!("Product {code}"), margin_cents: None, ideal_cycles: Vec::new() };
    for code in &products {
        session.put_product(code, &product(code)).await?;
    }
    for machine in machines {
        let unit = session.until_known(&machine.path).await?.tile.id;
        for (code, cycle) in &machine.cycles {
            sqlx::query(
                "insert into ideal_cycle (unit_id, product_id, valid_from, seconds, changed_by)
                 select $1, id, to_timestamp(0), $3, 'eval sme' from product where code = $2",
            )
            .bind(unit.0)
            .bind(code)
            .bind(cycle.seconds)
            .execute(&mut *db)
            .await?;
        }
    }
    // Makes the running server read the catalogue again.
    for code in products.iter().take(1) {
        session.put_product(code, &product(code)).await?;
    }
    Ok(())
}

/// Until nothing is left that would be derived again.
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

fn minutes(micros: i64) -> f64 {
    micros as f64 / 60e6
}

fn buckets(e: &Elements) -> [(&'static str, i64); 8] {
    [
        ("not scheduled", e.not_scheduled),
        ("breaks", e.breaks),
        ("planned stops", e.planned_stops),
        ("producing", e.apt),
        ("set-up", e.aust),
        ("delay", e.adet),
        ("no order", e.adot),
        ("unknown", e.unknown),
    ]
}

/// Each machine is a site of its own: shifts are a site's, and these machines are not worked alike.
fn plant_file(machines: &[Machine]) -> String {
    let mut text = "[enterprise]\ncode = \"sme\"\nname = \"Small manufacturer\"\n".to_owned();
    for Machine { asset, week, .. } in machines {
        // Writing to a String does not fail.
        let _ = write!(
            text,
            "\n[[site]]\ncode = \"site-{asset}\"\nname = \"Machine {asset}\"\ntime_zone = \"{}\"\n\n{}\
             [[site.area]]\ncode = \"shop\"\nname = \"Shop floor\"\n[[site.area.line]]\ncode = \"line\"\nname = \"Line\"\n\
             [[site.area.line.unit]]\ncode = \"machine-{asset}\"\nname = \"Machine {asset}\"\nsignal = [\n\
             \x20 {{ code = \"execution\", kind = \"state\", role = \"execution\" }},\n\
             \x20 {{ code = \"pieces\", kind = \"counter\", role = \"total_count\" }},\n\
             \x20 {{ code = \"product\", kind = \"text\", role = \"product\" }},\n\
             \x20 {{ code = \"power\", kind = \"measure\", uom = \"kW\" }},\n]\n",
            plan::ZONE.name(),
            week.toml(),
        );
    }
    text
}

fn mapping_file(machines: &[Machine]) -> String {
    let units: Vec<String> = machines.iter().map(|it| format!("\"{}\" = \"{}\"", it.asset, it.path)).collect();
    format!(
        "row_seconds = {}\nstamp = \"end\"\n\n[unit]\ncolumn = \"asset\"\nvalues = {{ {} }}\n\n\
         [time]\ncolumn = \"ts\"\nformat = \"%Y-%m-%d %H:%M:%S%z\"\n\n\
         [[column]]\ncolumn = \"status\"\nsignal = \"execution\"\nkind = \"state\"\nrole = \"execution\"\nat = \"end\"\n\
         values = {{ \"0\" = \"READY\", \"1\" = \"READY\", \"2\" = \"ACTIVE\", \"3\" = \"INTERRUPTED\" }}\n\n\
         [[column]]\ncolumn = \"items\"\nsignal = \"pieces\"\nkind = \"counter\"\nrole = \"total_count\"\nas = \"increment\"\n\n\
         [[column]]\ncolumn = \"product\"\nsignal = \"product\"\nkind = \"text\"\nrole = \"product\"\n\n\
         [[column]]\ncolumn = \"power_avg\"\nsignal = \"power\"\nkind = \"measure\"\nuom = \"kW\"\n",
        table::ROW_SECONDS,
        units.join(", "),
    )
}

impl Machine {
    fn of((asset, rows): (String, Vec<Row>)) -> Self {
        let path = format!("sme/site-{asset}/shop/line/machine-{asset}");
        Self { path, week: plan::week(&rows), cycles: plan::cycles(&rows), asset, rows }
    }

    fn tell(&self, stored: &Stored) {
        let e = &stored.elements;
        let percent =
            |ratio: Option<f64>| ratio.map_or_else(|| "no value".to_owned(), |it| format!("{:.1} %", it * 100.0));
        println!("machine {}: {} rows; shifts found: {}", self.asset, self.rows.len(), self.week.text());
        let longest = self.rows.iter().map(|row| row.cycle_time).fold(0.0, f64::max);
        println!(
            "  cycle_time never exceeds {longest:.0}; ideal cycles, 5th percentile of seconds per piece in automatic mode:"
        );
        for (product, cycle) in &self.cycles {
            println!(
                "    product {product}: {:.1} s, from {} stretches of {} rows",
                cycle.seconds, cycle.stretches, cycle.rows
            );
        }
        println!("  calendar {:.2} min:", minutes(e.calendar));
        for (name, micros) in buckets(e) {
            println!("    {name:<14} {:>12.2} min", minutes(micros));
        }
        println!(
            "  OEE {} = availability {} x performance {} x quality {}; coverage {}; {} pieces (no scrap was recorded)",
            percent(e.oee()),
            percent(e.availability()),
            percent(e.effectiveness()),
            percent(e.quality_ratio()),
            percent(e.coverage()),
            e.pq
        );
        println!("  top losses:");
        for loss in stored.losses.iter().take(5) {
            let minor = if loss.minor { ", short stops" } else { "" };
            println!(
                "    {:>10.1} min in {:>5}: {} ({}{minor})",
                minutes(loss.micros),
                loss.begun,
                loss.state,
                loss.bucket
            );
        }
        let slow = e.apt as f64 - e.pri_pq;
        println!("    {:>10.1} min of producing time is slower than the ideal cycle", slow / 60e6);
    }

    /// What the table alone says, second by second, beside what is stored.
    fn check(&self, stored: &Stored, checks: &mut Checks) {
        let name = &self.asset;
        let e = &stored.elements;
        let (begin, seconds) = table::by_second(&self.rows);
        let scheduled = self.week.scheduled(begin, seconds.len());
        let micros = |of: &dyn Fn(bool, Option<u8>) -> bool| {
            seconds.iter().zip(&scheduled).filter(|(status, planned)| of(**planned, **status)).count() as f64 * 1e6
        };
        checks.equal(name, "calendar time", seconds.len() as f64 * 1e6, e.calendar as f64);
        let sum: i64 = buckets(e).iter().map(|(_, micros)| micros).sum();
        checks.equal(name, "sum of the buckets", e.calendar as f64, sum as f64);
        checks.equal(name, "not scheduled", micros(&|planned, _| !planned), e.not_scheduled as f64);
        checks.equal(name, "producing", micros(&|planned, status| planned && status == Some(2)), e.apt as f64);
        checks.equal(name, "delay", micros(&|planned, status| planned && status == Some(3)), e.adet as f64);
        checks.equal(
            name,
            "no order",
            micros(&|planned, status| planned && matches!(status, Some(0 | 1))),
            e.adot as f64,
        );
        checks.equal(name, "unknown", micros(&|planned, status| planned && status.is_none()), e.unknown as f64);
        for (word, statuses) in [("ACTIVE", [2, 2]), ("READY", [0, 1]), ("INTERRUPTED", [3, 3])] {
            let expected = micros(&|_, status| status.is_some_and(|status| statuses.contains(&status)));
            let found = stored.words.get(word).copied().unwrap_or_default();
            checks.equal(name, &format!("time {word}"), expected, found as f64);
        }
        let shortest = self.cycles.values().map(|cycle| cycle.seconds).reduce(f64::min);
        let aside = table::impossible(&self.rows, shortest);
        let all: f64 = self.rows.iter().map(|row| row.items).sum();
        let set_aside: f64 = self.rows.iter().zip(&aside).filter(|(_, aside)| **aside).map(|(row, _)| row.items).sum();
        println!(
            "  {set_aside} of {all} pieces in {} rows set aside: more than three times what the shortest ideal cycle allows since the row before",
            aside.iter().filter(|it| **it).count()
        );
        checks.equal(name, "pieces, with those set aside", all, e.pq + set_aside);
        let mut pieces: BTreeMap<&str, f64> = BTreeMap::new();
        for (row, aside) in self.rows.iter().zip(&aside) {
            *pieces.entry(&row.product).or_default() += if *aside { 0.0 } else { row.items };
        }
        for (product, expected) in &pieces {
            let found = stored.pieces.get(*product).copied().unwrap_or_default();
            checks.equal(name, &format!("pieces of product {product}"), *expected, found);
        }
        let other: f64 =
            stored.pieces.iter().filter(|(code, _)| !pieces.contains_key(code.as_str())).map(|(_, n)| n).sum();
        checks.equal(name, "pieces of no product", 0.0, other);
    }
}
