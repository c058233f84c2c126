//! Names and units of columns, and the row where the numbers begin.

use std::collections::HashSet;

use super::cells::{self, Cell};
use super::dialect::{self, Dialect};
use super::notes::counted;
use super::rows::{self, KeptRow, Separator};
use super::time;

/// What stands above the numbers.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Header {
    /// One for each column, all different.
    pub(super) names: Vec<String>,
    /// The names with the units that stand beside them in the file.
    pub(super) written: Vec<String>,
    /// Empty where there is none.
    pub(super) units: Vec<String>,
    /// Line of the first row of numbers.
    pub(super) first_line: u64,
    /// Notes about the header.
    pub(super) notes: Vec<String>,
}

/// Finds the header in the first rows of a file; `None` where no row has numbers.
pub(super) fn find(rows: &[KeptRow], dialect: Dialect, comments: &[(u64, Vec<u8>)]) -> Option<Header> {
    let first = first_of_numbers(rows, dialect.decimal)?;
    let (above, body) = rows.split_at(first);
    // A row that is longer than most is a damaged one.
    let columns = dialect::usual(body.iter().map(|(_, cells)| cells.len()));
    let filled = body.iter().map(|(_, cells)| trimmed(&cells[..cells.len().min(columns)])).max()?;
    let first_line = body.first()?.0;
    let mut header = Header { first_line, ..Header::default() };

    let names_at = names_row(above, [columns, filled], dialect.decimal);
    let mut names: Vec<String> = match names_at {
        Some(at) => merged(&above[at].1, dialect.separator, columns),
        None => names_in_comment(comments, first_line, dialect, filled).unwrap_or_default(),
    };
    let units_row =
        names_at.and_then(|at| above.get(at + 1)).filter(|(_, cells)| is_units_row(cells, columns));
    let units: Vec<String> =
        units_row.map_or_else(Vec::new, |(_, cells)| merged(cells, dialect.separator, columns));
    if units_row.is_some() {
        header.notes.push("units are taken from the row below the names".into());
    }
    let used = usize::from(names_at.is_some()) + usize::from(units_row.is_some());
    if above.len() > used {
        let skipped = counted(above.len() - used, "row", "rows");
        header
            .notes
            .push(format!("{skipped} above the numbers hold neither names nor units and were skipped"));
    }

    let named = names.iter().rposition(|name| !name.is_empty()).map_or(0, |last| last + 1);
    if named == 0 {
        header.notes.push(format!("there are no names; the columns are called x1 to x{filled}"));
    } else if named + 1 == filled && dialect.separator != Separator::Byte(b',') && counts_rows(body) {
        names.insert(0, "row".into());
        header.notes.push("the first column has no name and counts rows; it is called row".into());
    } else if named < filled {
        let more = counted(filled - named, "column", "columns");
        let range =
            if filled - named == 1 { format!("x{filled}") } else { format!("x{} to x{filled}", named + 1) };
        header.notes.push(format!("the rows have {more} more than there are names, called {range}"));
    }
    let width = columns.max(named);
    names.resize(width, String::new());
    let mut taken = HashSet::new();
    for (column, written) in names.into_iter().enumerate() {
        let (name, beside) = name_and_unit(&written);
        let below = units.get(column).map(|unit| bare(unit).to_owned()).filter(|unit| !unit.is_empty());
        let name = if name.is_empty() { format!("x{}", column + 1) } else { name };
        let name = match taken.insert(name.clone()) {
            false => {
                header.notes.push(format!(
                    "two columns are called {name}; the later one is called {name}_{}",
                    column + 1
                ));
                format!("{name}_{}", column + 1)
            }
            true => name,
        };
        header.names.push(name);
        header.written.push(written);
        header.units.push(below.or(beside).unwrap_or_default());
    }
    Some(header)
}

/// The first row that has numbers in the columns in which most rows have them.
fn first_of_numbers(rows: &[KeptRow], decimal: u8) -> Option<usize> {
    let value = |cell: &[u8]| dialect::is_value(cell, decimal);
    let body = &rows[(rows.len() / 2).min(20)..];
    let columns = dialect::usual(body.iter().map(|(_, cells)| cells.len()));
    let numeric: Vec<usize> = (0..columns)
        .filter(|&column| {
            let cells =
                || body.iter().filter_map(|(_, cells)| cells.get(column)).filter(|cell| !cell.is_empty());
            let values = cells().filter(|cell| value(cell)).count();
            values > 0 && 2 * values >= cells().count()
        })
        .collect();
    let values_and_texts = |(_, cells): &KeptRow| {
        let cells = numeric.iter().map(|&column| cells.get(column).map_or(&[][..], |cell| cell));
        let values = cells.clone().filter(|cell| value(cell)).count();
        let texts = cells.filter(|cell| !value(cell) && cells::parse(cell, decimal) == Cell::Text).count();
        (values, texts)
    };
    let counts: Vec<(usize, usize)> = rows.iter().map(values_and_texts).collect();
    let begins = |at: &usize| counts[*at].0 > 0 && counts[*at].0 >= counts[*at].1;
    // Rows of numbers follow, some of which may be missing.
    let followed = |at: &usize| counts[*at..].iter().take(4).all(|(values, texts)| values >= texts);
    (0..rows.len()).find(|at| begins(at) && followed(at)).or_else(|| (0..rows.len()).find(begins))
}

