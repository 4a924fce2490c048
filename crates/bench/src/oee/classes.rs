//! Another product's tables: which state is which loss, and what its state codes are.
//!
//! Its lengths of time buckets (a month of 31 days, a year of 365) are not compared: periods here are those of the calendar.

use gemba_domain::{
    Interval, Timestamp,
    oee::{Elements, Plan, StateInterval, elements},
    order::Work,
    reason::{Annotations, annotate},
    shift::ShiftInstance,
    state::UnitState,
};
use serde::Deserialize;
use serde_json::Value;

use super::Case;

const HOUR: i64 = 3_600_000_000;
const PERFORMANCE: &str = "there each plant lists the states whose time lowers performance; here standing lowers availability, and \
                           only short stops go to performance, by the profile tpm";

#[derive(Debug, Deserialize)]
struct File {
    #[serde(rename = "IsPerformanceLoss")]
    performance: Vec<Class>,
    #[serde(rename = "IsAvailabilityLoss")]
    availability: Vec<Class>,
}

#[derive(Debug, Deserialize)]
struct Class {
    state: u32,
    expected: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Code {
    name: String,
    code: u32,
    #[serde(rename = "meaning")]
    _meaning: String,
}

/// The cases of one file; `None` when it is something else.
pub(super) fn cases(value: &Value) -> Option<Vec<Case>> {
    if let Ok(file) = File::deserialize(value) {
        let of = |what, classes: &[Class]| classes.iter().map(|it| class(what, it)).collect::<Vec<_>>();
        return Some(
            [of(Factor::Performance, &file.performance), of(Factor::Availability, &file.availability)].concat(),
        );
    }
    let codes = Vec::<Code>::deserialize(value).ok().filter(|codes| !codes.is_empty())?;
    Some(vec![named(&codes)])
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Factor {
    Performance,
    Availability,
}

/// A state of ours for a code of theirs.
fn state_of(code: u32) -> UnitState {
    match code {
        10_000..30_000 => UnitState::Producing,
        30_000..40_000 => UnitState::Unknown,
        40_100..40_200 | 160_000..180_000 => UnitState::Idle,
        60_000..70_000 | 80_000..100_000 => UnitState::Starved,
        70_000..80_000 => UnitState::Blocked,
        100_000..140_000 => UnitState::Setup,
        _ => UnitState::Stopped,
    }
}

/// Whether half an hour of a state lowers a factor of the hour that it lies in, beside half an hour of producing at the ideal cycle.
fn class(factor: Factor, given: &Class) -> Case {
    let hour = Interval::new(Timestamp::from_micros(0), Timestamp::from_micros(HOUR));
    let middle = Timestamp::from_micros(HOUR / 2);
    let state = |from, to, state| StateInterval { interval: Interval::new(from, to), state, cause: None };
    let states = [state(hour.from, middle, UnitState::Producing), state(middle, hour.to, state_of(given.state))];
    let shifts = [ShiftInstance::around_the_clock(hour)];
    let works: [Work; 0] = [];
    let plan = Plan { shifts: &shifts, works: &works, ..Plan::default() };
    let mut sums: Elements = elements(&annotate(&states, &Annotations::default()), &[], &plan, hour);
    sums.pq = 1800.0;
    sums.gq = 1800.0;
    sums.pri_pq = (HOUR / 2) as f64;
    sums.pri_gq = sums.pri_pq;
    let value = match factor {
        Factor::Performance => sums.effectiveness(),
        Factor::Availability => sums.availability(),
    };
    let lowers = value.is_none_or(|value| value < 1.0 - 1e-9);
    let differs = ((factor == Factor::Performance && given.expected)
        || (factor == Factor::Availability && !given.expected))
        .then_some(PERFORMANCE);
    let mut case = Case { differs, ..Case::new(format!("state {} lowers {factor:?}", given.state)) };
    case.expect("yes is 1", f64::from(u8::from(given.expected)), Some(f64::from(u8::from(lowers))), 0.0);
    case
}

/// Each code is, by its name, what we take it for.
fn named(codes: &[Code]) -> Case {
    let mut case = Case::new("state codes are what their names say");
    for code in codes {
        let expected = match code.name.as_str() {
            name if name.starts_with("Producing") => UnitState::Producing,
            "UnknownState" => UnitState::Unknown,
            "IdleState" | "NoShiftState" | "NoOrderState" => UnitState::Idle,
            "OutletJamState" => UnitState::Blocked,
            name if name.contains("InletJam") || name.contains("Congestion") || name.contains("Missing") => {
                UnitState::Starved
            }
            name if name.contains("MaterialIssue") => UnitState::Starved,
            name if name.contains("Changeover") || name.contains("Cleaning") || name.contains("Emptying") => {
                UnitState::Setup
            }
            "SettingUpState" => UnitState::Setup,
            _ => UnitState::Stopped,
        };
        let found = state_of(code.code);
        if found != expected {
            case.wrong.push(format!("{} ({}): expected {expected:?}, found {found:?}", code.name, code.code));
        }
    }
    case
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn classes_and_codes() {
        let file = json!({"IsPerformanceLoss": [{"state": 40200, "expected": false}, {"state": 40100, "expected": true}],
                          "IsAvailabilityLoss": [{"state": 40200, "expected": true}, {"state": 10000, "expected": true}]});
        let found = cases(&file).unwrap_or_default();
        let outcome: Vec<_> = found.iter().map(|case| (case.wrong.len(), case.differs.is_some())).collect();
        assert_eq!(outcome, [(0, false), (1, true), (0, false), (1, false)]);
        let codes = json!([{"name": "OutletJamState", "code": 70000, "meaning": ""}, {"name": "IdleState", "code": 10000, "meaning": ""}]);
        assert_eq!(cases(&codes).unwrap_or_default()[0].wrong.len(), 1);
        assert_eq!(cases(&json!([])), None);
    }
}
