//! `/compare/{path}?by=…`: the figures of a node side by side.

use gemba_contract::report::{CompareBy, Comparison, ComparisonRow};
use gemba_domain::equipment::Level;
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::{use_params_map, use_query_map};

use crate::{
    api::{Api, path_in_address},
    clock::Clock,
    format::{NO_VALUE, percent, pieces},
    ui::{Bar, Cell, ErrorPage, FULL_COVERAGE, PageHeader, PeriodLinks, ProfileLinks, Scope, Stretch, table_fold},
};

/// What figures can be compared by: word in the address, and for people.
const BY: [(CompareBy, &str, &str); 6] = [
    (CompareBy::Unit, "unit", "Unit"),
    (CompareBy::Shift, "shift", "Shift"),
    (CompareBy::Team, "team", "Team"),
    (CompareBy::Product, "product", "Product"),
    (CompareBy::Order, "order", "Order"),
    (CompareBy::Day, "day", "Day"),
];

fn word_of(by: CompareBy) -> &'static str {
    BY.iter().find(|b| b.0 == by).map_or("unit", |b| b.1)
}

fn by_in(word: Option<String>) -> CompareBy {
    word.and_then(|word| BY.iter().find(|b| b.1 == word)).map(|b| b.0).unwrap_or_default()
}

/// A node's figures by unit, shift, team, product, order or day.
#[component]
pub(crate) fn ComparePage() -> impl IntoView {
    let api = Api::of_page();
    let params = use_params_map();
    let query = use_query_map();
    let asked = Memo::new(move |_| {
        let path = params.with(|p| p.get("path").unwrap_or_default().trim_matches('/').to_owned());
        query.with(|q| (path, Scope::of(q), word_of(by_in(q.get("by")))))
    });
    let comparison = Resource::new_blocking(
        move || asked.get(),
        move |(path, scope, by)| {
            let api = api.clone();
            async move {
                let path = path_in_address(&path)?;
                api.compare(path.as_str(), &scope.query_and(&format!("by={by}"))).await
            }
        },
    );
    view! {
        <Transition>
            {move || Suspend::new(async move {
                match comparison.await {
                    Ok(comparison) => view! { <Compared comparison=comparison scope=asked.get_untracked().1 /> }.into_any(),
                    Err(error) => view! { <ErrorPage error=error /> }.into_any(),
                }
            })}
        </Transition>
    }
    .into_any()
}

#[component]
fn Compared(comparison: Comparison, scope: Scope) -> impl IntoView {
    Clock::of_page().heard_from_server(comparison.at);
    let path = comparison.path.clone();
    let by = comparison.by;
    let offset = comparison.utc_offset_minutes;
    let stretch = Stretch::any(comparison.from, comparison.to, comparison.at, offset);
    let report = matches!(path.level(), Level::Line | Level::Unit).then(|| format!("/lines/{path}{}", scope.query()));
    let andon = matches!(path.level(), Level::Site | Level::Area).then(|| format!("/andon/{path}"));
    let choices = BY
        .iter()
        .map(|(choice, word, text)| {
            view! {
                <a
                    href=scope.link(&format!("by={word}"))
                    data-noscroll=""
                    aria-current=if *choice == by { "true" } else { "false" }
                >
                    {*text}
                </a>
            }
        })
        .collect_view();
    let more = format!("by={}", word_of(by));
    let none = comparison.rows.is_empty();
    let rows = comparison.rows.iter().map(|row| row_view(row, by, scope)).collect_view();
    let head = BY.iter().find(|b| b.0 == by).map_or("", |b| b.2);
    let name = comparison.name.clone();
    let title = format!("Compare {name}");
    view! {
        <Title text=title.clone() />
        <PageHeader utc_offset_minutes=offset newest=None>
            <nav class="crumbs" aria-label="Where this stands">
                <ol>
                    <li>
                        <a href="/">"Plant"</a>
                    </li>
                    {report.map(|href| view! { <li><a href=href>{name}</a></li> })}
                </ol>
            </nav>
            <h1>{title}</h1>
        </PageHeader>
        <main id="main" tabindex="-1" class="page">
            <div class="period-bar">
                <PeriodLinks
                    stretch=Signal::stored(stretch)
                    scope=Signal::stored(scope)
                    more=more.clone()
                    usual="Last 30 days"
                />
                <ProfileLinks profile=Signal::stored(comparison.profile) scope=Signal::stored(scope) more=more />
                {andon.map(|href| view! { <span class="period-more"><a class="link" href=href>"Andon board"</a></span> })}
            </div>
            <section class="card" aria-labelledby="compare-heading">
                <div class="card-heading">
                    <h2 id="compare-heading">"OEE, lowest first"</h2>
                    <nav class="segmented" aria-label="Compare by">
                        {choices}
                    </nav>
                </div>
                {none.then(|| view! { <p class="empty">"Nothing to compare in this period."</p> })}
                <div class="table-scroll" tabindex="0" role="group" aria-labelledby="compare-heading">
                    <table class="table compare">
                        <thead>
                            <tr>
                                <th scope="col">{head}</th>
                                <th scope="col" class="compare-bar">
                                    "OEE"
                                </th>
                                <th scope="col" class="number">
                                    "%"
                                </th>
                                <th scope="col" class="number">
                                    "Availability %"
                                </th>
                                <th scope="col" class="number">
                                    "Performance %"
                                </th>
                                <th scope="col" class="number">
                                    "Quality %"
                                </th>
                                <th scope="col" class="number">
                                    "Good"
                                </th>
                                <th scope="col" class="number">
                                    "Scrap"
                                </th>
                                <th scope="col" class="number">
                                    "Coverage %"
                                </th>
                            </tr>
                        </thead>
                        <tbody>{rows}</tbody>
                    </table>
                </div>
                {csv(&comparison)}
            </section>
        </main>
    }
    .into_any()
}

