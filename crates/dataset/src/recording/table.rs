//! Columns of numbers in memory, with what is known about them.

use super::cells::{self, Cell};
use super::error::{Place, RecordingError, shown};
use super::header::Header;
use super::notes::Notes;
use super::rows::Rows;
use super::settings::Settings;
use super::time::Clock;

/// A table: one file, one sheet, or one trajectory of an array.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) place: Place,
    pub(super) columns: Vec<Column>,
    pub(super) time: Option<TimeColumn>,
    pub(super) ids: Option<Ids>,
    pub(super) rows: usize,
    pub(super) notes: Notes,
    lines: Lines,
}

/// A column of numbers.
#[derive(Clone, Debug, Default)]
pub(super) struct Column {
    pub(super) name: String,
    /// The name with the unit beside it, as in the file.
    pub(super) written: String,
    pub(super) unit: String,
    /// One for each row; NaN where it is missing.
    pub(super) values: Vec<f64>,
    /// Numbers among them.
    pub(super) numbers: usize,
    /// Cells that are text.
    pub(super) texts: usize,
    /// The first cell that is missing, and the first that is text: its line and what it holds.
    pub(super) first_missing: Option<(u64, String)>,
    pub(super) first_text: Option<(u64, String)>,
}

/// The times of the rows.
#[derive(Clone, Debug)]
pub(super) struct TimeColumn {
    pub(super) name: String,
    pub(super) unit: String,
    /// After the origin; NaN where it is missing.
    pub(super) values: Vec<f64>,
    /// Seconds since 1970 where the times are dates, else 0.
    pub(super) origin: f64,
}

/// The trajectory that each row belongs to.
#[derive(Clone, Debug, Default)]
pub(super) struct Ids {
    /// An index into the labels, which are in the order of their first appearance.
    pub(super) codes: Vec<u32>,
    pub(super) labels: Vec<String>,
}

/// The lines of rows. Only where a line does not follow the one of the row before it is anything stored.
#[derive(Clone, Debug, Default)]
struct Lines {
    starts: Vec<(usize, u64)>,
    /// Rows of the file, where the rows of the table have been chosen among them.
    chosen: Option<Vec<usize>>,
}

impl Lines {
    fn push(&mut self, row: usize, line: u64) {
        if self.starts.last().is_none_or(|&(start, first)| first + (row - start) as u64 != line) {
            self.starts.push((row, line));
        }
    }

    fn line(&self, row: usize) -> u64 {
        let row = self.chosen.as_ref().map_or(row, |chosen| chosen[row]);
        let after = self.starts.partition_point(|&(start, _)| start <= row);
        let (start, first) = self.starts.get(after.saturating_sub(1)).copied().unwrap_or((0, 1));
        first + (row - start) as u64
    }
}

impl Table {
    /// A table of columns that come from elsewhere than rows of cells; their rows are counted from 1.
    pub(super) fn of_columns(
        place: Place,
        columns: Vec<Column>,
        time: Option<TimeColumn>,
        rows: usize,
    ) -> Self {
        let lines = Lines { starts: vec![(0, 1)], chosen: None };
        Table { place, columns, time, ids: None, rows, notes: Notes::default(), lines }
    }

    /// The line of a row.
    pub(super) fn line(&self, row: usize) -> u64 {
        self.lines.line(row)
    }

    /// An error in a row.
    pub(super) fn error(&self, row: usize, what: impl std::fmt::Display) -> RecordingError {
        self.place.error(self.line(row), what)
    }

    /// Keeps these rows, in this order.
    pub(super) fn select(&mut self, rows: &[usize]) {
        fn chosen<T: Copy>(values: &mut Vec<T>, rows: &[usize]) {
            *values = rows.iter().map(|&row| values[row]).collect();
        }
        self.columns.iter_mut().for_each(|column| chosen(&mut column.values, rows));
        if let Some(time) = &mut self.time {
            chosen(&mut time.values, rows);
        }
        if let Some(ids) = &mut self.ids {
            chosen(&mut ids.codes, rows);
        }
        self.rows = rows.len();
        self.lines.chosen = match self.lines.chosen.take() {
            Some(before) => Some(rows.iter().map(|&row| before[row]).collect()),
            None => Some(rows.to_vec()),
        };
    }

    /// The column of this name.
    pub(super) fn position(&self, name: &str) -> Option<usize> {
        position(self.columns.iter().map(|column| [&column.name[..], &column.written]), name)
    }
}

impl Column {
    /// A column of numbers from elsewhere than cells; what is not finite is missing.
    pub(super) fn of_values(name: String, mut values: Vec<f64>) -> Self {
        values.iter_mut().filter(|value| !value.is_finite()).for_each(|value| *value = f64::NAN);
        let numbers = values.iter().filter(|value| !value.is_nan()).count();
        Column { written: name.clone(), name, values, numbers, ..Column::default() }
    }

