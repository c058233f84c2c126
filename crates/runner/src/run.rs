//! The run directory.

use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use dataset::arrays::{Array, write_npz};
use dataset::files::write_atomically;
use dataset::{Normalisation, Pod};
use forecast::{Forecaster, Forecasts, Results};
use models::tensors::{TensorError, Tensors};
use serde::Serialize;
use serde_json::Value;

use crate::environment::Environment;
use crate::names::complete_model;
use crate::recording;
use crate::reduce::{OfModes, Seen};
use crate::resolve::{parse, resolve, to_toml};
use crate::sweep::about::is_sweep;
use crate::tensorboard::EventFile;
use crate::{Experiment, RunError};

pub(crate) const EXPERIMENT: &str = "experiment.toml";
const ENVIRONMENT: &str = "environment.json";
const METRICS: &str = "metrics.jsonl";
const CHECKPOINTS: &str = "checkpoints";
const MODEL: &str = "model.safetensors";
const FORECASTS: &str = "forecasts.npz";
const RESULTS: &str = "results.json";

/// How a time in UTC is written, so that the later of two is the larger text.
pub(crate) const TIME: &str = "%Y%m%dT%H%M%S.%3fZ";

/// A directory that a training leaves.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    pub(crate) directory: PathBuf,
}

/// What a command needs of a run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Needs {
    /// A trained model.
    Model,
    /// Results.
    Results,
    /// A training that can be continued.
    Unfinished,
}

impl Run {
    /// A new directory `runs/experiment/<UTC time>-<short id>`, with the resolved experiment and where it is
    /// run.
    pub(crate) fn create(
        runs: &Path,
        name: &str,
        experiment: &Experiment,
        environment: &Environment,
    ) -> Result<Self, RunError> {
        let folder = runs.join(name);
        let cannot = |error: std::io::Error| {
            let message = format!(
                "no run can be written to {}: {error}; name a folder that can be written with --runs",
                folder.display()
            );
            RunError::unwritten(error.kind(), message)
        };
        std::fs::create_dir_all(&folder).map_err(cannot)?;
        let now = jiff::Timestamp::now();
        let stem = now.strftime(TIME).to_string();
        let mut id = (now.as_nanosecond() as u32) ^ std::process::id().rotate_left(16);
        let directory = loop {
            // The folder itself is the lock: of two runs that start in the same instant one gets another id.
            let directory = folder.join(format!("{stem}-{:04x}", id % 0x1_0000));
            match std::fs::create_dir(&directory) {
                Ok(()) => break directory,
                Err(error) if error.kind() == ErrorKind::AlreadyExists => id = id.wrapping_add(1),
                Err(error) => return Err(cannot(error)),
            }
        };
        let run = Run { directory };
        run.write(ENVIRONMENT, &json(environment)?)?;
        // Last, since it is what makes the directory a run.
        run.write(EXPERIMENT, &to_toml(experiment))?;
        Ok(run)
    }

    /// Creates a directory for new scores of a run. It contains everything in the run except its checkpoints, and becomes a
    /// run itself once results are saved there.
    pub(crate) fn create_for_scores(
        directory: &Path,
        of: &Run,
        experiment: &Experiment,
        environment: &Environment,
    ) -> Result<Self, RunError> {
        Run::check_free(directory)?;
        std::fs::create_dir_all(directory).map_err(|error| {
            let message = format!("{} cannot be made: {error}; name another folder", directory.display());
            RunError::unwritten(error.kind(), message)
        })?;
        let run = Run { directory: directory.to_owned() };
        run.write(ENVIRONMENT, &json(environment)?)?;
        for name in [MODEL, METRICS] {
            let (from, to) = (of.directory.join(name), directory.join(name));
            // A model that is fitted at once has no metrics.
            if from.is_file() {
                std::fs::copy(&from, &to).map_err(|error| cannot(&to, &error))?;
            }
        }
        run.write(EXPERIMENT, &to_toml(experiment))?;
        Ok(run)
    }

    /// Checks that new scores can be written to a folder.
    ///
    /// # Errors
    /// If it is a folder that is not empty, or a file.
    pub(crate) fn check_free(directory: &Path) -> Result<(), RunError> {
        match std::fs::read_dir(directory).map(|mut entries| entries.next().is_none()) {
            Ok(true) => Ok(()),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            Ok(false) => Err(RunError::Usage(format!(
                "{} is not empty; name a new folder for the scores, or delete this one",
                directory.display()
            ))),
            Err(error) => Err(RunError::Usage(format!(
                "{} cannot hold the scores: {error}; name a new folder",
                directory.display()
            ))),
        }
    }

