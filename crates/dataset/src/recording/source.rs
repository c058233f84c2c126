//! A file whose form is known and whose rows have not been read.

use std::path::{Path, PathBuf};

use crate::containers::{self, Arrays, Container, ContainerError, Sheets};

use super::array_tables::{Plan, Shape};
use super::choice::{self, Choice};
use super::dialect::{self, Dialect};
use super::encoding::{self, Text};
use super::error::{Place, RecordingError};
use super::header;
use super::rows::{self, CellRows, Separator, TextRows};
use super::settings::Settings;
use super::table::{self, Start, Table};

/// A callback that gets the number of bytes read and of numbers stored so far; it may stop the reading by an error.
pub(super) type Watch<'a> = &'a mut dyn FnMut(u64, usize) -> Result<(), RecordingError>;

/// A file of any readable kind, recognised by its content.
pub(super) enum Source {
    Text(Box<TextSource>),
    Arrays(Box<ArraySource>),
    Sheets(Box<SheetSource>),
}

/// A file of arrays.
pub(super) struct ArraySource {
    arrays: Box<dyn Arrays>,
    plan: Plan,
    place: Place,
    bytes: u64,
    settings: Settings,
}

/// A workbook.
pub(super) struct SheetSource {
    sheets: Box<dyn Sheets>,
    path: PathBuf,
    sheet: String,
    settings: Settings,
    all: bool,
    bytes: u64,
}

/// Bytes of a packed workbook that a cell takes at least.
const CELL: u64 = 4;

impl Source {
    /// Opens a file; if `all` is set, for all columns, whatever the settings name.
    ///
    /// # Errors
    ///
    /// If the file cannot be read, if its form cannot be found, or if it lacks what the settings name.
    pub(super) fn open(path: &Path, settings: &Settings, all: bool) -> Result<Self, RecordingError> {
        let place = Place::text(path);
        let about = path.metadata().map_err(|error| place.whole(format_args!("cannot be read: {error}")))?;
        if !about.is_file() {
            return Err(place.whole("is not a file; to read all files of a folder, write folder/*.csv"));
        }
        let bytes = about.len();
        let container = containers::open(path).map_err(refused)?;
        check_keys(container.as_ref(), settings, &place)?;
        match container {
            None => Ok(Source::Text(Box::new(TextSource::open(path, settings, all)?))),
            Some(Container::Arrays(arrays)) => {
                let numbers = arrays.list().into_iter().filter(|about| about.numbers);
                let shapes: Vec<Shape> =
                    numbers.map(|about| Shape { name: about.name, axes: about.shape }).collect();
                let plan = Plan::new(&shapes, settings, &place)?;
                let settings = settings.clone();
                Ok(Source::Arrays(Box::new(ArraySource { arrays, plan, place, bytes, settings })))
            }
            Some(Container::Sheets(sheets)) => {
                let sheet = sheet_of(&sheets.names(), settings, &place)?;
                let (path, settings) = (path.to_owned(), settings.clone());
                Ok(Source::Sheets(Box::new(SheetSource { sheets, path, sheet, settings, all, bytes })))
            }
        }
    }

    /// Bytes on disk.
    pub(super) fn bytes(&self) -> u64 {
        match self {
            Source::Text(text) => text.bytes,
            Source::Arrays(arrays) => arrays.bytes,
            Source::Sheets(sheets) => sheets.bytes,
        }
    }

    /// Numbers that will be stored, estimated.
    pub(super) fn numbers(&self) -> u64 {
        match self {
            Source::Text(text) => text.numbers(),
            Source::Arrays(arrays) => arrays.plan.numbers(),
            Source::Sheets(sheets) => sheets.bytes / CELL,
        }
    }

    /// How a text is written.
    pub(super) fn dialect(&self) -> Option<Dialect> {
        match self {
            Source::Text(text) => Some(text.dialect),
            Source::Arrays(_) | Source::Sheets(_) => None,
        }
    }

    /// Reads the tables of the file.
    ///
    /// # Errors
    ///
    /// If the file is damaged; and the errors of `watch`.
    pub(super) fn read(self, watch: Watch<'_>) -> Result<Vec<Table>, RecordingError> {
        match self {
            Source::Text(text) => Ok(vec![text.read(watch)?]),
            Source::Arrays(source) => {
                let ArraySource { arrays, plan, place, bytes, settings } = *source;
                let tables = plan.tables(&place, |name| arrays.read(name).map_err(refused))?;
                check_units(&tables, &settings)?;
                watch(bytes, usize::try_from(plan.numbers()).unwrap_or(usize::MAX))?;
                Ok(tables)
            }
            Source::Sheets(sheets) => Ok(vec![sheets.read(watch)?]),
        }
    }
}

fn refused(error: ContainerError) -> RecordingError {
    RecordingError(error.to_string())
}

