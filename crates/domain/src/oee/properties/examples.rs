use super::{at, stretch};
use crate::{
    oee::*,
    order::{OrderId, ProductId, Work},
    reason::{Annotations, Stretch, annotate},
    shift::ShiftInstance,
    signal::{SignalRole, Value},
};
use SignalRole::{Execution, GoodCount, ScrapCount, TotalCount};

fn say(time: i64, word: &str) -> Event {
    Event { time: at(time), role: Execution, value: Value::Text(word.into()) }
}

fn count(time: i64, role: SignalRole, total: f64) -> Event {
    Event { time: at(time), role, value: Value::Number(total) }
}

fn with(good: bool, scrap: bool, total: bool) -> UnitConfig {
    UnitConfig { counts: CountRoles { good, scrap, total, rework: false }, ..UnitConfig::default() }
}

/// Its states without reasons.
fn plain(facts: &UnitFacts) -> Vec<Stretch> {
    annotate(&facts.intervals, &Annotations::default())
}

/// `0-60 producing ACTIVE`, seconds.
fn states(intervals: &[StateInterval]) -> Vec<String> {
    let line = |it: &StateInterval| {
        let (from, to) = (it.interval.from.micros() / 1_000_000, it.interval.to.micros() / 1_000_000);
        format!("{from}-{to} {} {}", it.state.as_str(), it.cause.as_deref().unwrap_or("-"))
    };
    intervals.iter().map(line).collect()
}

#[test]
fn a_hole_in_coverage_is_unknown_and_the_state_goes_on_after_it() {
    let events = [say(0, "ACTIVE"), say(100, "STOPPED"), say(250, "ACTIVE"), say(250, "READY"), say(350, "READY")];
    let facts = derive(&UnitConfig::default(), &events, &[stretch(10, 200), stretch(300, 390)], stretch(0, 400));
    assert_eq!(
        states(&facts.intervals),
        [
            "0-10 unknown NOT WATCHED",
            "10-100 producing ACTIVE",
            "100-200 stopped STOPPED",
            "200-300 unknown NOT WATCHED",
            "300-390 idle READY",
            "390-400 unknown NOT WATCHED",
        ]
    );
}

#[test]
fn what_stored_states_say_serves_as_well_as_the_time_itself() {
    let config = UnitConfig { pri_micros: Some(10_000_000), ..with(true, false, false) };
    let unavailable = Event { value: Value::Unavailable, ..count(150, GoodCount, 0.0) };
    for (watched, told) in [(400, true), (400, false), (200, true), (200, false)] {
        let coverage = [stretch(0, watched), stretch(300, 500)];
        let mut events = vec![say(0, "ACTIVE"), count(50, GoodCount, 3.0), say(120, "READY")];
        events.extend((!told).then(|| unavailable.clone()));
        events.extend([say(250, "ACTIVE"), count(420, GoodCount, 9.0)]);
        let whole = derive(&config, &events, &coverage, stretch(0, 500));
        let before = derive(&config, &events, &coverage, stretch(0, 300)).intervals;
        let newest: Vec<&Event> = events.iter().filter(|event| event.time < at(300)).collect();
        let carry = Carry::seed_known(&config, at(300), newest, &before);
        let (rest, _) = derive_from(&config, carry, &events, &coverage, stretch(300, 500));
        assert_eq!(rest.counts, whole.counts, "watched to {watched}, told {told}");
    }
}

#[test]
fn an_event_out_of_order_is_refused_and_changes_nothing() {
    let mut fold = UnitFold::new(with(true, false, false), at(0));
    fold.cover(stretch(0, 100));
    fold.apply(at(50), Execution, &Value::Text("ACTIVE".into())).expect("in order");
    let before = fold.facts(stretch(0, 100));
    let refused = fold.apply(at(49), Execution, &Value::Text("STOPPED".into()));
    assert_eq!(refused, Err(OutOfOrder { time: at(49), current: at(50) }));
    assert_eq!(fold.facts(stretch(0, 100)), before);
    assert_eq!(fold.apply(at(50), Execution, &Value::Text("STOPPED".into())), Ok(()));
    assert_eq!(states(&fold.intervals_since(at(0))), ["0-50 unknown NO DATA", "50-100 stopped STOPPED"]);
}

