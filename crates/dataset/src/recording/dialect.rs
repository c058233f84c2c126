//! The separator and the decimal sign of a text, found together from a sample of it.
//!
//! Every pair is tried. The best pair is the one with which most cells are numbers or dates and most rows have the same
//! length. If two pairs are equally good but give different numbers, the result is an error, not a guess.

use super::cells::{self, Cell};
use super::error::{Place, RecordingError, shown};
use super::rows::{self, KeptRow, Separator};
use super::settings::Settings;
use super::time;

/// How a text is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Dialect {
    pub(super) separator: Separator,
    /// `.` or `,`.
    pub(super) decimal: u8,
}

impl Dialect {
    /// The value of `separator` in `[recording]`.
    pub(super) fn separator_key(self) -> &'static str {
        match self.separator {
            Separator::Byte(b'\t') => "tab",
            Separator::Byte(b';') => ";",
            Separator::Byte(b'|') => "|",
            Separator::Byte(_) => ",",
            Separator::Blanks => "blank",
        }
    }
}

const SEPARATORS: [Separator; 5] = [
    Separator::Byte(b','),
    Separator::Byte(b';'),
    Separator::Byte(b'\t'),
    Separator::Byte(b'|'),
    Separator::Blanks,
];

/// The largest number of rows of the sample that are examined.
pub(super) const ROWS: usize = 400;

/// Rows at the beginning of the sample that may be headers, so they do not count.
const HEADERS: usize = 20;

struct Candidate {
    dialect: Dialect,
    rows: Vec<KeptRow>,
    /// The usual number of cells.
    columns: usize,
    /// The fraction of cells that are numbers or dates, times the fraction of rows with the usual number of cells.
    score: f64,
    /// The number of cells that are numbers or dates, in all rows.
    values: usize,
    comments: Vec<(u64, Vec<u8>)>,
}

/// A dialect, with the first rows and comments of the sample as it reads them.
pub(super) struct Found {
    pub(super) dialect: Dialect,
    pub(super) rows: Vec<KeptRow>,
    pub(super) comments: Vec<(u64, Vec<u8>)>,
}

/// Finds the dialect of a sample. If the text is `longer` than the sample, the last line of the sample is cut off.
///
/// # Errors
///
/// If there are no rows of numbers, if two dialects fit equally well, or if lines are damaged.
pub(super) fn find(
    sample: &[u8],
    longer: bool,
    settings: &Settings,
    place: &Place,
) -> Result<Found, RecordingError> {
    let whole = match sample.iter().rposition(|byte| matches!(byte, b'\n' | b'\r')) {
        Some(end) if longer => &sample[..end],
        None if longer => {
            return Err(place.error(
                1,
                "is longer than 1 MiB: a row has one number for each column, and ends with a line end",
            ));
        }
        _ => sample,
    };
    let separators = match &settings.separator {
        Some(separator) => vec![separator_of(separator)?],
        None => SEPARATORS.to_vec(),
    };
    let decimals: &[u8] = match settings.decimal.as_deref() {
        Some(",") => b",",
        Some(_) => b".",
        None => b".,",
    };
    let quoted = whole.contains(&b'"');
    let mut candidates = Vec::new();
    let mut fault = None;
    for &separator in &separators {
        for &decimal in decimals {
            // Decimal commas between commas only make sense in quotes.
            if separator == Separator::Byte(decimal) && !quoted {
                continue;
            }
            match Candidate::new(whole, Dialect { separator, decimal }, place) {
                Ok(candidate) => candidates.push(candidate),
                Err(error) => fault = Some(error),
            }
        }
    }
    // A file with a single column counts as separated by blanks.
    let forced = settings.separator.is_some();
    candidates.retain(|candidate: &Candidate| {
        forced || candidate.columns > 1 || candidate.dialect.separator == Separator::Blanks
    });
    let best = candidates.iter().map(|candidate| candidate.score).fold(0.0, f64::max);
    if best == 0.0 {
        let what = "has no rows of numbers in its first lines: a recording has one row for each time and one column \
                    for each quantity";
        return Err(fault.unwrap_or_else(|| place.whole(what)));
    }
    candidates.retain(|candidate| candidate.score > best - 1e-9);
    // Of two decimal signs, the one that gives more numbers in the rows above those that count.
    let most = |separator| {
        let alike = candidates.iter().filter(|candidate| candidate.dialect.separator == separator);
        alike.map(|candidate| candidate.values).max()
    };
    let most = SEPARATORS.map(|separator| (separator, most(separator)));
    candidates.retain(|candidate| most.contains(&(candidate.dialect.separator, Some(candidate.values))));
    choose(candidates, place)
}

