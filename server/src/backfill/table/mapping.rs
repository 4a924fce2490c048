//! What the columns of a table mean, as a file (TOML) says it.

use std::collections::BTreeMap;

use chrono_tz::Tz;
use gemba_domain::{
    Interval,
    equipment::{Code, EquipmentPath},
    signal::{SignalKind, SignalRole},
};
use serde::Deserialize;
use toml::Spanned;

use super::{
    SignalWanted,
    shape::{Between, ColumnEntry, File, OneOrMore, StopsEntry, TakenAs, TimeEntry, UnitEntry, WindowEntry},
    times::TimeForm,
};
use crate::{
    nearest::nearest,
    plant::{Defect, line_at},
};

/// A checked mapping.
#[derive(Clone, Debug)]
pub struct Mapping {
    pub(super) separator: u8,
    pub(super) decimal_comma: bool,
    pub(super) unit: UnitColumn,
    pub(super) signals: Vec<SignalWanted>,
    pub(super) form: Form,
}

/// Which unit a row speaks of.
#[derive(Clone, Debug)]
pub(super) enum UnitColumn {
    One(EquipmentPath),
    Named { column: String, paths: Words<EquipmentPath> },
}

#[derive(Clone, Debug)]
pub(super) enum Form {
    /// Each row describes a stretch of time.
    Rows { time: TimeForm, row_micros: i64, stamp: End, columns: Vec<Column> },
    /// Each row is a stop.
    Stops(Stops),
}

/// An end of a row's stretch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum End {
    Begin,
    End,
}

/// A column with values; its signal is at the same position.
#[derive(Clone, Debug)]
pub(super) struct Column {
    pub column: String,
    pub at: End,
    pub increment: bool,
    pub numeric: bool,
    pub scale: f64,
    pub words: Option<Words<String>>,
}

/// A list of stops. Signals: 0 the states, then reason and comment where there are columns for them.
#[derive(Clone, Debug)]
pub(super) struct Stops {
    pub begin: TimeForm,
    pub end: TimeForm,
    pub reason: Option<(String, Option<Words<String>>)>,
    pub comment: Option<String>,
    pub producing_between: bool,
    /// What the list speaks of; `None`: of each local day, from its first stop's begin to its last stop's end.
    pub windows: Option<Vec<Interval>>,
}

/// Meanings by what stands in a cell. `2` is also found as `2.0`.
#[derive(Clone, Debug)]
pub(super) struct Words<T>(BTreeMap<String, T>);

impl<T> Words<T> {
    pub fn get(&self, cell: &str) -> Option<&T> {
        let cell = cell.trim();
        self.0.get(cell).or_else(|| {
            let number: f64 = cell.parse().ok()?;
            self.0.iter().find(|(key, _)| key.parse::<f64>() == Ok(number)).map(|(_, meaning)| meaning)
        })
    }

    pub fn known(&self) -> String {
        self.0.keys().map(String::as_str).collect::<Vec<_>>().join(", ")
    }
}

impl Mapping {
    /// Reads and checks a mapping's text.
    ///
    /// # Errors
    /// Everything that is wrong with it, by line.
    pub fn read(text: &str) -> Result<Self, Vec<Defect>> {
        let file: File = toml::from_str(text).map_err(|error| vec![Defect::of_toml(text, &error)])?;
        let mut check = Check { text, defects: Vec::new() };
        let mapping = check.mapping(file);
        check.defects.sort_by_key(|defect| defect.line);
        match mapping {
            Some(mapping) if check.defects.is_empty() => Ok(mapping),
            _ => Err(check.defects),
        }
    }

    /// Names of all columns that the mapping speaks of.
    pub(super) fn columns(&self) -> Vec<&str> {
        let mut all = Vec::new();
        if let UnitColumn::Named { column, .. } = &self.unit {
            all.push(column.as_str());
        }
        match &self.form {
            Form::Rows { time, columns, .. } => {
                all.extend(time.columns.iter().map(String::as_str));
                all.extend(columns.iter().map(|column| column.column.as_str()));
            }
            Form::Stops(stops) => {
                all.extend(stops.begin.columns.iter().chain(&stops.end.columns).map(String::as_str));
                all.extend(stops.reason.iter().map(|(column, _)| column.as_str()));
                all.extend(stops.comment.iter().map(String::as_str));
            }
        }
        all
    }
}

struct Check<'a> {
    text: &'a str,
    defects: Vec<Defect>,
}

