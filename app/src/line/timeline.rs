//! What the units did: a lane for each over the period, to be read and zoomed.

use gemba_contract::report::Report;
use gemba_domain::Timestamp;
use leptos::prelude::*;
use leptos_router::{NavigateOptions, hooks::use_navigate};

use super::{
    layout::{LANE_WIDTH, lane_paths, moment, segment_at, share, zoom},
    model::LineModel,
};
use crate::{
    clock::Clock,
    format::{clock_time_seconds, day_time_seconds, span, state_word, time_ticks},
    ui::{Cell, Legend, PAINTED, Scope, Scrub, table_fold},
};

/// The table lists at most this many segments.
const ROWS: usize = 300;

#[component]
pub(super) fn Timeline(model: LineModel) -> impl IntoView {
    let clock = Clock::of_page();
    let report = model.report;
    let position = RwSignal::new(None::<f64>);
    let navigate = use_navigate();
    let zoom_to = Callback::new(move |shares: (f64, f64)| {
        let stretch = report.with_untracked(|r| zoom(shares, r.period.from, r.period.to, r.at));
        if let Some((from, to)) = stretch {
            let address = model.scope.get_untracked().over(from, to).link("");
            navigate(&address, NavigateOptions { scroll: false, ..NavigateOptions::default() });
        }
    });
    let stops = Signal::derive(move || report.with(lane_stops));
    let text = Signal::derive(move || {
        match position.get() {
        None => "Point at the lanes, or go through them with the arrow keys, to read them. Drag over a stretch, or press + and −, to zoom.".to_owned(),
        Some(share) => report.with(|r| read_out(r, share)),
    }
    });
    let lanes = move || {
        let held = clock.held();
        report.with(|r| lanes_view(r, held))
    };
    view! {
        <section class="card" aria-labelledby="states-heading">
            <div class="card-heading">
                <h2 id="states-heading">"States"</h2>
                <ZoomLinks model=model />
            </div>
            <div class="timeline">
                {move || report.with(|r| names(r, model.scope.get()))}
                <Scrub label="Read the states of the period" position=position stops=stops text=text zoom=zoom_to>
                    {lanes}
                </Scrub>
                {move || report.with(axis)}
            </div>
            <p class="read-out">{move || text.get()}</p>
            <Legend />
            {move || report.with(segments_table)}
        </section>
    }
    .into_any()
}

/// Zooming without a pointer, and without a script.
#[component]
fn ZoomLinks(model: LineModel) -> impl IntoView {
    let link = move |shares: (f64, f64)| {
        let stretch = model.report.with(|r| zoom(shares, r.period.from, r.period.to, r.at));
        let scope = model.scope.get();
        stretch.map_or(scope, |(from, to)| scope.over(from, to)).link("")
    };
    let step = move |text: &'static str, name: &'static str, shares: (f64, f64)| {
        view! {
            <a href=move || link(shares) data-noscroll="" title=name aria-label=name>
                {text}
            </a>
        }
    };
    view! {
        <nav class="segmented" aria-label="Zoom">
            {step("◂", "Half a period earlier", (-0.5, 0.5))}
            {step("−", "Zoom out to twice the period", (-0.5, 1.5))}
            {step("+", "Zoom in to the middle half", (0.25, 0.75))}
            {step("▸", "Half a period later", (0.5, 1.5))}
        </nav>
    }
}

fn names(report: &Report, scope: Scope) -> AnyView {
    let query = scope.query();
    let names = report
        .lanes
        .iter()
        .map(|lane| {
            let hint = if lane.key_unit { "Key unit: the line's figures are those of this unit" } else { "" };
            view! {
                <li data-key=lane.key_unit.then_some("true") title=hint>
                    <a href=format!("/lines/{}{query}", lane.path)>{lane.name.clone()}</a>
                </li>
            }
        })
        .collect_view();
    view! { <ul class="lane-names">{names}</ul> }.into_any()
}

