//! Charts whose marks are not readings of a signal: plotters draws them into a surface that stretches.

use super::{
    SIZE, YAxis,
    marks::{Shape, draw},
};
use leptos::prelude::*;

/// One line over `0..=width`, drawn by plotters.
pub(crate) fn line_marks(runs: Vec<Vec<(f64, f64)>>, width: f64, y: &YAxis) -> String {
    draw(width, (y.low, y.high), runs.into_iter().map(Shape::Line)).unwrap_or_default()
}

/// The marks on their surface; `name` says to those who hear the page what is drawn.
pub(crate) fn marks_view(marks: String, name: String) -> AnyView {
    view! {
        <svg
            class="plot-marks"
            viewBox=format!("0 0 {} {}", SIZE.0, SIZE.1)
            preserveAspectRatio="none"
            role="img"
            aria-label=name
            inner_html=marks
        />
    }
    .into_any()
}

/// Lines behind the marks at each text of the vertical axis.
pub(crate) fn grid_view(y: &YAxis) -> AnyView {
    let lines = y
        .ticks
        .iter()
        .map(|(place, _)| {
            let y = format!("{:.2}%", place * 100.0);
            view! { <line x1="0" x2="100%" y1=y.clone() y2=y /> }
        })
        .collect_view();
    view! {
        <svg class="plot-ground" aria-hidden="true">
            {lines}
        </svg>
    }
    .into_any()
}

/// Texts of the vertical axis.
pub(crate) fn y_texts(y: &YAxis) -> AnyView {
    let texts = y
        .ticks
        .iter()
        .map(|(place, text)| {
            view! {
                <text x="100%" y=format!("{:.2}%", place * 100.0)>
                    {text.clone()}
                </text>
            }
        })
        .collect_view();
    view! {
        <svg class="plot-y" aria-hidden="true">
            {texts}
        </svg>
    }
    .into_any()
}

/// Texts of the horizontal axis at shares of the width.
pub(crate) fn x_texts(ticks: Vec<(f64, String)>) -> AnyView {
    let texts = ticks
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
        .collect_view();
    view! {
        <svg class="plot-x hour-axis" aria-hidden="true">
            {texts}
        </svg>
    }
    .into_any()
}
