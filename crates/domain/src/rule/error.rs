use std::fmt;

/// Longest part of the text that an error repeats, in characters.
const QUOTED_CHARS: usize = 40;

/// Why a text is no condition, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError {
    /// Where it is, in bytes from the beginning of the text.
    pub offset: usize,
    /// Its line, counted from 1.
    pub line: usize,
    /// Its column in that line, in characters, counted from 1.
    pub column: usize,
    /// What was expected and what was found, or which limit is exceeded.
    pub problem: String,
    /// What to write instead, where that can be guessed.
    pub hint: Option<String>,
}

impl ParseError {
    pub(super) fn new(text: &str, offset: usize, problem: impl Into<String>) -> Self {
        let before = text.get(..offset).unwrap_or(text);
        let line = before.rsplit('\n').next().unwrap_or_default();
        Self {
            offset,
            line: before.matches('\n').count() + 1,
            column: line.chars().count() + 1,
            problem: problem.into(),
            hint: None,
        }
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// With "did you mean" when one of these words is near.
    pub(super) fn or_near(self, word: &str, known: impl IntoIterator<Item = &'static str>) -> Self {
        match near(word, known) {
            Some(known) if self.hint.is_none() => self.hint(format!("did you mean `{known}`?")),
            _ => self,
        }
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line > 1 {
            write!(f, "line {}, ", self.line)?;
        }
        write!(f, "column {}: {}", self.column, self.problem)?;
        self.hint.iter().try_for_each(|hint| write!(f, "; {hint}"))
    }
}

impl std::error::Error for ParseError {}

/// The text between backticks, shortened.
pub(super) fn quoted(text: &str) -> String {
    let mut chars = text.chars();
    let part: String = chars.by_ref().take(QUOTED_CHARS).collect();
    format!("`{part}{}`", if chars.next().is_some() { "…" } else { "" })
}

/// The word that differs least from this one, when it differs by no more than a slip.
fn near(word: &str, known: impl IntoIterator<Item = &'static str>) -> Option<&'static str> {
    let word: Vec<char> = word.chars().take(QUOTED_CHARS).flat_map(char::to_lowercase).collect();
    let allowed = if word.len() < 4 { 1 } else { 2 };
    let slips = |known: &str| if is_shuffled(&word, known) { 1 } else { distance(&word, known) };
    let best = known.into_iter().map(|known| (slips(known), known)).min()?;
    (best.0 <= allowed && best.0 < word.len()).then_some(best.1)
}

/// Whether both are made of the same letters.
fn is_shuffled(a: &[char], b: &str) -> bool {
    let (mut a, mut b): (Vec<char>, Vec<char>) = (a.to_vec(), b.chars().collect());
    a.sort_unstable();
    b.sort_unstable();
    a == b
}

/// Levenshtein's distance: letters to insert, remove or replace.
fn distance(a: &[char], b: &str) -> usize {
    let mut row: Vec<usize> = (0..=a.len()).collect();
    for (i, b) in b.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (j, a) in a.iter().enumerate() {
            let above = row.get(j + 1).copied().unwrap_or(usize::MAX);
            let cost = (diagonal + usize::from(*a != b)).min(above + 1).min(left + 1);
            if let Some(cell) = row.get_mut(j) {
                *cell = left;
            }
            diagonal = above;
            left = cost;
        }
        if let Some(cell) = row.last_mut() {
            *cell = left;
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        for (a, b, expected) in
            [("", "", 0), ("abc", "abc", 0), ("", "abc", 3), ("kitten", "sitting", 3), ("flaw", "lawn", 2)]
        {
            assert_eq!(distance(&a.chars().collect::<Vec<_>>(), b), expected, "{a} {b}");
            assert_eq!(distance(&b.chars().collect::<Vec<_>>(), a), expected, "{b} {a}");
        }
        assert_eq!(near("betwen", ["and", "between"]), Some("between"));
        assert_eq!(near("x", ["s", "h"]), None);
        assert_eq!(near("spindle", ["and", "between"]), None);
    }
}
