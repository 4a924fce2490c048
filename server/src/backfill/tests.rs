//! Imports of recorded files, through ingest, into a real database.

use std::{io::Write, path::PathBuf, time::Duration};

use gemba_domain::{
    Interval, Timestamp,
    signal::{SignalId, SignalKind, SignalRole, Value},
};
use indicatif::ProgressBar;
use sqlx::{PgPool, postgres::PgPoolOptions};

use super::{BackfillError, Context, Params, Summary, run};
use crate::{clock, historian, historian::Bucket, ingest, plant};

const UNIT: &str = "acme/leeds/press/line-1/lathe-3";
const PLANT: &str = r#"
[enterprise]
code = "acme"
name = "Acme"
[[site]]
code = "leeds"
name = "Leeds"
time_zone = "Europe/London"
[[site.area]]
code = "press"
name = "Press shop"
[[site.area.line]]
code = "line-1"
name = "Line 1"
[[site.area.line.unit]]
code = "lathe-3"
name = "Lathe 3"
ideal_cycle_seconds = 2.0
signal = [
  { code = "execution", kind = "state", role = "execution" },
  { code = "speed", kind = "measure" },
]
"#;

type Outcome = Result<(), Box<dyn std::error::Error>>;

/// What a process that imports has.
async fn context(pool: &PgPool) -> Result<Context, Box<dyn std::error::Error>> {
    let plant = plant::Service::open(pool.clone()).await?;
    if plant.current().units().next().is_none() {
        plant.import(PLANT).await.map_err(|error| error.to_string())?;
    }
    let historian = historian::Service::open(pool.clone(), historian::Settings::default()).await?;
    let (ingest, _) = ingest::Service::new(pool.clone(), plant.clone(), historian.clone(), 1);
    Ok(Context { pool: pool.clone(), plant, ingest, historian, progress: ProgressBar::hidden(), now: clock::now })
}

fn params(files: Vec<PathBuf>) -> Result<Params, Box<dyn std::error::Error>> {
    Ok(Params { unit: UNIT.parse()?, create_signals: true, strict: false, files })
}

async fn import(context: &Context, params: Params) -> Result<(Summary, Vec<Interval>), BackfillError> {
    let mut derived = Vec::new();
    let summary = run(context, params, async |touched| {
        derived.extend(touched.into_iter().map(|(_, stretch)| stretch));
        Ok(())
    })
    .await?;
    Ok((summary, derived))
}

fn signal(context: &Context, code: &str) -> Result<plant::Signal, Box<dyn std::error::Error>> {
    let plant = context.plant.current();
    Ok(plant.signal_at(&format!("{UNIT}:{code}"))?.clone())
}

async fn words(context: &Context, signal: SignalId) -> Result<Vec<(i64, Value)>, historian::HistorianError> {
    let all = context.historian.read(signal, Timestamp::from_seconds(0), Timestamp::from_seconds(1 << 34)).await?;
    Ok(all.iter().map(|(time, value)| (time.micros() / 1_000_000, value)).collect())
}

fn shared(name: &str) -> Option<PathBuf> {
    let root = std::env::var_os("DEV_DATA")
        .map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data")), PathBuf::from);
    let path = root.join("nist_smstestbed").join(name);
    if path.exists() {
        return Some(path);
    }
    println!("skipped: {} is not there", path.display());
    None
}

const LOG: &str = "\
1970-01-01T00:01:40Z|execution|READY
1970-01-01T00:01:41Z|speed|100|mode|AUTOMATIC
1970-01-01T00:01:42Z|execution|ACTIVE
1970-01-01T00:01:39Z|speed|UNAVAILABLE
this is no event
1970-01-01T00:01:43Z|system_cond|Fault|1101|||INTERFERE
1970-01-01T00:01:44Z|system_cond|Unavailable||||
1970-01-01T00:01:45Z|PartCountAct|17
1970-01-01T00:01:42Z|execution|INTERRUPTED

";

