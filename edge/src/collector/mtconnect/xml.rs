//! Reading XML that a stranger wrote: bounded, whole or not at all.
//!
//! Refused with a reason: text that is not UTF-8, documents over [`MAX_BYTES`] or deeper than [`MAX_DEPTH`], a
//! document type (and with it every entity of its own), entities other than the five of XML and character
//! references, unclosed elements, anything after the root.

use std::borrow::Cow;

use quick_xml::{
    Reader,
    escape::{resolve_predefined_entity, unescape},
    events::{BytesStart, Event},
};

/// Longest document that is read.
pub const MAX_BYTES: usize = 64 << 20;
/// Deepest nesting that is followed.
pub const MAX_DEPTH: usize = 64;

/// The document is refused whole.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum XmlError {
    /// Bytes that are no UTF-8.
    #[error("the document is not UTF-8")]
    Encoding,
    /// Over the limits.
    #[error("the document is larger than 64 MiB or nested deeper than 64 elements")]
    TooLarge,
    /// A document type or an entity that is not XML's own.
    #[error("the document declares or uses entities of its own, which is not permitted")]
    Entities,
    /// Not well formed.
    #[error("the document is not well-formed XML at byte {at}: {reason}")]
    Malformed {
        /// Where.
        at: u64,
        /// The parser's words.
        reason: String,
    },
    /// Well formed, but not what was asked for.
    #[error("expected an {expected} document, got `{found}`")]
    WrongRoot {
        /// Such as `MTConnectStreams`.
        expected: &'static str,
        /// The root's name.
        found: String,
    },
    /// Something that must be there is not, or cannot be read.
    #[error("the document lacks a usable {0}")]
    Missing(&'static str),
}

/// One step through a document.
pub enum Step<'a> {
    /// An element begins.
    Start(Element<'a>),
    /// The innermost open element ends.
    End,
    /// A stretch of text within it.
    Text(Cow<'a, str>),
    /// The document ended well.
    Done,
}

/// The begin of an element.
pub struct Element<'a>(BytesStart<'a>);

impl Element<'_> {
    /// Its name without prefix.
    pub fn name(&self) -> &str {
        self.0.local_name().into_inner()
    }

    /// Hands each attribute to `take`: name without prefix, value with entities resolved.
    pub fn attributes<'s>(&'s self, mut take: impl FnMut(&'s str, Cow<'s, str>)) -> Result<(), XmlError> {
        for attribute in self.0.attributes() {
            let attribute = attribute.map_err(|error| XmlError::Malformed { at: 0, reason: error.to_string() })?;
            let value = match attribute.value {
                Cow::Borrowed(raw) if !raw.contains('&') => Cow::Borrowed(raw),
                Cow::Borrowed(raw) => unescape(raw).map_err(|_| XmlError::Entities)?,
                Cow::Owned(raw) => Cow::Owned(unescape(&raw).map_err(|_| XmlError::Entities)?.into_owned()),
            };
            take(attribute.key.local_name().into_inner(), value);
        }
        Ok(())
    }
}

/// A document being read.
pub struct Document<'a> {
    reader: Reader<&'a [u8]>,
    depth: usize,
    pending_end: bool,
    root_seen: bool,
}

impl<'a> Document<'a> {
    /// Begins to read.
    pub fn new(bytes: &'a [u8]) -> Result<Self, XmlError> {
        if bytes.len() > MAX_BYTES {
            return Err(XmlError::TooLarge);
        }
        let text = std::str::from_utf8(bytes).map_err(|_| XmlError::Encoding)?;
        let reader = Reader::from_str(text.trim_start_matches('\u{feff}').trim_start());
        Ok(Self { reader, depth: 0, pending_end: false, root_seen: false })
    }

    fn malformed(&self, reason: impl ToString) -> XmlError {
        XmlError::Malformed { at: self.reader.error_position(), reason: reason.to_string() }
    }

