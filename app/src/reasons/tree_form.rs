//! A new reason, or another name, place or loss of one.

use gemba_contract::reason::{PutReason, ReasonTree};
use gemba_domain::reason::LossCategory;
use leptos::prelude::*;

use crate::{
    api,
    ui::{Change, choice, escaped, field},
};

#[component]
pub(super) fn ReasonForm(tree: RwSignal<ReasonTree>, edited: RwSignal<Option<String>>) -> impl IntoView {
    let text = || RwSignal::new(String::new());
    let (code, name, parent, category) = (text(), text(), text(), text());
    let change = Change::new();
    let clear = move || {
        [code, name].iter().for_each(|field| field.set(String::new()));
        edited.set(None);
    };
    Effect::new(move |_| {
        let Some(asked) = edited.get() else { return };
        let found = tree.with_untracked(|tree| tree.reasons.iter().find(|it| it.code == asked).cloned());
        let Some(reason) = found else { return };
        change.forget();
        code.set(reason.code);
        name.set(reason.name);
        parent.set(reason.parent.unwrap_or_default());
        category.set(reason.category.as_str().to_owned());
    });
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        let Some(category) = LossCategory::from_word(&category.get_untracked()) else {
            return change.refuse("Choose which loss its time is.");
        };
        let typed = code.get_untracked().trim().to_owned();
        let new = edited.get_untracked().is_none();
        if new && tree.with_untracked(|tree| tree.reasons.iter().any(|it| it.code == typed)) {
            return change
                .refuse(format!("There is a reason `{typed}` already; choose another code, or change that one."));
        }
        let parent = Some(parent.get_untracked()).filter(|parent| !parent.is_empty());
        let named = name.get_untracked();
        let body = PutReason { name: named.clone(), parent, category };
        let path = format!("/api/v1/reasons/{}", escaped(&typed));
        let request = async move { api::put::<ReasonTree>(path, &body).await };
        change.send(request, move |answer| {
            clear();
            tree.set(answer);
            format!("{named} is {}.", if new { "added" } else { "changed" })
        });
    };
    let above = move || {
        let (all, own) = (tree.with(|tree| tree.reasons.clone()), edited.get());
        let options =
            all.into_iter().filter(|it| own.as_ref() != Some(&it.code)).map(|it| (it.code, it.name)).collect();
        choice("Below", Some("At the top"), options, parent)
    };
    let losses = LossCategory::ALL.iter().map(|it| (it.as_str().to_owned(), it.title().to_owned())).collect();
    let editing = move || edited.get().is_some();
    let title = move || if editing() { "Change a reason" } else { "Add a reason" };
    view! {
        <form class="edit-form" id="reason-form" tabindex="-1" on:submit=submit>
            <h3>{title}</h3>
            <noscript>
                <p class="field-hint">"Changing reasons here needs JavaScript. The API does it too."</p>
            </noscript>
            <div class="edit-row">
                {field("Name", "text", true, name)}
                <label class="field">
                    <span>"Code"</span>
                    <input
                        required
                        autocomplete="off"
                        readonly=editing
                        prop:value=move || code.get()
                        on:input=move |event| code.set(event_target_value(&event))
                    />
                </label>
                {above}
                {choice("Its time is", None, losses, category)}
            </div>
            {change.problem()}
            <div class="form-buttons">
                <button class="button primary" disabled=move || change.is_busy()>
                    {move || if editing() { "Store the change" } else { "Add the reason" }}
                </button>
                <Show when=editing>
                    <button type="button" class="button" on:click=move |_| clear()>
                        "Leave it as it is"
                    </button>
                </Show>
                {change.told()}
            </div>
        </form>
    }
    .into_any()
}
