//! What is packed comes back bit by bit.

use std::{collections::BTreeMap, sync::Arc};

use gemba_codec::{BatchBuilder, Limits, Run, Values, decode_batch, decode_series, encode_series};
use proptest::prelude::*;

#[derive(Debug, Clone)]
enum Value {
    Number(f64),
    Text(String),
    Unavailable,
}

fn number() -> impl Strategy<Value = f64> {
    prop_oneof![
        6 => (-100_000_i64..100_000, 0_i32..6).prop_map(|(m, e)| m as f64 / 10_f64.powi(e)),
        2 => (-2000_i32..2000).prop_map(|m| f64::from(m as f32 / 10.0)),
        2 => any::<u64>().prop_map(f64::from_bits),
        1 => any::<u32>().prop_map(|bits| f64::from(f32::from_bits(bits))),
        1 => (-1_i64 << 54..1 << 54).prop_map(|m| m as f64),
        1 => prop::sample::select(vec![
            0.0, -0.0, f64::NAN, -f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MIN_POSITIVE, 5e-324, -5e-324,
            f64::MAX, f64::MIN, 0.1 + 0.2, 9_007_199_254_740_991.0, 9_007_199_254_740_992.0, 9_007_199_254_740_993.0,
            2_251_799_813_685_248.0, 4.503_599_627_370_497e15, 1e-12, 1e-13, 1e22, 1e300,
            f64::from_bits(0x7ff0_0000_0000_0001), f64::from_bits(0xfff8_dead_beef_0001),
        ]),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        8 => number().prop_map(Value::Number),
        2 => prop_oneof![Just("ACTIVE".to_owned()), Just(String::new()), ".{0,12}"].prop_map(Value::Text),
        1 => Just(Value::Unavailable),
    ]
}

fn time() -> impl Strategy<Value = i64> {
    const NOW: i64 = 1_763_800_000_000_000;
    prop_oneof![
        6 => (0_i64..40).prop_map(|s| NOW + s * 1_000_000),
        3 => (0_i64..40, 0_i64..9).prop_map(|(s, ms)| NOW + s * 1_000_000 + ms * 1_000),
        2 => (0_i64..4_000_000).prop_map(|us| NOW + us),
        1 => any::<i64>(),
        1 => prop::sample::select(vec![i64::MIN, i64::MAX, 0, -1]),
    ]
}

fn signal() -> impl Strategy<Value = u32> {
    prop_oneof![8 => 0_u32..6, 2 => 0_u32..3000, 1 => any::<u32>(), 1 => Just(u32::MAX)]
}

fn push(builder: &mut BatchBuilder, signal: u32, time: i64, value: &Value) {
    match value {
        Value::Number(v) => builder.push_number(signal, time, *v),
        Value::Text(v) => builder.push_text(signal, time, v),
        Value::Unavailable => builder.push_unavailable(signal, time),
    }
}

/// The runs that a body of these samples must hold.
fn expected(samples: &[(u32, i64, Value)]) -> Vec<(u32, Run)> {
    let last: BTreeMap<(u32, i64), &Value> = samples.iter().map(|(s, t, v)| ((*s, *t), v)).collect();
    let mut runs: BTreeMap<(u32, u8), Run> = BTreeMap::new();
    for ((signal, time), value) in last {
        let (rank, empty) = match value {
            Value::Number(_) => (0, Values::Number(Vec::new())),
            Value::Text(_) => (1, Values::Text(Vec::new())),
            Value::Unavailable => (2, Values::Unavailable),
        };
        let run = runs.entry((signal, rank)).or_insert_with(|| Run { times: Vec::new(), values: empty });
        run.times.push(time);
        match (&mut run.values, value) {
            (Values::Number(values), Value::Number(v)) => values.push(*v),
            (Values::Text(values), Value::Text(v)) => values.push(v.as_str().into()),
            _ => {}
        }
    }
    runs.into_iter().map(|((signal, _), run)| (signal, run)).collect()
}