    /// The run whose `experiment.toml` is at this path.
    pub(crate) fn of_experiment_file(path: &Path) -> Option<Self> {
        let directory = path.parent()?;
        let directory = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
        let is_run = path.file_name()? == EXPERIMENT && directory.join(ENVIRONMENT).is_file();
        is_run.then(|| Run { directory: directory.to_owned() })
    }

    /// The runs of an experiment under `runs`, the newest last.
    pub(crate) fn all(runs: &Path, name: &str) -> Vec<Self> {
        let entries = std::fs::read_dir(runs.join(name)).into_iter().flatten().flatten();
        let mut found: Vec<Run> = entries
            .map(|entry| Run { directory: entry.path() })
            .filter(|run| run.directory.join(EXPERIMENT).is_file() && !is_sweep(&run.directory))
            .collect();
        // Their names begin with the time.
        found.sort_by(|a, b| a.directory.file_name().cmp(&b.directory.file_name()));
        found
    }

    pub(crate) fn has(&self, needs: Needs) -> bool {
        self.directory.join(needs.file()).exists() && (needs != Needs::Unfinished || !self.is_complete())
    }

    pub(crate) fn is_complete(&self) -> bool {
        self.results().is_ok()
    }

    /// Keeps other processes from training this run while the file is held.
    ///
    /// # Errors
    /// [`RunError::Usage`] where one does already.
    pub(crate) fn lock(&self) -> Result<std::fs::File, RunError> {
        let path = self.directory.join(EXPERIMENT);
        let file = std::fs::File::open(&path).map_err(|error| cannot(&path, &error))?;
        lock(file).ok_or_else(|| {
            RunError::Usage(format!("{} is being trained by another process", self.directory.display()))
        })
    }

    /// Its directory.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The name of its experiment, from its results or from the name of the folder that contains it.
    pub fn name(&self) -> String {
        if let Ok(results) = self.results() {
            return results.experiment;
        }
        let absolute = std::path::absolute(&self.directory).unwrap_or_default();
        let folder = absolute.parent().and_then(Path::file_name).unwrap_or_default();
        folder.to_string_lossy().into_owned()
    }

    /// The run directory that its training made: this one, or that of the run whose new scores it holds. Its last part is
    /// the time of the training, also where the run was named by a path such as ".".
    pub(crate) fn trained(&self) -> PathBuf {
        let text = std::fs::read_to_string(self.directory.join(ENVIRONMENT)).unwrap_or_default();
        let environment: Option<Environment> = serde_json::from_str(&text).ok();
        match environment.and_then(|environment| environment.evaluated_run) {
            Some(trained) => trained.into(),
            None => self.directory.canonicalize().unwrap_or_else(|_| self.directory.clone()),
        }
    }

    /// The short id at the end of its directory's name.
    pub fn id(&self) -> String {
        let name = self.directory.file_name().unwrap_or_default().to_string_lossy().into_owned();
        name.rsplit('-').next().unwrap_or_default().to_owned()
    }

    /// The resolved experiment.
    ///
    /// # Errors
    /// A file that was changed into something else.
    pub fn experiment(&self) -> Result<Experiment, RunError> {
        let path = self.directory.join(EXPERIMENT);
        let text = crate::text::read(&path)?;
        parse(&text)
            .and_then(|table| resolve(&table))
            .map_err(|fault| RunError::Usage(format!("{}: {fault}", path.display())))
    }

    /// Its results.
    ///
    /// # Errors
    /// A run without results, or with a file that is not of this program.
    pub fn results(&self) -> Result<Results, RunError> {
        let path = self.directory.join(RESULTS);
        let text = std::fs::read_to_string(&path)
            .map_err(|error| RunError::Usage(format!("{} cannot be read: {error}", path.display())))?;
        serde_json::from_str(&text).map_err(|error| {
            RunError::Usage(format!("{} does not hold results of this program: {error}", path.display()))
        })
    }

    pub(crate) fn save_results(&self, results: &Results) -> Result<(), RunError> {
        self.write(RESULTS, &json(results)?)
    }

