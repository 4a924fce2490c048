//! Splits the endless `multipart/x-mixed-replace` answer of an agent into documents, whatever way the network
//! cut it into pieces.
//!
//! A part is `--boundary`, header lines, an empty line, the body. With `Content-length` the body is that many
//! bytes; without it, it reaches to the next line that is `--boundary`. Lines may end in CR LF or LF. Some agents
//! count the dashes as part of the boundary, others do not: any number from two on is taken.

use super::xml::MAX_BYTES;

/// Longest header of a part.
const MAX_HEADER: usize = 16 << 10;

/// The stream cannot be followed any further.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MultipartError {
    /// A part over the limits.
    #[error("a part of the stream is larger than 64 MiB, or its header than 16 KiB")]
    TooLarge,
    /// What stands where a boundary should.
    #[error("the stream lost its boundary `{0}`")]
    NoBoundary(String),
}

/// The boundary that a `Content-Type` names, without leading dashes, if it is multipart.
pub fn boundary(content_type: &str) -> Option<String> {
    let (kind, parameters) = content_type.split_once(';')?;
    if !kind.trim().to_ascii_lowercase().starts_with("multipart/") {
        return None;
    }
    let value = parameters.split(';').find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("boundary").then_some(value)
    })?;
    let value = value.trim().trim_matches('"');
    let value = value.trim_start_matches('-');
    (!value.is_empty()).then(|| value.to_owned())
}

enum State {
    /// Before a delimiter.
    Delimiter,
    /// After it, before the empty line.
    Header,
    /// In a body of known length.
    Counted(usize),
    /// In a body that ends at the next delimiter; searched up to here.
    Open(usize),
    /// After the closing delimiter.
    Closed,
}

/// Takes bytes in, gives whole bodies out.
pub struct Splitter {
    boundary: Vec<u8>,
    bytes: Vec<u8>,
    /// What of `bytes` is done with.
    start: usize,
    state: State,
}

impl Splitter {
    /// For the stream with this boundary.
    pub fn new(boundary: &str) -> Self {
        let boundary = boundary.trim_start_matches('-').as_bytes().to_vec();
        Self { boundary, bytes: Vec::new(), start: 0, state: State::Delimiter }
    }

    /// More of the stream.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.start > 0 {
            self.bytes.drain(..self.start);
            self.start = 0;
        }
        self.bytes.extend_from_slice(bytes);
    }

    /// The closing delimiter was seen: nothing follows.
    pub fn is_closed(&self) -> bool {
        matches!(self.state, State::Closed)
    }

    fn lost(&self) -> MultipartError {
        MultipartError::NoBoundary(String::from_utf8_lossy(&self.boundary).chars().take(80).collect())
    }

    /// The next body that is complete; `None`: more bytes are needed.
    pub fn next_part(&mut self) -> Result<Option<Vec<u8>>, MultipartError> {
        loop {
            let open = &self.bytes[self.start..];
            match self.state {
                State::Closed => return Ok(None),
                State::Delimiter => {
                    let blank = open.iter().take_while(|byte| matches!(byte, b'\r' | b'\n' | b' ')).count();
                    let rest = &open[blank..];
                    let dashes = rest.iter().take_while(|byte| **byte == b'-').count();
                    let name = &rest[dashes..];
                    let end = line_end(name);
                    let line = name[..end.unwrap_or(name.len())].trim_ascii_end();
                    self.state = match (line.strip_prefix(&self.boundary[..]), end) {
                        (Some(b"--"), _) if dashes >= 2 => State::Closed,
                        (Some(b""), Some(_)) if dashes >= 2 => State::Header,
                        (Some(b"" | b"-"), None) => return Ok(None),
                        (None, None) if self.boundary.starts_with(name) && dashes < MAX_HEADER => return Ok(None),
                        _ => return Err(self.lost()),
                    };
                    self.start += blank + dashes + end.map_or(name.len(), |end| end + 1);
                }
                State::Header => {
                    let Some((header_len, length)) = header(open) else {
                        return if open.len() > MAX_HEADER { Err(MultipartError::TooLarge) } else { Ok(None) };
                    };
                    self.start += header_len;
                    self.state = match length {
                        Some(length) if length > MAX_BYTES => return Err(MultipartError::TooLarge),
                        Some(length) => State::Counted(length),
                        None => State::Open(0),
                    };
                }
                State::Counted(length) => {
                    let Some(body) = open.get(..length) else { return Ok(None) };
                    let body = body.to_vec();
                    self.start += length;
                    self.state = State::Delimiter;
                    return Ok(Some(body));
                }
                State::Open(searched) => {
                    let name = &self.boundary[..];
                    let found = open[searched..].windows(name.len()).position(|window| window == name);
                    match found.map(|at| searched + at) {
                        Some(at) if delimiter_begin(open, at).is_some() => {
                            let end = delimiter_begin(open, at).unwrap_or(at);
                            let body = open[..end].trim_ascii_end().to_vec();
                            self.start += end;
                            self.state = State::Delimiter;
                            return Ok(Some(body));
                        }
                        Some(at) => self.state = State::Open(at + 1),
                        None if open.len() > MAX_BYTES => return Err(MultipartError::TooLarge),
                        None => {
                            self.state = State::Open(open.len().saturating_sub(name.len()));
                            return Ok(None);
                        }
                    }
                }
            }
        }
    }
}

