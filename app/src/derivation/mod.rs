//! `/derivation/{path}?figure=…`: how a figure is made, down to the samples.

mod tables;

use gemba_contract::report::{Derivation, Formula};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::{use_params_map, use_query_map};

use crate::{
    api::{Api, path_in_address},
    clock::Clock,
    format::{NO_VALUE, decimal},
    ui::{ErrorPage, PageHeader, PeriodLinks, ProfileLinks, Scope, Stretch},
};

/// How one figure is made.
#[component]
pub(crate) fn DerivationPage() -> impl IntoView {
    let api = Api::of_page();
    let params = use_params_map();
    let query = use_query_map();
    let asked = Memo::new(move |_| {
        let path = params.with(|p| p.get("path").unwrap_or_default().trim_matches('/').to_owned());
        query.with(|q| (path, Scope::of(q), figure_in(q.get("figure"))))
    });
    let derivation = Resource::new_blocking(
        move || asked.get(),
        move |(path, scope, figure)| {
            let api = api.clone();
            async move {
                let path = path_in_address(&path)?;
                api.derivation(path.as_str(), &scope.query_and(&format!("figure={figure}"))).await
            }
        },
    );
    view! {
        <Transition>
            {move || Suspend::new(async move {
                match derivation.await {
                    Ok(derivation) => {
                        let (path, scope, _) = asked.get_untracked();
                        view! { <Made made=derivation path=path scope=scope /> }.into_any()
                    }
                    Err(error) => view! { <ErrorPage error=error /> }.into_any(),
                }
            })}
        </Transition>
    }
    .into_any()
}

/// The figure that an address names: a word, or OEE.
fn figure_in(word: Option<String>) -> String {
    word.filter(|w| !w.is_empty() && w.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'))
        .unwrap_or_else(|| "oee".to_owned())
}

#[component]
fn Made(made: Derivation, path: String, scope: Scope) -> impl IntoView {
    Clock::of_page().heard_from_server(made.at);
    let offset = made.utc_offset_minutes;
    let asked = made.formulas.iter().find(|f| f.figure == made.figure).cloned();
    let figure = asked.as_ref().map_or_else(|| made.figure.clone(), |f| f.name.clone());
    let name = made.name.clone();
    let title = format!("{figure} of {name}");
    let stretch = Stretch::any(made.from, made.to, made.at, offset);
    let more = format!("figure={}", made.figure);
    let report = format!("/lines/{path}{}", scope.query());
    let version = format!("by {}, version {}", made.profile.title(), made.profile_version);
    view! {
        <Title text=title />
        <PageHeader utc_offset_minutes=offset newest=None>
            <nav class="crumbs" aria-label="Where this stands">
                <ol>
                    <li>
                        <a href="/">"Plant"</a>
                    </li>
                    <li>
                        <a href=report>{name}</a>
                    </li>
                </ol>
            </nav>
            <h1>{format!("How {figure} is made")}</h1>
        </PageHeader>
        <main id="main" tabindex="-1" class="page derivation">
            <div class="period-bar">
                <PeriodLinks stretch=Signal::stored(stretch) scope=Signal::stored(scope) more=more.clone() />
                <ProfileLinks profile=Signal::stored(made.profile) scope=Signal::stored(scope) more=more />
                <span class="muted">{version}</span>
            </div>
            {asked.map(formula_view)}
            <div class="halves">
                {tables::formulas(&made, scope)}
                {tables::elements(&made)}
            </div>
            {tables::signals(&made)}
            {tables::gaps(&made)}
            {tables::intervals(&made)}
            {tables::counts(&made)}
        </main>
    }
    .into_any()
}

/// The figure asked for, in large.
fn formula_view(formula: Formula) -> AnyView {
    let value = value_text(&formula);
    view! {
        <section class="card formula" aria-label="The formula">
            <p class="formula-value">{value}</p>
            <p>
                <span class="formula-words">{format!("= {}", formula.formula)}</span>
                <span class="formula-numbers">{format!("= {}", formula.numbers)}</span>
            </p>
        </section>
    }
    .into_any()
}

/// `82.3 %`, or that there is none.
fn value_text(formula: &Formula) -> String {
    match formula.value {
        None => "no value".to_owned(),
        Some(value) if formula.unit == "%" => format!("{} %", decimal(value * 100.0, 1)),
        Some(value) if formula.unit.is_empty() => decimal(value, 0),
        Some(value) if value.is_finite() => format!("{} {}", decimal(value, 1), formula.unit),
        Some(_) => NO_VALUE.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_carry_their_unit() {
        let text = |value, unit: &str| {
            value_text(&Formula {
                figure: "x".to_owned(),
                name: "X".to_owned(),
                formula: String::new(),
                numbers: String::new(),
                value,
                unit: unit.to_owned(),
            })
        };
        assert_eq!(text(Some(0.8234), "%"), "82.3 %");
        assert_eq!(text(Some(1104.0), ""), "1,104");
        assert_eq!(text(Some(42.04), "s"), "42.0 s");
        assert_eq!(text(None, "%"), "no value");
    }

    #[test]
    fn a_figure_is_one_word() {
        assert_eq!(figure_in(Some("quality".to_owned())), "quality");
        assert_eq!(figure_in(Some("a&b".to_owned())), "oee");
        assert_eq!(figure_in(None), "oee");
    }
}
