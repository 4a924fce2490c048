//! Tables of made-up machines, through ingest, into a real database.

use std::path::PathBuf;

use gemba_domain::{
    Interval, Timestamp,
    signal::{SignalId, SignalRole, Value},
};
use indicatif::ProgressBar;
use sqlx::PgPool;

use super::{Mapping, Params, Summary, run};
use crate::{
    backfill::{BackfillError, Context},
    clock, historian, ingest, plant,
};

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
code = "a"
name = "A"
[[site.area.line.unit]]
code = "b"
name = "B"
signal = [{ code = "state", kind = "state", role = "execution" }]
"#;

const ROWS: &str = r#"
separator = ";"
decimal = ","
row_seconds = 300
stamp = "end"
[unit]
column = "machine"
values = { "1" = "acme/leeds/press/line-1/a", "2" = "acme/leeds/press/line-1/b" }
[time]
column = "t"
format = "%Y-%m-%d %H:%M:%S"
zone = "UTC"
[[column]]
column = "status"
signal = "state"
kind = "state"
role = "execution"
at = "end"
values = { "1" = "READY", "2" = "ACTIVE" }
[[column]]
column = "made"
signal = "pieces"
kind = "counter"
role = "total_count"
as = "increment"
[[column]]
column = "power"
signal = "power"
kind = "measure"
scale = 1000
uom = "W"
"#;

/// From 00:05 on, with a row that is missing at 00:20 and one between.
const TABLE: &str = "t;machine;status;made;power
1970-01-01 00:05:00;1;2.0;4;1,5
1970-01-01 00:10:00;1;2;5;
1970-01-01 00:12:00;1;1;1;0,5
1970-01-01 00:15:00;1;1;0;0,5
1970-01-01 00:25:00;1;2;3;1
1970-01-01 00:05:00;2;2;7;1
1970-01-01 00:05:00;2;2;7;1
1970-01-01 00:10:00;3;2;7;1
1970-01-01 00:15:00;2;9;7;1
1970-01-01 00:20:00;2;2;x;1
1970-01-01 00:25;2;2;1;1
";

type Outcome = Result<(), Box<dyn std::error::Error>>;

async fn context(pool: &PgPool) -> Result<Context, Box<dyn std::error::Error>> {
    let plant = plant::Service::open(pool.clone()).await?;
    if plant.current().units().next().is_none() {
        plant.import(PLANT).await.map_err(|error| error.to_string())?;
    }
    let historian = historian::Service::open(pool.clone(), historian::Settings::default()).await?;
    let (ingest, _) = ingest::Service::new(pool.clone(), plant.clone(), historian.clone(), 1);
    Ok(Context { pool: pool.clone(), plant, ingest, historian, progress: ProgressBar::hidden(), now: clock::now })
}

struct Files {
    folder: tempfile::TempDir,
}

impl Files {
    fn new() -> std::io::Result<Self> {
        Ok(Self { folder: tempfile::tempdir()? })
    }

    fn write(&self, name: &str, text: &str) -> std::io::Result<PathBuf> {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text)?;
        Ok(path)
    }

    fn params(&self, mapping: &str, table: &str) -> std::io::Result<Params> {
        let (mapping, table) = (self.write("mapping.toml", mapping)?, self.write("table.csv", table)?);
        Ok(Params { mapping, create_signals: true, strict: false, files: vec![table] })
    }
}

async fn import(context: &Context, params: Params) -> Result<Summary, BackfillError> {
    run(context, params, async |_| Ok(())).await
}

fn signal(context: &Context, address: &str) -> Result<SignalId, Box<dyn std::error::Error>> {
    Ok(context.plant.current().signal_at(&format!("acme/leeds/press/line-1/{address}"))?.id)
}

/// Microseconds and values.
async fn values(context: &Context, address: &str) -> Result<Vec<(i64, Value)>, Box<dyn std::error::Error>> {
    let signal = signal(context, address)?;
    let all = context.historian.read(signal, Timestamp::from_seconds(-1), Timestamp::from_seconds(1 << 34)).await?;
    Ok(all.iter().map(|(time, value)| (time.micros(), value)).collect())
}