/// Where the dashes begin, when at least two of them stand before `at` and begin a line.
fn delimiter_begin(bytes: &[u8], at: usize) -> Option<usize> {
    let dashes = bytes[..at].iter().rev().take_while(|byte| **byte == b'-').count();
    let begin = at - dashes;
    (dashes >= 2 && (begin == 0 || bytes[begin - 1] == b'\n')).then_some(begin)
}

fn line_end(bytes: &[u8]) -> Option<usize> {
    bytes.iter().position(|byte| *byte == b'\n')
}

/// Length of the header with its empty line, and the `Content-length` it names.
fn header(bytes: &[u8]) -> Option<(usize, Option<usize>)> {
    let mut at = 0;
    let mut length = None;
    loop {
        let end = at + line_end(&bytes[at..])?;
        let line = bytes[at..end].trim_ascii();
        at = end + 1;
        if line.is_empty() {
            return Some((at, length));
        }
        if let Some(colon) = line.iter().position(|byte| *byte == b':')
            && line[..colon].trim_ascii().eq_ignore_ascii_case(b"content-length")
        {
            length = std::str::from_utf8(&line[colon + 1..]).ok().and_then(|number| number.trim().parse().ok());
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn split(stream: &[u8], boundary: &str, cuts: &[usize]) -> Result<Vec<Vec<u8>>, MultipartError> {
        let mut splitter = Splitter::new(boundary);
        let mut parts = Vec::new();
        let mut from = 0;
        let mut cuts: Vec<_> = cuts.iter().map(|cut| cut % (stream.len() + 1)).collect();
        cuts.push(stream.len());
        cuts.sort_unstable();
        for to in cuts {
            splitter.push(&stream[from..to]);
            from = to;
            while let Some(part) = splitter.next_part()? {
                parts.push(part);
            }
        }
        Ok(parts)
    }

    fn stream(bodies: &[String], counted: &[bool], newline: &str, boundary: &str) -> Vec<u8> {
        let mut out = String::new();
        for (body, counted) in bodies.iter().zip(counted.iter().cycle()) {
            out += &format!("--{boundary}{newline}Content-type: text/xml{newline}");
            if *counted {
                out += &format!("CONTENT-Length: {}{newline}", body.len());
            }
            out += &format!("{newline}{body}{newline}");
        }
        out += &format!("--{boundary}--{newline}");
        out.into_bytes()
    }

    proptest! {
        #[test]
        fn bodies_survive_any_cut(
            bodies in prop::collection::vec("<[a-z -]{0,30}(\n--x|\r\n)?[a-z]{0,9}>", 1..6),
            counted in prop::collection::vec(any::<bool>(), 1..4),
            crlf in any::<bool>(),
            cuts in prop::collection::vec(any::<usize>(), 0..20),
        ) {
            let bytes = stream(&bodies, &counted, if crlf { "\r\n" } else { "\n" }, "1234abc");
            let parts = split(&bytes, "1234abc", &cuts).unwrap();
            let expected: Vec<_> = bodies.iter().map(|body| body.as_bytes().to_vec()).collect();
            prop_assert_eq!(parts, expected);
        }

        #[test]
        fn noise_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..300), cuts in prop::collection::vec(any::<usize>(), 0..9)) {
            let _ = split(&[b"--b\n\n", &bytes[..]].concat(), "b", &cuts);
        }
    }

    #[test]
    fn a_counted_body_may_hold_the_delimiter() {
        let bytes = stream(&["<a>\n--b\n</a>".to_owned()], &[true], "\r\n", "b");
        assert_eq!(split(&bytes, "b", &[]).unwrap(), [b"<a>\n--b\n</a>".to_vec()]);
    }

    #[test]
    fn boundaries_of_content_types() {
        let of = |text: &str| boundary(text);
        assert_eq!(of("multipart/x-mixed-replace;boundary=abc").as_deref(), Some("abc"));
        assert_eq!(of("Multipart/X-Mixed-Replace; charset=utf-8; Boundary=\"a b\"").as_deref(), Some("a b"));
        assert_eq!(of("text/xml; boundary=abc"), None);
        assert_eq!(of("multipart/x-mixed-replace; boundary=--abc").as_deref(), Some("abc"));
        assert_eq!(of("multipart/mixed"), None);
    }

    #[test]
    fn any_number_of_dashes_from_two_on_is_taken() {
        for named in ["abc", "--abc"] {
            for dashes in ["abc", "--abc"] {
                let bytes = stream(&["<a/>".to_owned(), "<b/>".to_owned()], &[true, false], "\r\n", dashes);
                assert_eq!(split(&bytes, named, &[7, 30]).unwrap(), [b"<a/>".to_vec(), b"<b/>".to_vec()]);
            }
        }
    }

    #[test]
    fn a_lost_boundary_and_oversized_parts_are_errors() {
        assert!(matches!(split(b"hello\n", "b", &[]), Err(MultipartError::NoBoundary(_))));
        let big = format!("--b\nContent-length: {}\n\n", MAX_BYTES + 1);
        assert_eq!(split(big.as_bytes(), "b", &[]), Err(MultipartError::TooLarge));
        let endless = format!("--b\n{}", "x".repeat(MAX_HEADER + 1));
        assert_eq!(split(endless.as_bytes(), "b", &[]), Err(MultipartError::TooLarge));
    }
}
