//! OEE of the last shifts, with the target.

use gemba_contract::report::{Report, TrendPoint};
use leptos::prelude::*;

use super::model::LineModel;
use crate::{
    format::{day_of, percent, pieces, stretch_text},
    ui::{
        Cell, Scrub,
        plot::{YAxis, grid_view, line_marks, marks_view, x_texts, y_texts},
        table_fold,
    },
};

#[component]
pub(super) fn Trend(model: LineModel) -> impl IntoView {
    let report = model.report;
    let position = RwSignal::new(None::<f64>);
    let stops = Signal::derive(move || report.with(|r| (0..r.trend.len()).map(|i| place(i, r.trend.len())).collect()));
    let text = Signal::derive(move || match position.get() {
        None => "Point at the plot, or go through it with the arrow keys, to read it.".to_owned(),
        Some(share) => report.with(|r| read_out(r, share)),
    });
    let heading = move || {
        report.with(|r| {
            let target = r.figures.target_oee.map(|t| format!("; target {} %", percent(Some(t)))).unwrap_or_default();
            format!("last {} shifts{target}", r.trend.len())
        })
    };
    // Drawn anew only when another line comes of it.
    let marks = Memo::new(move |_| report.with(marks));
    let empty = Memo::new(move |_| report.with(|r| r.trend.iter().all(|p| p.factors.oee.is_none())));
    view! {
        <section class="card" aria-labelledby="trend-heading">
            <div class="card-heading">
                <h2 id="trend-heading">"OEE"</h2>
                <span>{heading}</span>
            </div>
            {move || {
                if empty.get() {
                    return view! { <p class="empty">"No shift before has a value."</p> }.into_any();
                }
                view! {
                    <figure>
                        <div class="plot trend">
                            {move || report.with(|r| y_texts(&axis(r)))}
                            <Scrub label="Read the trend" position=position stops=stops text=text>
                                {move || report.with(shades)}
                                {move || report.with(|r| grid_view(&axis(r)))}
                                {move || {
                                    marks.with(|marks| marks_view(marks.clone(), "OEE by shift. The table below holds the same.".to_owned()))
                                }}
                                {move || report.with(points)}
                            </Scrub>
                            {move || report.with(|r| x_texts(days(r)))}
                        </div>
                        <figcaption class="read-out">{move || text.get()}</figcaption>
                        {move || report.with(shift_legend)}
                    </figure>
                }
                    .into_any()
            }}
            {move || report.with(trend_table)}
        </section>
    }
    .into_any()
}

/// Shifts stand at equal distances, each in the middle of its place.
fn place(i: usize, count: usize) -> f64 {
    (i as f64 + 0.5) / count.max(1) as f64
}

/// Percent, from a round figure below the lowest value to one above the highest, target included.
fn axis(report: &Report) -> YAxis {
    let values = report.trend.iter().filter_map(|p| p.factors.oee).chain(report.figures.target_oee);
    let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
    if low.is_finite() { YAxis::numbers(low * 100.0, high * 100.0) } else { YAxis::numbers(0.0, 100.0) }
}

/// A line through the shifts that have a value; it breaks where one has none.
fn runs(trend: &[TrendPoint]) -> Vec<Vec<(f64, f64)>> {
    let mut runs = vec![Vec::new()];
    for (i, point) in trend.iter().enumerate() {
        match (point.factors.oee, runs.last_mut()) {
            (Some(oee), Some(run)) => run.push((place(i, trend.len()), oee * 100.0)),
            _ => runs.push(Vec::new()),
        }
    }
    runs
}

fn marks(report: &Report) -> String {
    line_marks(runs(&report.trend), 1.0, &axis(report))
}

/// Names of the shifts, in the order in which they first come.
fn shift_names(report: &Report) -> Vec<&str> {
    let mut names = Vec::new();
    for point in &report.trend {
        if !names.contains(&point.shift.as_str()) {
            names.push(point.shift.as_str());
        }
    }
    names
}

/// How a shift's ground is shaded: each name its own.
fn shade(names: &[&str], shift: &str) -> String {
    format!("shade-{}", names.iter().position(|n| *n == shift).unwrap_or(0).min(3))
}

fn shades(report: &Report) -> AnyView {
    let names = shift_names(report);
    let count = report.trend.len().max(1) as f64;
    let bands = report
        .trend
        .iter()
        .enumerate()
        .map(|(i, point)| {
            let x = format!("{:.2}%", i as f64 / count * 100.0);
            let width = format!("{:.2}%", 100.0 / count);
            view! { <rect class=shade(&names, &point.shift) x=x width=width height="100%" /> }
        })
        .collect_view();
    let y = axis(report);
    let target = report.figures.target_oee.map(|target| {
        let place = format!("{:.2}%", (1.0 - height(&y, target)) * 100.0);
        view! { <line class="target" x1="0" x2="100%" y1=place.clone() y2=place /> }
    });
    view! {
        <svg class="plot-ground" aria-hidden="true">
            {bands}
            {target}
        </svg>
    }
    .into_any()
}

