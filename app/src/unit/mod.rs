//! `/units/path`: one unit's state, figures and signals.

mod figures;
mod history;
mod model;
mod signals;

use gemba_contract::{
    live::{Snapshot, UNIT_PREFIX},
    overview::ShiftView,
    signal::SampleSeries,
    unit::UnitDetail,
};
use gemba_domain::equipment::EquipmentPath;
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::{use_params_map, use_query_map};

use crate::{
    api::{Api, ApiError},
    clock::Clock,
    format::{clock_time_seconds, percent, span, state_word},
    live::{Event, Live},
    overview::{CountFigure, CoverageFigure, OeeFigure, ShiftLine},
    ui::{Announcer, ErrorPage, HourAxis, Legend, PageHeader, Scrub, StateLabel, Strip, StripTable, window_of},
};
use figures::{CycleFigure, HowItIsMade};
use history::History;
use model::UnitModel;
use signals::SignalTable;

/// One unit.
#[component]
pub(crate) fn UnitPage() -> impl IntoView {
    let api = Api::of_page();
    let params = use_params_map();
    let path = Memo::new(move |_| params.with(|p| p.get("path").unwrap_or_default().trim_matches('/').to_owned()));
    let query = use_query_map();
    let unit = Resource::new_blocking(
        move || path.get(),
        move |path| {
            let (api, query) = (api.clone(), query.get_untracked());
            async move {
                let path = path.parse::<EquipmentPath>().map_err(|error| ApiError::NotFound(error.to_string()))?;
                let unit = api.unit(path.as_str()).await?;
                let plotted = match history::picked(&query, unit.signals.iter()) {
                    Some(picked) => Some(history::fetch(&api, picked, unit.at).await),
                    None => None,
                };
                Ok((unit, plotted))
            }
        },
    );
    view! {
        <Suspense>
            {move || Suspend::new(async move {
                match unit.await {
                    Ok((unit, plotted)) => view! { <Unit unit=unit plotted=plotted /> }.into_any(),
                    Err(error) => view! { <ErrorPage error=error /> }.into_any(),
                }
            })}
        </Suspense>
    }
    .into_any()
}

#[component]
fn Unit(unit: UnitDetail, plotted: Option<Result<SampleSeries, ApiError>>) -> impl IntoView {
    let clock = Clock::of_page();
    let live = Live::of_page();
    clock.heard_from_server(unit.at);
    let topic = format!("{UNIT_PREFIX}{}", unit.tile.path);
    let report = format!("/lines/{}", unit.tile.path);
    let title = unit.tile.name.clone();
    let crumbs = unit.breadcrumb.clone();
    let time_zone = unit.time_zone.clone();
    let model = UnitModel::new(unit);
    let followed = model.clone();
    let announcer = Announcer::of_page();
    live.follow(topic, move |event| match event {
        Event::Snapshot(data) => {
            if let Snapshot::Unit(unit) = *data {
                followed.replace(unit);
            }
        }
        Event::Delta { at, tiles, signals, elements, .. } => {
            let changes = followed.apply(at, tiles, signals, elements);
            if let Some(announcer) = announcer {
                announcer.say(changes);
            }
        }
    });

    let offset = Signal::derive({
        let offset = model.utc_offset_minutes.clone();
        move || offset.get()
    });
    let now = model.tile.now.clone();
    let newest = Signal::derive({
        let (now, signals) = (now.clone(), model.signals.clone());
        move || {
            let of_tile = now.with(|n| n.last_sample);
            let of_signals = signals.with(|signals| {
                signals.iter().filter_map(|s| s.latest.with(|latest| latest.as_ref().map(|r| r.time))).max()
            });
            of_tile.max(of_signals)
        }
    });
    let state = Signal::derive({
        let now = now.clone();
        move || now.with(|n| n.state)
    });
    let kpi = Signal::derive({
        let now = now.clone();
        move || now.with(|n| n.kpi.clone())
    });
    let count = Signal::derive({
        let now = now.clone();
        move || now.with(|n| n.count.clone())
    });
    let cause = Memo::new({
        let now = now.clone();
        move |_| now.with(|n| n.cause.clone())
    });
    let since = Memo::new(move |_| now.with(|n| n.since));
    let shift = Signal::derive({
        let shift = model.shift.clone();
        move || shift.get()
    });
    let name = title.clone();
    view! {
        <Title text=title.clone() />
        <PageHeader utc_offset_minutes=offset newest=newest>
            <nav class="crumbs" aria-label="Where this unit stands">
                <ol>
                    <li>
                        <a href="/">"Plant"</a>
                    </li>
                    {crumbs.into_iter().map(|crumb| view! { <li>{crumb}</li> }).collect_view()}
                </ol>
            </nav>
            <h1>{name}</h1>
            <span class="state-pill" data-state=move || state.get().as_str()>
                <StateLabel state=state />
                <span class="state-since">{move || span(clock.known().seconds_since(since.get()))}</span>
                {move || cause.get().map(|cause| view! { <span class="cause">{cause}</span> })}
            </span>
            <a class="link" href=report>
                "Report of this shift"
            </a>
        </PageHeader>
        <main id="main" tabindex="-1" class="page" class:is-stale=move || live.is_stale()>
            <section class="stats stats-unit" aria-label="Figures of this shift">
                <h2 class="visually-hidden">"Figures of this shift"</h2>
                <OeeFigure kpi=kpi />
                <CountFigure count=count />
                <CycleFigure model=model.clone() />
                <CoverageFigure kpi=kpi />
            </section>
            <Hours model=model.clone() offset=offset shift=shift time_zone=time_zone />
            <div class="columns">
                <SignalTable model=model.clone() />
                <History model=model.clone() first=plotted />
            </div>
            <HowItIsMade model=model />
        </main>
    }
    .into_any()
}

