//! When nobody was watching, and what had to be given up.

use gemba_contract::{
    collector::{CollectorGap, CollectorView},
    edge::Loss,
};
use gemba_domain::collector::GapCause;
use leptos::prelude::*;

use crate::format::{NO_VALUE, day_time_seconds, pieces, span, stretch_text};

pub(super) fn cause_words(cause: GapCause) -> &'static str {
    match cause {
        GapCause::NotArrived => "not arrived yet: the collector may hold it",
        GapCause::NotWatched => "the collector did not run, or its sources could not go on where they stopped",
        GapCause::GivenUp => "read, and given up before the server had it",
        GapCause::Damaged => "stored, and cannot be read any more",
        GapCause::SourceLost => "the source was lost, or could not tell",
        GapCause::NothingSaid => "the source had not said anything yet",
    }
}

#[component]
pub(super) fn Gaps(collector: Memo<Option<CollectorView>>, offset: i32) -> impl IntoView {
    let gaps = Memo::new(move |_| collector.with(|it| it.as_ref().map(|it| it.gaps.clone()).unwrap_or_default()));
    let row = move |gap: &CollectorGap| {
        let when = match gap.to {
            Some(to) => stretch_text(gap.from, to, offset),
            None => format!("since {}", day_time_seconds(gap.from, offset)),
        };
        let length = gap.to.map_or_else(|| "lasts".to_owned(), |to| span(to.seconds_since(gap.from)));
        let lost = if gap.samples_lost > 0 { pieces(gap.samples_lost as f64) } else { NO_VALUE.to_owned() };
        view! {
            <tr>
                <th scope="row">{when}</th>
                <td class="number">{length}</td>
                <td>{cause_words(gap.cause)}</td>
                <td class="number">{lost}</td>
            </tr>
        }
    };
    let summary = move || {
        gaps.with(|gaps| match gaps.len() {
            1 => "1 gap in the last 7 days".to_owned(),
            count => format!("{count} gaps in the last 7 days"),
        })
    };
    let table = move || {
        gaps.with(|gaps| !gaps.is_empty()).then(|| {
            view! {
                <details class="fold">
                    <summary>{summary}</summary>
                    <div class="table-scroll" tabindex="0" role="region" aria-label="Gaps">
                        <table class="table">
                            <thead>
                                <tr>
                                    <th scope="col">"Nobody was watching"</th>
                                    <th scope="col" class="number">
                                        "Length"
                                    </th>
                                    <th scope="col">"Why"</th>
                                    <th scope="col" class="number">
                                        "Samples lost"
                                    </th>
                                </tr>
                            </thead>
                            <tbody>{move || gaps.with(|gaps| gaps.iter().map(row).collect_view())}</tbody>
                        </table>
                    </div>
                </details>
            }
        })
    };
    table.into_any()
}

#[component]
pub(super) fn Losses(collector: Memo<Option<CollectorView>>, offset: i32) -> impl IntoView {
    let losses = Memo::new(move |_| collector.with(|it| it.as_ref().map(|it| it.losses.clone()).unwrap_or_default()));
    let row = move |loss: &Loss| {
        view! {
            <tr>
                <th scope="row">{stretch_text(loss.from, loss.to, offset)}</th>
                <td class="number">{pieces(loss.samples as f64)}</td>
                <td>{loss.reason.clone()}</td>
            </tr>
        }
    };
    let table = move || {
        losses.with(|losses| !losses.is_empty()).then(|| {
            view! {
                <details class="fold">
                    <summary>"Given up in the last 30 days"</summary>
                    <div class="table-scroll" tabindex="0" role="region" aria-label="Given up">
                        <table class="table">
                            <thead>
                                <tr>
                                    <th scope="col">"Samples of"</th>
                                    <th scope="col" class="number">
                                        "Samples"
                                    </th>
                                    <th scope="col">"Why"</th>
                                </tr>
                            </thead>
                            <tbody>{move || losses.with(|losses| losses.iter().map(row).collect_view())}</tbody>
                        </table>
                    </div>
                </details>
            }
        })
    };
    table.into_any()
}
