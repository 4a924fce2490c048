//! Whatever is delivered, packed, killed and started again in whatever order: what is read is what a plain map would hold.

use std::{collections::BTreeMap, ops::Bound, time::Duration};

use gemba_codec::Run;
use gemba_domain::signal::{SignalId, Value};
use rand::{Rng, SeedableRng, rngs::StdRng};
use sqlx::PgPool;

use super::{Bench, Outcome, at, numbers, open, open_eager, pack_all};
use crate::historian::{Service, journal};

const SIGNALS: usize = 3;
const SPAN: i64 = 40_000;

type Model = Vec<BTreeMap<i64, Value>>;

fn value(rng: &mut StdRng) -> Value {
    match rng.random_range(0..10) {
        0 => Value::Unavailable,
        1 | 2 => Value::Text(["ACTIVE", "READY", "", "größer\u{0}"][rng.random_range(0..4)].into()),
        3 => Value::Number(f64::from_bits(rng.random())),
        _ => Value::Number(f64::from(rng.random_range(-500..500)) / 8.0),
    }
}

fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a.to_bits() == b.to_bits(),
        (a, b) => a == b,
    }
}

async fn compare(service: &Service, bench: &Bench, model: &Model, rng: &mut StdRng, seed: u64) -> Outcome {
    for (signal, expected) in bench.signals.iter().zip(model) {
        let (from, to) = if rng.random_bool(0.3) {
            (-1, SPAN + 1)
        } else {
            let from = rng.random_range(0..SPAN);
            (from, from + rng.random_range(1..SPAN / 4))
        };
        let series = service.read(*signal, at(from), at(to)).await?;
        let found: Vec<(i64, Value)> = series.iter().map(|(time, value)| (time.micros(), value)).collect();
        let wanted: Vec<(i64, Value)> = expected.range(from..to).map(|(t, v)| (*t, v.clone())).collect();
        assert_eq!(found.len(), wanted.len(), "seed {seed}: signal {signal:?} in {from}..{to}");
        for (found, wanted) in found.iter().zip(&wanted) {
            assert!(found.0 == wanted.0 && same(&found.1, &wanted.1), "seed {seed}: {found:?} instead of {wanted:?}");
        }
        assert!(series.damaged.is_empty());
        let in_force = service.value_at(*signal, at(from)).await?;
        let wanted = expected.range((Bound::Unbounded, Bound::Included(from))).next_back();
        assert_eq!(
            in_force.as_ref().map(|r| r.time.micros()),
            wanted.map(|(t, _)| *t),
            "seed {seed}: in force at {from}"
        );
        let latest = service.latest(*signal);
        let wanted = expected.last_key_value();
        assert_eq!(latest.as_ref().map(|r| r.time.micros()), wanted.map(|(t, _)| *t), "seed {seed}: latest");
        if let (Some(latest), Some((_, wanted))) = (latest, wanted) {
            let readable = wanted.text().map_or(wanted.clone(), |t| Value::Text(t.replace('\0', "\u{fffd}").into()));
            assert!(same(&latest.value, wanted) || same(&latest.value, &readable), "seed {seed}: latest {latest:?}");
        }
    }
    Ok(())
}

/// Ends all of Postgres' processes that work for this pool, but the one that does it.
async fn kill_others(pool: &PgPool, patience: Duration) -> Result<(), sqlx::Error> {
    let mut own = pool.acquire().await?;
    tokio::time::sleep(patience).await;
    sqlx::query(
        "select pg_terminate_backend(pid) from pg_stat_activity
         where datname = current_database() and pid <> pg_backend_pid()",
    )
    .execute(&mut *own)
    .await?;
    Ok(())
}

async fn run(pool: PgPool, seed: u64) -> Outcome {
    println!("seed {seed}");
    let mut rng = StdRng::seed_from_u64(seed);
    let mut bench = Bench::new(&pool, SIGNALS as i32).await?;
    let mut service = open(&pool).await?;
    let mut model: Model = vec![BTreeMap::new(); SIGNALS];
    let mut late: Vec<(i64, Vec<(SignalId, Run)>)> = Vec::new();
    let mut clock = 0;
    for _ in 0..60 {
        match rng.random_range(0..10) {
            0..=4 => {
                // Mostly in order, sometimes all over the place, sometimes large.
                let large = rng.random_bool(0.15);
                let shuffled = rng.random_bool(0.3);
                let count = if large { rng.random_range(3_000..9_000) } else { rng.random_range(1..300) };
                let signal = rng.random_range(0..SIGNALS);
                let batch: Vec<_> = (0..count)
                    .map(|_| {
                        let signal = if large { signal } else { rng.random_range(0..SIGNALS) };
                        let time = if shuffled {
                            rng.random_range(0..SPAN)
                        } else {
                            (clock + rng.random_range(0..1200)) % SPAN
                        };
                        (signal, time, value(&mut rng))
                    })
                    .collect();
                clock = (clock + 1000) % SPAN;
                let (ordinal, runs) = bench.commit(&batch).await?;
                for (signal, time, value) in batch {
                    model[signal].insert(time, value);
                }
                // Two collectors' commits may be told in the other order.
                if rng.random_bool(0.2) {
                    late.push((ordinal, runs));
                } else {
                    service.append(ordinal, &runs);
                }
            }
            5 => {
                service.compact_once().await?;
            }
            6 => {
                // Cut off from Postgres at some point of the way.
                let patience = Duration::from_micros(rng.random_range(0..40_000));
                let (outcome, killed) = tokio::join!(service.compact_once(), kill_others(&pool, patience));
                killed?;
                println!("cut off after {patience:?}: {outcome:?}");
                while pool.acquire().await.is_err() {}
            }
            7 => {
                service = if rng.random_bool(0.5) { open(&pool).await? } else { open_eager(&pool).await? };
                late.clear();
            }
            _ => {
                for (ordinal, runs) in late.drain(..) {
                    service.append(ordinal, &runs);
                }
                compare(&service, &bench, &model, &mut rng, seed).await?;
            }
        }
    }
    for (ordinal, runs) in late.drain(..) {
        service.append(ordinal, &runs);
    }
    compare(&service, &bench, &model, &mut rng, seed).await?;
    let service = open_eager(&pool).await?;
    pack_all(&service).await?;
    compare(&service, &bench, &model, &mut rng, seed).await?;
    service.compact_once().await?;
    let stats = service.stats().await?;
    assert_eq!((stats.journal_samples, stats.part_samples, stats.damaged), (0, 0, 0), "seed {seed}");
    assert_eq!(stats.chunk_samples, model.iter().map(|m| m.len() as i64).sum::<i64>(), "seed {seed}: each stands once");
    let overlaps: i64 = sqlx::query_scalar(
        "select count(*) from chunk a join chunk b on a.signal_id = b.signal_id and a.first_time < b.first_time
         where a.last_time >= b.first_time",
    )
    .fetch_one(&pool)
    .await?;
    assert_eq!(overlaps, 0, "seed {seed}: chunks do not overlap");
    Ok(())
}

