//! Frames of sample batches (collector to server). Specified in `docs/specs/edge-protocol.md`.
//!
//! A frame is a header of 52 bytes and a body, which is packed and unpacked by `gemba-codec`. A request carries one or
//! more frames, one after the other.

use gemba_domain::Timestamp;

use crate::edge::LocalSignal;

pub use gemba_codec::{BatchBuilder, DecodeError, EncodedBatch, Limits, Run, Values};

/// The first four bytes of each frame.
pub const MAGIC: [u8; 4] = *b"GMB1";
/// Length of a frame without its body, in bytes.
pub const HEADER_LEN: usize = 52;
/// Greatest length of a body as sent: a body of 32 MiB that does not shrink grows a little.
pub const MAX_BODY_LEN: u32 = 33 << 20;
const CRC_AT: usize = HEADER_LEN - 4;

/// What stands before the columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameHeader {
    /// The life of the collector's queue: microseconds since 1970 at its creation.
    pub epoch: u64,
    /// Number of the batch within its epoch, from 1 without holes.
    pub seq: u64,
    /// The collector was watching its sources from here (collector's clock) …
    pub covered_from: Timestamp,
    /// … until here.
    pub covered_to: Timestamp,
    /// Number of samples.
    pub samples: u32,
    /// Length of the body before compression, in bytes.
    pub raw_len: u32,
    /// Length of the body as sent, in bytes.
    pub body_len: u32,
    /// CRC-32 (IEEE) of the 48 header bytes before it and the body as sent.
    pub crc: u32,
}

/// One batch as sent. Its checksum was right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame<'a> {
    /// What stands before the columns.
    pub header: FrameHeader,
    /// The body as sent: a zstd frame, or nothing when there are no samples.
    pub body: &'a [u8],
}

/// A request's body is no sequence of frames. Frames before the bad one are sound; nothing after it can be trusted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("frame {index} (at byte {offset}): {problem}")]
pub struct FrameError {
    /// Which frame, counted from 0.
    pub index: usize,
    /// Where it begins, in bytes from the start of the body.
    pub offset: usize,
    /// What is wrong with it.
    pub problem: FrameProblem,
}

/// What is wrong with a frame.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FrameProblem {
    /// The frame does not begin with [`MAGIC`].
    #[error("expected the magic `GMB1`, found bytes {0:02x?}")]
    Magic(Vec<u8>),
    /// The input ends within the frame.
    #[error("the {part} needs {expected} bytes, only {found} are left")]
    Truncated {
        /// `header` or `body`.
        part: &'static str,
        /// How many bytes it should have.
        expected: u64,
        /// How many there are.
        found: u64,
    },
    /// A number in the header is larger than permitted.
    #[error("the header announces {announced} {what}, at most {limit} are accepted")]
    Limit {
        /// What is announced.
        what: &'static str,
        /// How much of it.
        announced: u64,
        /// How much is permitted.
        limit: u64,
    },
    /// The numbers in the header contradict each other.
    #[error("the header contradicts itself: {0}")]
    Contradiction(&'static str),
    /// The checksum does not fit.
    #[error("expected CRC {stored:08x} as the header says, found {found:08x}: the bytes changed on their way")]
    Checksum {
        /// The checksum in the header.
        stored: u32,
        /// The checksum of what arrived.
        found: u32,
    },
}

/// Writes one frame. An empty batch becomes a header alone.
pub fn encode_frame(
    epoch: u64,
    seq: u64,
    covered_from: Timestamp,
    covered_to: Timestamp,
    batch: &EncodedBatch,
) -> Vec<u8> {
    let mut out = Vec::with_capacity(HEADER_LEN + batch.body.len());
    out.extend_from_slice(&MAGIC);
    out.extend_from_slice(&epoch.to_le_bytes());
    out.extend_from_slice(&seq.to_le_bytes());
    out.extend_from_slice(&covered_from.micros().to_le_bytes());
    out.extend_from_slice(&covered_to.micros().to_le_bytes());
    out.extend_from_slice(&batch.samples.to_le_bytes());
    out.extend_from_slice(&batch.raw_len.to_le_bytes());
    out.extend_from_slice(&u32::try_from(batch.body.len()).unwrap_or(u32::MAX).to_le_bytes());
    let crc = checksum(&out, &batch.body);
    out.extend_from_slice(&crc.to_le_bytes());
    out.extend_from_slice(&batch.body);
    out
}

