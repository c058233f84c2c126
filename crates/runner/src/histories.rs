//! Histories to forecast from, in a table of measurements as a logger writes it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use dataset::recording::{Reading, Recording, Segment, Settings, inspect, read};

use crate::Experiment;
use crate::experiment::MAX_NUMBERS;
use crate::recording::for_other_files;
use crate::source::Source;

/// Histories of several starts, all of one length.
pub(crate) struct Histories {
    /// Number of starts.
    pub(crate) starts: usize,
    /// `[start, time, component]`.
    pub(crate) u: Vec<f64>,
    /// `[start, time + steps - 1, input]`.
    pub(crate) known: Vec<f64>,
    /// The time of the last sample of each start, where the file has times.
    pub(crate) last: Option<Vec<f64>>,
}

/// Reads histories from a file that is a recording: a start for each trajectory, whose last samples in a row are its
/// history. Inputs that were measured must go on in the rows after it, where the states are empty.
///
/// # Errors
/// A file that cannot be read, lacks a column, or has another sample interval; too few samples; inputs that end too early.
pub(crate) fn read_histories(
    input: &Path,
    experiment: &Experiment,
    source: &Source,
    window: usize,
    steps: usize,
) -> Result<Histories, String> {
    let (files, at) = (vec![input.to_owned()], input.display());
    let (settings, named_time) = settings(&files, experiment, source)?;
    let dt = experiment.data.dt;
    let states = Settings { states: experiment.data.observe.clone(), ..settings.clone() };
    let recording = read_columns(&files, &states)?;
    if (recording.dt / dt - 1.0).abs() > 0.02 {
        return Err(format!(
            "{at}: there is a sample every {}, but the model was trained on samples {dt} apart",
            recording.dt
        ));
    }
    let histories = last_segments(&recording);
    let history = histories.iter().map(|of| of.samples).min().unwrap_or(0);
    if let Some(short) = histories.iter().find(|of| of.samples < window) {
        return Err(format!(
            "{}: the history ends with only {} samples without a gap or a missing value, and {} needs {window}",
            short.name,
            short.samples,
            experiment.model["name"].as_str().unwrap_or_default()
        ));
    }
    let dim = recording.states.len();
    let numbers =
        (history as f64 + steps as f64) * (dim.max(source.known_inputs().len()) * histories.len()) as f64;
    if numbers > MAX_NUMBERS as f64 {
        return Err(format!(
            "{at}: {steps} steps from {} starts are more than the {MAX_NUMBERS} numbers that fit",
            histories.len()
        ));
    }
    let u = histories.iter().flat_map(|of| &of.states[(of.samples - history) * dim..]).copied().collect();
    let last: Vec<f64> = histories.iter().map(|of| of.start + (of.samples - 1) as f64 * dt).collect();
    let first: Vec<f64> = last.iter().map(|last| last - (history - 1) as f64 * dt).collect();
    let samples = history + steps - 1;
    let names: Vec<String> = source.known_inputs().into_iter().map(|input| input.name).collect();
    let has_times = settings.dt.is_none();
    let known = match source.system() {
        _ if names.is_empty() => Vec::new(),
        Some(system) if has_times => {
            let mut known = vec![0.0; first.len() * samples * names.len()];
            for (i, known) in known.chunks_exact_mut(names.len()).enumerate() {
                system.known(first[i / samples] + (i % samples) as f64 * dt, known);
            }
            if let Some(x) = known.iter().find(|x| !x.is_finite()) {
                return Err(format!("a known input of {} is {x} at a time of the forecast", system.name()));
            }
            known
        }
        Some(system) if named_time => {
            return Err(format!(
                "{at}: {} is driven, so a forecast needs its known inputs ({}), which follow from the times of the samples: \
                 give at least two rows, so that the times can be used",
                system.name(),
                names.join(", ")
            ));
        }
        Some(system) => {
            return Err(format!(
                "{at}: {} is driven, so a forecast needs its known inputs ({}), which follow from the times of the samples: \
                 add a column t",
                system.name(),
                names.join(", ")
            ));
        }
        None => {
            let inputs = read_columns(&files, &Settings { states: names.clone(), ..settings })?;
            let mut known = Vec::with_capacity(first.len() * samples * names.len());
            for (of, begin) in histories.iter().zip(&first) {
                known.extend(inputs_of(&inputs, of, *begin, [samples, steps])?);
            }
            known
        }
    };
    Ok(Histories { starts: histories.len(), u, known, last: has_times.then_some(last) })
}

