//! A rule to add or change: tried against history, then stored.

use gemba_contract::reason::RuleTrial;
use gemba_domain::equipment::Level;
use leptos::prelude::*;

use super::{
    mistake::{mistake_in, mistake_view},
    rule::Rule,
    rules::Book,
    trial::{DAYS, trial_view},
};
use crate::{
    clock::Clock,
    ui::{Change, Notice, choice, field, places},
};

/// The form, to bring the focus to.
pub(super) const FORM: &str = "rule-form";

/// What is typed.
#[derive(Clone, Copy)]
struct Typed {
    name: RwSignal<String>,
    scope: RwSignal<String>,
    condition: RwSignal<String>,
    outcome: RwSignal<String>,
}

impl Typed {
    fn set(self, rule: Rule) {
        self.name.set(rule.name);
        self.scope.set(rule.scope);
        self.condition.set(rule.condition);
        self.outcome.set(rule.outcome);
    }

    fn rule(self) -> Rule {
        Rule {
            name: self.name.get().trim().to_owned(),
            scope: self.scope.get(),
            condition: self.condition.get(),
            outcome: self.outcome.get(),
        }
    }
}

/// The rules with this one in its place, or behind them.
fn with(mut rules: Vec<Rule>, place: Option<usize>, rule: Rule) -> Vec<Rule> {
    match place.and_then(|place| rules.get_mut(place)) {
        Some(old) => *old = rule,
        None => rules.push(rule),
    }
    rules
}

#[component]
pub(super) fn RuleForm(book: Book) -> impl IntoView {
    let text = || RwSignal::new(String::new());
    let typed = Typed { name: text(), scope: text(), condition: text(), outcome: text() };
    let clock = Clock::of_page();
    let change = Change::new();
    let tried = RwSignal::new(None::<(Rule, RuleTrial)>);
    // The name of a rule changes nothing of what it does.
    let same = |a: &Rule, b: &Rule| (&a.scope, &a.condition, &a.outcome) == (&b.scope, &b.condition, &b.outcome);
    let is_tried =
        Memo::new(move |_| tried.with(|tried| tried.as_ref().is_some_and(|(rule, _)| same(rule, &typed.rule()))));
    let incomplete = move || {
        let rule = typed.rule();
        rule.name.is_empty() || rule.condition.trim().is_empty() || rule.outcome.is_empty()
    };
    Effect::new(move |_| {
        let Some(position) = book.edited.get() else { return };
        let found = book.draft.with_untracked(|rules| rules.get(position).cloned());
        change.forget();
        tried.set(None);
        typed.set(found.unwrap_or_default());
    });
    let attempt = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        let rule = untrack(move || typed.rule());
        let to = untrack(move || clock.now());
        let request = book.kind.with_value(|kind| (kind.attempt)(rule.clone(), to.plus_seconds(-DAYS * 86_400), to));
        tried.set(None);
        change.send(request, move |trial| {
            tried.set(Some((rule, trial)));
            String::new()
        });
    };
    let clear = move || {
        typed.set(Rule::default());
        tried.set(None);
        book.edited.set(None);
    };
    let save = move |_| {
        if untrack(incomplete) {
            return change.refuse("A rule has a name, a condition, and what it gives.");
        }
        let rule = untrack(move || typed.rule());
        let told = format!("{} is stored. The figures of the last 31 days are being made anew.", rule.name);
        let rules = with(book.draft.get_untracked(), book.edited.get_untracked(), rule);
        let request = book.kind.with_value(|kind| (kind.put)(rules));
        change.send(request, move |rules| {
            clear();
            book.settle(rules);
            told
        });
    };
    let problem = move || {
        let error = change.error()?;
        let told = error.to_string();
        Some(match mistake_in(&told) {
            Some(mistake) => mistake_view(&typed.condition.get_untracked(), mistake),
            None => view! { <Notice text=told /> }.into_any(),
        })
    };
    let result = move || {
        let found = tried.get().filter(|_| is_tried.get());
        found.map(|(_, trial)| {
            book.plant.with_value(|plant| book.outcomes.with(|names| trial_view(plant, &trial, names)))
        })
    };
    let editing = move || book.edited.get().is_some();
    let title = move || if editing() { "Change a rule" } else { "Add a rule" };
    let busy = move || change.is_busy();
    view! {
        <form class="edit-form" id=FORM tabindex="-1" on:submit=attempt>
            <h3>{title}</h3>
            <noscript>
                <p class="field-hint">"Changing rules here needs JavaScript. The API does it too."</p>
            </noscript>
            {fields(book, typed)}
            {move || (!is_tried.get()).then(problem)}
            {change.refusal()}
            <div class="trial" role="status">
                {move || busy().then(|| view! { <p class="muted">"Asking the server…"</p> })}
                {result}
            </div>
            <div class="form-buttons">
                <button class="button" class:primary=move || !is_tried.get() disabled=busy>
                    {format!("Try it on the last {DAYS} days")}
                </button>
                <button type="button" class="button" class:primary=move || is_tried.get() disabled=busy on:click=save>
                    {move || if is_tried.get() { "Store the rule" } else { "Store without a trial" }}
                </button>
                <Show when=editing>
                    <button type="button" class="button" on:click=move |_| clear()>
                        "Leave it as it is"
                    </button>
                </Show>
                {change.told()}
            </div>
            <p class="field-hint">
                "A stored rule makes the figures of the last 31 days anew; those that were reported stay beside them, with your name."
            </p>
        </form>
    }
    .into_any()
}

fn fields(book: Book, typed: Typed) -> AnyView {
    let kind = book.kind.get_value();
    let scopes = book.plant.with_value(|plant| places(plant, &[Level::Site, Level::Area, Level::Line, Level::Unit]));
    let outcome = move || choice(kind.gives, None, book.outcomes.get(), typed.outcome);
    let examples = kind
        .examples
        .iter()
        .map(|(condition, meaning)| {
            view! {
                <li>
                    <code>{*condition}</code>
                    <span class="muted">{*meaning}</span>
                </li>
            }
        })
        .collect_view();
    view! {
        <div class="edit-row">
            {field("Name", "text", true, typed.name)} {choice("Where", Some("Whole plant"), scopes, typed.scope)} {outcome}
        </div>
        <label class="field condition">
            <span>"Holds while"</span>
            <textarea
                required
                rows="2"
                spellcheck="false"
                autocapitalize="off"
                prop:value=move || typed.condition.get()
                on:input=move |event| typed.condition.set(event_target_value(&event))
            ></textarea>
        </label>
        <details class="examples">
            <summary>"How conditions are written"</summary>
            <ul>{examples}</ul>
        </details>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_takes_its_place_or_stands_behind() {
        let rule = |name: &str| Rule { name: name.to_owned(), ..Rule::default() };
        let names = |rules: Vec<Rule>| rules.into_iter().map(|rule| rule.name).collect::<Vec<_>>();
        let all = vec![rule("a"), rule("b")];
        assert_eq!(names(with(all.clone(), Some(0), rule("c"))), ["c", "b"]);
        assert_eq!(names(with(all.clone(), None, rule("c"))), ["a", "b", "c"]);
        assert_eq!(names(with(all, Some(9), rule("c"))), ["a", "b", "c"]);
    }
}
