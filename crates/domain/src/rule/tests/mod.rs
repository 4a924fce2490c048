//! Examples: what holds when.

mod texts;

use chrono_tz::Europe::Berlin;

use super::*;
use crate::{Timestamp, oee::StateInterval, signal::Value, state::UnitState};

fn parse(text: &str) -> Condition {
    Condition::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(seconds)
}

fn stretch(from: i64, to: i64) -> Interval {
    Interval::new(at(from), at(to))
}

fn text(text: &str) -> Value {
    Value::Text(text.into())
}

/// Values of the signal `x`, seconds apart by ten from 0 on.
fn every_ten(values: &[Value]) -> Tracks {
    let mut tracks = Tracks::default();
    for (i, value) in values.iter().enumerate() {
        tracks.say_signal("x", at(10 * i as i64), value.clone());
    }
    tracks
}

fn inputs<'a>(tracks: &'a Tracks, states: &'a [StateInterval]) -> Inputs<'a> {
    Inputs { tracks, states, unwatched: &[], offset: &|_| 0, stop: None }
}

/// Begin and end in seconds of what holds within the first 100 s.
fn holds(condition: &str, tracks: &Tracks, states: &[StateInterval]) -> Vec<(i64, i64)> {
    let found = parse(condition).holds(&inputs(tracks, states), stretch(0, 100));
    found.iter().map(|part| (part.from.micros() / 1_000_000, part.to.micros() / 1_000_000)).collect()
}

#[test]
fn comparisons_of_values() {
    let n = Value::Number;
    let numbers =
        every_ten(&[n(1.0), n(5.0), n(6.0), Value::Unavailable, n(f64::NAN), text("7"), text("high"), n(-8.0)]);
    let of_numbers = |condition| holds(condition, &numbers, &[]);
    assert_eq!(of_numbers("x > 5"), [(20, 30), (50, 60)]);
    assert_eq!(of_numbers("x >= 5"), [(10, 30), (50, 60)]);
    assert_eq!(of_numbers("x < 5"), [(0, 10), (70, 100)]);
    assert_eq!(of_numbers("x <= 5"), [(0, 20), (70, 100)]);
    assert_eq!(of_numbers("x = 5"), [(10, 20)]);
    assert_eq!(of_numbers("x != 5"), [(0, 10), (20, 30), (50, 60), (70, 100)]);
    assert_eq!(of_numbers("not x = 5"), of_numbers("x != 5"));
    assert_eq!(of_numbers("x between 5 and 6"), [(10, 30)]);
    assert_eq!(of_numbers("x not between 5 and 6"), [(0, 10), (50, 60), (70, 100)]);
    assert_eq!(of_numbers("x in (1, 6)"), [(0, 10), (20, 30)]);
    assert_eq!(of_numbers("x in (1, \"HIGH\")"), [(0, 10), (60, 70)]);
    assert_eq!(of_numbers("x is unavailable"), [(30, 50)]);
    assert_eq!(of_numbers("x is not unavailable"), [(0, 30), (50, 100)]);
    assert_eq!(of_numbers("x bit 2"), [(10, 30), (50, 60)]);
    assert_eq!(of_numbers("x bit 3"), [(70, 100)]);
    assert_eq!(of_numbers("x not bit 0"), [(20, 30), (70, 100)]);
    assert_eq!(of_numbers("y > 5 or not y > 5"), []);
    assert_eq!(of_numbers("y is unavailable"), [(0, 100)]);
    assert_eq!(of_numbers("x > 5 or y > 5"), [(20, 30), (50, 60)]);
    assert_eq!(of_numbers("x > 5 and y > 5"), []);
    assert_eq!(of_numbers("not (x > 5 and y > 5)"), [(0, 20), (70, 100)]);

    let words =
        every_ten(&[text("FEED_HOLD"), text(" feed_hold "), text("unavailable"), text("OP10-A"), text(""), n(12.5)]);
    let of_words = |condition| holds(condition, &words, &[]);
    assert_eq!(of_words("x = \"Feed_Hold\""), [(0, 20)]);
    assert_eq!(of_words("x != \"Feed_Hold\""), [(30, 100)]);
    assert_eq!(of_words("x contains \"HOLD\""), [(0, 20)]);
    assert_eq!(of_words("x not contains \"HOLD\""), [(30, 100)]);
    assert_eq!(of_words("x like \"op10*\""), [(30, 40)]);
    assert_eq!(of_words("x not like \"*_*\""), [(30, 100)]);
    assert_eq!(of_words("x = \"\""), [(40, 50)]);
    assert_eq!(of_words("x = \"12.5\""), [(50, 100)]);
    assert_eq!(of_words("x is unavailable"), [(20, 30)]);
}

fn state(from: i64, to: i64, state: UnitState, cause: &str) -> StateInterval {
    StateInterval { interval: stretch(from, to), state, cause: (!cause.is_empty()).then(|| cause.into()) }
}

