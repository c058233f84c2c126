//! Looking through the folder for runs, again and again: what did not change is not read again.

use std::collections::HashMap;
use std::fs::Metadata;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use report::visible;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::curve::{Columns, Curve};
use crate::locks::{Locks, inode};

/// Folders below the one that is watched: a sweep keeps its runs in `sweeps/<sweep>/<index>/<experiment>/<run>`.
const DEPTH: usize = 6;

/// A folder of more entries than this is not one of runs; looking through it each second would keep the disk busy.
const ENTRIES: usize = 50_000;

/// Runs that are shown; a browser would not scroll smoothly through more.
const RUNS: usize = 5_000;

/// Trainings whose curves are drawn.
const CURVES: usize = 40;

/// The largest `results.json`, `experiment.toml` and `environment.json` that are read. The largest that this program
/// writes has a hundredth of it.
const LARGEST: u64 = 16 << 20;

/// What a run is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum State {
    /// It has a directory, and nobody trains it.
    Started,
    /// Its steps are being done.
    Training,
    /// Its last step is done, its results are being made.
    Scoring,
    /// It can be continued.
    Stopped,
    /// It has results.
    Complete,
    /// A file of it is not what this program writes.
    Broken,
}

/// A row of the table.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Row {
    pub(crate) key: String,
    /// The name of the folder above the run.
    pub(crate) experiment: String,
    /// The name of its directory.
    run: String,
    /// The folders above these two, such as those of a sweep.
    within: String,
    about: String,
    pub(crate) state: State,
    #[serde(skip_serializing_if = "Option::is_none")]
    step: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    steps: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    loss: Option<f64>,
    /// Median valid prediction time.
    #[serde(skip_serializing_if = "Option::is_none")]
    vpt: Option<f64>,
    /// Median error of free forecasts; one that is not finite becomes null.
    #[serde(skip_serializing_if = "Option::is_none")]
    nrmse: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fault: Option<String>,
}

/// What one look found.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) rows: Vec<Row>,
    /// Of the runs in progress, by key.
    pub(crate) curves: Vec<(String, Columns)>,
    /// What the reader should know of the whole.
    pub(crate) notes: Vec<String>,
}

/// Looks through a folder.
pub(crate) struct Scanner {
    folder: PathBuf,
    /// By path below the folder.
    known: HashMap<PathBuf, Known>,
    keys: HashMap<String, PathBuf>,
}

/// What was read of a run, and when the files were last changed that it was read from.
#[derive(Default)]
struct Known {
    experiment: (Stamp, Option<Result<Experiment, String>>),
    results: (Stamp, Option<Result<Results, String>>),
    curve: Curve,
}

/// A file that has the same is the same.
type Stamp = Option<(Option<SystemTime>, u64, Option<u64>)>;

