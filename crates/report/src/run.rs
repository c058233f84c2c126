//! The files of a run.

use std::collections::BTreeMap;
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
    /// The settings other than the seed, as `key=value`, that differ from the experiment's file; none if that file is not
    /// known. Reading a run directory does not set this field; the caller that knows the file sets it.
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
        // A run is in a folder with the name of its experiment; a folder of new scores may be anywhere.
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

/// The arrays of `forecasts.npz` with the names of their axes. Axes with the same name have the same length.
const ARRAYS: [(&str, &[&str]); 10] = [
    ("valid_times", &["start"]),
    ("nrmse", &["start"]),
    ("shown", &["shown"]),
    ("time", &["time"]),
    ("truth", &["shown", "time", "component"]),
    ("forecast", &["shown", "time", "component"]),
    ("members", &["member", "time", "component"]),
    ("attractor_truth", &["sample", "component"]),
    ("attractor_forecast", &["sample", "component"]),
    ("latent", &["latent sample", "latent component"]),
];

/// Reads `forecasts.npz`.
///
/// # Errors
/// An array that cannot be read, or whose shape is not the one that this program writes.
fn read_forecasts(path: &Path) -> Result<Forecasts, String> {
    let file = read_npz(path).map_err(|error| error.to_string())?;
    let names: Vec<&str> = file.names().collect();
    // The length of each axis, and the array in which it was first found.
    let mut axes: BTreeMap<&str, (usize, &str)> = BTreeMap::new();
    let mut values: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for (name, expected) in ARRAYS.into_iter().filter(|(name, _)| names.contains(name)) {
        let array = file.get(name).map_err(|error| error.to_string())?;
        let fault = |why: &str| {
            format!(
                "array \"{name}\" in {} has shape {:?}, and {why}: the file is not as `attractor train` wrote it; \
                 delete it, and the run is shown without its forecasts",
                path.display(),
                array.shape
            )
        };
        if array.shape.len() != expected.len() {
            return Err(fault(&format!("its axes are [{}]", expected.join(", "))));
        }
        for (axis, &length) in expected.iter().zip(&array.shape) {
            let &mut (other, first) = axes.entry(axis).or_insert((length, name));
            if other != length {
                return Err(fault(&format!("there are {other} in the axis \"{axis}\" of \"{first}\"")));
            }
        }
        values.insert(name, array.values.clone());
    }
    let mut values = |name: &str| values.remove(name).unwrap_or_default();
    Ok(Forecasts {
        valid_times: values("valid_times"),
        nrmse: values("nrmse"),
        shown: values("shown"),
        time: values("time"),
        truth: values("truth"),
        forecast: values("forecast"),
        members: values("members"),
        attractor_truth: values("attractor_truth"),
        attractor_forecast: values("attractor_forecast"),
        latent: values("latent"),
        latent_size: axes.get("latent component").map_or(0, |&(length, _)| length),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use dataset::arrays::{Array, write_npz};

    #[test]
    fn an_array_of_another_shape_is_refused_in_a_sentence() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("forecasts.npz");
        let array = |shape: &[usize]| Array::new(shape, vec![0.5; shape.iter().product()]);
        // 4 starts, 2 shown, 3 times, 2 components, 5 samples, a latent state of 3 components
        let right: Vec<(&str, Vec<usize>)> = vec![
            ("valid_times", vec![4]),
            ("nrmse", vec![4]),
            ("shown", vec![2]),
            ("time", vec![3]),
            ("truth", vec![2, 3, 2]),
            ("forecast", vec![2, 3, 2]),
            ("members", vec![8, 3, 2]),
            ("attractor_truth", vec![5, 2]),
            ("attractor_forecast", vec![5, 2]),
            ("latent", vec![6, 3]),
        ];
        let write = |shapes: &[(&str, Vec<usize>)]| {
            let arrays: Vec<(&str, Array)> =
                shapes.iter().map(|(name, shape)| (*name, array(shape))).collect();
            let arrays: Vec<(&str, &Array)> = arrays.iter().map(|(name, array)| (*name, array)).collect();
            write_npz(&path, &arrays).unwrap();
            read_forecasts(&path)
        };
        let read = write(&right).unwrap();
        assert_eq!(
            (read.latent_size, read.latent.len(), read.members.len(), read.nrmse.len()),
            (3, 18, 48, 4)
        );
        assert_eq!(write(&[]), Ok(Forecasts::default()));
        for (i, (name, shape)) in right.iter().enumerate() {
            // a number, an axis too many, and none of any length
            for wrong in [vec![], [&shape[..], &[1]].concat(), vec![0; shape.len() + 1]] {
                let mut shapes = right.clone();
                shapes[i].1 = wrong.clone();
                let fault = write(&shapes).unwrap_err();
                let words =
                    format!("array \"{name}\" in {} has shape {wrong:?}, and its axes are [", path.display());
                assert!(fault.starts_with(&words), "{fault}");
            }
            // without it the others can be read
            let mut shapes = right.clone();
            shapes.remove(i);
            assert!(write(&shapes).is_ok(), "{name}");
        }
        for (name, shape, words) in [
            ("nrmse", vec![3], "4 in the axis \"start\" of \"valid_times\""),
            ("truth", vec![3, 3, 2], "2 in the axis \"shown\" of \"shown\""),
            ("forecast", vec![2, 4, 2], "3 in the axis \"time\" of \"time\""),
            ("members", vec![8, 3, 1], "2 in the axis \"component\" of \"truth\""),
            ("attractor_forecast", vec![4, 2], "5 in the axis \"sample\" of \"attractor_truth\""),
        ] {
            let mut shapes = right.clone();
            shapes.iter_mut().find(|(other, _)| *other == name).unwrap().1 = shape;
            let fault = write(&shapes).unwrap_err();
            assert!(fault.contains(&format!("array \"{name}\"")) && fault.contains(words), "{fault}");
        }
    }
}