fn row_view(row: &ComparisonRow, by: CompareBy, scope: Scope) -> AnyView {
    let f = row.factors;
    let name = row.name.clone();
    let name = if by == CompareBy::Unit {
        view! {
            <a class="link" href=format!("/lines/{}{}", row.key, scope.query())>
                {name}
            </a>
        }
        .into_any()
    } else {
        name.into_any()
    };
    let low = row.coverage.is_some_and(|c| c < FULL_COVERAGE);
    view! {
        <tr>
            <th scope="row">{name}</th>
            <td class="compare-bar">
                <Bar value=Signal::stored(f.oee) />
            </td>
            <td class="number strong">{percent(f.oee)}</td>
            <td class="number">{percent(f.availability)}</td>
            <td class="number">{percent(f.performance)}</td>
            <td class="number">{percent(f.quality)}</td>
            <td class="number">{pieces(row.elements.gq)}</td>
            <td class="number">{pieces(row.elements.sq)}</td>
            <td class="number" data-trend=if low { "warn" } else { "level" }>
                {row.coverage.map_or_else(|| NO_VALUE.to_owned(), |c| percent(Some(c)))}
            </td>
        </tr>
    }
    .into_any()
}

fn csv(comparison: &Comparison) -> AnyView {
    let rows: Vec<_> = comparison
        .rows
        .iter()
        .map(|row| {
            vec![
                Cell::text(row.key.clone()),
                Cell::text(row.name.clone()),
                Cell::Percent(row.factors.oee),
                Cell::Percent(row.factors.availability),
                Cell::Percent(row.factors.performance),
                Cell::Percent(row.factors.quality),
                Cell::Number(Some(row.elements.pq), 0),
                Cell::Number(Some(row.elements.gq), 0),
                Cell::Number(Some(row.elements.sq), 0),
                Cell::Length(row.elements.pbt()),
                Cell::Length(row.elements.apt),
                Cell::Percent(row.coverage),
            ]
        })
        .collect();
    let heads = [
        "Key",
        "Name",
        "OEE %",
        "Availability %",
        "Performance %",
        "Quality %",
        "PQ",
        "GQ",
        "SQ",
        "PBT",
        "APT",
        "Coverage %",
    ];
    table_fold("Figures side by side", "compare.csv", &heads, &rows, 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_name_what_is_compared() {
        for (by, word, _) in BY {
            assert_eq!(by_in(Some(word.to_owned())), by);
            assert_eq!(word_of(by), word);
        }
        assert_eq!(by_in(Some("colour".to_owned())), CompareBy::Unit);
        assert_eq!(by_in(None), CompareBy::Unit);
    }
}