#[sqlx::test(migrations = "../migrations")]
async fn a_log_becomes_history_once(pool: PgPool) -> Outcome {
    let context = context(&pool).await?;
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("day.txt");
    std::fs::write(&path, LOG)?;
    let (summary, derived) = import(&context, params(vec![path.clone()])?).await?;
    assert_eq!((summary.events, summary.bad, summary.batches, summary.skipped, summary.quarantined), (9, 1, 1, 0, 0));
    assert_eq!(
        summary.bad_lines[0].to_string(),
        format!("{}:5: expected `time|item|value`, found no `|`", path.display())
    );
    assert_eq!(summary.created, ["mode", "system-cond", "partcountact"]);
    let covered = Interval::new(Timestamp::from_seconds(99), Timestamp::from_seconds(105).plus_micros(1));
    assert_eq!((summary.covered, derived), (covered, vec![covered]));

    let text = |text: &str| Value::Text(text.into());
    assert_eq!(
        words(&context, signal(&context, "execution")?.id).await?,
        [(100, text("READY")), (102, text("INTERRUPTED"))]
    );
    assert_eq!(
        words(&context, signal(&context, "speed")?.id).await?,
        [(99, Value::Unavailable), (101, Value::Number(100.0))]
    );
    let condition = signal(&context, "system-cond")?;
    assert_eq!(condition.kind, SignalKind::Condition);
    assert_eq!(
        words(&context, condition.id).await?,
        [(103, text("Fault|1101|||INTERFERE")), (104, Value::Unavailable)]
    );
    let count = signal(&context, "partcountact")?;
    assert_eq!((count.kind, count.role), (SignalKind::Counter, Some(SignalRole::TotalCount)));
    assert_eq!(signal(&context, "mode")?.role, Some(SignalRole::ControllerMode));
    let cover: (i64, bool) = sqlx::query_as("select count(*), bool_and(covered_to > to_timestamp(105)) from coverage")
        .fetch_one(&pool)
        .await?;
    assert_eq!(cover, (1, true));

    // The same content again, compressed and under another name.
    let zipped = folder.path().join("again.txt.gz");
    let mut encoder = flate2::write::GzEncoder::new(std::fs::File::create(&zipped)?, flate2::Compression::fast());
    encoder.write_all(LOG.as_bytes())?;
    encoder.finish()?;
    let before = context.historian.stats().await?;
    let (summary, derived) = import(&context, params(vec![zipped])?).await?;
    assert_eq!((summary.batches, summary.skipped, derived.len()), (1, 1, 1));
    assert!(summary.created.is_empty());
    let after = context.historian.stats().await?;
    assert_eq!(after.chunk_samples + after.part_samples, before.chunk_samples + before.part_samples);
    Ok(())
}

#[sqlx::test(migrations = "../migrations")]
async fn what_is_unknown_or_unreadable_is_refused_whole(pool: PgPool) -> Outcome {
    let context = context(&pool).await?;
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("day.txt");
    std::fs::write(&path, LOG.replace("|speed|", "|speeed|"))?;
    let unknown = import(&context, Params { create_signals: false, ..params(vec![path.clone()])? }).await;
    let text = unknown.err().ok_or("refused")?.to_string();
    assert!(text.contains("4 items") && text.contains("speeed") && text.contains("nearest is `speed`"), "{text}");
    let strict = import(&context, Params { strict: true, ..params(vec![path.clone()])? }).await;
    let text = strict.err().ok_or("refused")?.to_string();
    assert!(text.contains("1 lines") && text.contains("day.txt:5"), "{text}");
    let unit =
        import(&context, Params { unit: "acme/leeds/press/line-1/lathe-4".parse()?, ..params(vec![path])? }).await;
    let text = unit.err().ok_or("refused")?.to_string();
    assert!(text.contains("did you mean `acme/leeds/press/line-1/lathe-3`"), "{text}");
    let missing = import(&context, params(vec![folder.path().join("nothing.txt")])?).await;
    assert!(matches!(missing, Err(BackfillError::File { .. })));
    let empty = folder.path().join("empty.txt");
    std::fs::write(&empty, "timestamp,item,value\n")?;
    assert!(matches!(import(&context, params(vec![empty])?).await, Err(BackfillError::Empty(_))));
    let stats = context.historian.stats().await?;
    assert_eq!((stats.journal_samples, stats.part_samples, stats.chunk_samples), (0, 0, 0));
    Ok(())
}

