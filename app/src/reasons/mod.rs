//! `/reasons`: why units stand. The tree of reasons with the loss that each one's time is, and the rules that give them.

mod mistake;
mod rule;
mod rule_form;
mod rules;
mod tree;
mod tree_form;
mod trial;

use gemba_contract::{
    plant::PlantOutline,
    reason::{ReasonRules, ReasonTree},
};
use gemba_domain::access::{Action, permits};
use leptos::prelude::*;
use leptos_meta::Title;

use crate::{
    api::{Api, ApiError},
    clock::Clock,
    ui::{ErrorPage, PageHeader, offset_at},
};
use rule::{Kind, reason_rule};
use rules::Rules;
use tree::Tree;

/// Reasons and their rules.
#[component]
pub(crate) fn ReasonsPage() -> impl IntoView {
    let api = Api::of_page();
    let found = Resource::new_blocking(
        || (),
        move |()| {
            let api = api.clone();
            async move {
                let (tree, rules) = (api.reasons().await?, api.reason_rules().await?);
                let (plant, me) = (api.plant().await?, api.me().await?);
                Ok::<_, ApiError>((tree, rules, plant, permits(me.role, Action::ChangeMasterData)))
            }
        },
    );
    view! {
        <Suspense>
            {move || Suspend::new(async move {
                match found.await {
                    Ok((tree, rules, plant, may_change)) => {
                        view! { <Reasons tree=tree rules=rules plant=plant may_change=may_change /> }.into_any()
                    }
                    Err(error) => view! { <ErrorPage error=error /> }.into_any(),
                }
            })}
        </Suspense>
    }
    .into_any()
}

#[component]
fn Reasons(tree: ReasonTree, rules: ReasonRules, plant: PlantOutline, may_change: bool) -> impl IntoView {
    Clock::of_page().heard_from_server(plant.at);
    let offset = offset_at(&plant, "");
    let tree = RwSignal::new(tree);
    let plant = StoredValue::new(plant);
    let outcomes = Signal::derive(move || {
        tree.with(|tree| tree.reasons.iter().map(|it| (it.code.clone(), it.name.clone())).collect::<Vec<_>>())
    });
    let stored = rules.rules.into_iter().map(reason_rule).collect::<Vec<_>>();
    view! {
        <Title text="Reasons" />
        <PageHeader utc_offset_minutes=Signal::stored(offset) newest=Signal::stored(None)>
            <h1>"Reasons"</h1>
        </PageHeader>
        <main id="main" tabindex="-1" class="page reasons-page">
            <Tree tree=tree may_change=may_change />
            <Rules kind=Kind::REASONS stored=stored outcomes=outcomes plant=plant may_change=may_change />
        </main>
    }
    .into_any()
}
