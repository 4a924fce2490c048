//! Walks a parsed TOML document and remembers where everything stands, so that each complaint has a line.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{Finding, quantity};

/// The complaints so far.
pub(crate) struct Findings<'a> {
    text: &'a str,
    /// Where relative paths begin.
    directory: &'a Path,
    found: Vec<(usize, String)>,
}

impl<'a> Findings<'a> {
    pub(crate) fn new(text: &'a str, directory: &'a Path) -> Self {
        Self { text, directory, found: Vec::new() }
    }

    /// The line, from 1, of a byte position.
    pub(crate) fn line(&self, at: usize) -> usize {
        self.text.as_bytes().iter().take(at).filter(|byte| **byte == b'\n').count() + 1
    }

    pub(crate) fn report(&mut self, at: usize, message: String) {
        self.found.push((at, message));
    }

    /// By line.
    pub(crate) fn into_inner(mut self) -> Vec<Finding> {
        self.found.sort_by_key(|(at, _)| *at);
        let lines: Vec<_> = self.found.iter().map(|(at, _)| self.line(*at)).collect();
        lines.into_iter().zip(self.found).map(|(line, (_, message))| Finding { line, message }).collect()
    }
}

/// One table of the file.
pub(crate) struct Section<'a> {
    name: String,
    /// Where it begins.
    pub(crate) at: usize,
    table: &'a DeTable<'a>,
}

impl<'a> Section<'a> {
    /// Takes the table and complains about every key that is not `known`.
    pub(crate) fn new(
        findings: &mut Findings<'_>,
        name: &str,
        at: usize,
        table: &'a DeTable<'a>,
        known: &[&str],
    ) -> Self {
        for key in table.keys() {
            let word = key.get_ref().as_ref();
            if known.contains(&word) {
                continue;
            }
            let nearest = known
                .iter()
                .map(|candidate| (strsim::damerau_levenshtein(candidate, word), candidate))
                .min()
                .filter(|(distance, candidate)| *distance <= candidate.len().div_ceil(2));
            let hint = match nearest {
                Some((_, nearest)) => format!("did you mean `{nearest}`?"),
                None => format!("known here: {}", known.join(", ")),
            };
            findings.report(key.span().start, format!("`{word}` is no setting of {name}; {hint}"));
        }
        Self { name: name.to_owned(), at, table }
    }

    fn get(&self, key: &str) -> Option<&'a Spanned<DeValue<'a>>> {
        self.table.iter().find(|(word, _)| word.get_ref() == key).map(|(_, value)| value)
    }

    /// Whether something is written for `key`.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    /// Where the value of `key` stands, or the section when it is missing.
    pub(crate) fn at_key(&self, key: &str) -> usize {
        self.get(key).map_or(self.at, |value| value.span().start)
    }

    /// A text that may be missing, and where it stands.
    pub(crate) fn text(&self, findings: &mut Findings<'_>, key: &str) -> Option<(&'a str, usize)> {
        let value = self.get(key)?;
        let at = value.span().start;
        match value.get_ref() {
            DeValue::String(text) if text.trim().is_empty() => {
                findings.report(at, format!("`{key}` is empty"));
                None
            }
            DeValue::String(text) => Some((text.as_ref(), at)),
            other => {
                findings.report(at, format!("`{key}` is a {}; it must be a text in quotes", other.type_str()));
                None
            }
        }
    }

    /// A text that must be there.
    pub(crate) fn required(&self, findings: &mut Findings<'_>, key: &str) -> Option<(&'a str, usize)> {
        if self.get(key).is_none() {
            findings.report(self.at, format!("`{key}` is missing from {}", self.name));
        }
        self.text(findings, key)
    }

    /// A whole number that may be missing, within these bounds.
    pub(crate) fn integer(&self, findings: &mut Findings<'_>, key: &str, (from, to): (i64, i64)) -> Option<i64> {
        let value = self.get(key)?;
        let at = value.span().start;
        let DeValue::Integer(written) = value.get_ref() else {
            findings.report(at, format!("`{key}` is a {}; it must be a whole number", value.get_ref().type_str()));
            return None;
        };
        let number = i64::from_str_radix(written.as_str(), written.radix()).ok();
        let number = number.filter(|number| (from..=to).contains(number));
        if number.is_none() {
            findings.report(at, format!("`{key}` must be a whole number between {from} and {to}"));
        }
        number
    }

