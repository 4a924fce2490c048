//! The form of a new version: shifts, rotations, teams, and from when on.

use gemba_contract::calendar::{
    CalendarView, Definition, PutCalendar, RotationDefinition, SegmentDefinition, ShiftDefinition, TeamDefinition,
};
use leptos::{prelude::*, task::spawn_local};

use super::address;
use crate::{
    api::{self, ApiError},
    ui::ErrorNotice,
};

const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// The fields of a row, by position, as typed. Rows are never reordered; one that is taken out is only hidden from what is sent.
#[derive(Clone, Copy)]
struct Row {
    id: usize,
    fields: StoredValue<Vec<RwSignal<String>>>,
}

impl Row {
    fn new(id: usize, texts: &[String]) -> Self {
        Self { id, fields: StoredValue::new(texts.iter().cloned().map(RwSignal::new).collect()) }
    }

    fn field(self, position: usize) -> RwSignal<String> {
        self.fields.with_value(|fields| fields.get(position).copied()).unwrap_or_default()
    }

    fn text(self, position: usize) -> String {
        self.field(position).get_untracked().trim().to_owned()
    }
}

/// Rows of one kind: shifts (name, start, end, days, breaks), rotations (name, segments), teams (name, rotation, start).
#[derive(Clone, Copy)]
struct Rows(RwSignal<Vec<Row>>);

impl Rows {
    fn new(texts: Vec<Vec<String>>) -> Self {
        Self(RwSignal::new(texts.iter().enumerate().map(|(id, texts)| Row::new(id, texts)).collect()))
    }

    fn add(self, texts: &[&str]) {
        let texts: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
        self.0.update(|rows| {
            let id = rows.last().map_or(0, |last| last.id + 1);
            rows.push(Row::new(id, &texts));
        });
    }

    fn remove(self, id: usize) {
        self.0.update(|rows| rows.retain(|row| row.id != id));
    }

    fn all(self) -> Vec<Row> {
        self.0.get_untracked()
    }
}

/// `4 Night, 2 off; 3 Early` as segments.
fn segments(text: &str) -> Result<Vec<SegmentDefinition>, String> {
    let wrong = |part: &str| {
        format!(
            "`{part}` is not a part of a rotation; write days and shift, then days off, such as 4 Night, 3 off; 2 Early, 1 off"
        )
    };
    let days = |word: &str| word.trim_end_matches(['x', '×']).parse::<u16>().ok();
    let segment = |part: &str| {
        let (on, off) = part.split_once(',').map_or((part, None), |(on, off)| (on, Some(off)));
        let (number, shift) = on.trim().split_once(' ').ok_or_else(|| wrong(part))?;
        let off = off.map_or(Some(0), |off| days(off.trim().strip_suffix("off")?.trim()));
        let (Some(days_on), Some(days_off)) = (days(number), off) else { return Err(wrong(part)) };
        Ok(SegmentDefinition { shift: shift.trim().to_owned(), days_on, days_off })
    };
    text.split(';').map(str::trim).filter(|part| !part.is_empty()).map(segment).collect()
}

fn written(segments: &[SegmentDefinition]) -> String {
    let part = |it: &SegmentDefinition| format!("{} {}, {} off", it.days_on, it.shift, it.days_off);
    segments.iter().map(part).collect::<Vec<_>>().join("; ")
}

