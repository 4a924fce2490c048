//! What a plant file must keep to beyond its shape.

mod shifts;

use std::{collections::BTreeMap, fmt, ops::Range};

use gemba_domain::{
    equipment::Code,
    signal::{SignalKind, SignalRole},
};
use toml::Spanned;

use super::file::{LineEntry, PlantFile, SiteEntry, UnitEntry};
use crate::nearest::nearest;

/// Something wrong with a plant file: where, and what was expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Defect {
    /// Counted from 1.
    pub line: usize,
    /// For the person who wrote the file.
    pub message: String,
}

impl fmt::Display for Defect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.message)
    }
}

impl Defect {
    pub(crate) fn of_toml(text: &str, error: &toml::de::Error) -> Self {
        let line = error.span().map_or(1, |span| line_at(text, &span));
        let mut message = error.message().to_owned();
        // serde lists what it expected: name the nearest of it first.
        if let Some((unknown, expected)) =
            message.strip_prefix("unknown field `").and_then(|rest| rest.split_once("`, expected "))
        {
            let known: Vec<&str> = expected.split('`').skip(1).step_by(2).collect();
            message = match nearest(unknown, known.iter().copied()) {
                Some(near) => {
                    format!("`{unknown}` is not a key here; did you mean `{near}`? Valid: {}", known.join(", "))
                }
                None => format!("`{unknown}` is not a key here; valid: {}", known.join(", ")),
            };
        }
        Self { line, message }
    }
}

/// The line on which this begins, from 1.
pub(crate) fn line_at(text: &str, span: &Range<usize>) -> usize {
    text.bytes().take(span.start).filter(|b| *b == b'\n').count() + 1
}

/// Symbols of units of measure that are known by name. Any other goes in braces: `{bottles}`.
pub const UNITS_OF_MEASURE: &[&str] = &[
    "%", "1/min", "1/s", "A", "Hz", "J", "K", "L", "L/min", "L/h", "MPa", "N", "N.m", "Pa", "V", "VA", "W", "Wh",
    "bar", "cm", "deg", "g", "h", "kA", "kHz", "kN", "kPa", "kV", "kVA", "kW", "kWh", "kg", "kg/h", "km", "kvar", "m",
    "m/min", "m/s", "m/s2", "m2", "m3", "m3/h", "mA", "mL", "mV", "mbar", "mg", "min", "mm", "mm/min", "mm/s", "mm/s2",
    "ms", "t", "t/h", "um", "us", "s", "°C", "°F", "Ω", "rad", "rad/s", "dB", "lx", "pH", "ppm", "psi", "in", "ft",
    "lb", "gal", "pcs", "deg/s", "deg/min", "mm/rev",
];

pub(super) fn check(text: &str, file: &PlantFile) -> Vec<Defect> {
    let mut checker = Checker { text, defects: Vec::new() };
    checker.code(&file.enterprise.code);
    checker.siblings("site", file.sites.iter().map(|s| &s.code));
    for site in &file.sites {
        checker.site(site);
    }
    checker.defects.sort_by_key(|defect| defect.line);
    checker.defects
}

struct Checker<'a> {
    text: &'a str,
    defects: Vec<Defect>,
}