/// What the table shows of `experiment.toml`. The rest is not looked at, so the file of another version serves too.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Experiment {
    seed: u64,
    system: Named,
    model: Named,
    train: Train,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Named {
    name: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Train {
    steps: Option<u64>,
}

/// What the table shows of `results.json`.
#[derive(Clone, Debug, Deserialize)]
struct Results {
    system: String,
    model: String,
    seed: u64,
    train: Training,
    scores: Scores,
}

#[derive(Clone, Debug, Deserialize)]
struct Training {
    seconds: f64,
    steps: u64,
    loss: Loss,
}

#[derive(Clone, Debug, Deserialize)]
struct Loss {
    validation: Option<f64>,
}

#[derive(Clone, Debug, Deserialize)]
struct Scores {
    nrmse: Median,
    vpt: Option<Median>,
}

#[derive(Clone, Debug, Deserialize)]
struct Median {
    median: Option<f64>,
}

impl Scanner {
    pub(crate) fn new(folder: PathBuf) -> Self {
        Scanner { folder, known: HashMap::new(), keys: HashMap::new() }
    }

    /// The directory of a run of the last look.
    pub(crate) fn directory(&self, key: &str) -> Option<PathBuf> {
        self.keys.get(key).map(|below| self.folder.join(below))
    }

    /// Looks through the folder.
    pub(crate) fn look(&mut self) -> Seen {
        let mut seen = Seen::default();
        let mut found = Vec::new();
        let mut left = ENTRIES;
        runs_below(&self.folder, Path::new(""), DEPTH, &mut left, &mut found);
        if left == 0 {
            seen.notes
                .push(format!("This folder holds more than {ENTRIES} entries; only these were looked at."));
        }
        if found.len() > RUNS {
            // Their names begin with the time.
            found.sort_by(|(a, _), (b, _)| b.file_name().cmp(&a.file_name()));
            found.truncate(RUNS);
            seen.notes.push(format!("There are more than {RUNS} runs; these are the newest."));
        }
        let locks = Locks::now();
        let mut before = std::mem::take(&mut self.known);
        self.keys.clear();
        for (below, experiment) in found {
            let mut known = before.remove(&below).unwrap_or_default();
            let row = known.look(&self.folder, &below, &experiment, &locks);
            if matches!(row.state, State::Training | State::Scoring) {
                seen.curves.push((row.key.clone(), known.curve.columns()));
            }
            self.keys.insert(row.key.clone(), below.clone());
            self.known.insert(below, known);
            seen.rows.push(row);
        }
        if seen.curves.len() > CURVES {
            seen.notes.push(format!(
                "{} runs are in progress; the curves of {CURVES} of them are drawn.",
                seen.curves.len()
            ));
            seen.curves.sort_by(|(a, _), (b, _)| a.cmp(b));
            seen.curves.truncate(CURVES);
        }
        seen
    }
}

/// The runs in a folder and its subfolders, with the state of their `experiment.toml`. The folder of a sweep holds a
/// copy of the swept experiment, which may have that name, too; its runs are in the folders below. Links are not
/// followed: they could lead out of the folder, or around in circles.
fn runs_below(
    root: &Path,
    below: &Path,
    depth: usize,
    left: &mut usize,
    found: &mut Vec<(PathBuf, Metadata)>,
) {
    let directory = root.join(below);
    if let Some(experiment) = plain_file(&directory.join("experiment.toml"))
        && plain_file(&directory.join("sweep.json")).is_none()
    {
        found.push((below.to_owned(), experiment));
        return;
    }
    if depth == 0 {
        return;
    }
    for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
        if *left == 0 {
            return;
        }
        *left -= 1;
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            runs_below(root, &below.join(entry.file_name()), depth - 1, left, found);
        }
    }
}

impl Known {
    fn look(&mut self, root: &Path, below: &Path, experiment: &Metadata, locks: &Locks) -> Row {
        let directory = root.join(below);
        if self.experiment.0 != stamp(experiment) {
            let read = read(&directory.join("experiment.toml"), experiment);
            let parsed = read.and_then(|text| {
                toml::from_str(&text)
                    .map_err(|error| visible(&format!("experiment.toml: {}", error.message())))
            });
            self.experiment = (stamp(experiment), Some(parsed));
        }
        let file = directory.join("results.json");
        match file.symlink_metadata() {
            Ok(metadata) if self.results.0 != stamp(&metadata) => {
                self.results = (stamp(&metadata), Some(read(&file, &metadata).and_then(json)));
            }
            Ok(_) => {}
            Err(_) => self.results = (None, None),
        }
        let mut row = Row::named(root, below);
        if let Some(Ok(experiment)) = &self.experiment.1 {
            row.about = about(&experiment.model.name, &experiment.system.name, experiment.seed);
            row.steps = experiment.train.steps;
        }
        row.fault = self.experiment.1.as_ref().and_then(|read| read.as_ref().err().cloned());
        match &self.results.1 {
            Some(Ok(results)) => {
                row.about = about(&results.model, &results.system, results.seed);
                (row.step, row.loss) = (Some(results.train.steps), results.train.loss.validation);
                row.seconds = Some(results.train.seconds);
                row.vpt = results.scores.vpt.as_ref().and_then(|vpt| vpt.median);
                row.nrmse = Some(results.scores.nrmse.median.unwrap_or(f64::INFINITY));
            }
            Some(Err(fault)) => row.fault = Some(fault.clone()),
            None => {}
        }
        if matches!(self.results.1, Some(Ok(_))) {
            // The report says the rest, and needs no curve from here.
            self.curve = Curve::default();
        } else {
            self.follow(&directory, &mut row);
        }
        row.state = self.state(&directory, experiment, locks, &row);
        row
    }

