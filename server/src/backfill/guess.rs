//! What an item probably is, judged by its name and its values.

use gemba_domain::signal::{SignalKind, SignalRole};

use super::survey::ItemSurvey;

/// The signal code of an item: small letters, digits and `-`. `None` when nothing is left.
pub(super) fn code_of(item: &str) -> Option<String> {
    let code: String =
        item.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' }).take(40).collect();
    let code = code.trim_matches('-');
    (!code.is_empty()).then(|| code.to_owned())
}

/// The meaning that a code's words suggest.
pub(super) fn role_of(code: &str) -> Option<SignalRole> {
    let letters: String = code.chars().filter(char::is_ascii_alphabetic).collect();
    let has = |word: &str| letters.contains(word);
    if has("partcount") || has("partscount") || has("piececount") {
        return Some(match () {
            () if has("good") => SignalRole::GoodCount,
            () if has("bad") || has("scrap") || has("reject") => SignalRole::ScrapCount,
            () => SignalRole::TotalCount,
        });
    }
    match letters.as_str() {
        "execution" => Some(SignalRole::Execution),
        "mode" | "controllermode" => Some(SignalRole::ControllerMode),
        "avail" | "availability" => Some(SignalRole::Availability),
        "functionalmode" => Some(SignalRole::FunctionalMode),
        "waitstate" => Some(SignalRole::WaitState),
        "estop" | "estopstate" | "emergencystop" => Some(SignalRole::EmergencyStop),
        "goodcount" => Some(SignalRole::GoodCount),
        "scrapcount" => Some(SignalRole::ScrapCount),
        "totalcount" => Some(SignalRole::TotalCount),
        _ => None,
    }
}

/// The kind that the values suggest.
pub(super) fn kind_of(code: &str, survey: &ItemSurvey, role: Option<SignalRole>) -> SignalKind {
    let only_numbers = survey.words == 0;
    match role {
        Some(SignalRole::GoodCount | SignalRole::ScrapCount | SignalRole::TotalCount) if only_numbers => {
            return SignalKind::Counter;
        }
        Some(SignalRole::GoodCount | SignalRole::ScrapCount | SignalRole::TotalCount) | None => {}
        Some(_) => return SignalKind::State,
    }
    match () {
        () if survey.conditions > 0 => SignalKind::Condition,
        // Program names are often digits; they are names all the same.
        () if code.contains("program") => SignalKind::Text,
        () if survey.numbers > 0 && only_numbers => SignalKind::Measure,
        () if survey.words > 0 && survey.distinct.len() < ItemSurvey::MANY => SignalKind::State,
        () => SignalKind::Text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_roles_of_real_items() {
        for (item, code, role) in [
            ("execution", "execution", Some(SignalRole::Execution)),
            ("mode", "mode", Some(SignalRole::ControllerMode)),
            ("avail", "avail", Some(SignalRole::Availability)),
            ("PartCountAct", "partcountact", Some(SignalRole::TotalCount)),
            ("Part_Count", "part-count", Some(SignalRole::TotalCount)),
            ("part_count_good", "part-count-good", Some(SignalRole::GoodCount)),
            ("EStop_State", "estop-state", Some(SignalRole::EmergencyStop)),
            ("system_cond", "system-cond", None),
            ("Mazak03-X_1", "mazak03-x-1", None),
        ] {
            assert_eq!(code_of(item).as_deref(), Some(code));
            assert_eq!(role_of(code), role, "{item}");
        }
        assert_eq!(code_of("___"), None);
    }
}
