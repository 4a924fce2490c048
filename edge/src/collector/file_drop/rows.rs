//! Reads one file from beginning to end, holding no more than a few rows of it. Away from the async threads.

use std::{
    cell::Cell,
    fs::File,
    io::{self, Read},
    path::PathBuf,
    rc::Rc,
};

use csv::ByteRecord;
use gemba_contract::edge::LocalSignal;
use gemba_domain::{Timestamp, signal::Value};

use super::{
    cells,
    folder::{free, trouble},
    mapper::{Columns, Mapper},
    settings::Settings,
    text::{Digest, letters},
};
use crate::queue::{MAX_BATCH_SAMPLES, Reading, SignalTable};

/// Longest row, in bytes. Beyond it a quotation mark was not closed.
const LONGEST: u64 = 4 << 20;
/// Rows after which what was read is handed on, however few values they held.
const ROWS: u64 = 50_000;
/// Bad rows of one file that are set aside; more are counted.
const SET_ASIDE: u64 = 10_000;

/// A piece of a file.
#[derive(Debug)]
pub struct Piece {
    /// Its values, in order.
    pub readings: Vec<Reading>,
    /// How many rows of the file that makes.
    pub rows: u64,
}

/// What came of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Rows, without the one that names the columns.
    pub rows: u64,
    /// Values.
    pub values: u64,
    /// Rows that could not be read, and the first reason.
    pub bad: u64,
    /// Why the first of them could not be read.
    pub first: Option<String>,
    /// Where they were set aside.
    pub aside: Option<PathBuf>,
    /// Rows of machines that no unit names.
    pub strangers: u64,
    /// What the rules cannot do.
    pub problems: Vec<String>,
}

/// Why a file was not read to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unread {
    /// It is not what it should be: for a person to see to.
    Wrong(String),
    /// The disk or the share failed: it is tried again.
    Later(String),
    /// Nobody wants the rest.
    Stopped,
}

/// What is to be read.
pub struct Job<'a> {
    /// The directory and how to read.
    pub settings: &'a Settings,
    /// The file's name.
    pub name: &'a str,
    /// What is known of it.
    pub digest: &'a Digest,
    /// Rows that were handed on before.
    pub before: u64,
    /// The collector's numbers.
    pub table: &'a SignalTable,
}

