//! Damaged and hostile bodies: an error, never a panic, never more memory than permitted.

use gemba_codec::{
    BatchBuilder, DecodeError, EncodedBatch, Limits, Run, Values, decode_batch, decode_series, encode_series,
};
use proptest::prelude::*;

const LIMITS: Limits = Limits { max_raw_len: 1 << 20, max_samples: 50_000 };

fn batch() -> EncodedBatch {
    let mut builder = BatchBuilder::new();
    for i in 0..300_i64 {
        let time = 1_763_800_000_000_000 + i * 1_000_000 + i % 7 * 1_000;
        builder.push_number(0, time, (200 + i % 5) as f64 / 10.0);
        builder.push_number(1, time, (i as f64).sqrt());
        builder.push_number(9, time + i * i % 11, (i * i * 977 % 100_003) as f64);
        match i % 50 {
            0 => builder.push_text(20, time, "ACTIVE"),
            25 => builder.push_text(20, time, "STOPPED"),
            40 => builder.push_unavailable(20, time),
            _ => builder.push_number(20, time, if i == 77 { f64::NAN } else { 1.5 }),
        }
    }
    builder.finish()
}

fn runs() -> Vec<Run> {
    let batch = batch();
    let runs = decode_batch(&batch.body, batch.raw_len, LIMITS).unwrap_or_default();
    runs.into_iter().filter(|(signal, _)| *signal == 20).map(|(_, run)| run).collect()
}

/// A series body around these columns, checksum and all.
fn sealed(columns: &[u8]) -> Vec<u8> {
    let mut rest = vec![0x81];
    let mut len = columns.len();
    while len >= 0x80 {
        rest.push(len as u8 | 0x80);
        len >>= 7;
    }
    rest.push(len as u8);
    rest.extend_from_slice(columns);
    [crc32fast::hash(&rest).to_le_bytes().as_slice(), &rest].concat()
}

/// What a decoder gives keeps its promises, whatever it was given.
fn check(runs: &[(u32, Run)]) {
    let mut samples = 0;
    for (_, run) in runs {
        assert!(!run.is_empty());
        assert!(run.times.windows(2).all(|pair| pair[0] < pair[1]));
        match &run.values {
            Values::Number(values) => assert_eq!(values.len(), run.len()),
            Values::Text(values) => assert_eq!(values.len(), run.len()),
            Values::Unavailable => {}
        }
        samples += run.len();
    }
    assert!(samples <= LIMITS.max_samples as usize);
    assert!(runs.is_sorted_by_key(|(signal, _)| *signal));
}

fn check_columns(columns: &[u8]) {
    let body = zstd::bulk::compress(columns, 1).unwrap_or_default();
    if let Ok(runs) = decode_batch(&body, columns.len() as u32, LIMITS) {
        check(&runs);
    }
    if let Ok(runs) = decode_series(&sealed(columns), LIMITS) {
        check(&runs.into_iter().map(|run| (0, run)).collect::<Vec<_>>());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn arbitrary_bytes(bytes in prop::collection::vec(any::<u8>(), 0..300), raw_len in 0_u32..400) {
        prop_assert!(decode_series(&bytes, LIMITS).is_err());
        if let Ok(runs) = decode_batch(&bytes, raw_len, LIMITS) {
            check(&runs);
        }
        check_columns(&bytes);
    }

    /// Bytes that begin like a body.
    #[test]
    fn arbitrary_columns(
        runs in 0_u8..4,
        lens in prop::collection::vec(0_u8..12, 26),
        bytes in prop::collection::vec(prop_oneof![0_u8..8, any::<u8>()], 0..400),
    ) {
        let present = lens.iter().enumerate().fold(0_u32, |bits, (i, &len)| bits | u32::from(len != 0) << i);
        let mut columns = vec![runs];
        columns.extend(present.to_le_bytes());
        columns.extend(lens.iter().filter(|len| **len != 0));
        let widths = [1, 2, 4, 8];
        let total: usize = lens.iter().enumerate()
            .map(|(i, &len)| usize::from(len) * if i < 10 { 1 } else { widths[(i - 10) % 4] })
            .sum();
        columns.extend(bytes.iter().cycle().take(if bytes.is_empty() { 0 } else { total }));
        check_columns(&columns);
    }

    /// A sound body with some bytes changed, before compression.
    #[test]
    fn changed_columns(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6)) {
        let batch = batch();
        let mut columns = zstd::bulk::decompress(&batch.body, batch.raw_len as usize)?;
        for (at, byte) in changes {
            let at = at.index(columns.len());
            columns[at] = byte;
        }
        check_columns(&columns);
    }
}

