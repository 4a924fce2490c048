//! `/collectors`: which collectors bring in data, what keeps one from it, and when nobody was watching.

mod card;
mod gaps;

use gemba_contract::collector::{CollectorView, Collectors};
use gemba_domain::collector::Condition;
use leptos::prelude::*;
use leptos_meta::Title;

use crate::{
    api::{Api, ApiError},
    clock::Clock,
    ui::{ErrorPage, PageHeader, offset_at},
};
use card::Card;

/// How often the page asks again.
#[cfg(feature = "hydrate")]
const FRESH_SECONDS: u64 = 5;

/// The collectors.
#[component]
pub(crate) fn CollectorsPage() -> impl IntoView {
    let api = Api::of_page();
    let found = Resource::new_blocking(
        || (),
        move |()| {
            let api = api.clone();
            async move { Ok::<_, ApiError>((api.collectors().await?, api.plant().await?)) }
        },
    );
    view! {
        <Suspense>
            {move || Suspend::new(async move {
                match found.await {
                    Ok((collectors, plant)) => {
                        view! { <All collectors=collectors offset=offset_at(&plant, "") /> }.into_any()
                    }
                    Err(error) => view! { <ErrorPage error=error /> }.into_any(),
                }
            })}
        </Suspense>
    }
    .into_any()
}

#[component]
fn All(collectors: Collectors, offset: i32) -> impl IntoView {
    let clock = Clock::of_page();
    clock.heard_from_server(collectors.at);
    let all = RwSignal::new(collectors.collectors);
    keep_fresh(all, clock);
    let names = Memo::new(move |_| all.with(|all| all.iter().map(|it| it.name.clone()).collect::<Vec<_>>()));
    let summary = move || all.with(|all| summary(all));
    view! {
        <Title text="Collectors" />
        <PageHeader utc_offset_minutes=Signal::stored(offset) newest=Signal::stored(None)>
            <h1>"Collectors"</h1>
        </PageHeader>
        <main id="main" tabindex="-1" class="page collectors">
            <p class="muted">{summary}</p>
            {move || {
                names
                    .with(Vec::is_empty)
                    .then(|| {
                        view! {
                            <p class="card empty">
                                "No collector was let in yet. Make one known on the server with " <code>"gemba collector add NAME"</code>
                                ", and start " <code>"gemba-edge"</code> " beside the machines."
                            </p>
                        }
                    })
            }}
            <For each=move || names.get() key=String::clone let:name>
                <Card collector=one(all, name) offset=offset />
            </For>
        </main>
    }
    .into_any()
}

/// One of them, also after the page asked again.
fn one(all: RwSignal<Vec<CollectorView>>, name: String) -> Memo<Option<CollectorView>> {
    Memo::new(move |_| all.with(|all| all.iter().find(|it| it.name == name).cloned()))
}

fn summary(all: &[CollectorView]) -> String {
    let count = |wanted: fn(Condition) -> bool| all.iter().filter(|it| wanted(it.condition)).count();
    let heard = count(|condition| condition != Condition::ShutOut);
    match (heard, count(Condition::is_trouble)) {
        (0, _) => String::new(),
        (heard, 0) => format!("{heard} of {heard} bring in data from all of their sources."),
        (heard, trouble) => format!("{trouble} of {heard} need looking after."),
    }
}

#[cfg(feature = "hydrate")]
fn keep_fresh(all: RwSignal<Vec<CollectorView>>, clock: Clock) {
    let api = Api::of_page();
    Effect::new(move |_| {
        let api = api.clone();
        let ask = move || {
            let api = api.clone();
            leptos::task::spawn_local(async move {
                // What is shown stays until there is an answer; how old it is stands beside each collector.
                if let Ok(fresh) = api.collectors().await {
                    clock.heard_from_server(fresh.at);
                    all.try_set(fresh.collectors);
                }
            });
        };
        if let Ok(ticker) = set_interval_with_handle(ask, std::time::Duration::from_secs(FRESH_SECONDS)) {
            on_cleanup(move || ticker.clear());
        }
    });
}

#[cfg(not(feature = "hydrate"))]
fn keep_fresh(_: RwSignal<Vec<CollectorView>>, _: Clock) {}