    /// Writes forecasts of states of `dim` components.
    pub(crate) fn save_forecasts(&self, forecasts: &Forecasts, dim: usize) -> Result<(), RunError> {
        let Forecasts { valid_times, nrmse, shown, time, truth, forecast, members, .. } = forecasts;
        let Forecasts { attractor_truth, attractor_forecast, latent, latent_size, .. } = forecasts;
        let [starts, times] = [shown.len(), time.len()];
        let samples = attractor_truth.len() / dim;
        let arrays = [
            ("valid_times", vec![valid_times.len()], valid_times),
            ("nrmse", vec![nrmse.len()], nrmse),
            ("shown", vec![starts], shown),
            ("time", vec![times], time),
            ("truth", vec![starts, times, dim], truth),
            ("forecast", vec![starts, times, dim], forecast),
            ("members", vec![members.len() / (times * dim), times, dim], members),
            ("attractor_truth", vec![samples, dim], attractor_truth),
            ("attractor_forecast", vec![samples, dim], attractor_forecast),
            ("latent", vec![latent.len() / latent_size.max(&1), *latent_size], latent),
        ];
        let path = self.directory.join(FORECASTS);
        let arrays = arrays.into_iter().filter(|(_, _, values)| !values.is_empty());
        let arrays: Vec<(&str, Array)> =
            arrays.map(|(name, shape, values)| (name, Array::new(shape, values.clone()))).collect();
        let named: Vec<(&str, &Array)> = arrays.iter().map(|(name, array)| (*name, array)).collect();
        write_npz(&path, &named).map_err(|error| cannot(&path, &error))
    }

    /// Writes the weights and the scales of a trained network.
    pub(crate) fn save_model(
        &self,
        experiment: &Experiment,
        weights: &Tensors,
        seen: Seen,
    ) -> Result<(), RunError> {
        let mut model = Tensors { about: about_model(experiment).to_string(), ..Tensors::default() };
        model.insert_all("network.", weights);
        for (name, values) in scales(seen.normalisation) {
            model.insert_f64(format!("normalisation.{name}"), values.clone());
        }
        for (name, values) in seen.pod.iter().flat_map(|pod| pod.parts()) {
            model.insert_f64(format!("pod.{name}"), values);
        }
        model.save(&self.directory.join(MODEL)).map_err(RunError::failed)
    }

    /// The weights of the trained network.
    pub(crate) fn weights(&self) -> Result<Tensors, RunError> {
        Ok(Tensors::load(&self.directory.join(MODEL)).map_err(RunError::usage)?.under("network."))
    }

    /// The trained network with its scales, on a device.
    pub(crate) fn model(
        &self,
        experiment: &Experiment,
        device: &str,
    ) -> Result<Box<dyn Forecaster>, RunError> {
        experiment.machine(device).map_err(RunError::Usage)?;
        let (path, model) = self.saved_model()?;
        let fault = |fault: String| self.does_not_fit(&path, &fault);
        // the order of the keys has not always been that of the file
        let kept = serde_json::from_str(&model.about).ok().map(|mut about: Value| {
            about.get_mut("model").into_iter().for_each(complete_model);
            about
        });
        if kept != Some(about_model(experiment)) {
            return Err(fault("it was trained by another one".into()));
        }
        let normalisation = self.scales_in(&path, &model)?;
        let source = experiment.source().map_err(RunError::Usage)?;
        let features = experiment.model_inputs(&source).map_err(RunError::Usage)?;
        let dim = features - source.known_inputs().len();
        if scales(&normalisation).map(|(_, values)| values.len()) != [features, features, dim, dim] {
            return Err(fault("its scales have the wrong length".into()));
        }
        let (_, settings) = experiment.network().map_err(RunError::Usage)?;
        let weights = model.under("network.");
        let forecaster = experiment.forecaster(&settings, &weights, normalisation, device).map_err(&fault)?;
        let Some(reduce) = experiment.data.reduce else { return Ok(forecaster) };
        let part = |name| model.f64(&format!("pod.{name}")).map(<[f64]>::to_vec);
        let parts = || Ok::<_, TensorError>([part("mean")?, part("scale")?, part("modes")?, part("kept")?]);
        let pod = Pod::of_parts(parts().map_err(|TensorError(missing)| fault(missing))?);
        let states = experiment.inputs(&source).map_err(RunError::Usage)? - source.known_inputs().len();
        let fits = |pod: &Pod| (pod.dim(), pod.modes()) == (states, reduce.modes);
        let pod = pod.filter(fits).ok_or_else(|| fault("its modes have the wrong length".into()))?;
        Ok(Box::new(OfModes::new(pod, forecaster)))
    }

    /// The scales of the trained network.
    pub(crate) fn scales(&self) -> Result<Normalisation, RunError> {
        let (path, model) = self.saved_model()?;
        self.scales_in(&path, &model)
    }

    fn saved_model(&self) -> Result<(PathBuf, Tensors), RunError> {
        let path = self.directory.join(MODEL);
        let model = Tensors::load(&path).map_err(RunError::usage)?;
        Ok((path, model))
    }

