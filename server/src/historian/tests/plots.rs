//! Plots and durations.

use std::collections::BTreeMap;

use gemba_contract::signal::Resolution;
use gemba_domain::signal::Value;
use sqlx::PgPool;

use super::{Bench, Outcome, at, numbers, open, open_eager, pack_all};
use crate::historian::Bucket;

const SECOND: i64 = 1_000_000;
const HOUR: i64 = 3600 * SECOND;

fn wave(i: i64) -> f64 {
    ((i * 37) % 1009) as f64 / 4.0 + if i % 4801 == 0 { 5_000.0 } else { 0.0 }
}

#[sqlx::test(migrations = "../migrations")]
async fn few_readings_are_given_as_they_are_with_the_one_in_force(pool: PgPool) -> Outcome {
    let mut bench = Bench::new(&pool, 1).await?;
    let service = open(&pool).await?;
    bench.deliver(&service, &numbers(0, (0..10).map(|i| (i * SECOND, i as f64)))).await?;
    for packed in [false, true] {
        if packed {
            pack_all(&service).await?;
        }
        let plot = service.series(bench.signals[0], at(3 * SECOND + 1), at(8 * SECOND), 100).await?.series;
        assert_eq!(plot.resolution, Resolution::Raw);
        assert_eq!(plot.total, 4);
        let times: Vec<i64> = plot.readings.iter().map(|r| r.time.micros() / SECOND).collect();
        assert_eq!(times, [3, 4, 5, 6, 7]);
    }
    Ok(())
}

#[sqlx::test(migrations = "../migrations")]
async fn thinning_keeps_least_and_greatest_of_every_slice(pool: PgPool) -> Outcome {
    let mut bench = Bench::new(&pool, 1).await?;
    let service = open_eager(&pool).await?;
    let count = 230_000;
    bench.deliver(&service, &numbers(0, (0..count).map(|i| (i * SECOND, wave(i))))).await?;
    pack_all(&service).await?;
    // Late ones and changed ones, part of them not packed.
    let mut expected: BTreeMap<i64, f64> = (0..count).map(|i| (i * SECOND, wave(i))).collect();
    let changes: Vec<(i64, f64)> = (0..500).map(|i| (i * 400 * SECOND + (i % 2), -1000.0 - i as f64)).collect();
    expected.extend(changes.iter().copied());
    bench.deliver(&service, &numbers(0, changes.iter().copied().take(250))).await?;
    pack_all(&service).await?;
    bench.deliver(&service, &numbers(0, changes.iter().copied().skip(250))).await?;

    // By samples, by minutes, and by whole chunks.
    for (from, to, points) in [(5 * HOUR, 60 * HOUR, 20_000), (1, 63 * HOUR, 700), (-HOUR, 70 * HOUR, 10)] {
        let plot = service.series(bench.signals[0], at(from), at(to), points).await?.series;
        let inside: Vec<(i64, f64)> = expected.range(from..to).map(|(t, v)| (*t, *v)).collect();
        assert_eq!(plot.total as usize, inside.len(), "{points} points");
        assert_eq!(plot.resolution, Resolution::MinMax);
        assert!(plot.readings.len() <= points * 2 + 1, "{} readings for {points} points", plot.readings.len());
        let in_force = expected.range(..=from).next_back().map(|(t, _)| *t).filter(|t| *t < from);
        let before = plot.readings.first().map(|r| r.time.micros()).filter(|t| *t < from);
        assert_eq!(before, in_force);
        assert!(plot.readings.is_sorted_by_key(|r| r.time));
        // A range may be placed anywhere in its minute or chunk: compare over twice the slices' length.
        let slice = (to - from) / points as i64;
        let coarse = (2 * slice).max(5 * HOUR);
        let ranges = |readings: &mut dyn Iterator<Item = (i64, f64)>| {
            let mut ranges: BTreeMap<i64, (f64, f64)> = BTreeMap::new();
            for (time, value) in readings {
                let range = ranges.entry(time / coarse).or_insert((value, value));
                *range = (range.0.min(value), range.1.max(value));
            }
            ranges
        };
        let overall = |ranges: &BTreeMap<i64, (f64, f64)>| {
            ranges.values().fold((f64::MAX, f64::MIN), |all, r| (all.0.min(r.0), all.1.max(r.1)))
        };
        let found = ranges(
            &mut plot
                .readings
                .iter()
                .filter(|r| r.time.micros() >= from)
                .filter_map(|r| Some((r.time.micros(), r.value.number()?))),
        );
        let wanted = ranges(&mut inside.iter().copied());
        assert_eq!(overall(&found), overall(&wanted));
        if points > 100 {
            for (slice, range) in &wanted {
                let found = found.get(slice).ok_or("no empty slice")?;
                assert_eq!(found, range, "{points} points, slice {slice}");
            }
        }
    }
    Ok(())
}

