//! How the figures are made: elements, formulas, and the numbers in them (ISO 22400-2).

use gemba_domain::oee::Elements;
use leptos::prelude::*;

use super::{model::UnitModel, percent_text};
use crate::{
    format::{NO_VALUE, clock_time_seconds, decimal, pieces},
    overview::Stat,
};

/// One line of arithmetic.
#[derive(Clone, Debug, PartialEq)]
struct Formula {
    name: &'static str,
    formula: &'static str,
    numbers: String,
    result: Option<f64>,
}

fn minutes(micros: i64) -> String {
    format!("{} min", decimal(micros as f64 / 60e6, 1))
}

fn ratio(numerator: f64, denominator: f64) -> Option<f64> {
    (denominator > 0.0).then(|| numerator / denominator)
}

/// Planned busy time.
fn pbt(e: &Elements) -> i64 {
    e.apt + e.aust + e.adet + e.adot + e.unknown
}

/// OEE and its factors from their elements. Pieces that are not rated (no ideal cycle, or nothing counts them) give no performance.
fn formulas(e: &Elements, rated: bool) -> Vec<Formula> {
    let known = pbt(e) - e.unknown;
    let over = |a: i64, b: i64| format!("{} / {}", minutes(a), minutes(b));
    vec![
        Formula {
            name: "Availability",
            formula: "APT / known PBT",
            numbers: over(e.apt, known),
            result: ratio(e.apt as f64, known as f64),
        },
        Formula {
            name: "Performance",
            formula: "sum(PRI x PQ) / APT",
            numbers: over(e.pri_pq as i64, e.apt),
            result: ratio(e.pri_pq, e.apt as f64).filter(|_| rated),
        },
        Formula {
            name: "Quality",
            formula: "sum(PRI x GQ) / sum(PRI x PQ)",
            numbers: over(e.pri_gq as i64, e.pri_pq as i64),
            result: ratio(e.pri_gq, e.pri_pq),
        },
        Formula {
            name: "OEE",
            formula: "sum(PRI x GQ) / known PBT",
            numbers: over(e.pri_gq as i64, known),
            result: ratio(e.pri_gq, known as f64).filter(|_| rated),
        },
        Formula {
            name: "Coverage",
            formula: "known PBT / PBT",
            numbers: over(known, pbt(e)),
            result: ratio(known as f64, pbt(e) as f64),
        },
    ]
}

/// (short name, meaning, value)
fn rows(e: &Elements, ideal_cycle_seconds: Option<f64>) -> Vec<(&'static str, &'static str, String)> {
    vec![
        ("POT", "Planned operation time: the shift so far", minutes(e.calendar - e.not_scheduled)),
        ("PDOT", "Planned downtime: breaks, planned stops", minutes(e.planned_downtime())),
        ("PBT", "Planned busy time: the rest", minutes(pbt(e))),
        ("APT", "producing", minutes(e.apt)),
        ("ADET", "delayed: stopped, blocked, starved, maintenance, off", minutes(e.adet)),
        ("AUST", "being set up", minutes(e.aust)),
        ("ADOT", "without an order", minutes(e.adot)),
        ("unknown", "without trustworthy data", minutes(e.unknown)),
        ("PQ", "Pieces produced", pieces(e.pq)),
        ("GQ", "good the first time", pieces(e.gq)),
        ("SQ", "scrapped", pieces(e.sq)),
        (
            "PRI",
            "Ideal time per piece",
            ideal_cycle_seconds.map_or_else(|| "not set".to_owned(), |s| format!("{} s", decimal(s, 2))),
        ),
    ]
}