/// Where a ratio stands on the axis, from below.
fn height(y: &YAxis, ratio: f64) -> f64 {
    (ratio * 100.0 - y.low) / (y.high - y.low)
}

fn points(report: &Report) -> AnyView {
    let y = axis(report);
    let count = report.trend.len();
    let dots = report
        .trend
        .iter()
        .enumerate()
        .filter_map(|(i, point)| Some((i, point.factors.oee?)))
        .map(|(i, oee)| {
            let last = i + 1 == count;
            view! {
                <circle
                    cx=format!("{:.2}%", place(i, count) * 100.0)
                    cy=format!("{:.2}%", (1.0 - height(&y, oee)) * 100.0)
                    r=if last { "4.5" } else { "2.5" }
                />
            }
        })
        .collect_view();
    view! {
        <svg class="plot-dots" aria-hidden="true">
            {dots}
        </svg>
    }
    .into_any()
}

/// The first shift of each day is named; not more than about eight.
fn days(report: &Report) -> Vec<(f64, String)> {
    let count = report.trend.len();
    let mut ticks: Vec<(f64, String)> = Vec::new();
    for (i, point) in report.trend.iter().enumerate() {
        let day = day_of(point.from, report.utc_offset_minutes);
        if ticks.last().is_none_or(|last| last.1 != day) {
            ticks.push((place(i, count), day));
        }
    }
    let every = ticks.len().div_ceil(8).max(1);
    ticks.into_iter().step_by(every).filter(|t| (0.03..0.97).contains(&t.0)).collect()
}

fn read_out(report: &Report, at: f64) -> String {
    let count = report.trend.len();
    let i = ((at * count as f64) as usize).min(count.saturating_sub(1));
    let Some(point) = report.trend.get(i) else { return String::new() };
    let team = point.team.as_ref().map(|team| format!(", {team}")).unwrap_or_default();
    let f = &point.factors;
    format!(
        "{}, {}{team}: OEE {} % = {} x {} x {}; {} good",
        point.shift,
        stretch_text(point.from, point.to, report.utc_offset_minutes),
        percent(f.oee),
        percent(f.availability),
        percent(f.performance),
        percent(f.quality),
        pieces(point.good)
    )
}

fn shift_legend(report: &Report) -> AnyView {
    let names = shift_names(report);
    let items = names
        .iter()
        .map(|name| {
            view! {
                <li>
                    <svg class="swatch" aria-hidden="true">
                        <rect class=shade(&names, name) width="100%" height="100%" />
                    </svg>
                    {(*name).to_owned()}
                </li>
            }
        })
        .collect_view();
    view! { <ul class="legend shades">{items}</ul> }.into_any()
}

fn trend_table(report: &Report) -> AnyView {
    let rows: Vec<_> = report
        .trend
        .iter()
        .rev()
        .map(|p| {
            vec![
                Cell::text(p.shift.clone()),
                Cell::text(p.team.clone().unwrap_or_default()),
                Cell::Time(p.from),
                Cell::Percent(p.factors.oee),
                Cell::Percent(p.factors.availability),
                Cell::Percent(p.factors.performance),
                Cell::Percent(p.factors.quality),
                Cell::Number(Some(p.good), 0),
                Cell::Percent(p.coverage),
            ]
        })
        .collect();
    let heads = [
        "Shift",
        "Team",
        "Begin",
        "OEE %",
        "Availability %",
        "Performance %",
        "Quality %",
        "Good pieces",
        "Coverage %",
    ];
    table_fold("OEE by shift", "trend.csv", &heads, &rows, report.utc_offset_minutes)
}

#[cfg(test)]
mod tests {
    use gemba_domain::{Timestamp, oee::Factors};

    use super::*;

    fn point(oee: Option<f64>) -> TrendPoint {
        TrendPoint {
            from: Timestamp::default(),
            to: Timestamp::default(),
            shift: "Early".to_owned(),
            team: None,
            factors: Factors { oee, ..Factors::default() },
            good: 0.0,
            coverage: None,
        }
    }

    #[test]
    fn a_shift_without_a_value_breaks_the_line() {
        let trend = [point(Some(0.5)), point(Some(0.6)), point(None), point(Some(0.7))];
        assert_eq!(runs(&trend), [vec![(0.125, 50.0), (0.375, 60.0)], vec![(0.875, 70.0)]]);
    }

    #[test]
    fn each_shift_has_its_own_shade() {
        let names = ["Early", "Late"];
        assert_eq!((shade(&names, "Late").as_str(), shade(&names, "Early").as_str()), ("shade-1", "shade-0"));
    }
}
