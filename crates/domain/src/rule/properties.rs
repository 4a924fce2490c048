//! What must hold for every condition and every history.

use std::sync::Arc;

use proptest::prelude::*;

use super::{
    ast::{Literal, Node, Op, Text},
    inputs::cause_value,
    judge::{judge_state, judge_stop},
    *,
};
use crate::{Timestamp, oee::StateInterval, signal::Value, state::UnitState};

const END: i64 = 240;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(seconds)
}

/// Clocks are put forward by a minute and a half in the middle.
fn offset(time: Timestamp) -> i32 {
    if time < at(100) { 0 } else { 90 }
}

fn number() -> impl Strategy<Value = f64> {
    prop_oneof![
        4 => (-2i32..4).prop_map(f64::from),
        1 => prop::sample::select(&[0.5, -0.0, 1e300, -1e-300, 123456789.125, 1e16, 1e15][..]),
        1 => any::<f64>().prop_filter("finite", |number| number.is_finite()),
    ]
}

fn word() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => prop::sample::select(&["A", "b", "1", "a*", "?", "JAM \"1\"", "\\"][..]).prop_map(str::to_owned),
        1 => any::<String>().prop_map(|word| word.chars().take(20).collect::<String>()),
    ]
}

fn name() -> impl Strategy<Value = Name> {
    let signal = prop::sample::select(&["x", "y", "spindle-load", "time", "5", "and", "a.b", "1e5"][..]);
    prop_oneof![
        8 => signal.prop_map(|code| Name::Signal(code.into())),
        1 => prop::sample::select(&[Name::Cause, Name::StopReason, Name::Order, Name::Product][..]),
    ]
}

fn literal() -> impl Strategy<Value = Literal> {
    prop_oneof![number().prop_map(Literal::Number), word().prop_map(|word| Literal::Text(Text::new(word)))]
}

fn states() -> impl Strategy<Value = Vec<UnitState>> {
    prop::collection::vec(prop::sample::select(UnitState::ALL), 1..4)
}

fn atom() -> impl Strategy<Value = Atom> {
    let ops = prop::sample::select(&[Op::Eq, Op::Ne, Op::Lt, Op::Le, Op::Gt, Op::Ge][..]);
    let orders = prop::sample::select(&[Op::Lt, Op::Le, Op::Gt, Op::Ge][..]);
    let text = || word().prop_map(Text::new);
    prop_oneof![
        4 => (name(), ops, number()).prop_map(|(name, op, it)| Atom::Compare(name, op, Literal::Number(it))),
        1 => (name(), any::<bool>(), text())
            .prop_map(|(name, eq, it)| Atom::Compare(name, if eq { Op::Eq } else { Op::Ne }, Literal::Text(it))),
        1 => (name(), number(), number()).prop_map(|(name, a, b)| Atom::Between(name, a.min(b), a.max(b))),
        1 => (name(), prop::collection::vec(literal(), 1..4)).prop_map(|(name, all)| Atom::In(name, all)),
        1 => (name(), text().prop_filter("not blank", |it| !it.folded.is_empty()))
            .prop_map(|(name, it)| Atom::Contains(name, it)),
        1 => (name(), text()).prop_map(|(name, it)| Atom::Like(name, it)),
        1 => (name(), 0u8..53).prop_map(|(name, bit)| Atom::Bit(name, bit)),
        1 => name().prop_map(Atom::Unavailable),
        1 => states().prop_map(Atom::State),
        1 => (0u16..5, 0u16..5).prop_filter("different", |(a, b)| a != b).prop_map(|(a, b)| Atom::Clock(a, b)),
        1 => (orders, 1i64..200_000).prop_map(|(op, millis)| Atom::Lasts(op, millis * 1_000)),
    ]
}