impl Checker<'_> {
    fn report<T>(&mut self, at: &Spanned<T>, message: impl Into<String>) {
        self.defects.push(Defect { line: line_at(self.text, &at.span()), message: message.into() });
    }

    fn code(&mut self, code: &Spanned<String>) {
        if let Err(error) = code.get_ref().parse::<Code>() {
            self.report(code, error.to_string());
        }
    }

    fn siblings<'b>(&mut self, what: &str, codes: impl Iterator<Item = &'b Spanned<String>>) {
        let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
        for code in codes {
            self.code(code);
            let line = line_at(self.text, &code.span());
            if let Some(first) = seen.insert(code.get_ref(), line) {
                let message = format!(
                    "duplicate {what} code `{}`: it stands already on line {first}; codes must differ",
                    code.get_ref()
                );
                self.report(code, message);
            }
        }
    }

    fn word<T>(&mut self, at: &Spanned<String>, what: &str, found: Option<T>, valid: &[&str]) {
        if found.is_none() {
            let near = nearest(at.get_ref(), valid.iter().copied());
            let hint = near.map(|n| format!("; did you mean `{n}`?")).unwrap_or_default();
            self.report(at, format!("`{}` is not a {what}{hint} Valid: {}", at.get_ref(), valid.join(", ")));
        }
    }

    fn site(&mut self, site: &SiteEntry) {
        if site.time_zone.get_ref().parse::<chrono_tz::Tz>().is_err() {
            let near = nearest(site.time_zone.get_ref(), chrono_tz::TZ_VARIANTS.iter().map(|tz| tz.name()));
            let hint = near.map(|n| format!("; did you mean `{n}`?")).unwrap_or_default();
            let message = format!(
                "`{}` is not an IANA time zone{hint} Expected one such as Europe/London",
                site.time_zone.get_ref()
            );
            self.report(&site.time_zone, message);
        }
        self.calendar(site);
        self.siblings("area", site.areas.iter().map(|a| &a.code));
        for area in &site.areas {
            self.siblings("line", area.lines.iter().map(|l| &l.code));
            for line in &area.lines {
                self.line(line);
            }
        }
    }

    fn line(&mut self, line: &LineEntry) {
        self.cost(line.cost_per_hour.as_ref());
        if let Some(target) = &line.target_oee
            && !(*target.get_ref() > 0.0 && *target.get_ref() <= 1.0)
        {
            self.report(
                target,
                format!("target_oee is {}; expected a ratio above 0, at most 1, such as 0.75", target.get_ref()),
            );
        }
        self.siblings("unit", line.units.iter().map(|u| &u.code));
        let codes: Vec<&str> = line.units.iter().map(|u| u.code.get_ref().as_str()).collect();
        let references = line.key_unit.iter().chain(line.units.iter().flat_map(|u| &u.feeds));
        for reference in references {
            if !codes.contains(&reference.get_ref().as_str()) {
                let near = nearest(reference.get_ref(), codes.iter().copied());
                let hint = near.map(|n| format!("; did you mean `{n}`?")).unwrap_or_default();
                let message =
                    format!("unknown unit `{}`{hint} This line has: {}", reference.get_ref(), codes.join(", "));
                self.report(reference, message);
            }
        }
        if let Some((at, cycle)) = cycle(&line.units) {
            self.report(
                at,
                format!(
                    "the flow of material runs in a cycle: {}; a unit cannot feed itself, even through others",
                    cycle.join(" -> ")
                ),
            );
        }
        for unit in &line.units {
            self.unit(unit);
        }
    }

    fn cost(&mut self, cost: Option<&Spanned<f64>>) {
        if let Some(cost) = cost
            && !(0.0..1e12).contains(cost.get_ref())
        {
            self.report(cost, format!("cost_per_hour is {}; expected an amount of 0 or more", cost.get_ref()));
        }
    }

    fn unit(&mut self, unit: &UnitEntry) {
        for (name, value) in
            [("ideal_cycle_seconds", &unit.ideal_cycle_seconds), ("counter_maximum", &unit.counter_maximum)]
        {
            if let Some(value) = value
                && !(value.get_ref().is_finite() && *value.get_ref() > 0.0)
            {
                self.report(value, format!("{name} is {}; expected a number above 0", value.get_ref()));
            }
        }
        self.cost(unit.cost_per_hour.as_ref());
        self.siblings("signal", unit.signals.iter().map(|s| &s.code));
        let mut roles: BTreeMap<&str, usize> = BTreeMap::new();
        for signal in &unit.signals {
            let kinds: Vec<&str> = SignalKind::ALL.iter().map(|k| k.as_str()).collect();
            self.word(&signal.kind, "kind of signal", SignalKind::from_word(signal.kind.get_ref()), &kinds);
            if let Some(role) = &signal.role {
                let valid: Vec<&str> = SignalRole::ALL.iter().map(|r| r.as_str()).collect();
                self.word(role, "role", SignalRole::from_word(role.get_ref()), &valid);
                let line = line_at(self.text, &role.span());
                if let Some(first) = roles.insert(role.get_ref(), line) {
                    self.report(
                        role,
                        format!("role `{}` is given twice in this unit, first on line {first}", role.get_ref()),
                    );
                }
            }
            if let Some(uom) = &signal.uom {
                let braced = uom.get_ref().len() > 2 && uom.get_ref().starts_with('{') && uom.get_ref().ends_with('}');
                if !braced && !UNITS_OF_MEASURE.contains(&uom.get_ref().as_str()) {
                    let near = nearest(uom.get_ref(), UNITS_OF_MEASURE.iter().copied());
                    let hint = near.map(|n| format!("; did you mean `{n}`?")).unwrap_or_default();
                    let message = format!(
                        "unknown unit of measure `{}`{hint} Put one of your own in braces: `{{{}}}`",
                        uom.get_ref(),
                        uom.get_ref()
                    );
                    self.report(uom, message);
                }
            }
        }
    }
}

