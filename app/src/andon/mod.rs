//! `/andon/path`: the lines of a site or an area on a wall, read at ten metres, with nobody touching it.

use gemba_contract::live::{OVERVIEW, Snapshot};
use gemba_domain::equipment::EquipmentPath;
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::{use_params_map, use_query_map};

use crate::{
    api::{Api, path_in_address},
    clock::Clock,
    format::{clock_time, percent, pieces, shift_title, span, state_word},
    live::{Event, Live},
    overview::{LineModel, OverviewModel},
    ui::{Bar, ErrorPage, LivePill},
};

/// More lines than this do not fit at a size that can be read.
const LINES_A_PAGE: usize = 4;
/// How long a page stands, when the address does not say.
const USUAL_SECONDS: i64 = 15;

/// The board on the wall.
#[component]
pub(crate) fn AndonPage() -> impl IntoView {
    let api = Api::of_page();
    let params = use_params_map();
    let path = Memo::new(move |_| params.with(|p| p.get("path").unwrap_or_default().trim_matches('/').to_owned()));
    let overview = Resource::new_blocking(
        move || path.get(),
        move |path| {
            let api = api.clone();
            async move {
                let path = path_in_address(&path)?;
                Ok((api.overview().await?, path))
            }
        },
    );
    view! {
        <Suspense>
            {move || Suspend::new(async move {
                match overview.await {
                    Ok((overview, path)) => {
                        let clock = Clock::of_page();
                        clock.heard_from_server(overview.at);
                        view! { <Board model=OverviewModel::new(overview) path=path /> }.into_any()
                    }
                    Err(error) => view! { <ErrorPage error=error /> }.into_any(),
                }
            })}
        </Suspense>
    }
    .into_any()
}

#[component]
fn Board(model: OverviewModel, path: EquipmentPath) -> impl IntoView {
    let (clock, live) = (Clock::of_page(), Live::of_page());
    let followed = model.clone();
    live.follow(OVERVIEW.to_owned(), move |event| match event {
        Event::Snapshot(data) => {
            if let Snapshot::Overview(overview) = *data {
                followed.replace(overview);
            }
        }
        Event::Delta { at, tiles, totals, .. } => drop(followed.apply(at, tiles, totals)),
    });
    let query = use_query_map();
    let seconds = Memo::new(move |_| query.with(|q| seconds_in(q.get("seconds"))));
    let sites = model.sites;
    let shown = {
        let (sites, path) = (sites.clone(), path.clone());
        Memo::new(move |_| {
            sites
                .get()
                .iter()
                .find(|s| path.is_within(&s.path) || s.path.is_within(&path))
                .map(|s| (s.name.clone(), s.utc_offset_minutes.get(), s.shift.get()))
        })
    };
    let lines = {
        let (sites, path) = (sites.clone(), path.clone());
        Signal::derive(move || {
            let mut lines: Vec<LineModel> =
                sites.get().iter().flat_map(|s| s.lines()).filter(|line| line.tile.path.is_within(&path)).collect();
            // Always in the same place: whoever looks up finds the line where it was.
            lines.sort_by(|a, b| a.tile.path.cmp(&b.tile.path));
            lines
        })
    };
    let count = Memo::new(move |_| lines.with(Vec::len));
    let page = Memo::new(move |_| page_at(clock.now().micros() / 1_000_000, seconds.get(), count.get()));
    let on_page = Signal::derive(move || {
        let from = page.get() * LINES_A_PAGE;
        lines.get().into_iter().skip(from).take(LINES_A_PAGE).collect::<Vec<_>>()
    });
    let newest = Memo::new(move |_| lines.get().iter().filter_map(|l| l.tile.now.with(|n| n.last_sample)).max());
    let offset = Signal::derive(move || shown.get().map_or(0, |s| s.1));
    let name = move || shown.get().map_or_else(|| path.leaf().to_owned(), |s| s.0);
    let shift = move || {
        shown.get().and_then(|s| s.2).map_or_else(
            || "no shift now".to_owned(),
            |s| {
                format!(
                    "{}, {} to {}",
                    shift_title(&s.name),
                    clock_time(s.from, offset.get()),
                    clock_time(s.to, offset.get())
                )
            },
        )
    };
    let pages = move || {
        let pages = count.get().div_ceil(LINES_A_PAGE);
        (pages > 1).then(|| format!("{} of {pages}", page.get() + 1))
    };
    view! {
        <Title text="Andon" />
        <div class="andon" data-stale=move || live.is_stale().then_some("true")>
            <header class="andon-head">
                <h1>{name}</h1>
                <p>{shift}</p>
                <p class="andon-pages">{pages}</p>
                <p class="andon-clock">{move || clock_time(clock.now(), offset.get())}</p>
                <LivePill utc_offset_minutes=offset newest=newest />
            </header>
            <Show when=move || live.is_stale()>
                <p class="andon-stale" role="alert">
                    {move || format!("No connection since {}. Figures are of then.", clock_time(clock.heard(), offset.get()))}
                </p>
            </Show>
            <main id="main" tabindex="-1" class="andon-lines" data-lines=move || on_page.with(Vec::len).to_string()>
                <Show when=move || count.get() == 0>
                    <p class="empty">"There are no lines here. The address names a site or an area of the plant, such as /andon/acme/leeds."</p>
                </Show>
                <For each=move || on_page.get() key=|line| line.tile.id let:line>
                    <LineBoard line=line />
                </For>
            </main>
        </div>
    }
    .into_any()
}