    fn does_not_fit(&self, path: &Path, fault: &str) -> RunError {
        RunError::Usage(format!("{} does not fit the experiment beside it: {fault}", path.display()))
    }

    /// The scales in the file of a model.
    fn scales_in(&self, path: &Path, model: &Tensors) -> Result<Normalisation, RunError> {
        let scale = |name: &str| {
            let found = model.f64(&format!("normalisation.{name}")).map(<[f64]>::to_vec);
            found.map_err(|error| self.does_not_fit(path, &error.to_string()))
        };
        let normalisation = Normalisation {
            mean: scale("mean")?,
            std: scale("std")?,
            increment_mean: scale("increment_mean")?,
            increment_std: scale("increment_std")?,
        };
        for (name, values) in scales(&normalisation) {
            // That of the increments is 0 for a component whose increments are all equal.
            let sound = |x: f64| {
                x.is_finite() && (name.ends_with("mean") || x > 0.0 || (name == "increment_std" && x == 0.0))
            };
            if let Some(x) = values.iter().find(|&&x| !sound(x)) {
                return Err(self.does_not_fit(path, &format!("its normalisation.{name} holds {x}")));
            }
        }
        Ok(normalisation)
    }

    /// Keeps `state` as the checkpoint of a step, and none before it.
    pub(crate) fn save_checkpoint(&self, step: u64, state: &Tensors) -> Result<(), RunError> {
        let folder = self.directory.join(CHECKPOINTS);
        std::fs::create_dir_all(&folder).map_err(|error| cannot(&folder, &error))?;
        let path = folder.join(format!("step-{step:012}.safetensors"));
        state.save(&path).map_err(RunError::failed)?;
        // Older ones, and what a killed process left of one: nobody else writes here while the run is locked.
        for entry in std::fs::read_dir(&folder).map_err(|error| cannot(&folder, &error))?.flatten() {
            if entry.path() != path {
                std::fs::remove_file(entry.path()).map_err(|error| cannot(&entry.path(), &error))?;
            }
        }
        Ok(())
    }

    /// The newest checkpoint.
    pub(crate) fn checkpoint(&self) -> Result<Option<Tensors>, RunError> {
        let load = |path: PathBuf| {
            Tensors::load(&path).map_err(|fault| {
                RunError::Failed(format!("{fault}; without that file the training would begin anew"))
            })
        };
        self.checkpoints()?.pop().map(load).transpose()
    }

    /// The files of checkpoints, the newest last; none before the first checkpoint. A folder that cannot be read is an error,
    /// because without its checkpoint a training would begin anew.
    fn checkpoints(&self) -> Result<Vec<PathBuf>, RunError> {
        let folder = self.directory.join(CHECKPOINTS);
        let unread = |error: std::io::Error| {
            let at = folder.display();
            RunError::Failed(format!(
                "{at} cannot be read: {error}; without it the training would begin anew"
            ))
        };
        let entries = match std::fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(unread(error)),
        };
        let mut paths = Vec::new();
        for entry in entries {
            let path = entry.map_err(unread)?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if name.starts_with("step-") && name.ends_with(".safetensors") {
                paths.push(path);
            }
        }
        paths.sort();
        Ok(paths)
    }

    /// Adds a line to `metrics.jsonl`.
    pub(crate) fn log(&self, metrics: &impl Serialize) -> Result<(), RunError> {
        let mut line = serde_json::to_string(metrics).map_err(RunError::failed)?;
        line.push('\n');
        let path = self.directory.join(METRICS);
        let mut file =
            std::fs::File::options().append(true).create(true).open(&path).map_err(|e| cannot(&path, &e))?;
        file.write_all(line.as_bytes()).map_err(|e| cannot(&path, &e))
    }

    /// The last step in `metrics.jsonl`.
    pub(crate) fn last_step(&self) -> Option<u64> {
        step_of(&last_line(&self.directory.join(METRICS))?)
    }

    /// Opens an event file for what follows after `step`.
    pub(crate) fn events(&self, step: u64) -> Result<EventFile, RunError> {
        EventFile::create(&self.directory, step).map_err(|error| self.cannot_log(&error))
    }

    /// The sentence for an event file that cannot be written.
    pub(crate) fn cannot_log(&self, error: &std::io::Error) -> RunError {
        let at = self.directory.display();
        RunError::Failed(format!("{at}: the event file for TensorBoard cannot be written: {error}"))
    }

    /// Drops the lines after `step` from `metrics.jsonl`, which the steps to come will write again, and a
    /// last line that a crash cut off.
    pub(crate) fn rewind_log(&self, step: u64) -> Result<(), RunError> {
        let path = self.directory.join(METRICS);
        let text = match std::fs::read(&path) {
            // A crash may have cut a line, or left other bytes than text at its end.
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            Err(error) => {
                return Err(RunError::Failed(format!("{} cannot be read: {error}", path.display())));
            }
        };
        let up_to = |line: &&str| step_of(line).is_some_and(|of| of <= step);
        let kept: String = text.lines().filter(up_to).flat_map(|line| [line, "\n"]).collect();
        self.write(METRICS, &kept)
    }

    fn write(&self, name: &str, text: &str) -> Result<(), RunError> {
        write_atomically(&self.directory.join(name), |file| file.write_all(text.as_bytes()))
            .map_err(RunError::failed)
    }
}

