use std::sync::Arc;

/// The values of a [`Run`], all of one kind.
///
/// Two are equal when they are equal bit by bit: a NaN equals the same NaN, and 0.0 differs from -0.0.
#[derive(Debug, Clone)]
pub enum Values {
    /// IEEE 754 numbers, kept bit by bit.
    Number(Vec<f64>),
    /// Texts; equal ones of a body share one allocation.
    Text(Vec<Arc<str>>),
    /// There was no value. As many as there are times.
    Unavailable,
}

impl PartialEq for Values {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Number(a), Self::Number(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits())
            }
            (Self::Text(a), Self::Text(b)) => a == b,
            (Self::Unavailable, Self::Unavailable) => true,
            _ => false,
        }
    }
}

/// Samples of one signal with one kind of value.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// Microseconds since 1970-01-01T00:00:00Z, strictly ascending.
    pub times: Vec<i64>,
    /// One value for each time.
    pub values: Values,
}

impl Run {
    /// The number of samples.
    pub fn len(&self) -> usize {
        self.times.len()
    }

    /// Whether there is no sample.
    pub fn is_empty(&self) -> bool {
        self.times.is_empty()
    }
}

/// How much a decoder is willing to unpack. Its memory stays within a small multiple of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Length of a body after decompression, in bytes.
    pub max_raw_len: u32,
    /// Number of samples.
    pub max_samples: u32,
}

impl Default for Limits {
    /// 32 MiB and 1,000,000 samples: those of the edge protocol.
    fn default() -> Self {
        Self { max_raw_len: 32 << 20, max_samples: 1_000_000 }
    }
}