#[test]
fn what_a_unit_does_now_goes_stale() {
    let mut fold = UnitFold::new(UnitConfig::default(), at(0));
    let now = |fold: &UnitFold, time| {
        let it = fold.current(at(time));
        format!("{} {} {}", it.state.as_str(), it.cause.as_deref().unwrap_or("-"), it.since.micros() / 1_000_000)
    };
    assert_eq!(now(&fold, 1), "unknown NOT WATCHED 0");
    fold.apply(at(5), Execution, &Value::Text("ACTIVE".into())).expect("in order");
    fold.cover(stretch(0, 20));
    assert_eq!(now(&fold, 21), "producing ACTIVE 5");
    assert_eq!(now(&fold, 35), "producing ACTIVE 5");
    assert_eq!(now(&fold, 36), "unknown NOT WATCHED 20");
    fold.apply(at(30), Execution, &Value::Text("STOPPED".into())).expect("in order");
    assert_eq!(now(&fold, 31), "producing ACTIVE 5", "not covered yet");
    fold.cover(stretch(40, 50));
    assert_eq!(now(&fold, 50), "stopped STOPPED 40");
}

#[test]
fn memory_is_bounded_by_draining() {
    let mut fold = UnitFold::new(with(true, false, false), at(0));
    let mut drained = UnitFacts::default();
    for i in 0..1000 {
        let word = if i % 2 == 0 { "ACTIVE" } else { "STOPPED" };
        fold.apply(at(i * 10), Execution, &Value::Text(word.into())).expect("in order");
        fold.apply(at(i * 10), GoodCount, &Value::Number(i as f64)).expect("in order");
        fold.cover(stretch(i * 10, i * 10 + 10));
        drained.append(fold.drain_closed_before(at(i * 10 + 10)));
        assert!(fold.intervals_since(at(0)).len() <= 1 && fold.counts_since(at(0)).is_empty());
    }
    assert_eq!((drained.intervals.len(), drained.counts.len()), (999, 999));
    assert!(drained.counts.iter().all(|delta| delta.good == 1.0 && !delta.after_gap));
    let late = fold.apply(at(9_999), GoodCount, &Value::Number(0.0));
    assert_eq!(late, Err(OutOfOrder { time: at(9_999), current: at(10_000) }));
}

#[test]
fn the_counts_that_are_missing_follow_from_those_there_are() {
    let events = [
        count(0, GoodCount, 0.0),
        count(0, ScrapCount, 0.0),
        count(0, TotalCount, 0.0),
        count(60, GoodCount, 7.0),
        count(60, ScrapCount, 2.0),
        count(60, TotalCount, 9.0),
    ];
    for (config, expected) in [
        (with(false, false, false), None),
        (with(true, false, false), Some([7.0, 0.0, 7.0])),
        (with(false, true, false), Some([0.0, 2.0, 2.0])),
        (with(false, false, true), Some([9.0, 0.0, 9.0])),
        (with(true, true, false), Some([7.0, 2.0, 9.0])),
        (with(false, true, true), Some([7.0, 2.0, 9.0])),
        (with(true, false, true), Some([7.0, 2.0, 9.0])),
        (with(true, true, true), Some([7.0, 2.0, 9.0])),
    ] {
        let counts = derive(&config, &events, &[stretch(0, 100)], stretch(0, 100)).counts;
        let one_delta: Vec<_> = counts.iter().map(|it| [it.good, it.scrap, it.total]).collect();
        assert_eq!(one_delta, Vec::from_iter(expected), "{:?}", config.counts);
    }
}

