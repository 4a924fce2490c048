//! `/orders`: what runs where, what is due next, what is finished; starting, pausing and finishing by whoever works there.

mod actions;
mod book;
mod form;
mod rows;

use gemba_contract::{order::Orders, plant::PlantOutline};
use gemba_domain::{
    access::{Action, permits},
    equipment::Level,
    order::OrderStatus,
};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::{
    NavigateOptions,
    hooks::{use_navigate, use_query_map},
};

use crate::{
    api::{Api, ApiError},
    clock::Clock,
    ui::{ErrorPage, PageHeader, offset_at, places},
};
use book::{Asked, Book, May, Shown};
use form::OrderForm;
use rows::Rows;

/// The production orders.
#[component]
pub(crate) fn OrdersPage() -> impl IntoView {
    let api = Api::of_page();
    let query = use_query_map();
    let asked = Memo::new(move |_| query.with(Asked::of));
    // Once: afterwards the page asks for the orders alone.
    let found = Resource::new_blocking(
        || (),
        move |()| {
            let (api, asked) = (api.clone(), asked.get_untracked());
            async move {
                let (orders, plant, me) = (api.orders(&asked.query()).await?, api.plant().await?, api.me().await?);
                let may = May {
                    run: permits(me.role, Action::RunOrders),
                    change: permits(me.role, Action::ChangeMasterData),
                };
                let products = if may.change { api.products().await?.products } else { Vec::new() };
                let products: Vec<_> = products.into_iter().map(|product| (product.code, product.name)).collect();
                Ok::<_, ApiError>((orders, plant, may, products))
            }
        },
    );
    view! {
        <Suspense>
            {move || Suspend::new(async move {
                match found.await {
                    Ok((orders, plant, may, products)) => {
                        view! { <Plan orders=orders plant=plant may=may products=products address=asked /> }.into_any()
                    }
                    Err(error) => view! { <ErrorPage error=error /> }.into_any(),
                }
            })}
        </Suspense>
    }
    .into_any()
}

#[component]
fn Plan(
    orders: Orders,
    plant: PlantOutline,
    may: May,
    products: Vec<(String, String)>,
    address: Memo<Asked>,
) -> impl IntoView {
    Clock::of_page().heard_from_server(orders.at);
    let offset = offset_at(&plant, "");
    let book = Book::new(orders, plant, may, address.get_untracked());
    book.follow(address);
    book.keep_fresh();
    let runs = book.codes(|order| order.status == OrderStatus::Running);
    let waits = book.codes(|order| matches!(order.status, OrderStatus::Planned | OrderStatus::Paused));
    let done = book.codes(|order| order.status == OrderStatus::Finished);
    let shown = Memo::new(move |_| book.asked.with(|asked| asked.shown));
    let list = move |which: &'static [Shown], codes, id, title, hint, none| {
        let rows = move || view! { <Rows book=book codes=codes id=id title=title hint=hint none=none /> };
        (move || which.contains(&shown.get()).then(rows)).into_any()
    };
    let idle = move || {
        let told = matches!(shown.get(), Shown::Open | Shown::Running).then(|| book.idle_lines()).flatten();
        told.map(|text| view! { <p class="muted">{text}</p> })
    };
    let failed = move || book.about.with(Option::is_none).then(|| book.change.problem());
    view! {
        <Title text="Orders" />
        <PageHeader utc_offset_minutes=Signal::stored(offset) newest=Signal::stored(None)>
            <h1>"Orders"</h1>
        </PageHeader>
        <main id="main" tabindex="-1" class="page orders">
            {filters(book)}
            {book.change.told()}
            {failed}
            {list(
                &[Shown::Open, Shown::Running, Shown::All],
                runs,
                "runs",
                "Runs now",
                "good pieces so far, of the line's key unit",
                "No order runs here.",
            )}
            {idle}
            {list(
                &[Shown::Open, Shown::All],
                waits,
                "waits",
                "Due next",
                "planned and paused, by due date",
                "No order waits.",
            )}
            {list(
                &[Shown::Finished, Shown::All],
                done,
                "done",
                "Finished",
                "newest first; a finished order stays finished",
                "No order is finished yet.",
            )}
            {may.change.then(|| view! { <OrderForm book=book products=products /> })}
        </main>
    }
    .into_any()
}

/// Which orders: in the address, so that it can be handed on.
fn filters(book: Book) -> AnyView {
    let navigate = use_navigate();
    let links = Shown::ALL
        .into_iter()
        .map(|shown| {
            let href = move || Asked { shown, ..book.asked.get() }.address();
            let current = move || if book.asked.with(|asked| asked.shown == shown) { "true" } else { "false" };
            view! {
                <a href=href data-noscroll="" aria-current=current>
                    {shown.title()}
                </a>
            }
        })
        .collect_view();
    let at = book.asked.with_untracked(|asked| asked.at.clone());
    let options = book
        .plant
        .with_value(|plant| places(plant, &[Level::Line]))
        .into_iter()
        .map(|(path, name)| {
            let selected = path == at;
            view! {
                <option value=path selected=selected>
                    {name}
                </option>
            }
        })
        .collect_view();
    let choose = move |event: leptos::ev::Event| {
        let shown = book.asked.with_untracked(|asked| asked.shown);
        let address = Asked { shown, at: event_target_value(&event) }.address();
        navigate(&address, NavigateOptions { scroll: false, ..NavigateOptions::default() });
    };
    view! {
        <div class="period-bar">
            <nav class="segmented roomy" aria-label="Which orders">
                {links}
            </nav>
            <form method="get" action="/orders" class="inline-form">
                <input type="hidden" name="state" value=move || book.asked.with(|asked| asked.shown.as_str()) />
                <label>
                    <span>"Line"</span>
                    <select name="line" prop:value=move || book.asked.with(|asked| asked.at.clone()) on:change=choose>
                        <option value="" selected=at.is_empty()>
                            "All lines"
                        </option>
                        {options}
                    </select>
                </label>
                <noscript>
                    <button class="button">"Show"</button>
                </noscript>
            </form>
        </div>
    }
    .into_any()
}