/// How the file is read: as the recording of the run was. For a run of a system, times and trajectories have the names
/// that `simulate` gives them. Also whether there is a column with times.
fn settings(files: &[PathBuf], experiment: &Experiment, source: &Source) -> Result<(Settings, bool), String> {
    let named: Vec<String> = files.iter().map(|file| file.display().to_string()).collect();
    if let Source::Recorded(recorded) = source {
        // The rows are those of the run's files, and its units may be of columns that are missing here.
        let (inputs, units) = (Vec::new(), BTreeMap::new());
        let settings = Settings { files: named, rows: None, inputs, units, ..recorded.settings().clone() };
        let has_time = settings.time.is_some();
        return Ok((for_other_files(settings), has_time));
    }
    let mut silent = |_, _| {};
    let mut reading = Reading { least: 1, memory: Some(16 * MAX_NUMBERS), progress: &mut silent };
    let settings = Settings { files: named, ..Settings::default() };
    let found = inspect(files, &settings, &mut reading).map_err(|error| error.to_string())?;
    let of_simulate = |name: &str| {
        let is_there = found.columns.iter().any(|column| column.name == name);
        (is_there && !experiment.data.observe.iter().any(|other| other == name)).then(|| name.to_owned())
    };
    // A single row has no interval of its own.
    let dt = (found.time.is_none() || found.rows < 2).then_some(experiment.data.dt);
    let settings = Settings { dt, trajectory: of_simulate("trajectory"), ..settings };
    Ok((settings, found.time.is_some()))
}

fn read_columns(files: &[PathBuf], settings: &Settings) -> Result<Recording, String> {
    let mut silent = |_, _| {};
    let mut reading = Reading { least: 1, memory: Some(16 * MAX_NUMBERS), progress: &mut silent };
    read(files, settings, &mut reading).map_err(|error| error.to_string())
}

/// The last segment of each trajectory.
fn last_segments(recording: &Recording) -> Vec<&Segment> {
    let mut last: Vec<&Segment> = Vec::new();
    for segment in &recording.segments {
        match last.last_mut() {
            Some(before) if before.name == segment.name => *before = segment,
            _ => last.push(segment),
        }
    }
    last
}

/// The measured inputs of a start from a time on.
fn inputs_of(
    inputs: &Recording,
    history: &Segment,
    begin: f64,
    [samples, steps]: [usize; 2],
) -> Result<Vec<f64>, String> {
    let (dt, dim) = (inputs.dt, inputs.states.len());
    let place = |of: &Segment| {
        let place = ((begin - of.start) / dt).round();
        (place >= 0.0 && (place as usize) < of.samples).then_some(place as usize)
    };
    let own = inputs.segments.iter().filter(|of| of.name == history.name);
    let found = own.rev().find_map(|of| Some((of, place(of)?)));
    let names: Vec<&str> = inputs.states.iter().map(|of| of.name.as_str()).collect();
    let there = found.map_or(0, |(of, first)| of.samples - first);
    match found {
        Some((of, first)) if there >= samples => Ok(of.states[first * dim..(first + samples) * dim].to_vec()),
        _ => Err(format!(
            "{}: a forecast of {steps} samples needs the inputs ({}) at the times of the history and of the forecast except \
             the last one; {} rows with inputs are missing after the history",
            history.name,
            names.join(", "),
            samples - there
        )),
    }
}
