//! Chunks: the samples of one signal packed for keeps, with what plots need beside them.

use gemba_codec::{DecodeError, Limits, Run, Values, decode_series, encode_series};

use super::series::Series;

/// A chunk holds at most this many samples …
pub(super) const MAX_SAMPLES: usize = 16_384;
/// … and is left alone by what comes after it in time once it holds this many,
pub(super) const FULL_SAMPLES: usize = 12_288;
/// or its body is this long (texts).
pub(super) const FULL_BYTES: i32 = 1 << 20;
/// Texts of a chunk, before compression, in bytes (about).
const MAX_TEXT_BYTES: usize = 4 << 20;
/// Minutes are kept beside the samples when there are at least this many samples to a minute.
const SAMPLES_PER_MINUTE: usize = 20;
/// zstd level of chunks, which are read for years, and of parts, which live for minutes.
const CHUNK_LEVEL: i32 = 3;
const PART_LEVEL: i32 = 1;
const MINUTE: i64 = 60_000_000;
/// What a body may unpack to: several times what is ever packed.
const LIMITS: Limits = Limits { max_raw_len: 256 << 20, max_samples: 8_000_000 };

/// A row of `chunk`.
#[derive(Clone, Debug)]
pub(super) struct PackedChunk {
    pub signal_id: i32,
    pub head: ChunkHead,
    pub body: Vec<u8>,
    pub minutes: Option<Vec<u8>>,
}

/// What is known of a chunk without unpacking it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct ChunkHead {
    pub first_time: i64,
    pub last_time: i64,
    pub n: i32,
    /// How many of the n are numbers.
    pub numbers: i32,
    /// Of the numbers that are no NaN.
    pub min: Option<f64>,
    pub max: Option<f64>,
    pub sum: f64,
}

/// A row of `chunk_part`.
#[derive(Clone, Debug)]
pub(super) struct PackedPart {
    pub signal_id: i32,
    pub first_time: i64,
    pub last_time: i64,
    pub n: i32,
    pub body: Vec<u8>,
}

/// Least, greatest and number of samples of one minute.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct MinuteRange {
    /// Begin of the minute.
    pub time: i64,
    pub n: u64,
    pub min: f64,
    pub max: f64,
}

impl ChunkHead {
    fn of(series: &Series) -> Option<Self> {
        let mut head = Self {
            first_time: series.first_micros()?,
            last_time: series.last_micros()?,
            n: i32::try_from(series.len()).ok()?,
            numbers: i32::try_from(series.number_count()).ok()?,
            min: None,
            max: None,
            sum: 0.0,
        };
        for (_, number) in series.numbers().filter(|(_, number)| !number.is_nan()) {
            head.min = Some(head.min.map_or(number, |min| min.min(number)));
            head.max = Some(head.max.map_or(number, |max| max.max(number)));
            head.sum += number;
        }
        Some(head)
    }
}

/// Packs a piece of a signal's samples as a chunk. `None` when there are none.
pub(super) fn pack(signal_id: i32, series: Series) -> Option<PackedChunk> {
    let head = ChunkHead::of(&series)?;
    let minutes = pack_minutes(&series);
    Some(PackedChunk { signal_id, head, body: encode_series(&series.into_runs(), CHUNK_LEVEL), minutes })
}

/// Packs new samples as a part. `None` when there are none.
pub(super) fn pack_part(signal_id: i32, series: Series) -> Option<PackedPart> {
    Some(PackedPart {
        signal_id,
        first_time: series.first_micros()?,
        last_time: series.last_micros()?,
        n: i32::try_from(series.len()).ok()?,
        body: encode_series(&series.into_runs(), PART_LEVEL),
    })
}

/// Unpacks a body and compares it with what its row says of it. The error is the reason, for people.
pub(super) fn unpack(body: &[u8], first_time: i64, last_time: i64, n: i32) -> Result<Series, String> {
    let runs = decode_series(body, LIMITS).map_err(|error: DecodeError| error.to_string())?;
    let series = Series::from_runs(runs);
    let found = (series.first_micros(), series.last_micros(), i32::try_from(series.len()).ok());
    if found == (Some(first_time), Some(last_time), Some(n)) {
        Ok(series)
    } else {
        Err(format!(
            "the row announces {n} samples from {first_time} to {last_time}, the body holds {} from {} to {}",
            series.len(),
            found.0.unwrap_or_default(),
            found.1.unwrap_or_default()
        ))
    }
}

/// Cuts samples into pieces of a chunk's size: full ones and a rest when more will follow them in time, otherwise of
/// equal size.
pub(super) fn cut(series: Series, more_follows: bool) -> Vec<Series> {
    let total = series.len();
    let bytes_each = series.text_bytes() / total.max(1);
    let most = MAX_SAMPLES.min(MAX_TEXT_BYTES / bytes_each.max(1)).max(1);
    if total <= most {
        return vec![series];
    }
    let each = if more_follows { most } else { total.div_ceil(total.div_ceil(most)) };
    let times = series.times();
    let starts: Vec<i64> = times.iter().copied().step_by(each).collect();
    (0..starts.len())
        .map(|i| {
            let begin = if i == 0 { i64::MIN } else { starts[i] };
            series.part(begin, starts.get(i + 1).copied().unwrap_or(i64::MAX))
        })
        .collect()
}