    /// A finite number that may be missing.
    pub(crate) fn number(&self, findings: &mut Findings<'_>, key: &str) -> Option<f64> {
        let value = self.get(key)?;
        let number = match value.get_ref() {
            DeValue::Integer(_) => return self.integer(findings, key, (i64::MIN, i64::MAX)).map(|whole| whole as f64),
            DeValue::Float(written) => written.as_str().parse::<f64>().ok().filter(|number| number.is_finite()),
            _ => None,
        };
        if number.is_none() {
            findings.report(value.span().start, format!("`{key}` must be a number, without quotes"));
        }
        number
    }

    /// Whether `key` is written as a whole number.
    pub(crate) fn is_integer(&self, key: &str) -> bool {
        self.get(key).is_some_and(|value| matches!(value.get_ref(), DeValue::Integer(_)))
    }

    /// One of these words, or what stands in for it.
    pub(crate) fn choice<T: Copy>(&self, findings: &mut Findings<'_>, key: &str, words: &[(&str, T)], default: T) -> T {
        let Some((text, at)) = self.text(findings, key) else { return default };
        if let Some((_, chosen)) = words.iter().find(|(word, _)| *word == text) {
            return *chosen;
        }
        let words: Vec<_> = words.iter().map(|(word, _)| format!("`{word}`")).collect();
        findings.report(at, format!("`{text}` is no `{key}`; there are {}", words.join(", ")));
        default
    }

    /// Yes or no, or what stands in for it.
    pub(crate) fn flag(&self, findings: &mut Findings<'_>, key: &str, default: bool) -> bool {
        match self.get(key).map(|value| (value.span().start, value.get_ref())) {
            None => default,
            Some((_, DeValue::Boolean(flag))) => *flag,
            Some((at, _)) => {
                findings.report(at, format!("`{key}` must be true or false, without quotes"));
                default
            }
        }
    }

    /// A table of texts by text that may be missing: each entry, and where its value stands.
    pub(crate) fn texts(&self, findings: &mut Findings<'_>, key: &str) -> Vec<(&'a str, &'a str, usize)> {
        let Some(value) = self.get(key) else { return Vec::new() };
        let DeValue::Table(table) = value.get_ref() else {
            findings.report(value.span().start, format!("`{key}` must be a table such as {{ \"0\" = \"STOPPED\" }}"));
            return Vec::new();
        };
        let mut out = Vec::new();
        for (word, value) in table.iter() {
            match value.get_ref() {
                DeValue::String(text) => out.push((word.get_ref().as_ref(), text.as_ref(), value.span().start)),
                _ => findings.report(value.span().start, format!("each entry of `{key}` must be a text in quotes")),
            }
        }
        out
    }

    /// A text that may be missing and has a form of its own.
    pub(crate) fn parsed<T>(
        &self,
        findings: &mut Findings<'_>,
        key: &str,
        parse: fn(&str) -> Result<T, String>,
    ) -> Option<T> {
        let (text, at) = self.text(findings, key)?;
        parse(text).map_err(|message| findings.report(at, message)).ok()
    }

    /// A number that may be missing.
    pub(crate) fn decimal(&self, findings: &mut Findings<'_>, key: &str) -> Option<f64> {
        let value = self.get(key)?;
        let number = match value.get_ref() {
            DeValue::Integer(number) if number.radix() == 10 => number.as_str().parse().ok(),
            DeValue::Float(number) => number.as_str().parse().ok(),
            _ => None,
        };
        if number.is_none() {
            findings.report(value.span().start, format!("`{key}` must be a number, without quotes"));
        }
        number
    }