async fn coverage(pool: &PgPool, unit: &str) -> Result<Vec<(i64, i64)>, sqlx::Error> {
    sqlx::query_as(
        "select extract(epoch from covered_from)::bigint, extract(epoch from covered_to)::bigint
         from coverage join collector on collector.id = collector_id where name like $1 order by 1",
    )
    .bind(format!("import:%/{unit}:%"))
    .fetch_all(pool)
    .await
}

const S: i64 = 1_000_000;

fn word(text: &str) -> Value {
    Value::Text(text.into())
}

#[sqlx::test(migrations = "../migrations")]
async fn rows_describe_their_own_time_and_no_more(pool: PgPool) -> Outcome {
    let context = context(&pool).await?;
    let files = Files::new()?;
    let summary = import(&context, files.params(ROWS, TABLE)?).await?;
    assert_eq!(summary.units.iter().map(|unit| unit.rows).collect::<Vec<_>>(), [5, 1]);
    let reasons: Vec<String> = summary.bad_lines.iter().map(|line| format!("{} {}", line.line, line.reason)).collect();
    assert_eq!(summary.bad, 5, "{reasons:?}");
    for expected in [
        "9 machine is `3`, which the mapping names no unit for; it has 1, 2",
        "10 status is `9`, which has no meaning in the mapping; it has 1, 2",
        "11 made is `x`, which is no number",
        "12 `1970-01-01 00:25` is not a time as `%Y-%m-%d %H:%M:%S`",
    ] {
        assert!(reasons.iter().any(|reason| reason == expected), "{expected}: {reasons:?}");
    }
    assert!(
        reasons
            .iter()
            .any(|reason| reason.starts_with("8 acme/leeds/press/line-1/b has a row of 1970-01-01T00:05:00Z already"))
    );
    assert_eq!(summary.created.len(), 5);

    assert_eq!(coverage(&pool, "a").await?, [(0, 900), (1200, 1500)]);
    let states = [
        (0, Value::Unavailable),
        (300 * S, word("ACTIVE")),
        (600 * S, word("ACTIVE")),
        (720 * S, word("READY")),
        (900 * S, word("READY")),
        (1200 * S, Value::Unavailable),
        (1500 * S, word("ACTIVE")),
    ];
    assert_eq!(values(&context, "a:state").await?, states);
    let totals = [
        (0, 0.0),
        (300 * S - 1, 4.0),
        (600 * S - 1, 9.0),
        (720 * S - 1, 10.0),
        (900 * S - 1, 10.0),
        (1500 * S - 1, 13.0),
    ];
    assert_eq!(values(&context, "a:pieces").await?, totals.map(|(time, total)| (time, Value::Number(total))));
    let power = values(&context, "a:power").await?;
    assert_eq!(power[..2], [(0, Value::Number(1500.0)), (300 * S, Value::Unavailable)]);
    Ok(())
}

#[sqlx::test(migrations = "../migrations")]
async fn an_import_is_done_once_and_goes_on_where_it_stopped(pool: PgPool) -> Outcome {
    let context = context(&pool).await?;
    let files = Files::new()?;
    import(&context, files.params(ROWS, TABLE)?).await?;
    let before = values(&context, "a:pieces").await?;
    let stats = context.historian.stats().await?;
    let again = import(&context, files.params(ROWS, TABLE)?).await?;
    assert!(again.units.iter().all(|unit| unit.known) && again.created.is_empty(), "{again:?}");
    let after = context.historian.stats().await?;
    assert_eq!(after.chunk_samples + after.part_samples, stats.chunk_samples + stats.part_samples);
    assert_eq!(values(&context, "a:pieces").await?, before);

    // A process that ended before the last frame was committed.
    sqlx::query("update collector set acked = acked - 1 where name like 'import:%/a:%'").execute(&pool).await?;
    let resumed = import(&self::context(&pool).await?, files.params(ROWS, TABLE)?).await?;
    assert_eq!(resumed.units.iter().map(|unit| unit.known).collect::<Vec<_>>(), [false, true]);
    assert_eq!(values(&context, "a:pieces").await?, before);
    assert_eq!(coverage(&pool, "a").await?, [(0, 900), (1200, 1500)]);
    Ok(())
}