fn lanes_view(report: &Report, held: Timestamp) -> AnyView {
    let (from, to) = (report.period.from, report.period.to);
    // Nothing is known of what lies ahead; that is not the same as missing data.
    let ahead = share(report.at.max(held), from, to).clamp(0.0, 1.0);
    let known = (ahead * LANE_WIDTH as f64) as i64;
    let future = if known < LANE_WIDTH { format!("M{known} 0H{LANE_WIDTH}V1H{known}z") } else { String::new() };
    report
        .lanes
        .iter()
        .map(|lane| {
            let paths = lane_paths(&lane.segments, from, to, held);
            let marks = PAINTED
                .iter()
                .zip(paths)
                .map(|(state, path)| view! { <path class=format!("s-{}", state.as_str()) d=path /> })
                .collect_view();
            view! {
                <svg
                    class="strip lane"
                    viewBox=format!("0 0 {LANE_WIDTH} 1")
                    preserveAspectRatio="none"
                    role="img"
                    aria-label=format!("{}: states of the period. The table below holds the same.", lane.name)
                >
                    {marks}
                    <path class="s-future" d=future.clone() />
                </svg>
            }
        })
        .collect_view()
        .into_any()
}

fn axis(report: &Report) -> AnyView {
    let (from, to) = (report.period.from, report.period.to);
    let ticks = time_ticks(from, to, report.utc_offset_minutes, 9)
        .into_iter()
        .map(|(at, text)| (share(at, from, to), text))
        .filter(|(place, _)| (0.0..0.97).contains(place))
        .enumerate()
        .map(|(i, (place, text))| {
            let x = format!("{:.2}%", place * 100.0);
            view! {
                <g class=if i % 2 == 0 { "even" } else { "odd" } data-first=(place < 0.01).then_some("true")>
                    <line x1=x.clone() x2=x.clone() y1="0" y2="4" />
                    <text x=x y="15">
                        {text}
                    </text>
                </g>
            }
        })
        .collect_view();
    view! {
        <svg class="hour-axis" aria-hidden="true">
            {ticks}
        </svg>
    }
    .into_any()
}

/// The arrow keys stop in the middle of each segment of the key unit.
fn lane_stops(report: &Report) -> Vec<f64> {
    let (from, to) = (report.period.from, report.period.to);
    let lane = report.lanes.iter().find(|l| l.key_unit).or(report.lanes.first());
    lane.map_or_else(Vec::new, |lane| {
        lane.segments
            .iter()
            .map(|s| (share(s.from.max(from), from, to) + share(s.to.min(to), from, to)) / 2.0)
            .filter(|middle| (0.0..=1.0).contains(middle))
            .collect()
    })
}

/// What each unit was doing at a moment; of the key unit since when and why.
fn read_out(report: &Report, share: f64) -> String {
    let at = moment(share, report.period.from, report.period.to);
    let offset = report.utc_offset_minutes;
    let clock = |t| clock_time_seconds(t, offset);
    if at > report.at {
        return format!("{}: still ahead", day_time_seconds(at, offset));
    }
    let mut lanes: Vec<_> = report.lanes.iter().collect();
    lanes.sort_by_key(|lane| !lane.key_unit);
    let told = lanes.into_iter().map(|lane| match segment_at(&lane.segments, at) {
        None => format!("{}: no data", lane.name),
        Some(s) => {
            let word = s.word.as_ref().map(|w| format!(", {w}")).unwrap_or_default();
            let about = if lane.key_unit {
                format!(" ({} to {}, {})", clock(s.from), clock(s.to), span(s.to.seconds_since(s.from)))
            } else {
                String::new()
            };
            format!("{}: {}{word}{about}", lane.name, state_word(s.state).to_lowercase())
        }
    });
    format!("{}  {}", day_time_seconds(at, offset), told.collect::<Vec<_>>().join("; "))
}

fn segments_table(report: &Report) -> AnyView {
    let mut rows: Vec<(Timestamp, Vec<Cell>)> = report
        .lanes
        .iter()
        .flat_map(|lane| lane.segments.iter().map(move |s| (lane, s)))
        .map(|(lane, s)| {
            let cells = vec![
                Cell::text(lane.name.clone()),
                Cell::Time(s.from),
                Cell::Time(s.to),
                Cell::State(s.state),
                Cell::text(s.word.clone().unwrap_or_default()),
                Cell::Length(s.to.micros_since(s.from)),
            ];
            (s.from, cells)
        })
        .collect();
    rows.sort_by_key(|row| std::cmp::Reverse(row.0));
    let rows: Vec<_> = rows.into_iter().take(ROWS).map(|row| row.1).collect();
    let heads = ["Unit", "From", "To", "State", "Reason or the machine's word", "For"];
    table_fold("States, newest first", "states.csv", &heads, &rows, report.utc_offset_minutes)
}
