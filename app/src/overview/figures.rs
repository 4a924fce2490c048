//! The big figures above a site or a unit. Each says value, unit, target and what it is made of.

use gemba_contract::overview::{CountView, KpiView, ShiftView};
use leptos::prelude::*;

use super::model::Headcount;
use crate::{
    format::{NO_VALUE, clock_time, percent, pieces, shift_title, signed_points},
    ui::{Bar, FULL_COVERAGE, KpiBars, trend_of},
};

/// One figure: a name, a value with its unit, and a line about it.
#[component]
pub(crate) fn Stat(
    name: &'static str,
    #[prop(into)] value: Signal<String>,
    #[prop(into)] unit: Signal<String>,
    children: Children,
) -> impl IntoView {
    view! {
        <div class="stat">
            <h3>{name}</h3>
            <p class="stat-value">
                {move || value.get()}
                <small>{move || format!(" {}", unit.get())}</small>
            </p>
            <p class="stat-note">{children()}</p>
        </div>
    }
    .into_any()
}

/// OEE with its factors.
#[component]
pub(crate) fn OeeFigure(
    #[prop(into)] kpi: Signal<KpiView>,
    /// What else there is to say of it.
    #[prop(optional)]
    more: Option<AnyView>,
) -> impl IntoView {
    let oee = Signal::derive(move || kpi.with(|k| k.oee));
    let target = Signal::derive(move || kpi.with(|k| k.target_oee));
    view! {
        <div class="stat stat-oee">
            <div>
                <h3>"OEE, this shift"</h3>
                <p class="stat-value">{move || percent(oee.get())} <small>" %"</small></p>
                <Bar value=oee target=target />
                <p class="stat-note">
                    <TargetGap kpi=kpi />
                </p>
                {more}
            </div>
            <KpiBars kpi=kpi />
        </div>
    }
    .into_any()
}

/// `3.1 below target 74.5`
#[component]
fn TargetGap(kpi: Signal<KpiView>) -> impl IntoView {
    let gap = move || kpi.with(|k| k.oee.zip(k.target_oee).map(|(oee, target)| oee - target));
    let text = move || {
        kpi.with(|k| match (k.oee, k.target_oee) {
            (None, _) if k.is_unrated() => "needs an ideal cycle and a counter".to_owned(),
            (None, _) => "no planned time with data yet".to_owned(),
            (Some(_), None) => "no target set".to_owned(),
            (Some(oee), Some(target)) => {
                let gap = signed_points(oee - target);
                let size = gap.trim_start_matches(['−', '+']).to_owned();
                let side = if gap.starts_with('−') {
                    "below"
                } else if gap.starts_with('+') {
                    "above"
                } else {
                    "at"
                };
                if side == "at" {
                    format!("at target {}", percent(Some(target)))
                } else {
                    format!("{size} {side} target {}", percent(Some(target)))
                }
            }
        })
    };
    view! { <span data-trend=move || trend_of(gap())>{text}</span> }
}

/// Gap between OEE and its target, as shown in a line: `−14.2`, and its trend word.
pub(crate) fn target_gap(kpi: &KpiView) -> (String, &'static str) {
    let gap = kpi.oee.zip(kpi.target_oee).map(|(oee, target)| oee - target);
    (gap.map_or_else(String::new, signed_points), trend_of(gap))
}

/// Good pieces against what the time so far should have given.
#[component]
pub(crate) fn CountFigure(#[prop(into)] count: Signal<CountView>) -> impl IntoView {
    let note = move || {
        count.with(|c| {
            c.target.filter(|target| *target >= 0.5).map(|target| {
                let gap = c.good - target;
                let gap_text = if gap <= -0.5 {
                    format!("{} behind", pieces(-gap))
                } else if gap >= 0.5 {
                    format!("{} ahead", pieces(gap))
                } else {
                    "on target".to_owned()
                };
                (
                    gap_text,
                    if gap <= -0.5 {
                        "down"
                    } else if gap >= 0.5 {
                        "up"
                    } else {
                        "level"
                    },
                    format!(", {}\u{a0}%", pieces(c.good / target * 100.0)),
                )
            })
        })
    };
    view! {
        <Stat
            name="Good pieces"
            value=Signal::derive(move || pieces(count.with(|c| c.good)))
            unit=Signal::derive(move || count.with(|c| c.target.map_or_else(|| "pieces".to_owned(), |t| format!("/ {}", pieces(t)))))
        >
            <span data-trend=move || note().map_or("level", |n| n.1)>{move || note().map_or_else(|| "no target set".to_owned(), |n| n.0)}</span>
            {move || note().map(|n| n.2)}
            {move || count.with(|c| format!("; {}\u{a0}scrapped", pieces(c.scrap)))}
        </Stat>
    }
}

