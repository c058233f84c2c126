//! `predict`: forecasts from histories in a file.

use std::path::Path;

use dataset::arrays::{Array, Npz, read_npz, write_csv, write_npz};
use forecast::{Starts, mean_of_members, run};

use crate::experiment::MAX_NUMBERS;
use crate::histories::{Histories, read_histories};
use crate::run::Run;
use crate::simulation::check_output;
use crate::source::Source;
use crate::{Experiment, Progress, RunError};

/// Forecasts `steps` samples after the histories `u` [start, time, component] of the .npz `input`, sampled at
/// the run's dt, and writes `u` [start, step, component] and the times `t` after the last sample to the
/// .npz `output`; of an ensemble `u` is the mean, and `ensemble` [start, member, step, component] holds its members.
/// Returns what was written, in a sentence.
///
/// A system with known inputs needs their values: `known` [start, time + steps - 1, input], or the times `t`
/// of the histories, from which they follow.
///
/// An `input` that does not end in .npz is read as a recording is. An `output` that ends in .csv
/// gets a row for each sample: the number of the start where there are several, the time, and the components under their
/// names and units. The times go on where the input has times, and count from its last sample otherwise.
///
/// # Errors
/// A file that is not as described, with what it lacks; an output that cannot be written.
pub fn predict(
    of: &Run,
    input: &Path,
    steps: usize,
    output: &Path,
    device: &str,
    progress: &mut dyn Progress,
) -> Result<String, RunError> {
    let ending = check_output(output, &["npz", "csv"])?;
    if output.canonicalize().is_ok_and(|output| input.canonicalize().is_ok_and(|input| input == output)) {
        return Err(RunError::Usage(format!(
            "{} is the input too; name another file to write",
            output.display()
        )));
    }
    if std::fs::metadata(input).is_ok_and(|about| !about.is_file()) {
        return Err(RunError::Usage(format!("{} is not an ordinary file", input.display())));
    }
    if steps == 0 {
        return Err(RunError::Usage("--steps 0 asks for no forecast; it must be at least 1".into()));
    }
    let experiment = of.experiment()?;
    let source = experiment.source().map_err(RunError::Usage)?;
    let model = of.model(&experiment, device)?;
    let (window, dt) = (model.window(), experiment.data.dt);
    let is_npz = input.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("npz"));
    let points = source.layout().points();
    if points > 1 && (!is_npz || ending == "csv") {
        let table = if is_npz { output } else { input };
        return Err(RunError::Usage(format!(
            "{}: a table has no columns for the {points} points of a field; name an .npz file",
            table.display()
        )));
    }
    let histories = match is_npz {
        true => from_npz(input, &experiment, &source, window, steps)?,
        false => {
            progress.stage(&format!("reading {}", input.display()));
            read_histories(input, &experiment, &source, window, steps).map_err(RunError::Usage)?
        }
    };
    let Histories { starts, u, known, last } = histories;
    let dim = model.dim();
    let wrong = |fault: String| RunError::Usage(format!("{}: {fault}", input.display()));

    progress.stage(&format!("forecasting {steps} samples from {starts} starts"));
    let members = model.members();
    if (starts * steps * dim) as u128 * members as u128 > u128::from(MAX_NUMBERS) {
        return Err(wrong(format!(
            "{steps} steps of {members} members from {starts} starts are more than the {MAX_NUMBERS} numbers that fit"
        )));
    }
    let (mut forecast, mut ensemble) = (
        vec![0.0; starts * steps * dim],
        vec![0.0; if members > 1 { starts * members * steps * dim } else { 0 }],
    );
    run(&*model, Starts { count: starts, histories: &u, known: &known }, members, steps, |step, states| {
        for (i, state) in states.chunks_exact(dim).enumerate().filter(|_| members > 1) {
            let at = (i * steps + step) * dim;
            ensemble[at..at + dim].copy_from_slice(state);
        }
        for (start, states) in states.chunks_exact(members * dim).enumerate() {
            let at = (start * steps + step) * dim;
            mean_of_members(states, &mut forecast[at..at + dim]);
        }
        true
    });
    let lost = forecast.chunks_exact(steps * dim).filter(|u| u.iter().any(|x| !x.is_finite())).count();
    if lost > 0 {
        progress.note(&format!("{lost} of {starts} forecasts leave the finite numbers"));
    }
    let done = format!("{}: {steps} samples after each of {starts} starts", output.display());
    if ending == "csv" {
        if members > 1 {
            progress.note(&format!(
                "the file gets the mean of {members} members; an .npz file gets the members, too"
            ));
        }
        let components = source.components();
        let observed = experiment.observed(&components).map_err(RunError::Usage)?;
        let names = observed.iter().map(|&component| components[component].heading());
        let start = (starts > 1).then(|| "start".to_owned());
        let header: Vec<String> = start.into_iter().chain(["t".to_owned()]).chain(names).collect();
        let rows = forecast.chunks_exact(dim).enumerate().map(|(row, state)| {
            let (start, step) = (row / steps, row % steps + 1);
            let before = last.as_ref().map_or(0.0, |last| last[start]);
            let number = (starts > 1).then_some(start as f64);
            number.into_iter().chain([before + step as f64 * dt]).chain(state.iter().copied()).collect()
        });
        write_csv(output, &header, rows).map_err(RunError::failed)?;
        return Ok(done);
    }
    let t = Array::new([steps], (1..=steps).map(|i| i as f64 * dt).collect::<Vec<_>>());
    let u = Array::new([starts, steps, dim], forecast);
    let ensemble = (members > 1).then(|| Array::new([starts, members, steps, dim], ensemble));
    let mut arrays = vec![("t", &t), ("u", &u)];
    arrays.extend(ensemble.as_ref().map(|all| ("ensemble", all)));
    write_npz(output, &arrays).map_err(RunError::failed)?;
    Ok(done)
}