impl Check<'_> {
    fn report<T>(&mut self, at: &Spanned<T>, message: impl Into<String>) {
        self.defects.push(Defect { line: line_at(self.text, &at.span()), message: message.into() });
    }

    fn whole(&mut self, message: &str) {
        self.defects.push(Defect { line: 1, message: message.to_owned() });
    }

    fn mapping(&mut self, file: File) -> Option<Mapping> {
        let separator = self.separator(file.separator.as_ref());
        let decimal_comma = match &file.decimal {
            None => false,
            Some(mark) if mark.get_ref() == "." => false,
            Some(mark) if mark.get_ref() == "," && separator != Some(b',') => true,
            Some(mark) => {
                self.report(mark, "decimal is `.` or `,`, and not the separator");
                false
            }
        };
        let unit = self.unit(&file.unit);
        let (form, signals) = match (&file.time, file.stops) {
            (Some(time), None) => {
                let time = self.time(time.get_ref());
                let row_micros = self.row(file.row_seconds.as_ref());
                let stamp = file.stamp.as_ref().map(|stamp| *stamp.get_ref());
                if stamp.is_none() {
                    self.whole("`stamp` is missing: does a row's time stand at the \"begin\" or the \"end\" of what it describes?");
                }
                if file.columns.is_empty() {
                    self.whole("no [[column]] is given: nothing would be imported");
                }
                let (signals, columns): (Vec<_>, Vec<_>) =
                    file.columns.iter().filter_map(|column| self.column(column.get_ref())).unzip();
                self.apart(&file.columns);
                (Form::Rows { time: time?, row_micros: row_micros?, stamp: stamp?, columns }, signals)
            }
            (None, Some(stops)) => {
                if let Some(column) = file.columns.first() {
                    self.report(column, "a list of stops has no [[column]]; its columns stand in [stops]");
                }
                if let Some(seconds) = &file.row_seconds {
                    self.report(seconds, "a list of stops has no row_seconds");
                }
                let (stops, signals) = self.stops(stops.get_ref())?;
                (Form::Stops(stops), signals)
            }
            (Some(_), Some(stops)) => {
                self.report(&stops, "rows have [time], a list of stops has [stops]; a mapping has one of them");
                return None;
            }
            (None, None) => {
                self.whole("neither [time] nor [stops] is given: where does a row's time stand?");
                return None;
            }
        };
        Some(Mapping { separator: separator?, decimal_comma, unit: unit?, signals, form })
    }

    fn separator(&mut self, given: Option<&Spanned<String>>) -> Option<u8> {
        let Some(given) = given else { return Some(b',') };
        match given.get_ref().as_bytes() {
            [one] if one.is_ascii() && !matches!(one, b'"' | b'\n' | b'\r') => Some(*one),
            _ => {
                self.report(given, "separator is one ASCII character such as `,`, `;`, `|` or `\\t`");
                None
            }
        }
    }

    fn path(&mut self, given: &Spanned<String>) -> Option<EquipmentPath> {
        given.get_ref().parse().map_err(|error| self.report(given, format!("{error}"))).ok()
    }

    fn unit(&mut self, given: &UnitEntry) -> Option<UnitColumn> {
        match (&given.path, &given.column) {
            (Some(path), None) => self.path(path).map(UnitColumn::One),
            (None, Some(column)) => {
                if given.values.is_empty() {
                    self.report(column, "[unit] has a column, so it needs `values` that say which unit each word is");
                }
                let paths = given.values.iter().filter_map(|(word, path)| Some((word.clone(), self.path(path)?)));
                let paths = Words(paths.collect());
                Some(UnitColumn::Named { column: column.get_ref().clone(), paths })
            }
            (Some(path), Some(_)) => {
                self.report(path, "[unit] has either a `path` or a `column` with `values`");
                None
            }
            (None, None) => {
                self.whole("[unit] needs a `path`, or a `column` with `values`");
                None
            }
        }
    }

    fn row(&mut self, given: Option<&Spanned<f64>>) -> Option<i64> {
        match given {
            None => {
                self.whole("`row_seconds` is missing: how much time does a row describe?");
                None
            }
            Some(seconds) if *seconds.get_ref() > 0.0 && *seconds.get_ref() <= 86_400.0 => {
                Some((seconds.get_ref() * 1e6).round() as i64)
            }
            Some(seconds) => {
                self.report(
                    seconds,
                    format!("row_seconds is {}; expected more than 0, at most 86400", seconds.get_ref()),
                );
                None
            }
        }
    }

    fn time(&mut self, given: &TimeEntry) -> Option<TimeForm> {
        let zone = match &given.zone {
            None => None,
            Some(zone) => match zone.get_ref().parse::<Tz>() {
                Ok(found) => Some(found),
                Err(_) => {
                    let near = nearest(zone.get_ref(), chrono_tz::TZ_VARIANTS.iter().map(|tz| tz.name()));
                    let hint = near.map(|n| format!("; did you mean `{n}`?")).unwrap_or_default();
                    self.report(zone, format!("`{}` is not an IANA time zone{hint}", zone.get_ref()));
                    return None;
                }
            },
        };
        let columns = match &given.column {
            OneOrMore::One(one) => vec![one.clone()],
            OneOrMore::More(more) => more.clone(),
        };
        let format = given.format.as_ref().map(|format| format.get_ref().clone());
        match TimeForm::new(columns, format, zone) {
            Ok(form) => Some(form),
            Err(message) => {
                match &given.format {
                    Some(format) => self.report(format, message),
                    None => self.whole(&message),
                }
                None
            }
        }
    }

    fn word<T: Copy>(&mut self, at: &Spanned<String>, what: &str, found: Option<T>, valid: &[&str]) -> Option<T> {
        if found.is_none() {
            let near = nearest(at.get_ref(), valid.iter().copied());
            let hint = near.map(|n| format!("; did you mean `{n}`?")).unwrap_or_default();
            self.report(at, format!("`{}` is not a {what}{hint} Valid: {}", at.get_ref(), valid.join(", ")));
        }
        found
    }

    fn column(&mut self, given: &ColumnEntry) -> Option<(SignalWanted, Column)> {
        let kinds: Vec<&str> = SignalKind::ALL.iter().map(|kind| kind.as_str()).collect();
        let kind = self.word(&given.kind, "kind of signal", SignalKind::from_word(given.kind.get_ref()), &kinds);
        let role = given.role.as_ref().and_then(|role| {
            let roles: Vec<&str> = SignalRole::ALL.iter().map(|role| role.as_str()).collect();
            self.word(role, "role", SignalRole::from_word(role.get_ref()), &roles)
        });
        if let Err(error) = given.signal.get_ref().parse::<Code>() {
            self.report(&given.signal, error.to_string());
        }
        let kind = kind?;
        let numeric = matches!(kind, SignalKind::Counter | SignalKind::Measure | SignalKind::Setpoint);
        let increment = given.taken_as == TakenAs::Increment;
        if increment && kind != SignalKind::Counter {
            self.report(
                &given.kind,
                "what is added up (as = \"increment\") becomes a running total: its kind is counter",
            );
        }
        if role.is_some_and(SignalRole::is_count) != (kind == SignalKind::Counter && role.is_some()) {
            self.report(&given.kind, "the counts are of kind counter, and other roles are not");
        }
        if let Some(scale) = &given.scale
            && !(numeric && scale.get_ref().is_finite() && *scale.get_ref() > 0.0)
        {
            self.report(scale, "scale is a factor above 0, for numbers");
        }
        if let (Some(at), true) = (&given.at, increment) {
            self.report(at, "what is added up belongs to the row's whole stretch; `at` is for values");
        }
        if numeric && given.values.is_some() {
            self.report(&given.kind, "`values` are words; a number takes a `scale`");
        }
        let wanted = SignalWanted { code: given.signal.get_ref().clone(), kind, role, uom: given.uom.clone() };
        let column = Column {
            column: given.column.clone(),
            at: given.at.as_ref().map_or(End::Begin, |at| *at.get_ref()),
            increment,
            numeric,
            scale: given.scale.as_ref().map_or(1.0, |scale| *scale.get_ref()),
            words: given.values.clone().map(Words),
        };
        Some((wanted, column))
    }

    /// A signal and a role are given once.
    fn apart(&mut self, columns: &[Spanned<ColumnEntry>]) {
        let mut seen: BTreeMap<String, usize> = BTreeMap::new();
        for column in columns {
            let entry = column.get_ref();
            let named = std::iter::once((&entry.signal, "signal")).chain(entry.role.iter().map(|role| (role, "role")));
            for (word, what) in named {
                let line = line_at(self.text, &word.span());
                if let Some(first) = seen.insert(format!("{what} `{}`", word.get_ref()), line) {
                    self.report(word, format!("{what} `{}` is given twice, first on line {first}", word.get_ref()));
                }
            }
        }
    }

    fn stops(&mut self, given: &StopsEntry) -> Option<(Stops, Vec<SignalWanted>)> {
        let (begin, end) = (self.time(&given.begin), self.time(&given.end));
        let (begin, end) = (begin?, end?);
        let wanted = |code: &str, kind, role| SignalWanted { code: code.to_owned(), kind, role, uom: None };
        let mut signals = vec![wanted("execution", SignalKind::State, Some(SignalRole::Execution))];
        if given.reason.is_some() {
            signals.push(wanted("stop-reason", SignalKind::Text, Some(SignalRole::StopReason)));
        }
        if given.comment.is_some() {
            signals.push(wanted("stop-comment", SignalKind::Text, None));
        }
        let windows = given.windows.as_ref();
        let windows = windows.map(|all| all.iter().filter_map(|window| self.window(window, &begin)).collect());
        let stops = Stops {
            begin,
            end,
            reason: given.reason.as_ref().map(|reason| (reason.column.clone(), reason.values.clone().map(Words))),
            comment: given.comment.clone(),
            producing_between: *given.between.get_ref() == Between::Producing,
            windows,
        };
        Some((stops, signals))
    }

    fn window(&mut self, given: &WindowEntry, times: &TimeForm) -> Option<Interval> {
        let mut moment = |text: &Spanned<String>| match times.moment(text.get_ref()) {
            Ok(moment) => Some(moment),
            Err(message) => {
                self.report(text, message);
                None
            }
        };
        let (from, to) = (moment(&given.from)?, moment(&given.to)?);
        if from >= to {
            self.report(&given.to, "a window ends after it begins");
            return None;
        }
        Some(Interval::new(from, to))
    }
}
