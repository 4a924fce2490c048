//! The hour-by-hour board: wanted, made, what happened, and what people write to it.

use gemba_contract::report::{BoardRow, Note, PutNote, Report, RowsBy};
use gemba_domain::Timestamp;
use leptos::prelude::*;

use super::model::LineModel;
use crate::{
    api::{Api, ApiError},
    format::{NO_VALUE, clock_time, day_of, pieces, span},
    ui::{Cell, focus_soon, table_fold},
};

/// As long as a note may be.
const MOST_CHARS: &str = "2000";

/// Names the field that is written in.
const NOTE: &str = "note-text";

/// What a person is writing.
#[derive(Clone, Copy)]
struct Draft {
    /// Which row, by its begin.
    row: RwSignal<Option<(Timestamp, Timestamp)>>,
    text: RwSignal<String>,
    /// The note that stood there when the writing began.
    seen: RwSignal<Option<i64>>,
    saving: RwSignal<bool>,
    problem: RwSignal<Option<String>>,
}

#[component]
pub(super) fn Board(model: LineModel) -> impl IntoView {
    let draft = Draft {
        row: RwSignal::new(None),
        text: RwSignal::new(String::new()),
        seen: RwSignal::new(None),
        saving: RwSignal::new(false),
        problem: RwSignal::new(None),
    };
    let report = model.report;
    let by_hour = move || report.with(|r| r.rows_by == RowsBy::Hour);
    let sum = move || {
        report.with(|r| {
            let target = r.figures.target_pieces.map(|t| format!(" of {}", pieces(t))).unwrap_or_default();
            format!("{}{target} good", pieces(r.figures.elements.gq))
        })
    };
    let rows = move || {
        let ready = model.ready.get();
        let written = draft.row.get();
        report.with(|r| r.rows.iter().map(|row| row_view(model, draft, r, row, written, ready)).collect_view())
    };
    view! {
        <section class="card" aria-labelledby="board-heading">
            <div class="card-heading">
                <h2 id="board-heading">{move || if by_hour() { "Hour by hour" } else { "Day by day" }}</h2>
                <span>{sum}</span>
            </div>
            <div class="table-scroll" tabindex="0" role="group" aria-labelledby="board-heading">
                <table class="table board">
                    <thead>
                        <tr>
                            <th scope="col">{move || if by_hour() { "Hour" } else { "Day" }}</th>
                            <th scope="col" class="number">
                                "Target"
                            </th>
                            <th scope="col" class="number">
                                "Made"
                            </th>
                            <th scope="col" class="number">
                                "Gap"
                            </th>
                            <th scope="col" class="number">
                                "Total gap"
                            </th>
                            <th scope="col">"What happened"</th>
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </div>
            {move || report.with(board_table)}
        </section>
    }
    .into_any()
}

fn row_view(
    model: LineModel,
    draft: Draft,
    report: &Report,
    row: &BoardRow,
    written: Option<(Timestamp, Timestamp)>,
    ready: bool,
) -> AnyView {
    let (from, to) = (row.from, row.to);
    let offset = report.utc_offset_minutes;
    let name = match report.rows_by {
        RowsBy::Hour => clock_time(from, offset),
        RowsBy::Day => day_of(from, offset),
    };
    let gap = row.target.map(|target| row.good - target);
    let happened = happened_text(row);
    let comment = row.comment.clone();
    let note = comment.as_ref().map(|note| note_view(note, offset));
    let label = if comment.is_some() { "Edit" } else { "Comment" };
    let about = format!("{label}: {name}");
    let begin = move |_| {
        draft.problem.set(None);
        draft.text.set(comment.as_ref().map(|n| n.text.clone()).unwrap_or_default());
        draft.seen.set(comment.as_ref().map(|n| n.id));
        draft.row.set(Some((from, to)));
        focus_soon(NOTE);
    };
    let form = (written == Some((from, to))).then(|| view! { <NoteForm model=model draft=draft /> });
    let button = form.is_none().then(|| {
        view! {
            <button type="button" class="link-button" disabled=!ready aria-label=about on:click=begin>
                {label}
            </button>
        }
    });
    view! {
        <tr data-running=row.running.then_some("true")>
            <th scope="row">
                {name} {row.running.then(|| view! { <small>" now"</small> })}
            </th>
            <td class="number">{row.target.map_or_else(|| NO_VALUE.to_owned(), pieces)}</td>
            <td class="number strong">{pieces(row.good)}</td>
            <td class="number" data-trend=piece_trend(gap)>
                {gap_text(gap)}
            </td>
            <td class="number" data-trend=piece_trend(row.total_gap)>
                {gap_text(row.total_gap)}
            </td>
            <td class="happened">
                <div class="happened-line">
                    <span>{happened}</span>
                    {button}
                </div>
                {note}
                {form}
            </td>
        </tr>
    }
    .into_any()
}

fn note_view(note: &Note, offset: i32) -> AnyView {
    view! {
        <p class="note">
            {note.text.clone()} <small>{format!(" {}, {}", note.by, clock_time(note.at, offset))}</small>
        </p>
    }
    .into_any()
}

