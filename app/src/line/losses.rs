//! Where the time went: the waterfall from planned to good, and the reasons by time lost. Both are tables with a bar in each
//! row: what is drawn can be read and copied as it stands.

use gemba_contract::report::{LossKind, LossStep, ReasonRow, Report};
use gemba_domain::state::UnitState;
use leptos::prelude::*;

use super::{
    figures::derivation_link,
    layout::{loss_class, waterfall},
    model::LineModel,
    stops::reason_part,
};
use crate::{
    format::{decimal, money, span},
    ui::{Cell, Scope, table_fold},
};

/// The reason of stops without one, in an address.
pub(super) const NO_REASON: &str = "none";

#[component]
pub(super) fn Waterfall(model: LineModel) -> impl IntoView {
    view! {
        <section class="card" aria-labelledby="losses-heading">
            <div class="card-heading">
                <h2 id="losses-heading">"Where the time went"</h2>
                <span>"minutes of planned time with data"</span>
            </div>
            {move || model.report.with(|r| waterfall_view(r, model.scope.get()))}
            {move || model.report.with(losses_table)}
        </section>
    }
    .into_any()
}

fn minutes(micros: i64) -> String {
    decimal(micros as f64 / 60e6, if micros.abs() < 600_000_000 { 1 } else { 0 })
}

fn waterfall_view(report: &Report, scope: Scope) -> AnyView {
    if report.losses.first().is_none_or(|whole| whole.micros <= 0) {
        return view! { <p class="empty">"There is no planned time with data in this period yet."</p> }.into_any();
    }
    let rows = report
        .losses
        .iter()
        .zip(waterfall(&report.losses))
        .filter(|(step, _)| step.micros != 0 || is_end(step))
        .map(|(step, bar)| step_view(report, scope, step, bar))
        .collect_view();
    view! {
        <table class="bars">
            <thead class="visually-hidden">
                <tr>
                    <th scope="col">"Step"</th>
                    <th scope="col">"Bar"</th>
                    <th scope="col">"Minutes"</th>
                    <th scope="col">"Cost"</th>
                </tr>
            </thead>
            <tbody>{rows}</tbody>
        </table>
    }
    .into_any()
}

/// The whole, or what remains of it.
fn is_end(step: &LossStep) -> bool {
    matches!(step.kind, LossKind::Planned | LossKind::Good)
}

fn step_view(report: &Report, scope: Scope, step: &LossStep, (from, to): (f64, f64)) -> AnyView {
    let ends = is_end(step);
    let text = if ends { minutes(step.micros) } else { minutes(-step.micros) };
    let figure = match step.kind {
        LossKind::Planned => "coverage",
        LossKind::Speed => "performance",
        LossKind::Quality => "quality",
        LossKind::Good => "oee",
        _ => "availability",
    };
    view! {
        <tr data-ends=ends.then_some("true")>
            <th scope="row">{step.name.clone()}</th>
            <td class="bars-mark">
                <svg aria-hidden="true">
                    <rect
                        class=loss_class(step.kind)
                        x=format!("{:.2}%", from * 100.0)
                        width=format!("{:.2}%", (to - from) * 100.0)
                        height="100%"
                    />
                </svg>
            </td>
            <td class="number">
                <a href=derivation_link(report, scope, figure)>{text}</a>
            </td>
            <td class="number muted">
                {step.cents.filter(|_| !ends).map(|cents| money(cents, &report.currency))}
            </td>
        </tr>
    }
    .into_any()
}

fn losses_table(report: &Report) -> AnyView {
    let whole = report.losses.first().map_or(0, |w| w.micros).max(1) as f64;
    let rows: Vec<_> = report
        .losses
        .iter()
        .map(|step| {
            vec![
                Cell::text(step.name.clone()),
                Cell::Number(Some(step.micros as f64 / 60e6), 1),
                Cell::Percent(Some(step.micros as f64 / whole)),
                Cell::Number(step.cents.map(|c| c as f64 / 100.0), 2),
            ]
        })
        .collect();
    let heads = ["Step", "Minutes", "% of planned", "Cost"];
    table_fold("Where the time went", "losses.csv", &heads, &rows, report.utc_offset_minutes)
}

#[component]
pub(super) fn Pareto(model: LineModel, chosen: Memo<Option<String>>) -> impl IntoView {
    view! {
        <section class="card" aria-labelledby="reasons-heading">
            <div class="card-heading">
                <h2 id="reasons-heading">"Reasons"</h2>
                <span>"by time lost; choose one to see its stops"</span>
            </div>
            {move || model.report.with(|r| pareto_view(r, model.scope.get(), chosen.get()))}
            {move || model.report.with(reasons_table)}
        </section>
    }
    .into_any()
}

fn pareto_view(report: &Report, scope: Scope, chosen: Option<String>) -> AnyView {
    let most = report.reasons.iter().map(|r| r.micros).max().unwrap_or(0).max(1) as f64;
    if report.reasons.is_empty() {
        return view! { <p class="empty">"Nothing stopped in this period."</p> }.into_any();
    }
    let rows = report
        .reasons
        .iter()
        .map(|row| {
            let code = row.reason.as_deref().unwrap_or(NO_REASON);
            let current = chosen.as_deref() == Some(code);
            // Choosing what is chosen shows all again.
            let href = scope.link(&reason_part((!current).then_some(code)));
            let class = loss_class(match (row.category, row.state) {
                (Some(category), _) => LossKind::Category(category),
                (None, UnitState::Blocked | UnitState::Starved) => LossKind::External,
                (None, _) => LossKind::Unexplained,
            });
            let stops = if row.stops == 1 { "1 stop".to_owned() } else { format!("{} stops", row.stops) };
            view! {
                <tr data-chosen=current.then_some("true")>
                    <th scope="row">
                        <a href=href data-noscroll="" aria-current=current.then_some("true")>
                            {row.name.clone()}
                        </a>
                    </th>
                    <td class="bars-mark">
                        <svg aria-hidden="true">
                            <rect class=class width=format!("{:.2}%", row.micros as f64 / most * 100.0) height="100%" />
                        </svg>
                    </td>
                    <td class="number">{span(row.micros as f64 / 1e6)}</td>
                    <td class="number muted">{stops}</td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <table class="bars">
            <thead class="visually-hidden">
                <tr>
                    <th scope="col">"Reason"</th>
                    <th scope="col">"Bar"</th>
                    <th scope="col">"Time lost"</th>
                    <th scope="col">"Stops"</th>
                </tr>
            </thead>
            <tbody>{rows}</tbody>
        </table>
    }
    .into_any()
}

fn reasons_table(report: &Report) -> AnyView {
    let cells = |row: &ReasonRow| {
        vec![
            Cell::text(row.name.clone()),
            Cell::State(row.state),
            Cell::text(row.category.map_or("", |c| c.title())),
            Cell::Number(Some(row.micros as f64 / 60e6), 1),
            Cell::Number(Some(row.stops as f64), 0),
            Cell::Number(row.cents.map(|c| c as f64 / 100.0), 2),
        ]
    };
    let rows: Vec<_> = report.reasons.iter().map(cells).collect();
    let heads = ["Reason", "State", "Loss", "Minutes", "Stops", "Cost"];
    table_fold("Reasons by time lost", "reasons.csv", &heads, &rows, report.utc_offset_minutes)
}
