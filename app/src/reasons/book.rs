//! A list of rules of one kind, as the server has it and as it stands on the page.

use gemba_contract::plant::PlantOutline;
use leptos::prelude::*;

use super::rule::{Kind, Rule};
use crate::ui::place_name;

/// What the list and the form share.
#[derive(Clone, Copy)]
pub(super) struct Book {
    pub kind: StoredValue<Kind>,
    /// As the server has them.
    pub stored: RwSignal<Vec<Rule>>,
    /// As they stand on the page.
    pub draft: RwSignal<Vec<Rule>>,
    /// Which one the form changes; `None`: it adds one.
    pub edited: RwSignal<Option<usize>>,
    pub outcomes: Signal<Vec<(String, String)>>,
    pub plant: StoredValue<PlantOutline>,
    pub may_change: bool,
}

impl Book {
    /// The server has these now.
    pub fn settle(self, rules: Vec<Rule>) {
        self.edited.set(None);
        self.stored.set(rules.clone());
        self.draft.set(rules);
    }

    pub fn swap(self, a: usize, b: usize) {
        self.edited.set(None);
        self.draft.update(|rules| {
            if a.max(b) < rules.len() {
                rules.swap(a, b);
            }
        });
    }

    pub fn take_out(self, position: usize) {
        self.edited.set(None);
        self.draft.update(|rules| {
            if position < rules.len() {
                rules.remove(position);
            }
        });
    }

    /// The rules with this one in the place of the one that is changed, or behind all, and where it stands then.
    pub fn with(self, rule: Rule) -> (Vec<Rule>, usize) {
        with(self.draft.get(), self.edited.get(), rule)
    }

    pub fn outcome_name(self, code: &str) -> String {
        let found = self.outcomes.with(|all| all.iter().find(|(known, _)| known == code).map(|(_, name)| name.clone()));
        found.unwrap_or_else(|| code.to_owned())
    }

    pub fn place(self, scope: &str) -> String {
        match scope.parse() {
            Ok(path) => self.plant.with_value(|plant| place_name(plant, &path)),
            Err(_) => "Whole plant".to_owned(),
        }
    }
}

fn with(mut rules: Vec<Rule>, place: Option<usize>, rule: Rule) -> (Vec<Rule>, usize) {
    let place = place.filter(|place| *place < rules.len()).unwrap_or(rules.len());
    match rules.get_mut(place) {
        Some(old) => *old = rule,
        None => rules.push(rule),
    }
    (rules, place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_takes_its_place_or_stands_behind() {
        let rule = |name: &str| Rule { name: name.to_owned(), ..Rule::default() };
        let names = |(rules, place): (Vec<Rule>, usize)| {
            (rules.into_iter().map(|rule| rule.name).collect::<Vec<_>>().concat(), place)
        };
        let all = vec![rule("a"), rule("b")];
        assert_eq!(names(with(all.clone(), Some(0), rule("c"))), ("cb".to_owned(), 0));
        assert_eq!(names(with(all.clone(), None, rule("c"))), ("abc".to_owned(), 2));
        assert_eq!(names(with(all, Some(9), rule("c"))), ("abc".to_owned(), 2));
    }
}
