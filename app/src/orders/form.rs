//! A new order, or another quantity or due date of one that is not finished.

use gemba_contract::order::{OrderView, PutOrder};
use gemba_domain::equipment::Level;
use leptos::prelude::*;

use super::book::Book;
use crate::{
    api,
    ui::{Change, choice, escaped, field, places},
};

#[component]
pub(super) fn OrderForm(book: Book, products: Vec<(String, String)>) -> impl IntoView {
    let text = || RwSignal::new(String::new());
    let (code, product, quantity, due, at) = (text(), text(), text(), text(), text());
    let change = Change::new();
    let clear = move || {
        [code, product, quantity, due].iter().for_each(|field| field.set(String::new()));
        book.edited.set(None);
    };
    Effect::new(move |_| {
        let Some(edited) = book.edited.get() else { return };
        let Some(order) = book.order(edited).get_untracked() else { return };
        change.forget();
        code.set(order.code);
        product.set(order.product);
        quantity.set(order.quantity.to_string());
        due.set(order.due_local.unwrap_or_default().replacen(' ', "T", 1));
        at.set(order.at.to_string());
    });
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        let (Ok(quantity), Ok(at)) = (quantity.get_untracked().trim().parse(), at.get_untracked().parse()) else {
            return change.refuse("Give a number of pieces, and choose a line or unit.");
        };
        let due = Some(due.get_untracked()).filter(|due| !due.is_empty());
        let body = PutOrder { product: product.get_untracked(), quantity, due, at };
        let only_new = book.edited.get_untracked().is_none();
        let path = format!("/api/v1/orders/{}?only_new={only_new}", escaped(code.get_untracked().trim()));
        let request = async move { api::put::<OrderView>(path, &body).await };
        change.send(request, move |order| {
            clear();
            book.refresh();
            format!("Order {} is {}.", order.code, if only_new { "planned" } else { "changed" })
        });
    };
    let options = book.plant.with_value(|plant| places(plant, &[Level::Line, Level::Unit]));
    let without = products.is_empty();
    let products: Vec<_> =
        products.into_iter().map(|(code, name)| (code.clone(), format!("{name} ({code})"))).collect();
    let editing = move || book.edited.get().is_some();
    let title = move || book.edited.get().map_or_else(|| "New order".to_owned(), |code| format!("Change order {code}"));
    view! {
        <section class="card" id="order-form" tabindex="-1" aria-labelledby="order-form-heading">
            <div class="card-heading">
                <h2 id="order-form-heading">{title}</h2>
            </div>
            <noscript>
                <p class="empty">"Changing orders here needs JavaScript. The API does it too."</p>
            </noscript>
            {without
                .then(|| {
                    view! {
                        <p class="empty">
                            "There is no product yet. "
                            <a class="link" href="/products">
                                "Add what is made here"
                            </a> " first."
                        </p>
                    }
                })}
            <form class="edit-form" on:submit=submit hidden=without>
                <div class="edit-row">
                    <label class="field">
                        <span>"Order number"</span>
                        <input
                            required
                            autocomplete="off"
                            readonly=editing
                            prop:value=move || code.get()
                            on:input=move |event| code.set(event_target_value(&event))
                        />
                    </label>
                    {choice("Product", None, products, product)}
                    {field("Good pieces wanted", "number", true, quantity)}
                    {field("Due (the site's clock)", "datetime-local", false, due)}
                    {choice("Line or unit", None, options, at)}
                </div>
                {change.problem()}
                <div class="form-buttons">
                    <button class="button primary" disabled=move || change.is_busy()>
                        {move || if editing() { "Store the change" } else { "Add the order" }}
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
