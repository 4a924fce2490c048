//! `/calendar/{site}`: the coming two weeks of a site, the versions of its calendar, and forms to change it.

mod closures;
mod form;
mod weeks;

use gemba_contract::calendar::{CalendarView, Definition};
use gemba_domain::{
    access::{Action, permits},
    equipment::EquipmentPath,
};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_params_map;

use crate::{
    api::{Api, ApiError},
    clock::Clock,
    format::day_and_time,
    ui::{ErrorPage, PageHeader},
};
use closures::Closures;
use form::DefinitionForm;
use weeks::Weeks;

/// Where a site's calendar is in the API.
fn address(site: &EquipmentPath) -> String {
    format!("/api/v1/calendar/{site}")
}

/// The calendar of a site.
#[component]
pub(crate) fn CalendarPage() -> impl IntoView {
    let api = Api::of_page();
    let params = use_params_map();
    let path = Memo::new(move |_| params.with(|p| p.get("path").unwrap_or_default().trim_matches('/').to_owned()));
    let calendar = Resource::new_blocking(
        move || path.get(),
        move |path| {
            let api = api.clone();
            async move {
                let path = path.parse::<EquipmentPath>().map_err(|error| ApiError::NotFound(error.to_string()))?;
                let (calendar, me) = (api.calendar(path.as_str()).await?, api.me().await?);
                Ok::<_, ApiError>((calendar, permits(me.role, Action::ChangeMasterData)))
            }
        },
    );
    view! {
        <Suspense>
            {move || Suspend::new(async move {
                match calendar.await {
                    Ok((calendar, may_change)) => view! { <Calendar calendar=calendar may_change=may_change /> }.into_any(),
                    Err(error) => view! { <ErrorPage error=error /> }.into_any(),
                }
            })}
        </Suspense>
    }
    .into_any()
}

#[component]
fn Calendar(calendar: CalendarView, may_change: bool) -> impl IntoView {
    Clock::of_page().heard_from_server(calendar.at);
    let offset = calendar.utc_offset_minutes;
    let (name, title, zone) =
        (calendar.name.clone(), format!("Calendar of {}", calendar.name), calendar.time_zone.clone());
    let calendar = RwSignal::new(calendar);
    let warnings = move || {
        let all = calendar.with(|c| c.warnings.clone());
        all.into_iter().map(|text| view! { <p class="calendar-warning">{text}</p> }).collect_view()
    };
    view! {
        <Title text=title />
        <PageHeader utc_offset_minutes=Signal::stored(offset) newest=Signal::stored(None)>
            <nav class="crumbs" aria-label="Where this site stands">
                <ol>
                    <li>
                        <a href="/">"Plant"</a>
                    </li>
                    <li>{name}</li>
                </ol>
            </nav>
            <h1>"Calendar"</h1>
        </PageHeader>
        <main id="main" tabindex="-1" class="page calendar">
            {warnings}
            <section class="card" aria-labelledby="weeks-heading">
                <div class="card-heading">
                    <h2 id="weeks-heading">"The coming two weeks"</h2>
                    <span>{format!("times of {zone}")}</span>
                </div>
                <Weeks calendar=calendar />
            </section>
            <Closures calendar=calendar may_change=may_change />
            <Versions calendar=calendar />
            {may_change.then(|| view! { <DefinitionForm calendar=calendar /> })}
        </main>
    }
    .into_any()
}

/// A definition in one line each for shifts, rotations, teams.
fn told(definition: &Definition) -> Vec<String> {
    let shifts = definition.shifts.iter().map(|shift| {
        let days = match shift.days.as_deref() {
            None => "every day".to_owned(),
            Some(days) if days.len() == 7 => "every day".to_owned(),
            Some(days) => days.join(" "),
        };
        let breaks =
            if shift.breaks.is_empty() { String::new() } else { format!(", breaks {}", shift.breaks.join(" ")) };
        format!("{} {}-{} {days}{breaks}", shift.name, shift.start, shift.end)
    });
    let rotations = definition.rotations.iter().map(|rotation| {
        let segments = rotation.segments.iter().map(|it| format!("{}x {}, {} off", it.days_on, it.shift, it.days_off));
        format!("Rotation {}: {}", rotation.name, segments.collect::<Vec<_>>().join("; "))
    });
    let teams = definition.teams.iter().map(|it| format!("Team {}: {} from {}", it.name, it.rotation, it.start));
    let all: Vec<String> = shifts.chain(rotations).chain(teams).collect();
    if all.is_empty() { vec!["No shifts: every day is planned whole".to_owned()] } else { all }
}

#[component]
fn Versions(calendar: RwSignal<CalendarView>) -> impl IntoView {
    let rows = move || {
        let (versions, offset) = calendar.with(|c| (c.versions.clone(), c.utc_offset_minutes));
        let row = |version: gemba_contract::calendar::VersionView| {
            let from = version.valid_from_local.unwrap_or_else(|| "for ever".to_owned());
            let says = told(&version.definition).into_iter().map(|line| view! { <li>{line}</li> }).collect_view();
            view! {
                <tr data-current=version.current.to_string()>
                    <th scope="row">{from} {version.current.then(|| view! { <span class="tag">"valid now"</span> })}</th>
                    <td>
                        <ul>{says}</ul>
                    </td>
                    <td>{version.changed_by}</td>
                    <td>{day_and_time(version.changed_at, offset)}</td>
                </tr>
            }
        };
        versions.into_iter().map(row).collect_view()
    };
    view! {
        <section class="card" aria-labelledby="versions-heading">
            <div class="card-heading">
                <h2 id="versions-heading">"Versions"</h2>
                <span>"a shift that has begun is worked to its end as it was planned"</span>
            </div>
            <div class="table-scroll" tabindex="0" role="region" aria-label="Versions of the calendar">
                <table class="table">
                    <thead>
                        <tr>
                            <th scope="col">"Valid from"</th>
                            <th scope="col">"What it says"</th>
                            <th scope="col">"Entered by"</th>
                            <th scope="col">"Entered"</th>
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </div>
        </section>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use gemba_contract::calendar::ShiftDefinition;

    use super::*;

    #[test]
    fn a_definition_is_told_in_lines() {
        assert_eq!(told(&Definition::default()), ["No shifts: every day is planned whole"]);
        let days = Some(vec!["mon".to_owned(), "tue".to_owned()]);
        let breaks = vec!["10:00-10:20".to_owned()];
        let early = ShiftDefinition { name: "Early".into(), start: "06:00".into(), end: "14:00".into(), days, breaks };
        let one = Definition { shifts: vec![early], ..Definition::default() };
        assert_eq!(told(&one), ["Early 06:00-14:00 mon tue, breaks 10:00-10:20"]);
    }
}
