//! The byte that says what kind of values a run has: kind (bits 0-2), whether patches follow (bit 3) and the decimal
//! exponent (bits 4-7).

use crate::{
    DecodeError,
    decimal::{Form, MAX_EXPONENT},
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Number(Form),
    Text,
    Unavailable,
}

const PATCHED: u8 = 0b1000;

impl Kind {
    pub(crate) fn to_byte(self, patched: bool) -> u8 {
        let patched = if patched { PATCHED } else { 0 };
        patched
            | match self {
                Self::Number(Form::Decimal { exponent, single: false }) => exponent << 4,
                Self::Number(Form::Decimal { exponent, single: true }) => exponent << 4 | 1,
                Self::Number(Form::Bits { single: false }) => 2,
                Self::Number(Form::Bits { single: true }) => 3,
                Self::Text => 4,
                Self::Unavailable => 5,
            }
    }

    /// The kind, and whether patches follow.
    pub(crate) fn from_byte(byte: u8) -> Result<(Self, bool), DecodeError> {
        let (exponent, patched) = (byte >> 4, byte & PATCHED != 0);
        let kind = match byte & 0b111 {
            which @ (0 | 1) if exponent <= MAX_EXPONENT => Self::Number(Form::Decimal { exponent, single: which == 1 }),
            which @ (2 | 3) if exponent == 0 && !patched => Self::Number(Form::Bits { single: which == 3 }),
            4 if exponent == 0 && !patched => Self::Text,
            5 if exponent == 0 && !patched => Self::Unavailable,
            _ => return Err(DecodeError::Invalid("kinds")),
        };
        Ok((kind, patched))
    }

    /// Runs of one signal stand in this order, each at most once.
    pub(crate) fn rank(self) -> u8 {
        match self {
            Self::Number(_) => 0,
            Self::Text => 1,
            Self::Unavailable => 2,
        }
    }
}
