//! Reading what an agent answers, strictly: a document that is not well-formed fails the test.

use std::collections::BTreeMap;

use quick_xml::{Reader, XmlVersion, events::Event};

#[derive(Debug, Clone, Default, PartialEq)]
pub struct Element {
    pub name: String,
    /// Names of the elements around it, outermost first.
    pub inside: Vec<String>,
    pub attributes: BTreeMap<String, String>,
    pub text: String,
}

impl Element {
    pub fn get(&self, name: &str) -> &str {
        self.attributes.get(name).unwrap_or_else(|| panic!("{} has no {name}", self.name))
    }

    pub fn number(&self, name: &str) -> u64 {
        self.get(name).parse().unwrap()
    }
}

#[derive(Debug, Clone)]
pub struct Document {
    pub elements: Vec<Element>,
}

impl Document {
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut reader = Reader::from_str(text);
        let (mut elements, mut open): (Vec<Element>, Vec<usize>) = (Vec::new(), Vec::new());
        loop {
            let event = reader.read_event().map_err(|e| e.to_string())?;
            let empty = matches!(event, Event::Empty(_));
            match event {
                Event::Start(tag) | Event::Empty(tag) => {
                    let mut element = Element {
                        name: tag.name().as_ref().to_owned(),
                        inside: open.iter().map(|i| elements[*i].name.clone()).collect(),
                        ..Element::default()
                    };
                    for attribute in tag.attributes() {
                        let attribute = attribute.map_err(|e| e.to_string())?;
                        let value = attribute
                            .normalized_value(XmlVersion::Explicit1_0)
                            .map_err(|e| e.to_string())?
                            .into_owned();
                        element.attributes.insert(attribute.key.as_ref().to_owned(), value);
                    }
                    elements.push(element);
                    if !empty {
                        open.push(elements.len() - 1);
                    }
                }
                Event::End(_) => {
                    open.pop();
                }
                Event::Text(text) => {
                    if let Some(element) = open.last().and_then(|i| elements.get_mut(*i)) {
                        element.text.push_str(&text);
                    }
                }
                Event::GeneralRef(reference) => {
                    let character = match reference.resolve_char_ref().map_err(|e| e.to_string())? {
                        Some(character) => character.to_string(),
                        None => quick_xml::escape::resolve_predefined_entity(&reference)
                            .ok_or_else(|| format!("unknown entity {reference:?}"))?
                            .to_owned(),
                    };
                    if let Some(element) = open.last().and_then(|i| elements.get_mut(*i)) {
                        element.text.push_str(&character);
                    }
                }
                Event::Eof if open.is_empty() => return Ok(Self { elements }),
                Event::Eof => return Err("the document ends inside an element".to_owned()),
                _ => {}
            }
        }
    }

    pub fn root(&self) -> &Element {
        &self.elements[0]
    }

    pub fn header(&self) -> &Element {
        self.elements.iter().find(|e| e.name == "Header").expect("a header")
    }

    /// First, last and next sequence.
    pub fn sequences(&self) -> (u64, u64, u64) {
        let header = self.header();
        (header.number("firstSequence"), header.number("lastSequence"), header.number("nextSequence"))
    }

    pub fn observations(&self) -> Vec<&Element> {
        self.elements.iter().filter(|e| e.attributes.contains_key("dataItemId")).collect()
    }

    pub fn of(&self, item: &str) -> Vec<&Element> {
        self.observations().into_iter().filter(|e| e.get("dataItemId") == item).collect()
    }

    /// Sequence numbers, ascending.
    pub fn numbers(&self) -> Vec<u64> {
        let mut numbers: Vec<u64> = self.observations().iter().map(|e| e.number("sequence")).collect();
        numbers.sort_unstable();
        numbers
    }

    pub fn error_code(&self) -> &str {
        self.elements.iter().find(|e| e.name == "Error").expect("an error document").get("errorCode")
    }
}

pub async fn fetch(url: &str) -> (u16, String) {
    let response = answer(url).await;
    (response.status().as_u16(), response.text().await.unwrap())
}

/// The document at `url`, which must answer 200.
pub async fn get(url: &str) -> Document {
    let (status, text) = fetch(url).await;
    assert_eq!(status, 200, "{text}");
    Document::parse(&text).unwrap()
}

/// The parts of a multipart stream, read as they come.
pub struct Parts {
    response: reqwest::Response,
    boundary: String,
    buffer: Vec<u8>,
}

impl Parts {
    pub async fn open(url: &str) -> Self {
        let response = answer(url).await;
        assert_eq!(response.status(), 200);
        let content_type = response.headers()["content-type"].to_str().unwrap().to_owned();
        let boundary = content_type.strip_prefix("multipart/x-mixed-replace;boundary=").unwrap().to_owned();
        Self { response, boundary, buffer: Vec::new() }
    }

    /// The text of the next part; `Ok(None)` when the stream was closed regularly, `Err` when it broke off.
    pub async fn next_text(&mut self) -> Result<Option<String>, String> {
        loop {
            let text = String::from_utf8_lossy(&self.buffer).into_owned();
            if text.starts_with(&format!("--{}--", self.boundary)) {
                return Ok(None);
            }
            if let Some((head, rest)) = text.split_once("\r\n\r\n") {
                let mut lines = head.split("\r\n");
                assert_eq!(lines.next(), Some(format!("--{}", self.boundary).as_str()));
                assert_eq!(lines.next(), Some("Content-type: text/xml"));
                let length: usize = lines.next().unwrap().strip_prefix("Content-length: ").unwrap().parse().unwrap();
                // The line end after the document belongs to the part.
                if rest.len() >= length + 2 {
                    self.buffer.drain(..head.len() + 4 + length + 2);
                    return Ok(Some(rest[..length].to_owned()));
                }
            }
            match self.response.chunk().await {
                Ok(Some(chunk)) => self.buffer.extend_from_slice(&chunk),
                Ok(None) => return Err("the stream ended inside a part".to_owned()),
                Err(error) => return Err(error.to_string()),
            }
        }
    }

    /// The next part as a document.
    pub async fn next(&mut self) -> Document {
        Document::parse(&self.next_text().await.unwrap().expect("a further part")).unwrap()
    }
}

/// Asks for `url`. Other crates of the workspace make reqwest speak TLS, which wants to be told once with what; nothing here
/// uses it.
pub async fn answer(url: impl reqwest::IntoUrl) -> reqwest::Response {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::get(url).await.unwrap()
}
