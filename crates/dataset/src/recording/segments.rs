//! Segments: stretches of a recording without gaps or missing samples, with one sample interval.

use std::ops::Range;

use super::error::RecordingError;
use super::grid::{self, GAP};
use super::missing::{self, Treated};
use super::notes::{Notes, counted};
use super::order::Track;
use super::resample;
use super::settings::{Gaps, Missing, Settings};
use super::table::Table;

/// A quantity: its name and its unit, empty where that is unknown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Channel {
    /// Name of the column, without its unit.
    pub name: String,
    /// Unit, such as "V".
    pub unit: String,
}

/// What was read from the files of a recording.
#[derive(Clone, Debug, PartialEq)]
pub struct Recording {
    /// The quantities that are forecast.
    pub states: Vec<Channel>,
    /// The quantities that are given to every forecaster.
    pub inputs: Vec<Channel>,
    /// Time between two samples: in the unit of the time column, in seconds where that holds dates.
    pub dt: f64,
    /// The stretches without gaps or missing samples, in the order of the files.
    pub segments: Vec<Segment>,
    /// What was chosen, left out or filled in; one sentence each.
    pub notes: Vec<String>,
}

/// A stretch of a recording with a sample at every interval.
#[derive(Clone, Debug, PartialEq)]
pub struct Segment {
    /// The file, and the trajectory where the file holds several.
    pub name: String,
    /// Time of the first sample; seconds since 1970 where the times are dates.
    pub start: f64,
    /// Number of samples.
    pub samples: usize,
    /// `[time, state]`, the states of a time together.
    pub states: Vec<f64>,
    /// `[time, input]`, the inputs of a time together.
    pub inputs: Vec<f64>,
}

/// Numbers of gaps, of missing cells, and of segments that are too short.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    pub(super) gaps: usize,
    pub(super) treated: Treated,
    pub(super) short: usize,
    pub(super) short_samples: usize,
}

/// How a table is cut.
pub(super) struct Cut<'a> {
    pub(super) settings: &'a Settings,
    /// The sample interval of the recording.
    pub(super) dt: f64,
    /// A difference of times above this is a gap.
    pub(super) gap: f64,
    /// Fewest samples of a segment.
    pub(super) least: usize,
}

/// The smallest time step that counts as a gap: 1.5 sample intervals, and at least three median time steps if the times
/// are resampled.
pub(super) fn gap(settings: &Settings, dt: f64, median: Option<f64>) -> f64 {
    match (settings.resample, median) {
        (Some(resample), Some(median)) => (GAP * resample).max(3.0 * median),
        _ => GAP * dt,
    }
}

/// Cuts a table into segments.
///
/// # Errors
///
/// The first gap or the first missing cell, if the settings make it an error.
pub(super) fn cut(
    mut table: Table,
    tracks: &[Track],
    [states, inputs]: [&[usize]; 2],
    how: &Cut<'_>,
    counts: &mut Counts,
) -> Result<Vec<Segment>, RecordingError> {
    let columns = [states, inputs].concat();
    let mut segments = Vec::new();
    for track in tracks {
        for stretch in stretches(&table, track, how)? {
            counts.gaps += usize::from(stretch.start > track.rows.start);
            let pieces = missing::pieces(&mut table, stretch, &columns, how.settings, &mut counts.treated)?;
            for piece in pieces {
                let segment = segment(&table, track, piece, [states, inputs], how);
                match segment.samples < how.least {
                    true => {
                        counts.short += 1;
                        counts.short_samples += segment.samples;
                    }
                    false => segments.push(segment),
                }
            }
        }
    }
    Ok(segments)
}

fn stretches(table: &Table, track: &Track, how: &Cut<'_>) -> Result<Vec<Range<usize>>, RecordingError> {
    let Some(time) = &table.time else { return Ok(vec![track.rows.clone()]) };
    let stretches = grid::stretches(&time.values[track.rows.clone()], how.gap);
    let shifted = |part: Range<usize>| part.start + track.rows.start..part.end + track.rows.start;
    let stretches: Vec<Range<usize>> = stretches.into_iter().map(shifted).collect();
    if let (Gaps::Error, Some(second)) = (how.settings.gaps, stretches.get(1)) {
        let row = second.start;
        let (before, now) = (time.values[row - 1], time.values[row]);
        let what = format!(
            "a gap from {} to {} is more than the sample interval of {}: set gaps = \"split\" to end the segment there",
            before + time.origin,
            now + time.origin,
            how.dt
        );
        return Err(table.error(row, what));
    }
    Ok(stretches)
}

fn segment(
    table: &Table,
    track: &Track,
    piece: Range<usize>,
    [states, inputs]: [&[usize]; 2],
    how: &Cut<'_>,
) -> Segment {
    let name = track.name.clone();
    let since_start = |row: usize| (row - track.rows.start) as f64 * how.settings.dt.unwrap_or(how.dt);
    let start = match &table.time {
        Some(time) => time.origin + time.values[piece.start],
        None => since_start(piece.start),
    };
    let values = |column: &usize| &table.columns[*column].values[piece.start..piece.end];
    if how.settings.resample.is_none() {
        let interleaved = |columns: &[usize]| {
            let columns: Vec<&[f64]> = columns.iter().map(values).collect();
            let mut rows = Vec::with_capacity(piece.len() * columns.len());
            for row in 0..piece.len() {
                rows.extend(columns.iter().map(|column| column[row]));
            }
            rows
        };
        return Segment {
            name,
            start,
            samples: piece.len(),
            states: interleaved(states),
            inputs: interleaved(inputs),
        };
    }
    let implied: Vec<f64>;
    let times = match &table.time {
        Some(time) => &time.values[piece.clone()],
        None => {
            implied = piece.clone().map(since_start).collect();
            &implied
        }
    };
    let samples = resample::samples(times, how.dt);
    let interpolated = |columns: &[usize]| {
        let columns: Vec<&[f64]> = columns.iter().map(values).collect();
        let mut rows = Vec::with_capacity(samples * columns.len());
        for place in resample::weights(times, how.dt) {
            rows.extend(columns.iter().map(|column| resample::between(column, place)));
        }
        rows
    };
    Segment { name, start, samples, states: interpolated(states), inputs: interpolated(inputs) }
}

impl Counts {
    /// Notes about them.
    pub(super) fn note(&self, settings: &Settings, least: usize, notes: &mut Notes) {
        if self.gaps > 0 {
            notes.add("", format!("{} in the times end segments", counted(self.gaps, "gap", "gaps")));
        }
        if self.treated.filled > 0 {
            let most = match settings.missing {
                Missing::Interpolate(most) => format!(", in runs of at most {most}"),
                _ => String::new(),
            };
            let cells = counted(self.treated.filled, "missing cell was", "missing cells were");
            notes.add("", format!("{cells} interpolated linearly{most}"));
        }
        if self.treated.left_out > 0 {
            let rows =
                counted(self.treated.left_out, "row with missing cells was", "rows with missing cells were");
            notes.add("", format!("{rows} left out; segments end there"));
        }
        if self.short > 0 {
            let segments = counted(self.short, "segment", "segments");
            let samples = counted(self.short_samples, "sample", "samples");
            let were = if self.short == 1 { "was" } else { "were" };
            notes.add(
                "",
                format!("{segments} of fewer than {least} samples ({samples} in all) {were} left out"),
            );
        }
    }
}
