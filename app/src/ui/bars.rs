use gemba_contract::overview::KpiView;
use leptos::prelude::*;

use crate::format::percent;

/// A ratio as a bar from 0 to 100 %, with a tick where it should be. Decorates a number that stands beside it.
#[component]
pub(crate) fn Bar(
    #[prop(into)] value: Signal<Option<f64>>,
    #[prop(into, optional)] target: Signal<Option<f64>>,
) -> impl IntoView {
    let share =
        |ratio: Option<f64>| ratio.filter(|r| r.is_finite()).map(|r| format!("{:.1}%", r.clamp(0.0, 1.0) * 100.0));
    view! {
        <svg class="bar" aria-hidden="true">
            <rect class="bar-ground" width="100%" height="100%" />
            <rect class="bar-value" width=move || share(value.get()).unwrap_or_else(|| "0".to_owned()) height="100%" />
            <rect
                class="bar-target"
                x=move || share(target.get()).unwrap_or_else(|| "0".to_owned())
                width=move || if target.get().is_some() { "2" } else { "0" }
                height="100%"
            />
        </svg>
    }
}

/// Availability, performance and quality, each with its bar.
#[component]
pub(crate) fn KpiBars(#[prop(into)] kpi: Signal<KpiView>) -> impl IntoView {
    let row = move |name: &'static str, hint: &'static str, pick: fn(&KpiView) -> Option<f64>| {
        let value = Signal::derive(move || kpi.with(pick));
        view! {
            <div class="apq-row" title=hint>
                <dt>{name}</dt>
                <dd class="apq-bar">
                    <Bar value=value />
                </dd>
                <dd class="apq-value">{move || percent(value.get())}</dd>
            </div>
        }
    };
    view! {
        <dl class="apq">
            {row("Availability", "Producing time in planned time with data: APT / known PBT", |k| k.availability)}
            {row("Performance", "Ideal time of the pieces made in producing time: sum(PRI x PQ) / APT", |k| k.performance)}
            {row("Quality", "Good pieces of those made: GQ / PQ", |k| k.quality)}
        </dl>
    }
    .into_any()
}