#[component]
fn NoteForm(model: LineModel, draft: Draft) -> impl IntoView {
    let save = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        let Some((from, to)) = draft.row.get_untracked() else { return };
        let note = PutNote {
            at: model.report.with_untracked(|r| r.path.clone()),
            from,
            to,
            text: draft.text.get_untracked().trim().to_owned(),
            seen: draft.seen.get_untracked(),
        };
        draft.saving.set(true);
        let api = model.api();
        leptos::task::spawn_local(async move {
            let answer = api.put_note(&note).await;
            if draft.saving.try_set(false).is_some() {
                return;
            }
            match answer {
                Ok(note) => {
                    let row_note = note;
                    model.report.update(|r| {
                        if let Some(row) = r.rows.iter_mut().find(|row| (row.from, row.to) == (from, to)) {
                            row.comment = row_note;
                        }
                    });
                    draft.row.set(None);
                    model.ask_again();
                }
                Err(ApiError::Problem(problem)) if problem.status == 409 => theirs(model, draft, api).await,
                Err(error) => draft.problem.set(Some(format!("{error} What you wrote is still here."))),
            }
        });
    };
    view! {
        <form class="note-form" on:submit=save>
            <textarea
                id=NOTE
                rows="2"
                maxlength=MOST_CHARS
                aria-label="Comment"
                prop:value=move || draft.text.get()
                on:input=move |event| draft.text.set(event_target_value(&event))
            ></textarea>
            {move || draft.problem.get().map(|text| view! { <p role="alert" data-trend="warn">{text}</p> })}
            <div class="form-row">
                <button class="button small primary" disabled=move || draft.saving.get()>
                    {move || if draft.saving.get() { "Saving…" } else { "Save" }}
                </button>
                <button type="button" class="button small quiet" on:click=move |_| draft.row.set(None)>
                    "Cancel"
                </button>
            </div>
        </form>
    }
    .into_any()
}

/// Somebody else wrote there meanwhile: both texts are shown, and the person decides.
async fn theirs(model: LineModel, draft: Draft, api: Api) {
    let (path, scope) = (model.report.with_untracked(|r| r.path.clone()), model.scope.get_untracked());
    let Some((from, to)) = draft.row.get_untracked() else { return };
    let text = match api.report(path.as_str(), &scope.query()).await {
        Ok(report) => {
            let note = report.rows.iter().find(|r| (r.from, r.to) == (from, to)).and_then(|r| r.comment.clone());
            let text = match &note {
                Some(note) => format!(
                    "{} wrote meanwhile: “{}”. Save puts your words in their place; Cancel leaves them.",
                    note.by, note.text
                ),
                None => "The comment was taken back meanwhile. Save writes yours; Cancel leaves none.".to_owned(),
            };
            draft.seen.set(note.map(|n| n.id));
            model.report.set(report);
            text
        }
        Err(error) => format!("Somebody else wrote here meanwhile, and their words could not be read: {error}"),
    };
    draft.problem.set(Some(text));
}

/// The largest losses: `Die sensor 17 min, Feeder jam 4 min`.
fn happened_text(row: &BoardRow) -> String {
    row.happened
        .iter()
        .map(|(what, micros)| format!("{what} {}", span(*micros as f64 / 1e6)))
        .collect::<Vec<_>>()
        .join(", ")
}

fn gap_text(gap: Option<f64>) -> String {
    gap.map_or_else(|| NO_VALUE.to_owned(), |gap| if gap >= 0.5 { format!("+{}", pieces(gap)) } else { pieces(gap) })
}

fn piece_trend(gap: Option<f64>) -> &'static str {
    match gap {
        Some(gap) if gap <= -0.5 => "down",
        Some(gap) if gap >= 0.5 => "up",
        _ => "level",
    }
}

fn board_table(report: &Report) -> AnyView {
    let rows: Vec<_> = report
        .rows
        .iter()
        .map(|row| {
            vec![
                Cell::Time(row.from),
                Cell::Time(row.to),
                Cell::Number(row.target, 0),
                Cell::Number(Some(row.good), 0),
                Cell::Number(Some(row.scrap), 0),
                Cell::Percent(row.oee),
                Cell::Percent(row.coverage),
                Cell::text(happened_text(row)),
                Cell::text(row.comment.as_ref().map(|n| n.text.clone()).unwrap_or_default()),
            ]
        })
        .collect();
    let heads = ["From", "To", "Target", "Good", "Scrap", "OEE %", "Coverage %", "What happened", "Comment"];
    table_fold("Hour by hour", "hours.csv", &heads, &rows, report.utc_offset_minutes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_carry_their_sign() {
        assert_eq!((gap_text(Some(-22.3)), piece_trend(Some(-22.3))), ("−22".to_owned(), "down"));
        assert_eq!((gap_text(Some(4.0)), piece_trend(Some(4.0))), ("+4".to_owned(), "up"));
        assert_eq!((gap_text(Some(0.2)), piece_trend(Some(0.2))), ("0".to_owned(), "level"));
        assert_eq!(gap_text(None), NO_VALUE);
    }

    #[test]
    fn what_happened_names_the_largest_losses() {
        let row = BoardRow {
            from: Timestamp::default(),
            to: Timestamp::default(),
            target: None,
            good: 0.0,
            scrap: 0.0,
            total_gap: None,
            oee: None,
            coverage: None,
            happened: vec![("Die sensor".to_owned(), 1_020_000_000), ("Feeder jam".to_owned(), 240_000_000)],
            comment: None,
            running: false,
        };
        assert_eq!(happened_text(&row), "Die sensor 17 min, Feeder jam 4 min");
    }
}
