//! What one comparison says of one value.

use super::{
    Stop, Truth,
    ast::{Atom, Literal, Op, fold},
};
use crate::{
    signal::Value,
    state::{UNAVAILABLE, UnitState},
};

/// Whole numbers below this are exact in a sensor value.
const EXACT: f64 = 9_007_199_254_740_992.0;

impl Op {
    fn judge<T: PartialOrd>(self, a: T, b: T) -> bool {
        match self {
            Op::Eq => a == b,
            Op::Ne => a != b,
            Op::Lt => a < b,
            Op::Le => a <= b,
            Op::Gt => a > b,
            Op::Ge => a >= b,
        }
    }
}

/// The value, unless nothing is said: unavailable, not a number.
fn said(value: Option<&Value>) -> Option<&Value> {
    value.filter(|value| match value {
        Value::Number(number) => !number.is_nan(),
        Value::Text(text) => !text.trim().eq_ignore_ascii_case(UNAVAILABLE),
        Value::Unavailable => false,
    })
}

/// It as a number: also a text that is one.
fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => Some(*number),
        Value::Text(text) => text.trim().parse().ok().filter(|number: &f64| number.is_finite()),
        Value::Unavailable => None,
    }
}

/// It as a text that can be compared: also a number.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::Number(number) => Some(number.to_string()),
        Value::Text(text) => Some(fold(text)),
        Value::Unavailable => None,
    }
}

fn equals(value: &Value, literal: &Literal) -> Truth {
    compare(value, Op::Eq, literal)
}

fn compare(value: &Value, op: Op, literal: &Literal) -> Truth {
    let judged = match literal {
        Literal::Number(wanted) => number(value).map(|number| op.judge(number, *wanted)),
        Literal::Text(wanted) => text(value).map(|text| op.judge(text.as_str(), wanted.folded.as_str())),
    };
    judged.map_or(Truth::Unknown, Truth::from)
}

impl Atom {
    /// Of the value in force, if there is one. Unknown for comparisons with something else than a value.
    pub(super) fn judge_value(&self, value: Option<&Value>) -> Truth {
        let said = said(value);
        if matches!(self, Atom::Unavailable(_)) {
            return said.is_none().into();
        }
        let Some(value) = said else { return Truth::Unknown };
        let judged = match self {
            Atom::Compare(_, op, literal) => return compare(value, *op, literal),
            Atom::In(_, literals) => {
                return literals.iter().map(|literal| equals(value, literal)).max().unwrap_or(Truth::False);
            }
            Atom::Between(_, low, high) => number(value).map(|number| *low <= number && number <= *high),
            Atom::Contains(_, part) => text(value).map(|text| text.contains(&part.folded)),
            Atom::Like(_, pattern) => text(value).map(|text| is_like(&text, &pattern.folded)),
            // Negative numbers in two's complement, as status words of 16 and 32 bits come.
            Atom::Bit(_, bit) => number(value)
                .filter(|number| number.fract() == 0.0 && number.abs() < EXACT)
                .map(|number| (number as i64 >> bit) & 1 == 1),
            Atom::Unavailable(_) | Atom::State(_) | Atom::Clock(..) | Atom::Lasts(..) => None,
        };
        judged.map_or(Truth::Unknown, Truth::from)
    }
}

/// Of the unit's state. An unknown state may be any, so that only a question for `unknown` is answered.
pub(super) fn judge_state(wanted: &[UnitState], state: UnitState) -> Truth {
    if wanted.contains(&state) {
        return Truth::True;
    }
    match state {
        UnitState::Unknown if wanted.iter().any(|wanted| *wanted != UnitState::Unknown) => Truth::Unknown,
        _ => Truth::False,
    }
}

/// Of the stop's length.
pub(super) fn judge_stop(op: Op, micros: i64, stop: Option<Stop>) -> Truth {
    let Some(stop) = stop else { return Truth::Unknown };
    let now = op.judge(stop.interval.micros(), micros);
    // A stop that goes on becomes longer: what is longer already stays so.
    match op {
        _ if stop.ended => now.into(),
        Op::Gt | Op::Ge if now => Truth::True,
        Op::Lt | Op::Le if !now => Truth::False,
        _ => Truth::Unknown,
    }
}

/// Whether the text is of this pattern: `*` stands for any characters, `?` for one.
fn is_like(text: &str, pattern: &str) -> bool {
    let (text, pattern): (Vec<char>, Vec<char>) = (text.chars().collect(), pattern.chars().collect());
    let (mut t, mut p) = (0, 0);
    // The last star, and what it stands for so far.
    let mut star: Option<(usize, usize)> = None;
    while let Some(c) = text.get(t) {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(wanted) if *wanted == '?' || wanted == c => (t, p) = (t + 1, p + 1),
            _ => match star {
                Some((at, stands)) => {
                    star = Some((at, stands + 1));
                    (t, p) = (stands + 1, at + 1);
                }
                None => return false,
            },
        }
    }
    pattern.iter().skip(p).all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn patterns() {
        for (text, pattern, expected) in [
            ("op10-a", "op10*", true),
            ("op10", "op10*", true),
            ("op1", "op10*", false),
            ("xop10", "op10*", false),
            ("abcbd", "a*b?", true),
            ("abcb", "a*b?", false),
            ("", "*", true),
            ("", "?", false),
            ("", "", true),
            ("ä", "?", true),
            ("a*b", "a*b", true),
        ] {
            assert_eq!(is_like(text, pattern), expected, "{text} like {pattern}");
        }
        assert!(!is_like(&"a".repeat(10_000), &"*a".repeat(500).replace("*a*a", "*a*b")));
    }

    fn slow(text: &[char], pattern: &[char]) -> bool {
        match pattern.split_first() {
            None => text.is_empty(),
            Some(('*', rest)) => (0..=text.len()).any(|skip| slow(&text[skip..], rest)),
            Some((c, rest)) => text.split_first().is_some_and(|(t, after)| (c == t || *c == '?') && slow(after, rest)),
        }
    }

    proptest! {
        #[test]
        fn patterns_as_defined(text in "[ab]{0,8}", pattern in "[ab*?]{0,6}") {
            let chars = |text: &str| text.chars().collect::<Vec<_>>();
            prop_assert_eq!(is_like(&text, &pattern), slow(&chars(&text), &chars(&pattern)));
        }
    }
}
