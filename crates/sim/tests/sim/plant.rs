//! The model over hours and days: deterministic, conserving, plausible.

use std::collections::{BTreeMap, BTreeSet};

use gemba_domain::{
    Timestamp,
    signal::{SignalRole, Value},
    state::{Signs, UnitState, classify},
};
use gemba_sim::{
    agent::{Agent, Level, ObservationValue},
    plant::{self, Break, Clock, Layout, Millis, Plant, Report, ShiftPattern, ShiftPlan},
};

use crate::document::get;

const HOUR: Millis = 3_600_000;

fn start() -> Timestamp {
    // Monday, 06:00 in London.
    "2026-01-05T06:00:00Z".parse().unwrap()
}

fn plant(seed: u64) -> Plant {
    Plant::new(Layout::demo(), seed, Clock { start: start(), speed: 1.0 })
}

/// What a unit did over a run of the model.
#[derive(Default)]
struct Course {
    state_millis: BTreeMap<UnitState, Millis>,
    failures: u64,
    minor_stops: u64,
    warnings: u64,
    readings: BTreeMap<&'static str, Vec<f64>>,
    words: BTreeMap<&'static str, BTreeSet<String>>,
}

fn role(item: &str) -> Option<SignalRole> {
    SignalRole::from_word(&item.replace('-', "_"))
}

fn courses(reports: &[Report], units: usize, end: Millis) -> Vec<Course> {
    let mut courses: Vec<Course> = (0..units).map(|_| Course::default()).collect();
    let mut signs: Vec<(Signs, UnitState, Millis)> = vec![(Signs::default(), UnitState::Unknown, 0); units];
    for report in reports {
        let course = &mut courses[report.unit];
        let (signs, state, since) = &mut signs[report.unit];
        match &report.value {
            ObservationValue::Condition(c) if c.level == Level::Fault => course.failures += 1,
            ObservationValue::Condition(c) if c.level == Level::Warning && report.item == "system" => {
                course.minor_stops += 1;
            }
            ObservationValue::Condition(c) if c.level == Level::Warning => course.warnings += 1,
            ObservationValue::Condition(_) => {}
            value => {
                let value = match value {
                    ObservationValue::Text(text) => Value::Text(text.clone()),
                    _ => Value::Unavailable,
                };
                if let Some(number) = value.text().and_then(|t| t.parse().ok()) {
                    course.readings.entry(report.item).or_default().push(number);
                } else if let Some(word) = value.text() {
                    course.words.entry(report.item).or_default().insert(word.to_owned());
                }
                if let Some(role) = role(report.item) {
                    signs.apply(role, &value);
                }
            }
        }
        let now = classify(signs).state;
        if now != *state {
            *course.state_millis.entry(*state).or_default() += report.at - *since;
            (*state, *since) = (now, report.at);
        }
    }
    for (course, (_, state, since)) in courses.iter_mut().zip(signs) {
        *course.state_millis.entry(state).or_default() += end - since;
    }
    courses
}

#[test]
fn the_same_seed_gives_the_same_course_in_any_steps() {
    let first = |seed: u64, step: Millis| {
        let mut plant = plant(seed);
        let (mut reports, mut now) = (Vec::new(), 0);
        while reports.len() < 10_000 {
            now += step;
            reports.extend(plant.advance(now));
        }
        reports.truncate(10_000);
        reports
    };
    let reports = first(7, 100);
    assert_eq!(reports, first(7, 100));
    assert_eq!(reports, first(7, 61_337));
    assert_ne!(reports, first(8, 100));
    assert!(reports.is_sorted_by_key(|r| r.at), "by time");
}