#[sqlx::test(migrations = "../migrations")]
async fn what_does_not_fit_is_refused_whole(pool: PgPool) -> Outcome {
    let context = context(&pool).await?;
    let files = Files::new()?;
    let refused = async |params: Params| -> Result<String, Box<dyn std::error::Error>> {
        Ok(import(&context, params).await.err().ok_or("refused")?.to_string())
    };
    let strict = refused(Params { strict: true, ..files.params(ROWS, TABLE)? }).await?;
    assert!(strict.contains("5 lines") && strict.contains("table.csv:8"), "{strict}");
    let missing = refused(Params { create_signals: false, ..files.params(ROWS, TABLE)? }).await?;
    assert!(
        missing.contains("line-1/a has no signal `pieces`") && missing.contains("line-1/a has no signal `state`"),
        "{missing}"
    );
    let taken = refused(files.params(&ROWS.replace("signal = \"state\"", "signal = \"status\""), TABLE)?).await?;
    assert!(taken.contains("line-1/b: the role that the mapping gives to `status` is that of `state`"), "{taken}");
    let head = refused(files.params(ROWS, &TABLE.replace("t;machine;status", "t;machine;statsu"))?).await?;
    assert!(head.contains("there is no column `status`; did you mean `statsu`?"), "{head}");
    let twice = refused(files.params(ROWS, &TABLE.replace("made;power", "made;made"))?).await?;
    assert!(twice.contains("the head has `made` twice, in columns 4 and 5"), "{twice}");
    let unit = refused(files.params(&ROWS.replace("line-1/b", "line-1/c"), TABLE)?).await?;
    assert!(unit.contains("the plant has no unit `acme/leeds/press/line-1/c`"), "{unit}");
    let mapping = refused(files.params(&ROWS.replace("row_seconds", "row_second"), TABLE)?).await?;
    assert!(mapping.contains("line 4: `row_second` is not a key here; did you mean `row_seconds`?"), "{mapping}");
    assert!(refused(files.params(ROWS, "")?).await?.contains("the file is empty"));
    assert!(refused(files.params(ROWS, "t;machine;status;made;power\n")?).await?.contains("no event"));
    let stats = context.historian.stats().await?;
    assert_eq!((stats.journal_samples, stats.part_samples, stats.chunk_samples), (0, 0, 0));
    Ok(())
}

const STOPS: &str = r#"
[unit]
path = "acme/leeds/press/line-1/a"
[stops]
begin = { column = ["day", "from"], format = "%d.%m.%Y %H:%M", zone = "Europe/London" }
end = { column = ["day", "to"], format = "%d.%m.%Y %H:%M", zone = "Europe/London" }
reason = { column = "why", values = { "J" = "jam" } }
comment = "note"
between = "producing"
"#;

const STOP_LIST: &str = "day,from,to,why,note
02.01.1970,08:00,08:10,J,\"a long
one\"
02.01.1970,08:05,08:20,J,
02.01.1970,08:30,08:30,,
02.01.1970,09:00,08:50,,
02.01.1970,08:40,08:50,,
05.01.1970,10:00,10:01,X,
05.01.1970,10:00,10:02,,
";

