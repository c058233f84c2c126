//! From text to rows of cells, with the number of the line that each began on.
//!
//! The csv crate is not used: it does not count the blank and comment lines that it skips, so errors would name the
//! wrong line. It also supports only one comment sign, and no runs of blanks as a separator.

use std::io::BufRead;
use std::ops::Range;

use super::encoding::SAMPLE;
use super::error::{Place, RecordingError};

/// What separates the cells of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Separator {
    /// One byte.
    Byte(u8),
    /// A run of blanks and tabs; those at both ends of a line do not count.
    Blanks,
}

/// A row: its cells, and the line (or the row of a sheet) it began on, counted from 1.
#[derive(Debug)]
pub(super) struct Row<'a> {
    pub(super) line: u64,
    text: &'a [u8],
    cells: &'a [Range<usize>],
}

impl<'a> Row<'a> {
    pub(super) fn len(&self) -> usize {
        self.cells.len()
    }

    /// The cell of this column; an empty cell after the end of the row.
    #[inline]
    pub(super) fn cell(&self, column: usize) -> &'a [u8] {
        self.cells.get(column).map_or(&[], |cell| &self.text[cell.clone()])
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &'a [u8]> + '_ {
        self.cells.iter().map(|cell| &self.text[cell.clone()])
    }
}

/// Rows, one after the other.
pub(super) trait Rows {
    /// The next row, if there is one.
    fn next(&mut self) -> Result<Option<Row<'_>>, RecordingError>;

    /// Bytes of text that have been read.
    fn bytes(&self) -> u64;
}

/// The rows of a text. Blank lines, and those that begin with `#`, `%` or `~`, are skipped.
pub(super) struct TextRows<R> {
    reader: R,
    separator: Separator,
    place: Place,
    line: u64,
    bytes: u64,
    buffer: Vec<u8>,
    unquoted: Vec<u8>,
    cells: Vec<Range<usize>>,
    comments: Vec<(u64, Vec<u8>)>,
}

// The comments that may hold names are the first ones.
const COMMENTS_KEPT: usize = 100;

impl<R: BufRead> TextRows<R> {
    pub(super) fn new(reader: R, separator: Separator, place: Place) -> Self {
        let (buffer, unquoted, cells, comments) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        TextRows { reader, separator, place, line: 0, bytes: 0, buffer, unquoted, cells, comments }
    }

    /// The first comment lines so far, each with its line number and without its sign.
    pub(super) fn comments(&self) -> &[(u64, Vec<u8>)] {
        &self.comments
    }

    /// Appends a line without its end to the buffer; false at the end of the text. A line ends with LF, CR LF, or CR.
    fn read_line(&mut self) -> Result<bool, RecordingError> {
        let start = self.buffer.len();
        let mut any = false;
        loop {
            let io = |error| self.place.error(self.line + 1, format_args!("cannot be read: {error}"));
            let bytes = self.reader.fill_buf().map_err(io)?;
            if bytes.is_empty() {
                break;
            }
            any = true;
            let end = memchr::memchr2(b'\n', b'\r', bytes);
            let stop = end.unwrap_or(bytes.len());
            if self.buffer.len() + stop > SAMPLE {
                return Err(self.place.error(
                    self.line + 1,
                    "is longer than 1 MiB: a row of a recording has one number for each column and less than 1 MiB of \
                     text",
                ));
            }
            self.buffer.extend_from_slice(&bytes[..stop]);
            let Some(end) = end else {
                self.reader.consume(stop);
                self.bytes += stop as u64;
                continue;
            };
            let carriage = bytes[end] == b'\r';
            self.reader.consume(stop + 1);
            self.bytes += stop as u64 + 1;
            if carriage {
                let io = |error| self.place.error(self.line + 1, format_args!("cannot be read: {error}"));
                if self.reader.fill_buf().map_err(io)?.first() == Some(&b'\n') {
                    self.reader.consume(1);
                    self.bytes += 1;
                }
            }
            break;
        }
        if any {
            self.line += 1;
            if memchr::memchr(0, &self.buffer[start..]).is_some() {
                return Err(self.place.error(self.line, "has a NUL byte: the file is damaged or not text"));
            }
        }
        Ok(any)
    }

