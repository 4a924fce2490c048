//! What a figure is made of: formulas, elements, signals, gaps, states, counts.

use gemba_contract::report::{Derivation, Gap};
use gemba_domain::oee::Bucket;
use leptos::prelude::*;

use super::value_text;
use crate::{
    format::{clock_time, clock_time_seconds, decimal, pieces, span},
    ui::{Cell, Scope, data_table, open_table},
};

pub(super) fn formulas(made: &Derivation, scope: Scope) -> AnyView {
    let rows = made
        .formulas
        .iter()
        .map(|f| {
            let current = f.figure == made.figure;
            view! {
                <tr data-chosen=current.then_some("true")>
                    <th scope="row">
                        <a class="link" href=scope.link(&format!("figure={}", f.figure)) aria-current=current.then_some("true")>
                            {f.name.clone()}
                        </a>
                    </th>
                    <td>
                        {f.formula.clone()} <br /> <span class="muted">{f.numbers.clone()}</span>
                    </td>
                    <td class="number strong">{value_text(f)}</td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <section class="card" aria-labelledby="formulas-heading">
            <div class="card-heading">
                <h2 id="formulas-heading">"All figures"</h2>
                <span>"ISO 22400-2"</span>
            </div>
            <div class="table-scroll" tabindex="0" role="group" aria-labelledby="formulas-heading">
                <table class="table formulas">
                    <thead>
                        <tr>
                            <th scope="col">"Figure"</th>
                            <th scope="col">"Formula, with the numbers"</th>
                            <th scope="col" class="number">
                                "gives"
                            </th>
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </div>
        </section>
    }
    .into_any()
}

pub(super) fn elements(made: &Derivation) -> AnyView {
    let e = &made.elements;
    let planned = e.pbt().max(1) as f64;
    let time = |name: &str, meaning: &str, micros: i64| {
        vec![
            Cell::text(name),
            Cell::text(meaning),
            Cell::text(format!("{} min", decimal(micros as f64 / 60e6, 1))),
            Cell::Percent(Some(micros as f64 / planned)),
        ]
    };
    let count = |name: &str, meaning: &str, n: f64| {
        vec![Cell::text(name), Cell::text(meaning), Cell::text(pieces(n)), Cell::text("")]
    };
    let rows = [
        time("POT", "Planned operation time: inside shifts", e.pot()),
        time("PDOT", "Planned downtime: breaks, planned stops", e.planned_downtime()),
        time("PBT", "Planned busy time: the rest", e.pbt()),
        time("APT", "producing", e.apt),
        time("ADET", "delayed: stopped, blocked, starved, maintenance, off", e.adet),
        time("AUST", "being set up", e.aust),
        time("ADOT", "without an order", e.adot),
        time("unknown", "without trustworthy data", e.unknown),
        count("PQ", "Pieces produced", e.pq),
        count("GQ", "good the first time", e.gq),
        count("SQ", "scrapped", e.sq),
        time("PRI x PQ", "Ideal time of the pieces produced", e.pri_pq as i64),
        time("PRI x GQ", "Ideal time of the good pieces", e.pri_gq as i64),
    ];
    view! {
        <section class="card" aria-labelledby="elements-heading">
            <div class="card-heading">
                <h2 id="elements-heading">"Elements"</h2>
                <span>"what the formulas divide"</span>
            </div>
            {data_table("Elements", &["Element", "What it is", "Value", "% of PBT"], &rows, made.utc_offset_minutes)}
        </section>
    }
    .into_any()
}

/// Each leads to its samples of this very period, on a plot.
pub(super) fn signals(made: &Derivation) -> AnyView {
    let rows = made
        .signals
        .iter()
        .map(|s| {
            let href = format!("/units/{}?signal={}&from={}&to={}", made.path, s.code, made.from, made.to);
            view! {
                <tr>
                    <th scope="row">
                        <a class="link" href=href>
                            {s.name.clone()}
                        </a>
                    </th>
                    <td>
                        <code>{s.code.clone()}</code>
                    </td>
                    <td>{s.role.as_str().replace('_', " ")}</td>
                    <td class="number">{pieces(s.samples as f64)}</td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <section class="card" aria-labelledby="sources-heading">
            <div class="card-heading">
                <h2 id="sources-heading">"Signals"</h2>
                <span>"choose one to see its samples of this period on a plot"</span>
            </div>
            <div class="table-scroll" tabindex="0" role="group" aria-labelledby="sources-heading">
                <table class="table">
                    <thead>
                        <tr>
                            <th scope="col">"Signal"</th>
                            <th scope="col">"Code"</th>
                            <th scope="col">"Role"</th>
                            <th scope="col" class="number">
                                "Samples"
                            </th>
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </div>
        </section>
    }
    .into_any()
}

pub(super) fn gaps(made: &Derivation) -> AnyView {
    let offset = made.utc_offset_minutes;
    let none = made.gaps.is_empty();
    let items = made.gaps.iter().map(|gap| view! { <li>{gap_text(gap, offset)}</li> }).collect_view();
    view! {
        <section class="card" aria-labelledby="gaps-heading">
            <div class="card-heading">
                <h2 id="gaps-heading">"Missing data"</h2>
                <span>"counts neither as loss nor as production"</span>
            </div>
            {none.then(|| view! { <p class="empty">"Nothing is missing: every moment of the period was watched."</p> })}
            <ul class="gaps">{items}</ul>
        </section>
    }
    .into_any()
}

/// `312 samples missing 02:10 to 02:14 (4 min): NOT WATCHED`
fn gap_text(gap: &Gap, offset: i32) -> String {
    let what = match gap.samples_lost {
        Some(1) => "1 sample missing".to_owned(),
        Some(n) => format!("{} samples missing", pieces(n as f64)),
        None => "No data".to_owned(),
    };
    let seconds = gap.to.seconds_since(gap.from);
    let clock = if seconds < 120.0 { clock_time_seconds } else { clock_time };
    format!("{what} {} to {} ({}): {}", clock(gap.from, offset), clock(gap.to, offset), span(seconds), gap.cause)
}

fn bucket_word(bucket: Bucket) -> &'static str {
    match bucket {
        Bucket::NotScheduled => "outside every shift",
        Bucket::Break => "break",
        Bucket::PlannedStop => "planned stop",
        Bucket::Producing => "APT",
        Bucket::Setup => "AUST",
        Bucket::Delay => "ADET",
        Bucket::NoOrder => "ADOT",
        Bucket::Unknown => "unknown",
    }
}

/// `1,000 of 1,204`
fn of_total(shown: usize, total: u64) -> String {
    if shown as u64 == total {
        pieces(total as f64)
    } else {
        format!("the first {} of {}", pieces(shown as f64), pieces(total as f64))
    }
}

pub(super) fn intervals(made: &Derivation) -> AnyView {
    let rows: Vec<_> =
        made.intervals
            .iter()
            .map(|i| {
                let buckets = i.buckets.iter().map(|(bucket, micros)| {
                    format!("{} {} min", bucket_word(*bucket), decimal(*micros as f64 / 60e6, 1))
                });
                vec![
                    Cell::Time(i.from),
                    Cell::Time(i.to),
                    Cell::Length(i.to.micros_since(i.from)),
                    Cell::State(i.state),
                    Cell::text(i.cause.clone().unwrap_or_default()),
                    Cell::text(i.reason.clone().unwrap_or_default()),
                    Cell::text(buckets.collect::<Vec<_>>().join(", ")),
                ]
            })
            .collect();
    let heads = ["From", "To", "For", "State", "Machine's word", "Reason", "Counted as"];
    let count = of_total(rows.len(), made.intervals_total);
    let table = open_table("States that fill the elements", "states.csv", &heads, &rows, made.utc_offset_minutes);
    section("states-made", "States that fill the elements", count, table)
}

pub(super) fn counts(made: &Derivation) -> AnyView {
    let rows: Vec<_> = made
        .counts
        .iter()
        .map(|c| {
            vec![
                Cell::Time(c.from),
                Cell::Time(c.to),
                Cell::Number(Some(c.good), 0),
                Cell::Number(Some(c.scrap), 0),
                Cell::Number(Some(c.total), 0),
                Cell::Percent(Some(c.known_share)),
                Cell::text(if c.after_gap { "made in or around a gap" } else { "" }),
            ]
        })
        .collect();
    let heads = ["Reading before", "Reading", "Good", "Scrap", "All", "Weight in OEE %", "Remark"];
    let count = of_total(rows.len(), made.counts_total);
    let table = open_table("Pieces counted", "counts.csv", &heads, &rows, made.utc_offset_minutes);
    section("counts-made", "Pieces counted", count, table)
}

fn section(id: &'static str, title: &'static str, count: String, body: AnyView) -> AnyView {
    view! {
        <section class="card" aria-labelledby=id>
            <div class="card-heading">
                <h2 id=id>{title}</h2>
                <span>{count}</span>
            </div>
            {body}
        </section>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_say_what_is_lost() {
        let gap = |to: &str, samples_lost| Gap {
            from: "2026-11-24T02:10:00Z".parse().expect("a time"),
            to: to.parse().expect("a time"),
            cause: "NOT WATCHED".to_owned(),
            samples_lost,
        };
        assert_eq!(
            gap_text(&gap("2026-11-24T02:14:00Z", Some(312)), 0),
            "312 samples missing 02:10 to 02:14 (4 min): NOT WATCHED"
        );
        assert_eq!(gap_text(&gap("2026-11-24T02:10:08Z", None), 60), "No data 03:10:00 to 03:10:08 (8 s): NOT WATCHED");
    }

    #[test]
    fn what_is_left_out_is_counted() {
        assert_eq!(of_total(1000, 1204), "the first 1,000 of 1,204");
        assert_eq!(of_total(12, 12), "12");
    }
}