#[test]
fn pieces_are_neither_made_of_nothing_nor_lost() {
    let layout = Layout::demo();
    let mut plant = plant(3);
    let mut last: BTreeMap<(usize, &str), u64> = BTreeMap::new();
    for minute in 1..=24 * 60 {
        for report in plant.advance(minute * 60_000) {
            if let (true, ObservationValue::Text(text)) = (report.item.ends_with("-count"), &report.value) {
                let count: u64 = text.parse().unwrap();
                let before = last.insert((report.unit, report.item), count).unwrap_or(0);
                assert!(count >= before, "totals only grow");
            }
        }
        let mut unit = 0;
        for line in &layout.lines {
            for (position, spec) in line.units.iter().enumerate() {
                let counts = plant.counts(unit).unwrap();
                assert_eq!(counts.good + counts.scrap, counts.total);
                if position + 1 < line.units.len() {
                    let next = plant.counts(unit + 1).unwrap();
                    assert!(next.total <= counts.good, "{} made more than it was given", spec.code);
                    // Between the two: the buffer, a piece held back, a piece in work.
                    let between = counts.good - next.total;
                    let buffered = plant.buffered(unit);
                    assert!(buffered <= spec.buffer_after);
                    assert!((buffered as u64..=buffered as u64 + 2).contains(&between), "{}: {between}", spec.code);
                }
                unit += 1;
            }
        }
    }
    for (unit, code) in plant.unit_codes().into_iter().enumerate() {
        let counts = plant.counts(unit).unwrap();
        assert_eq!(last[&(unit, "total-count")], counts.total, "{code} reported what it counted");
        assert!(counts.scrap > 0 && counts.total > 3_000, "{code}: {counts:?}");
    }
}

#[test]
fn two_days_look_like_a_plant() {
    let layout = Layout::demo();
    let end = 48 * HOUR;
    let mut plant = plant(1);
    let reports = plant.advance(end);
    let courses = courses(&reports, plant.unit_codes().len(), end);
    let planned = (0..end / 60_000).filter(|m| layout.shifts.is_planned(start().plus_seconds(*m as i64 * 60))).count();
    let planned = planned as f64 * 60_000.0;
    assert!((0.95..0.97).contains(&(planned / end as f64)), "three breaks of 20 minutes a day");
    let mut unit = 0;
    for line in &layout.lines {
        let (mut failures, mut stops) = (0, 0);
        for spec in &line.units {
            let course = &courses[unit];
            let share = |state| course.state_millis.get(&state).copied().unwrap_or(0) as f64 / planned;
            let good = plant.counts(unit).unwrap().good as f64;
            let oee = good * spec.ideal_cycle_seconds * 1000.0 / planned;
            println!(
                "{:12} oee {:.3} producing {:.3} stopped {:.3} maintenance {:.3} setup {:.3} starved {:.3} blocked {:.3} unknown {:.4} failures {} stops {} warnings {}",
                spec.code,
                oee,
                share(UnitState::Producing),
                share(UnitState::Stopped),
                share(UnitState::Maintenance),
                share(UnitState::Setup),
                share(UnitState::Starved),
                share(UnitState::Blocked),
                share(UnitState::Unknown),
                course.failures,
                course.minor_stops,
                course.warnings
            );
            assert!((0.60..0.85).contains(&oee), "{}: {oee}", spec.code);
            let states = [UnitState::Stopped, UnitState::Maintenance, UnitState::Setup, UnitState::Idle];
            assert!(states.into_iter().all(|s| share(s) > 0.0), "{}: {:?}", spec.code, course.state_millis);
            assert!(share(UnitState::Starved) + share(UnitState::Blocked) > 0.02, "{}", spec.code);
            assert!(share(UnitState::Unknown) < 0.01, "{}", spec.code);
            failures += course.failures;
            stops += course.minor_stops;
            let readings = |item| course.readings[item].iter().copied();
            assert!(readings("motor-temperature").all(|t| (15.0..140.0).contains(&t)));
            assert!(readings("vibration").all(|v| (0.0..12.0).contains(&v)));
            assert!(readings("drive-load").all(|l| (0.0..100.0).contains(&l)));
            assert!(readings("speed-override").all(|p| (80.0..=100.0).contains(&p)));
            assert!(readings("power").all(|p| p >= 0.0));
            let programs = course.words["program"].iter().map(String::as_str).collect::<BTreeSet<_>>();
            assert_eq!(programs, line.products.iter().copied().collect());
            unit += 1;
        }
        let every = |count: u64| planned / 60_000.0 / count as f64;
        println!(
            "{}: a failure every {:.1} min, a minor stop every {:.1} min",
            line.path,
            every(failures),
            every(stops)
        );
        assert!((20.0..=40.0).contains(&every(failures)), "a failure every {} minutes", every(failures));
        assert!((2.0..=8.0).contains(&every(stops)), "a minor stop every {} minutes", every(stops));
    }
    assert!(courses.iter().any(|c| c.warnings > 0), "some failures announce themselves");
    assert!(courses.iter().any(|c| c.words["emergency-stop"].contains("TRIGGERED")));
}

