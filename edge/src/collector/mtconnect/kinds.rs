//! What sort of signal a data item makes, from its category, type and representation (MTConnect part 2).

use gemba_domain::signal::SignalKind;

use super::probe::DataItem;

/// How the text of an observation is to be understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reads {
    /// A number where it is one, else the text as it stands.
    Number,
    /// The text as it stands, also when it looks like a number: tool `007` is not tool 7.
    Text,
    /// Level and attributes of a condition.
    Condition,
}

/// Event types whose values are words of a controlled vocabulary (MTConnectStreams 2.4: events with an enumerated type).
const STATES: &[&str] = &[
    "ACTUATOR_STATE",
    "AVAILABILITY",
    "AXIS_COUPLING",
    "AXIS_INTERLOCK",
    "AXIS_STATE",
    "BATTERY_STATE",
    "CHARACTERISTIC_STATUS",
    "CHUCK_INTERLOCK",
    "CHUCK_STATE",
    "CLOSE_CHUCK",
    "CLOSE_DOOR",
    "COMPOSITION_STATE",
    "CONNECTION_STATUS",
    "CONTROLLER_MODE",
    "CONTROLLER_MODE_OVERRIDE",
    "DIRECTION",
    "DOOR_STATE",
    "EMERGENCY_STOP",
    "END_OF_BAR",
    "EQUIPMENT_MODE",
    "EXECUTION",
    "FUNCTIONAL_MODE",
    "INTERFACE_STATE",
    "LEAK_DETECT",
    "LOCK_STATE",
    "MATERIAL_CHANGE",
    "MATERIAL_FEED",
    "MATERIAL_LOAD",
    "MATERIAL_RETRACT",
    "MATERIAL_UNLOAD",
    "OPEN_CHUCK",
    "OPEN_DOOR",
    "OPERATING_MODE",
    "PART_CHANGE",
    "PART_COUNT_TYPE",
    "PART_DETECT",
    "PART_PROCESSING_STATE",
    "PART_STATUS",
    "PATH_MODE",
    "POWER_STATE",
    "POWER_STATUS",
    "PROCESS_STATE",
    "PROGRAM_EDIT",
    "PROGRAM_LOCATION_TYPE",
    "ROTARY_MODE",
    "SPINDLE_INTERLOCK",
    "UNCERTAINTY_TYPE",
    "VALVE_STATE",
    "WAIT_STATE",
];

/// Event types that are numbers (MTConnectStreams 2.4: integer and float events, and the deprecated LINE).
const NUMBERS: &[&str] = &[
    "ACTIVATION_COUNT",
    "ASSET_COUNT",
    "AXIS_FEEDRATE_OVERRIDE",
    "BLOCK_COUNT",
    "CYCLE_COUNT",
    "DEACTIVATION_COUNT",
    "HARDNESS",
    "LINE",
    "LINE_NUMBER",
    "LOAD_COUNT",
    "MATERIAL_LAYER",
    "MEASUREMENT_VALUE",
    "NETWORK_PORT",
    "PATH_FEEDRATE_OVERRIDE",
    "PROGRAM_NEST_LEVEL",
    "ROTARY_VELOCITY_OVERRIDE",
    "THICKNESS",
    "TRANSFER_COUNT",
    "UNCERTAINTY",
    "UNLOAD_COUNT",
];

/// Kind of the signal, and how its observations read.
pub fn of(item: &DataItem) -> (SignalKind, Reads) {
    let kind = item.kind.as_str();
    let discrete = matches!(item.representation.as_deref(), Some("DATA_SET" | "TABLE" | "TIME_SERIES"));
    let spatial = item.units.as_deref().is_some_and(|units| units.ends_with("_3D"));
    match item.category.as_str() {
        "CONDITION" => (SignalKind::Condition, Reads::Condition),
        _ if discrete || spatial => (SignalKind::Text, Reads::Text),
        "SAMPLE" => (SignalKind::Measure, Reads::Number),
        _ if kind == "PART_COUNT" => match item.sub_type.as_deref() {
            Some("TARGET") => (SignalKind::Setpoint, Reads::Number),
            Some("REMAINING") => (SignalKind::Measure, Reads::Number),
            _ => (SignalKind::Counter, Reads::Number),
        },
        _ if STATES.binary_search(&kind).is_ok() => (SignalKind::State, Reads::Text),
        _ if NUMBERS.binary_search(&kind).is_ok() || item.units.is_some() => (SignalKind::Measure, Reads::Number),
        _ => (SignalKind::Text, Reads::Text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(category: &str, kind: &str, sub_type: Option<&str>, units: Option<&str>) -> DataItem {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        DataItem {
            id: "x".to_owned(),
            name: None,
            category: category.to_owned(),
            kind: kind.to_owned(),
            sub_type: owned(sub_type),
            units: owned(units),
            representation: None,
        }
    }

    #[test]
    fn kinds_of_items() {
        assert!(STATES.is_sorted() && NUMBERS.is_sorted());
        for (item, expected) in [
            (item("SAMPLE", "LOAD", None, Some("PERCENT")), (SignalKind::Measure, Reads::Number)),
            (item("SAMPLE", "PATH_POSITION", None, Some("MILLIMETER_3D")), (SignalKind::Text, Reads::Text)),
            (item("EVENT", "EXECUTION", None, None), (SignalKind::State, Reads::Text)),
            (item("EVENT", "PART_COUNT", Some("GOOD"), None), (SignalKind::Counter, Reads::Number)),
            (item("EVENT", "PART_COUNT", Some("TARGET"), None), (SignalKind::Setpoint, Reads::Number)),
            (item("EVENT", "PATH_FEEDRATE_OVERRIDE", None, None), (SignalKind::Measure, Reads::Number)),
            (item("EVENT", "PROGRAM", None, None), (SignalKind::Text, Reads::Text)),
            (item("EVENT", "TOOL_ID", None, None), (SignalKind::Text, Reads::Text)),
            (item("CONDITION", "SYSTEM", None, None), (SignalKind::Condition, Reads::Condition)),
        ] {
            assert_eq!(of(&item), expected, "{item:?}");
        }
        let mut table = item("EVENT", "WORK_OFFSET", None, None);
        table.representation = Some("TABLE".to_owned());
        assert_eq!(of(&table), (SignalKind::Text, Reads::Text));
    }
}
