use gemba_domain::state::UnitState;
use leptos::prelude::*;

/// The word people read for a state.
pub(crate) const fn state_word(state: UnitState) -> &'static str {
    match state {
        UnitState::Producing => "Producing",
        UnitState::Setup => "Set-up",
        UnitState::Stopped => "Stopped",
        UnitState::Blocked => "Blocked",
        UnitState::Starved => "Starved",
        UnitState::Idle => "Idle",
        UnitState::Maintenance => "Maintenance",
        UnitState::Off => "Off",
        UnitState::Unknown => "No data",
    }
}

/// A state as shape, colour and word. Each state's shape is its own (see `components/state.css`).
#[component]
pub(crate) fn StateLabel(#[prop(into)] state: Signal<UnitState>) -> impl IntoView {
    view! {
        <span class="state" data-state=move || state.get().as_str()>
            {move || state_word(state.get())}
        </span>
    }
}
