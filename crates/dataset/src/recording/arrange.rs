//! From tables to a recording: chooses columns, orders rows, fits a sample interval and cuts segments.

use super::choose;
use super::error::{RecordingError, shown};
use super::grid::{self, Grid, NoGrid};
use super::notes::{Notes, counted};
use super::order::{self, Track};
use super::segments::{self, Channel, Counts, Cut, Recording};
use super::settings::{Gaps, Settings};
use super::table::Table;

/// The most samples that a measured interval is divided into.
const FINEST: f64 = 100.0;

/// A recording, and how it was made from the tables.
pub(super) struct Arranged {
    pub(super) recording: Recording,
    /// The grid that was fitted to the times; `None` where `dt` or `resample` is set.
    pub(super) grid: Option<Grid>,
    pub(super) counts: Counts,
}

/// Arranges the tables of all files into one recording whose segments have at least `least` samples.
///
/// # Errors
///
/// The errors of each stage; and if no segment is left.
pub(super) fn arrange(
    mut tables: Vec<Table>,
    settings: &Settings,
    least: usize,
) -> Result<Arranged, RecordingError> {
    let mut notes = Notes::default();
    for table in &mut tables {
        notes.append(std::mem::take(&mut table.notes));
    }
    let chosen = choose::choose(&tables, settings, &mut notes)?;
    for table in &mut tables {
        let kept: Vec<usize> = chosen.iter().flatten().filter_map(|name| table.position(name)).collect();
        let mut position = 0..;
        table.columns.retain(|_| position.next().is_some_and(|position| kept.contains(&position)));
    }
    let mut tracks = Vec::new();
    for table in &mut tables {
        tracks.push(order::order(table, settings)?);
        notes.append(std::mem::take(&mut table.notes));
    }
    let (dt, median, grid) = interval(&tables, &tracks, settings, &mut notes)?;
    let [states, inputs] = chosen.each_ref().map(|names| channels(&tables, names, settings));
    note_odd_cells(&tables, &mut notes);

    let how = Cut { settings, dt, gap: segments::gap(settings, dt, median), least };
    let mut counts = Counts::default();
    let mut segments = Vec::new();
    for (table, tracks) in tables.into_iter().zip(&tracks) {
        let places =
            |names: &[String]| names.iter().filter_map(|name| table.position(name)).collect::<Vec<_>>();
        let [states, inputs] = chosen.each_ref().map(|names| places(names));
        segments.extend(segments::cut(table, tracks, [&states, &inputs], &how, &mut counts)?);
    }
    counts.note(settings, least, &mut notes);
    let recording = Recording { states, inputs, dt, segments, notes: notes.sentences() };
    if recording.segments.is_empty() {
        return Err(RecordingError(format!(
            "no part of the recording has {least} samples in a row; {}: {}",
            if recording.notes.is_empty() {
                "the files are shorter".into()
            } else {
                recording.notes.join("; ")
            },
            "add data, fill missing cells with missing = { interpolate = 5 }, or need fewer samples (a shorter window)"
        )));
    }
    Ok(Arranged { recording, grid, counts })
}

fn channels(tables: &[Table], names: &[String], settings: &Settings) -> Vec<Channel> {
    let unit = |name: &String| {
        let column = |table: &Table| {
            let column = &table.columns[table.position(name)?];
            Some((column.unit.clone(), column.written.clone()))
        };
        let (own, written) = tables.first().and_then(column).unwrap_or_default();
        let set = [name, &written].iter().find_map(|key| settings.units.get(*key)).cloned();
        Channel { name: name.clone(), unit: set.unwrap_or(own) }
    };
    names.iter().map(unit).collect()
}

fn note_odd_cells(tables: &[Table], notes: &mut Notes) {
    for table in tables {
        for column in &table.columns {
            if let Some((line, text)) = &column.first_text {
                let cells = counted(column.texts, "cell with text that counts", "cells with text that count");
                let (name, shown) = (shown(&column.name), shown(text));
                let row = table.place.row;
                let what = format!("column {name} has {cells} as missing, the first {shown} on {row} {line}");
                notes.add(&table.place.file, what);
            }
        }
    }
}

