use gemba_domain::{Timestamp, oee::Profile};
use leptos::prelude::*;

use crate::{format::stretch_text, ui::Scope};

/// Lengths that can be chosen, in seconds.
const LENGTHS: [(&str, i64); 3] = [("24 h", 86_400), ("7 d", 7 * 86_400), ("30 d", 30 * 86_400)];

/// What the steps to other stretches of time need to know of this one.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Stretch {
    pub from: Timestamp,
    pub to: Timestamp,
    pub previous: (Timestamp, Timestamp),
    pub next: Option<(Timestamp, Timestamp)>,
    /// The server's clock.
    pub at: Timestamp,
    /// Minutes that the site's clocks are ahead of UTC.
    pub offset: i32,
}

impl Stretch {
    /// A stretch of any length; the steps are as long as itself.
    pub fn any(from: Timestamp, to: Timestamp, at: Timestamp, offset: i32) -> Self {
        let length = to.micros_since(from);
        Self {
            from,
            to,
            previous: (from.plus_micros(-length), from),
            next: (to < at).then(|| (to, to.plus_micros(length))),
            at,
            offset,
        }
    }
}

/// Steps to the stretch before and after, to the running shift, and to usual lengths. Plain links: an address says it all.
#[component]
pub(crate) fn PeriodLinks(
    #[prop(into)] stretch: Signal<Stretch>,
    #[prop(into)] scope: Signal<Scope>,
    /// What the address holds besides, such as `by=team`.
    #[prop(optional, into)]
    more: Signal<String>,
    /// What is shown when the address names no stretch.
    #[prop(default = "Running shift")]
    usual: &'static str,
) -> impl IntoView {
    let link = move |scope: Scope| more.with(|more| scope.link(more));
    let step = move |to: Option<(Timestamp, Timestamp)>, name: &'static str, sign: &'static str| match to {
        Some((from, to)) => view! {
            <a class="step" href=link(scope.get().over(from, to)) data-noscroll="" title=name aria-label=name>
                {sign}
            </a>
        }
        .into_any(),
        None => view! {
            <span class="step" aria-hidden="true">
                {sign}
            </span>
        }
        .into_any(),
    };
    let lengths = move || {
        let s = stretch.get();
        let end = s.to.min(s.at);
        LENGTHS
            .map(|(text, seconds)| {
                let current = scope.get().stretch.is_some() && s.to.micros_since(s.from) == seconds * 1_000_000;
                view! {
                    <a
                        href=link(scope.get().over(end.plus_seconds(-seconds), end))
                        data-noscroll=""
                        aria-current=if current { "true" } else { "false" }
                    >
                        {text}
                    </a>
                }
            })
            .collect_view()
    };
    view! {
        <div class="period-steps">
            {move || step(Some(stretch.get().previous), "The period before", "‹")}
            <span class="period-text">{move || stretch.with(|s| stretch_text(s.from, s.to, s.offset))}</span>
            {move || step(stretch.get().next, "The period after", "›")}
        </div>
        <nav class="segmented" aria-label="Period">
            <a
                href=move || link(scope.get().running_shift())
                data-noscroll=""
                aria-current=move || if scope.get().stretch.is_none() { "true" } else { "false" }
            >
                {usual}
            </a>
            {lengths}
        </nav>
    }
    .into_any()
}

/// The definitions of the figures.
#[component]
pub(crate) fn ProfileLinks(
    #[prop(into)] profile: Signal<Profile>,
    #[prop(into)] scope: Signal<Scope>,
    /// What the address holds besides, such as `by=team`.
    #[prop(optional, into)]
    more: Signal<String>,
) -> impl IntoView {
    view! {
        <nav class="segmented" aria-label="Definition of the figures">
            {Profile::ALL
                .iter()
                .map(|choice| {
                    let href = move || more.with(|more| scope.get().by(*choice).link(more));
                    view! {
                        <a
                            href=href
                            data-noscroll=""
                            aria-current=move || if profile.get() == *choice { "true" } else { "false" }
                        >
                            {choice.title()}
                        </a>
                    }
                })
                .collect_view()}
        </nav>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    #[test]
    fn stretches_are_told_as_short_as_they_can_be() {
        let text = |from: &str, to: &str| stretch_text(at(from), at(to), 0);
        assert_eq!(text("2026-11-24T14:00:00Z", "2026-11-24T22:00:00Z"), "Tue 24 Nov, 14:00 to 22:00");
        assert_eq!(text("2026-11-24T14:00:00Z", "2026-11-25T00:00:00Z"), "Tue 24 Nov, 14:00 to 00:00");
        assert_eq!(text("2026-11-24T22:00:00Z", "2026-11-25T06:00:00Z"), "Tue 24 Nov, 22:00 to Wed 25 Nov, 06:00");
        assert_eq!(text("2026-11-24T14:00:05Z", "2026-11-24T14:00:35Z"), "Tue 24 Nov, 14:00:05 to 14:00:35");
    }

    #[test]
    fn what_has_not_begun_is_no_next() {
        let (from, to) = (at("2026-11-24T14:00:00Z"), at("2026-11-24T15:00:00Z"));
        assert_eq!(Stretch::any(from, to, at("2026-11-24T14:30:00Z"), 0).next, None);
        let past = Stretch::any(from, to, at("2026-11-24T16:00:00Z"), 0);
        assert_eq!(past.next, Some((to, at("2026-11-24T16:00:00Z"))));
        assert_eq!(past.previous, (at("2026-11-24T13:00:00Z"), from));
    }
}
