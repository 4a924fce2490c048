//! Series: the samples of one signal, as the server stores them.
//!
//! | bytes | |
//! |---|---|
//! | 4 | CRC-32 (IEEE) of all that follows |
//! | 1 | format: 1; 0x81 when the columns are not compressed |
//! | 1-5 | length of the columns before compression (varint) |
//! | … | zstd frame of the columns (or they themselves) |

use std::cell::RefCell;

use crate::{
    BatchBuilder, DecodeError, Limits, Run, Values,
    pack::{pack, unpack},
    reader::read,
    wire::{Source, put_varint},
    writer::{Cells, Writer},
};

const FORMAT: u8 = 1;
const STORED: u8 = 0x80;

thread_local! {
    static WRITER: RefCell<Writer> = RefCell::default();
}

/// Packs the samples of one signal into a self-contained, checksummed body.
///
/// At most three runs: one of numbers, one of texts, one of unavailable, in any order. Should times repeat or be out of
/// order, or a kind stand twice, the samples are brought in order; of two with the same time the one of the later run
/// stands. Times without a value, and values without a time, are left out. `zstd_level`: 1 (fast) to 19.
pub fn encode_series(runs: &[Run], zstd_level: i32) -> Vec<u8> {
    match numbers_alone(runs) {
        Some((times, values)) => WRITER.with_borrow_mut(|writer| {
            writer.begin(0);
            writer.run(0, times, Cells::Numbers(values));
            let (raw, ends) = writer.finish(|_| "");
            seal(raw, ends, zstd_level)
        }),
        None => {
            let mut builder = BatchBuilder::new();
            for run in runs {
                for (i, &time) in run.times.iter().enumerate() {
                    match &run.values {
                        Values::Number(values) => {
                            if let Some(&value) = values.get(i) {
                                builder.push_number(0, time, value);
                            }
                        }
                        Values::Text(values) => {
                            if let Some(value) = values.get(i) {
                                builder.push_text(0, time, value);
                            }
                        }
                        Values::Unavailable => builder.push_unavailable(0, time),
                    }
                }
            }
            builder.finish_raw(|raw, ends| seal(raw, ends, zstd_level))
        }
    }
}

/// The most frequent case needs no builder.
fn numbers_alone(runs: &[Run]) -> Option<(&[i64], &[f64])> {
    match runs {
        [Run { times, values: Values::Number(values) }]
            if !times.is_empty() && times.len() == values.len() && times.windows(2).all(|pair| pair[0] < pair[1]) =>
        {
            Some((times, values))
        }
        _ => None,
    }
}

fn seal(raw: &[u8], ends: &[usize], zstd_level: i32) -> Vec<u8> {
    let mut out = vec![0; 4];
    out.push(FORMAT);
    put_varint(&mut out, raw.len() as u64);
    let head = out.len();
    pack(raw, ends, zstd_level, &mut out);
    if out.len() - head >= raw.len() {
        out.truncate(head);
        out.extend_from_slice(raw);
        out[4] |= STORED;
    }
    let crc = crc32fast::hash(&out[4..]);
    out[..4].copy_from_slice(&crc.to_le_bytes());
    out
}

/// Unpacks what [`encode_series`] packed: one run for each kind of value that occurs, in the order numbers, texts,
/// unavailable.
///
/// # Errors
/// When a byte differs from what was written (by checksum), or the series is larger than `limits` permit. Never
/// panics; what it asks of memory is bounded by `limits`.
pub fn decode_series(body: &[u8], limits: Limits) -> Result<Vec<Run>, DecodeError> {
    let (stored, rest) = body.split_first_chunk::<4>().ok_or(DecodeError::Truncated("checksum"))?;
    let (stored, found) = (u32::from_le_bytes(*stored), crc32fast::hash(rest));
    if stored != found {
        return Err(DecodeError::Checksum { stored, found });
    }
    let mut source = Source::new(rest, "series header");
    let format = source.byte()?;
    if format & !STORED != FORMAT {
        return Err(DecodeError::Version(format & !STORED));
    }
    let raw_len = source.varint()?;
    let limit = u64::from(limits.max_raw_len);
    if raw_len > limit {
        return Err(DecodeError::TooLarge { announced: raw_len, limit });
    }
    let columns = source.take(source.left())?;
    let runs = if format & STORED == 0 {
        unpack(columns, raw_len as usize, |raw| read(raw, limits))?
    } else if columns.len() as u64 == raw_len {
        read(columns, limits)?
    } else {
        return Err(DecodeError::Invalid("series header"));
    };
    if runs.iter().any(|(signal, _)| *signal != 0) {
        return Err(DecodeError::Invalid("signals"));
    }
    Ok(runs.into_iter().map(|(_, run)| run).collect())
}