fn words(text: &str) -> Vec<String> {
    text.split([' ', ',', ';']).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

#[component]
pub(super) fn DefinitionForm(calendar: RwSignal<CalendarView>) -> impl IntoView {
    let now = calendar.with_untracked(|c| c.versions.iter().find(|v| v.current).map(|v| v.definition.clone()));
    let now = now.unwrap_or_default();
    let shift = |it: &ShiftDefinition| {
        let days = it.days.clone().unwrap_or_else(|| DAYS.map(str::to_owned).to_vec());
        vec![it.name.clone(), it.start.clone(), it.end.clone(), days.join(" "), it.breaks.join(" ")]
    };
    let shifts = Rows::new(now.shifts.iter().map(shift).collect());
    let rotations = Rows::new(now.rotations.iter().map(|it| vec![it.name.clone(), written(&it.segments)]).collect());
    let team = |it: &TeamDefinition| vec![it.name.clone(), it.rotation.clone(), it.start.to_string()];
    let teams = Rows::new(now.teams.iter().map(team).collect());
    let valid_from = RwSignal::new(String::new());
    let (error, done, refused) = (RwSignal::new(None::<ApiError>), RwSignal::new(false), RwSignal::new(None::<String>));
    let gathered = move || -> Result<Definition, String> {
        let shifts = shifts.all().into_iter().map(|row| ShiftDefinition {
            name: row.text(0),
            start: row.text(1),
            end: row.text(2),
            days: Some(words(&row.text(3))),
            breaks: words(&row.text(4)),
        });
        let rotations = rotations.all().into_iter();
        let rotations =
            rotations.map(|row| Ok(RotationDefinition { name: row.text(0), segments: segments(&row.text(1))? }));
        let teams = teams.all().into_iter().map(|row| {
            let start = row.text(2);
            let start =
                start.parse().map_err(|_| format!("team `{}`: choose the first day of its rotation", row.text(0)))?;
            Ok(TeamDefinition { name: row.text(0), rotation: row.text(1), start })
        });
        Ok(Definition {
            shifts: shifts.collect(),
            rotations: rotations.collect::<Result<_, String>>()?,
            teams: teams.collect::<Result<_, String>>()?,
        })
    };
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        done.set(false);
        error.set(None);
        let definition = match gathered() {
            Ok(definition) => definition,
            Err(told) => return refused.set(Some(told)),
        };
        refused.set(None);
        let from = valid_from.get_untracked();
        let body = PutCalendar { definition, valid_from: (!from.is_empty()).then_some(from) };
        let path = calendar.with_untracked(|c| address(&c.site));
        spawn_local(async move {
            match api::put::<CalendarView>(path, &body).await {
                Ok(view) => {
                    done.set(true);
                    calendar.set(view);
                }
                Err(failed) => error.set(Some(failed)),
            }
        });
    };
    view! {
        <section class="card" aria-labelledby="change-heading">
            <div class="card-heading">
                <h2 id="change-heading">"Change the calendar"</h2>
                <span>"a new version; what is past stays"</span>
            </div>
            <noscript>
                <p class="empty">"Changing it here needs JavaScript. The plant file and the API do it too."</p>
            </noscript>
            <form class="edit-form" on:submit=submit>
                <h3>"Shifts"</h3>
                <p class="field-hint">"An end at or before the start runs over midnight. Without shifts every day is planned whole."</p>
                <Fields rows=shifts what="shift" columns=&[
                    ("Name", "text"), ("Start", "time"), ("End", "time"), ("Days", "text"), ("Breaks (10:00-10:20)", "text"),
                ] />
                <button type="button" class="button" on:click=move |_| shifts.add(&["", "06:00", "14:00", "mon tue wed thu fri", ""])>
                    "Add a shift"
                </button>
                <h3>"Rotations"</h3>
                <Fields rows=rotations what="rotation" columns=&[("Name", "text"), ("Days on a shift, then days off; …", "text")] />
                <button type="button" class="button" on:click=move |_| rotations.add(&["", ""])>
                    "Add a rotation"
                </button>
                <h3>"Teams"</h3>
                <p class="field-hint">"With teams a shift takes place on the days on which one of them has it in its rotation."</p>
                <Fields rows=teams what="team" columns=&[("Name", "text"), ("Rotation", "text"), ("First day", "date")] />
                <button type="button" class="button" on:click=move |_| teams.add(&["", "", ""])>
                    "Add a team"
                </button>
                <label class="field valid-from">
                    <span>"Valid from (now when left empty)"</span>
                    <input type="datetime-local" on:input=move |e| valid_from.set(event_target_value(&e)) />
                </label>
                <p class="field-hint">
                    "From a past time on, at most 90 days back, figures are made anew; those that were reported stay beside them, with your name."
                </p>
                {move || refused.get().map(|text| view! { <crate::ui::Notice text=text /> })}
                {move || error.get().map(|error| view! { <ErrorNotice error=error /> })}
                <p role="status">{move || done.get().then_some("The new version is stored.")}</p>
                <button class="button primary">"Store as a new version"</button>
            </form>
        </section>
    }
    .into_any()
}

#[component]
fn Fields(rows: Rows, what: &'static str, columns: &'static [(&'static str, &'static str)]) -> impl IntoView {
    view! {
        <For each=move || rows.0.get() key=|row| row.id let:row>
            <fieldset class="edit-row" data-row=what>
                <legend class="visually-hidden">{format!("A {what}")}</legend>
                {columns
                    .iter()
                    .enumerate()
                    .map(|(position, (label, kind))| {
                        let field = row.field(position);
                        view! {
                            <label class="field">
                                <span>{*label}</span>
                                <input
                                    type=*kind
                                    value=field.get_untracked()
                                    prop:value=move || field.get()
                                    on:input=move |e| field.set(event_target_value(&e))
                                />
                            </label>
                        }
                    })
                    .collect_view()}
                <button type="button" class="button quiet" on:click=move |_| rows.remove(row.id)>
                    "Remove"
                </button>
            </fieldset>
        </For>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rotations_are_read_as_they_are_written() {
        let read = segments("4 Night, 3 off; 2 Late shift").expect("valid");
        assert_eq!(written(&read), "4 Night, 3 off; 2 Late shift, 0 off");
        assert_eq!(segments(&written(&read)), Ok(read));
        for wrong in ["Night", "four Night", "2 Night, off", "2 Night, 3 days"] {
            assert!(segments(wrong).is_err(), "{wrong}");
        }
        assert_eq!(segments(" ; "), Ok(Vec::new()));
    }
}
