//! A new product, or another name, margin or ideal cycle of one. Ideal cycles that stand stay: a new one holds from its
//! moment on.

use gemba_contract::order::{IdealCycle, ProductView, PutProduct};
use gemba_domain::equipment::{EquipmentPath, Level};
use leptos::prelude::*;

use super::{
    Shelf,
    money::{read, written},
};
use crate::{
    api,
    clock::Clock,
    format::local_day_and_time,
    ui::{Change, choice, escaped, field, offset_at, place_name, places},
};

/// An ideal cycle to add, as typed.
#[derive(Clone, Copy)]
struct Row {
    id: usize,
    unit: RwSignal<String>,
    seconds: RwSignal<String>,
    from: RwSignal<String>,
}

impl Row {
    fn new(id: usize) -> Self {
        let text = || RwSignal::new(String::new());
        Self { id, unit: text(), seconds: text(), from: text() }
    }

    fn read(self) -> Result<IdealCycle, String> {
        let unit = self.unit.get_untracked().parse().map_err(|_| "Choose a unit for each ideal cycle.".to_owned())?;
        let seconds = self.seconds.get_untracked().trim().parse().map_err(|_| "Give each ideal cycle in seconds.")?;
        let from = Some(self.from.get_untracked().replacen('T', " ", 1)).filter(|from| !from.is_empty());
        Ok(IdealCycle { unit, seconds, valid_from: None, valid_from_local: from })
    }
}

/// What a cycle makes anew when it is dated back; `now` by the site's clock.
fn restates(unit: &str, from: &str, now: &str) -> Option<String> {
    let from = from.replacen('T', " ", 1);
    (!from.is_empty() && from.as_str() < now).then(|| {
        format!(
            "{} is past: the figures of {unit} since then are made anew for what it made of this product. Those that were \
             reported stay beside them, with your name and the reason.",
            local_day_and_time(&from)
        )
    })
}

#[component]
pub(super) fn ProductForm(shelf: Shelf) -> impl IntoView {
    let text = || RwSignal::new(String::new());
    let (code, name, margin) = (text(), text(), text());
    let rows = RwSignal::new(Vec::<Row>::new());
    let next = StoredValue::new(0_usize);
    let change = Change::new();
    let add = move || {
        let id = next.get_value();
        next.set_value(id + 1);
        rows.update(|rows| rows.push(Row::new(id)));
    };
    let clear = move || {
        [code, name, margin].iter().for_each(|field| field.set(String::new()));
        rows.set(Vec::new());
        shelf.edited.set(None);
    };
    Effect::new(move |_| {
        let Some(edited) = shelf.edited.get() else { return };
        let found = shelf.products.with_untracked(|all| all.iter().find(|product| product.code == edited).cloned());
        let Some(product) = found else { return };
        change.forget();
        code.set(product.code);
        name.set(product.name);
        margin.set(product.margin_cents.map(written).unwrap_or_default());
        rows.set(Vec::new());
    });
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        let told = margin.get_untracked().trim().to_owned();
        let margin_cents = read(&told);
        if margin_cents.is_none() && !told.is_empty() {
            return change.refuse(format!("`{told}` is no amount; write it as in 1.25."));
        }
        let cycles: Result<Vec<IdealCycle>, String> = rows.get_untracked().into_iter().map(Row::read).collect();
        let ideal_cycles = match cycles {
            Ok(cycles) => cycles,
            Err(told) => return change.refuse(told),
        };
        let body = PutProduct { name: name.get_untracked(), margin_cents, ideal_cycles };
        let only_new = shelf.edited.get_untracked().is_none();
        let path = format!("/api/v1/products/{}?only_new={only_new}", escaped(code.get_untracked().trim()));
        let request = async move { api::put::<ProductView>(path, &body).await };
        change.send(request, move |product| {
            let told = format!("{} is {}.", product.name, if only_new { "added" } else { "changed" });
            clear();
            shelf.put(product);
            told
        });
    };
    let editing = move || shelf.edited.get().is_some();
    let title =
        move || shelf.edited.get().map_or_else(|| "New product".to_owned(), |code| format!("Change product {code}"));
    let margin_field = shelf.plant.with_value(|plant| format!("Margin per good piece, {}", plant.currency));
    view! {
        <section class="card" id="product-form" tabindex="-1" aria-labelledby="product-form-heading">
            <div class="card-heading">
                <h2 id="product-form-heading">{title}</h2>
                <span>"ideal cycles that stand stay; a new one holds from its moment on"</span>
            </div>
            <noscript>
                <p class="empty">"Changing products here needs JavaScript. The API does it too."</p>
            </noscript>
            <form class="edit-form" on:submit=submit>
                <div class="edit-row">
                    <label class="field">
                        <span>"Code"</span>
                        <input
                            required
                            autocomplete="off"
                            readonly=editing
                            prop:value=move || code.get()
                            on:input=move |event| code.set(event_target_value(&event))
                        />
                    </label>
                    {field("Name", "text", true, name)}
                    <label class="field">
                        <span>{margin_field}</span>
                        <input
                            inputmode="decimal"
                            autocomplete="off"
                            prop:value=move || margin.get()
                            on:input=move |event| margin.set(event_target_value(&event))
                        />
                    </label>
                </div>
                <For each=move || rows.get() key=|row| row.id let:row>
                    <CycleFields shelf=shelf row=row rows=rows />
                </For>
                <button type="button" class="button" on:click=move |_| add()>
                    "Add an ideal cycle"
                </button>
                {change.problem()}
                <div class="form-buttons">
                    <button class="button primary" disabled=move || change.is_busy()>
                        {move || if editing() { "Store the change" } else { "Add the product" }}
                    </button>
                    <Show when=editing>
                        <button type="button" class="button" on:click=move |_| clear()>
                            "Leave it as it is"
                        </button>
                    </Show>
                    {change.told()}
                </div>
            </form>
        </section>
    }
    .into_any()
}

