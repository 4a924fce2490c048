//! State processing of another product: states, shifts, orders and counts in, processed states out.
//!
//! The input goes through our fold, reasons and plan. Each processed state of theirs is a stretch of time; of each it is looked
//! up what we count in it. Where both define the same, that must be equal to the microsecond; where they define otherwise, a
//! case of its own says so.

use gemba_domain::{
    Interval, Timestamp,
    oee::{CountRoles, Elements, Plan, UnitConfig, UnitFacts, UnitFold, elements},
    order::{OrderId, Work},
    reason::{Annotations, annotate},
    shift::ShiftInstance,
    signal::{SignalRole, Value as Reading},
};
use serde::Deserialize;
use serde_json::Value;

use super::Case;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    case: String,
    #[serde(rename = "function")]
    _function: String,
    input: Input,
    #[serde(rename = "expected_processedStateArray")]
    expected: Vec<Said>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Input {
    configuration: Configuration,
    state_array: Vec<Said>,
    count_slice: Option<Vec<Count>>,
    order_array: Option<Vec<Order>>,
    raw_shifts: Option<Vec<Shift>>,
    from: Option<Timestamp>,
    to: Option<Timestamp>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Configuration {
    microstop_duration_in_seconds: i64,
    #[serde(default)]
    ignore_microstop_under_this_duration_in_seconds: i64,
    low_speed_threshold_in_pcs_per_hour: Option<f64>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Said {
    state: u32,
    timestamp: Timestamp,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Count {
    count: f64,
    timestamp: Timestamp,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Order {
    begin_timestamp: Timestamp,
    end_timestamp: Timestamp,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Shift {
    timestamp_begin: Timestamp,
    timestamp_end: Timestamp,
    shift_type: u32,
}

/// What a code of theirs means. Below 1,000 the older numbering.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meaning {
    FullSpeed,
    LowSpeed,
    Unknown,
    Microstop,
    /// Guessed, or said.
    Changeover,
    NoShift,
    NoOrder,
    Stop,
}

impl Meaning {
    fn of(code: u32) -> Self {
        match code {
            0 | 10_000..20_000 => Self::FullSpeed,
            19 | 20_000..30_000 => Self::LowSpeed,
            30_000..40_000 => Self::Unknown,
            7 | 50_000..60_000 => Self::Microstop,
            100_000..140_000 => Self::Changeover,
            160_000..170_000 => Self::NoShift,
            170_000..180_000 => Self::NoOrder,
            _ => Self::Stop,
        }
    }

    /// As a machine of ours would say it.
    fn word(self) -> Reading {
        match self {
            Self::FullSpeed | Self::LowSpeed => Reading::Text("ACTIVE".into()),
            Self::Unknown => Reading::Unavailable,
            Self::NoOrder | Self::NoShift => Reading::Text("READY".into()),
            Self::Microstop | Self::Changeover | Self::Stop => Reading::Text("STOPPED".into()),
        }
    }
}

const SHORT_STOPS: &str =
    "there a stop under the least length is taken for running; here every stop counts, a short one as minor stop";
const LOW_SPEED: &str = "there slow running is a state of its own, judged minute by minute; here it is producing time, and the \
                         pieces that are missing are performance loss";
const CHANGEOVER: &str = "there a stop at the begin and end of an order is taken for changeover; here set-up is what the machine \
                          or a person says";

/// The cases of one file; `None` when it is something else.
pub(super) fn cases(value: &Value) -> Option<Vec<Case>> {
    let file = File::deserialize(value).ok()?;
    Some(cases_of(&file))
}

/// The input in our terms.
struct Ours {
    facts: UnitFacts,
    shifts: Vec<ShiftInstance>,
    works: Vec<Work>,
}

impl Ours {
    fn of(input: &Input, period: Interval) -> Result<Self, String> {
        let counts = CountRoles { total: true, ..CountRoles::default() };
        let mut fold = UnitFold::new(UnitConfig { counts, ..UnitConfig::default() }, period.from);
        let mut events: Vec<(Timestamp, SignalRole, Reading)> = input
            .state_array
            .iter()
            .map(|said| (said.timestamp, SignalRole::Execution, Meaning::of(said.state).word()))
            .collect();
        let mut counts: Vec<&Count> = input.count_slice.iter().flatten().collect();
        counts.sort_by_key(|count| count.timestamp);
        let mut total = 0.0;
        events.push((period.from, SignalRole::TotalCount, Reading::Number(total)));
        for count in counts {
            total += count.count;
            events.push((count.timestamp, SignalRole::TotalCount, Reading::Number(total)));
        }
        events.sort_by_key(|(time, ..)| *time);
        for (time, role, value) in &events {
            fold.apply(*time, *role, value).map_err(|error| error.to_string())?;
        }
        fold.cover(period);
        let shift = |shift: &Shift| ShiftInstance {
            name: "Shift".into(),
            from: shift.timestamp_begin,
            to: shift.timestamp_end,
            ..ShiftInstance::around_the_clock(period)
        };
        let shifts = match &input.raw_shifts {
            None => vec![ShiftInstance::around_the_clock(period)],
            Some(shifts) => shifts.iter().filter(|it| it.shift_type != 0).map(shift).collect(),
        };
        let work = |(index, order): (u128, &Order)| Work {
            interval: Interval::new(order.begin_timestamp, order.end_timestamp),
            order: Some(OrderId(uuid::Uuid::from_u128(index + 1))),
            product: None,
            pri_micros: None,
        };
        let works = (0..).zip(input.order_array.iter().flatten()).map(work).collect();
        Ok(Self { facts: fold.facts(period), shifts, works })
    }

    /// What we count in a stretch, with stops shorter than so many seconds as minor ones.
    fn elements(&self, stretch: Interval, minor_seconds: i64) -> Elements {
        let notes = Annotations { minor_stop_micros: minor_seconds * 1_000_000, ..Annotations::default() };
        let plan = Plan { shifts: &self.shifts, works: &self.works, ..Plan::default() };
        elements(&annotate(&self.facts.intervals, &notes), &self.facts.counts, &plan, stretch)
    }
}

fn cases_of(file: &File) -> Vec<Case> {
    let File { input, expected, .. } = file;
    let configuration = &input.configuration;
    let stamps = input
        .state_array
        .iter()
        .chain(expected)
        .map(|said| said.timestamp)
        .chain(input.count_slice.iter().flatten().map(|count| count.timestamp));
    let (first, last) = (stamps.clone().min().unwrap_or_default(), stamps.max().unwrap_or_default());
    let period = Interval::new(input.from.unwrap_or(first), input.to.unwrap_or(last));
    let mut alike = Case::new(format!("{}: what both define alike", file.case));
    let ours = match Ours::of(input, period) {
        Ok(ours) => ours,
        Err(error) => {
            alike.wrong.push(error);
            return vec![alike];
        }
    };
    let (mut theirs, mut there) = (Sums::default(), Vec::new());
    for (index, said) in expected.iter().enumerate() {
        let end = expected.get(index + 1).map_or(period.to, |next| next.timestamp);
        let stretch = Interval::new(said.timestamp, end);
        if stretch.is_empty() {
            continue;
        }
        let meaning = Meaning::of(said.state);
        theirs.add(meaning, stretch);
        there.push(stretch);
        compare(&mut alike, &ours, (meaning, stretch), configuration);
    }
    let sum: Elements =
        there.iter().map(|stretch| ours.elements(*stretch, configuration.microstop_duration_in_seconds)).sum();
    alike.expect("time in all, s", seconds(period.micros()), Some(seconds(sum.calendar)), 1e-6);
    let mut all = vec![alike];
    let mut other = |what: &str, theirs: i64, ours: i64, why: &'static str| {
        let mut case = Case { differs: Some(why), ..Case::new(format!("{}: {what} as counted there", file.case)) };
        case.expect(&format!("{what}, s"), seconds(theirs), Some(seconds(ours)), 1e-6);
        all.extend((!case.wrong.is_empty()).then_some(case));
    };
    if configuration.ignore_microstop_under_this_duration_in_seconds > 0 {
        other("running", theirs.full_speed + theirs.low_speed, sum.apt, SHORT_STOPS);
    }
    if theirs.low_speed > 0 {
        other("running at full speed", theirs.full_speed, sum.apt, LOW_SPEED);
    }
    other("changeover", theirs.changeover, sum.aust, CHANGEOVER);
    all
}

/// Their time by meaning, microseconds.
#[derive(Debug, Default)]
struct Sums {
    full_speed: i64,
    low_speed: i64,
    changeover: i64,
}

impl Sums {
    fn add(&mut self, meaning: Meaning, stretch: Interval) {
        let sum = match meaning {
            Meaning::FullSpeed => &mut self.full_speed,
            Meaning::LowSpeed => &mut self.low_speed,
            Meaning::Changeover => &mut self.changeover,
            Meaning::Unknown | Meaning::Microstop | Meaning::NoShift | Meaning::NoOrder | Meaning::Stop => return,
        };
        *sum += stretch.micros();
    }
}

/// One processed state of theirs against what we count in its time.
fn compare(case: &mut Case, ours: &Ours, (meaning, stretch): (Meaning, Interval), configuration: &Configuration) {
    let found = ours.elements(stretch, configuration.microstop_duration_in_seconds);
    let length = seconds(stretch.micros());
    let at = |what: &str| format!("{what} from {}, s", stretch.from);
    let standing = found.adet + found.adot + found.aust;
    let rate = found.pq / (length / 3600.0);
    let threshold = configuration.low_speed_threshold_in_pcs_per_hour.filter(|rate| *rate > 0.0);
    let mut same = |what: &str, micros: i64| case.expect(&at(what), length, Some(seconds(micros)), 1e-6);
    match meaning {
        Meaning::FullSpeed | Meaning::LowSpeed => {
            let ignored = ours.elements(stretch, configuration.ignore_microstop_under_this_duration_in_seconds).minor;
            same("running, with the short stops that are ignored there", found.apt + ignored);
        }
        Meaning::Unknown => same("unknown", found.unknown),
        Meaning::Microstop => same("minor stop", found.minor),
        Meaning::NoShift => same("outside every shift", found.not_scheduled),
        Meaning::NoOrder => same("without an order", found.adot),
        Meaning::Stop => same("standing", standing),
        Meaning::Changeover => {
            same("standing", standing);
            let within: i64 =
                ours.works.iter().filter_map(|work| work.interval.intersection(&stretch)).map(|it| it.micros()).sum();
            same("within an order", within);
        }
    }
    // By our counts it must be so fast, or so slow.
    if let Some(threshold) = threshold {
        let wrong = match meaning {
            Meaning::LowSpeed => rate >= threshold,
            Meaning::FullSpeed => rate < threshold,
            _ => false,
        };
        if wrong {
            case.wrong.push(format!("{}: {rate:.0} pieces an hour, the threshold is {threshold}", at("speed")));
        }
    }
}

fn seconds(micros: i64) -> f64 {
    micros as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn file(expected: Value) -> Value {
        json!({
            "case": "a day", "function": "process",
            "input": {
                "configuration": {"MicrostopDurationInSeconds": 300, "IgnoreMicrostopUnderThisDurationInSeconds": 30,
                                  "LowSpeedThresholdInPcsPerHour": -1},
                "countSlice": null, "orderArray": null, "to": "2021-01-01T12:00:00Z",
                "rawShifts": [{"TimestampBegin": "0001-01-01T00:00:00Z", "TimestampEnd": "2021-01-01T06:00:00Z", "ShiftType": 0},
                              {"TimestampBegin": "2021-01-01T06:00:00Z", "TimestampEnd": "2021-01-01T11:00:00Z", "ShiftType": 1}],
                "stateArray": [{"State": 10000, "Timestamp": "2021-01-01T06:00:00Z"},
                               {"State": 40000, "Timestamp": "2021-01-01T07:00:00Z"},
                               {"State": 10000, "Timestamp": "2021-01-01T07:00:10Z"},
                               {"State": 40000, "Timestamp": "2021-01-01T10:00:00Z"}]
            },
            "expected_processedStateArray": expected
        })
    }

    #[test]
    fn what_is_alike_must_be_equal_and_what_is_not_says_why() {
        let good = json!([{"State": 10000, "Timestamp": "2021-01-01T06:00:00Z"}, {"State": 10000, "Timestamp": "2021-01-01T07:00:10Z"},
                          {"State": 40000, "Timestamp": "2021-01-01T10:00:00Z"}, {"State": 160000, "Timestamp": "2021-01-01T11:00:00Z"}]);
        let found = cases(&file(good)).unwrap_or_default();
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].wrong.is_empty() && found[0].differs.is_none(), "{found:?}");
        assert_eq!(found[1].wrong, ["running, s: expected 14400, found 14390.000000"]);
        assert_eq!(found[1].differs, Some(SHORT_STOPS));

        let late = json!([{"State": 10000, "Timestamp": "2021-01-01T06:00:00Z"}, {"State": 40000, "Timestamp": "2021-01-01T10:00:01Z"},
                          {"State": 160000, "Timestamp": "2021-01-01T11:00:00Z"}]);
        let found = cases(&file(late)).unwrap_or_default();
        assert_eq!(found[0].wrong.len(), 1, "{found:?}");
        assert_eq!(cases(&json!({"case": 1})), None);
    }
}
