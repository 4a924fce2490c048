//! Columns of integers: a predictor, and what it got wrong.
//!
//! A column's shape is one byte: predictor (bits 0-2), class of its residuals (bits 3-5, see [`crate::lanes`]) and
//! whether exceptions follow (bit 6). Its parameters stand in the stream of bases. All arithmetic wraps, so that
//! every column of 64-bit integers comes back as it was.

mod decode;
mod encode;
mod plan;

pub(crate) use decode::IntReader;
pub(crate) use encode::IntWriter;

/// x is near one value: `x[i] = base + r[i]`.
const OFFSET: u8 = 0;
/// x is near the one before: `x[i] = x[i-1] + r[i]`.
const DELTA: u8 = 1;
/// x goes on as before: `x[i] = 2 x[i-1] - x[i-2] + r[i]`.
const DELTA2: u8 = 2;
/// x grows steadily, errors add up: `x[i] = x[i-1] + step + r[i]`.
const STEP: u8 = 3;
/// x grows steadily, errors do not add up (a clock that ticks): `x[i] = base + i slope + r[i]`.
const LINE: u8 = 4;
/// The same, with ticks left out: `x[i] = base + k[i] slope + r[i]`, where the steps of k are a column before it.
const GRID: u8 = 5;

const PREDICTOR: u8 = 0b111;
const CLASS_SHIFT: u8 = 3;
const EXCEPTIONS: u8 = 0b100_0000;

/// Fraction bits of a slope.
const FRACTION: u32 = 16;

/// Where a line with this base and slope is at tick `k`.
#[inline]
fn on_line(base: i64, slope: i64, k: i64) -> i64 {
    base.wrapping_add(k.wrapping_mul(slope) >> FRACTION)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        lanes::{Lane, OWNERS, Owner, WIDTHS},
        wire::Source,
    };

    /// Writes and reads a column; gives its shape.
    fn round_trip(x: &[i64], owner: Owner) -> u8 {
        let mut writer = IntWriter::default();
        writer.write(x, owner);
        let lanes = &writer.lanes[owner as usize];
        let mut planes = Vec::new();
        lanes.write(&mut planes, &mut Vec::new());
        let mut all = [[Lane::default(); 4]; OWNERS];
        let mut from = 0;
        for (i, count) in lanes.counts().into_iter().enumerate() {
            let to = from + count * WIDTHS[i + 1];
            all[owner as usize][i] = Lane::new(&planes[from..to], count);
            from = to;
        }
        let mut reader = IntReader {
            shapes: Source::new(&writer.shapes, "shapes"),
            bases: Source::new(&writer.bases, "bases"),
            exceptions: Source::new(&writer.exceptions, "exceptions"),
            lanes: all,
        };
        let mut out = Vec::new();
        assert_eq!(reader.read(x.len(), owner, &mut out), Ok(()));
        assert_eq!(out, x);
        assert!(reader.shapes.left() + reader.bases.left() + reader.exceptions.left() == 0);
        assert!(reader.lanes.iter().flatten().all(|lane| lane.left() == 0));
        writer.shapes[0]
    }

    /// 0 to 15, by splitmix64.
    fn noise(i: i64) -> i64 {
        let x = (i as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (x >> 60) as i64
    }

    #[test]
    fn each_predictor_is_chosen_where_it_belongs() {
        let walk = |n: i64| {
            (0..n).scan(0, |x, i| {
                *x += noise(i) - 7;
                Some(*x)
            })
        };
        let column = |f: &dyn Fn(i64) -> i64| (0..1000).map(f).collect::<Vec<_>>();
        for (predictor, x) in [
            (OFFSET, column(&|i| 5000 + noise(i))),
            (DELTA, walk(1000).collect()),
            (DELTA2, column(&|i| i * i * 3)),
            (STEP, walk(1000).enumerate().map(|(i, v)| v + i as i64 * 1000).collect()),
            (LINE, column(&|i| i * 1000 + noise(i))),
            (GRID, column(&|i| (i + i / 70 * 5) * 1000 + noise(i))),
        ] {
            assert_eq!(round_trip(&x, Owner::Times) & PREDICTOR, predictor, "{:?}…", &x[..5]);
            round_trip(&x[..17], Owner::Times);
            round_trip(&x, Owner::Floats);
        }
    }

    #[test]
    fn extremes_wrap() {
        let extremes = [i64::MIN, i64::MAX, 0, -1, 1, i64::MIN + 1, i64::MAX - 1];
        for n in [1, 2, 3, 7, 16, 17, 100, 2000] {
            let x: Vec<i64> = extremes.iter().copied().cycle().take(n).collect();
            for owner in [Owner::Times, Owner::Decimals, Owner::Texts, Owner::Floats] {
                round_trip(&x, owner);
            }
        }
    }

    #[test]
    fn a_few_wide_residuals_do_not_widen_the_rest() {
        let x: Vec<i64> = (0..640).map(|i| if i % 100 == 50 { 1 << 40 } else { noise(i) }).collect();
        let shape = round_trip(&x, Owner::Decimals);
        assert_eq!((shape & EXCEPTIONS, (shape & !EXCEPTIONS) >> CLASS_SHIFT), (EXCEPTIONS, 1));
    }
}
