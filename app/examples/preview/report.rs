//! A made-up report: everything in it is counted from the same strips, so that its figures agree.

use gemba_contract::{
    overview::{LineOverview, ShiftView, StripSegment},
    reason::{ReasonTree, ReasonView, Said},
    report::{
        Around, BoardRow, CausedBy, Compared, Figures, Lane, LaneSegment, LossKind, LossStep, Note, Period, ReasonRow,
        Reliability, Report, Restatement, RestatementCause, RowsBy, Stop, TrendPoint,
    },
};
use gemba_domain::{
    Timestamp,
    equipment::{EquipmentPath, Level},
    oee::{Elements, Factors, Profile},
    reason::{LossCategory, ReasonId},
    state::UnitState,
};

use super::plant::{self, Random, at, shift};

/// Code, name, parent, category.
const REASONS: [(&str, &str, Option<&str>, LossCategory); 11] = [
    ("press", "Press", None, LossCategory::Breakdown),
    ("die-sensor", "Die sensor", Some("press"), LossCategory::Breakdown),
    ("hydraulics", "Hydraulics", Some("press"), LossCategory::Breakdown),
    ("ram-brake", "Ram brake", Some("press"), LossCategory::Breakdown),
    ("feeding", "Feeding", None, LossCategory::MinorStops),
    ("feeder-jam", "Feeder jam", Some("feeding"), LossCategory::MinorStops),
    ("misfeed", "Misfeed, double blank", Some("feeding"), LossCategory::MinorStops),
    ("coil-change", "Coil change", Some("feeding"), LossCategory::Setup),
    ("die-change", "Die change", None, LossCategory::Setup),
    ("meeting", "Team meeting", None, LossCategory::Planned),
    ("no-material", "No material", None, LossCategory::NotScheduled),
];

const PRI: f64 = 12.0;
const TARGET: f64 = 0.745;

pub fn reasons() -> ReasonTree {
    let reasons = REASONS
        .iter()
        .enumerate()
        .map(|(i, (code, name, parent, category))| ReasonView {
            id: ReasonId(uuid::Uuid::from_u128(i as u128 + 1)),
            code: (*code).to_owned(),
            name: (*name).to_owned(),
            parent: parent.map(str::to_owned),
            category: *category,
        })
        .collect();
    ReasonTree { reasons }
}

fn reason_of(code: &str) -> (&'static str, LossCategory) {
    REASONS.iter().find(|r| r.0 == code).map(|r| (r.1, r.3)).unwrap()
}

/// The part of a strip within a stretch.
fn cut(strip: &[StripSegment], from: Timestamp, to: Timestamp) -> Vec<StripSegment> {
    strip
        .iter()
        .map(|s| StripSegment { from: s.from.max(from), to: s.to.min(to), state: s.state })
        .filter(|s| s.to > s.from)
        .collect()
}

fn factors(e: &Elements) -> Factors {
    Profile::Iso22400.factors(e)
}