impl Needs {
    pub(crate) fn file(self) -> &'static str {
        match self {
            Needs::Model => MODEL,
            Needs::Results => RESULTS,
            Needs::Unfinished => EXPERIMENT,
        }
    }
}

/// The step of a line of `metrics.jsonl`.
fn step_of(line: &str) -> Option<u64> {
    serde_json::from_str::<serde_json::Value>(line).ok()?["step"].as_u64()
}

/// The last line of a file that may be a long one.
pub(crate) fn last_line(path: &Path) -> Option<String> {
    const MOST: u64 = 1 << 13;
    let mut file = std::fs::File::open(path).ok()?;
    let length = file.metadata().ok()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(MOST))).ok()?;
    let mut end = Vec::new();
    file.take(MOST).read_to_end(&mut end).ok()?;
    let end = String::from_utf8_lossy(&end);
    end.lines().rfind(|line| !line.trim().is_empty()).map(str::to_owned)
}

/// Locks a file for as long as it is held; nothing where another process does.
pub(crate) fn lock(file: std::fs::File) -> Option<std::fs::File> {
    match file.try_lock() {
        Err(std::fs::TryLockError::WouldBlock) => None,
        // A file system without locks does not keep anyone from training.
        Ok(()) | Err(std::fs::TryLockError::Error(_)) => Some(file),
    }
}

fn cannot(path: &Path, error: &std::io::Error) -> RunError {
    RunError::Failed(format!("{} cannot be written: {error}", path.display()))
}

pub(crate) fn json(value: &impl Serialize) -> Result<String, RunError> {
    serde_json::to_string_pretty(value).map(|text| text + "\n").map_err(RunError::failed)
}

/// What a model is a model of: everything but the scoring, which may be another each time, how its training is
/// watched, and where its data lie.
fn about_model(experiment: &Experiment) -> Value {
    let Experiment { seed, system, recording, data, model, train, .. } = experiment;
    let mut about = serde_json::json!({"seed": seed, "system": system, "data": data.wherever(), "model": model, "train": train});
    if let Some(section) = recording {
        about["recording"] = recording::about(section);
    }
    if let Some(train) = about["train"].as_object_mut() {
        train.remove("log");
    }
    about
}

fn scales(normalisation: &Normalisation) -> [(&'static str, &Vec<f64>); 4] {
    [
        ("mean", &normalisation.mean),
        ("std", &normalisation.std),
        ("increment_mean", &normalisation.increment_mean),
        ("increment_std", &normalisation.increment_std),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_read_is_not_taken_for_missing() {
        let folder = tempfile::tempdir().unwrap();
        let run = Run { directory: folder.path().to_owned() };
        assert!(run.checkpoint().unwrap().is_none() && run.rewind_log(3).is_ok());
        // a file where the folder should be, and a folder where the file should be: even root cannot read these
        std::fs::write(folder.path().join(CHECKPOINTS), "").unwrap();
        let fault = run.checkpoint().unwrap_err().to_string();
        assert!(fault.contains("checkpoints cannot be read") && fault.contains("begin anew"), "{fault}");
        std::fs::create_dir(folder.path().join(METRICS)).unwrap();
        let fault = run.rewind_log(3).unwrap_err().to_string();
        assert!(fault.contains("metrics.jsonl cannot be read"), "{fault}");
        std::fs::remove_dir(folder.path().join(METRICS)).unwrap();
        // a cut character at the end of what a crash left
        std::fs::write(folder.path().join(METRICS), b"{\"step\":3}\n{\"step\":4}\n{\"step\":\xc3").unwrap();
        run.rewind_log(3).unwrap();
        assert_eq!(std::fs::read_to_string(folder.path().join(METRICS)).unwrap(), "{\"step\":3}\n");
    }
}
