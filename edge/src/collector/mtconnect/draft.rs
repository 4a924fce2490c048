//! A first plant file and first settings for an agent, from what it says it has.

use std::{
    collections::HashSet,
    fmt::{Display, Write},
};

use gemba_domain::{
    equipment::EquipmentPath,
    signal::{SignalKind, SignalRole},
};

use super::{
    kinds,
    probe::{DataItem, Device, Devices},
};
use crate::config::slug;

/// Two files for a person to read and correct.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// For `gemba plant import`.
    pub plant: String,
    /// For `gemba-edge run`.
    pub settings: String,
    /// How many units and signals they name.
    pub units: usize,
    /// Likewise.
    pub signals: usize,
}

/// Drafts both files: each device becomes a unit of `line` (enterprise/site/area/line), each data item a signal.
/// `server` is the root of the Gemba server. What an agent does not tell (shifts, ideal cycles) is left to the reader.
pub fn draft(devices: &Devices, agent: &str, line: &EquipmentPath, server: &str) -> Draft {
    let codes: Vec<&str> = line.as_str().split('/').collect();
    let code = |at: usize| codes.get(at).copied().unwrap_or("unnamed");
    let mut plant = format!(
        "# A draft from what {agent} has. Correct the names, the time zone and the shifts, give each unit that makes pieces\n\
         # its ideal_cycle_seconds, and take out what nobody needs.\n"
    );
    let mut section = |head: &str, at: usize| {
        put(&mut plant, format_args!("\n{head}\ncode = {}\nname = {}", quoted(code(at)), quoted(&spoken(code(at)))));
    };
    section("[enterprise]", 0);
    section("[[site]]", 1);
    section("[[site.area]]", 2);
    section("[[site.area.line]]", 3);
    plant = plant.replacen("\n\n[[site.area]]", "\ntime_zone = \"UTC\"\n\n[[site.area]]", 1);

    let mut settings = format!(
        "[server]\nurl = {}\n\n[queue]\ndirectory = \"edge-queue\"\n\n\
         [[source]]\nname = {}\nprotocol = \"mtconnect\"\nurl = {}\n",
        quoted(server),
        quoted(code(3)),
        quoted(agent),
    );
    let (mut units, mut signals, mut taken) = (0, 0, HashSet::new());
    for device in devices.devices.iter().filter(|device| !device.is_agent && !device.items.is_empty()) {
        let unit = free([slug(&device.name), slug(&device.id), slug(&device.uuid)], "unit", &mut taken);
        put(
            &mut plant,
            format_args!(
                "\n[[site.area.line.unit]]\ncode = {}\nname = {}\n# ideal_cycle_seconds = 60.0\nsignal = [",
                quoted(&unit),
                quoted(&device.name)
            ),
        );
        let key = if device.name.is_empty() { &device.uuid } else { &device.name };
        put(
            &mut settings,
            format_args!(
                "\n[[source.unit]]\ndevice = {}\npath = {}\nsignals = [",
                quoted(key),
                quoted(&format!("{line}/{unit}"))
            ),
        );
        for signal in signals_of(device, &unit) {
            put(&mut plant, format_args!("    {},", signal.entry()));
            put(
                &mut settings,
                format_args!("    {{ item = {}, signal = {} }},", quoted(&signal.item.id), quoted(&signal.code)),
            );
            signals += 1;
        }
        plant.push_str("]\n");
        settings.push_str("]\n");
        units += 1;
    }
    Draft { plant, settings, units, signals }
}

struct Signal<'a> {
    item: &'a DataItem,
    code: String,
    kind: SignalKind,
    role: Option<SignalRole>,
}

