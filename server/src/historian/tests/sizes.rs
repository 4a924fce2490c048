//! How many bytes a sample costs, indexes and all.

use gemba_domain::signal::Value;
use rand::{Rng, SeedableRng, rngs::StdRng};
use sqlx::PgPool;

use super::{Bench, Outcome, open_eager, pack_all};

const BASE: i64 = 1_763_800_000_000_000;
const SECONDS: i64 = 20_000;

/// A plant's mix: temperatures, speeds, counters, states, read each second with a jitter of milliseconds.
fn sample(signal: usize, second: i64, rng: &mut StdRng, level: &mut f64) -> Option<(usize, i64, Value)> {
    let time = BASE + second * 1_000_000 + rng.random_range(0..4) * 1_000;
    let number = |value: f64| Some((signal, time, Value::Number(value)));
    match signal % 5 {
        0 => {
            *level += f64::from(rng.random_range(-2..=2)) / 10.0;
            number((20.0 + *level).round() / 10.0 + 60.0)
        }
        1 => number(if second % 300 < 200 { f64::from(rng.random_range(2990..3010)) } else { 0.0 }),
        2 => number((second / 7) as f64),
        3 => number((f64::from(rng.random_range(0..40)) + 480.0) / 10.0),
        _ => (second % 97 == 0)
            .then(|| (signal, time, Value::Text(["ACTIVE", "READY", "STOPPED"][(second / 97 % 3) as usize].into()))),
    }
}

#[sqlx::test(migrations = "../migrations")]
async fn a_sample_of_a_plant_costs_little_more_than_a_byte(pool: PgPool) -> Outcome {
    const SIGNALS: usize = 20;
    let mut rng = StdRng::seed_from_u64(7);
    let mut levels = [0.0; SIGNALS];
    let mut bench = Bench::new(&pool, SIGNALS as i32).await?;
    let service = open_eager(&pool).await?;
    let mut samples = 0;
    for block in 0..SECONDS / 2_000 {
        let batch: Vec<_> = (block * 2_000..(block + 1) * 2_000)
            .flat_map(|second| (0..SIGNALS).map(move |signal| (signal, second)))
            .filter_map(|(signal, second)| sample(signal, second, &mut rng, &mut levels[signal]))
            .collect();
        samples += batch.len();
        bench.deliver(&service, &batch).await?;
        if block % 5 == 4 {
            pack_all(&service).await?;
        }
    }
    service.compact_once().await?;
    let stats = service.stats().await?;
    assert_eq!(stats.chunk_samples as usize, samples);
    // Space that merging left behind is used again by what comes next.
    sqlx::query("vacuum full chunk").execute(&pool).await?;
    let stats = service.stats().await?;
    let bytes = stats.chunk_bytes as f64 / samples as f64;
    println!("{samples} samples, {bytes:.3} bytes each, {} chunks", stats.chunks);
    assert!(bytes <= 1.5, "{bytes} bytes a sample");
    Ok(())
}