/// Reads and checks histories in an .npz file.
fn from_npz(
    input: &Path,
    experiment: &Experiment,
    source: &Source,
    window: usize,
    steps: usize,
) -> Result<Histories, RunError> {
    let dt = experiment.data.dt;
    let file = read_npz(input).map_err(RunError::usage)?;
    let at = input.display();
    let wrong = |fault: String| RunError::Usage(format!("{at}: {fault}"));

    let u = file.get("u").map_err(RunError::usage)?;
    let components = &experiment.data.observe;
    let &[starts, history, dim] = u.shape.as_slice() else {
        return Err(wrong(format!(
            "`u` has shape {:?}; it must have three axes, [start, time, component]",
            u.shape
        )));
    };
    let points = source.layout().points();
    if dim != components.len() * points {
        let at = if points > 1 { format!(" at {points} points each") } else { String::new() };
        return Err(wrong(format!(
            "`u` has {dim} components, but the model of {} knows {} ({}{at})",
            source.name(),
            components.len() * points,
            components.join(", ")
        )));
    }
    if starts == 0 {
        return Err(wrong("`u` holds no start; its first axis must be at least 1".into()));
    }
    if history < window {
        return Err(wrong(format!(
            "`u` holds {history} samples of each start, but {} needs {window}",
            experiment.model["name"].as_str().unwrap_or_default()
        )));
    }
    let width = dim.max(source.known_inputs().len()) as u128;
    if starts as u128 * (history as u128 + steps as u128) * width > u128::from(MAX_NUMBERS) {
        return Err(wrong(format!(
            "{steps} steps from {starts} starts are more than the {MAX_NUMBERS} numbers that fit"
        )));
    }
    let used = |start: usize| (start * history + history - window) * dim..(start + 1) * history * dim;
    for start in 0..starts {
        if let Some(i) = u.values[used(start)].iter().position(|x| !x.is_finite()) {
            return Err(wrong(format!(
                "`u` holds {} at start {start}, sample {}, component {}; histories must be finite",
                u.values[used(start)][i],
                history - window + i / dim,
                components[i % dim / points]
            )));
        }
    }
    let times = times(&file, history, dt).map_err(wrong)?;
    let last = times.map(|first| vec![first + (history - 1) as f64 * dt; starts]);
    let known = known(source, &file, [starts, history, steps], dt, times).map_err(wrong)?;
    Ok(Histories { starts, u: u.values.clone(), known, last })
}

