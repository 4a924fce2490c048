//! A made-up plant, the same each time.

use gemba_contract::{
    overview::{
        AreaOverview, CountView, Earlier, EarlierOf, EarlierShift, KpiView, LineOverview, Overview, ShiftView,
        SiteOverview, StripSegment, Tile, TileNow,
    },
    signal::{Reading, Resolution, SampleSeries, SignalView},
    unit::UnitDetail,
};
use gemba_domain::{
    Timestamp,
    equipment::{EquipmentId, EquipmentPath, Level},
    oee::Elements,
    signal::{SignalId, SignalKind, SignalRole, Value},
    state::UnitState,
};

/// A line: area, name, units; each unit with its state now and how often it stops.
type Line = (&'static str, &'static str, &'static [(&'static str, UnitState, u64)]);

const LINES: [Line; 4] = [
    (
        "Press shop",
        "Press line 2",
        &[
            ("Press 1", UnitState::Blocked, 30),
            ("Press 2", UnitState::Blocked, 25),
            ("Press 3", UnitState::Stopped, 60),
            ("Stacker", UnitState::Starved, 10),
        ],
    ),
    (
        "Finishing",
        "Paint",
        &[("Wash", UnitState::Producing, 12), ("Spray booth", UnitState::Setup, 25), ("Oven", UnitState::Unknown, 8)],
    ),
    (
        "Assembly",
        "Assembly 1",
        &[
            ("Station 10", UnitState::Producing, 6),
            ("Station 20", UnitState::Producing, 10),
            ("Station 30", UnitState::Idle, 8),
            ("Station 40", UnitState::Producing, 3),
            ("End of line test with a long name", UnitState::Producing, 4),
        ],
    ),
    (
        "Logistics",
        "Packing",
        &[
            ("Palletiser", UnitState::Producing, 2),
            ("Wrapper", UnitState::Maintenance, 3),
            ("Labeller", UnitState::Off, 3),
        ],
    ),
];

pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n.max(1)
    }
}

pub fn at() -> Timestamp {
    "2026-11-24T18:03:12.400Z".parse().unwrap()
}

fn slug(name: &str) -> String {
    name.to_lowercase().replace(' ', "-").chars().take(40).collect()
}

fn strip(seed: u64, now: UnitState, trouble: u64) -> Vec<StripSegment> {
    let mut random = Random(seed);
    let begin = at().plus_seconds(-8 * 3600);
    let mut segments = Vec::new();
    let mut from = begin;
    let since = at().plus_seconds(-60 - random.below(1400) as i64);
    while from < since {
        let good = from.plus_seconds(300 + random.below(90_000 / trouble) as i64).min(since);
        segments.push(StripSegment { from, to: good, state: UnitState::Producing });
        let bad = good.plus_seconds(20 + random.below(900) as i64).min(since);
        let state = match random.below(10) {
            0..=4 => UnitState::Stopped,
            5 | 6 => UnitState::Blocked,
            7 => UnitState::Setup,
            8 => UnitState::Idle,
            _ => UnitState::Unknown,
        };
        if bad > good {
            segments.push(StripSegment { from: good, to: bad, state });
        }
        from = bad;
    }
    segments.push(StripSegment { from: since, to: at(), state: now });
    segments
}

fn elements(strip: &[StripSegment], pri_seconds: f64) -> Elements {
    elements_of(strip, shift().from, at(), pri_seconds)
}

pub fn elements_of(strip: &[StripSegment], begin: Timestamp, end: Timestamp, pri_seconds: f64) -> Elements {
    let mut e = Elements { calendar: end.micros_since(begin), ..Elements::default() };
    for segment in strip {
        let micros = segment.to.min(end).micros_since(segment.from.max(begin)).max(0);
        match segment.state {
            UnitState::Producing => e.apt += micros,
            UnitState::Setup => e.aust += micros,
            UnitState::Idle => e.adot += micros,
            UnitState::Unknown => e.unknown += micros,
            _ => e.adet += micros,
        }
    }
    e.pq = (e.apt as f64 / 1e6 / pri_seconds * 0.88).floor();
    e.sq = (e.pq * 0.021).floor();
    e.gq = e.pq - e.sq;
    e.pri_pq = e.pq * pri_seconds * 1e6;
    e.pri_gq = e.gq * pri_seconds * 1e6;
    e
}

fn kpi(e: &Elements) -> KpiView {
    let pbt = (e.apt + e.aust + e.adet + e.adot + e.unknown) as f64;
    let known = pbt - e.unknown as f64;
    let ratio = |a: f64, b: f64| (b > 0.0).then(|| a / b);
    KpiView {
        oee: ratio(e.pri_gq, known),
        availability: ratio(e.apt as f64, known),
        performance: ratio(e.pri_pq, e.apt as f64),
        quality: ratio(e.pri_gq, e.pri_pq),
        coverage: ratio(known, pbt),
        target_oee: Some(0.745),
    }
}

