/// Why a body could not be decoded. Nothing of a body that fails is returned.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The body would be larger than the receiver permits.
    #[error("the body announces {announced} bytes after decompression; at most {limit} are accepted")]
    TooLarge {
        /// What the body or its header announces.
        announced: u64,
        /// [`Limits::max_raw_len`](crate::Limits::max_raw_len).
        limit: u64,
    },
    /// The body holds more samples than the receiver permits.
    #[error("the body announces at least {announced} samples; at most {limit} are accepted")]
    TooManySamples {
        /// How many samples had been announced when the limit was passed.
        announced: u64,
        /// [`Limits::max_samples`](crate::Limits::max_samples).
        limit: u64,
    },
    /// The header and the columns disagree on the number of samples.
    #[error("the header announces {announced} samples, the columns hold {found}")]
    SampleCount {
        /// According to the header.
        announced: u64,
        /// According to the columns.
        found: u64,
    },
    /// The compressed stream is damaged, or does not decompress to the announced length.
    #[error("the zstd stream is damaged or of the wrong length: {reason}; {announced} bytes were announced")]
    Compression {
        /// The length it should have after decompression.
        announced: u64,
        /// What the decompressor says.
        reason: String,
    },
    /// The checksum does not fit: the bytes are not those that were written.
    #[error("checksum {found:08x} found, {stored:08x} stored: the bytes have changed since they were written")]
    Checksum {
        /// The checksum that stands in the body.
        stored: u32,
        /// The checksum of the bytes that are here.
        found: u32,
    },
    /// A series body of a version that this program does not know.
    #[error("series format {0}; this program reads format 1")]
    Version(u8),
    /// The body ends within this part.
    #[error("the body ends within the {0}")]
    Truncated(&'static str),
    /// Bytes are left over after this part.
    #[error("bytes are left over after the {0}")]
    LeftOver(&'static str),
    /// This part holds something the format does not have.
    #[error("the {0} are not valid")]
    Invalid(&'static str),
    /// The times of a signal are not strictly ascending, or one time has values of two kinds.
    #[error("signal {signal}: the times are not strictly ascending, or one time stands twice")]
    Times {
        /// The signal concerned (0 in a series).
        signal: u32,
    },
}
