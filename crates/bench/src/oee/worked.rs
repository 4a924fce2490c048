//! Worked figures: times and pieces in, figures out.

use gemba_domain::oee::Elements;
use serde::Deserialize;
use serde_json::Value;

use super::Case;

const MINUTE: f64 = 60e6;

#[derive(Debug, Deserialize)]
struct WorkedCase {
    id: String,
    input: Input,
    expected: Expected,
    tolerance_abs: f64,
}

/// Minutes and seconds as their names say. What is not given follows from the rest.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Input {
    shift_min: Option<f64>,
    short_breaks: Breaks,
    meal_breaks: Breaks,
    planned_production_min: Option<f64>,
    downtime_min: Option<f64>,
    run_min: Option<f64>,
    ideal_cycle_s: Option<f64>,
    ideal_cycle_min: Option<f64>,
    ideal_rate_per_min: Option<f64>,
    total_count: Option<f64>,
    good_count: Option<f64>,
    reject_count: Option<f64>,
    /// Given as ratios: times and pieces are made that have them.
    availability: Option<f64>,
    performance: Option<f64>,
    quality: Option<f64>,
    /// Planned busy time / calendar time.
    loading: Option<f64>,
}

#[derive(Debug, Default, Deserialize)]
struct Breaks {
    n: f64,
    min: f64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Expected {
    planned_production_min: Option<f64>,
    run_min: Option<f64>,
    good_count: Option<f64>,
    availability: Option<f64>,
    performance: Option<f64>,
    quality: Option<f64>,
    oee: Option<f64>,
    teep: Option<f64>,
}

/// The cases of a list of worked figures; `None` when it is something else.
pub(super) fn cases(value: &Value) -> Option<Vec<Case>> {
    let all = value.as_array()?;
    all.iter().map(|case| Some(case_of(&WorkedCase::deserialize(case).ok()?))).collect()
}

fn case_of(given: &WorkedCase) -> Case {
    let (e, expected, tolerance) = (elements(&given.input), &given.expected, given.tolerance_abs);
    let mut case = Case::new(&given.id);
    let mut expect = |what, wanted: Option<f64>, found| {
        if let Some(wanted) = wanted {
            case.expect(what, wanted, found, tolerance);
        }
    };
    expect("planned busy time, min", expected.planned_production_min, Some(e.pbt() as f64 / MINUTE));
    expect("producing, min", expected.run_min, Some(e.apt as f64 / MINUTE));
    expect("good pieces", expected.good_count, Some(e.gq));
    expect("availability", expected.availability, e.availability());
    expect("performance", expected.performance, e.effectiveness());
    expect("quality", expected.quality, e.quality_ratio());
    expect("OEE", expected.oee, e.oee());
    expect("TEEP", expected.teep, e.teep());
    case
}

/// The elements that the case describes.
fn elements(input: &Input) -> Elements {
    let breaks = input.short_breaks.n * input.short_breaks.min + input.meal_breaks.n * input.meal_breaks.min;
    // Where only ratios are given any length will do.
    let planned = input.planned_production_min.or(input.shift_min.map(|shift| shift - breaks)).unwrap_or(480.0);
    let stopped = input.downtime_min.unwrap_or(0.0);
    let run = input.run_min.or(input.availability.map(|a| a * planned)).unwrap_or(planned - stopped);
    let cycle =
        input.ideal_cycle_s.map(|s| s / 60.0).or(input.ideal_cycle_min).or(input.ideal_rate_per_min.map(|r| 1.0 / r));
    let cycle = cycle.unwrap_or(1.0);
    let total = input.total_count.or(input.performance.map(|p| p * run / cycle)).unwrap_or(0.0);
    let good = input
        .good_count
        .or(input.reject_count.map(|rejected| total - rejected))
        .or(input.quality.map(|quality| quality * total))
        .unwrap_or(total);
    let micros = |minutes: f64| (minutes * MINUTE).round() as i64;
    let calendar = match (input.loading, input.shift_min) {
        (Some(loading), _) => micros(planned / loading),
        (None, Some(shift)) => micros(shift),
        (None, None) => micros(planned),
    };
    let pause = if input.shift_min.is_some() { micros(breaks) } else { 0 };
    Elements {
        calendar,
        not_scheduled: calendar - micros(planned) - pause,
        breaks: pause,
        apt: micros(run),
        adet: micros(planned) - micros(run),
        pq: total,
        gq: good,
        sq: total - good,
        pri_pq: total * cycle * MINUTE,
        pri_gq: good * cycle * MINUTE,
        ..Elements::default()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_case_is_right_or_says_what_is_not() {
        let case = |oee: f64| {
            json!([{
                "id": "textbook", "tolerance_abs": 6e-5,
                "input": {"shift_min": 480, "short_breaks": {"n": 2, "min": 15}, "meal_breaks": {"n": 1, "min": 30},
                          "downtime_min": 47, "ideal_cycle_s": 1.0, "total_count": 19271, "reject_count": 423},
                "expected": {"planned_production_min": 420, "run_min": 373, "good_count": 18848, "oee": oee}
            }])
        };
        assert_eq!(cases(&case(0.7479)), Some(vec![Case::new("textbook")]));
        let wrong = cases(&case(0.7481)).unwrap_or_default();
        assert_eq!(wrong[0].wrong, ["OEE: expected 0.7481, found 0.747937"]);
        assert_eq!(cases(&json!([{"id": "x", "input": {"unheard_of": 1}, "expected": {}, "tolerance_abs": 0}])), None);
        assert_eq!(cases(&json!({"rotation_cases": []})), None);
    }

    #[test]
    fn ratios_alone_are_enough() {
        let input = Input {
            availability: Some(0.867),
            performance: Some(0.93),
            quality: Some(0.95),
            loading: Some(0.714),
            ..Input::default()
        };
        let e = elements(&input);
        assert!((e.teep().unwrap_or_default() - 0.867 * 0.93 * 0.95 * 0.714).abs() < 1e-6);
    }
}
