//! The table of a unit's signals: newest value and its age, live.

use gemba_contract::signal::Reading;
use gemba_domain::signal::{SignalKind, Value};
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use super::{
    history::{link, picked},
    model::{SignalModel, UnitModel},
};
use crate::{
    clock::Clock,
    format::{NO_VALUE, age, reading},
};

/// A measured value older than this is stale; words, counters and setpoints hold until they change.
const STALE_SECONDS: f64 = 120.0;

/// A value as people read it.
pub(super) fn value_text(kind: SignalKind, value: &Value) -> String {
    match value {
        Value::Number(n) => reading(*n, matches!(kind, SignalKind::Counter | SignalKind::Setpoint)),
        Value::Text(text) if kind == SignalKind::Condition => condition_text(text),
        Value::Text(text) if text.is_empty() => "(empty)".to_owned(),
        Value::Text(text) => text.to_string(),
        Value::Unavailable => "no data".to_owned(),
    }
}

/// `Fault|12|HIGH||door open` as `Fault: door open (12)`.
fn condition_text(text: &str) -> String {
    let mut parts = text.split('|');
    let level = parts.next().unwrap_or_default();
    let code = parts.next().unwrap_or_default();
    let message = parts.nth(2).unwrap_or_default();
    match (message.is_empty(), code.is_empty()) {
        (true, true) => level.to_owned(),
        (true, false) => format!("{level} ({code})"),
        (false, true) => format!("{level}: {message}"),
        (false, false) => format!("{level}: {message} ({code})"),
    }
}

#[component]
pub(super) fn SignalTable(model: UnitModel) -> impl IntoView {
    let signals = model.signals.clone();
    let count = {
        let signals = signals.clone();
        move || signals.with(Vec::len)
    };
    let none = {
        let signals = signals.clone();
        Memo::new(move |_| signals.with(Vec::is_empty))
    };
    view! {
        <section class="card signals" aria-labelledby="signals-heading">
            <div class="card-heading">
                <h2 id="signals-heading">"Signals"</h2>
                <span>{move || format!("{}; choose one to plot it", count())}</span>
            </div>
            <Show when=move || none.get()>
                <p class="empty">"This unit has no signals. Add them to the plant file and import it again."</p>
            </Show>
            <div class="table-scroll" tabindex="0" role="region" aria-label="Table of signals">
                <table class="table">
                    <thead>
                        <tr>
                            <th scope="col">"Signal"</th>
                            <th scope="col" class="number">
                                "Value"
                            </th>
                            <th scope="col">"Unit"</th>
                            <th scope="col" class="number">
                                "Age"
                            </th>
                        </tr>
                    </thead>
                    <tbody>
                        <For each=move || signals.get() key=|signal| signal.view.id let:signal>
                            <Row signal=signal model=model.clone() />
                        </For>
                    </tbody>
                </table>
            </div>
        </section>
    }
    .into_any()
}

#[component]
fn Row(signal: SignalModel, model: UnitModel) -> impl IntoView {
    let clock = Clock::of_page();
    let query = use_query_map();
    let code = signal.view.code.clone();
    let unwatched = model.tile.unwatched_since();
    let kind = signal.view.kind;
    let uom = signal.view.uom.clone();
    // Words have no unit of measure and may be long.
    let wide = uom.is_none() && matches!(kind, SignalKind::State | SignalKind::Text | SignalKind::Condition);
    let chosen = {
        let id = signal.view.id;
        Memo::new(move |_| {
            model.signals.with(|all| picked(&query.get(), all.iter().map(|s| &s.view))).is_some_and(|p| p.0 == id)
        })
    };
    let value = {
        let latest = signal.latest.clone();
        Memo::new(move |_| {
            latest.with(|r| r.as_ref().map_or_else(|| NO_VALUE.to_owned(), |r| value_text(kind, &r.value)))
        })
    };
    let missing = {
        let latest = signal.latest.clone();
        Memo::new(move |_| latest.with(|r| r.as_ref().is_none_or(|r| r.value == Value::Unavailable)))
    };
    let seconds = {
        let latest = signal.latest.clone();
        move || latest.with(|r| r.as_ref().map(|r: &Reading| clock.now().seconds_since(r.time)))
    };
    let old = {
        let seconds = seconds.clone();
        Memo::new(move |_| {
            unwatched.get().is_some() || kind == SignalKind::Measure && seconds().is_some_and(|s| s > STALE_SECONDS)
        })
    };
    view! {
        <tr data-chosen=move || chosen.get().to_string() data-old=move || old.get().to_string()>
            <th scope="row">
                <a
                    href=move || link(&query.get(), Some(&code), None)
                    data-noscroll=""
                    aria-current=move || if chosen.get() { "true" } else { "false" }
                    title=signal.view.code.clone()
                >
                    {signal.view.name.clone()}
                </a>
            </th>
            <td class="number value" colspan=if wide { "2" } else { "1" } data-missing=move || missing.get().to_string()>
                {move || value.get()}
            </td>
            {(!wide).then(|| view! { <td class="uom">{uom}</td> })}
            <td class="number age">
                {move || match seconds() {
                    None => "never".to_owned(),
                    Some(s) if old.get() => format!("{}, stale", age(s)),
                    Some(s) => format!("{} ago", age(s)),
                }}
            </td>
        </tr>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_read_well() {
        assert_eq!(value_text(SignalKind::Counter, &Value::Number(1480.0)), "1,480");
        assert_eq!(value_text(SignalKind::Measure, &Value::Number(12.0)), "12.00");
        assert_eq!(value_text(SignalKind::State, &Value::Text("ACTIVE".into())), "ACTIVE");
        assert_eq!(value_text(SignalKind::State, &Value::Unavailable), "no data");
    }

    #[test]
    fn conditions_say_level_message_and_code() {
        assert_eq!(condition_text("Normal||||"), "Normal");
        assert_eq!(condition_text("Fault|12|HIGH||door open"), "Fault: door open (12)");
        assert_eq!(condition_text("Warning||||oil low"), "Warning: oil low");
        assert_eq!(condition_text("Fault|12"), "Fault (12)");
    }
}
