//! One collector: its condition in a word, the figures that explain it, and its sources.

use gemba_contract::collector::{CollectorView, SourceView};
use gemba_domain::collector::Condition;
use leptos::prelude::*;

use super::gaps::{Gaps, Losses};
use crate::{
    clock::Clock,
    format::{NO_VALUE, age, day_and_time, pieces, span},
};

/// Clocks that differ by less are not told.
const SKEW_TOLD_SECONDS: f64 = 2.0;

#[component]
pub(super) fn Card(collector: Memo<Option<CollectorView>>, offset: i32) -> impl IntoView {
    let clock = Clock::of_page();
    let of = move |read: fn(&CollectorView, i32) -> AnyView| {
        move || collector.with(|collector| collector.as_ref().map(|collector| read(collector, offset)))
    };
    let condition = move || collector.with(|collector| collector.as_ref().map(|it| it.condition));
    let name = move || collector.with(|collector| collector.as_ref().map(|it| it.name.clone()));
    let id = name().map(|name| format!("collector-{}", crate::ui::escaped(&name)));
    let labelled = id.clone();
    let heard = move || {
        let heard = collector.with(|collector| collector.as_ref().and_then(|it| it.heard_at));
        heard.map_or_else(
            || "never heard".to_owned(),
            |heard| format!("heard {} ago", age(clock.now().seconds_since(heard).max(0.0))),
        )
    };
    view! {
        <section class="card collector" aria-labelledby=labelled data-condition=move || condition().map(Condition::as_str)>
            <div class="card-heading">
                <h2 id=id>{name}</h2>
                <span class="condition" data-condition=move || condition().map(Condition::as_str)>
                    {move || condition().map(condition_word)}
                </span>
                <span>{heard}</span>
            </div>
            {of(advice)}
            {of(figures)}
            {of(sources)}
            {of(aside)}
            <Gaps collector=collector offset=offset />
            <Losses collector=collector offset=offset />
        </section>
    }
    .into_any()
}

pub(super) fn condition_word(condition: Condition) -> &'static str {
    match condition {
        Condition::Silent => "Silent",
        Condition::Partly => "Partly",
        Condition::Behind => "Catching up",
        Condition::NeverHeard => "Never heard",
        Condition::Flowing => "Data flows",
        Condition::ShutOut => "Shut out",
    }
}

/// What it means, and what to do first.
fn advice(collector: &CollectorView, _: i32) -> AnyView {
    let text = match collector.condition {
        Condition::Silent => {
            "Nothing new is known of its units. See whether its computer runs and reaches this server; what it reads meanwhile waits \
             in its queue and comes in later."
        }
        Condition::Behind => {
            "It brings in what waited in its queue. Until then the newest states of its units are old."
        }
        Condition::NeverHeard => "It was let in. Start it beside the machines: gemba-edge run edge.toml",
        Condition::ShutOut => "It may send nothing. What it sent stays.",
        Condition::Partly | Condition::Flowing => return ().into_any(),
    };
    view! { <p class="advice">{text}</p> }.into_any()
}

fn figures(collector: &CollectorView, _: i32) -> AnyView {
    let lag = collector.lag_seconds.map_or_else(|| NO_VALUE.to_owned(), age);
    let queue = collector.queue.as_ref().map_or_else(
        || NO_VALUE.to_owned(),
        |queue| match queue.samples {
            0 => "empty".to_owned(),
            samples => format!("{} samples", pieces(samples as f64)),
        },
    );
    let skew = collector.clock_offset_seconds.filter(|skew| skew.abs() >= SKEW_TOLD_SECONDS).map(|skew| {
        let way = if skew > 0.0 { "behind" } else { "ahead" };
        format!("{} {way}", span(skew.abs()))
    });
    let rate = collector.samples_per_second;
    let rate = if rate >= 10.0 || rate == 0.0 { pieces(rate) } else { crate::format::decimal(rate, 1) };
    let rows = [
        ("Known up to", format!("{lag} ago"), collector.condition == Condition::Behind),
        ("Samples a second", rate, false),
        ("Waiting in its queue", queue, false),
        ("Its clock", skew.clone().unwrap_or_else(|| "right".to_owned()), skew.is_some()),
        ("Reads", format!("{} signals of {} units", collector.signals, collector.units), false),
        ("Version", collector.version.clone().unwrap_or_else(|| NO_VALUE.to_owned()), false),
    ];
    let rows = rows.map(|(name, value, warn)| {
        view! {
            <div>
                <dt>{name}</dt>
                <dd data-trend=warn.then_some("warn")>{value}</dd>
            </div>
        }
    });
    view! { <dl class="collector-figures">{rows.into_iter().collect_view()}</dl> }.into_any()
}

fn sources(collector: &CollectorView, offset: i32) -> AnyView {
    let stale = !matches!(collector.condition, Condition::Flowing | Condition::Partly | Condition::Behind);
    let row = |source: &SourceView| {
        let (word, state) = match (stale, source.ok) {
            (true, _) => ("not known", "unknown"),
            (false, true) => ("data flows", "ok"),
            (false, false) => ("no data", "bad"),
        };
        let since = source.since.map(|since| format!("since {}", day_and_time(since, offset)));
        view! {
            <li>
                <h3>{source.name.clone()}</h3>
                <div>
                    <span class="condition" data-condition=state>
                        {word}
                    </span>
                    <p class="muted">{since.filter(|_| !stale)}</p>
                </div>
                <p>{stale.then_some("last said: ")} {source.status.clone()}</p>
            </li>
        }
    };
    view! { <ul class="sources">{collector.sources.iter().map(row).collect_view()}</ul> }.into_any()
}

/// What it reads that the plant does not know, and what was set aside.
fn aside(collector: &CollectorView, _: i32) -> AnyView {
    let unknown = (collector.unknown_total > 0).then(|| {
        let named = collector.unknown.iter().take(3).cloned().collect::<Vec<_>>().join(", ");
        let more = collector.unknown_total.saturating_sub(3);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        format!(
            "The plant does not know {named}{more}. Add to the plant file what is missing, or correct the collector's settings: \
             what was set aside then comes in by itself."
        )
    });
    let samples = (collector.samples_aside > 0).then(|| {
        format!("{} samples are set aside; gemba quarantine list tells why.", pieces(collector.samples_aside as f64))
    });
    unknown.into_iter().chain(samples).map(|text| view! { <p class="advice">{text}</p> }).collect_view().into_any()
}