#[test]
fn outside_the_shifts_everything_stands_ready() {
    let shift = ShiftPattern { name: "Day", start: 7 * 60, end: 8 * 60, breaks: vec![Break { start: 450, end: 455 }] };
    let shifts = ShiftPlan { time_zone: chrono_tz::Tz::UTC, shifts: vec![shift] };
    let layout = Layout { shifts, ..Layout::demo() };
    let mut plant = Plant::new(layout, 5, Clock { start: start(), speed: 1.0 });
    let ready = |value: &ObservationValue| matches!(value, ObservationValue::Unavailable) || *value == "READY".into();
    assert!(plant.advance(HOUR - 1).iter().all(|r| r.item != "execution" || ready(&r.value)));
    let total = |plant: &Plant| (0..8).map(|u| plant.counts(u).unwrap().total).sum::<u64>();
    assert_eq!(total(&plant), 0);
    plant.advance(HOUR * 3 / 2);
    let at_break = total(&plant);
    assert!(at_break > 0);
    plant.advance(HOUR * 3 / 2 + 5 * 60_000);
    assert!(total(&plant) - at_break <= 8, "each unit finishes its piece");
    plant.advance(2 * HOUR);
    let at_end = total(&plant);
    assert!(at_end > at_break + 8);
    let later = plant.advance(4 * HOUR);
    assert!(total(&plant) - at_end <= 8);
    let mut last = BTreeMap::new();
    for report in later.iter().filter(|r| r.item == "execution") {
        last.insert(report.unit, report.value.clone());
    }
    assert!(last.values().all(ready), "{last:?}");
}

#[test]
fn a_faster_model_keeps_to_the_wall_clock() {
    let clock = Clock { start: start(), speed: 60.0 };
    assert_eq!(clock.wall(HOUR), start().plus_seconds(60));
    assert_eq!(clock.model(start().plus_seconds(60)), HOUR);
    assert_eq!(clock.model(start().plus_seconds(-5)), 0);
    // The break at 10:00 comes after ten minutes of the wall clock, however much was produced by then.
    let clock = Clock { start: "2026-01-05T09:50:00Z".parse().unwrap(), speed: 60.0 };
    let mut plant = Plant::new(Layout::demo(), 1, clock);
    let reports = plant.advance(clock.model("2026-01-05T10:00:30Z".parse().unwrap()));
    let last = reports.iter().rfind(|r| r.item == "execution" && r.value == "READY".into());
    assert!(clock.wall(last.unwrap().at) >= "2026-01-05T10:00:00Z".parse().unwrap());
}

#[tokio::test]
async fn the_plant_runs_through_an_agent() {
    let layout = Layout { shifts: ShiftPlan::without_pause(), ..Layout::demo() };
    let agent = Agent::new(plant::devices(&layout)).start("127.0.0.1:0").await.unwrap();
    let clock = Clock { start: chrono::Utc::now().into(), speed: 200.0 };
    let driver = tokio::spawn(plant::run(Plant::new(layout, 1, clock), agent.adapter()));
    loop {
        let current = get(&format!("{}/current", agent.url())).await;
        let unavailable = current.observations().into_iter().filter(|o| o.text == "UNAVAILABLE");
        let silent: Vec<_> =
            unavailable.map(|o| o.get("dataItemId")).filter(|id| !id.ends_with("wait-state")).collect();
        let good = &current.of("pack-1-good-count")[0].text;
        if silent.is_empty() && good.parse::<u64>().is_ok_and(|n| n > 3) {
            break;
        }
        assert!(!driver.is_finished());
        tokio::task::yield_now().await;
    }
    driver.abort();
}