fn node() -> impl Strategy<Value = Node> {
    atom().prop_map(Node::Atom).prop_recursive(4, 16, 3, |inner| {
        prop_oneof![
            1 => inner.clone().prop_map(|it| Node::Not(Box::new(it))),
            2 => prop::collection::vec(inner.clone(), 2..4).prop_map(Node::and),
            2 => prop::collection::vec(inner.clone(), 2..4).prop_map(Node::or),
            2 => (inner, 1i64..40).prop_map(|(it, seconds)| Node::For(Box::new(it), seconds * 1_000_000)),
        ]
    })
}

fn condition() -> impl Strategy<Value = Condition> {
    node().prop_map(|node| Condition { node })
}

/// One thing said.
#[derive(Clone, Debug)]
enum Said {
    Value(Name, Value),
    State(UnitState, Option<Arc<str>>),
}

fn said() -> impl Strategy<Value = Said> {
    let value = prop_oneof![
        5 => number().prop_map(Value::Number),
        2 => word().prop_map(|word| Value::Text(word.into())),
        2 => Just(Value::Unavailable),
        1 => Just(Value::Number(f64::NAN)),
        1 => Just(Value::Text("unavailable".into())),
    ];
    let cause = prop::option::of(prop::sample::select(&["A", "b", "NOT WATCHED", "UNAVAILABLE"][..]));
    prop_oneof![
        3 => (name().prop_filter("said with the state", |name| *name != Name::Cause), value)
            .prop_map(|(name, value)| Said::Value(name, value)),
        1 => (prop::sample::select(UnitState::ALL), cause)
            .prop_map(|(state, cause)| Said::State(state, cause.map(Arc::from))),
    ]
}

/// What was said in order of time, sometimes several things at once.
fn history() -> impl Strategy<Value = Vec<(Timestamp, Said)>> {
    prop::collection::vec((prop_oneof![1 => Just(0i64), 3 => 1i64..25], said()), 0..40).prop_map(|all| {
        let mut time = 0;
        let said = all.into_iter().map(|(after, said)| {
            time += after;
            (at(time), said)
        });
        said.take_while(|(time, _)| *time < at(END)).collect()
    })
}

fn recorded(history: &[(Timestamp, Said)]) -> (Tracks, Vec<StateInterval>) {
    let (mut tracks, mut states) = (Tracks::default(), Vec::<StateInterval>::new());
    for (time, said) in history {
        match said {
            Said::Value(name, value) => tracks.say(name.clone(), *time, value.clone()),
            Said::State(state, cause) => {
                if let Some(last) = states.last_mut() {
                    last.interval.to = *time;
                }
                states.retain(|state| !state.interval.is_empty());
                let interval = Interval::new(*time, at(10 * END));
                states.push(StateInterval { interval, state: *state, cause: cause.clone() });
            }
        }
    }
    (tracks, states)
}

fn inputs<'a>(tracks: &'a Tracks, states: &'a [StateInterval], stop: Option<Stop>) -> Inputs<'a> {
    Inputs { tracks, states, unwatched: &[], offset: &offset, stop }
}

/// The definition itself, second by second.
fn truth(node: &Node, inputs: &Inputs<'_>, time: i64) -> Truth {
    match node {
        Node::Not(inner) => !truth(inner, inputs, time),
        Node::And(parts) => parts.iter().map(|part| truth(part, inputs, time)).min().expect("parts"),
        Node::Or(parts) => parts.iter().map(|part| truth(part, inputs, time)).max().expect("parts"),
        Node::For(inner, micros) => {
            (time - micros / 1_000_000..=time).map(|then| truth(inner, inputs, then)).min().expect("a moment")
        }
        Node::Atom(atom) => {
            let state = inputs.states.iter().find(|state| state.interval.contains(at(time)));
            match atom {
                Atom::State(wanted) => judge_state(wanted, state.map_or(UnitState::Unknown, |state| state.state)),
                Atom::Lasts(op, micros) => judge_stop(*op, *micros, inputs.stop),
                Atom::Clock(from, to) => {
                    let minute = (time + i64::from(offset(at(time)))).div_euclid(60).rem_euclid(1440);
                    let (from, to) = (i64::from(*from), i64::from(*to));
                    if from < to { from <= minute && minute < to } else { minute >= from || minute < to }.into()
                }
                value if value.name() == Some(&Name::Cause) => {
                    let cause = state.map(|state| cause_value(state.state, state.cause.as_ref()));
                    value.judge_value(cause.as_ref())
                }
                value => {
                    let track = inputs.tracks.track(value.name().expect("a name"));
                    value.judge_value(track.iter().rev().find(|said| said.0 <= at(time)).map(|said| &said.1))
                }
            }
        }
    }
}

