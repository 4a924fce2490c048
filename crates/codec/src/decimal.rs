//! Numbers as integers: most figures of a plant have few decimals.
//!
//! A number v has the decimal form (m, e) when `m / 10^e`, divided in double precision, gives v bit by bit; the form is
//! *single* when the quotient must still be rounded to single precision (a 32-bit REAL that was widened: 23.4 as f32
//! is 23.399999618530273). What has no such form is kept as bits, in an order in which near numbers are near.

/// Greatest power of ten tried.
pub(crate) const MAX_EXPONENT: u8 = 12;

const TEN: [f64; 13] = [1.0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12];
/// Added to a number of magnitude below 2^51, it leaves the nearest integer in the low bits.
const ROUND: f64 = 6_755_399_441_055_744.0;
/// Integers below are exact in double, and in single precision.
const EXACT: f64 = 9_007_199_254_740_992.0;
const EXACT_SINGLE: f64 = 16_777_216.0;
/// Up to so many numbers of a run are looked at before the run is converted.
const PROBES: usize = 24;
/// At most one number in so many may be a patch.
const PATCH_RATIO: usize = 16;

/// How the numbers of a run are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Decimal { exponent: u8, single: bool },
    Bits { single: bool },
}

/// Converts runs of numbers.
#[derive(Debug, Default)]
pub(crate) struct Converter {
    /// The integers of the run converted last.
    pub(crate) ints: Vec<i64>,
    /// Numbers that do not fit the form: (position, bits). They have some integer too, which means nothing.
    pub(crate) patches: Vec<(usize, u64)>,
}

impl Converter {
    pub(crate) fn convert(&mut self, values: &[f64]) -> Form {
        self.patches.clear();
        if let Some(form) = self.decimal::<false>(values) {
            return form;
        }
        let single = values.iter().all(|&v| is_single(v));
        if single && let Some(form) = self.decimal::<true>(values) {
            return form;
        }
        self.patches.clear();
        self.ints.clear();
        if single {
            self.ints.extend(values.iter().map(|&v| ordered_single((v as f32).to_bits())));
        } else {
            self.ints.extend(values.iter().map(|&v| ordered(v.to_bits())));
        }
        Form::Bits { single }
    }

    fn decimal<const SINGLE: bool>(&mut self, values: &[f64]) -> Option<Form> {
        let mut exponent = 0;
        if values.len() > PROBES {
            let mut misfits = 0;
            for &v in values.iter().step_by(values.len() / PROBES + 1) {
                match fitting::<SINGLE>(v, exponent) {
                    Some((e, _)) => exponent = e,
                    None => misfits += 1,
                }
                if misfits > PROBES / 8 {
                    return None;
                }
            }
            if !SINGLE && self.all_fit(values, exponent) {
                return Some(Form::Decimal { exponent, single: false });
            }
        }
        self.each_fits::<SINGLE>(values, exponent)
    }

    /// Without branches, for the compiler to vectorise.
    fn all_fit(&mut self, values: &[f64], exponent: u8) -> bool {
        let ten = TEN[usize::from(exponent)];
        self.ints.clear();
        if exponent == 0 {
            self.ints
                .extend(values.iter().map(|&v| ((v + ROUND).to_bits() as i64).wrapping_sub(ROUND.to_bits() as i64)));
            let wrong = values.iter().fold(0, |wrong, &v| {
                wrong | (((v + ROUND) - ROUND).to_bits() ^ v.to_bits()) | (u64::from(v.abs() < EXACT / 4.0) ^ 1)
            });
            return wrong == 0;
        }
        self.ints
            .extend(values.iter().map(|&v| ((v * ten + ROUND).to_bits() as i64).wrapping_sub(ROUND.to_bits() as i64)));
        let wrong = values.iter().fold(0, |wrong, &v| {
            let scaled = v * ten;
            let back = ((scaled + ROUND) - ROUND) / ten;
            wrong | (back.to_bits() ^ v.to_bits()) | (u64::from(scaled.abs() < EXACT / 4.0) ^ 1)
        });
        wrong == 0
    }

    fn each_fits<const SINGLE: bool>(&mut self, values: &[f64], mut exponent: u8) -> Option<Form> {
        self.ints.clear();
        self.patches.clear();
        let allowed = values.len() / PATCH_RATIO;
        let mut before = 0;
        for (i, &v) in values.iter().enumerate() {
            match fitting::<SINGLE>(v, exponent) {
                Some((e, m)) if e == exponent => before = m,
                Some((e, m)) if e <= exponent + 3 || self.patches.len() >= allowed => {
                    self.rescale::<SINGLE>(e - exponent)?;
                    (exponent, before) = (e, m);
                }
                _ if self.patches.len() < allowed => self.patches.push((i, v.to_bits())),
                _ => return None,
            }
            self.ints.push(before);
        }
        Some(Form::Decimal { exponent, single: SINGLE })
    }

    /// The same numbers with more decimals: the same quotients.
    fn rescale<const SINGLE: bool>(&mut self, digits: u8) -> Option<()> {
        let factor = 10_i64.pow(digits.into());
        let limit = if SINGLE { EXACT_SINGLE } else { EXACT } as i64;
        for m in &mut self.ints {
            *m = m.checked_mul(factor).filter(|m| m.abs() < limit)?;
        }
        Some(())
    }
}