#[test]
fn states_causes_and_what_nobody_saw() {
    use UnitState::{Blocked, Producing, Stopped, Unknown};
    let states = [
        state(0, 10, Producing, "ACTIVE"),
        state(10, 20, Stopped, "FEED_HOLD"),
        state(20, 30, Unknown, "NOT WATCHED"),
        state(30, 40, Blocked, ""),
        state(40, 50, Unknown, "unknown word \"JOG\""),
        // Nothing from 50 to 60.
        state(60, 100, Stopped, "INTERRUPTED"),
    ];
    let found = |condition| holds(condition, &Tracks::default(), &states);
    assert_eq!(found("state is stopped"), [(10, 20), (60, 100)]);
    assert_eq!(found("state in (stopped, blocked)"), [(10, 20), (30, 40), (60, 100)]);
    assert_eq!(found("state is not stopped"), [(0, 10), (30, 40)]);
    assert_eq!(found("state is unknown"), [(20, 30), (40, 60)]);
    assert_eq!(found("state is not unknown"), [(0, 20), (30, 40), (60, 100)]);
    assert_eq!(found("state in (stopped, unknown)"), [(10, 30), (40, 100)]);
    assert_eq!(found("cause like \"feed*\""), [(10, 20)]);
    assert_eq!(found("cause not like \"feed*\""), [(0, 10), (40, 50), (60, 100)]);
    assert_eq!(found("cause is unavailable"), [(20, 40), (50, 60)]);
    // A signal called `cause` is something else.
    assert_eq!(found("[cause] is unavailable"), [(0, 100)]);
}

#[test]
fn lasting_needs_all_of_the_time() {
    let n = Value::Number;
    let tracks =
        every_ten(&[n(0.0), n(9.0), n(9.0), n(0.0), n(9.0), Value::Unavailable, n(9.0), n(9.0), n(9.0), n(9.0)]);
    assert_eq!(holds("x > 5 for 5 s", &tracks, &[]), [(15, 30), (45, 50), (65, 100)]);
    assert_eq!(holds("x > 5 for 10 s", &tracks, &[]), [(20, 30), (70, 100)]);
    assert_eq!(holds("x > 5 for 20 s", &tracks, &[]), [(80, 100)]);
    // False while it was false within the last 20 s, or is; unknown, not false, after the unavailable value.
    assert_eq!(holds("not (x > 5 for 20 s)", &tracks, &[]), [(0, 60)]);
    assert_eq!(holds("(x > 5 for 10 s) for 10 s", &tracks, &[]), [(80, 100)]);
    // Before the first value nothing is known, which has been so for long.
    assert_eq!(holds("y is unavailable for 1 h", &tracks, &[]), [(0, 100)]);
    // History before the period counts.
    let late = parse("x > 5 for 10 s").holds(&inputs(&tracks, &[]), stretch(25, 28));
    assert_eq!(late, [stretch(25, 28)]);
}

#[test]
fn times_of_day_follow_the_wall_clock() {
    let from: Timestamp = "2026-03-28T00:00:00Z".parse().expect("a time");
    let to: Timestamp = "2026-03-30T00:00:00Z".parse().expect("a time");
    let tracks = Tracks::default();
    let offset = offset_of(Berlin);
    let found = |condition: &str| {
        let inputs = Inputs { tracks: &tracks, states: &[], unwatched: &[], offset: &offset, stop: None };
        let found = parse(condition).holds(&inputs, Interval::new(from, to));
        found
            .iter()
            .map(|part| format!("{} {}", part.from, part.to).replace("2026-03-", "").replace(":00Z", ""))
            .collect::<Vec<_>>()
    };
    // Clocks go from 02:00 to 03:00 on the 29th.
    assert_eq!(found("time between 06:00 and 06:20"), ["28T05:00 28T05:20", "29T04:00 29T04:20"]);
    assert_eq!(found("time between 22:00 and 06:00"), ["28T00:00 28T05:00", "28T21:00 29T04:00", "29T20:00 30T00:00"]);
    assert_eq!(found("time between 02:10 and 02:50"), ["28T01:10 28T01:50"]);
    assert_eq!(found("time not between 03:00 and 02:00"), ["28T01:00 28T02:00"]);
}

#[test]
fn the_length_of_a_stop() {
    let tracks = every_ten(&[Value::Number(1.0)]);
    let ask = |condition: &str, seconds, ended| {
        let stop = Stop { interval: stretch(0, seconds), ended };
        parse(condition).explains(&inputs(&tracks, &[]), stop)
    };
    assert!(ask("lasts < 2 min", 119, true) && !ask("lasts < 2 min", 120, true) && ask("lasts <= 2 min", 120, true));
    assert!(ask("lasts >= 2 min", 120, true) && !ask("lasts > 2 min", 120, true));
    // One that goes on may become longer.
    assert!(
        !ask("lasts < 2 min", 5, false) && !ask("not lasts < 2 min", 5, false) && ask("not lasts < 2 min", 120, false)
    );
    assert!(ask("lasts > 2 min", 121, false) && !ask("not lasts > 2 min", 5, false));
    assert!(ask("lasts < 2 min and x = 1", 10, true) && !ask("lasts < 2 min and x = 2", 10, true));
    assert_eq!(holds("lasts < 2 min or not lasts < 2 min", &tracks, &[]), []);
}

