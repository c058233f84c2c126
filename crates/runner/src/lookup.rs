//! Which run a user means.

use std::path::{Path, PathBuf};

use autodiff::did_you_mean;

use crate::run::{EXPERIMENT, Needs, Run};
use crate::sweep::Sweep;
use crate::{RunError, experiments};

impl Run {
    /// The run that `named` means: a run directory, or the name of an experiment for its newest run under
    /// `runs` that has what is needed.
    ///
    /// # Errors
    /// [`RunError::Usage`] where there is none.
    pub fn open(named: &str, runs: &Path, needs: Needs) -> Result<Self, RunError> {
        let direct = Run { directory: PathBuf::from(named) };
        // Before all else: the folder of a sweep of `experiment.toml` holds a file of that name.
        if let Ok(sweep) = Sweep::open(&direct.directory) {
            let run = sweep.runs().into_iter().flatten().next();
            let such = run.map_or_else(|| sweep.folder(0).join(sweep.experiment()), |run| run.directory);
            return Err(RunError::Usage(format!(
                "{named} is a sweep, not a run; name a directory in it, such as {}",
                such.display()
            )));
        }
        if direct.directory.join(EXPERIMENT).is_file() {
            return match needs {
                _ if direct.has(needs) => Ok(direct),
                Needs::Unfinished if direct.is_complete() => Err(RunError::Usage(format!(
                    "{named} is complete: `attractor show {named}` prints its results"
                ))),
                _ if direct.is_complete() => Err(RunError::Usage(format!(
                    "{named} has lost its {}; train its experiment.toml anew",
                    needs.file()
                ))),
                _ => Err(RunError::Usage(format!(
                    "{named} has no {} yet: its training did not end; continue it with `attractor resume {named}`",
                    needs.file()
                ))),
            };
        }
        let a_name = !named.contains(std::path::is_separator) && ![".", "..", ""].contains(&named);
        let folder = runs.join(named);
        if a_name
            && folder.is_dir()
            && let Err(error) = std::fs::read_dir(&folder)
        {
            return Err(RunError::Usage(format!("{} cannot be read: {error}", folder.display())));
        }
        let found = if a_name { Run::all(runs, named) } else { Vec::new() };
        if let Some(newest) = found.iter().rfind(|run| run.has(needs)) {
            return Ok(newest.clone());
        }
        Err(RunError::Usage(if direct.directory.is_dir() {
            match Run::all(Path::new(""), named).pop() {
                Some(run) => {
                    format!("{named} is no run but a folder of some, such as {}", run.directory.display())
                }
                None => {
                    format!(
                        "{named} is not a run directory: it has no {EXPERIMENT}, which `attractor train` writes"
                    )
                }
            }
        } else if let (true, Some(stem)) =
            (direct.directory.is_file() && named.ends_with(".toml"), direct.directory.file_stem())
        {
            format!("{named} is an experiment file; say {} for the newest of its runs", stem.display())
        } else if let (Some(newest), Needs::Unfinished) = (found.last(), needs) {
            format!(
                "every run of {named} under {} is complete: `attractor show {}` prints the results of the newest",
                runs.display(),
                newest.directory.display()
            )
        } else if !found.is_empty() {
            let cure = if found.iter().all(Run::is_complete) {
                "train its experiment.toml anew".to_owned()
            } else {
                format!("continue one with `attractor resume {named}`")
            };
            format!("no run of {named} under {} has its {}: {cure}", runs.display(), needs.file())
        } else if experiments().iter().any(|(name, _)| name == named) {
            let lacks = if needs == Needs::Unfinished { "unfinished run" } else { "trained run" };
            format!("{named} has no {lacks} under {}: `attractor train {named}` makes one", runs.display())
        } else {
            let folders = std::fs::read_dir(runs).into_iter().flatten().flatten();
            let mut names: Vec<String> =
                folders.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
            names.extend(experiments().into_iter().map(|(name, _)| name));
            format!(
                "\"{named}\" is neither a run directory nor an experiment with a run under {}{}",
                runs.display(),
                did_you_mean(named, names.iter().map(String::as_str))
            )
        }))
    }
}
