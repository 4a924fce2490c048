//! A mistake in a condition, at its place in the text.

use leptos::prelude::*;

use super::rule::Rule;
use crate::ui::Notice;

/// Where a condition is wrong: line and column count from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mistake {
    pub line: usize,
    pub column: usize,
    /// What is wrong.
    pub problem: String,
    /// What to write instead.
    pub hint: Option<String>,
}

/// Which rule an answer is about, counted from 0, and the rest of it: `rule 3: there is no reason`.
fn rule_in(told: &str) -> (Option<usize>, &str) {
    let found = told.strip_prefix("rule ").and_then(|rest| rest.split_once(": "));
    let position = found.and_then(|(number, _)| number.parse::<usize>().ok()?.checked_sub(1));
    match (position, found) {
        (Some(position), Some((_, rest))) => (Some(position), rest),
        _ => (None, told),
    }
}

/// Reads `line 2, column 9: what is wrong; what to write instead`. `None`: the answer names no place.
fn mistake_in(told: &str) -> Option<Mistake> {
    let (line, rest) = match told.strip_prefix("line ").and_then(|rest| rest.split_once(", ")) {
        Some((line, rest)) => (line.parse().ok()?, rest),
        None => (1, told),
    };
    let (column, words) = rest.strip_prefix("column ")?.split_once(": ")?;
    let (problem, hint) = words.split_once("; ").map_or((words, None), |(problem, hint)| (problem, Some(hint)));
    Some(Mistake { line, column: column.parse().ok()?, problem: problem.to_owned(), hint: hint.map(str::to_owned) })
}

/// Why the server refused these rules, of which the one at this place is in question: the mistake at its place in the
/// condition, or the server's words. One of another rule is told with that rule's name.
pub(super) fn refusal_view(told: &str, rules: &[Rule], place: usize) -> AnyView {
    let (position, rest) = rule_in(told);
    let position = position.unwrap_or(place);
    let rule = rules.get(position);
    let other = rule.filter(|_| position != place).map(|rule| format!("Rule “{}”: ", rule.name));
    match (mistake_in(rest), rule) {
        (Some(mistake), Some(rule)) => mistake_view(other, &rule.condition, mistake),
        _ => view! { <Notice text=other.unwrap_or_default() + rest /> }.into_any(),
    }
}

/// The line with a mark under the place, what is wrong, and the hint.
fn mistake_view(other: Option<String>, condition: &str, mistake: Mistake) -> AnyView {
    let line = condition.lines().nth(mistake.line.saturating_sub(1)).unwrap_or_default().replace('\t', " ");
    let mark = format!("{}^", " ".repeat(mistake.column.saturating_sub(1)));
    let place = if mistake.line > 1 {
        format!("Line {}, column {}: ", mistake.line, mistake.column)
    } else {
        format!("Column {}: ", mistake.column)
    };
    view! {
        <div class="mistake" role="alert">
            <pre aria-hidden="true">{line} "\n" <b>{mark}</b></pre>
            <p>
                <strong>{other}{place}</strong>
                {mistake.problem}
            </p>
            {mistake.hint.map(|hint| view! { <p class="mistake-hint">{hint}</p> })}
        </div>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_is_read_from_the_answer() {
        let told = "column 10: `stoped` is no state; did you mean `stopped`?";
        let mistake = mistake_in(told).expect("a place");
        assert_eq!((mistake.line, mistake.column), (1, 10));
        assert_eq!(mistake.problem, "`stoped` is no state");
        assert_eq!(mistake.hint.as_deref(), Some("did you mean `stopped`?"));
        let later = mistake_in("line 2, column 4: expected a comparison").expect("a place");
        assert_eq!((later.line, later.column, later.hint), (2, 4, None));
        assert_eq!(mistake_in("the plant has no unit at or below `x`"), None);
    }

    #[test]
    fn the_rule_is_read_from_the_answer() {
        let (rule, rest) = rule_in("rule 3: column 10: `stoped` is no state; did you mean `stopped`?");
        assert_eq!((rule, mistake_in(rest).expect("a place").column), (Some(2), 10));
        let told = "rule 2: the rule `Short: all` asks for `lasts`, which is known only after the states are made";
        let (rule, rest) = rule_in(told);
        assert_eq!((rule, mistake_in(rest)), (Some(1), None));
        assert!(rest.starts_with("the rule `Short: all`"));
        assert_eq!(rule_in("column 3: expected `=`").0, None);
        assert_eq!(rule_in("rule by rule: no").0, None);
        assert_eq!(rule_in("rule 0: no").0, None);
    }
}
