//! What one shift hands over to the next: read at its begin, written at its end.

use gemba_contract::report::{Note, PutNote, Report};
use leptos::prelude::*;

use super::model::LineModel;
use crate::{api::ApiError, format::day_and_time};

/// Longest text.
const MOST_CHARS: &str = "2000";

/// Of a shift; other periods hand nothing over.
#[component]
pub(super) fn Handover(model: LineModel) -> impl IntoView {
    let report = model.report;
    let of_shift = Memo::new(move |_| report.with(|r| r.period.shift.is_some()));
    let before = Memo::new(move |_| report.with(|r| note_to(r, r.period.previous)));
    let own = Memo::new(move |_| report.with(|r| note_to(r, (r.period.from, r.period.to))));
    let offset = move || report.with(|r| r.utc_offset_minutes);
    let draft = RwSignal::new(None::<String>);
    let saving = RwSignal::new(false);
    let problem = RwSignal::new(None::<String>);
    let open = move |_| draft.set(Some(own.get_untracked().map(|note| note.text).unwrap_or_default()));
    let save = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        let Some(text) = draft.get_untracked() else { return };
        let note = report.with_untracked(|r| PutNote {
            at: r.path.clone(),
            from: r.period.from,
            to: r.period.to,
            text: text.trim().to_owned(),
            seen: own.get_untracked().map(|note| note.id),
        });
        saving.set(true);
        let api = model.api();
        leptos::task::spawn_local(async move {
            let answer = api.put_note(&note).await;
            if saving.try_set(false).is_some() {
                return;
            }
            match answer {
                Ok(written) => {
                    let stretch = (note.from, note.to);
                    report.update(|r| {
                        r.notes.retain(|note| (note.from, note.to) != stretch);
                        r.notes.extend(written);
                    });
                    problem.set(None);
                    draft.set(None);
                }
                Err(ApiError::Problem(told)) if told.status == 409 => {
                    let theirs = told.detail.unwrap_or(told.title);
                    problem.set(Some(format!("{theirs}. Save again to put your words in their place.")));
                    model.ask_again();
                }
                Err(error) => problem.set(Some(format!("{error} What you wrote is still here."))),
            }
        });
    };
    view! {
        <Show when=move || of_shift.get()>
            <section class="card" aria-labelledby="notes-heading">
                <div class="card-heading">
                    <h2 id="notes-heading">"Handed over"</h2>
                    <button
                        type="button"
                        class="button small quiet"
                        disabled=move || !model.ready.get()
                        hidden=move || draft.with(Option::is_some)
                        on:click=open
                    >
                        {move || if own.with(Option::is_some) { "Change" } else { "Write to the next shift" }}
                    </button>
                </div>
                <dl class="handover">
                    <dt>"From the shift before"</dt>
                    <dd>{move || note_view(before.get(), offset())}</dd>
                    <dt>"To the next shift"</dt>
                    <dd>
                        {move || {
                            if draft.with(Option::is_none) {
                                return note_view(own.get(), offset());
                            }
                            view! {
                                <form class="note-form" on:submit=save>
                                    <textarea
                                        rows="4"
                                        maxlength=MOST_CHARS
                                        aria-label="To the next shift"
                                        prop:value=move || draft.get().unwrap_or_default()
                                        on:input=move |event| draft.set(Some(event_target_value(&event)))
                                    ></textarea>
                                    {move || problem.get().map(|text| view! { <p role="alert" data-trend="warn">{text}</p> })}
                                    <div class="form-row">
                                        <button class="button small primary" disabled=move || saving.get()>
                                            {move || if saving.get() { "Saving…" } else { "Save" }}
                                        </button>
                                        <button
                                            type="button"
                                            class="button small quiet"
                                            on:click=move |_| {
                                                problem.set(None);
                                                draft.set(None);
                                            }
                                        >
                                            "Cancel"
                                        </button>
                                    </div>
                                </form>
                            }
                                .into_any()
                        }}
                    </dd>
                </dl>
            </section>
        </Show>
    }
    .into_any()
}

/// The note to exactly this stretch.
fn note_to(report: &Report, (from, to): (gemba_domain::Timestamp, gemba_domain::Timestamp)) -> Option<Note> {
    report.notes.iter().find(|note| (note.from, note.to) == (from, to)).cloned()
}

fn note_view(note: Option<Note>, offset: i32) -> AnyView {
    match note {
        Some(note) => view! {
            <p class="written">{note.text}</p>
            <small class="muted">{format!("{}, {}", note.by, day_and_time(note.at, offset))}</small>
        }
        .into_any(),
        None => view! { <p class="muted">"Nothing."</p> }.into_any(),
    }
}
