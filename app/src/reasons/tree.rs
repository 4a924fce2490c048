//! The tree of reasons.

use gemba_contract::reason::{ReasonTree, ReasonView};
use leptos::prelude::*;

use super::tree_form::ReasonForm;
use crate::{
    api,
    ui::{Change, escaped, focus_soon},
};

/// How far below the top a reason stands.
fn depth(tree: &ReasonTree, reason: &ReasonView) -> usize {
    let mut depth = 0;
    let mut above = reason.parent.as_deref();
    while let Some(code) = above {
        depth += 1;
        let found = tree.reasons.iter().find(|it| it.code == code);
        above = found.and_then(|it| it.parent.as_deref()).filter(|_| depth < tree.reasons.len());
    }
    depth
}

#[component]
pub(super) fn Tree(tree: RwSignal<ReasonTree>, may_change: bool) -> impl IntoView {
    let edited = RwSignal::new(None::<String>);
    let change = Change::new();
    let rows = move || {
        tree.with(|all| {
            all.reasons
                .iter()
                .map(|reason| row(tree, reason, depth(all, reason), may_change, edited, change))
                .collect_view()
        })
    };
    let none = Memo::new(move |_| tree.with(|tree| tree.reasons.is_empty()));
    view! {
        <section class="card" aria-labelledby="tree-heading">
            <div class="card-heading">
                <h2 id="tree-heading">"Why units stand"</h2>
                <span>"a reason explains time; it never moves availability or OEE"</span>
            </div>
            <Show when=move || none.get()>
                <p class="empty">"No reason yet. With reasons, people can say why a unit stood, and rules can say it for them."</p>
            </Show>
            <Show when=move || !none.get()>
                <div class="table-scroll" tabindex="0" role="group" aria-labelledby="tree-heading">
                    <table class="table reason-tree">
                        <thead>
                            <tr>
                                <th scope="col">"Reason"</th>
                                <th scope="col">"Code"</th>
                                <th scope="col">"Its time is"</th>
                                {may_change.then(|| view! { <th scope="col"><span class="visually-hidden">"Change"</span></th> })}
                            </tr>
                        </thead>
                        <tbody>{rows}</tbody>
                    </table>
                </div>
            </Show>
            <div class="list-words">{change.problem()} {change.told()}</div>
            {may_change.then(|| view! { <ReasonForm tree=tree edited=edited /> })}
        </section>
    }
    .into_any()
}

fn row(
    tree: RwSignal<ReasonTree>,
    reason: &ReasonView,
    depth: usize,
    may_change: bool,
    edited: RwSignal<Option<String>>,
    change: Change,
) -> AnyView {
    let (code, name) = (StoredValue::new(reason.code.clone()), StoredValue::new(reason.name.clone()));
    let retire = move |_| {
        let path = format!("/api/v1/reasons/{}", escaped(&code.get_value()));
        change.send(api::delete::<ReasonTree>(path), move |answer| {
            let told = format!("{} cannot be given any more. Stops that have it keep it.", name.get_value());
            tree.set(answer);
            told
        });
    };
    let edit = move |_| {
        edited.set(Some(code.get_value()));
        focus_soon("reason-form");
    };
    let buttons = may_change.then(|| {
        view! {
            <td class="row-actions">
                <button type="button" class="button quiet" aria-label=format!("Change {}", name.get_value()) on:click=edit>
                    "Change"
                </button>
                <button type="button" class="button quiet" aria-label=format!("Retire {}", name.get_value()) on:click=retire>
                    "Retire"
                </button>
            </td>
        }
    });
    view! {
        <tr>
            <th scope="row" data-depth=depth.min(4).to_string()>
                {reason.name.clone()}
            </th>
            <td>
                <code>{reason.code.clone()}</code>
            </td>
            <td>{reason.category.title()}</td>
            {buttons}
        </tr>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use gemba_domain::reason::{LossCategory, ReasonId};

    use super::*;

    #[test]
    fn reasons_stand_below_their_parents() {
        let reason = |code: &str, parent: Option<&str>| ReasonView {
            id: ReasonId(Default::default()),
            code: code.to_owned(),
            name: code.to_owned(),
            parent: parent.map(str::to_owned),
            category: LossCategory::Breakdown,
        };
        let reasons = vec![reason("tool", None), reason("die", Some("tool")), reason("pin", Some("die"))];
        let tree = ReasonTree { reasons };
        let depths: Vec<usize> = tree.reasons.iter().map(|it| depth(&tree, it)).collect();
        assert_eq!(depths, [0, 1, 2]);
    }
}
