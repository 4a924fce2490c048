//! Fields of forms: a label tied to its input, and what is typed as a signal.

use leptos::prelude::*;

/// An input of this kind: `text`, `number`, `datetime-local`.
pub(crate) fn field(label: &'static str, kind: &'static str, required: bool, text: RwSignal<String>) -> AnyView {
    let number = kind == "number";
    view! {
        <label class="field">
            <span>{label}</span>
            <input
                type=kind
                required=required
                autocomplete="off"
                min=number.then_some("0")
                step=number.then_some("any")
                prop:value=move || text.get()
                on:input=move |event| text.set(event_target_value(&event))
            />
        </label>
    }
    .into_any()
}

/// A choice from values and their texts. With a text for `none`, nothing may be chosen, which is the empty value; else one
/// must be.
pub(crate) fn choice(
    label: &'static str,
    none: Option<&'static str>,
    options: Vec<(String, String)>,
    chosen: RwSignal<String>,
) -> AnyView {
    let first = Some((String::new(), none.unwrap_or("Choose").to_owned()));
    let options = first
        .into_iter()
        .chain(options)
        .map(|(value, text)| {
            let selected = chosen.with_untracked(|chosen| *chosen == value);
            view! {
                <option value=value selected=selected>
                    {text}
                </option>
            }
        })
        .collect_view();
    view! {
        <label class="field">
            <span>{label}</span>
            <select
                required=none.is_none()
                prop:value=move || chosen.get()
                on:change=move |event| chosen.set(event_target_value(&event))
            >
                {options}
            </select>
        </label>
    }
    .into_any()
}