    fn split(&mut self) {
        self.cells.clear();
        let text = &self.buffer;
        match self.separator {
            Separator::Byte(separator) => {
                let mut start = 0;
                for end in memchr::memchr_iter(separator, text) {
                    self.cells.push(start..end);
                    start = end + 1;
                }
                self.cells.push(start..text.len());
            }
            Separator::Blanks => {
                let mut at = 0;
                while at < text.len() {
                    let blank = |byte: &u8| matches!(byte, b' ' | b'\t');
                    at += text[at..].iter().take_while(|byte| blank(byte)).count();
                    let length = text[at..].iter().take_while(|byte| !blank(byte)).count();
                    if length > 0 {
                        self.cells.push(at..at + length);
                    }
                    at += length;
                }
            }
        }
    }

    /// Splits a line that has quotes, and reads on where a quoted cell holds a line end.
    fn split_quoted(&mut self) -> Result<(), RecordingError> {
        let first_line = self.line;
        self.cells.clear();
        self.unquoted.clear();
        let separator = self.separator;
        let separates = |byte: u8| match separator {
            Separator::Byte(separator) => byte == separator,
            Separator::Blanks => matches!(byte, b' ' | b'\t'),
        };
        let mut at = 0;
        loop {
            while self.buffer.get(at).is_some_and(|&byte| matches!(byte, b' ' | b'\t') && !separates(byte))
                || separator == Separator::Blanks && self.buffer.get(at).is_some_and(|&byte| separates(byte))
            {
                at += 1;
            }
            if separator == Separator::Blanks && at == self.buffer.len() {
                return Ok(());
            }
            let start = self.unquoted.len();
            if self.buffer.get(at) == Some(&b'"') {
                at += 1;
                // Where to look for the end; bytes that were searched once are not searched again.
                let mut from = at;
                loop {
                    let Some(quote) = memchr::memchr(b'"', &self.buffer[from..]) else {
                        from = self.buffer.len();
                        self.buffer.push(b'\n');
                        if !self.read_line()? {
                            let what =
                                "a cell opens with a quotation mark that is never closed: close or remove it";
                            return Err(self.place.error(first_line, what));
                        }
                        continue;
                    };
                    self.unquoted.extend_from_slice(&self.buffer[at..from + quote]);
                    at = from + quote + 1;
                    if self.buffer.get(at) != Some(&b'"') {
                        break;
                    }
                    self.unquoted.push(b'"');
                    at += 1;
                    from = at;
                }
            }
            let length = self.buffer[at..].iter().take_while(|&&byte| !separates(byte)).count();
            self.unquoted.extend_from_slice(&self.buffer[at..at + length]);
            self.cells.push(start..self.unquoted.len());
            at += length;
            if at == self.buffer.len() {
                return Ok(());
            }
            at += 1;
        }
    }
}

impl<R: BufRead> Rows for TextRows<R> {
    fn next(&mut self) -> Result<Option<Row<'_>>, RecordingError> {
        loop {
            self.buffer.clear();
            if !self.read_line()? {
                return Ok(None);
            }
            let line = self.line;
            match self.buffer.trim_ascii_start() {
                [] => {}
                [b'#', b'N', ..] | [b'#', b'n', b'/', ..] => break, // a missing value of spreadsheets
                [b'#' | b'%' | b'~', comment @ ..] => {
                    if self.comments.len() < COMMENTS_KEPT {
                        self.comments.push((line, comment.to_vec()));
                    }
                }
                _ => break,
            }
        }
        let line = self.line;
        let quoted = memchr::memchr(b'"', &self.buffer).is_some();
        match quoted {
            true => self.split_quoted()?,
            false => self.split(),
        }
        let text = if quoted { &self.unquoted } else { &self.buffer };
        Ok(Some(Row { line, text, cells: &self.cells }))
    }

    fn bytes(&self) -> u64 {
        self.bytes
    }
}

/// Rows of cells that something else has split: those of a sheet.
pub(super) struct CellRows {
    rows: std::vec::IntoIter<Vec<String>>,
    line: u64,
    bytes: u64,
    text: Vec<u8>,
    cells: Vec<Range<usize>>,
}

