use gemba_domain::state::UnitState;
use leptos::prelude::*;

use crate::format::state_word;

/// A state as shape, colour and word. Each state's shape is its own (see `components/state.css`).
#[component]
pub(crate) fn StateLabel(#[prop(into)] state: Signal<UnitState>) -> impl IntoView {
    view! {
        <span class="state" data-state=move || state.get().as_str()>
            {move || state_word(state.get())}
        </span>
    }
}