    /// The table `[key]`, which must be there.
    pub(crate) fn section(&self, findings: &mut Findings<'_>, key: &str, known: &[&str]) -> Option<Section<'a>> {
        match self.get(key) {
            None => {
                findings.report(self.at, format!("the section `[{key}]` is missing"));
                None
            }
            Some(value) => match value.get_ref() {
                DeValue::Table(table) => {
                    Some(Section::new(findings, &format!("[{key}]"), value.span().start, table, known))
                }
                _ => {
                    findings.report(value.span().start, format!("`{key}` must be a section `[{key}]`"));
                    None
                }
            },
        }
    }

    /// The tables `[[key]]`, of which there must be one.
    pub(crate) fn sections(&self, findings: &mut Findings<'_>, key: &str, known: &[&str]) -> Vec<Section<'a>> {
        let name = if self.name.starts_with("[[") {
            format!("{}.{key}]]", self.name.trim_end_matches(']'))
        } else {
            format!("[[{key}]]")
        };
        self.tables(findings, key, &name, |_| known.to_vec())
    }

    /// As [`Section::sections`], where what is known follows from the table's `protocol`.
    pub(super) fn sections_by(
        &self,
        findings: &mut Findings<'_>,
        key: &str,
        known: impl Fn(Option<&str>) -> Vec<&'static str>,
    ) -> Vec<Section<'a>> {
        self.tables(findings, key, &format!("[[{key}]]"), |table| {
            let word = table.iter().find(|(word, _)| word.get_ref() == "protocol").map(|(_, value)| value.get_ref());
            known(word.and_then(|word| if let DeValue::String(word) = word { Some(word.as_ref()) } else { None }))
        })
    }

    /// A duration within these bounds, or what stands in for it.
    pub(crate) fn duration(
        &self,
        findings: &mut Findings<'_>,
        key: &str,
        default: Duration,
        (from, to): (Duration, Duration),
    ) -> Duration {
        let value = self.parsed(findings, key, quantity::duration).unwrap_or(default);
        if value < from || value > to {
            findings.report(self.at_key(key), format!("`{key}` must lie between {from:?} and {to:?}"));
        }
        value
    }

    /// A size in bytes within these bounds, or what stands in for it.
    pub(crate) fn bytes(&self, findings: &mut Findings<'_>, key: &str, default: u64, (from, to): (u64, u64)) -> u64 {
        let value = self.parsed(findings, key, quantity::bytes).unwrap_or(default);
        if value < from || value > to {
            findings.report(self.at_key(key), format!("`{key}` must lie between {from} B and {to} B"));
        }
        value
    }

    /// `true` or `false`, or what stands in for it.
    pub(crate) fn boolean(&self, findings: &mut Findings<'_>, key: &str, default: bool) -> bool {
        let Some(value) = self.get(key) else { return default };
        match value.get_ref() {
            DeValue::Boolean(on) => *on,
            other => {
                let at = value.span().start;
                findings.report(at, format!("`{key}` is a {}; it must be true or false", other.type_str()));
                default
            }
        }
    }

    /// A whole number within these bounds, or what stands in for it.
    pub(crate) fn whole(&self, findings: &mut Findings<'_>, key: &str, default: i64, (from, to): (i64, i64)) -> i64 {
        let Some(value) = self.get(key) else { return default };
        let number = match value.get_ref() {
            DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix()).ok(),
            _ => None,
        };
        match number.filter(|number| (from..=to).contains(number)) {
            Some(number) => number,
            None => {
                let text = format!("`{key}` must be a whole number from {from} to {to}, without quotes");
                findings.report(value.span().start, text);
                default
            }
        }
    }

    /// A file that may be missing; relative to the settings file.
    pub(crate) fn path(&self, findings: &mut Findings<'_>, key: &str) -> Option<PathBuf> {
        let (file, _) = self.text(findings, key)?;
        Some(findings.directory.join(file))
    }

    /// An array of inline tables, of which there must be one.
    pub(crate) fn inline_tables(&self, findings: &mut Findings<'_>, key: &str, known: &[&str]) -> Vec<Section<'a>> {
        let name = format!("an entry of `{key}`");
        self.tables(findings, key, &name, |_| known.to_vec())
    }

    fn tables<'k>(
        &self,
        findings: &mut Findings<'_>,
        key: &str,
        name: &str,
        known: impl Fn(&DeTable<'_>) -> Vec<&'k str>,
    ) -> Vec<Section<'a>> {
        let Some(value) = self.get(key) else {
            findings.report(self.at, format!("{name} is missing: {} needs at least one", self.name));
            return Vec::new();
        };
        let DeValue::Array(array) = value.get_ref() else {
            findings.report(value.span().start, format!("`{key}` must be written as {name}"));
            return Vec::new();
        };
        if array.is_empty() {
            findings.report(value.span().start, format!("`{key}` is empty: {} needs at least one", self.name));
        }
        let mut sections = Vec::new();
        for entry in array.iter() {
            match entry.get_ref() {
                DeValue::Table(table) => {
                    sections.push(Section::new(findings, name, entry.span().start, table, &known(table)));
                }
                _ => findings.report(entry.span().start, format!("an entry of `{key}` must be a table")),
            }
        }
        sections
    }
}
