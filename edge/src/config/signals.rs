//! Which data items become which signals.

use gemba_domain::{equipment::Code, signal::SignalKind};

use super::reader::{Findings, Section};

/// What may stand in an entry of `signals`.
pub(super) const KEYS: &[&str] = &["item", "pattern", "signal", "kind", "uom"];

/// One entry of `signals`.
#[derive(Clone, Debug, PartialEq)]
pub struct SignalRule {
    /// Which data items.
    pub selector: Selector,
    /// `signal`: the code of the signal it becomes.
    pub signal: CodeTemplate,
    /// `kind`: what sort of signal, where the source does not say or says it wrongly.
    pub kind: Option<SignalKind>,
    /// `uom`: unit of measure, likewise.
    pub uom: Option<String>,
    pub(super) at: usize,
}

/// Which data items a rule is for.
#[derive(Clone, Debug, PartialEq)]
pub enum Selector {
    /// `item`: the id or name of one data item.
    Item(String),
    /// `pattern`: of ids or names; `*` stands for any run of characters.
    Pattern(Glob),
}

impl Selector {
    /// The one data item, if it is one.
    pub fn item(&self) -> Option<&str> {
        match self {
            Self::Item(item) => Some(item),
            Self::Pattern(_) => None,
        }
    }
}

/// What a rule may look at of a data item.
#[derive(Clone, Copy, Debug)]
pub struct ItemFacts<'a> {
    /// Its id, unique in the agent.
    pub id: &'a str,
    /// Its name, if it has one.
    pub name: Option<&'a str>,
}

/// A pattern with `*` for any run of characters, also an empty one.
#[derive(Clone, Debug, PartialEq)]
pub struct Glob {
    pattern: String,
}

impl Glob {
    /// Any text is a pattern; without `*` it fits only itself.
    pub fn new(pattern: &str) -> Self {
        Self { pattern: pattern.to_owned() }
    }

    /// As written.
    pub fn text(&self) -> &str {
        &self.pattern
    }

    /// What the first `*` stood for, when the pattern fits the whole text.
    pub fn matches<'t>(&self, text: &'t str) -> Option<&'t str> {
        let mut parts = self.pattern.split('*');
        let first = parts.next().unwrap_or_default();
        let rest = text.strip_prefix(first)?;
        let others: Vec<&str> = parts.collect();
        let Some((last, middle)) = others.split_last() else {
            return rest.is_empty().then_some("");
        };
        // Each piece in between at its first place, the last one at the end: fits if anything does.
        let mut open = rest;
        let mut star = None;
        for piece in middle {
            let at = open.find(piece)?;
            star.get_or_insert(&open[..at]);
            open = &open[at + piece.len()..];
        }
        let head = open.strip_suffix(last)?;
        Some(star.unwrap_or(head))
    }
}

/// The code of a signal, with places for what is known of the data item: `{rest}`, `{name}`, `{id}`.
#[derive(Clone, Debug, PartialEq)]
pub struct CodeTemplate {
    template: String,
}

impl CodeTemplate {
    /// The code when it does not depend on the item.
    pub fn literal(&self) -> Option<&str> {
        (!self.template.contains('{')).then_some(self.template.as_str())
    }

    fn fill(&self, item: ItemFacts<'_>, rest: &str) -> String {
        let text = self.template.replace("{rest}", rest).replace("{id}", item.id);
        text.replace("{name}", item.name.unwrap_or(item.id))
    }
}

impl SignalRule {
    /// The code of the signal that this item becomes under this rule; `None` when the rule is not for it.
    /// The error is the text from which no code could be made.
    pub fn apply(&self, item: ItemFacts<'_>) -> Option<Result<Code, String>> {
        self.code(item, [Some(item.id), item.name])
    }

    /// As [`SignalRule::apply`], where a pattern looks at the name before the id.
    pub fn apply_by_name(&self, item: ItemFacts<'_>) -> Option<Result<Code, String>> {
        self.code(item, [item.name, Some(item.id)])
    }

    fn code(&self, item: ItemFacts<'_>, texts: [Option<&str>; 2]) -> Option<Result<Code, String>> {
        let mut texts = texts.into_iter().flatten();
        let rest = match &self.selector {
            Selector::Item(wanted) => texts.any(|text| text == wanted).then_some(""),
            Selector::Pattern(glob) => texts.find_map(|text| glob.matches(text)),
        }?;
        let text = slug(&self.signal.fill(item, rest));
        Some(text.parse().map_err(|_| text))
    }
}

/// Lower case; every run of other characters than a-z and 0-9 becomes one `-`, none at the ends.
pub fn slug(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars().flat_map(char::to_lowercase) {
        if c.is_ascii_lowercase() || c.is_ascii_digit() {
            out.push(c);
        } else if !out.ends_with('-') && !out.is_empty() {
            out.push('-');
        }
    }
    out.truncate(out.trim_end_matches('-').len());
    out
}

pub(super) fn read_rule(findings: &mut Findings<'_>, section: &Section<'_>) -> Option<SignalRule> {
    let item = section.text(findings, "item");
    let pattern = section.text(findings, "pattern");
    let selector = match (item, pattern) {
        (Some((item, _)), None) => Selector::Item(item.to_owned()),
        (None, Some((pattern, _))) => Selector::Pattern(Glob::new(pattern)),
        _ => {
            findings.report(section.at, "an entry of `signals` has either `item` or `pattern`".to_owned());
            return None;
        }
    };
    let (template, at) = section.required(findings, "signal")?;
    let template = template.to_owned();
    let mut open = template.as_str();
    while let Some(begin) = open.find('{') {
        let end = open[begin..].find('}').map_or(open.len(), |end| begin + end + 1);
        let place = &open[begin..end];
        let allowed: &[&str] = match selector {
            Selector::Item(_) => &["{name}", "{id}"],
            Selector::Pattern(_) => &["{rest}", "{name}", "{id}"],
        };
        if !allowed.contains(&place) {
            findings
                .report(at, format!("`{place}` is no place in a signal code here; there are {}", allowed.join(", ")));
            return None;
        }
        open = &open[end..];
    }
    let signal = CodeTemplate { template };
    if let Some(literal) = signal.literal()
        && let Err(error) = literal.parse::<Code>()
    {
        let nearest = slug(literal);
        let hint = if nearest.is_empty() { String::new() } else { format!("; did you mean `{nearest}`?") };
        findings.report(at, format!("{error}{hint}"));
        return None;
    }
    let kind = section.text(findings, "kind").and_then(|(word, at)| {
        let kind = SignalKind::from_word(word);
        if kind.is_none() {
            let words: Vec<_> = SignalKind::ALL.iter().map(|kind| kind.as_str()).collect();
            findings.report(at, format!("`{word}` is no kind of signal; there are {}", words.join(", ")));
        }
        kind
    });
    let uom = section.text(findings, "uom").map(|(uom, _)| uom.to_owned());
    Some(SignalRule { selector, signal, kind, uom, at })
}