#[test]
fn each_changed_bit_of_a_series_is_found() {
    let body = encode_series(&runs(), 1);
    assert_eq!(decode_series(&body, LIMITS), Ok(runs()));
    for at in 0..body.len() {
        for bit in 0..8 {
            let mut changed = body.clone();
            changed[at] ^= 1 << bit;
            let result = decode_series(&changed, LIMITS);
            assert!(matches!(result, Err(DecodeError::Checksum { .. })), "byte {at} bit {bit}: {result:?}");
        }
    }
}

#[test]
fn each_truncation_is_found() {
    let body = encode_series(&runs(), 1);
    for len in 0..body.len() {
        assert!(decode_series(&body[..len], LIMITS).is_err(), "{len} bytes");
    }
    let batch = batch();
    for len in 0..batch.body.len() {
        assert!(decode_batch(&batch.body[..len], batch.raw_len, LIMITS).is_err(), "{len} bytes");
    }
}

#[test]
fn each_changed_byte_of_a_batch_is_harmless() {
    let batch = batch();
    for at in 0..batch.body.len() {
        for change in [1, 0x10, 0x80, 0xff] {
            let mut body = batch.body.clone();
            body[at] ^= change;
            if let Ok(runs) = decode_batch(&body, batch.raw_len, LIMITS) {
                check(&runs);
            }
        }
    }
    for raw_len in [0, 1, batch.raw_len - 1, batch.raw_len + 1, LIMITS.max_raw_len] {
        assert!(decode_batch(&batch.body, raw_len, LIMITS).is_err());
    }
}

#[test]
fn a_bomb_stops_at_the_announced_length() -> std::io::Result<()> {
    let bomb = zstd::bulk::compress(&vec![0; 200 << 20], 1)?;
    assert!(bomb.len() < 20_000);
    for raw_len in [0, 1000, LIMITS.max_raw_len] {
        let result = decode_batch(&bomb, raw_len, LIMITS);
        assert!(matches!(result, Err(DecodeError::Compression { .. })), "{result:?}");
    }
    let result = decode_batch(&bomb, 200 << 20, LIMITS);
    assert_eq!(result, Err(DecodeError::TooLarge { announced: 200 << 20, limit: 1 << 20 }));
    let result = decode_batch(&[], u32::MAX, LIMITS);
    assert_eq!(result, Err(DecodeError::TooLarge { announced: u32::MAX.into(), limit: 1 << 20 }));
    Ok(())
}

#[test]
fn samples_that_cost_no_bytes_are_counted() {
    let mut builder = BatchBuilder::new();
    for i in 0..i64::from(LIMITS.max_samples) + 1 {
        builder.push_number(0, i * 1_000_000, 1.0);
    }
    let batch = builder.finish();
    assert!(batch.body.len() < 100);
    let result = decode_batch(&batch.body, batch.raw_len, LIMITS);
    assert_eq!(result, Err(DecodeError::TooManySamples { announced: 50_001, limit: 50_000 }));
    assert!(decode_batch(&batch.body, batch.raw_len, Limits::default()).is_ok());
}

#[test]
fn an_unknown_format_is_named() {
    let mut body = sealed(&[]);
    body[4] = 2;
    let crc = crc32fast::hash(&body[4..]);
    body[..4].copy_from_slice(&crc.to_le_bytes());
    assert_eq!(decode_series(&body, LIMITS), Err(DecodeError::Version(2)));
}
