//! `simulate`: trajectories to a file.

use std::path::Path;

use dataset::arrays::{Array, write_csv, write_npz};
use toml::{Table, Value};

use crate::resolve::{fill, set};
use crate::{Progress, RunError, data};

/// Simulates a system, with overrides of `seed`, `system` and `data`, and writes `output`: an .npz with the
/// times `t`, `u` [trajectory, time, component] and, where there are known inputs, `known` [trajectory, time,
/// input]; or a .csv with a row for each sample. Returns what was written, in a sentence.
///
/// # Errors
/// A wrong name, setting or file ending; a simulation that diverges; a file that cannot be written.
pub fn simulate(
    system: &str,
    overrides: &[String],
    output: &Path,
    progress: &mut dyn Progress,
) -> Result<String, RunError> {
    let ending = check_output(output, &["npz", "csv"])?;
    let named = |name: &str| Value::Table(Table::from_iter([("name".into(), Value::String(name.into()))]));
    let mut table = Table::from_iter([("system".into(), named(system)), ("model".into(), named("ffnn"))]);
    for pair in overrides {
        let section = pair.split(['.', '=']).next().unwrap_or_default().trim();
        if ["model", "train", "evaluate"].contains(&section)
            || ["system", "system.name"].contains(&pair.split('=').next().unwrap_or_default().trim())
        {
            return Err(RunError::Usage(format!(
                "{pair} has no meaning here: simulate takes seed, data.* and the parameters of the system it names"
            )));
        }
    }
    set(&mut table, overrides).map_err(RunError::Usage)?;
    let experiment = fill(&table).map_err(RunError::Usage)?;
    experiment.check_data().map_err(RunError::Usage)?;

    let name = experiment.system["name"].as_str().unwrap_or_default();
    progress.stage(&format!("simulating {} trajectories of {name}", experiment.data.trajectories));
    let (system, runs) = data::simulate(&experiment)?;
    let (count, samples) = (runs.count(), runs.samples());
    progress.stage(&format!("writing {}", output.display()));
    let written = if ending == "npz" {
        let t = Array::new([samples], runs.times().all());
        let u = Array::new([count, samples, runs.dim()], runs.u().to_vec());
        let known = Array::new([count, samples, runs.known_dim()], runs.known().to_vec());
        let mut arrays = vec![("t", &t), ("u", &u)];
        if runs.known_dim() > 0 {
            arrays.push(("known", &known));
        }
        write_npz(output, &arrays)
    } else {
        let components = system.components().into_iter().chain(system.known_inputs());
        let header: Vec<String> =
            ["trajectory".into(), "t".into()].into_iter().chain(components.map(|c| c.heading())).collect();
        let rows = (0..count).flat_map(|run| (0..samples).map(move |i| (run, i)));
        write_csv(
            output,
            &header,
            rows.map(|(run, i)| {
                let of = [run as f64, runs.times().at(i)];
                of.iter().chain(runs.state(run, i)).chain(runs.known_at(run, i)).copied().collect()
            }),
        )
    };
    written.map_err(RunError::failed)?;
    Ok(format!(
        "{}: {count} trajectories of {name}, {samples} samples of {} components each",
        output.display(),
        runs.dim()
    ))
}

/// Refuses, before any work, an output that could not be written in the end. Returns its ending.
pub(crate) fn check_output<'a>(output: &'a Path, endings: &[&str]) -> Result<&'a str, RunError> {
    let ending = output.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    let fault = if !endings.contains(&ending) {
        format!("must end in .{}, which says the format to write", endings.join(" or ."))
    } else if output.is_dir() {
        "is a folder; name a file".into()
    } else if output.parent().is_some_and(|folder| folder != Path::new("") && !folder.is_dir()) {
        "lies in a folder that does not exist; make it first".into()
    } else {
        return Ok(ending);
    };
    Err(RunError::Usage(format!("{} {fault}", output.display())))
}