    fn push(&mut self, cell: &[u8], decimal: u8, line: u64) {
        match cells::parse(cell, decimal) {
            Cell::Number(number) => {
                self.values.push(number);
                self.numbers += 1;
            }
            kind => self.push_odd(cell, kind == Cell::Text, line),
        }
    }

    #[cold]
    fn push_odd(&mut self, cell: &[u8], is_text: bool, line: u64) {
        self.values.push(f64::NAN);
        let odd = || Some((line, cells::text(cell)));
        if self.first_missing.is_none() {
            self.first_missing = odd();
        }
        if is_text {
            self.texts += 1;
            if self.first_text.is_none() {
                self.first_text = odd();
            }
        }
    }

    /// The least and the greatest number.
    pub(super) fn range(&self) -> Option<[f64; 2]> {
        let numbers = self.values.iter().filter(|value| !value.is_nan());
        numbers.fold(None, |range, &value| match range {
            None => Some([value, value]),
            Some([least, greatest]) => Some([value.min(least), value.max(greatest)]),
        })
    }
}

/// The columns of a file that are read, by their position.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Choice {
    pub(super) time: Option<usize>,
    pub(super) id: Option<usize>,
    pub(super) values: Vec<usize>,
}

/// Names that a time column may have, in lower case.
const TIMES: [&str; 21] = [
    "t",
    "time",
    "times",
    "timestamp",
    "time_stamp",
    "datetime",
    "date",
    "date_time",
    "date time",
    "zeit",
    "zeitstempel",
    "tid",
    "temps",
    "tiempo",
    "seconds",
    "sec",
    "millis",
    "elapsed",
    "year",
    "day",
    "hour",
];

/// Whether a column of this name probably holds the time.
pub(super) fn names_time(name: &str) -> bool {
    TIMES.iter().any(|time| name.eq_ignore_ascii_case(time))
}

/// The position of a name among pairs of the name of a column and what is written above it.
pub(super) fn position<'a>(names: impl Iterator<Item = [&'a str; 2]> + Clone, name: &str) -> Option<usize> {
    let mut exact = names.clone();
    let mut written = names.clone();
    let mut loose = names;
    (exact.position(|[column, _]| column == name))
        .or_else(|| written.position(|[_, written]| written.trim() == name.trim()))
        .or_else(|| loose.position(|[column, _]| column.eq_ignore_ascii_case(name)))
}

/// An error that names a column which is not there, and those that are.
pub(super) fn no_column<'a>(
    place: &Place,
    key: &str,
    name: &str,
    names: impl Iterator<Item = &'a String>,
) -> RecordingError {
    let mut names: Vec<&str> = names.map(String::as_str).collect();
    let more = names.len().saturating_sub(20);
    names.truncate(20);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    place
        .whole(format_args!("recording.{key} names {name:?}, but the columns are {}{more}", names.join(", ")))
}

impl Choice {
    /// The columns that the settings ask for: all where they name no states, or where all are wanted.
    pub(super) fn new(
        header: &Header,
        settings: &Settings,
        all: bool,
        place: &Place,
    ) -> Result<Self, RecordingError> {
        let find = |key: &str, name: &str| {
            let names = header.names.iter().zip(&header.written).map(|(name, written)| [&name[..], written]);
            position(names, name).ok_or_else(|| no_column(place, key, name, header.names.iter()))
        };
        let time = match (&settings.time, settings.dt) {
            (Some(name), _) => Some(find("time", name)?),
            (None, Some(_)) => None,
            (None, None) => header.names.iter().position(|name| names_time(name)),
        };
        let id = settings.trajectory.as_ref().map(|name| find("trajectory", name)).transpose()?;
        let mut values = Vec::new();
        for (key, names) in [("states", &settings.states), ("inputs", &settings.inputs)] {
            for name in names {
                values.push(find(key, name)?);
            }
        }
        if settings.states.is_empty() || all {
            values = (0..header.names.len()).collect();
        }
        values.retain(|&column| Some(column) != time && Some(column) != id);
        Ok(Choice { time, id, values })
    }

    /// Numbers that are stored of each row.
    pub(super) fn numbers(&self) -> usize {
        self.values.len() + usize::from(self.time.is_some()) + usize::from(self.id.is_some())
    }
}

/// Rows between two calls of what watches the reading.
const WATCHED: usize = 1 << 14;

/// What is known of a file before its rows are read.
pub(super) struct Start {
    pub(super) place: Place,
    pub(super) header: Header,
    pub(super) choice: Choice,
    pub(super) decimal: u8,
    /// Rows to make room for.
    pub(super) expected_rows: usize,
}

