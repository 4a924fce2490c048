//! One line of the overview: its own figures, and its units as tiles.

use gemba_contract::overview::KpiView;
use leptos::prelude::*;

use super::{
    earlier::EarlierFigures,
    figures::{count_pair, target_gap},
    model::{LineModel, TileModel},
};
use crate::{
    clock::Clock,
    format::{percent, span},
    ui::{HourAxis, KpiBars, StateLabel, Strip},
};

/// Older than this, a unit's newest sample is worth a word. Sources that report changes alone are often silent for minutes.
const STALE_SECONDS: f64 = 600.0;

#[component]
pub(super) fn LineCard(line: LineModel, utc_offset_minutes: Signal<i32>) -> impl IntoView {
    let LineModel { tile, key_unit, units } = line;
    let heading = format!("line-{}", tile.id.0);
    let report = format!("/lines/{}", tile.path);
    let name = Signal::derive({
        let name = tile.name.clone();
        move || name.get()
    });
    let kpi = Signal::derive({
        let now = tile.now.clone();
        move || now.with(|n| n.kpi.clone())
    });
    let count = Memo::new({
        let now = tile.now.clone();
        move |_| now.with(|n| count_pair(&n.count))
    });
    view! {
        <section class="card line" aria-labelledby=heading.clone()>
            <div class="line-row">
                <div class="line-name">
                    <h4 id=heading.clone()>
                        <a href=report>{move || name.get()}</a>
                    </h4>
                    <EarlierFigures path=tile.path.clone() />
                </div>
                <Now tile=tile.clone() />
                <div class="line-strip">
                    <Strip segments=tile.strip.clone() label=name />
                    <HourAxis utc_offset_minutes=utc_offset_minutes />
                </div>
                <Oee kpi=kpi />
                <KpiBars kpi=kpi />
                <p class="line-count">
                    <span class="big">{move || count.get().0}</span>
                    <small>{move || format!("{} good", count.get().1)}</small>
                </p>
            </div>
            <ul class="units">
                <For each=move || units.get() key=|unit| (unit.id, unit.path.clone()) let:unit>
                    <li>
                        <UnitTile key_unit=key_unit == Some(unit.id) tile=unit />
                    </li>
                </For>
            </ul>
        </section>
    }
    .into_any()
}

/// State, since when, and the machine's own word for it.
#[component]
fn Now(tile: TileModel) -> impl IntoView {
    let clock = Clock::of_page();
    let state = Signal::derive({
        let now = tile.now.clone();
        move || now.with(|n| n.state)
    });
    let since = Memo::new({
        let now = tile.now.clone();
        move |_| now.with(|n| n.since)
    });
    let cause = Memo::new(move |_| tile.now.with(|n| n.cause.clone()));
    view! {
        <div class="now">
            <StateLabel state=state />
            <p>
                {move || span(clock.known().seconds_since(since.get()))}
                {move || cause.get().map(|cause| view! { <span class="cause">{cause}</span> })}
            </p>
        </div>
    }
}

#[component]
fn Oee(kpi: Signal<KpiView>) -> impl IntoView {
    let gap = Memo::new(move |_| kpi.with(target_gap));
    view! {
        <p class="line-oee">
            <span class="big">{move || percent(kpi.with(|k| k.oee))}<small>" %"</small></span>
            <small>
                "OEE "
                <span data-trend=move || gap.get().1 title="Difference from the target, in percentage points">
                    {move || gap.get().0}
                </span>
            </small>
        </p>
    }
}

/// A unit, leading to its page.
#[component]
fn UnitTile(
    tile: TileModel,
    /// Its facts are the line's figures.
    key_unit: bool,
) -> impl IntoView {
    let clock = Clock::of_page();
    let href = format!("/units/{}", tile.path);
    let name = Signal::derive({
        let name = tile.name.clone();
        move || name.get()
    });
    let oee = Memo::new({
        let now = tile.now.clone();
        move |_| now.with(|n| percent(n.kpi.oee))
    });
    let count = Memo::new({
        let now = tile.now.clone();
        move |_| now.with(|n| count_pair(&n.count))
    });
    let state = Memo::new({
        let now = tile.now.clone();
        move |_| now.with(|n| n.state)
    });
    let old = {
        let now = tile.now.clone();
        Memo::new(move |_| {
            let newest = now.with(|n| n.last_sample);
            newest.map(|newest| clock.now().seconds_since(newest)).filter(|age| *age > STALE_SECONDS).map(span)
        })
    };
    view! {
        <a class="tile" href=href data-state=move || state.get().as_str()>
            <span class="tile-name">{move || name.get()}</span>
            <span class="tile-oee">
                {move || oee.get()} <small>" % OEE"</small>
            </span>
            <Now tile=tile.clone() />
            <div class="tile-side">
                <p class="tile-count">{move || count.get().0} <small>{move || format!(" {}", count.get().1)}</small></p>
                {key_unit.then(|| view! { <small title="The line's figures are those of this unit">"key unit"</small> })}
            </div>
            <Strip segments=tile.strip.clone() label=name />
            {move || old.get().map(|age| view! { <span class="tile-old">{format!("newest data {age} old")}</span> })}
        </a>
    }
    .into_any()
}