#[component]
pub(super) fn HowItIsMade(model: UnitModel) -> impl IntoView {
    let basis = model.basis.clone();
    let as_of = {
        let (basis, offset) = (basis.clone(), model.utc_offset_minutes.clone());
        move || format!("elements of this shift as of {}", clock_time_seconds(basis.with(|b| b.at), offset.get()))
    };
    let elements = {
        let (basis, cycle) = (basis.clone(), model.ideal_cycle_seconds.clone());
        move || {
            rows(&basis.with(|b| b.elements), cycle.get())
                .into_iter()
                .map(|(short, meaning, value)| {
                    view! {
                        <tr>
                            <th scope="row">
                                <abbr>{short}</abbr>
                            </th>
                            <td>{meaning}</td>
                            <td class="number">{value}</td>
                        </tr>
                    }
                })
                .collect_view()
        }
    };
    let suspect = {
        let basis = basis.clone();
        Memo::new(move |_| basis.with(|b| b.elements.apt > 0 && b.elements.pri_pq > b.elements.apt as f64 * 1.0005))
    };
    let unrated = {
        let now = model.tile.now.clone();
        Memo::new(move |_| now.with(|now| now.kpi.is_unrated()))
    };
    let arithmetic = move || {
        formulas(&basis.with(|b| b.elements), !unrated.get())
            .into_iter()
            .map(|f| {
                view! {
                    <tr>
                        <th scope="row">{f.name}</th>
                        <td>{f.formula}</td>
                        <td class="number">{f.numbers}</td>
                        <td class="number strong">{percent_text(f.result)}</td>
                    </tr>
                }
            })
            .collect_view()
    };
    view! {
        <section class="card" aria-labelledby="made-heading">
            <div class="card-heading">
                <h2 id="made-heading">"How these figures are made"</h2>
                <span>{as_of}</span>
            </div>
            <div class="made">
                <div class="table-scroll" tabindex="0" role="region" aria-label="Elements">
                    <table class="table elements">
                        <thead>
                            <tr>
                                <th scope="col">"Element"</th>
                                <th scope="col">"What it is"</th>
                                <th scope="col" class="number">
                                    "This shift"
                                </th>
                            </tr>
                        </thead>
                        <tbody>{elements}</tbody>
                    </table>
                </div>
                <div class="table-scroll" tabindex="0" role="region" aria-label="Formulas">
                    <table class="table">
                        <thead>
                            <tr>
                                <th scope="col">"Figure"</th>
                                <th scope="col">"ISO 22400-2"</th>
                                <th scope="col" class="number">
                                    "with these elements"
                                </th>
                                <th scope="col" class="number">
                                    "gives"
                                </th>
                            </tr>
                        </thead>
                        <tbody>{arithmetic}</tbody>
                    </table>
                    <p class="made-note">
                        "OEE is availability x performance x quality. Known PBT is planned busy time without what has no data; the missing part counts neither as loss nor as production."
                    </p>
                    <Show when=move || unrated.get()>
                        <p class="made-note">
                            "Performance and OEE need the ideal time per piece (PRI, ideal_cycle_seconds in the plant file) and a signal that counts pieces."
                        </p>
                    </Show>
                    <Show when=move || suspect.get()>
                        <p class="made-note" data-trend="warn">
                            "Performance is above 100 %: the ideal time per piece (PRI) in the plant file is probably too long."
                        </p>
                    </Show>
                </div>
            </div>
        </section>
    }
    .into_any()
}

/// Seconds a piece took while the unit was producing, beside the ideal.
#[component]
pub(super) fn CycleFigure(model: UnitModel) -> impl IntoView {
    let actual = {
        let basis = model.basis.clone();
        Memo::new(move |_| basis.with(|b| ratio(b.elements.apt as f64 / 1e6, b.elements.pq)))
    };
    let ideal = model.ideal_cycle_seconds;
    view! {
        <Stat
            name="Time per piece"
            value=Signal::derive(move || actual.get().map_or_else(|| NO_VALUE.to_owned(), |s| decimal(s, 2)))
            unit="s"
        >
            {move || {
                ideal
                    .get()
                    .map_or_else(
                        || "while producing; no ideal set".to_owned(),
                        |s| format!("while producing; ideal {}\u{a0}s", decimal(s, 2)),
                    )
            }}
        </Stat>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60_000_000;

    fn elements() -> Elements {
        Elements {
            calendar: 480 * MINUTE,
            not_scheduled: 0,
            breaks: 30 * MINUTE,
            apt: 300 * MINUTE,
            aust: 20 * MINUTE,
            adet: 80 * MINUTE,
            adot: 0,
            unknown: 50 * MINUTE,
            pq: 1000.0,
            gq: 950.0,
            sq: 50.0,
            pri_pq: 250.0 * MINUTE as f64,
            pri_gq: 237.5 * MINUTE as f64,
            ..Elements::default()
        }
    }

    #[test]
    fn formulas_carry_their_numbers_and_agree() {
        let made = formulas(&elements(), true);
        assert_eq!(made[0].numbers, "300.0 min / 400.0 min");
        assert_eq!(made[0].result, Some(0.75));
        let unrated = formulas(&elements(), false);
        assert_eq!((unrated[0].result, unrated[1].result, unrated[3].result), (Some(0.75), None, None));
        let product: f64 = made[..3].iter().filter_map(|f| f.result).product();
        assert!((product - made[3].result.unwrap_or_default()).abs() < 1e-12);
        assert_eq!(made[4].numbers, "400.0 min / 450.0 min");
    }

    #[test]
    fn without_planned_time_there_is_no_value() {
        let made = formulas(&Elements::default(), true);
        assert!(made.iter().all(|f| f.result.is_none()));
        assert_eq!(percent_text(None), "no value");
    }

    #[test]
    fn elements_are_named_with_units() {
        let rows = rows(&elements(), Some(15.0));
        assert!(rows.contains(&("PBT", "Planned busy time: the rest", "450.0 min".to_owned())));
        assert!(rows.contains(&("PRI", "Ideal time per piece", "15.00 s".to_owned())));
    }
}