#[sqlx::test(migrations = "../migrations")]
async fn a_gap_of_unavailable_is_not_thinned_away(pool: PgPool) -> Outcome {
    let mut bench = Bench::new(&pool, 1).await?;
    let service = open_eager(&pool).await?;
    let mut batch = numbers(0, (0..10_000).map(|i| (i * SECOND, wave(i))));
    batch[5_000].2 = Value::Unavailable;
    bench.deliver(&service, &batch).await?;
    pack_all(&service).await?;
    let plot = service.series(bench.signals[0], at(0), at(10_000 * SECOND), 50).await?.series;
    let gaps: Vec<i64> =
        plot.readings.iter().filter(|r| r.value == Value::Unavailable).map(|r| r.time.micros() / SECOND).collect();
    assert_eq!(gaps, [5_000]);
    Ok(())
}

#[sqlx::test(migrations = "../migrations")]
async fn durations_end_where_nobody_watched_any_more(pool: PgPool) -> Outcome {
    let mut bench = Bench::new(&pool, 1).await?;
    let service = open(&pool).await?;
    let word = |text: &str| Value::Text(text.into());
    bench.deliver(&service, &[(0, 0, word("READY")), (0, 30 * 60 * SECOND, word("ACTIVE"))]).await?;
    pack_all(&service).await?;
    bench.deliver(&service, &[(0, HOUR + 600 * SECOND, Value::Unavailable)]).await?;
    sqlx::query("insert into coverage values ($1, to_timestamp(0), to_timestamp(2 * 3600 + 60))")
        .bind(bench.collector)
        .execute(&pool)
        .await?;
    let buckets = service.durations(bench.signals[0], at(600 * SECOND), at(5 * HOUR), Bucket::Hour).await?;
    let seconds: Vec<Vec<(&str, f64)>> =
        buckets.iter().map(|b| b.seconds.iter().map(|(word, s)| (word.as_str(), *s)).collect()).collect();
    assert_eq!(
        seconds,
        [
            vec![("ACTIVE", 1800.0), ("READY", 1200.0)],
            vec![("ACTIVE", 600.0), ("UNAVAILABLE", 3000.0)],
            vec![("UNAVAILABLE", 60.0)],
            vec![],
            vec![],
        ]
    );
    let days = service.durations(bench.signals[0], at(0), at(24 * HOUR), Bucket::Day).await?;
    assert_eq!(days.len(), 1);
    assert_eq!(days[0].seconds.values().sum::<f64>(), 2.0 * 3600.0 + 60.0);
    Ok(())
}

#[sqlx::test(migrations = "../migrations")]
async fn pages_together_are_the_whole(pool: PgPool) -> Outcome {
    let mut bench = Bench::new(&pool, 1).await?;
    let service = open_eager(&pool).await?;
    bench.deliver(&service, &numbers(0, (0..70_000).map(|i| (i, wave(i))))).await?;
    pack_all(&service).await?;
    bench.deliver(&service, &numbers(0, (70_000..71_000).map(|i| (i, wave(i))))).await?;
    let signal = bench.signals[0];
    let pages = service.pages(signal, at(10), at(80_000), 20_000).await?;
    assert!(pages.len() > 2);
    assert_eq!((pages[0].from, pages[pages.len() - 1].to), (at(10), at(80_000)));
    let mut samples = 0;
    for page in &pages {
        samples += service.read(signal, page.from, page.to).await?.len();
    }
    assert_eq!(samples, 71_000 - 10);
    assert!(service.read_at_most(signal, at(0), at(80_000), 10_000).await.is_err());
    Ok(())
}
