//! Files, plain or gzip, line by line.

use std::{
    fs::File,
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
};

use flate2::bufread::MultiGzDecoder;

use super::{
    error::BackfillError,
    log::{Events, Form},
};

/// No line is longer.
const MAX_LINE: u64 = 1 << 20;

/// What a file had in one line.
#[derive(Debug)]
pub(super) enum Line<'a> {
    /// Events.
    Events(Events<'a>),
    /// Something else; the reason.
    Bad(String),
}

/// Calls `each` with the bytes, number (from 1) and content of every line that is not blank.
pub(super) fn read(
    path: &Path,
    mut each: impl FnMut(&[u8], u64, Line<'_>) -> Result<(), BackfillError>,
) -> Result<(), BackfillError> {
    let failed = |source| BackfillError::File { path: path.to_owned(), source };
    let mut reader = open(path).map_err(failed)?;
    let mut buffer = Vec::new();
    let mut form = None;
    for number in 1.. {
        buffer.clear();
        if reader.by_ref().take(MAX_LINE).read_until(b'\n', &mut buffer).map_err(failed)? == 0 {
            break;
        }
        if buffer.len() as u64 == MAX_LINE && buffer.last() != Some(&b'\n') {
            return Err(failed(std::io::Error::other(format!("line {number} is longer than {MAX_LINE} bytes"))));
        }
        let Ok(text) = std::str::from_utf8(&buffer) else {
            each(&buffer, number, Line::Bad("this is not UTF-8".to_owned()))?;
            continue;
        };
        let text = text.trim_end_matches(['\n', '\r']);
        let text = if number == 1 { text.trim_start_matches('\u{feff}') } else { text };
        if text.trim().is_empty() {
            continue;
        }
        let form = match form {
            Some(form) => form,
            None => {
                let (found, is_head) = Form::of(text);
                form = Some(found);
                if is_head {
                    continue;
                }
                found
            }
        };
        match form.read(text) {
            Ok(events) => each(&buffer, number, Line::Events(events))?,
            Err(reason) => each(&buffer, number, Line::Bad(reason))?,
        }
    }
    Ok(())
}

pub(super) fn open(path: &Path) -> std::io::Result<Box<dyn BufRead>> {
    let mut reader = BufReader::with_capacity(1 << 16, File::open(path)?);
    let gzip = reader.fill_buf()?.starts_with(&[0x1f, 0x8b]);
    Ok(if gzip { Box::new(BufReader::with_capacity(1 << 16, MultiGzDecoder::new(reader))) } else { Box::new(reader) })
}

/// In the order of their names, each once: the same files give the same batches.
pub(super) fn in_order(mut files: Vec<PathBuf>) -> Vec<PathBuf> {
    files.sort_by(|a, b| (a.file_name(), a).cmp(&(b.file_name(), b)));
    files.dedup();
    files
}