fn checksum(head: &[u8], body: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(head);
    hasher.update(body);
    hasher.finalize()
}

/// The frames of a request's body. Stops at the first bad one.
pub fn frames(bytes: &[u8]) -> Frames<'_> {
    Frames { bytes, offset: 0, index: 0 }
}

/// Iterator made by [`frames`].
#[derive(Debug, Clone)]
pub struct Frames<'a> {
    bytes: &'a [u8],
    offset: usize,
    index: usize,
}

impl<'a> Iterator for Frames<'a> {
    type Item = Result<Frame<'a>, FrameError>;

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.bytes.get(self.offset..).filter(|rest| !rest.is_empty())?;
        let (offset, index) = (self.offset, self.index);
        Some(match Frame::read(rest) {
            Ok(frame) => {
                self.offset += HEADER_LEN + frame.body.len();
                self.index += 1;
                Ok(frame)
            }
            Err(problem) => {
                self.offset = self.bytes.len();
                Err(FrameError { index, offset, problem })
            }
        })
    }
}

impl std::iter::FusedIterator for Frames<'_> {}

impl<'a> Frame<'a> {
    /// The frame at the beginning of `bytes`.
    fn read(bytes: &'a [u8]) -> Result<Self, FrameProblem> {
        let magic = &bytes[..bytes.len().min(MAGIC.len())];
        if !MAGIC.starts_with(magic) {
            return Err(FrameProblem::Magic(magic.to_vec()));
        }
        let truncated = |part, expected, found: usize| FrameProblem::Truncated { part, expected, found: found as u64 };
        let (head, rest) =
            bytes.split_first_chunk::<HEADER_LEN>().ok_or(truncated("header", HEADER_LEN as u64, bytes.len()))?;
        let header = FrameHeader::read(head);
        header.check()?;
        let body = rest.get(..header.body_len as usize).ok_or(truncated("body", header.body_len.into(), rest.len()))?;
        let found = checksum(&head[..CRC_AT], body);
        if found != header.crc {
            return Err(FrameProblem::Checksum { stored: header.crc, found });
        }
        Ok(Self { header, body })
    }

    /// Unpacks the samples: runs by ascending signal; a signal with values of several kinds has one run for each.
    ///
    /// # Errors
    /// When the columns are not readable or do not hold as many samples as the header says.
    pub fn decode(&self) -> Result<Vec<(LocalSignal, Run)>, DecodeError> {
        let runs = gemba_codec::decode_batch(self.body, self.header.raw_len, Limits::default())?;
        let found = runs.iter().map(|(_, run)| run.len() as u64).sum();
        let announced = u64::from(self.header.samples);
        if found == announced { Ok(runs) } else { Err(DecodeError::SampleCount { announced, found }) }
    }
}

impl FrameHeader {
    fn read(head: &[u8; HEADER_LEN]) -> Self {
        fn at<const N: usize>(head: &[u8; HEADER_LEN], from: usize) -> [u8; N] {
            let mut out = [0; N];
            out.copy_from_slice(&head[from..from + N]);
            out
        }
        Self {
            epoch: u64::from_le_bytes(at(head, 4)),
            seq: u64::from_le_bytes(at(head, 12)),
            covered_from: Timestamp::from_micros(i64::from_le_bytes(at(head, 20))),
            covered_to: Timestamp::from_micros(i64::from_le_bytes(at(head, 28))),
            samples: u32::from_le_bytes(at(head, 36)),
            raw_len: u32::from_le_bytes(at(head, 40)),
            body_len: u32::from_le_bytes(at(head, 44)),
            crc: u32::from_le_bytes(at(head, CRC_AT)),
        }
    }

    /// What can be refused before the body is looked at.
    fn check(&self) -> Result<(), FrameProblem> {
        let limits = Limits::default();
        for (what, announced, limit) in [
            ("samples", self.samples, limits.max_samples),
            ("bytes before compression", self.raw_len, limits.max_raw_len),
            ("bytes of body", self.body_len, MAX_BODY_LEN),
        ] {
            if announced > limit {
                return Err(FrameProblem::Limit { what, announced: announced.into(), limit: limit.into() });
            }
        }
        let empty = [self.samples == 0, self.raw_len == 0, self.body_len == 0];
        if empty.contains(&true) && empty.contains(&false) {
            return Err(FrameProblem::Contradiction("samples, raw length and body length must be 0 together"));
        }
        Ok(())
    }
}