fn is_sorted_and_within(found: &[Interval], period: Interval) -> bool {
    found.iter().all(|part| !part.is_empty() && part.intersection(&period) == Some(*part))
        && found.windows(2).all(|pair| pair[0].to < pair[1].from)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn what_is_printed_is_parsed_as_the_same(condition in condition()) {
        let printed = condition.to_string();
        prop_assert_eq!(Condition::parse(&printed), Ok(condition), "{}", printed);
    }

    #[test]
    fn any_text_is_read_or_refused_and_what_is_read_is_stable(text in any::<String>()) {
        if let Ok(condition) = Condition::parse(&text) {
            prop_assert_eq!(Condition::parse(&condition.to_string()), Ok(condition));
        }
    }

    #[test]
    fn any_words_are_read_or_refused_and_what_is_read_is_stable(
        words in prop::collection::vec(prop::sample::select(&[
            "x", "5", "-1.5", "\"a\"", "(", ")", ",", "and", "or", "not", "for", "10 s", "2min", "between", "in", "is",
            "unavailable", "state", "stopped", "time", "06:00", "24:00", "lasts", "<", "=", "!=", "[x]", "bit", "like",
        ][..]), 0..14),
    ) {
        let text = words.join(" ");
        match Condition::parse(&text) {
            Ok(condition) => prop_assert_eq!(Condition::parse(&condition.to_string()), Ok(condition)),
            Err(error) => prop_assert!(error.offset <= text.len() && text.is_char_boundary(error.offset)),
        }
    }

    #[test]
    fn holds_as_defined_second_by_second(
        condition in condition(), history in history(), from in 0..END, length in 1i64..60, ended in any::<bool>(),
        lasted in 1i64..300,
    ) {
        // A tree of `for` within `for` is asked at too many moments otherwise.
        prop_assume!(condition.lookback() <= 60_000_000);
        let (tracks, states) = recorded(&history);
        let stop = Stop { interval: Interval::new(at(0), at(lasted)), ended };
        let inputs = inputs(&tracks, &states, Some(stop));
        let period = Interval::new(at(from), at(from + length));
        let found = condition.holds(&inputs, period);
        prop_assert!(is_sorted_and_within(&found, period));
        for time in from..from + length {
            let expected = truth(&condition.node, &inputs, time) == Truth::True;
            prop_assert_eq!(found.iter().any(|part| part.contains(at(time))), expected, "at {} {}", time, condition);
        }
    }

    #[test]
    fn the_fold_gives_what_the_history_gives(
        condition in condition(), history in history(), asked in prop::collection::vec(0..2 * END, 0..6),
        forget in prop::option::of(0..END),
    ) {
        let mut fold = ConditionFold::new(condition.clone(), at(0), Arc::new(offset));
        for (i, (time, said)) in history.iter().enumerate() {
            match said {
                Said::Value(name, value) => fold.say(*time, name, value),
                Said::State(state, cause) => fold.say_state(*time, *state, cause.as_ref()),
            }
            .expect("in order");
            let last_of_its_time = history.get(i + 1).is_none_or(|next| next.0 > *time);
            if i % 7 == 0 && last_of_its_time {
                // What was said up to now, asked about the past and the future.
                let (tracks, states) = recorded(&history[..=i]);
                let period = Interval::new(at(0), at(2 * END));
                prop_assert_eq!(fold.holds(period), condition.holds(&inputs(&tracks, &states, None), period), "{}", &condition);
            }
        }
        let (tracks, states) = recorded(&history);
        let inputs = inputs(&tracks, &states, None);
        let period = Interval::new(at(0), at(2 * END));
        let expected = condition.holds(&inputs, period);
        prop_assert_eq!(&fold.holds(period), &expected);
        for time in asked {
            prop_assert_eq!(fold.holds_at(at(time)), expected.iter().any(|part| part.contains(at(time))));
            // Nothing changes between now and the deadline.
            let until = fold.deadline(at(time)).unwrap_or(at(2 * END));
            prop_assert!(until > at(time));
            if history.last().is_none_or(|last| last.0 <= at(time)) {
                let borders = expected.iter().flat_map(|part| [part.from, part.to]);
                prop_assert!(borders.clone().all(|border| border <= at(time) || border >= until.min(at(2 * END))));
            }
        }
        if let Some(forget) = forget {
            fold.forget_before(at(forget));
            let rest = Interval::new(at(forget), at(2 * END));
            prop_assert_eq!(fold.holds(rest), condition.holds(&inputs, rest));
        }
    }

    #[test]
    fn periods_may_be_cut_anywhere(condition in condition(), history in history(), cut in 1..END) {
        let (tracks, states) = recorded(&history);
        let inputs = inputs(&tracks, &states, None);
        let sum = |from, to| condition.holds(&inputs, Interval::new(at(from), at(to))).iter().map(Interval::micros).sum::<i64>();
        prop_assert_eq!(sum(0, cut) + sum(cut, END), sum(0, END));
    }

    #[test]
    fn what_nobody_watched_is_unavailable_and_comes_back(
        condition in condition(), history in history(), gaps in prop::collection::vec((1i64..60, 1i64..30), 0..4),
        from in 0..END, length in 0..END,
    ) {
        let (tracks, states) = recorded(&history);
        let mut time = -20;
        let gaps: Vec<Interval> = gaps.into_iter().map(|(hole, length)| {
            let from = time + hole;
            time = from + length;
            Interval::new(at(from), at(time))
        }).collect();
        // The same, said in so many words.
        let mut told = Tracks::default();
        for name in condition.names() {
            let track = tracks.track(name);
            let watched = |time: Timestamp| !gaps.iter().any(|gap| gap.contains(time));
            track.iter().filter(|said| watched(said.0)).for_each(|said| told.say(name.clone(), said.0, said.1.clone()));
            for gap in &gaps {
                told.say(name.clone(), gap.from, Value::Unavailable);
                let before = track.iter().rev().find(|said| said.0 <= gap.to);
                told.say(name.clone(), gap.to, before.map_or(Value::Unavailable, |said| said.1.clone()));
            }
        }
        let period = Interval::new(at(from), at(from + length));
        let masked = Inputs { unwatched: &gaps, ..inputs(&tracks, &states, None) };
        prop_assert_eq!(condition.holds(&masked, period), condition.holds(&inputs(&told, &states, None), period));
    }

    #[test]
    fn what_is_forgotten_is_of_no_use_later(condition in condition(), history in history(), forget in 0..END) {
        let (mut tracks, states) = recorded(&history);
        let rest = Interval::new(at(forget), at(2 * END));
        let all = condition.holds(&inputs(&tracks, &states, None), rest);
        tracks.forget_before(rest.from.plus_micros(-condition.lookback()));
        prop_assert_eq!(condition.holds(&inputs(&tracks, &states, None), rest), all);
    }

    #[test]
    fn states_by_rules_may_be_made_in_parts(
        conditions in prop::collection::vec((condition(), prop::sample::select(UnitState::ALL)), 0..4),
        history in history(), cut in 1..END,
    ) {
        let all = conditions.into_iter().enumerate();
        let all = all.map(|(i, (condition, state))| StateRule { name: i.to_string().into(), condition, state });
        let usable = all.filter(|rule| StateRules::new(vec![rule.clone()]).is_ok()).collect();
        let rules = StateRules::new(usable).expect("usable");
        let (tracks, states) = recorded(&history);
        let gaps = unwatched(&states);
        let inputs = Inputs { unwatched: &gaps, ..inputs(&tracks, &states, None) };
        let mut parts = rules.apply(&inputs, Interval::new(at(0), at(cut)));
        let rest = rules.apply(&inputs, Interval::new(at(cut), at(END)));
        rest.into_iter().for_each(|state| state.append_to(&mut parts));
        prop_assert_eq!(parts, rules.apply(&inputs, Interval::new(at(0), at(END))));
    }

    #[test]
    fn de_morgan_and_nothing_between(a in node(), b in node(), history in history()) {
        let (tracks, states) = recorded(&history);
        let inputs = inputs(&tracks, &states, None);
        let period = Interval::new(at(0), at(END));
        let found = |node: Node| Condition { node }.holds(&inputs, period);
        let not = |node: &Node| Node::Not(Box::new(node.clone()));
        let (both, either) = (Node::and(vec![a.clone(), b.clone()]), Node::or(vec![a.clone(), b.clone()]));
        prop_assert_eq!(found(not(&both)), found(Node::or(vec![not(&a), not(&b)])));
        prop_assert_eq!(found(not(&either)), found(Node::and(vec![not(&a), not(&b)])));
        prop_assert_eq!(found(not(&not(&a))), found(a.clone()));
        // What holds and what does not are apart; what is neither is unknown.
        let (yes, no) = (found(a.clone()), found(not(&a)));
        prop_assert!(yes.iter().all(|yes| no.iter().all(|no| yes.intersection(no).is_none())));
    }

    #[test]
    fn rules_lay_states_over_and_lose_no_time(
        conditions in prop::collection::vec((condition(), prop::sample::select(UnitState::ALL)), 0..4),
        history in history(), from in 0..END, length in 0..END,
    ) {
        let all = conditions.into_iter().enumerate();
        let all = all.map(|(i, (condition, state))| StateRule { name: i.to_string().into(), condition, state });
        let usable = all.filter(|rule| StateRules::new(vec![rule.clone()]).is_ok()).collect();
        let rules = StateRules::new(usable).expect("usable");
        let (tracks, states) = recorded(&history);
        let inputs = inputs(&tracks, &states, None);
        let period = Interval::new(at(from), at(from + length));
        let after = rules.apply(&inputs, period);
        let total = |states: &[StateInterval]| {
            states.iter().filter_map(|state| state.interval.intersection(&period)).map(|part| part.micros()).sum::<i64>()
        };
        prop_assert_eq!(total(&after), total(&states));
        prop_assert!(after.windows(2).all(|pair| pair[0].interval.to <= pair[1].interval.from));
        let changed = difference(&states, &after);
        for time in from..from + length {
            let find = |states: &[StateInterval]| states.iter().find(|state| state.interval.contains(at(time))).cloned();
            let (Some(before), Some(after)) = (find(&states), find(&after)) else { continue };
            let open = !(before.state == UnitState::Unknown && before.cause.as_deref() == Some("NOT WATCHED"));
            let holds = |rule: &&StateRule| {
                rule.condition.holds(&inputs, period).iter().any(|part| part.contains(at(time)))
            };
            let expected = match rules.rules().iter().filter(|_| open).find(holds) {
                Some(rule) => (rule.state, Some(Arc::from(format!("rule: {}", rule.name)))),
                None => (before.state, before.cause),
            };
            prop_assert_eq!((after.state, after.cause), expected);
            let change = changed.iter().find(|change| change.interval.contains(at(time)));
            let change = change.map(|change| (change.from_state, change.to_state));
            prop_assert_eq!(change, (before.state != after.state).then_some((before.state, after.state)));
        }
    }
}
