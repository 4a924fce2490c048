//! Where a rule applies, and which signals it reads there.

use std::collections::BTreeSet;

use gemba_domain::{
    equipment::EquipmentPath,
    rule::{Condition, Name},
    signal::{SignalId, SignalRole, Value},
};

use crate::{
    nearest::nearest,
    plant::{Plant, Unit},
};

/// Whether a rule of this scope, the path of a unit or of what it stands in, is for this unit. Empty is the whole plant.
pub fn is_for(scope: &str, unit: &EquipmentPath) -> bool {
    let rest = unit.as_str().strip_prefix(scope);
    scope.is_empty() || rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The signals of a unit that conditions read, each with the name that it is read by. What the unit does not have is left
/// out: a comparison with it is unknown.
pub fn read_by<'a>(unit: &Unit, conditions: impl IntoIterator<Item = &'a Condition>) -> Vec<(SignalId, Name)> {
    let names: BTreeSet<&Name> = conditions.into_iter().flat_map(Condition::names).collect();
    let with_role = |role| unit.signals.iter().find(|signal| signal.role == Some(role));
    let mut found: Vec<(SignalId, Name)> = names
        .into_iter()
        .filter_map(|name| {
            let signal = match name {
                Name::Signal(code) => unit.signals.iter().find(|signal| signal.code == **code),
                Name::Order => with_role(SignalRole::Order),
                Name::Product => with_role(SignalRole::Product),
                Name::StopReason => with_role(SignalRole::StopReason),
                Name::Cause => None,
            };
            Some((signal?.id, name.clone()))
        })
        .collect();
    found.sort_unstable();
    found
}

/// A reading of such a signal as conditions see it: an order, a product or a stop reason that is blank is none.
pub fn as_said(name: &Name, value: Value) -> Value {
    match (name, &value) {
        (Name::Order | Name::Product | Name::StopReason, Value::Text(text)) if text.trim().is_empty() => {
            Value::Unavailable
        }
        _ => value,
    }
}

/// Refuses a scope without a unit, and a condition over a signal that no unit in its scope has.
fn check(plant: &Plant, scope: &str, condition: &Condition) -> Result<(), String> {
    let units: Vec<&Unit> = plant.units().map(|found| found.unit).filter(|unit| is_for(scope, &unit.path)).collect();
    if units.is_empty() {
        return Err(format!("the plant has no unit at or below `{scope}`"));
    }
    let codes: BTreeSet<&str> = units.iter().flat_map(|unit| &unit.signals).map(|signal| &*signal.code).collect();
    for code in condition.signals() {
        if !codes.contains(code) {
            let hint = nearest(code, codes.iter().copied()).map(|near| format!("; did you mean `{near}`?"));
            let place = if scope.is_empty() { "in the plant".to_owned() } else { format!("at or below `{scope}`") };
            return Err(format!("no unit {place} has a signal `{code}`{}", hint.unwrap_or_default()));
        }
    }
    Ok(())
}

/// The condition of a rule for units of this scope.
///
/// # Errors
/// No condition; one that looks back too far; a scope without a unit; a signal that no unit in the scope has.
pub fn read(plant: &Plant, scope: &str, condition: &str) -> Result<Condition, String> {
    let condition = Condition::parse(condition).map_err(|error| error.to_string())?;
    if condition.lookback() > crate::oee::MARGIN_MICROS {
        return Err("the condition of a rule looks back an hour at most".to_owned());
    }
    check(plant, scope, &condition)?;
    Ok(condition)
}
