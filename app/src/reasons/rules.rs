//! Rules of one kind, in order: which come first can be changed, each can be taken out, changed or added.

use gemba_contract::plant::PlantOutline;
use leptos::prelude::*;

use super::{
    book::Book,
    rule::{Kind, Rule},
    rule_form::RuleForm,
    trial::Trials,
};
use crate::ui::{Change, focus_soon};

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
    let trials = Trials::new(book, change);
    let is_tried = Memo::new(move |_| book.draft.with(|draft| trials.are_of(draft)));
    let attempt = move |_| trials.ask(book.draft.get_untracked());
    let can_try = kind.attempt.is_of_all();
    let try_it = move || {
        can_try.then(|| {
            view! {
                <button type="button" class="button" disabled=move || change.is_busy() on:click=attempt>
                    {format!("Try it on the last {} days", kind.days)}
                </button>
            }
        })
    };
    view! {
        <section class="card" aria-labelledby=kind.heading>
            <div class="card-heading">
                <h2 id=kind.heading>{kind.title}</h2>
                <span>{kind.hint}</span>
            </div>
            <Show when=none>
                <p class="empty">{kind.none}</p>
            </Show>
            <div class="table-scroll" tabindex="0" role="group" aria-labelledby=kind.heading hidden=none>
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
                        {try_it}
                        <button type="button" class="button primary" disabled=move || change.is_busy() on:click=save>
                            {move || if can_try && !is_tried.get() { "Store it without a trial" } else { "Store it" }}
                        </button>
                        <button type="button" class="button" on:click=undo>
                            "Undo"
                        </button>
                    </p>
                    {can_try.then(|| trials.view(is_tried))}
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
            focus_soon(book.kind.with_value(|kind| kind.form));
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