/// Reads the rows of a file. `watch` hears, again and again, the bytes of text and the numbers so far.
///
/// # Errors
///
/// Those of the rows, a row with more cells than there are columns, a time that is none, and those of `watch`.
pub(super) fn fill(
    start: Start,
    rows: &mut dyn Rows,
    watch: &mut dyn FnMut(u64, usize) -> Result<(), RecordingError>,
) -> Result<Table, RecordingError> {
    let Start { place, header, choice, decimal, expected_rows } = start;
    let width = header.names.len();
    let named = |column: usize| (header.names[column].clone(), header.units[column].clone());
    let column = |&position: &usize| {
        let (name, unit) = named(position);
        let written = header.written[position].clone();
        Column { name, written, unit, values: Vec::with_capacity(expected_rows), ..Column::default() }
    };
    let mut columns: Vec<Column> = choice.values.iter().map(column).collect();
    let mut clock = Clock::new(decimal);
    let mut times = Vec::with_capacity(choice.time.map_or(0, |_| expected_rows));
    let mut ids = Labels::default();
    let mut lines = Lines::default();
    let (mut count, mut empty, mut short) = (0, Vec::new(), (0, None));
    let needed = header.written.iter().rposition(|name| !name.is_empty()).map_or(0, |last| last + 1);

    while let Some(row) = rows.next()? {
        if row.line < header.first_line {
            continue;
        }
        if row.iter().all(|cell| cell.trim_ascii().is_empty()) {
            // It is a missing sample if others follow, and padding if none do.
            empty.push(row.line);
            continue;
        }
        if row.len() > width && (width..row.len()).any(|cell| !row.cell(cell).trim_ascii().is_empty()) {
            let what = format!("has {} cells, but the rows before it have {width}", row.len());
            return Err(place.error(row.line, what));
        }
        if row.len() < needed {
            short.0 += 1;
            short.1.get_or_insert(row.line);
        }
        for line in empty.drain(..) {
            columns.iter_mut().for_each(|column| column.push_odd(b"", false, line));
            times.extend(choice.time.map(|_| f64::NAN));
            if choice.id.is_some() {
                ids.repeat();
            }
            lines.push(count, line);
            count += 1;
        }
        for (column, &position) in columns.iter_mut().zip(&choice.values) {
            column.push(row.cell(position), decimal, row.line);
        }
        if let Some(position) = choice.time {
            let time = clock.read(row.cell(position)).map_err(|what| {
                place.error(row.line, format_args!("column {}: {what}", shown(&header.names[position])))
            })?;
            times.push(time.unwrap_or(f64::NAN));
        }
        if let Some(position) = choice.id {
            ids.push(row.cell(position).trim_ascii());
        }
        lines.push(count, row.line);
        count += 1;
        if count % WATCHED == 0 {
            let bytes = rows.bytes();
            watch(bytes, count * choice.numbers())?;
        }
    }
    watch(rows.bytes(), count * choice.numbers())?;

    let mut notes = Notes::default();
    header.notes.iter().for_each(|note| notes.add(&place.file, note));
    if let (short, Some(line)) = short {
        let rows = super::notes::counted(short, "row has", "rows have");
        notes.add(&place.file, format!("{rows} fewer cells than the others, the first on line {line}"));
    }
    if let Some(note) = clock.note() {
        notes.add(&place.file, note);
    }
    let time = choice.time.map(|position| {
        let (name, unit) = named(position);
        let unit = if clock.in_seconds() { "s".into() } else { unit };
        TimeColumn { name, unit, values: times, origin: clock.origin() }
    });
    // A trailing separator is no column.
    columns.retain(|column| !(column.written.is_empty() && column.numbers == 0 && column.texts == 0));
    let ids = choice.id.map(|_| Ids { codes: ids.codes, labels: ids.labels });
    Ok(Table { place, columns, time, ids, rows: count, notes, lines })
}

/// Labels of trajectories, numbered as they appear.
#[derive(Default)]
struct Labels {
    codes: Vec<u32>,
    labels: Vec<String>,
    known: std::collections::HashMap<Vec<u8>, u32>,
}

impl Labels {
    /// The trajectory of the row before.
    fn repeat(&mut self) {
        match self.codes.last() {
            Some(&code) => self.codes.push(code),
            None => self.push(b""),
        }
    }

    fn push(&mut self, cell: &[u8]) {
        // Most rows belong to the trajectory of the row before.
        let code = match self.known.get(cell) {
            Some(&code) => code,
            None => {
                let code = self.labels.len() as u32;
                self.labels.push(cells::text(cell));
                self.known.insert(cell.to_vec(), code);
                code
            }
        };
        self.codes.push(code);
    }
}