/// The time of the first sample where the file gives times, counted back from the last and checked against the
/// run's dt.
fn times(file: &Npz, history: usize, dt: f64) -> Result<Option<f64>, String> {
    if !file.names().any(|name| name == "t") {
        return Ok(None);
    }
    let t = file.get("t").map_err(|error| error.to_string())?;
    if t.shape != [history] {
        return Err(format!(
            "`t` has shape {:?}, but `u` has {history} samples: it must be [{history}]",
            t.shape
        ));
    }
    let Some(&last) = t.values.last() else { return Ok(None) };
    for (i, &at) in t.values.iter().enumerate() {
        let expected = last - (history - 1 - i) as f64 * dt;
        // A user's times may be in f32, or summed up.
        if !at.is_finite() || (at - expected).abs() > 0.02 * dt {
            return Err(format!(
                "`t` holds {at} at sample {i}, but the model was trained on samples {dt} apart, which up to the last, \
                 {last}, makes {expected:.6}: sample at dt = {dt}"
            ));
        }
    }
    Ok(Some(last - (history - 1) as f64 * dt))
}

/// The known inputs over history and forecast, [start, history + steps - 1, input].
fn known(
    source: &Source,
    file: &Npz,
    [starts, history, steps]: [usize; 3],
    dt: f64,
    first: Option<f64>,
) -> Result<Vec<f64>, String> {
    let names: Vec<String> = source.known_inputs().into_iter().map(|input| input.name).collect();
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let samples = history + steps - 1;
    if file.names().any(|name| name == "known") {
        let known = file.get("known").map_err(|error| error.to_string())?;
        let expected = [starts, samples, names.len()];
        let given = match known.shape.as_slice() {
            &[of, given, inputs] if of == starts && inputs == names.len() => given,
            shape => {
                return Err(format!(
                    "`known` has shape {shape:?}, but {starts} starts with the inputs {} need {expected:?}",
                    names.join(", ")
                ));
            }
        };
        // More than is needed is no fault, and less is none where they follow from the times: `simulate`
        // writes as many as there are samples, and the times.
        if given >= samples {
            let used = known.values.chunks_exact(given * names.len());
            let used: Vec<f64> = used.flat_map(|start| &start[..samples * names.len()]).copied().collect();
            return match used.iter().find(|x| !x.is_finite()) {
                Some(x) => Err(format!("`known` holds {x}; known inputs must be finite")),
                None => Ok(used),
            };
        }
        if first.is_none() || source.system().is_none() {
            return Err(format!(
                "`known` has shape {:?}; {history} samples of history and {steps} steps need {expected:?}: the \
                 inputs {} of each start at the times of the history and of the forecast but its last",
                known.shape,
                names.join(", ")
            ));
        }
    }
    let Some(system) = source.system() else {
        return Err(format!(
            "a forecast of {} needs its known inputs ({}) at the times of the history and of the forecast, except the last one, as \
             `known` [{starts}, {samples}, {}]",
            source.name(),
            names.join(", "),
            names.len()
        ));
    };
    let first = first.ok_or_else(|| {
        format!(
            "{} is driven, so a forecast needs its known inputs ({}): add the times of the samples as `t` [{history}], \
             or the inputs themselves as `known` [{starts}, {samples}, {}]",
            system.name(),
            names.join(", "),
            names.len()
        )
    })?;
    let mut known = vec![0.0; samples * names.len()];
    for (i, at) in known.chunks_exact_mut(names.len()).enumerate() {
        let t = first + i as f64 * dt;
        system.known(t, at);
        if let Some((name, x)) = names.iter().zip(&*at).find(|(_, x)| !x.is_finite()) {
            return Err(format!("the known input {name} of {} is {x} at t = {t}", system.name()));
        }
    }
    Ok(known.repeat(starts))
}