impl Job<'_> {
    fn delimiter(&self) -> u8 {
        self.settings.format.delimiter.unwrap_or(self.digest.delimiter)
    }

    /// Reads it. `hand_on` says whether more is wanted.
    pub fn read(&self, mut hand_on: impl FnMut(Piece) -> bool) -> Result<Report, Unread> {
        let (mut reader, columns) = Records::begin(self)?;
        let mut mapper = Mapper::new(self.settings);
        let mut numbers: Vec<LocalSignal> = Vec::new();
        let mut aside = Aside { job: self, columns: &columns, writer: None, path: None };
        let mut report = Report::default();
        let (mut readings, mut handed) = (Vec::new(), self.before);
        while let Some(record) = reader.next()? {
            report.rows += 1;
            match self.row(record, &columns, &mut mapper) {
                Ok(None) => report.strangers += 1,
                Ok(Some(row)) => {
                    report.values += row.values.len() as u64;
                    if report.rows > self.before {
                        numbers.extend(
                            mapper.signals.iter().skip(numbers.len()).map(|(_, signal)| self.table.number(signal)),
                        );
                        for (slot, value) in row.values {
                            let signal = numbers.get(slot).copied();
                            readings.extend(signal.map(|signal| Reading { signal, time: row.time, value }));
                        }
                    }
                }
                Err(why) => {
                    report.bad += 1;
                    aside.write(report.bad, record, &why)?;
                    report.first.get_or_insert(why);
                }
            }
            if (readings.len() >= MAX_BATCH_SAMPLES || report.rows >= handed + ROWS) && report.rows > self.before {
                handed = report.rows;
                if !hand_on(Piece { readings: std::mem::take(&mut readings), rows: report.rows }) {
                    return Err(Unread::Stopped);
                }
            }
        }
        report.aside = aside.finish()?;
        report.problems = mapper.problems;
        if !hand_on(Piece { readings, rows: report.rows }) {
            return Err(Unread::Stopped);
        }
        match &report.first {
            Some(why) if report.bad == report.rows => {
                Err(Unread::Wrong(format!("none of its {} rows can be read: {why}", report.rows)))
            }
            _ if report.values == 0 && report.rows > report.bad => {
                let names: Vec<_> = columns.names.iter().take(12).map(|name| format!("`{name}`")).collect();
                Err(Unread::Wrong(format!("no rule reads any of its values; its columns are {}", names.join(", "))))
            }
            _ => Ok(report),
        }
    }

    /// One row; `None` when it is of a machine that no unit names.
    pub(super) fn row(
        &self,
        record: &ByteRecord,
        columns: &Columns,
        mapper: &mut Mapper<'_>,
    ) -> Result<Option<Row>, String> {
        let format = &self.settings.format;
        let cell = |at: usize| record.get(at).map(|bytes| letters(bytes, self.digest.encoding));
        let missing = |at: usize| {
            let name = columns.names.get(at).map_or("", String::as_str);
            format!("the row ends before the column `{name}`: it has {} cells of {}", record.len(), columns.names.len())
        };
        if record.len() > columns.names.len() {
            let (cells, names) = (record.len(), columns.names.len());
            return Err(format!(
                "it has {cells} cells, but there are {names} columns: is a cell with the delimiter in it not in quotes?"
            ));
        }
        let time = format.clock.read(&cell(columns.time).ok_or_else(|| missing(columns.time))?)?;
        let machine = match columns.unit {
            Some(at) => Some(cell(at).ok_or_else(|| missing(at))?),
            None => None,
        };
        let machine = machine.as_deref().map(str::trim);
        if !mapper.is_for(machine) {
            return Ok(None);
        }
        let mut values = Vec::new();
        let mut take = |item: &str, text: &str| {
            if let Some(value) = cells::read(text, format.decimal_comma)
                && let Some(slot) = mapper.signal(machine, item, &value)
            {
                values.push((slot, value));
            }
        };
        match columns.long {
            Some((item, value)) => {
                let item = cell(item).ok_or_else(|| missing(item))?;
                if item.trim().is_empty() {
                    return Err("it names no item".to_owned());
                }
                take(item.trim(), &cell(value).ok_or_else(|| missing(value))?);
            }
            None => {
                for (at, name) in columns.values() {
                    if let Some(text) = cell(at) {
                        take(name, &text);
                    }
                }
            }
        }
        Ok(Some(Row { time, values }))
    }
}

/// One row that was read: values by the mapper's numbers.
pub(super) struct Row {
    time: Timestamp,
    values: Vec<(usize, Value)>,
}

/// The rows of a file, none longer than it may be.
pub struct Records {
    reader: csv::Reader<Limited<File>>,
    budget: Rc<Cell<u64>>,
    record: ByteRecord,
    path: PathBuf,
    /// Without a header the first record is a row too.
    again: bool,
}

impl Records {
    /// Opens the file and reads what its columns are called.
    pub(super) fn begin(job: &Job<'_>) -> Result<(Self, Columns), Unread> {
        let path = job.settings.directory.join(job.name);
        let file = File::open(&path).map_err(|error| Unread::Later(trouble("read", &path, &error)))?;
        let budget = Rc::new(Cell::new(LONGEST));
        let reader = csv::ReaderBuilder::new()
            .delimiter(job.delimiter())
            .has_headers(false)
            .flexible(true)
            .buffer_capacity(256 << 10)
            .from_reader(Limited { inner: file, budget: Rc::clone(&budget) });
        let header = job.settings.format.header;
        let mut records = Self { reader, budget, record: ByteRecord::new(), path, again: false };
        let Some(record) = records.next()? else { return Err(Unread::Wrong("it is empty".to_owned())) };
        let name = |(at, bytes): (usize, &[u8])| match header {
            true => letters(bytes, job.digest.encoding).trim_start_matches('\u{feff}').trim().to_owned(),
            false => (at + 1).to_string(),
        };
        let columns = Columns::new(record.iter().enumerate().map(name).collect(), &job.settings.format);
        records.again = !header;
        Ok((records, columns.map_err(Unread::Wrong)?))
    }