fn check_batch(builder: &mut BatchBuilder, samples: &[(u32, i64, Value)]) {
    for (signal, time, value) in samples {
        push(builder, *signal, *time, value);
    }
    assert_eq!(builder.len(), samples.len());
    let bound = builder.raw_bound();
    let batch = builder.finish();
    assert!(builder.is_empty());
    assert!(batch.raw_len as usize <= bound, "{} bytes, bound {bound}", batch.raw_len);
    let runs = decode_batch(&batch.body, batch.raw_len, Limits::default());
    let expected = expected(samples);
    assert_eq!(batch.samples as usize, expected.iter().map(|(_, run)| run.len()).sum::<usize>());
    assert_eq!(batch.first_time, samples.iter().map(|s| s.1).min().unwrap_or(0));
    assert_eq!(batch.last_time, samples.iter().map(|s| s.1).max().unwrap_or(0));
    assert_eq!(runs, Ok(expected));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_samples_in_any_order(samples in prop::collection::vec((signal(), time(), value()), 0..400)) {
        let mut builder = BatchBuilder::new();
        check_batch(&mut builder, &samples);
        // A builder that was used before gives the same.
        check_batch(&mut builder, &samples[samples.len() / 2..]);
    }

    #[test]
    fn scans_and_bursts(
        scans in prop::collection::vec((1_i64..2_000_000, prop::collection::vec(number(), 7)), 1..60),
        by_signal in any::<bool>(),
    ) {
        let mut samples = Vec::new();
        let mut time = 1_763_800_000_000_000;
        for (step, values) in scans {
            time += step;
            samples.extend((0..).zip(values).map(|(signal, v)| (signal, time, Value::Number(v))));
        }
        if by_signal {
            samples.sort_by_key(|s| s.0);
        }
        check_batch(&mut BatchBuilder::new(), &samples);
    }

    #[test]
    fn any_series(samples in prop::collection::vec((Just(0_u32), time(), value()), 0..400), level in 1..10) {
        let runs: Vec<Run> = expected(&samples).into_iter().map(|(_, run)| run).collect();
        prop_assert_eq!(decode_series(&encode_series(&runs, level), Limits::default()), Ok(runs));
    }

    /// Long columns: these reach each predictor, exceptions, and patches.
    #[test]
    fn long_series(
        period in 1_i64..3_000_000,
        jitter in 1_u64..50_000,
        unit in prop::sample::select(vec![1_i64, 10, 1_000, 1_000_000]),
        missing in 1_u64..20,
        odd in 1_u64..500,
        decimals in 0_i32..8,
        walk in 0_u64..1_000,
        single in any::<bool>(),
        seed in any::<u64>(),
        n in 17_usize..3_000,
    ) {
        let mut state = seed | 1;
        let mut random = move |below: u64| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state % below
        };
        let (mut times, mut values, mut at, mut level) = (Vec::new(), Vec::new(), 0, 0_i64);
        while times.len() < n {
            at += if random(missing) == 0 { 1 + random(4) as i64 } else { 1 };
            let time = (at * period + random(jitter) as i64) * unit;
            if times.last().is_some_and(|&last| last >= time) {
                continue;
            }
            times.push(time);
            level += random(2 * walk + 1) as i64 - walk as i64;
            let value = level as f64 / 10_f64.powi(decimals);
            values.push(match random(odd) {
                0 => f64::from_bits(random(u64::MAX)),
                _ if single => f64::from(value as f32),
                _ => value,
            });
        }
        let runs = [Run { times, values: Values::Number(values) }];
        let body = encode_series(&runs, 1);
        let decoded = decode_series(&body, Limits::default());
        prop_assert_eq!(decoded.as_deref(), Ok(runs.as_slice()));
    }
}

#[test]
fn nothing_is_nothing() {
    let batch = BatchBuilder::new().finish();
    assert_eq!((batch.samples, batch.raw_len, batch.body.len()), (0, 0, 0));
    assert_eq!(decode_batch(&[], 0, Limits::default()), Ok(Vec::new()));
    assert_eq!(decode_series(&encode_series(&[], 1), Limits::default()), Ok(Vec::new()));
}

