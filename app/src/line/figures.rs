//! The figures of the period: value, unit, target, change, coverage; each leads to how it is made.

use gemba_contract::report::{Report, Restatement};
use gemba_domain::oee::Factors;
use leptos::prelude::*;

use super::model::LineModel;
use crate::{
    format::{NO_VALUE, clock_time, money, percent, pieces, signed_points, span, stretch_text},
    ui::{Bar, Cell, FULL_COVERAGE, Scope, table_fold, trend_of},
};

/// Below this a difference in points is none.
const EVEN: &str = "0.0";

#[component]
pub(super) fn Figures(model: LineModel) -> impl IntoView {
    view! {
        <section class="card" aria-label="Figures of the period">
            <h2 class="visually-hidden">"Figures of the period"</h2>
            {move || model.report.with(|r| main_figures(r, model.scope.get()))}
            {move || model.report.with(|r| more_figures(r, model.scope.get()))}
            {move || model.report.with(remarks)}
            {move || model.report.with(comparison)}
        </section>
    }
    .into_any()
}

/// Where a figure is explained.
pub(super) fn derivation_link(report: &Report, scope: Scope, figure: &str) -> String {
    format!("/derivation/{}{}", report.path, scope.over_or(report).query_and(&format!("figure={figure}")))
}

impl Scope {
    /// The period shown, also where the address names none: a link made now must mean the same tomorrow.
    pub(super) fn over_or(self, report: &Report) -> Self {
        self.over(report.period.from, report.period.to)
    }
}

fn main_figures(report: &Report, scope: Scope) -> AnyView {
    let figures = &report.figures;
    let before = report.compared.first();
    let low = figures.coverage.is_some_and(|c| c < FULL_COVERAGE);
    let change = |pick: fn(&Factors) -> Option<f64>| {
        let change = before.and_then(|c| Some(pick(&figures.factors)? - pick(&c.factors)?));
        let text = change.zip(before).map(|(change, before)| {
            let points = signed_points(change);
            if points == EVEN { format!("as {}", before.label) } else { format!("{points} against {}", before.label) }
        });
        (trend_of(change), text.unwrap_or_default())
    };
    let factor = |name: &'static str, code: &'static str, hint: &'static str, pick: fn(&Factors) -> Option<f64>| {
        let (trend, text) = change(pick);
        view! {
            <div class="stat">
                <h3 title=hint>{name}</h3>
                <p class="stat-value">
                    <a href=derivation_link(report, scope, code)>{percent(pick(&figures.factors))} <small>" %"</small></a>
                </p>
                <p class="stat-note">
                    <span data-trend=trend>{text}</span>
                </p>
            </div>
        }
    };
    let oee = figures.factors.oee;
    let gap = oee.zip(figures.target_oee).map(|(oee, target)| oee - target);
    let target = match (figures.target_oee, gap) {
        (None, _) => "no target set".to_owned(),
        (Some(target), None) => format!("no value; target {}", percent(Some(target))),
        (Some(target), Some(gap)) => {
            let size = signed_points(gap.abs()).trim_start_matches('+').to_owned();
            let side = if size == EVEN {
                "at"
            } else if gap < 0.0 {
                "below"
            } else {
                "above"
            };
            let target = percent(Some(target));
            if size == EVEN { format!("{side} target {target}") } else { format!("{size} {side} target {target}") }
        }
    };
    let made = figures.elements.gq;
    let (piece_trend, piece_note) = match figures.target_pieces.filter(|t| *t >= 0.5) {
        Some(target) if made - target <= -0.5 => ("down", format!("{} behind", pieces(target - made))),
        Some(target) if made - target >= 0.5 => ("up", format!("{} ahead", pieces(made - target))),
        Some(_) => ("level", "on target".to_owned()),
        None => ("level", "no target set".to_owned()),
    };
    let of = figures.target_pieces.map_or_else(|| " pieces".to_owned(), |t| format!(" / {}", pieces(t)));
    let (oee_trend, oee_change) = change(|f| f.oee);
    view! {
        <div class="figures">
            <div class="stat">
                <h3>"OEE"</h3>
                <p class="stat-value">
                    <a href=derivation_link(report, scope, "oee")>{percent(oee)} <small>" %"</small></a>
                </p>
                <Bar value=Signal::stored(oee) target=Signal::stored(figures.target_oee) />
                <p class="stat-note">
                    <span data-trend=trend_of(gap)>{target}</span>
                    {(!oee_change.is_empty()).then(|| view! { <br /> <span data-trend=oee_trend>{oee_change}</span> })}
                    {low.then(|| view! { <br /> <span data-trend="warn">{coverage_note(report)}</span> })}
                </p>
            </div>
            {factor("Availability", "availability", "Run time in planned time with data", |f| f.availability)}
            {factor("Performance", "performance", "Ideal time of the pieces made in run time", |f| f.performance)}
            {factor("Quality", "quality", "Good pieces of those made", |f| f.quality)}
            <div class="stat">
                <h3>"Good pieces"</h3>
                <p class="stat-value">
                    <a href=derivation_link(report, scope, "good")>{pieces(made)} <small>{of}</small></a>
                </p>
                <p class="stat-note">
                    <span data-trend=piece_trend>{piece_note}</span>
                    {format!("; {}\u{a0}scrapped", pieces(figures.elements.sq))}
                </p>
            </div>
        </div>
    }
    .into_any()
}

