//! zstd, with contexts kept per thread.

use std::cell::RefCell;

use zstd::zstd_safe::{
    CCtx, CParameter, DCtx, InBuffer, OutBuffer, compress_bound, get_error_name, zstd_sys::ZSTD_EndDirective,
};

use crate::DecodeError;

struct Packer {
    context: CCtx<'static>,
    level: Option<i32>,
}

thread_local! {
    static PACKER: RefCell<Packer> = RefCell::new(Packer { context: CCtx::create(), level: None });
    static UNPACKER: RefCell<(DCtx<'static>, Vec<u8>)> = RefCell::new((DCtx::create(), Vec::new()));
}

/// A buffer that grew beyond this for one body is given back.
const KEPT: usize = 4 << 20;
/// zstd has one table of symbol frequencies for each block. Stretches at least this long get blocks of their own.
const BLOCK: usize = 1000;
/// Levels up to here look for matches without weighing them.
const FAST: i32 = 3;

/// Appends `raw` as one zstd frame. `ends`: where stretches of like bytes end.
pub(crate) fn pack(raw: &[u8], ends: &[usize], level: i32, out: &mut Vec<u8>) {
    let start = out.len();
    if PACKER.with_borrow_mut(|packer| packer.pack(raw, ends, level, out)).is_err() {
        out.truncate(start);
        store(raw, out);
    }
}

impl Packer {
    fn pack(&mut self, raw: &[u8], ends: &[usize], level: i32, out: &mut Vec<u8>) -> Result<(), usize> {
        if self.level != Some(level) {
            self.level = None;
            self.context.set_parameter(CParameter::CompressionLevel(level))?;
            // Residuals repeat in stretches of a few bytes by chance; coding those as matches costs more than coding the
            // bytes. The fast levels do not weigh that themselves, so only long matches are offered to them.
            self.context.set_parameter(CParameter::MinMatch(if level <= FAST { 7 } else { 0 }))?;
            self.level = Some(level);
        }
        let start = out.len();
        out.resize(start + compress_bound(raw.len()) + 64 + 16 * ends.len(), 0);
        let mut target = OutBuffer::around_pos(out.as_mut_slice(), start);
        self.context.set_pledged_src_size(Some(raw.len() as u64))?;
        let mut from = 0;
        for &end in ends {
            if end - from < BLOCK || raw.len() - end < BLOCK {
                continue;
            }
            let mut source = InBuffer::around(&raw[from..end]);
            if self.context.compress_stream2(&mut target, &mut source, ZSTD_EndDirective::ZSTD_e_flush)? != 0 {
                return Err(0);
            }
            from = end;
        }
        let mut source = InBuffer::around(&raw[from..]);
        if self.context.compress_stream2(&mut target, &mut source, ZSTD_EndDirective::ZSTD_e_end)? != 0 {
            return Err(0);
        }
        let len = target.pos();
        out.truncate(len);
        Ok(())
    }
}

/// A zstd frame of blocks that are not compressed (RFC 8878, 3.1.1), should the compressor fail.
fn store(raw: &[u8], out: &mut Vec<u8>) {
    const MAGIC: u32 = 0xFD2F_B528;
    const SINGLE_SEGMENT_8_BYTE_SIZE: u8 = 0b1110_0000;
    const MAX_BLOCK: usize = 128 << 10;
    out.extend(MAGIC.to_le_bytes());
    out.push(SINGLE_SEGMENT_8_BYTE_SIZE);
    out.extend((raw.len() as u64).to_le_bytes());
    let mut rest = raw;
    loop {
        let (block, after) = rest.split_at(rest.len().min(MAX_BLOCK));
        rest = after;
        let head = (block.len() as u32) << 3 | u32::from(rest.is_empty());
        out.extend_from_slice(&head.to_le_bytes()[..3]);
        out.extend_from_slice(block);
        if rest.is_empty() {
            return;
        }
    }
}

/// Unpacks a zstd frame of exactly `raw_len` bytes and hands it to `read`. The caller has checked `raw_len`.
pub(crate) fn unpack<T>(
    body: &[u8],
    raw_len: usize,
    read: impl FnOnce(&[u8]) -> Result<T, DecodeError>,
) -> Result<T, DecodeError> {
    let wrong = |reason: String| DecodeError::Compression { announced: raw_len as u64, reason };
    UNPACKER.with_borrow_mut(|(context, buffer)| {
        buffer.clear();
        buffer.reserve(raw_len);
        // zstd writes no further than the capacity, which is the bound on what a hostile body can unfold to.
        let result = match context.decompress(buffer, body) {
            Ok(_) if buffer.len() == raw_len => read(buffer),
            Ok(_) => Err(wrong(format!("it holds {} bytes", buffer.len()))),
            Err(code) => Err(wrong(get_error_name(code).to_owned())),
        };
        if buffer.capacity() > KEPT {
            *buffer = Vec::new();
        }
        result
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stored_frame_is_a_zstd_frame() {
        for len in [0, 1, 1000, 128 << 10, (128 << 10) + 1, 300_000] {
            let raw: Vec<u8> = (0..len).map(|i| (i % 251) as u8).collect();
            let mut frame = Vec::new();
            store(&raw, &mut frame);
            assert_eq!(unpack(&frame, len, |bytes| Ok(bytes.to_vec())), Ok(raw));
        }
    }
}