#[test]
fn a_cleared_builder_forgets() {
    let mut builder = BatchBuilder::new();
    builder.push_text(1, 5, "gone");
    builder.push_number(0, 5, 1.0);
    builder.clear();
    check_batch(&mut builder, &[(0, 1, Value::Number(1.5)), (0, 2, Value::Text("here".to_owned()))]);
}

#[test]
fn the_later_of_two_stands_even_when_the_kinds_differ() {
    let samples = [
        (3, 10, Value::Number(1.0)),
        (3, 9, Value::Number(2.0)),
        (3, 10, Value::Text("stopped".to_owned())),
        (3, 9, Value::Unavailable),
        (3, 9, Value::Number(4.0)),
    ];
    check_batch(&mut BatchBuilder::new(), &samples);
    let runs = expected(&samples);
    assert_eq!(runs[0].1, Run { times: vec![9], values: Values::Number(vec![4.0]) });
    assert_eq!(runs[1].1, Run { times: vec![10], values: Values::Text(vec!["stopped".into()]) });
}

#[test]
fn a_series_out_of_order_is_brought_in_order() {
    let text: Arc<str> = "b".into();
    let runs = [
        Run { times: vec![5, 3, 5], values: Values::Number(vec![1.0, 2.0, 3.0]) },
        Run { times: vec![3], values: Values::Text(vec![text.clone()]) },
        Run { times: vec![7, 8], values: Values::Number(vec![4.0]) },
    ];
    let sound = vec![
        Run { times: vec![5, 7], values: Values::Number(vec![3.0, 4.0]) },
        Run { times: vec![3], values: Values::Text(vec![text]) },
    ];
    assert_eq!(decode_series(&encode_series(&runs, 1), Limits::default()), Ok(sound));
}

fn series(n: i64, time: impl Fn(i64) -> i64, value: impl Fn(i64) -> f64) -> usize {
    let runs = [Run { times: (0..n).map(time).collect(), values: Values::Number((0..n).map(value).collect()) }];
    let body = encode_series(&runs, 1);
    assert_eq!(decode_series(&body, Limits::default()).as_deref(), Ok(runs.as_slice()));
    body.len()
}

#[test]
fn what_is_regular_costs_next_to_nothing() {
    let start = 1_763_800_000_123_456;
    assert!(series(3600, |i| start + i * 1_000_000, |_| 23.4) < 60);
    assert!(series(3600, |i| start + i * 1_000_000, |i| i as f64 * 0.25) < 60);
    assert!(series(3600, |i| start + i * 333_333, |_| f64::NAN) < 60);
    // A constant with three changes.
    assert!(series(3600, |i| start + i * 1_000_000, |i| (i / 1000) as f64 / 10.0) < 80);
    // One tick in ten is missing.
    assert!(series(3600, |i| start + (i + i / 9) * 1_000_000, |_| 1.0) < 120);
}

#[test]
fn jitter_costs_its_entropy_and_gaps_little_more() {
    let jitter = |i: i64| (i.wrapping_mul(2_654_435_761) >> 7) % 8 * 1_000;
    let even = series(7200, |i| i * 1_000_000 + jitter(i), |_| 1.0);
    assert!(even < 7200 * 4 / 8, "{even} bytes for 7,200 times of 3 bits");
    let gaps = series(7200, |i| (i + i / 700 * 11) * 1_000_000 + jitter(i), |_| 1.0);
    assert!(gaps < even + 200, "{gaps} bytes with gaps, {even} without");
}

#[test]
fn widened_singles_cost_as_much_as_decimals() {
    let value = |i: i64| (200 + i.wrapping_mul(2_654_435_761) % 7) as f64 / 10.0;
    let double = series(3600, |i| i * 1_000_000, value);
    let single = series(3600, |i| i * 1_000_000, |i| f64::from(value(i) as f32));
    assert!(single <= double + 8, "{single} bytes as singles, {double} as doubles");
}

#[test]
fn one_scan_stores_its_time_once() {
    let size = |own: i64| {
        let mut builder = BatchBuilder::new();
        for signal in 0..500 {
            builder.push_number(signal, 1_763_800_000_000_000 + i64::from(signal.pow(2)) * own, 1.0);
        }
        builder.finish().raw_len
    };
    assert!(size(0) + 500 < size(1_001));
}
