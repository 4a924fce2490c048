//! Giving a stop its reason: one click opens the choice, the next one gives it. More can be said: which part of the stop is
//! meant, and a comment.

use gemba_contract::{
    reason::{ReasonConflict, ReasonTree, ReasonView, Said},
    report::Stop,
};
use leptos::{html, prelude::*};

use super::{
    model::LineModel,
    word::{Part, cut_step, grouped, word_about},
};
use crate::{
    api::Given,
    format::{clock_time, clock_time_seconds, span, state_word},
};

/// As long as a comment may be.
const MOST_CHARS: &str = "500";
/// So many reasons are offered first, those that cost this line most.
const USUAL: usize = 4;

/// The dialog; it shows whenever [`LineModel::explained`] holds a stop.
#[component]
pub(super) fn ReasonDialog(model: LineModel) -> impl IntoView {
    let dialog = NodeRef::<html::Dialog>::new();
    Effect::new(move |_| {
        let open = model.explained.with(Option::is_some);
        let Some(dialog) = dialog.get() else { return };
        if open && !dialog.open() {
            // A browser that cannot show it over the page shows it in the page.
            if dialog.show_modal().is_err() {
                dialog.set_open(true);
            }
        } else if !open && dialog.open() {
            dialog.close();
        }
    });
    view! {
        <dialog class="dialog" node_ref=dialog aria-labelledby="reason-heading" on:close=move |_| model.explained.set(None)>
            {move || model.explained.get().map(|stop| view! { <ReasonForm model=model stop=stop /> })}
        </dialog>
    }
    .into_any()
}

#[derive(Clone, Copy)]
struct Form {
    model: LineModel,
    stop: StoredValue<Stop>,
    part: RwSignal<Part>,
    /// Seconds from the stop's begin.
    cut: RwSignal<i64>,
    comment: RwSignal<String>,
    sending: RwSignal<bool>,
    problem: RwSignal<Option<String>>,
    conflict: RwSignal<Option<ReasonConflict>>,
}

#[component]
fn ReasonForm(model: LineModel, stop: Stop) -> impl IntoView {
    let offset = model.report.with_untracked(|r| r.utc_offset_minutes);
    let seconds = stop.to.seconds_since(stop.from) as i64;
    let form = Form {
        model,
        part: RwSignal::new(Part::Whole),
        cut: RwSignal::new(seconds / 2),
        comment: RwSignal::new(stop.said.last().map(|s| s.comment.clone()).unwrap_or_default()),
        sending: RwSignal::new(false),
        problem: RwSignal::new(None),
        conflict: RwSignal::new(None),
        stop: StoredValue::new(stop.clone()),
    };
    let clock = move |t| clock_time_seconds(t, offset);
    let until = if stop.running { "now".to_owned() } else { clock(stop.to) };
    let about = format!("{} {} to {until}, {}", state_word(stop.state), clock(stop.from), span(seconds as f64));
    let cause = stop.cause.clone();
    let said = stop.said.iter().map(|s| said_view(s, model, offset)).collect_view();
    let has_word = stop.reason.is_some();
    view! {
        <header class="dialog-head">
            <div>
                <h2 id="reason-heading">{stop.unit_name.clone()}</h2>
                <p class="muted">{about} " " <span class="cause">{cause}</span></p>
            </div>
            <button type="button" class="button small quiet" on:click=move |_| model.explained.set(None)>
                "Close"
            </button>
        </header>
        {said}
        {move || form.problem.get().map(|text| view! { <p class="notice" role="alert">{text}</p> })}
        {move || match form.conflict.get() {
            Some(conflict) => conflict_view(form, conflict, offset),
            None => choice_view(form, seconds, offset, has_word),
        }}
    }
    .into_any()
}

fn said_view(said: &Said, model: LineModel, offset: i32) -> AnyView {
    let reason = said.reason.as_ref().map(|code| model.reasons.with_value(|tree| name_of(tree, code)));
    let to = said.to.map(|to| clock_time_seconds(to, offset));
    let stretch = format!("{} to {}", clock_time_seconds(said.from, offset), to.as_deref().unwrap_or("the end"));
    view! {
        <p class="note">
            {reason.unwrap_or_else(|| "No reason".to_owned())}
            {(!said.comment.is_empty()).then(|| format!(": {}", said.comment))}
            <small>{format!(" {stretch}; {}, {}", said.by, clock_time(said.at, offset))}</small>
        </p>
    }
    .into_any()
}

fn name_of(tree: &ReasonTree, code: &str) -> String {
    tree.reasons.iter().find(|r| r.code == code).map_or_else(|| code.to_owned(), |r| r.name.clone())
}

