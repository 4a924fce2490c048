//! What rules would have changed.

use gemba_contract::plant::PlantOutline;
use gemba_domain::{Timestamp, equipment::EquipmentPath};
use leptos::prelude::*;

use super::{
    book::Book,
    rule::{Kind, Rule},
};
use crate::{
    clock::Clock,
    format::{pieces, span},
    ui::{Change, Scope, place_name, time_at},
};

/// So much before and after a change is shown of its line.
const AROUND_SECONDS: i64 = 1800;

/// What rules of any kind would have changed.
#[derive(Clone, Debug, Default)]
pub(super) struct Trial {
    pub changed: u64,
    /// How long it is together.
    pub micros: i64,
    /// What stays because a person gave a word.
    pub kept_by_people: u64,
    /// How much of each unit, and how long, where the server tells it.
    pub units: Vec<(EquipmentPath, u64, i64)>,
    /// Some of it.
    pub examples: Vec<Changed>,
}

/// Something that rules would change.
#[derive(Clone, Debug)]
pub(super) struct Changed {
    pub unit: EquipmentPath,
    pub from: Timestamp,
    pub to: Timestamp,
    /// Codes of what it has, one for each heading in [`Kind::compared`].
    pub outcomes: Vec<Option<String>>,
}

/// The last trial that a part of the page asked for.
#[derive(Clone, Copy)]
pub(super) struct Trials {
    book: Book,
    clock: Clock,
    change: Change,
    found: RwSignal<Option<(Vec<Rule>, Trial)>>,
}

impl Trials {
    /// Those that are sent with this.
    pub fn new(book: Book, change: Change) -> Self {
        Self { book, clock: Clock::of_page(), change, found: RwSignal::new(None) }
    }

    pub fn forget(self) {
        self.found.set(None);
    }

    /// Asks the server what these would have changed.
    pub fn ask(self, subject: Vec<Rule>) {
        let to = untrack(|| self.clock.now());
        let kind = self.book.kind.get_value();
        let request = kind.attempt.send(subject.clone(), to.plus_seconds(-kind.days * 86_400), to);
        self.forget();
        self.change.send(request, move |trial| {
            self.found.set(Some((subject, trial)));
            String::new()
        });
    }

    /// Whether these are what was tried.
    pub fn are_of(self, subject: &[Rule]) -> bool {
        let same = |tried: &[Rule]| {
            tried.len() == subject.len() && tried.iter().zip(subject).all(|(tried, rule)| tried.does_as(rule))
        };
        self.found.with(|found| found.as_ref().is_some_and(|(tried, _)| same(tried)))
    }

    /// What came of it, while it is of what stands on the page.
    pub fn view(self, is_tried: Memo<bool>) -> AnyView {
        let book = self.book;
        let result = move || {
            let (_, trial) = self.found.get().filter(|_| is_tried.get())?;
            let kind = book.kind.get_value();
            Some(book.plant.with_value(|plant| book.outcomes.with(|names| trial_view(plant, &kind, &trial, names))))
        };
        view! {
            <div class="trial" role="status">
                {move || self.change.is_busy().then(|| view! { <p class="muted">"Asking the server…"</p> })}
                {result}
            </div>
        }
        .into_any()
    }
}

/// `14 stops`.
fn counted(kind: &Kind, count: u64) -> String {
    match count {
        0 => format!("no {}", kind.changes.0),
        1 => format!("1 {}", kind.changes.0),
        many => format!("{} {}", pieces(many as f64), kind.changes.1),
    }
}

fn long(micros: i64) -> String {
    span(micros as f64 / 1e6)
}

/// In one sentence.
fn summary(kind: &Kind, trial: &Trial) -> String {
    let length = if trial.changed > 0 { format!(" ({})", long(trial.micros)) } else { String::new() };
    let mut told = format!("Would change {}{length} of the last {} days", counted(kind, trial.changed), kind.days);
    if trial.kept_by_people > 0 {
        told.push_str(&format!(", leaves {} because a person spoke", pieces(trial.kept_by_people as f64)));
    }
    told + "."
}

/// The sentence, each unit's part where there are several, and examples.
fn trial_view(plant: &PlantOutline, kind: &Kind, trial: &Trial, names: &[(String, String)]) -> AnyView {
    let name_of = |code: &str| names.iter().find(|(known, _)| known == code).map_or(code, |(_, name)| name).to_owned();
    let rows = trial
        .examples
        .iter()
        .map(|example| {
            let (from, to) = (example.from, example.to);
            let around = Scope::default().over(from.plus_seconds(-AROUND_SECONDS), to.plus_seconds(AROUND_SECONDS));
            let outcomes = example
                .outcomes
                .iter()
                .map(|code| view! { <td>{code.as_deref().map_or_else(|| "none yet".to_owned(), name_of)}</td> })
                .collect_view();
            view! {
                <tr>
                    <td class="nowrap">
                        <a class="link" href=format!("/lines/{}{}", example.unit, around.query())>
                            {time_at(plant, &example.unit, from)}
                        </a>
                    </td>
                    <td class="number">{span(to.seconds_since(from))}</td>
                    <td>{place_name(plant, &example.unit)}</td>
                    {outcomes}
                </tr>
            }
        })
        .collect_view();
    let units = (trial.units.len() > 1).then(|| {
        let unit = |(unit, changed, micros): &(EquipmentPath, u64, i64)| {
            let told = format!("{} ({})", counted(kind, *changed), long(*micros));
            view! {
                <li>
                    <span>{place_name(plant, unit)}</span>
                    <span class="muted">{told}</span>
                </li>
            }
        };
        view! { <ul class="trial-units">{trial.units.iter().map(unit).collect_view()}</ul> }
    });
    let part = (trial.changed > trial.examples.len() as u64)
        .then(|| format!("{} of them:", pieces(trial.examples.len() as f64)));
    let label = format!("{} that would change", kind.changes.1);
    let heads = kind.compared.iter().map(|head| view! { <th scope="col">{*head}</th> }).collect_view();
    let table = (!trial.examples.is_empty()).then(|| {
        view! {
            <div class="table-scroll trial-stops" tabindex="0" role="group" aria-label=label>
                <table class="table">
                    <thead>
                        <tr>
                            <th scope="col">"Begin"</th>
                            <th scope="col" class="number">
                                "For"
                            </th>
                            <th scope="col">"Unit"</th>
                            {heads}
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </div>
        }
    });
    view! {
        <p class="trial-summary">{summary(kind, trial)}</p>
        {units}
        {part.map(|text| view! { <p class="muted">{text}</p> })}
        {table}
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reasons::{reason_rules::REASON_RULES, state_rules::STATE_RULES};

    #[test]
    fn a_trial_in_a_sentence() {
        let trial =
            |changed, kept_by_people| Trial { changed, micros: 7_920_000_000, kept_by_people, ..Trial::default() };
        let told = |changed, kept_by_people| summary(&REASON_RULES, &trial(changed, kept_by_people));
        assert_eq!(
            told(14, 3),
            "Would change 14 stops (2 h 12 min) of the last 30 days, leaves 3 because a person spoke."
        );
        assert_eq!(told(1, 0), "Would change 1 stop (2 h 12 min) of the last 30 days.");
        assert_eq!(told(0, 0), "Would change no stop of the last 30 days.");
        assert_eq!(
            summary(&STATE_RULES, &trial(1200, 0)),
            "Would change 1,200 intervals (2 h 12 min) of the last 7 days."
        );
    }
}
