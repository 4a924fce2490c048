//! Records of CSV (RFC 4180), cut out of files line by line, plain or gzip.
//!
//! A quoted cell may run over lines. A quote that is never closed spoils its own line only: what follows is read as if it
//! were not there.

use std::{
    collections::VecDeque,
    io::{BufRead, Read},
    path::Path,
};

use super::super::{error::BackfillError, lines::open};

/// No line, and no record, is longer.
const MAX_RECORD: u64 = 1 << 20;
/// A quoted cell runs over so many lines at most.
const MAX_LINES: usize = 64;

/// What was found in the place of a record.
#[derive(Debug, PartialEq)]
pub(super) enum Record {
    Cells(Vec<String>),
    Bad(String),
}

/// Calls `each` with the number (from 1) of the first line and the content of each record; blank lines are passed over.
/// The first record is the head: it says how many cells the others have. `bytes` sees all of the file.
pub(super) fn read(
    path: &Path,
    separator: u8,
    mut bytes: impl FnMut(&[u8]),
    mut each: impl FnMut(u64, Record) -> Result<(), BackfillError>,
) -> Result<(), BackfillError> {
    let failed = |source| BackfillError::File { path: path.to_owned(), source };
    let mut lines = Lines { reader: open(path).map_err(failed)?, ahead: VecDeque::new(), next: 1, ended: false };
    let mut width = None;
    while let Some((number, line)) = lines.take(&mut bytes).map_err(failed)? {
        let text = match text_of(&line, number) {
            Ok(text) => text,
            Err(reason) if width.is_none() => return Err(failed(std::io::Error::other(reason))),
            Err(reason) => {
                each(number, Record::Bad(reason))?;
                continue;
            }
        };
        if text.trim().is_empty() {
            continue;
        }
        let record = match cells(text, separator) {
            Ok(cells) => Record::Cells(cells),
            Err(Broken::Open) => lines.longer(text, separator, width, &mut bytes).map_err(failed)?,
            Err(Broken::After) => Record::Bad("text after a closing quote".to_owned()),
        };
        let record = match (record, width) {
            (Record::Cells(cells), Some(width)) if cells.len() != width => {
                Record::Bad(format!("{} cells; the head has {width}", cells.len()))
            }
            (record, _) => record,
        };
        if let (Record::Cells(cells), None) = (&record, width) {
            width = Some(cells.len());
        }
        each(number, record)?;
    }
    Ok(())
}

struct Lines {
    reader: Box<dyn BufRead>,
    ahead: VecDeque<(u64, Vec<u8>)>,
    next: u64,
    ended: bool,
}

impl Lines {
    fn take(&mut self, bytes: &mut impl FnMut(&[u8])) -> std::io::Result<Option<(u64, Vec<u8>)>> {
        if self.ahead.is_empty() {
            self.fetch(bytes)?;
        }
        Ok(self.ahead.pop_front())
    }

    fn fetch(&mut self, bytes: &mut impl FnMut(&[u8])) -> std::io::Result<bool> {
        if self.ended {
            return Ok(false);
        }
        let mut line = Vec::new();
        if self.reader.by_ref().take(MAX_RECORD).read_until(b'\n', &mut line)? == 0 {
            self.ended = true;
            return Ok(false);
        }
        if line.len() as u64 == MAX_RECORD && line.last() != Some(&b'\n') {
            return Err(std::io::Error::other(format!("line {} is longer than {MAX_RECORD} bytes", self.next)));
        }
        bytes(&line);
        self.ahead.push_back((self.next, line));
        self.next += 1;
        Ok(true)
    }

    /// A record whose quote is not closed on its first line.
    fn longer(
        &mut self,
        first: &str,
        separator: u8,
        width: Option<usize>,
        bytes: &mut impl FnMut(&[u8]),
    ) -> std::io::Result<Record> {
        let not_closed = || Record::Bad("a quote is not closed".to_owned());
        let mut whole = first.to_owned();
        for more in 0..MAX_LINES {
            if self.ahead.len() <= more && !self.fetch(bytes)? {
                return Ok(not_closed());
            }
            let Some((number, line)) = self.ahead.get(more) else { return Ok(not_closed()) };
            let Ok(text) = text_of(line, *number) else { return Ok(not_closed()) };
            whole.push('\n');
            whole.push_str(text);
            if whole.len() as u64 > MAX_RECORD {
                return Ok(not_closed());
            }
            match cells(&whole, separator) {
                Ok(cells) if width.is_none_or(|width| cells.len() == width) => {
                    self.ahead.drain(..=more);
                    return Ok(Record::Cells(cells));
                }
                Err(Broken::Open) => {}
                Ok(_) | Err(Broken::After) => return Ok(not_closed()),
            }
        }
        Ok(not_closed())
    }
}