/// The sample interval, the median of the differences, and the grid if one was fitted.
fn interval(
    tables: &[Table],
    tracks: &[Vec<Track>],
    settings: &Settings,
    notes: &mut Notes,
) -> Result<(f64, Option<f64>, Option<Grid>), RecordingError> {
    if let Some(dt) = settings.dt {
        check_resample(settings, Some(dt), notes)?;
        return Ok((settings.resample.unwrap_or(dt), None, None));
    }
    if let Some(table) = tables.iter().find(|table| table.time.is_none()) {
        return Err(table.place.whole(
            "no column is called t, time or the like: set recording.time to the column that holds the time, or \
             recording.dt to the time between two rows",
        ));
    }
    if let Some(table) = tables.first()
        && settings.time.is_none()
        && let Some(time) = &table.time
    {
        notes
            .add(&table.place.file, format!("recording.time is not set; the time is column {:?}", time.name));
    }
    let places: Vec<(&Table, &Track)> = tables
        .iter()
        .zip(tracks)
        .flat_map(|(table, tracks)| tracks.iter().map(move |track| (table, track)))
        .collect();
    let lists: Vec<&[f64]> = places
        .iter()
        .map(|(table, track)| table.time.as_ref().map_or(&[][..], |time| &time.values[track.rows.clone()]))
        .collect();
    if let Some(resample) = settings.resample {
        let median = grid::median_step(&lists);
        check_resample(settings, median, notes)?;
        return Ok((resample, median, None));
    }
    let grid = match grid::fit(&lists) {
        Ok(grid) if grid.dt.is_finite() && grid.dt > 0.0 => grid,
        Ok(_) | Err(NoGrid::TooShort) => {
            return Err(RecordingError(
                "the recording has no two successive samples, so it has no sample interval".into(),
            ));
        }
        Err(NoGrid::Uneven { dt, step, worst: (list, at) }) => {
            let (table, track) = places[list];
            let what = format!(
                "the time step is {step:.6} and most others are {dt:.6}, so the times are uneven: set resample = \
                 {dt:.6} to interpolate linearly to an even grid, or dt = {dt:.6} in place of `time` if the rows are \
                 known to be evenly spaced"
            );
            return Err(table.error(track.rows.start + at, what));
        }
    };
    same_interval(&places, &lists, &grid)?;
    if grid.jitter > 1e-9 * grid.dt {
        let (table, track) = places[grid.worst.0];
        let line = table.line(track.rows.start + grid.worst.1);
        let why = if grid.rounded { ", as rounding of the times explains" } else { "" };
        let percent = 100.0 * grid.jitter / grid.dt;
        notes.add(
            &table.place.file,
            format!(
                "time steps differ from the sample interval {} by up to {:.3e} ({percent:.2}%, {} {line}){why}",
                grid.dt, grid.jitter, table.place.row
            ),
        );
    }
    if settings.gaps == Gaps::Split {
        warn_of_many_gaps(&lists, &grid, notes);
    }
    Ok((grid.dt, None, Some(grid)))
}

/// Returns an error if `resample` would make far more samples than were measured.
fn check_resample(settings: &Settings, step: Option<f64>, notes: &mut Notes) -> Result<(), RecordingError> {
    let Some(resample) = settings.resample else { return Ok(()) };
    if let Some(step) = step.filter(|step| step / resample > FINEST) {
        return Err(RecordingError(format!(
            "recording.resample is {resample}, which is less than a hundredth of the time step {step:.6} of the files: \
             interpolation adds no information, so choose an interval near the step"
        )));
    }
    notes.add(
        "",
        format!(
            "the samples are interpolated linearly to an interval of {resample}, without a low-pass filter"
        ),
    );
    Ok(())
}

/// Returns an error if a track has another sample interval than most.
fn same_interval(places: &[(&Table, &Track)], lists: &[&[f64]], grid: &Grid) -> Result<(), RecordingError> {
    for ((_, track), list) in places.iter().zip(lists) {
        let Some(own) = grid::median_step(&[list]).filter(|_| list.len() > 3) else { continue };
        if own > grid::GAP * grid.dt {
            return Err(RecordingError(format!(
                "{} has a sample every {own:.6}, but most of the recording has one every {}: set resample to one \
                 interval for all",
                track.name, grid.dt
            )));
        }
    }
    Ok(())
}

fn warn_of_many_gaps(lists: &[&[f64]], grid: &Grid, notes: &mut Notes) {
    let steps: usize = lists.iter().map(|times| times.len().saturating_sub(1)).sum();
    let gaps: usize =
        lists.iter().map(|times| grid::stretches(times, grid::GAP * grid.dt).len().saturating_sub(1)).sum();
    if 10 * gaps > steps {
        let text = format!(
            "{gaps} of {steps} time steps are gaps: if samples were not taken at an even interval, set resample = {}",
            grid.dt
        );
        notes.add("", text);
    }
}
