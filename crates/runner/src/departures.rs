//! The settings of a run that differ from the file of its experiment.

use std::path::Path;

use toml::{Table, Value};

use crate::Experiment;
use crate::catalogue::Source;
use crate::resolve::{fill, set};
use crate::run::Run;
use crate::settings::values;
use crate::sweep::{Sweep, is_sweep};

/// The settings that say where the data are and how much of them is held in memory; they are known from the run alone.
const OF_A_FOLDER: [&str; 8] =
    ["from", "from_digest", "at_once", "trajectories", "dt", "t_final", "initial", "solver"];

/// The settings of a run other than the seed, as `key=value` on a command line, that differ from its experiment's file as
/// it is today. The list has the fewest settings that lead from the file to the run; defaults that follow from other
/// settings are not in it. None if the file is not known. The file is that of the run's sweep, one of `experiments/` or of
/// the program, or `NAME.toml` in the working folder.
pub fn departures(run: &Run) -> Option<Vec<String>> {
    let experiment = run.experiment().ok()?;
    let source = source_of(run)?;
    from_file(&source.table, &experiment).ok()
}

fn source_of(run: &Run) -> Option<Source> {
    let (name, directory) = (run.name(), std::path::absolute(run.directory()).ok()?);
    // RUNS/sweeps/SWEEP/0007/NAME/RUN
    let sweep = directory.ancestors().nth(3).filter(|folder| is_sweep(folder));
    if let Some(sweep) = sweep.and_then(|folder| Sweep::open(folder).ok()) {
        return Some(sweep.source().clone());
    }
    Source::find(&name).or_else(|_| Source::read(Path::new(&format!("{name}.toml")))).ok()
}

fn from_file(file: &Table, experiment: &Experiment) -> Result<Vec<String>, String> {
    let wanted = in_order(&with_loop(values(experiment)));
    let mut given = file.clone();
    let mut departures = Vec::new();
    let section = |table: &Table, name: &str| -> Table {
        table.get(name).and_then(Value::as_table).cloned().unwrap_or_default()
    };
    // Unless it is set, it is computed from the system, which takes a second.
    if !section(&given, "evaluate").contains_key("lyapunov_exponent") {
        let exponent = experiment.evaluate.lyapunov_exponent;
        set(&mut given, &[format!("evaluate.lyapunov_exponent={exponent:?}")])?;
    }
    if !experiment.data.from.is_empty() {
        // The folder may have moved, and need not be there.
        if section(&given, "data").get("from").and_then(Value::as_str) != Some(&experiment.data.from) {
            departures.push(format!("data.from={}", experiment.data.from));
        }
        let (mut data, all) = (section(&given, "data"), values(&experiment.data));
        data.extend(OF_A_FOLDER.iter().filter_map(|key| Some(((*key).to_owned(), all.get(*key)?.clone()))));
        given.insert("data".into(), Value::Table(data));
        given.insert("system".into(), section(&values(experiment), "system").into());
    }
    if let Some(run) = &experiment.recording {
        // What the files say, which need not be there.
        let (mut recording, run) = (section(&given, "recording"), values(run));
        for key in ["states", "inputs", "units", "digest"] {
            if let (None, Some(value)) = (recording.get(key), run.get(key)) {
                recording.insert(key.to_owned(), value.clone());
            }
        }
        given.insert("recording".into(), Value::Table(recording));
        set(&mut given, &[format!("data.dt={:?}", experiment.data.dt)])?;
        let digest = &experiment.evaluate.truth_digest;
        if !digest.is_empty() {
            set(&mut given, &[format!("evaluate.truth_digest={digest:?}")])?;
        }
        // Defaults that follow from what the files hold.
        for (key, value) in
            [("transient", experiment.evaluate.transient), ("horizon", experiment.evaluate.horizon)]
        {
            if !section(&given, "evaluate").contains_key(key) {
                set(&mut given, &[format!("evaluate.{key}={value:?}")])?;
            }
        }
    }
    // One setting after the other, since a later default may follow from an earlier setting.
    for (key, value) in &wanted {
        let now = with_loop(values(&fill(&given)?));
        if at(&now, key) == Some(value)
            || ["seed", "train.log", "evaluate.exponent_unknown", "evaluate.truth_digest"]
                .contains(&key.as_str())
        {
            continue;
        }
        let setting = format!("{key}={}", written(value));
        set(&mut given, std::slice::from_ref(&setting))?;
        departures.push(setting.replacen(".name=", "=", 1));
    }
    Ok(departures)
}