impl Signal<'_> {
    fn entry(&self) -> String {
        let name = self.item.name.as_deref().unwrap_or(&self.item.id);
        let mut fields = vec![
            format!("code = {}", quoted(&self.code)),
            format!("name = {}", quoted(name)),
            format!("kind = \"{}\"", self.kind.as_str()),
        ];
        fields.extend(self.role.map(|role| format!("role = \"{}\"", role.as_str())));
        if let (Some(units), SignalKind::Measure | SignalKind::Setpoint) = (&self.item.units, self.kind) {
            fields.push(format!("uom = {}", quoted(&unit_of_measure(units))));
        }
        format!("{{ {} }}", fields.join(", "))
    }
}

fn signals_of<'a>(device: &'a Device, unit: &str) -> Vec<Signal<'a>> {
    let (mut codes, mut roles) = (HashSet::new(), HashSet::new());
    let own = format!("{unit}-");
    let mut signal = |item: &'a DataItem| {
        let short = |text: &str| {
            let slug = slug(text);
            slug.strip_prefix(&own).map_or(slug.clone(), str::to_owned)
        };
        let code = free([short(item.name.as_deref().unwrap_or("")), short(&item.id)], "signal", &mut codes);
        // A machine of several paths has several of these: the first stands for the machine.
        let role = role(item).filter(|role| roles.insert(*role));
        Signal { item, code, kind: kinds::of(item).0, role }
    };
    device.items.iter().map(&mut signal).collect()
}

fn role(item: &DataItem) -> Option<SignalRole> {
    Some(match (item.kind.as_str(), item.sub_type.as_deref()) {
        ("AVAILABILITY", _) => SignalRole::Availability,
        ("EXECUTION", _) => SignalRole::Execution,
        ("CONTROLLER_MODE", _) => SignalRole::ControllerMode,
        ("FUNCTIONAL_MODE", _) => SignalRole::FunctionalMode,
        ("WAIT_STATE", _) => SignalRole::WaitState,
        ("EMERGENCY_STOP", _) => SignalRole::EmergencyStop,
        ("PART_COUNT", Some("GOOD")) => SignalRole::GoodCount,
        ("PART_COUNT", Some("BAD")) => SignalRole::ScrapCount,
        ("PART_COUNT", None | Some("ALL" | "COMPLETE")) => SignalRole::TotalCount,
        _ => return None,
    })
}

/// MTConnect's name of a unit as the plant file writes it; one it has no word for in braces.
fn unit_of_measure(units: &str) -> String {
    let word = match units {
        "AMPERE" => "A",
        "CELSIUS" => "°C",
        "DECIBEL" => "dB",
        "DEGREE" => "deg",
        "DEGREE/SECOND" => "deg/s",
        "HERTZ" => "Hz",
        "JOULE" | "WATT_SECOND" => "J",
        "KILOGRAM" => "kg",
        "LITER" => "L",
        "MICRO_RADIAN" => "{urad}",
        "MILLIMETER" => "mm",
        "MILLIMETER/REVOLUTION" => "mm/rev",
        "MILLIMETER/SECOND" => "mm/s",
        "MILLIMETER/SECOND^2" => "mm/s2",
        "NEWTON" => "N",
        "NEWTON_METER" => "N.m",
        "OHM" => "Ω",
        "PASCAL" => "Pa",
        "PERCENT" => "%",
        "PH" => "pH",
        "REVOLUTION/MINUTE" => "1/min",
        "SECOND" => "s",
        "VOLT" => "V",
        "VOLT_AMPERE" => "VA",
        "WATT" => "W",
        other => return format!("{{{other}}}"),
    };
    word.to_owned()
}

/// The first of these that is a code nobody has, else one with a number behind.
fn free<const N: usize>(wanted: [String; N], otherwise: &str, taken: &mut HashSet<String>) -> String {
    let mut usable = wanted.into_iter().filter(|code| code.parse::<gemba_domain::equipment::Code>().is_ok()).peekable();
    let first = usable.peek().cloned().unwrap_or_else(|| otherwise.to_owned());
    let numbered = (2..).map(|number: u32| format!("{first}-{number}"));
    let code = usable
        .chain([first.clone()])
        .chain(numbered)
        .find(|code| !taken.contains(code))
        .unwrap_or_else(|| first.clone());
    taken.insert(code.clone());
    code
}

