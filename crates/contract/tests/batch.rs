//! Frames of batches: what is sound comes back, what is not is named.

use gemba_contract::batch::{
    BatchBuilder, DecodeError, EncodedBatch, FrameProblem, HEADER_LEN, MAX_BODY_LEN, Run, Values, encode_frame, frames,
};
use gemba_domain::Timestamp;

const NOW: i64 = 1_763_800_000_000_000;

fn at(micros: i64) -> Timestamp {
    Timestamp::from_micros(NOW + micros)
}

fn batch() -> EncodedBatch {
    let mut builder = BatchBuilder::new();
    for i in 0..20 {
        builder.push_number(0, NOW + i * 1_000_000, 20.0 + i as f64 / 10.0);
        builder.push_number(3, NOW + i * 1_000_000, (i as f64).sqrt());
    }
    builder.push_text(7, NOW, "ACTIVE");
    builder.push_unavailable(7, NOW + 1);
    builder.finish()
}

fn frame() -> Vec<u8> {
    encode_frame(42, 1, at(0), at(20_000_000), &batch())
}

/// A frame with these numbers around this body, its checksum right.
fn forged(samples: u32, raw_len: u32, body_len: u32, body: &[u8]) -> Vec<u8> {
    let mut bytes = frame()[..HEADER_LEN - 4].to_vec();
    for (i, number) in [samples, raw_len, body_len].into_iter().enumerate() {
        bytes[36 + 4 * i..40 + 4 * i].copy_from_slice(&number.to_le_bytes());
    }
    let crc = crc32fast::hash(&[bytes.as_slice(), body].concat());
    bytes.extend(crc.to_le_bytes());
    bytes.extend(body);
    bytes
}

/// The problem of the only frame.
fn problem(bytes: &[u8]) -> Option<FrameProblem> {
    let mut all = frames(bytes);
    let first = all.next()?.err()?;
    assert_eq!((first.index, first.offset), (0, 0));
    assert!(all.next().is_none());
    Some(first.problem)
}

