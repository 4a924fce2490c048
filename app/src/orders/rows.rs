//! One order in a row: on a phone its parts stand below each other.

use gemba_contract::order::OrderView;
use gemba_domain::{Timestamp, order::OrderStatus};
use leptos::prelude::*;

use super::{actions::Actions, book::Book};
use crate::{
    format::{local_day_and_time, pieces, span},
    ui::{Bar, place_name, time_at},
};

#[component]
pub(super) fn Rows(
    book: Book,
    codes: Memo<Vec<String>>,
    id: &'static str,
    title: &'static str,
    hint: &'static str,
    none: &'static str,
) -> impl IntoView {
    let heading = format!("{id}-heading");
    let labelled = heading.clone();
    view! {
        <section class="card" aria-labelledby=labelled>
            <div class="card-heading">
                <h2 id=heading>{title}</h2>
                <span>{hint}</span>
            </div>
            {move || codes.with(Vec::is_empty).then(|| view! { <p class="empty">{none}</p> })}
            <ul class="order-list" id=id>
                <For each=move || codes.get() key=String::clone let:code>
                    <Row book=book code=code />
                </For>
            </ul>
        </section>
    }
    .into_any()
}

pub(super) fn status_word(status: OrderStatus) -> &'static str {
    match status {
        OrderStatus::Planned => "planned",
        OrderStatus::Running => "running",
        OrderStatus::Paused => "paused",
        OrderStatus::Finished => "finished",
    }
}

#[component]
fn Row(book: Book, code: String) -> impl IntoView {
    let order = book.order(code.clone());
    let of = move |read: fn(Book, &OrderView) -> AnyView| {
        move || order.with(|order| order.as_ref().map(|order| read(book, order)))
    };
    let status = move || order.with(|order| order.as_ref().map(|order| order.status));
    view! {
        <li class="order" data-status=move || status().map(OrderStatus::as_str)>
            <div class="order-what">{of(what)}</div>
            <div class="order-where">{of(place)}</div>
            <div class="order-progress">{of(progress)}</div>
            <div class="order-when">{of(when)}</div>
            <Actions book=book code=code status=Signal::derive(status) />
        </li>
    }
    .into_any()
}

fn what(_: Book, order: &OrderView) -> AnyView {
    view! {
        <h3>{order.code.clone()}</h3>
        <p class="muted">{order.product_name.clone()}</p>
    }
    .into_any()
}

fn place(book: Book, order: &OrderView) -> AnyView {
    let (name, begun, finished) = book.plant.with_value(|plant| {
        let told = |at: Option<Timestamp>| at.map(|at| time_at(plant, &order.at, at));
        (place_name(plant, &order.at), told(order.begun), told(order.finished))
    });
    let since = match (order.status, begun, finished) {
        (OrderStatus::Finished, _, Some(finished)) => format!("finished {finished}"),
        (OrderStatus::Running, Some(begun), _) => format!("since {begun}"),
        (status, Some(begun), _) => format!("{}, begun {begun}", status_word(status)),
        (status, None, _) => status_word(status).to_owned(),
    };
    view! {
        <p>
            <a class="link" href=format!("/lines/{}", order.at)>
                {name}
            </a>
        </p>
        <p class="muted">{since}</p>
    }
    .into_any()
}

fn progress(_: Book, order: &OrderView) -> AnyView {
    if order.status == OrderStatus::Planned {
        return view! { <p>{pieces(order.quantity)} <small class="muted">" pieces"</small></p> }.into_any();
    }
    let scrap = (order.scrap > 0.0).then(|| format!("{} scrap", pieces(order.scrap)));
    view! {
        <p>
            <strong>{pieces(order.good)}</strong>
            <small class="muted">{format!(" of {} good", pieces(order.quantity))}</small>
            <small class="muted order-scrap">{scrap}</small>
        </p>
        <Bar value=Signal::stored(Some(order.good / order.quantity)) />
    }
    .into_any()
}

/// By how much the second moment is after the first, in words.
fn late(due: Timestamp, end: Timestamp) -> Option<String> {
    let seconds = end.seconds_since(due);
    (seconds >= 60.0).then(|| format!("{} late", span(seconds)))
}

fn when(book: Book, order: &OrderView) -> AnyView {
    let due = order.due_local.as_deref().map(|due| format!("due {}", local_day_and_time(due)));
    let now = book.orders.with_untracked(|all| all.at);
    let ends = order.finished.or(order.expected_end);
    let (end, trouble) = match (order.finished, order.expected_end) {
        (Some(_), _) => (None, order.due.zip(ends).and_then(|(due, end)| late(due, end))),
        (None, Some(end)) => {
            let told = book.plant.with_value(|plant| time_at(plant, &order.at, end));
            (Some(format!("expected {told}")), order.due.and_then(|due| late(due, end)))
        }
        (None, None) => {
            let all = order.good >= order.quantity;
            let overdue = order.due.filter(|_| !all).and_then(|due| late(due, now)).map(|_| "overdue".to_owned());
            (all.then(|| "all pieces are made".to_owned()), overdue)
        }
    };
    let title = "At the pace of its runs so far, stops and breaks in them included";
    view! {
        <p>{due.unwrap_or_else(|| "no due date".to_owned())}</p>
        {end.map(|text| view! { <p class="muted" title=title>{text}</p> })}
        {trouble.map(|text| view! { <p data-trend="warn">{text}</p> })}
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lateness_is_told_from_a_minute_on() {
        let due = Timestamp::from_seconds(1_800_000_000);
        assert_eq!(late(due, due.plus_seconds(59)), None);
        assert_eq!(late(due, due.plus_seconds(-3600)), None);
        assert_eq!(late(due, due.plus_seconds(7260)).as_deref(), Some("2 h 1 min late"));
    }
}
