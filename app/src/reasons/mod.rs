//! `/reasons`: why units stand. The tree of reasons with the loss that each one's time is, the rules that give them, and
//! the rules that make the states themselves.

mod book;
mod mistake;
mod reason_rules;
mod rule;
mod rule_form;
mod rules;
mod state_rules;
mod tree;
mod tree_form;
mod trial;

use gemba_contract::{
    plant::PlantOutline,
    reason::{ReasonRules, ReasonTree},
    rule::StateRules,
};
use gemba_domain::access::{Action, permits};
use leptos::prelude::*;
use leptos_meta::Title;
use serde::{Deserialize, Serialize};

use crate::{
    api::{Api, ApiError},
    clock::Clock,
    ui::{ErrorPage, PageHeader, offset_at},
};
use reason_rules::REASON_RULES;
use rules::Rules;
use state_rules::STATE_RULES;
use tree::Tree;

/// What the server has for the page.
#[derive(Clone, Serialize, Deserialize)]
struct Found {
    tree: ReasonTree,
    reason_rules: ReasonRules,
    state_rules: StateRules,
    plant: PlantOutline,
    may_change: bool,
}

impl Found {
    async fn read(api: Api) -> Result<Self, ApiError> {
        Ok(Self {
            tree: api.reasons().await?,
            reason_rules: api.reason_rules().await?,
            state_rules: api.state_rules().await?,
            plant: api.plant().await?,
            may_change: permits(api.me().await?.role, Action::ChangeMasterData),
        })
    }
}

/// Reasons, and rules.
#[component]
pub(crate) fn ReasonsPage() -> impl IntoView {
    let api = Api::of_page();
    let found = Resource::new_blocking(|| (), move |()| Found::read(api.clone()));
    view! {
        <Suspense>
            {move || Suspend::new(async move {
                match found.await {
                    Ok(found) => view! { <Reasons found=found /> }.into_any(),
                    Err(error) => view! { <ErrorPage error=error /> }.into_any(),
                }
            })}
        </Suspense>
    }
    .into_any()
}

#[component]
fn Reasons(found: Found) -> impl IntoView {
    let Found { tree, reason_rules, state_rules, plant, may_change } = found;
    Clock::of_page().heard_from_server(plant.at);
    let offset = offset_at(&plant, "");
    let tree = RwSignal::new(tree);
    let plant = StoredValue::new(plant);
    let reasons = Signal::derive(move || {
        tree.with(|tree| tree.reasons.iter().map(|it| (it.code.clone(), it.name.clone())).collect::<Vec<_>>())
    });
    let states = Signal::stored(state_rules::states());
    let (reason_rules, state_rules) = (reason_rules::read(reason_rules), state_rules::read(state_rules));
    view! {
        <Title text="Reasons and rules" />
        <PageHeader utc_offset_minutes=Signal::stored(offset) newest=Signal::stored(None)>
            <h1>"Reasons and rules"</h1>
        </PageHeader>
        <main id="main" tabindex="-1" class="page reasons-page">
            <Tree tree=tree may_change=may_change />
            <Rules kind=REASON_RULES stored=reason_rules outcomes=reasons plant=plant may_change=may_change />
            <Rules kind=STATE_RULES stored=state_rules outcomes=states plant=plant may_change=may_change />
        </main>
    }
    .into_any()
}