#[test]
fn frames_come_back_one_after_the_other() -> anyhow::Result<()> {
    let empty = EncodedBatch::default();
    let mut bytes = frame();
    bytes.extend(encode_frame(42, 2, at(20_000_000), at(22_000_000), &empty));
    bytes.extend(encode_frame(42, 3, at(22_000_000), at(22_200_000), &batch()));
    let all = frames(&bytes).collect::<Result<Vec<_>, _>>()?;
    assert_eq!(all.iter().map(|f| f.header.seq).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!((all[1].header.samples, all[1].header.raw_len, all[1].body.len()), (0, 0, 0));
    assert_eq!(all[1].decode()?, []);
    let header = all[2].header;
    assert_eq!((header.epoch, header.samples, header.body_len as usize), (42, 42, all[2].body.len()));
    assert_eq!((header.covered_from, header.covered_to), (at(22_000_000), at(22_200_000)));
    let runs = all[2].decode()?;
    assert_eq!(runs.iter().map(|(signal, _)| *signal).collect::<Vec<_>>(), [0, 3, 7, 7]);
    assert_eq!(runs[2].1, Run { times: vec![NOW], values: Values::Text(vec!["ACTIVE".into()]) });
    assert_eq!(frames(&[]).count(), 0);
    Ok(())
}

/// The specification's table, field by field.
#[test]
fn the_header_is_laid_out_as_specified() {
    let batch = batch();
    let bytes = encode_frame(0x0102_0304_0506_0708, 9, at(-5), at(6), &batch);
    let mut expected = b"GMB1".to_vec();
    expected.extend(0x0102_0304_0506_0708_u64.to_le_bytes());
    expected.extend(9_u64.to_le_bytes());
    expected.extend((NOW - 5).to_le_bytes());
    expected.extend((NOW + 6).to_le_bytes());
    expected.extend(42_u32.to_le_bytes());
    expected.extend(batch.raw_len.to_le_bytes());
    expected.extend((batch.body.len() as u32).to_le_bytes());
    assert_eq!(expected.len(), 48);
    let crc = crc32fast::hash(&[expected.as_slice(), &batch.body].concat());
    expected.extend(crc.to_le_bytes());
    expected.extend(&batch.body);
    assert_eq!(bytes, expected);
}

#[test]
fn each_truncation_is_named() {
    let frame = frame();
    let body_len = (frame.len() - HEADER_LEN) as u64;
    for len in 1..frame.len() {
        let expected = if len < HEADER_LEN {
            FrameProblem::Truncated { part: "header", expected: HEADER_LEN as u64, found: len as u64 }
        } else {
            FrameProblem::Truncated { part: "body", expected: body_len, found: (len - HEADER_LEN) as u64 }
        };
        assert_eq!(problem(&frame[..len]), Some(expected));
        // The frames before it are sound.
        let two = [frame.as_slice(), &frame[..len]].concat();
        let mut all = frames(&two);
        assert!(all.next().is_some_and(|first| first.is_ok()));
        let error = all.next().and_then(Result::err);
        assert_eq!(error.map(|e| (e.index, e.offset)), Some((1, frame.len())));
        assert!(all.next().is_none());
    }
}

#[test]
fn each_changed_bit_is_found() {
    let frame = frame();
    for at in 0..frame.len() {
        for bit in 0..8 {
            let mut changed = frame.clone();
            changed[at] ^= 1 << bit;
            let found = problem(&changed);
            match at {
                0..4 => assert!(matches!(found, Some(FrameProblem::Magic(_))), "byte {at} bit {bit}: {found:?}"),
                // A changed length may be refused before the checksum is looked at.
                36..48 => assert!(found.is_some(), "byte {at} bit {bit}"),
                _ => assert!(matches!(found, Some(FrameProblem::Checksum { .. })), "byte {at} bit {bit}: {found:?}"),
            }
        }
    }
}

#[test]
fn announced_gigabytes_are_refused_from_the_header() {
    for (samples, raw_len, body_len, what) in [
        (1, 1, u32::MAX, "bytes of body"),
        (1, u32::MAX, 1, "bytes before compression"),
        (u32::MAX, 1, 1, "samples"),
        (1_000_001, 1, 1, "samples"),
        (1, (32 << 20) + 1, 1, "bytes before compression"),
        (1, 1, MAX_BODY_LEN + 1, "bytes of body"),
    ] {
        let found = problem(&forged(samples, raw_len, body_len, &[0]));
        assert!(matches!(&found, Some(FrameProblem::Limit { what: w, .. }) if *w == what), "{found:?}");
    }
    let found = problem(&forged(0, 8, 8, &[0; 8]));
    assert!(matches!(found, Some(FrameProblem::Contradiction(_))), "{found:?}");
}

/// A zstd frame of 2,000 blocks, each 128 KiB of one byte (RFC 8878, 3.1.1.2.2).
fn bomb() -> Vec<u8> {
    let mut bomb = 0xFD2F_B528_u32.to_le_bytes().to_vec();
    bomb.extend([0b0000_0000, 0b0101_0000]);
    for i in 0..2000_u32 {
        let head = (128 << 10) << 3 | 1 << 1 | u32::from(i == 1999);
        bomb.extend(&head.to_le_bytes()[..3]);
        bomb.push(0);
    }
    bomb
}

#[test]
fn a_bomb_stops_at_the_announced_length() -> anyhow::Result<()> {
    let bomb = bomb();
    for raw_len in [1, 1 << 20, 32 << 20] {
        let bytes = forged(1, raw_len, bomb.len() as u32, &bomb);
        let frame = frames(&bytes).next().ok_or_else(|| anyhow::anyhow!("no frame"))??;
        let result = frame.decode();
        assert!(matches!(result, Err(DecodeError::Compression { .. })), "{result:?}");
    }
    Ok(())
}

#[test]
fn the_number_of_samples_must_be_that_of_the_header() -> anyhow::Result<()> {
    let batch = batch();
    let bytes = forged(41, batch.raw_len, batch.body.len() as u32, &batch.body);
    let frame = frames(&bytes).next().ok_or_else(|| anyhow::anyhow!("no frame"))??;
    assert_eq!(frame.decode(), Err(DecodeError::SampleCount { announced: 41, found: 42 }));
    Ok(())
}

#[test]
fn errors_say_where_and_what() {
    let mut bytes = frame();
    let offset = bytes.len();
    bytes.extend(b"GMB2 and more");
    let error = frames(&bytes).find_map(Result::err).map(|e| e.to_string());
    let expected = format!("frame 1 (at byte {offset}): expected the magic `GMB1`, found bytes [47, 4d, 42, 32]");
    assert_eq!(error, Some(expected));
}