fn tile(number: u128, path: &str, name: &str, level: Level, state: UnitState, trouble: u64) -> (Tile, Elements) {
    let strip = strip(number as u64 * 7919, state, trouble);
    let e = elements(&strip, 12.0);
    let known = (e.apt + e.aust + e.adet + e.adot) as f64;
    let cause = match state {
        UnitState::Stopped => Some("FEED_HOLD".to_owned()),
        UnitState::Setup => Some("SETUP".to_owned()),
        _ => None,
    };
    let tile = Tile {
        id: EquipmentId(uuid::Uuid::from_u128(number)),
        path: path.parse().unwrap(),
        name: name.to_owned(),
        level,
        now: TileNow {
            state,
            cause,
            since: strip.last().unwrap().from,
            last_sample: (state != UnitState::Unknown)
                .then(|| at().plus_micros(-400_000))
                .or(Some(at().plus_seconds(-1260))),
            kpi: kpi(&e),
            count: CountView { good: e.gq, scrap: e.sq, target: Some((known / 12e6 * 0.745).floor()) },
        },
        strip,
    };
    (tile, e)
}

pub fn shift() -> ShiftView {
    ShiftView {
        name: "Late".to_owned(),
        from: "2026-11-24T14:00:00Z".parse().unwrap(),
        to: "2026-11-24T22:00:00Z".parse().unwrap(),
    }
}

pub fn overview() -> Overview {
    let mut total = Elements::default();
    let mut count = CountView { target: Some(0.0), ..CountView::default() };
    let mut areas: Vec<AreaOverview> = Vec::new();
    for (i, (area, name, units)) in LINES.iter().enumerate() {
        let base = format!("acme/leeds/{}/{}", slug(area), slug(name));
        let number = (i as u128 + 1) * 100;
        let (key_index, key) = units.iter().enumerate().max_by_key(|u| u.1.2).unwrap();
        let (tile_of_line, e) = tile(number, &base, name, Level::Line, key.1, key.2);
        total.apt += e.apt;
        total.aust += e.aust;
        total.adet += e.adet;
        total.adot += e.adot;
        total.unknown += e.unknown;
        total.pri_pq += e.pri_pq;
        total.pri_gq += e.pri_gq;
        count.good += e.gq;
        count.scrap += e.sq;
        count.target = count.target.zip(tile_of_line.now.count.target).map(|(a, b)| a + b);
        let units = units
            .iter()
            .enumerate()
            .map(|(j, (unit, state, trouble))| {
                let path = format!("{base}/{}", slug(unit));
                tile(number + 1 + j as u128, &path, unit, Level::Unit, *state, *trouble).0
            })
            .collect();
        let line = LineOverview {
            tile: tile_of_line,
            key_unit: Some(EquipmentId(uuid::Uuid::from_u128(number + 1 + key_index as u128))),
            units,
        };
        match areas.last_mut().filter(|it| it.name == *area) {
            Some(known) => known.lines.push(line),
            None => areas.push(AreaOverview {
                path: format!("acme/leeds/{}", slug(area)).parse().unwrap(),
                name: (*area).to_owned(),
                kpi: kpi(&e),
                count: line.tile.now.count.clone(),
                lines: vec![line],
            }),
        }
    }
    let site = SiteOverview {
        path: "acme/leeds".parse().unwrap(),
        name: "Leeds".to_owned(),
        time_zone: "Europe/London".to_owned(),
        utc_offset_minutes: 0,
        shift: Some(shift()),
        kpi: kpi(&total),
        count,
        areas,
    };
    Overview { sites: vec![site], at: at() }
}