fn choice_view(form: Form, seconds: i64, offset: i32, has_word: bool) -> AnyView {
    let begin = form.stop.with_value(|s| s.from);
    let groups = form.model.reasons.with_value(|tree| {
        let usual = form.model.report.with_untracked(|r| {
            let codes = r.reasons.iter().filter_map(|row| row.reason.clone());
            codes
                .filter_map(|code| tree.reasons.iter().find(|r| r.code == code))
                .take(USUAL)
                .cloned()
                .collect::<Vec<_>>()
        });
        let mut groups = Vec::new();
        if !usual.is_empty() {
            groups.push(("Most here in this period".to_owned(), usual));
        }
        groups.extend(grouped(tree));
        groups
    });
    let empty = groups.is_empty();
    let groups = groups
        .into_iter()
        .map(|(title, reasons)| {
            let buttons = reasons.into_iter().map(|reason| reason_button(form, reason)).collect_view();
            view! {
                <fieldset class="reasons">
                    <legend>{title}</legend>
                    {buttons}
                </fieldset>
            }
        })
        .collect_view();
    let part = move |part: Part, text: &'static str| {
        view! {
            <label>
                <input
                    type="radio"
                    name="part"
                    prop:checked=move || form.part.get() == part
                    on:change=move |_| form.part.set(part)
                />
                {text}
            </label>
        }
    };
    let at = move || clock_time_seconds(begin.plus_seconds(form.cut.get()), offset);
    view! {
        <div class="said-more">
            <fieldset class="parts" hidden=seconds < 4>
                <legend>"Which part of it"</legend>
                {part(Part::Whole, "All")}
                {part(Part::Before, "Up to")}
                {part(Part::After, "From")}
                <input
                    type="range"
                    aria-label="The moment that splits the stop"
                    aria-valuetext=at
                    min="1"
                    max=(seconds - 1).max(1).to_string()
                    step=cut_step(seconds).to_string()
                    prop:value=move || form.cut.get().to_string()
                    disabled=move || form.part.get() == Part::Whole
                    on:input=move |event| {
                        if let Ok(cut) = event_target_value(&event).parse() {
                            form.cut.set(cut);
                        }
                    }
                />
                <output>{at}</output>
            </fieldset>
            <label class="field">
                <span>"Comment, if there is more to say"</span>
                <input
                    maxlength=MOST_CHARS
                    prop:value=move || form.comment.get()
                    on:input=move |event| form.comment.set(event_target_value(&event))
                />
            </label>
        </div>
        {groups}
        {empty.then(|| view! { <p class="muted">"This plant has no reasons yet. An administrator can add them; a comment can be given now."</p> })}
        <div class="form-row">
            <button
                type="button"
                class="button small"
                disabled=move || form.sending.get()
                on:click=move |_| give(form, form.stop.with_value(|s| s.reason.clone()), None)
            >
                {if has_word { "Keep the reason, save the comment" } else { "Save the comment alone" }}
            </button>
            <button
                type="button"
                class="button small quiet"
                hidden=!has_word
                disabled=move || form.sending.get()
                on:click=move |_| give(form, None, None)
            >
                "Take the reason back"
            </button>
        </div>
    }
    .into_any()
}

fn reason_button(form: Form, reason: ReasonView) -> AnyView {
    let code = reason.code;
    view! {
        <button
            type="button"
            class="button reason-choice"
            data-category=reason.category.as_str()
            title=reason.category.title()
            disabled=move || form.sending.get()
            on:click=move |_| give(form, Some(code.clone()), None)
        >
            {reason.name}
        </button>
    }
    .into_any()
}

/// Both versions, and the choice between them.
fn conflict_view(form: Form, conflict: ReasonConflict, offset: i32) -> AnyView {
    let model = form.model;
    let theirs = conflict.theirs.iter().map(|s| said_view(s, model, offset)).collect_view();
    let none = conflict.theirs.is_empty();
    let yours = conflict.yours.clone();
    let name = yours
        .reason
        .as_ref()
        .map_or_else(|| "No reason".to_owned(), |code| model.reasons.with_value(|tree| name_of(tree, code)));
    let comment = if yours.comment.is_empty() { String::new() } else { format!(": {}", yours.comment) };
    let to = yours.to.map(|to| clock_time_seconds(to, offset));
    let stretch = format!("{} to {}", clock_time_seconds(yours.from, offset), to.as_deref().unwrap_or("the end"));
    let seen: Vec<i64> = conflict.theirs.iter().map(|s| s.id).collect();
    view! {
        <p class="notice" role="alert">
            "Somebody else changed this stop while you were choosing. Nothing of yours was saved yet."
        </p>
        <div class="versions">
            <div>
                <h3>"What stands there now"</h3>
                {theirs}
                {none.then(|| view! { <p class="note">"Nothing: it was taken back."</p> })}
                <button
                    type="button"
                    class="button small"
                    on:click=move |_| {
                        model.explained.set(None);
                        model.ask_again();
                    }
                >
                    "Leave that"
                </button>
            </div>
            <div>
                <h3>"What you said"</h3>
                <p class="note">
                    {name} {comment} <small>{format!(" {stretch}")}</small>
                </p>
                <button
                    type="button"
                    class="button small primary"
                    disabled=move || form.sending.get()
                    on:click=move |_| give(form, yours.reason.clone(), Some(seen.clone()))
                >
                    "Put mine in its place"
                </button>
            </div>
        </div>
    }
    .into_any()
}

/// Says it. `seen`: the versions that a conflict showed; else those that the page showed.
fn give(form: Form, reason: Option<String>, seen: Option<Vec<i64>>) {
    let comment = form.comment.get_untracked().trim().to_owned();
    let (part, cut) = (form.part.get_untracked(), form.cut.get_untracked());
    let word = form.stop.with_value(|stop| word_about(stop, part, cut, reason, comment, seen));
    form.sending.set(true);
    form.problem.set(None);
    let api = form.model.api();
    leptos::task::spawn_local(async move {
        let answer = api.give_reason(&word).await;
        form.model.ask_again();
        // The person may have closed the dialog meanwhile.
        if form.sending.try_set(false).is_some() {
            return;
        }
        match answer {
            Ok(Given::Said(_)) => form.model.explained.set(None),
            Ok(Given::Conflict(conflict)) => form.conflict.set(Some(*conflict)),
            Err(error) => form.problem.set(Some(format!("{error} The stop is as it was."))),
        }
    });
}