/// The number of cells up to the last that is not empty.
fn trimmed(cells: &[Vec<u8>]) -> usize {
    cells.iter().rposition(|cell| !cell.is_empty()).map_or(0, |last| last + 1)
}

/// The row of names: of the rows without numbers that have a text for each column, the one that names the time, or else
/// the first. If there is none, the last of the rows with the most texts, if these are enough.
fn names_row(above: &[KeptRow], widths: [usize; 2], decimal: u8) -> Option<usize> {
    // The first row of a Campbell Scientific file describes the logger.
    let about_logger = |cells: &[Vec<u8>]| cells.first().is_some_and(|cell| cell.starts_with(b"TOA5"));
    let candidates = || above.iter().enumerate().filter(|(_, (_, cells))| !about_logger(cells));
    let has_time =
        |cells: &[Vec<u8>]| cells.iter().any(|cell| time::names_time(&name_and_unit(&cells::text(cell)).0));
    let exact = || {
        let wide = candidates().filter(|(_, (_, cells))| widths.contains(&trimmed(cells)));
        wide.filter(|(_, (_, cells))| !cells.iter().any(|cell| dialect::is_value(cell, decimal)))
    };
    if let Some((at, _)) = exact().find(|(_, (_, cells))| has_time(cells)).or_else(|| exact().next()) {
        return Some(at);
    }
    let widest = candidates().max_by_key(|(_, (_, cells))| trimmed(cells))?;
    (2 * trimmed(&widest.1.1) >= widths[1]).then_some(widest.0)
}

/// Names in the last comment above the numbers, as numpy.savetxt writes them.
fn names_in_comment(
    comments: &[(u64, Vec<u8>)],
    first_line: u64,
    dialect: Dialect,
    columns: usize,
) -> Option<Vec<String>> {
    let (_, comment) = comments.iter().rev().find(|(line, _)| *line < first_line)?;
    let place = super::error::Place { file: String::new(), row: "line" };
    let mut text = rows::sample_rows(comment.trim_ascii(), dialect.separator, &place);
    let (_, cells) = rows::first(&mut text, 1).ok()?.pop()?;
    let names = merged(&cells, dialect.separator, columns);
    let text = !cells.iter().any(|cell| dialect::is_value(cell, dialect.decimal) || cell.is_empty());
    // For a single column, the comment might be a sentence.
    (text && names.len() == columns && columns > 1).then_some(names)
}

/// The texts of a row. Where blanks separate, a unit in brackets belongs to the name before it, and a single column has
/// one name of several words.
fn merged(cells: &[Vec<u8>], separator: Separator, columns: usize) -> Vec<String> {
    let mut texts: Vec<String> = Vec::new();
    for cell in cells {
        let text = cells::text(cell);
        let joins = separator == Separator::Blanks
            && cells.len() > columns
            && (columns == 1 || text.starts_with(['[', '(']));
        match texts.last_mut() {
            Some(last) if joins => {
                last.push(' ');
                last.push_str(&text);
            }
            _ => texts.push(text),
        }
    }
    texts
}

/// Units are short; words of more letters are something else.
fn is_units_row(cells: &[Vec<u8>], columns: usize) -> bool {
    let filled = trimmed(cells);
    filled > 0 && filled <= columns && cells.iter().all(|cell| cell.len() <= 16)
}

/// Whether the first cells are 1, 2, 3, .. as R's write.table writes the numbers of rows, to which it gives no name.
fn counts_rows(body: &[KeptRow]) -> bool {
    body.len() > 1
        && body.iter().enumerate().all(|(at, (_, cells))| {
            let cell = cells.first().map_or(String::new(), |cell| cells::text(cell));
            cell.parse() == Ok(at + 1)
        })
}

/// A unit without its brackets.
fn bare(unit: &str) -> &str {
    let inner = |open, close| unit.strip_prefix(open).and_then(|unit| unit.strip_suffix(close));
    inner('[', ']').or_else(|| inner('(', ')')).unwrap_or(unit).trim()
}

/// Units that may follow a slash, as in `U/V`; what else follows one belongs to the name.
const UNITS: [&str; 73] = [
    "V", "mV", "uV", "\u{b5}V", "kV", "A", "mA", "uA", "\u{b5}A", "W", "mW", "kW", "MW", "J", "kJ", "kWh",
    "s", "ms", "us", "\u{b5}s", "ns", "min", "h", "d", "m", "mm", "cm", "km", "um", "\u{b5}m", "nm", "K",
    "mK", "\u{b0}C", "degC", "C", "F", "Pa", "hPa", "kPa", "MPa", "bar", "mbar", "Hz", "kHz", "MHz", "GHz",
    "N", "mN", "kN", "Nm", "kg", "g", "mg", "l", "L", "ml", "mol", "T", "mT", "Ohm", "\u{3a9}", "rad", "deg",
    "\u{b0}", "%", "rpm", "1/min", "m/s", "km/h", "m/s^2", "m/s2", "rad/s",
];