#[component]
fn CycleFields(shelf: Shelf, row: Row, rows: RwSignal<Vec<Row>>) -> impl IntoView {
    let clock = Clock::of_page();
    let options = shelf.plant.with_value(|plant| places(plant, &[Level::Unit]));
    let usual = move || {
        shelf.plant.with_value(|plant| {
            let unit = row.unit.get();
            let found = plant.nodes.iter().find(|node| node.path.as_str() == unit);
            found.and_then(|node| node.ideal_cycle_seconds).map(|seconds| format!("The unit's own is {seconds} s."))
        })
    };
    let warning = move || {
        let path: EquipmentPath = row.unit.get().parse().ok()?;
        shelf.plant.with_value(|plant| {
            let offset = i64::from(offset_at(plant, path.as_str()));
            let now = clock.coarse().plus_seconds(offset * 60).to_utc().format("%Y-%m-%d %H:%M").to_string();
            restates(&place_name(plant, &path), &row.from.get(), &now)
        })
    };
    view! {
        <fieldset class="edit-row">
            <legend class="visually-hidden">"Ideal cycle"</legend>
            {choice("Unit", None, options, row.unit)}
            {field("Seconds per piece", "number", true, row.seconds)}
            {field("Valid from (now when left empty)", "datetime-local", false, row.from)}
            <button
                type="button"
                class="button quiet"
                on:click=move |_| rows.update(|all| all.retain(|other| other.id != row.id))
            >
                "Take out"
            </button>
        </fieldset>
        {move || usual().map(|text| view! { <p class="field-hint">{text}</p> })}
        <div role="status">{move || warning().map(|text| view! { <p class="restates">{text}</p> })}</div>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_lies_back_restates() {
        let now = "2026-11-24 18:00";
        assert_eq!(restates("Press 2", "", now), None);
        assert_eq!(restates("Press 2", "2026-11-24T18:30", now), None);
        let told = restates("Press 2", "2026-11-23T06:00", now).expect("told");
        assert!(told.starts_with("Mon 23 Nov, 06:00 is past: the figures of Press 2 since then"), "{told}");
    }
}