pub fn report(path: &str, query: &str) -> Option<Report> {
    let overview = plant::overview();
    let line = overview.sites[0]
        .lines()
        .find(|l| l.tile.path.as_str() == path || l.units.iter().any(|u| u.path.as_str() == path))?;
    let key = line.units.iter().find(|u| Some(u.id) == line.key_unit).unwrap();
    let asked = line.units.iter().find(|u| u.path.as_str() == path).unwrap_or(&line.tile);
    let time = |name: &str| query.split('&').find_map(|p| p.strip_prefix(name)).and_then(|t| t.parse().ok());
    let (from, to): (Timestamp, Timestamp) = time("from=").zip(time("to=")).unwrap_or((shift().from, shift().to));
    let end = to.min(at());
    // A line's own strip is that of its key unit in truth; here both are made up, and the line's counts.
    let strip = cut(&asked.strip, from, end);
    let elements = plant::elements_of(&asked.strip, from, end, PRI);
    let stops = stops(&strip, &key.path, &key.name);
    let trend = trend(&elements);
    let compared = trend.get(trend.len() - 4).map(|p| Compared {
        label: "same shift yesterday".to_owned(),
        from: p.from,
        to: p.to,
        factors: p.factors,
        good: p.good,
        coverage: p.coverage,
    });
    let lost = elements.known_pbt() - elements.pri_gq as i64;
    Some(Report {
        id: asked.id,
        path: asked.path.clone(),
        name: asked.name.clone(),
        level: asked.level,
        around: around(line, asked.level),
        time_zone: "Europe/London".to_owned(),
        utc_offset_minutes: 0,
        period: Period {
            from,
            to,
            shift: (from == shift().from).then(shift),
            day: "2026-11-24".to_owned(),
            previous: (from.plus_seconds(-8 * 3600), from),
            next: (to < at()).then(|| (to, to.plus_seconds(8 * 3600))),
        },
        profile: Profile::Iso22400,
        profile_version: 1,
        now: (to > at()).then(|| asked.now.clone()),
        figures: Figures {
            factors: factors(&elements),
            coverage: elements.coverage(),
            target_oee: Some(TARGET),
            target_pieces: Some((elements.known_pbt() as f64 / PRI / 1e6 * TARGET).floor()),
            nee: elements.nee(),
            teep: elements.teep(),
            lost_cents: Some(cents(lost)),
            ideal_cycle_suspect: false,
            elements,
            reliability: Reliability {
                failures: 3,
                mtbf_seconds: Some(elements.apt as f64 / 3e6),
                mttr_seconds: Some(642.0),
                restored: 3,
                censored_seconds: 310.0,
            },
        },
        compared: compared.into_iter().collect(),
        restated: if to < at() { vec![restated(&elements)] } else { Vec::new() },
        rows: rows(&strip, from, end, &stops),
        rows_by: RowsBy::Hour,
        lanes: lanes(line, from, end),
        losses: losses(&elements, &stops),
        reasons: pareto(&stops),
        stops_total: stops.len() as u64,
        stops,
        trend,
        notes: vec![Note {
            id: 9,
            from,
            to,
            text: "Press 3 die sensor was cleaned at 13:40; watch it after coil changes. Spare is in cabinet 4."
                .to_owned(),
            by: "m.okafor".to_owned(),
            at: from.plus_seconds(-300),
        }],
        currency: "GBP".to_owned(),
        at: at(),
    })
}

/// 95 GBP an hour.
fn cents(micros: i64) -> i64 {
    (micros as f64 / 3.6e9 * 9_500.0) as i64
}

fn around(line: &LineOverview, level: Level) -> Around {
    let mut above = vec![
        ("Leeds".to_owned(), "acme/leeds".parse().ok()),
        (plant::area_of(line).to_owned(), line.tile.path.parent()),
    ];
    if level == Level::Unit {
        above.push((line.tile.name.clone(), Some(line.tile.path.clone())));
    }
    Around {
        above,
        units: line.units.iter().map(|u| (u.name.clone(), u.path.clone())).collect(),
        key_unit: line.units.iter().find(|u| Some(u.id) == line.key_unit).map(|u| u.path.clone()),
    }
}

fn restated(now: &Elements) -> Restatement {
    let oee = |oee| Factors { oee: Some(oee), ..Factors::default() };
    Restatement {
        shift: ShiftView { name: "Early".to_owned(), from: shift().from.plus_seconds(-8 * 3600), to: shift().from },
        reported_at: at().plus_seconds(-3600),
        reported: oee(factors(now).oee.unwrap() - 0.018),
        now: factors(now),
        changes: vec![RestatementCause { at: at().plus_seconds(-1800), cause: "late samples".to_owned(), by: None }],
    }
}