#[test]
fn a_collector_that_was_away_does_not_lift_oee() {
    // Producing at the ideal cycle of 1 s throughout; nobody watched for an hour of the two.
    let config = UnitConfig { pri_micros: Some(1_000_000), ..with(true, false, false) };
    let mut events = vec![say(0, "ACTIVE")];
    events.extend((0..=7200).filter(|t| !(1800..5400).contains(t)).map(|t| count(t, GoodCount, t as f64)));
    let period = stretch(0, 7200);
    let facts = derive(&config, &events, &[stretch(0, 1800), stretch(5400, 7200)], period);
    let gap: Vec<_> = facts.counts.iter().filter(|delta| delta.after_gap).collect();
    assert_eq!(gap.iter().map(|it| (it.interval, it.good)).collect::<Vec<_>>(), [(stretch(1799, 5400), 3601.0)]);
    assert!((gap[0].known_share - 1.0 / 3601.0).abs() < 1e-12);

    let shifts = [ShiftInstance::around_the_clock(period)];
    let plan = Plan { shifts: &shifts, pri_micros: config.pri_micros, ..Plan::default() };
    let it = elements(&plain(&facts), &facts.counts, &plan, period);
    assert_eq!((it.pq, it.coverage()), (7199.0, Some(0.5)));
    assert!(it.oee().is_some_and(|oee| (0.999..=1.0).contains(&oee)), "{:?}", it.oee());
}

#[test]
fn a_counter_that_was_away_while_the_machine_was_seen() {
    let config = with(true, false, false);
    let unavailable = Event { time: at(20), role: GoodCount, value: Value::Unavailable };
    let events = [say(0, "ACTIVE"), count(10, GoodCount, 5.0), unavailable, count(50, GoodCount, 9.0)];
    let counts = derive(&config, &events, &[stretch(0, 100)], stretch(0, 100)).counts;
    let delta = counts.first().expect("one delta");
    assert_eq!((delta.interval, delta.good, delta.after_gap, delta.known_share), (stretch(10, 50), 4.0, true, 1.0));
}

#[test]
fn an_impossible_count_is_shown_not_counted() {
    let config = UnitConfig { pri_micros: Some(1_000_000), ..with(true, false, false) };
    let events = [count(0, GoodCount, 10.0), count(10, GoodCount, 5000.0), count(20, GoodCount, 5010.0)];
    let facts = derive(&config, &events, &[stretch(0, 30)], stretch(0, 30));
    assert_eq!(facts.counts.iter().map(|it| (it.interval, it.good)).collect::<Vec<_>>(), [(stretch(10, 20), 10.0)]);
    let refused = facts.quarantined.first().expect("one");
    assert_eq!(
        (refused.interval, refused.before, &refused.reading),
        (stretch(0, 10), Some(10.0), &Value::Number(5000.0))
    );
    assert_eq!(
        refused.reason.to_string(),
        "4990 pieces since the reading before; three times the nameplate rate allows 31.0"
    );
}

#[test]
fn a_fold_goes_on_from_what_a_store_holds() {
    let config = with(true, false, false);
    let newest = [count(70, GoodCount, 7.0), say(80, "ACTIVE"), say(100, "STOPPED")];
    let mut fold = UnitFold::resume(config.clone(), at(100), Carry::seed(&config, at(100), &newest));
    fold.cover(stretch(100, 200));
    fold.apply(at(130), GoodCount, &Value::Number(9.0)).expect("in order");
    assert_eq!(states(&fold.intervals_since(at(0))), ["100-200 producing ACTIVE"]);
    let delta = fold.counts_since(at(0))[0];
    assert_eq!((delta.interval, delta.good, delta.after_gap, delta.known_share), (stretch(70, 130), 2.0, true, 0.5));
}

