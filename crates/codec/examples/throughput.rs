//! How fast and how small: batches and hourly chunks of the made-up plant, and a recorded day when it is there.
//!
//! `cargo run --release -p gemba-codec --features plant-mix --example throughput`; `DEV_DATA` names the folder with
//! recorded data (default `../shared/data`).

use std::{
    collections::BTreeMap,
    hint::black_box,
    io::Read,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use gemba_codec::{
    BatchBuilder, Limits, Run, Values, decode_batch, decode_series, encode_series,
    plant_mix::{PlantMix, SIGNALS, SignalKind, kind},
};

type Samples = Vec<(u32, i64, f64)>;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut mix = PlantMix::new(1);
    let mut scans: Vec<Samples> = Vec::new();
    for _ in 0..3600 {
        let mut scan = Samples::with_capacity(SIGNALS as usize);
        mix.scan(|signal, time, value| scan.push((signal, time, value)));
        scans.push(scan);
    }
    println!("plant mix, 1,000 signals, 1 Hz with jitter, 1 hour; one thread; best of several passes");
    println!("{:34} {:>12} {:>12} {:>10}", "", "encode M/s", "decode M/s", "B/sample");
    for seconds in [1, 5, 60] {
        let batches: Vec<Samples> = scans.chunks(seconds).take(240).map(|c| c.concat()).collect();
        batch_rates(&format!("batches of {} (as read)", batches[0].len()), &batches)?;
        let mut grouped = batches;
        grouped.iter_mut().for_each(|b| b.sort_by_key(|s| s.0));
        batch_rates(&format!("batches of {} (by signal)", grouped[0].len()), &grouped)?;
    }
    let hours = by_signal(scans.concat().iter().copied());
    let of = |wanted: Option<SignalKind>, full: bool| -> Vec<Run> {
        hours
            .iter()
            .filter(|(s, _)| match wanted {
                Some(wanted) => kind(**s) == wanted,
                None => full || kind(**s) != SignalKind::FullPrecision,
            })
            .map(|(_, r)| r.clone())
            .collect()
    };
    for level in [1, 3] {
        chunk_rates(&format!("hourly chunks, zstd {level}, all"), &of(None, true), level)?;
        chunk_rates("  without full precision", &of(None, false), level)?;
        for k in [
            SignalKind::Temperature,
            SignalKind::Counter,
            SignalKind::Setpoint,
            SignalKind::Measure,
            SignalKind::FullPrecision,
        ] {
            chunk_rates(&format!("  {k:?}"), &of(Some(k), true), level)?;
        }
    }
    let singles: Vec<Run> = of(Some(SignalKind::Temperature), true)
        .into_iter()
        .map(|run| match run.values {
            Values::Number(v) => {
                Run { values: Values::Number(v.iter().map(|&v| f64::from(v as f32)).collect()), ..run }
            }
            _ => run,
        })
        .collect();
    chunk_rates("  Temperature, as 32-bit REAL", &singles, 1)?;
    let smooth: Vec<Run> = (0..50)
        .map(|s| Run {
            times: (0..3600).map(|i| i * 1_000_000).collect(),
            values: Values::Number((0..3600).map(|i| (f64::from(i) / (50.0 + f64::from(s))).sin() + 2.0).collect()),
        })
        .collect();
    chunk_rates("  smooth sine, full precision", &smooth, 1)?;
    recorded_day()
}

/// The fastest of several passes: what the machine does when it is left alone.
fn best(mut pass: impl FnMut()) -> Duration {
    let begin = Instant::now();
    let mut best = Duration::MAX;
    let mut passes = 0;
    while passes < 5 || begin.elapsed() < Duration::from_millis(1500) {
        let start = Instant::now();
        pass();
        best = best.min(start.elapsed());
        passes += 1;
    }
    best
}

fn report(name: &str, samples: usize, bytes: usize, encode: Duration, decode: Duration) {
    let rate = |d: Duration| samples as f64 / d.as_secs_f64() / 1e6;
    println!("{name:34} {:>12.1} {:>12.1} {:>10.3}", rate(encode), rate(decode), bytes as f64 / samples as f64);
}

fn batch_rates(name: &str, batches: &[Samples]) -> Result<(), Box<dyn std::error::Error>> {
    let mut builder = BatchBuilder::new();
    let mut bodies = Vec::new();
    let encode = best(|| {
        bodies.clear();
        for batch in batches {
            for &(signal, time, value) in batch {
                builder.push_number(signal, time, value);
            }
            bodies.push(builder.finish());
        }
    });
    let limits = Limits::default();
    for (body, batch) in bodies.iter().zip(batches) {
        let expected: Vec<(u32, Run)> = by_signal(batch.iter().copied()).into_iter().collect();
        assert_eq!(decode_batch(&body.body, body.raw_len, limits)?, expected);
    }
    let decode = best(|| {
        for body in &bodies {
            let _ = black_box(decode_batch(&body.body, body.raw_len, limits));
        }
    });
    let samples = batches.iter().map(Vec::len).sum();
    report(name, samples, bodies.iter().map(|b| b.body.len()).sum(), encode, decode);
    Ok(())
}