/// Returns an error for a key that does nothing for a file of this kind.
fn check_keys(
    container: Option<&Container>,
    settings: &Settings,
    place: &Place,
) -> Result<(), RecordingError> {
    let (kind, idle): (&str, &[&str]) = match container {
        None => ("a text file", &["sheet", "dataset", "time_axis"]),
        Some(Container::Arrays(_)) => ("a file of arrays", &["sheet", "trajectory", "separator", "decimal"]),
        Some(Container::Sheets(_)) => ("a workbook", &["dataset", "time_axis", "separator"]),
    };
    let is_set = |key: &&&str| match **key {
        "sheet" => settings.sheet.is_some(),
        "dataset" => settings.dataset.is_some(),
        "time_axis" => settings.time_axis.is_some(),
        "trajectory" => settings.trajectory.is_some(),
        "separator" => settings.separator.is_some(),
        _ => settings.decimal.is_some(),
    };
    match idle.iter().find(is_set) {
        None => Ok(()),
        Some(key) => {
            Err(place.whole(format_args!("is {kind}, for which recording.{key} does nothing: remove it")))
        }
    }
}

/// Returns an error for a unit of a column that arrays do not have.
fn check_units(tables: &[Table], settings: &Settings) -> Result<(), RecordingError> {
    let Some(table) = tables.first() else { return Ok(()) };
    let is_time = |name: &String| table.time.as_ref().is_some_and(|time| time.name == *name);
    match settings.units.keys().find(|name| table.position(name).is_none() && !is_time(name)) {
        None => Ok(()),
        Some(name) => Err(choice::no_column(
            &table.place,
            "units",
            name,
            table.columns.iter().map(|column| &column.name),
        )),
    }
}

/// The sheet that the settings name, or the only one.
fn sheet_of(names: &[String], settings: &Settings, place: &Place) -> Result<String, RecordingError> {
    let listed = || names.iter().take(20).map(|name| format!("{name:?}")).collect::<Vec<_>>().join(", ");
    match (&settings.sheet, names) {
        (Some(name), _) if names.contains(name) => Ok(name.clone()),
        (Some(name), _) => Err(place.whole(format_args!("has no sheet {name:?}; it has {}", listed()))),
        (None, [only]) => Ok(only.clone()),
        (None, _) => Err(place.whole(format_args!(
            "has {} sheets, {}: set recording.sheet to one of them",
            names.len(),
            listed()
        ))),
    }
}

impl SheetSource {
    fn read(self, watch: Watch<'_>) -> Result<Table, RecordingError> {
        let cells = self.sheets.rows(&self.sheet).map_err(refused)?;
        let file = format!("{}, sheet {:?}", self.path.display(), self.sheet);
        let place = Place { file, row: "row" };
        let decimal = if self.settings.decimal.as_deref() == Some(",") { b',' } else { b'.' };
        let dialect = Dialect { separator: Separator::Byte(b'\t'), decimal };
        let head = cells.iter().take(dialect::ROWS).cloned().collect();
        let head = rows::first(&mut CellRows::new(head), dialect::ROWS)?;
        let Some(header) = header::find(&head, dialect, &[]) else {
            return Err(place.whole("has no row of numbers: a recording has a row for each time"));
        };
        let choice = Choice::new(&header, &self.settings, self.all, &place)?;
        let start = Start { place, header, choice, decimal, expected_rows: cells.len() };
        let bytes = self.bytes;
        // In bytes on disk, so that the progress ends at 100%.
        table::fill(start, &mut CellRows::new(cells), &mut |_, numbers| watch(bytes, numbers))
    }
}

/// Numbers are rarely compressed to less than a fourth.
const PACKED: u64 = 4;

/// A text file.
pub(super) struct TextSource {
    text: Text,
    dialect: Dialect,
    start: Start,
    /// Rows, estimated from the sample.
    rows: u64,
    bytes: u64,
}

impl TextSource {
    fn open(path: &Path, settings: &Settings, all: bool) -> Result<Self, RecordingError> {
        let place = Place::text(path);
        let text = encoding::open(path)?;
        let found = dialect::find(&text.sample, text.longer, settings, &place)?;
        let Some(mut header) = header::find(&found.rows, found.dialect, &found.comments) else {
            return Err(place.whole("has no row of numbers: a recording has a row for each time"));
        };
        header.notes.extend(text.note.map(str::to_owned));
        let choice = Choice::new(&header, settings, all, &place)?;
        let lines = memchr::memchr_iter(b'\n', &text.sample).count().max(found.rows.len()).max(1) as u64;
        let bytes = match (text.longer, text.packed) {
            (false, _) => text.sample.len() as u64,
            (true, false) => text.size,
            (true, true) => text.size.saturating_mul(PACKED),
        };
        let rows = (bytes as f64 / text.sample.len().max(1) as f64 * lines as f64) as u64;
        // Memory is reserved only for rows that are certain to come.
        let sure = if text.packed { 0 } else { rows + rows / 50 };
        let expected_rows = usize::try_from(sure).unwrap_or(0);
        let start = Start { place, header, choice, decimal: found.dialect.decimal, expected_rows };
        Ok(TextSource { bytes: text.size, text, dialect: found.dialect, start, rows })
    }

    fn numbers(&self) -> u64 {
        self.rows.saturating_mul(self.start.choice.numbers() as u64)
    }

    fn read(self, watch: Watch<'_>) -> Result<Table, RecordingError> {
        let TextSource { text, dialect, start, .. } = self;
        let mut rows = TextRows::new(text.reader, dialect.separator, start.place.clone());
        table::fill(start, &mut rows, watch)
    }
}
