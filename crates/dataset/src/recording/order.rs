//! Orders rows: the rows of a trajectory stand together, and their times increase.

use std::ops::Range;

use super::error::RecordingError;
use super::notes::counted;
use super::settings::{Duplicates, Missing, Settings, StepsBack};
use super::table::Table;

/// Rows of a table, one after the other, that belong to one trajectory; where they have times, these increase.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Track {
    /// The file, and the trajectory where the file has several.
    pub(super) name: String,
    pub(super) rows: Range<usize>,
}

/// Brings the rows of a table into order, as the settings say.
///
/// # Errors
///
/// A missing time, a time that goes backwards, and a duplicate time, where the settings make them errors. The error
/// names the line.
pub(super) fn order(table: &mut Table, settings: &Settings) -> Result<Vec<Track>, RecordingError> {
    gather(table);
    drop_rows_without_time(table, settings)?;
    let mut groups = groups(table);
    if settings.steps_back == StepsBack::Sort {
        sort(table, &groups);
    }
    if settings.steps_back == StepsBack::Split {
        groups = groups.into_iter().flat_map(|group| cut_at_steps_back(table, group)).collect();
    }
    check_increase(table, &groups, settings)?;
    if settings.duplicates != Duplicates::Error {
        merge_duplicates(table, &mut groups, settings.duplicates == Duplicates::Mean);
    }
    let name = |rows: &Range<usize>| match &table.ids {
        Some(ids) => format!("{}: {}", table.place.file, ids.labels[ids.codes[rows.start] as usize]),
        None => table.place.file.clone(),
    };
    let track = |rows: Range<usize>| Track { name: name(&rows), rows };
    Ok(groups.into_iter().map(track).collect())
}

/// Moves the rows of each trajectory together, in the order in which trajectories first appear.
fn gather(table: &mut Table) {
    let Some(ids) = &table.ids else { return };
    // Codes are numbered in the order of appearance, so if the rows stand together, the codes never decrease.
    if !ids.codes.is_sorted() {
        let mut rows: Vec<usize> = (0..table.rows).collect();
        rows.sort_by_key(|&row| ids.codes[row]);
        table.select(&rows);
    }
}

fn drop_rows_without_time(table: &mut Table, settings: &Settings) -> Result<(), RecordingError> {
    let Some(time) = &table.time else { return Ok(()) };
    let Some(first) = time.values.iter().position(|time| time.is_nan()) else { return Ok(()) };
    if settings.missing == Missing::Error {
        let name = &time.name;
        return Err(table.error(
            first,
            format_args!("column {name:?} has no time; set missing = \"split\" to leave such rows out"),
        ));
    }
    let kept: Vec<usize> = (0..table.rows).filter(|&row| !time.values[row].is_nan()).collect();
    let dropped = counted(table.rows - kept.len(), "row without a time was", "rows without a time were");
    let note = format!("{dropped} left out, the first on {} {}", table.place.row, table.line(first));
    table.notes.add(&table.place.file.clone(), note);
    table.select(&kept);
    Ok(())
}

fn groups(table: &Table) -> Vec<Range<usize>> {
    match &table.ids {
        Some(ids) => cut(0..table.rows, |row| ids.codes[row - 1] != ids.codes[row]),
        None => cut(0..table.rows, |_| false),
    }
}

/// Cuts a range before each row for which the rule holds, but never before the first row.
pub(super) fn cut(rows: Range<usize>, starts: impl Fn(usize) -> bool) -> Vec<Range<usize>> {
    let mut parts = Vec::new();
    let mut start = rows.start;
    for row in rows.start + 1..rows.end {
        if starts(row) {
            parts.push(start..row);
            start = row;
        }
    }
    if start < rows.end {
        parts.push(start..rows.end);
    }
    parts
}

fn sort(table: &mut Table, groups: &[Range<usize>]) {
    let Some(time) = &table.time else { return };
    if groups.iter().all(|group| time.values[group.clone()].is_sorted()) {
        return;
    }
    let mut rows: Vec<usize> = (0..table.rows).collect();
    for group in groups {
        rows[group.clone()].sort_by(|&a, &b| time.values[a].total_cmp(&time.values[b]));
    }
    table.select(&rows);
    table.notes.add(&table.place.file.clone(), "rows were sorted by time");
}

fn cut_at_steps_back(table: &Table, group: Range<usize>) -> Vec<Range<usize>> {
    match &table.time {
        Some(time) => cut(group, |row| time.values[row] < time.values[row - 1]),
        None => vec![group],
    }
}

fn check_increase(table: &Table, groups: &[Range<usize>], settings: &Settings) -> Result<(), RecordingError> {
    let Some(time) = &table.time else { return Ok(()) };
    for group in groups {
        for row in group.start + 1..group.end {
            let (before, now) = (time.values[row - 1], time.values[row]);
            if now > before {
                continue;
            }
            let previous = format!("{} {}", table.place.row, table.line(row - 1));
            if now < before {
                let what = format!(
                    "the time steps back from {} ({previous}) to {}: set steps_back = \"split\" if another trajectory \
                     starts here, \"sort\" if rows are out of order, or `trajectory` to the column that names the \
                     trajectory",
                    before + time.origin,
                    now + time.origin,
                );
                return Err(table.error(row, what));
            }
            if settings.duplicates == Duplicates::Error {
                let what = format!(
                    "the time {} is that of {previous} too: set duplicates = \"first\" or \"mean\", or `trajectory` to \
                     the column that names the trajectory",
                    now + time.origin,
                );
                return Err(table.error(row, what));
            }
        }
    }
    Ok(())
}

fn merge_duplicates(table: &mut Table, groups: &mut [Range<usize>], mean: bool) {
    let Some(time) = &table.time else { return };
    let mut kept = Vec::new();
    for group in groups.iter_mut() {
        let start = kept.len();
        for same in cut(group.clone(), |row| time.values[row] != time.values[row - 1]) {
            kept.push(same.start);
            if mean && same.len() > 1 {
                for column in &mut table.columns {
                    let numbers = || column.values[same.clone()].iter().filter(|value| !value.is_nan());
                    if numbers().next().is_some() {
                        column.values[same.start] = numbers().sum::<f64>() / numbers().count() as f64;
                    }
                }
            }
        }
        *group = start..kept.len();
    }
    if kept.len() < table.rows {
        let (one, many) =
            ("row with the time of the row before was", "rows with the time of the row before were");
        let rows = counted(table.rows - kept.len(), one, many);
        let what = if mean { "averaged with it" } else { "left out" };
        table.notes.add(&table.place.file.clone(), format!("{rows} {what}"));
        table.select(&kept);
    }
}
