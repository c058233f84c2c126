//! A file whose form is known and whose rows have not been read.

use std::path::Path;

use super::dialect::{self, Dialect};
use super::encoding::{self, Text};
use super::error::{Place, RecordingError};
use super::header;
use super::rows::TextRows;
use super::settings::Settings;
use super::table::{self, Choice, Start, Table};

/// Numbers are rarely packed better than to a fourth.
const PACKED: u64 = 4;

/// A text file.
pub(super) struct TextSource {
    text: Text,
    dialect: Dialect,
    start: Start,
    /// Rows, estimated from the sample; exact where that holds all of the file.
    pub(super) rows: u64,
    pub(super) bytes: u64,
}

impl TextSource {
    /// Opens a file and finds its form; `all` for all columns, whatever the settings name.
    ///
    /// # Errors
    ///
    /// When it cannot be read, when its form cannot be told, and when it lacks a column that the settings name.
    pub(super) fn open(path: &Path, settings: &Settings, all: bool) -> Result<Self, RecordingError> {
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
        // Memory is only set aside for what surely comes.
        let sure = if text.packed { 0 } else { rows + rows / 50 };
        let expected_rows = usize::try_from(sure).unwrap_or(0);
        let start = Start { place, header, choice, decimal: found.dialect.decimal, expected_rows };
        Ok(TextSource { bytes: text.size, text, dialect: found.dialect, start, rows })
    }

    /// Numbers that will be stored, estimated.
    pub(super) fn numbers(&self) -> u64 {
        self.rows.saturating_mul(self.start.choice.numbers() as u64)
    }

    pub(super) fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// Reads the rows; see [`table::fill`].
    pub(super) fn read(
        self,
        watch: &mut dyn FnMut(u64, usize) -> Result<(), RecordingError>,
    ) -> Result<Table, RecordingError> {
        let TextSource { text, dialect, start, .. } = self;
        let mut rows = TextRows::new(text.reader, dialect.separator, start.place.clone());
        table::fill(start, &mut rows, watch)
    }
}