fn stops(strip: &[StripSegment], unit: &EquipmentPath, name: &str) -> Vec<Stop> {
    let mut number = 0;
    let mut stops: Vec<Stop> = strip
        .iter()
        .filter(|s| !matches!(s.state, UnitState::Producing | UnitState::Unknown))
        .map(|s| {
            number += 1;
            let running = s.to >= at();
            let seconds = s.to.seconds_since(s.from);
            let code = match s.state {
                _ if running => None,
                UnitState::Setup => Some("coil-change"),
                UnitState::Idle => Some("no-material"),
                UnitState::Stopped if seconds < 120.0 => Some("feeder-jam"),
                UnitState::Stopped => [Some("die-sensor"), Some("hydraulics"), Some("die-sensor"), None][number % 4],
                _ => None,
            };
            let said = code.filter(|_| number % 3 == 0).map(|code| Said {
                id: number as i64,
                from: s.from,
                to: Some(s.to),
                reason: Some(code.to_owned()),
                comment: if code == "die-sensor" { "Cleaned; connector is loose".to_owned() } else { String::new() },
                by: "m.okafor".to_owned(),
                at: s.to.plus_seconds(40),
            });
            let held = matches!(s.state, UnitState::Blocked | UnitState::Starved);
            Stop {
                unit: unit.clone(),
                unit_name: name.to_owned(),
                from: s.from,
                to: s.to,
                running,
                state: s.state,
                cause: (s.state == UnitState::Stopped).then(|| "FEED_HOLD".to_owned()),
                reason: code.map(str::to_owned),
                reason_name: code.map(|c| reason_of(c).0.to_owned()),
                category: code.map(|c| reason_of(c).1),
                by_rule: code.is_some() && said.is_none(),
                said: said.into_iter().collect(),
                minor: seconds < 120.0,
                caused_by: held.then(|| CausedBy { unit: None, text: "Stacker, wrapper film".to_owned() }),
            }
        })
        .collect();
    stops.reverse();
    stops
}

fn rows(strip: &[StripSegment], begin: Timestamp, end_of: Timestamp, stops: &[Stop]) -> Vec<BoardRow> {
    let pieces = |to: Timestamp| {
        let apt: i64 = cut(strip, begin, to)
            .iter()
            .filter(|s| s.state == UnitState::Producing)
            .map(|s| s.to.micros_since(s.from))
            .sum();
        let pq = (apt as f64 / 1e6 / PRI * 0.88).floor();
        (pq - (pq * 0.021).floor(), (pq * 0.021).floor())
    };
    let mut rows: Vec<BoardRow> = Vec::new();
    let mut total = 0.0;
    for hour in 0.. {
        let from = begin.plus_seconds(hour * 3600);
        if from >= end_of {
            break;
        }
        let to = from.plus_seconds(3600);
        let end = to.min(end_of);
        let part = cut(strip, from, end);
        let known: i64 = part.iter().filter(|s| s.state != UnitState::Unknown).map(|s| s.to.micros_since(s.from)).sum();
        let (good, scrap) = (pieces(end).0 - pieces(from).0, pieces(end).1 - pieces(from).1);
        let target = (known as f64 / 1e6 / PRI * TARGET).round();
        total += good - target;
        let mut happened: Vec<(String, i64)> = stops
            .iter()
            .filter_map(|s| {
                let micros = s.to.min(end).micros_since(s.from.max(from));
                let word = s.reason_name.clone().unwrap_or_else(|| format!("{} no reason yet", s.unit_name));
                (micros > 60_000_000).then_some((word, micros))
            })
            .collect();
        happened.sort_by_key(|h| std::cmp::Reverse(h.1));
        happened.truncate(2);
        rows.push(BoardRow {
            from,
            to: if end_of < at() { end } else { to },
            target: Some(target),
            good,
            scrap,
            total_gap: Some(total),
            oee: (known > 0).then(|| good * PRI * 1e6 / known as f64),
            coverage: Some(known as f64 / end.micros_since(from) as f64),
            happened,
            comment: (hour == 2).then(|| Note {
                id: 4,
                from,
                to,
                text: "Waited for the electrician, who was at Paint".to_owned(),
                by: "h.tanaka".to_owned(),
                at: to.plus_seconds(300),
            }),
            running: to > at(),
        });
    }
    rows
}

