//! The plot of one signal, chosen by `?signal=code&range=1h`, or `?signal=code&from=…&to=…`.

use gemba_contract::signal::{Reading, SampleSeries, SignalView};
use gemba_domain::{
    Timestamp,
    signal::{SignalId, SignalKind},
};
use leptos::prelude::*;
use leptos_router::{hooks::use_query_map, params::ParamsMap};

use super::{
    model::{SignalModel, UnitModel},
    signals::value_text,
};
use crate::{
    api::{Api, ApiError, samples_csv},
    clock::Clock,
    format::{day_and_time, day_time_seconds, pieces, stretch_text},
    ui::{
        ErrorNotice, Scope, Scrub,
        plot::{Grid, Marks, PlotData, TimeTexts, YTexts},
    },
};

/// How many readings a plot asks for.
const POINTS: u32 = 800;
/// How many rows the table alternative shows.
const ROWS: usize = 100;
const RANGES: [(&str, &str, i64); 4] =
    [("15m", "15 min", 900), ("1h", "1 h", 3600), ("8h", "8 h", 8 * 3600), ("24h", "24 h", 24 * 3600)];
const USUAL_RANGE: usize = 1;

/// Which readings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Range {
    /// The last ones, by the number of the range; they go on with the clock.
    Last(usize),
    /// Those of a stretch.
    Of(Timestamp, Timestamp),
}

/// What the address asks to see: a signal, and of when. Without a signal the first measure, or else the first one.
pub(super) fn picked<'a>(
    query: &ParamsMap,
    signals: impl Iterator<Item = &'a SignalView> + Clone,
) -> Option<(SignalId, Range)> {
    let last = query.get("range").and_then(|word| RANGES.iter().position(|r| r.0 == word)).unwrap_or(USUAL_RANGE);
    let range = Scope::of(query).stretch.map_or(Range::Last(last), |(from, to)| Range::Of(from, to));
    let named = query.get("signal").and_then(|code| signals.clone().find(|s| s.code == code));
    let usual = || signals.clone().find(|s| s.kind == SignalKind::Measure).or(signals.clone().next());
    named.or_else(usual).map(|signal| (signal.id, range))
}

/// The readings of a plot made `now`.
pub(super) async fn fetch(
    api: &Api,
    (signal, range): (SignalId, Range),
    now: Timestamp,
) -> Result<SampleSeries, ApiError> {
    let (from, to) = match range {
        Range::Last(range) => (now.plus_seconds(-RANGES.get(range).map_or(3600, |r| r.2)), now),
        Range::Of(from, to) => (from, to),
    };
    api.samples(signal, from, to, POINTS).await
}

/// The address with another signal or range; a stretch is kept until a range is chosen.
pub(super) fn link(query: &ParamsMap, signal: Option<&str>, range: Option<&str>) -> String {
    let pick = |name: &str, new: Option<&str>| {
        new.map(ToOwned::to_owned).or_else(|| query.get(name)).map(|value| format!("{name}={value}"))
    };
    let stretch = Scope::of(query).stretch.filter(|_| range.is_none());
    let kept = stretch.map(|(from, to)| format!("from={from}&to={to}"));
    let parts: Vec<String> =
        [pick("signal", signal), kept.or_else(|| pick("range", range))].into_iter().flatten().collect();
    format!("?{}", parts.join("&"))
}