    /// How far the training has come.
    fn follow(&mut self, directory: &Path, row: &mut Row) {
        let path = directory.join("metrics.jsonl");
        match path.symlink_metadata() {
            Ok(file) if file.is_file() => self.curve.catch_up(&path, &file),
            Ok(_) => row.fault = row.fault.take().or(Some("metrics.jsonl is not a file".into())),
            Err(_) => self.curve = Curve::default(),
        }
        if let Some(last) = self.curve.last() {
            row.step = Some(last.step);
            row.loss = Some(last.validation_loss);
            row.seconds = Some(last.seconds);
        }
        row.fault = row.fault.take().or_else(|| self.curve.fault().cloned());
    }

    fn state(&self, directory: &Path, experiment: &Metadata, locks: &Locks, row: &Row) -> State {
        if matches!(self.results.1, Some(Ok(_))) {
            return State::Complete;
        }
        let changed =
            |name: &str| directory.join(name).symlink_metadata().and_then(|file| file.modified()).ok();
        let alive = [experiment.modified().ok(), changed("metrics.jsonl"), changed("checkpoints")];
        if locks.hold(experiment, alive.into_iter().flatten().max()) {
            let done = row.step.is_some() && row.step == row.steps;
            return if done { State::Scoring } else { State::Training };
        }
        let begun = row.step.is_some() || changed("checkpoints").is_some();
        match row.fault {
            Some(_) => State::Broken,
            None if begun => State::Stopped,
            None => State::Started,
        }
    }
}

impl Row {
    /// A run of which nothing but its place is known.
    pub(crate) fn named(root: &Path, below: &Path) -> Self {
        let mut hasher = DefaultHasher::new();
        below.hash(&mut hasher);
        let key = format!("{:016x}", hasher.finish());
        // The folder that is watched may itself be an experiment's, or a run.
        let path = std::path::absolute(root.join(below)).unwrap_or_default();
        let mut names = path.iter().rev().map(|name| visible(&name.to_string_lossy()));
        let (run, experiment) = (names.next().unwrap_or_default(), names.next().unwrap_or_default());
        let above = below.parent().and_then(Path::parent).unwrap_or(Path::new(""));
        Row {
            key,
            experiment,
            run,
            within: visible(&above.to_string_lossy()),
            about: String::new(),
            state: State::Started,
            step: None,
            steps: None,
            loss: None,
            vpt: None,
            nrmse: None,
            seconds: None,
            fault: None,
        }
    }
}

fn about(model: &str, system: &str, seed: u64) -> String {
    match (model, system) {
        ("", _) => String::new(),
        // of a recording, before its results name it
        (_, "") => visible(&format!("{model} on a recording, seed {seed}")),
        _ => visible(&format!("{model} on {system}, seed {seed}")),
    }
}

/// The metadata of a file that is one, rather than a link, a folder or a pipe (which would be waited for).
fn plain_file(path: &Path) -> Option<Metadata> {
    path.symlink_metadata().ok().filter(Metadata::is_file)
}

fn stamp(file: &Metadata) -> Stamp {
    Some((file.modified().ok(), file.len(), inode(file)))
}

/// The text of a file of reasonable size.
fn read(path: &Path, file: &Metadata) -> Result<String, String> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    if !file.is_file() {
        return Err(format!("{name} is not a file"));
    }
    if file.len() > LARGEST {
        return Err(format!("{name} has {} bytes, which is too large to be of this program", file.len()));
    }
    std::fs::read_to_string(path).map_err(|error| format!("{name} cannot be read: {error}"))
}

fn json<T: DeserializeOwned>(text: String) -> Result<T, String> {
    serde_json::from_str(&text)
        .map_err(|error| visible(&format!("results.json does not hold what this program writes: {error}")))
}

/// Whether the files of a run can be read for a report: what is a link, a pipe or far too large is not opened.
pub(crate) fn readable(directory: &Path) -> Result<(), String> {
    let limits = [
        ("experiment.toml", LARGEST),
        ("results.json", LARGEST),
        ("environment.json", LARGEST),
        ("metrics.jsonl", 1 << 28),
        ("forecasts.npz", 1 << 30),
    ];
    for (name, limit) in limits {
        match directory.join(name).symlink_metadata() {
            Ok(file) if !file.is_file() => return Err(format!("{name} is not a file")),
            Ok(file) if file.len() > limit => {
                return Err(format!(
                    "{name} has {} bytes, which is too large to be of this program",
                    file.len()
                ));
            }
            Ok(_) | Err(_) => {}
        }
    }
    Ok(())
}