fn choose(mut candidates: Vec<Candidate>, place: &Place) -> Result<Found, RecordingError> {
    // Blanks inside cells (dates, names) are more likely than another separator between words by chance.
    let split =
        |candidate: &Candidate| candidate.dialect.separator != Separator::Blanks && candidate.columns > 1;
    if candidates.iter().any(split) {
        candidates.retain(|candidate| split(candidate) || candidate.columns == 1);
    }
    // Of dialects that give the same numbers, any will do.
    let mut kinds: Vec<Candidate> = Vec::new();
    for candidate in candidates {
        if !kinds.iter().any(|kind| kind.values().eq(candidate.values())) {
            kinds.push(candidate);
        }
    }
    if kinds.len() > 1 {
        // The number of names shows whether `1,5` is one number or two.
        let fits: Vec<bool> = kinds.iter().map(|kind| kind.names() == Some(kind.columns)).collect();
        let several: Vec<bool> = kinds.iter().map(|kind| kind.columns > 1).collect();
        let mut keep = fits.iter().zip(&several).map(|(&fits, &several)| fits && several);
        if fits.iter().zip(&several).any(|(&fits, &several)| fits && several) {
            kinds.retain(|_| keep.next().unwrap_or(false));
        } else if kinds.iter().any(|kind| kind.names().is_some()) {
            let mut keep = fits.iter();
            kinds.retain(|_| keep.next().copied().unwrap_or(false));
        }
    }
    match <[Candidate; 1]>::try_from(kinds) {
        Ok([Candidate { dialect, rows, comments, .. }]) => Ok(Found { dialect, rows, comments }),
        Err(kinds) => Err(ambiguous(&kinds, place)),
    }
}

fn ambiguous(kinds: &[Candidate], place: &Place) -> RecordingError {
    let ways: Vec<String> = kinds
        .iter()
        .map(|kind| {
            let decimal = if kind.dialect.decimal == b',' { "comma" } else { "point" };
            let separator = kind.dialect.separator_key();
            let columns = super::notes::counted(kind.columns, "column", "columns");
            format!("{columns} (separator = {separator:?}, decimal {decimal})")
        })
        .collect();
    let Some((line, cells)) = kinds.first().and_then(|kind| kind.body().next()) else {
        return place.whole("its separator cannot be found: set `separator` and `decimal`");
    };
    let separator = match kinds[0].dialect.separator {
        Separator::Byte(byte) => char::from(byte).to_string(),
        Separator::Blanks => " ".into(),
    };
    let text = cells.iter().map(|cell| cells::text(cell)).collect::<Vec<_>>().join(&separator);
    place.error(
        *line,
        format_args!(
            "{} can be read as {}: set `separator` or `decimal` in [recording]",
            shown(&text),
            ways.join(" or as ")
        ),
    )
}

/// The separator that a setting names.
fn separator_of(name: &str) -> Result<Separator, RecordingError> {
    match name {
        "tab" | "\t" => Ok(Separator::Byte(b'\t')),
        "blank" | " " => Ok(Separator::Blanks),
        "," => Ok(Separator::Byte(b',')),
        ";" => Ok(Separator::Byte(b';')),
        "|" => Ok(Separator::Byte(b'|')),
        _ => Err(RecordingError(format!(
            "recording.separator is {name:?}: it must be \",\", \";\", \"|\", \"tab\" or \"blank\""
        ))),
    }
}

/// Whether a cell is a number or a date.
pub(super) fn is_value(cell: &[u8], decimal: u8) -> bool {
    matches!(cells::parse(cell, decimal), Cell::Number(_)) || time::is_date(cell)
}

impl Candidate {
    fn new(sample: &[u8], dialect: Dialect, place: &Place) -> Result<Self, RecordingError> {
        let mut text = rows::sample_rows(sample, dialect.separator, place);
        let rows = rows::first(&mut text, ROWS)?;
        let comments = text.comments().to_vec();
        let mut candidate = Candidate { dialect, rows, columns: 0, score: 0.0, values: 0, comments };
        let widths = candidate.body().chain(&candidate.rows).map(|(_, cells)| cells.len());
        candidate.columns = usual(widths);
        let cells = candidate.rows.iter().flat_map(|(_, cells)| cells);
        candidate.values = cells.filter(|cell| is_value(cell, dialect.decimal)).count();
        let regular = candidate.body().filter(|(_, cells)| cells.len() == candidate.columns).count();
        let [mut values, mut texts] = [0usize; 2];
        for cell in candidate.body().flat_map(|(_, cells)| cells) {
            // A comma without a digit on both sides separates.
            let decimal = dialect.decimal;
            let loose = decimal == b',' && (cell.first() == Some(&b',') || cell.last() == Some(&b','));
            match is_value(cell, decimal) && !loose {
                true => values += 1,
                false => texts += usize::from(cells::parse(cell, decimal) != Cell::Missing),
            }
        }
        let part = |count: usize, all: usize| count as f64 / all.max(1) as f64;
        candidate.score = part(values, values + texts) * part(regular, candidate.body().count());
        Ok(candidate)
    }

    /// The rows that count.
    fn body(&self) -> impl Iterator<Item = &KeptRow> {
        self.rows.iter().skip(HEADERS.min(self.rows.len() / 2))
    }

