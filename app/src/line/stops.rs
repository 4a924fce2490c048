//! The stops: a list in which each can be given its reason, and of one reason how its stops lie over time.

use gemba_contract::report::{Report, Stop};
use leptos::prelude::*;

use super::{layout::share, losses::NO_REASON, model::LineModel};
use crate::{
    format::{clock_time, day_and_time, pieces, span, state_word, time_ticks},
    ui::{
        Cell, Scrub, escaped,
        plot::{YAxis, grid_view, x_texts, y_texts},
        table_fold,
    },
};

/// Whether a stop is one of the reason that was chosen.
fn is_chosen(stop: &Stop, chosen: Option<&str>) -> bool {
    chosen.is_none_or(|chosen| stop.reason.as_deref().unwrap_or(NO_REASON) == chosen)
}

fn chosen_stops<'a>(report: &'a Report, chosen: Option<&'a str>) -> impl Iterator<Item = &'a Stop> {
    report.stops.iter().filter(move |stop| is_chosen(stop, chosen))
}

#[component]
pub(super) fn Stops(model: LineModel, chosen: Memo<Option<String>>) -> impl IntoView {
    let report = model.report;
    let name = Memo::new(move |_| chosen.get().map(|code| report.with(|r| reason_name(r, &code))));
    let count = move || {
        report.with(|r| {
            let shown = chosen.with(|c| chosen_stops(r, c.as_deref()).count());
            if r.stops_total as usize > r.stops.len() {
                format!("{shown} of the newest {} of {}", r.stops.len(), pieces(r.stops_total as f64))
            } else {
                format!("{shown} of {}", r.stops.len())
            }
        })
    };
    let rows = move || {
        let ready = model.ready.get();
        report.with(|r| {
            chosen.with(|c| chosen_stops(r, c.as_deref()).map(|s| stop_view(model, r, s, ready)).collect_view())
        })
    };
    let none = Memo::new(move |_| report.with(|r| chosen.with(|c| chosen_stops(r, c.as_deref()).next().is_none())));
    view! {
        <section class="card" id="stops" aria-labelledby="stops-heading">
            <div class="card-heading">
                <h2 id="stops-heading">
                    {move || name.get().map_or_else(|| "Stops".to_owned(), |name| format!("Stops: {name}"))}
                </h2>
                <span>{count}</span>
                {move || {
                    name.get()
                        .is_some()
                        .then(|| {
                            view! {
                                <a class="link" href=move || model.scope.get().link("") data-noscroll="">
                                    "Show all stops"
                                </a>
                            }
                        })
                }}
            </div>
            {move || (name.get().is_some() && !none.get()).then(|| view! { <Scatter model=model chosen=chosen /> })}
            {move || none.get().then(|| view! { <p class="empty">"No such stop in this period."</p> })}
            <div class="table-scroll stops-scroll" tabindex="0" role="group" aria-labelledby="stops-heading">
                <table class="table stops">
                    <thead>
                        <tr>
                            <th scope="col">"Begin"</th>
                            <th scope="col" class="number">
                                "For"
                            </th>
                            <th scope="col">"Unit"</th>
                            <th scope="col">"State"</th>
                            <th scope="col">"Reason"</th>
                            <th scope="col">
                                <span class="visually-hidden">"Change"</span>
                            </th>
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </div>
            {move || report.with(|r| chosen.with(|c| stops_table(r, c.as_deref())))}
        </section>
    }
    .into_any()
}

fn reason_name(report: &Report, code: &str) -> String {
    let named = report.reasons.iter().find(|r| r.reason.as_deref() == Some(code)).map(|r| r.name.clone());
    named.unwrap_or_else(|| if code == NO_REASON { "no reason yet".to_owned() } else { code.to_owned() })
}