/// `press-shop` as `Press shop`.
fn spoken(code: &str) -> String {
    let mut letters = code.chars();
    letters
        .next()
        .map(|first| first.to_uppercase().chain(letters).collect::<String>())
        .unwrap_or_default()
        .replace('-', " ")
}

fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

fn put(text: &mut String, line: impl Display) {
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{line}");
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::{
        collector::mtconnect::{Mapping, Settings},
        config::{Config, SourceSettings},
    };

    fn item(id: &str, name: Option<&str>, category: &str, kind: &str) -> DataItem {
        DataItem {
            id: id.to_owned(),
            name: name.map(str::to_owned),
            category: category.to_owned(),
            kind: kind.to_owned(),
            ..DataItem::default()
        }
    }

    fn agent() -> Devices {
        let load =
            DataItem { units: Some("PERCENT".to_owned()), ..item("Mill01-S_2", Some("S \"load\""), "SAMPLE", "LOAD") };
        let items = vec![
            item("a", Some("avail"), "EVENT", "AVAILABILITY"),
            item("e1", Some("execution"), "EVENT", "EXECUTION"),
            item("e2", Some("execution"), "EVENT", "EXECUTION"),
            item("§", Some("§§"), "EVENT", "PROGRAM"),
            item("c", None, "EVENT", "PART_COUNT"),
            load,
        ];
        let mill = |name: &str| Device {
            name: name.to_owned(),
            id: "d".to_owned(),
            items: items.clone(),
            ..Device::default()
        };
        let itself = Device { is_agent: true, ..mill("Agent") };
        Devices { devices: vec![mill("Mill 01"), itself, mill("mill-01"), mill("MILL_01")], ..Devices::default() }
    }

    #[test]
    fn the_settings_read_every_item_once() {
        let line = "acme/leeds/press-shop/line-1".parse().unwrap();
        let draft = draft(&agent(), "http://10.0.0.5:5000", &line, "https://gemba.example");
        assert_eq!((draft.units, draft.signals), (3, 18));
        let config = Config::parse(&draft.settings, Path::new("")).expect(&draft.settings);
        let SourceSettings::MtConnect(source) = &config.sources[0].settings else { panic!("not MTConnect") };
        let paths: Vec<_> = source.units.iter().map(|unit| unit.path.leaf()).collect();
        assert_eq!(paths, ["mill-01", "d", "mill-01-2"]);
        let one = Devices { devices: agent().devices.into_iter().take(1).collect(), ..Devices::default() };
        let mapping = Mapping::resolve(&Settings { units: source.units[..1].to_vec(), ..source.clone() }, &one);
        assert_eq!((mapping.mapped.len(), mapping.unmapped.len(), mapping.problems), (6, 0, Vec::new()));
    }

    #[test]
    fn the_plant_file_names_roles_once_and_units_as_plants_do() {
        let line = "acme/leeds/press-shop/line-1".parse().unwrap();
        let draft = draft(&agent(), "http://a", &line, "http://s");
        let file: toml::Table = toml::from_str(&draft.plant).expect(&draft.plant);
        let unit = &file["site"][0]["area"][0]["line"][0]["unit"][0];
        let signals = unit["signal"].as_array().unwrap();
        let of =
            |key: &str| signals.iter().map(|s| s.get(key).and_then(|v| v.as_str()).unwrap_or("-")).collect::<Vec<_>>();
        assert_eq!(of("code"), ["avail", "execution", "e2", "signal", "c", "s-load"]);
        assert_eq!(of("role"), ["availability", "execution", "-", "-", "total_count", "-"]);
        assert_eq!(of("uom"), ["-", "-", "-", "-", "-", "%"]);
        assert_eq!(file["site"][0]["area"][0]["name"].as_str(), Some("Press shop"));
        assert_eq!(file["site"][0]["time_zone"].as_str(), Some("UTC"));
    }
}
