//! Holidays and planned downtime: what is entered, and a form to enter more.

use gemba_contract::calendar::{CalendarView, ClosureView, PutClosure};
use leptos::{prelude::*, task::spawn_local};

use super::address;
use crate::{
    api::{self, ApiError},
    ui::{ErrorNotice, escaped},
};

fn kind_word(kind: &str) -> &'static str {
    if kind == "holiday" { "Nobody is scheduled" } else { "Planned downtime" }
}

#[component]
pub(super) fn Closures(calendar: RwSignal<CalendarView>, may_change: bool) -> impl IntoView {
    let error = RwSignal::new(None::<ApiError>);
    let remove = move |closure: &ClosureView| {
        let query = format!("name={}&from={}", escaped(&closure.name), escaped(&closure.from.to_string()));
        let path = format!("{}/closures?{query}", calendar.with_untracked(|c| address(&c.site)));
        spawn_local(async move {
            match api::delete::<CalendarView>(path).await {
                Ok(view) => {
                    error.set(None);
                    calendar.set(view);
                }
                Err(failed) => error.set(Some(failed)),
            }
        });
    };
    let rows = move || {
        let row = |closure: ClosureView| {
            let change = (may_change && !closure.begun).then(|| {
                let label = format!("Remove {}", closure.name);
                let closure = closure.clone();
                view! {
                    <button type="button" class="button quiet" aria-label=label on:click=move |_| remove(&closure)>
                        "Remove"
                    </button>
                }
            });
            view! {
                <tr>
                    <th scope="row">{closure.name}</th>
                    <td>{closure.from_local}</td>
                    <td>{closure.to_local}</td>
                    <td>{kind_word(&closure.kind)}</td>
                    <td>{if closure.begun { Some("has begun") } else { None }} {change}</td>
                </tr>
            }
        };
        calendar.with(|c| c.closures.clone()).into_iter().map(row).collect_view()
    };
    let none = move || calendar.with(|c| c.closures.is_empty());
    view! {
        <section class="card" aria-labelledby="closures-heading">
            <div class="card-heading">
                <h2 id="closures-heading">"Closures"</h2>
                <span>"entered ahead; what has begun stays as it was planned"</span>
            </div>
            <Show when=none>
                <p class="empty">"No holiday and no planned downtime lies ahead."</p>
            </Show>
            <Show when=move || !none()>
                <div class="table-scroll" tabindex="0" role="region" aria-label="Closures">
                    <table class="table">
                        <thead>
                            <tr>
                                <th scope="col">"Name"</th>
                                <th scope="col">"From"</th>
                                <th scope="col">"To"</th>
                                <th scope="col">"What"</th>
                                <th scope="col">
                                    <span class="visually-hidden">"Change"</span>
                                </th>
                            </tr>
                        </thead>
                        <tbody>{rows}</tbody>
                    </table>
                </div>
            </Show>
            {may_change.then(|| view! { <ClosureForm calendar=calendar error=error /> })}
        </section>
    }
    .into_any()
}

#[component]
fn ClosureForm(calendar: RwSignal<CalendarView>, error: RwSignal<Option<ApiError>>) -> impl IntoView {
    let (name, from, to) = (RwSignal::new(String::new()), RwSignal::new(String::new()), RwSignal::new(String::new()));
    let kind = RwSignal::new("holiday".to_owned());
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        let body = PutClosure {
            name: name.get_untracked(),
            from: from.get_untracked(),
            to: to.get_untracked(),
            kind: kind.get_untracked(),
        };
        let path = format!("{}/closures", calendar.with_untracked(|c| address(&c.site)));
        spawn_local(async move {
            match api::put::<CalendarView>(path, &body).await {
                Ok(view) => {
                    error.set(None);
                    name.set(String::new());
                    calendar.set(view);
                }
                Err(failed) => error.set(Some(failed)),
            }
        });
    };
    view! {
        <form class="edit-form" on:submit=submit>
            <h3>"Enter a closure"</h3>
            <div class="edit-row">
                <label class="field">
                    <span>"Name"</span>
                    <input required prop:value=move || name.get() on:input=move |e| name.set(event_target_value(&e)) />
                </label>
                <label class="field">
                    <span>"From"</span>
                    <input type="datetime-local" required on:input=move |e| from.set(event_target_value(&e)) />
                </label>
                <label class="field">
                    <span>"To (not included)"</span>
                    <input type="datetime-local" required on:input=move |e| to.set(event_target_value(&e)) />
                </label>
                <label class="field">
                    <span>"What"</span>
                    <select on:change=move |e| kind.set(event_target_value(&e))>
                        <option value="holiday">"Nobody is scheduled"</option>
                        <option value="planned_downtime">"Planned downtime"</option>
                    </select>
                </label>
                <button class="button">"Enter"</button>
            </div>
            {move || error.get().map(|error| view! { <ErrorNotice error=error /> })}
        </form>
    }
    .into_any()
}
