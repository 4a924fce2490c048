//! What can be done with an order: one click asks, the second does it.

use gemba_domain::order::OrderStatus;
use leptos::prelude::*;

use super::book::Book;
use crate::ui::{focus_soon, refused};

/// The button that does it, once one is asked.
const CONFIRM: &str = "order-confirm";

/// What an order of this status may become: what it becomes, and what the button says.
fn offered(status: OrderStatus) -> &'static [(OrderStatus, &'static str)] {
    match status {
        OrderStatus::Planned => &[(OrderStatus::Running, "Start")],
        OrderStatus::Running => &[(OrderStatus::Paused, "Pause"), (OrderStatus::Finished, "Finish")],
        OrderStatus::Paused => &[(OrderStatus::Running, "Resume"), (OrderStatus::Finished, "Finish")],
        OrderStatus::Finished => &[],
    }
}

#[component]
pub(super) fn Actions(book: Book, code: String, status: Signal<Option<OrderStatus>>) -> impl IntoView {
    let code = StoredValue::new(code);
    // Only what is asked of this order.
    let about = Memo::new(move |_| {
        book.about
            .with(|about| about.as_ref().filter(|(asked, _)| code.with_value(|code| code == asked)).map(|(_, to)| *to))
    });
    let parts = move || match (about.get(), status.get()) {
        (Some(to), Some(status)) if status.may_become(to) => asked(book, code.get_value(), status, to),
        (_, Some(status)) => buttons(book, code, status),
        _ => ().into_any(),
    };
    let problem = move || {
        let error = about.get().and_then(|_| book.change.error());
        error.map(|error| view! { <div class="order-problem">{refused(error)}</div> })
    };
    view! {
        <div class="order-actions">{parts}</div>
        {problem}
    }
    .into_any()
}

fn buttons(book: Book, code: StoredValue<String>, status: OrderStatus) -> AnyView {
    let button = |(to, text): &(OrderStatus, &'static str)| {
        let (to, text) = (*to, *text);
        let class = if to == OrderStatus::Running { "button primary" } else { "button" };
        let ask = move |_| {
            book.change.forget();
            book.about.set(Some((code.get_value(), to)));
            focus_soon(CONFIRM);
        };
        view! {
            <button type="button" class=class aria-label=format!("{text} {}", code.get_value()) on:click=ask>
                {text}
            </button>
        }
    };
    let run = book.may.run.then(|| offered(status).iter().map(button).collect_view());
    let change = (book.may.change && status != OrderStatus::Finished).then(|| {
        let label = format!("Change {}", code.get_value());
        let edit = move |_| {
            book.edited.set(Some(code.get_value()));
            focus_soon("order-form");
        };
        view! {
            <button type="button" class="button quiet" aria-label=label on:click=edit>
                "Change"
            </button>
        }
    });
    view! {
        {run}
        {change}
    }
    .into_any()
}

fn asked(book: Book, code: String, from: OrderStatus, to: OrderStatus) -> AnyView {
    let verb = offered(from).iter().find(|(becomes, _)| *becomes == to).map_or("Change", |(_, text)| *text);
    let busy = move || book.change.is_busy();
    let back = move |_| {
        book.change.forget();
        book.about.set(None);
    };
    view! {
        <button
            type="button"
            id=CONFIRM
            class="button primary"
            aria-label=format!("{verb} {code} now")
            disabled=busy
            on:click=move |_| book.confirm()
        >
            {format!("{verb} now")}
        </button>
        <button type="button" class="button" disabled=busy on:click=back>
            "Cancel"
        </button>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_offered_that_would_be_refused() {
        for status in OrderStatus::ALL {
            assert!(offered(*status).iter().all(|(to, _)| status.may_become(*to)), "{status:?}");
        }
    }
}
