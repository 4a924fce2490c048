//! Which register is which signal: settled by the settings alone, for a Modbus device does not tell what it has.

use gemba_contract::edge::OfferedSignal;
use gemba_domain::signal::SignalKind;

use super::{
    register::{Form, Register},
    settings::{Settings, unit_id},
};
use crate::collector::{Item, Placed, Places};

/// One value that is read.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    /// For people: `unit 5 holding/100 (40101)`.
    pub name: String,
    /// The unit identifier.
    pub device: u8,
    /// Where it stands, and how it is read.
    pub register: Register,
    /// What it becomes.
    pub signal: OfferedSignal,
}

/// All of them, in the order of the settings.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Mapping {
    /// What is read.
    pub points: Vec<Point>,
    /// What cannot be, for a person.
    pub problems: Vec<String>,
}

impl Mapping {
    /// Applies the rules.
    pub fn resolve(settings: &Settings) -> Self {
        let mut places = Places::new(&settings.prefix());
        let mut out = Self::default();
        for (unit, registers) in settings.units.iter().zip(&settings.registers) {
            let Some(device) = unit_id(&unit.device) else { continue };
            for (rule, register) in unit.signals.iter().zip(registers) {
                let address = register.address();
                let id = format!("{device}/{address}");
                let item = Item { id: &id, name: rule.selector.item(), kind: kind(register), uom: None };
                match places.place_by(unit, rule, item) {
                    Placed::Signal(mut signal) => {
                        signal.source = signal.source.map(|source| format!("{source} (collector's time)"));
                        let name = format!("unit {device} {address} ({})", register.numbered());
                        out.points.push(Point { name, device, register: register.clone(), signal });
                    }
                    Placed::Problem(why) => out.problems.push(why),
                    Placed::NoRule => {}
                }
            }
        }
        out
    }
}

/// A register does not tell what it is for: whole numbers may count or measure, so a rule for a counter says so by `kind`.
fn kind(register: &Register) -> SignalKind {
    match register.reads.form {
        Form::Text(_) => SignalKind::Text,
        Form::Bit(_) => SignalKind::State,
        _ if !register.reads.map.is_empty() => SignalKind::State,
        _ => SignalKind::Measure,
    }
}