fn chunk_rates(name: &str, runs: &[Run], level: i32) -> Result<(), Box<dyn std::error::Error>> {
    let mut bodies = Vec::new();
    let encode = best(|| {
        bodies.clear();
        bodies.extend(runs.iter().map(|run| encode_series(std::slice::from_ref(run), level)));
    });
    let limits = Limits::default();
    for (body, run) in bodies.iter().zip(runs) {
        assert_eq!(decode_series(body, limits)?, std::slice::from_ref(run));
    }
    let decode = best(|| {
        for body in &bodies {
            let _ = black_box(decode_series(body, limits));
        }
    });
    let samples = runs.iter().map(Run::len).sum();
    report(name, samples, bodies.iter().map(Vec::len).sum(), encode, decode);
    Ok(())
}

fn by_signal(samples: impl Iterator<Item = (u32, i64, f64)>) -> BTreeMap<u32, Run> {
    let mut runs = BTreeMap::new();
    for (signal, time, value) in samples {
        let run = runs.entry(signal).or_insert_with(|| Run { times: Vec::new(), values: Values::Number(Vec::new()) });
        run.times.push(time);
        if let Values::Number(values) = &mut run.values {
            values.push(value);
        }
    }
    runs
}

/// A day of a machine tool at full rate, lines of `timestamp|item|value`, unpacked by gzip.
fn recorded_day() -> Result<(), Box<dyn std::error::Error>> {
    let data = std::env::var_os("DEV_DATA").map_or_else(|| PathBuf::from("../shared/data"), PathBuf::from);
    let path = data.join("nist_smstestbed/full_rate_days/Mazak03-20161101-20161102.txt.gz");
    if !path.exists() {
        println!("skipped: no recorded day at {}", path.display());
        return Ok(());
    }
    let text = gunzip(&path)?;
    let mut items = BTreeMap::new();
    let mut samples: Vec<(u32, i64, Arc<str>)> = Vec::new();
    for line in text.lines() {
        let mut parts = line.splitn(3, '|');
        let (Some(time), Some(item), Some(value)) = (parts.next(), parts.next(), parts.next()) else { continue };
        let Some(time) = micros(time) else { continue };
        let next = items.len() as u32;
        samples.push((*items.entry(item).or_insert(next), time, value.into()));
    }
    let push = |b: &mut BatchBuilder, (signal, time, value): &(u32, i64, Arc<str>)| match value.parse::<f64>() {
        Ok(number) => b.push_number(*signal, *time, number),
        Err(_) if value.eq_ignore_ascii_case("unavailable") => b.push_unavailable(*signal, *time),
        Err(_) => b.push_text(*signal, *time, value),
    };
    println!("recorded day of a machine tool: {} samples of {} signals", samples.len(), items.len());
    let limits = Limits::default();
    for size in [1_000, 5_000] {
        let mut builder = BatchBuilder::new();
        let (mut bytes, mut kept, mut encode, mut decode) = (0, 0, Duration::ZERO, Duration::ZERO);
        for chunk in samples.chunks(size) {
            chunk.iter().for_each(|s| push(&mut builder, s));
            let start = Instant::now();
            let body = builder.finish();
            encode += start.elapsed();
            let start = Instant::now();
            let runs = decode_batch(&body.body, body.raw_len, limits)?;
            decode += start.elapsed();
            kept += runs.iter().map(|(_, r)| r.len()).sum::<usize>();
            bytes += body.body.len();
        }
        report(&format!("batches of {size} (finish only)"), kept, bytes, encode, decode);
    }
    let mut builder = BatchBuilder::new();
    samples.iter().for_each(|s| push(&mut builder, s));
    let day = builder.finish();
    let mut series: BTreeMap<u32, Vec<Run>> = BTreeMap::new();
    for (signal, run) in decode_batch(&day.body, day.raw_len, limits)? {
        series.entry(signal).or_default().push(run);
    }
    let mut bodies = Vec::new();
    let encode = best(|| {
        bodies.clear();
        bodies.extend(series.values().map(|runs| encode_series(runs, 1)));
    });
    for (body, runs) in bodies.iter().zip(series.values()) {
        assert_eq!(&decode_series(body, limits)?, runs);
    }
    let decode = best(|| {
        for body in &bodies {
            let _ = black_box(decode_series(body, limits));
        }
    });
    report("chunk per signal and day", day.samples as usize, bodies.iter().map(Vec::len).sum(), encode, decode);
    Ok(())
}

fn gunzip(path: &Path) -> Result<String, Box<dyn std::error::Error>> {
    let mut child = Command::new("gzip").arg("-dc").arg(path).stdout(Stdio::piped()).spawn()?;
    let mut bytes = Vec::new();
    if let Some(out) = child.stdout.as_mut() {
        out.read_to_end(&mut bytes)?;
    }
    child.wait()?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Microseconds since 1970 of `2016-10-31T19:13:46.229Z`.
fn micros(text: &str) -> Option<i64> {
    let number = |from: usize, to: usize| text.get(from..to)?.parse::<i64>().ok();
    let (y, m, d) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    // Days from civil (Hinnant), years from March.
    let y = if m <= 2 { y - 1 } else { y };
    let day_of_year = (153 * ((m + 9) % 12) + 2) / 5 + d - 1;
    let days = y.div_euclid(400) * 146_097 + y.rem_euclid(400) * 365 + y.rem_euclid(400) / 4 - y.rem_euclid(400) / 100
        + day_of_year
        - 719_468;
    let seconds = days * 86_400 + number(11, 13)? * 3600 + number(14, 16)? * 60 + number(17, 19)?;
    let fraction = text.get(20..).map_or("", |f| f.trim_end_matches('Z'));
    let digits: String = fraction.chars().chain("000000".chars()).take(6).collect();
    Some(seconds * 1_000_000 + digits.parse::<i64>().ok()?)
}
