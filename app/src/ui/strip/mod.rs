//! The state strip: eight hours of what a unit did. What is not painted shows the hatched ground,
//! which means: no data.

mod layout;

use gemba_contract::overview::StripSegment;
use gemba_domain::{Timestamp, state::UnitState};
use leptos::prelude::*;

use crate::{
    clock::Clock,
    format::{clock_time, span, state_word, time_ticks},
    overview::STRIP_SECONDS,
};
pub(crate) use layout::PAINTED;
use layout::{Window, paths, summary};

/// The eight hours up to now that strips show.
pub(crate) fn window_of(clock: Clock) -> Window {
    let to = clock.coarse();
    Window { from: to.plus_seconds(-STRIP_SECONDS), to, held: clock.held() }
}

/// The bar. Give it a name in `label`; what it shows is added to that.
#[component]
pub(crate) fn Strip(segments: ArcRwSignal<Vec<StripSegment>>, #[prop(into)] label: Signal<String>) -> impl IntoView {
    let clock = Clock::of_page();
    let shape = {
        let segments = segments.clone();
        Memo::new(move |_| segments.with(|s| paths(s, window_of(clock))))
    };
    let told = Memo::new(move |_| segments.with(|s| summary(s, window_of(clock))));
    view! {
        <svg
            class="strip"
            viewBox=format!("0 0 {STRIP_SECONDS} 1")
            preserveAspectRatio="none"
            role="img"
            aria-label=move || format!("{}, last 8 hours: {}", label.get(), told.get())
        >
            {PAINTED
                .iter()
                .enumerate()
                .map(|(i, state)| {
                    view! { <path class=format!("s-{}", state.as_str()) d=move || shape.with(|p| p[i].clone()) /> }
                })
                .collect_view()}
        </svg>
    }
    .into_any()
}

/// Hours of the site's wall clock below a strip.
#[component]
pub(crate) fn HourAxis(#[prop(into)] utc_offset_minutes: Signal<i32>) -> impl IntoView {
    let clock = Clock::of_page();
    let ticks = Memo::new(move |_| {
        let window = window_of(clock);
        time_ticks(window.from, window.to, utc_offset_minutes.get(), 9)
            .into_iter()
            .map(|(at, text)| {
                let place = at.seconds_since(window.from) / STRIP_SECONDS as f64;
                // Every second hour may be left out where it is narrow; which ones does not change with time.
                let even = text.get(..2).and_then(|h| h.parse::<u8>().ok()).is_some_and(|h| h % 2 == 0);
                (place, text, even)
            })
            .filter(|(place, ..)| (0.025..0.88).contains(place))
            .collect::<Vec<_>>()
    });
    view! {
        <svg class="hour-axis" aria-hidden="true">
            {move || {
                ticks
                    .get()
                    .into_iter()
                    .map(|(place, text, even)| {
                        let x = format!("{:.2}%", place * 100.0);
                        view! {
                            <g class=if even { "even" } else { "odd" }>
                                <line x1=x.clone() x2=x.clone() y1="0" y2="4" />
                                <text x=x y="15">
                                    {text}
                                </text>
                            </g>
                        }
                    })
                    .collect_view()
            }}
            <text class="now" x="100%" y="15">
                "now"
            </text>
        </svg>
    }
    .into_any()
}

/// The strip in words, newest first.
#[component]
pub(crate) fn StripTable(
    segments: ArcRwSignal<Vec<StripSegment>>,
    #[prop(into)] utc_offset_minutes: Signal<i32>,
) -> impl IntoView {
    let clock = Clock::of_page();
    let rows = move || {
        let window = window_of(clock);
        let offset = utc_offset_minutes.get();
        segments
            .get()
            .into_iter()
            .rev()
            .enumerate()
            .map(|(i, segment)| {
                let to = if i == 0 { window.end_of_last(segment.to) } else { segment.to };
                view! {
                    <tr>
                        <td>{clock_time(segment.from, offset)}</td>
                        <td>{if i == 0 { "now".to_owned() } else { clock_time(to, offset) }}</td>
                        <td>
                            <span class="state" data-state=segment.state.as_str()>
                                {state_word(segment.state)}
                            </span>
                        </td>
                        <td class="number">{span(to.seconds_since(segment.from))}</td>
                    </tr>
                }
            })
            .collect_view()
    };
    view! {
        <div class="table-scroll" tabindex="0" role="region" aria-label="States of the last 8 hours">
            <table class="table">
                <thead>
                    <tr>
                        <th scope="col">"From"</th>
                        <th scope="col">"To"</th>
                        <th scope="col">"State"</th>
                        <th scope="col" class="number">
                            "For"
                        </th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
    }
    .into_any()
}

/// What the colours and shapes mean.
#[component]
pub(crate) fn Legend() -> impl IntoView {
    view! {
        <ul class="legend" aria-label="States">
            {UnitState::ALL
                .iter()
                .map(|state| {
                    view! {
                        <li>
                            <span class="state" data-state=state.as_str()>
                                {state_word(*state)}
                            </span>
                        </li>
                    }
                })
                .collect_view()}
        </ul>
    }
    .into_any()
}

impl Window {
    /// The segment that holds a moment, and its end as shown.
    pub fn segment_at(self, segments: &[StripSegment], at: Timestamp) -> Option<(usize, StripSegment)> {
        let i = segments.partition_point(|s| s.from <= at).checked_sub(1)?;
        let mut segment = segments.get(i)?.clone();
        if i + 1 == segments.len() {
            segment.to = self.end_of_last(segment.to);
        }
        (at < segment.to || segment.to == self.to).then_some((i, segment))
    }
}