/// Minutes of an all-number series, in three columns one after the other: n, least, greatest.
fn pack_minutes(series: &Series) -> Option<Vec<u8>> {
    let minutes = minutes_of(series)?;
    let (first, last) = (minutes.first()?.time, minutes.last()?.time);
    let shift = last - first + MINUTE;
    let columns: [fn(&MinuteRange) -> f64; 3] = [|m| m.n as f64, |m| m.min, |m| m.max];
    let mut run = (Vec::new(), Vec::new());
    for (column, value) in (0..).zip(columns) {
        run.0.extend(minutes.iter().map(|m| m.time + column * shift));
        run.1.extend(minutes.iter().map(value));
    }
    Some(encode_series(&[Run { times: run.0, values: Values::Number(run.1) }], CHUNK_LEVEL))
}

fn minutes_of(series: &Series) -> Option<Vec<MinuteRange>> {
    if series.number_count() != series.len() {
        return None;
    }
    let mut minutes: Vec<MinuteRange> = Vec::new();
    let mut end = i64::MIN;
    for (time, number) in series.numbers() {
        if number.is_nan() {
            return None;
        }
        match minutes.last_mut() {
            Some(minute) if time < end => {
                minute.n += 1;
                minute.min = minute.min.min(number);
                minute.max = minute.max.max(number);
            }
            _ => {
                let begin = time.div_euclid(MINUTE).checked_mul(MINUTE)?;
                end = begin.saturating_add(MINUTE);
                minutes.push(MinuteRange { time: begin, n: 1, min: number, max: number });
            }
        }
    }
    (series.len() >= minutes.len() * SAMPLES_PER_MINUTE).then_some(minutes)
}

/// Unpacks a chunk's minutes. The error is the reason, for people.
pub(super) fn unpack_minutes(body: &[u8]) -> Result<Vec<MinuteRange>, String> {
    let runs = decode_series(body, LIMITS).map_err(|error| error.to_string())?;
    let [Run { times, values: Values::Number(values) }] = runs.as_slice() else {
        return Err("the minutes are not one column of numbers".to_owned());
    };
    let count = times.len() / 3;
    if count * 3 != times.len() {
        return Err("the minutes are not three columns of one length".to_owned());
    }
    Ok((0..count)
        .map(|i| MinuteRange {
            time: times[i],
            n: values[i] as u64,
            min: values[count + i],
            max: values[2 * count + i],
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(count: i64, step: i64) -> Series {
        let times: Vec<i64> = (0..count).map(|i| i * step).collect();
        let values = times.iter().map(|t| ((t / step) % 97) as f64 / 4.0).collect();
        Series::from(Run { times, values: Values::Number(values) })
    }

    #[test]
    fn pieces_hold_everything_and_are_of_the_right_size() {
        for (count, follows, sizes) in [
            (100, true, vec![100]),
            (40_000, true, vec![16_384, 16_384, 7_232]),
            (40_000, false, vec![13_334, 13_334, 13_332]),
        ] {
            let pieces = cut(numbers(count, 1000), follows);
            assert_eq!(pieces.iter().map(Series::len).collect::<Vec<_>>(), sizes);
            assert_eq!(Series::merged(pieces), numbers(count, 1000));
        }
    }

    #[test]
    fn minutes_survive_packing_and_agree_with_the_samples() {
        let series = numbers(3600, 1_000_000);
        let minutes = unpack_minutes(&pack_minutes(&series).expect("dense enough")).expect("readable");
        assert_eq!(minutes, minutes_of(&series).expect("dense"));
        assert_eq!(minutes.len(), 60);
        assert_eq!(minutes.iter().map(|m| m.n).sum::<u64>(), 3600);
        assert_eq!(minutes[0], MinuteRange { time: 0, n: 60, min: 0.0, max: 59.0 / 4.0 });
        assert!(pack_minutes(&numbers(3600, 10_000_000)).is_none(), "too few samples to a minute");
    }

    #[test]
    fn a_body_that_is_not_what_the_row_says_is_refused() {
        let chunk = pack(1, numbers(500, 1000)).expect("samples");
        let (head, body) = (chunk.head, chunk.body);
        assert_eq!(unpack(&body, head.first_time, head.last_time, head.n), Ok(numbers(500, 1000)));
        assert!(unpack(&body, head.first_time, head.last_time, head.n + 1).is_err());
        for at in 0..body.len() {
            let mut flipped = body.clone();
            flipped[at] ^= 1 << (at % 8);
            assert!(unpack(&flipped, head.first_time, head.last_time, head.n).is_err(), "flip in byte {at}");
        }
    }
}
