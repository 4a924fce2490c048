use gemba_contract::batch::{BatchBuilder, encode_frame};
use gemba_domain::{Interval, Timestamp, equipment::EquipmentPath, state::UnitState};
use sqlx::PgPool;

use crate::{
    clock, config,
    ingest::tests::{EPOCH, PLANT, Rig, UNIT},
    state::AppState,
};

const DAY: i64 = 86_400;

/// One word of the execution, a second of the unit's ten minutes, and the coverage up to now.
fn word(rig: &Rig, seq: u64, second: i64, word: &str) -> Vec<u8> {
    let mut builder = BatchBuilder::new();
    builder.push_text(0, rig.begin.plus_seconds(second).micros(), word);
    encode_frame(EPOCH, seq, rig.begin, clock::now(), &builder.finish())
}

async fn until_state(rig: &Rig, state: UnitState) -> Timestamp {
    let path: EquipmentPath = UNIT.parse().expect("path");
    for _ in 0..500 {
        let now = rig.app.overview.unit(&path, clock::now()).expect("known").tile.now;
        if now.state == state {
            return now.since;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("the unit is not {state:?} after 10 s");
}

#[sqlx::test(migrations = "../migrations")]
async fn a_clock_that_leaps_ahead_and_comes_back_loses_nothing(pool: PgPool) {
    let rig = Rig::new(pool.clone()).await;
    let jobs = rig.app.start();
    rig.hello(EPOCH, &["execution"]).await.expect("welcome");
    rig.send(word(&rig, 1, 0, "ACTIVE")).await.expect("taken");
    assert_eq!(until_state(&rig, UnitState::Producing).await, rig.begin);

    rig.app.oee.board().trim(clock::now().plus_seconds(3 * DAY));
    rig.send(word(&rig, 2, 100, "FEED_HOLD")).await.expect("taken");
    assert_eq!(until_state(&rig, UnitState::Stopped).await, rig.begin.plus_seconds(100));

    // Opened while the clock was ahead, as by a restart in that time.
    let unit = rig.app.plant.current().unit(&UNIT.parse().expect("path")).expect("known").unit.id;
    let board = rig.app.oee.board();
    board.open_at(unit, clock::now().plus_seconds(2 * DAY));
    assert_eq!(board.ahead_of(clock::now()), [unit]);
    rig.send(word(&rig, 3, 200, "ACTIVE")).await.expect("taken");
    assert_eq!(until_state(&rig, UnitState::Producing).await, rig.begin.plus_seconds(200));
    rig.app.shutdown.cancel();
    for job in jobs {
        job.await.expect("ends");
    }
    let states = sqlx::query_scalar::<_, String>("select state from state_interval order by interval_from");
    let states = states.fetch_all(&pool).await.expect("reads");
    let known: Vec<&str> = states.iter().map(String::as_str).filter(|state| *state != "unknown").collect();
    assert_eq!(known, ["producing", "stopped", "producing"]);
}

#[sqlx::test(migrations = "../migrations")]
async fn nobody_is_scheduled_on_a_holiday(pool: PgPool) {
    let rig = Rig::new(pool).await;
    let jobs = rig.app.start();
    let in_hours = |hours: i64| clock::now().plus_seconds(hours * 3600);
    let day = |hours: i64| in_hours(hours).to_utc().format("%Y-%m-%d").to_string();
    // Two whole days by the clock of the site, whichever it is.
    let closure = format!(
        "[[site.closure]]\nname = \"Holiday\"\nfrom = \"{}\"\nto = \"{}\"\nkind = \"holiday\"\n[[site.area]]",
        day(48),
        day(96)
    );
    rig.app.plant.import(&PLANT.replacen("[[site.area]]", &closure, 1)).await.expect("imports");
    let site: EquipmentPath = "acme/leeds".parse().expect("path");
    let board = rig.app.oee.board();
    for _ in 0..500 {
        if board.shift_at(&site, in_hours(20)).is_some() && board.shift_at(&site, in_hours(72)).is_none() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert_eq!(board.shift_at(&site, in_hours(72)), None);
    assert!(board.shift_at(&site, in_hours(20)).is_some() && board.shift_at(&site, in_hours(124)).is_some());
    rig.app.shutdown.cancel();
    for job in jobs {
        job.await.expect("ends");
    }
}

#[sqlx::test(migrations = "../migrations")]
async fn facts_outlive_the_samples_that_they_were_made_of(pool: PgPool) {
    let sums = "select coalesce(sum(apt), 0)::bigint, coalesce(sum(unknown), 0)::bigint from kpi_element";
    let sums = || async { sqlx::query_as::<_, (i64, i64)>(sums).fetch_one(&pool).await.expect("sums") };
    let rig = Rig::new(pool.clone()).await;
    let jobs = rig.app.start();
    rig.hello(EPOCH, &["execution"]).await.expect("welcome");
    // A whole hour, five days ago.
    let begin = clock::now().plus_seconds(-5 * DAY).micros().div_euclid(3_600_000_000) * 3600;
    let (from, to) = (Timestamp::from_seconds(begin), Timestamp::from_seconds(begin + 3600));
    let mut builder = BatchBuilder::new();
    builder.push_text(0, from.micros(), "ACTIVE");
    builder.push_text(0, from.plus_seconds(2400).micros(), "FEED_HOLD");
    rig.send(encode_frame(EPOCH, 1, from, to, &builder.finish())).await.expect("taken");
    for _ in 0..500 {
        if sums().await.0 > 0 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let before = sums().await;
    assert_eq!(before.0, 2_400_000_000);
    rig.app.shutdown.cancel();
    for job in jobs {
        job.await.expect("ends");
    }

    let mut settings = config::load(&config::Sources::default()).expect("defaults").settings;
    settings.historian.keep = Some(std::time::Duration::from_secs(2 * 86_400));
    let app = AppState::open(pool.clone(), settings.into()).await.expect("opens");
    let plant = app.plant.current();
    let unit = plant.unit(&UNIT.parse().expect("path")).expect("known").unit.id;
    let signal = plant.signal_at(&format!("{UNIT}:execution")).expect("known").id;
    app.historian.delete_before(clock::now().plus_seconds(-2 * DAY)).await.expect("forgets");
    assert!(app.historian.read(signal, from, to).await.expect("reads").is_empty());
    let mut db = pool.acquire().await.expect("connects");
    let cause = super::Cause::by("ideal cycle changed", "kim");
    super::note_stale(&mut db, unit, Interval::new(from, to), &cause).await.expect("notes");
    drop(db);
    let jobs = app.start();
    let stale = "select count(*) from fact_stale";
    for _ in 0..1000 {
        if sqlx::query_scalar::<_, i64>(stale).fetch_one(&pool).await.expect("counts") == 0 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert_eq!(sqlx::query_scalar::<_, i64>(stale).fetch_one(&pool).await.expect("counts"), 0, "it was dealt with");
    assert_eq!(sums().await.0, before.0, "and what it said of that hour stays");
    app.shutdown.cancel();
    for job in jobs {
        job.await.expect("ends");
    }
}

#[sqlx::test(migrations = "../migrations")]
async fn while_another_process_stores_facts_of_a_unit_ours_wait(pool: PgPool) {
    let rig = Rig::new(pool.clone()).await;
    let jobs = rig.app.start();
    rig.hello(EPOCH, &["execution"]).await.expect("welcome");
    let unit = rig.app.plant.current().unit(&UNIT.parse().expect("path")).expect("known").unit.id;
    let mut other = pool.begin().await.expect("begins");
    super::queries::lock_facts(&mut other, unit).await.expect("locks");
    rig.send(word(&rig, 1, 0, "ACTIVE")).await.expect("taken");
    until_state(&rig, UnitState::Producing).await;
    assert_eq!(rig.app.oee.save(clock::now()).await.expect("leaves it"), 0);
    let mut db = pool.acquire().await.expect("connects");
    let stretch = Interval::new(rig.begin.plus_seconds(-DAY), rig.begin);
    super::note_stale(&mut db, unit, stretch, &super::Cause::by("test", "kim")).await.expect("notes");
    let soon = std::time::Duration::from_millis(300);
    let derived = tokio::time::timeout(soon, rig.app.oee.derive_stale(clock::now())).await;
    assert!(derived.is_err(), "it does not wait: {derived:?}");
    let stored = "select count(*) from state_interval where state = 'producing'";
    assert_eq!(sqlx::query_scalar::<_, i64>(stored).fetch_one(&pool).await.expect("counts"), 0);
    other.commit().await.expect("ends");
    while sqlx::query_scalar::<_, i64>(stored).fetch_one(&pool).await.expect("counts") == 0 {
        rig.app.oee.save(clock::now()).await.expect("stores");
    }
    while rig.app.oee.derive_stale(clock::now()).await.expect("derives").is_some() {}
    rig.app.shutdown.cancel();
    for job in jobs {
        job.await.expect("ends");
    }
}
