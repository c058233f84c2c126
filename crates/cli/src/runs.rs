//! The runs that are meant by what was named.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use report::RunFiles;
use runner::sweep::{Sweep, is_sweep};
use runner::{Needs, Progress, Run, RunError};

/// The complete runs that `named` means: run directories, all of a sweep, and for the name of an experiment its newest
/// run with those that differ from it in the seed alone.
pub(crate) fn gather(
    named: &[String],
    runs: &Path,
    progress: &mut dyn Progress,
) -> Result<Vec<RunFiles>, RunError> {
    let (mut all, mut known) = (Vec::new(), HashSet::new());
    for name in named {
        let found = match is_sweep(Path::new(name)) {
            true => of_sweep(name, progress)?,
            false => of_experiment(name, runs)?,
        };
        for run in found {
            // by whatever path it was named
            let real = run.directory.canonicalize().unwrap_or_else(|_| run.directory.clone());
            if known.insert(real) {
                all.push(run);
            }
        }
    }
    Ok(all)
}

fn of_sweep(name: &str, progress: &mut dyn Progress) -> Result<Vec<RunFiles>, RunError> {
    let runs = Sweep::open(Path::new(name))?.runs();
    let complete: Vec<&Run> = runs.iter().flatten().collect();
    if complete.is_empty() {
        return Err(RunError::Usage(format!(
            "{name}: none of its {} entries has results yet; give its `attractor sweep` again to go on",
            runs.len()
        )));
    }
    if complete.len() < runs.len() {
        let missing = runs.len() - complete.len();
        progress.note(&format!(
            "{name}: {missing} of {} entries have no results, or none that can be read",
            runs.len()
        ));
    }
    complete.into_iter().map(|run| read(run.directory())).collect()
}

fn of_experiment(name: &str, runs: &Path) -> Result<Vec<RunFiles>, RunError> {
    let newest = read(Run::open(name, runs, Needs::Results)?.directory())?;
    let direct = newest.directory == Path::new(name);
    let siblings = if direct { Vec::new() } else { seeds_of(&newest) };
    Ok(std::iter::once(newest).chain(siblings).collect())
}

fn read(directory: &Path) -> Result<RunFiles, RunError> {
    RunFiles::read(directory).map_err(RunError::Usage)
}

/// The other complete runs beside `newest` with its settings but another seed, the newest of each.
fn seeds_of(newest: &RunFiles) -> Vec<RunFiles> {
    let folder = newest.directory.parent().unwrap_or(Path::new("."));
    let mut directories: Vec<PathBuf> = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.join("results.json").is_file() && *path != newest.directory)
        .collect();
    // their names begin with the time
    directories.sort();
    let mut found: Vec<RunFiles> = Vec::new();
    let seed = |run: &RunFiles| run.results.as_ref().map(|results| results.seed);
    for directory in directories.iter().rev() {
        // a run that cannot be read was not asked for by name
        let Ok(run) = RunFiles::read(directory) else { continue };
        let another = std::iter::once(newest).chain(&found).all(|other| seed(other) != seed(&run));
        if another && newest.differs_in_seed_alone(&run).unwrap_or(false) {
            found.push(run);
        }
    }
    found
}
