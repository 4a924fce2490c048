//! What sort of signal a variable makes: by what the companion specifications say of it, else by its data type.

use gemba_domain::signal::SignalKind;
use opcua::types::{NodeId, QualifiedName};

use super::{
    address::Namespaces,
    browse::Variable,
    facts::{Base, Facts},
};

/// The VDMA's and the OPC Foundation's specification for machines (OPC 40001-1).
const MACHINERY: &str = "http://opcfoundation.org/UA/Machinery/";
/// Machine tools (OPC 40501-1).
const MACHINE_TOOL: &str = "http://opcfoundation.org/UA/MachineTool/";
/// Packaging machines (OPC 30050).
const PACKML: &str = "http://opcfoundation.org/UA/PackML/";
/// Variable types of the standard whose value is the state of a state machine.
const STATE_VARIABLES: &[u32] = &[2755, 2760];

/// The kind, and what a companion specification calls it.
pub(super) fn of(namespaces: &Namespaces, variable: &Variable, facts: &Facts) -> (SignalKind, Option<String>) {
    if let Some(known) = companion(namespaces, variable, facts) {
        return known;
    }
    let kind = match facts.base {
        Base::Boolean | Base::Enumeration => SignalKind::State,
        Base::Integer if counts(&variable.name) => SignalKind::Counter,
        Base::Integer | Base::Number => SignalKind::Measure,
        Base::Structure | Base::Text | Base::Unknown => SignalKind::Text,
    };
    (kind, None)
}

fn companion(namespaces: &Namespaces, variable: &Variable, facts: &Facts) -> Option<(SignalKind, Option<String>)> {
    let name = variable.name.name.as_ref();
    let parent = variable.parent.name.as_ref();
    let uri = |index: u16| namespaces.uri(index);
    let (name_uri, parent_uri) = (uri(variable.name.namespace_index), uri(variable.parent.namespace_index));
    let parent_type = variable.parent_type.as_ref().map_or("", |id| uri(id.namespace));
    let from = |specification: &str| {
        [name_uri, parent_uri, parent_type].contains(&specification)
            || variable.type_definition.as_ref().is_some_and(|id| uri(id.namespace) == specification)
    };
    let state = |what: String| Some((SignalKind::State, Some(what)));
    if is_state_variable(variable) {
        return match parent {
            "MachineryItemState" | "MachineryOperationMode" => state(format!("Machinery {parent}")),
            _ if from(PACKML) => state(format!("PackML state of {parent}")),
            _ if from(MACHINE_TOOL) => state(format!("MachineTool state of {parent}")),
            _ if from(MACHINERY) => state(format!("Machinery state of {parent}")),
            _ => state(format!("state of the state machine {parent}")),
        };
    }
    match name {
        "StateCurrent" | "UnitModeCurrent" if facts.base != Base::Structure => state(format!("PackML {name}")),
        "ProdProcessedCount" | "ProdDefectiveCount" | "ProdConsumedCount" => {
            Some((packml_count(facts), Some(format!("PackML {name}"))))
        }
        "AccCount" if is_packml_counter(parent) => Some((SignalKind::Counter, Some(format!("PackML {parent}")))),
        "OperationCycleCounter" => Some((SignalKind::Counter, Some("Machinery OperationCycleCounter".to_owned()))),
        "PowerOnDuration" | "OperationDuration" if facts.base.is_number() => {
            Some((SignalKind::Counter, Some(format!("Machinery {name}"))))
        }
        "ProductionCounter" if facts.base.is_number() => {
            Some((SignalKind::Counter, Some("production counter".to_owned())))
        }
        "ActiveProgramName" | "ProgramName" if from(MACHINE_TOOL) => {
            Some((SignalKind::Text, Some(format!("MachineTool {name}"))))
        }
        _ => None,
    }
}

/// `CurrentState` of a state machine: a variable of one of its types, or one that is called so and whose parent is no folder of a
/// vendor's own numbers.
fn is_state_variable(variable: &Variable) -> bool {
    let standard = |id: &NodeId| id.namespace == 0 && id.as_u32().is_some_and(|id| STATE_VARIABLES.contains(&id));
    variable.type_definition.as_ref().is_some_and(standard)
        && matches!(variable.name.name.as_ref(), "CurrentState")
        && variable.name.namespace_index == 0
}

fn packml_count(facts: &Facts) -> SignalKind {
    if facts.base.is_number() { SignalKind::Counter } else { SignalKind::Text }
}

/// `ProdProcessedCount`, `ProdProcessedCount[0]`, …
fn is_packml_counter(parent: &str) -> bool {
    ["ProdProcessedCount", "ProdDefectiveCount", "ProdConsumedCount"].iter().any(|counter| parent.starts_with(counter))
}

/// Vendors' names of running totals.
fn counts(name: &QualifiedName) -> bool {
    let name = name.name.as_ref().to_ascii_lowercase();
    name.ends_with("counter") || name.ends_with("count") || name.ends_with("_total")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn namespaces() -> Namespaces {
        let uris = ["http://opcfoundation.org/UA/", "urn:server", MACHINERY, PACKML];
        Namespaces::new(uris.map(str::to_owned).to_vec())
    }

    fn variable(name: (u16, &str), parent: (u16, &str), type_definition: u32) -> Variable {
        Variable {
            id: NodeId::new(1, 1_u32),
            path: name.1.to_owned(),
            name: QualifiedName::new(name.0, name.1),
            type_definition: Some(NodeId::new(0, type_definition)),
            parent: QualifiedName::new(parent.0, parent.1),
            parent_type: None,
            units: None,
        }
    }

    fn kind(variable: &Variable, base: Base) -> (SignalKind, String) {
        let (kind, what) = of(&namespaces(), variable, &Facts { base, ..Facts::default() });
        (kind, what.unwrap_or_default())
    }

    #[test]
    fn companion_specifications_are_known() {
        let state = variable((0, "CurrentState"), (2, "MachineryItemState"), 2760);
        assert_eq!(kind(&state, Base::Text), (SignalKind::State, "Machinery MachineryItemState".to_owned()));
        let mode = variable((3, "UnitModeCurrent"), (1, "Status"), 63);
        assert_eq!(kind(&mode, Base::Integer), (SignalKind::State, "PackML UnitModeCurrent".to_owned()));
        let count = variable((3, "AccCount"), (3, "ProdProcessedCount[0]"), 63);
        assert_eq!(kind(&count, Base::Integer), (SignalKind::Counter, "PackML ProdProcessedCount[0]".to_owned()));
        let cycles = variable((2, "OperationCycleCounter"), (2, "OperationCounters"), 68);
        assert_eq!(kind(&cycles, Base::Integer).0, SignalKind::Counter);
    }

    #[test]
    fn everything_else_goes_by_its_type() {
        let plain = |name| variable((1, name), (1, "Press"), 63);
        assert_eq!(kind(&plain("Running"), Base::Boolean).0, SignalKind::State);
        assert_eq!(kind(&plain("PartCounter"), Base::Integer).0, SignalKind::Counter);
        assert_eq!(kind(&plain("Load"), Base::Integer).0, SignalKind::Measure);
        assert_eq!(kind(&plain("Discount"), Base::Number).0, SignalKind::Measure);
        assert_eq!(kind(&plain("Program"), Base::Text).0, SignalKind::Text);
        // A vendor's own variable of that name is what its type says.
        assert_eq!(kind(&plain("CurrentState"), Base::Number).0, SignalKind::Measure);
    }
}