#[sqlx::test(migrations = "../migrations")]
async fn items_are_known_by_the_source_that_collectors_read(pool: PgPool) -> Outcome {
    let context = context(&pool).await?;
    sqlx::raw_sql(
        "insert into collector (name, created_at) values ('edge', now());
         insert into collector_signal (collector_id, epoch, local, address, kind, source, signal_id)
         select c.id, 1, 0, 'x', 'measure', 'mtconnect http://10.0.0.5:5000 Srpm', s.id
         from collector c, signal s where s.code = 'speed'",
    )
    .execute(&pool)
    .await?;
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("events.csv");
    std::fs::write(&path, "timestamp,item,value\n1970-01-01T00:01:40Z,Srpm,\"250.5\"\n")?;
    let (summary, _) = import(&context, Params { create_signals: false, ..params(vec![path])? }).await?;
    assert_eq!(summary.events, 1);
    assert_eq!(words(&context, signal(&context, "speed")?.id).await?, [(100, Value::Number(250.5))]);
    Ok(())
}

/// Waits until an import has committed so many batches.
async fn committed(pool: &PgPool, batches: i64) -> Result<(), sqlx::Error> {
    loop {
        let acked: Option<i64> = sqlx::query_scalar("select max(acked) from collector").fetch_one(pool).await?;
        if acked.is_some_and(|acked| acked >= batches) {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// Three years of a lathe: daily seconds of each execution state against figures computed elsewhere.
#[sqlx::test(migrations = "../migrations")]
async fn three_years_of_a_real_machine(pool: PgPool) -> Outcome {
    let Some(events) = shared("Mazak03_state_events.csv.gz") else { return Ok(()) };
    let Some(expected) = shared("expected_daily_execution_seconds_Mazak03.csv.gz") else { return Ok(()) };
    // A process that is killed again and again, and always goes on.
    for target in [1, 4, 7] {
        let own = PgPoolOptions::new().connect_with(pool.connect_options().as_ref().clone()).await?;
        let killed = context(&own).await?;
        tokio::select! {
            ended = import(&killed, params(vec![events.clone()])?) => return Err(format!("ended early: {ended:?}").into()),
            committed = committed(&pool, target) => committed?,
        }
        own.close().await;
    }
    let context = context(&pool).await?;
    let (summary, _) = import(&context, params(vec![events])?).await?;
    assert_eq!((summary.events, summary.bad, summary.quarantined), (198_053, 0, 0));
    assert!(summary.skipped >= 7 && summary.skipped < summary.batches, "{summary:?}");

    let mut text = String::new();
    std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(std::fs::File::open(expected)?), &mut text)?;
    let mut lines = text.lines();
    let names: Vec<&str> = lines.next().ok_or("a head")?.split(',').collect();
    let execution = signal(&context, "execution")?.id;
    let (from, to) = (summary.covered.from, summary.covered.to.plus_seconds(86_400));
    let buckets = context.historian.durations(execution, from, to, Bucket::Day).await?;
    let mut days = 0;
    for line in lines {
        let cells: Vec<&str> = line.split(',').collect();
        let begin: Timestamp = format!("{}T00:00:00Z", cells[0]).parse()?;
        let found = buckets.iter().find(|bucket| bucket.from == begin.max(from)).ok_or("the day")?;
        for (name, cell) in names.iter().zip(&cells).skip(1).filter(|(name, _)| **name != "source_day_file_absent") {
            let (wanted, found) = (cell.parse::<f64>()?, found.seconds.get(*name).copied().unwrap_or(0.0));
            assert!((wanted - found).abs() < 0.01, "{} {name}: {found} s instead of {wanted} s", cells[0]);
        }
        days += 1;
    }
    assert_eq!(days, 1163);
    Ok(())
}

#[sqlx::test(migrations = "../migrations")]
async fn a_real_day_at_full_rate(pool: PgPool) -> Outcome {
    let Some(day) = shared("full_rate_days/Mazak03-20161101-20161102.txt.gz") else { return Ok(()) };
    let context = context(&pool).await?;
    let (summary, _) = import(&context, params(vec![day])?).await?;
    assert_eq!((summary.events, summary.bad), (92_229, 0));
    for (code, kind) in [
        ("zabs", SignalKind::Measure),
        ("system-cond", SignalKind::Condition),
        ("program", SignalKind::Text),
        ("mode", SignalKind::State),
        ("partcountact", SignalKind::Counter),
    ] {
        assert_eq!(signal(&context, code)?.kind, kind, "{code}");
    }
    let warnings = words(&context, signal(&context, "system-cond")?.id).await?;
    assert!(warnings.iter().any(|(_, value)| value.text() == Some("Warning|428|||MEMORY PROTECT (AUTO OPERATION)")));
    let position = words(&context, signal(&context, "zabs")?.id).await?;
    assert!(position.iter().filter(|(_, value)| value.number().is_some()).count() > 9_000);
    Ok(())
}
