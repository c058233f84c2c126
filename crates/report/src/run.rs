//! The files of a run.

use std::path::{Path, PathBuf};

use dataset::arrays::read_npz;
use forecast::{Forecasts, Results};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// What a run directory holds so far.
#[derive(Clone, Debug)]
pub struct RunFiles {
    /// Where it lies.
    pub directory: PathBuf,
    /// Name of its experiment.
    pub experiment: String,
    /// The settings, as `key=value`, by which it departs from the file of its experiment, but for the seed; none where that
    /// file is not known. Reading a run directory does not tell: whoever knows the file sets them.
    pub departures: Option<Vec<String>>,
    /// The resolved experiment, the text of `experiment.toml`.
    pub resolved: String,
    /// What `environment.json` holds; null without it.
    pub environment: Value,
    /// The lines of `metrics.jsonl`.
    pub metrics: Vec<Metrics>,
    /// Results, once it is complete.
    pub results: Option<Results>,
    /// Forecasts, once it is complete.
    pub forecasts: Option<Forecasts>,
}

/// A line of `metrics.jsonl`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Metrics {
    /// Steps done.
    pub step: u64,
    /// Seconds in the training loop.
    pub seconds: f64,
    /// Mean over the steps since the line before.
    pub train_loss: f64,
    /// On the validation part.
    pub validation_loss: f64,
    /// Of the last step, for an optimiser that has one.
    pub learning_rate: Option<f64>,
}

impl RunFiles {
    /// Reads a run directory, as far as it has come. Arrays of `forecasts.npz` that are missing are empty.
    ///
    /// # Errors
    /// A folder that is no run, and files that are not of this program.
    pub fn read(directory: &Path) -> Result<Self, String> {
        let resolved = text(&directory.join("experiment.toml"))?.ok_or_else(|| {
            format!("{} is not a run directory: it has no experiment.toml", directory.display())
        })?;
        let results: Option<Results> = json(&directory.join("results.json"))?;
        // A run lies in a folder of its experiment's name; where it was scored again it may lie anywhere.
        let experiment = results.as_ref().map_or_else(
            || {
                let absolute = std::path::absolute(directory).unwrap_or_default();
                absolute.parent().and_then(Path::file_name).unwrap_or_default().to_string_lossy().into_owned()
            },
            |results| results.experiment.clone(),
        );
        let metrics = text(&directory.join("metrics.jsonl"))?.unwrap_or_default();
        let forecasts = directory.join("forecasts.npz");
        Ok(RunFiles {
            directory: directory.to_owned(),
            experiment,
            departures: None,
            resolved,
            environment: json(&directory.join("environment.json"))?.unwrap_or_default(),
            // A last line may be on its way to the disk.
            metrics: metrics.lines().filter_map(|line| serde_json::from_str(line).ok()).collect(),
            results,
            forecasts: if forecasts.is_file() { Some(read_forecasts(&forecasts)?) } else { None },
        })
    }
}

/// The text of a file that may not be there.
fn text(path: &Path) -> Result<Option<String>, String> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(format!("{} cannot be read: {error}", path.display())),
    }
}

fn json<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, String> {
    let parse = |text: String| {
        serde_json::from_str(&text)
            .map_err(|error| format!("{} does not hold what this program writes: {error}", path.display()))
    };
    text(path)?.map(parse).transpose()
}

fn read_forecasts(path: &Path) -> Result<Forecasts, String> {
    let file = read_npz(path).map_err(|error| error.to_string())?;
    let names: Vec<&str> = file.names().collect();
    let values = |name: &str| match names.contains(&name) {
        true => file.get(name).map(|array| array.values.clone()).map_err(|error| error.to_string()),
        false => Ok(Vec::new()),
    };
    Ok(Forecasts {
        valid_times: values("valid_times")?,
        nrmse: values("nrmse")?,
        shown: values("shown")?,
        time: values("time")?,
        truth: values("truth")?,
        forecast: values("forecast")?,
        members: values("members")?,
        attractor_truth: values("attractor_truth")?,
        attractor_forecast: values("attractor_forecast")?,
        latent: values("latent")?,
        latent_size: match names.contains(&"latent") {
            true => file.get("latent").map_err(|error| error.to_string())?.shape.last().map_or(0, |&n| n),
            false => 0,
        },
    })
}