#[sqlx::test(migrations = "../migrations")]
async fn reads_equal_a_plain_map_1(pool: PgPool) -> Outcome {
    run(pool, 1).await
}

#[sqlx::test(migrations = "../migrations")]
async fn reads_equal_a_plain_map_2(pool: PgPool) -> Outcome {
    run(pool, 2).await
}

#[sqlx::test(migrations = "../migrations")]
async fn reads_equal_a_plain_map_anew(pool: PgPool) -> Outcome {
    let fixed = std::env::var("DEV_SEED").ok().and_then(|seed| seed.parse().ok());
    run(pool, fixed.unwrap_or_else(rand::random)).await
}

#[sqlx::test(migrations = "../migrations")]
async fn nothing_is_packed_past_a_commit_that_is_under_way(pool: PgPool) -> Outcome {
    let mut bench = Bench::new(&pool, 1).await?;
    let service = open(&pool).await?;
    bench.deliver(&service, &numbers(0, [(1, 1.0)])).await?;
    // A transaction of another collector has its ordinal, and takes its time.
    let mut slow = pool.begin().await?;
    let row = journal::JournalRow {
        collector_id: bench.collector,
        epoch: 1,
        seq: 1_000,
        received_at: at(0),
        covered_from: at(0),
        covered_to: at(0),
        first_time: at(0),
        last_time: at(0),
        samples: 0,
        raw_len: 0,
        body: Vec::new(),
    };
    journal::insert(&mut slow, &[row]).await?;
    assert_eq!(service.compact_once().await?, crate::historian::Outcome::Busy);
    slow.commit().await?;
    assert!(matches!(service.compact_once().await?, crate::historian::Outcome::Packed { samples: 1, .. }));
    Ok(())
}

#[sqlx::test(migrations = "../migrations")]
async fn two_processes_see_the_same(pool: PgPool) -> Outcome {
    let mut bench = Bench::new(&pool, 1).await?;
    let (server, import) = (open(&pool).await?, open(&pool).await?);
    bench.deliver(&server, &numbers(0, [(10, 1.0), (20, 2.0)])).await?;
    bench.deliver(&import, &numbers(0, [(20, 3.0), (30, 4.0)])).await?;
    pack_all(&import).await?;
    let signal = bench.signals[0];
    let read = server.read(signal, at(0), at(100)).await?;
    let expected = [(at(10), Value::Number(1.0)), (at(20), Value::Number(3.0)), (at(30), Value::Number(4.0))];
    assert_eq!(read.iter().collect::<Vec<_>>(), expected);
    server.follow().await?;
    assert_eq!(server.latest(signal).map(|r| r.time), Some(at(30)));
    assert!(server.has_room());
    Ok(())
}

#[sqlx::test(migrations = "../migrations")]
async fn old_samples_are_forgotten_when_asked(pool: PgPool) -> Outcome {
    const DAY: i64 = 86_400_000_000;
    let mut bench = Bench::new(&pool, 2).await?;
    let service = open_eager(&pool).await?;
    for day in 0..5 {
        bench.deliver(&service, &numbers(0, (0..20_000).map(|i| (day * DAY + i * 1_000, i as f64)))).await?;
        pack_all(&service).await?;
    }
    bench.deliver(&service, &numbers(1, [(7, 1.0)])).await?;
    pack_all(&service).await?;
    service.compact_once().await?;
    let deleted = service.delete_before(at(3 * DAY)).await?;
    assert!(deleted > 0);
    let signal = bench.signals[0];
    assert_eq!(service.read(signal, at(3 * DAY), at(9 * DAY)).await?.len(), 40_000, "what is young stays");
    let old = service.read(signal, at(0), at(2 * DAY)).await?;
    assert!(old.len() < 40_000, "what is old goes, but for chunks that reach into the time kept");
    assert_eq!(service.read(bench.signals[1], at(0), at(DAY)).await?.len(), 0);
    assert!(service.latest(bench.signals[1]).is_some(), "newest values stay");
    assert_eq!(service.delete_before(at(3 * DAY)).await?, 0);
    Ok(())
}
