use gemba_domain::Timestamp;
use leptos::prelude::*;

use crate::{
    clock::Clock,
    format::{age, clock_time},
    live::{Live, Status},
};

/// How fresh the page is: `live, 0.4 s`, `reconnecting…`, `stale since 18:03`; as rendered: `as of 18:03`.
#[component]
pub(crate) fn LivePill(
    /// Minutes that the site's clocks are ahead of UTC.
    #[prop(into)]
    utc_offset_minutes: Signal<i32>,
    /// The newest sample on the page.
    #[prop(into)]
    newest: Signal<Option<Timestamp>>,
) -> impl IntoView {
    let live = Live::of_page();
    let clock = Clock::of_page();
    // How old the newest sample was when it came, rather than how long ago that is: the figure says
    // how far the screen lags behind the machines, and stands still while all is well.
    // A page that is about to be replaced may hear the server once more, without its data.
    let lag = Memo::new(move |_| newest.try_get().flatten().map(|newest| clock.heard().seconds_since(newest)));
    let kind = move || {
        if live.refused().is_some() {
            "refused"
        } else if live.is_stale() {
            "stale"
        } else {
            match live.status() {
                Status::Still => "still",
                Status::Live => "live",
                Status::Reconnecting => "reconnecting",
            }
        }
    };
    let text = move || {
        let time = |at| clock_time(at, utc_offset_minutes.try_get().unwrap_or_default());
        match kind() {
            "refused" => "not live".to_owned(),
            "stale" => format!("stale since {}", time(clock.heard())),
            "live" => lag.get().map_or_else(|| "live".to_owned(), |s| format!("live, {}", age(s))),
            "reconnecting" => "reconnecting…".to_owned(),
            _ => format!("as of {}", time(clock.heard())),
        }
    };
    let title = move || {
        live.refused().unwrap_or_else(|| match kind() {
            "stale" => {
                "The connection to the server is lost. Figures stand as they were then; they return by themselves."
                    .to_owned()
            }
            "live" => "Connected. The time is how old the newest sample was when it arrived here.".to_owned(),
            "reconnecting" => "The connection to the server is being made anew.".to_owned(),
            _ => "The page as the server rendered it.".to_owned(),
        })
    };
    view! {
        <span class="pill live-pill" data-live=kind title=title>
            {text}
        </span>
    }
    .into_any()
}
