//! `/products`: what is made here, how long a piece ideally takes at each unit, and what it earns.

mod form;
mod money;

use gemba_contract::{
    order::{IdealCycle, ProductView},
    plant::PlantOutline,
};
use gemba_domain::{
    Timestamp,
    access::{Action, permits},
};
use leptos::prelude::*;
use leptos_meta::Title;

use crate::{
    api::{Api, ApiError},
    clock::Clock,
    format::{decimal, local_day_and_time},
    ui::{ErrorPage, PageHeader, focus_soon, offset_at, place_name},
};
use form::ProductForm;
use money::written;

/// What the parts of the page share.
#[derive(Clone, Copy)]
struct Shelf {
    products: RwSignal<Vec<ProductView>>,
    plant: StoredValue<PlantOutline>,
    /// The product that the form changes; `None`: it adds one.
    edited: RwSignal<Option<String>>,
    may_change: bool,
}

impl Shelf {
    /// One was stored: in its place, by code.
    fn put(self, product: ProductView) {
        self.products.update(|all| {
            all.retain(|other| other.code != product.code);
            let position = all.partition_point(|other| other.code < product.code);
            all.insert(position, product);
        });
    }
}

/// The products.
#[component]
pub(crate) fn ProductsPage() -> impl IntoView {
    let api = Api::of_page();
    let found = Resource::new_blocking(
        || (),
        move |()| {
            let api = api.clone();
            async move {
                let (products, plant, me) = (api.products().await?, api.plant().await?, api.me().await?);
                Ok::<_, ApiError>((products.products, plant, permits(me.role, Action::ChangeMasterData)))
            }
        },
    );
    view! {
        <Suspense>
            {move || Suspend::new(async move {
                match found.await {
                    Ok((products, plant, may_change)) => {
                        view! { <Products products=products plant=plant may_change=may_change /> }.into_any()
                    }
                    Err(error) => view! { <ErrorPage error=error /> }.into_any(),
                }
            })}
        </Suspense>
    }
    .into_any()
}

#[component]
fn Products(products: Vec<ProductView>, plant: PlantOutline, may_change: bool) -> impl IntoView {
    Clock::of_page().heard_from_server(plant.at);
    let offset = offset_at(&plant, "");
    let shelf = Shelf {
        products: RwSignal::new(products),
        plant: StoredValue::new(plant),
        edited: RwSignal::new(None),
        may_change,
    };
    view! {
        <Title text="Products" />
        <PageHeader utc_offset_minutes=Signal::stored(offset) newest=Signal::stored(None)>
            <h1>"Products"</h1>
        </PageHeader>
        <main id="main" tabindex="-1" class="page products">
            <section class="card" aria-labelledby="products-heading">
                <div class="card-heading">
                    <h2 id="products-heading">"Products and their ideal cycles"</h2>
                    <span>"where a product has none, that of the unit holds"</span>
                </div>
                {move || table(shelf)}
            </section>
            {may_change.then(|| view! { <ProductForm shelf=shelf /> })}
        </main>
    }
    .into_any()
}

fn table(shelf: Shelf) -> AnyView {
    let rows: Vec<AnyView> =
        shelf.products.with(|all| shelf.plant.with_value(|plant| all.iter().map(|p| row(shelf, plant, p)).collect()));
    if rows.is_empty() {
        let text =
            "No product yet. With products, pieces are rated by their own ideal cycle, and orders can be planned.";
        return view! { <p class="empty">{text}</p> }.into_any();
    }
    let currency = shelf.plant.with_value(|plant| plant.currency.clone());
    view! {
        <div class="table-scroll" tabindex="0" role="group" aria-labelledby="products-heading">
            <table class="table">
                <thead>
                    <tr>
                        <th scope="col">"Code"</th>
                        <th scope="col">"Name"</th>
                        <th scope="col" class="number">
                            {format!("Margin, {currency}")}
                        </th>
                        <th scope="col">"Ideal cycle"</th>
                        {shelf
                            .may_change
                            .then(|| view! { <th scope="col"><span class="visually-hidden">"Change"</span></th> })}
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
    }
    .into_any()
}

fn row(shelf: Shelf, plant: &PlantOutline, product: &ProductView) -> AnyView {
    let cycles =
        product.ideal_cycles.iter().map(|cycle| cycle_line(plant, cycle, &product.ideal_cycles)).collect_view();
    let none = product.ideal_cycles.is_empty().then(|| view! { <span class="muted">"that of each unit"</span> });
    let code = product.code.clone();
    let change = shelf.may_change.then(|| {
        let label = format!("Change {code}");
        let edit = move |_| {
            shelf.edited.set(Some(code.clone()));
            focus_soon("product-form");
        };
        view! {
            <td class="row-actions">
                <button type="button" class="button quiet" aria-label=label on:click=edit>
                    "Change"
                </button>
            </td>
        }
    });
    view! {
        <tr>
            <th scope="row">{product.code.clone()}</th>
            <td>{product.name.clone()}</td>
            <td class="number">{product.margin_cents.map_or_else(|| "–".to_owned(), written)}</td>
            <td>
                <ul class="cycles">{cycles}</ul>
                {none}
            </td>
            {change}
        </tr>
    }
    .into_any()
}

/// Whether a cycle holds now, has been replaced, or is to come.
fn holds(cycle: &IdealCycle, all: &[IdealCycle], now: Timestamp) -> &'static str {
    let newer = |other: &&IdealCycle| {
        other.unit == cycle.unit && other.valid_from > cycle.valid_from && other.valid_from <= Some(now)
    };
    if cycle.valid_from > Some(now) {
        "to-come"
    } else if all.iter().any(|other| newer(&other)) {
        "replaced"
    } else {
        "now"
    }
}

fn cycle_line(plant: &PlantOutline, cycle: &IdealCycle, all: &[IdealCycle]) -> AnyView {
    let holds = holds(cycle, all, plant.at);
    let seconds = decimal(cycle.seconds, 2);
    let from = cycle.valid_from_local.as_deref().map(local_day_and_time).unwrap_or_default();
    let told = match holds {
        "replaced" => format!("from {from}, replaced since"),
        "to-come" => format!("to come, from {from}"),
        _ => format!("since {from}"),
    };
    view! {
        <li data-holds=holds>
            <span>{place_name(plant, &cycle.unit)}</span>
            <strong>{seconds} " s"</strong>
            <small class="muted">{told}</small>
        </li>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_the_cycles_of_a_unit_the_newest_begun_holds() {
        let now = Timestamp::from_seconds(1_800_000_000);
        let cycle = |unit: &str, after: i64| IdealCycle {
            unit: unit.parse().expect("a path"),
            seconds: 2.0,
            valid_from: Some(now.plus_seconds(after)),
            valid_from_local: None,
        };
        let all =
            [cycle("a/b/c/d/e", -200), cycle("a/b/c/d/e", -100), cycle("a/b/c/d/e", 100), cycle("a/b/c/d/f", -300)];
        let told: Vec<&str> = all.iter().map(|it| holds(it, &all, now)).collect();
        assert_eq!(told, ["replaced", "now", "to-come", "now"]);
    }
}