fn stop_view(model: LineModel, report: &Report, stop: &Stop, ready: bool) -> AnyView {
    let offset = report.utc_offset_minutes;
    let long = report.period.to.seconds_since(report.period.from) > 86_400.0;
    let begin = if long { day_and_time(stop.from, offset) } else { clock_time(stop.from, offset) };
    let missing = stop.reason.is_none();
    let label = if missing { "Give reason" } else { "Change" };
    let about = format!("{label}: {}, {begin}", stop.unit_name);
    let who = if stop.by_rule {
        Some("by rule".to_owned())
    } else {
        stop.said.last().map(|s| format!("{}, {}", s.by, clock_time(s.at, offset)))
    };
    let comment = stop.said.iter().rev().map(|s| s.comment.trim()).find(|c| !c.is_empty()).map(ToOwned::to_owned);
    let reason = stop.reason_name.clone().or(stop.reason.clone());
    let caused = stop
        .caused_by
        .as_ref()
        .map(|c| if c.unit.is_some() { format!("caused by {}", c.text) } else { c.text.clone() });
    let explained = stop.clone();
    view! {
        <tr data-running=stop.running.then_some("true")>
            <td class="nowrap">{begin}</td>
            <td class="number">
                {span(stop.to.seconds_since(stop.from))} {stop.running.then(|| view! { <small>" so far"</small> })}
            </td>
            <td>{stop.unit_name.clone()}</td>
            <td>
                <span class="state" data-state=stop.state.as_str()>
                    {state_word(stop.state)}
                </span>
                " "
                <span class="cause">{stop.cause.clone()}</span>
            </td>
            <td class="reason" data-missing=missing.then_some("true")>
                {reason.unwrap_or_else(|| caused.clone().unwrap_or_else(|| "no reason yet".to_owned()))}
                <small>{who.map(|who| format!(" {who}"))}</small>
                {stop.minor.then(|| view! { <small>" short stop"</small> })}
                {comment.map(|text| view! { <p class="note">{text}</p> })}
            </td>
            <td class="action">
                <button
                    type="button"
                    class="button small"
                    class:primary=missing
                    disabled=!ready
                    aria-label=about
                    on:click=move |_| model.explained.set(Some(explained.clone()))
                >
                    {label}
                </button>
            </td>
        </tr>
    }
    .into_any()
}

/// Each stop of a reason as a point: when, and for how long.
#[component]
fn Scatter(model: LineModel, chosen: Memo<Option<String>>) -> impl IntoView {
    let report = model.report;
    let position = RwSignal::new(None::<f64>);
    let places = move |r: &Report, chosen: Option<&str>| {
        let mut places: Vec<f64> = chosen_stops(r, chosen).map(|s| share(s.from, r.period.from, r.period.to)).collect();
        places.sort_by(f64::total_cmp);
        places
    };
    let stops = Signal::derive(move || report.with(|r| chosen.with(|c| places(r, c.as_deref()))));
    let text = Signal::derive(move || {
        let Some(at) = position.get() else {
            return "One point a stop: when it began, and how long it lasted.".to_owned();
        };
        report.with(|r| chosen.with(|c| nearest(r, c.as_deref(), at)))
    });
    view! {
        <figure>
            <div class="plot scatter">
                {move || report.with(|r| chosen.with(|c| y_texts(&axis(r, c.as_deref()))))}
                <Scrub label="Read the stops of this reason" position=position stops=stops text=text>
                    {move || report.with(|r| chosen.with(|c| grid_view(&axis(r, c.as_deref()))))}
                    {move || report.with(|r| chosen.with(|c| points(r, c.as_deref())))}
                </Scrub>
                {move || {
                    report
                        .with(|r| {
                            let (from, to) = (r.period.from, r.period.to);
                            let ticks = time_ticks(from, to, r.utc_offset_minutes, 9);
                            x_texts(
                                ticks
                                    .into_iter()
                                    .map(|(at, text)| (share(at, from, to), text))
                                    .filter(|t| (0.02..0.98).contains(&t.0))
                                    .collect(),
                            )
                        })
                }}
            </div>
            <figcaption class="read-out">{move || text.get()}</figcaption>
        </figure>
    }
    .into_any()
}

/// Minutes from zero.
fn axis(report: &Report, chosen: Option<&str>) -> YAxis {
    let most = chosen_stops(report, chosen).map(|s| s.to.seconds_since(s.from) / 60.0).fold(1.0, f64::max);
    let mut axis = YAxis::numbers(0.0, most);
    if let Some(top) = axis.ticks.last_mut() {
        top.1.push_str(" min");
    }
    axis
}