/// `first` is what the address asked for when the page was made. A resource of its own would be made anew for each time
/// that the server renders what it stands in: the browser might then get other readings than those in the page.
#[component]
pub(super) fn History(model: UnitModel, first: Option<Result<SampleSeries, ApiError>>) -> impl IntoView {
    let query = use_query_map();
    let picked = {
        let signals = model.signals.clone();
        Memo::new(move |_| signals.with(|all| picked(&query.get(), all.iter().map(|s| &s.view))))
    };
    let plotted = RwSignal::new(first);
    #[cfg(feature = "hydrate")]
    {
        let (api, clock) = (Api::of_page(), Clock::of_page());
        Effect::new(move |before: Option<Option<(SignalId, Range)>>| {
            let now = picked.get();
            if before.is_some_and(|before| before != now) {
                let api = api.clone();
                leptos::task::spawn_local(async move {
                    let series = match now {
                        Some(now) => Some(fetch(&api, now, clock.now_untracked()).await),
                        None => None,
                    };
                    // The reader may have left, or chosen another meanwhile.
                    if picked.try_get_untracked() == Some(now) {
                        plotted.try_set(series);
                    }
                });
            }
            now
        });
    }
    let offset = Signal::derive({
        let offset = model.utc_offset_minutes.clone();
        move || offset.get()
    });
    let unwatched_since = model.tile.unwatched_since();
    let signals = StoredValue::new(model.signals);
    let signal = move |id: Option<SignalId>| {
        signals.with_value(|all| all.with_untracked(|all| all.iter().find(|s| Some(s.view.id) == id).cloned()))
    };
    let heading = move || signal(picked.get().map(|p| p.0)).map(|s| s.view);
    view! {
        <section class="card history" aria-labelledby="history-heading">
            <div class="card-heading">
                <h2 id="history-heading">{move || heading().map_or_else(|| "History".to_owned(), |s| s.name)}</h2>
                <span>{move || heading().and_then(|s| s.uom)}</span>
                <span>
                    {move || match picked.get() {
                        Some((_, Range::Of(from, to))) => stretch_text(from, to, offset.get()),
                        _ => String::new(),
                    }}
                </span>
                <RangeLinks picked=picked />
            </div>
            {move || match plotted.get() {
                None => view! { <p class="empty">"Nothing to plot."</p> }.into_any(),
                Some(Err(error)) => view! { <Failed error=error /> }.into_any(),
                Some(Ok(series)) => {
                    match signal(Some(series.signal)) {
                        Some(signal) => {
                            let moving = picked.with_untracked(|p| p.is_some_and(|p| matches!(p.1, Range::Last(_))));
                            view! {
                                <Plot series=series signal=signal offset=offset unwatched_since=unwatched_since moving=moving />
                            }
                                .into_any()
                        },
                        None => view! { <p class="empty">"Nothing to plot."</p> }.into_any(),
                    }
                }
            }}
        </section>
    }
    .into_any()
}

#[component]
fn Failed(error: ApiError) -> impl IntoView {
    view! {
        <div class="empty">
            <ErrorNotice error=error />
        </div>
    }
}

#[component]
fn RangeLinks(picked: Memo<Option<(SignalId, Range)>>) -> impl IntoView {
    let query = use_query_map();
    view! {
        <nav class="segmented" aria-label="Stretch of time">
            {RANGES
                .iter()
                .enumerate()
                .map(|(i, (word, text, _))| {
                    let current = move || if picked.get().is_some_and(|p| p.1 == Range::Last(i)) { "true" } else { "false" };
                    view! {
                        <a href=move || link(&query.get(), None, Some(word)) data-noscroll="" aria-current=current>
                            {*text}
                        </a>
                    }
                })
                .collect_view()}
        </nav>
    }
}