/// (code, name, kind, unit, value, seconds ago)
type SignalRow = (&'static str, &'static str, SignalKind, Option<&'static str>, Value, i64);

fn signals() -> Vec<SignalRow> {
    let text = |t: &str| Value::Text(t.into());
    vec![
        ("execution", "Execution", SignalKind::State, None, text("FEED_HOLD"), 724),
        ("mode", "Controller mode", SignalKind::State, None, text("AUTOMATIC"), 9000),
        ("program", "Program", SignalKind::Text, None, text("O1234-BRACKET-B12.NC"), 9000),
        ("parts-good", "Good parts", SignalKind::Counter, None, Value::Number(1104.0), 730),
        ("ram-force", "Ram force", SignalKind::Measure, Some("kN"), Value::Number(1284.2), 2),
        ("ram-force-set", "Ram force, commanded", SignalKind::Setpoint, Some("kN"), Value::Number(1300.0), 15_000),
        ("bearing-temperature", "Main bearing temperature", SignalKind::Measure, Some("°C"), Value::Number(71.26), 1),
        ("stroke-rate", "Stroke rate", SignalKind::Measure, Some("1/min"), Value::Number(0.0), 1),
        ("vibration", "Vibration, RMS", SignalKind::Measure, Some("mm/s"), Value::Number(0.4312), 260),
        ("oil-pressure", "Oil pressure", SignalKind::Measure, Some("bar"), Value::Unavailable, 4000),
        (
            "system",
            "System condition",
            SignalKind::Condition,
            None,
            text("Fault|E104|HIGH||Die sensor 2 not reached"),
            724,
        ),
    ]
}

/// The same shift on other days.
pub fn earlier() -> Earlier {
    let overview = overview();
    let site = &overview.sites[0];
    let paths = std::iter::once(&site.path)
        .chain(site.areas.iter().map(|area| &area.path))
        .chain(site.lines().map(|line| &line.tile.path));
    let shift = |days: u32, oee: f64| EarlierShift {
        days,
        from: shift().from.plus_seconds(-86_400 * i64::from(days)),
        to: shift().to.plus_seconds(-86_400 * i64::from(days)),
        oee: Some(oee),
        coverage: Some(1.0),
        good: 2104.0,
    };
    let of = |path: &EquipmentPath| EarlierOf { path: path.clone(), shifts: vec![shift(1, 0.712), shift(7, 0.684)] };
    Earlier { nodes: paths.map(of).collect() }
}

/// The name of a line's area.
pub fn area_of(line: &LineOverview) -> &'static str {
    LINES.iter().find(|(_, name, _)| *name == line.tile.name).map_or("", |(area, ..)| area)
}

pub fn unit(path: &str) -> Option<UnitDetail> {
    let overview = overview();
    let line = overview.sites[0].lines().find(|l| path.starts_with(l.tile.path.as_str()))?;
    let tile = line.units.iter().find(|u| u.path.as_str() == path)?.clone();
    let signals = signals()
        .into_iter()
        .enumerate()
        .map(|(i, (code, name, kind, uom, value, ago))| SignalView {
            id: SignalId(i as i32),
            code: code.to_owned(),
            name: name.to_owned(),
            kind,
            role: (code == "execution").then_some(SignalRole::Execution),
            uom: uom.map(str::to_owned),
            latest: Some(Reading { time: at().plus_seconds(-ago), value }),
        })
        .collect();
    Some(UnitDetail {
        elements: elements(&tile.strip, 12.0),
        breadcrumb: vec!["Acme".to_owned(), "Leeds".to_owned(), area_of(line).to_owned(), line.tile.name.clone()],
        time_zone: "Europe/London".to_owned(),
        utc_offset_minutes: 0,
        shift: Some(shift()),
        ideal_cycle_seconds: Some(12.0),
        signals,
        at: at(),
        tile,
    })
}

/// `/api/v1/signals/4/samples?from=…&to=…&points=800`
pub fn samples(path: &str) -> SampleSeries {
    let part = |name: &str| path.split(['?', '&']).find_map(|p| p.strip_prefix(name)).unwrap_or_default().to_owned();
    let (from, to): (Timestamp, Timestamp) = (part("from=").parse().unwrap(), part("to=").parse().unwrap());
    let id: i32 = path.split('/').nth(4).unwrap().parse().unwrap();
    let kind = signals()[id as usize].2;
    let mut random = Random(77 + id as u64);
    let step = to.micros_since(from) / if kind == SignalKind::Measure { 700 } else { 60 };
    let words = ["ACTIVE", "ACTIVE", "ACTIVE", "READY", "INTERRUPTED", "FEED_HOLD", "STOPPED"];
    let mut level = 1200.0;
    let readings = (0..)
        .map(|i| from.plus_micros(i * step))
        .take_while(|t| *t < to)
        .enumerate()
        .map(|(i, time)| {
            level += random.below(41) as f64 - 20.0 + (1240.0 - level) * 0.03;
            let value = match kind {
                _ if signals()[id as usize].4 == Value::Unavailable => Value::Unavailable,
                SignalKind::Measure if (430..470).contains(&i) => Value::Unavailable,
                SignalKind::Measure => Value::Number(level),
                SignalKind::Counter => Value::Number(900.0 + i as f64),
                SignalKind::Setpoint => Value::Number(1300.0),
                _ => Value::Text(words[random.below(7) as usize].into()),
            };
            Reading { time, value }
        })
        .collect::<Vec<_>>();
    SampleSeries { signal: SignalId(id), from, to, resolution: Resolution::MinMax, total: 18_211, readings }
}
