//! The files of the demonstration describe the plant that is simulated.

use std::{collections::BTreeMap, path::Path};

use gemba_domain::signal::{SignalKind, SignalRole};
use gemba_sim::{
    agent::Category,
    plant::{ITEMS, Layout},
};
use toml::{Table, Value};

fn file(name: &str) -> Table {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/demo").join(name);
    std::fs::read_to_string(path).unwrap().parse().unwrap()
}

fn list<'a>(table: &'a Table, key: &str) -> impl Iterator<Item = &'a Table> {
    table
        .get(key)
        .and_then(Value::as_array)
        .unwrap_or_else(|| panic!("no list {key}"))
        .iter()
        .map(|v| v.as_table().unwrap())
}

fn text<'a>(table: &'a Table, key: &str) -> &'a str {
    table.get(key).and_then(Value::as_str).unwrap_or_else(|| panic!("no text {key} in {table}"))
}

/// Every unit of the plant file by its path, with its line.
fn units(plant: &Table) -> BTreeMap<String, (Table, Table)> {
    let mut found = BTreeMap::new();
    let enterprise = text(plant["enterprise"].as_table().unwrap(), "code");
    for site in list(plant, "site") {
        for area in list(site, "area") {
            for line in list(area, "line") {
                for unit in list(line, "unit") {
                    let codes = [site, area, line, unit].map(|t| text(t, "code"));
                    found.insert(format!("{enterprise}/{}", codes.join("/")), (line.clone(), unit.clone()));
                }
            }
        }
    }
    found
}

#[test]
fn the_plant_file_has_the_units_and_signals_of_the_model() {
    let plant = file("plant.toml");
    let mut units = units(&plant);
    for line in Layout::demo().lines {
        for spec in line.units {
            let path = format!("{}/{}", line.path, spec.code);
            let (line, unit) = units.remove(&path).unwrap_or_else(|| panic!("{path} is missing"));
            assert_eq!(text(&unit, "name"), spec.name);
            assert_eq!(unit["ideal_cycle_seconds"].as_float(), Some(spec.ideal_cycle_seconds), "{path}");
            assert!(list(&line, "unit").any(|u| text(u, "code") == text(&line, "key_unit")));
            let mut signals: BTreeMap<&str, &Table> = list(&unit, "signal").map(|s| (text(s, "code"), s)).collect();
            for item in ITEMS {
                let signal = signals.remove(item.code).unwrap_or_else(|| panic!("{path}:{} is missing", item.code));
                let kind = SignalKind::from_word(text(signal, "kind")).unwrap();
                let fits = match item.category {
                    Category::Condition => kind == SignalKind::Condition,
                    Category::Sample => kind == SignalKind::Measure,
                    Category::Event if item.kind == "PART_COUNT" => kind == SignalKind::Counter,
                    Category::Event if item.units == "PERCENT" => kind == SignalKind::Setpoint,
                    Category::Event if item.kind == "PROGRAM" => kind == SignalKind::Text,
                    Category::Event => kind == SignalKind::State,
                };
                assert!(fits, "{path}:{} is a {kind:?}", item.code);
                let role = signal.get("role").map(|r| SignalRole::from_word(r.as_str().unwrap()).unwrap());
                let expected = match (item.kind, item.sub_type) {
                    ("PART_COUNT", "GOOD") => Some(SignalRole::GoodCount),
                    ("PART_COUNT", "BAD") => Some(SignalRole::ScrapCount),
                    ("PART_COUNT", "ALL") => Some(SignalRole::TotalCount),
                    (kind, _) => SignalRole::from_word(&kind.to_lowercase()),
                };
                assert_eq!(role, expected, "{path}:{}", item.code);
                let uom = signal.get("uom").and_then(Value::as_str).unwrap_or("");
                let expected = match item.units {
                    "PERCENT" => "%",
                    "CELSIUS" => "°C",
                    "WATT" => "W",
                    "MILLIMETER/SECOND" => "mm/s",
                    "REVOLUTION/MINUTE" => "1/min",
                    other => other,
                };
                assert_eq!(uom, expected, "{path}:{}", item.code);
            }
            assert!(signals.is_empty(), "{path} has signals that nobody sends: {:?}", signals.keys());
        }
    }
    assert!(units.is_empty(), "nobody simulates {:?}", units.keys());
}

#[test]
fn the_plant_file_has_the_shifts_of_the_model() {
    let plant = file("plant.toml");
    let shifts = Layout::demo().shifts;
    let site = list(&plant, "site").next().unwrap();
    assert_eq!(text(site, "time_zone"), shifts.time_zone.name());
    let clock = |minute: u32| format!("{:02}:{:02}", minute / 60, minute % 60);
    let mut written = list(site, "shift");
    for shift in shifts.shifts {
        let table = written.next().unwrap();
        assert_eq!(text(table, "name"), shift.name);
        assert_eq!(
            (text(table, "start"), text(table, "end")),
            (clock(shift.start).as_str(), clock(shift.end).as_str())
        );
        let breaks: Vec<_> =
            table["breaks"].as_array().unwrap().iter().map(|b| b.as_str().unwrap().to_owned()).collect();
        let expected: Vec<_> = shift.breaks.iter().map(|b| format!("{}-{}", clock(b.start), clock(b.end))).collect();
        assert_eq!(breaks, expected);
    }
    assert!(written.next().is_none());
}

#[test]
fn the_collector_file_reads_every_unit() {
    let edge = file("edge.toml");
    let known = units(&file("plant.toml"));
    let source = list(&edge, "source").next().unwrap();
    assert_eq!((text(source, "protocol"), text(source, "url")), ("mtconnect", "http://127.0.0.1:5000"));
    let mut read: BTreeMap<&str, &Table> = list(source, "unit").map(|u| (text(u, "path"), u)).collect();
    for (path, (_, unit)) in &known {
        let entry = read.remove(path.as_str()).unwrap_or_else(|| panic!("{path} is not read"));
        let device = text(unit, "code");
        assert_eq!(text(entry, "device"), device);
        let signals: Vec<_> = list(entry, "signals").collect();
        assert_eq!(signals.len(), 1);
        assert_eq!(
            (text(signals[0], "pattern"), text(signals[0], "signal")),
            (format!("{device}-*").as_str(), "{rest}")
        );
    }
    assert!(read.is_empty(), "not in the plant: {:?}", read.keys());
}