/// The name and the unit in `U [V]`, `U[V]`, `U (V)` and `U/V`.
fn name_and_unit(written: &str) -> (String, Option<String>) {
    for (open, close) in [('[', ']'), ('(', ')')] {
        if let Some(before) = written.strip_suffix(close)
            && let Some((name, unit)) = before.rsplit_once(open)
            && !name.trim().is_empty()
            && !unit.trim().is_empty()
            && unit.chars().count() <= 16
            && unit.parse::<f64>().is_err()
        {
            return (name.trim().trim_end_matches('/').trim().into(), Some(unit.trim().into()));
        }
    }
    if let Some((name, unit)) = written.split_once('/') {
        let unit = bare(unit.trim());
        if !name.trim().is_empty() && UNITS.contains(&unit) {
            return (name.trim().into(), Some(unit.into()));
        }
    }
    (written.trim().into(), None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(text: &str) -> Header {
        let place = super::super::error::Place { file: "a.csv".into(), row: "line" };
        let settings = super::super::settings::Settings::default();
        let found = dialect::find(text.as_bytes(), false, &settings, &place).unwrap();
        find(&found.rows, found.dialect, &found.comments).unwrap()
    }

    fn columns(text: &str) -> (Vec<String>, Vec<String>, u64) {
        let header = header(text);
        (header.names, header.units, header.first_line)
    }

    fn strings(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|&text| text.to_owned()).collect()
    }

    #[test]
    fn names_and_units_are_found_in_headers_of_all_kinds() {
        let cases: [(&str, &[&str], &[&str], u64); 13] = [
            ("t,x\n0,1\n1,2\n", &["t", "x"], &["", ""], 2),
            ("t,U\ns,V\n0,1\n1,2\n", &["t", "U"], &["s", "V"], 3),
            ("t,U\n[s],(V)\n0,1\n1,2\n", &["t", "U"], &["s", "V"], 3),
            ("t [s],U[V],i (mA),p/kPa\n0,1,2,3\n", &["t", "U", "i", "p"], &["s", "V", "mA", "kPa"], 2),
            ("a/b,x (2),v/(m/s)\n0,1,2\n", &["a/b", "x (2)", "v"], &["", "", "m/s"], 2),
            ("# made by me\n% on Monday\nt x\n~ again\n0 1\n1 2\n", &["t", "x"], &["", ""], 5),
            ("# t x\n0 1\n1 2\n", &["t", "x"], &["", ""], 2),
            ("t [s]  U [V]\n0 1\n1 2\n", &["t", "U"], &["s", "V"], 2),
            ("Water level [m]\n0.5\n1\n", &["Water level"], &["m"], 2),
            (
                "\"TOA5\",\"CR1000\",\"1234\",\"x\"\n\"TIMESTAMP\",\"RECORD\",\"BattV\",\"Temp\"\n\
                 \"TS\",\"RN\",\"Volts\",\"DegC\"\n\"\",\"\",\"Avg\",\"Smp\"\n\
                 \"2024-01-01 00:00:00\",0,12.5,20.1\n\"2024-01-01 00:00:01\",1,12.5,20.2\n",
                &["TIMESTAMP", "RECORD", "BattV", "Temp"],
                &["TS", "RN", "Volts", "DegC"],
                5,
            ),
            ("Sample rate,100\nChannels,2\n\nt,x\n0,1\n1,2\n2,3\n3,4\n", &["t", "x"], &["", ""], 5),
            ("x,y,\n1,2,\n3,4,\n", &["x", "y", "x3"], &["", "", ""], 2),
            ("x,x\n1,2\n3,4\n", &["x", "x_2"], &["", ""], 2),
        ];
        for (text, names, units, line) in cases {
            assert_eq!(columns(text), (strings(names), strings(units), line), "{text}");
        }
    }

    #[test]
    fn columns_without_names_are_numbered_and_told() {
        let read = header("0.5,1\n1.5,2\n");
        assert_eq!((read.names, read.first_line), (strings(&["x1", "x2"]), 1));
        assert!(read.notes[0].contains("called x1 to x2"));
        let read = header("a,b\n0.5,1,7\n1.5,2,8\n");
        assert_eq!(read.names, ["a", "b", "x3"]);
        assert_eq!(read.notes, ["the rows have 1 column more than there are names, called x3"]);
        let read = header("\"a\" \"b\"\n\"1\" 0.5 7\n\"2\" 1.5 8\n");
        assert_eq!(read.names, ["row", "a", "b"]);
        // A row that starts badly is no header.
        assert_eq!(header("0,error\n1,2\n2,3\n3,4\n4,5\n5,6\n").first_line, 1);
    }
}
