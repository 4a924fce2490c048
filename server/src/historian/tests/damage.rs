//! Flipped bits are found and never served.

use sqlx::PgPool;

use super::{Bench, Outcome, at, numbers, open, open_eager, pack_all};
use crate::historian::Service;

const FLIP: &str = "set body = set_byte(body, length(body) / 2, get_byte(body, length(body) / 2) # 16)";

async fn flip(pool: &PgPool, table: &'static str, condition: &'static str) -> Result<u64, sqlx::Error> {
    let statement = sqlx::AssertSqlSafe(format!("update {table} {FLIP} {condition}"));
    Ok(sqlx::query(statement).execute(pool).await?.rows_affected())
}

async fn damaged_rows(pool: &PgPool) -> Result<Vec<(String, bool)>, sqlx::Error> {
    sqlx::query_as("select origin, whole from historian_damage order by id").fetch_all(pool).await
}

/// Two signals of 40,000 samples, in chunks.
async fn filled(pool: &PgPool) -> Result<(Bench, Service), Box<dyn std::error::Error>> {
    let mut bench = Bench::new(pool, 2).await?;
    let service = open_eager(pool).await?;
    for signal in 0..2 {
        bench.deliver(&service, &numbers(signal, (0..40_000).map(|i| (i, (i * 7 % 1000) as f64)))).await?;
    }
    pack_all(&service).await?;
    Ok((bench, service))
}

#[sqlx::test(migrations = "../migrations")]
async fn a_chunk_that_cannot_be_read_is_set_aside_and_the_rest_is_read(pool: PgPool) -> Outcome {
    let (bench, service) = filled(&pool).await?;
    let (broken, sound) = (bench.signals[0], bench.signals[1]);
    let chunks: i64 =
        sqlx::query_scalar("select count(*) from chunk where signal_id = $1").bind(broken.0).fetch_one(&pool).await?;
    assert!(chunks >= 3);
    assert_eq!(
        flip(&pool, "chunk", "where signal_id = (select min(signal_id) from chunk) and first_time = 0").await?,
        1
    );

    for round in 0..2 {
        let series = service.read(broken, at(0), at(100_000)).await?;
        let gap = series.damaged.first().ok_or("the damage is told")?;
        assert_eq!(gap.from, at(0), "round {round}");
        assert_eq!(series.len() as i64, 40_000 - gap.to.micros(), "all but the gap");
        for (time, value) in series.iter() {
            assert_eq!(value.number(), Some((time.micros() * 7 % 1000) as f64));
        }
    }
    assert_eq!(damaged_rows(&pool).await?, [("chunk".to_owned(), true)]);
    let whole = service.read(sound, at(0), at(100_000)).await?;
    assert_eq!((whole.len(), whole.damaged.len()), (40_000, 0));
    let outside = service.read(broken, at(39_000), at(100_000)).await?;
    assert_eq!((outside.len(), outside.damaged.len()), (1_000, 0), "only the stretch itself is called damaged");
    // Samples that come again fill the gap.
    let (mut bench, service) = (bench, open_eager(&pool).await?);
    bench.deliver(&service, &numbers(0, (0..40_000).map(|i| (i, (i * 7 % 1000) as f64)))).await?;
    pack_all(&service).await?;
    assert_eq!(service.read(broken, at(0), at(100_000)).await?.len(), 40_000);
    Ok(())
}

#[sqlx::test(migrations = "../migrations")]
async fn a_plot_over_a_broken_chunk_tells_of_it(pool: PgPool) -> Outcome {
    let mut bench = Bench::new(&pool, 1).await?;
    let service = open_eager(&pool).await?;
    bench.deliver(&service, &numbers(0, (0..200_000).map(|i| (i * 1_000_000, (i % 100) as f64)))).await?;
    pack_all(&service).await?;
    flip(&pool, "chunk", "where first_time = 0").await?;
    let plot = service.series(bench.signals[0], at(0), at(200_000_000_000), 1_000).await?;
    assert_eq!(plot.damaged.len(), 1);
    assert_eq!(plot.series.total as i64, 200_000 - plot.damaged[0].micros().div_euclid(1_000_000) - 1);
    assert_eq!(damaged_rows(&pool).await?.len(), 1);
    Ok(())
}

#[sqlx::test(migrations = "../migrations")]
async fn a_chunk_found_broken_while_merging_is_set_aside(pool: PgPool) -> Outcome {
    let (mut bench, service) = filled(&pool).await?;
    flip(&pool, "chunk", "where signal_id = (select min(signal_id) from chunk) and first_time = 0").await?;
    bench.deliver(&service, &numbers(0, (0..10_000).map(|i| (i, 5.0)))).await?;
    pack_all(&service).await?;
    assert_eq!(damaged_rows(&pool).await?, [("chunk".to_owned(), true)]);
    let series = service.read(bench.signals[0], at(0), at(10_000)).await?;
    assert!(series.iter().all(|(_, value)| value.number() == Some(5.0)) && series.len() == 10_000);
    assert_eq!(series.damaged.len(), 1);
    Ok(())
}

#[sqlx::test(migrations = "../migrations")]
async fn a_part_that_cannot_be_read_is_set_aside(pool: PgPool) -> Outcome {
    let mut bench = Bench::new(&pool, 1).await?;
    let service = open(&pool).await?;
    for round in 0..3 {
        bench.deliver(&service, &numbers(0, (0..100).map(|i| (round * 100 + i, 1.0 / (i + 1) as f64)))).await?;
        pack_all(&service).await?;
    }
    assert_eq!(flip(&pool, "chunk_part", "where first_time = 100").await?, 1);
    let series = service.read(bench.signals[0], at(0), at(1_000)).await?;
    assert_eq!(series.len(), 200);
    assert_eq!(series.damaged, [gemba_domain::Interval::new(at(100), at(200))]);
    assert_eq!(damaged_rows(&pool).await?, [("part".to_owned(), true)]);
    Ok(())
}

#[sqlx::test(migrations = "../migrations")]
async fn a_journal_row_that_cannot_be_read_is_set_aside_at_the_next_start(pool: PgPool) -> Outcome {
    let mut bench = Bench::new(&pool, 2).await?;
    let service = open(&pool).await?;
    for round in 0..3 {
        bench.deliver(&service, &numbers(0, (0..100).map(|i| (round * 100 + i, i as f64)))).await?;
    }
    assert_eq!(flip(&pool, "journal", "where seq = 2").await?, 1);
    let service = open(&pool).await?;
    let series = service.read(bench.signals[0], at(0), at(1_000)).await?;
    assert_eq!(series.len(), 200);
    assert_eq!(series.damaged, [gemba_domain::Interval::new(at(100), at(200))]);
    assert_eq!(damaged_rows(&pool).await?, [("journal".to_owned(), true)]);
    assert_eq!(service.stats().await?.journal_samples, 0);
    Ok(())
}

#[sqlx::test(migrations = "../migrations")]
async fn samples_of_an_unmatched_signal_are_kept_beside_the_others(pool: PgPool) -> Outcome {
    let mut bench = Bench::new(&pool, 2).await?;
    let service = open(&pool).await?;
    let mut batch = numbers(0, [(1, 1.0), (2, 2.0)]);
    batch.extend(numbers(1, [(1, 9.0)]));
    bench.commit(&batch).await?;
    sqlx::query("update collector_signal set signal_id = null where local = 1").execute(&pool).await?;
    pack_all(&service).await?;
    assert_eq!(service.read(bench.signals[0], at(0), at(10)).await?.len(), 2);
    assert_eq!(damaged_rows(&pool).await?, [("journal".to_owned(), false)]);
    Ok(())
}