#[test]
fn elements_by_the_plan() {
    let mut shift = ShiftInstance::around_the_clock(stretch(100, 1000));
    shift.breaks.push(stretch(400, 500));
    let words = [(0, "ACTIVE"), (300, "STOPPED"), (450, "READY"), (600, "WAIT"), (700, "ACTIVE")];
    let mut events: Vec<Event> = words.iter().map(|(time, word)| say(*time, word)).collect();
    events.extend([50, 150, 399, 420, 1000].iter().zip(0..).map(|(time, n)| count(*time, GoodCount, f64::from(n))));
    events.push(Event { time: at(700), role: SignalRole::ControllerMode, value: Value::Text("MANUAL".into()) });
    events.sort_by_key(|event| event.time);
    let config = UnitConfig { pri_micros: Some(1_000_000), ..with(true, false, false) };
    let facts = derive(&config, &events, &[stretch(0, 900)], stretch(0, 1100));
    let plan = Plan { shifts: &[shift], pri_micros: config.pri_micros, ..Plan::default() };
    let it = elements(&plain(&facts), &facts.counts, &plan, stretch(0, 1100));
    let seconds = [it.calendar, it.not_scheduled, it.breaks, it.apt, it.aust, it.adet, it.adot, it.unknown];
    assert_eq!(seconds.map(|micros| micros / 1_000_000), [1100, 200, 100, 200, 200, 200, 100, 100]);
    assert_eq!((it.pq, it.gq, it.pri_pq), (4.0, 4.0, 3e6), "the piece read at the end of the shift is outside it");
}

#[test]
fn hours_are_split_at_shift_borders() {
    let shifts =
        [ShiftInstance::around_the_clock(stretch(1800, 5400)), ShiftInstance::around_the_clock(stretch(5400, 7200))];
    let facts = derive(&with(true, false, false), &[say(0, "ACTIVE")], &[stretch(0, 9000)], stretch(0, 9000));
    let plan = Plan { shifts: &shifts, ..Plan::default() };
    let rows = by_hour(&plain(&facts), &facts.counts, &plan, stretch(0, 9000));
    let minutes = |micros: i64| micros / 60_000_000;
    let lines: Vec<_> = rows
        .iter()
        .map(|row| {
            (minutes(row.hour.micros()) / 60, row.shift, minutes(row.elements.calendar), minutes(row.elements.apt))
        })
        .collect();
    assert_eq!(
        lines,
        [(0, None, 30, 0), (0, Some(0), 30, 30), (1, Some(0), 30, 30), (1, Some(1), 30, 30), (2, None, 30, 0)]
    );
}

#[test]
fn planned_stops_are_apart_from_breaks_and_a_break_goes_first() {
    let mut shift = ShiftInstance::around_the_clock(stretch(0, 1000));
    shift.breaks.push(stretch(300, 400));
    shift.planned_stops.push(stretch(250, 500));
    let plan = Plan { shifts: &[shift], ..Plan::default() };
    let it = elements(&[], &[], &plan, stretch(0, 1000));
    assert_eq!([it.breaks, it.planned_stops, it.unknown].map(|m| m / 1_000_000), [100, 150, 750]);
}

#[test]
fn pieces_and_time_belong_to_the_order_of_their_moment() {
    let (order, product) = (Some(OrderId(uuid::Uuid::from_u128(1))), Some(ProductId(uuid::Uuid::from_u128(2))));
    let events = [
        say(0, "ACTIVE"),
        count(10, GoodCount, 0.0),
        count(90, GoodCount, 4.0),
        count(150, GoodCount, 5.0),
        say(200, "STOPPED"),
        count(290, GoodCount, 8.0),
    ];
    let facts = derive(&with(true, false, false), &events, &[stretch(0, 400)], stretch(0, 400));
    let shifts = [ShiftInstance::around_the_clock(stretch(0, 400))];
    let works = [Work { interval: stretch(100, 250), order, product, pri_micros: Some(7_000_000) }];
    let plan = Plan { shifts: &shifts, works: &works, pri_micros: Some(5_000_000), by_order_since: Some(at(0)) };
    let rows = by_hour(&plain(&facts), &facts.counts, &plan, stretch(0, 400));
    let shown: Vec<_> = rows
        .iter()
        .map(|row| {
            let e = &row.elements;
            (row.work, [e.apt, e.adet, e.adot].map(|m| m / 1_000_000), e.pq, e.pri_pq / 1e6)
        })
        .collect();
    assert_eq!(shown, [(None, [100, 0, 150], 7.0, 35.0), (Some(0), [100, 50, 0], 1.0, 7.0)]);
    let begun: u32 = rows.iter().flat_map(|row| &row.losses).map(|loss| loss.begun).sum();
    assert_eq!(begun, 2, "a stop that outlives its order is one stop");
}
