//! `/`: the plant at a glance.

mod area;
mod earlier;
mod figures;
mod line;
mod model;

use gemba_contract::{
    live::OVERVIEW,
    overview::{Earlier, Overview},
};
use leptos::prelude::*;
use leptos_meta::Title;

use crate::{
    api::Api,
    clock::Clock,
    live::{Event, Live},
    ui::{Announcer, ErrorPage, Legend, PageHeader},
};
use area::Area;
use earlier::{EarlierFigures, EarlierShifts};
use figures::AttentionFigure;
pub(crate) use figures::{CountFigure, CoverageFigure, OeeFigure, ShiftLine, Stat};
use model::SiteModel;
pub(crate) use model::{LineModel, OverviewModel, STRIP_SECONDS, StateChange, TileModel};

/// The plant overview.
#[component]
pub(crate) fn OverviewPage() -> impl IntoView {
    let api = Api::of_page();
    let overview = Resource::new_blocking(
        || (),
        move |()| {
            let api = api.clone();
            earlier::load(api)
        },
    );
    view! {
        <Suspense>
            {move || Suspend::new(async move {
                match overview.await {
                    Ok((overview, earlier)) => view! { <Plant overview=overview earlier=earlier /> }.into_any(),
                    Err(error) => view! { <ErrorPage error=error /> }.into_any(),
                }
            })}
        </Suspense>
    }
    .into_any()
}

#[component]
fn Plant(overview: Overview, earlier: Earlier) -> impl IntoView {
    let clock = Clock::of_page();
    let live = Live::of_page();
    clock.heard_from_server(overview.at);
    let model = OverviewModel::new(overview);
    EarlierShifts::provide(earlier).keep_fresh(&model, Api::of_page());
    let followed = model.clone();
    let announcer = Announcer::of_page();
    live.follow(OVERVIEW.to_owned(), move |event| match event {
        Event::Snapshot(data) => {
            if let gemba_contract::live::Snapshot::Overview(overview) = *data {
                followed.replace(overview);
            }
        }
        Event::Delta { at, tiles, totals, .. } => {
            let changes = followed.apply(at, tiles, totals);
            if let Some(announcer) = announcer {
                announcer.say(changes);
            }
        }
    });
    let sites = model.sites.clone();
    let sites = Signal::derive(move || sites.get());
    let offset = Signal::derive(move || sites.with(|s| s.first().map_or(0, |site| site.utc_offset_minutes.get())));
    let newest = Memo::new(move |_| sites.get().iter().filter_map(|site| site.headcount.with(|all| all.newest)).max());
    let empty = Memo::new(move |_| sites.with(Vec::is_empty));
    let single = Memo::new(move |_| sites.with(|s| s.len() == 1));
    view! {
        <Title text="Plant overview" />
        <PageHeader utc_offset_minutes=offset newest=newest>
            {move || {
                if single.get() {
                    sites.get().into_iter().next().map(|site| view! { <SiteTitle site=site /> }).into_any()
                } else {
                    view! { <h1>"Plant overview"</h1> }.into_any()
                }
            }}
        </PageHeader>
        <main id="main" tabindex="-1" class="page" class:is-stale=move || live.is_stale()>
            <Show when=move || empty.get()>
                <EmptyPlant />
            </Show>
            <For each=move || sites.get() key=|site| site.path.clone() let:site>
                <Site site=site.clone() headed=Signal::derive(move || !single.get()) />
            </For>
            <Show when=move || !empty.get()>
                <Legend />
            </Show>
        </main>
    }
    .into_any()
}

/// Site and shift, as the page's own heading.
#[component]
fn SiteTitle(site: SiteModel) -> impl IntoView {
    view! {
        <h1>{site.name}</h1>
        <ShiftLine
            shift=Signal::derive(move || site.shift.get())
            utc_offset_minutes=Signal::derive(move || site.utc_offset_minutes.get())
            time_zone=site.time_zone
        />
    }
}

#[component]
fn Site(site: SiteModel, headed: Signal<bool>) -> impl IntoView {
    let heading = site.clone();
    let path = site.path.clone();
    let kpi = Signal::derive({
        let kpi = site.kpi.clone();
        move || kpi.get()
    });
    let count = Signal::derive({
        let count = site.count.clone();
        move || count.get()
    });
    let headcount = Signal::derive({
        let headcount = site.headcount.clone();
        move || headcount.get()
    });
    let offset = Signal::derive(move || site.utc_offset_minutes.get());
    let areas = site.areas;
    let none = Memo::new({
        let areas = areas.clone();
        move |_| areas.with(Vec::is_empty)
    });
    view! {
        <section class="site" aria-label=site.name.clone()>
            <Show when=move || headed.get()>
                <div class="site-heading">
                    <h2>{heading.name.clone()}</h2>
                    <ShiftLine
                        shift=Signal::derive({
                            let shift = heading.shift.clone();
                            move || shift.get()
                        })
                        utc_offset_minutes=offset
                        time_zone=heading.time_zone.clone()
                    />
                </div>
            </Show>
            <h2 class="visually-hidden">"Figures of this shift"</h2>
            <div class="stats">
                <OeeFigure kpi=kpi more=view! { <EarlierFigures path=path.clone() /> }.into_any() />
                <CountFigure count=count />
                <AttentionFigure headcount=headcount />
                <CoverageFigure kpi=kpi />
            </div>
            <div class="section-heading">
                <h2>"Areas and lines"</h2>
                <span>"most time lost first"</span>
                <span class="section-links">
                    <a class="link" href=format!("/compare/{path}")>
                        "Compare"
                    </a>
                    <a class="link" href=format!("/calendar/{path}")>
                        "Calendar"
                    </a>
                    <a class="link" href=format!("/andon/{path}")>
                        "Andon board"
                    </a>
                </span>
            </div>
            <Show when=move || none.get()>
                <p class="card empty">"This site has no areas. Add them to the plant file and import it again."</p>
            </Show>
            <div class="areas">
                <For each=move || areas.get() key=|area| area.path.clone() let:area>
                    <Area area=area utc_offset_minutes=offset />
                </For>
            </div>
        </section>
    }
    .into_any()
}

/// Before the first import.
#[component]
fn EmptyPlant() -> impl IntoView {
    view! {
        <section class="card empty-plant">
            <h2>"There is no plant yet"</h2>
            <p>
                "Describe sites, areas, lines and units with their signals in a plant file, then import it on the machine where this server runs:"
            </p>
            <pre>
                <code>"gemba plant import FILE"</code>
            </pre>
            <p class="muted">
                "Nothing is changed before the whole file was checked, and it can be imported again at any time. Then start a collector; its data appears here by itself."
            </p>
        </section>
    }
    .into_any()
}