#[sqlx::test(migrations = "../migrations")]
async fn a_list_of_stops_becomes_states(pool: PgPool) -> Outcome {
    let context = context(&pool).await?;
    let files = Files::new()?;
    let summary = import(&context, files.params(STOPS, STOP_LIST)?).await?;
    assert_eq!((summary.units[0].rows, summary.bad), (3, 4));
    let reasons: Vec<String> = summary.bad_lines.iter().map(|line| format!("{} {}", line.line, line.reason)).collect();
    assert!(reasons[0].starts_with("5 a stop of no length"), "{reasons:?}");
    assert!(reasons[1].starts_with("6 it ends at 1970-01-02T07:50:00Z, before it begins"), "{reasons:?}");
    assert_eq!(reasons[2], "8 why is `X`, which has no meaning in the mapping; it has J");
    assert!(reasons[3].starts_with("4 it overlaps the stop at ") && reasons[3].contains("table.csv:2"), "{reasons:?}");
    // London kept summer time in that winter: 08:00 is 07:00 UTC.
    let (first, last) = (86_400 + 7 * 3600, 4 * 86_400 + 9 * 3600);
    assert_eq!(coverage(&pool, "a").await?, [(first, first + 3000), (last, last + 120)]);
    let states: Vec<(i64, Value)> = [(0, "STOPPED"), (600, "ACTIVE"), (2400, "STOPPED"), (3000, "ACTIVE")]
        .map(|(second, text)| ((first + second) * S, word(text)))
        .into_iter()
        .chain([(last * S, word("STOPPED")), ((last + 120) * S, word("ACTIVE"))])
        .collect();
    assert_eq!(values(&context, "a:execution").await?, states);
    assert_eq!(
        values(&context, "a:stop-reason").await?[..2],
        [(first * S, word("jam")), ((first + 600) * S, Value::Unavailable)]
    );
    assert_eq!(values(&context, "a:stop-comment").await?[0], (first * S, word("a long\none")));
    let plant = context.plant.current();
    assert_eq!(plant.signal_at("acme/leeds/press/line-1/a:stop-reason")?.role, Some(SignalRole::StopReason));

    let windows = format!("{STOPS}windows = [{{ from = \"1970-01-02 07:30\", to = \"1970-01-02 09:00\" }}]\n");
    let windows = windows.replace("\"producing\"", "\"unknown\"").replace("line-1/a", "line-1/b");
    let windows = windows.replace("reason =", "#").replace("comment =", "#");
    let refused = import(&context, files.params(&windows, STOP_LIST)?).await.err().ok_or("refused")?.to_string();
    assert!(refused.contains("the role that the mapping gives to `execution` is that of `state`"), "{refused}");
    let windows = windows.replace("line-1/b", "line-1/a");
    let summary = import(&context, files.params(&windows, &STOP_LIST.replace("05.01", "06.01"))?).await?;
    assert_eq!(
        summary.units[0].span,
        Interval::new(Timestamp::from_seconds(first - 1800), Timestamp::from_seconds(last + 86_400 + 60))
    );
    Ok(())
}

#[test]
fn a_mapping_says_everything_that_is_wrong_with_it() {
    let defects = |from: &str, to: &str| -> Vec<String> {
        assert!(ROWS.contains(from), "{from}");
        Mapping::read(&ROWS.replace(from, to)).err().unwrap_or_default().iter().map(ToString::to_string).collect()
    };
    assert_eq!(defects("machine", "maschine"), Vec::<String>::new());
    for (from, to, expected) in [
        ("separator = \";\"", "separator = \";;\"", "line 2: separator is one ASCII character"),
        ("decimal = \",\"", "decimal = \"'\"", "line 3: decimal is `.` or `,`"),
        ("row_seconds = 300", "row_seconds = -1", "line 4: row_seconds is -1"),
        ("stamp = \"end\"", "stamp = \"middle\"", "line 5: "),
        ("stamp = \"end\"", "", "line 1: `stamp` is missing"),
        ("line-1/a", "line-1/A!", "line 8: "),
        (
            "zone = \"UTC\"",
            "zone = \"Europe/Roma\"",
            "line 12: `Europe/Roma` is not an IANA time zone; did you mean `Europe/Rome`?",
        ),
        ("zone = \"UTC\"", "", "line 11: times as `%Y-%m-%d %H:%M:%S` name no offset from UTC"),
        ("kind = \"state\"", "kind = \"sate\"", "line 16: `sate` is not a kind of signal; did you mean `state`?"),
        ("role = \"execution\"", "role = \"executon\"", "line 17: `executon` is not a role; did you mean `execution`?"),
        ("kind = \"counter\"", "kind = \"measure\"", "line 23: what is added up"),
        ("signal = \"power\"", "signal = \"state\"", "line 28: signal `state` is given twice, first on line 15"),
        ("scale = 1000", "scale = 0", "line 30: scale is a factor above 0"),
    ] {
        let found = defects(from, to);
        assert!(found.iter().any(|defect| defect.starts_with(expected)), "{to:?} gave {found:?}");
    }
    let both = Mapping::read(&format!(
        "{ROWS}\n[stops]\nbegin = {{ column = \"a\" }}\nend = {{ column = \"b\" }}\nbetween = \"unknown\"\n"
    ));
    assert!(both.is_err_and(|defects| defects[0].to_string().contains("a mapping has one of them")));
}