    /// The next row.
    pub(super) fn next(&mut self) -> Result<Option<&ByteRecord>, Unread> {
        if std::mem::take(&mut self.again) {
            return Ok(Some(&self.record));
        }
        self.budget.set(LONGEST);
        match self.reader.read_byte_record(&mut self.record) {
            Ok(true) => Ok(Some(&self.record)),
            Ok(false) => Ok(None),
            Err(error) => Err(match error.into_kind() {
                csv::ErrorKind::Io(error) if error.kind() == io::ErrorKind::FileTooLarge => {
                    let line = self.reader.position().line();
                    Unread::Wrong(format!(
                        "the row at line {line} is longer than {} MiB: is a quotation mark not closed?",
                        LONGEST >> 20
                    ))
                }
                csv::ErrorKind::Io(error) => Unread::Later(trouble("read", &self.path, &error)),
                _ => Unread::Wrong("it is no CSV".to_owned()),
            }),
        }
    }
}

/// A file of which one row may take only so much.
struct Limited<R> {
    inner: R,
    budget: Rc<Cell<u64>>,
}

impl<R: Read> Read for Limited<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(into)?;
        match self.budget.get().checked_sub(read as u64) {
            Some(left) => self.budget.set(left),
            None => return Err(io::ErrorKind::FileTooLarge.into()),
        }
        Ok(read)
    }
}

/// The bad rows of a file.
struct Aside<'a> {
    job: &'a Job<'a>,
    columns: &'a Columns,
    writer: Option<csv::Writer<File>>,
    path: Option<PathBuf>,
}

impl Aside<'_> {
    fn write(&mut self, count: u64, record: &ByteRecord, why: &str) -> Result<(), Unread> {
        if count > SET_ASIDE {
            return Ok(());
        }
        if self.writer.is_none() {
            self.writer = Some(self.begin()?);
        }
        let line = record.position().map_or(0, csv::Position::line).to_string();
        let cells: Vec<_> = record.iter().map(|bytes| letters(bytes, self.job.digest.encoding)).collect();
        let row = [line.as_str(), why].into_iter().chain(cells.iter().map(AsRef::as_ref));
        let written = self.writer.as_mut().map_or(Ok(()), |writer| writer.write_record(row));
        written.map_err(|error| self.failed(&error.into()))
    }

    fn begin(&mut self) -> Result<csv::Writer<File>, Unread> {
        let path = self.place();
        let file = File::create(&path).map_err(|error| self.failed(&error))?;
        let mut writer = csv::WriterBuilder::new().delimiter(self.job.delimiter()).flexible(true).from_writer(file);
        let head = ["line", "reason"].into_iter().chain(self.columns.names.iter().map(String::as_str));
        writer.write_record(head).map_err(|error| self.failed(&error.into()))?;
        self.path = Some(path);
        Ok(writer)
    }

    /// The same file writes to the same place again, and never over what another one left.
    fn place(&self) -> PathBuf {
        let short: String = self.job.digest.identity.chars().take(8).collect();
        let own = self.job.settings.failed.join(format!("{}.{short}.rows.csv", self.job.name));
        let plain = free(&self.job.settings.failed, self.job.name, ".rows.csv");
        let untaken =
            plain.file_name().is_some_and(|name| name.to_string_lossy() == format!("{}.rows.csv", self.job.name));
        if untaken && !own.exists() { plain } else { own }
    }

    fn failed(&self, error: &io::Error) -> Unread {
        Unread::Later(trouble("written to", &self.job.settings.failed, error))
    }

    fn finish(mut self) -> Result<Option<PathBuf>, Unread> {
        if let Some(writer) = &mut self.writer {
            writer.flush().map_err(|error| self.failed(&error))?;
        }
        Ok(self.path.take())
    }
}
