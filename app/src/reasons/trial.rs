//! What a rule would have changed.

use gemba_contract::{plant::PlantOutline, reason::RuleTrial};
use leptos::prelude::*;

use crate::{
    format::{pieces, span},
    ui::{Scope, place_name, time_at},
};

/// Days of history that a rule is tried against.
pub(super) const DAYS: i64 = 30;
/// So much before and after a stop is shown of its line.
const AROUND_SECONDS: i64 = 1800;

/// In one sentence.
pub(super) fn summary(trial: &RuleTrial) -> String {
    let stops = |count: u64| match count {
        0 => "no stop".to_owned(),
        1 => "1 stop".to_owned(),
        many => format!("{} stops", pieces(many as f64)),
    };
    let mut told = format!("Would change {} of the last {DAYS} days", stops(trial.changed));
    if trial.changed > 0 {
        told.push_str(&format!(" ({})", span(trial.micros as f64 / 1e6)));
    }
    if trial.kept_by_people > 0 {
        told.push_str(&format!(", leaves {} because a person spoke", pieces(trial.kept_by_people as f64)));
    }
    told + "."
}

/// The sentence, and the stops.
pub(super) fn trial_view(plant: &PlantOutline, trial: &RuleTrial, names: &[(String, String)]) -> AnyView {
    let name_of = |code: &str| names.iter().find(|(known, _)| known == code).map_or(code, |(_, name)| name).to_owned();
    let rows = trial
        .examples
        .iter()
        .map(|example| {
            let (from, to) = (example.from, example.to);
            let around = Scope::default().over(from.plus_seconds(-AROUND_SECONDS), to.plus_seconds(AROUND_SECONDS));
            let begin = time_at(plant, &example.unit, from);
            view! {
                <tr>
                    <td class="nowrap">
                        <a class="link" href=format!("/lines/{}{}", example.unit, around.query())>
                            {begin}
                        </a>
                    </td>
                    <td class="number">{span(to.seconds_since(from))}</td>
                    <td>{place_name(plant, &example.unit)}</td>
                    <td>{example.now.as_deref().map_or_else(|| "none yet".to_owned(), name_of)}</td>
                </tr>
            }
        })
        .collect_view();
    let part = (trial.changed > trial.examples.len() as u64)
        .then(|| format!("{} of them:", pieces(trial.examples.len() as f64)));
    let table = (!trial.examples.is_empty()).then(|| {
        view! {
            <div class="table-scroll trial-stops" tabindex="0" role="group" aria-label="Stops that the rule would change">
                <table class="table">
                    <thead>
                        <tr>
                            <th scope="col">"Begin"</th>
                            <th scope="col" class="number">
                                "For"
                            </th>
                            <th scope="col">"Unit"</th>
                            <th scope="col">"Reason now"</th>
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </div>
        }
    });
    view! {
        <p class="trial-summary">{summary(trial)}</p>
        {part.map(|text| view! { <p class="muted">{text}</p> })}
        {table}
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trial_in_a_sentence() {
        let trial = |changed, kept_by_people| RuleTrial {
            changed,
            micros: 7_920_000_000,
            kept_by_people,
            examples: Vec::new(),
        };
        assert_eq!(
            summary(&trial(14, 3)),
            "Would change 14 stops of the last 30 days (2 h 12 min), leaves 3 because a person spoke."
        );
        assert_eq!(summary(&trial(1, 0)), "Would change 1 stop of the last 30 days (2 h 12 min).");
        assert_eq!(summary(&trial(0, 0)), "Would change no stop of the last 30 days.");
    }
}