/// The settings of a resolved experiment, with `train.loop` also where it is left out because it is `own`. The file may have
/// another one.
fn with_loop(mut experiment: Table) -> Table {
    if let Some(train) = experiment.get_mut("train").and_then(Value::as_table_mut)
        && !train.contains_key("loop")
    {
        train.insert("loop".into(), "own".into());
    }
    experiment
}

/// The settings of a resolved experiment by dotted keys: names before what depends on them, and sections in the order in
/// which they are resolved.
fn in_order(experiment: &Table) -> Vec<(String, Value)> {
    let mut all = Vec::new();
    collect("", experiment, &mut all);
    let sections = ["system", "recording", "data", "model", "train", "evaluate"];
    let place = |key: &str| {
        let section = key.split('.').next().unwrap_or_default();
        let section = sections.iter().position(|name| *name == section).unwrap_or(sections.len());
        (section, !key.ends_with(".name"))
    };
    all.sort_by_key(|(key, _)| place(key));
    all
}

fn collect(path: &str, table: &Table, all: &mut Vec<(String, Value)>) {
    for (key, value) in table {
        let key = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        match value {
            // Equations and their parameters are one setting each: their keys are the user's own.
            Value::Table(inner) if !is_own(&key) => collect(&key, inner, all),
            value => all.push((key, value.clone())),
        }
    }
}

/// Whether a table of this key has keys of the user's own.
fn is_own(key: &str) -> bool {
    key.matches('.').count() > 0 && key.starts_with("system.")
}

fn at<'a>(table: &'a Table, key: &str) -> Option<&'a Value> {
    let mut parts = key.split('.');
    let first = table.get(parts.next()?)?;
    parts.try_fold(first, |value, part| value.as_table()?.get(part))
}

/// A value as it is written in an override.
fn written(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Float(x) if x.fract() == 0.0 && x.abs() < 1e15 => format!("{x:.0}"),
        Value::Float(x) => format!("{x:?}"),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resolve::{parse, resolve};

    const FILE: &str =
        "[system]\nname = \"lorenz\"\n[model]\nname = \"rnn\"\nhidden = 96\n[train]\nsteps = 1000\n";

    fn departures_of(settings: &[&str]) -> Vec<String> {
        departures_from(FILE, settings)
    }

    fn departures_from(file: &str, settings: &[&str]) -> Vec<String> {
        let file = parse(file).unwrap();
        let mut table = file.clone();
        let settings: Vec<String> = settings.iter().map(|setting| (*setting).to_owned()).collect();
        set(&mut table, &settings).unwrap();
        from_file(&file, &resolve(&table).unwrap()).unwrap()
    }

    #[test]
    fn settings_that_were_given_are_found_again() {
        for settings in [
            &[][..],
            &["model.hidden=32"],
            &["data.trajectories=50", "model.hidden=32", "train.steps=200"],
            &["train.optimizer=momentum"],
            &["train.optimizer=momentum", "train.optimizer.momentum=0.5"],
            &["data.solver=rk4", "train.input_noise=0.001", "evaluate.long_run=1000"],
        ] {
            assert_eq!(departures_of(settings), settings);
        }
        // neither another seed nor another way of watching the training changes the model
        assert_eq!(
            departures_of(&["seed=3", "train.log=[\"jsonl\", \"tensorboard\"]"]),
            Vec::<String>::new()
        );
        // a value that the file already has is not a difference
        assert_eq!(departures_of(&["model.hidden=96"]), Vec::<String>::new());
    }

    #[test]
    fn our_own_loop_is_a_difference_from_a_file_that_asks_for_burn_train() {
        let by_burn = format!("{FILE}loop = \"burn-train\"\n");
        assert_eq!(departures_from(&by_burn, &["train.loop=own"]), ["train.loop=own"]);
        assert_eq!(departures_from(&by_burn, &["train.loop=burn-train"]), Vec::<String>::new());
        assert_eq!(departures_of(&["train.loop=burn-train"]), ["train.loop=burn-train"]);
        assert_eq!(departures_of(&["train.loop=own"]), Vec::<String>::new());
    }

    #[test]
    fn defaults_that_follow_from_a_setting_are_not_named_beside_it() {
        // another exponent, in which times are counted
        assert_eq!(departures_of(&["system.rho=35"]), ["system.rho=35"]);
        // another model, with settings of its own
        assert_eq!(departures_of(&["model=gru"]), ["model=gru"]);
    }
}