impl CellRows {
    pub(super) fn new(mut rows: Vec<Vec<String>>) -> Self {
        // Sheets end a row with its last cell that is not empty.
        let width = rows.iter().map(Vec::len).max().unwrap_or(0);
        rows.iter_mut().for_each(|row| row.resize(width, String::new()));
        CellRows { rows: rows.into_iter(), line: 0, bytes: 0, text: Vec::new(), cells: Vec::new() }
    }
}

impl Rows for CellRows {
    fn next(&mut self) -> Result<Option<Row<'_>>, RecordingError> {
        for row in self.rows.by_ref() {
            self.line += 1;
            self.text.clear();
            self.cells.clear();
            for cell in &row {
                let start = self.text.len();
                self.text.extend_from_slice(cell.as_bytes());
                self.cells.push(start..self.text.len());
            }
            self.bytes += self.text.len() as u64;
            if !self.text.trim_ascii().is_empty() {
                return Ok(Some(Row { line: self.line, text: &self.text, cells: &self.cells }));
            }
        }
        Ok(None)
    }

    fn bytes(&self) -> u64 {
        self.bytes
    }
}

/// A row that is kept: its line and its cells.
pub(super) type KeptRow = (u64, Vec<Vec<u8>>);

/// At most so many rows, kept.
pub(super) fn first(rows: &mut dyn Rows, most: usize) -> Result<Vec<KeptRow>, RecordingError> {
    let mut kept = Vec::new();
    while kept.len() < most
        && let Some(row) = rows.next()?
    {
        kept.push((row.line, row.iter().map(|cell| cell.trim_ascii().to_vec()).collect()));
    }
    Ok(kept)
}

/// The rows of a sample of a text, whose last line may be cut.
pub(super) fn sample_rows<'a>(sample: &'a [u8], separator: Separator, place: &Place) -> TextRows<&'a [u8]> {
    TextRows::new(sample, separator, place.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(text: &str, separator: Separator) -> Result<Vec<(u64, Vec<String>)>, String> {
        let place = Place { file: "a.csv".into(), row: "line" };
        let mut rows = TextRows::new(text.as_bytes(), separator, place);
        let first = first(&mut rows, 100).map_err(|error| error.to_string())?;
        let words =
            |cells: Vec<Vec<u8>>| cells.into_iter().map(|cell| String::from_utf8(cell).unwrap()).collect();
        Ok(first.into_iter().map(|(line, cells)| (line, words(cells))).collect())
    }

    fn lines(rows: &[(u64, Vec<String>)]) -> Vec<(u64, Vec<&str>)> {
        rows.iter().map(|(line, cells)| (*line, cells.iter().map(String::as_str).collect())).collect()
    }

    #[test]
    fn lines_are_counted_over_comments_blanks_and_quoted_line_ends() {
        let comma = Separator::Byte(b',');
        let read = rows("# a\n\na,b\r\n% x\n1, \"two \"\"2\"\"\n2\" ,3\n   \n,\n4,5", comma).unwrap();
        let expected = [
            (3, vec!["a", "b"]),
            (5, vec!["1", "two \"2\"\n2", "3"]),
            (8, vec!["", ""]),
            (9, vec!["4", "5"]),
        ];
        assert_eq!(lines(&read), expected);
        assert_eq!(lines(&rows("1,2\r3,4\r", comma).unwrap()), [(1, vec!["1", "2"]), (2, vec!["3", "4"])]);
        let read = rows(" 1  2\t3 \n\"a b\" c\n", Separator::Blanks).unwrap();
        assert_eq!(lines(&read), [(1, vec!["1", "2", "3"]), (2, vec!["a b", "c"])]);
        assert_eq!(lines(&rows("1,\"2\",\n", comma).unwrap()), [(1, vec!["1", "2", ""])]);
    }

    #[test]
    fn broken_lines_are_named() {
        let says = |text: &str, what: &str| {
            let error = rows(text, Separator::Byte(b',')).unwrap_err();
            assert!(error.contains(what), "{error}");
        };
        says("1,2\n\n\"3,4\n5,6\n", "a.csv, line 3: a cell opens with a quotation mark that is never closed");
        says("1,2\n3,\0\n", "a.csv, line 2: has a NUL byte");
        says(&format!("1,2\n{}", ",1".repeat(10_000_000)), "a.csv, line 2: is longer than 1 MiB");
    }
}
