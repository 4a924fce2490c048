//! A mistake in a condition, at its place in the text.

use leptos::prelude::*;

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

/// Reads `line 2, column 9: what is wrong; what to write instead`, also behind `rule 3: `. `None`: the answer names no place.
pub(super) fn mistake_in(told: &str) -> Option<Mistake> {
    let after_rule = told.strip_prefix("rule ").and_then(|rest| rest.split_once(": ")).map(|(_, rest)| rest);
    let told = after_rule.unwrap_or(told);
    let (line, rest) = match told.strip_prefix("line ").and_then(|rest| rest.split_once(", ")) {
        Some((line, rest)) => (line.parse().ok()?, rest),
        None => (1, told),
    };
    let (column, words) = rest.strip_prefix("column ")?.split_once(": ")?;
    let (problem, hint) = words.split_once("; ").map_or((words, None), |(problem, hint)| (problem, Some(hint)));
    Some(Mistake { line, column: column.parse().ok()?, problem: problem.to_owned(), hint: hint.map(str::to_owned) })
}

/// The line with a mark under the place, what is wrong, and the hint.
pub(super) fn mistake_view(condition: &str, mistake: Mistake) -> AnyView {
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
                <strong>{place}</strong>
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
        let third = mistake_in("rule 3: line 2, column 4: expected a comparison").expect("a place");
        assert_eq!((third.line, third.column, third.hint), (2, 4, None));
        assert_eq!(mistake_in("the plant has no unit at or below `x`"), None);
        assert_eq!(mistake_in("rule 2: there is no reason `x`"), None);
    }
}