    /// What the cells are read as; equal for two candidates that do not differ.
    fn values(&self) -> impl Iterator<Item = (u64, usize, Result<u64, &[u8]>)> {
        let decimal = self.dialect.decimal;
        self.body().flat_map(move |(line, cells)| {
            cells.iter().enumerate().map(move |(column, cell)| match cells::parse(cell, decimal) {
                Cell::Number(number) => (*line, column, Ok(number.to_bits())),
                _ => (*line, column, Err(&cell[..])),
            })
        })
    }

    /// The number of names in the first row, or in the last comment, if there are names.
    fn names(&self) -> Option<usize> {
        let (_, first) = self.rows.first()?;
        let is_text = |cell: &Vec<u8>| {
            let decimal = self.dialect.decimal;
            // A cell with digits that is not a number is not a name either.
            let digits = cell.first().is_some_and(|first| matches!(first, b'0'..=b'9' | b'-' | b'+' | b'.'));
            !digits && cells::parse(cell, decimal) == Cell::Text
        };
        let named = |cells: &[Vec<u8>]| cells.iter().any(is_text);
        if named(first) {
            return Some(first.iter().filter(|cell| !cell.is_empty()).count());
        }
        let (_, comment) = self.comments.last()?;
        let place = Place { file: String::new(), row: "line" };
        let mut text = rows::sample_rows(comment, self.dialect.separator, &place);
        let (_, cells) = rows::first(&mut text, 1).ok()?.pop()?;
        named(&cells).then_some(cells.len())
    }
}

/// The most frequent number; the larger of two that are equally frequent.
pub(super) fn usual(numbers: impl Iterator<Item = usize>) -> usize {
    let mut counts = std::collections::BTreeMap::new();
    for number in numbers {
        *counts.entry(number).or_insert(0usize) += 1;
    }
    counts.into_iter().max_by_key(|&(_, count)| count).map_or(0, |(number, _)| number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Result<(&'static str, char, usize), String> {
        found_with(text, &Settings::default())
    }

    fn found_with(text: &str, settings: &Settings) -> Result<(&'static str, char, usize), String> {
        let place = Place { file: "a.csv".into(), row: "line" };
        let found = find(text.as_bytes(), false, settings, &place).map_err(|error| error.to_string())?;
        let columns = found.rows.last().map_or(0, |(_, cells)| cells.len());
        Ok((found.dialect.separator_key(), char::from(found.dialect.decimal), columns))
    }

    #[test]
    fn separator_and_decimal_sign_are_found_together() {
        let cases = [
            ("t,x\n0,1\n1,2\n", (",", '.', 2)),
            ("1,2.5\n2,3.5\n", (",", '.', 2)),
            ("1, 2, 3\n4, 5, 6\n", (",", '.', 3)),
            ("1 ,2\n3 ,4\n5 ,6.5\n", (",", '.', 2)),
            ("t;x\n0,5;1,25\n1;2\n", (";", ',', 2)),
            ("t;x\n1.5;2\n2;3\n", (";", '.', 2)),
            ("t\tx y\n0,5\t1,25\n1\t2\n", ("tab", ',', 2)),
            ("0.5   1.25\n 1 2\n", ("blank", '.', 2)),
            ("0,5   1,25\n 1 2\n", ("blank", ',', 2)),
            ("1|2\n3|4\n", ("|", '.', 2)),
            ("x\n1,5\n2,5\n", ("blank", ',', 1)),
            ("x,y\n1,5\n2,5\n", (",", '.', 2)),
            ("# x,y\n1,5\n2,5\n", (",", '.', 2)),
            ("1.5\n2.5\n", ("blank", '.', 1)),
            ("2026-01-01 10:00:00,15\n2026-01-01 10:00:01,16\n", (",", '.', 2)),
            ("\"x\",\"y\"\n\"1,5\",\"2,5\"\n", (",", ',', 2)),
            ("t;run;x\n0;a 1;NaN\n1;a 1;2,5\n", (";", ',', 3)),
            ("a,b,\n1,2,\n3,4,\n", (",", '.', 3)),
        ];
        for (text, expected) in cases {
            assert_eq!(found(text).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn what_can_be_read_in_two_ways_is_not_guessed() {
        let text = "1,5\n2,5\n3,5\n";
        let error = found(text).unwrap_err();
        assert_eq!(
            error,
            "a.csv, line 2: \"2,5\" can be read as 2 columns (separator = \",\", decimal point) or as 1 column \
             (separator = \"blank\", decimal comma): set `separator` or `decimal` in [recording]"
        );
        assert!(found("-4,77084153e306\n0,0\n").unwrap_err().contains("can be read as"));
        let comma = Settings { decimal: Some(",".into()), ..Settings::default() };
        assert_eq!(found_with(text, &comma).unwrap(), ("blank", ',', 1));
        let comma = Settings { separator: Some(",".into()), ..Settings::default() };
        assert_eq!(found_with(text, &comma).unwrap(), (",", '.', 2));
        let wrong = Settings { separator: Some("x".into()), ..Settings::default() };
        assert!(
            found_with(text, &wrong)
                .unwrap_err()
                .contains("must be \",\", \";\", \"|\", \"tab\" or \"blank\"")
        );
        assert!(found("hello world\nthis is text\n").unwrap_err().contains("no rows of numbers"));
    }
}
