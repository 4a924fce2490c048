//! Which lines and units there are, and how good they are.

use super::{calendar::ShiftPlan, catalogue::Machine};

/// The plant.
#[derive(Clone, Debug)]
pub struct Layout {
    /// Its lines.
    pub lines: Vec<LineSpec>,
    /// When it works.
    pub shifts: ShiftPlan,
}

/// One line.
#[derive(Clone, Debug)]
pub struct LineSpec {
    /// Path of the line: enterprise, site, area, line.
    pub path: &'static str,
    /// The programs of its products; orders take turns.
    pub products: &'static [&'static str],
    /// Pieces per order: least and most.
    pub order_pieces: (u32, u32),
    /// Its units, in the order of the flow.
    pub units: Vec<UnitSpec>,
}

/// One unit.
#[derive(Clone, Debug)]
pub struct UnitSpec {
    /// Short name, unique over the plant; also the name of its MTConnect device.
    pub code: &'static str,
    /// For people.
    pub name: &'static str,
    /// What it is.
    pub machine: Machine,
    /// Seconds a piece when nothing is in the way.
    pub ideal_cycle_seconds: f64,
    /// Mean producing time between minor stops.
    pub mean_seconds_between_stops: f64,
    /// Mean producing time between failures.
    pub mean_seconds_between_failures: f64,
    /// Share of scrap in regular production.
    pub scrap_rate: f64,
    /// Mean length of a change-over.
    pub mean_setup_seconds: f64,
    /// Pieces that fit between it and the next unit.
    pub buffer_after: usize,
}

impl UnitSpec {
    fn new(code: &'static str, name: &'static str, machine: Machine, ideal_cycle_seconds: f64) -> Self {
        Self {
            code,
            name,
            machine,
            ideal_cycle_seconds,
            mean_seconds_between_stops: 780.0,
            mean_seconds_between_failures: 6_600.0,
            scrap_rate: 0.012,
            mean_setup_seconds: 120.0,
            buffer_after: 18,
        }
    }
}

impl Layout {
    /// The plant of the demonstration: a press line and an assembly line, four units each.
    pub fn demo() -> Self {
        let press = |code, name, cycle| UnitSpec {
            scrap_rate: 0.02,
            mean_setup_seconds: 240.0,
            ..UnitSpec::new(code, name, Machine::Press, cycle)
        };
        let assembly = |code, name, cycle| UnitSpec {
            scrap_rate: 0.015,
            mean_setup_seconds: 150.0,
            buffer_after: 12,
            ..UnitSpec::new(code, name, Machine::Assembly, cycle)
        };
        Self {
            lines: vec![
                LineSpec {
                    path: "acme/leeds/press-shop/line-1",
                    products: &["O1001 BRACKET-L", "O1002 BRACKET-R", "O1010 COVER-120"],
                    order_pieces: (800, 1_600),
                    units: vec![
                        UnitSpec::new("feeder-1", "Sheet feeder 1", Machine::Feeder, 3.4),
                        press("press-1", "Press 1", 3.6),
                        press("press-2", "Press 2", 4.0),
                        UnitSpec::new("stacker-1", "Stacker 1", Machine::Stacker, 3.5),
                    ],
                },
                LineSpec {
                    path: "acme/leeds/assembly/line-2",
                    products: &["P2001 HINGE-SET", "P2002 HINGE-SET-HD"],
                    order_pieces: (400, 900),
                    units: vec![
                        assembly("assembly-1", "Assembly 1", 7.2),
                        assembly("assembly-2", "Assembly 2", 8.0),
                        UnitSpec {
                            scrap_rate: 0.025,
                            buffer_after: 12,
                            ..UnitSpec::new("test-1", "Function test 1", Machine::Tester, 6.4)
                        },
                        UnitSpec::new("pack-1", "Packing 1", Machine::Packer, 7.0),
                    ],
                },
            ],
            shifts: ShiftPlan::three_shifts(chrono_tz::Europe::London),
        }
    }
}
