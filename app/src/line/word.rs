//! What is said of a stop: the request, and the reasons to choose from.

use gemba_contract::{
    reason::{GiveReason, ReasonTree, ReasonView, Said},
    report::Stop,
};
use gemba_domain::Timestamp;

/// Which part of a stop a word is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Whole,
    Before,
    After,
}

/// The request. The whole of a stop that goes on is left open, so that the word holds to its end.
pub(super) fn word_about(
    stop: &Stop,
    part: Part,
    cut_seconds: i64,
    reason: Option<String>,
    comment: String,
    seen: Option<Vec<i64>>,
) -> GiveReason {
    let cut: Timestamp = stop.from.plus_seconds(cut_seconds);
    let end = (!stop.running).then_some(stop.to);
    let (from, to) = match part {
        Part::Whole => (stop.from, end),
        Part::Before => (stop.from, Some(cut)),
        Part::After => (cut, end),
    };
    let touches = |s: &&Said| s.from < to.unwrap_or(stop.to) && s.to.is_none_or(|t| t > from);
    let seen = seen.unwrap_or_else(|| stop.said.iter().filter(touches).map(|s| s.id).collect());
    GiveReason { unit: stop.unit.clone(), from, to, reason, comment, seen }
}

/// Steps of the slider that splits a stop: about 600 of them.
pub(super) fn cut_step(seconds: i64) -> i64 {
    match seconds {
        0..=600 => 1,
        601..=6_000 => 10,
        _ => 60,
    }
}

/// The reasons under the node at the top that they belong to; those at the top without any below stand together.
pub(super) fn grouped(tree: &ReasonTree) -> Vec<(String, Vec<ReasonView>)> {
    let has_children = |code: &str| tree.reasons.iter().any(|r| r.parent.as_deref() == Some(code));
    let top_of = |reason: &ReasonView| {
        let mut top = reason;
        // A tree is not deeper than it has nodes.
        for _ in 0..tree.reasons.len() {
            let above = top.parent.as_ref().and_then(|code| tree.reasons.iter().find(|r| r.code == *code));
            let Some(above) = above else { break };
            top = above;
        }
        top.code.clone()
    };
    let mut groups: Vec<(String, Vec<ReasonView>)> = tree
        .reasons
        .iter()
        .filter(|r| r.parent.is_none() && has_children(&r.code))
        .map(|top| {
            let below = tree.reasons.iter().filter(|r| top_of(r) == top.code).cloned().collect();
            (top.name.clone(), below)
        })
        .collect();
    let single: Vec<ReasonView> =
        tree.reasons.iter().filter(|r| r.parent.is_none() && !has_children(&r.code)).cloned().collect();
    if !single.is_empty() {
        groups.push(("Other".to_owned(), single));
    }
    groups
}

#[cfg(test)]
mod tests {
    use gemba_domain::{
        reason::{LossCategory, ReasonId},
        state::UnitState,
    };

    use super::*;

    fn t(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(1_800_000_000 + seconds)
    }

    fn said(id: i64, from: i64, to: Option<i64>) -> Said {
        Said {
            id,
            from: t(from),
            to: to.map(t),
            reason: Some("jam".to_owned()),
            comment: String::new(),
            by: "h.tanaka".to_owned(),
            at: t(900),
        }
    }

    fn stop(running: bool) -> Stop {
        Stop {
            unit: "a/b/c/d/e".parse().expect("a path"),
            unit_name: "E".to_owned(),
            from: t(0),
            to: t(600),
            running,
            state: UnitState::Stopped,
            cause: None,
            reason: Some("jam".to_owned()),
            reason_name: None,
            category: None,
            by_rule: false,
            said: vec![said(1, 0, Some(200)), said(2, 200, None)],
            minor: false,
            caused_by: None,
        }
    }

    #[test]
    fn a_word_is_about_the_whole_stop_or_a_part_and_names_what_was_seen_there() {
        let word = |stop: &Stop, part| {
            let word = word_about(stop, part, 150, Some("oil".to_owned()), String::new(), None);
            (word.from, word.to, word.seen)
        };
        assert_eq!(word(&stop(false), Part::Whole), (t(0), Some(t(600)), vec![1, 2]));
        assert_eq!(word(&stop(true), Part::Whole), (t(0), None, vec![1, 2]), "left open while it goes on");
        assert_eq!(word(&stop(true), Part::Before), (t(0), Some(t(150)), vec![1]));
        assert_eq!(word(&stop(true), Part::After), (t(150), None, vec![1, 2]));
        let again = word_about(&stop(false), Part::Whole, 0, None, String::new(), Some(vec![7]));
        assert_eq!((again.reason, again.seen), (None, vec![7]), "after a conflict: what it showed");
    }

    #[test]
    fn reasons_stand_under_their_top() {
        let reason = |code: &str, parent: Option<&str>| ReasonView {
            id: ReasonId(uuid::Uuid::nil()),
            code: code.to_owned(),
            name: code.to_uppercase(),
            parent: parent.map(ToOwned::to_owned),
            category: LossCategory::Breakdown,
        };
        let tree = ReasonTree {
            reasons: vec![
                reason("press", None),
                reason("die", Some("press")),
                reason("sensor", Some("die")),
                reason("coil", None),
            ],
        };
        let groups: Vec<(String, Vec<String>)> =
            grouped(&tree).into_iter().map(|(title, r)| (title, r.into_iter().map(|r| r.code).collect())).collect();
        assert_eq!(
            groups,
            [
                ("PRESS".to_owned(), vec!["press".to_owned(), "die".to_owned(), "sensor".to_owned()]),
                ("Other".to_owned(), vec!["coil".to_owned()]),
            ]
        );
    }
}