fn points(report: &Report, chosen: Option<&str>) -> AnyView {
    let y = axis(report, chosen);
    let (from, to) = (report.period.from, report.period.to);
    let dots = chosen_stops(report, chosen)
        .map(|stop| {
            let minutes = stop.to.seconds_since(stop.from) / 60.0;
            view! {
                <circle
                    class=format!("s-{}", stop.state.as_str())
                    cx=format!("{:.2}%", share(stop.from, from, to) * 100.0)
                    cy=format!("{:.2}%", (1.0 - minutes / y.high) * 100.0)
                    r="5"
                />
            }
        })
        .collect_view();
    view! {
        <svg class="plot-dots" role="img" aria-label="Stops of this reason by begin and length. The list below holds the same.">
            {dots}
        </svg>
    }
    .into_any()
}

fn nearest(report: &Report, chosen: Option<&str>, at: f64) -> String {
    let (from, to) = (report.period.from, report.period.to);
    let distance = |s: &&Stop| (share(s.from, from, to) - at).abs();
    let stop = chosen_stops(report, chosen).min_by(|a, b| distance(a).total_cmp(&distance(b)));
    stop.map_or_else(String::new, |s| {
        let begin = day_and_time(s.from, report.utc_offset_minutes);
        format!("{begin}: {}, {}", s.unit_name, span(s.to.seconds_since(s.from)))
    })
}

fn stops_table(report: &Report, chosen: Option<&str>) -> AnyView {
    let rows: Vec<_> = chosen_stops(report, chosen)
        .map(|s| {
            let last = s.said.last();
            vec![
                Cell::text(s.unit_name.clone()),
                Cell::Time(s.from),
                Cell::Time(s.to),
                Cell::Length(s.to.micros_since(s.from)),
                Cell::State(s.state),
                Cell::text(s.cause.clone().unwrap_or_default()),
                Cell::text(s.reason_name.clone().unwrap_or_default()),
                Cell::text(s.category.map_or("", |c| c.title())),
                Cell::text(last.map(|w| w.by.clone()).unwrap_or_default()),
                Cell::text(last.map(|w| w.comment.clone()).unwrap_or_default()),
            ]
        })
        .collect();
    let heads = ["Unit", "From", "To", "For", "State", "Machine's word", "Reason", "Loss", "Said by", "Comment"];
    table_fold("Stops", "stops.csv", &heads, &rows, report.utc_offset_minutes)
}

/// The address of this page with a reason chosen stays a plain link; this is where it is read.
pub(super) fn chosen_in(query: &leptos_router::params::ParamsMap) -> Option<String> {
    query.get("reason").filter(|code| !code.is_empty())
}

/// What the scope's links keep besides the scope.
pub(super) fn reason_part(chosen: Option<&str>) -> String {
    chosen.map_or_else(String::new, |code| format!("reason={}", escaped(code)))
}

#[cfg(test)]
mod tests {
    use gemba_domain::{Timestamp, state::UnitState};

    use super::*;

    fn stop(reason: Option<&str>) -> Stop {
        Stop {
            unit: "a/b/c/d/e".parse().expect("a path"),
            unit_name: "E".to_owned(),
            from: Timestamp::default(),
            to: Timestamp::default(),
            running: false,
            state: UnitState::Stopped,
            cause: None,
            reason: reason.map(ToOwned::to_owned),
            reason_name: None,
            category: None,
            by_rule: false,
            said: Vec::new(),
            minor: false,
            caused_by: None,
        }
    }

    #[test]
    fn a_reason_chooses_its_stops_and_none_those_without() {
        assert!(is_chosen(&stop(Some("jam")), Some("jam")) && !is_chosen(&stop(Some("jam")), Some("oil")));
        assert!(is_chosen(&stop(None), Some(NO_REASON)) && !is_chosen(&stop(Some("jam")), Some(NO_REASON)));
        assert!(is_chosen(&stop(None), None));
    }
}