    /// The next step.
    pub fn step(&mut self) -> Result<Step<'a>, XmlError> {
        if std::mem::take(&mut self.pending_end) {
            self.depth -= 1;
            return Ok(Step::End);
        }
        loop {
            let event = self.reader.read_event().map_err(|error| self.malformed(error))?;
            return Ok(match event {
                Event::Start(start) => self.open(start)?,
                Event::Empty(start) => {
                    self.pending_end = true;
                    self.open(start)?
                }
                Event::End(_) => {
                    self.depth = self.depth.checked_sub(1).ok_or_else(|| self.malformed("an end without a begin"))?;
                    Step::End
                }
                Event::Text(text) if self.depth == 0 => {
                    if !text.trim().is_empty() {
                        return Err(self.malformed("text outside the root"));
                    }
                    continue;
                }
                Event::Text(text) => Step::Text(text.into_inner()),
                Event::CData(text) => Step::Text(text.into_inner()),
                Event::GeneralRef(reference) => match reference.resolve_char_ref() {
                    Ok(Some(character)) => Step::Text(Cow::Owned(character.to_string())),
                    Ok(None) => {
                        Step::Text(Cow::Borrowed(resolve_predefined_entity(&reference).ok_or(XmlError::Entities)?))
                    }
                    Err(error) => return Err(self.malformed(error)),
                },
                Event::DocType(_) => return Err(XmlError::Entities),
                Event::Eof if self.depth == 0 && self.root_seen => Step::Done,
                Event::Eof => return Err(self.malformed("it ends before its last element is closed")),
                Event::Comment(_) | Event::Decl(_) | Event::PI(_) => continue,
            });
        }
    }

    fn open(&mut self, start: BytesStart<'a>) -> Result<Step<'a>, XmlError> {
        if self.depth == 0 && std::mem::replace(&mut self.root_seen, true) {
            return Err(self.malformed("a second root"));
        }
        self.depth += 1;
        if self.depth > MAX_DEPTH { Err(XmlError::TooLarge) } else { Ok(Step::Start(Element(start))) }
    }

    /// The root element, which must be called `expected`.
    pub fn root(&mut self, expected: &'static str) -> Result<(), XmlError> {
        match self.step()? {
            Step::Start(root) if root.name() == expected => Ok(()),
            Step::Start(root) => Err(XmlError::WrongRoot { expected, found: root.name().chars().take(60).collect() }),
            _ => Err(self.malformed("no root element")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<String, XmlError> {
        let mut document = Document::new(text.as_bytes())?;
        let mut out = String::new();
        loop {
            match document.step()? {
                Step::Start(element) => {
                    out.push_str(&format!("<{}", element.name()));
                    element.attributes(|name, value| out.push_str(&format!(" {name}={value}")))?;
                    out.push('>');
                }
                Step::End => out.push_str("</>"),
                Step::Text(text) => out.push_str(&text),
                Step::Done => return Ok(out),
            }
        }
    }

    #[test]
    fn well_formed_text_is_read() {
        let text = "\u{feff}<?xml version=\"1.0\"?><!-- c --><m:a x:b='1&amp;2'>p&lt;q&#65;<![CDATA[<r>]]><c/></m:a>\n";
        assert_eq!(read(text).unwrap(), "<a b=1&2>p<qA<r><c></></>");
    }

    #[test]
    fn what_is_not_well_formed_is_refused() {
        for bad in [
            "",
            "text",
            "<a>",
            "<a></b>",
            "<a/><b/>",
            "<a/>x",
            "</a>",
            "<a b=1/>",
            "<a b='1' b='2'/>",
            "<a>&",
            "<a>&#xZ;</a>",
            "<a",
            "<a><![CDATA[x</a>",
        ] {
            assert!(read(bad).is_err(), "{bad:?} should be refused");
        }
        assert_eq!(Document::new(b"<a>\xff</a>").err(), Some(XmlError::Encoding));
    }

    #[test]
    fn entities_and_depth_are_bounded() {
        let bomb = "<!DOCTYPE a [<!ENTITY b \"xxxxxxxx\">]><a>&b;</a>";
        assert_eq!(read(bomb), Err(XmlError::Entities));
        assert_eq!(read("<a>&b;</a>"), Err(XmlError::Entities));
        assert_eq!(read("<a c='&b;'/>"), Err(XmlError::Entities));
        assert_eq!(read(&"<a>".repeat(MAX_DEPTH + 1)), Err(XmlError::TooLarge));
    }
}
