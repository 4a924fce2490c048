//! `/lines/path`: what a line or a unit did in a shift or any other stretch of time, and why.

mod board;
mod figures;
mod handover;
mod layout;
mod losses;
mod model;
mod reason;
mod stops;
mod timeline;
mod trend;
mod word;

use gemba_contract::{
    live::OVERVIEW,
    reason::ReasonTree,
    report::{Report, Stop},
};
use gemba_domain::equipment::Level;
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::{use_params_map, use_query_map};

use crate::{
    api::{Api, ApiError, path_in_address},
    clock::Clock,
    format::{shift_title, span},
    live::Live,
    ui::{ErrorPage, Notice, PageHeader, PeriodLinks, ProfileLinks, Scope, StateLabel, Stretch, page_of},
};
use board::Board;
use figures::Figures;
use handover::Handover;
use losses::{Pareto, Waterfall};
use model::LineModel;
use reason::ReasonDialog;
use stops::Stops;
use timeline::Timeline;
use trend::Trend;

/// One line, or one unit.
#[component]
pub(crate) fn LinePage() -> impl IntoView {
    let api = Api::of_page();
    let params = use_params_map();
    let path = Memo::new(move |_| params.with(|p| p.get("path").unwrap_or_default().trim_matches('/').to_owned()));
    let query = use_query_map();
    let page = Resource::new_blocking(
        move || path.get(),
        move |path| {
            let (api, scope) = (api.clone(), Scope::of(&query.get_untracked()));
            async move {
                let path = path_in_address(&path)?;
                let query = scope.query();
                let (report, reasons) = futures::future::join(api.report(path.as_str(), &query), api.reasons()).await;
                // Who may read a report need not be one who gives reasons.
                Ok::<_, ApiError>((report?, reasons.unwrap_or_default()))
            }
        },
    );
    view! {
        <Suspense>
            {move || Suspend::new(async move {
                match page.await {
                    Ok((report, reasons)) => view! { <Line report=report reasons=reasons /> }.into_any(),
                    Err(error) => view! { <ErrorPage error=error /> }.into_any(),
                }
            })}
        </Suspense>
    }
    .into_any()
}

#[component]
fn Line(report: Report, reasons: ReasonTree) -> impl IntoView {
    let clock = Clock::of_page();
    let live = Live::of_page();
    clock.heard_from_server(report.at);
    let query = use_query_map();
    let scope = Memo::new(move |_| query.with(Scope::of));
    let chosen = Memo::new(move |_| query.with(stops::chosen_in));
    let (title, crumbs) = (report.name.clone(), crumbs(&report));
    let model = LineModel::new(report, reasons, scope);
    live.follow(OVERVIEW.to_owned(), move |event| model.hear(event));
    model.keep_fresh(clock);

    let offset = Signal::derive(move || model.offset());
    let newest = Signal::derive(move || model.now.with(|now| now.as_ref().and_then(|n| n.last_sample)));
    view! {
        <Title text=title.clone() />
        <PageHeader utc_offset_minutes=offset newest=newest>
            {crumbs}
            <h1>{title}</h1>
            <Now model=model />
        </PageHeader>
        <main id="main" tabindex="-1" class="page line-page" class:is-stale=move || model.now.with(Option::is_some) && live.is_stale()>
            <PeriodBar model=model chosen=chosen />
            {move || model.failed.get().map(|error| view! { <Notice text=format!("{error} The period before is still shown.") /> })}
            <Timeline model=model />
            <Figures model=model />
            <div class="halves">
                <div class="stack">
                    <Board model=model />
                    <Trend model=model />
                </div>
                <div class="stack">
                    <Waterfall model=model />
                    <Pareto model=model chosen=chosen />
                </div>
            </div>
            <Stops model=model chosen=chosen />
            <Handover model=model />
        </main>
        <ReasonDialog model=model />
    }
    .into_any()
}

/// The nodes above, with links to those that have a page.
fn crumbs(report: &Report) -> AnyView {
    let items = report
        .around
        .above
        .iter()
        .map(|(name, path)| match path {
            Some(path) => view! {
                <li>
                    <a href=page_of(path)>{name.clone()}</a>
                </li>
            }
            .into_any(),
            None => view! { <li>{name.clone()}</li> }.into_any(),
        })
        .collect_view();
    view! {
        <nav class="crumbs" aria-label="Where this stands">
            <ol>
                <li>
                    <a href="/">"Plant"</a>
                </li>
                {items}
            </ol>
        </nav>
    }
    .into_any()
}

/// State, since when, and what caused it.
#[component]
fn Now(model: LineModel) -> impl IntoView {
    let clock = Clock::of_page();
    let text = move || {
        model.now.get().map(|now| {
            let cause = model.report.with(|r| cause_text(&r.stops)).or(now.cause);
            (now.state, span(clock.known().seconds_since(now.since)), cause)
        })
    };
    view! {
        {move || {
            text()
                .map(|(state, since, cause)| {
                    view! {
                        <span class="state-pill" data-state=state.as_str()>
                            <StateLabel state=Signal::stored(state) />
                            <span class="state-since">{since}</span>
                            {cause.map(|cause| view! { <span class="state-cause">{cause}</span> })}
                        </span>
                    }
                })
        }}
    }
    .into_any()
}

/// What the stop that goes on comes from: another unit, or its reason.
fn cause_text(stops: &[Stop]) -> Option<String> {
    let running = stops.iter().find(|s| s.running)?;
    match &running.caused_by {
        Some(cause) => Some(format!("caused by {}", cause.text)),
        None => running.reason_name.clone(),
    }
}

/// Which period, by which definition, and what else can be seen of it.
#[component]
fn PeriodBar(model: LineModel, chosen: Memo<Option<String>>) -> impl IntoView {
    let report = model.report;
    let stretch = Signal::derive(move || {
        report.with(|r| Stretch {
            from: r.period.from,
            to: r.period.to,
            previous: r.period.previous,
            next: r.period.next,
            at: r.at,
            offset: r.utc_offset_minutes,
        })
    });
    let shift = move || report.with(|r| r.period.shift.as_ref().map(|s| shift_title(&s.name)));
    let profile = Signal::derive(move || report.with(|r| r.profile));
    let more = Signal::derive(move || chosen.with(|c| stops::reason_part(c.as_deref())));
    let compare = move || report.with(|r| format!("/compare/{}{}", r.path, model.scope.get().over_or(r).query()));
    let paper =
        move || report.with(|r| format!("/api/v1/report.pdf/{}{}", r.path, model.scope.get().over_or(r).query()));
    let unit = move || report.with(|r| (r.level == Level::Unit).then(|| format!("/units/{}", r.path)));
    view! {
        <div class="period-bar">
            {move || shift().map(|name| view! { <span class="period-shift">{name}</span> })}
            <PeriodLinks stretch=stretch scope=model.scope more=more />
            <ProfileLinks profile=profile scope=model.scope more=more />
            <span class="period-more">
                {move || {
                    unit()
                        .map(|href| {
                            view! {
                                <a class="link" href=href>
                                    "Signals"
                                </a>
                            }
                        })
                }}
                <a class="link" href=compare>
                    "Compare"
                </a>
                <a class="link" href=paper rel="external" target="_blank">
                    "PDF"
                </a>
            </span>
        </div>
    }
    .into_any()
}
