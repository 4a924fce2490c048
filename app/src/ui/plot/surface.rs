//! The parts of a plot on the page: marks, grid, and the texts of both axes.

use leptos::prelude::*;

use super::{Drawing, PlotData, SIZE};
use crate::format::time_ticks;

/// A line behind the marks for each text of the vertical axis.
#[component]
pub(crate) fn Grid(drawing: Memo<Option<Drawing>>) -> impl IntoView {
    let lines = move || {
        let ticks = drawing.with(|d| d.as_ref().map(|d| d.y.ticks.clone())).unwrap_or_default();
        ticks
            .into_iter()
            .map(|(place, _)| {
                let y = format!("{:.2}%", place * 100.0);
                view! { <line x1="0" x2="100%" y1=y.clone() y2=y /> }
            })
            .collect_view()
    };
    view! {
        <svg class="plot-ground" aria-hidden="true">
            {lines}
        </svg>
    }
}

/// What plotters drew.
#[component]
pub(crate) fn Marks(drawing: Memo<Option<Drawing>>, name: StoredValue<String>) -> impl IntoView {
    view! {
        <svg
            class="plot-marks"
            viewBox=format!("0 0 {} {}", SIZE.0, SIZE.1)
            preserveAspectRatio="none"
            role="img"
            aria-label=name.with_value(|name| format!("{name}: history. The table below holds the same."))
            inner_html=move || drawing.with(|d| d.as_ref().map(|d| d.marks.clone())).unwrap_or_default()
        />
    }
}

/// Texts of the vertical axis.
#[component]
pub(crate) fn YTexts(drawing: Memo<Option<Drawing>>) -> impl IntoView {
    let texts = move || {
        let ticks = drawing.with(|d| d.as_ref().map(|d| d.y.ticks.clone())).unwrap_or_default();
        ticks
            .into_iter()
            .map(|(place, text)| {
                view! {
                    <text x="100%" y=format!("{:.2}%", place * 100.0)>
                        {text}
                    </text>
                }
            })
            .collect_view()
    };
    view! {
        <svg class="plot-y" aria-hidden="true">
            {texts}
        </svg>
    }
}

/// Texts of the time axis.
#[component]
pub(crate) fn TimeTexts(data: RwSignal<PlotData>, offset: Signal<i32>) -> impl IntoView {
    let ticks = Memo::new(move |_| {
        let (from, to) = data.with(|d| (d.from, d.to));
        let width = to.seconds_since(from);
        time_ticks(from, to, offset.get(), 7)
            .into_iter()
            .map(|(at, text)| (at.seconds_since(from) / width, text))
            .filter(|(place, _)| (0.02..0.98).contains(place))
            .collect::<Vec<_>>()
    });
    view! {
        <svg class="plot-x hour-axis" aria-hidden="true">
            {move || {
                ticks
                    .get()
                    .into_iter()
                    .enumerate()
                    .map(|(i, (place, text))| {
                        let x = format!("{:.2}%", place * 100.0);
                        view! {
                            <g class=if i % 2 == 0 { "even" } else { "odd" }>
                                <line x1=x.clone() x2=x.clone() y1="0" y2="4" />
                                <text x=x y="15">
                                    {text}
                                </text>
                            </g>
                        }
                    })
                    .collect_view()
            }}
        </svg>
    }
    .into_any()
}
