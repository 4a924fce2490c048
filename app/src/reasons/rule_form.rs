//! A rule to add or change: tried against history, then stored.

use gemba_domain::equipment::Level;
use leptos::prelude::*;

use super::{book::Book, mistake::refusal_view, rule::Rule, trial::Trials};
use crate::ui::{Change, choice, field, places};

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

#[component]
pub(super) fn RuleForm(book: Book) -> impl IntoView {
    let text = || RwSignal::new(String::new());
    let typed = Typed { name: text(), scope: text(), condition: text(), outcome: text() };
    let change = Change::new();
    let trials = Trials::new(book, change);
    // The rules as they would be stored, and where this one stands among them.
    let asked = move || book.with(typed.rule());
    let subject = move || {
        let (rules, place) = asked();
        book.kind.with_value(|kind| kind.attempt.subject(rules, place))
    };
    let is_tried = Memo::new(move |_| trials.are_of(&subject()));
    let incomplete = move || {
        let lacks = untrack(move || typed.rule()).is_incomplete();
        if lacks {
            change.refuse("A rule has a name, a condition, and what it gives.");
        }
        lacks
    };
    Effect::new(move |_| {
        let Some(position) = book.edited.get() else { return };
        let found = book.draft.with_untracked(|rules| rules.get(position).cloned());
        change.forget();
        trials.forget();
        typed.set(found.unwrap_or_default());
    });
    let attempt = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        if !incomplete() {
            trials.ask(untrack(subject));
        }
    };
    let clear = move || {
        typed.set(Rule::default());
        trials.forget();
        book.edited.set(None);
    };
    let save = move |_| {
        if incomplete() {
            return;
        }
        let (rules, place) = untrack(asked);
        let name = rules.get(place).map(|rule| rule.name.clone()).unwrap_or_default();
        let request = book.kind.with_value(|kind| (kind.put)(rules));
        change.send(request, move |rules| {
            clear();
            book.settle(rules);
            format!("{name} is stored. The figures of the last 31 days are being made anew.")
        });
    };
    let problem = move || {
        let error = change.error()?;
        let (rules, place) = untrack(asked);
        Some(refusal_view(&error.to_string(), &rules, place))
    };
    let editing = move || book.edited.get().is_some();
    let title = move || if editing() { "Change a rule" } else { "Add a rule" };
    let busy = move || change.is_busy();
    let kind = book.kind.get_value();
    view! {
        <form class="edit-form" id=kind.form tabindex="-1" on:submit=attempt>
            <h3>{title}</h3>
            <noscript>
                <p class="field-hint">"Changing rules here needs JavaScript. The API does it too."</p>
            </noscript>
            {fields(book, typed)}
            {move || (!is_tried.get()).then(problem)}
            {change.refusal()}
            {trials.view(is_tried)}
            <div class="form-buttons">
                <button class="button" class:primary=move || !is_tried.get() disabled=busy>
                    {format!("Try it on the last {} days", kind.days)}
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
