//! How the figures of the made-up report are made, and a comparison of the made-up units.

use gemba_contract::report::{
    CompareBy, Comparison, ComparisonRow, Derivation, DerivedCount, DerivedInterval, DerivedSignal, Formula, Gap,
};
use gemba_domain::{
    oee::{Bucket, Elements, NOT_WATCHED, Profile},
    signal::{SignalId, SignalRole},
    state::UnitState,
};

use super::{
    plant::{self, at, shift},
    report,
};

fn min(micros: f64) -> String {
    format!("{:.1} min", micros / 60e6)
}

fn formulas(e: &Elements) -> Vec<Formula> {
    let made = |figure: &str, name: &str, formula: &str, a: f64, b: f64| Formula {
        figure: figure.to_owned(),
        name: name.to_owned(),
        formula: formula.to_owned(),
        numbers: format!("{} / {}", min(a), min(b)),
        value: (b > 0.0).then(|| a / b),
        unit: "%".to_owned(),
    };
    let (known, pbt) = (e.known_pbt() as f64, e.pbt() as f64);
    vec![
        made("oee", "OEE", "sum(PRI x GQ) / known PBT", e.pri_gq, known),
        made("availability", "Availability", "APT / known PBT", e.apt as f64, known),
        made("performance", "Performance", "sum(PRI x PQ) / APT", e.pri_pq, e.apt as f64),
        made("quality", "Quality", "sum(PRI x GQ) / sum(PRI x PQ)", e.pri_gq, e.pri_pq),
        made("coverage", "Coverage", "known PBT / PBT", known, pbt),
        made("teep", "TEEP", "sum(PRI x GQ) / calendar time", e.pri_gq, e.calendar as f64),
    ]
}

pub fn derivation(path: &str, query: &str) -> Option<Derivation> {
    let report = report::report(path, query)?;
    let figure = query.split('&').find_map(|p| p.strip_prefix("figure=")).unwrap_or("oee").to_owned();
    let elements = report.figures.elements;
    let lane = report.lanes.iter().find(|l| l.key_unit)?;
    let intervals: Vec<DerivedInterval> = lane
        .segments
        .iter()
        .map(|s| {
            let bucket = match s.state {
                UnitState::Producing => Bucket::Producing,
                UnitState::Setup => Bucket::Setup,
                UnitState::Idle => Bucket::NoOrder,
                UnitState::Unknown => Bucket::Unknown,
                _ => Bucket::Delay,
            };
            DerivedInterval {
                from: s.from,
                to: s.to,
                state: s.state,
                cause: s.word.clone(),
                reason: report.stops.iter().find(|stop| stop.from == s.from).and_then(|stop| stop.reason_name.clone()),
                buckets: vec![(bucket, s.to.micros_since(s.from))],
            }
        })
        .collect();
    let counts: Vec<DerivedCount> = (0..24)
        .map(|i| DerivedCount {
            from: report.period.from.plus_seconds(i * 12),
            to: report.period.from.plus_seconds(i * 12 + 12),
            good: 1.0,
            scrap: 0.0,
            total: 1.0,
            after_gap: i == 9,
            known_share: if i == 9 { 0.42 } else { 1.0 },
        })
        .collect();
    let gaps = lane.segments.iter().filter(|s| s.state == UnitState::Unknown).map(|s| Gap {
        from: s.from,
        to: s.to,
        cause: NOT_WATCHED.to_owned(),
        samples_lost: Some(312),
    });
    let gap = Gap {
        from: report.period.from.plus_seconds(600),
        to: report.period.from.plus_seconds(840),
        cause: NOT_WATCHED.to_owned(),
        samples_lost: Some(312),
    };
    let signal = |i: i32, code: &str, name: &str, role, samples| DerivedSignal {
        id: SignalId(i),
        code: code.to_owned(),
        name: name.to_owned(),
        role,
        samples,
    };
    Some(Derivation {
        path: lane.path.clone(),
        name: lane.name.clone(),
        utc_offset_minutes: 0,
        from: report.period.from,
        to: report.period.to.min(at()),
        figure,
        profile: Profile::Iso22400,
        profile_version: 1,
        formulas: formulas(&elements),
        elements,
        intervals_total: intervals.len() as u64,
        intervals,
        counts,
        counts_total: elements.gq as u64,
        gaps: gaps.chain([gap]).collect(),
        signals: vec![
            signal(0, "execution", "Execution", SignalRole::Execution, 214),
            signal(1, "mode", "Controller mode", SignalRole::ControllerMode, 6),
            signal(3, "parts-good", "Good parts", SignalRole::GoodCount, 638),
        ],
        at: at(),
    })
}

pub fn compare(path: &str) -> Option<Comparison> {
    let overview = plant::overview();
    let mut rows: Vec<ComparisonRow> = overview.sites[0]
        .lines()
        .flat_map(|line| &line.units)
        .filter(|unit| unit.path.as_str().starts_with(path))
        .map(|unit| {
            let elements = plant::elements_of(&unit.strip, shift().from, at(), 12.0);
            ComparisonRow {
                key: unit.path.to_string(),
                name: unit.name.clone(),
                factors: Profile::Iso22400.factors(&elements),
                coverage: elements.coverage(),
                elements,
            }
        })
        .collect();
    rows.sort_by(|a, b| a.factors.oee.unwrap_or(9.0).total_cmp(&b.factors.oee.unwrap_or(9.0)));
    Some(Comparison {
        path: path.parse().ok()?,
        name: "Press line 2".to_owned(),
        utc_offset_minutes: 0,
        by: CompareBy::Unit,
        from: shift().from,
        to: shift().to,
        profile: Profile::Iso22400,
        profile_version: 1,
        rows,
        at: at(),
    })
}