#[component]
fn LineBoard(line: LineModel) -> impl IntoView {
    let clock = Clock::of_page();
    let now = line.tile.now.clone();
    let state = Memo::new(move |_| now.with(|n| n.state));
    let now = line.tile.now.clone();
    let since = Memo::new(move |_| now.with(|n| n.since));
    let now = line.tile.now.clone();
    let kpi = Memo::new(move |_| now.with(|n| (n.kpi.oee, n.kpi.target_oee)));
    let now = line.tile.now;
    let count = Memo::new(move |_| now.with(|n| (n.count.good, n.count.target)));
    let name = line.tile.name;
    let trend = |value: Option<f64>, target: Option<f64>| match value.zip(target) {
        Some((value, target)) if value < target => "down",
        Some(_) => "up",
        None => "level",
    };
    view! {
        <section class="andon-line" data-state=move || state.get().as_str()>
            <h2>{move || name.get()}</h2>
            <p class="andon-state">
                <span class="state" data-state=move || state.get().as_str()>
                    {move || state_word(state.get())}
                </span>
                <span class="andon-since">{move || span(clock.known().seconds_since(since.get()))}</span>
            </p>
            <div class="andon-figure">
                <p data-trend=move || trend(kpi.get().0, kpi.get().1)>
                    {move || percent(kpi.get().0)} <small>" % OEE"</small>
                </p>
                <Bar value=Signal::derive(move || kpi.get().0) target=Signal::derive(move || kpi.get().1) />
                <small>{move || kpi.get().1.map(|t| format!("target {} %", percent(Some(t))))}</small>
            </div>
            <div class="andon-figure">
                <p data-trend=move || trend(Some(count.get().0), count.get().1)>
                    {move || pieces(count.get().0)} <small>" good"</small>
                </p>
                <Bar value=Signal::derive(move || count.get().1.filter(|t| *t > 0.0).map(|t| count.get().0 / t)) />
                <small>{move || count.get().1.map(|t| format!("target {}", pieces(t)))}</small>
            </div>
        </section>
    }
    .into_any()
}

/// How long a page stands: 5 s to an hour.
fn seconds_in(word: Option<String>) -> i64 {
    word.and_then(|w| w.parse().ok()).map_or(USUAL_SECONDS, |s: i64| s.clamp(5, 3600))
}

/// The page that stands at a second. It follows from the time alone: boards beside each other turn together.
fn page_at(second: i64, seconds_a_page: i64, lines: usize) -> usize {
    let pages = lines.div_ceil(LINES_A_PAGE).max(1) as i64;
    second.div_euclid(seconds_a_page.max(1)).rem_euclid(pages) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_turn_by_the_clock() {
        let at = |second| page_at(second, 15, 9);
        assert_eq!([at(0), at(14), at(15), at(30), at(45)], [0, 0, 1, 2, 0]);
        assert_eq!(page_at(1_000, 15, 4), 0, "what fits on one page stays");
        assert_eq!(page_at(1_000, 15, 0), 0);
    }

    #[test]
    fn a_page_stands_for_a_time_that_can_be_read() {
        assert_eq!(seconds_in(Some("30".to_owned())), 30);
        assert_eq!(seconds_in(Some("0".to_owned())), 5);
        assert_eq!(seconds_in(Some("soon".to_owned())), 15);
    }
}
