//! The MTConnect devices of the plant: one a unit, all with the same items.

use super::{
    catalogue::Machine,
    layout::{Layout, UnitSpec},
};
use crate::agent::{Category, Component, DataItem, Device, Devices};

/// One data item of every unit. Its id is the unit's code, a dash, and `code`.
#[derive(Clone, Copy, Debug)]
pub struct ItemSpec {
    /// Code of the signal, last part of the item's id.
    pub code: &'static str,
    /// MTConnect category.
    pub category: Category,
    /// MTConnect type.
    pub kind: &'static str,
    /// MTConnect subType; empty for none.
    pub sub_type: &'static str,
    /// MTConnect units; empty for none.
    pub units: &'static str,
    /// The part of the device that has it.
    part: Part,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Device,
    Controller,
    Path,
    Drive,
    Electric,
}

const fn item(
    code: &'static str,
    category: Category,
    kind: &'static str,
    sub_type: &'static str,
    part: Part,
) -> ItemSpec {
    ItemSpec { code, category, kind, sub_type, units: "", part }
}

const fn sample(code: &'static str, kind: &'static str, units: &'static str, part: Part) -> ItemSpec {
    ItemSpec { code, category: Category::Sample, kind, sub_type: "", units, part }
}

/// All items of a unit.
pub const ITEMS: &[ItemSpec] = &[
    item("availability", Category::Event, "AVAILABILITY", "", Part::Device),
    item("emergency-stop", Category::Event, "EMERGENCY_STOP", "", Part::Controller),
    item("controller-mode", Category::Event, "CONTROLLER_MODE", "", Part::Controller),
    item("functional-mode", Category::Event, "FUNCTIONAL_MODE", "", Part::Controller),
    item("system", Category::Condition, "SYSTEM", "", Part::Controller),
    item("wait-state", Category::Event, "WAIT_STATE", "", Part::Path),
    item("execution", Category::Event, "EXECUTION", "", Part::Path),
    item("program", Category::Event, "PROGRAM", "", Part::Path),
    item("good-count", Category::Event, "PART_COUNT", "GOOD", Part::Path),
    item("scrap-count", Category::Event, "PART_COUNT", "BAD", Part::Path),
    item("total-count", Category::Event, "PART_COUNT", "ALL", Part::Path),
    ItemSpec {
        units: "PERCENT",
        ..item("speed-override", Category::Event, "PATH_FEEDRATE_OVERRIDE", "PROGRAMMED", Part::Path)
    },
    ItemSpec { sub_type: "ACTUAL", ..sample("drive-speed", "ROTARY_VELOCITY", "REVOLUTION/MINUTE", Part::Drive) },
    sample("drive-load", "LOAD", "PERCENT", Part::Drive),
    sample("motor-temperature", "TEMPERATURE", "CELSIUS", Part::Drive),
    sample("vibration", "VELOCITY", "MILLIMETER/SECOND", Part::Drive),
    item("drive-condition", Category::Condition, "ACTUATOR", "", Part::Drive),
    sample("power", "WATTAGE", "WATT", Part::Electric),
];

/// The device of one unit.
pub fn device(unit: &UnitSpec) -> Device {
    let code = unit.code;
    let items = |part| ITEMS.iter().filter(move |i| i.part == part).map(|i| data_item(code, i));
    let component = |element: &str, name: &str, part| {
        items(part).fold(Component::new(element, format!("{code}-{name}-part")).name(name), Component::item)
    };
    let mut device = Device::new(code).description(format!("{}, simulated {}", unit.name, word(unit.machine)));
    device = items(Part::Device).fold(device, Device::item);
    device
        .component(component("Controller", "controller", Part::Controller).component(component(
            "Path",
            "path",
            Part::Path,
        )))
        .component(Component::new("Axes", format!("{code}-axes-part")).name("axes").component(component(
            "Rotary",
            "drive",
            Part::Drive,
        )))
        .component(Component::new("Systems", format!("{code}-systems-part")).name("systems").component(component(
            "Electric",
            "electric",
            Part::Electric,
        )))
}

/// All devices of the plant, in the order of the flow.
pub fn devices(layout: &Layout) -> Devices {
    Devices::new(layout.lines.iter().flat_map(|line| &line.units).map(device))
}

fn data_item(code: &str, spec: &ItemSpec) -> DataItem {
    let id = format!("{code}-{}", spec.code);
    let mut item = match spec.category {
        Category::Event => DataItem::event(id, spec.kind),
        Category::Sample => DataItem::sample(id, spec.kind, spec.units),
        Category::Condition => DataItem::condition(id, spec.kind),
    };
    item = item.name(spec.code);
    if !spec.sub_type.is_empty() {
        item = item.sub_type(spec.sub_type);
    }
    if !spec.units.is_empty() {
        item = item.units(spec.units);
    }
    item
}

fn word(machine: Machine) -> &'static str {
    match machine {
        Machine::Feeder => "sheet feeder",
        Machine::Press => "press",
        Machine::Stacker => "stacker",
        Machine::Assembly => "assembly station",
        Machine::Tester => "test bench",
        Machine::Packer => "packing machine",
    }
}