#[test]
fn tracks_take_values_in_any_order() {
    let mut tracks = Tracks::default();
    for (time, value) in [(20, 9.0), (0, 9.0), (10, 0.0), (10, 1.0), (20, 8.0)] {
        tracks.say_signal("x", at(time), Value::Number(value));
    }
    assert_eq!(holds("x > 5", &tracks, &[]), [(0, 10), (20, 100)]);
    assert_eq!(holds("x in (1, 8)", &tracks, &[]), [(10, 100)]);
}

fn rules(rules: &[(&str, &str, UnitState)]) -> Result<StateRules, StateRuleError> {
    let rule = |(name, condition, state): &(&str, &str, UnitState)| StateRule {
        name: (*name).into(),
        condition: parse(condition),
        state: *state,
    };
    StateRules::new(rules.iter().map(rule).collect())
}

#[test]
fn rules_make_states_and_say_so() {
    use UnitState::{Blocked, Idle, Producing, Stopped, Unknown};
    let n = Value::Number;
    let tracks = every_ten(&[n(0.0), n(9.0), n(9.0), n(9.0), n(1.0), n(1.0), Value::Unavailable, n(9.0)]);
    let before = [
        state(0, 15, Unknown, "NO DATA"),
        state(15, 25, Unknown, "NOT WATCHED"),
        state(25, 55, Stopped, "FEED_HOLD"),
        state(55, 100, Producing, "ACTIVE"),
    ];
    let made = rules(&[
        ("loaded", "x > 5", Producing),
        ("waiting", "x = 1 and state is stopped", Blocked),
        ("all", "x >= 0", Idle),
    ]);
    let after = made.expect("rules").apply(&inputs(&tracks, &before), stretch(5, 90));
    assert_eq!(
        after,
        [
            state(5, 10, Idle, "rule: all"),
            state(10, 15, Producing, "rule: loaded"),
            state(15, 25, Unknown, "NOT WATCHED"),
            state(25, 40, Producing, "rule: loaded"),
            state(40, 55, Blocked, "rule: waiting"),
            state(55, 60, Idle, "rule: all"),
            state(60, 70, Producing, "ACTIVE"),
            state(70, 90, Producing, "rule: loaded"),
        ]
    );
    let changed = difference(&before, &after);
    let shown: Vec<_> = changed.iter().map(|it| (it.interval, it.from_state, it.to_state)).collect();
    assert_eq!(
        shown,
        [
            (stretch(5, 10), Unknown, Idle),
            (stretch(10, 15), Unknown, Producing),
            (stretch(25, 40), Stopped, Producing),
            (stretch(40, 55), Stopped, Blocked),
            (stretch(55, 60), Producing, Idle),
        ]
    );
    assert_eq!(difference(&after, &after), []);
}

#[test]
fn a_state_cannot_follow_from_what_follows_from_it() {
    let asks = |condition| rules(&[("r", condition, UnitState::Idle)]).map_err(|error| error.to_string());
    assert!(asks("x > 1").is_ok());
    let message = |asks| Err(format!("the rule `r` asks for `{asks}`, which is known only after the states are made"));
    assert_eq!(asks("x > 1 and lasts > 2 s"), message("lasts"));
    assert_eq!(asks("stop-reason = \"jam\""), message("stop-reason"));
}

#[test]
fn live_deadlines() {
    let mut fold = ConditionFold::new(parse("x > 5 for 10 s"), at(0), std::sync::Arc::new(|_| 0));
    let x = Name::Signal("x".into());
    assert_eq!((fold.truth_at(at(0)), fold.deadline(at(0))), (Truth::Unknown, None));
    fold.say(at(100), &x, &Value::Number(9.0)).expect("in order");
    // Nothing was known before 100, so that it may have been so before.
    assert_eq!((fold.truth_at(at(109)), fold.deadline(at(105))), (Truth::Unknown, Some(at(110))));
    assert!(!fold.holds_at(at(109)) && fold.holds_at(at(110)));
    assert_eq!(fold.holds(stretch(0, 200)), [stretch(110, 200)]);
    // A question about the future does not hinder what comes before it.
    fold.say(at(115), &x, &Value::Number(1.0)).expect("in order");
    assert_eq!(fold.holds(stretch(0, 200)), [stretch(110, 115)]);
    assert_eq!(fold.say(at(114), &x, &Value::Number(9.0)).map_err(|error| error.current), Err(at(115)));
    assert_eq!(fold.truth_at(at(112)), Truth::True);
    fold.say(at(120), &x, &Value::Number(9.0)).expect("in order");
    assert_eq!(fold.truth_at(at(121)), Truth::False);
    fold.forget_before(at(116));
    assert_eq!(fold.holds(stretch(0, 200)), [stretch(130, 200)]);
}