fn text_of(line: &[u8], number: u64) -> Result<&str, String> {
    if number == 1 && (line.starts_with(&[0xff, 0xfe]) || line.starts_with(&[0xfe, 0xff])) {
        return Err("this is UTF-16; save it as UTF-8".to_owned());
    }
    let text = std::str::from_utf8(line).map_err(|_| "this is not UTF-8".to_owned())?;
    let text = text.trim_end_matches(['\n', '\r']);
    Ok(if number == 1 { text.trim_start_matches('\u{feff}') } else { text })
}

enum Broken {
    /// A quote is not closed.
    Open,
    /// Text after a closing quote.
    After,
}

fn cells(line: &str, separator: u8) -> Result<Vec<String>, Broken> {
    let separator = char::from(separator);
    let mut cells = Vec::new();
    let mut rest = line;
    loop {
        if let Some(quoted) = rest.strip_prefix('"') {
            let mut end = 0;
            loop {
                let at = quoted[end..].find('"').ok_or(Broken::Open)? + end;
                if !quoted[at + 1..].starts_with('"') {
                    end = at;
                    break;
                }
                end = at + 2;
            }
            cells.push(quoted[..end].replace("\"\"", "\""));
            rest = &quoted[end + 1..];
        } else {
            let end = rest.find(separator).unwrap_or(rest.len());
            cells.push(rest[..end].to_owned());
            rest = &rest[end..];
        }
        match rest.strip_prefix(separator) {
            Some(next) => rest = next,
            None if rest.is_empty() => return Ok(cells),
            None => return Err(Broken::After),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &[u8]) -> Result<Vec<(u64, Record)>, Box<dyn std::error::Error>> {
        let file = tempfile::NamedTempFile::new()?;
        std::fs::write(file.path(), text)?;
        let (mut found, mut seen) = (Vec::new(), 0);
        read(
            file.path(),
            b';',
            |bytes| seen += bytes.len(),
            |number, record| {
                found.push((number, record));
                Ok(())
            },
        )?;
        assert_eq!(seen, text.len());
        Ok(found)
    }

    fn row(cells: &[&str]) -> Record {
        Record::Cells(cells.iter().map(|cell| (*cell).to_owned()).collect())
    }

    #[test]
    fn quotes_line_breaks_and_what_is_wrong() -> Result<(), Box<dyn std::error::Error>> {
        let text = "\u{feff}a;b\r\n1;\"two; \"\"three\"\"\nfour\"\r\n\n\"open;5\n6;7\n8;\"9\"x\n10\n11;12;13\n;\n";
        assert_eq!(
            all(text.as_bytes())?,
            [
                (1, row(&["a", "b"])),
                (2, row(&["1", "two; \"three\"\nfour"])),
                (5, Record::Bad("a quote is not closed".to_owned())),
                (6, row(&["6", "7"])),
                (7, Record::Bad("text after a closing quote".to_owned())),
                (8, Record::Bad("1 cells; the head has 2".to_owned())),
                (9, Record::Bad("3 cells; the head has 2".to_owned())),
                (10, row(&["", ""])),
            ]
        );
        Ok(())
    }

    #[test]
    fn other_encodings_and_endless_lines() -> Result<(), Box<dyn std::error::Error>> {
        assert_eq!(
            all(b"a;b\n1;K\xf6ln\n2;3")?[1..],
            [(2, Record::Bad("this is not UTF-8".to_owned())), (3, row(&["2", "3"]))]
        );
        assert!(all(b"\xff\xfea\0;\0b\0").is_err_and(|error| error.to_string().contains("UTF-16")));
        assert!(all(&vec![b'x'; 3 << 20]).is_err_and(|error| error.to_string().contains("line 1 is longer")));
        let open = format!("a;b\n\"{}", "x\n".repeat(200));
        assert_eq!(all(open.as_bytes())?.len(), 201);
        assert!(all(b"")?.is_empty());
        Ok(())
    }
}
