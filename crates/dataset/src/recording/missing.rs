//! Missing cells: they are interpolated if the settings say so; otherwise they end a segment.

use std::ops::Range;

use super::error::{RecordingError, shown};
use super::settings::{Missing, Settings};
use super::table::Table;

/// Cells that were missing.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Treated {
    /// Cells that were filled.
    pub(super) filled: usize,
    /// Rows that were left out.
    pub(super) left_out: usize,
}

/// Cuts a stretch of rows without gaps into pieces in which each of these columns has a number in each row.
///
/// # Errors
///
/// The first missing cell, where the settings make it an error.
pub(super) fn pieces(
    table: &mut Table,
    stretch: Range<usize>,
    columns: &[usize],
    settings: &Settings,
    treated: &mut Treated,
) -> Result<Vec<Range<usize>>, RecordingError> {
    match settings.missing {
        Missing::Split => {}
        Missing::Error => check(table, stretch.clone(), columns)?,
        Missing::Interpolate(most) => {
            for &column in columns {
                treated.filled += fill(table, stretch.clone(), column, most);
            }
        }
    }
    let whole = |row: usize| columns.iter().all(|&column| !table.columns[column].values[row].is_nan());
    let mut pieces: Vec<Range<usize>> = Vec::new();
    for row in stretch {
        if !whole(row) {
            treated.left_out += 1;
            continue;
        }
        match pieces.last_mut() {
            Some(piece) if piece.end == row => piece.end = row + 1,
            _ => pieces.push(row..row + 1),
        }
    }
    Ok(pieces)
}

fn check(table: &Table, stretch: Range<usize>, columns: &[usize]) -> Result<(), RecordingError> {
    for row in stretch {
        let missing =
            columns.iter().map(|&column| &table.columns[column]).find(|column| column.values[row].is_nan());
        let Some(column) = missing else { continue };
        let holds = match &column.first_missing {
            Some((line, text)) if *line == table.line(row) && !text.is_empty() => {
                format!("holds {}", shown(text))
            }
            _ => "is empty".into(),
        };
        return Err(table.error(
            row,
            format_args!(
                "column {} {holds} where a number should be: set missing = \"split\" or {{ interpolate = 5 }}",
                shown(&column.name)
            ),
        ));
    }
    Ok(())
}

/// Interpolates linearly in time between two numbers, over at most `most` missing cells in a row.
fn fill(table: &mut Table, stretch: Range<usize>, column: usize, most: usize) -> usize {
    let times = table.time.as_ref().map(|time| &time.values);
    let time = |row: usize| times.map_or(row as f64, |times| times[row]);
    let values = &mut table.columns[column].values;
    let mut filled = 0;
    let mut last: Option<usize> = None;
    for row in stretch {
        if values[row].is_nan() {
            continue;
        }
        if let Some(last) = last.filter(|last| (2..=most + 1).contains(&(row - last))) {
            let slope = (values[row] - values[last]) / (time(row) - time(last));
            for between in last + 1..row {
                values[between] = values[last] + slope * (time(between) - time(last));
                filled += 1;
            }
        }
        last = Some(row);
    }
    filled
}