fn lanes(line: &LineOverview, from: Timestamp, to: Timestamp) -> Vec<Lane> {
    line.units
        .iter()
        .map(|unit| Lane {
            path: unit.path.clone(),
            name: unit.name.clone(),
            key_unit: Some(unit.id) == line.key_unit,
            segments: cut(&unit.strip, from, to)
                .into_iter()
                .map(|s| LaneSegment {
                    from: s.from,
                    to: s.to,
                    state: s.state,
                    word: (s.state == UnitState::Stopped).then(|| "FEED_HOLD".to_owned()),
                })
                .collect(),
        })
        .collect()
}

fn losses(e: &Elements, stops: &[Stop]) -> Vec<LossStep> {
    let step =
        |kind, name: &str, micros: i64| LossStep { kind, name: name.to_owned(), micros, cents: Some(cents(micros)) };
    let sum = |pick: &dyn Fn(&Stop) -> bool| -> i64 {
        stops.iter().filter(|s| pick(s)).map(|s| s.to.micros_since(s.from)).sum()
    };
    let held = |s: &Stop| matches!(s.state, UnitState::Blocked | UnitState::Starved);
    let mut steps = vec![step(LossKind::Planned, "Planned", e.known_pbt())];
    for category in LossCategory::ALL {
        let micros = sum(&|s| s.category == Some(*category));
        if micros > 0 {
            steps.push(step(LossKind::Category(*category), category.title(), micros));
        }
    }
    steps.push(step(LossKind::Unexplained, "No reason yet", sum(&|s| s.category.is_none() && !held(s))));
    steps.push(step(LossKind::External, "Blocked or starved", sum(&|s| s.category.is_none() && held(s))));
    steps.push(step(LossKind::Speed, "Speed", e.apt - e.pri_pq as i64));
    steps.push(step(LossKind::Quality, "Scrap", (e.pri_pq - e.pri_gq) as i64));
    steps.push(step(LossKind::Good, "Good", e.pri_gq as i64));
    steps
}

fn pareto(stops: &[Stop]) -> Vec<ReasonRow> {
    let mut rows: Vec<ReasonRow> = Vec::new();
    for stop in stops {
        let micros = stop.to.micros_since(stop.from);
        match rows.iter_mut().find(|r| r.reason == stop.reason && r.state == stop.state) {
            Some(row) => {
                row.micros += micros;
                row.stops += 1;
            }
            None => rows.push(ReasonRow {
                reason: stop.reason.clone(),
                name: stop.reason_name.clone().unwrap_or_else(|| match stop.state {
                    UnitState::Blocked => "Blocked, no reason".to_owned(),
                    _ => "No reason yet".to_owned(),
                }),
                state: stop.state,
                category: stop.category,
                micros,
                stops: 1,
                cents: None,
            }),
        }
    }
    rows.sort_by_key(|r| std::cmp::Reverse(r.micros));
    for row in &mut rows {
        row.cents = Some(cents(row.micros));
    }
    rows
}

fn trend(now: &Elements) -> Vec<TrendPoint> {
    let mut random = Random(4711);
    let (names, teams) = (["Night", "Early", "Late"], ["Team C", "Team A", "Team B"]);
    (0..20_i64)
        .map(|i| {
            let from = shift().from.plus_seconds((i - 19) * 8 * 3600);
            let ratio = |base: f64, wide: u64, random: &mut Random| base + random.below(wide) as f64 / 1000.0;
            let availability = ratio(0.79, 120, &mut random);
            let performance = ratio(0.84, 60, &mut random);
            let quality = ratio(0.975, 20, &mut random);
            let made = Factors {
                availability: Some(availability),
                performance: Some(performance),
                quality: Some(quality),
                oee: Some(availability * performance * quality),
            };
            let last = i == 19;
            let which = ((i + 1) % 3) as usize;
            let which = if last { 2 } else { (which + 2) % 3 };
            TrendPoint {
                from,
                to: from.plus_seconds(8 * 3600),
                shift: names[which].to_owned(),
                team: Some(teams[which].to_owned()),
                factors: if last { factors(now) } else { made },
                good: if last { now.gq } else { (27_000.0 / PRI * availability * performance * quality).floor() },
                coverage: Some(if last { now.coverage().unwrap() } else { 1.0 }),
            }
        })
        .collect()
}