/// The first cycle of the flow, as the codes along it, and the reference that closes it.
fn cycle(units: &[UnitEntry]) -> Option<(&Spanned<String>, Vec<String>)> {
    fn visit<'a>(
        unit: &'a UnitEntry,
        units: &'a [UnitEntry],
        trail: &mut Vec<&'a str>,
        done: &mut Vec<&'a str>,
    ) -> Option<(&'a Spanned<String>, Vec<String>)> {
        trail.push(unit.code.get_ref());
        for next in &unit.feeds {
            if let Some(begin) = trail.iter().position(|code| *code == next.get_ref()) {
                let mut codes: Vec<String> = trail.get(begin..)?.iter().map(|code| (*code).to_owned()).collect();
                codes.push(next.get_ref().clone());
                return Some((next, codes));
            }
            if done.contains(&next.get_ref().as_str()) {
                continue;
            }
            if let Some(target) = units.iter().find(|u| u.code.get_ref() == next.get_ref())
                && let Some(found) = visit(target, units, trail, done)
            {
                return Some(found);
            }
        }
        trail.pop();
        done.push(unit.code.get_ref());
        None
    }
    let mut done = Vec::new();
    units.iter().find_map(|unit| {
        if done.contains(&unit.code.get_ref().as_str()) {
            return None;
        }
        visit(unit, units, &mut Vec::new(), &mut done)
    })
}

#[cfg(test)]
mod tests {
    use super::super::file::read;

    pub(super) const GOOD: &str = r#"[enterprise]
code = "acme"
name = "Acme"
[[site]]
code = "leeds"
name = "Leeds"
time_zone = "Europe/London"
[[site.shift]]
name = "Night"
start = "22:00"
end = "06:00"
breaks = ["01:00-01:20"]
[[site.area]]
code = "press"
name = "Press shop"
[[site.area.line]]
code = "line-1"
name = "Line 1"
key_unit = "b"
[[site.area.line.unit]]
code = "a"
name = "A"
feeds = ["b"]
[[site.area.line.unit]]
code = "b"
name = "B"
ideal_cycle_seconds = 2.5
[[site.area.line.unit.signal]]
code = "temp"
kind = "measure"
uom = "°C"
"#;

    /// The defects of the good file after one replacement, as printed.
    pub(super) fn defects(from: &str, to: &str) -> Vec<String> {
        assert!(GOOD.contains(from), "{from:?} is not in the file");
        match read(&GOOD.replacen(from, to, 1)) {
            Ok(_) => Vec::new(),
            Err(defects) => defects.iter().map(ToString::to_string).collect(),
        }
    }

    #[test]
    fn a_good_file_has_no_defects() {
        assert_eq!(defects("Acme", "Acme Ltd"), Vec::<String>::new());
    }

    #[test]
    fn each_defect_names_its_line_and_what_was_expected() {
        let cases = [
            ("code = \"acme\"", "code = \"Acme!\"", "line 2: `Acme!` is not a valid code"),
            (
                "Europe/London",
                "Europe/Lodon",
                "line 7: `Europe/Lodon` is not an IANA time zone; did you mean `Europe/London`?",
            ),
            ("22:00", "25:00", "line 10: `25:00` is not a time of day; expected HH:MM"),
            ("01:00-01:20", "12:00-12:20", "line 12: "),
            ("key_unit = \"b\"", "key_unit = \"bb\"", "line 19: unknown unit `bb`; did you mean `b`?"),
            ("code = \"b\"", "code = \"a\"", "line 25: duplicate unit code `a`: it stands already on line 21"),
            (
                "name = \"B\"",
                "name = \"B\"\nfeeds = [\"a\"]",
                "line 27: the flow of material runs in a cycle: a -> b -> a",
            ),
            (
                "ideal_cycle_seconds = 2.5",
                "ideal_cycle_seconds = -1.0",
                "line 27: ideal_cycle_seconds is -1; expected a number above 0",
            ),
            (
                "kind = \"measure\"",
                "kind = \"mesure\"",
                "line 30: `mesure` is not a kind of signal; did you mean `measure`?",
            ),
            ("\"°C\"", "\"kWhh\"", "line 31: unknown unit of measure `kWhh`; did you mean `kWh`?"),
            ("time_zone =", "timezone =", "line 7: `timezone` is not a key here; did you mean `time_zone`?"),
        ];
        for (from, to, expected) in cases {
            let found = defects(from, to);
            assert!(found.iter().any(|d| d.starts_with(expected)), "{to:?} gave {found:?}, expected {expected:?}");
        }
    }

    #[test]
    fn a_unit_of_measure_of_ones_own_goes_in_braces() {
        assert!(defects("\"°C\"", "\"{bottles}\"").is_empty());
    }

    #[test]
    fn all_defects_are_reported_at_once() {
        let text = GOOD.replace("22:00", "x").replace("mesure", "measure").replace("\"measure\"", "\"bad\"");
        assert_eq!(read(&text).map(|_| ()).map_err(|d| d.len()), Err(2));
    }
}