fn coverage_note(report: &Report) -> String {
    format!("rests on {} % of planned time", percent(report.figures.coverage))
}

fn more_figures(report: &Report, scope: Scope) -> AnyView {
    let f = &report.figures;
    let time = |seconds: Option<f64>| seconds.map_or_else(|| NO_VALUE.to_owned(), span);
    let percent = |ratio: Option<f64>| ratio.map_or_else(|| NO_VALUE.to_owned(), |r| format!("{} %", percent(Some(r))));
    let failures = match f.reliability.failures {
        1 => "1 failure".to_owned(),
        n => format!("{n} failures"),
    };
    let restored = format!("{} restored", f.reliability.restored);
    let rows = [
        ("Coverage", "coverage", percent(f.coverage), "known time in planned time"),
        ("NEE", "nee", percent(f.nee), "set-up forgiven"),
        ("TEEP", "teep", percent(f.teep), "of calendar time"),
        ("MTBF", "mtbf", time(f.reliability.mtbf_seconds), failures.as_str()),
        ("MTTR", "mttr", time(f.reliability.mttr_seconds), restored.as_str()),
    ]
    .map(|(name, code, value, note)| {
        view! {
            <div>
                <dt>{name}</dt>
                <dd>
                    <a href=derivation_link(report, scope, code)>{value}</a>
                    <small>{note.to_owned()}</small>
                </dd>
            </div>
        }
    })
    .collect_view();
    let cost = f.lost_cents.map(|cents| {
        view! {
            <div>
                <dt>"Lost"</dt>
                <dd>
                    <a href=derivation_link(report, scope, "lost")>{money(cents, &report.currency)}</a>
                    <small>"all losses together"</small>
                </dd>
            </div>
        }
    });
    view! { <dl class="more-figures">{rows} {cost}</dl> }.into_any()
}
/// What should be known before the figures are believed.
fn remarks(report: &Report) -> AnyView {
    let offset = report.utc_offset_minutes;
    let restated = report.restated.iter().map(|it| {
        let causes: Vec<String> = it
            .changes
            .iter()
            .map(|c| {
                let by = c.by.as_ref().map(|by| format!(" by {by}")).unwrap_or_default();
                format!("{}{by}, {}", c.cause, clock_time(c.at, offset))
            })
            .collect();
        (restatement(it), causes.join("; "))
    });
    let suspect = report.figures.ideal_cycle_suspect.then(|| {
        (
            "The ideal cycle is suspect".to_owned(),
            "more was made than it allows, so performance means nothing".to_owned(),
        )
    });
    let all = restated
        .chain(suspect)
        .map(|(what, why)| {
            view! {
                <p class="remark">
                    <strong>{what}</strong>
                    {format!(": {why}")}
                </p>
            }
        })
        .collect_view();
    view! { <div class="remarks">{all}</div> }.into_any()
}

/// `OEE of Early first reported 71.2 %, now 73.0 %`
fn restatement(it: &Restatement) -> String {
    format!("OEE of {} first reported {} %, now {} %", it.shift.name, percent(it.reported.oee), percent(it.now.oee))
}

fn comparison(report: &Report) -> AnyView {
    let offset = report.utc_offset_minutes;
    let row = |label: &str, from, to, factors: &Factors, good, coverage| {
        vec![
            Cell::text(label),
            Cell::text(stretch_text(from, to, offset)),
            Cell::Percent(factors.oee),
            Cell::Percent(factors.availability),
            Cell::Percent(factors.performance),
            Cell::Percent(factors.quality),
            Cell::Number(Some(good), 0),
            Cell::Percent(coverage),
        ]
    };
    let (f, p) = (&report.figures, &report.period);
    let mut rows = vec![row("this period", p.from, p.to, &f.factors, f.elements.gq, f.coverage)];
    rows.extend(report.compared.iter().map(|c| row(&c.label, c.from, c.to, &c.factors, c.good, c.coverage)));
    let heads =
        ["Period", "From, to", "OEE %", "Availability %", "Performance %", "Quality %", "Good pieces", "Coverage %"];
    table_fold("Figures and those of comparable periods", "figures.csv", &heads, &rows, offset)
}

#[cfg(test)]
mod tests {
    use gemba_contract::overview::ShiftView;

    use super::*;

    #[test]
    fn a_restatement_says_both_values() {
        let shift = ShiftView { name: "Early".to_owned(), from: Default::default(), to: Default::default() };
        let oee = |oee| Factors { oee: Some(oee), ..Factors::default() };
        let it = Restatement {
            shift,
            reported_at: Default::default(),
            reported: oee(0.712),
            now: oee(0.73),
            changes: Vec::new(),
        };
        assert_eq!(restatement(&it), "OEE of Early first reported 71.2 %, now 73.0 %");
    }
}