/// Units where somebody must go: stopped, or without data.
#[component]
pub(super) fn AttentionFigure(#[prop(into)] headcount: Signal<Headcount>) -> impl IntoView {
    let stopped = Memo::new(move |_| headcount.get().stopped);
    let unknown = Memo::new(move |_| headcount.get().unknown);
    let held = Memo::new(move |_| headcount.get().held);
    let alarm = move || if stopped.get() == 0 { "level" } else { "down" };
    view! {
        <Stat
            name="Units needing a person"
            value=Signal::derive(move || (stopped.get() + unknown.get()).to_string())
            unit=Signal::derive(move || format!("of {}", headcount.get().units))
        >
            <span data-trend=alarm>
                {move || format!("{} stopped", stopped.get())}
            </span>
            {move || format!(", {} without data; {} held up by others", unknown.get(), held.get())}
        </Stat>
    }
    .into_any()
}

/// How much of the planned time the figures rest on.
#[component]
pub(crate) fn CoverageFigure(#[prop(into)] kpi: Signal<KpiView>) -> impl IntoView {
    let coverage = move || kpi.with(|k| k.coverage);
    let mark = move || if coverage().is_some_and(|c| c < FULL_COVERAGE) { "warn" } else { "level" };
    let note = move || match coverage() {
        None => "no planned time yet",
        Some(c) if c < FULL_COVERAGE => "of planned time has data; figures rest on that part",
        Some(_) => "of planned time has data",
    };
    view! {
        <Stat
            name="Coverage"
            value=Signal::derive(move || percent(coverage()))
            unit="%"
        >
            <span data-trend=mark>
                {note}
            </span>
        </Stat>
    }
}

/// `Late shift, 14:00 to 22:00`
#[component]
pub(crate) fn ShiftLine(
    #[prop(into)] shift: Signal<Option<ShiftView>>,
    #[prop(into)] utc_offset_minutes: Signal<i32>,
    time_zone: String,
) -> impl IntoView {
    let text = move || {
        shift.with(|shift| match shift {
            None => "no shift now".to_owned(),
            Some(s) => {
                let time = |t| clock_time(t, utc_offset_minutes.get());
                format!("{}, {} to {}", shift_title(&s.name), time(s.from), time(s.to))
            }
        })
    };
    view! {
        <span class="shift" title=format!("Times of {time_zone}")>
            {text}
        </span>
    }
}

/// Good pieces and their target in a tile: (`1,104`, `of 1,480`).
pub(super) fn count_pair(count: &CountView) -> (String, String) {
    let target = count.target.map_or_else(|| format!("target {NO_VALUE}"), |t| format!("of {}", pieces(t)));
    (pieces(count.good), target)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_have_a_word() {
        let kpi = |oee, target_oee| KpiView { oee, target_oee, ..KpiView::default() };
        assert_eq!(target_gap(&kpi(Some(0.6), Some(0.742))), ("−14.2".to_owned(), "down"));
        assert_eq!(target_gap(&kpi(Some(0.8), Some(0.742))), ("+5.8".to_owned(), "up"));
        assert_eq!(target_gap(&kpi(Some(0.742), Some(0.742))), ("0.0".to_owned(), "level"));
        assert_eq!(target_gap(&kpi(None, Some(0.742))), (String::new(), "level"));
    }

    #[test]
    fn counts_without_a_target_say_so() {
        let count = CountView { good: 1104.0, scrap: 0.0, target: None };
        assert_eq!(count_pair(&count), ("1,104".to_owned(), "target –".to_owned()));
        assert_eq!(count_pair(&CountView { target: Some(1480.2), ..count }).1, "of 1,480");
    }
}