fn is_single(v: f64) -> bool {
    // Casts need not keep the payload of a NaN.
    !v.is_nan() && f64::from(v as f32).to_bits() == v.to_bits()
}

/// The smallest exponent from `from` on with which `v` has a decimal form, and the integer.
#[inline]
fn fitting<const SINGLE: bool>(v: f64, from: u8) -> Option<(u8, i64)> {
    (from..=MAX_EXPONENT).find_map(|e| {
        let ten = TEN[usize::from(e)];
        let scaled = v * ten;
        let m = if scaled.abs() < EXACT / 4.0 { (scaled + ROUND) - ROUND } else { scaled.round() };
        let (back, limit) = if SINGLE { (f64::from((m / ten) as f32), EXACT_SINGLE) } else { (m / ten, EXACT) };
        (back.to_bits() == v.to_bits() && m.abs() < limit).then_some((e, m as i64))
    })
}

/// The numbers that `ints` stand for; patches not yet applied.
pub(crate) fn numbers(form: Form, ints: &[i64]) -> Vec<f64> {
    match form {
        Form::Decimal { exponent: 0, single: false } => ints.iter().map(|&m| m as f64).collect(),
        Form::Decimal { exponent, single: false } => {
            let ten = TEN[usize::from(exponent)];
            ints.iter().map(|&m| m as f64 / ten).collect()
        }
        Form::Decimal { exponent, single: true } => {
            let ten = TEN[usize::from(exponent)];
            ints.iter().map(|&m| f64::from((m as f64 / ten) as f32)).collect()
        }
        Form::Bits { single: false } => ints.iter().map(|&i| f64::from_bits(unordered(i))).collect(),
        Form::Bits { single: true } => ints.iter().map(|&i| f64::from(f32::from_bits(unordered_single(i)))).collect(),
    }
}

/// Bits of a number as an integer that grows with the number (NaNs at the ends).
fn ordered(bits: u64) -> i64 {
    let i = bits as i64;
    i ^ ((i >> 63) as u64 >> 1) as i64
}

fn unordered(i: i64) -> u64 {
    (i ^ ((i >> 63) as u64 >> 1) as i64) as u64
}

fn ordered_single(bits: u32) -> i64 {
    let i = bits as i32;
    (i ^ ((i >> 31) as u32 >> 1) as i32).into()
}

fn unordered_single(i: i64) -> u32 {
    let i = i as i32;
    (i ^ ((i >> 31) as u32 >> 1) as i32) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn convert(values: &[f64]) -> (Form, usize) {
        let mut converter = Converter::default();
        let form = converter.convert(values);
        let mut back = numbers(form, &converter.ints);
        for &(i, bits) in &converter.patches {
            back[i] = f64::from_bits(bits);
        }
        let bits = |values: &[f64]| values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&back), bits(values));
        (form, converter.patches.len())
    }

    fn decimal(exponent: u8, single: bool) -> Form {
        Form::Decimal { exponent, single }
    }

    #[test]
    fn the_fewest_decimals_are_found() {
        for n in [1, 24, 25, 500] {
            let column = |f: &dyn Fn(f64) -> f64| (0..n).map(|i| f(f64::from(i))).collect::<Vec<_>>();
            assert_eq!(convert(&column(&|i| i - 7.0)), (decimal(0, false), 0));
            assert_eq!(convert(&column(&|i| (i * 10.0 + 1.0) / 10.0)), (decimal(1, false), 0));
            assert_eq!(convert(&column(&|i| -(i * 1000.0 + 1.0) / 1000.0)), (decimal(3, false), 0));
            assert_eq!(convert(&column(&|i| f64::from(((i * 10.0 + 1.0) / 10.0) as f32))), (decimal(1, true), 0));
            assert_eq!(convert(&column(&|i| (i + 2.0).sqrt() * 0.1)).0, Form::Bits { single: false });
            let singles = column(&|i| f64::from((i + 2.0).sqrt() as f32 * 20.0));
            assert_eq!(convert(&singles).0, Form::Bits { single: true });
        }
        // The one with more decimals comes last.
        let mut values = vec![0.5; 300];
        values.push(0.125);
        assert_eq!(convert(&values), (decimal(3, false), 0));
    }

    #[test]
    fn a_few_strangers_are_patched() {
        let mut values: Vec<f64> = (0..320).map(|i| f64::from(i) / 10.0).collect();
        (values[3], values[100], values[319]) = (f64::NAN, -0.0, 0.1 + 0.2);
        assert_eq!(convert(&values), (decimal(1, false), 3));
    }

    #[test]
    fn what_is_no_decimal_stays_as_it_is() {
        for v in [-0.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 5e-324, 1e300, 1.0 / 3.0] {
            assert!(matches!(convert(&[v]).0, Form::Bits { .. }), "{v}");
            convert(&[1.0, v, 2.5]);
        }
        for v in [9_007_199_254_740_991.0, 2_251_799_813_685_249.0, -4_503_599_627_370_497.0] {
            assert_eq!(convert(&[v]), (decimal(0, false), 0), "{v}");
        }
        // 0.5 needs a decimal with which the other number is no longer exact.
        convert(&[9_007_199_254_740_991.0, 0.5]);
    }
}
