//! Rules of one kind, in order: which come first can be changed, each can be taken out, changed or added.

use gemba_contract::plant::PlantOutline;
use leptos::prelude::*;

use super::{
    rule::{Kind, Rule},
    rule_form::{FORM, RuleForm},
};
use crate::ui::{Change, focus_soon, place_name};

/// What the list and the form share.
#[derive(Clone, Copy)]
pub(super) struct Book {
    pub kind: StoredValue<Kind>,
    /// As the server has them.
    pub stored: RwSignal<Vec<Rule>>,
    /// As they stand on the page.
    pub draft: RwSignal<Vec<Rule>>,
    /// Which one the form changes; `None`: it adds one.
    pub edited: RwSignal<Option<usize>>,
    pub outcomes: Signal<Vec<(String, String)>>,
    pub plant: StoredValue<PlantOutline>,
    pub may_change: bool,
}

impl Book {
    /// The server has these now.
    pub fn settle(self, rules: Vec<Rule>) {
        self.edited.set(None);
        self.stored.set(rules.clone());
        self.draft.set(rules);
    }

    fn swap(self, a: usize, b: usize) {
        self.edited.set(None);
        self.draft.update(|rules| {
            if a.max(b) < rules.len() {
                rules.swap(a, b);
            }
        });
    }

    fn take_out(self, position: usize) {
        self.edited.set(None);
        self.draft.update(|rules| {
            if position < rules.len() {
                rules.remove(position);
            }
        });
    }

    fn outcome_name(self, code: &str) -> String {
        let found = self.outcomes.with(|all| all.iter().find(|(known, _)| known == code).map(|(_, name)| name.clone()));
        found.unwrap_or_else(|| code.to_owned())
    }

    fn place(self, scope: &str) -> String {
        match scope.parse() {
            Ok(path) => self.plant.with_value(|plant| place_name(plant, &path)),
            Err(_) => "Whole plant".to_owned(),
        }
    }
}

#[component]
pub(super) fn Rules(
    kind: Kind,
    stored: Vec<Rule>,
    outcomes: Signal<Vec<(String, String)>>,
    plant: StoredValue<PlantOutline>,
    may_change: bool,
) -> impl IntoView {
    let book = Book {
        kind: StoredValue::new(kind),
        draft: RwSignal::new(stored.clone()),
        stored: RwSignal::new(stored),
        edited: RwSignal::new(None),
        outcomes,
        plant,
        may_change,
    };
    let change = Change::new();
    let unsaved = Memo::new(move |_| book.draft.with(|draft| book.stored.with(|stored| draft != stored)));
    let rows = move || {
        let rules = book.draft.get();
        let last = rules.len().saturating_sub(1);
        rules.into_iter().enumerate().map(|(position, rule)| row(book, position, last, rule)).collect_view()
    };
    let none = move || book.draft.with(Vec::is_empty);
    let save = move |_| {
        let request = (kind.put)(book.draft.get_untracked());
        change.send(request, move |rules| {
            book.settle(rules);
            "Stored. The figures of the last 31 days are being made anew.".to_owned()
        });
    };
    let undo = move |_| {
        change.forget();
        book.settle(book.stored.get_untracked());
    };
    let heading = format!("{}-heading", kind.id);
    let (labelled, scrolled) = (heading.clone(), heading.clone());
    view! {
        <section class="card" aria-labelledby=labelled>
            <div class="card-heading">
                <h2 id=heading>{kind.title}</h2>
                <span>{kind.hint}</span>
            </div>
            <Show when=none>
                <p class="empty">"No rule yet. A rule gives a reason wherever its condition holds, and is tried against history first."</p>
            </Show>
            <div class="table-scroll" tabindex="0" role="group" aria-labelledby=scrolled hidden=none>
                <table class="table rules">
                    <thead>
                        <tr>
                            <th scope="col" class="number">
                                "#"
                            </th>
                            <th scope="col">"Rule"</th>
                            <th scope="col">"Where"</th>
                            <th scope="col">"Holds while"</th>
                            <th scope="col">{kind.gives}</th>
                            {may_change.then(|| view! { <th scope="col"><span class="visually-hidden">"Change"</span></th> })}
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </div>
            <div class="list-words">
                <Show when=move || unsaved.get()>
                    <p class="unsaved">
                        <span>"This order is not stored yet. Stored, it makes the figures of the last 31 days anew; those reported stay beside them."</span>
                        <button type="button" class="button primary" disabled=move || change.is_busy() on:click=save>
                            "Store it"
                        </button>
                        <button type="button" class="button" on:click=undo>
                            "Undo"
                        </button>
                    </p>
                </Show>
                {change.problem()}
                {change.told()}
            </div>
            {may_change.then(|| view! { <RuleForm book=book /> })}
        </section>
    }
    .into_any()
}

fn row(book: Book, position: usize, last: usize, rule: Rule) -> AnyView {
    let buttons = book.may_change.then(|| {
        let edit = move |_| {
            book.edited.set(Some(position));
            focus_soon(FORM);
        };
        let label = |verb: &str| format!("{verb} {}", rule.name);
        view! {
            <td class="row-actions">
                <button
                    type="button"
                    class="button quiet"
                    aria-label=label("Earlier:")
                    disabled=position == 0
                    on:click=move |_| book.swap(position, position.saturating_sub(1))
                >
                    "↑"
                </button>
                <button
                    type="button"
                    class="button quiet"
                    aria-label=label("Later:")
                    disabled=position == last
                    on:click=move |_| book.swap(position, position + 1)
                >
                    "↓"
                </button>
                <button type="button" class="button quiet" aria-label=label("Change") on:click=edit>
                    "Change"
                </button>
                <button
                    type="button"
                    class="button quiet"
                    aria-label=label("Take out")
                    on:click=move |_| book.take_out(position)
                >
                    "Take out"
                </button>
            </td>
        }
    });
    view! {
        <tr>
            <td class="number">{position + 1}</td>
            <th scope="row">{rule.name.clone()}</th>
            <td>{book.place(&rule.scope)}</td>
            <td>
                <code>{rule.condition.clone()}</code>
            </td>
            <td>{book.outcome_name(&rule.outcome)}</td>
            {buttons}
        </tr>
    }
    .into_any()
}
