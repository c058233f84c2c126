//! The runs that are meant by what was named.

use std::path::{Path, PathBuf};

use report::RunFiles;
use runner::{Needs, Run, RunError};

/// The complete runs that `named` means: run directories, and for the name of an experiment its newest run with those
/// that differ from it in the seed alone.
pub(crate) fn gather(named: &[String], runs: &Path) -> Result<Vec<RunFiles>, RunError> {
    let mut all: Vec<RunFiles> = Vec::new();
    for name in named {
        let newest = Run::open(name, runs, Needs::Results)?;
        let newest = RunFiles::read(newest.directory()).map_err(RunError::Usage)?;
        let direct = newest.directory == Path::new(name);
        let siblings = if direct { Vec::new() } else { seeds_of(&newest).map_err(RunError::Usage)? };
        for run in std::iter::once(newest).chain(siblings) {
            if all.iter().all(|other| other.directory != run.directory) {
                all.push(run);
            }
        }
    }
    Ok(all)
}

/// The other complete runs beside `newest` with its settings but another seed, the newest of each.
fn seeds_of(newest: &RunFiles) -> Result<Vec<RunFiles>, String> {
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
        if another && newest.differs_in_seed_alone(&run)? {
            found.push(run);
        }
    }
    Ok(found)
}
