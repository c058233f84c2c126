//! Columns of numbers in memory, with what is known about them.

use std::ops::Range;

use super::cells::{self, Cell};
use super::choice::{self, Choice};
use super::error::{Place, RecordingError, shown};
use super::header::Header;
use super::notes::Notes;
use super::rows::Rows;
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
    /// Time after the origin; NaN where it is missing.
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

/// The line of each row. Only lines that do not directly follow the line of the row before are stored.
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
    /// A table of columns that do not come from rows of cells, such as arrays; rows are counted from 1.
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

    /// Keeps a range of rows.
    ///
    /// # Errors
    /// If the table has fewer rows.
    pub(super) fn keep(&mut self, rows: Range<usize>) -> Result<(), RecordingError> {
        if rows.end > self.rows {
            return Err(self.place.whole(format_args!(
                "has {} rows, and recording.rows = [{}, {}] asks for more",
                self.rows, rows.start, rows.end
            )));
        }
        self.select(&rows.collect::<Vec<_>>());
        let lines = self.line(0)..=self.line(self.rows - 1);
        for column in &mut self.columns {
            column.numbers = column.values.iter().filter(|value| !value.is_nan()).count();
            column.first_missing = column.first_missing.take().filter(|(line, _)| lines.contains(line));
            column.first_text = column.first_text.take().filter(|(line, _)| lines.contains(line));
            column.texts = column.texts.min(if column.first_text.is_some() { usize::MAX } else { 0 });
        }
        Ok(())
    }

    /// The column of this name.
    pub(super) fn position(&self, name: &str) -> Option<usize> {
        choice::position(self.columns.iter().map(|column| [&column.name[..], &column.written]), name)
    }
}

impl Column {
    /// A column of numbers that do not come from cells; numbers that are not finite count as missing.
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

/// Number of rows between two calls of `watch`.
const WATCHED: usize = 1 << 14;

/// What is known about a file before its rows are read.
pub(super) struct Start {
    pub(super) place: Place,
    pub(super) header: Header,
    pub(super) choice: Choice,
    pub(super) decimal: u8,
    /// Rows to make room for.
    pub(super) expected_rows: usize,
}

/// Reads the rows of a file. `watch` is called repeatedly with the bytes of text and the numbers read so far.
///
/// # Errors
///
/// The errors of the rows; a row with more cells than columns; a cell that is not a time; and the errors of `watch`.
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
        notes.add(
            &place.file,
            format!("{rows} fewer cells than the others, the first on {} {line}", place.row),
        );
    }
    if let Some(note) = clock.note() {
        notes.add(&place.file, note);
    }
    let time = choice.time.map(|position| {
        let (name, unit) = named(position);
        let unit = if clock.in_seconds() { "s".into() } else { unit };
        TimeColumn { name, unit, values: times, origin: clock.origin() }
    });
    // A separator at the end of a row does not make a column.
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
