//! The runs that are meant by what was named.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use report::RunFiles;
use runner::sweep::{Sweep, is_sweep};
use runner::{Needs, Progress, Run, RunError};

/// Runs that were found by their names.
#[derive(Default)]
pub(crate) struct Gathered {
    /// Complete runs, each once.
    pub(crate) runs: Vec<RunFiles>,
    /// Runs next to them that are left out, one sentence each.
    pub(crate) left_out: Vec<String>,
}

/// The complete runs that `named` means: run directories, all of a sweep, and for the name of an experiment its newest
/// run with those that differ from it in the seed alone.
pub(crate) fn gather(
    named: &[String],
    runs: &Path,
    progress: &mut dyn Progress,
) -> Result<Gathered, RunError> {
    let (mut all, mut known) = (Gathered::default(), HashSet::new());
    for name in named {
        let found = match is_sweep(Path::new(name)) {
            true => Gathered { runs: of_sweep(name, progress)?, left_out: Vec::new() },
            false => of_experiment(name, runs)?,
        };
        for run in found.runs {
            // by whatever path it was named
            let real = run.directory.canonicalize().unwrap_or_else(|_| run.directory.clone());
            if known.insert(real) {
                all.runs.push(run);
            }
        }
        all.left_out.extend(found.left_out);
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
    complete.into_iter().map(read).collect()
}

fn of_experiment(name: &str, runs: &Path) -> Result<Gathered, RunError> {
    let newest = read(&Run::open(name, runs, Needs::Results)?)?;
    if newest.directory == Path::new(name) {
        return Ok(Gathered { runs: vec![newest], left_out: Vec::new() });
    }
    Ok(with_other_seeds(newest, runs, name))
}

fn read(run: &Run) -> Result<RunFiles, RunError> {
    let files = RunFiles::read(run.directory()).map_err(RunError::Usage)?;
    Ok(RunFiles { departures: runner::departures(run), ..files })
}

/// The newest run; for each other seed, the newest complete run next to it with the same settings; and a sentence for
/// every other run there.
fn with_other_seeds(newest: RunFiles, runs: &Path, name: &str) -> Gathered {
    let folder = newest.directory.parent().unwrap_or(Path::new(".")).to_owned();
    let mut directories: Vec<PathBuf> = std::fs::read_dir(&folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.join("results.json").is_file() && *path != newest.directory)
        .collect();
    // their names begin with the time
    directories.sort();
    let seed = |run: &RunFiles| run.results.as_ref().map(|results| results.seed);
    let mut gathered = Gathered { runs: vec![newest], left_out: Vec::new() };
    let mut others: BTreeMap<String, usize> = BTreeMap::new();
    for directory in directories.iter().rev() {
        // a run that cannot be read was not asked for by name
        let named = Run::open(&directory.to_string_lossy(), runs, Needs::Results);
        let Some(run) = named.ok().and_then(|run| read(&run).ok()) else { continue };
        let Ok(another_seed) = gathered.runs[0].differs_in_seed_alone(&run) else { continue };
        if !another_seed {
            *others.entry(run.label()).or_default() += 1;
        } else if gathered.runs.iter().any(|other| seed(other) == seed(&run)) {
            gathered.left_out.push(format!(
                "Left out, since there is a newer run of its configuration and seed: {}.",
                directory.display()
            ));
        } else {
            gathered.runs.push(run);
        }
    }
    if !others.is_empty() {
        let each: Vec<String> = others
            .iter()
            .map(|(label, count)| format!("{label} ({count} run{})", if *count == 1 { "" } else { "s" }))
            .collect();
        gathered.left_out.push(format!(
            "{name} stands for its newest configuration, {}. Older ones, which are compared where their directories in {} \
             are named: {}.",
            gathered.runs[0].label(),
            folder.display(),
            each.join("; ")
        ));
    }
    gathered
}