/// The state strip with its read-out.
#[component]
fn Hours(model: UnitModel, offset: Signal<i32>, shift: Signal<Option<ShiftView>>, time_zone: String) -> impl IntoView {
    let clock = Clock::of_page();
    let strip = model.tile.strip.clone();
    let name = Signal::derive({
        let name = model.tile.name.clone();
        move || name.get()
    });
    let shown = strip.clone();
    let position = RwSignal::new(None::<f64>);
    let stops = Signal::derive({
        let strip = strip.clone();
        move || {
            let window = window_of(clock);
            let width = window.to.seconds_since(window.from);
            let middle = |from: gemba_domain::Timestamp, to: gemba_domain::Timestamp| {
                (from.max(window.from).seconds_since(window.from) + to.min(window.to).seconds_since(window.from))
                    / 2.0
                    / width
            };
            strip.with(|s| s.iter().map(|s| middle(s.from, s.to)).filter(|m| (0.0..=1.0).contains(m)).collect())
        }
    });
    let read_out = Signal::derive({
        let strip = strip.clone();
        move || {
            let Some(share) = position.get() else {
                return "Point at the strip, or go through it with the arrow keys, to read it.".to_owned();
            };
            let window = window_of(clock);
            let at = window.from.plus_micros((window.to.micros_since(window.from) as f64 * share) as i64);
            let offset = offset.get();
            strip.with(|s| match window.segment_at(s, at) {
                None => format!("{}  No data", clock_time_seconds(at, offset)),
                Some((i, segment)) => {
                    let until =
                        if i + 1 == s.len() { "now".to_owned() } else { clock_time_seconds(segment.to, offset) };
                    let length = span(segment.to.seconds_since(segment.from));
                    let word = state_word(segment.state);
                    format!("{} to {until}: {word}, {length}", clock_time_seconds(segment.from, offset))
                }
            })
        }
    });
    view! {
        <section class="card" aria-labelledby="hours-heading">
            <div class="card-heading">
                <h2 id="hours-heading">"States"</h2>
                <span>
                    "last 8 hours; "
                    <ShiftLine shift=shift utc_offset_minutes=offset time_zone=time_zone />
                </span>
            </div>
            <div class="hours">
                <Scrub label="Read the states of the last 8 hours" position=position stops=stops text=read_out>
                    <Strip segments=shown label=name />
                </Scrub>
                <HourAxis utc_offset_minutes=offset />
                <p class="read-out">{move || read_out.get()}</p>
            </div>
            <Legend />
            <details class="fold">
                <summary>"As a table"</summary>
                <StripTable segments=strip utc_offset_minutes=offset />
            </details>
        </section>
    }
    .into_any()
}

/// A ratio as `82.3 %`, or that there is none.
fn percent_text(ratio: Option<f64>) -> String {
    ratio.map_or_else(|| "no value".to_owned(), |r| format!("{} %", percent(Some(r))))
}
