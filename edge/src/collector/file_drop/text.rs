//! What a file is: its identity, its encoding, its delimiter.

use std::{
    borrow::Cow,
    fs::File,
    io::{self, Read},
    path::Path,
};

use sha2::{Digest as _, Sha256};

/// How letters are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// UTF-8, with or without a byte order mark.
    Utf8,
    /// Windows-1252, taken when it is not UTF-8.
    Windows1252,
}

/// What is known of a file once it was read through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Digest {
    /// SHA-256 and size: the same file under whatever name.
    pub identity: String,
    /// How its letters are written.
    pub encoding: Encoding,
    /// Why it is no text, if it is none.
    pub no_text: Option<&'static str>,
    /// The delimiter that its first line has most of.
    pub delimiter: u8,
}

/// As much of the first line as is looked at.
const FIRST_LINE: usize = 64 << 10;

/// Reads the file through.
pub fn digest(path: &Path) -> io::Result<Digest> {
    digest_of(File::open(path)?)
}

fn digest_of(mut file: impl Read) -> io::Result<Digest> {
    let mut hash = Sha256::new();
    let mut size = 0_u64;
    let (mut first, mut rest) = (Vec::new(), Vec::new());
    let (mut utf8, mut no_text) = (true, None);
    let mut buffer = vec![0; 256 << 10];
    loop {
        let read = match file.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => buffer.get(..read).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        hash.update(read);
        size += read.len() as u64;
        if first.len() < FIRST_LINE {
            first.extend_from_slice(read.get(..read.len().min(FIRST_LINE - first.len())).unwrap_or_default());
        }
        if read.contains(&0) {
            no_text = Some("it holds bytes 0: it is a binary file, or UTF-16; write it as UTF-8");
        }
        if utf8 {
            rest.extend_from_slice(read);
            utf8 = keep_incomplete(&mut rest);
        }
    }
    let encoding = if utf8 && rest.is_empty() { Encoding::Utf8 } else { Encoding::Windows1252 };
    let hex: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(Digest { identity: format!("{hex}-{size}"), encoding, no_text, delimiter: guess(&first) })
}

/// Leaves what may be the beginning of a letter. Whether the rest was UTF-8.
fn keep_incomplete(bytes: &mut Vec<u8>) -> bool {
    match std::str::from_utf8(bytes) {
        Ok(_) => bytes.clear(),
        Err(error) if error.error_len().is_none() => drop(bytes.drain(..error.valid_up_to())),
        Err(_) => return false,
    }
    true
}

/// The one of `;`, tab, `,` and `|` that the first line has most of.
pub fn guess(first: &[u8]) -> u8 {
    let line = first.split(|byte| matches!(byte, b'\n' | b'\r')).next().unwrap_or_default();
    let count = |delimiter: u8| line.iter().filter(|byte| **byte == delimiter).count();
    // Of equals the later one: a comma may be a decimal one.
    [b'|', b',', b'\t', b';'].into_iter().max_by_key(|delimiter| count(*delimiter)).unwrap_or(b',')
}

/// A cell as text.
pub fn letters(bytes: &[u8], encoding: Encoding) -> Cow<'_, str> {
    match encoding {
        Encoding::Utf8 => String::from_utf8_lossy(bytes),
        Encoding::Windows1252 => encoding_rs::WINDOWS_1252.decode_without_bom_handling(bytes).0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Hands a few bytes at a time, so that letters are cut in the middle.
    struct Drip<'a>(&'a [u8]);

    impl Read for Drip<'_> {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            let count = self.0.len().min(3).min(into.len());
            into[..count].copy_from_slice(&self.0[..count]);
            self.0 = &self.0[count..];
            Ok(count)
        }
    }

    #[test]
    fn letters_delimiters_and_identity() {
        let of = |bytes: &[u8]| digest_of(Drip(bytes)).unwrap();
        let utf8 = of("time;höhe;größe €\n1,5;2;3\n".as_bytes());
        assert_eq!((utf8.encoding, utf8.delimiter, utf8.no_text), (Encoding::Utf8, b';', None));
        assert_eq!(of(b"time\th\xF6he\n").encoding, Encoding::Windows1252);
        assert_eq!(of("tim\u{20ac}".as_bytes().split_last().unwrap().1).encoding, Encoding::Windows1252);
        assert_eq!(of(b"time\th\xF6he\n").delimiter, b'\t');
        assert!(of(b"\xFF\xFEt\0i\0").no_text.is_some());
        assert_eq!(letters(b"h\xF6he \x80", Encoding::Windows1252), "höhe €");
        assert_eq!(of(b"").identity, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855-0");
        assert_eq!(of(b"time|a|b").delimiter, b'|');
    }
}