#[component]
fn Plot(
    series: SampleSeries,
    signal: SignalModel,
    offset: Signal<i32>,
    unwatched_since: Memo<Option<Timestamp>>,
    /// Goes on with the clock, and takes new readings.
    moving: bool,
) -> impl IntoView {
    let clock = Clock::of_page();
    let kind = signal.view.kind;
    let uom = signal.view.uom.clone().map(|u| format!(" {u}")).unwrap_or_default();
    let name = StoredValue::new(signal.view.name.clone());
    let csv = samples_csv(series.signal, series.from, series.to);
    let csv_name = format!("{}.csv", signal.view.code);
    let total = series.total;
    let length = series.to.micros_since(series.from);
    let empty_text = format!(
        "Nothing to plot from {} to {}: no readings, or the source could not tell.",
        day_and_time(series.from, offset.get_untracked()),
        day_and_time(series.to, offset.get_untracked())
    );
    // The newest reading holds for as long as somebody watches the machine.
    let held = move || {
        let held = clock.held();
        unwatched_since.get().map_or(held, |since| held.min(since))
    };
    let data = RwSignal::new(PlotData::new(series, kind, untrack(held)));

    // New readings are appended as they come, and the stretch moves on with the clock.
    let latest = signal.latest.clone();
    Effect::new(move |_| {
        let Some(reading) = latest.get() else { return };
        let newest = data.with_untracked(|d| d.readings.last().map(|r| r.time));
        if moving && newest.is_none_or(|newest| reading.time > newest) {
            data.update(|d| d.readings = d.readings.iter().cloned().chain([reading]).collect());
        }
    });
    Effect::new(move |before: Option<Timestamp>| {
        let now = clock.coarse();
        let held = held();
        if moving && before.is_some() && data.with_untracked(|d| held != d.held_until || now > d.to) {
            data.update(|d| {
                d.to = d.to.max(now);
                d.from = d.to.plus_micros(-length);
                d.held_until = held;
                let first = d.readings.partition_point(|r| r.time <= d.from).saturating_sub(1);
                if first > 0 {
                    d.readings = d.readings.iter().skip(first).cloned().collect();
                }
            });
        }
        now
    });

    let drawing = Memo::new(move |_| data.with(PlotData::draw));
    let position = RwSignal::new(None::<f64>);
    let read_out = {
        let uom = uom.clone();
        Signal::derive(move || {
            let Some(share) = position.get() else {
                return "Point at the plot, or go through it with the arrow keys, to read it.".to_owned();
            };
            data.with(|d| match d.at(share) {
                None => "No reading yet at this time".to_owned(),
                Some(Reading { time, value }) => {
                    format!("{}: {}{uom}", day_time_seconds(*time, offset.get()), value_text(kind, value))
                }
            })
        })
    };
    let lanes = Memo::new(move |_| drawing.with(|d| d.as_ref().filter(|d| d.y.lanes).map_or(0, |d| d.y.ticks.len())));
    let drawn = Memo::new(move |_| drawing.with(Option::is_some));
    view! {
        {move || {
            if !drawn.get() {
                return view! { <p class="empty">{empty_text.clone()}</p> }.into_any();
            }
            view! {
                <figure>
                    <div class="plot" data-lanes=move || lanes.get().to_string()>
                        <YTexts drawing=drawing />
                        <Scrub
                            label="Read the plot"
                            position=position
                            stops=Signal::derive(move || data.with(PlotData::stops))
                            text=read_out
                        >
                            <Grid drawing=drawing />
                            <Marks drawing=drawing name=name />
                        </Scrub>
                        <TimeTexts data=data offset=offset />
                    </div>
                    <figcaption class="read-out">{move || read_out.get()}</figcaption>
                </figure>
            }
                .into_any()
        }}
        <div class="history-foot">
            <details class="fold">
                <summary>"As a table"</summary>
                <Readings data=data kind=kind uom=uom.clone() offset=offset total=total />
            </details>
            <a class="link" href=csv download=csv_name rel="external">
                "Download as CSV"
            </a>
        </div>
    }
    .into_any()
}

/// The plot as a table, newest first.
#[component]
fn Readings(data: RwSignal<PlotData>, kind: SignalKind, uom: String, offset: Signal<i32>, total: u64) -> impl IntoView {
    let rows = move || {
        data.with(|d| {
            d.readings
                .iter()
                .rev()
                .take(ROWS)
                .map(|r| {
                    view! {
                        <tr>
                            <td>{day_time_seconds(r.time, offset.get())}</td>
                            <td class="number">{value_text(kind, &r.value)}</td>
                        </tr>
                    }
                })
                .collect_view()
        })
    };
    let note = move || {
        let shown = data.with(|d| d.readings.len().min(ROWS));
        format!("The newest {shown} of the plotted readings; the stretch holds {} in all.", pieces(total as f64))
    };
    view! {
        <p class="muted">{note}</p>
        <div class="table-scroll" tabindex="0" role="region" aria-label="Readings">
            <table class="table">
                <thead>
                    <tr>
                        <th scope="col">"Time"</th>
                        <th scope="col" class="number">
                            {format!("Value{uom}")}
                        </th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_keep_what_they_do_not_change() {
        let mut query = ParamsMap::new();
        assert_eq!(link(&query, Some("speed"), None), "?signal=speed");
        query.insert("signal", "speed".to_owned());
        query.insert("range", "8h".to_owned());
        query.insert("other", "x".to_owned());
        assert_eq!(link(&query, None, Some("1h")), "?signal=speed&range=1h");
        assert_eq!(link(&query, Some("load"), None), "?signal=load&range=8h");
        query.insert("from", "2026-11-24T02:00:00Z".to_owned());
        query.insert("to", "2026-11-24T03:00:00Z".to_owned());
        assert_eq!(
            link(&query, Some("load"), None),
            "?signal=load&from=2026-11-24T02:00:00Z&to=2026-11-24T03:00:00Z",
            "a stretch goes before a range"
        );
        assert_eq!(link(&query, None, Some("1h")), "?signal=speed&range=1h");
    }
}
